"""The buttons beside the setting of updates: ask now, install what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from wan_desktop.core.field_help import setting_id
from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import Button, set_help

if TYPE_CHECKING:
    from wan_desktop.ui.live.updates import LiveUpdates


class UpdateButtons(QWidget):
    """Shows what can be done.

    Args:
        updates: What it is about.
        parent: Its parent.
    """

    noted = Signal(str)
    """How it stands, in a sentence."""

    def __init__(self, updates: LiveUpdates, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._updates = updates
        set_help(self, setting_id("update_check"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.check = Button(tr("Check now"), self, icon_name="refresh-cw")
        self.check.setAccessibleName(tr("Look for updates now"))
        self.install = Button(tr("Download and install"), self, kind="primary", icon_name="download")
        row.addWidget(self.check)
        row.addWidget(self.install)
        row.addStretch(1)
        self.check.clicked.connect(updates.check)
        self.install.clicked.connect(updates.download_and_install)
        updates.changed.connect(self._on_changed)
        self._on_changed()

    @Slot()
    def _on_changed(self) -> None:
        updates = self._updates
        works = updates.is_checking or updates.is_downloading
        self.check.setEnabled(updates.is_set_up and not works)
        self.install.setVisible(updates.offer is not None)
        self.install.setEnabled(not works and not updates.what_runs())
        self.noted.emit(updates.words())
