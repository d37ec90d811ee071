"""One render at a time, from the form's draft to a finished video or an error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.jobs import JobContext, JobSnapshot, JobState, Lane
from wan_desktop.core.rendering import RenderOptions, video_path

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.generation import GenerationDraft, GenerationResult, Settled
    from wan_desktop.core.render_progress import RenderProgress
    from wan_desktop.ui.session import Session


@dataclass(frozen=True, slots=True)
class RenderView:
    """A render as the window sees it."""

    settled: Settled
    path: Path
    """Where the video was asked to go."""
    progress: RenderProgress | None = None
    """None until the engine has said something."""


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


class RenderWork:
    """Work for the engine lane: settle the draft, make the video, report RenderView."""

    def __init__(self, session: Session, model: Model, draft: GenerationDraft) -> None:
        self._session = session
        self._model = model
        self._draft = draft
        self._live_preview = session.settings.live_preview
        self._folder = session.settings.videos_folder or session.paths.videos

    def __call__(self, context: JobContext) -> RenderDone:
        """Make it; see `Renderer.settle` and `Renderer.render` for what it raises."""
        renderer = self._session.renderer
        settled = renderer.settle(self._draft, self._model)
        path = video_path(self._folder, settled.request.prompt, datetime.now().astimezone())
        context.progress(RenderView(settled, path))

        def report(progress: RenderProgress) -> None:
            context.progress(RenderView(settled, path, progress))

        options = RenderOptions(live_preview=self._live_preview)
        return RenderDone(
            settled, path, renderer.render(settled, self._model, path, context.reporting_to(report), options)
        )


class RenderController(QObject):
    """Starts, follows and stops the render of the window."""

    started = Signal()
    progressed = Signal(object)
    """A RenderView."""
    stopping = Signal()
    finished = Signal(object)
    """A RenderDone."""
    failed = Signal(object)
    """A RenderFailed."""
    stopped = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._job = ""
        self._settled: Settled | None = None
        session.job_changed.connect(self._on_job_changed)

    @property
    def running(self) -> bool:
        """A video is being made, or being stopped."""
        return bool(self._job)

    def render(self, draft: GenerationDraft, model: Model) -> None:
        """Make that video, unless one is being made."""
        if self._job:
            return
        self._settled = None
        self._job = self._session.submit("Make a video", Lane.ENGINE, RenderWork(self._session, model, draft))
        self.started.emit()

    def stop(self) -> None:
        """Ask the render to stop."""
        if self._job:
            self._session.queue.cancel(self._job)

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id != self._job:
            return
        if isinstance(snapshot.progress, RenderView):
            self._settled = snapshot.progress.settled
        if snapshot.state.final:
            self._job = ""
        match snapshot.state:
            case JobState.RUNNING if isinstance(snapshot.progress, RenderView):
                self.progressed.emit(snapshot.progress)
            case JobState.CANCELLING:
                self.stopping.emit()
            case JobState.DONE:
                self.finished.emit(snapshot.result)
            case JobState.FAILED if snapshot.error is not None:
                self.failed.emit(RenderFailed(snapshot.error, self._settled))
            case JobState.CANCELLED:
                self.stopped.emit()
            case _:
                pass
