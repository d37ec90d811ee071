"""Jobs and lanes."""

import threading
from collections.abc import Iterator

import pytest

from wan_desktop.core.errors import EngineError, JobCancelled, WanError
from wan_desktop.core.jobs import JobContext, JobQueue, JobState, Lane


class Lanes:
    """A queue whose lanes run on plain threads."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.queue = JobQueue(self.changed.append)
        self.threads = [threading.Thread(target=self.queue.run_lane, args=(lane,), daemon=True) for lane in Lane]
        for thread in self.threads:
            thread.start()

    def wait(self, job_id: str, limit_s: float = 10.0) -> JobState:
        """Wait for the job's end."""
        over = threading.Event()
        deadline = threading.Timer(limit_s, over.set)
        deadline.start()
        while not self.queue.snapshot(job_id).state.final and not over.wait(0.005):
            pass
        deadline.cancel()
        return self.queue.snapshot(job_id).state


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    made = Lanes()
    yield made
    made.queue.shutdown()
    for thread in made.threads:
        thread.join(5)
        assert not thread.is_alive()


def test_that_work_gives_its_result(lanes: Lanes) -> None:
    job = lanes.queue.submit("add", Lane.FILES, lambda _: 1 + 1)
    assert lanes.wait(job) == JobState.DONE
    assert lanes.queue.snapshot(job).result == 2


def test_that_a_lane_runs_one_job_at_a_time_in_order(lanes: Lanes) -> None:
    order: list[int] = []
    jobs = [lanes.queue.submit(str(n), Lane.FILES, lambda _, n=n: order.append(n)) for n in range(20)]
    assert lanes.wait(jobs[-1]) == JobState.DONE
    assert order == list(range(20))


def test_that_lanes_do_not_wait_for_each_other(lanes: Lanes) -> None:
    hold = threading.Event()
    blocked = lanes.queue.submit("blocked", Lane.ENGINE, lambda _: hold.wait(10))
    assert lanes.wait(lanes.queue.submit("free", Lane.FILES, lambda _: None)) == JobState.DONE
    hold.set()
    assert lanes.wait(blocked) == JobState.DONE


def test_that_an_error_is_kept(lanes: Lanes) -> None:
    def fail(_: JobContext) -> None:
        raise EngineError("It stopped.", hint="Try again.")

    job = lanes.queue.submit("fail", Lane.FILES, fail)
    assert lanes.wait(job) == JobState.FAILED
    error = lanes.queue.snapshot(job).error
    assert isinstance(error, EngineError)
    assert error.hint == "Try again."


def test_that_a_bug_is_told_as_one_and_the_lane_lives_on(lanes: Lanes) -> None:
    job = lanes.queue.submit("bug", Lane.FILES, lambda _: 1 / 0)
    assert lanes.wait(job) == JobState.FAILED
    error = lanes.queue.snapshot(job).error
    assert type(error) is WanError
    assert "ZeroDivisionError" in error.message
    assert lanes.wait(lanes.queue.submit("next", Lane.FILES, lambda _: None)) == JobState.DONE


def test_that_a_running_job_is_cancelling_until_it_ends(lanes: Lanes) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(context: JobContext) -> None:
        started.set()
        go_on.wait(10)
        context.check_cancelled()

    job = lanes.queue.submit("work", Lane.FILES, work)
    started.wait(10)
    lanes.queue.cancel(job)
    assert lanes.queue.snapshot(job).state == JobState.CANCELLING
    go_on.set()
    assert lanes.wait(job) == JobState.CANCELLED


def test_that_a_waiting_job_never_starts_after_cancel(lanes: Lanes) -> None:
    hold, ran = threading.Event(), []
    first = lanes.queue.submit("first", Lane.FILES, lambda _: hold.wait(10))
    second = lanes.queue.submit("second", Lane.FILES, lambda _: ran.append(1))
    lanes.queue.cancel(second)
    assert lanes.queue.snapshot(second).state == JobState.CANCELLED
    hold.set()
    lanes.wait(first)
    lanes.wait(lanes.queue.submit("third", Lane.FILES, lambda _: None))
    assert ran == []


def test_that_a_final_state_is_never_overwritten(lanes: Lanes) -> None:
    job = lanes.queue.submit("quick", Lane.FILES, lambda _: "done")
    lanes.wait(job)
    lanes.queue.cancel(job)
    assert lanes.queue.snapshot(job).state == JobState.DONE


def test_that_a_late_report_does_not_change_a_job_that_is_over(lanes: Lanes) -> None:
    contexts: list[JobContext] = []

    def work(context: JobContext) -> None:
        contexts.append(context)
        context.progress("in time")

    job = lanes.queue.submit("work", Lane.FILES, work)
    lanes.wait(job)
    contexts[0].progress("late")
    assert lanes.queue.snapshot(job).progress == "in time"


def test_that_progress_is_pulled_and_raises_when_cancelled(lanes: Lanes) -> None:
    reported, go_on = threading.Event(), threading.Event()

    def work(context: JobContext) -> None:
        context.progress("half")
        reported.set()
        go_on.wait(10)
        context.progress("never seen")

    job = lanes.queue.submit("work", Lane.FILES, work)
    reported.wait(10)
    assert lanes.queue.snapshot(job).progress == "half"
    lanes.queue.cancel(job)
    go_on.set()
    assert lanes.wait(job) == JobState.CANCELLED
    assert lanes.queue.snapshot(job).progress == "half"
    assert set(lanes.changed) == {job}


def test_that_jobs_that_are_over_long_ago_are_forgotten(lanes: Lanes) -> None:
    first = lanes.queue.submit("first", Lane.FILES, lambda _: None)
    last = [lanes.queue.submit("later", Lane.FILES, lambda _: None) for _ in range(250)][-1]
    assert lanes.wait(last) == JobState.DONE
    with pytest.raises(KeyError):
        lanes.queue.snapshot(first)


def test_that_work_within_work_reports_to_it_and_is_cancelled_with_it() -> None:
    reports: list[object] = []
    outer = JobContext("job", lambda _, progress: reports.append(("outer", progress)))
    inner = outer.reporting_to(lambda progress: reports.append(("inner", progress)))
    inner.progress(1)
    assert reports == [("inner", 1)]
    outer.cancel_asked.set()
    with pytest.raises(JobCancelled):
        inner.progress(2)


def test_that_shutdown_cancels_what_runs() -> None:
    lanes = Lanes()
    started = threading.Event()

    def work(context: JobContext) -> None:
        started.set()
        context.cancel_asked.wait(10)
        context.check_cancelled()

    job = lanes.queue.submit("work", Lane.ENGINE, work)
    started.wait(10)
    lanes.queue.shutdown()
    assert lanes.wait(job) == JobState.CANCELLED
    for thread in lanes.threads:
        thread.join(5)
        assert not thread.is_alive()
