"""Any operations in any order, with starts of the program between, do what four plain lists would do."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
from hypothesis import strategies as st

from tests.fakes.render_orders import order, result
from wan_desktop.core.errors import RequestError
from wan_desktop.core.render_queue import QueueSnapshot, RenderQueue, RenderState, Trouble

_TROUBLE = Trouble.of(RequestError("It is too large."))
_MODELS = ("a", "b", "c")


@dataclass
class Model:
    """The queue as lists of ids."""

    running: list[str] = field(default_factory=list)
    needs_you: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    """The latest last."""
    done: set[str] = field(default_factory=set)
    coming: set[str] = field(default_factory=set)
    """Models that are being downloaded, as far as waiting jobs know."""
    waits_for_model: set[str] = field(default_factory=set)
    model_of: dict[str, str] = field(default_factory=dict)
    crashes: dict[str, int] = field(default_factory=dict)
    paused: bool = False
    needs_ok: bool = False

    def add(self, job_ids: tuple[str, ...], model: str, waits: bool) -> None:
        self.waiting += job_ids
        self.model_of |= dict.fromkeys(job_ids, model)
        self.waits_for_model |= set(job_ids) if waits else set()

    def next(self) -> str | None:
        if self.paused or self.needs_ok:
            return None
        job_id = next((each for each in self.waiting if each not in self.waits_for_model), None)
        if job_id is not None:
            self.waiting.remove(job_id)
            self.running.append(job_id)
        return job_id

    def end(self, job_id: str, target: list[str], *, may_wait: bool = False) -> bool:
        for source in (self.running, self.waiting) if may_wait else (self.running,):
            if job_id in source:
                source.remove(job_id)
                target.append(job_id)
                self.waits_for_model.discard(job_id)
                return True
        return False

    def finish(self, job_id: str) -> bool:
        ended = self.end(job_id, self.finished)
        self.done |= {job_id} if ended else set()
        return ended

    def again(self, job_id: str) -> bool:
        source = self.needs_you if job_id in self.needs_you else self.finished
        if job_id not in source or job_id in self.done:
            return False
        source.remove(job_id)
        self.waiting.insert(0, job_id)
        self.crashes.pop(job_id, None)
        return True

    def put_back(self, job_id: str) -> bool:
        if job_id not in self.running:
            return False
        self.running.remove(job_id)
        self.waiting.insert(0, job_id)
        return True

    def delete(self, job_id: str) -> bool:
        for source in (self.needs_you, self.waiting, self.finished):
            if job_id in source:
                source.remove(job_id)
                self.waits_for_model.discard(job_id)
                return True
        return False

    def move(self, job_id: str, index: int) -> bool:
        before = list(self.waiting)
        if job_id in self.waiting:
            self.waiting.remove(job_id)
            self.waiting.insert(index, job_id)
        return self.waiting != before

    def group(self) -> None:
        models = [self.model_of[job_id] for job_id in (*self.running[-1:], *self.waiting)]
        self.waiting.sort(key=lambda job_id: models.index(self.model_of[job_id]))

    def wait_for(self, model: str, waits: bool) -> None:
        those = {job_id for job_id in self.waiting if self.model_of[job_id] == model}
        self.waits_for_model = self.waits_for_model | those if waits else self.waits_for_model - those

    def start_of_program(self) -> None:
        for job_id in self.running:
            self.crashes[job_id] = self.crashes.get(job_id, 0) + 1
        self.needs_you += [job_id for job_id in self.running if self.crashes[job_id] >= 2]
        self.waiting = [job_id for job_id in self.running if self.crashes[job_id] < 2] + self.waiting
        self.running = []
        self.needs_ok = bool(self.waiting)

    def tidy(self) -> None:
        self.needs_ok = self.needs_ok and bool(self.waiting)

    def check(self, now: QueueSnapshot) -> None:
        groups = (now.needs_you, now.waiting, now.finished)
        assert [[job.job_id for job in group] for group in groups] == [
            self.needs_you,
            self.waiting,
            self.finished[::-1],
        ]
        assert {job.job_id for job in now.running} == set(self.running)
        assert {j.job_id for j in now.waiting if j.state is RenderState.WAITING_FOR_MODEL} == self.waits_for_model
        assert {job.job_id for job in now.finished if job.state is RenderState.DONE} == self.done & set(self.finished)
        assert (now.paused, now.needs_ok) == (self.paused, self.needs_ok)
        assert now.loads_saved_by_grouping >= 0
        assert all(job.interrupted for job in now.waiting if self.crashes.get(job.job_id))
        assert now.damage is None


class Both:
    """The queue and the model, which are told the same."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.queue = RenderQueue(file)
        self.model = Model()

    def job(self, number: int) -> str:
        """One of all jobs that there ever were, or none."""
        ever = list(self.model.model_of)
        return ever[number % len(ever)] if ever else "none"

    def do(self, name: str, number: int, second: int) -> None:
        job_id, model = self.job(number), _MODELS[number % 3]
        match name:
            case "add":
                waits = second == 0
                ids = self.queue.add(order(model_id=model), versions=1 + second % 3, waits_for_model=waits)
                self.model.add(ids, model, waits)
            case "next":
                job = self.queue.next_job()
                assert (job and job.job_id) == self.model.next()
            case "finish":
                assert self.queue.finish(job_id, result(Path("x.mp4"))) == self.model.finish(job_id)
            case "fail":
                assert self.queue.fail(job_id, _TROUBLE) == self.model.end(job_id, self.model.needs_you)
            case "stop":
                assert self.queue.stop(job_id) == self.model.end(job_id, self.model.finished, may_wait=True)
            case "retry":
                assert self.queue.retry(job_id) == self.model.again(job_id)
            case "put back":
                assert self.queue.put_back(job_id) == self.model.put_back(job_id)
            case "delete":
                assert self.queue.delete(job_id) == self.model.delete(job_id)
            case "move":
                assert self.queue.move_to(job_id, second) == self.model.move(job_id, second)
            case _:
                self._do_to_all(name, model, second)
        self.model.tidy()

    def _do_to_all(self, name: str, model: str, second: int) -> None:
        match name:
            case "clear":
                assert self.queue.clear_finished() == len(self.model.finished)
                self.model.finished.clear()
            case "group":
                self.queue.group_by_model()
                self.model.group()
            case "model":
                self.queue.model_ready(model) if second % 2 else self.queue.wait_for_model(model)
                self.model.wait_for(model, waits=not second % 2)
            case "pause":
                self.queue.resume() if second % 2 else self.queue.pause()
                self.model.paused = not second % 2
            case "continue":
                self.queue.continue_()
                self.model.needs_ok = False
            case _:
                self.queue.close()
                self.queue = RenderQueue(self.file)
                self.model.start_of_program()


_NAMES = (
    *("add", "add", "next", "next", "continue", "finish", "fail", "stop", "retry", "put back"),
    *("delete", "move", "clear", "group", "model", "pause", "reopen"),
)
_OPERATIONS = st.lists(st.tuples(st.sampled_from(_NAMES), st.integers(0, 40), st.integers(0, 6)), max_size=50)


@hypothesis.given(_OPERATIONS)
@hypothesis.settings(max_examples=60)
def test_that_the_queue_does_what_plain_lists_would_do(operations: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        both = Both(Path(folder) / "render-queue.sqlite3")
        for operation in operations:
            both.do(*operation)
            both.model.check(both.queue.snapshot())
        both.queue.close()
        with RenderQueue(both.file) as again:
            both.model.start_of_program()
            both.model.check(again.snapshot())
