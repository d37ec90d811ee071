"""Whether the render that runs is paused, and how that is asked for."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.render_progress import PauseState

if TYPE_CHECKING:
    from wan_desktop.ui.live.render_outcome import RenderView
    from wan_desktop.ui.live.render_queue import LiveQueue


class RenderPause(QObject):
    """Of whatever runs in the queue.

    Args:
        renders: The queue; this is the first that hears of its renders.
    """

    changed = Signal(object)
    """A PauseState, or the same one, when what can be done is otherwise than before."""

    def __init__(self, renders: LiveQueue) -> None:
        super().__init__(renders)
        self._renders = renders
        self._is_stopping = False
        self._could = False
        self.state = PauseState.NONE
        """How it is now."""
        self.clock = monotonic
        """In seconds."""
        self._started_s: float | None = None
        self._paused_at_s: float | None = None
        self._paused_s = 0.0
        renders.job_started.connect(self._on_started)
        renders.job_progressed.connect(self._on_progressed)
        renders.job_stopping.connect(self._on_stopping)
        renders.job_ended.connect(self._on_ended)

    @property
    def can_toggle(self) -> bool:
        """What runs can be paused, or let go on."""
        view = self._renders.view
        if view is None or view.job is None or self._is_stopping:
            return False
        return view.progress is None or view.progress.can_pause

    @property
    def is_paused(self) -> bool:
        """What runs waits, until it is let go on."""
        return self.state is PauseState.PAUSED

    def worked_s(self) -> float:
        """How long what runs has been worked on, in seconds, without the time of its pauses; 0 if nothing runs."""
        if self._started_s is None:
            return 0.0
        now_s = self.clock() if self._paused_at_s is None else self._paused_at_s
        return now_s - self._started_s - self._paused_s

    @Slot()
    def toggle(self) -> None:
        """Let what runs wait before its next step, or go on."""
        view, runner = self._renders.view, self._renders.runner
        if not self.can_toggle or runner is None or view is None or view.job is None:
            return
        if self.state is PauseState.NONE:
            if runner.pause(view.job.job_id):
                self._set(PauseState.ASKED)
            return
        runner.resume(view.job.job_id)
        if self.state is PauseState.ASKED:  # else it says so itself, when it goes on
            self._set(PauseState.NONE)

    def _set(self, state: PauseState) -> None:
        if state is not self.state or self.can_toggle is not self._could:
            self._count_pause(is_paused=state is PauseState.PAUSED)
            self.state, self._could = state, self.can_toggle
            self.changed.emit(state)

    def _count_pause(self, *, is_paused: bool) -> None:
        if is_paused and self._paused_at_s is None:
            self._paused_at_s = self.clock()
        elif not is_paused and self._paused_at_s is not None:
            self._paused_s += self.clock() - self._paused_at_s
            self._paused_at_s = None

    @Slot()
    def _on_started(self) -> None:
        self._is_stopping = False
        self._set(PauseState.NONE)
        self._started_s, self._paused_s = self.clock(), 0.0

    @Slot(object)
    def _on_progressed(self, view: RenderView) -> None:
        """What the engine says counts; a pause that was asked for too late is forgotten."""
        progress, state = view.progress, self.state
        if progress is not None and progress.paused:
            state = PauseState.PAUSED
        elif state is PauseState.PAUSED or not self.can_toggle:
            state = PauseState.NONE
        if self.state is PauseState.ASKED and state is PauseState.NONE:
            runner = self._renders.runner
            if runner is not None and view.job is not None:
                runner.resume(view.job.job_id)
        self._set(state)

    @Slot()
    def _on_stopping(self) -> None:
        self._is_stopping = True
        self._set(PauseState.NONE)

    @Slot()
    def _on_ended(self) -> None:
        self._is_stopping = False
        self._started_s = None
        self._set(PauseState.NONE)
