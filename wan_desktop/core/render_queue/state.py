"""The whole queue as one frozen value, and what each operation makes of it. Touches neither disk nor clock."""

import datetime
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.errors import RenderInterruptedError
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.render_queue.job import OfferedChange, RenderEstimate, RenderJob, RenderState, Trouble, WhenDone
from wan_desktop.core.words import tr

HISTORY_KEPT = 500
"""Jobs that are over; older ones are forgotten."""
_MOST_CRASHES = 2
"""After so many a job is parked, since it may be what takes the program down."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """All jobs: those that wait in the order in which they will be made, others in the order in which they ended."""

    jobs: tuple[RenderJob, ...] = ()
    paused: bool = False
    needs_ok: bool = False
    """Jobs of an earlier run of the program wait; none starts before the user has said so."""
    when_done: WhenDone = WhenDone.NOTHING

    def find(self, job_id: str) -> RenderJob | None:
        """The job of that id."""
        return next((job for job in self.jobs if job.job_id == job_id), None)

    def of(self, *states: RenderState) -> tuple[RenderJob, ...]:
        """The jobs in these states."""
        return tuple(job for job in self.jobs if job.state in states)

    @property
    def waiting(self) -> tuple[RenderJob, ...]:
        """Those that wait, the next first."""
        return tuple(job for job in self.jobs if job.state.waits)


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How long it takes until all is done, seconds."""

    low_s: float
    high_s: float
    jobs: int
    """That are still to be made, with what runs."""
    unknown: int
    """Of these, how many nobody has an estimate for, or wait for a download or the card; not in the seconds."""

    @property
    def middle_s(self) -> float:
        """What "done at about" is counted from."""
        return (self.low_s + self.high_s) / 2


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """How the queue looks now."""

    running: tuple[RenderJob, ...] = ()
    needs_you: tuple[RenderJob, ...] = ()
    waiting: tuple[RenderJob, ...] = ()
    finished: tuple[RenderJob, ...] = ()
    """The latest first; those that were stopped too."""
    paused: bool = False
    needs_ok: bool = False
    when_done: WhenDone = WhenDone.NOTHING
    damage: Trouble | None = None
    """What was lost when the queue was opened."""
    loads_saved_by_grouping: int = 0
    """How often less a model would be loaded if those that wait were grouped by model."""
    seconds_left: tuple[tuple[str, float], ...] = ()
    """What running jobs have said of themselves, by their ids."""
    paused_jobs: tuple[str, ...] = ()
    """Running jobs that wait between two steps, by their ids."""

    def time_left(self, now: datetime.datetime) -> TimeLeft:
        """How long the rest takes: what is left of what runs, and the estimates of what waits.

        Args:
            now: With a time zone; a running job that has said nothing has used up the time since it started.
        """
        low_s = high_s = 0.0
        unknown = 0
        for job in (*self.running, *self.waiting):
            span = self._left_of(job, now)
            if span is None:
                unknown += 1
            else:
                low_s, high_s = low_s + span.seconds_low, high_s + span.seconds_high
        return TimeLeft(low_s, high_s, len(self.running) + len(self.waiting), unknown)

    def finish_time(self, now: datetime.datetime) -> datetime.datetime | None:
        """When all is done, about; None where nothing is to be made, or not every job's time is known."""
        left = self.time_left(now)
        if left.jobs == 0 or left.unknown:
            return None
        return now + datetime.timedelta(seconds=left.middle_s)

    def _left_of(self, job: RenderJob, now: datetime.datetime) -> RenderEstimate | None:
        if job.state is RenderState.WAITING:
            return job.estimate
        if job.state.waits:  # for something of which nobody knows when it comes
            return None
        told = dict(self.seconds_left).get(job.job_id)
        if told is not None:
            return RenderEstimate(told, told)
        if job.estimate is None:
            return None
        used_s = max(0.0, (now - datetime.datetime.fromisoformat(job.started_at)).total_seconds())
        low_s, high_s = job.estimate.seconds_low - used_s, job.estimate.seconds_high - used_s
        return RenderEstimate(max(0.0, low_s), max(0.0, high_s))


def snapshot_of(state: QueueState, damage: Trouble | None, seconds_left: dict[str, float]) -> QueueSnapshot:
    """How a state looks from outside."""
    return QueueSnapshot(
        running=state.of(RenderState.RUNNING),
        needs_you=state.of(RenderState.NEEDS_YOU),
        waiting=state.waiting,
        finished=state.of(RenderState.DONE, RenderState.STOPPED)[::-1],
        paused=state.paused,
        needs_ok=state.needs_ok,
        when_done=state.when_done,
        damage=damage,
        loads_saved_by_grouping=loads_saved(state),
        seconds_left=tuple(seconds_left.items()),
    )


# What operations make of it ------------------------------------------------------------------------------------------


def tidy(state: QueueState) -> QueueState:
    """Without the oldest of too long a history, and without a question about jobs that are no more."""
    over = [job for job in state.jobs if job.state.is_over]
    if len(over) > HISTORY_KEPT:
        forgotten = {job.job_id for job in over[:-HISTORY_KEPT]}
        state = replace(state, jobs=tuple(job for job in state.jobs if job.job_id not in forgotten))
    return replace(state, needs_ok=False) if state.needs_ok and not state.waiting else state


def recovered(state: QueueState, exists: Callable[[Path], bool]) -> QueueState:
    """As it is after the program was started: what ran waits again, before all others, and nothing goes on unasked.

    A job whose video is there was done, though nobody could write that down any more. One during which the program
    ended twice is parked, so that it cannot take the program down at each start.

    Args:
        state: As it was read.
        exists: Whether a file is there; videos get their names only when they are whole.
    """
    made = [_made(job) for job in state.of(RenderState.RUNNING) if job.target is not None and exists(job.target)]
    for job in made:
        state = moved_to_end(state, job)
    parked: list[RenderJob] = []
    again: list[RenderJob] = []
    for job in state.of(RenderState.RUNNING):
        stopped = replace(_unstarted(job), state=RenderState.WAITING, interrupted=True, crashes=job.crashes + 1)
        (parked if stopped.crashes >= _MOST_CRASHES else again).append(stopped)
    rest = [job for job in state.jobs if job.state is not RenderState.RUNNING]
    jobs = (*again, *rest, *(replace(job, state=RenderState.NEEDS_YOU, trouble=_interrupted(job)) for job in parked))
    found = replace(state, jobs=jobs)
    return replace(found, needs_ok=bool(found.waiting))


def _made(job: RenderJob) -> RenderJob:
    """A job that was done when the program ended; of its numbers nothing is known."""
    assert job.target is not None
    result = GenerationResult(path=job.target, seconds=0.0, timings_s={}, attempts=())
    return replace(job, state=RenderState.DONE, result=result, ended_at=job.started_at)


def _unstarted(job: RenderJob) -> RenderJob:
    return replace(job, started_at="", ended_at="", target=None)


def put_back(job: RenderJob) -> RenderJob:
    """A job that had to end with the program, waiting again."""
    return replace(_unstarted(job), state=RenderState.WAITING, interrupted=True)


def _interrupted(job: RenderJob) -> Trouble:
    return Trouble.of(
        RenderInterruptedError(
            tr("The program ended {crashes} times while it made this video.", crashes=job.crashes),
            hint=tr("Try again, or make it smaller first. The other videos of the queue go on without it."),
        )
    )


def claimable(state: QueueState) -> RenderJob | None:
    """The job that starts next; None where none may."""
    if state.paused or state.needs_ok:
        return None
    return next((job for job in state.jobs if job.state is RenderState.WAITING), None)


def changed(
    state: QueueState, job_id: str, change: Callable[[RenderJob], RenderJob], *states: RenderState
) -> QueueState:
    """With one job changed where it is, if it is in one of the states."""
    return replace(
        state, jobs=tuple(change(job) if job.job_id == job_id and job.state in states else job for job in state.jobs)
    )


def moved_to_end(state: QueueState, job: RenderJob) -> QueueState:
    """With the job as it is given, behind all others."""
    return replace(state, jobs=(*_without(state, job), job))


def moved_to_front(state: QueueState, job: RenderJob) -> QueueState:
    """With the job as it is given, before all others."""
    return replace(state, jobs=(job, *_without(state, job)))


def inserted(state: QueueState, job: RenderJob, before: Sequence[str], after: Sequence[str]) -> QueueState:
    """With one more job, where it stood: before the first that stood behind it, else behind the last before it.

    Others may have gone at the same time or come back meanwhile, so that neither alone tells the place.
    """
    ids = [other.job_id for other in state.jobs]
    behind = [place for place, job_id in enumerate(ids) if job_id in after]
    ahead = [place + 1 for place, job_id in enumerate(ids) if job_id in before]
    place = behind[0] if behind else max(ahead, default=len(ids))
    return replace(state, jobs=(*state.jobs[:place], job, *state.jobs[place:]))


def _without(state: QueueState, job: RenderJob) -> tuple[RenderJob, ...]:
    return tuple(other for other in state.jobs if other.job_id != job.job_id)


def reordered(state: QueueState, waiting: Iterable[RenderJob]) -> QueueState:
    """With those that wait in another order; all others stay where they are."""
    places = iter(waiting)
    return replace(state, jobs=tuple(next(places) if job.state.waits else job for job in state.jobs))


def moved(state: QueueState, job_id: str, to_index: Callable[[int], int]) -> QueueState:
    """With a job at another place among those that wait; a place before the first or behind the last is that one.

    Args:
        state: The queue.
        job_id: A job that waits; for others nothing changes.
        to_index: The new place from the old one, counted from 0.
    """
    waiting = list(state.waiting)
    index = next((place for place, job in enumerate(waiting) if job.job_id == job_id), None)
    if index is None:
        return state
    job = waiting.pop(index)
    waiting.insert(min(len(waiting), max(0, to_index(index))), job)
    return reordered(state, waiting)


def grouped(state: QueueState) -> QueueState:
    """With jobs of one model behind each other: models in the order in which they come first, the running one's before.

    Jobs of one model stay in their order.
    """
    order: dict[tuple[str, str], int] = {}
    for job in _in_loading_order(state):
        order.setdefault(job.order.loads, len(order))
    return reordered(state, sorted(state.waiting, key=lambda job: order[job.order.loads]))


def loads_saved(state: QueueState) -> int:
    """How often less a model is loaded if the jobs are grouped; what runs is loaded already."""
    return _loads(state) - _loads(grouped(state))


def _loads(state: QueueState) -> int:
    sequence = [job.order.loads for job in _in_loading_order(state)]
    return sum(earlier != later for earlier, later in itertools.pairwise(sequence))


def _in_loading_order(state: QueueState) -> tuple[RenderJob, ...]:
    return (*state.of(RenderState.RUNNING)[-1:], *state.waiting)


def again(job: RenderJob, change: OfferedChange | None) -> RenderJob:
    """A job that failed or was stopped, waiting as if it were new."""
    if change is None:
        order, estimate = job.order, job.estimate
    else:
        order = change.applied_to(job.order)
        estimate = job.estimate if change.waits_for_card else change.estimate
    without_image = order.draft.image is None
    waits_for_card = change is not None and change.waits_for_card
    return replace(
        _unstarted(job),
        order=order,
        estimate=estimate,
        state=RenderState.WAITING_FOR_CARD if waits_for_card else RenderState.WAITING,
        needs_vram_bytes=(change.vram_peak_bytes or 0) if change is not None and waits_for_card else 0,
        image_from=None if without_image else job.image_from,
        last_image_from=None if without_image else job.last_image_from,
        interrupted=False,
        crashes=0,
        trouble=None,
    )
