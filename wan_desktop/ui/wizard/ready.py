"""The last step: what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.settings import MemoryMode
from wan_desktop.core.words import mark, tr
from wan_desktop.ui.widgets.controls import Button, label, rule, set_help, surface
from wan_desktop.ui.widgets.fields import CheckBox
from wan_desktop.ui.wizard.step import WizardStep

if TYPE_CHECKING:
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.wizard.first_model import FirstModelStep
    from wan_desktop.ui.wizard.speed import SpeedStep

_MODES = {
    MemoryMode.AUTOMATIC: mark("Automatic"),
    MemoryMode.FASTEST: mark("Fastest"),
    MemoryMode.SAVE: mark("Save video memory"),
    MemoryMode.SAVE_MOST: mark("Save as much as possible"),
}


class ReadyStep(WizardStep):
    """Lists the decisions, each with a way back to it."""

    name = mark("Ready")
    help_id = "wizard.ready"
    change_requested = Signal(int)
    """The number of the step to go back to, from 0."""

    def __init__(
        self, session: Session, speed: SpeedStep, first_model: FirstModelStep, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            tr("Ready"), tr("This is how the program will work. Everything can be changed later."), session, parent
        )
        self._speed, self._first_model = speed, first_model
        self._card = surface("card", self)
        self._rows = QVBoxLayout(self._card)
        self._rows.setContentsMargins(14, 6, 14, 6)
        self.body.addWidget(self._card)
        self.test_video = CheckBox(tr("Make a short test video now"), self)
        self.test_video.setChecked(True)
        set_help(self.test_video, "wizard.test-video")
        self.body.addWidget(self.test_video)
        self.body.addStretch(1)

    @property
    def next_words(self) -> str:
        """The end."""
        return tr("Finish")

    def step_shown(self) -> None:
        """Read what was decided by now."""
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, (name, value, step) in enumerate(self._decisions()):
            if number:
                self._rows.addWidget(rule(self._card))
            self._rows.addWidget(self._row(name, value, step))

    def _decisions(self) -> list[tuple[str, str, int]]:
        session, settings = self.session, self.session.settings
        card = session.pc.card
        computes = card is not None and card.computes
        model = self._first_model.chosen
        folder = next(iter(settings.model_folders), session.paths.models)
        return [
            (tr("Computes on"), card.name if card is not None and computes else tr("the processor"), 1),
            (tr("Memory"), tr(_MODES[settings.memory_mode]), 1),
            (tr("Models go to"), str(folder), 2),
            (tr("Videos go to"), str(settings.videos_folder or session.paths.videos), 2),
            (tr("Estimates"), tr("from measured speed") if self._speed.report is not None else tr("from tables"), 3),
            (tr("First model"), model.metadata.name if model is not None else tr("the built-in one"), 4),
        ]

    def _row(self, name: str, value: str, step: int) -> QWidget:
        row = QWidget(self._card)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.addWidget(label(name, row, role="soft"), 1)
        layout.addWidget(label(value, row, role="label", wrap=True), 2)
        change = Button(tr("Change"), row, kind="link")
        change.setAccessibleName(tr("Change: {name}", name=name))
        change.setProperty("step", step)
        change.clicked.connect(self._on_change)
        layout.addWidget(change)
        return row

    @Slot()
    def _on_change(self) -> None:
        button = self.sender()
        if isinstance(button, Button):
            self.change_requested.emit(int(button.property("step")))
