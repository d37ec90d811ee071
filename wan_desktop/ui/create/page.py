"""The Create page: brings form, stage and renders together."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.create.footer import Footer
from wan_desktop.ui.create.stage import Stage
from wan_desktop.ui.page import WAIT_FOR_CARD, DraftTarget, PageId, PageTarget
from wan_desktop.ui.theme import look
from wan_desktop.ui.turns import next_turn
from wan_desktop.ui.widgets.controls import label

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QImage, QResizeEvent

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.generation import GenerationDraft, GenerationRequest
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.core.recommendations import Recommendation
    from wan_desktop.ui.create.form import CreateForm
    from wan_desktop.ui.create.form_keeper import FormKeeper
    from wan_desktop.ui.create.form_state import FormState
    from wan_desktop.ui.create.form_tools import FormTools
    from wan_desktop.ui.create.render_desk import RenderDesk
    from wan_desktop.ui.session import Session

_FORM_PX = 392
_WIDEST_FORM = 1.45
"""Larger text widens the form only so far; the stage needs room too."""
_LOW_PX = 720
"""In a lower window the estimate takes one line."""


class CreatePage(QFrame):
    """Make a video."""

    percent_changed = Signal(object)
    form_ready = Signal()
    settled = Signal()
    """The first form is there, or it is known that there is none."""
    render_ended = Signal(object)
    """A RenderDone, a WanError, or None when it was stopped."""
    page_requested = Signal(object, object)
    """A PageId, and what that page is to show or None."""
    queue_requested = Signal(object)
    """A tuple of GenerationDraft for the queue, all for `model`; only after `use_queue`."""

    def __init__(self, parent: QWidget | None = None, *, remember: bool = True) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._remember = remember
        self._session: Session | None = None
        self._load: Callable[[], Model] | None = None
        self._target: object = None
        self._has_queue = False
        self.model: Model | None = None
        """What the form is for."""
        self.form: CreateForm | None = None
        self.tools: FormTools | None = None
        self.desk: RenderDesk | None = None
        self._keeper: FormKeeper | None = None
        self._build_ui()
        self._connect()

    def attach(self, session: Session, load_model: Callable[[], Model]) -> None:
        """Begin to work: find the model, then show its form.

        Args:
            session: Queue, engine, settings.
            load_model: Finds the model; runs on the files lane.
        """
        from wan_desktop.ui.create.finished_deeds import FinishedDeeds  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.create.form_keeper import FormKeeper  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.create.form_tools import FormTools  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.create.render_desk import RenderDesk  # noqa: PLC0415 - after the first paint

        self._session = session
        self._load = load_model
        session.runtime.changed.connect(self._update_footer)
        self.footer.remedy_requested.connect(session.runtime.install)
        self._keeper = FormKeeper(session, self, remember=self._remember)
        self.desk = RenderDesk(session, self.stage, self)
        self.tools = FormTools(session, self.footer, load_model, self)
        self._connect_parts(self.desk, self.tools)
        if session.safe_reason is None:  # else the newest videos, which it would open, wait for the page Library
            self.stage.show_recent(session.library)
        deeds = FinishedDeeds(session, self.stage, self)
        deeds.page_requested.connect(self.page_requested)
        deeds.start_image_wanted.connect(self._on_start_image)
        self._find_model()

    def use_queue(self) -> None:
        """There is a queue now that takes what `queue_requested` says."""
        self._has_queue = True
        if self.form is not None:
            self.form.show_queue()
        self._update_footer()

    @property
    def rendering(self) -> bool:
        """A video is being made."""
        return self.desk is not None and self.desk.running

    @property
    def is_ready(self) -> bool:
        """The form is filled in, so that a video can be made of it."""
        has_engine = self._session is not None and self._session.runtime.can_render
        return self.form is not None and self.model is not None and has_engine and not self.form.reason_not_ready()

    def close_down(self) -> None:
        """Keep the form and let go of files, before the program ends."""
        if self._keeper is not None:
            self._keeper.keep_now()
        self.stage.close_clip()

    @Slot()
    def generate(self) -> None:
        """Make what stands in the form; of more than one video all go to the queue."""
        if self.form is None or not self.is_ready or self.rendering:
            return
        if self._has_queue and self.form.state.count > 1:
            self.add_to_queue()
        else:
            self._render(self.form.state)

    @Slot()
    def make_sample(self) -> None:
        """Write the model's first sample prompt into the form and make it, as soon as there is a form."""
        if self.form is None:
            from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

            self.form_ready.connect(self.make_sample, Qt.ConnectionType.SingleShotConnection)
            return
        if self.stage.empty.samples:
            self.form.write_prompt(self.stage.empty.samples[0])
            self.generate()

    @Slot()
    def add_to_queue(self) -> None:
        """Let the queue make what stands in the form."""
        if self.form is not None:
            self._enqueue(self.form.state, self.form.state.count)

    @Slot()
    def generate_versions(self) -> None:
        """Let the queue make four versions, which differ in their seeds."""
        from wan_desktop.ui.create.generate_menu import VERSIONS  # noqa: PLC0415 - after the first paint

        if self.form is not None:
            self._enqueue(self.form.state, VERSIONS)

    @Slot()
    def test_draft(self) -> None:
        """Make about one second of it in the fastest quality; the form stays as it is."""
        from wan_desktop.ui.create.model_change import draft_test  # noqa: PLC0415 - after the first paint

        if self.form is None or self.model is None or not self.is_ready:
            return
        state = draft_test(self.form.state, self.model)
        if self.rendering:
            self._enqueue(state, 1)
        else:
            self._render(state)

    @Slot()
    def stop(self) -> None:
        """Stop the render."""
        if self.desk is not None:
            self.desk.stop()

    @Slot()
    def ask_to_stop(self) -> None:
        """Stop the render; where much work would be lost, only after a question."""
        if self.desk is not None:
            self.desk.ask_to_stop()

    @Slot()
    def open_history(self) -> None:
        """Show the prompts that were used."""
        if self.tools is not None:
            self.tools.open_history()

    @Slot()
    def new_seed(self) -> None:
        """Take a new seed, and keep it."""
        if self.form is not None:
            self.form.throw_seed()

    def show_target(self, target: object) -> None:
        """Show what another page asks for: a DraftTarget, or the ModelKey of a model that is to be used."""
        from wan_desktop.core.store.library import ModelKey  # noqa: PLC0415 - after the first paint

        if self.form is None or self.tools is None:
            self._target = target  # until there is a form
        elif isinstance(target, DraftTarget):
            self.take_draft(target.draft, target.model_id)
        elif isinstance(target, ModelKey):
            self.tools.take_model(target)

    def take_draft(self, draft: GenerationDraft, model_id: str) -> None:
        """Put a draft into the form, with the model of that id where it is here."""
        if self.tools is not None:
            self.tools.take_draft(draft, model_id)

    @Slot()
    def choose_image(self) -> None:
        """Ask for a start image."""
        if self.form is not None:
            self.form.choose_image()

    @Slot()
    def focus_prompt(self) -> None:
        """Put the cursor into the prompt."""
        if self.form is not None:
            self.form.focus_first()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if hasattr(self, "footer"):
            self._fit_column()
            self._fit_footer()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten the foot of the form in a low window."""
        super().resizeEvent(event)
        self._fit_footer()

    def _fit_footer(self) -> None:
        self.footer.set_compact(self.window().height() < look().scale * _LOW_PX)

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
        self._placeholder: QLabel = label(tr("Reading the model"), self.column, role="soft", wrap=True)
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
        self.footer.queue_requested.connect(self.add_to_queue)
        self.footer.menu_requested.connect(self._on_menu)
        self.stage.example_chosen.connect(self._on_example)
        self.stage.offer_requested.connect(self._on_offer)
        self.stage.percent_changed.connect(self.percent_changed)
        self.stage.library_requested.connect(self._on_library)

    def _connect_parts(self, desk: RenderDesk, tools: FormTools) -> None:
        desk.changed.connect(self._update_footer)
        desk.ended.connect(self.render_ended)
        desk.failed.connect(tools.help_after)
        desk.seed_used.connect(self._on_seed_used)
        desk.retry_wanted.connect(self.generate)
        desk.settings_wanted.connect(self._on_settings_wanted)
        tools.page_requested.connect(self.page_requested)
        tools.form_wanted.connect(self._show_form)
        tools.offers_found.connect(self.stage.show_offers)
        tools.generate_wanted.connect(self.generate)
        tools.failed.connect(self._on_tools_failed)
        tools.menu.queue_requested.connect(self.add_to_queue)
        tools.menu.versions_requested.connect(self.generate_versions)
        tools.menu.test_requested.connect(self.test_draft)

    def _fit_column(self) -> None:
        self.column.setFixedWidth(round(_FORM_PX * min(look().scale, _WIDEST_FORM)))

    def _render(self, state: FormState) -> None:
        if self.desk is not None and self.tools is not None and self.model is not None:
            self.desk.begin(state, self.model)
            self.tools.note_prompt(state.prompt)

    def _enqueue(self, state: FormState, count: int) -> None:
        from wan_desktop.ui.create.form_state import versions  # noqa: PLC0415 - after the first paint

        if self._has_queue and self.is_ready and self.tools is not None:
            self.queue_requested.emit(versions(state, count))
            self.tools.note_prompt(state.prompt)

    def _find_model(self) -> None:
        if self._keeper is None or self._load is None:
            return
        self.stage.show_empty()
        self.footer.show_reason(tr("The model is being read"))
        self._keeper.find(self._load, self._on_model)

    def _on_model(self, snapshot: JobSnapshot) -> None:
        if self.desk is None or self.tools is None:
            return
        if snapshot.error is not None:
            self._placeholder.setText(tr("The form appears when a model can be used."))
            self.footer.show_reason(tr("There is no model that can be used"))
            self.desk.show_error(snapshot.error, self._find_model)
            self.render_ended.emit(snapshot.error)
            self.settled.emit()
        elif snapshot.result is not None:
            model, state, kept = snapshot.result
            if kept is not None and kept.model_id and (kept.model_id, kept.variant) != (state.model_id, state.variant):
                self.tools.remember(kept)
            first = self._make_form(model, state)
            # Making the form and letting it be laid out are a turn each: together they would be a pause.
            next_turn(first, lambda: self._show_first_form(first))

    def _show_first_form(self, form: CreateForm) -> None:
        self._use_form(form)
        self.form_ready.emit()
        self.settled.emit()
        target, self._target = self._target, None
        if target is not None:
            self.show_target(target)

    def _make_form(self, model: Model, state: FormState) -> CreateForm:
        from wan_desktop.ui.create.form import CreateForm  # noqa: PLC0415 - after the first paint

        assert self._session is not None
        return CreateForm(self._session, model, state, self)

    @Slot(object, object, str)
    def _show_form(self, model: Model, state: FormState, note: str) -> None:
        """Show the form of another model, in place of what stands there."""
        if self._session is not None:
            self._use_form(self._make_form(model, state), note)

    def _use_form(self, form: CreateForm, note: str = "") -> None:
        if self._session is None or self.tools is None:
            return
        model, state = form.model, form.state
        is_change = self.form is not None
        was_chosen = self.form is not None and self.form.model_field.box.hasFocus()
        before = self.form_scroll.takeWidget()
        self.model = model
        self._session.renders.remember(model)
        old, self.form = self.form, form
        if old is not None:
            self.form.prompt_box.take_over(old.prompt_box)
        self.form.state_changed.connect(self._on_form_changed)
        self.form_scroll.setWidget(self.form)
        before.deleteLater()
        if self._has_queue:
            self.form.show_queue()
        self.stage.empty.show_samples(model.metadata.sample_prompts)
        self.tools.use_form(self.form, model)
        self._update_footer()
        if was_chosen:  # with the keyboard; it stays where it was
            self.form.model_field.box.setFocus()
        else:
            self.form.focus_first()
        if note:
            self.form.model_field.field.say(note)
        if is_change:
            self._on_form_changed(state)

    @Slot()
    def _update_footer(self) -> None:
        if self.form is None:
            return
        adds = self.rendering and self._has_queue
        busy = tr("A video is being made") if self.rendering and not adds else ""
        runtime = self._session.runtime if self._session is not None else None
        no_engine = runtime.reason_not_to_render() if runtime is not None else ""
        self.footer.show_reason(busy or no_engine or self.form.reason_not_ready(), adds=adds)
        need = runtime.need if runtime is not None and no_engine else ""
        install = tr("Install: {size}", size=runtime.size_words) if runtime is not None and need == "absent" else ""
        self.footer.show_remedy(tr("Repair") if need == "damaged" else install)

    @Slot(object)
    def _on_form_changed(self, state: FormState) -> None:
        self._update_footer()
        if self._keeper is not None:
            self._keeper.keep(state)

    @Slot(object)
    def _on_seed_used(self, seed: int) -> None:
        if self.form is not None:
            self.form.show_seed_used(seed)

    @Slot(str)
    def _on_example(self, prompt: str) -> None:
        if self.form is not None:
            self.form.write_prompt(prompt)

    @Slot(object, object, bool)
    def _on_settings_wanted(self, request: GenerationRequest, model: Model, keep_seed: bool) -> None:
        from wan_desktop.ui.create.form_state import state_of  # noqa: PLC0415 - after the first paint

        if self.form is None:
            return
        state = state_of(request, model)
        state = state if keep_seed else state.with_changes(seed=None)
        if model is self.model:
            self.form.set_state(state)
        else:
            self._show_form(model, state, "")
        if not keep_seed:
            self.generate()

    @Slot("QImage")
    def _on_start_image(self, image: QImage) -> None:
        if self.form is None:
            return
        if self.form.image is None:
            words = tr("This model takes no start image."), tr("Choose another model, then try again.")
            self.stage.messages.say("info", *words)
        else:
            self.form.image.take(image)

    @Slot(object)
    def _on_library(self, target: object) -> None:
        self.page_requested.emit(PageId.LIBRARY, target)

    @Slot(object)
    def _on_offer(self, offered: object) -> None:
        """A Recommendation, the PageTarget where the user can do something, or that it is to wait."""
        if isinstance(offered, PageTarget):
            self.page_requested.emit(offered.page, offered.target)
        elif offered is WAIT_FOR_CARD:
            if self.desk is not None:
                self.desk.wait_for_card()
        elif self.tools is not None:
            self.tools.apply(cast("Recommendation", offered), retry=True)

    @Slot()
    def _on_menu(self) -> None:
        if self.tools is not None:
            self.tools.open_menu(is_ready=self.is_ready, is_busy=self.rendering, has_queue=self._has_queue)

    @Slot(object)
    def _on_tools_failed(self, error: WanError) -> None:
        if self.desk is not None and not self.rendering:
            self.desk.show_error(error, self.stage.show_empty, words=tr("OK"))
