"""Who fetches which blocks: runs of missing blocks, handed out in the order of the files, halved for idle hands."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from wan_desktop.core.store.part_file import PartFile
from wan_desktop.core.store.ranges import RemoteUrl

_MIN_HALVED_BLOCKS = 6
SPAN_BLOCKS = 16
"""16 MiB a request: at 40 MB/s a request's round trip of 50 ms costs 12 %, while another connection hides it."""
FIRST_SPAN_BLOCKS = 4
"""As long as nobody knows how many connections are good."""


@dataclass(slots=True, eq=False)
class Span:
    """Blocks `index` to `end` (excluded) of a file, on their way; its fetcher moves `index`, others may cut `end`."""

    file: PartFile
    url: RemoteUrl
    index: int
    end: int


@dataclass(slots=True, eq=False)
class _Queued:
    file: PartFile
    url: RemoteUrl
    missing: list[int]
    """Blocks that nobody has taken, last first."""
    alone: Span | None = None
    """Where ranges are ignored, only one at a time is read, from the start."""


class SpanQueue:
    """Hands out spans; for all threads of a transfer."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queued: list[_Queued] = []
        self._taken: list[Span] = []
        self._closed = False
        self._allowed = 0
        self._span_blocks = SPAN_BLOCKS

    def add(self, file: PartFile, url: RemoteUrl) -> None:
        """Let the file's missing blocks be fetched, after those of the files before."""
        with self._changed:
            self._queued.append(_Queued(file, url, file.missing[::-1]))
            self._changed.notify_all()

    def allow(self, fetchers: int, span_blocks: int) -> None:
        """How many spans may be on their way at once, and how long they may be from now on."""
        with self._changed:
            self._allowed = fetchers
            self._span_blocks = span_blocks
            self._changed.notify_all()

    def close(self) -> None:
        """No more: everybody who waits gets None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> Span | None:
        """The next span; waits for one; None when there will be none."""
        with self._changed:
            while not self._closed:
                if len(self._taken) < self._allowed and (span := self._next()) is not None:
                    self._taken.append(span)
                    return span
                self._changed.wait()
            return None

    def advance(self, span: Span) -> bool:
        """The span's first block is here; whether there is a next."""
        with self._changed:
            span.index += 1
            return span.index < span.end

    def done(self, span: Span) -> None:
        """The span is over; what is left of it can be taken by others."""
        with self._changed:
            self._taken.remove(span)
            for queued in self._queued:
                if queued.file is span.file:
                    self._return(queued, range(span.index, span.end))
                    if queued.alone is span:
                        queued.alone = None
            self._changed.notify_all()

    @property
    def untaken(self) -> int:
        """Blocks that nobody has taken."""
        with self._changed:
            return sum(len(queued.missing) for queued in self._queued)

    def again(self, file: PartFile, blocks: Sequence[int]) -> None:
        """Blocks that came wrong: let them be fetched again."""
        with self._changed:
            for queued in self._queued:
                if queued.file is file:
                    self._return(queued, blocks)
            self._changed.notify_all()

    def remove(self, file: PartFile) -> None:
        """The file is complete."""
        with self._changed:
            self._queued = [queued for queued in self._queued if queued.file is not file]

    def take_all(self, span: Span) -> bool:
        """Let the span, whose server ignores ranges, be the whole file; False while another one is."""
        with self._changed:
            for queued in self._queued:
                if queued.file is span.file and queued.alone in (None, span):
                    queued.alone = span
                    queued.missing.clear()
                    span.index, span.end = 0, span.file.count
                    return True
            return False

    # All below: the lock is held.

    def _return(self, queued: _Queued, blocks: Sequence[int]) -> None:
        back = {index for index in blocks if not queued.file.has(index)}
        if not back:
            return
        queued.missing = sorted({*queued.missing, *back}, reverse=True)

    def _next(self) -> Span | None:
        for queued in self._queued:
            while queued.missing and queued.file.has(queued.missing[-1]):
                queued.missing.pop()  # it came with a whole file meanwhile
            if queued.missing and queued.alone is None:
                return self._cut(queued)
        return self._half()

    def _cut(self, queued: _Queued) -> Span:
        # Smaller towards the end of a file, so that all connections end at about the same time.
        most = min(self._span_blocks, max(1, len(queued.missing) // max(1, 2 * self._allowed)))
        index = queued.missing.pop()
        end = index + 1
        while queued.missing and queued.missing[-1] == end and end - index < most:
            queued.missing.pop()
            end += 1
        span = Span(queued.file, queued.url, index, end)
        if queued.url.ranges_ignored:
            queued.alone = span
            queued.missing.clear()
            span.index, span.end = 0, queued.file.count
        return span

    def _half(self) -> Span | None:
        """The later half of the longest span on its way, so that a slow connection does not hold up the end."""
        longest = max(self._taken, key=lambda span: span.end - span.index, default=None)
        # What its server has sent already is lost, so a short rest is not worth it.
        if longest is None or longest.end - longest.index < _MIN_HALVED_BLOCKS or longest.url.ranges_ignored:
            return None
        middle = longest.index + (longest.end - longest.index + 1) // 2
        half = Span(longest.file, longest.url, middle, longest.end)
        longest.end = middle
        return half
