"""The prompt with what helps to write it: styles, what was written before, undo, and how much of it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.catalog import TEXT_LENGTH
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.create.prompt_edit import PromptEdit
from wan_desktop.ui.shortcuts import Action, show_keys
from wan_desktop.ui.widgets.controls import Button, set_role
from wan_desktop.ui.widgets.form import FormField, value_label

if TYPE_CHECKING:
    from wan_desktop.ui.create.styles_panel import StylesPanel
    from wan_desktop.ui.create.token_counter import TokenCount


class PromptBox(QWidget):
    """A field for the prompt.

    Args:
        sample: Shown while it is empty.
        parent: Its parent.
    """

    history_requested = Signal()

    def __init__(self, sample: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panel: StylesPanel | None = None
        self._is_told = False
        """That no more fits in."""
        self._too_many = ""
        """What is said of tokens that are not read."""
        self.edit = PromptEdit(tr("Prompt"), self)
        example = tr("For example: {prompt}", prompt=sample)
        self.edit.setPlaceholderText(example if sample else tr("What should happen in the video?"))
        self.styles = Button(
            tr("Styles"), self, kind="link", icon_name="wand-sparkles", name=tr("Styles for camera, light and look")
        )
        self.styles.setCheckable(True)
        self.history = Button(tr("History"), self, kind="link", icon_name="history", name=tr("Prompts you used before"))
        show_keys(self.history, Action.HISTORY)
        links = QWidget(self)
        row = QHBoxLayout(links)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.styles)
        row.addWidget(self.history)
        self.field = FormField(tr("Prompt"), self.edit, self, right=links)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addWidget(self.field)
        self._layout.addLayout(self._build_foot())
        self.styles.toggled.connect(self._on_styles)
        self.history.clicked.connect(self.history_requested)
        self.edit.textChanged.connect(self._on_text)
        self.edit.shortened.connect(self._on_full)
        self.edit.refused.connect(self._on_full)
        self.edit.undoAvailable.connect(self.undo.setEnabled)

    def take_over(self, other: PromptBox) -> None:
        """Keep what the box before it could undo."""
        self.edit.take_over(other.edit)
        self.undo.setEnabled(self.edit.document().isUndoAvailable())

    def show_count(self, count: TokenCount) -> None:
        """Say how much of the prompt the model reads; a count of other words is of no interest."""
        if count.text != self.edit.toPlainText():
            return
        too_many = count.read_characters is not None
        self.tokens.setText(text.tokens_used(count.tokens, TEXT_LENGTH))
        set_role(self.tokens, "warn" if too_many else "value")
        self._too_many = text.tokens_too_many(count.tokens, TEXT_LENGTH) if too_many else ""
        self._say()
        self.edit.mark_unread(count.read_characters)

    def _say(self) -> None:
        full = text.prompt_is_full() if self._is_told else ""
        self.field.say(f"{full} {self._too_many}".strip(), "warn")

    def _build_foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        self.undo = Button(
            tr("Undo"), self, kind="link", icon_name="undo-2", name=tr("Undo the last change of the prompt")
        )
        show_keys(self.undo, Action.UNDO_PROMPT)
        self.undo.setEnabled(False)
        self.undo.clicked.connect(self.edit.undo)
        self.tokens = value_label(self)
        foot.addWidget(self.undo)
        foot.addStretch(1)
        foot.addWidget(self.tokens)
        return foot

    @Slot(bool)
    def _on_styles(self, is_open: bool) -> None:
        if is_open and self.panel is None:
            from wan_desktop.ui.create.styles_panel import StylesPanel  # noqa: PLC0415 - when it is opened first

            self.panel = StylesPanel(self)
            self.panel.style_toggled.connect(self._on_style)
            self._layout.addWidget(self.panel)
        if self.panel is not None:
            self.panel.show_prompt(self.edit.toPlainText())
            self.panel.setVisible(is_open)

    @Slot(str, bool)
    def _on_style(self, words: str, wanted: bool) -> None:
        from wan_desktop.core.prompt_styles import with_words, without_words  # noqa: PLC0415 - when it is used first

        prompt = self.edit.toPlainText()
        self.edit.replace_all(with_words(prompt, words) if wanted else without_words(prompt, words))

    @Slot()
    def _on_full(self) -> None:
        self._is_told = True
        self._say()

    @Slot()
    def _on_text(self) -> None:
        if self._is_told and not self.edit.is_full:
            self._is_told = False
            self._say()
        if self.panel is not None and self.panel.isVisible():
            self.panel.show_prompt(self.edit.toPlainText())
