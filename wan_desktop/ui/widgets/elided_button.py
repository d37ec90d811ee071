"""A button whose words are cut where there is no room for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QSizePolicy

from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

_LEAST_PX = 80
_PADDING_PX = 30
"""What a chip has on both sides of its words."""


class ElidedButton(Button):
    """Says all of it in its tool tip, and to screen readers.

    Args:
        words: All that it says.
        parent: Its parent.
        kind: As of any button.
    """

    def __init__(self, words: str, parent: QWidget | None = None, *, kind: str = "chip") -> None:
        self.words = words
        super().__init__(words.replace("&", "&&"), parent, kind=kind)
        self.setToolTip(words)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Room for all words."""
        width = self.fontMetrics().horizontalAdvance(self.words) + look().px(_PADDING_PX)
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """A few letters will do."""
        return QSize(look().px(_LEAST_PX), super().minimumSizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Letters of another size need another cut."""
        super().changeEvent(event)
        self._cut()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut anew."""
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        room = max(0, self.width() - look().px(_PADDING_PX))
        shown = self.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, room).replace("&", "&&")
        if shown != self.text():
            self.setText(shown)
