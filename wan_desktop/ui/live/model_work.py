"""What is being done with models: one piece of work for each, shown while it lasts, and how the last one ended."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.jobs import JobSnapshot, JobState
from wan_desktop.core.model_activity import Activity, ActivityKind, ActivityMeter, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.jobs import Lane, Work
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.session import Session

_SHOW_MS = 200
"""Progress is shown five times a second."""
_TICK_MS = 1000
"""So often it is looked whether work stands still."""
_TITLES = {
    ActivityKind.DOWNLOAD: "Download a model",
    ActivityKind.CHECK: "Check a model",
    ActivityKind.REPAIR: "Repair a model",
    ActivityKind.ADOPT: "Look through a folder",
    ActivityKind.ADD: "Add a repository",
    ActivityKind.REMOVE: "Remove a model",
    ActivityKind.PUT_BACK: "Put a model back",
}
"""For the log."""


class ModelWork(QObject):
    """The work of a window with its models; a key of None stands for what is about all of them, or about a folder.

    Args:
        session: Whose queue.
        parent: Lives at least as long.
        clock: Seconds that only grow.
    """

    changed = Signal(object)
    """A key whose activity or error is another now."""
    finished = Signal(object, object, object)
    """A key, the ActivityKind that came to its end, and its result."""
    failed = Signal(object, object)
    """A key, and the WanError that ended its work."""
    ended = Signal(object, object, object)
    """A key, an ActivityKind and a final JobState, however it ended; it comes first."""

    def __init__(self, session: Session, parent: QObject, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._session = session
        self._clock = clock
        self._jobs: dict[ModelKey | None, str] = {}
        self._meters: dict[str, tuple[ModelKey | None, ActivityMeter]] = {}
        self._errors: dict[ModelKey | None, WanError] = {}
        self._dirty: dict[ModelKey | None, None] = {}
        self._show = QTimer(self)
        self._show.setSingleShot(True)
        self._show.setInterval(_SHOW_MS)
        self._show.timeout.connect(self._on_show)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._on_tick)
        session.job_changed.connect(self._on_job_changed)

    @property
    def is_any(self) -> bool:
        """Something waits or runs."""
        return bool(self._jobs)

    def kind(self, key: ModelKey | None) -> ActivityKind | None:
        """What is being done with it; None for nothing."""
        job_id = self._jobs.get(key)
        return self._meters[job_id][1].kind if job_id is not None else None

    def activity(self, key: ModelKey | None) -> Activity | None:
        """The same with its numbers."""
        job_id = self._jobs.get(key)
        return self._meters[job_id][1].activity() if job_id is not None else None

    def error(self, key: ModelKey | None) -> WanError | None:
        """What ended the last work with it."""
        return self._errors.get(key)

    def set_error(self, key: ModelKey | None, error: WanError | None) -> None:
        """Say what is wrong, or that nothing is any more."""
        if error is not None:
            self._errors[key] = error
            self.failed.emit(key, error)
        else:
            self._errors.pop(key, None)
        self.changed.emit(key)

    def start(self, key: ModelKey | None, kind: ActivityKind, lane: Lane, work: Work) -> bool:
        """Queue it, unless something is done with the model already; the last error is forgotten."""
        if key in self._jobs:
            return False
        self._errors.pop(key, None)
        job_id = self._session.submit(_TITLES[kind], lane, work, functools.partial(self._on_ended, key, kind))
        self._jobs[key] = job_id
        self._meters[job_id] = (key, ActivityMeter(kind, self._clock))
        self._tick.start()
        self.changed.emit(key)
        return True

    def stop(self, key: ModelKey | None) -> None:
        """Ask it to stop."""
        job_id = self._jobs.get(key)
        if job_id is not None:
            self._meters[job_id][1].is_stopping = True
            self._session.queue.cancel(job_id)
            self.changed.emit(key)

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        known = self._meters.get(snapshot.job_id)
        if known is None:
            return
        key, meter = known
        if snapshot.state in (JobState.RUNNING, JobState.CANCELLING):
            meter.report(snapshot.progress if isinstance(snapshot.progress, Step) else Step())
            self._mark(key)

    def _mark(self, key: ModelKey | None) -> None:
        self._dirty[key] = None
        if not self._show.isActive():
            self._show.start()

    @Slot()
    def _on_show(self) -> None:
        dirty, self._dirty = list(self._dirty), {}
        for key in dirty:
            self.changed.emit(key)

    @Slot()
    def _on_tick(self) -> None:
        for key in self._jobs:
            self._mark(key)
        if not self._jobs:
            self._tick.stop()

    def _on_ended(self, key: ModelKey | None, kind: ActivityKind, snapshot: JobSnapshot) -> None:
        self._meters.pop(snapshot.job_id, None)
        self._jobs.pop(key, None)
        self.ended.emit(key, kind, snapshot.state)
        if snapshot.error is not None:
            self.set_error(key, snapshot.error)
            return
        if snapshot.state is JobState.DONE:
            self.finished.emit(key, kind, snapshot.result)
        self.changed.emit(key)
