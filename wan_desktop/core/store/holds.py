"""Who does something with a model just now: one at a time, among all threads and processes of this program."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wan_desktop.core.errors import ModelBusyError, StoreError
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.manifest import METADATA_FOLDER
from wan_desktop.core.words import mark, tr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wan_desktop.core.store.library import Library, ModelKey

logger = logging.getLogger(__name__)

MAKING_A_VIDEO = mark("making a video")
"""The one purpose that several processes may have at once: none of them changes a file."""
_MAX_JSON_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class _Holder:
    purpose: str
    pid: int
    thread: str = ""


class Holds:
    """The claims on one library's models; for all threads. Across processes a claim is an OS lock on a file.

    Args:
        library: Whose models.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._disk = library.disk
        self._lock = threading.Lock()
        self._held: dict[ModelKey, str] = {}

    @contextlib.contextmanager
    def hold(self, key: ModelKey, purpose: str) -> Iterator[None]:
        """Claim a model against all other threads and processes; never waits.

        Raises:
            ModelBusyError: It is claimed; the message says for what.
            StoreError: The drive is gone or cannot be written, or a link is in the model's place.
        """
        with self._lock:
            if key in self._held:
                raise _busy(key, self._held[key])
            self._held[key] = purpose
        try:
            with self._hold_across_processes(key, purpose):
                yield
        finally:
            with self._lock:
                del self._held[key]

    @contextlib.contextmanager
    def use(self, key: ModelKey) -> Iterator[None]:
        """Claim a model while a video is made with it.

        Where another process makes one with it too, its claim serves both. Where no claim can be made, as on a drive
        that may only be read, none is needed: then nobody can change the model either.

        Raises:
            ModelBusyError: Something else is done with it.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.hold(key, MAKING_A_VIDEO))
            except ModelBusyError:
                if self._purpose(key) != MAKING_A_VIDEO:
                    raise
            except StoreError as error:
                logger.info("%s is used without a claim: %s", key, error.message)
            yield

    def held_elsewhere(self, key: ModelKey) -> str:
        """What another process does with the model; empty for nothing.

        The lock is tried only where the last claim was another process's, so that hardly anybody is ever refused
        because of this look.
        """
        with self._lock:
            if key in self._held:
                return ""
        holder = self._read_holder(key)
        if holder is None or holder.pid == os.getpid():
            return ""
        try:
            with self._disk.lock(self._folder / f"{key}.lock"):
                return ""
        except BlockingIOError:
            return holder.purpose
        except OSError:
            return ""

    @property
    def _folder(self) -> Path:
        return self._library.root / METADATA_FOLDER / "locks"

    @contextlib.contextmanager
    def _hold_across_processes(self, key: ModelKey, purpose: str) -> Iterator[None]:
        folder = self._folder
        try:
            self._library.refuse_links(key)
            self._library.make_folder(folder)
            lock = self._disk.lock(folder / f"{key}.lock")
        except BlockingIOError as error:
            raise _busy(key, self._words(key)) from error
        except OSError as error:
            raise disk_error(error, self._library.root, purpose) from error
        with lock:
            self._write_holder(folder / f"{key}.holder", purpose)
            yield

    def _write_holder(self, holder: Path, purpose: str) -> None:
        """It only makes a message better: a full drive must not keep anybody from removing a model."""
        record = _Holder(purpose, os.getpid(), threading.current_thread().name)
        try:
            self._disk.write_atomically(holder, json.dumps(to_plain(record)).encode())
        except OSError as error:
            logger.warning("%s cannot be written: %s", holder, error)

    def _read_holder(self, key: ModelKey) -> _Holder | None:
        """Who wrote last that it holds the model; it may be over."""
        try:
            data = self._disk.read_bytes(self._folder / f"{key}.holder", limit_bytes=_MAX_JSON_BYTES)
            return from_plain(_Holder, json.loads(data))
        except (OSError, ValueError):
            return None

    def _purpose(self, key: ModelKey) -> str:
        with self._lock:
            own = self._held.get(key, "")
        holder = self._read_holder(key)
        return own or (holder.purpose if holder is not None else "")

    def _words(self, key: ModelKey) -> str:
        holder = self._read_holder(key)
        if holder is None:
            return tr("something, by another program")
        return tr(
            "{purpose}, by another window of this program (process {number})",
            purpose=tr(holder.purpose),
            number=holder.pid,
        )


def _busy(key: ModelKey, purpose: str) -> ModelBusyError:
    return ModelBusyError(
        tr("{model} ({variant}) is busy: {purpose}.", model=key.model_id, variant=key.variant, purpose=tr(purpose)),
        hint=tr("Wait until that is done, or stop it."),
    )
