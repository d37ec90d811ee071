"""Which runtime a PC needs: for CUDA 13, for CUDA 12, or for the processor alone."""

from dataclasses import dataclass
from enum import StrEnum

from wan_desktop.core.hardware import Gpu
from wan_desktop.core.machine import MIN_COMPUTE_CAPABILITY
from wan_desktop.core.runtime.lock import RuntimeKind

# CUDA Toolkit release notes, "minimum required driver version": CUDA 13.x from 580 on; CUDA 12.x, whatever its minor
# number, from 525.60.13 on Linux and 528.33 on Windows (minor version compatibility).
CUDA_13, CUDA_13_DRIVER = (13, 0), (580,)
CUDA_12, CUDA_12_DRIVER_WINDOWS = (12, 0), (528, 33)
# What torch's builds hold code for: that for CUDA 13 begins with Turing, that for CUDA 12.6 ends with Hopper.
_OLDEST_OF_CUDA_13 = (7, 5)
_FIRST_AFTER_CUDA_126 = (10, 0)


class ChoiceReason(StrEnum):
    """Why a runtime was chosen."""

    BEST = "best"
    """The card's newest."""
    OLD_CARD = "old-card"
    """The card is older than what newer builds serve."""
    OLD_DRIVER = "old-driver"
    """With a newer driver, a better one could be used."""
    NO_CARD = "no-card"
    """There is no card that could be used."""
    SYSTEM = "system"
    """There is only one for this system."""


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """The runtime to install."""

    kind: RuntimeKind
    reason: ChoiceReason


def choose_runtime(system: str, gpu: Gpu | None) -> RuntimeChoice:
    """The runtime for a PC.

    Args:
        system: `windows` or another of Python's platform names, as in `SystemInfo.os`.
        gpu: The card that is to compute; None if there is none.
    """
    if system != "windows":
        return RuntimeChoice(RuntimeKind.LINUX_CPU, ChoiceReason.SYSTEM)
    if gpu is None or gpu.compute_capability < MIN_COMPUTE_CAPABILITY:
        return RuntimeChoice(RuntimeKind.WINDOWS_CPU, ChoiceReason.NO_CARD)
    if gpu.compute_capability < _OLDEST_OF_CUDA_13:
        if _serves(gpu, CUDA_12, CUDA_12_DRIVER_WINDOWS):
            return RuntimeChoice(RuntimeKind.WINDOWS_CU126, ChoiceReason.OLD_CARD)
        return RuntimeChoice(RuntimeKind.WINDOWS_CPU, ChoiceReason.OLD_DRIVER)
    if _serves(gpu, CUDA_13, CUDA_13_DRIVER):
        return RuntimeChoice(RuntimeKind.WINDOWS_CU130, ChoiceReason.BEST)
    is_known_to_old_build = gpu.compute_capability < _FIRST_AFTER_CUDA_126
    if is_known_to_old_build and _serves(gpu, CUDA_12, CUDA_12_DRIVER_WINDOWS):
        return RuntimeChoice(RuntimeKind.WINDOWS_CU126, ChoiceReason.OLD_DRIVER)
    return RuntimeChoice(RuntimeKind.WINDOWS_CPU, ChoiceReason.OLD_DRIVER)


def _serves(gpu: Gpu, cuda: tuple[int, int], driver: tuple[int, ...]) -> bool:
    """The driver is new enough, by its number, or by the CUDA that it names where the number cannot be read."""
    version = _driver_numbers(gpu.driver_version)
    return version >= driver if version else gpu.cuda_version >= cuda


def _driver_numbers(text: str) -> tuple[int, ...]:
    parts = text.strip().split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
