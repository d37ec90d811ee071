"""One setting: its name, what it does, its control, and the way back to the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.field_help import setting_id
from wan_desktop.core.words import tr
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, announce, label, set_help, set_role

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

_SIDE_BY_SIDE_FROM_PX = 560


class SettingRow(QWidget):
    """Shows one setting.

    Args:
        fields: Names of the fields of `Settings` that it changes; none for what is kept elsewhere.
        title: Its name.
        words: What it does, in a sentence or two.
        control: What changes it.
        parent: Its parent.
        keywords: More words by which it is found.
        wide: The control stands below the words, as wide as the row.
    """

    reset_requested = Signal(object)
    """The row."""

    def __init__(
        self,
        fields: tuple[str, ...],
        title: str,
        words: str,
        control: QWidget,
        parent: QWidget | None = None,
        *,
        keywords: str = "",
        wide: bool = False,
    ) -> None:
        super().__init__(parent)
        self.fields, self.control = fields, control
        for field in fields:
            set_help(self, setting_id(field))
        self._found_by = f"{title} {words} {keywords}".casefold()
        self._title, self._wide = title, wide
        self._layout = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._layout.setContentsMargins(16, 12, 16, 12)
        self._layout.setSpacing(10)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        head = QHBoxLayout()
        head.setSpacing(8)
        self.title = label(title, self, role="label", wrap=True)
        self.title.setBuddy(control)
        head.addWidget(self.title, 1)
        self.changed_mark = label(tr("changed"), self, role="note")
        self.reset = Button(tr("Reset"), self, kind="link", icon_name="undo-2")
        self.reset.setAccessibleName(tr("Reset: {title}", title=title))
        self.reset.setToolTip(tr("Back to the default"))
        self.reset.clicked.connect(self._on_reset)
        for widget in (self.changed_mark, self.reset):
            widget.hide()
            head.addWidget(widget)
        texts.addLayout(head)
        self.words = label(words, self, role="soft", wrap=True)
        texts.addWidget(self.words)
        self.line = label("", self, role="note", wrap=True)
        self.line.hide()
        texts.addWidget(self.line)
        self._layout.addLayout(texts, 3)
        self._layout.addWidget(control, 2)
        control.setAccessibleDescription(words)

    @property
    def name(self) -> str:
        """Its title."""
        return self._title

    def show_changed(self, changed: bool) -> None:
        """Mark it as changed, and offer the way back."""
        self.changed_mark.setVisible(changed)
        self.reset.setVisible(changed)

    def say(self, text: str, role: str = "note") -> None:
        """A note, a warning or an error below the words, which is heard too; none if empty."""
        if text and text != self.line.text():
            announce(self, text, assertive=role == "bad", topic=f"setting {self._title}")
        set_role(self.line, role)
        self.line.setText(text)
        self.line.setVisible(bool(text))

    def matches(self, wanted: str) -> bool:
        """It has all of these words."""
        return all(word in self._found_by for word in wanted.casefold().split())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Control and words side by side where there is room."""
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        is_wide = self.width() >= look().px(_SIDE_BY_SIDE_FROM_PX) and not self._wide
        self._layout.setDirection(direction.LeftToRight if is_wide else direction.TopToBottom)
        self._layout.setAlignment(self.control, Qt.AlignmentFlag.AlignVCenter if is_wide else Qt.AlignmentFlag(0))

    @Slot()
    def _on_reset(self) -> None:
        self.reset_requested.emit(self)
