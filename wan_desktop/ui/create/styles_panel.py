"""Chips that write a camera, a light or a look into the prompt."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core.prompt_styles import STYLE_GROUPS, Style, has_words
from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import Button, label
from wan_desktop.ui.widgets.flow import FlowLayout


class StylesPanel(QWidget):
    """Shows which styles stand in a prompt; says which are wanted."""

    style_toggled = Signal(str, bool)
    """The words of a style, and whether they are to stand in the prompt."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chips: dict[str, Button] = {}
        """By the words that they stand for."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for group in STYLE_GROUPS:
            layout.addWidget(label(tr(group.name), self, role="caption"))
            row = FlowLayout(spacing=6)
            for style in group.styles:
                row.addWidget(self._chip(tr(group.name), style))
            layout.addLayout(row)

    def show_prompt(self, prompt: str) -> None:
        """Mark the styles that stand in the prompt."""
        for words, chip in self.chips.items():
            chip.setChecked(has_words(prompt, words))

    def _chip(self, group: str, style: Style) -> Button:
        chip = Button(tr(style.name), self, kind="chip")
        chip.setCheckable(True)
        chip.setAccessibleName(f"{group}: {tr(style.name)}")
        chip.setToolTip(tr("Writes into the prompt: {words}", words=style.words))
        chip.setProperty("words", style.words)
        chip.clicked.connect(self._on_clicked)
        self.chips[style.words] = chip
        return chip

    def _on_clicked(self) -> None:
        chip = self.sender()
        if isinstance(chip, Button):
            self.style_toggled.emit(str(chip.property("words")), chip.isChecked())
