"""A line across a page or a card: what is the matter, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, IconLabel, label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QResizeEvent

_GAP_PX, _ICON_PX = 10, 18
_WORDS_PX = 240
"""Of the design: with less room for the words, the buttons go below them."""
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
        row.setSpacing(_GAP_PX)
        icon = IconLabel(icon_name or _ICONS[kind], kind, _ICON_PX, self)
        icon.setProperty("align", "top")
        row.addWidget(icon)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        self.title = label(title, self, role="label", wrap=True)
        texts.addWidget(self.title)
        self.words = label(words, self, wrap=True)
        self.words.setVisible(bool(words))
        texts.addWidget(self.words)
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._body.setSpacing(_GAP_PX)
        self._body.addLayout(texts, 1)
        row.addLayout(self._body, 1)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(_GAP_PX)
        self._body.addLayout(self._row)
        self.buttons: list[Button] = []
        for text, value in actions:
            button = Button(text, self)
            button.setProperty("value", value if isinstance(value, str) else None)
            button.clicked.connect(self._on_clicked)
            self.buttons.append(button)
            self._row.addWidget(button)
        self._row.addStretch(1)
        self._values = [value for _, value in actions]

    def minimumSizeHint(self) -> QSize:
        """Room for its widest button; the others go below each other, and below the words."""
        hint = super().minimumSizeHint()
        widest = max((button.sizeHint().width() for button in self.buttons), default=0)
        return QSize(min(hint.width(), max(look().px(_WORDS_PX), widest) + self._beside()), hint.height())

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if hasattr(self, "_values"):
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the buttons where there is room for them."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        needed = sum(button.sizeHint().width() + _GAP_PX for button in self.buttons)
        room = self.width() - self._beside()
        row, column = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._body.setDirection(row if needed + look().px(_WORDS_PX) <= room else column)
        self._row.setDirection(row if needed <= room + _GAP_PX else column)

    def _beside(self) -> int:
        """What icon and margins take, in pixels."""
        return look().px(_ICON_PX) + 3 * _GAP_PX + 3

    def _on_clicked(self) -> None:
        sender = self.sender()
        for button, value in zip(self.buttons, self._values, strict=True):
            if button is sender:
                self.action_requested.emit(value)
