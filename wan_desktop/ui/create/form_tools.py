"""What stands around the form: the estimate, the choice of models, prompts and presets of before, help after a failure.

It follows the form and changes it; the page makes videos.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Signal, Slot

from wan_desktop.core.errors import EngineError, IncompatibleError, OutOfMemoryError
from wan_desktop.core.recommendations import ChangeKind
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.words import tr
from wan_desktop.ui.create import estimate_texts
from wan_desktop.ui.create.estimator import Asked, Estimator
from wan_desktop.ui.create.form_state import fitted, named_size
from wan_desktop.ui.create.generate_menu import GenerateMenu, LivePresets
from wan_desktop.ui.create.history_dialog import HistoryDialog, LiveHistory
from wan_desktop.ui.create.model_change import moved, with_draft, with_settings
from wan_desktop.ui.create.model_choice import ModelChoice
from wan_desktop.ui.page import SHOW_PROGRAMS, PageId
from wan_desktop.ui.widgets.error_card import ErrorOffer

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.form_check import FormVerdict
    from wan_desktop.core.generation import GenerationDraft
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.presets import Preset
    from wan_desktop.core.recommendations import Recommendation
    from wan_desktop.ui.create.estimate_box import EstimateBox
    from wan_desktop.ui.create.footer import Footer
    from wan_desktop.ui.create.form import CreateForm
    from wan_desktop.ui.create.form_state import FormState
    from wan_desktop.ui.session import Session

_OF_MEMORY = (OutOfMemoryError, IncompatibleError, EngineError)
"""After these something smaller may work; an engine that died most often died of memory."""


class FormTools(QObject):
    """Works on the form of a page.

    Args:
        session: What the window works with.
        footer: Below the form.
        load_builtin: Finds the built-in model; runs on the files lane.
        parent: Its parent.
    """

    page_requested = Signal(object, object)
    """A PageId, and what that page is to show or None."""
    form_wanted = Signal(object, object, str)
    """A Model, the FormState for it, and what to say about the change: another form is to be shown."""
    offers_found = Signal(object)
    """A tuple of ErrorOffer, after a failure."""
    generate_wanted = Signal()
    """An offer was applied: try again."""
    failed = Signal(object)
    """A WanError: a preset could not be kept."""

    def __init__(self, session: Session, footer: Footer, load_builtin: Callable[[], Model], parent: QObject) -> None:
        super().__init__(parent)
        self._footer = footer
        self._form: CreateForm | None = None
        self._model: Model | None = None
        self._kept: FormState | None = None
        """The form of the last time, for a model that is not seen to be here yet."""
        self._preset: Preset | None = None
        self._draft: GenerationDraft | None = None
        """What is to stand in the form of the model that is being looked for."""
        self._retries = False
        self._dialog: HistoryDialog | None = None
        self.verdict: FormVerdict | None = None
        self.estimator = Estimator(session, self)
        self.choice = ModelChoice(session, load_builtin, self)
        self.history = LiveHistory(session, self)
        self.presets = LivePresets(session, self)
        self.menu = GenerateMenu(footer)
        self._connect()

    def use_form(self, form: CreateForm, model: Model) -> None:
        """Work on that form from now on."""
        self._form, self._model = form, model
        form.state_changed.connect(self._on_form_changed)
        form.model_field.model_chosen.connect(self._on_model_chosen)
        form.model_field.more_requested.connect(self._on_more_models)
        form.prompt_box.history_requested.connect(self.open_history)
        form.model_field.show_offers(self.choice.offers())
        self._on_form_changed(form.state)

    def remember(self, kept: FormState) -> None:
        """The form of the last time was for another model: bring both back once that model is seen to be here."""
        self._kept = kept
        self.choice.remembered = (kept.model_id, kept.variant)

    def note_prompt(self, prompt: str) -> None:
        """A prompt is used now."""
        if prompt.strip():
            self.history.add(prompt)

    def take_draft(self, draft: GenerationDraft, model_id: str) -> None:
        """Put a draft into the form, with its model where that is here; with the one at hand where it is not."""
        if self._form is None or self._model is None:
            return
        here = (self._model.metadata.model_id, self._model.variant)
        if here[0] == model_id and draft.variant in ("", here[1]):
            self._form.set_state(with_draft(self._form.state, draft, self._model))
            return
        offer = self.choice.offer_of(model_id, draft.variant) or self.choice.offer_of(model_id, "")
        if offer is not None:
            self._draft = draft
            self.choice.choose(offer)
            return
        self._form.set_state(with_draft(self._form.state, replace(draft, variant=""), self._model))
        words = tr("The model {model} is not here, so this one is used.", model=model_id)
        self._form.model_field.field.say(words, "warn")

    def take_model(self, key: ModelKey) -> None:
        """Use that model, if it is here."""
        offer = self.choice.offer_of(key.model_id, key.variant)
        if offer is not None:
            self.choice.choose(offer)

    def help_after(self, error: WanError, asked: Asked) -> None:
        """Look for what would help, where the failure may be one of memory."""
        if isinstance(error, _OF_MEMORY):
            self.estimator.ask_after_failure(asked)

    @Slot()
    def open_history(self) -> None:
        """Show the prompts that were used."""
        if self._form is None or self._dialog is not None:
            return
        self._dialog = HistoryDialog(self.history, self._footer.window())
        self._dialog.prompt_chosen.connect(self._on_prompt_chosen)
        self._dialog.finished.connect(self._on_history_closed)
        self._dialog.open()

    def open_menu(self, *, is_ready: bool, is_busy: bool, has_queue: bool) -> None:
        """Show the menu beside the main button; see `GenerateMenu.prepare`."""
        self.menu.prepare(self.presets.presets, is_ready=is_ready, is_busy=is_busy, has_queue=has_queue)
        more = self._footer.more
        height = self.menu.sizeHint().height()
        self.menu.popup(more.mapToGlobal(QPoint(more.width() - self.menu.sizeHint().width(), -height - 4)))

    def apply(self, change: Recommendation, *, retry: bool) -> None:
        """Make a change that was offered.

        Args:
            change: What was offered.
            retry: Make the video then, if it can be made at once.
        """
        match change.kind:
            case ChangeKind.VARIANT | ChangeKind.MODEL:
                self._use_other_model(change, retry=retry)
            case ChangeKind.CLOSE_PROGRAMS:
                self.page_requested.emit(PageId.THIS_PC, SHOW_PROGRAMS)
            case _:
                self._change_form(change)
                if retry:
                    self.generate_wanted.emit()

    def _connect(self) -> None:
        self.estimator.checked.connect(self._on_checked)
        self.estimator.offers_found.connect(self._on_offers_found)
        self.choice.offers_changed.connect(self._on_offers_changed)
        self.choice.found.connect(self._on_model_found)
        self.choice.failed.connect(self._on_choice_failed)
        self.presets.failed.connect(self.failed)
        self.menu.preset_named.connect(self._on_preset_named)
        self.menu.preset_chosen.connect(self._on_preset_chosen)
        self.menu.preset_deleted.connect(self.presets.delete)
        self._footer.box_made.connect(self._on_box_made)

    def _change_form(self, change: Recommendation) -> None:
        if self._form is None or self._model is None:
            return
        names = ("width", "height", "num_frames")
        changes: dict[str, object] = {name: value for name in names if (value := getattr(change, name)) is not None}
        state = self._form.state
        width, height = change.width or state.width, change.height or state.height
        changes["custom_size"] = named_size(self._model.metadata, width, height) is None
        self._form.change(**changes)

    def _use_other_model(self, change: Recommendation, *, retry: bool) -> None:
        offer = self._offer_for(change)
        if offer is not None:
            self._retries = retry
            self.choice.choose(offer)
        else:
            key = ModelKey(change.model_id, change.variant) if change.model_id and change.variant else None
            self.page_requested.emit(PageId.MODELS, key)

    def _offer_for(self, change: Recommendation) -> ModelOffer | None:
        return self.choice.offer_of(change.model_id or "", change.variant or "")

    def _error_offer(self, change: Recommendation, state: FormState) -> ErrorOffer:
        now = (state.width, state.height, state.num_frames)
        is_model = change.kind in (ChangeKind.VARIANT, ChangeKind.MODEL)
        is_here = not is_model or self._offer_for(change) is not None
        words = estimate_texts.retry_words(change, now, state.fps, is_here=is_here)
        icon_name = estimate_texts.retry_icon(change, is_here=is_here)
        return ErrorOffer(words, estimate_texts.result_words(change), change, icon_name)

    @Slot(object)
    def _on_form_changed(self, state: FormState) -> None:
        if self._model is not None:
            self.estimator.ask(Asked(state.draft(), self._model, state.wants_image, state.wishes))

    @Slot(object)
    def _on_checked(self, found: FormVerdict | None) -> None:
        if found is not None:
            found = replace(found, offers=tuple(change for change in found.offers if self._is_possible(change)))
        self.verdict = found
        if self._form is not None:
            state = self._form.state
            self._footer.show_verdict(found, (state.width, state.height, state.num_frames), state.fps)

    @Slot(object)
    def _on_box_made(self, box: EstimateBox) -> None:
        box.offer_chosen.connect(self._on_offer_chosen)
        box.details_requested.connect(self._on_details)

    @Slot(object)
    def _on_offer_chosen(self, change: Recommendation) -> None:
        self.apply(change, retry=False)

    @Slot()
    def _on_details(self) -> None:
        chosen = self._form.model_field.chosen if self._form is not None else None
        self.page_requested.emit(PageId.MODELS, chosen.key if chosen is not None else None)

    @Slot(object)
    def _on_offers_found(self, changes: tuple[Recommendation, ...]) -> None:
        possible = [change for change in changes if self._is_possible(change)]
        if self._form is not None and possible:
            state = self._form.state
            self.offers_found.emit(tuple(self._error_offer(change, state) for change in possible))

    def _is_possible(self, change: Recommendation) -> bool:
        """Another model is here or can be downloaded; anything else can be done anyway."""
        if change.kind not in (ChangeKind.VARIANT, ChangeKind.MODEL):
            return True
        return self.choice.can_be_had(change.model_id or "", change.variant or "")

    # Models --------------------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_offers_changed(self, offers: tuple[ModelOffer, ...]) -> None:
        if self._form is not None:
            self._form.model_field.show_offers(offers)

    @Slot(object)
    def _on_model_chosen(self, offer: ModelOffer) -> None:
        self._kept, self._retries, self._preset, self._draft = None, False, None, None
        self.choice.choose(offer)

    @Slot(object)
    def _on_model_found(self, model: Model) -> None:
        if self._form is None or self._model is None:
            return
        state, note = self._state_for(model)
        self.form_wanted.emit(model, state, note)
        retries, self._retries = self._retries, False
        if retries:
            self.generate_wanted.emit()

    def _state_for(self, model: Model) -> tuple[FormState, str]:
        """The form for another model, and a note that says what changed."""
        assert self._form is not None
        assert self._model is not None
        now = self._form.state
        kept, self._kept = self._kept, None
        preset, self._preset = self._preset, None
        draft, self._draft = self._draft, None
        if draft is not None:
            return with_draft(now, draft, model), ""
        if kept is not None:
            words = {"prompt": now.prompt, "image": now.image, "negative_prompt": now.negative_prompt}
            return fitted(kept.with_changes(**words), model), ""
        state, note = moved(now, self._model, model)
        return (with_settings(state, preset.draft, model), "") if preset is not None else (state, note)

    @Slot(object)
    def _on_choice_failed(self, error: WanError) -> None:
        self._retries, self._kept, self._preset, self._draft = False, None, None, None
        if self._form is not None:
            self._form.model_field.show_current()
            self._form.model_field.field.say(f"{error.message} {error.hint}".strip(), "bad")

    @Slot()
    def _on_more_models(self) -> None:
        self.page_requested.emit(PageId.MODELS, None)

    # Prompts and presets -------------------------------------------------------------------------------------------

    @Slot(str)
    def _on_prompt_chosen(self, prompt: str) -> None:
        if self._form is not None:
            self._form.write_prompt(prompt)

    @Slot(int)
    def _on_history_closed(self, _code: int) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.deleteLater()

    @Slot(str)
    def _on_preset_named(self, name: str) -> None:
        if self._form is not None and self._model is not None:
            model = self._model
            self.presets.save(name, model.metadata.model_id, model.variant, self._form.state.draft())

    @Slot(object)
    def _on_preset_chosen(self, preset: Preset) -> None:
        if self._form is None or self._model is None:
            return
        if (preset.model_id, preset.variant) == (self._model.metadata.model_id, self._model.variant):
            self._form.set_state(with_settings(self._form.state, preset.draft, self._model))
            return
        offer = self.choice.offer_of(preset.model_id, preset.variant)
        if offer is None:  # its model is gone: what fits the one at hand is taken
            self._form.set_state(with_settings(self._form.state, replace(preset.draft, variant=""), self._model))
            return
        self._preset = preset
        self.choice.choose(offer)
