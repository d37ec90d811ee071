"""The render that the Create page shows: whichever runs in the queue, and the way from its form into the queue."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.render_queue import RenderState
from wan_desktop.core.render_wishes import RenderWishes
from wan_desktop.ui.live.render_outcome import RenderDone, RenderFailed, RenderView

if TYPE_CHECKING:
    from wan_desktop.core.catalog import Model
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.generation import GenerationDraft
    from wan_desktop.core.render_queue import QueueSnapshot, RenderQueue
    from wan_desktop.ui.session import Session

__all__ = ["RenderController", "RenderDone", "RenderFailed", "RenderView"]


def _delete(queue: RenderQueue, *, job_id: str) -> None:
    queue.delete(job_id)


class RenderController(QObject):
    """Starts renders, and follows and stops the one that runs."""

    started = Signal()
    """One was asked for here."""
    followed = Signal(object)
    """A RenderView: the queue begins with one."""
    progressed = Signal(object)
    """A RenderView."""
    stopping = Signal()
    finished = Signal(object)
    """A RenderDone."""
    failed = Signal(object)
    """A RenderFailed."""
    stopped = Signal()
    """It was stopped, or waits in the queue and is not begun now."""
    changed = Signal()
    """`running` may be another now."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._renders = session.renders
        self._adding = self._stops = False
        """One is being put into the queue; it is to stop as soon as it is there."""
        self._told = ""
        """The job that was said to be stopped last."""
        self._awaited = ""
        """The job that was added here last, until it is begun."""
        self._asked: dict[str, GenerationDraft] = {}
        """What was asked for here and has not come to its end."""
        self._failed: dict[str, GenerationDraft] = {}
        """What was asked for here and failed."""
        self._renders.changed.connect(self._on_changed)
        self._renders.job_started.connect(self._on_job_started)
        self._renders.job_progressed.connect(self.progressed)
        self._renders.job_stopping.connect(self._on_job_stopping)
        self._renders.job_ended.connect(self._on_job_ended)

    @property
    def running(self) -> bool:
        """A video is being made, or being stopped, or about to be made."""
        return self._adding or bool(self._awaited) or self._renders.running

    def render(self, draft: GenerationDraft, model: Model, wishes: RenderWishes | None = None) -> None:
        """Make that video, unless one is being made."""
        if self.running:
            return
        self._forget_what_is_tried_again(draft)
        self._adding, self._stops = True, False

        def on_added(ids: tuple[str, ...]) -> None:
            self._adding = False
            self._awaited = ids[0]
            self._asked[ids[0]] = draft
            self._on_changed(self._renders.snapshot)
            if self._stops:
                self.stop()

        self._renders.add(model, (draft,), wishes=wishes or RenderWishes(), added=on_added, failed=self._on_not_added)
        self.started.emit()

    def stop(self) -> None:
        """Ask the render to stop."""
        if self._adding:
            self._stops = True
        elif self._awaited:
            self._renders.stop(self._awaited)
        else:
            self._renders.stop_running()

    def _forget_what_is_tried_again(self, draft: GenerationDraft) -> None:
        """What failed here and is made anew does not need the user any more."""
        words = (draft.prompt, draft.image)
        for job_id in [job_id for job_id, old in self._failed.items() if (old.prompt, old.image) == words]:
            del self._failed[job_id]
            self._renders.do(functools.partial(_delete, job_id=job_id))

    def _on_not_added(self, error: WanError) -> None:
        self._adding = False
        self.failed.emit(RenderFailed(error, None))

    @Slot(object)
    def _on_changed(self, now: QueueSnapshot) -> None:
        """See whether what was asked for here is begun."""
        waits = any(job.job_id == self._awaited and job.state is RenderState.WAITING for job in now.waiting)
        runs = any(job.job_id == self._awaited for job in now.running)
        if runs:
            self._awaited = ""
        elif self._awaited and (not waits or now.paused or now.needs_ok):
            if not self._renders.running:
                self._told, self._awaited = self._awaited, ""
                self.stopped.emit()
            elif now.running:
                self._awaited = ""  # another one is being made, and followed
        self.changed.emit()

    @Slot(object)
    def _on_job_started(self, view: RenderView) -> None:
        if view.job is not None and view.job.job_id == self._awaited:
            self._awaited = ""
        self.followed.emit(view)

    @Slot(str)
    def _on_job_stopping(self, _job_id: str) -> None:
        self.stopping.emit()

    @Slot(str, object)
    def _on_job_ended(self, job_id: str, outcome: object) -> None:
        if job_id == self._awaited:
            self._awaited = ""
        asked = self._asked.pop(job_id, None)
        match outcome:
            case RenderDone():
                self.finished.emit(outcome)
            case RenderFailed():
                if asked is not None:
                    self._failed[job_id] = asked
                self.failed.emit(outcome)
            case _ if job_id != self._told:
                self.stopped.emit()
