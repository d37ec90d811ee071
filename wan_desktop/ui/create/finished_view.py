"""A finished video: the player and what can be done next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.widgets.controls import Button, label, set_role
from wan_desktop.ui.widgets.flow import FlowLayout
from wan_desktop.ui.widgets.video_view import VideoView

if TYPE_CHECKING:
    from wan_desktop.ui.create.rendering import RenderDone


class FinishedView(QWidget):
    """Plays the video of a RenderDone."""

    variation_requested = Signal()
    reuse_requested = Signal()
    deed_requested = Signal(str)
    """A FinishedDeed."""
    unplayable = Signal(str)
    """The video was made but cannot be played, and why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.done: RenderDone | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.player = VideoView(self)
        layout.addWidget(self.player, 1)
        self.headline = label("", self, role="soft", wrap=True)
        self.notes = label("", self, role="note", wrap=True)
        layout.addWidget(self.headline)
        layout.addWidget(self.notes)
        layout.addWidget(self._build_buttons())
        self.player.failed.connect(self.unplayable)

    def show_done(self, done: RenderDone) -> None:
        """Play that video."""
        self.done = done
        request, result = done.settled.request, done.result
        facts = [
            result.path.name,
            f"{request.width} {text.TIMES} {request.height}",
            tr("made in {time}", time=text.duration(result.seconds)),
            tr("seed {seed}", seed=request.seed),
        ]
        self.headline.setText(text.DOT.join(facts))
        self.headline.setToolTip(str(result.path))
        notes = [adjustment.message for adjustment in done.settled.adjustments]
        rescued = result.path != done.asked_path
        if rescued:
            asked, saved = done.asked_path.parent, result.path.parent
            words = tr("The video could not be saved in {asked}, so it was saved in {saved}.", asked=asked, saved=saved)
            notes.insert(0, words)
        if result.frames_problem:
            notes.insert(0, result.frames_problem)
        set_role(self.notes, "warn" if rescued or result.frames_problem else "note")
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))
        self.player.open(result.path)

    def close_clip(self) -> None:
        """Let go of the file."""
        self.player.close_clip()

    def _build_buttons(self) -> QWidget:
        box = QWidget(self)
        flow = FlowLayout(box)
        self.reuse = Button(tr("Use these settings again"), box, icon_name="history")
        self.reuse.setToolTip(tr("Put the settings of this video, with its seed, into the form"))
        self.variation = Button(tr("Make variation"), box, icon_name="dices")
        self.variation.setToolTip(tr("The same settings with a new seed"))
        self.last_frame = Button(tr("Last frame as start image"), box, icon_name="image-plus")
        self.last_frame.setToolTip(tr("Go on from where this video ends"))
        self.compare = Button(tr("Compare"), box, icon_name="columns-2")
        self.compare.setToolTip(tr("Beside the video that was made before"))
        self.show_there = Button(tr("Show in Library"), box, icon_name="images")
        self.folder = Button(tr("Open folder"), box, icon_name="folder-open")
        self.copy = Button(tr("Copy file"), box, icon_name="copy")
        self.delete = Button(tr("Delete"), box, kind="danger", icon_name="trash-2")
        self.delete.setToolTip(tr("Put it into the trash"))
        own = {self.reuse: self._on_reuse, self.variation: self._on_variation, self.folder: self._on_folder}
        for button in (
            *(self.variation, self.reuse, self.last_frame, self.compare),
            *(self.show_there, self.folder, self.copy, self.delete),
        ):
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            button.clicked.connect(own.get(button, self._on_deed))
            flow.addWidget(button)
        deeds = {self.last_frame: "last-frame", self.compare: "compare", self.copy: "copy-file", self.delete: "delete"}
        deeds[self.show_there] = "show"
        for button, deed in deeds.items():
            button.setProperty("deed", deed)
        return box

    @Slot()
    def _on_deed(self) -> None:
        self.deed_requested.emit(str(self.sender().property("deed")))

    @Slot()
    def _on_folder(self) -> None:
        if self.done is None:
            return
        folder = self.done.result.path.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            set_role(self.notes, "warn")
            self.notes.setText(tr("No file manager answered. The video is in {folder}.", folder=folder))
            self.notes.show()

    @Slot()
    def _on_variation(self) -> None:
        self.variation_requested.emit()

    @Slot()
    def _on_reuse(self) -> None:
        self.reuse_requested.emit()
