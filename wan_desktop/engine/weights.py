"""Weights from safetensors files into diffusers' models: one tensor at a time, every one accounted for.

`from_pretrained` maps the files lazily (its progress is not real, and a file that changes underneath kills the
process), only warns about tensors that are missing or left over, and cannot be cancelled. This reads with plain reads:
memory is the model plus one tensor.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import ModelMixin
from torch import Tensor, nn

from wan_desktop.core.errors import IntegrityError, NotAWanModelError
from wan_desktop.core.model_folder import read_safetensors_header

ReadReport = Callable[[int], None]
"""Told the number of bytes just read; may raise JobCancelled."""

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_DOWNLOAD_AGAIN = "Get the model again, or choose another folder."


def load_diffusers_model(
    model_class: type[ModelMixin], folder: Path, files: Iterable[Path], *, dtype: torch.dtype, report: ReadReport
) -> Any:
    """A model of that class with the weights of the files, on the CPU, in evaluation mode.

    Args:
        model_class: WanTransformer3DModel or AutoencoderKLWan.
        folder: Holds config.json.
        files: All weight files of the component.
        dtype: Of the weights, except those the class keeps in float32.
        report: Told what was read.

    Raises:
        IntegrityError: A tensor is missing, left over, of another shape, or not finite.
        NotAWanModelError: The weights are in a number format this loader does not read.
    """
    config = model_class.load_config(folder, local_files_only=True)
    with init_empty_weights(include_buffers=False):
        model: Any = model_class.from_config(config)
    wanted = dict(model.named_parameters())
    kept_in_float32 = frozenset(getattr(model_class, "_keep_in_fp32_modules", None) or ())
    for file in files:
        for name, tensor in _read_tensors(file, report):
            expected = wanted.pop(name, None)
            if expected is None:
                _refuse_left_over(model_class, name, file)
                continue
            if tensor.shape != expected.shape:
                raise IntegrityError(
                    f"{name} in {file.name} has the shape {tuple(tensor.shape)}; "
                    f"the config says {tuple(expected.shape)}.",
                    hint=_DOWNLOAD_AGAIN,
                )
            _put(model, name, tensor.to(torch.float32 if kept_in_float32 & set(name.split(".")) else dtype))
    if wanted:
        raise IntegrityError(
            f"{len(wanted)} tensors are missing in {folder}, {next(iter(wanted))} among them.", hint=_DOWNLOAD_AGAIN
        )
    model.requires_grad_(False)
    return model.eval()


def check_finite(model: nn.Module, folder: Path) -> None:
    """Look for weights that are not numbers.

    Raises:
        IntegrityError: There is one.
    """
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise IntegrityError(f"{name} in {folder} holds values that are not numbers.", hint=_DOWNLOAD_AGAIN)


def _read_tensors(file: Path, report: ReadReport) -> Iterable[tuple[str, Tensor]]:
    header = read_safetensors_header(file)
    with file.open("rb", buffering=0) as stream:
        start = 8 + int.from_bytes(stream.read(8), "little")
        for name, entry in sorted(header.items(), key=lambda item: int(item[1]["data_offsets"][0])):
            dtype = _DTYPES.get(entry["dtype"])
            if dtype is None:
                # fp8 files mostly carry scales of their own; loaded as they are, their weights are wrong by those
                # scales.
                raise NotAWanModelError(
                    f"{file.name} holds {entry['dtype']} numbers, which are not read here.",
                    hint="Use a 16- or 32-bit version.",
                )
            begin, end = (int(offset) for offset in entry["data_offsets"])
            yield name, _read_tensor(stream, start + begin, end - begin, dtype, entry["shape"], file)
            report(end - begin)


def _read_tensor(stream: Any, offset: int, size_bytes: int, dtype: torch.dtype, shape: list[int], file: Path) -> Tensor:
    tensor = torch.empty(shape, dtype=dtype)
    if tensor.nbytes != size_bytes:
        raise IntegrityError(
            f"A tensor in {file.name} has {size_bytes} bytes instead of {tensor.nbytes}.", hint=_DOWNLOAD_AGAIN
        )
    view = memoryview(tensor.view(-1).view(torch.uint8).numpy().data)
    stream.seek(offset)
    done = 0
    while done < size_bytes:
        count = stream.readinto(view[done:])
        if not count:
            raise IntegrityError(f"{file.name} ended while it was read.", hint=_DOWNLOAD_AGAIN)
        done += count
    if not torch.isfinite(tensor).all():
        raise IntegrityError(f"A tensor in {file.name} holds values that are not numbers.", hint=_DOWNLOAD_AGAIN)
    return tensor


def _refuse_left_over(model_class: type[ModelMixin], name: str, file: Path) -> None:
    patterns = getattr(model_class, "_keys_to_ignore_on_load_unexpected", None) or ()
    if not any(re.search(pattern, name) for pattern in patterns):
        raise IntegrityError(f"{file.name} holds {name}, which the model does not have.", hint=_DOWNLOAD_AGAIN)


def _put(model: nn.Module, name: str, tensor: Tensor) -> None:
    path, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(path), leaf, nn.Parameter(tensor, requires_grad=False))
