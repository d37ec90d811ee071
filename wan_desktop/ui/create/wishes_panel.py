"""Memory mode and file of one video, where they are not as in the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core.render_wishes import RenderWishes
from wan_desktop.core.settings import MemoryMode, VideoQuality
from wan_desktop.core.words import mark, tr
from wan_desktop.ui.widgets.controls import set_help
from wan_desktop.ui.widgets.fields import CheckBox, ComboBox
from wan_desktop.ui.widgets.form import FormField

if TYPE_CHECKING:
    from wan_desktop.ui.session import Session

_MODES = {
    MemoryMode.AUTOMATIC: mark("Automatic"),
    MemoryMode.FASTEST: mark("Fastest"),
    MemoryMode.SAVE: mark("Save video memory"),
    MemoryMode.SAVE_MOST: mark("Save as much as possible"),
}
_QUALITIES = {
    VideoQuality.STANDARD: mark("mp4, standard quality"),
    VideoQuality.HIGH: mark("mp4, high quality"),
}


class WishesPanel(QWidget):
    """Shows RenderWishes and changes them."""

    edited = Signal(object)
    """RenderWishes."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._wishes = RenderWishes()
        self.memory = ComboBox(tr("Memory mode"), self)
        self.quality = ComboBox(tr("Save as"), self)
        for box, names in ((self.memory, _MODES), (self.quality, _QUALITIES)):
            box.addItem("")  # as in the settings
            for name in names.values():
                box.addItem(tr(name))
        self.frames = CheckBox(tr("Also save every frame as PNG"), self)
        for widget, name in ((self.memory, "memory-mode"), (self.quality, "save-as"), (self.frames, "frames")):
            set_help(widget, f"create.{name}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(14)
        layout.addWidget(FormField(tr("Memory mode"), self.memory, self))
        layout.addWidget(FormField(tr("Save as"), self.quality, self))
        layout.addWidget(self.frames)
        self.memory.activated.connect(self._on_memory)
        self.quality.activated.connect(self._on_quality)
        self.frames.clicked.connect(self._on_frames)
        session.settings_changed.connect(self._on_settings)

    def show_wishes(self, wishes: RenderWishes) -> None:
        """Show these."""
        self._wishes = wishes
        settings = self._session.settings
        blockers = [QSignalBlocker(widget) for widget in (self.memory, self.quality, self.frames)]
        self.memory.setItemText(0, tr("As in Settings ({name})", name=tr(_MODES[settings.memory_mode])))
        self.quality.setItemText(0, tr("As in Settings ({name})", name=tr(_QUALITIES[settings.video_quality])))
        modes, qualities = [None, *_MODES], [None, *_QUALITIES]
        self.memory.setCurrentIndex(modes.index(wishes.memory_mode))
        self.quality.setCurrentIndex(qualities.index(wishes.video_quality))
        self.frames.setChecked(wishes.applied_to(settings).save_png_frames)
        del blockers

    @Slot(int)
    def _on_memory(self, index: int) -> None:
        self.edited.emit(replace(self._wishes, memory_mode=[None, *_MODES][index]))

    @Slot(int)
    def _on_quality(self, index: int) -> None:
        self.edited.emit(replace(self._wishes, video_quality=[None, *_QUALITIES][index]))

    @Slot(bool)
    def _on_frames(self, wanted: bool) -> None:
        as_set = wanted == self._session.settings.save_png_frames
        self.edited.emit(replace(self._wishes, save_png_frames=None if as_set else wanted))

    @Slot(object)
    def _on_settings(self, _settings: object) -> None:
        self.show_wishes(self._wishes)
