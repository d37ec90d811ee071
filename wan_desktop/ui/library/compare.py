"""Two to four videos in step: side by side, or one over the other with a line between that is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from wan_desktop.core.words import decimal, tr
from wan_desktop.ui.shortcuts import Action, show_keys, tip
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, label, set_role
from wan_desktop.ui.widgets.fields import ComboBox, Slider
from wan_desktop.ui.widgets.frame_reader import Clip, FrameReader
from wan_desktop.ui.widgets.picture import PictureView
from wan_desktop.ui.widgets.segmented import Segmented

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent, QMouseEvent, QPaintEvent, QShowEvent

    from wan_desktop.core.video_library import VideoEntry

_SLIDER_STEPS = 1000
_WIPE_STEP = 0.05
_KNOB_PX = 14
_KEYS = {
    Qt.Key.Key_Space: "toggle",
    Qt.Key.Key_K: "pause",
    Qt.Key.Key_Comma: "back",
    Qt.Key.Key_Period: "forward",
    Qt.Key.Key_J: "second_back",
    Qt.Key.Key_L: "second_forward",
    Qt.Key.Key_Home: "start",
    Qt.Key.Key_Escape: "leave",
}


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


class WipeView(QWidget):
    """Two pictures, the first left of a line and the second right of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images = (QImage(), QImage())
        self._names = ("A", "B")
        self.part = 0.5
        """How much of the width shows the first."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 90)
        self.setToolTip(tr("Move the line with the mouse, or with the arrow keys"))
        self.set_part(self.part)

    def show_images(self, first: QImage, second: QImage) -> None:
        """Show these."""
        self._images = (first, second)
        self.update()

    def set_names(self, first: str, second: str) -> None:
        """What the two are called."""
        self._names = (first, second)
        self.set_part(self.part)

    def set_part(self, part: float) -> None:
        """Put the line there."""
        self.part = min(1.0, max(0.0, part))
        percent = round(self.part * 100)
        self.setAccessibleName(tr("Comparison: {first} on the left, {second} on the right", **self._named()))
        self.setAccessibleDescription(tr("The line is at {percent} percent", percent=percent))
        self.update()

    def picture_rect(self) -> QRectF:
        """Where the pictures are."""
        image = next((image for image in self._images if not image.isNull()), None)
        if image is None:
            return QRectF(self.rect())
        size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        rect = QRectF(0, 0, size.width(), size.height())
        rect.moveCenter(QRectF(self.rect()).center())
        return rect

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the line along."""
        self._move_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Take the line along."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move_to(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the line."""
        step = {Qt.Key.Key_Left: -_WIPE_STEP, Qt.Key.Key_Right: _WIPE_STEP}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.set_part(self.part + step)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the ring."""
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw both pictures, the line and the names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect = self.picture_rect()
        path = QPainterPath()
        path.addRoundedRect(rect, 8, 8)
        painter.fillPath(path, look().color("track"))
        x = rect.left() + rect.width() * self.part
        sides = (
            QRectF(rect.left(), rect.top(), x - rect.left(), rect.height()),
            QRectF(x, rect.top(), rect.right() - x, rect.height()),
        )
        for image, side in zip(self._images, sides, strict=True):
            painter.save()
            painter.setClipPath(path)
            painter.setClipRect(side, Qt.ClipOperation.IntersectClip)
            painter.drawImage(_fitted(image, rect), image)
            painter.restore()
        self._paint_line(painter, rect, x)
        self._paint_names(painter, rect)
        painter.end()

    def _paint_line(self, painter: QPainter, rect: QRectF, x: float) -> None:
        focused = self.hasFocus()
        painter.setPen(QPen(QColor(10, 12, 16), 4))
        painter.drawLine(round(x), round(rect.top()), round(x), round(rect.bottom()))
        painter.setPen(QPen(look().color("link") if focused else QColor("white"), 2))
        painter.drawLine(round(x), round(rect.top()), round(x), round(rect.bottom()))
        painter.setBrush(QColor("white"))
        size = look().px(_KNOB_PX)
        painter.drawEllipse(QRectF(x - size / 2, rect.center().y() - size / 2, size, size))

    def _paint_names(self, painter: QPainter, rect: QRectF) -> None:
        font = look().font(12, QFont.Weight.DemiBold)
        painter.setFont(font)
        height, width = look().px(24), min(look().px(200), rect.width() / 2 - 16)
        for left, name in zip((rect.left() + 8, rect.right() - 8 - width), self._names, strict=True):
            box = QRectF(left, rect.top() + 8, width, height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(10, 12, 16, 205))
            painter.drawRoundedRect(box, height / 2, height / 2)
            painter.setPen(QColor("white"))
            shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, round(width - 20))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine, shown)

    def _named(self) -> dict[str, str]:
        return {"first": self._names[0], "second": self._names[1]}

    def _move_to(self, event: QMouseEvent) -> None:
        rect = self.picture_rect()
        self.set_part((event.position().x() - rect.left()) / max(1.0, rect.width()))


class ComparePage(QFrame):
    """The comparison of some videos."""

    left = Signal()
    """Back to the library."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.sync: Synchronizer | None = None
        self.pictures: list[PictureView] = []
        self._captions: list[QWidget] = []
        self._entries: list[VideoEntry] = []
        self._was_playing = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(self._build_head())
        self.stack = QStackedWidget(self)
        self.side = QWidget(self)
        self._side_grid = QGridLayout(self.side)
        self._side_grid.setContentsMargins(0, 0, 0, 0)
        self._side_grid.setSpacing(10)
        self.wipe = WipeView(self)
        self.stack.addWidget(self.side)
        self.stack.addWidget(self.wipe)
        layout.addWidget(self.stack, 1)
        self.note = label("", self, role="caption", wrap=True)
        self.note.hide()
        layout.addWidget(self.note)
        layout.addLayout(self._build_controls())

    def compare(self, entries: Sequence[VideoEntry]) -> None:
        """Show these, playing."""
        self.close_clips()
        self._entries = list(entries)
        self._fill_side()
        self._fill_choices()
        self.note.hide()
        self.sync = Synchronizer(self._entries, self)
        self.sync.moved.connect(self._on_moved)
        self.sync.playing_changed.connect(self._on_playing)
        for track in self.sync.tracks:
            track.failed.connect(self._on_failed)
        self.play.setFocus()

    def close_clips(self) -> None:
        """Let go of all files."""
        if self.sync is not None:
            self.sync.close()
            self.sync.deleteLater()
            self.sync = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The player's keys, for all at once."""
        wish = _KEYS.get(Qt.Key(event.key())) if not event.modifiers() else None
        if wish is None or self.sync is None:
            super().keyPressEvent(event)
            return
        moves = {"second_back": -1.0, "second_forward": 1.0, "start": -self.sync.seconds}
        match wish:
            case "leave":
                self.left.emit()
            case "toggle" | "pause":
                self.sync.set_playing(wish == "toggle" and not self.sync.playing)
            case "back" | "forward":
                self.sync.step(1 if wish == "forward" else -1)
            case _:
                self.sync.seek(self.sync.seconds + moves[wish])

    def showEvent(self, event: QShowEvent) -> None:
        """Go on playing."""
        super().showEvent(event)
        if self.sync is not None and self._was_playing:
            self.sync.set_playing(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Cost nothing while nobody sees it."""
        super().hideEvent(event)
        self._was_playing = self.sync is not None and self.sync.playing
        if self.sync is not None:
            self.sync.set_playing(False)

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.back = Button(tr("Back to the library"), self, kind="link", icon_name="arrow-left")
        self.back.setToolTip(tr("Escape"))
        self.mode = Segmented(
            tr("How to compare"), [(tr("Side by side"), "side"), (tr("Wipe from A to B"), "wipe")], self
        )
        self.mode.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.mode.set_value("side")
        self.first, self.second = ComboBox(tr("Left of the line"), self), ComboBox(tr("Right of the line"), self)
        row.addWidget(self.back)
        row.addStretch(1)
        for combo in (self.first, self.second):
            combo.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            combo.setMaximumWidth(look().px(220))
            combo.currentIndexChanged.connect(self._on_chosen)
            row.addWidget(combo)
            combo.hide()
        row.addWidget(self.mode)
        self.back.clicked.connect(self.left)
        self.mode.chosen.connect(self._on_mode)
        return row

    def _build_controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self.play = Button("", self, kind="icon", icon_name="play", name=tr("Play all"))
        self.step_back = Button("", self, kind="icon", icon_name="step-back", name=tr("One picture back"))
        self.step_on = Button("", self, kind="icon", icon_name="step-forward", name=tr("One picture forward"))
        for button, action in ((self.play, Action.PLAY), (self.step_back, Action.FRAME_BACK)):
            show_keys(button, action)
        show_keys(self.step_on, Action.FRAME_FORWARD)
        self.slider = Slider(tr("Position in the videos"), self)
        self.slider.setRange(0, _SLIDER_STEPS)
        self.position = label("", self, role="value")
        self.position.setMinimumWidth(look().px(90))
        self.position.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in (self.play, self.step_back, self.step_on):
            row.addWidget(widget)
        row.addWidget(self.slider, 1)
        row.addWidget(self.position)
        self.play.clicked.connect(self._on_play)
        self.step_back.clicked.connect(self._on_step_back)
        self.step_on.clicked.connect(self._on_step_on)
        self.slider.valueChanged.connect(self._on_slider)
        return row

    def _fill_side(self) -> None:
        for widget in (*self.pictures, *self._captions):
            self._side_grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.pictures, self._captions = [], []
        for number, entry in enumerate(self._entries):
            picture = PictureView(entry.title, self.side, badge=_letter(number))
            picture.set_shape(entry.width, entry.height)
            picture.waiting_text = tr("Opening the video")
            caption = label("", self.side, role="caption")
            caption.setTextFormat(Qt.TextFormat.PlainText)
            caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            caption.setText(_caption(number, entry))
            caption.setToolTip(caption.text())
            row, column = divmod(number, 2)
            self._side_grid.addWidget(picture, 2 * row, column)
            self._side_grid.addWidget(caption, 2 * row + 1, column)
            self._side_grid.setRowStretch(2 * row, 1)
            self.pictures.append(picture)
            self._captions.append(caption)
        self._side_grid.setRowStretch(2, 1 if len(self._entries) > 2 else 0)
        for column in (0, 1):
            self._side_grid.setColumnStretch(column, 1)

    def _fill_choices(self) -> None:
        for number, combo in enumerate((self.first, self.second)):
            combo.blockSignals(True)
            combo.clear()
            for index, entry in enumerate(self._entries):
                combo.addItem(f"{_letter(index)}: {entry.title}")
            combo.setCurrentIndex(number)
            combo.blockSignals(False)
        self._name_sides()
        self._show_choices()

    def _show_choices(self) -> None:
        for combo in (self.first, self.second):
            combo.setVisible(self.mode.value() == "wipe" and len(self._entries) > 2)

    def _name_sides(self) -> None:
        self.wipe.set_names(self.first.currentText(), self.second.currentText())

    @Slot(object)
    def _on_mode(self, mode: object) -> None:
        self.stack.setCurrentWidget(self.wipe if mode == "wipe" else self.side)
        self._show_choices()
        self._show_images()

    @Slot()
    def _on_chosen(self) -> None:
        self._name_sides()
        self._show_images()

    def _show_images(self) -> None:
        if self.sync is None:
            return
        tracks = self.sync.tracks
        for picture, track in zip(self.pictures, tracks, strict=True):
            picture.set_image(track.image)
        chosen = (self.first.currentIndex(), self.second.currentIndex())
        if min(chosen) >= 0:
            self.wipe.show_images(tracks[chosen[0]].image, tracks[chosen[1]].image)

    @Slot(float)
    def _on_moved(self, seconds: float) -> None:
        self._show_images()
        if self.sync is None:
            return
        duration_s = self.sync.duration_s
        self.slider.blockSignals(True)
        self.slider.setValue(round(seconds / duration_s * _SLIDER_STEPS))
        self.slider.blockSignals(False)
        self.position.setText(tr("{seconds} / {total} s", seconds=decimal(seconds, 2), total=decimal(duration_s, 2)))

    @Slot(bool)
    def _on_playing(self, playing: bool) -> None:
        name = tr("Pause all") if playing else tr("Play all")
        self.play.set_icon("pause" if playing else "play")
        self.play.setAccessibleName(name)
        self.play.setToolTip(tip(name, Action.PLAY))

    @Slot(str)
    def _on_failed(self, reason: str) -> None:
        track = self.sender()
        if self.sync is None or not isinstance(track, Track) or track not in self.sync.tracks:
            return
        number = self.sync.tracks.index(track)
        words = tr("{letter} cannot be played. {reason}", letter=_letter(number), reason=reason)
        self.pictures[number].waiting_text = words
        self.pictures[number].update()
        set_role(self.note, "bad")
        self.note.setText(words)
        self.note.show()
        self._show_images()

    @Slot()
    def _on_play(self) -> None:
        if self.sync is not None:
            self.sync.set_playing(not self.sync.playing)

    @Slot()
    def _on_step_back(self) -> None:
        if self.sync is not None:
            self.sync.step(-1)

    @Slot()
    def _on_step_on(self) -> None:
        if self.sync is not None:
            self.sync.step(1)

    @Slot(int)
    def _on_slider(self, value: int) -> None:
        if self.sync is not None:
            self.sync.set_playing(False)
            # The very end would go round to the beginning.
            last_s = self.sync.duration_s - self.sync.step_s
            self.sync.seek(min(value / _SLIDER_STEPS * self.sync.duration_s, max(0.0, last_s)))


def _letter(number: int) -> str:
    return "ABCD"[number]


def _named(number: int, entry: VideoEntry) -> dict[str, object]:
    return {"letter": _letter(number), "title": entry.title, "seed": entry.seed}


def _caption(number: int, entry: VideoEntry) -> str:
    named = _named(number, entry)
    return tr("{letter}: {title}, seed {seed}", **named) if entry.has_recipe else tr("{letter}: {title}", **named)


def _fitted(image: QImage, rect: QRectF) -> QRectF:
    """Where a picture of another shape goes, in the middle of the place."""
    if image.isNull():
        return rect
    size = image.size().scaled(rect.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRectF(0, 0, size.width(), size.height())
    place.moveCenter(rect.center())
    return place
