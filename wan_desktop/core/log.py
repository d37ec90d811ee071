"""One rotating log, without prompts, secrets or the user's name."""

import logging
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MAX_BYTES = 1_000_000
LOG_BACKUPS = 3
"""Older files beside the log: `.1` is the latest."""
_SECRET = re.compile(
    r"\bhf_[A-Za-z0-9]{8,}|(?i:\bbearer\s+\S+)|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|(?i:(?<=token=)[^&\s]+)"
)


def redact(text: str, home: Path | None = None) -> str:
    """The text with tokens and passwords blanked and the home folder shortened to `~`."""
    folder = str(home or Path.home())
    if len(folder) > 1:
        text = text.replace(folder, "~").replace(folder.replace("\\", "\\\\"), "~")
    return _SECRET.sub("***", text)


class RedactingFormatter(logging.Formatter):
    """Formats as usual, then redacts the whole text, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line (or lines) to write."""
        return redact(super().format(record))


def start_logging(path: Path, *, level: int = logging.INFO) -> None:
    """Send the program's log to `path`.

    A folder that cannot be written leaves the program without a log, not without a start.
    """
    root = logging.getLogger("wan_desktop")
    root.setLevel(level)
    stop_logging()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=LOG_BACKUPS, encoding="utf-8")
    except OSError as error:
        root.warning("No log can be written to %s: %s", path, error)
        return
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root.addHandler(handler)


def stop_logging() -> None:
    """Close the log; for the end of the program and for tests."""
    root = logging.getLogger("wan_desktop")
    for handler in list(root.handlers):
        if isinstance(handler, RotatingFileHandler):
            root.removeHandler(handler)
            handler.close()
