"""What renders on this PC have taken, compared with what was foretold; it makes later estimates better and narrower."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wan_desktop.core.json_file import JsonFile

if TYPE_CHECKING:
    from wan_desktop.core.load_plan import LoadPlan

_MAX_ENTRIES = 400
_MAX_SIZE_CLASSES = 40
_NEWEST_COUNTS = 0.3
"""How much the newest run counts at least: drivers and cards change."""
_PLAUSIBLE = 50.0
"""A ratio beyond that, or below one over it, is no measurement of the same thing and is not learned."""
_CACHED_STAGES = ("load_model", "read_prompt")
_CACHED = 0.1
"""A run that took less than that part of the foretold time had it in memory already."""
_FIRST_WIDTH, _LEAST_WIDTH = 1.35, 1.05
"""How far up and down a time may be off after one run, and after many."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The bare formulas' numbers of one render."""

    device: str
    """UUID of the card, or `cpu`."""
    family: str
    """Of the model, as `ModelShape.family` has it."""
    plan_kind: str
    """What of the plan changes speed or memory."""
    size_class: str
    """Renders of one class are of about the same size."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By stage, the middle of the range; empty where the speed of the machine is not known. Always with the speeds that
    the parts of the PC are said to have, never with those of the speed test: so what was learned stays right when the
    speed is measured, measured again or forgotten."""
    vram_bytes: int = 0
    """Most that tensors take on the card."""
    ram_bytes: int = 0
    """Most that the engine's process takes of normal memory."""

    @property
    def key(self) -> str:
        """What belongs together."""
        return f"{self.device} {self.family} {self.plan_kind}"


class Foretold(Protocol):
    """An estimate."""

    @property
    def prediction(self) -> Prediction | None:
        """What its formulas gave."""


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """What a finished render took."""

    timings_s: Mapping[str, float]
    """By stage, as `GenerationResult` has them."""
    peak_memory_bytes: int
    """Of video memory, as torch counts it; 0 on a CPU."""
    ram_peak_bytes: int = 0
    """Of the engine's process; 0 if nobody looked."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Measured over foretold, of some runs."""

    factor: float = 1.0
    """The mean of their logarithms, as a factor; newer ones count more."""
    spread: float = 0.0
    """Mean distance from it, as a logarithm."""
    runs: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.factor < math.inf and 0 <= self.spread < math.inf and self.runs >= 0):
            raise ValueError("no ratio")

    def learn(self, ratio: float) -> "Ratio":
        """With one more run; unchanged if it cannot be a measurement of the same thing."""
        if not 1 / _PLAUSIBLE <= ratio <= _PLAUSIBLE:
            return self
        weight = max(_NEWEST_COUNTS, 1 / (self.runs + 1))
        distance = math.log(ratio) - math.log(self.factor)
        factor = math.exp(math.log(self.factor) + weight * distance)
        spread = 0.0 if self.runs == 0 else (1 - weight) * self.spread + weight * abs(distance)
        return Ratio(round(factor, 6), round(spread, 6), self.runs + 1)

    @property
    def width(self) -> float:
        """The next run will be within factor / width and factor * width, most likely."""
        by_count = 1 + (_FIRST_WIDTH - 1) / math.sqrt(max(1, self.runs))
        return max(_LEAST_WIDTH, by_count, math.exp(2 * self.spread))


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one way to render one family of models on one device."""

    seconds: Mapping[str, Ratio] = field(default_factory=dict)
    """By stage."""
    vram: Ratio = Ratio()
    ram: Ratio = Ratio()
    size_classes: tuple[str, ...] = ()
    """In which sizes; the newest at the end."""
    last: str = ""
    """The newest run in words, for people who look into the file."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What renders on this PC have shown, by `Prediction.key`."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """How many renders it was learned from."""
        return sum(max([0, *(ratio.runs for ratio in entry.seconds.values())]) for entry in self.entries.values())

    def entry(self, prediction: Prediction) -> Entry | None:
        """What is known of renders like that one."""
        return self.entries.get(prediction.key)

    def learn(self, prediction: Prediction, measured: MeasuredRun, last: str = "") -> "Calibration":
        """With one more render."""
        entry = self.entries.get(prediction.key, Entry())
        seconds = dict(entry.seconds)
        for stage, foretold in prediction.seconds.items():
            ratio = _ratio(measured.timings_s.get(stage, 0.0), foretold)
            if ratio and not (stage in _CACHED_STAGES and ratio < _CACHED):
                seconds[stage] = seconds.get(stage, Ratio()).learn(ratio)
        learned = Entry(
            seconds=seconds,
            vram=_learned(entry.vram, measured.peak_memory_bytes, prediction.vram_bytes),
            ram=_learned(entry.ram, measured.ram_peak_bytes, prediction.ram_bytes),
            size_classes=_with(entry.size_classes, prediction.size_class),
            last=last,
        )
        entries = {key: value for key, value in self.entries.items() if key != prediction.key}
        entries[prediction.key] = learned
        for key in list(entries)[:-_MAX_ENTRIES]:
            del entries[key]
        return replace(self, entries=entries)


def _ratio(measured: float, foretold: float) -> float:
    """0 where there is none."""
    return measured / foretold if measured > 0 and foretold > 0 else 0.0


def _learned(known: Ratio, measured: float, foretold: float) -> Ratio:
    ratio = _ratio(measured, foretold)
    return known.learn(ratio) if ratio else known


def _with(classes: tuple[str, ...], newest: str) -> tuple[str, ...]:
    return (*(name for name in classes if name != newest), newest)[-_MAX_SIZE_CLASSES:]


class CalibrationStore:
    """Keeps it in a small JSON file. Rubbish in there is set aside, never an error. For one thread.

    Args:
        path: The file; only in memory when None.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = JsonFile(path, Calibration)
        self._known: Calibration | None = None

    def load(self) -> Calibration:
        """What is known; empty at first."""
        if self._known is None:
            self._known = self._file.read() or Calibration()
        return self._known

    def learn(
        self,
        estimate: Foretold,
        measured: MeasuredRun,
        plan: "LoadPlan | None" = None,
        model_id: str = "",
        workload: object = None,
    ) -> Calibration:
        """Compare a finished render with what was foretold, and remember it.

        Args:
            estimate: Made for that render; it may have used what is known already.
            measured: What it took.
            plan: Of the render; it and the next two only name the run in the file, for people.
            model_id: Of its model.
            workload: Its video.
        """
        known = self.load()
        if estimate.prediction is None:
            return known
        words = [model_id, plan.name if plan else "", str(workload or "")]
        self._known = known.learn(estimate.prediction, measured, " ".join(word for word in words if word)[:300])
        self._file.try_write(self._known)  # if it is refused, it is measured again the next time
        return self._known

    def forget(self) -> None:
        """Forget all of it."""
        self._known = Calibration()
        self._file.try_write(self._known)
