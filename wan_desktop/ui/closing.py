"""What is asked when the window is closed while a video is being made."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QMessageBox

from wan_desktop.core.words import tr, trn
from wan_desktop.ui import text

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPushButton, QWidget


class Answer(StrEnum):
    """What was chosen."""

    KEEP_RUNNING = "keep-running"
    STOP_AND_QUIT = "stop-and-quit"
    CANCEL = "cancel"


class CloseQuestion(QObject):
    """Asks once at a time.

    Args:
        window: That is to be closed.
    """

    answered = Signal(object)
    """An Answer; not when there was nothing left to ask about."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.box: QMessageBox | None = None
        """What is open; None if nothing is."""
        self.keep: QPushButton | None = None
        self.stop: QPushButton | None = None
        self.cancel: QPushButton | None = None

    def ask(self, *, waiting: int = 0) -> None:
        """Ask, unless it is being asked.

        Args:
            waiting: How many videos wait behind the one that is being made.
        """
        if self.box is not None:
            return
        box = self.box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(text.APP)
        box.setText(tr("A video is being made."))
        words = tr(
            "If you quit now, what has been made of it is lost. It waits in the queue until you let it begin anew."
        )
        if waiting:
            words += " " + trn("{count} more is kept there.", "{count} more are kept there.", waiting)
        box.setInformativeText(words)
        self.keep = box.addButton(tr("Keep running in the background"), QMessageBox.ButtonRole.AcceptRole)
        self.stop = box.addButton(tr("Stop and quit"), QMessageBox.ButtonRole.DestructiveRole)
        self.cancel = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(self.keep)
        box.setEscapeButton(self.cancel)
        box.finished.connect(self._on_finished)
        box.open()

    def take_back(self) -> None:
        """There is nothing left to ask about."""
        box, self.box = self.box, None
        if box is not None:
            box.reject()

    @Slot(int)
    def _on_finished(self, _code: int) -> None:
        box, self.box = self.box, None
        if box is None:
            return
        clicked = box.clickedButton()
        answers = {self.keep: Answer.KEEP_RUNNING, self.stop: Answer.STOP_AND_QUIT}
        self.answered.emit(next((answer for button, answer in answers.items() if button is clicked), Answer.CANCEL))
