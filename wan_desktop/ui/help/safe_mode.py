"""Starts the program again: in safe mode, or from there as usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.safe_mode import NextStart
from wan_desktop.core.words import tr
from wan_desktop.ui.help.part import plain_label
from wan_desktop.ui.widgets.controls import Button, IconLabel, label

if TYPE_CHECKING:
    from wan_desktop.ui.session import Session


class SafeModeCard(QFrame):
    """What safe mode is, and a button into it or out of it.

    Args:
        session: Is asked to start again; says whether this is safe mode.
        parent: Its parent.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        is_safe = session.safe_reason is not None
        self._how = NextStart.NORMAL if is_safe else NextStart.SAFE
        self.setProperty("surface", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 12, 14, 12)
        row.setSpacing(12)
        row.addWidget(IconLabel("life-buoy", "text2", 20, self))
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(label(tr("Safe mode"), self, role="label"))
        about = tr(
            "If the program keeps ending at its start: it opens with its default look, and nothing goes on by itself."
        )
        self.words = plain_label(tr("This is safe mode. Your settings are kept.") if is_safe else about, self, "soft")
        words.addWidget(self.words)
        row.addLayout(words, 1)
        self.button = Button(
            tr("Restart normally") if is_safe else tr("Restart in safe mode"), self, icon_name="rotate-ccw"
        )
        self.button.clicked.connect(self._on_clicked)
        row.addWidget(self.button)

    @Slot()
    def _on_clicked(self) -> None:
        self._session.restart_requested.emit(self._how)
