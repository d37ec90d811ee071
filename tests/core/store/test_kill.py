"""A download that is killed again and again, at any moment, asks for no committed byte twice and ends well."""

import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.store.model_world import KEY, World
from tests.core.store.oracle import asked_again
from tests.core.store.proof_model import NEW, large_model, small_model
from tests.fakes.hub import FakeHub
from tests.fakes.hub.answers import Request
from tests.fakes.store_process import RUN_HEADER, StoreJob, StoreProcess
from wan_desktop.core.records import to_plain
from wan_desktop.core.store.fetcher import TransferLimits

_KILLS = 100
_KILLS_SLOW, _PARTS_SLOW = 1000, 10
_MOST_KILLS_PER_MODEL = 8
_RATE_BYTES_PER_S = 25_000_000
_MODELS = ((large_model(), 0.3), (small_model(), 0.12))
"""With about the seconds that the whole download takes; of a small one, much of that is the end."""
_LIMITS = TransferLimits(connections=2, max_connections=2)


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with FakeHub() as fake:
        yield fake


@pytest.fixture(scope="module")
def process() -> Iterator[StoreProcess]:
    with StoreProcess() as started:
        yield started


class Killer:
    """Downloads with interruptions."""

    def __init__(self, hub: FakeHub, process: StoreProcess, rng: random.Random) -> None:
        self._hub, self._process, self._rng = hub, process, rng
        self._runs = 0

    def install(self, folder: Path, most_kills: int) -> int:
        """Install a model with kills at random moments; returns the kills.

        Some are updates of an installed one, and some of another revision that had begun to come.
        """
        model, longest_s = self._rng.choice(_MODELS)
        world = World(folder, self._hub, model)
        start = self._rng.choice((world.library, world.library, world.install, world.stop_half_way))
        start()
        if start != world.library:
            world.model.move(self._hub)
            world.goal = NEW
        plan = world.plan()
        job = StoreJob("download", world.root, KEY.model_id, KEY.variant, self._hub.url, plan, limits=to_plain(_LIMITS))
        kills, told = 0, None
        while told is None and kills < most_kills:
            committed = world.committed()
            told = self._killed(job, longest_s)
            kills += told is None
            self.check(world, committed)
        if told is None:
            committed = world.committed()
            told = self._finished(job)
            self.check(world, committed)
        assert told["event"] == "done", told
        assert world.files() == world.model.on_disk(world.goal)
        assert world.believed()
        assert not world.litter() + world.staged()
        return kills

    def _killed(self, job: StoreJob, longest_s: float) -> dict[str, object] | None:
        self._start(job)
        self._process.wait_for("began")
        threading.Event().wait(self._rng.uniform(0, longest_s))
        return self._process.kill()

    def _finished(self, job: StoreJob) -> dict[str, object]:
        self._start(job)
        return self._process.finish()

    def _start(self, job: StoreJob) -> None:
        self._runs += 1
        self._process.start(replace(job, run=str(self._runs)))

    def check(self, world: World, committed: dict[str, set[int]]) -> None:
        """What the last run asked for, and what it left."""
        again = asked_again(self._requests(), committed)
        assert not again, f"asked again: {again}"
        now = world.committed()
        done = world.files() == world.model.on_disk(world.goal)
        lost = {path: blocks - now[path] for path, blocks in committed.items() if blocks - now[path]}
        assert done or not lost, f"committed blocks are lost: {lost}"
        assert not world.believed() or world.files() in (
            world.model.on_disk(commit) for commit in world.model.commits
        ), "wrong bytes are believed"

    def _requests(self) -> list[Request]:
        """Those of the last run: one of a killed process may be answered only now."""
        return [request for request in self._hub.requests if request.headers.get(RUN_HEADER) == str(self._runs)]


def kill_until(hub: FakeHub, process: StoreProcess, folder: Path, *, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    hub.rate_limit(_RATE_BYTES_PER_S)
    killer, done, number = Killer(hub, process, rng), 0, 0
    while done < kills:
        number += 1
        hub.forget_requests()
        done += killer.install(folder / str(number), min(_MOST_KILLS_PER_MODEL, kills - done))
        shutil.rmtree(folder / str(number))
    hub.rate_limit(0)


def test_that_a_hundred_kills_cost_no_committed_byte(hub: FakeHub, process: StoreProcess, tmp_path: Path) -> None:
    kill_until(hub, process, tmp_path, kills=_KILLS, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(_PARTS_SLOW))
def test_that_a_thousand_kills_cost_no_committed_byte(
    hub: FakeHub, process: StoreProcess, tmp_path: Path, part: int
) -> None:
    kill_until(hub, process, tmp_path, kills=_KILLS_SLOW // _PARTS_SLOW, seed=100 + part)
