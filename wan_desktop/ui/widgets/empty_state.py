"""What a page shows when there is nothing: why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import Button, IconLabel, label

if TYPE_CHECKING:
    from collections.abc import Sequence


class EmptyPage(QWidget):
    """Icon, title, a sentence, one primary and one secondary action.

    Args:
        icon_name: A Lucide icon, 48 px.
        title: In a few words.
        words: One or two sentences.
        actions: Text and value of each button; the first is the primary one.
        parent: Its parent.
    """

    action_requested = Signal(object)

    def __init__(
        self,
        icon_name: str,
        title: str,
        words: str = "",
        actions: Sequence[tuple[str, object]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addStretch(2)
        self.title = label(title, self, role="section", wrap=True)
        self.words = label(words, self, role="soft", wrap=True)
        self.words.setVisible(bool(words))
        for widget in (IconLabel(icon_name, "text3", 48, self), self.title, self.words):
            widget.setProperty("align", "center")
            layout.addWidget(widget)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.buttons: list[Button] = []
        self._values = [value for _, value in actions]
        for index, (text, _) in enumerate(actions):
            button = Button(text, self, kind="secondary" if index else "primary")
            button.clicked.connect(self._on_clicked)
            self.buttons.append(button)
            row.addWidget(button)
        row.addStretch(1)
        layout.addSpacing(8)
        layout.addLayout(row)
        layout.addStretch(3)

    def _on_clicked(self) -> None:
        sender = self.sender()
        for button, value in zip(self.buttons, self._values, strict=True):
            if button is sender:
                self.action_requested.emit(value)
