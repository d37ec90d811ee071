"""A transformer from a single file instead of its folder: GGUF, or safetensors with 8-bit numbers and scales.

People pass these files around with the tensor names of Wan's own code. GGUF stays quantised in memory: diffusers'
linear layers turn a weight back when they use it. 8-bit safetensors become plain weights while they are read.
diffusers' `from_single_file` alone does not do: it ignores the scales of 8-bit files, takes 16-bit numbers where
float32 must stay, only warns about tensors that are left over, and cannot be cancelled.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from torch import Tensor, nn

from wan_desktop.core.errors import IntegrityError, NotAWanModelError
from wan_desktop.core.gguf_header import GGUF_SUFFIX, GGUF_TYPES, GgufTensor, read_gguf_header
from wan_desktop.core.model_folder import read_safetensors_header
from wan_desktop.core.words import mark, tr
from wan_desktop.engine.weights import (
    DTYPES,
    Keeper,
    MissingTensors,
    ReadReport,
    empty_model,
    keep_all,
    put_tensor,
    read_tensor,
    read_tensors,
)

_DTYPES = {**DTYPES, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}
_PREFIXES = ("model.diffusion_model.", "diffusion_model.")
_ONLY_IN_ORIGINAL = (".self_attn.", "head.modulation", "head.head.")
_OTHER_WAN_MODELS = ("face_adapter", "motion_encoder")
_SCALES = (".scale_weight", ".weight_scale")
_MARKER = "scaled_fp8"
_WITHOUT_MEANING_HERE = (".scale_input", ".input_scale", ".comfy_quant")
"""How ComfyUI multiplies in 8 bits, which is not done here."""
_FLOAT16_FIELDS = {
    "Q4_0": (0,),
    "Q4_1": (0, 2),
    "Q5_0": (0,),
    "Q5_1": (0, 2),
    "Q8_0": (0,),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q4_K": (0, 2),
    "Q5_K": (0, 2),
    "Q6_K": (208,),
    "IQ4_NL": (0,),
    "IQ4_XS": (0,),
}
"""Where in its blocks each GGUF format has its scales, in bytes."""
_SAFE_SCALE = 8.0
"""Times the largest whole number that any format multiplies it with, 4096, it is below the end of float16."""
_DOWNLOAD_AGAIN = mark("Get this file again, or use the model's own weights.")


def load_transformer_file(
    folder: Path,
    component: str,
    file: Path,
    *,
    dtype: torch.dtype,
    report: ReadReport,
    prepare: Callable[[Any], None] = keep_all,
    keep: Keeper = keep_all,
) -> Any:
    """The transformer that the folder's config describes, with the weights of that file; on the CPU, unless moved.

    Args:
        folder: The model folder.
        component: `transformer` or `transformer_2`; its config is read.
        file: GGUF or safetensors, with Wan's own tensor names or those of diffusers.
        dtype: To compute in.
        report: Told what was read.
        prepare: Given the model without weights, before they come; not for GGUF.
        keep: Told of each parameter as it comes; not for GGUF, whose weights come all at once.

    Raises:
        IntegrityError: The file is damaged, is of another model, or a value is not a number.
        NotAWanModelError: It is of another kind, or in a number format that is not read.
        IncompatibleError: See `put_tensor`.
    """
    if file.suffix.lower() == GGUF_SUFFIX:
        model = _load_gguf(folder, component, file, dtype, report)
    else:
        model = _load_safetensors(folder, component, file, dtype, report, prepare, keep)
    model.requires_grad_(False)
    return model.eval()


def diffusers_names(names: Iterable[str]) -> dict[str, str]:
    """What diffusers calls each tensor of a file, by what the file calls it."""
    plain = {name: _without_prefix(name) for name in names}
    # diffusers' renaming swaps norm2 and norm3, so names that are diffusers' already must not go through it.
    if not any(part in name for name in plain.values() for part in _ONLY_IN_ORIGINAL):
        return plain
    return {name: _diffusers_name(short) for name, short in plain.items()}


def _without_prefix(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _diffusers_name(name: str) -> str:
    if name == "img_emb.emb_pos":  # of the models for first and last frame; unknown to diffusers' renaming
        return "condition_embedder.image_embedder.pos_embed"
    if any(word in name for word in _OTHER_WAN_MODELS):
        return name  # diffusers' renaming would look into the tensor; the model has none of these
    return str(next(iter(convert_wan_transformer_to_diffusers({name: None}))))


def _match(model: Any, shapes: Mapping[str, Sequence[int]], file: Path) -> dict[str, str]:
    """Diffusers' name of each tensor that the model wants; all of them are there, and nothing else.

    Raises:
        IntegrityError: See `MissingTensors`.
        NotAWanModelError: None is there.
    """
    names = diffusers_names(shapes)
    missing = MissingTensors(model)
    if all(missing.shape(name) is None for name in names.values()):
        raise NotAWanModelError(
            tr("{file} holds none of the tensors of a Wan transformer.", file=file.name),
            hint=tr("Choose a file made from this model."),
        )
    wanted = {}
    for name, shape in shapes.items():
        expected = missing.shape(names[name])
        # llama.cpp's tools drop leading dimensions of 1.
        same = expected is not None and _without_leading_ones(expected) == _without_leading_ones(shape)
        if missing.take(names[name], expected if same and expected else shape, file):
            wanted[name] = names[name]
    missing.check_none_left(file)
    return wanted


def _without_leading_ones(shape: Sequence[int]) -> tuple[int, ...]:
    first = next((index for index, side in enumerate(shape) if side != 1), len(shape))
    return tuple(shape[first:])


def _load_gguf(folder: Path, component: str, file: Path, dtype: torch.dtype, report: ReadReport) -> Any:
    from diffusers import GGUFQuantizationConfig  # noqa: PLC0415 - half a second that only these files need

    header = read_gguf_header(file)
    empty = empty_model(WanTransformer3DModel, folder / component)
    names = _match(empty, {tensor.name: tensor.shape for tensor in header.tensors}, file)
    tensors = {}
    with file.open("rb", buffering=0) as stream:
        for tensor in header.tensors:
            if tensor.name in names:
                name = names[tensor.name]
                tensors[name] = read_gguf_tensor(stream, tensor, file, quantised=_stays_quantised(empty, name))
                if not hasattr(tensors[name], "quant_type"):
                    tensors[name] = tensors[name].view(empty.get_parameter(name).shape)
            report(tensor.size_bytes)
    return WanTransformer3DModel.from_single_file(
        tensors,
        quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
        config=str(folder),
        subfolder=component,
        dtype=dtype,
        local_files_only=True,
    )


def _stays_quantised(model: Any, name: str) -> bool:
    """Only weights of linear layers can: anything else diffusers would use as the bytes that it is.

    Those of layers that must stay in float32 it turns back by itself.
    """
    path, _, leaf = name.rpartition(".")
    return leaf == "weight" and isinstance(model.get_submodule(path), nn.Linear)


def read_gguf_tensor(stream: Any, tensor: GgufTensor, file: Path, *, quantised: bool) -> Tensor:
    """The tensor as diffusers wants it: quantised blocks as its own kind of parameter, plain numbers as they are.

    Args:
        stream: The file, opened.
        tensor: Which, as the header says.
        file: For messages.
        quantised: Leave blocks as they are; else they are turned back.

    Raises:
        IntegrityError: The file ended, or a value is not a number.
    """
    if tensor.kind in DTYPES:
        return read_tensor(stream, tensor.offset, tensor.shape, DTYPES[tensor.kind], file)
    import gguf  # noqa: PLC0415 - see _load_gguf
    from diffusers.quantizers.gguf.utils import GGUFParameter, dequantize_gguf_tensor  # noqa: PLC0415

    kind = next(kind for kind in GGUF_TYPES.values() if kind.name == tensor.kind)
    shape = (*tensor.shape[:-1], tensor.shape[-1] // kind.block * kind.block_bytes)
    blocks = read_tensor(stream, tensor.offset, shape, torch.uint8, file)
    parameter = GGUFParameter(blocks, quant_type=gguf.GGMLQuantizationType[tensor.kind])
    # Turning every weight back takes minutes for 14B; with small scales it cannot overflow.
    safe = _largest_scale(blocks.view(-1, kind.block_bytes), tensor.kind) <= _SAFE_SCALE
    weight = None if safe and quantised else dequantize_gguf_tensor(parameter)
    if weight is not None and not torch.isfinite(weight).all():
        raise IntegrityError(
            tr("{tensor} in {file} holds values that are not numbers.", tensor=tensor.name, file=file.name),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    return parameter if quantised or weight is None else weight


def _largest_scale(blocks: Tensor, kind: str) -> float:
    """Of all blocks, `(blocks, bytes)`; not a number if one is not."""
    fields = [blocks[:, offset : offset + 2].contiguous().view(torch.float16) for offset in _FLOAT16_FIELDS[kind]]
    return float(torch.cat(fields).abs().max())


def _load_safetensors(
    folder: Path,
    component: str,
    file: Path,
    dtype: torch.dtype,
    report: ReadReport,
    prepare: Callable[[Any], None],
    keep: Keeper,
) -> Any:
    header = read_safetensors_header(file)
    scale_names = _scales(header, file)
    extras = {name for name in header if name.endswith(_WITHOUT_MEANING_HERE) or _without_prefix(name) == _MARKER}
    is_scaled = bool(scale_names or extras)
    extras.update(scale_names.values())
    model = empty_model(WanTransformer3DModel, folder / component)
    prepare(model)
    names = _match(model, {name: entry["shape"] for name, entry in header.items() if name not in extras}, file)
    scales = dict(read_tensors(file, report, names=set(scale_names.values())))
    for name, tensor in read_tensors(file, report, dtypes=_DTYPES, names=names):
        weight = tensor
        if name in scale_names:
            weight = _scaled(tensor, scales[scale_names[name]], scale_names[name], file)
        elif is_scaled and tensor.itemsize == 1:
            raise IntegrityError(
                tr("{name} in {file} has no scale, unlike the others.", name=name, file=file.name),
                hint=tr(_DOWNLOAD_AGAIN),
            )
        put_tensor(model, names[name], weight.view(model.get_parameter(names[name]).shape), dtype)
        keep(model, names[name])
    return model


def _scales(header: Mapping[str, Any], file: Path) -> dict[str, str]:
    """The name of each weight's scale."""
    scales: dict[str, str] = {}
    for name in header:
        suffix = next((suffix for suffix in _SCALES if name.endswith(suffix)), None)
        if suffix is None:
            continue
        weight = f"{name.removesuffix(suffix)}.weight"
        if weight in scales or weight not in header:
            problem = tr("has two scales") if weight in scales else tr("has a scale, but is not there")
            raise IntegrityError(f"{weight[:200]} in {file.name} {problem}.", hint=tr(_DOWNLOAD_AGAIN))
        scales[weight] = name
    return scales


def _scaled(tensor: Tensor, scale: Tensor, name: str, file: Path) -> Tensor:
    """The weight, float32: scaled as a whole, or each row by its own."""
    if scale.numel() not in (1, tensor.shape[0] if tensor.ndim else 1):
        raise IntegrityError(
            tr(
                "{name} in {file} has the shape {shape}; one number, or one a row, was due.",
                name=name,
                file=file.name,
                shape=tuple(scale.shape),
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    if (scale.float() < 0).any() or not scale.float().any():
        raise IntegrityError(
            tr("{name} in {file} is zero or negative; no scale is.", name=name, file=file.name),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    weight = tensor.float() * scale.float().view(-1, *(1,) * (tensor.ndim - 1))
    if not torch.isfinite(weight).all():
        raise IntegrityError(
            tr("{name} in {file} makes weights that are not numbers.", name=name, file=file.name),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    return weight
