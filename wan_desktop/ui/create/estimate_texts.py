"""What the foot of the form and the error card say of an estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_desktop.core import model_names
from wan_desktop.core.card_programs import named_sizes
from wan_desktop.core.fallback import Outcome
from wan_desktop.core.form_check import Verdict
from wan_desktop.core.recommendations import ChangeKind
from wan_desktop.core.words import mark, short_decimal, tr
from wan_desktop.ui import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.form_check import FormVerdict, MemoryNeed
    from wan_desktop.core.generation import Attempt
    from wan_desktop.core.recommendations import Recommendation

_HEADLINES = {
    Verdict.FITS: mark("Fits this PC"),
    Verdict.TIGHT: mark("Tight on this PC"),
    Verdict.SLOW: mark("Slow on this PC"),
    Verdict.TOO_BIG: mark("Too big for this PC"),
    Verdict.NOT_CHECKED: mark("Not checked"),
}
ICONS = {
    Verdict.FITS: ("circle-check", "ok"),
    Verdict.TIGHT: ("triangle-alert", "warn"),
    Verdict.SLOW: ("timer", "warn"),
    Verdict.TOO_BIG: ("octagon-x", "bad"),
    Verdict.NOT_CHECKED: ("circle-help", "text3"),
}
"""Icon and colour of each verdict."""
BAR_TOKENS = {Verdict.TIGHT: "fill_warn", Verdict.TOO_BIG: "fill_bad"}
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_DASH = "\u2013"
_MOST_TRIED = 5


def headline(verdict: Verdict) -> str:
    """`Fits this PC`."""
    return tr(_HEADLINES[verdict])


def time_words(seconds_low: float | None, seconds_high: float | None) -> str:
    """`about 4-5 min`; says so where nobody knows."""
    if seconds_low is None or seconds_high is None:
        return tr("time not known yet")
    if seconds_high < 1:
        return tr("about 1 s")
    if seconds_high < _MINUTE_S:
        return tr("about {range} s", range=_range(seconds_low, seconds_high))
    if seconds_high < 1.5 * _HOUR_S:
        return tr("about {range} min", range=_range(seconds_low / _MINUTE_S, seconds_high / _MINUTE_S))
    if seconds_high < 2 * _DAY_S:
        return tr("about {range} h", range=_range(seconds_low / _HOUR_S, seconds_high / _HOUR_S))
    return tr("about {range} days", range=_range(seconds_low / _DAY_S, seconds_high / _DAY_S))


def _range(low: float, high: float) -> str:
    first, last = max(1, round(low)), max(1, round(high))
    return str(last) if first >= last else f"{first}{_DASH}{last}"


def memory_words(need: MemoryNeed) -> str:
    """`Video memory: 7.9 GB needed, 10.9 GB free`."""
    needed, free = text.data_size(need.needed_bytes), text.data_size(need.free_bytes)
    if need.is_video_memory:
        return tr("Video memory: {needed} needed, {free} free", needed=needed, free=free)
    return tr("Memory: {needed} needed, {free} free", needed=needed, free=free)


def spoken(found: FormVerdict) -> str:
    """For a screen reader: `Fits this PC, about 4 to 5 min`."""
    time = time_words(found.seconds_low, found.seconds_high).replace(_DASH, tr(" to "))
    return f"{headline(found.verdict)}, {time}"


def result_words(change: Recommendation) -> str:
    """What a change leads to: `7.9 GB, about 3 min`."""
    if change.kind is ChangeKind.CLOSE_PROGRAMS:
        size, names = text.data_size(change.size_bytes or 0), named_sizes(change.programs)
        if names:
            return tr("frees up to {size} of video memory; the largest: {programs}", size=size, programs=names)
        return tr("frees up to {size} of video memory", size=size)
    needed = change.vram_peak_bytes or change.ram_peak_bytes
    parts = [text.data_size(needed)] if needed else []
    if change.seconds_high is not None:
        parts.append(time_words(change.seconds_low, change.seconds_high))
    return ", ".join(parts)


def change_words(change: Recommendation, now: tuple[int, int, int], fps: int) -> str:
    """A change on a button in the foot of the form: `Use 832 x 480`, `Shorten to 3 s`.

    Args:
        change: What is offered.
        now: Width, height and frames of what was asked for.
        fps: To tell frames as seconds.
    """
    match change.kind:
        case ChangeKind.VARIANT:
            return tr("Use the smaller weights {variant}", variant=model_names.variant_name(change.variant or ""))
        case ChangeKind.MODEL:
            return tr("Use {model}", model=model_names.model_name(change.model_name or change.model_id or "", ""))
        case ChangeKind.CLOSE_PROGRAMS:
            return tr("Close other programs")
        case _:
            return _request_words(change, now, fps)


def retry_words(change: Recommendation, now: tuple[int, int, int], fps: int, *, is_here: bool = True) -> str:
    """A change on a button of the error card: `Make it 832 x 480 and retry`.

    Args:
        change: What is offered.
        now: Width, height and frames of what was asked for.
        fps: To tell frames as seconds.
        is_here: The model it is about is on this PC, so that it can be tried at once.
    """
    if change.kind is ChangeKind.CLOSE_PROGRAMS:
        return tr("Close other programs")
    if not is_here:
        name = change.model_name or change.model_id or ""
        return tr("Get {model}", model=model_names.model_name(name, change.variant or ""))
    size, length = _changed(change, now, fps)
    if change.kind is ChangeKind.REQUEST and size and not length:
        return tr("Make it {size} and retry", size=size)
    return tr("{change} and retry", change=change_words(change, now, fps))


def _request_words(change: Recommendation, now: tuple[int, int, int], fps: int) -> str:
    size, length = _changed(change, now, fps)
    if size and length:
        return tr("Use {size}, {length}", size=size, length=length)
    return tr("Use {size}", size=size) if size else tr("Shorten to {length}", length=length)


def _changed(change: Recommendation, now: tuple[int, int, int], fps: int) -> tuple[str, str]:
    """The new size and the new length; empty where it stays."""
    width, height, frames = now
    size = f"{change.width} {text.TIMES} {change.height}" if (change.width, change.height) != (width, height) else ""
    seconds = (change.num_frames or frames) / max(1, fps)
    # Whole seconds of a model are a frame longer, which nobody calls 5.04 s.
    length = short_decimal(seconds) + " s" if change.num_frames not in (None, frames) else ""
    return size, length


def retry_icon(change: Recommendation, *, is_here: bool = True) -> str:
    """What stands before `retry_words`."""
    if change.kind is ChangeKind.CLOSE_PROGRAMS:
        return "x"
    return "rotate-ccw" if is_here else "download"


# What was tried ------------------------------------------------------------------------------------------------------

_PLACES = {
    "cpu": mark("Computed it on the processor"),
    "resident": mark("Kept the whole model on the card"),
    "component": mark("Kept only the part that works on the card"),
    "blocks": mark("Moved the model to the card block by block"),
    "leaves": mark("Moved the model to the card layer by layer"),
    "disk": mark("Read the model from the drive piece by piece"),
}
_SAVINGS = {
    "text-drop": mark("let go of the text encoder after reading the prompt"),
    "text-cpu": mark("read the prompt on the processor"),
    "vae-tiled": mark("built the pictures in tiles"),
    "one-expert": mark("kept one half of the model at a time"),
}
_OUTCOMES = {
    Outcome.OUT_OF_MEMORY: mark("not enough memory"),
    Outcome.INCOMPATIBLE: mark("not possible on this PC"),
    Outcome.DAMAGED: mark("a file is damaged"),
    Outcome.ENGINE_DIED: mark("the engine stopped"),
    Outcome.BROKEN_PICTURE: mark("the picture was broken"),
    Outcome.BUSY: mark("a file was in use"),
    Outcome.FAILED: mark("it failed"),
}


def tried_words(attempts: Sequence[Attempt]) -> tuple[str, ...]:
    """What was tried, in plain words, one line an attempt; only the last ones of many."""
    return tuple(_attempt(attempt) for attempt in attempts[-_MOST_TRIED:])


def _attempt(attempt: Attempt) -> str:
    name = attempt.plan
    place = tr(_PLACES.get(name.split("-", maxsplit=1)[0], mark("Loaded the model as usual")))
    savings = [tr(words) for part, words in _SAVINGS.items() if part in name]
    if name.startswith("cpu-cpu"):
        savings.append(tr("with as little memory as possible"))
    done = ", ".join([place, *savings])
    outcome = _OUTCOMES.get(Outcome(attempt.outcome)) if attempt.outcome in set(Outcome) else None
    return tr("{done}: {outcome}", done=done, outcome=tr(outcome)) if outcome else done
