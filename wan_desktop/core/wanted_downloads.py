"""Which downloads are to go on by themselves at the next start: those that ran when the program ended."""

import threading
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.json_file import JsonFile
from wan_desktop.core.store.library import ModelKey

_MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Kept:
    downloads: tuple[ModelKey, ...] = ()


class WantedDownloads:
    """A short list on disk; for all threads. If it cannot be read or written, nothing goes on by itself.

    Args:
        file: Where it is kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = JsonFile(file, _Kept, limit_bytes=_MAX_FILE_BYTES)
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
        kept = self._file.read()
        return list(kept.downloads) if kept is not None else []

    def _write(self, keys: list[ModelKey]) -> None:
        self._file.try_write(_Kept(tuple(keys)))
