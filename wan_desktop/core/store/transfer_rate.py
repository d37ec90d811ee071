"""How fast bytes come, may come, and over how many connections."""

import collections
import threading
import time

_WINDOW_S = 10.0
_ADAPT_S = 1.0
_GAIN = 1.05
_STEP = 2
_BUSY_S = 30.0


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

    def latest_rate(self, now_s: float) -> float:
        """Bytes per second over the last second; 0 before one has passed."""
        with self._lock:
            if self._start_s is None or now_s - self._start_s < 1:
                return 0.0
            return sum(slot[1] for slot in self._slots if now_s - slot[0] <= 1)


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
    """How many connections: more as long as more brings more, fewer when the server is busy."""

    def __init__(self, start: int, most: int) -> None:
        self.allowed = min(start, most)
        self._most = most
        self._best_rate = 0.0
        self._next_s = 0.0
        self._settled = False

    def adapt(self, now_s: float, rate: float) -> bool:
        """Whether `allowed` changed, looking at the rate that the present number reaches."""
        if now_s < self._next_s or rate <= 0 or self._settled:
            return False
        self._next_s = now_s + _ADAPT_S
        if rate > self._best_rate * _GAIN:
            self._best_rate = rate
            more = min(self._most, self.allowed + _STEP)
            changed, self.allowed = more != self.allowed, more
            return changed
        self._settled = True
        return False

    def slow_down(self, now_s: float) -> None:
        """Half as many, for half a minute at least."""
        self.allowed = max(1, self.allowed // 2)
        self._best_rate, self._settled, self._next_s = 0.0, False, now_s + _BUSY_S
