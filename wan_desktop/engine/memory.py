"""Devices and memory: which one, how much was used, and what a failure means."""

import contextlib
import ctypes
import errno
import gc
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import psutil
import torch

from wan_desktop.core.card_uuid import plain_uuid
from wan_desktop.core.errors import DiskFullError, IncompatibleError, OutOfMemoryError, WanError
from wan_desktop.core.load_plan import Device, LoadPlan, Precision
from wan_desktop.core.machine import safe_vram_bytes
from wan_desktop.core.messages import TorchCard
from wan_desktop.core.words import tr

_LOOK_S = 0.05
_PRECISIONS = {
    Precision.FLOAT32: torch.float32,
    Precision.BFLOAT16: torch.bfloat16,
    Precision.FLOAT16: torch.float16,
}
COMING_AND_GOING_BYTES = 1 << 20
USUAL_LARGE_BYTES = 32 << 20
"""The most that glibc takes by itself, DEFAULT_MMAP_THRESHOLD_MAX in its malloc.c."""
_M_MMAP_THRESHOLD = -3
"""glibc's malloc.h; see mallopt(3)."""


@dataclass(frozen=True, slots=True)
class VideoMemory:
    """A graphics card's memory, as its driver says: used by all programs together."""

    free_bytes: int
    total_bytes: int


def choose_device(plan: LoadPlan) -> torch.device:
    """The device the plan means on this machine.

    Raises:
        IncompatibleError: The plan wants a graphics card and torch finds none, or not that one.
    """
    has_card = torch.cuda.is_available()
    if plan.device == Device.CUDA and not has_card:
        raise IncompatibleError(
            tr("No NVIDIA card that torch can use was found."), hint=tr("Use the CPU, or check the driver.")
        )
    if plan.device == Device.CPU or not has_card:
        return torch.device("cpu")
    # Not run: no card where this was written.
    uuids = [str(torch.cuda.get_device_properties(index).uuid) for index in range(torch.cuda.device_count())]
    return torch.device("cuda", card_index(plan.gpu_uuid, uuids))


def torch_cards() -> tuple[TorchCard, ...]:
    """All cards that torch can compute on; not run: no card where this was written."""
    if not torch.cuda.is_available():
        return ()
    found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return tuple(TorchCard(str(card.uuid), card.name, card.total_memory, (card.major, card.minor)) for card in found)


def card_index(gpu_uuid: str, uuids: Sequence[str]) -> int:
    """Which of torch's cards that is; 0 where none is asked for.

    Args:
        gpu_uuid: As NVML names it, `GPU-` and hexadecimal digits.
        uuids: As torch names them, which leaves `GPU-` out.

    Raises:
        IncompatibleError: None of them.
    """
    if not gpu_uuid:
        return 0
    wanted = plain_uuid(gpu_uuid)
    for index, uuid in enumerate(uuids):
        if plain_uuid(uuid) == wanted:
            return index
    raise IncompatibleError(
        tr("The chosen graphics card is not there, or torch cannot use it."),
        hint=tr("Choose another card in the settings."),
    )


def choose_dtype(plan: LoadPlan, device: torch.device) -> torch.dtype:
    """The number format of transformer and text encoder the plan means on this device."""
    if plan.precision != Precision.AUTO:
        return _PRECISIONS[plan.precision]
    if device.type == "cpu":
        return torch.float32  # measured: bfloat16 without AMX is some 100 times slower
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def usable_threads() -> int:
    """One fewer than there are cores, so that the window stays smooth."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - 1)


def return_freed_memory() -> None:
    """Let the C library give back to the system what this process has freed.

    glibc keeps it: once a tensor of some megabytes was freed, the next ones come from its heap, and of 2.1 GiB of a
    closed model it kept 2.1 GiB (measured). Windows gives large blocks back at once.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library, which has no such function
            ctypes.CDLL(None).malloc_trim(0)


def return_large_blocks(from_bytes: int) -> None:
    """From now on, let the C library give back every block of that size or more as soon as it is freed.

    Else glibc's heap keeps more than a gigabyte of weights that come and go (measured). It makes computing on the CPU
    some percent slower.

    Args:
        from_bytes: `COMING_AND_GOING_BYTES` while weights come and go, else `USUAL_LARGE_BYTES`.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library, which has no such function
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, from_bytes)


def free_cached_memory(device: torch.device) -> None:
    """Give back what is no longer used."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def reserved_bytes(device: torch.device) -> int:
    """What torch holds of a card's memory, used or kept for later; 0 elsewhere."""
    return torch.cuda.memory_reserved(device) if device.type == "cuda" else 0


def peak_memory_bytes(device: torch.device) -> int:
    """Peak video memory since the last reset; 0 on a CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def video_memory(device: torch.device) -> VideoMemory | None:
    """Free and total video memory of the card; None on a CPU."""
    return VideoMemory(*torch.cuda.mem_get_info(device)) if device.type == "cuda" else None


def cap_video_memory(device: torch.device) -> None:
    """Let torch take no more of the card than renders may; not run: no card where this was written.

    On Windows the driver gives normal memory where the card has none left, and a render that should fail at once takes
    hours instead. A lower cap that is set already stays.
    """
    if device.type == "cuda":
        total_bytes = torch.cuda.get_device_properties(device).total_memory
        safe_part = safe_vram_bytes(total_bytes) / total_bytes
        if safe_part < torch.cuda.get_per_process_memory_fraction(device):
            torch.cuda.set_per_process_memory_fraction(safe_part, device)


class ProcessPeak:
    """The most normal memory that this process occupies while the block runs, looked at twenty times a second."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._looks = threading.Event()
        self._looks.set()
        self._bytes = process_bytes()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    @property
    def bytes(self) -> int:
        """So far."""
        return max(self._bytes, process_bytes())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looks.set()
        self._thread.join()

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Nothing is looked at, and nothing computed, while this block runs."""
        self._looks.clear()
        try:
            yield
        finally:
            self._looks.set()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_S):
            self._looks.wait()
            self._bytes = max(self._bytes, process_bytes())


def process_bytes() -> int:
    """Normal memory that this process occupies: what lies in memory, mapped files included."""
    return int(psutil.Process().memory_info().rss)


def forget_frames(error: BaseException) -> None:
    """Drop the local variables of the functions that the error came through, and of those that led to it.

    An exception that is kept, or only looked at, holds them: all tensors of a failed run with their memory.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        traceback.clear_frames(current.__traceback__)
        waiting += [current.__cause__, current.__context__]


def reset_peak(device: torch.device) -> None:
    """Start a new peak."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def classify(error: BaseException) -> WanError | None:
    """The error a user can act on, or None for a bug."""
    if isinstance(error, WanError):
        return error
    if isinstance(error, torch.OutOfMemoryError):
        return OutOfMemoryError(
            tr("The graphics card ran out of video memory."),
            hint=tr("Make the video smaller or shorter, or close other programs."),
            details=str(error),
        )
    # torch reports a failed allocation in normal memory as a plain RuntimeError of this text.
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error)):
        return OutOfMemoryError(
            tr("The PC ran out of memory."),
            hint=tr("Make the video smaller or shorter, or close other programs."),
            details=str(error),
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DiskFullError(tr("The disk is full."), hint=tr("Free some space and try again."), details=str(error))
    return None
