"""The Create page: brings form, stage and renders together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from wan_desktop.ui.create.footer import Footer
from wan_desktop.ui.create.stage import Stage
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import label

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtCore import QEvent

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.ui.create.form import CreateForm
    from wan_desktop.ui.create.form_state import FormState
    from wan_desktop.ui.create.rendering import RenderController, RenderDone, RenderFailed, RenderView
    from wan_desktop.ui.session import Session

_FORM_PX = 392
_WIDEST_FORM = 1.45
"""Larger text widens the form only so far; the stage needs room too."""
_SAVE_MS = 400


class CreatePage(QFrame):
    """Make a video."""

    percent_changed = Signal(object)
    form_ready = Signal()
    render_ended = Signal(object)
    """A RenderDone, a WanError, or None when it was stopped."""

    def __init__(self, parent: QWidget | None = None, *, remember: bool = True) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._remember = remember
        self._session: Session | None = None
        self._model: Model | None = None
        self._load: Callable[[], Model] | None = None
        self._retry: Callable[[], None] | None = None
        self.form: CreateForm | None = None
        self.renders: RenderController | None = None
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.setInterval(_SAVE_MS)
        self._build_ui()
        self._connect()

    def attach(self, session: Session, load_model: Callable[[], Model]) -> None:
        """Begin to work: find the model, then show its form.

        Args:
            session: Queue, engine, settings.
            load_model: Finds the model; runs on the files lane.
        """
        from wan_desktop.ui.create.rendering import RenderController  # noqa: PLC0415 - after the first paint

        self._session = session
        self._load = load_model
        self.renders = RenderController(session, self)
        self.renders.started.connect(self._update_footer)
        self.renders.progressed.connect(self._on_progressed)
        self.renders.stopping.connect(self.stage.show_stopping)
        self.renders.finished.connect(self._on_finished)
        self.renders.failed.connect(self._on_failed)
        self.renders.stopped.connect(self._on_stopped)
        self._find_model()

    @property
    def rendering(self) -> bool:
        """A video is being made."""
        return self.renders is not None and self.renders.running

    def close_down(self) -> None:
        """Keep the form and let go of files, before the program ends."""
        if self._save_timer.isActive():
            self._save_timer.stop()
            self._save_now()
        self.stage.close_clip()

    @Slot()
    def generate(self) -> None:
        """Make what stands in the form."""
        if (
            self.form is None
            or self._model is None
            or self.renders is None
            or self.rendering
            or self.form.reason_not_ready()
        ):
            return
        state = self.form.state
        self.stage.begin(state.width, state.height)
        self.renders.render(state.draft(), self._model)

    @Slot()
    def stop(self) -> None:
        """Stop the render."""
        if self.renders is not None:
            self.renders.stop()

    @Slot()
    def focus_prompt(self) -> None:
        """Put the cursor into the prompt."""
        if self.form is not None:
            self.form.focus_first()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if hasattr(self, "column"):
            self._fit_column()

    def _build_ui(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.column = QFrame(self)
        self.column.setObjectName("formColumn")
        self._fit_column()
        inner = QVBoxLayout(self.column)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        self.form_scroll = QScrollArea(self.column)
        self.form_scroll.setWidgetResizable(True)
        self._placeholder: QLabel = label("Reading the model", self.column, role="soft", wrap=True)
        self._placeholder.setContentsMargins(20, 16, 20, 16)
        self._placeholder.setProperty("align", "top")
        self.form_scroll.setWidget(self._placeholder)
        inner.addWidget(self.form_scroll, 1)
        self.footer = Footer(self.column)
        inner.addWidget(self.footer)
        layout.addWidget(self.column)
        self.stage = Stage(self)
        layout.addWidget(self.stage, 1)

    def _connect(self) -> None:
        self.footer.generate_requested.connect(self.generate)
        self.stage.stop_requested.connect(self.stop)
        self.stage.retry_requested.connect(self._on_retry)
        self.stage.example_chosen.connect(self._on_example)
        self.stage.variation_requested.connect(self._on_variation)
        self.stage.reuse_requested.connect(self._on_reuse)
        self.stage.unplayable.connect(self._on_unplayable)
        self.stage.percent_changed.connect(self.percent_changed)
        self._save_timer.timeout.connect(self._on_save)

    def _fit_column(self) -> None:
        self.column.setFixedWidth(round(_FORM_PX * min(look().scale, _WIDEST_FORM)))

    def _find_model(self) -> None:
        from wan_desktop.core.jobs import Lane  # noqa: PLC0415 - after the first paint

        if self._session is None or self._load is None:
            return
        load, form_file, remember = self._load, self._form_file, self._remember

        def work(_: object) -> tuple[Model, FormState]:
            from wan_desktop.ui.create.form_state import default_state, fitted, load_form  # noqa: PLC0415 - on the lane

            model = load()
            state = load_form(form_file) if remember else None
            return model, fitted(state, model) if state is not None else default_state(model)

        self.stage.show_empty()
        self.footer.show_reason("The model is being read")
        self._session.submit("Find the model", Lane.FILES, work, self._on_model)

    def _on_model(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self._placeholder.setText("The form appears when a model can be used.")
            self.footer.show_reason("There is no model that can be used")
            self._show_error(snapshot.error, self._find_model)
            self.render_ended.emit(snapshot.error)
        elif snapshot.result is not None:
            self._build_form(*snapshot.result)

    def _build_form(self, model: Model, state: FormState) -> None:
        from wan_desktop.ui.create.form import CreateForm  # noqa: PLC0415 - after the first paint

        if self._session is None:
            return
        self._model = model
        self.form = CreateForm(self._session, model, state, self)
        self.form.state_changed.connect(self._on_form_changed)
        self.form_scroll.setWidget(self.form)
        self.stage.empty.show_samples(model.metadata.sample_prompts)
        self._update_footer()
        self.form.focus_first()
        self.form_ready.emit()

    @property
    def _form_file(self) -> Path:
        assert self._session is not None
        return self._session.paths.data / "form.json"

    def _save_now(self) -> None:
        if self.form is not None and self._session is not None and self._remember:
            from wan_desktop.ui.create.form_state import save_form  # noqa: PLC0415 - after the first paint

            save_form(self.form.state, self._form_file)

    def _show_error(self, error: WanError, retry: Callable[[], None], *, words: str = "Try again") -> None:
        from wan_desktop.ui.create.error_texts import error_text  # noqa: PLC0415 - after the first paint

        if self._session is None:
            return
        self._retry = retry
        log_file = self._session.paths.log_file
        self.stage.show_error(error_text(error, engine=self._session.engine_state, log_file=log_file, retry=words))

    @Slot()
    def _update_footer(self) -> None:
        if self.form is not None:
            self.footer.show_reason("A video is being made" if self.rendering else self.form.reason_not_ready())

    @Slot(object)
    def _on_form_changed(self, _state: object) -> None:
        self._update_footer()
        if self._remember:
            self._save_timer.start()

    @Slot()
    def _on_save(self) -> None:
        from wan_desktop.core.jobs import Lane  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.create.form_state import save_form  # noqa: PLC0415 - after the first paint

        if self.form is not None and self._session is not None:
            state, path = self.form.state, self._form_file
            self._session.submit("Keep the form", Lane.FILES, lambda _: save_form(state, path))

    @Slot(object)
    def _on_progressed(self, view: RenderView) -> None:
        if self.form is not None:
            self.form.show_seed_used(view.settled.request.seed)
        self.stage.show_view(view)

    @Slot(object)
    def _on_finished(self, done: RenderDone) -> None:
        self.stage.show_done(done)
        self._update_footer()
        self.render_ended.emit(done)

    @Slot(object)
    def _on_failed(self, failed: RenderFailed) -> None:
        self._show_error(failed.error, self.generate)
        self._update_footer()
        self.render_ended.emit(failed.error)

    @Slot()
    def _on_stopped(self) -> None:
        self.stage.show_empty()
        self._update_footer()
        self.render_ended.emit(None)

    @Slot()
    def _on_retry(self) -> None:
        if self._retry is not None:
            self._retry()

    @Slot(str)
    def _on_example(self, prompt: str) -> None:
        if self.form is not None:
            self.form.write_prompt(prompt)

    @Slot()
    def _on_variation(self) -> None:
        self._reuse(keep_seed=False)
        self.generate()

    @Slot()
    def _on_reuse(self) -> None:
        self._reuse(keep_seed=True)

    def _reuse(self, *, keep_seed: bool) -> None:
        from wan_desktop.ui.create.form_state import state_of  # noqa: PLC0415 - after the first paint

        done = self.stage.finished.done if self.stage.finished is not None else None
        if done is None or self.form is None or self._model is None:
            return
        state = state_of(done.settled.request, self._model)
        self.form.set_state(state if keep_seed else state.with_changes(seed=None))

    @Slot(str)
    def _on_unplayable(self, reason: str) -> None:
        from wan_desktop.core.errors import VideoUnreadableError  # noqa: PLC0415 - after the first paint

        done = self.stage.finished.done if self.stage.finished is not None else None
        if done is None:
            return
        error = VideoUnreadableError(
            "The video was made and saved, but it cannot be played here.",
            hint=f"Open it with another player: {done.result.path}",
            details=reason,
        )
        self._show_error(error, self._show_last_video)

    def _show_last_video(self) -> None:
        done = self.stage.finished.done if self.stage.finished is not None else None
        if done is not None:
            self.stage.show_done(done)
