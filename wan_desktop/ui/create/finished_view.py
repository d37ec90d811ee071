"""A finished video: the player and what can be done next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.ui import text
from wan_desktop.ui.widgets.controls import Button, label, set_role
from wan_desktop.ui.widgets.video_view import VideoView

if TYPE_CHECKING:
    from wan_desktop.ui.create.rendering import RenderDone


class FinishedView(QWidget):
    """Plays the video of a RenderDone."""

    variation_requested = Signal()
    reuse_requested = Signal()
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
        layout.addLayout(self._buttons())
        self.player.failed.connect(self.unplayable)

    def show_done(self, done: RenderDone) -> None:
        """Play that video."""
        self.done = done
        request, result = done.settled.request, done.result
        facts = [
            result.path.name,
            f"{request.width} {text.TIMES} {request.height}",
            f"made in {text.duration(result.seconds)}",
            f"seed {request.seed}",
        ]
        self.headline.setText(text.DOT.join(facts))
        self.headline.setToolTip(str(result.path))
        notes = [adjustment.message for adjustment in done.settled.adjustments]
        rescued = result.path != done.asked_path
        if rescued:
            notes.insert(
                0, f"The video could not be saved in {done.asked_path.parent}, so it was saved in {result.path.parent}."
            )
        set_role(self.notes, "warn" if rescued else "note")
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))
        self.player.open(result.path)

    def close_clip(self) -> None:
        """Let go of the file."""
        self.player.close_clip()

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.folder = Button("Open folder", self, icon_name="folder-open")
        self.variation = Button("Make variation", self, icon_name="dices")
        self.variation.setToolTip("The same settings with a new seed")
        self.reuse = Button("Use these settings again", self, icon_name="history")
        self.reuse.setToolTip("Put the settings of this video, with its seed, into the form")
        for button, slot in (
            (self.folder, self._on_folder),
            (self.variation, self._on_variation),
            (self.reuse, self._on_reuse),
        ):
            button.clicked.connect(slot)
            row.addWidget(button)
        row.addStretch(1)
        return row

    @Slot()
    def _on_folder(self) -> None:
        if self.done is None:
            return
        folder = self.done.result.path.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            set_role(self.notes, "warn")
            self.notes.setText(f"No file manager answered. The video is in {folder}.")
            self.notes.show()

    @Slot()
    def _on_variation(self) -> None:
        self.variation_requested.emit()

    @Slot()
    def _on_reuse(self) -> None:
        self.reuse_requested.emit()
