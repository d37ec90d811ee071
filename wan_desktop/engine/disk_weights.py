"""The blocks of a transformer in a file instead of memory.

diffusers can do this too (`offload_to_disk_path`), with three faults that show as wrong videos or a dead process (0.42,
measured): a folder that two transformers share, or that is left over, gives the weights of the other one; the files are
mapped, so one that changes underneath kills the process; and all weights must have been in memory first. Here each
transformer writes a nameless file of its own while it is loaded, and reads it with plain reads.
"""

import tempfile
import weakref
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wan_desktop.core.errors import IntegrityError
from wan_desktop.core.words import tr
from wan_desktop.engine.weights import bytes_of, read_into

BLOCKS = "blocks."
"""What the names of all parameters begin with that lie in the file."""
_ALIGNMENT_BYTES = 64
_SAMPLE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class _Place:
    offset: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    checksum: int


class DiskWeights:
    """A file with weights; the system removes it when it is closed, or when the process ends however it ends."""

    def __init__(self, folder: Path | None, device: torch.device) -> None:
        """Make the file.

        Args:
            folder: Where; the system's folder for temporary files if None.
            device: Where blocks compute.
        """
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._file: Any = tempfile.TemporaryFile(prefix="weights-", dir=folder, buffering=0)  # noqa: SIM115 - closed in close, at the latest when this goes
        weakref.finalize(self, self._file.close)
        self._device = device
        self._end = 0
        self._places: dict[nn.Parameter, _Place] = {}
        self._hooks: list[Any] = []

    def __len__(self) -> int:
        """How many parameters lie in it."""
        return len(self._places)

    def fileno(self) -> int:
        """The file's descriptor."""
        return int(self._file.fileno())

    def put(self, parameter: nn.Parameter) -> None:
        """Write the parameter's numbers and free their memory; nothing for one that was put already.

        Raises:
            OSError: The disk is full, or fails.
        """
        if parameter in self._places:
            return
        tensor = parameter.data.as_subclass(Tensor).cpu().contiguous()
        view = bytes_of(tensor)
        offset = -(-self._end // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
        self._file.seek(offset)
        done = 0
        while done < len(view):
            done += self._file.write(view[done:])
        self._end = offset + done
        self._places[parameter] = _Place(offset, tuple(tensor.shape), tensor.dtype, _checksum(view))
        _empty(parameter)

    def attach(self, transformer: nn.Module) -> None:
        """Let each block fetch its weights before it computes, and forget them after it."""
        for block in transformer.get_submodule(BLOCKS.rstrip(".")).children():
            self._hooks.append(block.register_forward_pre_hook(self._bring))
            # Always: after an error or a cancel too.
            self._hooks.append(block.register_forward_hook(self._forget, always_call=True))

    def close(self) -> None:
        """Remove hooks and file."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._places.clear()
        self._file.close()

    def read(self, parameter: nn.Parameter) -> Tensor:
        """The numbers of a parameter that was put, on the CPU.

        Raises:
            IntegrityError: They are not what was written.
        """
        place = self._places[parameter]
        tensor = torch.empty(place.shape, dtype=place.dtype)
        read_into(self._file, place.offset, tensor, tr("The file with the model's blocks"))
        if _checksum(bytes_of(tensor)) != place.checksum:
            raise IntegrityError(
                tr("The file with the model's blocks was changed while it was in use."),
                hint=tr("Try again, on another drive."),
            )
        return tensor

    def _bring(self, block: nn.Module, *_: object) -> None:
        for parameter in block.parameters():
            parameter.data = self.read(parameter).to(self._device)

    def _forget(self, block: nn.Module, *_: object) -> None:
        for parameter in block.parameters():
            _empty(parameter)


def _checksum(view: memoryview) -> int:
    """Over begin and end: all bytes would take longer than to read them."""
    return zlib.crc32(view[-_SAMPLE_BYTES:], zlib.crc32(view[:_SAMPLE_BYTES]))


def _empty(parameter: nn.Parameter) -> None:
    parameter.data = torch.empty(0, dtype=parameter.dtype)
