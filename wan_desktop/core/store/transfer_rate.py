"""How fast bytes come, may come, and over how many connections."""

import collections
import threading
import time

_WINDOW_S = 10.0
_EARLY_S = 0.01
_FAST_BYTES_PER_S = 90e6
"""Of one connection; no server on the internet gives that much for long."""
_FEW = 2
_GAIN = 1.05
_TRY_S, _REST_S, _BUSY_S = 1.0, 30.0, 30.0


class RateMeter:
    """Bytes per second over the last ten seconds; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: collections.deque[list[float]] = collections.deque()
        self._start_s: float | None = None

    def add(self, now_s: float, count_bytes: int) -> None:
        """Bytes came."""
        with self._lock:
            if self._start_s is None:
                self._start_s = now_s
            if self._slots and now_s - self._slots[-1][0] < 0.1:
                self._slots[-1][1] += count_bytes
            else:
                self._slots.append([now_s, count_bytes])

    def rate(self, now_s: float) -> float:
        """Bytes per second; 0 before any came."""
        with self._lock:
            while self._slots and now_s - self._slots[0][0] > _WINDOW_S:
                self._slots.popleft()
            if self._start_s is None:
                return 0.0
            seconds = min(_WINDOW_S, max(0.5, now_s - self._start_s))
            return sum(slot[1] for slot in self._slots) / seconds

    def early_rate(self, now_s: float) -> float | None:
        """Bytes per second since the first byte; None while it is too soon to say."""
        with self._lock:
            if self._start_s is None or now_s - self._start_s < _EARLY_S:
                return None
            return sum(slot[1] for slot in self._slots) / (now_s - self._start_s)

    def latest_rate(self, now_s: float) -> float:
        """Bytes per second over the last second; 0 before one has passed."""
        with self._lock:
            latest = [slot for slot in self._slots if now_s - slot[0] <= 1]
            if self._start_s is None or now_s - self._start_s < 1 or not latest:
                return 0.0
            return sum(slot[1] for slot in latest) / max(0.5, now_s - latest[0][0])


class Throttle:
    """Keeps all connections together below a rate."""

    def __init__(self, bytes_per_s: int | None) -> None:
        self._bytes_per_s = bytes_per_s
        self._lock = threading.Lock()
        self._paid_until_s = 0.0

    def portion(self, wanted_bytes: int) -> int:
        """How much to read at once, so that a wait stays short."""
        if self._bytes_per_s is None:
            return wanted_bytes
        return min(wanted_bytes, max(1024, self._bytes_per_s // 20))

    def wait_s(self, count_bytes: int) -> float:
        """How long to wait after having read that much."""
        if self._bytes_per_s is None:
            return 0.0
        with self._lock:
            now_s = time.monotonic()
            self._paid_until_s = max(now_s, self._paid_until_s) + count_bytes / self._bytes_per_s
            return self._paid_until_s - now_s


class ConnectionPace:
    """How many connections: many where servers or long ways limit each, few where one alone is fast.

    Each connection costs a thread and its share of the CPU's caches: a server in the house that fills two connections
    is read a quarter slower over sixteen (docs/benchmarks.md). So the first bytes decide between few and all, and
    later twice as many are tried from time to time, and kept if they bring more.
    """

    def __init__(self, start: int, most: int) -> None:
        self.allowed = min(start, most)
        self._most = most
        self._decided = False
        self._before: tuple[int, float] | None = None
        """What is tried must beat it: connections, and bytes per second that they reached."""
        self._next_s = 0.0

    @property
    def decided(self) -> bool:
        """The first bytes have come and told how many."""
        return self._decided

    def adapt(self, now_s: float, meter: RateMeter) -> bool:
        """Whether `allowed` or `decided` changed."""
        before = self.allowed, self._decided
        if not self._decided:
            self._decide(now_s, meter)
        elif now_s >= self._next_s:
            self._next_s = now_s + _TRY_S
            self._try(meter.latest_rate(now_s))
        return (self.allowed, self._decided) != before

    def _decide(self, now_s: float, meter: RateMeter) -> None:
        rate = meter.early_rate(now_s)
        if rate is not None:
            self._decided, self._next_s = True, now_s + _TRY_S
            self.allowed = min(_FEW, self._most) if rate > _FAST_BYTES_PER_S * self.allowed else self._most

    def _try(self, rate: float) -> None:
        if self._before is not None:
            connections, to_beat = self._before
            self._before = None
            if rate < to_beat * _GAIN:
                self.allowed, self._next_s = connections, self._next_s + _REST_S
                return
        if self.allowed < self._most:
            self._before = self.allowed, rate
            self.allowed = min(self._most, 2 * self.allowed)

    def slow_down(self, now_s: float) -> None:
        """Half as many, for half a minute at least: the server is busy."""
        self.allowed = max(1, self.allowed // 2)
        self._decided, self._before, self._next_s = True, None, now_s + _BUSY_S
