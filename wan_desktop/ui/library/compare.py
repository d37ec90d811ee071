"""Two to four videos in step: side by side, or one over the other with a line between that is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from wan_desktop.core.words import decimal, tr
from wan_desktop.ui.library.synchronizer import Synchronizer, Track
from wan_desktop.ui.library.wipe_view import WipeView
from wan_desktop.ui.shortcuts import Action, show_keys, tip
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, label, set_role
from wan_desktop.ui.widgets.fields import ComboBox, Slider
from wan_desktop.ui.widgets.picture import PictureView
from wan_desktop.ui.widgets.player_keys import PLAYER_KEYS
from wan_desktop.ui.widgets.segmented import Segmented

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent

    from wan_desktop.core.video_library import VideoEntry

_SLIDER_STEPS = 1000
_KEYS = PLAYER_KEYS | {Qt.Key.Key_Escape: "leave"}


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
