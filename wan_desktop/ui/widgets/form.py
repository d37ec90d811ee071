"""Parts a form is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import Button, announce, label, set_role

if TYPE_CHECKING:
    from collections.abc import Callable


class FormField(QWidget):
    """A label, something on its right, a control, and a line below it for help, notes and errors."""

    def __init__(
        self, text: str, control: QWidget, parent: QWidget | None = None, *, right: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        top = QHBoxLayout()
        top.setSpacing(8)
        self.title = label(text, self, role="label")
        self.title.setBuddy(control)
        top.addWidget(self.title)
        top.addStretch(1)
        if right is not None:
            top.addWidget(right)
        layout.addLayout(top)
        layout.addWidget(control)
        self._line = label("", self, role="caption", wrap=True)
        self._line.hide()
        layout.addWidget(self._line)
        self._help = self._said_as = ""

    def set_help(self, text: str) -> None:
        """What stands below while there is nothing more important to say."""
        self._help = text
        self.say("")

    def say(self, text: str, role: str = "note") -> None:
        """Show a note (`note`), a warning (`warn`) or an error (`bad`), and let it be heard; empty: the help again.

        A warning whose numbers change while somebody types is heard once.
        """
        if text and (role == "note" or role != self._said_as):
            announce(self, text, assertive=role == "bad", topic=f"field {self.title.text()}")
        self._said_as = role if text else ""
        set_role(self._line, role if text else "caption")
        self._line.setText(text or self._help)
        self._line.setVisible(bool(text or self._help))

    def said(self) -> str:
        """What the line below says."""
        return self._line.text()


class Fold(QWidget):
    """A part that is folded away; what is in it is made when it is opened first.

    Args:
        text: Its headline.
        build: Makes the content.
        parent: Its parent.
    """

    opened = Signal()

    def __init__(self, text: str, build: Callable[[QWidget], QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._build = build
        self.content: QWidget | None = None
        self.button = Button(text, self, kind="link", icon_name="chevron-right")
        self.button.setCheckable(True)
        self.button.toggled.connect(self.set_open)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self._layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)

    def set_open(self, is_open: bool) -> None:
        """Open or fold it."""
        if is_open and self.content is None:
            self.content = self._build(self)
            self._layout.addWidget(self.content)
        self.button.setChecked(is_open)
        self.button.set_icon("chevron-down" if is_open else "chevron-right")
        if self.content is not None:
            self.content.setVisible(is_open)
        if is_open:
            self.opened.emit()


def pair(left: QWidget, right: QWidget, parent: QWidget) -> QWidget:
    """Two widgets side by side, each half as wide."""
    row = QWidget(parent)
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(12)
    for widget in (left, right):
        layout.addWidget(widget, 1, Qt.AlignmentFlag.AlignTop)
    return row


def value_label(parent: QWidget | None = None) -> QLabel:
    """The small text on the right of a field's label."""
    return label("", parent, role="value")
