"""The queue of renders as the window works with it: what waits, what runs and how far it is, and what came of it."""

from __future__ import annotations

import functools
import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.errors import WanError
from wan_desktop.core.jobs import JobContext, JobSnapshot, JobState, Lane
from wan_desktop.core.render_queue import (
    MemorySettings,
    QueueRunner,
    QueueSnapshot,
    RenderOrder,
    RenderQueue,
    RenderState,
)
from wan_desktop.core.render_wishes import RenderWishes
from wan_desktop.core.rendering import RenderOptions, video_path
from wan_desktop.ui.bridge import KeyBridge
from wan_desktop.ui.live.render_outcome import RenderDone, RenderFailed, RenderView, error_of
from wan_desktop.ui.live.render_pause import RenderPause
from wan_desktop.ui.live.render_waits import CardWait, ModelWait

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.generation import GenerationDraft, GenerationResult, Settled
    from wan_desktop.core.render_help import Help
    from wan_desktop.core.render_progress import RenderProgress
    from wan_desktop.core.render_queue import OfferedChange, RenderEstimate, RenderJob
    from wan_desktop.ui.session import Session

logger = logging.getLogger(__name__)


class LiveQueue(QObject):
    """Runs what waits, one after the other, on the engine's lane.

    Args:
        session: Whose lanes, renderer, models and settings.
        file: Where the queue is kept.
        forget: Nothing of an earlier run of the program is of interest.
    """

    changed = Signal(object)
    """A QueueSnapshot."""
    opened = Signal()
    trouble = Signal(object)
    """A WanError: the queue cannot be opened, or something of it could not be done or saved."""
    job_started = Signal(object)
    """A RenderView."""
    job_progressed = Signal(object)
    """A RenderView."""
    job_stopping = Signal(str)
    job_ended = Signal(str, object)
    """The job's id, and a RenderDone, a RenderFailed, or None when it was stopped."""

    def __init__(self, session: Session, file: Path, *, forget: bool = False) -> None:
        super().__init__(session)
        self._session = session
        self._file, self._forget = file, forget
        self._queue: RenderQueue | None = None
        self._runner: QueueRunner | None = None
        self._opening = False
        self._closed = False
        self._bridge = KeyBridge(self)
        self._bridge.key_changed.connect(self._on_changed)
        self._models: dict[tuple[str, str], Model] = {}
        self._lane_job = ""
        """The job of the engine's lane that takes the next render, or runs one."""
        self._view: RenderView | None = None
        self._error: WanError | None = None
        """What the running render ended with; set on the engine's lane, read when that has ended."""
        self._waiting_orders: list[tuple[Callable[[], None], Callable[[WanError], None]]] = []
        """What is to be done once the queue is open, and what is told if it cannot be opened."""
        self.snapshot = QueueSnapshot()
        """How it looks now."""
        self.pause = RenderPause(self)
        self._card_wait = CardWait(self, session)
        self._model_wait = ModelWait(self, session.models)
        session.job_changed.connect(self._on_job_changed)
        session.runtime.changed.connect(self._on_runtime_changed)
        self._open()

    # Asking ----------------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """It can be worked with."""
        return self._runner is not None

    @property
    def running(self) -> bool:
        """A video is being made, or being stopped, or is about to be."""
        return bool(self._lane_job)

    @property
    def view(self) -> RenderView | None:
        """The render that runs; None until the engine's lane has begun with it."""
        return self._view

    @property
    def runner(self) -> QueueRunner | None:
        """What makes the jobs; None until the queue is open."""
        return self._runner

    @property
    def lane_job(self) -> str:
        """The id of the job of the engine's lane that makes it; empty while nothing runs."""
        return self._lane_job

    def remember(self, model: Model) -> None:
        """Use that one for jobs of its name, wherever it came from."""
        self._models[model.metadata.model_id, model.variant] = model

    def add(
        self,
        model: Model,
        drafts: Sequence[GenerationDraft],
        *,
        wishes: RenderWishes = RenderWishes(),  # noqa: B008 - frozen
        added: Callable[[tuple[str, ...]], None] = lambda _: None,
        failed: Callable[[WanError], None] | None = None,
    ) -> None:
        """Put renders behind the others.

        Args:
            model: What makes them.
            drafts: What is asked for.
            wishes: How to make and save them, where not as in the settings.
            added: Given the ids of the jobs.
            failed: Given the reason why nothing was added; `trouble` says it if None.
        """
        self.remember(model)
        session = self._session
        settings = wishes.applied_to(session.settings)
        memory = MemorySettings.of(settings)
        options = RenderOptions(
            live_preview=settings.live_preview,
            png_frames=settings.save_png_frames,
            video_quality=settings.video_quality,
            recipe_inside=settings.write_recipes_into_files,
        )
        orders = tuple(
            RenderOrder(model_id=model.metadata.model_id, draft=draft, options=options, memory=memory)
            for draft in drafts
        )
        about = _about(session, memory)
        waits = self._model_wait.comes(model.metadata.model_id, model.variant)

        def add_all(queue: RenderQueue) -> tuple[str, ...]:
            ids: list[str] = []
            estimates: dict[tuple[object, ...], RenderEstimate | None] = {}
            for order in orders:
                size = _size_of(order.draft)
                if size not in estimates:
                    estimates[size] = about().estimate(order.draft, model)
                ids += queue.add(order, estimate=estimates[size], waits_for_model=waits)
            return tuple(ids)

        self._do(add_all, added, failed)

    def stop(self, job_id: str) -> None:
        """Stop a job, whether it waits or runs."""
        runner = self._runner
        if runner is None:
            return
        if any(job.job_id == job_id for job in self.snapshot.running):
            runner.stop(job_id)
            self.job_stopping.emit(job_id)
        else:
            self._do(lambda _: runner.stop(job_id))

    def stop_running(self) -> None:
        """Stop what runs."""
        for job in self.snapshot.running:
            self.stop(job.job_id)

    def do(self, deed: Callable[[RenderQueue], object]) -> None:
        """Change the queue, on the files' lane; what goes wrong is told by `trouble`."""
        self._do(deed)

    def wait_for_card(self, job_id: str) -> None:
        """Let a job that failed because the card is busy start by itself when enough of it is free."""

        def wait(queue: RenderQueue) -> None:
            told = queue.job(job_id).trouble
            for change in told.changes if told is not None else ():
                if change.waits_for_card:
                    queue.fix_and_retry(job_id, change)

        self._do(wait)

    @Slot()
    def undo_delete(self, job_id: str = "") -> None:
        """Bring back a job that was deleted; without its id the one that was deleted last."""
        self._do(lambda queue: queue.undo_delete(job_id), lambda _: self._model_wait.match())

    def try_again(self) -> None:
        """Something of the queue could not be done: do what can be done now."""
        self.open_again()
        self._on_changed("")
        if self._runner is not None and not self._lane_job and not self._closed:
            # It saves first what came of a job and could not be saved, even where nothing waits; without an engine,
            # nothing but that.
            runner = self._runner
            work = runner.run_next if self._session.runtime.can_render else lambda _: runner.save_again()
            self._lane_job = self._session.submit("Make a video", Lane.ENGINE, work)

    def open_again(self) -> None:
        """Try to open it once more, unless it is open."""
        if self._queue is None and not self._opening:
            self._open()

    def close_down(self) -> None:
        """The program ends: what runs waits for the next start, nothing more is begun."""
        self._closed = True
        self._bridge.close()
        if self._runner is not None:
            self._runner.shut_down()

    def close(self) -> None:
        """Let the file go, when no lane works any more."""
        if self._queue is not None:
            self._queue.close()

    # On lanes --------------------------------------------------------------------------------------------------------

    def _open_file(self, _context: JobContext) -> RenderQueue:
        queue = RenderQueue(self._file)
        if self._forget:
            now = queue.snapshot()
            for job in (*now.waiting, *now.needs_you, *now.finished):
                queue.delete(job.job_id)
        self._queue = queue  # now, so that it is let go even if the program ends before the window hears of it
        return queue

    def _make(self, job: RenderJob, context: JobContext) -> GenerationResult:
        """One render, on the engine's lane."""
        order, session = job.order, self._session
        self._error = None
        try:
            model = self._find_model(job)
            renderer = session.renderer
            renderer.planner.use(order.memory.applied_to(session.settings))
            settled = renderer.settle(order.draft, model)
            folder = session.settings.videos_folder or session.paths.videos
            now = datetime.now().astimezone()
            path = video_path(folder, settled.request.prompt, now, session.settings.name_pattern)
            self._note_target(job.job_id, path)
            begun = RenderView(settled, path, job=job, model=model)
            context.progress(begun)

            def report(progress: RenderProgress) -> None:
                if self._queue is not None:
                    self._queue.note_time_left(job.job_id, progress.seconds_left)
                    self._queue.note_paused(job.job_id, paused=progress.paused)
                context.progress(RenderView(settled, path, progress, job, model))

            return renderer.render(settled, model, path, context.reporting_to(report), order.options)
        except WanError as error:
            self._error = error
            raise

    def _note_target(self, job_id: str, path: Path) -> None:
        try:
            if self._queue is not None:
                self._queue.note_target(job_id, path)
        except WanError as error:  # at worst the video is made twice after a crash
            logger.warning("Where a video goes was not noted: %s", error)

    def _find_model(self, job: RenderJob) -> Model:
        from wan_desktop.core.render_help import model_of  # noqa: PLC0415 - imports the store, on the lane

        model_id, variant = job.order.loads
        known = self._models.get((model_id, variant)) or self._models.get((model_id, ""))
        if known is not None and known.folder.path.is_dir():
            return known
        session = self._session
        return model_of(model_id, variant, session.paths, session.settings, session.models.manager)

    def _offers(self, job: RenderJob, error: WanError) -> Sequence[OfferedChange]:
        ready = [(offer.metadata.model_id, offer.key.variant) for offer in self._session.models.ready()]
        return _about(self._session, job.order.memory)().offers(error, job.order.draft, self._find_model(job), ready)

    # In the window's thread ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._opening = True
        self._session.submit("Open the queue", Lane.FILES, self._open_file, self._on_opened)

    def _do(
        self,
        deed: Callable[[RenderQueue], object],
        done: Callable[..., None] | None = None,
        failed: Callable[[WanError], None] | None = None,
    ) -> None:
        tell = failed or self.trouble.emit
        if self._runner is None or self._queue is None:
            self._waiting_orders.append((functools.partial(self._do, deed, done, failed), tell))
            self.open_again()
            return
        queue = self._queue

        def on_done(snapshot: JobSnapshot) -> None:
            self._on_changed("")  # first, so that whoever is told sees the queue as it is now
            if snapshot.error is not None:
                tell(snapshot.error)
            elif done is not None and snapshot.state is JobState.DONE:
                done(snapshot.result)

        self._session.submit("Change the queue", Lane.FILES, lambda _: deed(queue), on_done)

    def _on_opened(self, snapshot: JobSnapshot) -> None:
        self._opening = False
        waiting, self._waiting_orders = self._waiting_orders, []
        if snapshot.error is not None:
            for _, tell in waiting:
                tell(snapshot.error)
            if not waiting:
                self.trouble.emit(snapshot.error)
            return
        if snapshot.result is None or self._closed:
            return
        self._runner = QueueRunner(snapshot.result, self._make, self._offers)
        snapshot.result.listen(self._bridge.tell)
        self.snapshot = snapshot.result.snapshot()
        for order, _ in waiting:
            order()
        self.opened.emit()
        self._on_changed("")
        self._model_wait.match()

    @Slot(str)
    def _on_changed(self, _job_id: str) -> None:
        if self._queue is None or self._closed:
            return
        self.snapshot = self._queue.snapshot()
        self._card_wait.watch()
        self._run_next()
        self.changed.emit(self.snapshot)

    @Slot()
    def _on_runtime_changed(self) -> None:
        if self.is_open and not self._closed:
            self._run_next()

    def _run_next(self) -> None:
        """Let the engine's lane take the next render, unless it is busy or nothing may start."""
        now = self.snapshot
        can_start = any(job.state is RenderState.WAITING for job in now.waiting)
        if self._lane_job or self._runner is None or not can_start or now.paused or now.needs_ok:
            return
        if not self._session.runtime.can_render:
            return  # it waits for the engine
        self._view = None
        self._lane_job = self._session.submit("Make a video", Lane.ENGINE, self._runner.run_next)

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id != self._lane_job:
            return
        view = snapshot.progress
        if isinstance(view, RenderView) and view is not self._view:
            is_first, self._view = self._view is None, view
            if is_first:
                self._show_running()
                self.job_started.emit(view)
            if snapshot.state is JobState.RUNNING:
                self.job_progressed.emit(view)
        if snapshot.state.final:
            self._end(snapshot)

    def _show_running(self) -> None:
        """The queue's own word that it runs may come a moment later."""
        if self._queue is not None:
            self.snapshot = self._queue.snapshot()
            self.changed.emit(self.snapshot)

    def _end(self, snapshot: JobSnapshot) -> None:
        self._lane_job = ""
        view, self._view = self._view, None
        job: RenderJob | None = snapshot.result
        if snapshot.error is not None:
            self.trouble.emit(snapshot.error)  # nothing more is tried before something changes
            self._show_running()
            if view is not None and view.job is not None:
                self.job_ended.emit(view.job.job_id, RenderFailed(snapshot.error, view.settled))
            return
        self._on_changed("")
        if job is not None:
            self.job_ended.emit(job.job_id, self._outcome(job, view))

    def _outcome(self, job: RenderJob, view: RenderView | None) -> RenderDone | RenderFailed | None:
        settled = view.settled if view is not None else None
        if job.state is RenderState.DONE and job.result is not None and view is not None:
            return RenderDone(_with_own_pictures(view.settled, job), view.path, job.result)
        if job.state is RenderState.NEEDS_YOU:
            return RenderFailed(self._error or error_of(job.trouble), settled, job.job_id)
        return None


def _with_own_pictures(settled: Settled, job: RenderJob) -> Settled:
    """With the pictures where the user has them, for who makes another one of it."""
    own = replace(settled.request, image=job.image_from, last_image=job.last_image_from)
    return replace(settled, request=own)


def _size_of(draft: GenerationDraft) -> tuple[object, ...]:
    """What decides how long it takes."""
    numbers = (draft.width, draft.height, draft.num_frames, draft.num_inference_steps)
    return *numbers, draft.guidance_scale, draft.guidance_scale_2, draft.image is None, draft.variant


def _about(session: Session, memory: MemorySettings) -> Callable[[], Help]:
    """This installation as it is now, for renders with that memory mode; put together on the lane that asks."""
    paths, settings, manager = session.paths, memory.applied_to(session.settings), session.models.manager
    hardware = session.pc.profile

    def make() -> Help:
        from wan_desktop.core.form_check import without_own_engine  # noqa: PLC0415 - on the lane
        from wan_desktop.core.render_help import Help  # noqa: PLC0415 - imports the store, on the lane

        return Help(paths, settings, without_own_engine(hardware) if hardware is not None else None, manager)

    return make
