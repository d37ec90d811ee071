"""The parts of a model folder, each read into memory and nothing taken on trust."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from diffusers import AutoencoderKLWan, WanTransformer3DModel

from wan_desktop.core.errors import IncompatibleError, IntegrityError
from wan_desktop.core.gguf_header import GGUF_SUFFIX, read_gguf_header
from wan_desktop.core.load_plan import LoadPlan, Storage, VaePolicy
from wan_desktop.core.model_folder import ModelFolder, read_safetensors_header
from wan_desktop.core.words import mark, tr
from wan_desktop.engine.placement import Placer
from wan_desktop.engine.quantized import load_transformer_file
from wan_desktop.engine.weights import ReadReport, check_finite, load_diffusers_model, read_tensors, store_in_8_bits

EXPERTS = ("transformer", "transformer_2")
_SAMPLE_BYTES = 256
_PROBES = 32
_SMALLEST_PART_OF_VOCABULARY = 0.9
"""UMT5's tokenizer has 256,300 ids and its text encoder 256,384; one without its file has some 100."""
_LEFT_OVER = {"image_encoder": {"visual_projection.weight"}}
"""By its size, the official file of Wan2.1 I2V holds it: CLIP's projection, which Wan does not use."""
_WRONG_KEYS = {
    "missing_keys": mark("missing keys"),
    "mismatched_keys": mark("mismatched keys"),
    "unexpected_keys": mark("unexpected keys"),
}
_DOWNLOAD_AGAIN = mark("Get the model again, or choose another folder.")


class ReadBytes:
    """Counts what was read, says so, and lets a cancel through."""

    def __init__(
        self, total_bytes: int, progress: Callable[[int, int], None], check_cancelled: Callable[[], None]
    ) -> None:
        self._done_bytes, self._total_bytes = 0, total_bytes
        self._progress, self._check_cancelled = progress, check_cancelled
        progress(0, total_bytes)

    def __call__(self, count: int) -> None:
        """So many bytes more."""
        self._done_bytes += count
        self._check_cancelled()
        self._progress(self._done_bytes, self._total_bytes)


def size_bytes(folder: ModelFolder, *names: str) -> int:
    """Size on disk of these components' weights."""
    return sum(file.stat().st_size for name in names for file in folder.weight_files.get(name, ()))


def check_plan(folder: ModelFolder, plan: LoadPlan) -> None:
    """Look for what contradicts itself.

    Raises:
        IncompatibleError: Weights that are quantised already cannot be stored in 8 bits.
    """
    files = [file for name in EXPERTS for file in folder.weight_files.get(name, ())]
    if plan.storage == Storage.FP8 and any(file.suffix.lower() == GGUF_SUFFIX for file in files):
        raise IncompatibleError(
            tr("GGUF files are quantised already; their weights cannot be stored in 8 bits."),
            hint=tr("Use the file as it is, or the model's own weights."),
        )


def check_experts_differ(folder: ModelFolder) -> None:
    """Compare the two experts by the beginning of each tensor.

    Raises:
        IntegrityError: They are the same: the low-noise steps would be done by the high-noise expert, or the reverse.
    """
    if folder.has_two_experts and _sample(folder.weight_files[EXPERTS[0]]) == _sample(folder.weight_files[EXPERTS[1]]):
        raise IntegrityError(
            tr("Both transformers of {path} have the same weights; one of them is the other's copy.", path=folder.path),
            hint=tr(_DOWNLOAD_AGAIN),
        )


def _sample(files: tuple[Path, ...]) -> str:
    """A hash over all tensors' names and first bytes, whatever file each is in."""
    parts: dict[str, bytes] = {}
    for file in files:
        with file.open("rb") as stream:
            for name, offset, count in _tensors(file):
                stream.seek(offset)
                parts[name] = stream.read(min(count, _SAMPLE_BYTES))
    digest = hashlib.sha256()
    for name, data in sorted(parts.items()):
        digest.update(name.encode() + b"\n" + data)
    return digest.hexdigest()


def _tensors(file: Path) -> list[tuple[str, int, int]]:
    """Name, place and size of each tensor."""
    if file.suffix.lower() == GGUF_SUFFIX:
        return [(tensor.name, tensor.offset, tensor.size_bytes) for tensor in read_gguf_header(file).tensors]
    header = read_safetensors_header(file)
    with file.open("rb") as stream:
        start = 8 + int.from_bytes(stream.read(8), "little")
    spans = {name: entry["data_offsets"] for name, entry in header.items()}
    return [(name, start + begin, end - begin) for name, (begin, end) in spans.items()]


def load_transformer(
    folder: ModelFolder, plan: LoadPlan, name: str, dtype: torch.dtype, placer: Placer, report: ReadReport
) -> Any:
    """`transformer` or `transformer_2`, each tensor where it belongs as soon as it is read.

    Raises:
        IntegrityError: The files are not what they should be.
        IncompatibleError: Weights too large for 8 bits.
    """

    def prepare(model: Any) -> None:
        if plan.storage == Storage.FP8:
            store_in_8_bits(model, dtype)

    files = folder.weight_files[name]
    if plan.transformer_files:
        model = load_transformer_file(
            folder.path, name, files[0], dtype=dtype, report=report, prepare=prepare, keep=placer.keep
        )
    else:
        model = load_diffusers_model(
            WanTransformer3DModel,
            folder.path / name,
            files,
            dtype=dtype,
            report=report,
            prepare=prepare,
            keep=placer.keep,
        )
    placer.settle(model)
    return model


def load_vae(folder: ModelFolder, plan: LoadPlan, device: torch.device, placer: Placer, report: ReadReport) -> Any:
    """The VAE. Its encoder is always float32: in start images half precision shows.

    Raises:
        IntegrityError: The files are not what they should be.
    """
    files = folder.weight_files["vae"]
    vae = load_diffusers_model(AutoencoderKLWan, folder.path / "vae", files, dtype=torch.float32, report=report)
    if plan.vae == VaePolicy.BFLOAT16 or (plan.vae == VaePolicy.TILED and device.type == "cuda"):
        vae.decoder.to(torch.bfloat16)
        vae.post_quant_conv.to(torch.bfloat16)
    placer.settle(vae)
    return vae


def load_text_encoder(folder: ModelFolder, dtype: torch.dtype, report: ReadReport) -> Any:
    """UMT5, on the CPU.

    Raises:
        IntegrityError: The files are not what they should be.
    """
    kind, config = transformers.UMT5EncoderModel, transformers.UMT5Config
    return _load_encoder(folder, "text_encoder", kind, config, dtype, report)


def load_image_encoder(folder: ModelFolder, placer: Placer, report: ReadReport) -> tuple[Any, Any]:
    """CLIP and its image processor.

    Raises:
        IntegrityError: The files are not what they should be.
    """
    # Float32, as diffusers' documentation asks for: half precision shows in the picture.
    kind, config = transformers.CLIPVisionModel, transformers.CLIPVisionConfig
    encoder = _load_encoder(folder, "image_encoder", kind, config, torch.float32, report)
    placer.settle(encoder)
    path = folder.path / "image_processor"
    return encoder, transformers.CLIPImageProcessor.from_pretrained(path, local_files_only=True)


def _load_encoder(
    folder: ModelFolder,
    name: str,
    model_class: type[Any],
    config_class: type[Any],
    dtype: torch.dtype,
    report: ReadReport,
) -> Any:
    """A text or image encoder.

    The tensors are read here; its own library renames old ones and ties those that are shared. What it only warns about
    is an error.
    """
    path = folder.path / name
    kept = set(getattr(model_class, "_keep_in_fp32_modules", None) or ())
    tensors: dict[str, torch.Tensor] = {}
    for file in folder.weight_files[name]:
        for key, tensor in read_tensors(file, report):
            if key in _LEFT_OVER.get(name, ()):
                continue
            tensors[key] = tensor if kept.intersection(key.split(".")) else tensor.to(dtype)
    model, info = model_class.from_pretrained(
        None,
        config=config_class.from_pretrained(path, local_files_only=True),
        state_dict=tensors,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    for kind, words in _WRONG_KEYS.items():
        if info[kind]:
            key = sorted(str(key) for key in info[kind])[0]
            raise IntegrityError(
                tr(
                    "{name}: {number} {kind}, {key} among them.",
                    name=name,
                    number=len(info[kind]),
                    kind=tr(words),
                    key=key,
                ),
                hint=tr(_DOWNLOAD_AGAIN),
            )
    check_finite(model, path)
    model.requires_grad_(False)
    return model.eval()


def load_tokenizer(folder: ModelFolder) -> Any:
    """The tokenizer, if it knows words and fits the text encoder.

    Raises:
        IntegrityError: Without its file, or with another's, transformers loads one that gives every prompt the same
            ids, or ids that mean other words.
    """
    path = folder.path / "tokenizer"
    tokenizer = transformers.T5TokenizerFast.from_pretrained(path, local_files_only=True)
    config = transformers.UMT5Config.from_pretrained(folder.path / "text_encoder", local_files_only=True)
    count, expected = len(tokenizer), int(config.vocab_size)
    if not _SMALLEST_PART_OF_VOCABULARY * expected <= count <= expected:
        raise IntegrityError(
            tr(
                "The tokenizer in {path} knows {count} pieces of words, the text encoder {expected}.",
                path=path,
                count=count,
                expected=expected,
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    special = set(tokenizer.all_special_tokens)
    pieces = [piece for piece in list(tokenizer.get_vocab())[: 4 * _PROBES] if piece not in special]
    texts = [tokenizer.convert_tokens_to_string([piece]) for piece in pieces]
    found = {token for text in texts for token in tokenizer(text, add_special_tokens=False).input_ids}
    if not found - set(tokenizer.all_special_ids):
        raise IntegrityError(
            tr("The tokenizer in {path} does not know its own words.", path=path), hint=tr(_DOWNLOAD_AGAIN)
        )
    return tokenizer
