"""The compatibility report of one model on one PC: what a video needs of each memory, what else would work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from wan_desktop.core.card_programs import named_sizes
from wan_desktop.core.catalog import VideoSize
from wan_desktop.core.compatibility import CompatibilityCheck, check
from wan_desktop.core.estimate import Workload, coefficients
from wan_desktop.core.estimate.memory import set_up, transformer_bytes
from wan_desktop.core.ladder import Limits
from wan_desktop.core.machine import machine_of
from wan_desktop.core.messages import Stage
from wan_desktop.core.trial import Place, Question, Subject, Trial


class Holder(StrEnum):
    """What holds a part of a memory."""

    OTHERS = "others"
    """Other programs, or other files."""
    MODEL = "model"
    FRAMES = "frames"
    """What is computed with while frames are created."""
    DECODER = "decoder"
    """What building pictures, or another stage, needs beyond that."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a memory."""

    holder: Holder
    size_bytes: int
    names: str = ""
    """Which programs, the largest first; empty where they are not known, or it is no program."""


@dataclass(frozen=True, slots=True)
class MemoryBar:
    """A memory with what holds it while a video is made."""

    shares: tuple[Share, ...]
    """From the left, others first."""
    needed_bytes: int
    """By the video alone."""
    free_bytes: int
    """Now, without what must stay free."""
    total_bytes: int

    @property
    def others_bytes(self) -> int:
        """What is held already."""
        return sum(share.size_bytes for share in self.shares if share.holder is Holder.OTHERS)

    @property
    def limit_bytes(self) -> int:
        """Up to where all together may go."""
        return min(self.total_bytes, self.others_bytes + self.free_bytes)

    @property
    def fits(self) -> bool:
        """There is room."""
        return self.needed_bytes <= self.free_bytes


@dataclass(frozen=True, slots=True)
class OtherSize:
    """A video that works too."""

    size: VideoSize
    num_frames: int
    seconds_low: float | None
    seconds_high: float | None


@dataclass(frozen=True, slots=True)
class ModelReport:
    """All that the report shows."""

    check: CompatibilityCheck
    workload: Workload
    card_name: str
    """Empty where no card computes."""
    video_memory: MemoryBar | None
    """None where no card computes, or nobody knows how the model is made."""
    memory: MemoryBar | None
    disk: MemoryBar | None
    """Of the models' drive; None where it is not known."""
    larger: OtherSize | None
    """The largest size above the asked one that works too, in the same length."""
    best: OtherSize | None
    """The largest size and then the longest length that works."""


def report_of(
    subject: Subject, question: Question, place: Place, *, disk_total_bytes: int | None = None
) -> ModelReport:
    """Check a video and say what it needs; takes some ten milliseconds and asks nobody.

    Args:
        subject: The model with all that might take its place.
        question: The video.
        place: The PC.
        disk_total_bytes: Size of the models' drive.
    """
    found = check(subject, question, place)
    trial = Trial(subject, question, place)
    is_known = bool(subject.candidates) and found.estimate is not None
    is_on_card = trial.card.computes and is_known and found.estimate is not None and found.estimate.vram_peak_bytes > 0
    sizes = _sizes_that_work(trial) if subject.candidates else []
    asked_px = question.workload.width * question.workload.height
    larger = [each for each in sizes if each.size.width * each.size.height > asked_px]
    return ModelReport(
        check=found,
        workload=question.workload,
        card_name=trial.card.name if trial.card.computes else "",
        video_memory=_video_memory(trial, found) if is_on_card else None,
        memory=_memory(place, trial.limits, found) if is_known else None,
        disk=_disk(subject, place.free_disk_bytes, disk_total_bytes),
        larger=larger[0] if larger else None,
        best=_longest(trial, sizes[0]) if sizes else None,
    )


def _video_memory(trial: Trial, found: CompatibilityCheck) -> MemoryBar | None:
    gpu, cost = trial.card.gpu, found.estimate
    if gpu is None or cost is None:
        return None
    nearest = trial.nearest()
    plan = found.plan or (nearest.plan if nearest else None)
    shares = [Share(Holder.OTHERS, gpu.used_by_others_bytes, named_sizes(gpu.programs))]
    creating = next((stage.vram_bytes for stage in cost.stages if stage.stage is Stage.CREATE_FRAMES), 0)
    if plan is not None:
        setup = set_up(plan, machine_of(trial.place.hardware, trial.card))
        working = transformer_bytes(trial.shape, trial.question.workload, setup) * coefficients.FRAGMENTATION
        frames = min(creating, round(working))
        shares += [Share(Holder.MODEL, creating - frames), Share(Holder.FRAMES, frames)]
    shares.append(Share(Holder.DECODER, max(0, cost.vram_peak_bytes - creating)))
    return MemoryBar(
        shares=tuple(share for share in shares if share.size_bytes),
        needed_bytes=cost.vram_peak_bytes,
        free_bytes=trial.limits.vram_bytes or 0,
        total_bytes=gpu.total_bytes,
    )


def _memory(place: Place, limits: Limits, found: CompatibilityCheck) -> MemoryBar | None:
    if found.estimate is None or limits.ram_bytes is None:
        return None
    memory, needed_bytes = place.hardware.memory, found.estimate.ram_peak_bytes
    others_bytes = memory.total_bytes - memory.available_bytes
    shares = (Share(Holder.OTHERS, others_bytes), Share(Holder.MODEL, needed_bytes))
    return MemoryBar(shares, needed_bytes, limits.ram_bytes, memory.total_bytes)


def _disk(subject: Subject, free_bytes: int | None, total_bytes: int | None) -> MemoryBar | None:
    if free_bytes is None or total_bytes is None:
        return None
    variant = subject.variant
    needed_bytes = 0 if subject.is_here or variant is None else variant.size_on_disk_bytes
    shares = (Share(Holder.OTHERS, total_bytes - free_bytes), Share(Holder.MODEL, needed_bytes))
    return MemoryBar(shares, needed_bytes, free_bytes, total_bytes)


def _sizes_that_work(trial: Trial) -> list[OtherSize]:
    """In the asked length, the largest first; of two equally large ones only one."""
    found: list[OtherSize] = []
    seen: set[int] = set()
    for size in sorted(trial.subject.metadata.sizes, key=_pixels, reverse=True):
        if _pixels(size) in seen:
            continue
        seen.add(_pixels(size))
        workload = replace(trial.question.workload, width=size.width, height=size.height)
        rung = trial.fitting(workload)
        if rung is not None:
            cost = rung.estimate
            found.append(OtherSize(size, workload.num_frames, cost.seconds_low, cost.seconds_high))
    return found


def _longest(trial: Trial, other: OtherSize) -> OtherSize:
    """The longest of the model's usual lengths that works in that size."""
    for frames in _longer(trial.subject.metadata.num_frames_choices, other.num_frames):
        workload = replace(trial.question.workload, width=other.size.width, height=other.size.height, num_frames=frames)
        if rung := trial.fitting(workload):
            return OtherSize(other.size, frames, rung.estimate.seconds_low, rung.estimate.seconds_high)
    return other


def _longer(choices: Sequence[int], frames: int) -> list[int]:
    return sorted((each for each in choices if each > frames), reverse=True)


def _pixels(size: VideoSize) -> int:
    return size.width * size.height
