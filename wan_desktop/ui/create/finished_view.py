"""A finished video: the player and what can be done next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.widgets.controls import Button, label, set_role
from wan_desktop.ui.widgets.video_view import VideoView

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

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
        self.folder = Button(tr("Open folder"), self, icon_name="folder-open")
        self.variation = Button(tr("Make variation"), self, icon_name="dices")
        self.reuse = Button(tr("Use these settings again"), self, icon_name="history")
        self._row = QGridLayout()
        self._place = (0, 2, 1, 1)
        self._arrange_buttons()
        layout.addLayout(self._row)
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
            notes.insert(
                0,
                tr(
                    "The video could not be saved in {asked}, so it was saved in {folder}.",
                    asked=done.asked_path.parent,
                    folder=result.path.parent,
                ),
            )
        set_role(self.notes, "warn" if rescued else "note")
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))
        self.player.open(result.path)

    def close_clip(self) -> None:
        """Let go of the file."""
        self.player.close_clip()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the last button below the others where they have no room side by side."""
        super().resizeEvent(event)
        buttons = (self.folder, self.variation, self.reuse)
        needed = sum(button.sizeHint().width() + self._row.spacing() for button in buttons)
        place = (1, 0, 1, 3) if needed > self.width() else (0, 2, 1, 1)
        if place != self._place:
            self._place = place
            self._row.addWidget(self.reuse, *place)

    def _arrange_buttons(self) -> None:
        self.variation.setToolTip(tr("The same settings with a new seed"))
        self.reuse.setToolTip(tr("Put the settings of this video, with its seed, into the form"))
        self._row.setSpacing(8)
        self._row.setColumnStretch(3, 1)
        slots = {self.folder: self._on_folder, self.variation: self._on_variation, self.reuse: self._on_reuse}
        for column, (button, slot) in enumerate(slots.items()):
            button.clicked.connect(slot)
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            self._row.addWidget(button, 0, column)

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
