"""A video on the whole screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QVBoxLayout

from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.video_view import VideoView

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QCloseEvent, QKeyEvent
    from PySide6.QtWidgets import QWidget


class FullScreen(QFrame):
    """A player in a window of its own, which Escape and F11 close.

    Args:
        path: The video.
        index: The picture to begin with.
        playing: Whether it moves.
        parent: Whose screen it fills.
    """

    left = Signal(int, bool)
    """It is closed: the picture that was shown last, and whether it moved."""

    def __init__(self, path: Path, index: int, *, playing: bool, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(path.stem)
        self.setAccessibleName(tr("Video on the whole screen. Escape goes back."))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        self.player = VideoView(self)
        self.player.full.hide()
        self.player.failed.connect(self._on_failed)
        layout.addWidget(self.player)
        self.player.open(path, index=index, playing=playing)
        self.player.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go back."""
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_F11):
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say where it was, and let go of the file."""
        index, playing = self.player.index, self.player.playing
        self.player.close_clip()
        super().closeEvent(event)
        self.left.emit(index, playing)

    @Slot()
    def _on_failed(self) -> None:
        self.close()
