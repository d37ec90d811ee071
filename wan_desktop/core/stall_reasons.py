"""Why a render may stand still or be slow: what of the PC, as it was looked at last, would explain it."""

from wan_desktop.core.hardware import Gpu, HardwareProfile
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.render_queue import RenderEstimate
from wan_desktop.core.words import decimal, tr

MUCH_SLOWER = 3.0
"""So many times as long as expected is no bad luck any more (error 3003)."""
_LEAST_STEP_S = 5.0
"""Of shorter steps nobody notices one that takes three times as long."""
_LEAST_ELAPSED_S = 60.0
"""Before that the whole time is no more than a guess."""
_MEMORY_IS_FULL = 0.04
"""Of normal memory: with less of it free, systems begin to move programs to the drive."""
_CARD_IS_FULL = 0.03
_DRIVE_IS_FULL_BYTES = 1_000_000_000


def is_much_slower(progress: RenderProgress, estimate: RenderEstimate | None = None) -> bool:
    """Whether it takes over three times as long as expected: its last step, or all of it.

    Args:
        progress: How far it is; one that is paused is as slow as it was.
        estimate: What was expected of the whole render; None where nobody knew.
    """
    if progress.last_step_s is not None and progress.usual_step_s is not None:
        is_long = progress.last_step_s >= _LEAST_STEP_S
        if is_long and progress.last_step_s > MUCH_SLOWER * progress.usual_step_s:
            return True
    if estimate is None or progress.seconds_left is None or progress.elapsed_s < _LEAST_ELAPSED_S:
        return False
    return progress.elapsed_s + progress.seconds_left > MUCH_SLOWER * estimate.seconds_high


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
    of_card = _reason_of_card(gpu) if gpu is not None else ""
    if of_card:
        return of_card
    drives = (drive for drive in profile.drives if drive.is_readable)
    full = next((drive.path for drive in drives if drive.free_bytes < _DRIVE_IS_FULL_BYTES), "")
    if full:
        return tr("The drive {drive} is full.", drive=full)
    if profile.system.on_battery:
        return tr("The PC runs on its battery and saves power. Plug it in.")
    return ""


def _reason_of_card(gpu: Gpu) -> str:
    is_full = gpu.free_bytes < _CARD_IS_FULL * gpu.total_bytes
    if is_full and gpu.used_by_others_bytes > 0:
        others = decimal(gpu.used_by_others_bytes / 1e9, 1)
        return tr("The card's memory is full; other programs hold {size} GB of it. Close them.", size=others)
    if gpu.slowed_by_heat:
        if gpu.temperature_c:
            return tr(
                "The graphics card is too hot ({degrees} \N{DEGREE SIGN}C) and slows itself down. Let air get to it.",
                degrees=gpu.temperature_c,
            )
        return tr("The graphics card is too hot and slows itself down. Let air get to it.")
    if is_full and gpu.driver_model == "wddm":
        # Windows' display driver lends normal memory where others get an error (NVIDIA, "System Memory Fallback").
        return tr("The card's memory is full, so that it borrows from the PC's, which is many times slower.")
    return ""
