"""A player for short clips: loops, pauses, scrubs, steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.words import decimal, tr
from wan_desktop.ui.shortcuts import Action, show_keys, tip
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, label
from wan_desktop.ui.widgets.fields import Slider
from wan_desktop.ui.widgets.frame_reader import Clip, FrameReader
from wan_desktop.ui.widgets.picture import PictureView
from wan_desktop.ui.widgets.player_keys import PLAYER_KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent

_NARROW_PX = 380
"""In less, the numbers of pictures are left out."""
_KEYS = PLAYER_KEYS | {Qt.Key.Key_F11: "full_screen"}


class VideoView(QWidget):
    """Plays one file in a loop."""

    failed = Signal(str)
    """The file cannot be played, and why."""
    frame_shown = Signal(int)
    looped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reader: FrameReader | None = None
        self._clip: Clip | None = None
        self._path: Path | None = None
        self._start = (0, True)
        self._index = 0
        self._shown = -1
        self._playing = False
        self._build_ui()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Video"))
        self.setToolTip(
            tr("Space plays, K pauses, J and L jump a second, comma and full stop step, F11 fills the screen")
        )

    @property
    def clip(self) -> Clip | None:
        """What is being shown, once it is open."""
        return self._clip

    @property
    def path(self) -> Path | None:
        """The file that was opened last, until it is let go of."""
        return self._path

    @property
    def index(self) -> int:
        """Number of the picture shown."""
        return self._index

    @property
    def playing(self) -> bool:
        """It moves."""
        return self._playing

    def open(self, path: Path, *, index: int = 0, playing: bool = True) -> None:
        """Show that file from that picture on."""
        self.close_clip()
        self._path = path
        self._start = (index, playing)
        self._reader = FrameReader(path, self)
        self._reader.opened.connect(self._on_opened)
        self._reader.frame_ready.connect(self._on_frame)
        self._reader.failed.connect(self._on_failed)
        self._reader.start()

    def close_clip(self) -> None:
        """Let go of the file; the place becomes empty."""
        self.set_playing(False)
        if self._reader is not None:
            self._reader.stop()
            self._reader.deleteLater()
            self._reader = None
        self._clip = self._path = None
        self._index, self._shown = 0, -1
        self.picture.set_image(QImage())

    def set_playing(self, playing: bool) -> None:
        """Play or pause."""
        self._playing = playing and self._clip is not None
        name = tr("Pause") if self._playing else tr("Play")
        self.play.set_icon("pause" if self._playing else "play")
        self.play.setAccessibleName(name)
        self.play.setToolTip(tip(name, Action.PLAY))
        if self._playing and self._clip is not None and self.isVisible():
            self._timer.start(max(1, round(1000 / self._clip.fps)))
        else:
            self._timer.stop()

    def seek(self, index: int) -> None:
        """Show that picture; numbers beyond either end go round."""
        if self._clip is None or self._reader is None:
            return
        self._index = index % self._clip.frames
        image = self._reader.want(self._index)
        if image is not None:
            self._show(image)

    def step(self, frames: int) -> None:
        """Pause, and go some pictures on or back."""
        self.set_playing(False)
        self.seek(self._index + frames)

    @Slot()
    def show_full_screen(self) -> None:
        """Go on with the video on the whole screen; it comes back where that is left."""
        from wan_desktop.ui.widgets.full_screen import FullScreen  # noqa: PLC0415 - it imports this module

        if self._path is None or self._clip is None:
            return
        full = FullScreen(self._path, self._index, playing=self._playing, parent=self)
        full.left.connect(self._on_full_screen_left)
        self.set_playing(False)
        full.showFullScreen()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The player's own keys."""
        wish = _KEYS.get(Qt.Key(event.key())) if not event.modifiers() else None
        second = round(self._clip.fps) if self._clip else 1
        match wish:
            case "toggle":
                self.set_playing(not self._playing)
            case "back" | "forward":
                self.step(1 if wish == "forward" else -1)
            case "second_back" | "second_forward":
                self.seek(self._index + (second if wish == "second_forward" else -second))
            case "pause":
                self.set_playing(False)
            case "start":
                self.seek(0)
            case "full_screen" if not self.full.isHidden():
                self.show_full_screen()
            case _:
                super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Go on playing."""
        super().showEvent(event)
        self.set_playing(self._playing)

    def hideEvent(self, event: QHideEvent) -> None:
        """Cost nothing while nobody sees it."""
        super().hideEvent(event)
        self._timer.stop()

    def _build_ui(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.picture = PictureView(tr("Video picture"), self)
        self.picture.waiting_text = tr("Opening the video")
        layout.addWidget(self.picture, 1)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.play = Button("", self, kind="icon", icon_name="play", name=tr("Play"))
        self.back = Button("", self, kind="icon", icon_name="step-back", name=tr("One picture back"))
        self.forward = Button("", self, kind="icon", icon_name="step-forward", name=tr("One picture forward"))
        self.slider = Slider(tr("Position in the video"), self)
        self.position = label("", self, role="value")
        self.position.setMinimumWidth(look().px(64))
        self.position.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in (self.play, self.back, self.forward):
            row.addWidget(widget)
        row.addSpacing(6)
        row.addWidget(self.slider, 1)
        row.addWidget(self.position)
        self.full = Button("", self, kind="icon", icon_name="maximize", name=tr("Full screen"))
        row.addWidget(self.full)
        layout.addLayout(row)
        for button, action in (
            (self.play, Action.PLAY),
            (self.back, Action.FRAME_BACK),
            (self.forward, Action.FRAME_FORWARD),
            (self.full, Action.FULL_SCREEN),
        ):
            show_keys(button, action)
        self.play.clicked.connect(self._on_play)
        self.back.clicked.connect(self._on_back)
        self.forward.clicked.connect(self._on_forward)
        self.full.clicked.connect(self.show_full_screen)
        self.slider.valueChanged.connect(self._on_slider)

    def _show(self, image: QImage) -> None:
        self.picture.set_image(image)
        self._shown = self._index
        if self._clip is None:
            return
        self.slider.blockSignals(True)
        self.slider.setValue(self._index)
        self.slider.blockSignals(False)
        self._show_position(self._clip)
        self.frame_shown.emit(self._index)

    def _show_position(self, clip: Clip) -> None:
        values = {"seconds": decimal(self._index / clip.fps, 1), "total": decimal(clip.frames / clip.fps, 1)}
        if self.width() < look().px(_NARROW_PX):
            self.position.setText(tr("{seconds} / {total} s", **values))
        else:
            values |= {"number": str(self._index + 1), "frames": str(clip.frames)}
            self.position.setText(tr("{seconds} / {total} s  ·  {number} of {frames}", **values))

    @Slot(object)
    def _on_opened(self, clip: Clip) -> None:
        self._clip = clip
        self.picture.set_shape(clip.width, clip.height)
        self.slider.setRange(0, clip.frames - 1)
        index, playing = self._start
        self.set_playing(playing)
        self.seek(min(index, clip.frames - 1))

    @Slot(int, QImage)
    def _on_frame(self, index: int, image: QImage) -> None:
        if self.sender() is self._reader and index == self._index:
            self._show(image)

    @Slot(str)
    def _on_failed(self, reason: str) -> None:
        if self.sender() is self._reader:
            self.close_clip()
            self.failed.emit(reason)

    @Slot()
    def _on_tick(self) -> None:
        if self._clip is None or self._shown != self._index:
            return  # a picture that is late is waited for, so that a slow PC plays slowly instead of showing nothing
        following = self._index + 1
        if following == self._clip.frames:
            self.looped.emit()
        self.seek(following)

    @Slot(int, bool)
    def _on_full_screen_left(self, index: int, playing: bool) -> None:
        self.seek(index)
        self.set_playing(playing)
        self.setFocus()

    @Slot()
    def _on_play(self) -> None:
        self.set_playing(not self._playing)

    @Slot()
    def _on_back(self) -> None:
        self.step(-1)

    @Slot()
    def _on_forward(self) -> None:
        self.step(1)

    @Slot(int)
    def _on_slider(self, value: int) -> None:
        self.set_playing(False)
        self.seek(value)
