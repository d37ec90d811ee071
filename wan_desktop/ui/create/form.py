"""The form: what is to be made."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.generation import SEED_RANGE
from wan_desktop.core.words import tr, trn
from wan_desktop.ui import text
from wan_desktop.ui.create.advanced import AdvancedPanel
from wan_desktop.ui.create.form_state import MAX_COUNT, FormState, named_size
from wan_desktop.ui.create.image_field import ImageField
from wan_desktop.ui.create.model_field import ModelField
from wan_desktop.ui.create.prompt_box import PromptBox
from wan_desktop.ui.create.prompt_edit import PromptEdit
from wan_desktop.ui.create.token_counter import TokenCount, TokenCounter
from wan_desktop.ui.create.wishes_panel import WishesPanel
from wan_desktop.ui.widgets.controls import label, set_help
from wan_desktop.ui.widgets.fields import ComboBox, Slider, SpinBox
from wan_desktop.ui.widgets.form import Fold, FormField, value_label
from wan_desktop.ui.widgets.segmented import Segmented

if TYPE_CHECKING:
    from wan_desktop.core.catalog import Model, VideoSize
    from wan_desktop.core.render_wishes import RenderWishes
    from wan_desktop.ui.session import Session


class CreateForm(QWidget):
    """Shows a FormState and changes it; everything on screen is drawn from that one record.

    Args:
        session: For reading pictures and counting tokens on its lanes.
        model: What it is to be made with.
        state: What to begin with.
        parent: Its parent.
    """

    state_changed = Signal(object)

    def __init__(self, session: Session, model: Model, state: FormState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("form")
        self._session = session
        self._model = model
        self.wishes: WishesPanel | None = None
        self._state = state
        self._last_seed: int | None = None
        self._counter = TokenCounter(session, model.folder.path, self)
        self._build_ui(session)
        self._connect()
        self._show()
        self._counter.set_text(state.prompt)
        if state.image is not None and self.image is not None:
            self.image.take(state.image)

    @property
    def model(self) -> Model:
        """What it is to be made with."""
        return self._model

    @property
    def state(self) -> FormState:
        """What stands in the form."""
        return self._state

    def set_state(self, state: FormState) -> None:
        """Show another state."""
        image_changed = state.image != self._state.image
        self._state = state
        if self.prompt.toPlainText() != state.prompt:
            self.prompt.setPlainText(state.prompt)
        if self.image is not None and image_changed:
            self.image.take(state.image)
        if isinstance(self.avoid.content, PromptEdit):
            self.avoid.content.setPlainText(self._negative())
        self._show()
        self.state_changed.emit(self._state)

    def change(self, **changes: object) -> None:
        """Change some values."""
        before = self._state
        self._state = before.with_changes(**changes)
        if self._state != before:
            self._show()
            self.state_changed.emit(self._state)

    def reason_not_ready(self) -> str:
        """Why nothing can be made from it yet; empty when it can."""
        if self._state.wants_image and self._state.image is None:
            return tr("Choose a start image first")
        if self._state.mode != GenerationMode.I2V and not self._state.prompt.strip():
            return tr("Write a prompt first")
        return ""

    def focus_first(self) -> None:
        """Put the cursor where typing begins."""
        self.prompt.setFocus()

    def write_prompt(self, prompt: str) -> None:
        """Put a prompt in, so that Ctrl+Z brings back what stood there."""
        self.prompt.replace_all(prompt)

    def show_queue(self) -> None:
        """There is a queue: more than one video can be asked for."""
        self.count_field.show()

    def throw_seed(self) -> None:
        """Take a new seed, and keep it."""
        self.change(seed=secrets.randbelow(SEED_RANGE[1] + 1))

    def choose_image(self) -> None:
        """Ask for a start image, where the model takes one."""
        if self.image is None:
            return
        if not self._state.wants_image:
            self.change(mode=GenerationMode.TI2V)
        self.image.choose()

    def show_seed_used(self, seed: int) -> None:
        """Say which seed the render took."""
        self._last_seed = seed
        if isinstance(self.advanced.content, AdvancedPanel):
            self.advanced.content.seed.show_last_used(seed)

    def _build_ui(self, session: Session) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 14, 16)  # the scroll bar is on the right
        layout.setSpacing(14)
        self._build_what(layout, session)
        self._build_words(layout)
        self._build_shape(layout)
        self._build_length(layout)
        self.advanced = Fold(tr("Advanced settings"), self._build_advanced, self)
        layout.addWidget(self.advanced)
        layout.addStretch(1)
        self._name_help()

    def _name_help(self) -> None:
        """What F1 shows for each field."""
        names: dict[QWidget, str] = {
            self.mode: "mode",
            self.model_field: "model",
            self.prompt_box: "prompt",
            self.avoid: "avoid",
            self.shape: "shape",
            self.size_box: "size",
            self.length: "length",
            self.quality: "quality",
            self.count: "count",
            self.advanced: "advanced",
        }
        if self.image is not None:
            names[self.image] = "image"
        for widget, name in names.items():
            set_help(widget, f"create.{name}")

    def _build_what(self, layout: QVBoxLayout, session: Session) -> None:
        modes = self._model.modes
        self.mode = Segmented(tr("What do you want to make"), [(text.mode_name(mode), mode) for mode in modes], self)
        field = FormField(tr("What do you want to make?"), self.mode, self)
        field.setVisible(len(modes) > 1)
        layout.addWidget(field)
        self.model_field = ModelField(self._model, self)
        layout.addWidget(self.model_field)
        self.image: ImageField | None = None
        if self._model.folder.takes_image:
            self.image = ImageField(session, self)
            layout.addWidget(self.image)

    def _build_words(self, layout: QVBoxLayout) -> None:
        samples = self._model.metadata.sample_prompts
        self.prompt_box = PromptBox(samples[0] if samples else "", self)
        self.prompt, self.prompt_field, self.tokens = (
            self.prompt_box.edit,
            self.prompt_box.field,
            self.prompt_box.tokens,
        )
        self.prompt.shortened.connect(self._on_cut)
        self.prompt.setPlainText(self._state.prompt)
        if self.prompt.is_full:
            self._state = self._state.with_changes(prompt=self.prompt.toPlainText())
        layout.addWidget(self.prompt_box)
        self.avoid = Fold(tr("What to avoid"), self._build_avoid, self)
        layout.addWidget(self.avoid)

    def _build_avoid(self, parent: QWidget) -> QWidget:
        edit = PromptEdit(tr("What to avoid"), parent, lines=3)
        edit.shortened.connect(self._on_cut)
        edit.refused.connect(self._on_refused)
        edit.setPlainText(self._negative())
        edit.setPlaceholderText(tr("Things that should not be in the video"))
        edit.textChanged.connect(self._on_avoid)
        return edit

    def _build_shape(self, layout: QVBoxLayout) -> None:
        sizes = self._model.metadata.sizes
        shapes = list(dict.fromkeys(size.shape for size in sizes))
        self.shape = Segmented(tr("Shape"), [(tr(shape), shape) for shape in shapes], self)
        shape_field = FormField(tr("Shape"), self.shape, self)
        shape_field.setVisible(len(shapes) > 1)
        layout.addWidget(shape_field)
        self.size_box = ComboBox(tr("Size"), self)
        self.only_size = label("", self)
        self.only_size.setAccessibleName(tr("Size"))
        self.size_field = FormField(tr("Size"), self.size_box if len(sizes) > 1 else self.only_size, self)
        self.size_box.setVisible(len(sizes) > 1)
        self.only_size.setVisible(len(sizes) == 1)
        layout.addWidget(self.size_field)

    def _build_length(self, layout: QVBoxLayout) -> None:
        data = self._model.metadata
        self.length = Slider(tr("Length"), self)
        self.length.setRange(0, len(data.num_frames_choices) - 1)
        self.length_words = value_label(self)
        layout.addWidget(FormField(tr("Length"), self.length, self, right=self.length_words))
        self.quality = Segmented(tr("Quality"), [(tr(q.name), q.num_inference_steps) for q in data.qualities], self)
        self.quality.set_tool_tips([_steps(q.num_inference_steps) for q in data.qualities])
        self.quality_words = value_label(self)
        layout.addWidget(FormField(tr("Quality"), self.quality, self, right=self.quality_words))
        self.count = SpinBox(tr("Number of videos"), (1, MAX_COUNT), self)
        self.count_field = FormField(tr("Number of videos"), self.count, self)
        self.count_field.hide()  # until there is a queue that takes them
        layout.addWidget(self.count_field)

    def _build_advanced(self, parent: QWidget) -> QWidget:
        panel = AdvancedPanel(self._model, self._state, parent)
        panel.seed.show_last_used(self._last_seed)
        panel.edited.connect(self._on_advanced)
        self.wishes = WishesPanel(self._session, panel)
        self.wishes.show_wishes(self._state.wishes)
        self.wishes.edited.connect(self._on_wishes)
        panel.add(self.wishes)
        return panel

    def _connect(self) -> None:
        self.mode.chosen.connect(self._on_mode)
        self.prompt.textChanged.connect(self._on_prompt)
        self._counter.counted.connect(self._on_counted)
        self.shape.chosen.connect(self._on_shape)
        self.size_box.activated.connect(self._on_size)
        self.length.valueChanged.connect(self._on_length)
        self.quality.chosen.connect(self._on_quality)
        self.count.valueChanged.connect(self._on_count)
        if self.image is not None:
            self.prompt.picture_given.connect(self.image.take)
            self.image.picture_changed.connect(self._on_picture)

    def _negative(self) -> str:
        given = self._state.negative_prompt
        return self._model.metadata.negative_prompt if given is None else given

    def _sizes(self) -> list[VideoSize]:
        sizes = self._model.metadata.sizes
        named = named_size(self._model.metadata, self._state.width, self._state.height)
        shape = named.shape if named is not None else sizes[0].shape
        return [size for size in sizes if size.shape == shape]

    def _show(self) -> None:
        """Draw everything from the state."""
        state, data = self._state, self._model.metadata
        self.mode.set_value(state.mode)
        self.prompt_box.setVisible(state.mode != GenerationMode.I2V)
        if self.image is not None:
            self.image.setVisible(state.wants_image)
            self.image.set_target(state.width, state.height)
        self._show_size()
        blocker = QSignalBlocker(self.length)
        if state.num_frames in data.num_frames_choices:
            self.length.setValue(data.num_frames_choices.index(state.num_frames))
        del blocker
        self.length_words.setText(text.frames_and_seconds(state.num_frames, state.fps))
        self.length.setAccessibleDescription(text.frames_and_seconds_spoken(state.num_frames, state.fps))
        self.quality.set_value(state.num_inference_steps)
        self.quality_words.setText(_steps(state.num_inference_steps))
        count_blocker = QSignalBlocker(self.count)
        self.count.setValue(state.count)
        del count_blocker
        many = tr("Each with the seed after the one before.") if state.count > 1 else ""
        self.count_field.set_help(many)
        if isinstance(self.advanced.content, AdvancedPanel):
            self.advanced.content.show_state(state)
        if self.wishes is not None:
            self.wishes.show_wishes(state.wishes)

    def _show_size(self) -> None:
        state, sizes = self._state, self._sizes()
        named = None if state.custom_size else named_size(self._model.metadata, state.width, state.height)
        self.shape.set_value(named.shape if named is not None else None)
        custom = f"{state.width} {text.TIMES} {state.height}{text.DOT}{tr('custom')}"
        self.only_size.setText(custom if named is None else f"{text.size_name(named)}{text.DOT}{tr(named.shape)}")
        blocker = QSignalBlocker(self.size_box)
        self.size_box.clear()
        for size in sizes:
            self.size_box.addItem(text.size_name(size), (size.width, size.height))
        if named is None:
            self.size_box.addItem(custom, (state.width, state.height))
        self.size_box.setCurrentIndex(sizes.index(named) if named is not None else len(sizes))
        del blocker

    @Slot(object)
    def _on_mode(self, mode: GenerationMode) -> None:
        self.change(mode=mode)

    @Slot()
    def _on_prompt(self) -> None:
        self._counter.set_text(self.prompt.toPlainText())
        self.prompt.mark_unread(None)
        self.change(prompt=self.prompt.toPlainText())

    @Slot()
    def _on_avoid(self) -> None:
        if isinstance(self.avoid.content, PromptEdit):
            written = self.avoid.content.toPlainText()
            self.change(negative_prompt=None if written == self._model.metadata.negative_prompt else written)

    @Slot(str)
    def _on_cut(self, whole: str) -> None:
        """Only the beginning of a text was taken; all of it can still be had."""
        copy = partial(QGuiApplication.clipboard().setText, whole)
        title = tr("Only the beginning was taken")
        self._session.messages.say("warn", title, text.prompt_is_full(), (tr("Copy the whole text"), copy))

    @Slot()
    def _on_refused(self) -> None:
        self._session.messages.say("warn", tr("No more fits in"), text.prompt_is_full())

    @Slot(object)
    def _on_counted(self, count: TokenCount) -> None:
        self.prompt_box.show_count(count)

    @Slot(int)
    def _on_count(self, count: int) -> None:
        self.change(count=count)

    @Slot(object)
    def _on_picture(self, path: object) -> None:
        changes: dict[str, object] = {"image": path}
        if path is not None and not self._state.wants_image:
            changes["mode"] = GenerationMode.TI2V
        self.change(**changes)

    @Slot(object)
    def _on_shape(self, shape: str) -> None:
        size = next(size for size in self._model.metadata.sizes if size.shape == shape)
        self.change(width=size.width, height=size.height, custom_size=False)

    @Slot(int)
    def _on_size(self, index: int) -> None:
        sizes = self._sizes()
        if index < len(sizes):
            self.change(width=sizes[index].width, height=sizes[index].height, custom_size=False)

    @Slot(int)
    def _on_length(self, index: int) -> None:
        self.change(num_frames=self._model.metadata.num_frames_choices[index])

    @Slot(object)
    def _on_quality(self, steps: int) -> None:
        self.change(num_inference_steps=steps)

    @Slot(object)
    def _on_wishes(self, wishes: RenderWishes) -> None:
        self.change(wishes=wishes)

    @Slot(object)
    def _on_advanced(self, changes: dict[str, object]) -> None:
        self.change(**changes)


def _steps(count: int) -> str:
    return trn("{count} step", "{count} steps", count)
