"""What the page has to say about something that was done or failed: one line above the grid, the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core.announcements import sentences
from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import announce
from wan_desktop.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QEnterEvent

    from wan_desktop.core.errors import WanError

CLOSE = "close"
_SHOWN_MS = 12_000
"""Longer than a toast: it is about what the page shows."""


class MessageArea(QWidget):
    """Shows the newest message until it is closed or its time is over; the mouse on it stops that time."""

    action_requested = Signal(object)
    """The value of a button that was pressed, but for closing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.notice: Notice | None = None
        self._passes = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SHOWN_MS)
        self._timer.timeout.connect(self.clear)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.hide()

    def say(
        self, kind: str, title: str, words: str = "", actions: Sequence[tuple[str, object]] = (), *, stays: bool = False
    ) -> None:
        """Show a message; see `Notice`."""
        self.clear()
        self.notice = Notice(kind, title, words, [*actions, (tr("Close"), CLOSE)], self)
        self.notice.action_requested.connect(self._on_action)
        for part in (self.notice.title, self.notice.words):
            part.setTextFormat(Qt.TextFormat.PlainText)  # names of videos may look like HTML
        self._layout.addWidget(self.notice)
        self.show()
        announce(self, sentences(title, words), assertive=kind == "bad")
        self._passes = not stays
        if self._passes:
            self._timer.start()

    def say_error(self, error: WanError) -> None:
        """Show what went wrong and what to do."""
        self.say("bad", error.message, error.hint, stays=True)

    @Slot()
    def clear(self) -> None:
        """Show nothing."""
        self._timer.stop()
        if self.notice is not None:
            self._layout.removeWidget(self.notice)
            self.notice.hide()
            self.notice.deleteLater()
            self.notice = None
        self.hide()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Keep it while the mouse is on it."""
        super().enterEvent(event)
        self._timer.stop()

    def leaveEvent(self, event: QEvent) -> None:
        """Its time goes on."""
        super().leaveEvent(event)
        if self.notice is not None and self._passes:
            self._timer.start()

    @Slot(object)
    def _on_action(self, value: object) -> None:
        self.clear()
        if value != CLOSE:
            self.action_requested.emit(value)
