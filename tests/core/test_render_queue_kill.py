"""A queue whose process is killed again and again, at any moment, loses nothing that was said to be done."""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.queue_process import QueueProcess, QueueWork
from tests.fakes.render_orders import order
from wan_desktop.core.errors import QueueBusyError
from wan_desktop.core.render_queue import QueueSnapshot, RenderJob, RenderQueue, RenderState

_KILLS = 50
_KILLS_SLOW = 500
_ENDS = {"finish": RenderState.DONE, "fail": RenderState.NEEDS_YOU, "stop": RenderState.STOPPED}


@pytest.fixture(scope="module")
def process() -> Iterator[QueueProcess]:
    with QueueProcess() as started:
        yield started


def _all(snapshot: QueueSnapshot) -> dict[str, RenderJob]:
    groups = (snapshot.running, snapshot.needs_you, snapshot.waiting, snapshot.finished)
    jobs = [job for group in groups for job in group]
    assert len({job.job_id for job in jobs}) == len(jobs)
    return {job.job_id: job for job in jobs}


@dataclass
class Ledger:
    """What has to be in the file, from what the process told."""

    states: dict[str, RenderState] = field(default_factory=dict)
    crashes: dict[str, int] = field(default_factory=dict)

    def follow(self, lines: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Take what was told; returns the operation that was begun and not said to be done."""
        open_operation = None
        for line in lines:
            if line["event"] == "begun":
                open_operation = line
            elif line["event"] == "acknowledged":
                open_operation = None
                self._take(line["name"], line["job_id"], line["came_of_it"])
        return open_operation

    def _take(self, name: str, job_id: str, came_of_it: Any) -> None:
        match name:
            case "add":
                self.states |= dict.fromkeys(came_of_it, RenderState.WAITING)
            case "next" if came_of_it:
                self.states[came_of_it] = RenderState.RUNNING
            case "retry" if came_of_it:
                self.states[job_id] = RenderState.WAITING
                self.crashes.pop(job_id, None)
            case "delete" if came_of_it:
                del self.states[job_id]
            case _ if name in _ENDS and came_of_it:
                self.states[job_id] = _ENDS[name]

    def check(self, found: dict[str, RenderJob], cut: dict[str, Any] | None) -> None:
        """Compare with what is there after a start, where all that ran waits again or is parked."""
        cut_name, cut_job = (cut["name"], cut["job_id"]) if cut else ("", "")
        new, gone = found.keys() - self.states.keys(), self.states.keys() - found.keys()
        assert not new or cut_name == "add"
        assert not gone or (cut_name == "delete" and gone == {cut_job})
        for job_id, job in found.items():
            state = self.states.get(job_id, RenderState.WAITING)
            if job.job_id == cut_job and cut_name in (*_ENDS, "retry"):
                assert job.state in (state, *self._after_crash(job_id), _ENDS.get(cut_name, RenderState.WAITING))
            elif state is RenderState.RUNNING:
                assert job.state in self._after_crash(job_id)
                assert job.interrupted
            elif cut_name == "next":
                assert job.state is state or (state is RenderState.WAITING and job.interrupted)
            else:
                assert job.state is state
        self.states = {job_id: job.state for job_id, job in found.items()}
        self.crashes = {job_id: job.crashes for job_id, job in found.items()}

    def _after_crash(self, job_id: str) -> tuple[RenderState, ...]:
        parked = self.crashes.get(job_id, 0) + 1 >= 2
        return (RenderState.NEEDS_YOU,) if parked else (RenderState.WAITING,)


def _kill_often(process: QueueProcess, folder: Path, kills: int, rng: random.Random) -> int:
    """Returns how many operations were said to be done."""
    file, picture = folder / "queue.sqlite3", folder / "start.png"
    picture.write_bytes(b"a picture")
    ledger, done = Ledger(), 0
    for _ in range(kills):
        process.start(QueueWork(str(file), rng.randrange(2**32), image=str(picture)))
        lines = process.lines(rng.choice((0, 1, rng.randint(1, 60)))) if rng.random() < 0.9 else []
        threading.Event().wait(rng.random() * 0.02)  # killed anywhere, and not only where it tells
        lines += process.kill()
        cut = ledger.follow(lines)
        done += sum(line["event"] == "acknowledged" for line in lines)
        with RenderQueue(file) as queue:
            now = queue.snapshot()
            assert now.damage is None
            assert not now.running
            assert now.needs_ok == bool(now.waiting)
            ledger.check(_all(now), cut)
            assert all(copy.read_bytes() == b"a picture" for job in _all(now).values() for copy in job.pictures)
    return done


@pytest.mark.parametrize(
    "kills", [_KILLS, pytest.param(_KILLS_SLOW, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_that_a_kill_at_any_moment_loses_and_doubles_nothing(process: QueueProcess, tmp_path: Path, kills: int) -> None:
    done = _kill_often(process, tmp_path, kills, random.Random(kills))
    assert done > kills


def test_that_a_queue_which_another_process_has_is_refused_until_that_is_gone(
    process: QueueProcess, tmp_path: Path
) -> None:
    file = tmp_path / "queue.sqlite3"
    with RenderQueue(file) as queue:
        (job_id,) = queue.add(order())
    process.start(QueueWork(str(file), hold=True))
    assert process.lines(1) == [{"event": "opened"}]
    with pytest.raises(QueueBusyError, match="Another process"):
        RenderQueue(file)
    process.kill()
    with RenderQueue(file) as queue:
        assert [job.job_id for job in queue.snapshot().waiting] == [job_id]


def test_that_another_process_is_refused_while_this_one_has_the_queue(process: QueueProcess, tmp_path: Path) -> None:
    file = tmp_path / "queue.sqlite3"
    with RenderQueue(file) as queue:
        process.start(QueueWork(str(file)))
        assert [line["code"] for line in process.rest()] == ["queue-in-use"]
        queue.add(order())
        assert len(queue.snapshot().waiting) == 1
