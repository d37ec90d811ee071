"""What is being done with a model, as it is shown: how far, how fast, and whether it stands still.

Pure numbers and a clock; knows nothing of the store, so that it costs a window nothing to import.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wan_desktop.core.store.transfer_rate import RateMeter

if TYPE_CHECKING:
    from collections.abc import Callable

STALL_S = 20.0
"""Without a byte for so long, it is said that nothing comes."""


class ActivityKind(StrEnum):
    """What is done."""

    DOWNLOAD = "download"
    CHECK = "check"
    REPAIR = "repair"
    ADOPT = "adopt"
    ADD = "add"
    REMOVE = "remove"
    PUT_BACK = "put-back"


@dataclass(frozen=True, slots=True)
class Step:
    """How far work is, as it says itself."""

    done_bytes: int = 0
    total_bytes: int = 0
    """0: nobody knows yet."""
    bytes_per_s: float | None = None
    """Over the last ten seconds; None where the work does not measure it itself."""
    is_checking: bool = False
    """What an earlier run left is read; no byte has come yet."""
    waiting: str = ""
    """Why nothing comes just now; empty while something does."""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Activity:
    """What is being done with a model now."""

    kind: ActivityKind
    done_bytes: int = 0
    total_bytes: int = 0
    """0: nobody knows yet."""
    bytes_per_s: float = 0.0
    """Over the last ten seconds."""
    seconds_left: float | None = None
    """None while that cannot be said."""
    stalled: bool = False
    """No byte for 20 seconds."""
    is_queued: bool = False
    """It waits for others to be done."""
    is_stopping: bool = False
    """It was asked to stop."""
    is_checking: bool = False
    waiting: str = ""
    """Why nothing comes just now, in words."""
    filename: str = ""

    @property
    def part(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else 0.0


class ActivityMeter:
    """Follows one piece of work; for one thread.

    Args:
        kind: What is done.
        clock: Seconds that only grow.
    """

    def __init__(self, kind: ActivityKind, clock: Callable[[], float] = time.monotonic) -> None:
        self.kind = kind
        self._clock = clock
        self._meter = RateMeter()
        self._step = Step()
        self._moved_s = clock()
        self.is_queued = True
        self.is_stopping = False

    def report(self, step: Step) -> None:
        """Note how far it is now."""
        now_s = self._clock()
        came_bytes = step.done_bytes - self._step.done_bytes
        is_same_kind = step.is_checking == self._step.is_checking
        if came_bytes > 0 and is_same_kind:
            self._meter.add(now_s, came_bytes)
        if came_bytes != 0 or not is_same_kind or self.is_queued:
            self._moved_s = now_s
        self.is_queued = False
        self._step = step

    def activity(self) -> Activity:
        """How it looks now."""
        now_s, step = self._clock(), self._step
        rate = self._meter.rate(now_s) if step.bytes_per_s is None else step.bytes_per_s
        stalled = not self.is_queued and now_s - self._moved_s >= STALL_S
        if stalled or step.waiting:
            rate = 0.0
        left_bytes = step.total_bytes - step.done_bytes
        return Activity(
            kind=self.kind,
            done_bytes=step.done_bytes,
            total_bytes=step.total_bytes,
            bytes_per_s=rate,
            seconds_left=left_bytes / rate if rate > 0 and step.total_bytes else None,
            stalled=stalled,
            is_queued=self.is_queued,
            is_stopping=self.is_stopping,
            is_checking=step.is_checking,
            waiting=step.waiting,
            filename=step.filename,
        )
