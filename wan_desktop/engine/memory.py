"""Devices and memory: which one, how much was used, and what a failure means."""

import errno
import gc
import os

import torch

from wan_desktop.core.errors import DiskFullError, IncompatibleError, OutOfMemoryError, WanError
from wan_desktop.core.load_plan import Device, LoadPlan, Precision

_PRECISIONS = {
    Precision.FLOAT32: torch.float32,
    Precision.BFLOAT16: torch.bfloat16,
    Precision.FLOAT16: torch.float16,
}


def choose_device(plan: LoadPlan) -> torch.device:
    """The device the plan means on this machine.

    Raises:
        IncompatibleError: The plan wants a graphics card and torch finds none.
    """
    has_card = torch.cuda.is_available()
    if plan.device == Device.CUDA and not has_card:
        raise IncompatibleError(
            "No NVIDIA card that torch can use was found.", hint="Use the CPU, or check the driver."
        )
    return torch.device("cpu" if plan.device == Device.CPU or not has_card else "cuda")


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


def free_cached_memory(device: torch.device) -> None:
    """Give back what is no longer used."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def peak_memory_bytes(device: torch.device) -> int:
    """Peak video memory since the last reset; 0 on a CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


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
            "The graphics card ran out of video memory.",
            hint="Make the video smaller or shorter, or close other programs.",
            details=str(error),
        )
    # torch reports a failed allocation in normal memory as a plain RuntimeError of this text.
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error)):
        return OutOfMemoryError(
            "The PC ran out of memory.",
            hint="Make the video smaller or shorter, or close other programs.",
            details=str(error),
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DiskFullError("The disk is full.", hint="Free some space and try again.", details=str(error))
    return None
