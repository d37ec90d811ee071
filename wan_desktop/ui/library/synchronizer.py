"""Several videos at the same moment: each goes on only when all are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from wan_desktop.ui.widgets.frame_reader import Clip, FrameReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.video_library import VideoEntry


class Track(QObject):
    """One of the videos."""

    opened = Signal()
    arrived = Signal()
    """The picture that was wanted is there."""
    failed = Signal(str)

    def __init__(self, entry: VideoEntry, parent: QObject) -> None:
        super().__init__(parent)
        self.entry = entry
        self.clip: Clip | None = None
        self.image = QImage()
        self.index = 0
        """Number of the picture that is wanted."""
        self.is_ready = False
        """It is the one that is shown."""
        self.has_failed = False
        self._reader = FrameReader(entry.path, self)
        self._reader.opened.connect(self._on_opened)
        self._reader.frame_ready.connect(self._on_frame)
        self._reader.failed.connect(self._on_failed)
        self._reader.start()

    def go_to(self, seconds: float) -> None:
        """Want the picture of that moment; the last one where the video is over."""
        if self.clip is None:
            return
        # A moment that is a picture's own must not fall before it by rounding.
        self.index = min(int(seconds * self.clip.fps + 1e-6), self.clip.frames - 1)
        image = self._reader.want(self.index)
        self.is_ready = image is not None
        if image is not None:
            self.image = image

    def close(self) -> None:
        """Let go of the file."""
        self._reader.stop()

    @Slot(object)
    def _on_opened(self, clip: Clip) -> None:
        self.clip = clip
        self.opened.emit()

    @Slot(int, QImage)
    def _on_frame(self, index: int, image: QImage) -> None:
        if index == self.index:
            self.image, self.is_ready = image, True
            self.arrived.emit()

    @Slot(str)
    def _on_failed(self, reason: str) -> None:
        self.has_failed = True
        self.clip, self.image = None, QImage()
        self.failed.emit(reason)


class Synchronizer(QObject):
    """Moves all tracks to the same moment, and on only when all are there."""

    moved = Signal(float)
    """All show the picture of that second."""
    playing_changed = Signal(bool)

    def __init__(self, entries: Sequence[VideoEntry], parent: QObject) -> None:
        super().__init__(parent)
        self.tracks = [Track(entry, self) for entry in entries]
        for track in self.tracks:
            track.opened.connect(self._on_known)
            track.failed.connect(self._on_known)
            track.arrived.connect(self._on_arrived)
        self.seconds = 0.0
        self.playing = False
        self._shown_s = -1.0
        """What is shown now; negative while pictures are waited for."""
        self._has_begun = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)

    @property
    def duration_s(self) -> float:
        """Of the longest."""
        return max((clip.frames / clip.fps for clip in self._clips()), default=0.0)

    @property
    def step_s(self) -> float:
        """Between two pictures of the one that has most of them a second."""
        return 1 / max((clip.fps for clip in self._clips()), default=1.0)

    def set_playing(self, playing: bool) -> None:
        """Play or pause."""
        self.playing = playing and self.duration_s > 0
        if self.playing:
            self._timer.start(max(1, round(self.step_s * 1000)))
        else:
            self._timer.stop()
        self.playing_changed.emit(self.playing)

    def seek(self, seconds: float) -> None:
        """Go to that moment; beyond the ends it goes round."""
        duration_s = self.duration_s
        if not duration_s:
            return
        # Just before the end by rounding only is the end.
        self.seconds = 0.0 if abs(seconds - duration_s) < 1e-6 else seconds % duration_s
        self._shown_s = -1.0
        for track in self.tracks:
            track.go_to(self.seconds)
        self._on_arrived()

    def step(self, pictures: int) -> None:
        """Pause, and go some pictures on or back."""
        self.set_playing(False)
        self.seek(round(self.seconds / self.step_s + pictures) * self.step_s)

    def close(self) -> None:
        """Let go of all files."""
        self._timer.stop()
        for track in self.tracks:
            track.close()

    def _clips(self) -> list[Clip]:
        return [track.clip for track in self.tracks if track.clip is not None]

    @Slot()
    def _on_known(self) -> None:
        """Begin when it is known of each whether it can be played."""
        if all(track.clip is not None or track.has_failed for track in self.tracks) and self._clips():
            begins, self._has_begun = not self._has_begun, True
            self.seek(self.seconds)
            self.set_playing(self.playing or begins)

    @Slot()
    def _on_arrived(self) -> None:
        if self._shown_s < 0 and all(track.is_ready for track in self.tracks if track.clip is not None):
            self._shown_s = self.seconds
            self.moved.emit(self.seconds)

    @Slot()
    def _on_tick(self) -> None:
        if self._shown_s >= 0:  # pictures that are late are waited for
            self.seek(round(self.seconds / self.step_s + 1) * self.step_s)
