"""What would make a video fit: changes that were tried on paper, each with the numbers that it leads to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from wan_desktop.core.card_programs import CardProgram, others
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.estimate import Workload
from wan_desktop.core.ladder import Rung, Substitute, size_step_px
from wan_desktop.core.machine import CardKind
from wan_desktop.core.trial import DISK_MARGIN, Trial
from wan_desktop.core.words import tr, trn


class ChangeKind(StrEnum):
    """What a recommendation changes."""

    REQUEST = "request"
    """Fields of the request."""
    VARIANT = "variant"
    MODEL = "model"
    CLOSE_PROGRAMS = "close-programs"
    """Other programs leave the card."""
    FREE_DISK = "free-disk"
    UPDATE_DRIVER = "update-driver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A change that makes it fit, and what it then needs; None where nothing is changed or nothing is known."""

    kind: ChangeKind
    text: str
    width: int | None = None
    height: int | None = None
    num_frames: int | None = None
    mode: GenerationMode | None = None
    model_id: str | None = None
    model_name: str = ""
    """As people call the model; empty where only the id is known."""
    variant: str | None = None
    size_bytes: int | None = None
    """To free."""
    programs: tuple[CardProgram, ...] = ()
    """That could be closed, the largest first; empty where they are not known."""
    vram_peak_bytes: int | None = None
    ram_peak_bytes: int | None = None
    seconds_low: float | None = None
    seconds_high: float | None = None


def recommend(trial: Trial, *, fits: bool) -> Iterator[Recommendation]:
    """Changes that help, what changes least first.

    Args:
        trial: What was asked.
        fits: It fits as it is; then only what else is in the way is dealt with.
    """
    if trial.card.kind is CardKind.DRIVER_TOO_OLD:
        text = tr("Update the driver of {card}.", card=trial.card.name)
        yield Recommendation(kind=ChangeKind.UPDATE_DRIVER, text=text)
    modes = trial.subject.modes
    if modes and trial.question.mode not in modes:
        yield Recommendation(kind=ChangeKind.REQUEST, text=tr("Make {mode} instead.", mode=modes[0]), mode=modes[0])
    yield from _free_disk(trial)
    if trial.subject.candidates:
        yield from _snap(trial)
        if not fits:
            yield from _close_programs(trial)
            yield from _smaller(trial)
            yield from _substitutes(trial)


def _free_disk(trial: Trial) -> Iterator[Recommendation]:
    subject, free_bytes = trial.subject, trial.place.free_disk_bytes
    if subject.is_here or free_bytes is None:
        return
    short_bytes = round(subject.download_bytes * DISK_MARGIN) - free_bytes
    if short_bytes > 0:
        text = tr("Free {short_gb:.1f} GB, or choose a model folder on another drive.", short_gb=short_bytes / 1e9)
        yield Recommendation(kind=ChangeKind.FREE_DISK, text=text, size_bytes=short_bytes)


def _snap(trial: Trial) -> Iterator[Recommendation]:
    """What the model cannot make is rounded to what it can."""
    workload = trial.question.workload
    snapped = snap(workload, size_step_px(trial.shape))
    if snapped != workload and (rung := trial.fitting(snapped)):
        yield _request(snapped, workload, rung)


def snap(workload: Workload, step_px: int) -> Workload:
    """The nearest smaller video whose size and length the model can make."""
    return replace(
        workload,
        width=max(step_px, workload.width // step_px * step_px),
        height=max(step_px, workload.height // step_px * step_px),
        num_frames=(workload.num_frames - 1) // 4 * 4 + 1,
    )


def _close_programs(trial: Trial) -> Iterator[Recommendation]:
    if rung := trial.fitting(limits=trial.most):
        have, free = trial.most.vram_bytes or 0, trial.limits.vram_bytes or 0
        programs = others(trial.card.gpu.programs) if trial.card.gpu is not None else ()
        text = tr(
            "Close other programs that use the graphics card: up to {most_gb:.1f} GB.", most_gb=(have - free) / 1e9
        )
        change = Recommendation(kind=ChangeKind.CLOSE_PROGRAMS, text=text, size_bytes=have - free, programs=programs)
        yield _numbers(change, rung)


def _smaller(trial: Trial) -> Iterator[Recommendation]:
    """The largest size at this length, the longest at this size, and if neither helps, both."""
    metadata = trial.subject.metadata
    asked = snap(trial.question.workload, size_step_px(trial.shape))
    sizes = [
        replace(asked, width=size.width, height=size.height)
        for size in sorted(metadata.sizes, key=lambda size: -size.width * size.height)
        if size.width * size.height < asked.width * asked.height
    ]
    sizes.sort(key=lambda workload: (workload.width > workload.height) != (asked.width > asked.height))
    lengths = [frames for frames in sorted(metadata.num_frames_choices, reverse=True) if frames < asked.num_frames]
    smaller = _first(trial, sizes)
    shorter = _first(trial, [replace(asked, num_frames=frames) for frames in lengths])
    found = [change for change in (smaller, shorter) if change]
    if not found:
        both = _first(trial, [replace(size, num_frames=frames) for frames in lengths for size in sizes])
        found = [both] if both else []
    for workload, rung in found:
        yield _request(workload, trial.question.workload, rung)


def _first(trial: Trial, workloads: list[Workload]) -> tuple[Workload, Rung] | None:
    for workload in workloads:
        if rung := trial.fitting(workload):
            return workload, rung
    return None


def _substitutes(trial: Trial) -> Iterator[Recommendation]:
    """One packaging and one model: the first of each that fits, as they come nearest to what was asked for."""
    seen: set[Substitute] = set()
    for candidate in trial.subject.candidates[1:]:
        if candidate.substitute in seen or candidate.substitute is Substitute.NONE:
            continue
        if rung := trial.fitting(candidate=candidate):
            seen.add(candidate.substitute)
            is_model = candidate.substitute is Substitute.MODEL
            text = (
                tr("Use {model} instead.", model=candidate.name or candidate.model_id)
                if is_model
                else tr("Use the smaller weights {variant}.", variant=candidate.variant)
            )
            kind = ChangeKind.MODEL if is_model else ChangeKind.VARIANT
            change = Recommendation(
                kind=kind,
                text=text,
                model_id=candidate.model_id,
                model_name=candidate.name,
                variant=candidate.variant,
            )
            yield _numbers(change, rung)


def _request(workload: Workload, asked: Workload, rung: Rung) -> Recommendation:
    words = []
    if (workload.width, workload.height) != (asked.width, asked.height):
        words.append(f"{workload.width} x {workload.height}")
    if workload.num_frames != asked.num_frames:
        words.append(trn("{count} frame", "{count} frames", workload.num_frames))
    change = Recommendation(
        kind=ChangeKind.REQUEST,
        text=tr("Make it {size}.", size=tr(" and ").join(words)),
        width=workload.width,
        height=workload.height,
        num_frames=workload.num_frames,
    )
    return _numbers(change, rung)


def _numbers(change: Recommendation, rung: Rung) -> Recommendation:
    cost = rung.estimate
    return replace(
        change,
        vram_peak_bytes=cost.vram_peak_bytes,
        ram_peak_bytes=cost.ram_peak_bytes,
        seconds_low=cost.seconds_low,
        seconds_high=cost.seconds_high,
    )
