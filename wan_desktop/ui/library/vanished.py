"""Says that a folder of videos is not there any more, for as long as it is so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.breaking import breakable
from wan_desktop.ui.widgets.controls import announce
from wan_desktop.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AGAIN, SETTINGS = "again", "settings"


class VanishedNotice(QWidget):
    """A line above the videos; takes no room while all folders are there."""

    action_requested = Signal(object)
    """AGAIN or SETTINGS."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._folders: tuple[Path, ...] = ()
        self.notice: Notice | None = None
        self.hide()

    def show_folders(self, folders: Sequence[Path]) -> None:
        """These are not there; none: all are."""
        if tuple(folders) == self._folders:
            return
        self._folders = tuple(folders)
        if self.notice is not None:
            self._layout.removeWidget(self.notice)
            self.notice.hide()
            self.notice.deleteLater()
            self.notice = None
        if self._folders:
            self._say()
        self.setVisible(bool(self._folders))

    def _say(self) -> None:
        title = tr("The folder of your videos is not there")
        words = tr(
            "{folder} cannot be found; its drive may not be connected. Nothing is forgotten: settings, favourites and "
            "tags are kept, and the videos are back as soon as the folder is.",
            folder=", ".join(map(str, self._folders)),
        )
        actions = [(tr("Look again"), AGAIN), (tr("Choose another folder"), SETTINGS)]
        self.notice = Notice("warn", title, breakable(words), actions, self)
        self.notice.setAccessibleName(f"{title}. {words}")
        self.notice.words.setTextFormat(Qt.TextFormat.PlainText)
        self.notice.action_requested.connect(self.action_requested)
        self._layout.addWidget(self.notice)
        announce(self, f"{title}. {words}")
