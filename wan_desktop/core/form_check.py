"""Does what stands in the form fit this PC, how long would it take, and what would help? As the form's foot says it.

A pure function of a draft, a model and a PC; the verdict itself is `compatibility.check`'s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.catalog import GenerationMode, Model, plan_for
from wan_desktop.core.compatibility import CompatibilityCheck, Severity, check
from wan_desktop.core.estimate import Estimate, Workload
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.hardware import Gpu, HardwareProfile
from wan_desktop.core.ladder import Candidate, Fit, Limits
from wan_desktop.core.load_plan import Device
from wan_desktop.core.machine import card_of, limits_of
from wan_desktop.core.model_shape import shape_of_folder
from wan_desktop.core.recommendations import ChangeKind, Recommendation, recommend
from wan_desktop.core.trial import Place, Question, Subject, Trial

MAX_OFFERS = 3
_WORTH_CLOSING_BYTES = 200_000_000
"""Less than that of other programs on the card is the desktop itself, which nobody can close."""

_QUICK_ON_CPU_S = 600.0
"""A video that the processor makes in that time is not called slow."""
_WELL = 0.85
"""Of what may be used of memory, as the ladder has it; above it, it is tight."""
_DRIVER_PART = 0.03
"""Of a card's memory. What the driver keeps for itself NVML counts as neither free nor used; so much is assumed."""


class Verdict(StrEnum):
    """What the form's foot says."""

    FITS = "fits"
    TIGHT = "tight"
    SLOW = "slow"
    """Only with weights that come and go, or frames made in tiles."""
    TOO_BIG = "too-big"
    NOT_CHECKED = "not-checked"
    """There are no data."""


_VERDICTS = {
    Fit.WELL: Verdict.FITS,
    Fit.TIGHT: Verdict.TIGHT,
    Fit.SLOW: Verdict.SLOW,
    Fit.TOO_BIG: Verdict.TOO_BIG,
    Fit.NOT_CHECKED: Verdict.NOT_CHECKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNeed:
    """The memory that decides: that of the card, or the PC's own where no card computes or that is what is short."""

    is_video_memory: bool
    needed_bytes: int
    free_bytes: int
    """What a render may use of it, without what must stay free for the desktop and the driver."""
    total_bytes: int
    others_bytes: int
    """What other programs hold."""

    @property
    def limit_bytes(self) -> int:
        """Up to where the bar may go."""
        return min(self.total_bytes, self.others_bytes + self.free_bytes)


@dataclass(frozen=True, slots=True)
class FormVerdict:
    """All that the foot of the form shows: one record, so that its parts cannot contradict each other."""

    verdict: Verdict
    memory: MemoryNeed | None = None
    seconds_low: float | None = None
    """None where the speed of what computes is not known."""
    seconds_high: float | None = None
    reason: str = ""
    """What stands in the way, in a sentence."""
    offers: tuple[Recommendation, ...] = ()
    """Changes that would make it fit."""

    @property
    def fits(self) -> bool:
        """It can be made, or nobody knows."""
        return self.verdict is not Verdict.TOO_BIG


def subject_of(model: Model, resources: Path, others: Sequence[Candidate] = ()) -> Subject:
    """The model that lies here, as the check sees it.

    Args:
        model: What the form is for.
        resources: The program's resources.
        others: What might take its place, the nearest first.

    Raises:
        RequestError, IntegrityError, ModelFilesMissingError: As `plan_for` says.
    """
    files = plan_for(model, "", resources).transformer_files
    shape = shape_of_folder(model.folder, [Path(file) for file in files])
    metadata = model.metadata
    own = Candidate(
        metadata.model_id, model.variant, shape, transformer_files=files, folder=str(model.folder.path.absolute())
    )
    variant = metadata.variant(model.variant) if model.variant else None
    return Subject(metadata, variant, (own, *others), True, modes=model.modes)


def question_of(draft: GenerationDraft, model: Model, *, has_image: bool) -> Question:
    """What is asked, with the model's defaults where the draft leaves the choice.

    Args:
        draft: What stands in the form.
        model: What it is for.
        has_image: A start image belongs to it, whether it was given yet or not.
    """
    data = model.metadata
    mode = GenerationMode.T2V
    if has_image:
        mode = GenerationMode.TI2V if draft.prompt.strip() else GenerationMode.I2V
    workload = Workload(
        width=draft.width or data.sizes[0].width,
        height=draft.height or data.sizes[0].height,
        num_frames=draft.num_frames or data.num_frames,
        num_inference_steps=draft.num_inference_steps or data.num_inference_steps,
        has_image=has_image,
        guidance_scale=data.guidance_scale if draft.guidance_scale is None else draft.guidance_scale,
        guidance_scale_2=_second_guidance(draft, model),
    )
    return Question(mode=mode, workload=workload)


def _second_guidance(draft: GenerationDraft, model: Model) -> float | None:
    if not model.folder.has_two_experts:
        return None
    return model.metadata.guidance_scale_2 if draft.guidance_scale_2 is None else draft.guidance_scale_2


def without_own_engine(profile: HardwareProfile, engine_ram_bytes: int = 0) -> HardwareProfile:
    """The PC as if the engine held nothing: what it holds it lets go of, or uses again.

    Args:
        profile: As it was looked at, with what the engine holds not counted among that of others.
        engine_ram_bytes: What the engine's process takes of normal memory.
    """
    memory = profile.memory
    available_bytes = min(memory.total_bytes, memory.available_bytes + engine_ram_bytes)
    commit_used_bytes = max(0, memory.commit_used_bytes - engine_ram_bytes)
    return replace(
        profile,
        gpus=tuple(_without_own(gpu) for gpu in profile.gpus),
        memory=replace(memory, available_bytes=available_bytes, commit_used_bytes=commit_used_bytes),
    )


def _without_own(gpu: Gpu) -> Gpu:
    """What is neither free nor others' is the engine's, but for what the driver keeps for itself."""
    reserved_bytes = round(_DRIVER_PART * gpu.total_bytes)
    own_bytes = gpu.total_bytes - gpu.free_bytes - gpu.used_by_others_bytes - reserved_bytes
    return replace(gpu, free_bytes=gpu.free_bytes + own_bytes) if own_bytes > 0 else gpu


def check_form(subject: Subject, question: Question, place: Place) -> FormVerdict:
    """Check what stands in the form; takes milliseconds and asks nobody."""
    found = check(subject, question, place)
    limits = limits_of(place.hardware, card_of(place.hardware, place.policy.gpu_uuid))
    cost = found.estimate
    return FormVerdict(
        verdict=_verdict(found, limits),
        memory=_memory(cost, found, place, limits) if cost is not None else None,
        seconds_low=cost.seconds_low if cost else None,
        seconds_high=cost.seconds_high if cost else None,
        reason=next((issue.text for issue in found.issues if issue.severity is Severity.BLOCKS), ""),
        offers=offers_among(found.recommendations),
    )


def _verdict(found: CompatibilityCheck, limits: Limits) -> Verdict:
    blocked = any(issue.severity is Severity.BLOCKS for issue in found.issues)
    if blocked and found.fit is not Fit.NOT_CHECKED:
        return Verdict.TOO_BIG
    cost, plan = found.estimate, found.plan
    if found.fit is Fit.SLOW and cost is not None and plan is not None and plan.device is Device.CPU:
        # The ladder calls every render on the processor slow; one of seconds is not.
        is_quick = cost.seconds_high is not None and cost.seconds_high <= _QUICK_ON_CPU_S
        is_tight = limits.ram_bytes is not None and cost.ram_peak_bytes > _WELL * limits.ram_bytes
        return Verdict.SLOW if not is_quick else Verdict.TIGHT if is_tight else Verdict.FITS
    return _VERDICTS[found.fit]


def _memory(cost: Estimate, found: CompatibilityCheck, place: Place, limits: Limits) -> MemoryNeed:
    card = card_of(place.hardware, place.policy.gpu_uuid)
    memory = place.hardware.memory
    on_card = limits.vram_bytes is not None and card.gpu is not None and cost.vram_peak_bytes > 0
    card_is_enough = on_card and cost.vram_peak_bytes <= (limits.vram_bytes or 0)
    ram_is_short = limits.ram_bytes is not None and cost.ram_peak_bytes > limits.ram_bytes
    if on_card and card.gpu is not None and not (found.plan is None and card_is_enough and ram_is_short):
        return MemoryNeed(
            is_video_memory=True,
            needed_bytes=cost.vram_peak_bytes,
            free_bytes=limits.vram_bytes or 0,
            total_bytes=card.gpu.total_bytes,
            others_bytes=max(0, card.gpu.total_bytes - card.gpu.free_bytes),
        )
    return MemoryNeed(
        is_video_memory=False,
        needed_bytes=cost.ram_peak_bytes,
        free_bytes=limits.ram_bytes or 0,
        total_bytes=memory.total_bytes,
        others_bytes=max(0, memory.total_bytes - memory.available_bytes),
    )


def offers_among(found: Sequence[Recommendation]) -> tuple[Recommendation, ...]:
    """What can be offered on a button: what this program can do, then to close others, which is the user's work."""
    able = [each for each in found if _can_be_offered(each)]
    ours = [each for each in able if each.kind is not ChangeKind.CLOSE_PROGRAMS]
    close = [each for each in able if each.kind is ChangeKind.CLOSE_PROGRAMS]
    return (*ours[: MAX_OFFERS - len(close)], *close)


def _can_be_offered(found: Recommendation) -> bool:
    match found.kind:
        case ChangeKind.REQUEST:
            return found.width is not None
        case ChangeKind.VARIANT | ChangeKind.MODEL:
            return True
        case ChangeKind.CLOSE_PROGRAMS:
            return (found.size_bytes or 0) >= _WORTH_CLOSING_BYTES
        case _:
            return False


def offers_after_failure(subject: Subject, question: Question, place: Place) -> tuple[Recommendation, ...]:
    """What to offer after it failed for lack of memory, even where it fits on paper: the paper was wrong then."""
    return offers_among(list(_less(subject, question, place)))


def _less(subject: Subject, question: Question, place: Place) -> Iterator[Recommendation]:
    for found in recommend(Trial(subject, question, place), fits=False):
        if found.kind is not ChangeKind.REQUEST or found.width is None or _is_less(found, question.workload):
            yield found


def _is_less(found: Recommendation, asked: Workload) -> bool:
    size = (found.width or 0) * (found.height or 0) * (found.num_frames or 0)
    return size < asked.width * asked.height * asked.num_frames
