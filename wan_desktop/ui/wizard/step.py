"""What every step of the wizard is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import label, set_help

if TYPE_CHECKING:
    from wan_desktop.ui.session import Session


class WizardStep(QWidget):
    """One step; it never blocks, and Next works whatever it has found.

    Args:
        title: Its headline.
        words: The sentence below it.
        session: What it works with.
        parent: Its parent.
    """

    name = ""
    """In the list of steps; marked with `mark`."""
    help_id = ""
    """What F1 shows where a field has no help of its own."""
    changed = Signal()
    """The buttons of the wizard are to be looked at again."""
    next_requested = Signal()

    def __init__(self, title: str, words: str, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        set_help(self, self.help_id)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(6)
        outer.addWidget(label(title, self, role="title", wrap=True))
        self.words = label(words, self, role="soft", wrap=True)
        outer.addWidget(self.words)
        outer.addSpacing(6)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        content = QWidget(scroll)
        content.setObjectName("form")
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(0, 0, 8, 0)
        self.body.setSpacing(12)
        scroll.setWidget(content)
        outer.addWidget(scroll, 1)
        self.foot = QVBoxLayout()
        """What is seen without scrolling."""
        outer.addLayout(self.foot)

    @property
    def next_words(self) -> str:
        """What the main button says."""
        return tr("Next")

    @property
    def can_be_skipped(self) -> bool:
        """There is a second button that goes on without doing what the step offers."""
        return False

    def step_shown(self) -> None:
        """It has come to the front."""

    def step_hidden(self) -> None:
        """It has left the front."""

    def finish(self) -> bool:
        """The main button was pressed: do what the step offers; False to stay here."""
        return True
