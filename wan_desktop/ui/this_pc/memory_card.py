"""Which card renders, how memory is used, and what renders have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.jobs import Lane
from wan_desktop.core.settings import MemoryMode
from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.widgets.controls import Button, announce, label
from wan_desktop.ui.widgets.fields import ComboBox
from wan_desktop.ui.widgets.form import FormField
from wan_desktop.ui.widgets.segmented import Segmented
from wan_desktop.ui.widgets.setup_row import info_card

if TYPE_CHECKING:
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.core.settings import Settings
    from wan_desktop.ui.session import Session

MEMORY_MODES = {
    MemoryMode.AUTOMATIC: (mark("Automatic"), mark("The fastest way that fits, for each video anew.")),
    MemoryMode.FASTEST: (mark("Fastest"), mark("Everything stays on the card. Large videos may not fit.")),
    MemoryMode.SAVE: (mark("Save video memory"), mark("Parts of the model come and go, frames are made in tiles.")),
    MemoryMode.SAVE_MOST: (mark("Save as much as possible"), mark("The least memory, and by far the slowest.")),
}


class MemoryCard(QWidget):
    """Changes settings at once.

    Args:
        session: Settings, lanes and the planner that learns.
        parent: Its parent.
    """

    forgotten = Signal()
    """What was learned is gone."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        card, layout = info_card(tr("How videos are made here"), self)
        outer.addWidget(card)
        self.cards = ComboBox(tr("Graphics card"), card)
        self.cards.activated.connect(self._on_card)
        self.cards_field = FormField(tr("Graphics card"), self.cards, card)
        self.cards_field.hide()
        layout.addWidget(self.cards_field)
        choices = [(tr(name), mode) for mode, (name, _) in MEMORY_MODES.items()]
        self.mode = Segmented(tr("Memory mode"), choices, card)
        self.mode.set_tool_tips([tr(what) for _, what in MEMORY_MODES.values()])
        self.mode.chosen.connect(self._on_mode)
        self.mode_field = FormField(tr("Memory mode"), self.mode, card)
        layout.addWidget(self.mode_field)
        self.learned = label("", card, role="soft", wrap=True)
        layout.addWidget(self.learned)
        row = QHBoxLayout()
        self.forget = Button(tr("Forget learned limits"), card, icon_name="undo-2")
        self.forget.setToolTip(tr("What renders on this PC have shown: times, memory, and which ways worked."))
        self.forget.clicked.connect(self._on_forget)
        row.addWidget(self.forget)
        row.addStretch(1)
        layout.addLayout(row)
        session.settings_changed.connect(self._on_settings)
        self._on_settings(session.settings)

    def set_narrow(self, narrow: bool) -> None:
        """Choices below each other where there is no room for them side by side."""
        layout = self.mode.layout()
        if isinstance(layout, QBoxLayout):
            direction = QBoxLayout.Direction
            layout.setDirection(direction.TopToBottom if narrow else direction.LeftToRight)

    def show_profile(self, profile: HardwareProfile) -> None:
        """Offer the cards of this PC."""
        wanted = [("", tr("Automatic: the one with the most free memory"))]
        wanted += [(gpu.uuid, f"{gpu.name}{text.DOT}{text.data_size(gpu.total_bytes)}") for gpu in profile.gpus]
        chosen = self._session.settings.gpu_uuid
        if chosen and chosen not in [uuid for uuid, _ in wanted]:
            wanted.append((chosen, tr("A card that is not there")))
        if wanted != [(self.cards.itemData(i), self.cards.itemText(i)) for i in range(self.cards.count())]:
            blocker = QSignalBlocker(self.cards)
            self.cards.clear()
            for uuid, name in wanted:
                self.cards.addItem(name, uuid)
            del blocker
        self._show_chosen()
        self.cards_field.setVisible(len(profile.gpus) > 1 or bool(chosen))

    def show_learned(self, words: str) -> None:
        """Say what renders have shown."""
        self.learned.setText(words or tr("Nothing is learned yet. Each video makes estimates on this PC better."))

    def _show_chosen(self) -> None:
        index = self.cards.findData(self._session.settings.gpu_uuid)
        self.cards.setCurrentIndex(max(0, index))

    @Slot(object)
    def _on_settings(self, settings: Settings) -> None:
        self.mode.set_value(settings.memory_mode)
        self.mode_field.set_help(tr(MEMORY_MODES[settings.memory_mode][1]))
        self._show_chosen()

    @Slot(int)
    def _on_card(self, index: int) -> None:
        uuid = self.cards.itemData(index)
        self._session.change_settings(self._session.settings.with_changes(gpu_uuid=uuid))

    @Slot(object)
    def _on_mode(self, mode: MemoryMode) -> None:
        self._session.change_settings(self._session.settings.with_changes(memory_mode=mode))

    @Slot()
    def _on_forget(self) -> None:
        self.forget.setEnabled(False)
        planner = self._session.renderer.planner
        self._session.submit(tr("Forget learned limits"), Lane.FILES, lambda _: planner.forget(), self._on_forgotten)

    def _on_forgotten(self, snapshot: JobSnapshot) -> None:
        self.forget.setEnabled(True)
        if snapshot.error is None:
            words = tr("Forgotten. The next videos start from the first estimates again.")
            announce(self, words)
            self.forgotten.emit()
        else:
            self.learned.setText(snapshot.error.message)
