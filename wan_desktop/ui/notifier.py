"""Tells the system what happened while nobody looks at the window: the taskbar flashes, the tray says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication

from wan_desktop.core.notifications import TITLES, Event, ToldEvents, is_wanted
from wan_desktop.core.words import tr
from wan_desktop.ui.page import PageId

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from wan_desktop.ui.session import Session
    from wan_desktop.ui.tray import Tray

_PAGES = {
    Event.VIDEO_READY: PageId.CREATE,
    Event.QUEUE_DONE: PageId.QUEUE,
    Event.NEEDS_YOU: PageId.QUEUE,
    Event.DOWNLOAD_DONE: PageId.MODELS,
    Event.DOWNLOAD_FAILED: PageId.MODELS,
}


class Notifier(QObject):
    """Says each kind of event once until somebody looks.

    Args:
        window: Whose user is told.
        session: Its settings say what is wanted.
    """

    page_requested = Signal(object, object)
    """A message was clicked: a PageId, and what that page is to show, or None."""
    told = Signal(object)
    """The Event that was told."""

    def __init__(self, window: QWidget, session: Session) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self._events = ToldEvents()
        self._place: tuple[PageId, object] | None = None
        self._tray: Tray | None = None

    @property
    def tray(self) -> Tray | None:
        """The icon beside the clock, made when it is asked for first; None where there is no place for it."""
        if self._tray is None:
            from wan_desktop.ui.tray import Tray  # noqa: PLC0415 - when there is something to say

            if Tray.available():
                self._tray = Tray(self._window)
                self._tray.message_clicked.connect(self._on_clicked)
        return self._tray

    def tell(self, event: Event, words: str, target: object = None) -> None:
        """Tell it, if nobody looks, the settings allow it, and it was not told since somebody looked.

        Args:
            event: What happened.
            words: More of it, in one sentence.
            target: What the event's page is to show.
        """
        settings = self._session.settings
        if self._window.isActiveWindow() or not is_wanted(event, settings) or not self._events.take(event):
            return
        self._place = (_PAGES[event], target)
        QApplication.alert(self._window)
        if settings.notify_with_sound:
            QApplication.beep()
        if self.tray is not None:
            self.tray.tell(tr(TITLES[event]), words)
        self.told.emit(event)

    def looked(self) -> None:
        """Somebody looks at the window."""
        self._events.looked()
        if self._tray is not None and self._window.isVisible():
            self._tray.hide()

    @Slot()
    def _on_clicked(self) -> None:
        if self._place is not None:
            self.page_requested.emit(*self._place)
