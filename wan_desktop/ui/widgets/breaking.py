"""Texts that people did not write for a narrow column: names of files, paths, prompts without spaces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QLabel, QMenu

from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from PySide6.QtGui import QContextMenuEvent, QKeyEvent
    from PySide6.QtWidgets import QWidget

_BREAK = "\u200b"  # a zero width space: a line may break there
_LONG = re.compile(r"\S{16,}")
_AT = re.compile(r"([/\\_.\-])(?=\S)")
_RUN = re.compile(rf"[^\s{_BREAK}]{{20,}}")
_PART = 8


def breakable(text: str) -> str:
    """The text with places in long words where a line may break."""

    def split(found: re.Match[str]) -> str:
        word = _AT.sub(rf"\1{_BREAK}", found[0])
        return _RUN.sub(lambda run: _BREAK.join(re.findall(f".{{1,{_PART}}}", run[0])), word)

    return _LONG.sub(split, text)


def unbroken(text: str) -> str:
    """The text as it was before `breakable`."""
    return text.replace(_BREAK, "")


class BreakingLabel(QLabel):
    """A text of several lines that fits any width, and can be selected and copied as it was given.

    Args:
        parent: Its parent.
        role: In the style sheet.
    """

    def __init__(self, parent: QWidget | None = None, *, role: str = "soft") -> None:
        super().__init__(parent)
        self.setProperty("role", role)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    @property
    def words(self) -> str:
        """What it says."""
        return unbroken(self.text())

    def say(self, words: str, spoken: str = "") -> None:
        """Show these words; screen readers are told them too, or what is given besides."""
        self.setText(breakable(words))
        self.setAccessibleName(spoken or words)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy what is selected."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of a text."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction(tr("Copy"))
        copy.setEnabled(self.hasSelectedText())
        copy.triggered.connect(self.copy)
        menu.addAction(tr("Select all")).triggered.connect(self._on_select_all)
        menu.popup(event.globalPos())

    @Slot()
    def copy(self) -> None:
        """Copy what is selected, without the places where lines may break."""
        if self.hasSelectedText():
            QGuiApplication.clipboard().setText(unbroken(self.selectedText()))

    @Slot()
    def _on_select_all(self) -> None:
        self.setSelection(0, len(self.text()))
