"""A text field for prompts, with the part dimmed that the model does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QFontMetrics, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QPlainTextDocumentLayout, QPlainTextEdit, QTextEdit, QWidget

from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.drop_zone import picture_in

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData


class PromptEdit(QPlainTextEdit):
    """Plain text; Tab leaves it, and pictures pasted or dropped into it are handed on."""

    picture_given = Signal(object)
    """A Path or a QImage."""

    def __init__(self, name: str, parent: QWidget | None = None, *, lines: int = 4) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.setFixedHeight(round(QFontMetrics(look().font(14)).lineSpacing() * lines + 24))

    def replace_all(self, words: str) -> None:
        """Put other words in, so that undo brings back what stood there."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(words)
        self.setFocus()

    def take_over(self, other: PromptEdit) -> None:
        """Go on with the text of another field that is not used any more, and with what it can undo."""
        words, document = self.toPlainText(), other.document()
        blockers = [QSignalBlocker(other), QSignalBlocker(self)]
        document.setParent(self)  # else it goes with the other one
        self.setDocument(document)
        other.setDocument(_empty_document(other))
        self.setExtraSelections([])
        if self.toPlainText() != words:
            cursor = self.textCursor()
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.insertText(words)
        self.moveCursor(QTextCursor.MoveOperation.End)
        del blockers

    def mark_unread(self, read_characters: int | None) -> None:
        """Dim everything after that many characters; None dims nothing."""
        selections = []
        if read_characters is not None:
            selection = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.document())
            cursor.setPosition(min(read_characters, len(self.toPlainText())))
            cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
            style = QTextCharFormat()
            style.setForeground(look().color("text3"))
            style.setFontStrikeOut(True)
            selection.cursor = cursor
            selection.format = style
            selections.append(selection)
        self.setExtraSelections(selections)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text, and pictures."""
        return source.hasText() or source.hasImage() or source.hasUrls()

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Hand a picture on, insert text."""
        picture = None if source.hasText() and not source.hasUrls() else picture_in(source)
        if picture is not None:
            self.picture_given.emit(picture)
        else:
            self.insertPlainText(source.text())


def _empty_document(parent: QWidget) -> QTextDocument:
    document = QTextDocument(parent)
    document.setDocumentLayout(QPlainTextDocumentLayout(document))
    return document
