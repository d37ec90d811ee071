"""Wherever somebody asks what an error means, the window shows its help text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QWhatsThisClickedEvent

from wan_desktop.ui.page import PageId

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


class HelpLinks(QObject):
    """Catches Qt's event for a link to more help, which goes from a widget up to its window.

    Args:
        window: Whose widgets may ask.
    """

    page_requested = Signal(object, object)
    """The page Help, and the number of the error as it was shown."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Take the event."""
        if isinstance(event, QWhatsThisClickedEvent):
            self.page_requested.emit(PageId.HELP, event.href())
            return True
        return False
