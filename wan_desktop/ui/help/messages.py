"""What the program has said lately, for whoever missed a toast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.help.part import HelpPart, plain_label, scrolled
from wan_desktop.ui.widgets.controls import Button, IconLabel, label
from wan_desktop.ui.widgets.empty_state import EmptyPage
from wan_desktop.ui.widgets.toast import ICONS

if TYPE_CHECKING:
    from wan_desktop.ui.live.messages import Message
    from wan_desktop.ui.session import Session


class MessageRow(QFrame):
    """One message.

    Args:
        message: What it says.
        can_act: Its action is still offered.
        parent: Its parent.
    """

    action_requested = Signal(object)
    """The Message."""

    def __init__(self, message: Message, parent: QWidget, *, can_act: bool) -> None:
        super().__init__(parent)
        self.message = message
        self.setProperty("surface", "card")
        time = f"{message.at:%H:%M}"
        self.setAccessibleName(f"{time}: {message.title}. {message.words}".strip())
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 14, 10)
        row.setSpacing(12)
        row.addWidget(IconLabel(ICONS[message.kind], message.kind, 18, self))
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(plain_label(message.title, self, "label"))
        if message.words:
            words.addWidget(plain_label(message.words, self, "soft"))
        row.addLayout(words, 1)
        self.action: Button | None = None
        if can_act and message.action is not None:
            self.action = Button(message.action[0], self)
            self.action.clicked.connect(self._on_action)
            row.addWidget(self.action)
        row.addWidget(label(time, self, role="caption"))

    @Slot()
    def _on_action(self) -> None:
        self.action_requested.emit(self.message)


class MessagesPart(HelpPart):
    """The newest message on top.

    Args:
        session: Whose messages.
        parent: Its parent.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._log = session.messages
        self.rows: list[MessageRow] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        words = tr("What the program tells you in passing is kept here until it is closed.")
        self.empty = EmptyPage("message-square", tr("No messages."), words, (), self)
        self._area, self._inner, self._rows = scrolled(self, tr("Messages"))
        self._rows.setSpacing(8)
        self._rows.addStretch(1)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._area)
        layout.addWidget(self.stack)
        self._log.said.connect(self._on_said)
        self._log.acted.connect(self._on_acted)
        for message in reversed(self._log.messages):
            self._on_said(message)

    def focus_first(self) -> None:
        """The first button, if there is one."""
        first = next((row.action for row in self.rows if row.action is not None), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(object)
    def _on_said(self, message: Message) -> None:
        self._add(message, 0)
        kept = self._log.messages
        while len(self.rows) > len(kept):
            self._drop(self.rows[-1])
        self.stack.setCurrentWidget(self._area)

    @Slot(object)
    def _on_acted(self, message: Message) -> None:
        for row in self.rows:
            if row.message is message:
                at = self.rows.index(row)
                self._drop(row)
                self._add(message, at)
                return

    def _add(self, message: Message, at: int) -> None:
        row = MessageRow(message, self._inner, can_act=self._log.can_act(message))
        row.action_requested.connect(self._log.act)
        self.rows.insert(at, row)
        self._rows.insertWidget(at, row)

    def _drop(self, row: MessageRow) -> None:
        self.rows.remove(row)
        self._rows.removeWidget(row)
        row.hide()
        row.deleteLater()
