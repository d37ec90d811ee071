"""What the program has told its user: shown as toasts, and kept for the page Help."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.errors import WanError

KINDS = ("ok", "warn", "bad", "info")
_KEPT = 100


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """Something that was said once."""

    kind: str
    """One of `KINDS`."""
    title: str
    words: str
    at: datetime
    """Local time."""
    action: tuple[str, Callable[[], object]] | None = None
    """A button's text, and what it does."""


class MessageLog(QObject):
    """Keeps the last messages, and the last error. For the window's thread.

    Args:
        parent: Its parent.
    """

    said = Signal(object)
    """A Message."""
    acted = Signal(object)
    """The action of a Message was carried out; it is offered no longer."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._messages: collections.deque[Message] = collections.deque(maxlen=_KEPT)
        self._acted: set[int] = set()
        self.last_error: WanError | None = None
        """What the last job failed with; for a report."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The newest first."""
        return tuple(reversed(self._messages))

    def say(
        self, kind: str, title: str, words: str = "", action: tuple[str, Callable[[], object]] | None = None
    ) -> Message:
        """Tell the user.

        Args:
            kind: `ok`, `warn`, `bad` or `info`.
            title: In a few words, translated.
            words: One sentence; none if empty.
            action: A button's text, and what it does, such as undoing it; once, at any time.
        """
        if kind not in KINDS:
            raise ValueError(f"no kind of message: {kind}")
        if len(self._messages) == _KEPT:
            self._acted.discard(id(self._messages[0]))
        message = Message(kind, title, words, datetime.now().astimezone(), action)
        self._messages.append(message)
        self.said.emit(message)
        return message

    def say_error(self, error: WanError, action: tuple[str, Callable[[], object]] | None = None) -> Message:
        """Tell an error that belongs to no card of a page."""
        self.last_error = error
        return self.say(
            "bad", f"{error.shown_title} (WAN-{error.number})", f"{error.message} {error.hint}".strip(), action
        )

    def can_act(self, message: Message) -> bool:
        """Its action is still offered."""
        return message.action is not None and id(message) not in self._acted

    def act(self, message: Message) -> None:
        """Carry out its action, unless that was done."""
        if message.action is not None and self.can_act(message):
            self._acted.add(id(message))
            message.action[1]()
            self.acted.emit(message)
