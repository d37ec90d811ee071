"""What is asked before an update is installed while something runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QMessageBox

from wan_desktop.core.words import tr
from wan_desktop.ui import text

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPushButton, QWidget

    from wan_desktop.ui.live.updates import LiveUpdates


class UpdateQuestion(QObject):
    """Asks once at a time.

    Args:
        window: Above which it is asked.
        updates: Asks for it.
    """

    def __init__(self, window: QWidget, updates: LiveUpdates) -> None:
        super().__init__(window)
        self._window, self._updates = window, updates
        self.box: QMessageBox | None = None
        """What is open; None if nothing is."""
        self.install: QPushButton | None = None
        self.later: QPushButton | None = None
        updates.question_wanted.connect(self._on_wanted)

    @Slot(str)
    def _on_wanted(self, runs: str) -> None:
        if self.box is not None:
            return
        box = self.box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(text.APP)
        box.setText(tr("{runs}. Install the update now?", runs=runs))
        box.setInformativeText(
            tr("What runs is stopped. Queue, downloads and installation go on where they were after the next start.")
        )
        self.install = box.addButton(tr("Stop and install"), QMessageBox.ButtonRole.DestructiveRole)
        self.later = box.addButton(tr("Later"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(self.later)
        box.setEscapeButton(self.later)
        box.finished.connect(self._on_finished)
        box.open()

    @Slot(int)
    def _on_finished(self, _code: int) -> None:
        box, self.box = self.box, None
        if box is not None and box.clickedButton() is self.install:
            self._updates.install_now()
