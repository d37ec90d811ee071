"""The queue of renders as the window works with it: what waits, what runs and how far it is, and what came of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.errors import WanError
from wan_desktop.core.jobs import JobContext, JobSnapshot, JobState, Lane
from wan_desktop.core.render_queue import (
    MemorySettings,
    OfferedChange,
    QueueRunner,
    QueueSnapshot,
    RenderJob,
    RenderOrder,
    RenderQueue,
    RenderState,
)
from wan_desktop.core.rendering import video_path
from wan_desktop.ui.bridge import KeyBridge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.generation import GenerationDraft, GenerationResult, Settled
    from wan_desktop.core.render_progress import RenderProgress
    from wan_desktop.core.render_queue import RenderEstimate
    from wan_desktop.core.rendering import RenderOptions
    from wan_desktop.ui.session import Session

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RenderView:
    """A render as the window sees it."""

    settled: Settled
    path: Path
    """Where the video was asked to go."""
    progress: RenderProgress | None = None
    """None until the engine has said something."""
    job_id: str = ""
    """In the queue."""


@dataclass(frozen=True, slots=True)
class RenderDone:
    """A finished render."""

    settled: Settled
    asked_path: Path
    result: GenerationResult


@dataclass(frozen=True, slots=True)
class RenderFailed:
    """A render that ended with an error."""

    error: WanError
    settled: Settled | None


class LiveQueue(QObject):
    """Runs what waits, one after the other, on the engine's lane.

    Args:
        session: Whose lanes, renderer and settings.
        find_model: Finds a model by its id and variant, on the engine's lane; raises WanError.
        offers: What may help after an error, on the engine's lane.
    """

    changed = Signal(object)
    """A QueueSnapshot."""
    opened = Signal()
    failed_to_open = Signal(object)
    """A WanError: another window has the queue, or its file cannot be used."""
    trouble = Signal(object)
    """A WanError: something of the queue could not be done or saved."""
    job_started = Signal(str)
    job_progressed = Signal(object)
    """A RenderView."""
    job_stopping = Signal(str)
    job_ended = Signal(str, object)
    """The job's id, and a RenderDone, a RenderFailed, or None when it was stopped."""

    def __init__(
        self,
        session: Session,
        find_model: Callable[[str, str], Model],
        offers: Callable[[RenderJob, WanError], Sequence[OfferedChange]] = lambda _job, _error: (),
    ) -> None:
        super().__init__(session)
        self._session = session
        self._find_model, self._offers = find_model, offers
        self._queue: RenderQueue | None = None
        self._runner: QueueRunner | None = None
        self._bridge = KeyBridge(self)
        self._bridge.key_changed.connect(self._on_changed)
        self._lane_job = ""
        """The job of the engine's lane that takes the next render, or runs one."""
        self._view: RenderView | None = None
        self._error: WanError | None = None
        """What the running render ended with; set on the engine's lane, read when that has ended."""
        self._waiting_orders: list[Callable[[], None]] = []
        self.snapshot = QueueSnapshot()
        """How it looks now."""
        session.job_changed.connect(self._on_job_changed)
        session.submit("Open the queue", Lane.FILES, self._open, self._on_opened)

    # Asking ----------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """A video is being made, or being stopped."""
        return bool(self.snapshot.running)

    @property
    def view(self) -> RenderView | None:
        """The render that runs."""
        return self._view

    def add(
        self,
        model_id: str,
        draft: GenerationDraft,
        options: RenderOptions,
        *,
        versions: int = 1,
        estimate: RenderEstimate | None = None,
        added: Callable[[tuple[str, ...]], None] = lambda _: None,
    ) -> None:
        """Put renders behind the others; `added` is given their ids, `trouble` says why not."""
        memory = MemorySettings.of(self._session.settings)
        options = replace(options, png_frames=options.png_frames or self._session.settings.save_png_frames)
        order = RenderOrder(model_id=model_id, draft=draft, options=options, memory=memory)
        self._do(lambda queue: queue.add(order, versions=versions, estimate=estimate), added)

    def stop(self, job_id: str) -> None:
        """Stop a job, whether it waits or runs."""
        if self._runner is not None:
            runner = self._runner
            self._do(lambda _: runner.stop(job_id))
            if any(job.job_id == job_id for job in self.snapshot.running):
                self.job_stopping.emit(job_id)

    def stop_running(self) -> None:
        """Stop what runs."""
        for job in self.snapshot.running:
            self.stop(job.job_id)

    def do(self, deed: Callable[[RenderQueue], object]) -> None:
        """Change the queue, on the files' lane; what goes wrong is told by `trouble`."""
        self._do(deed)

    def close_down(self) -> None:
        """The program ends: what runs waits for the next start, nothing more is begun."""
        self._bridge.close()
        if self._runner is not None:
            self._runner.shut_down()

    def close(self) -> None:
        """Let the file go, when no lane works any more."""
        if self._queue is not None:
            self._queue.close()

    # On lanes --------------------------------------------------------------------------------------------------------

    def _open(self, _context: JobContext) -> RenderQueue:
        return RenderQueue(self._session.paths.render_queue_file)

    def _make(self, job: RenderJob, context: JobContext) -> GenerationResult:
        """One render, on the engine's lane."""
        order, session = job.order, self._session
        self._error = None
        try:
            model = self._find_model(order.model_id, order.draft.variant)
            renderer = session.renderer
            renderer.planner.use(order.memory.applied_to(session.settings))
            settled = renderer.settle(order.draft, model)
            folder = session.settings.videos_folder or session.paths.videos
            now = datetime.now().astimezone()
            path = video_path(folder, settled.request.prompt, now, session.settings.name_pattern)
            context.progress(RenderView(settled, path, job_id=job.job_id))

            def report(progress: RenderProgress) -> None:
                if self._queue is not None:
                    self._queue.note_time_left(job.job_id, progress.seconds_left)
                context.progress(RenderView(settled, path, progress, job.job_id))

            return renderer.render(settled, model, path, context.reporting_to(report), order.options)
        except WanError as error:
            self._error = error
            raise

    # In the window's thread ------------------------------------------------------------------------------------------

    def _do(self, deed: Callable[[RenderQueue], object], done: Callable[..., None] | None = None) -> None:
        if self._queue is None:
            self._waiting_orders.append(lambda: self._do(deed, done))
            return
        queue = self._queue

        def on_done(snapshot: JobSnapshot) -> None:
            if snapshot.error is not None:
                self.trouble.emit(snapshot.error)
            elif done is not None and snapshot.state is JobState.DONE:
                done(snapshot.result)

        self._session.submit("Change the queue", Lane.FILES, lambda _: deed(queue), on_done)

    def _on_opened(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self.failed_to_open.emit(snapshot.error)
            return
        if snapshot.result is None:
            return
        self._queue = snapshot.result
        self._runner = QueueRunner(snapshot.result, self._make, self._offers)
        snapshot.result.listen(self._bridge.tell)
        waiting, self._waiting_orders = self._waiting_orders, []
        for order in waiting:
            order()
        self.opened.emit()
        self._on_changed("")

    @Slot(str)
    def _on_changed(self, _job_id: str) -> None:
        if self._queue is None:
            return
        self.snapshot = self._queue.snapshot()
        self.changed.emit(self.snapshot)
        self._run_next()

    def _run_next(self) -> None:
        """Let the engine's lane take the next render, unless it is busy or nothing may start."""
        now = self.snapshot
        can_start = any(job.state is RenderState.WAITING for job in now.waiting)
        if self._lane_job or self._runner is None or not can_start or now.paused or now.needs_ok:
            return
        runner = self._runner
        self._view = None
        self._lane_job = self._session.submit("Make a video", Lane.ENGINE, runner.run_next)

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id != self._lane_job:
            return
        view = snapshot.progress
        if isinstance(view, RenderView) and view != self._view:
            if self._view is None:
                self.job_started.emit(view.job_id)
            self._view = view
            if snapshot.state is JobState.RUNNING:
                self.job_progressed.emit(view)
        if snapshot.state.final:
            self._end(snapshot)

    def _end(self, snapshot: JobSnapshot) -> None:
        self._lane_job = ""
        view, self._view = self._view, None
        job: RenderJob | None = snapshot.result
        if snapshot.error is not None:
            self.trouble.emit(snapshot.error)
        elif job is not None:
            self.job_ended.emit(job.job_id, self._outcome(job, view))
        self._on_changed("")

    def _outcome(self, job: RenderJob, view: RenderView | None) -> RenderDone | RenderFailed | None:
        settled = view.settled if view is not None else None
        if job.state is RenderState.DONE and job.result is not None and view is not None:
            return RenderDone(view.settled, view.path, job.result)
        if job.state is RenderState.NEEDS_YOU:
            told = job.trouble
            error = self._error or WanError(
                told.message if told else "The video could not be made.", hint=told.hint if told else ""
            )
            return RenderFailed(error, settled)
        return None
