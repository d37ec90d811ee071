"""What a file with weights is, by the names and shapes of its tensors."""

import re
from collections import Counter
from collections.abc import Mapping
from math import prod
from pathlib import Path

from wan_desktop.core.gguf_header import GGUF_SUFFIX, read_gguf_header
from wan_desktop.core.model_folder import read_safetensors_header
from wan_desktop.core.store.disk import Disk, Stamp
from wan_desktop.core.store.found import FileKind, FoundFile

_WIDTHS = {1536: "1.3B", 3072: "5B", 5120: "14B"}
_UMT5_XXL = (256_384, 4096)
_PRECISIONS = {"F32": "fp32", "F16": "fp16", "BF16": "bf16", "F8_E4M3": "fp8", "F8_E5M2": "fp8"}
_SCALES = (".scale_weight", ".weight_scale", "scaled_fp8", ".comfy_quant")
_QUERY = re.compile(r"blocks\.\d+\.(self_attn\.q|attn1\.to_q)\.weight")
_T5 = re.compile(r"encoder\.block\.\d+\.layer\.\d+\.(SelfAttention|DenseReluDense)\..+|enc\.blk\.\d+\.attn_q\.weight")
_EMBEDDINGS = ("shared.weight", "encoder.embed_tokens.weight", "token_embedding.weight", "token_embd.weight")

_Shapes = Mapping[str, tuple[int, ...]]


def read_weights_header(disk: Disk, path: Path, stamp: Stamp) -> FoundFile:
    """What the file is by its header.

    Raises:
        IntegrityError: It is damaged, cut off, or of another kind.
        OSError: It cannot be read.
    """
    magic = bytearray(4)
    with disk.open_readonly(path) as file:
        file.pread_into(0, memoryview(magic))
    shapes: dict[str, tuple[int, ...]] = {}
    bytes_of: Counter[str] = Counter()
    kind = FileKind.GGUF if magic == b"GGUF" or path.suffix.lower() == GGUF_SUFFIX else FileKind.SAFETENSORS
    if kind == FileKind.GGUF:
        for tensor in read_gguf_header(path).tensors:
            shapes[tensor.name] = tensor.shape
            bytes_of[tensor.kind] += tensor.size_bytes
    else:
        for name, entry in read_safetensors_header(path).items():
            shapes[name] = tuple(entry["shape"])
            begin, end = entry["data_offsets"]
            bytes_of[_PRECISIONS.get(entry["dtype"], "other")] += end - begin
    (precision, _), *_ = bytes_of.most_common(1) or [("", 0)]
    if any(name.endswith(_SCALES) for name in shapes):
        precision += " scaled"
    return FoundFile(path, path, stamp.size_bytes, kind, len(shapes), _guess(shapes), precision)


def _guess(shapes: _Shapes) -> str:
    """What the tensors make together, as far as their names and shapes tell."""
    shapes = {name.removeprefix("model.").removeprefix("diffusion_model."): shape for name, shape in shapes.items()}
    if any(".lora_" in name for name in shapes):
        return "lora"
    guesses = (_guess_transformer, _guess_text_encoder, _guess_vae, _guess_image_encoder)
    return next(filter(None, (guess(shapes) for guess in guesses)), "")


def _guess_transformer(shapes: _Shapes) -> str:
    patch = shapes.get("patch_embedding.weight", ())
    query = next((shape for name, shape in shapes.items() if _QUERY.fullmatch(name)), ())
    width = (shapes.get("patch_embedding.bias") or patch or query or (0,))[0]
    if not width or not (query or "head.modulation" in shapes or "scale_shift_table" in shapes):
        return ""
    size = _WIDTHS.get(width, f"{width} wide")
    if not patch:
        return f"part of a wan {size} transformer"
    channels = prod(patch) // (width * 4)  # patches are 1 x 2 x 2, however many dimensions the file gives them
    task = {16: "t2v", 36: "i2v"}.get(channels, f"{channels}-channel")
    if channels == 48 and size == "5B":
        task = "ti2v"
    if any(name.startswith("vace_blocks.") for name in shapes):
        task = "vace"
    elif any(name.startswith("motion_encoder.") for name in shapes):
        task = "animate"
    return f"wan {size} {task} transformer"


def _guess_text_encoder(shapes: _Shapes) -> str:
    embedding = next((shapes[name] for name in _EMBEDDINGS if name in shapes), None)
    if embedding == _UMT5_XXL:
        return "umt5-xxl text encoder"
    if not any(_T5.fullmatch(name) for name in shapes):
        return ""
    return "t5 text encoder" if embedding else "part of a t5 text encoder"


def _guess_vae(shapes: _Shapes) -> str:
    for first, marker in (
        ("decoder.conv_in.weight", "decoder.norm_out.gamma"),
        ("decoder.conv1.weight", "decoder.head.0.gamma"),  # as the authors named them
    ):
        shape = shapes.get(first, ())
        if len(shape) == 5 and marker in shapes:
            return {16: "wan 2.1 vae", 48: "wan 2.2 vae"}.get(shape[1], "")
    return ""


def _guess_image_encoder(shapes: _Shapes) -> str:
    embedding = shapes.get("vision_model.embeddings.class_embedding") or shapes.get("visual.cls_embedding")
    if not embedding:
        return ""
    return "clip ViT-H image encoder" if embedding[-1] == 1280 else "clip image encoder"
