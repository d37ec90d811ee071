"""Weights from safetensors files into diffusers' models: one tensor at a time, every one accounted for.

`from_pretrained` maps the files lazily (its progress is not real, and a file that changes underneath kills the
process), only warns about tensors that are missing or left over, and cannot be cancelled. This reads with plain reads:
memory is the model plus one tensor.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import ModelMixin
from torch import Tensor, nn

from wan_desktop.core.errors import IncompatibleError, IntegrityError, NotAWanModelError
from wan_desktop.core.model_folder import read_safetensors_header
from wan_desktop.core.words import mark, tr, trn

ReadReport = Callable[[int], None]
"""Told the number of bytes just read; may raise JobCancelled."""
Keeper = Callable[[nn.Module, str], None]
"""Told model and name of each parameter as soon as it is loaded; may put its numbers elsewhere."""

DTYPES: Mapping[str, torch.dtype] = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""By their names in safetensors and GGUF: those whose numbers are the weights themselves."""
FLOAT8 = torch.float8_e4m3fn
_LARGEST_FLOAT8 = 448.0
"""torch.finfo(float8_e4m3fn).max; what is above it would be cut to it."""
_NAME_LENGTH = 200  # of a file's names in messages
_DOWNLOAD_AGAIN = mark("Get the model again, or choose another folder.")


def keep_all(*_: object) -> None:
    """Leave everything where it is."""


def load_diffusers_model(
    model_class: type[ModelMixin],
    folder: Path,
    files: Iterable[Path],
    *,
    dtype: torch.dtype,
    report: ReadReport,
    prepare: Callable[[Any], None] = keep_all,
    keep: Keeper = keep_all,
) -> Any:
    """A model of that class with the weights of the files, in evaluation mode; on the CPU, unless `keep` moves them.

    Args:
        model_class: WanTransformer3DModel or AutoencoderKLWan.
        folder: Holds config.json.
        files: All weight files of the component.
        dtype: Of the weights, except those the class keeps in float32.
        report: Told what was read.
        prepare: Given the model without weights, before they come.
        keep: Told of each parameter.

    Raises:
        IntegrityError: A tensor is missing, left over, of another shape, or not finite.
        NotAWanModelError: The weights are in a number format this loader does not read.
        IncompatibleError: See `put_tensor`.
    """
    model = empty_model(model_class, folder)
    prepare(model)
    missing = MissingTensors(model)
    for file in files:
        for name, tensor in read_tensors(file, report):
            if missing.take(name, tensor.shape, file):
                put_tensor(model, name, tensor, dtype)
                keep(model, name)
    missing.check_none_left(folder)
    model.requires_grad_(False)
    return model.eval()


def empty_model(model_class: type[ModelMixin], folder: Path) -> Any:
    """A model as the folder's config says, its weights without memory."""
    config = model_class.load_config(folder, local_files_only=True)
    with init_empty_weights(include_buffers=False):
        return model_class.from_config(config)


class MissingTensors:
    """What a model still lacks."""

    def __init__(self, model: Any) -> None:
        self._shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
        self._ignored = tuple(getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ())

    def shape(self, name: str) -> tuple[int, ...] | None:
        """What is wanted under that name, if anything."""
        return self._shapes.get(name)

    def take(self, name: str, shape: Sequence[int], file: Path) -> bool:
        """Cross the tensor off; False for one that the model does without.

        Raises:
            IntegrityError: The model has no such tensor, has it already, or in another shape.
        """
        expected = self._shapes.pop(name, None)
        if expected is None:
            if any(re.search(pattern, name) for pattern in self._ignored):
                return False
            raise IntegrityError(
                tr(
                    "{file} holds {name}, which the model does not have, or holds it twice.",
                    file=file.name,
                    name=name[:_NAME_LENGTH],
                ),
                hint=tr(_DOWNLOAD_AGAIN),
            )
        if tuple(shape) != expected:
            raise IntegrityError(
                tr(
                    "{name} in {file} has the shape {shape}; the config says {expected}.",
                    name=name,
                    file=file.name,
                    shape=tuple(shape),
                    expected=expected,
                ),
                hint=tr(_DOWNLOAD_AGAIN),
            )
        return True

    def check_none_left(self, where: Path) -> None:
        """Look whether all were taken.

        Raises:
            IntegrityError: Some were not.
        """
        if self._shapes:
            raise IntegrityError(
                trn(
                    "A tensor is missing in {where}: {example}.",
                    "{count} tensors are missing in {where}, {example} among them.",
                    len(self._shapes),
                    where=where,
                    example=next(iter(self._shapes)),
                ),
                hint=tr(_DOWNLOAD_AGAIN),
            )


def put_tensor(model: Any, name: str, tensor: Tensor, dtype: torch.dtype) -> None:
    """Make the tensor the model's parameter of that name, in that number format.

    Not so what is to stay in float32, and what was prepared to lie in 8 bits (`store_in_8_bits`).

    Raises:
        IncompatibleError: It holds numbers too large for 8 bits.
    """
    path, _, leaf = name.rpartition(".")
    keeps_float32 = not set(getattr(model, "_keep_in_fp32_modules", None) or ()).isdisjoint(name.split("."))
    value = tensor.to(torch.float32 if keeps_float32 else dtype)
    if model.get_parameter(name).dtype == FLOAT8:
        if value.numel() and float(value.abs().max()) > _LARGEST_FLOAT8:
            raise IncompatibleError(
                tr("{name} holds numbers too large for 8 bits.", name=name),
                hint=tr("Keep the model's weights in 16 bits."),
            )
        value = value.to(FLOAT8)
    setattr(model.get_submodule(path), leaf, nn.Parameter(value, requires_grad=False))


def store_in_8_bits(model: Any, dtype: torch.dtype) -> None:
    """Let the layers keep their weights as float8_e4m3fn and compute in `dtype`; for a model without weights yet.

    diffusers' hooks do it. It leaves out embeddings, norms and what must stay in float32.
    """
    model.enable_layerwise_casting(storage_dtype=FLOAT8, compute_dtype=dtype)


def check_finite(model: nn.Module, folder: Path) -> None:
    """Look for weights that are not numbers.

    Raises:
        IntegrityError: There is one.
    """
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise IntegrityError(
                tr("{name} in {folder} holds values that are not numbers.", name=name, folder=folder),
                hint=tr(_DOWNLOAD_AGAIN),
            )


def read_tensors(
    file: Path,
    report: ReadReport,
    *,
    dtypes: Mapping[str, torch.dtype] = DTYPES,
    names: Collection[str] | None = None,
) -> Iterable[tuple[str, Tensor]]:
    """The tensors of a safetensors file in the order in which they lie there, each checked to be finite.

    Args:
        file: The file.
        report: Told the size of each tensor once its taker is done with it.
        dtypes: Number formats that are read, by their names in the file.
        names: Which tensors; all if not given.

    Raises:
        IntegrityError: The file is damaged.
        NotAWanModelError: A tensor is in another number format.
    """
    header = read_safetensors_header(file)
    with file.open("rb", buffering=0) as stream:
        start = 8 + int.from_bytes(stream.read(8), "little")
        for name, entry in sorted(header.items(), key=lambda item: int(item[1]["data_offsets"][0])):
            if names is not None and name not in names:
                continue
            dtype = dtypes.get(entry["dtype"])
            if dtype is None:
                # fp8 files mostly carry scales of their own; loaded as they are, their weights are wrong by those
                # scales.
                raise NotAWanModelError(
                    tr("{file} holds {dtype} numbers, which are not read here.", file=file.name, dtype=entry["dtype"]),
                    hint=tr("Use a 16- or 32-bit version."),
                )
            begin, end = (int(offset) for offset in entry["data_offsets"])
            if prod(entry["shape"]) * dtype.itemsize != end - begin:
                raise IntegrityError(
                    tr(
                        "A tensor in {file} has {size_bytes} bytes, which does not fit its shape.",
                        file=file.name,
                        size_bytes=end - begin,
                    ),
                    hint=tr(_DOWNLOAD_AGAIN),
                )
            yield name, read_tensor(stream, start + begin, entry["shape"], dtype, file, name)
            report(end - begin)


def read_tensor(
    stream: Any, offset: int, shape: Sequence[int], dtype: torch.dtype, file: Path, name: str = ""
) -> Tensor:
    """One tensor from that place of the file, called `name` in messages.

    Raises:
        IntegrityError: The file ended, or a value is not a number.
    """
    tensor = torch.empty(tuple(shape), dtype=dtype)
    read_into(stream, offset, tensor, file.name)
    # torch cannot say it of 8-bit floats.
    is_float8 = dtype.is_floating_point and dtype.itemsize == 1
    if not torch.isfinite(tensor.float() if is_float8 else tensor).all():
        raise IntegrityError(
            tr(
                "{name} in {file} holds values that are not numbers.",
                name=name[:_NAME_LENGTH] or tr("A tensor"),
                file=file.name,
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    return tensor


def bytes_of(tensor: Tensor) -> memoryview:
    """The memory of a contiguous tensor on the CPU."""
    return memoryview(tensor.view(-1).view(torch.uint8).numpy().data)


def read_into(stream: Any, offset: int, tensor: Tensor, name: str) -> None:
    """Fill the tensor from that place of the file.

    Raises:
        IntegrityError: The file, called `name`, ended.
    """
    view = bytes_of(tensor)
    stream.seek(offset)
    done = 0
    while done < tensor.nbytes:
        count = stream.readinto(view[done:])
        if not count:
            raise IntegrityError(tr("{name} ended while it was read.", name=name), hint=tr(_DOWNLOAD_AGAIN))
        done += count
