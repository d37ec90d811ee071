"""The runner makes jobs one after the other, and what came of each is in the queue."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.render_orders import fill, order, result
from wan_desktop.core.errors import EngineError, JobCancelled, OutOfMemoryError, QueueSpaceError, WanError
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.jobs import JobContext, JobQueue, JobState, Lane
from wan_desktop.core.messages import Stage
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.render_queue import OfferedChange, QueueRunner, RenderJob, RenderQueue, RenderState

VIDEO = Path("fox.mp4")


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[RenderQueue]:
    with RenderQueue(tmp_path / "render-queue.sqlite3") as opened:
        yield opened


def context() -> JobContext:
    return JobContext("lane-job", lambda *_: None)


def makes(_job: RenderJob, _context: JobContext) -> GenerationResult:
    return result(VIDEO)


def runs_out_of_memory(_job: RenderJob, _context: JobContext) -> GenerationResult:
    raise OutOfMemoryError("It needs 20 GB.", hint="Make it smaller.", details="allocator")


def test_that_a_job_is_made(queue: RenderQueue) -> None:
    (job_id,) = queue.add(order())
    job = QueueRunner(queue, makes).run_next(context())
    assert job == queue.job(job_id)
    assert (job.state, job.result) == (RenderState.DONE, result(VIDEO))


def test_that_there_is_nothing_to_make(queue: RenderQueue) -> None:
    assert QueueRunner(queue, makes).run_next(context()) is None


def test_that_the_work_is_given_the_job_and_its_id(queue: RenderQueue) -> None:
    (job_id,) = queue.add(order())
    given: list[tuple[RenderJob, str]] = []

    def make(job: RenderJob, own: JobContext) -> GenerationResult:
        given.append((job, own.job_id))
        return result(VIDEO)

    QueueRunner(queue, make).run_next(context())
    assert given[0][0].order == order()
    assert given[0][1] == job_id


def test_that_a_failure_is_kept_with_what_may_help_and_the_next_is_made(queue: RenderQueue) -> None:
    first, second = queue.add(order(), versions=2)
    offered = OfferedChange(text="Make it 480 x 272", width=480, height=272)

    def make(job: RenderJob, own: JobContext) -> GenerationResult:
        return runs_out_of_memory(job, own) if job.job_id == first else result(VIDEO)

    def offers(_job: RenderJob, error: WanError) -> list[OfferedChange]:
        return [offered] if isinstance(error, OutOfMemoryError) else []

    runner = QueueRunner(queue, make, offers)
    failed, made = runner.run_next(context()), runner.run_next(context())
    assert failed is not None
    assert failed.trouble is not None
    assert (failed.state, failed.trouble.code, failed.trouble.number) == (RenderState.NEEDS_YOU, "out-of-memory", 3001)
    assert (failed.trouble.message, failed.trouble.hint) == ("It needs 20 GB.", "Make it smaller.")
    assert failed.trouble.changes == (offered,)
    assert made is not None
    assert (made.job_id, made.state) == (second, RenderState.DONE)


def test_that_offers_that_fail_hide_no_error(queue: RenderQueue, caplog: pytest.LogCaptureFixture) -> None:
    def offers(_job: RenderJob, _error: WanError) -> list[OfferedChange]:
        raise ZeroDivisionError

    queue.add(order())
    job = QueueRunner(queue, runs_out_of_memory, offers).run_next(context())
    assert job is not None
    assert job.trouble is not None
    assert (job.trouble.code, job.trouble.changes) == ("out-of-memory", ())
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("bug", [ZeroDivisionError("x"), None], ids=["raises", "a result that cannot be written"])
def test_that_a_bug_is_told_as_one(queue: RenderQueue, caplog: pytest.LogCaptureFixture, bug: Exception | None) -> None:
    def make(_job: RenderJob, _context: JobContext) -> GenerationResult:
        if bug is not None:
            raise bug
        return GenerationResult(path=VIDEO, seconds=float("nan"), timings_s={}, attempts=())

    queue.add(order())
    job = QueueRunner(queue, make).run_next(context())
    assert job is not None
    assert job.trouble is not None
    assert (job.state, job.trouble.number) == (RenderState.NEEDS_YOU, 6005)
    assert "hit a bug" in caplog.text


def test_that_progress_reaches_the_caller_and_the_time_left_the_queue(queue: RenderQueue) -> None:
    queue.add(order())
    reported: list[object] = []
    left: list[float] = []

    def make(_job: RenderJob, own: JobContext) -> GenerationResult:
        own.progress(RenderProgress(stage=Stage.CREATE_FRAMES, seconds_left=21.0))
        left.extend(seconds for _, seconds in queue.snapshot().seconds_left)
        return result(VIDEO)

    QueueRunner(queue, make).run_next(JobContext("lane-job", lambda *told: reported.append(told)))
    assert reported == [("lane-job", RenderProgress(stage=Stage.CREATE_FRAMES, seconds_left=21.0))]
    assert left == [21.0]


def test_that_a_running_job_can_be_stopped(queue: RenderQueue) -> None:
    (job_id,) = queue.add(order())

    def make(job: RenderJob, own: JobContext) -> GenerationResult:
        assert runner.stop(job.job_id)
        own.progress(None)
        return result(VIDEO)

    runner = QueueRunner(queue, make)
    job = runner.run_next(context())
    assert job is not None
    assert (job.job_id, job.state) == (job_id, RenderState.STOPPED)
    assert not runner.stop(job_id)


def test_that_a_waiting_job_can_be_stopped(queue: RenderQueue) -> None:
    (job_id,) = queue.add(order())
    assert QueueRunner(queue, makes).stop(job_id)
    assert queue.job(job_id).state is RenderState.STOPPED


def test_that_a_job_is_stopped_in_the_moment_in_which_it_is_taken(queue: RenderQueue) -> None:
    (job_id,) = queue.add(order())
    begun: list[str] = []

    def make(job: RenderJob, own: JobContext) -> GenerationResult:
        own.check_cancelled()
        begun.append(job.job_id)
        return result(VIDEO)

    runner = QueueRunner(queue, make)

    def stop_when_taken(changed: str) -> None:
        if queue.runs(changed):
            runner.stop(changed)

    queue.listen(stop_when_taken)
    job = runner.run_next(context())
    assert job is not None
    assert (job.job_id, job.state, begun) == (job_id, RenderState.STOPPED, [])


def test_that_a_cancel_before_the_start_takes_no_job(queue: RenderQueue) -> None:
    queue.add(order())
    cancelled = context()
    cancelled.cancel_asked.set()
    with pytest.raises(JobCancelled):
        QueueRunner(queue, makes).run_next(cancelled)
    assert len(queue.snapshot().waiting) == 1


def test_that_a_job_that_ends_with_the_program_waits_for_the_next_start(queue: RenderQueue) -> None:
    first, second = queue.add(order(), versions=2)

    def make(_job: RenderJob, own: JobContext) -> GenerationResult:
        runner.shut_down()
        own.check_cancelled()
        return result(VIDEO)

    runner = QueueRunner(queue, make)
    job = runner.run_next(context())
    assert job is not None
    assert (job.state, job.interrupted) == (RenderState.WAITING, True)
    assert [waiting.job_id for waiting in queue.snapshot().waiting] == [first, second]
    assert runner.run_next(context()) is None


def test_that_a_job_that_is_cleared_away_at_once_is_no_bug(queue: RenderQueue) -> None:
    queue.add(order())
    queue.listen(lambda _: queue.clear_finished())
    job = QueueRunner(queue, makes).run_next(context())
    assert job is not None
    assert queue.snapshot().finished == ()


def test_that_a_lane_makes_the_queue_and_its_jobs_can_be_cancelled(queue: RenderQueue) -> None:
    """As the window does it: each job of the queue is a job of the engine's lane."""
    queue.add(order(), versions=2)
    lanes = JobQueue()

    def make(job: RenderJob, own: JobContext) -> GenerationResult:
        if job.order.draft.seed == 7:
            lanes.cancel(first)
            own.progress("never reported")
        return result(VIDEO)

    runner = QueueRunner(queue, make)
    first = lanes.submit("render", Lane.ENGINE, runner.run_next)
    second = lanes.submit("render", Lane.ENGINE, runner.run_next)
    lane = threading.Thread(target=lanes.run_lane, args=(Lane.ENGINE,))
    lanes.submit("the end", Lane.ENGINE, lambda _: lanes.shutdown())
    lane.start()
    lane.join()
    assert lanes.snapshot(second).state is JobState.DONE
    assert [job.state for job in queue.snapshot().finished] == [RenderState.DONE, RenderState.STOPPED]


def test_that_what_came_of_a_job_is_saved_when_there_is_space_again(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with RenderQueue(small_disk / "queue" / "render-queue.sqlite3") as queue:
        first, second = queue.add(order("x" * 20_000), versions=2)

        def make(_job: RenderJob, _context: JobContext) -> GenerationResult:
            fill(filler)
            return result(VIDEO)

        runner = QueueRunner(queue, make)
        with pytest.raises(QueueSpaceError):
            runner.run_next(context())
        with pytest.raises(QueueSpaceError):
            runner.run_next(context())
        assert [job.job_id for job in queue.snapshot().running] == [first]
        assert [job.job_id for job in queue.snapshot().waiting] == [second]
        filler.unlink()
        runner.save_again()
        assert queue.job(first).state is RenderState.DONE


def test_that_an_engine_that_is_ended_with_the_program_is_no_failure_of_the_job(queue: RenderQueue) -> None:
    queue.add(order())

    def make(_job: RenderJob, _context: JobContext) -> GenerationResult:
        runner.shut_down()
        raise EngineError("The engine was ended.")

    runner = QueueRunner(queue, make)
    job = runner.run_next(context())
    assert job is not None
    assert job.state is RenderState.WAITING
    assert job.trouble is None


def wait_for(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait for what another thread does."""
    tick, left_s = threading.Event(), limit_s
    while not condition():
        assert left_s > 0, "it did not happen in time"
        tick.wait(0.01)
        left_s -= 0.01


def waits_when_paused(_job: RenderJob, own: JobContext) -> GenerationResult:
    """Work that waits while that is asked for, and ends when it is let go on."""
    while not own.pause_asked.wait(0.01):
        own.check_cancelled()
    own.progress(RenderProgress(stage=Stage.CREATE_FRAMES, paused=True))
    tick = threading.Event()
    while own.pause_asked.is_set():
        tick.wait(0.01)
        own.check_cancelled()
    own.progress(RenderProgress(stage=Stage.CREATE_FRAMES))
    return result(VIDEO)


@pytest.fixture
def paused(queue: RenderQueue) -> Iterator[tuple[QueueRunner, str]]:
    """A runner whose job is paused, on a thread of its own, and the job's id."""
    (job_id,) = queue.add(order())
    runner = QueueRunner(queue, waits_when_paused)
    thread = threading.Thread(target=runner.run_next, args=(context(),))
    thread.start()
    wait_for(lambda: runner.pause(job_id))
    wait_for(lambda: queue.snapshot().paused_jobs == (job_id,))
    yield runner, job_id
    runner.stop(job_id)
    thread.join()


def test_that_a_paused_job_still_runs_and_is_done_after_it_was_let_go_on(
    queue: RenderQueue, paused: tuple[QueueRunner, str]
) -> None:
    runner, job_id = paused
    assert [job.job_id for job in queue.snapshot().running] == [job_id]
    assert runner.resume(job_id)
    wait_for(lambda: queue.job(job_id).state is RenderState.DONE)
    assert queue.snapshot().paused_jobs == ()
    assert not runner.pause(job_id)


def test_that_a_paused_job_can_be_stopped(queue: RenderQueue, paused: tuple[QueueRunner, str]) -> None:
    runner, job_id = paused
    assert runner.stop(job_id)
    wait_for(lambda: queue.job(job_id).state is RenderState.STOPPED)
    assert queue.snapshot().paused_jobs == ()


def test_that_a_paused_job_waits_for_the_next_start_when_the_program_ends(
    queue: RenderQueue, paused: tuple[QueueRunner, str]
) -> None:
    runner, job_id = paused
    runner.shut_down()
    wait_for(lambda: queue.job(job_id).state is RenderState.WAITING)
    assert queue.job(job_id).interrupted


def test_that_a_crash_while_a_job_is_paused_is_like_one_while_it_runs(tmp_path: Path) -> None:
    file = tmp_path / "crashed.sqlite3"
    with RenderQueue(file) as queue:
        queue.add(order())
        job = queue.next_job()
        queue.note_paused(job.job_id, paused=True)
        assert queue.snapshot().paused_jobs == (job.job_id,)
    with RenderQueue(file) as opened:
        (waiting,) = opened.snapshot().waiting
        assert waiting.interrupted
        assert opened.snapshot().paused_jobs == ()


def test_that_what_does_not_run_is_never_paused(queue: RenderQueue) -> None:
    (job_id,) = queue.add(order())
    queue.note_paused(job_id, paused=True)
    assert queue.snapshot().paused_jobs == ()
    assert not QueueRunner(queue, makes).pause(job_id)
