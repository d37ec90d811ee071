"""The queue of renders: all operations, each saved before it counts."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from wan_desktop.core.errors import WanError
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.render_queue.copies import check_versions, copies_of
from wan_desktop.core.render_queue.database import QueueDatabase
from wan_desktop.core.render_queue.job import (
    OfferedChange,
    RenderEstimate,
    RenderJob,
    RenderOrder,
    RenderState,
    Trouble,
    WhenDone,
)
from wan_desktop.core.render_queue.pictures import KeptPictures
from wan_desktop.core.render_queue.state import (
    QueueSnapshot,
    QueueState,
    again,
    changed,
    claimable,
    grouped,
    inserted,
    loads_saved,
    moved,
    moved_to_end,
    moved_to_front,
    put_back,
    recovered,
    snapshot_of,
    tidy,
)
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.times import now_utc

logger = logging.getLogger(__name__)

Listener = Callable[[str], object]
_DELETED_KEPT = 20
_WAITING = (RenderState.WAITING, RenderState.WAITING_FOR_MODEL, RenderState.WAITING_FOR_CARD)


@dataclass(frozen=True, slots=True)
class _Changed:
    """What an operation did."""

    state: QueueState
    job_ids: tuple[str, ...] = ()
    """Of jobs that are new, gone, or otherwise than before."""


@dataclass(frozen=True, slots=True)
class _Deleted:
    """A job that can be brought back."""

    job: RenderJob
    before: tuple[str, ...]
    """The ids of those that stood before it."""
    after: tuple[str, ...]
    """The ids of those that stood behind it."""


class RenderQueue:
    """All renders, for all threads; one process at a time.

    Each operation is on the drive when it returns, and has changed nothing when it raises. One that comes too late, for
    a job that is over or gone, does nothing and returns False. Listeners are told which job
    changed, from whichever thread changed it, and then ask `snapshot`, which never waits.

    Args:
        file: `AppPaths.render_queue_file`; pictures and the lock lie beside it.
        disk: The drive.

    Raises:
        QueueBusyError: Another process has the queue.
        QueueSpaceError: The drive is full.
        QueueError: The file can be neither read nor made, or a later version of this program made it.
    """

    def __init__(self, file: Path, disk: Disk | None = None) -> None:
        disk = disk or Disk()
        pictures = file.with_name(f"{file.stem}-pictures")
        self._pictures = KeptPictures(pictures, disk)
        self._database = QueueDatabase(file, pictures, disk)
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        self._seconds_left: dict[str, float] = {}
        self._paused_jobs: frozenset[str] = frozenset()
        self._deleted: list[_Deleted] = []
        """The last ones; their pictures are kept as long."""
        opened = self._database.open()
        self._damage = Trouble.of(opened.damage) if opened.damage else None
        self._state = opened.state
        try:
            self._change(lambda state: recovered(state, lambda path: _is_there(path, disk)))
        except BaseException:
            self._database.close()
            raise
        if opened.damage is None:  # else jobs may be missing whose pictures somebody wants back
            self._drop_pictures()

    def close(self) -> None:
        """Let the file go; what runs is taken up again at the next start. Again is fine."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Looking ---------------------------------------------------------------------------------------------------------

    def snapshot(self) -> QueueSnapshot:
        """How the queue looks now."""
        return replace(
            snapshot_of(self._state, self._damage, dict(self._seconds_left)), paused_jobs=tuple(self._paused_jobs)
        )

    def job(self, job_id: str) -> RenderJob:
        """How a job looks now.

        Raises:
            KeyError: There is none of that id any more.
        """
        job = self._state.find(job_id)
        if job is None:
            raise KeyError(job_id)
        return job

    def runs(self, job_id: str) -> bool:
        """Whether it is being made."""
        job = self._state.find(job_id)
        return job is not None and job.state is RenderState.RUNNING

    def listen(self, listener: Listener) -> None:
        """Tell it the id of each job that changes, and "" when something changes that is no job's."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def unlisten(self, listener: Listener) -> None:
        """Tell it no more."""
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other != listener)

    # Adding and removing ---------------------------------------------------------------------------------------------

    def add(
        self,
        order: RenderOrder,
        *,
        versions: int = 1,
        estimate: RenderEstimate | None = None,
        waits_for_model: bool = False,
    ) -> tuple[str, ...]:
        """Put it behind all others, in so many versions, and return the ids of the jobs.

        Where the draft has no seed one is drawn now; each further version has the seed after the one before. Pictures
        are copied now.

        Raises:
            InputError: A value of the order is none that can be written down, or there are too many versions.
            ImageUnreadableError, ImageSizeError: A picture cannot be copied.
            QueueSpaceError, QueueError: It could not be saved; nothing was added.
        """
        check_versions(order.draft, versions)
        try:
            with self._pictures.kept(order.draft) as own:
                state = RenderState.WAITING_FOR_MODEL if waits_for_model else RenderState.WAITING
                jobs = copies_of(order, own, versions, state, estimate)
                self._change(lambda state: replace(state, jobs=state.jobs + jobs))
        except OSError as error:
            self._drop_pictures()
            raise self._database.error_of(error) from error
        except BaseException:
            self._drop_pictures()
            raise
        logger.info("%d added to the queue", len(jobs))
        return tuple(job.job_id for job in jobs)

    def delete(self, job_id: str) -> bool:
        """Forget a job, unless it runs; its video, if there is one, stays, and `undo_delete` brings the job back.

        Raises:
            QueueSpaceError, QueueError: It could not be saved.
        """
        gone = self._delete(lambda job: job.job_id == job_id and job.state is not RenderState.RUNNING, keeps=True)
        return gone > 0

    def undo_delete(self, job_id: str = "") -> str:
        """Bring back one of the jobs that were deleted last since the program was started, at its place.

        Args:
            job_id: Of that job; empty for the one that was deleted last.

        Returns:
            Its id; empty where there is none.

        Raises:
            QueueSpaceError, QueueError: It could not be saved.
        """
        found = next((each for each in reversed(self._deleted) if job_id in ("", each.job.job_id)), None)
        if found is None:
            return ""
        self._change(lambda state: inserted(state, found.job, found.before, found.after))
        self._deleted = [each for each in self._deleted if each is not found]
        return found.job.job_id

    def clear_finished(self) -> int:
        """Forget all that are over, and return how many; videos stay.

        Raises:
            QueueSpaceError, QueueError: It could not be saved.
        """
        return self._delete(lambda job: job.state.is_over)

    def _delete(self, unwanted: Callable[[RenderJob], bool], *, keeps: bool = False) -> int:
        gone: list[_Deleted] = []

        def change(state: QueueState) -> QueueState:
            nonlocal gone
            full = state  # with those that were deleted before, so that each knows its place among them, too
            for each in reversed(self._deleted):
                full = inserted(full, each.job, each.before, each.after)
            ids = [job.job_id for job in full.jobs]
            places = {job_id: place for place, job_id in enumerate(ids)}
            gone = [
                _Deleted(job, tuple(ids[: places[job.job_id]]), tuple(ids[places[job.job_id] + 1 :]))
                for job in state.jobs
                if unwanted(job)
            ]
            return replace(state, jobs=tuple(job for job in state.jobs if not unwanted(job)))

        self._change(change)
        if keeps:
            self._deleted = [*self._deleted, *gone][-_DELETED_KEPT:]
        if gone:
            self._drop_pictures()
        return len(gone)

    # Order -----------------------------------------------------------------------------------------------------------

    def move_up(self, job_id: str) -> bool:
        """Let a waiting job change places with the one before it."""
        return self._done(lambda state: moved(state, job_id, lambda index: index - 1))

    def move_down(self, job_id: str) -> bool:
        """Let a waiting job change places with the one behind it."""
        return self._done(lambda state: moved(state, job_id, lambda index: index + 1))

    def move_to(self, job_id: str, index: int) -> bool:
        """Give a waiting job that place among those that wait, counted from 0; too high a place is the last."""
        return self._done(lambda state: moved(state, job_id, lambda _: index))

    def group_by_model(self) -> int:
        """Put waiting jobs of one model behind each other, and return how often less a model is loaded."""
        saved = 0

        def change(state: QueueState) -> QueueState:
            nonlocal saved
            saved = loads_saved(state)
            return grouped(state)

        self._change(change)
        return saved

    # The queue as a whole --------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Start nothing more; what runs goes on."""
        self._change(lambda state: replace(state, paused=True))

    def resume(self) -> None:
        """Start jobs again."""
        self._change(lambda state: replace(state, paused=False))

    def continue_(self) -> None:
        """The user has seen what waits from an earlier run of the program, and it may start."""
        self._change(lambda state: replace(state, needs_ok=False))

    def set_when_done(self, action: WhenDone) -> None:
        """What the PC is to do when nothing waits any more."""
        self._change(lambda state: replace(state, when_done=action))

    # Models and the card ----------------------------------------------------------------------------------------------

    def wait_for_model(self, model_id: str, variant: str = "") -> bool:
        """Its download has begun: the jobs that need it wait for it, and others go first."""
        return self._of_model(model_id, variant, RenderState.WAITING, RenderState.WAITING_FOR_MODEL)

    def model_ready(self, model_id: str, variant: str = "") -> bool:
        """It is here: the jobs that wait for it can start, in their old places."""
        return self._of_model(model_id, variant, RenderState.WAITING_FOR_MODEL, RenderState.WAITING)

    def model_failed(self, model_id: str, variant: str, trouble: Trouble) -> bool:
        """It does not come: the jobs that wait for it need the user."""

        def change(state: QueueState) -> QueueState:
            for job in state.of(RenderState.WAITING_FOR_MODEL):
                if job.order.loads == (model_id, variant):
                    failed = replace(job, state=RenderState.NEEDS_YOU, trouble=trouble, ended_at=now_utc())
                    state = moved_to_end(state, failed)
            return state

        return self._done(change)

    def _of_model(self, model_id: str, variant: str, old: RenderState, new: RenderState) -> bool:
        def change(job: RenderJob) -> RenderJob:
            wanted = job.state is old and job.order.loads == (model_id, variant)
            return replace(job, state=new) if wanted else job

        return self._done(lambda state: replace(state, jobs=tuple(change(job) for job in state.jobs)))

    def card_free(self, job_id: str) -> bool:
        """Enough of the card is free: the job that waits for it can start, in its old place."""

        def start(job: RenderJob) -> RenderJob:
            return replace(job, state=RenderState.WAITING, needs_vram_bytes=0)

        return self._done(lambda state: changed(state, job_id, start, RenderState.WAITING_FOR_CARD))

    # Life of a job ---------------------------------------------------------------------------------------------------

    def next_job(self) -> RenderJob | None:
        """Take the job that is next; it runs from now on, and nobody else gets it.

        Returns:
            None while the queue is paused or needs the user's word, or nothing can start.

        Raises:
            QueueSpaceError, QueueError: It could not be saved; nothing was taken.
        """
        claimed: RenderJob | None = None

        def change(state: QueueState) -> QueueState:
            nonlocal claimed
            job = claimable(state)
            if job is None:
                return state
            claimed = replace(job, state=RenderState.RUNNING, started_at=now_utc())
            running = claimed
            return changed(state, job.job_id, lambda _: running, RenderState.WAITING)

        self._change(change)
        return claimed

    def note_time_left(self, job_id: str, seconds_left: float | None) -> None:
        """What a running job says of itself; kept in memory only, and nobody is told."""
        if seconds_left is None:
            self._seconds_left.pop(job_id, None)
        else:
            self._seconds_left[job_id] = seconds_left

    def note_paused(self, job_id: str, *, paused: bool) -> None:
        """A running job waits between two steps, or goes on.

        Kept in memory only: after a crash it was interrupted like any other that ran.
        """
        with self._lock:
            job = self._state.find(job_id)
            runs = job is not None and job.state is RenderState.RUNNING
            if (job_id in self._paused_jobs) is (paused and runs):
                return
            self._paused_jobs = self._paused_jobs | {job_id} if paused else self._paused_jobs - {job_id}
            listeners = self._listeners
        for listener in listeners:
            _tell(listener, job_id)

    def note_target(self, job_id: str, path: Path) -> bool:
        """Where the video of a running job will be; found there after a crash, it is not made a second time.

        Raises:
            QueueSpaceError, QueueError: It could not be saved.
        """
        return self._done(
            lambda state: changed(state, job_id, lambda job: replace(job, target=path), RenderState.RUNNING)
        )

    def finish(self, job_id: str, result: GenerationResult) -> bool:
        """A running job is done, and its video is safe.

        Raises:
            QueueSpaceError, QueueError: It could not be saved.
            ValueError: A number of the result is none.
        """
        return self._end(job_id, RenderState.RUNNING, state=RenderState.DONE, result=result)

    def fail(self, job_id: str, trouble: Trouble) -> bool:
        """A running job failed; it needs the user, and the queue goes on."""
        return self._end(job_id, RenderState.RUNNING, state=RenderState.NEEDS_YOU, trouble=trouble)

    def stop(self, job_id: str) -> bool:
        """A job is not to be made; one that runs has stopped already (the window asks `QueueRunner.stop`)."""
        return self._end(job_id, RenderState.RUNNING, *_WAITING, state=RenderState.STOPPED)

    def put_back(self, job_id: str) -> bool:
        """A running job had to end with the program: it waits again, before all others."""
        return self._to_front(job_id, put_back)

    def retry(self, job_id: str) -> bool:
        """A job that failed or was stopped waits again as it is, before all others."""
        return self._again(job_id, None)

    def fix_and_retry(self, job_id: str, change: OfferedChange) -> bool:
        """A job that failed or was stopped waits again with a change, before all others."""
        return self._again(job_id, change)

    def _again(self, job_id: str, change: OfferedChange | None) -> bool:
        done = self._to_front(job_id, lambda job: again(job, change), RenderState.NEEDS_YOU, RenderState.STOPPED)
        if done and change is not None and change.without_image:
            self._drop_pictures()
        return done

    def _end(self, job_id: str, *states: RenderState, **changes: object) -> bool:
        def change(state: QueueState) -> QueueState:
            job = state.find(job_id)
            if job is None or job.state not in states:
                return state
            return moved_to_end(state, replace(job, ended_at=now_utc(), **changes))  # type: ignore[arg-type]

        return self._done(change)

    def _to_front(self, job_id: str, change: Callable[[RenderJob], RenderJob], *states: RenderState) -> bool:
        def to_front(state: QueueState) -> QueueState:
            job = state.find(job_id)
            if job is None or job.state not in (states or (RenderState.RUNNING,)):
                return state
            return moved_to_front(state, change(job))

        return self._done(to_front)

    # Changing --------------------------------------------------------------------------------------------------------

    def _done(self, change: Callable[[QueueState], QueueState]) -> bool:
        return bool(self._change(change).job_ids)

    def _change(self, change: Callable[[QueueState], QueueState]) -> _Changed:
        """Save what the change makes of the queue, then let it count, then tell."""
        with self._lock:
            old = self._state
            new = tidy(change(old))
            if new == old:
                return _Changed(old)
            self._database.save(old, new)
            self._state = new
            self._paused_jobs &= {job.job_id for job in new.of(RenderState.RUNNING)}
            listeners = self._listeners
        done = _Changed(new, _changed_ids(old, new))
        for job_id in done.job_ids:
            self._forget_time_left(new, job_id)
        for listener in listeners:
            for job_id in done.job_ids or ("",):
                _tell(listener, job_id)
        return done

    def _forget_time_left(self, state: QueueState, job_id: str) -> None:
        job = state.find(job_id)
        if job is None or job.state is not RenderState.RUNNING:
            self._seconds_left.pop(job_id, None)

    def _drop_pictures(self) -> None:
        with self._lock:
            jobs = (*self._state.jobs, *(each.job for each in self._deleted))
            needed = [picture for job in jobs for picture in job.pictures]
            self._pictures.drop_others(needed)


def _is_there(path: Path, disk: Disk) -> bool:
    """Whether the file is there; where nobody can say, it is not."""
    try:
        return disk.exists(path)
    except (OSError, WanError) as error:
        logger.warning("Nobody knows whether %s is there: %s", path, error)
        return False


def _tell(listener: Listener, job_id: str) -> None:
    try:
        listener(job_id)
    except Exception:  # what was changed is changed: a listener's bug is its own
        logger.exception("A listener of the queue failed")


def _changed_ids(old: QueueState, new: QueueState) -> tuple[str, ...]:
    """New, gone, otherwise, or at another place among those that wait."""
    before, after = ({job.job_id: job for job in state.jobs} for state in (old, new))
    waited, waits = ([job.job_id for job in state.waiting] for state in (old, new))
    stayed = set(waited) & set(waits)
    pairs = zip((i for i in waited if i in stayed), (i for i in waits if i in stayed), strict=True)
    shifted = {job_id for pair in pairs if pair[0] != pair[1] for job_id in pair}
    return tuple(job_id for job_id in before | after if job_id in shifted or before.get(job_id) != after.get(job_id))
