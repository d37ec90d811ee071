"""The threads of the window: one QThread a lane, each doing nothing but `JobQueue.run_lane`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QDeadlineTimer, QThread

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from wan_desktop.core.jobs import JobQueue, Lane


class LaneThread(QThread):
    """Runs one lane until the queue is shut down."""

    def __init__(self, queue: JobQueue, lane: Lane, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName(f"lane-{lane.value}")
        self._queue = queue
        self._lane = lane

    def run(self) -> None:
        """Work on the lane's jobs."""
        self._queue.run_lane(self._lane)

    def join(self, seconds: float) -> bool:
        """Wait for the end; False when it has not come by then."""
        return self.wait(QDeadlineTimer(round(seconds * 1000)))
