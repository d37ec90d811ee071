"""What the speed test and earlier renders have shown of this PC, in words; for the page This PC and the first start."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wan_desktop.core.calibration import Calibration, Ratio
from wan_desktop.core.card_uuid import plain_uuid
from wan_desktop.core.measured_speed import CPU
from wan_desktop.core.messages import SpeedKind, SpeedPart, SpeedReport, SpeedStatus, Stage
from wan_desktop.core.pc_rows import RowState, kernel_name
from wan_desktop.core.words import mark, tr, trn

_TERA, _GIGA = 1e12, 1e9
_SAME_PERCENT = 3
"""Less is noise: renders of the same kind differ by as much."""
_STATES = {SpeedStatus.MEASURED: RowState.OK, SpeedStatus.OFF: RowState.NOT_CHECKED, SpeedStatus.WRONG: RowState.WARN}
_COPIES = {"pinned": mark("Copies to the card"), "pageable": mark("Copies of unprepared memory to the card")}
_NUMBERS = {"float32": "FP32", "bfloat16": "BF16", "float16": "FP16", "float8": "FP8", "int8": "INT8"}


@dataclass(frozen=True, slots=True)
class SpeedLine:
    """One number of the speed test."""

    name: str
    value: str
    """Empty where there is none."""
    state: RowState
    hint: str = ""


def speed_part_name(kind: SpeedKind, name: str) -> str:
    """What a part of the speed test measures."""
    match kind:
        case SpeedKind.PRODUCTS:
            return tr("Computing in {numbers}", numbers=_NUMBERS.get(name.split("_")[0], name))
        case SpeedKind.ATTENTION:
            return tr("Attention, {kernel}", kernel=kernel_name(name))
        case SpeedKind.COPY:
            return tr(_COPIES[name]) if name in _COPIES else name
        case SpeedKind.DISK:
            return tr("Reading model files")


def speed_lines(report: SpeedReport) -> tuple[SpeedLine, ...]:
    """The report, line by line."""
    return tuple(
        SpeedLine(speed_part_name(part.kind, part.name), _rate(part), _STATES[part.status], part.reason)
        for part in report.parts
    )


def _rate(part: SpeedPart) -> str:
    if part.status is SpeedStatus.OFF:
        return tr("not available")
    if part.status is SpeedStatus.WRONG:
        return tr("wrong results, not used")
    if part.kind in (SpeedKind.COPY, SpeedKind.DISK):
        return f"{part.per_s / _GIGA:.2g} GB/s" if part.per_s < 10 * _GIGA else f"{part.per_s / _GIGA:.0f} GB/s"
    rate = part.per_s / _TERA
    return f"{rate:.2g} TFLOP/s" if rate < 10 else f"{rate:.0f} TFLOP/s"


def learned_in_words(calibration: Calibration, device: str = CPU) -> str:
    """Such as "Your videos take 8 % less time than estimated before. Learned from 4 videos."; empty without any.

    Args:
        calibration: What renders have shown.
        device: UUID of the card, or `cpu`.
    """
    wanted = plain_uuid(device)
    entries = [entry for key, entry in calibration.entries.items() if plain_uuid(key.split(" ", 1)[0]) == wanted]
    ratios = [entry.seconds[Stage.CREATE_FRAMES] for entry in entries if Stage.CREATE_FRAMES in entry.seconds]
    runs = sum(ratio.runs for ratio in ratios)
    if not runs:
        return ""
    percent = round(100 * (_mean(ratios) - 1))
    if abs(percent) < _SAME_PERCENT:
        words = tr("Your videos take as long as the first estimate says.")
    elif percent > 0:
        words = tr("Your videos take {percent} % longer than the first estimate says.", percent=percent)
    else:
        words = tr("Your videos take {percent} % less time than the first estimate says.", percent=-percent)
    learned = trn(
        "Learned from {count} video; later estimates count it in.",
        "Learned from {count} videos; later estimates count them in.",
        runs,
    )
    return f"{words} {learned}"


def _mean(ratios: Sequence[Ratio]) -> float:
    """Of factors, each weighted with its runs."""
    weight = sum(ratio.runs for ratio in ratios)
    return math.exp(sum(ratio.runs * math.log(ratio.factor) for ratio in ratios) / weight)
