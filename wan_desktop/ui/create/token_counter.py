"""Counts a prompt's tokens while it is typed, on the files lane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from shiboken6 import isValid

from wan_desktop.core.catalog import TEXT_LENGTH
from wan_desktop.core.jobs import JobState, Lane

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.ui.session import Session

_QUIET_MS = 250


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How long a text is for the model."""

    text: str
    tokens: int
    read_characters: int | None
    """Where the model stops reading; None when it reads all."""


class TokenCounter(QObject):
    """Counts the latest text once typing pauses; texts in between are skipped."""

    counted = Signal(object)
    """A TokenCount."""

    def __init__(self, session: Session, model_folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._folder = model_folder
        self._text = ""
        self._busy = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(self._on_quiet)

    def set_text(self, text: str) -> None:
        """Count this one next."""
        self._text = text
        self._timer.start()

    @Slot()
    def _on_quiet(self) -> None:
        if self._busy:
            self._timer.start()
            return
        self._busy = True
        text = self._text
        self._session.submit("Count tokens", Lane.FILES, lambda context: self._count(text, context), self._on_done)

    def _count(self, text: str, _context: JobContext) -> TokenCount:
        """On the lane."""
        from wan_desktop.core.prompt import clean_prompt, prompt_tokenizer  # noqa: PLC0415 - imports tokenizers, on the lane

        tokenizer = prompt_tokenizer(self._folder)
        tokens = tokenizer.count(clean_prompt(text))
        read = None if tokens <= TEXT_LENGTH else len(tokenizer.part_read(text))
        return TokenCount(text, tokens, read)

    def _on_done(self, snapshot: JobSnapshot) -> None:
        self._busy = False
        if isValid(self) and snapshot.state == JobState.DONE:  # the form may have given way to another model's
            self.counted.emit(snapshot.result)
