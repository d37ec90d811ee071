"""What the parts of the page Help have in common."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import label


class PartId(StrEnum):
    """The parts, in the order in which they stand; also what another page may ask the page to show."""

    HEALTH = "health"
    LOG = "log"
    MESSAGES = "messages"
    ERRORS = "errors"
    SHORTCUTS = "shortcuts"
    ABOUT = "about"


class HelpPart(QWidget):
    """One part; made when it is shown first."""

    page_requested = Signal(object, object)
    """As `Page.page_requested`."""
    help_requested = Signal(int)
    """The number of an error, whose help text is wanted."""

    def part_shown(self) -> None:
        """It is seen: begin to watch what changes."""

    def part_hidden(self) -> None:
        """It is not seen any more."""

    def look_again(self) -> None:
        """F5."""

    def focus_search(self) -> bool:
        """Put the focus into its search field; False if it has none."""
        return False

    def focus_first(self) -> None:
        """Put the focus where work begins."""


def plain_label(text: str, parent: QWidget, role: str = "") -> QLabel:
    """A label that wraps, whose text may hold anything, and can be marked and copied."""
    made = label(text, parent, role=role, wrap=True)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def scrolled(parent: QWidget, name: str, *, takes_focus: bool = False) -> tuple[QScrollArea, QWidget, QVBoxLayout]:
    """An area that scrolls, what lies in it, and the layout of that.

    Args:
        parent: Its parent.
        name: For screen readers.
        takes_focus: It has nothing to press, and is to be scrolled with the keys.
    """
    area = QScrollArea(parent)
    area.setWidgetResizable(True)
    area.setAccessibleName(name)
    inner = QWidget()
    inner.setObjectName("form")
    if takes_focus:
        inner.setAccessibleName(name)
        inner.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    layout = QVBoxLayout(inner)
    layout.setContentsMargins(0, 0, 10, 0)
    layout.setSpacing(12)
    area.setWidget(inner)
    return area, inner, layout
