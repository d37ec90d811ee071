"""A video that plays on its card while the mouse rests there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from wan_desktop.ui.widgets.frame_reader import Clip, FrameReader

if TYPE_CHECKING:
    from wan_desktop.core.video_library import VideoEntry

_HOVER_MS = 400
"""So long the mouse rests on a card before it moves."""


class HoverPlayer(QObject):
    """Plays one video without controls, for the card below the mouse."""

    moved = Signal(int, QImage)
    """The id of the video, and its picture now."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._entry: VideoEntry | None = None
        self._reader: FrameReader | None = None
        self._clip: Clip | None = None
        self._index = 0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_HOVER_MS)
        self._rest.timeout.connect(self._on_rested)
        self._tick = QTimer(self)
        self._tick.timeout.connect(self._on_tick)

    @property
    def video_id(self) -> int | None:
        """What it plays, or will play."""
        return self._entry.video_id if self._entry is not None else None

    def play(self, entry: VideoEntry) -> None:
        """Play that video in a moment, unless something else is asked for."""
        if self.video_id == entry.video_id:
            return
        self.stop()
        self._entry = entry
        self._rest.start()

    def stop(self) -> None:
        """Show nothing any more, and let go of the file."""
        self._rest.stop()
        self._tick.stop()
        self._entry = self._clip = None
        self._index = 0
        if self._reader is not None:
            self._reader.stop()
            self._reader.deleteLater()
            self._reader = None

    @Slot()
    def _on_rested(self) -> None:
        if self._entry is not None:
            self._reader = FrameReader(self._entry.path, self)
            self._reader.opened.connect(self._on_opened)
            self._reader.start()

    @Slot(object)
    def _on_opened(self, clip: Clip) -> None:
        if self.sender() is self._reader:
            self._clip = clip
            self._tick.start(max(1, round(1000 / clip.fps)))

    @Slot()
    def _on_tick(self) -> None:
        if self._reader is None or self._clip is None or self._entry is None:
            return
        image = self._reader.want(self._index)
        if image is not None:  # one that is late is waited for
            self._index = (self._index + 1) % self._clip.frames
            self.moved.emit(self._entry.video_id, image)
