"""What the compatibility report says, on the page and as text to copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wan_desktop.core.attention import Attention
from wan_desktop.core.card_programs import named_sizes
from wan_desktop.core.catalog import WeightPrecision
from wan_desktop.core.compatibility import IssueCode, Severity
from wan_desktop.core.estimate import Basis
from wan_desktop.core.load_plan import Device, Placement, Precision, Storage, TextEncoderPolicy, VaePolicy
from wan_desktop.core.model_offers import FitBadge, ModelOffer, badge_of
from wan_desktop.core.model_report import Holder
from wan_desktop.core.recommendations import ChangeKind
from wan_desktop.core.words import decimal, mark, short_decimal, tr, trn
from wan_desktop.ui import text
from wan_desktop.ui.create.estimate_texts import time_words
from wan_desktop.ui.models import words

if TYPE_CHECKING:
    from wan_desktop.core.compatibility import CompatibilityCheck, Issue
    from wan_desktop.core.load_plan import LoadPlan
    from wan_desktop.core.model_report import MemoryBar, ModelReport, OtherSize
    from wan_desktop.core.recommendations import Recommendation

HOLDERS = {
    Holder.OTHERS: (mark("other programs"), "fill_idle"),
    Holder.MODEL: (mark("model"), "accent"),
    Holder.FRAMES: (mark("frames"), "fill_2"),
    Holder.DECODER: (mark("decoder"), "fill_3"),
}
"""Words and colour of each part of a bar."""
_VERDICTS = {
    FitBadge.RUNS_WELL: mark("Runs well on this PC"),
    FitBadge.TIGHT: mark("Tight on this PC"),
    FitBadge.SLOW: mark("Slow on this PC"),
    FitBadge.TOO_BIG: mark("Too big for this PC"),
    FitBadge.NOT_SUPPORTED: mark("Not supported on this PC"),
    FitBadge.NOT_CHECKED: mark("Not checked"),
}
_PLACEMENTS = {
    Placement.RESIDENT: (mark("Off"), mark("all of it fits on the card")),
    Placement.COMPONENT: (mark("One part on the card at a time"), mark("all parts together would not fit")),
    Placement.BLOCKS: (mark("Block by block"), mark("the model is larger than the card's memory")),
    Placement.LEAVES: (mark("Layer by layer"), mark("the least memory, the most copying")),
    Placement.DISK: (mark("From the drive, block by block"), mark("memory is short too")),
}
_PRECISIONS = {
    Precision.AUTO: mark("BF16 maths"),
    Precision.BFLOAT16: mark("BF16 maths"),
    Precision.FLOAT16: mark("FP16 maths"),
    Precision.FLOAT32: mark("FP32 maths"),
}
_TEXT_ENCODERS = {
    TextEncoderPolicy.KEEP: mark("Kept in memory"),
    TextEncoderPolicy.DROP: mark("Read again for each new prompt"),
    TextEncoderPolicy.CPU: mark("On the processor"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One decision, and why."""

    name: str
    value: str
    why: str = ""


def verdict(offer: ModelOffer, check: CompatibilityCheck) -> tuple[FitBadge, str]:
    """The badge of this video, and its sentence."""
    badge = badge_of(offer.variant, check)
    return badge, tr(_VERDICTS[badge])


def sentence(offer: ModelOffer, report: ModelReport) -> str:
    """`5 s at 832 x 480 in about 4-5 min. 1280 x 720 works too, about 14 min`."""
    workload, check = report.workload, report.check
    video = tr(
        "{length} at {size}",
        length=seconds(workload.num_frames, offer.metadata.fps),
        size=f"{workload.width} {text.TIMES} {workload.height}",
    )
    if not check.fit.fits or check.estimate is None:
        first = next((issue.text for issue in check.issues if issue.severity is Severity.BLOCKS), "")
        return f"{video}. {first}" if first else tr("{video}: nobody knows yet.", video=video)
    cost = check.estimate
    done = tr("{video} in {time}.", video=video, time=time_words(cost.seconds_low, cost.seconds_high))
    return f"{done} {_works_too(report.larger)}" if report.larger is not None else done


def _works_too(other: OtherSize) -> str:
    size = f"{other.size.width} {text.TIMES} {other.size.height}"
    return tr("{size} works too, {time}.", size=size, time=time_words(other.seconds_low, other.seconds_high))


def seconds(num_frames: int, fps: int) -> str:
    """`5 s`; whole seconds of a model are a frame longer, which nobody calls 5.04 s."""
    return short_decimal((num_frames - 1) / max(1, fps)) + " s"


def bar_value(bar: MemoryBar) -> str:
    """`7.9 of 10.9 GB free`."""
    return tr("{amounts} free", amounts=words.amounts(bar.needed_bytes, bar.free_bytes))


def bar_spoken(bar: MemoryBar) -> str:
    """`7.9 gigabytes needed, 10.9 free, fits`."""
    fits = tr("fits") if bar.fits else tr("does not fit")
    return tr(
        "{needed} gigabytes needed, {free} free, {fits}",
        needed=decimal(bar.needed_bytes / 1e9, 1),
        free=decimal(bar.free_bytes / 1e9, 1),
        fits=fits,
    )


def settings(offer: ModelOffer, report: ModelReport) -> tuple[Setting, ...]:
    """What the program will do, where it knows."""
    plan = report.check.plan
    if plan is None:
        return ()
    rows = [
        Setting(tr("Number format"), _number_format(offer, plan)),
        _memory_saving(plan),
        Setting(tr("Text encoder"), tr(_TEXT_ENCODERS[plan.text_encoder])),
        Setting(tr("Attention"), _attention(plan)),
    ]
    if report.best is not None:
        rows.append(Setting(tr("Best size"), best_words(offer, report.best)))
    return tuple(rows)


def best_words(offer: ModelOffer, best: OtherSize) -> str:
    """`832 x 480, up to 5 s`."""
    size = f"{best.size.width} {text.TIMES} {best.size.height}"
    return tr("{size}, up to {length}", size=size, length=seconds(best.num_frames, offer.metadata.fps))


def _number_format(offer: ModelOffer, plan: LoadPlan) -> str:
    variant = offer.variant
    is_known = variant is not None and variant.precision is not WeightPrecision.UNKNOWN
    weights = variant.precision.value.upper() if variant is not None and is_known else ""
    if plan.storage is Storage.FP8:
        weights = "FP8"
    maths = tr("FP32 maths") if plan.device is Device.CPU else tr(_PRECISIONS[plan.precision])
    return tr("{weights} weights, {maths}", weights=weights, maths=maths) if weights else maths


def _memory_saving(plan: LoadPlan) -> Setting:
    if plan.device is Device.CPU:
        return Setting(tr("Memory saving"), tr("Off"), tr("the processor computes"))
    value, why = _PLACEMENTS[plan.placement]
    shown = tr(value)
    if plan.vae is VaePolicy.TILED:
        shown = tr("{saving}; pictures in tiles", saving=shown)
    return Setting(tr("Memory saving"), shown, tr(why))


def _attention(plan: LoadPlan) -> str:
    return tr("PyTorch's own") if plan.attention is Attention.NATIVE else plan.attention.value.strip("_")


def accuracy(check: CompatibilityCheck) -> str:
    """`Estimate`, `Measured on this PC, 3 runs`."""
    cost = check.estimate
    if cost is None:
        return ""
    match cost.basis:
        case Basis.MEASURED:
            return trn("Measured on this PC, {count} run", "Measured on this PC, {count} runs", cost.runs)
        case Basis.SPEED_MEASURED:
            return tr("Estimate, with the speed that was measured on this PC")
        case _:
            return tr("Estimate from the data of this PC's parts; the first video makes it exact")


_ISSUES = {
    IssueCode.VIDEO_MEMORY: mark("Not enough video memory"),
    IssueCode.MEMORY: mark("Not enough memory"),
    IssueCode.PAGE_FILE: mark("The page file is too small"),
    IssueCode.DISK: mark("Not enough space on the drive"),
    IssueCode.NO_CARD: mark("No graphics card computes"),
    IssueCode.CARD_TOO_OLD: mark("The graphics card is too old"),
    IssueCode.DRIVER_TOO_OLD: mark("The graphics driver is too old"),
    IssueCode.NUMBER_FORMAT: mark("Computes in FP16"),
    IssueCode.REFUSED: mark("These files cannot be used"),
    IssueCode.UNKNOWN_MODEL: mark("Not known yet"),
    IssueCode.MODE: mark("The model cannot do that"),
    IssueCode.RESOLUTION: mark("This size does not work"),
    IssueCode.FRAMES: mark("Longer than the model was made for"),
}


def issue_title(issue: Issue) -> str:
    """In a few words."""
    return tr(_ISSUES[issue.code]) if issue.code in _ISSUES else ""


def change_title(change: Recommendation, other: ModelOffer | None) -> str:
    """What would help: `Use Wan 2.1 T2V 1.3B · Q8_0 instead`."""
    return tr("Use {name} instead", name=words.title(other)) if other is not None else change.text


def change_words(change: Recommendation, other: ModelOffer | None) -> str:
    """On its button: `Show programs`, `Show Q8_0 (19.6 GB)`, `Try it`."""
    match change.kind:
        case ChangeKind.CLOSE_PROGRAMS:
            return tr("Show programs")
        case ChangeKind.FREE_DISK:
            return tr("Show storage")
        case ChangeKind.UPDATE_DRIVER:
            return tr("Open NVIDIA page")
        case ChangeKind.REQUEST:
            return tr("Try it")
        case _:
            if other is None:
                return ""
            if other.is_on_pc:
                return tr("Show it")
            return tr("Show it ({size})", size=text.data_size(other.download_bytes))


def change_result(change: Recommendation) -> str:
    """`Then it takes about 3 min`, and of programs to close, which are the largest."""
    if change.kind is ChangeKind.CLOSE_PROGRAMS and (names := named_sizes(change.programs)):
        return tr("The largest: {programs}.", programs=names)
    if change.seconds_high is None:
        return ""
    return tr("Then it takes {time}.", time=time_words(change.seconds_low, change.seconds_high))


def as_text(offer: ModelOffer, report: ModelReport) -> str:
    """The whole report, to be copied."""
    badge, headline = verdict(offer, report.check)
    lines = [words.title(offer), f"{headline}. {sentence(offer, report)}", tr("Badge: {badge}", badge=badge.value)]
    bars = ((tr("Video memory"), report.video_memory), (tr("Memory"), report.memory), (tr("Disk"), report.disk))
    lines += [f"{name}: {bar_spoken(bar)}" for name, bar in bars if bar is not None]
    lines += [f"- {issue.text}" for issue in report.check.issues]
    lines += [f"> {change.text}" for change in report.check.recommendations]
    for row in settings(offer, report):
        lines.append(f"{row.name}: {row.value}" + (f" ({row.why})" if row.why else ""))
    lines.append(accuracy(report.check))
    lines.append(
        tr("Licence: {licence}. Source: {source}", licence=offer.metadata.licence, source=offer.metadata.source)
    )
    return "\n".join(line for line in lines if line)
