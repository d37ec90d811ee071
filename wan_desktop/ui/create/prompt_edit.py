"""A text field for prompts, with the part dimmed that the model does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtGui import QFontMetrics, QInputMethodEvent, QKeyEvent, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QPlainTextDocumentLayout, QPlainTextEdit, QTextEdit, QWidget

from wan_desktop.core.prompt import MAX_TYPED_CHARACTERS
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.drop_zone import picture_in

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent, QMimeData


class PromptEdit(QPlainTextEdit):
    """Plain text; Tab leaves it, and pictures pasted or dropped into it are handed on.

    It takes no more than models could ever read: Qt lays a paragraph out as a whole, so that with a hundred thousand
    letters each key would be a pause.
    """

    picture_given = Signal(object)
    """A Path or a QImage."""
    shortened = Signal(str)
    """A text of which only the beginning fitted in, as a whole."""
    refused = Signal()
    """It is full, and something was typed."""

    def __init__(self, name: str, parent: QWidget | None = None, *, lines: int = 4) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._has_refused = False
        """That was said since the text changed last."""
        self.textChanged.connect(self._on_changed)
        self.setTabChangesFocus(True)
        self._lines = lines
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if hasattr(self, "_lines"):
            self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(round(QFontMetrics(look().font(14)).lineSpacing() * self._lines + 24))

    def replace_all(self, words: str) -> None:
        """Put other words in, so that undo brings back what stood there."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(words[:MAX_TYPED_CHARACTERS])
        self.setFocus()
        self._tell_shortened(words, MAX_TYPED_CHARACTERS)

    def setPlainText(self, words: str) -> None:
        """Let it hold other words."""
        super().setPlainText(words[:MAX_TYPED_CHARACTERS])
        self._tell_shortened(words, MAX_TYPED_CHARACTERS)

    @property
    def is_full(self) -> bool:
        """No letter more fits in."""
        if self.document().characterCount() <= MAX_TYPED_CHARACTERS:  # which counts some signs as two
            return False
        return len(self.toPlainText()) >= MAX_TYPED_CHARACTERS

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
            read = self.toPlainText()[:read_characters]
            cursor.setPosition(len(read.encode("utf-16-le", "surrogatepass")) // 2)  # Qt counts an emoji as two
            cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
            style = QTextCharFormat()
            style.setForeground(look().color("text3"))
            style.setFontStrikeOut(True)
            selection.cursor = cursor
            selection.format = style
            selections.append(selection)
        self.setExtraSelections(selections)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text, and pictures; other files are for the window, and not for the text of their address."""
        if any(url.isLocalFile() for url in source.urls()):
            return picture_in(source) is not None
        return source.hasText() or source.hasImage()

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Hand a picture on, insert text."""
        picture = None if source.hasText() and not source.hasUrls() else picture_in(source)
        if picture is not None:
            self.picture_given.emit(picture)
        else:
            words = source.text()
            room = MAX_TYPED_CHARACTERS - len(self.toPlainText()) + len(self.textCursor().selectedText())
            self.insertPlainText(words[: max(0, room)])
            self._tell_shortened(words, room)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Refuse letters while it is full, and say so; keys that move, delete or undo work."""
        typed = event.text()
        if typed and (typed.isprintable() or typed in "\r\n") and self._has_no_room():
            self._refuse()
            event.accept()
            return
        super().keyPressEvent(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """The same for letters that a keyboard composes."""
        if event.commitString() and self._has_no_room():
            event.setCommitString("")
            self._refuse()
        super().inputMethodEvent(event)

    def _refuse(self) -> None:
        if not self._has_refused:
            self._has_refused = True
            self.refused.emit()

    @Slot()
    def _on_changed(self) -> None:
        self._has_refused = False

    def _has_no_room(self) -> bool:
        return self.is_full and not self.textCursor().hasSelection()

    def _tell_shortened(self, words: str, room: int) -> None:
        if len(words) > room:
            self.shortened.emit(words)


def _empty_document(parent: QWidget) -> QTextDocument:
    document = QTextDocument(parent)
    document.setDocumentLayout(QPlainTextDocumentLayout(document))
    return document
