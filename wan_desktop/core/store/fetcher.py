"""The threads that receive: each takes a span, fills block buffers from its own connection, and tries again.

They own no file. What they receive goes to the pool's `arrived` queue, and buffers come back through `buffers`.
"""

import errno
import logging
import queue
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wan_desktop.core.errors import (
    AccessDeniedError,
    ConnectionBlockedError,
    ContentMismatchError,
    DownloadError,
    OfflineError,
    RepositoryNotFoundError,
)
from wan_desktop.core.store.blocks import BLOCK_BYTES, block_span
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.ranges import Body, FetchError, Hub, RangeClient, Refusal
from wan_desktop.core.store.spans import FIRST_SPAN_BLOCKS, SPAN_BLOCKS, Span, SpanQueue
from wan_desktop.core.store.transfer_rate import ConnectionPace, RateMeter, Throttle
from wan_desktop.core.words import mark, tr

logger = logging.getLogger(__name__)

SPARE_BUFFERS = 32
"""Blocks of 1 MiB that may wait to be written and hashed, besides the one that each connection fills."""
KEPT = mark("What has arrived is kept.")
_MIN_RATE_BYTES_PER_S = 256
"""A connection slower than that for the whole time of a stall counts as stalled."""
_MAX_RETRY_AFTER_S = 60.0
_FIRST_BACKOFF_S, _MAX_BACKOFF_S = 0.25, 30.0
_FINAL_TRIES = {Refusal.BLOCKED: 3, Refusal.DENIED: 2, Refusal.GONE: 2, Refusal.WRONG: 5}
"""After so many in a row without a byte, it is no accident."""
_FINAL_TRIES_SIGNED = 5
"""The same for addresses that expire, where asking the Hub again is the cure."""
_ASK_HUB_AFTER = 3
_JOIN_S = 0.3
"""A fetcher that hangs in a name look-up ends by itself; it owns no file."""


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How hard to try."""

    connections: int = 8
    """At first; see `ConnectionPace`."""
    max_connections: int = 20
    """Of which about 16 receive at any time, while the others are between two requests, on a way of 100 ms."""
    bytes_per_s: int | None = None
    stall_s: float = 20.0
    give_up_s: float | None = 300.0
    """Without a byte, over all connections; None tries for ever."""


class BufferStack:
    """Buffers of one block each, made when they are needed, for all threads.

    The one given back last comes first, while it is in the CPU's cache.
    """

    def __init__(self, count: int) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._free: list[bytearray] = []
        self._to_make = count
        self._closed = False

    def get(self) -> bytearray | None:
        """A buffer, as soon as there is one; None once it is closed."""
        with self._changed:
            while not self._free and not self._to_make and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            if self._free:
                return self._free.pop()
            self._to_make -= 1
            return bytearray(BLOCK_BYTES)

    def put(self, buffer: bytearray) -> None:
        """Give a buffer back."""
        with self._changed:
            self._free.append(buffer)
            self._changed.notify()

    def close(self) -> None:
        """Everybody who waits gets None, and so does who asks later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class FetchPool:
    """All fetchers of a transfer; for the thread that started them, except where said."""

    def __init__(self, hub: Hub, limits: TransferLimits) -> None:
        self.hub = hub
        self.limits = limits
        self.spans = SpanQueue()
        self.throttle = Throttle(limits.bytes_per_s)
        self.arrived: queue.SimpleQueue[tuple[Span, int, bytearray] | Exception | None] = queue.SimpleQueue()
        """Blocks, and what ended a fetcher; None only wakes who waits."""
        self.buffers = BufferStack(limits.max_connections + SPARE_BUFFERS)
        self.stopped = threading.Event()
        self.last_byte_s = time.monotonic()
        self.last_problem: FetchError | None = None
        self._meter = RateMeter()
        self._pace = ConnectionPace(limits.connections, limits.max_connections)
        self._fetchers: list[_Fetcher] = []
        self._allow()

    @property
    def connections(self) -> int:
        """How many may be on their way at once, just now."""
        return self._pace.allowed

    @property
    def has_pace(self) -> bool:
        """It is known how many connections are good; until then, `watch` must be called often."""
        return self._pace.decided

    def watch(self) -> float:
        """Look after the fetchers, some dozens of times a second; returns the bytes per second of the last ten.

        Raises:
            DownloadError: Nothing came for too long.
        """
        now_s = time.monotonic()
        rate = self._meter.rate(now_s)
        if self._pace.adapt(now_s, self._meter):
            self._allow()
        while len(self._fetchers) < self._pace.allowed:
            self._fetchers.append(_Fetcher(self))
            self._fetchers[-1].start()
        for fetcher in self._fetchers:
            fetcher.watch(now_s)
        silent_s = now_s - self.last_byte_s
        if self.limits.give_up_s is not None and silent_s > self.limits.give_up_s:
            raise _gave_up(self.last_problem, silent_s)
        return rate

    def stop(self) -> None:
        """End all fetchers."""
        self.stopped.set()
        self.spans.close()
        self.buffers.close()
        for fetcher in self._fetchers:
            fetcher.client.abort()
        for fetcher in self._fetchers:
            fetcher.join(_JOIN_S)

    # Any thread ----------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let who waits for `arrived` look around."""
        self.arrived.put(None)

    def received(self, count_bytes: int) -> None:
        """Bytes came."""
        self.last_byte_s = time.monotonic()
        self.last_problem = None
        self._meter.add(self.last_byte_s, count_bytes)

    def _allow(self) -> None:
        self.spans.allow(self._pace.allowed, SPAN_BLOCKS if self._pace.decided else FIRST_SPAN_BLOCKS)

    def slow_down(self) -> None:
        """The server is busy."""
        self._pace.slow_down(time.monotonic())
        self._allow()


class _Fetcher(threading.Thread):
    """Receives spans, and tries for as long as the run goes on."""

    def __init__(self, pool: FetchPool) -> None:
        super().__init__(name="fetch", daemon=True)
        self._pool = pool
        self.client = RangeClient(pool.hub, stall_s=pool.limits.stall_s)
        self._window_s = time.monotonic()
        self._window_bytes = 0
        self._receiving = False
        self._failures = 0
        """In a row without a byte."""

    def watch(self, now_s: float) -> None:
        """Break a connection that drips; on the pool's thread."""
        if not self._receiving:
            self._window_s, self._window_bytes = now_s, 0
        elif now_s - self._window_s > self._pool.limits.stall_s:
            if self._window_bytes < _MIN_RATE_BYTES_PER_S * self._pool.limits.stall_s:
                self.client.interrupt()
            self._window_s, self._window_bytes = now_s, 0

    def run(self) -> None:
        """Take spans until there are none."""
        try:
            while (span := self._pool.spans.take()) is not None:
                try:
                    self._fetch(span)
                finally:
                    self._pool.spans.done(span)
        except Exception as error:  # noqa: BLE001 - goes to the calling thread, which is waiting
            self._pool.arrived.put(error)
        finally:
            self.client.close()

    def _fetch(self, span: Span) -> None:
        filled = 0
        buffer = self._pool.buffers.get()
        try:
            while buffer is not None and not self._pool.stopped.is_set() and span.index < span.end:
                try:
                    filled, buffer = self._receive(span, filled, buffer)
                except _TakenError:
                    return
                except _BrokenOffError as broken:
                    filled, buffer = broken.filled, broken.buffer
                    if not self._may_go_on(span, broken.error):
                        return
        finally:
            if buffer is not None:
                self._pool.buffers.put(buffer)

    def _receive(self, span: Span, filled: int, buffer: bytearray | None) -> tuple[int, bytearray | None]:
        """Receive the rest of the span; returns how much of the next buffer is filled, and that buffer."""
        size_bytes = span.file.size_bytes
        begin = block_span(span.index, size_bytes)[0] + filled
        end = sum(block_span(span.end - 1, size_bytes))
        try:
            with self.client.open(span.url, begin, end) as body, self._counted():
                if body.begin != begin or span.url.ranges_ignored:
                    if not self._pool.spans.take_all(span):
                        raise _TakenError  # another connection reads the whole file
                    filled = 0
                while buffer is not None and not self._pool.stopped.is_set():
                    length = block_span(span.index, size_bytes)[1]
                    filled += self._read(body, memoryview(buffer)[filled:length])
                    if filled == length:
                        self._pool.arrived.put((span, span.index, buffer))
                        filled, buffer = 0, None
                        more = self._pool.spans.advance(span)
                        buffer = self._pool.buffers.get()
                        if not more:
                            break
        except FetchError as error:
            raise _BrokenOffError(error, filled, buffer) from error
        return filled, buffer

    def _read(self, body: Body, view: memoryview) -> int:
        view = view[: self._pool.throttle.portion(len(view))]
        count = body.read_into(view)
        self._failures = 0
        self._window_bytes += count
        self._pool.received(count)
        wait_s = self._pool.throttle.wait_s(count)
        if wait_s > 0:
            self._pool.stopped.wait(wait_s)
        return count

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._receiving = True
        try:
            yield
        finally:
            self._receiving = False

    def _may_go_on(self, span: Span, error: FetchError) -> bool:
        """Wait as long as the failure asks for; False when others should try.

        Raises:
            WanError: Trying on makes no sense.
        """
        if self._pool.stopped.is_set():
            return False
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.EMFILE, errno.ENFILE):
            raise error.__cause__  # it is this program that is at its end, not the network
        self._failures += 1
        self._pool.last_problem = error
        logger.info("%s: %s (%d in a row)", span.file.wanted.origin.filename, error.text, self._failures)
        most = _FINAL_TRIES_SIGNED if error.from_signed_url else _FINAL_TRIES.get(error.refusal)
        if error.refusal in _FINAL_TRIES and most is not None and self._failures >= most:
            raise _final(error, span.file.wanted.origin)
        if error.refusal == Refusal.BUSY:
            self._pool.slow_down()
        if self._failures % _ASK_HUB_AFTER == 0:
            span.url.signed = ""
        self._pool.stopped.wait(self._pause_s(error))
        return not self._pool.stopped.is_set()

    def _pause_s(self, error: FetchError) -> float:
        if error.retry_after_s:
            return min(error.retry_after_s, _MAX_RETRY_AFTER_S)
        if self._failures == 1:
            return 0.0
        backoff_s: float = min(_MAX_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** (self._failures - 2))
        return backoff_s * random.uniform(0.5, 1.0)


class _TakenError(Exception):
    """Another fetcher does it."""


class _BrokenOffError(Exception):
    """A request ended early; the buffer goes on where it stopped."""

    def __init__(self, error: FetchError, filled: int, buffer: bytearray | None) -> None:
        super().__init__(error.text)
        self.error, self.filled, self.buffer = error, filled, buffer


# What a failure means to the user -----------------------------------------------------------------------------------


def _final(error: FetchError, origin: Origin) -> DownloadError:
    what = tr("{file} of {repo_id}: {reason}.", file=origin.filename, repo_id=origin.repo_id, reason=error.text)
    if error.refusal == Refusal.DENIED:
        hint = tr(
            "Accept the licence on the page of {repo_id}, or enter an access token. {kept}",
            repo_id=origin.repo_id,
            kept=tr(KEPT),
        )
        return AccessDeniedError(what, hint=hint)
    if error.refusal == Refusal.GONE:
        return RepositoryNotFoundError(what, hint=tr("Check the model for a newer version. {kept}", kept=tr(KEPT)))
    if error.refusal == Refusal.WRONG:
        return ContentMismatchError(
            what, hint=tr("Try again later, or another network or mirror. {kept}", kept=tr(KEPT))
        )
    hint = tr("Log in to the network, or look at the proxy, firewall and clock of this PC. {kept}", kept=tr(KEPT))
    return ConnectionBlockedError(what, hint=hint)


def _gave_up(error: FetchError | None, silent_s: float) -> DownloadError:
    reason = error.text if error else tr("the server sends nothing")
    return OfflineError(
        tr("Nothing arrived for {silent_s:.0f} s: {reason}.", silent_s=silent_s, reason=reason),
        hint=tr("Check the internet connection and start the download again. {kept}", kept=tr(KEPT)),
    )
