"""One render from its beginning to its end, as the stage shows it: progress, the finished video, or what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.errors import VideoUnreadableError
from wan_desktop.core.jobs import Lane
from wan_desktop.core.stall_reasons import stall_reason
from wan_desktop.core.words import tr
from wan_desktop.ui.create.estimator import Asked
from wan_desktop.ui.create.progress_view import RENDER_TOPIC
from wan_desktop.ui.create.rendering import RenderController
from wan_desktop.ui.create.stop_question import StopQuestion
from wan_desktop.ui.error_texts import error_text
from wan_desktop.ui.widgets.controls import announce
from wan_desktop.ui.widgets.frame_reader import load_libraries

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.ui.create.form_state import FormState
    from wan_desktop.ui.create.rendering import RenderDone, RenderFailed, RenderView
    from wan_desktop.ui.create.stage import Stage
    from wan_desktop.ui.session import Session


class RenderDesk(QObject):
    """Makes videos and shows on the stage how they are getting on.

    Args:
        session: What the window works with.
        stage: Where it is shown.
        parent: The page; questions stand above it.
    """

    changed = Signal()
    """A render has begun or ended."""
    ended = Signal(object)
    """A RenderDone, a WanError, or None when it was stopped."""
    failed = Signal(object, object)
    """A WanError, and the Asked that it ended."""
    seed_used = Signal(object)
    """An int, which may be too large for a signal of 32 bits."""
    retry_wanted = Signal()
    """Make what stands in the form, once more."""
    settings_wanted = Signal(object, object, bool)
    """A GenerationRequest and the Model that made it are to stand in the form; True: with its seed, False: with a new
    one, and at once."""

    def __init__(self, session: Session, stage: Stage, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._stage = stage
        self._retry: Callable[[], object] | None = None
        self._asked: Asked | None = None
        self._made_with: Model | None = None
        self._failed_job = ""
        """What the error card is about."""
        self.question = StopQuestion(parent, session.renders.pause.worked_s)
        self.renders = RenderController(session, self)
        self._connect()

    @property
    def running(self) -> bool:
        """A video is being made, or being stopped."""
        return self.renders.running

    def begin(self, state: FormState, model: Model) -> None:
        """Make that video, unless one is being made."""
        if self.running:
            return
        self._asked = Asked(state.draft(), model, state.wants_image, state.wishes)
        self._stage.begin(state.width, state.height)
        self.renders.render(self._asked.draft, model, state.wishes)

    @Slot()
    def stop(self) -> None:
        """Stop the render."""
        self.renders.stop()

    @Slot()
    def ask_to_stop(self) -> None:
        """Stop the render; where much work would be lost, only after a question."""
        if self.running:
            self.question.ask()

    def wait_for_card(self) -> None:
        """Let what failed because the card is busy wait in the queue, from which it starts by itself."""
        if self._failed_job:
            self._session.renders.wait_for_card(self._failed_job)
            self._failed_job = ""
            self._stage.show_empty()
            words = tr("It starts by itself when enough video memory is free. The queue shows it.")
            self._stage.messages.say("info", tr("The video waits for the graphics card."), words, stays=True)

    def show_error(self, error: WanError, retry: Callable[[], object], *, words: str = "") -> None:
        """Show an error, and do `retry` when its main button is pressed.

        Args:
            error: What went wrong.
            retry: Done when the button is pressed.
            words: On the button; "Try again" if empty.
        """
        self._retry = retry
        shown = error_text(error, self._session, retry=words)
        self._stage.show_error(shown)

    def _connect(self) -> None:
        self.question.stop_confirmed.connect(self.stop)
        self.renders.started.connect(self.changed)
        self.renders.changed.connect(self.changed)
        self.renders.followed.connect(self._on_followed)
        self.renders.progressed.connect(self._on_progressed)
        self.renders.stopping.connect(self._stage.show_stopping)
        self.renders.finished.connect(self._on_finished)
        self.renders.failed.connect(self._on_failed)
        self.renders.stopped.connect(self._on_stopped)
        self._session.pc.changed.connect(self._on_pc_changed)
        self._stage.stop_requested.connect(self.ask_to_stop)
        pause = self._session.renders.pause
        pause.changed.connect(self._on_pause_changed)
        self._stage.pause_requested.connect(pause.toggle)
        self._stage.retry_requested.connect(self._on_retry)
        self._stage.variation_requested.connect(self._on_variation)
        self._stage.reuse_requested.connect(self._on_reuse)
        self._stage.unplayable.connect(self._on_unplayable)

    def _end(self, outcome: object) -> None:
        self.question.end()
        self.changed.emit()
        self.ended.emit(outcome)

    @Slot(object)
    def _on_followed(self, view: RenderView) -> None:
        """The queue begins with a render, whoever asked for it."""
        request = view.settled.request
        if view.job is not None and view.model is not None:
            draft = view.job.order.draft
            self._asked = Asked(draft, view.model, draft.image is not None)
        self._stage.begin(request.width, request.height)
        # Now, as at the end there is enough to do.
        self._session.submit("Load the video libraries", Lane.FILES, lambda _: load_libraries())
        self._on_pause_changed()
        self.changed.emit()

    @Slot()
    def _on_pause_changed(self) -> None:
        pause = self._session.renders.pause
        if self.running:
            self._stage.show_pause(pause.state, can_toggle=pause.can_toggle)

    @Slot(object)
    def _on_progressed(self, view: RenderView) -> None:
        self.seed_used.emit(view.settled.request.seed)
        self._stage.show_view(view)

    @Slot(object)
    def _on_pc_changed(self, profile: HardwareProfile) -> None:
        if self.running and self._stage.progress is not None:
            self._stage.progress.know_reason(stall_reason(profile, self._session.settings.gpu_uuid))

    @Slot(object)
    def _on_finished(self, done: RenderDone) -> None:
        self._made_with = self._asked.model if self._asked is not None else None
        self._stage.show_done(done)
        self._end(done)

    @Slot(object)
    def _on_failed(self, failed: RenderFailed) -> None:
        self.show_error(failed.error, self.retry_wanted.emit)
        self._failed_job = failed.job_id
        self.failed.emit(failed.error, self._asked)
        self._end(failed.error)

    @Slot()
    def _on_stopped(self) -> None:
        self._stage.show_empty()
        announce(self._stage, tr("The video was stopped."), topic=RENDER_TOPIC)
        self._end(None)

    @Slot()
    def _on_retry(self) -> None:
        if self._retry is not None:
            self._retry()

    @Slot()
    def _on_variation(self) -> None:
        self._use_settings(keep_seed=False)

    @Slot()
    def _on_reuse(self) -> None:
        self._use_settings(keep_seed=True)

    def _use_settings(self, *, keep_seed: bool) -> None:
        done = self._done
        if done is not None and self._made_with is not None:
            self.settings_wanted.emit(done.settled.request, self._made_with, keep_seed)

    @property
    def _done(self) -> RenderDone | None:
        return self._stage.finished.done if self._stage.finished is not None else None

    @Slot(str)
    def _on_unplayable(self, reason: str) -> None:
        if self._done is None:
            return
        error = VideoUnreadableError(
            tr("The video was made and saved, but it cannot be played here."),
            hint=tr("Open it with another player: {path}", path=self._done.result.path),
            details=reason,
        )
        self.show_error(error, self._show_last_video)

    def _show_last_video(self) -> None:
        if self._done is not None:
            self._stage.show_done(self._done)
