"""Why a render may stand still: what of the PC, as it was looked at last, would explain it."""

from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.words import tr

_MEMORY_IS_FULL = 0.04
"""Of normal memory: with less of it free, systems begin to move programs to the drive."""
_CARD_IS_FULL = 0.03
_DRIVE_IS_FULL_BYTES = 1_000_000_000


def stall_reason(profile: HardwareProfile, gpu_uuid: str = "") -> str:
    """The likeliest reason, in a sentence; empty where nothing is to be seen.

    Args:
        profile: The PC.
        gpu_uuid: The card that computes; empty: the one with the most free memory.
    """
    memory = profile.memory
    if memory.available_bytes < _MEMORY_IS_FULL * memory.total_bytes:
        return tr("The PC's memory is full, so that parts of it are moved to the drive. Close other programs.")
    gpu = profile.gpu(gpu_uuid)
    if gpu is not None and gpu.free_bytes < _CARD_IS_FULL * gpu.total_bytes and gpu.used_by_others_bytes > 0:
        others = gpu.used_by_others_bytes / 1e9
        return tr("The card's memory is full; other programs hold {size} GB of it. Close them.", size=f"{others:.1f}")
    full = next((drive.path for drive in profile.drives if drive.free_bytes < _DRIVE_IS_FULL_BYTES), "")
    if full:
        return tr("The drive {drive} is full.", drive=full)
    if profile.system.on_battery:
        return tr("The PC runs on its battery and saves power. Plug it in.")
    return ""
