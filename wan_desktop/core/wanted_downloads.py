"""Which downloads are to go on by themselves at the next start: those that ran when the program ended."""

import json
import logging
import threading
from pathlib import Path

from wan_desktop.core.files import write_atomically
from wan_desktop.core.store.library import ModelKey

logger = logging.getLogger(__name__)


class WantedDownloads:
    """A short list on disk; for all threads. If it cannot be read or written, nothing goes on by itself.

    Args:
        file: Where it is kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def keys(self) -> list[ModelKey]:
        """In the order in which they were begun."""
        with self._lock:
            return self._read()

    def add(self, key: ModelKey) -> None:
        """It is to be downloaded."""
        with self._lock:
            self._write([*(other for other in self._read() if other != key), key])

    def discard(self, key: ModelKey) -> None:
        """It came, was stopped by the user, or cannot come."""
        with self._lock:
            known = self._read()
            if key in known:
                self._write([other for other in known if other != key])

    def _read(self) -> list[ModelKey]:
        try:
            plain = json.loads(self._file.read_bytes())
            return [ModelKey(str(model_id), str(variant)) for model_id, variant in plain]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            logger.warning("The list of begun downloads cannot be read: %s", error)
            return []

    def _write(self, keys: list[ModelKey]) -> None:
        try:
            write_atomically(self._file, json.dumps([[key.model_id, key.variant] for key in keys]).encode())
        except OSError as error:
            logger.warning("The list of begun downloads cannot be written: %s", error)
