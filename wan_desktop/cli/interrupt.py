"""Ctrl+C."""

import signal
import threading
from collections.abc import Callable


def cancel_on_interrupt(asked: threading.Event) -> Callable[[], None]:
    """Make Ctrl+C ask the job to stop, a second one end the program; returns what undoes it."""

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)

    def restore() -> None:
        signal.signal(signal.SIGINT, before)

    return restore
