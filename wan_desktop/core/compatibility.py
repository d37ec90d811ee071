"""Does a video fit this PC, with this model, and what stands in its way? With numbers.

The same answer is shown by badges, form, error card and command line.
"""

from dataclasses import dataclass
from enum import StrEnum

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.estimate import Estimate
from wan_desktop.core.ladder import Fit, Rung, Substitute, size_step_px
from wan_desktop.core.load_plan import Device, LoadPlan
from wan_desktop.core.machine import CardKind
from wan_desktop.core.recommendations import Recommendation, recommend
from wan_desktop.core.trial import DISK_MARGIN, Place, Question, Subject, Trial
from wan_desktop.core.words import tr


class ModelCompatibility(StrEnum):
    """How a model and a video go with a PC."""

    FULLY_COMPATIBLE = "fully-compatible"
    PARTIALLY_COMPATIBLE = "partially-compatible"
    """It can be made, but slowly, tightly, or only after something else is done."""
    INCOMPATIBLE = "incompatible"
    NOT_CHECKED = "not-checked"
    """There are no data."""


class Severity(StrEnum):
    """What an issue means."""

    BLOCKS = "blocks"
    SLOWS = "slows"
    NOTE = "note"


class IssueCode(StrEnum):
    """What can stand in the way."""

    MODE = "mode"
    RESOLUTION = "resolution"
    FRAMES = "frames"
    NO_CARD = "no-card"
    CARD_TOO_OLD = "card-too-old"
    DRIVER_TOO_OLD = "driver-too-old"
    NUMBER_FORMAT = "number-format"
    VIDEO_MEMORY = "video-memory"
    MEMORY = "memory"
    PAGE_FILE = "page-file"
    DISK = "disk"
    NOT_HERE = "not-here"
    REFUSED = "refused"
    UNKNOWN_MODEL = "unknown-model"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing in the way."""

    code: IssueCode
    severity: Severity
    text: str
    needed: float | None = None
    """In the unit that the code implies: bytes, pixels, frames, a version."""
    available: float | None = None


@dataclass(frozen=True, slots=True)
class CompatibilityCheck:
    """The answer."""

    model_id: str
    variant: str
    mode: GenerationMode
    level: ModelCompatibility
    fit: Fit
    issues: tuple[Issue, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    plan: LoadPlan | None = None
    """The first that fits, of what the user chose."""
    estimate: Estimate | None = None
    """Of that plan, or of the one that comes nearest."""
    ladder: tuple[Rung, ...] = ()


def check(subject: Subject, question: Question, place: Place) -> CompatibilityCheck:
    """Check one video with one model on one PC; takes milliseconds and asks nobody."""
    trial = Trial(subject, question, place)
    rungs = trial.ladder()
    own = [rung for rung in rungs if rung.substitute is Substitute.NONE]
    chosen = next((rung for rung in own if rung.fit.fits), None)
    issues = [*_model_issues(trial), *_card_issues(trial), *_memory_issues(trial, chosen), *_disk_issues(trial)]
    fit = trial.fit()
    nearest = chosen or trial.nearest()
    return CompatibilityCheck(
        model_id=subject.metadata.model_id,
        variant=subject.variant.name if subject.variant else "",
        mode=question.mode,
        level=_level(fit, issues),
        fit=fit,
        issues=tuple(issues),
        recommendations=tuple(recommend(trial, fits=fit.fits)),
        plan=chosen.plan if chosen else None,
        estimate=nearest.estimate if nearest else None,
        ladder=rungs,
    )


def _level(fit: Fit, issues: list[Issue]) -> ModelCompatibility:
    severities = {issue.severity for issue in issues}
    if Severity.BLOCKS in severities or fit is Fit.TOO_BIG:
        return ModelCompatibility.INCOMPATIBLE
    if fit is Fit.NOT_CHECKED:
        return ModelCompatibility.NOT_CHECKED
    if fit is Fit.WELL and Severity.SLOWS not in severities:
        return ModelCompatibility.FULLY_COMPATIBLE
    return ModelCompatibility.PARTIALLY_COMPATIBLE


# Issues --------------------------------------------------------------------------------------------------------------


def _model_issues(trial: Trial) -> list[Issue]:
    subject, mode, name = trial.subject, trial.question.mode, trial.subject.metadata.name
    issues = []
    if subject.modes and mode not in subject.modes:
        text = tr("{name} cannot make {mode}; it makes {modes}.", name=name, mode=mode, modes=", ".join(subject.modes))
        issues.append(Issue(IssueCode.MODE, Severity.BLOCKS, text))
    if subject.variant is not None and subject.variant.is_refused:
        text = f"{subject.variant.name}: {tr(subject.variant.refused_because)}."
        issues.append(Issue(IssueCode.REFUSED, Severity.BLOCKS, text))
    elif not subject.candidates:
        text = tr("How {name} is made is not known before it is here.", name=name)
        issues.append(Issue(IssueCode.UNKNOWN_MODEL, Severity.NOTE, text))
    else:
        issues += _request_issues(trial)
    return issues


def _request_issues(trial: Trial) -> list[Issue]:
    metadata, workload, step = trial.subject.metadata, trial.question.workload, size_step_px(trial.shape)
    issues = [
        Issue(IssueCode.RESOLUTION, Severity.BLOCKS, text, step, px)
        for text, px in (
            (tr("The width of {px} is no multiple of {step}.", px=workload.width, step=step), workload.width),
            (tr("The height of {px} is no multiple of {step}.", px=workload.height, step=step), workload.height),
        )
        if px % step
    ]
    frames, most = workload.num_frames, metadata.num_frames
    if (frames - 1) % 4:
        text = tr("{frames} frames are not one more than a multiple of four.", frames=frames)
        issues.append(Issue(IssueCode.FRAMES, Severity.BLOCKS, text, 4, frames))
    elif frames > most:
        text = tr(
            "{name} was made for {most} frames; with {frames} the picture suffers.",
            name=metadata.name,
            most=most,
            frames=frames,
        )
        issues.append(Issue(IssueCode.FRAMES, Severity.NOTE, text, frames, most))
    return issues


_CARD_ISSUES = {
    CardKind.NONE: (IssueCode.NO_CARD, Severity.SLOWS),
    CardKind.TOO_OLD: (IssueCode.CARD_TOO_OLD, Severity.SLOWS),
    CardKind.DRIVER_TOO_OLD: (IssueCode.DRIVER_TOO_OLD, Severity.SLOWS),
    CardKind.NO_BFLOAT16: (IssueCode.NUMBER_FORMAT, Severity.NOTE),
}


def _card_issues(trial: Trial) -> list[Issue]:
    card = trial.card
    if card.kind is CardKind.GOOD:
        return []
    code, severity = _CARD_ISSUES[card.kind]
    return [Issue(code, severity, card.text, card.needed, card.found)]


def _memory_issues(trial: Trial, chosen: Rung | None) -> list[Issue]:
    """When nothing fits: what is short on the way that comes nearest."""
    if chosen is not None or not trial.subject.candidates:
        return []
    nearest = trial.nearest()
    if nearest is None:
        return [Issue(IssueCode.NO_CARD, Severity.BLOCKS, tr("Nothing here could compute it in useful time."))]
    cost, limits = nearest.estimate, trial.limits
    needs = [
        (IssueCode.MEMORY, tr("memory"), cost.ram_peak_bytes, limits.ram_bytes),
        (IssueCode.PAGE_FILE, tr("memory with page file"), cost.commit_peak_bytes, limits.commit_bytes),
    ]
    if nearest.plan.device is not Device.CPU:
        needs.insert(0, (IssueCode.VIDEO_MEMORY, tr("video memory"), cost.vram_peak_bytes, limits.vram_bytes))
    return [
        Issue(
            code,
            Severity.BLOCKS,
            tr(
                "It needs {needed:.1f} GB of {name}; {limit:.1f} can be used.",
                needed=needed / 1e9,
                name=name,
                limit=limit / 1e9,
            ),
            needed,
            limit,
        )
        for code, name, needed, limit in needs
        if limit is not None and needed > limit
    ]


def _disk_issues(trial: Trial) -> list[Issue]:
    subject, free_bytes = trial.subject, trial.place.free_disk_bytes
    if subject.is_here:
        return []
    size_bytes = subject.download_bytes
    text = tr("It is not on this PC: {size_gb:.1f} GB to download.", size_gb=size_bytes / 1e9)
    issues = [Issue(IssueCode.NOT_HERE, Severity.NOTE, text, size_bytes, 0)]
    needed_bytes = size_bytes * DISK_MARGIN
    if free_bytes is not None and needed_bytes > free_bytes:
        text = tr(
            "It needs {needed_gb:.1f} GB on the drive; {free_gb:.1f} GB are free.",
            needed_gb=needed_bytes / 1e9,
            free_gb=free_bytes / 1e9,
        )
        issues.append(Issue(IssueCode.DISK, Severity.BLOCKS, text, needed_bytes, free_bytes))
    return issues
