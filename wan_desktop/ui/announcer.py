"""The voice of the program: what its parts want to be heard, given to screen readers at a pace that can be followed."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from wan_desktop.core.announcements import Announcement, Announcements

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = "announcer"


class Announcer(QObject):
    """One for the application; for the window's thread.

    Args:
        parent: Its parent.
        clock: Seconds; another one in tests.
    """

    said = Signal(object)
    """The Announcement that screen readers were given."""

    def __init__(self, parent: QObject | None = None, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._words = Announcements()
        self._speaker: QWidget | None = None
        """The window of whoever wanted something said last."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.say_what_is_due)

    @staticmethod
    def of_application() -> Announcer:
        """The application's, made when it is asked for first."""
        application = QApplication.instance()
        assert application is not None
        made = application.findChild(Announcer, _NAME)
        if made is None:
            made = Announcer(application)
            made.setObjectName(_NAME)
        return made

    def announce(self, widget: QWidget, announcement: Announcement) -> None:
        """Say it for a widget, now or when it is its turn."""
        self._speaker = widget.window()
        self._say(self._words.take(announcement, self._clock()))

    @Slot()
    def say_what_is_due(self) -> None:
        """Say what has waited long enough."""
        self._say(self._words.due(self._clock()))

    def _say(self, announcement: Announcement | None) -> None:
        if announcement is not None and self._speaker is not None and isValid(self._speaker):
            event = QAccessibleAnnouncementEvent(self._speaker, announcement.text)
            politeness = QAccessible.AnnouncementPoliteness
            event.setPoliteness(politeness.Assertive if announcement.assertive else politeness.Polite)
            QAccessible.updateAccessibility(event)
            self.said.emit(announcement)
        left_s = self._words.wait_s(self._clock())
        if left_s is None:
            self._timer.stop()
        else:
            self._timer.start(round(1000 * left_s) + 1)
