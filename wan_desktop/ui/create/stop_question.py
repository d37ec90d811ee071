"""Stop, with a question where much work would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.words import tr
from wan_desktop.ui import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

ASK_AFTER_S = 120.0
"""Less work than that is stopped without a question."""


class StopQuestion(QObject):
    """Asks before it says that a render is to stop.

    Args:
        parent: The widget above which the question stands.
        worked_s: How long the render has been worked on, in seconds.
    """

    stop_confirmed = Signal()

    def __init__(self, parent: QWidget, worked_s: Callable[[], float]) -> None:
        super().__init__(parent)
        self._parent = parent
        self.worked_s = worked_s
        self.box: QMessageBox | None = None
        self._stop: QPushButton | None = None

    def end(self) -> None:
        """It is over: there is nothing left to ask about."""
        if self.box is not None:
            self.box.reject()

    @Slot()
    def ask(self) -> None:
        """Stop at once, or after a yes."""
        worked_s = self.worked_s()
        if worked_s < ASK_AFTER_S:
            self.stop_confirmed.emit()
        elif self.box is None:
            self._open(worked_s)

    def _open(self, worked_s: float) -> None:
        from PySide6.QtWidgets import QMessageBox  # noqa: PLC0415 - rarely needed

        self.box = box = QMessageBox(self._parent)
        box.setWindowTitle(text.APP)
        box.setText(tr("Stop this video?"))
        box.setInformativeText(
            tr("It has been worked on for {time}. What has been made of it is lost.", time=text.duration(worked_s))
        )
        self._stop = box.addButton(tr("Stop now"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(tr("Keep going"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        box.finished.connect(self._on_answered)
        box.open()

    @Slot(int)
    def _on_answered(self, _code: int) -> None:
        box, self.box = self.box, None
        if box is None:
            return
        if box.clickedButton() is self._stop:
            self.stop_confirmed.emit()
        box.deleteLater()
