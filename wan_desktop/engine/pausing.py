"""A render that waits between two of its steps for as long as the user wants."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from wan_desktop.core.messages import Event, Paused, Resumed


@dataclass(frozen=True, slots=True)
class PauseControl:
    """Whether a job is to wait."""

    asked: Callable[[], bool] = lambda: False
    wait: Callable[[], None] = lambda: None
    """Returns when nobody asks it to wait any more; takes no computing time. Raises JobCancelled to stop."""


class Pauses:
    """Of one render.

    Args:
        job: Its id.
        control: Says whether to wait.
        emit: Told when the wait begins and ends.
        resting: What else of the render works by itself rests while this block runs.
    """

    def __init__(
        self,
        job: str,
        control: PauseControl,
        emit: Callable[[Event], None],
        resting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._job, self._control, self._emit, self._resting = job, control, emit, resting
        self.seconds = 0.0
        """So long it has waited in all."""
        self.freed_memory = False
        """Weights were moved from the card to normal memory, whose peak says nothing of the render any more."""

    def between_steps(self, done: int, total: int, clear_card: Callable[[], int]) -> float:
        """Wait as long as that is asked for; returns the seconds waited.

        Args:
            done: Steps that are done.
            total: Steps in all.
            clear_card: Frees what it can of the card's memory, and returns how many bytes that were.

        Raises:
            JobCancelled: It was asked to stop meanwhile.
        """
        if not self._control.asked():
            return 0.0
        began_s = time.monotonic()
        freed_bytes = clear_card()
        self.freed_memory = self.freed_memory or freed_bytes > 0
        self._emit(Paused(job=self._job, step=done, total=total, freed_bytes=freed_bytes))
        try:
            with self._resting():
                self._control.wait()
        finally:
            waited_s = time.monotonic() - began_s
            self.seconds += waited_s
        self._emit(Resumed(job=self._job, step=done, total=total))
        return waited_s
