"""What is being done with models: held against others, shown while it lasts, written into the history when it ends."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from wan_desktop.core.errors import JobCancelled, WanError
from wan_desktop.core.records import to_plain
from wan_desktop.core.store.history import History, HistoryEntry
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.store.status import ModelStatus
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)


class Deeds:
    """All that is going on; for all threads.

    Args:
        history: Where it is written down.
        changed: Told which model looks otherwise now, on the thread that changed it.
    """

    def __init__(self, history: History, changed: Callable[[ModelKey], None]) -> None:
        self._history = history
        self._changed = changed
        self._lock = threading.Lock()
        self._doing: dict[ModelKey, ModelStatus] = {}
        self._loaded: set[ModelKey] = set()

    def status(self, key: ModelKey) -> ModelStatus | None:
        """What is done with the model just now, or that it is loaded; None for nothing."""
        with self._lock:
            return self._doing.get(key, ModelStatus.LOADED if key in self._loaded else None)

    def set_loaded(self, key: ModelKey, *, loaded: bool) -> None:
        """The engine has it in memory, or has it no longer."""
        with self._lock:
            was = key in self._loaded
            (self._loaded.add if loaded else self._loaded.discard)(key)
        if was != loaded:
            self._changed(key)

    @property
    def loaded(self) -> frozenset[ModelKey]:
        """What the engine has in memory."""
        with self._lock:
            return frozenset(self._loaded)

    @contextlib.contextmanager
    def begin(self, library: Library, key: ModelKey, status: ModelStatus, kind: str) -> Iterator[dict[str, Any]]:
        """Hold the model, show what is done with it, and write down how it ended; see `noted`.

        Raises:
            ModelBusyError: Something else is done with it.
        """
        with self._activity(library, key, status), self.noted(library, key, kind) as note:
            yield note

    @contextlib.contextmanager
    def using(self, library: Library, key: ModelKey) -> Iterator[None]:
        """Hold the model while a video is made with it; nothing is written down, since nothing of it changes.

        Raises:
            ModelBusyError: Something else is done with it.
        """
        with library.use(key):
            with self._lock:
                self._doing[key] = ModelStatus.IN_USE
            self._changed(key)
            try:
                yield
            finally:
                with self._lock:
                    self._doing.pop(key, None)
                self._changed(key)

    @contextlib.contextmanager
    def _activity(self, library: Library, key: ModelKey, status: ModelStatus) -> Iterator[None]:
        """Hold the model, and show what is done with it.

        Raises:
            ModelBusyError: Something else is done with it.
        """
        with library.hold(key, status.value):
            with self._lock:
                self._doing[key] = status
            self._changed(key)
            try:
                yield
            finally:
                with self._lock:
                    del self._doing[key]
                self._changed(key)

    @contextlib.contextmanager
    def noted(self, library: Library, key: ModelKey, kind: str) -> Iterator[dict[str, Any]]:
        """Write into the history how it ended; the body fills in outcome, text and details."""
        start_s = time.monotonic()
        note: dict[str, Any] = {"outcome": "done", "text": "", "details": None}
        try:
            yield note
        except JobCancelled:
            note |= {"outcome": "cancelled", "text": tr("stopped")}
            raise
        except WanError as error:
            note |= {"outcome": "failed", "text": f"{error.code}: {error.message}"}
            raise
        finally:
            entry = HistoryEntry(
                key,
                library.library_id,
                kind,
                note["outcome"],
                note["text"],
                now_utc(),
                time.monotonic() - start_s,
                to_plain(note["details"]),
            )
            try:
                self._history.add(entry)
            except WanError as error:  # the memory must not spoil the deed
                logger.warning("%s", error.message)
