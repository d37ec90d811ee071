"""How far a render is and how long it still takes, from the engine's messages and a clock."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from wan_desktop.core.messages import Paused, Preview, Progress, Resumed, Stage

_STEPS_BEFORE_GUESS = 2
_RECENT = 5


class PauseState(StrEnum):
    """Whether a render waits because the user wants it to."""

    NONE = "none"
    ASKED = "asked"
    """It is still at the step that it had begun."""
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderProgress:
    """What the window shows of a render."""

    stage: Stage
    done: int = 0
    total: int = 0
    part: int = 1
    parts: int = 1
    elapsed_s: float = 0.0
    """Without pauses, as all times here."""
    stage_seconds: tuple[tuple[Stage, float], ...] = ()
    """Stages that are over and how long each took."""
    seconds_per_step: float | None = None
    last_step_s: float | None = None
    """The newest step alone; None before there is one."""
    usual_step_s: float | None = None
    """The median of all steps before it; None while there are too few."""
    seconds_left: float | None = None
    """None while there is nothing to guess from."""
    slower_than_expected: bool = False
    peak_memory_bytes: int = 0
    preview_jpeg_base64: str = ""
    notice: str = ""
    """What was changed to go on, in a sentence."""
    paused: bool = False
    """It waits between two steps until it is let go on."""

    @property
    def can_pause(self) -> bool:
        """Steps are still to come, between which it can wait."""
        return self.stage not in (Stage.BUILD_PICTURES, Stage.SAVE_VIDEO)


class ProgressTracker:
    """Follows one render.

    The time left is the median of the last five steps times the steps to come, plus what the later stages took in the
    render before (`known_stage_s`). It never grows by more than a fifth without `slower_than_expected`. While the
    render is paused the clock stands still.
    """

    def __init__(
        self, known_stage_s: dict[Stage, float], clock: Callable[[], float] = monotonic, *, notice: str = ""
    ) -> None:
        self._notice = notice
        self._known = known_stage_s
        self._clock = clock
        self._started = self._stage_started = self._last_step = clock()
        self._stage_seconds: dict[Stage, float] = {}
        self._steps: list[float] = []
        self._paused_at: float | None = None
        self._paused_s = 0.0
        self._left: tuple[float, float] | None = None
        self._slow = False
        self._preview = ""
        self._current = Progress(job="", stage=Stage.LOAD_MODEL, done=0, total=0)

    def follow(self, event: Progress | Preview | Paused | Resumed) -> RenderProgress:
        """Take one message and say how it looks now."""
        now = self._now()
        match event:
            case Preview():
                self._preview = event.jpeg_base64
            case Paused():
                self._paused_at = self._clock()
            case Resumed():
                now = self._go_on()
            case _:
                self._follow_progress(event, now)
        return RenderProgress(
            stage=self._current.stage,
            done=self._current.done,
            total=self._current.total,
            part=self._current.part,
            parts=self._current.parts,
            elapsed_s=now - self._started,
            stage_seconds=tuple(self._stage_seconds.items()),
            seconds_per_step=statistics.median(self._steps[-_RECENT:]) if self._steps else None,
            last_step_s=self._steps[-1] if self._steps else None,
            usual_step_s=statistics.median(self._steps[:-1]) if len(self._steps) > _STEPS_BEFORE_GUESS else None,
            seconds_left=self._seconds_left(now),
            slower_than_expected=self._slow,
            peak_memory_bytes=self._current.peak_memory_bytes,
            preview_jpeg_base64=self._preview,
            notice=self._notice,
            paused=self._paused_at is not None,
        )

    @property
    def stage_seconds(self) -> dict[Stage, float]:
        """How long each finished stage took; for the next render's `known_stage_s`."""
        return dict(self._stage_seconds)

    def _now(self) -> float:
        """The clock without the time of pauses."""
        return (self._clock() if self._paused_at is None else self._paused_at) - self._paused_s

    def _go_on(self) -> float:
        if self._paused_at is not None:
            self._paused_s += self._clock() - self._paused_at
            self._paused_at = None
        return self._now()

    def _follow_progress(self, event: Progress, now: float) -> None:
        if event.stage != self._current.stage:
            # An expert or the text encoder may be read from disk in between, and the stage goes on after it.
            before_s = self._stage_seconds.get(self._current.stage, 0.0)
            self._stage_seconds[self._current.stage] = before_s + now - self._stage_started
            self._stage_started = self._last_step = now
        elif event.stage == Stage.CREATE_FRAMES and event.done > self._current.done:
            self._steps.append((now - self._last_step) / (event.done - self._current.done))
            self._last_step = now
        self._current = event

    def _seconds_left(self, now: float) -> float | None:
        order = list(Stage)
        later = sum(self._known.get(stage, 0.0) for stage in order[order.index(self._current.stage) + 1 :])
        if self._current.stage == Stage.CREATE_FRAMES:
            if len(self._steps) < _STEPS_BEFORE_GUESS:
                return None
            left = statistics.median(self._steps[-_RECENT:]) * (self._current.total - self._current.done) + later
        elif order.index(self._current.stage) < order.index(Stage.CREATE_FRAMES):
            return None
        else:
            known = self._known.get(self._current.stage)
            if known is None and not later:
                return None
            left = max(0.0, (known or 0.0) - (now - self._stage_started)) + later
        if self._left is not None:
            before = max(0.0, self._left[0] - (now - self._left[1]))
            self._slow = self._slow or left > 1.2 * before + 1.0
        self._left = (left, now)
        return left
