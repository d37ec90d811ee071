"""A line across a page or a card: what is the matter, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import Button, IconLabel, label

if TYPE_CHECKING:
    from collections.abc import Sequence

_ICONS = {"ok": "circle-check", "warn": "triangle-alert", "bad": "octagon-x", "info": "info"}


class Notice(QFrame):
    """Shows a state with up to three buttons.

    Args:
        kind: `ok`, `warn`, `bad` or `info`.
        title: In a few words.
        words: One sentence; none if empty.
        actions: Text and value of each button.
        parent: Its parent.
        icon_name: Another icon than the kind's.
    """

    action_requested = Signal(object)
    """The value of the button that was pressed."""

    def __init__(
        self,
        kind: str,
        title: str,
        words: str = "",
        actions: Sequence[tuple[str, object]] = (),
        parent: QWidget | None = None,
        *,
        icon_name: str = "",
    ) -> None:
        super().__init__(parent)
        self.setProperty("surface", kind)
        self.setAccessibleName(f"{title}. {words}".strip())
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 9, 9, 9)
        row.setSpacing(10)
        icon = IconLabel(icon_name or _ICONS[kind], kind, 18, self)
        icon.setProperty("align", "top")
        row.addWidget(icon)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        self.title = label(title, self, role="label", wrap=True)
        texts.addWidget(self.title)
        self.words = label(words, self, wrap=True)
        self.words.setVisible(bool(words))
        texts.addWidget(self.words)
        row.addLayout(texts, 1)
        self.buttons: list[Button] = []
        for text, value in actions:
            button = Button(text, self)
            button.setProperty("value", value if isinstance(value, str) else None)
            button.clicked.connect(self._on_clicked)
            self.buttons.append(button)
            row.addWidget(button)
        self._values = [value for _, value in actions]

    def _on_clicked(self) -> None:
        sender = self.sender()
        for button, value in zip(self.buttons, self._values, strict=True):
            if button is sender:
                self.action_requested.emit(value)
