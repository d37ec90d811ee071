"""A text encoder that never lies in memory as a whole: each layer is read from disk when its turn comes.

UMT5 has 5.7 billion weights, more than all else that a small PC has to hold. It computes on the CPU in float32, which
needs no card and is the fast format there; of the embeddings only the rows of the prompt's words are read.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from wan_desktop.core.errors import IntegrityError
from wan_desktop.core.model_folder import ModelFolder, read_safetensors_header
from wan_desktop.core.words import mark, tr
from wan_desktop.engine.weights import DTYPES, ReadReport, read_tensors

_TABLES = ("shared.weight", "encoder.embed_tokens.weight")
"""The same numbers; files have one of them or both."""
_DOWNLOAD_AGAIN = mark("Get the model again, or choose another folder.")


def stream_text_encoder(folder: ModelFolder, report: ReadReport) -> Any:
    """UMT5 on the CPU in float32, without its layers, which come and go while it computes.

    Raises:
        IntegrityError: The files are not what they should be; of the layers that shows when they are read.
    """
    config = transformers.UMT5Config.from_pretrained(folder.path / "text_encoder", local_files_only=True)
    with torch.device("meta"):
        model = transformers.UMT5EncoderModel(config).eval()
    wanted = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    where = _where(folder.weight_files["text_encoder"])
    table = next((name for name in _TABLES if name in where), None)
    missing = sorted(name for name in wanted if name not in where and not (name in _TABLES and table))
    if missing or table is None:
        raise IntegrityError(
            tr(
                "text_encoder: {number} tensors are missing, {example} among them.",
                number=len(missing) or 1,
                example=(missing or _TABLES)[0],
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        )
    rows = _Rows(where[table], table, config.vocab_size, config.d_model)
    model.shared = model.encoder.embed_tokens = rows
    _make_empty(model)
    layers = model.encoder.block
    in_layers = {f"encoder.block.{index}.{name}" for index, layer in enumerate(layers) for name in _names(layer)}
    _fill(model, {name: where[name] for name in _names(model) if name not in in_layers}, wanted, report)
    for index, layer in enumerate(layers):
        _Layer(layer, f"encoder.block.{index}.", where, wanted, report)
    return model


class _Layer:
    """Brings a layer's weights before it computes and drops them after it, also after an error or a cancel."""

    def __init__(
        self,
        layer: nn.Module,
        prefix: str,
        where: dict[str, Path],
        wanted: dict[str, tuple[int, ...]],
        report: ReadReport,
    ) -> None:
        self._files = {name: where[prefix + name] for name in _names(layer)}
        self._shapes = {name: wanted[prefix + name] for name in self._files}
        self._prefix, self._report = prefix, report
        layer.register_forward_pre_hook(self._bring)
        layer.register_forward_hook(self._drop, always_call=True)

    def _bring(self, layer: nn.Module, *_: object) -> None:
        _fill(layer, self._files, self._shapes, self._report, self._prefix)

    def _drop(self, layer: nn.Module, *_: object) -> None:
        for parameter in layer.parameters():
            parameter.data = torch.empty(0)


class _Rows(nn.Module):
    """The table of embeddings, of which only the rows that are asked for are read.

    Raises:
        IntegrityError: The table is of another size or format.
    """

    def __init__(self, file: Path, name: str, rows: int, columns: int) -> None:
        super().__init__()
        entry = read_safetensors_header(file)[name]
        if tuple(entry["shape"]) != (rows, columns) or entry["dtype"] not in DTYPES:
            raise IntegrityError(
                tr(
                    "{name} in {file} is {dtype} {shape} instead of {expected}.",
                    name=name,
                    file=file,
                    dtype=entry["dtype"],
                    shape=entry["shape"],
                    expected=[rows, columns],
                ),
                hint=tr(_DOWNLOAD_AGAIN),
            )
        self._file, self._columns = file, columns
        self._dtype = DTYPES[entry["dtype"]]
        with file.open("rb") as stream:
            self._begin = 8 + int.from_bytes(stream.read(8), "little") + int(entry["data_offsets"][0])

    def forward(self, ids: Tensor) -> Tensor:
        """The rows, float32, `(*ids.shape, columns)`."""
        unique, places = torch.unique(ids, return_inverse=True)
        row_bytes = self._columns * self._dtype.itemsize
        rows = torch.empty(len(unique), self._columns, dtype=self._dtype)
        with self._file.open("rb") as stream:
            for index, row in enumerate(unique.tolist()):
                stream.seek(self._begin + row * row_bytes)
                data = bytearray(stream.read(row_bytes))
                rows[index] = torch.frombuffer(data, dtype=self._dtype)
        if not torch.isfinite(rows).all():
            raise IntegrityError(
                tr("{file} holds values that are not numbers.", file=self._file), hint=tr(_DOWNLOAD_AGAIN)
            )
        return rows.to(torch.float32)[places]


def _where(files: Iterable[Path]) -> dict[str, Path]:
    return {name: file for file in files for name in read_safetensors_header(file)}


def _names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


def _make_empty(model: nn.Module) -> None:
    """Parameters that take no memory, on the CPU, so that numbers can be put into them."""
    for module in model.modules():
        for name in list(module._parameters):
            if module._parameters[name] is not None:
                module._parameters[name] = nn.Parameter(torch.empty(0), requires_grad=False)


def _fill(
    module: nn.Module, files: dict[str, Path], shapes: dict[str, tuple[int, ...]], report: ReadReport, prefix: str = ""
) -> None:
    """Read these parameters.

    Raises:
        IntegrityError: One has another shape, or holds values that are not numbers.
    """
    for file in dict.fromkeys(files.values()):
        names = {prefix + name for name, its_file in files.items() if its_file == file}
        for key, tensor in read_tensors(file, report, names=names):
            name = key.removeprefix(prefix)
            if tuple(tensor.shape) != shapes[name]:
                raise IntegrityError(
                    tr(
                        "{key} in {file} has the shape {shape} instead of {expected}.",
                        key=key,
                        file=file,
                        shape=tuple(tensor.shape),
                        expected=shapes[name],
                    ),
                    hint=tr(_DOWNLOAD_AGAIN),
                )
            module.get_parameter(name).data = tensor.to(torch.float32)
