"""Takes jobs from the queue and makes them, one after the other, on the thread that calls."""

import logging
import threading
from collections.abc import Callable, Sequence

from wan_desktop.core.errors import JobCancelled, WanError
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.render_queue.job import OfferedChange, RenderJob, Trouble
from wan_desktop.core.render_queue.queue import RenderQueue
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

Make = Callable[[RenderJob, JobContext], GenerationResult]
Offers = Callable[[RenderJob, WanError], Sequence[OfferedChange]]


def _no_offers(_job: RenderJob, _error: WanError) -> Sequence[OfferedChange]:
    return ()


class QueueRunner:
    """Makes the queue's jobs.

    Args:
        queue: Where they are.
        make: Makes one, blocks meanwhile, and tells its progress by `context.progress`; `context.job_id` is the job's
            id in the queue. Raises WanError, or JobCancelled when it was asked to stop.
        offers: What may help after an error, the best first.
    """

    def __init__(self, queue: RenderQueue, make: Make, offers: Offers = _no_offers) -> None:
        self._queue = queue
        self._make = make
        self._offers = offers
        self._lock = threading.Lock()
        self._running: dict[str, JobContext] = {}
        self._shutting_down = threading.Event()
        self._unsaved: list[Callable[[], object]] = []

    def run_next(self, context: JobContext) -> RenderJob | None:
        """Make the next job; returns how it stands afterwards, or None when there was none to start.

        The context is this call's only: stopping the job cancels it.

        A job that fails raises nothing: it needs the user, and the next call makes the next.

        Raises:
            JobCancelled: It was asked to stop before it had taken one.
            QueueSpaceError, QueueError: The queue cannot be saved. What came of a job is kept, and is saved before
                anything else is started.
        """
        context.check_cancelled()
        self.save_again()
        if self._shutting_down.is_set():
            return None
        job = self._queue.next_job()
        if job is None:
            return None
        inner = self._context_for(job, context)
        with self._lock:
            self._running[job.job_id] = inner
            if self._shutting_down.is_set():
                inner.cancel_asked.set()
        if not self._queue.runs(job.job_id):  # it was stopped after the queue had given it away
            inner.cancel_asked.set()
        try:
            outcome = self._run(job, inner)
        finally:
            with self._lock:
                del self._running[job.job_id]
        self._unsaved.append(outcome)
        self.save_again()
        try:
            return self._queue.job(job.job_id)
        except KeyError:  # somebody cleared it away already
            return job

    def stop(self, job_id: str) -> bool:
        """Stop a job: at once if it waits, soon if it runs; False if it does neither.

        Raises:
            QueueSpaceError, QueueError: It could not be saved.
        """
        with self._lock:
            running = self._running.get(job_id)
            if running is not None:
                running.cancel_asked.set()
                return True
        stopped = self._queue.stop(job_id)
        with self._lock:  # it may have been begun meanwhile, unseen by the one who begins it
            running = self._running.get(job_id)
        if running is not None:
            running.cancel_asked.set()
        return stopped or running is not None

    def pause(self, job_id: str) -> bool:
        """Let a running job wait before its next step, until `resume`; False if it does not run.

        It says by its progress when it does so. Stopping it works meanwhile.
        """
        with self._lock:
            running = self._running.get(job_id)
        if running is not None:
            running.pause_asked.set()
        return running is not None

    def resume(self, job_id: str) -> bool:
        """Let a paused job go on, or one go on as if it had never been asked to wait; False if it does not run."""
        with self._lock:
            running = self._running.get(job_id)
        if running is not None:
            running.pause_asked.clear()
        return running is not None

    def shut_down(self) -> None:
        """The program ends: what runs stops and waits for the next start; nothing more is started.

        To be called before the callers' own contexts are cancelled, which alone would mean that the user stopped it.
        """
        with self._lock:
            self._shutting_down.set()
            for context in self._running.values():
                context.cancel_asked.set()

    def save_again(self) -> None:
        """Save what came of a job when the queue could not be saved.

        Raises:
            QueueSpaceError, QueueError: It still cannot be.
        """
        while self._unsaved:
            self._unsaved[0]()
            del self._unsaved[0]

    def _context_for(self, job: RenderJob, context: JobContext) -> JobContext:
        """For the work within: its id is the job's, its progress goes to the caller, and either can stop it."""

        def report(job_id: str, progress: object) -> None:
            if isinstance(progress, RenderProgress):
                self._queue.note_time_left(job_id, progress.seconds_left)
                self._queue.note_paused(job_id, paused=progress.paused)
            context.progress(progress)

        inner = JobContext(job.job_id, report)
        inner.cancel_asked, inner.pause_asked = context.cancel_asked, context.pause_asked
        return inner

    def _run(self, job: RenderJob, context: JobContext) -> Callable[[], object]:
        """Make it, and return what then has to be saved."""
        try:
            result = from_plain(GenerationResult, to_plain(self._make(job, context)))  # as it will be read again
        except JobCancelled:
            if self._shutting_down.is_set():
                return lambda: self._queue.put_back(job.job_id)
            return lambda: self._queue.stop(job.job_id)
        except WanError as error:
            if self._shutting_down.is_set():  # its engine was ended with the program
                return lambda: self._queue.put_back(job.job_id)
            logger.warning("Job %s failed: %s", job.job_id, error.code)
            trouble = Trouble.of(error, self._offered(job, error))
        except Exception as error:  # the boundary: anything else is a bug, told as one and logged once
            logger.exception("Job %s hit a bug", job.job_id)
            trouble = Trouble.of(
                WanError(
                    tr("Something unexpected happened: {kind}.", kind=type(error).__name__),
                    hint=tr("Try again. The log has the details."),
                )
            )
        else:
            return lambda: self._queue.finish(job.job_id, result)
        return lambda: self._queue.fail(job.job_id, trouble)

    def _offered(self, job: RenderJob, error: WanError) -> tuple[OfferedChange, ...]:
        try:
            return tuple(self._offers(job, error))
        except Exception:  # an error without offers is better than none
            logger.exception("No offers for job %s", job.job_id)
            return ()
