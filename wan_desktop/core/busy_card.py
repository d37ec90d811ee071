"""Whether it is only other programs that keep a video from the graphics card, and when enough of it is free."""

from collections.abc import Iterable
from dataclasses import dataclass

from wan_desktop.core.card_programs import named_sizes
from wan_desktop.core.errors import CardBusyError
from wan_desktop.core.estimate import Workload
from wan_desktop.core.form_check import without_own_engine
from wan_desktop.core.hardware import Gpu, HardwareProfile
from wan_desktop.core.ladder import SMALL_PARAMETERS, Candidate, Costs, Policy, Rung, ladder
from wan_desktop.core.load_plan import Device
from wan_desktop.core.machine import Card, card_of, limits_of
from wan_desktop.core.words import tr


@dataclass(frozen=True, slots=True)
class Busy:
    """A video that is planned, and the PC as it is now."""

    candidate: Candidate
    """What the user chose."""
    workload: Workload
    costs: Costs
    policy: Policy
    hardware: HardwareProfile
    card: Card


def check_card_is_free(rungs: Iterable[Rung], now: Busy) -> None:
    """Return if there is a way on the card, or if there would be none either were the card free.

    A small model may be computed by the processor instead; a large one would take days there.

    Args:
        rungs: What is to be tried.
        now: What they were made from.

    Raises:
        CardBusyError: Without the other programs it would fit.
    """
    allowed = [rung for rung in rungs if not rung.needs_consent]
    is_small = now.candidate.shape.transformer.parameters < SMALL_PARAMETERS
    if not now.card.computes or now.card.gpu is None or any(is_small or _on_card(rung) for rung in allowed):
        return
    alone = limits_of(now.hardware, now.card, alone=True)
    able = [
        rung.estimate.vram_peak_bytes
        for rung in ladder([now.candidate], now.workload, now.costs, alone, now.policy)
        if _on_card(rung) and rung.fit.fits
    ]
    if able:
        raise _error(now.card.gpu, min(able))


def is_free(hardware: HardwareProfile, gpu_uuid: str, needed_bytes: int) -> bool:
    """Whether a render may use so much video memory now.

    Args:
        hardware: As it was looked at, with what the engine holds not counted among that of others.
        gpu_uuid: The card; empty for the one with the most free memory.
        needed_bytes: As `CardBusyError` says.
    """
    now = without_own_engine(hardware)
    free_bytes = limits_of(now, card_of(now, gpu_uuid)).vram_bytes
    return free_bytes is not None and free_bytes >= needed_bytes


def _on_card(rung: Rung) -> bool:
    return rung.plan.device is not Device.CPU


def _error(gpu: Gpu, needed_bytes: int) -> CardBusyError:
    names = named_sizes(gpu.programs)
    close = tr("Close them, or let the video wait until enough is free.")
    if names:
        close = tr("Close some of them ({programs}), or let the video wait until enough is free.", programs=names)
    message = tr(
        "Other programs use {used:.1f} of {total:.1f} GB of video memory; this video needs {needed:.1f} GB.",
        used=max(gpu.used_by_others_bytes, gpu.total_bytes - gpu.free_bytes) / 1e9,
        total=gpu.total_bytes / 1e9,
        needed=needed_bytes / 1e9,
    )
    return CardBusyError(message, hint=close, needed_bytes=needed_bytes)
