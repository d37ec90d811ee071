"""What the command line says: words for people, or one JSON object a line."""

import json
import os
import sys
from typing import Any

from wan_desktop.core.errors import WanError
from wan_desktop.core.records import to_plain
from wan_desktop.core.words import tr

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 0, 1, 2, 130


class Reporter:
    """Says what happens: JSON lines on standard output; or words on standard error, and the path on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._last_words = ""

    def event(self, name: str, words: str = "", /, **fields: Any) -> None:
        """Say that something happened."""
        if self.as_json:
            print_line(json.dumps({"event": name, **to_plain(fields)}), sys.stdout)
        elif words and words != self._last_words:
            self._last_words = words
            print_line(words, sys.stderr)

    def line(self, words: str, name: str, /, **fields: Any) -> None:
        """Say one line of an answer: on standard output, in words or as JSON."""
        if self.as_json:
            self.event(name, **fields)
        else:
            print_line(words, sys.stdout)

    def result(self, words: str, fields: dict[str, Any]) -> int:
        """Say what came of it: as the event "done", or as words on standard output."""
        self.event("done", **fields)
        if not self.as_json and words:
            print_line(words, sys.stdout)
        return EXIT_DONE

    def failed(self, error: WanError) -> int:
        """Say what went wrong, why, and what to do."""
        words = "\n".join(
            part for part in (f"{error.shown_title} (WAN-{error.number}): {error.message}", error.hint) if part
        )
        self.event("error", words, code=error.code, number=error.number, message=error.message, hint=error.hint)
        return EXIT_FAILED

    def cancelled(self) -> int:
        """Say that it was stopped."""
        words, hint = tr("Stopped."), tr("Start it again.")
        self.event("error", words, code="cancelled", number=3007, message=words, hint=hint)
        return EXIT_CANCELLED


def print_line(text: str, stream: Any) -> None:
    """Print at once.

    Raises:
        SystemExit: Whoever read it has gone, as `head` does; what is going on ends as at a stop.
    """
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python complains at its end
        raise SystemExit(EXIT_CANCELLED) from None
