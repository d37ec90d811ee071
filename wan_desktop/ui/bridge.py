"""The only crossing from other threads to Qt's signals.

Lanes and the engine's reader say only *that* something changed. The bridge wakes the window's thread once, waits 50
ms for more, and then pulls how things are now. So a flood of reports costs the window twenty calls a second, and an
old state can never overtake a new one. The bridges live as long as the program: a signal sent from an object that Qt
has deleted would end the process.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

if TYPE_CHECKING:
    from wan_desktop.core.engine_client import EngineClient
    from wan_desktop.core.jobs import JobQueue

from wan_desktop.ui.turns import next_turn

INTERVAL_MS = 50
_TURN_S = 0.01
"""After so much work the rest waits until the window has done what it has to do."""


class _Bridge(QObject):
    """Collects names from any thread and hands them over, at most twenty times a second, on the window's thread."""

    _woken = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._names: dict[str, None] = {}
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._on_timeout)
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)

    def tell(self, name: str = "") -> None:
        """Note that something changed; from any thread."""
        with self._lock:
            if self._closed:
                return
            first = not self._names
            self._names[name] = None
        if first:
            self._woken.emit()

    def close(self) -> None:
        """Hand nothing over any more."""
        with self._lock:
            self._closed = True
        self._timer.stop()

    @Slot()
    def _on_woken(self) -> None:
        if not self._timer.isActive() and not self._closed:
            self._timer.start()

    @Slot()
    def _on_timeout(self) -> None:
        with self._lock:
            names, self._names = list(self._names), {}
        begun_s = time.perf_counter()
        while names:
            self._hand_over(names.pop(0))
            if names and time.perf_counter() - begun_s > _TURN_S:
                self._go_on_with(names)
                return

    def _go_on_with(self, names: list[str]) -> None:
        """In a turn of its own, before what was told meanwhile: so much was made that the window would stand still."""
        with self._lock:
            if self._closed:
                return
            self._names = dict.fromkeys([*names, *self._names])
        next_turn(self, self._on_timeout)

    def _hand_over(self, name: str) -> None:
        raise NotImplementedError


class JobBridge(_Bridge):
    """Jobs to signals."""

    job_changed = Signal(object)
    """A JobSnapshot, as it is now."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._queue: JobQueue | None = None

    def attach(self, queue: JobQueue) -> None:
        """Say where snapshots are pulled from; the queue needs the bridge to be made, so this comes after."""
        self._queue = queue

    def _hand_over(self, name: str) -> None:
        if self._queue is not None:
            self.job_changed.emit(self._queue.snapshot(name))


class EngineBridge(_Bridge):
    """The engine's state to signals."""

    engine_changed = Signal(object)
    """An EngineState, as it is now."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._client: EngineClient | None = None

    def attach(self, client: EngineClient) -> None:
        """Say whose state is pulled."""
        self._client = client

    def _hand_over(self, _name: str) -> None:
        if self._client is not None:
            self.engine_changed.emit(self._client.state)


class KeyBridge(_Bridge):
    """Names of whatever changed to signals; who listens pulls how it is now."""

    key_changed = Signal(str)

    def _hand_over(self, name: str) -> None:
        self.key_changed.emit(name)
