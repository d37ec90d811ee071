"""Long work as plain functions: queued on lanes, with progress and cancel.

A lane runs one job at a time, so two jobs of a lane need no locks between them. Who gives a lane its thread (a QThread
in the window, a plain thread elsewhere) is not this module's business: the owner calls `run_lane`. Observers are told
only which job changed; they pull how it looks now with `snapshot`, so that an old state can never overtake a newer one.
"""

import collections
import logging
import queue
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from wan_desktop.core.errors import JobCancelled, WanError
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)
_FINAL_KEPT = 200


class Lane(StrEnum):
    """What a job occupies."""

    ENGINE = "engine"
    FILES = "files"
    """Small things on the disk, which are done in a moment."""
    MODELS = "models"
    """Reading and repairing models, which takes minutes."""
    NETWORK = "network"
    """Downloads, one after the other."""
    PC = "pc"
    """Looking at the PC, whose driver may not answer."""
    SETUP = "setup"
    """Installing the engine: it waits for no download of a model."""


class JobState(StrEnum):
    """Where a job is; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    """Asked to stop; still holds what it holds."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """No other state follows."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """How a job looks now."""

    job_id: str
    title: str
    lane: Lane
    state: JobState = JobState.QUEUED
    progress: Any = None
    """Whatever the work last reported."""
    result: Any = None
    error: WanError | None = None


class JobContext:
    """What running work is given."""

    def __init__(self, job_id: str, report: Callable[[str, Any], None]) -> None:
        self.job_id = job_id
        self.cancel_asked = threading.Event()
        self.pause_asked = threading.Event()
        """Set while the work is to wait where it can; work that never looks at it goes on."""
        self._report = report

    def progress(self, progress: Any) -> None:
        """Say how far it is.

        Raises:
            JobCancelled: The job was asked to stop.
        """
        self.check_cancelled()
        self._report(self.job_id, progress)

    def reporting_to(self, report: Callable[[Any], None]) -> "JobContext":
        """The same job for work within it, whose progress goes to `report` instead of to the queue."""
        inner = JobContext(self.job_id, lambda _, progress: report(progress))
        inner.cancel_asked, inner.pause_asked = self.cancel_asked, self.pause_asked
        return inner

    def check_cancelled(self) -> None:
        """Return, or end the work.

        Raises:
            JobCancelled: The job was asked to stop.
        """
        if self.cancel_asked.is_set():
            raise JobCancelled


Work = Callable[[JobContext], Any]


class JobQueue:
    """All jobs of the program.

    Args:
        on_change: Told the id of a job that changed, from whichever thread changed it.
    """

    def __init__(self, on_change: Callable[[str], None] = lambda _: None) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._snapshots: dict[str, JobSnapshot] = {}
        self._final: collections.deque[str] = collections.deque()
        self._contexts: dict[str, JobContext] = {}
        self._waiting: dict[Lane, queue.SimpleQueue[tuple[str, Work] | None]] = {
            lane: queue.SimpleQueue() for lane in Lane
        }

    def submit(self, title: str, lane: Lane, work: Work) -> str:
        """Queue the work; returns the job's id."""
        job_id = uuid.uuid4().hex
        with self._lock:
            self._snapshots[job_id] = JobSnapshot(job_id, title, lane)
            self._contexts[job_id] = JobContext(job_id, self._report)
        self._waiting[lane].put((job_id, work))
        self._on_change(job_id)
        return job_id

    def snapshot(self, job_id: str) -> JobSnapshot:
        """How the job looks now.

        Raises:
            KeyError: There was none of that id, or it was over long ago (200 others are over since).
        """
        with self._lock:
            return self._snapshots[job_id]

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; one that is over stays as it is."""
        with self._lock:
            current = self._snapshots[job_id]
            if current.state.final:
                return
            self._contexts[job_id].cancel_asked.set()
            state = JobState.CANCELLED if current.state == JobState.QUEUED else JobState.CANCELLING
            self._put(replace(current, state=state))
        self._on_change(job_id)

    def shutdown(self) -> None:
        """Ask everything to stop and let the lanes end."""
        with self._lock:
            unfinished = [job_id for job_id, snapshot in self._snapshots.items() if not snapshot.state.final]
        for job_id in unfinished:
            self.cancel(job_id)
        for waiting in self._waiting.values():
            waiting.put(None)

    def run_lane(self, lane: Lane) -> None:
        """Run the lane's jobs on the calling thread until `shutdown`."""
        while (item := self._waiting[lane].get()) is not None:
            self._run(*item)

    def _run(self, job_id: str, work: Work) -> None:
        context = self._start(job_id)
        if context is None:
            return
        try:
            result = work(context)
        except JobCancelled:
            self._change(job_id, state=JobState.CANCELLED)
        except WanError as error:
            logger.warning("Job %s failed: %s", job_id, error.code)
            self._change(job_id, state=JobState.FAILED, error=error)
        except Exception as error:  # the boundary: anything else is a bug, told as one and logged once
            logger.exception("Job %s hit a bug", job_id)
            unexpected = WanError(
                tr("Something unexpected happened: {kind}.", kind=type(error).__name__),
                hint=tr("Try again. The log has the details."),
            )
            self._change(job_id, state=JobState.FAILED, error=unexpected)
        else:
            self._change(job_id, state=JobState.DONE, result=result)

    def _start(self, job_id: str) -> JobContext | None:
        """The job's context, now that it runs, or None when it was cancelled while it waited."""
        with self._lock:
            context = self._contexts.get(job_id)
        return context if context and self._change(job_id, state=JobState.RUNNING) else None

    def _report(self, job_id: str, progress: Any) -> None:
        self._change(job_id, progress=progress)

    def _change(self, job_id: str, **changes: Any) -> bool:
        """Apply the changes unless the job is over; a cancelling job does not go back to running."""
        with self._lock:
            current = self._snapshots[job_id]
            if current.state.final:
                return False
            self._put(replace(current, **changes))
        self._on_change(job_id)
        return True

    def _put(self, snapshot: JobSnapshot) -> None:
        """Keep how a job looks, and forget the oldest that are over; the lock is held."""
        self._snapshots[snapshot.job_id] = snapshot
        if snapshot.state.final:
            self._contexts.pop(snapshot.job_id, None)
            self._final.append(snapshot.job_id)
            while len(self._final) > _FINAL_KEPT:
                del self._snapshots[self._final.popleft()]
