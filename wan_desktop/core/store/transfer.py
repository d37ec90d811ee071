"""Fetch files for good: several ranges at once, written, journalled and hashed as they come, until they are proven.

Fetcher threads only receive: each fills a block's buffer and hands it over. The calling thread writes, keeps the
journals, watches for stalls and listens for a cancel; one more thread hashes. So no file has two owners.
"""

import collections
import functools
import logging
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from wan_desktop.core.errors import ContentMismatchError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.blocks import block_span
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.fetcher import KEPT, SPARE_BUFFERS, FetchPool, TransferLimits
from wan_desktop.core.store.part_file import ContentError, FetchedFile, PartFile, WantedFile, wanted_bytes
from wan_desktop.core.store.ranges import Hub, RemoteUrl
from wan_desktop.core.store.spans import SPAN_BLOCKS, Span
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

_TICK_S, _FIRST_TICK_S = 0.03, 0.002
_PROGRESS_S = 0.1
_QUIET_S = 2.0
_MAX_OPEN_FILES = 8


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How far it is."""

    done_bytes: int
    total_bytes: int
    bytes_per_s: float
    """Over the last ten seconds."""
    seconds_left: float | None
    filename: str
    connections: int
    waiting: str = ""
    """Why nothing comes just now."""
    checking: bool = False
    """What an earlier run left is being read."""


class Transfer:
    """Fetches files, in their order.

    Args:
        disk: Where they lie.
        hub: Who knows their addresses.
        limits: How hard to try.
    """

    def __init__(self, disk: Disk, hub: Hub, limits: TransferLimits | None = None) -> None:
        self._disk = disk
        self._hub = hub
        self._limits = limits or TransferLimits()

    def run(
        self,
        wanted: Sequence[WantedFile],
        context: JobContext,
        finished: Callable[[FetchedFile], None],
        may_start: Callable[[WantedFile], bool] = lambda _: True,
    ) -> None:
        """Fetch what is missing of the files.

        Args:
            wanted: The files.
            context: Told a :class:`TransferProgress` ten times a second; asked thirty times a second for a cancel.
            finished: Told each proven file, on the calling thread.
            may_start: Asked, again and again, whether the next file may take space on the disk now.

        Raises:
            JobCancelled: It was asked to stop; what arrived is kept.
            DownloadError: It cannot go on; what arrived is kept.
            OSError: The disk is full or fails; what arrived is kept.
        """
        with ThreadPoolExecutor(1, "hash") as hasher, ThreadPoolExecutor(1, "sync") as syncer:
            pool = FetchPool(self._hub, self._limits)
            run = _Run(self._disk, pool, context)
            try:
                run.go(wanted, _Callbacks(finished, may_start), hasher, syncer)
            finally:
                pool.stop()
                run.close()


@dataclass(frozen=True, slots=True)
class _Callbacks:
    finished: Callable[[FetchedFile], None]
    may_start: Callable[[WantedFile], bool]


class _Run:
    """One run, all on the calling thread."""

    def __init__(self, disk: Disk, pool: FetchPool, context: JobContext) -> None:
        self._disk = disk
        self._pool = pool
        self._context = context
        self._files: list[PartFile] = []
        self._syncing: dict[PartFile, Future[FetchedFile]] = {}
        self._total_bytes = 0
        self._finished_bytes = 0
        self._next_watch_s = self._next_progress_s = time.monotonic()

    def go(
        self,
        wanted: Sequence[WantedFile],
        callbacks: _Callbacks,
        hasher: ThreadPoolExecutor,
        syncer: ThreadPoolExecutor,
    ) -> None:
        """Fetch until every file is proven."""
        self._total_bytes = sum(wanted_bytes(item) for item in wanted)
        waiting = collections.deque(wanted)
        while waiting or self._files:
            self._start_files(waiting, callbacks.may_start, hasher)
            self._watch()
            arrived = self._next_arrival()
            if isinstance(arrived, Exception):
                raise arrived
            if arrived is not None:
                self._take(*arrived)
            self._end_files(callbacks.finished, syncer)

    def _start_files(
        self,
        waiting: collections.deque[WantedFile],
        may_start: Callable[[WantedFile], bool],
        hasher: ThreadPoolExecutor,
    ) -> None:
        while waiting and len(self._files) < _MAX_OPEN_FILES and may_start(waiting[0]):
            if self._pool.spans.untaken > SPAN_BLOCKS:
                return
            item = waiting.popleft()
            file = PartFile(self._disk, item, hasher)
            self._files.append(file)
            file.recover(functools.partial(self._recovering, item, self._done_bytes()))
            origin = item.origin
            url = self._pool.hub.file_url(origin.repo_id, origin.revision, origin.filename)
            self._pool.spans.add(file, RemoteUrl(url, origin.size_bytes))
            self._when_complete(file)
            self._pool.last_byte_s = time.monotonic()

    def _recovering(self, item: WantedFile, before_bytes: int, read_bytes: int) -> None:
        self._context.check_cancelled()
        if time.monotonic() >= self._next_progress_s:
            self._next_progress_s = time.monotonic() + _PROGRESS_S
            self._context.progress(
                TransferProgress(
                    before_bytes + read_bytes, self._total_bytes, 0.0, None, item.origin.filename, 0, checking=True
                )
            )

    def _done_bytes(self) -> int:
        return self._finished_bytes + sum(file.done_bytes for file in self._files)

    @property
    def _tick_s(self) -> float:
        return _TICK_S if self._pool.has_pace else _FIRST_TICK_S

    def _next_arrival(self) -> tuple[Span, int, bytearray] | Exception | None:
        try:
            return self._pool.arrived.get(timeout=self._tick_s)
        except queue.Empty:
            return None

    def _take(self, span: Span, index: int, buffer: bytearray) -> None:
        file = span.file
        length = block_span(index, file.size_bytes)[1]
        try:
            good = file.write(index, memoryview(buffer)[:length], lambda: self._pool.buffers.put(buffer))
        except ContentError as error:
            raise _wrong_content(file.wanted) from error
        if not good:
            self._pool.spans.again(file, [index])
        self._when_complete(file)
        spare = SPARE_BUFFERS // 2 - sum(other.held for other in self._files)
        for other in reversed(self._files):
            if spare < 0:
                keep = max(0, other.held + spare)
                spare += other.held - keep
                other.drop_held(keep=keep)

    def _when_complete(self, file: PartFile) -> None:
        if file.complete:
            file.when_hashed(self._pool.wake)

    def _end_files(self, finished: Callable[[FetchedFile], None], syncer: ThreadPoolExecutor) -> None:
        for file in [file for file in self._files if file.hashed]:
            if file not in self._syncing:
                self._prove(file, syncer)
            elif self._syncing[file].done():
                fetched = self._syncing.pop(file).result()
                self._files.remove(file)
                self._finished_bytes += wanted_bytes(file.wanted)
                file.close()
                finished(fetched)

    def _prove(self, file: PartFile, syncer: ThreadPoolExecutor) -> None:
        try:
            proven = file.prove()
        except ContentError as error:
            raise _wrong_content(file.wanted) from error
        if proven:
            self._pool.spans.remove(file)
            future = self._syncing[file] = syncer.submit(file.make_safe)
            future.add_done_callback(lambda _: self._pool.wake())
        else:
            logger.warning("%s has another hash than told; reading it again", file.wanted.origin.filename)
            self._pool.spans.again(file, range(file.count))

    def _watch(self) -> None:
        self._context.check_cancelled()
        now_s = time.monotonic()
        if now_s < self._next_watch_s:
            return
        # While this thread waited for a slow disk, nobody asked for bytes; that silence is not the server's.
        self._pool.last_byte_s += max(0.0, now_s - self._next_watch_s - _TICK_S)
        self._next_watch_s = now_s + self._tick_s
        if all(file.complete for file in self._files):
            self._pool.last_byte_s = now_s  # nothing is to come
        rate = self._pool.watch()
        if now_s >= self._next_progress_s:
            self._next_progress_s = now_s + _PROGRESS_S
            self._context.progress(self._progress(rate))

    def _progress(self, rate: float) -> TransferProgress:
        done_bytes = self._done_bytes()
        problem = self._pool.last_problem
        silent = time.monotonic() - self._pool.last_byte_s > _QUIET_S
        return TransferProgress(
            done_bytes=done_bytes,
            total_bytes=self._total_bytes,
            bytes_per_s=rate,
            seconds_left=(self._total_bytes - done_bytes) / rate if rate > 0 else None,
            filename=self._files[0].wanted.origin.filename if self._files else "",
            connections=self._pool.connections,
            waiting=problem.text if problem and silent else "",
        )

    def close(self) -> None:
        """Close the files; the pool has stopped."""
        for file in self._files:
            file.close()


def _wrong_content(wanted: WantedFile) -> ContentMismatchError:
    return ContentMismatchError(
        tr(
            "{filename} arrives with other content than {repo_id} says, again and again.",
            filename=wanted.origin.filename,
            repo_id=wanted.origin.repo_id,
        ),
        hint=tr(
            "Something on the way changes it, or the mirror is wrong: try another network or mirror. {kept}",
            kept=tr(KEPT),
        ),
    )
