"""Work in turns: what is done in several of them is no pause of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QObject


def next_turn(owner: QObject, call: Callable[[], object]) -> None:
    """Call that in the next turn, unless the owner is gone by then.

    A timer object, because it waits in line with all others. `QTimer.singleShot(0)` posts an event, and events that
    others post are done one after the other before any timer is, so that two such turns came out as one.
    """
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.timeout.connect(call)
    timer.timeout.connect(timer.deleteLater)
    timer.start(0)
