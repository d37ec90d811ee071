"""Every storage call fails once: nothing is lost, nothing wrong is believed, and the next run ends it."""

import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.core.store.host_faults import PulledDisk
from tests.core.store.model_world import Operation, World
from tests.core.store.oracle import Oracle
from tests.core.store.proof_model import small_model
from tests.fakes.faulty_disk import Calls, FailingDisk, HastyDisk
from tests.fakes.hub import FakeHub
from wan_desktop.core.errors import WanError

_POINTS = 12
"""Of each scenario, in every run."""
_MORE_CALLS = 6
"""Threads are not always equally fast, so that some runs make a few calls more."""


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with FakeHub() as fake:
        yield fake


@pytest.fixture(scope="module")
def template(hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with the old revision in it."""
    world = World(tmp_path_factory.mktemp("template") / "world", hub, small_model())
    world.install()
    return world.root


def failing(world: World, call: int) -> Callable[[], None]:
    """One call fails, and a write has done half of its work."""
    errors = (errno.EIO, errno.ENOSPC, errno.EACCES)
    code = errors[call % len(errors)]
    world.disk = FailingDisk(call, OSError(code, os.strerror(code)), half_writes=True)
    return lambda: setattr(world, "disk", HastyDisk())


def pulled(world: World, call: int) -> Callable[[], None]:
    """The drive is pulled out before a call that changes something."""
    away = world.folder.with_name(f"{world.folder.name}-pulled")
    world.disk = PulledDisk(world.root, away, call)

    def plug_in() -> None:
        world.disk = HastyDisk()
        if away.exists():
            assert not world.root.exists(), f"something was made where the drive was: {list(world.root.rglob('*'))}"
            away.rename(world.root)

    return plug_in


@dataclass(frozen=True, slots=True)
class Scenario:
    """An operation, and how its calls fail."""

    operation: Operation
    fault: Callable[[World, int], Callable[[], None]]

    def __str__(self) -> str:
        return f"{self.operation}-{self.fault.__name__}"


_OPERATIONS = (
    Operation.INSTALL,
    Operation.RESUME,
    Operation.UPDATE,
    Operation.VERIFY,
    Operation.REPAIR,
    Operation.REMOVE,
    Operation.PUT_BACK,
)
SCENARIOS = [Scenario(operation, fault) for operation in _OPERATIONS for fault in (failing, pulled)]


class Proof:
    """Runs a scenario with a call that fails."""

    def __init__(self, scenario: Scenario, hub: FakeHub, template: Path, folder: Path) -> None:
        self._scenario, self._hub, self._template, self._folder = scenario, hub, template, folder
        self._number = 0

    def count(self) -> int:
        """How many calls there are when none fails."""
        world = self._world()
        disk = world.disk = FailingDisk(of=Calls.ALL if self._scenario.fault is failing else Calls.WRITES)
        assert world.run(self._scenario.operation).error is None
        return disk.calls

    def _world(self) -> World:
        self._number += 1
        world = World(self._folder / str(self._number), self._hub, small_model())
        world.prepare(self._scenario.operation, self._template)
        return world

    def check(self, call: int) -> None:
        """One call fails; then the program is started again and does it."""
        world, operation = self._world(), self._scenario.operation
        oracle = Oracle(world, removes=operation is Operation.REMOVE)
        heal = self._scenario.fault(world, call)
        outcome = world.run(operation)
        heal()
        if self._scenario.fault is pulled:  # a drive that comes back is looked at before anything of it is used
            world.run(Operation.START)
        oracle.check_always(outcome)
        assert outcome.error is None or isinstance(outcome.error, WanError), f"(e) {outcome.error!r}"
        if operation not in (Operation.REMOVE, Operation.PUT_BACK):
            oracle.check_kept()
        self._check_restarted(world, oracle, done=outcome.error is None)
        shutil.rmtree(world.folder)

    def _check_restarted(self, world: World, oracle: Oracle, *, done: bool) -> None:
        operation = self._scenario.operation
        started = world.run(Operation.START)
        assert started.error is None, f"the program does not start: {started.error!r}"
        oracle.check_always(started)
        if operation is Operation.UPDATE:
            assert world.believed(), "no whole revision is left"
        if operation in (Operation.REMOVE, Operation.PUT_BACK):
            done = bool(world.files()) == (operation is Operation.PUT_BACK)
        if not done:
            again = world.run(Operation.RESUME if operation is Operation.INSTALL else operation)
            assert again.error is None, f"it does not go on: {again.error!r}"
        if not world.believed() and operation is not Operation.REMOVE:
            world.run(Operation.VERIFY)  # what could not be written down, or not be read, is found again
        if operation is Operation.REMOVE:
            assert not world.files()
            assert world.run(Operation.PUT_BACK).error is None
        assert world.files() == world.model.on_disk(world.goal)
        assert world.believed()
        assert not world.litter(), world.litter()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_that_a_call_that_fails_spoils_nothing(
    scenario: Scenario, hub: FakeHub, template: Path, tmp_path: Path
) -> None:
    proof = Proof(scenario, hub, template, tmp_path)
    count = proof.count()
    for call in random.Random(6).sample(range(1, count + 1), min(_POINTS, count)):
        try:
            proof.check(call)
        except AssertionError as error:
            raise AssertionError(f"call {call} of {count}: {error}") from error


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_that_no_call_that_fails_spoils_anything(
    scenario: Scenario, hub: FakeHub, template: Path, tmp_path: Path
) -> None:
    proof = Proof(scenario, hub, template, tmp_path)
    count = proof.count()
    problems = {}
    for call in range(1, count + 1 + _MORE_CALLS):
        try:
            proof.check(call)
        except AssertionError as error:
            problems[call] = str(error).splitlines()[0]
    assert not problems, f"{len(problems)} of {count} calls: {problems}"
