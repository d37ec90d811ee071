"""The icon beside the clock: it is there while the window is hidden, and while it has something to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.icons import icon_pixmap
from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_ICON_PX = 32


class Tray(QObject):
    """Made when it is needed first, and only where there is a tray.

    Args:
        window: Whose icon it is.
    """

    opened = Signal()
    """The icon was clicked: show the window."""
    message_clicked = Signal()
    quit_requested = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._menu = QMenu(window)
        self._menu.addAction(tr("Open Wan Desktop"), self.opened.emit)
        self._menu.addAction(tr("Quit"), self.quit_requested.emit)
        self.icon = QSystemTrayIcon(QIcon(icon_pixmap("film", look().color("link"), _ICON_PX)), self)
        self.icon.setToolTip(text.APP)
        self.icon.setContextMenu(self._menu)
        self.icon.activated.connect(self._on_activated)
        self.icon.messageClicked.connect(self.message_clicked)

    @staticmethod
    def available() -> bool:
        """There is a place for it."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def show_title(self, words: str) -> None:
        """What it says under the mouse."""
        self.icon.setToolTip(words)

    def show(self) -> None:
        """Be there."""
        self.icon.show()

    def hide(self) -> None:
        """Be gone."""
        self.icon.hide()

    def tell(self, title: str, words: str) -> None:
        """Show a message; the system may keep it back."""
        self.icon.show()
        self.icon.showMessage(title, words, self.icon.icon())

    @Slot(QSystemTrayIcon.ActivationReason)
    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason != QSystemTrayIcon.ActivationReason.Context:
            self.opened.emit()
