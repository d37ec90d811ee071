"""Whatever a power failure leaves of an install, an update or a repair, nothing wrong is believed; a new run ends it.

All storage calls are written down; then states that a failure may leave are made from them, looked at, and run to
their end.
"""

import contextlib
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.core.store.model_world import KEY, Operation, World
from tests.core.store.proof_model import NEW, OLD, small_model
from tests.fakes.faulty_disk import CrashState, HastyDisk, OpLog, RecordingDisk, crash_states
from tests.fakes.hub import FakeHub
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.manifest import FileStamp, read_stamps, write_stamps

_OPERATIONS = (Operation.INSTALL, Operation.UPDATE, Operation.REPAIR)
_STATES = 120
"""Of each operation, in every run."""
_STATES_SLOW, _PARTS_SLOW = 10_000, 10
_RUN_EVERY = 4
"""So many states are looked at for each that is run to its end, too."""


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with FakeHub() as fake:
        yield fake


@dataclass(frozen=True)
class Recording:
    """An operation as it went, call by call."""

    operation: Operation
    goal: str
    log: OpLog


@pytest.fixture(scope="module", params=_OPERATIONS, ids=str)
def recording(request: pytest.FixtureRequest, hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    operation: Operation = request.param
    world = World(tmp_path_factory.mktemp("recorded") / "world", hub, small_model())
    if operation is not Operation.INSTALL:
        world.prepare(operation)
        world.run(Operation.VERIFY)  # what the files look like from outside is known, and what is damaged too
    world.root.mkdir(exist_ok=True)
    disk = world.disk = RecordingDisk(world.root)
    assert world.run(operation).error is None
    return Recording(operation, world.goal, disk.log)


@pytest.fixture
def states_folder() -> Iterator[Path]:
    """In memory where that can be had: thousands of states are written."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def stamp_again(world: World) -> None:
    """Let every file look from outside as it was written down, as it does where a failure does not change that."""
    for folder in (world.model_folder, world.staging / "files", world.root / ".wan-desktop" / "outgoing" / str(KEY)):
        stamps = read_stamps(Disk(), folder) if folder.exists() else {}
        if stamps:
            write_stamps(HastyDisk(), folder, {path: _seen(folder / path, stamp) for path, stamp in stamps.items()})
    for file in (world.staging / "finished").glob("*.json"):
        with contextlib.suppress(ValueError):
            record = json.loads(file.read_bytes())
            stamp = from_plain(FileStamp, record["stamp"])
            record["stamp"] = to_plain(_seen(world.staging / "files" / record["path"], stamp))
            file.write_text(json.dumps(record), encoding="utf-8")


def _seen(file: Path, stamp: FileStamp) -> FileStamp:
    if not file.exists():
        return stamp
    return replace(stamp, mtime_ns=file.stat().st_mtime_ns, file_id=file.stat().st_ino)


class Survivor:
    """Starts the program on what a failure left."""

    def __init__(self, recording: Recording, hub: FakeHub, folder: Path) -> None:
        self._recording = recording
        self._hub = hub
        self._folder = folder

    def check(self, state: CrashState, *, to_the_end: bool) -> None:
        """Nothing wrong is believed; a new run ends with the goal.

        Raises:
            AssertionError: With the state, so that it can be made again.
        """
        world = World(self._folder / "world", self._hub, small_model())
        if self._recording.goal == NEW:
            world.model.move(self._hub)
        world.goal = self._recording.goal
        world.root.mkdir()
        state.write(world.root)
        stamp_again(world)
        try:
            self._look(world)
            if to_the_end:
                self._finish(world)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{state}\nAll calls:\n{state.log}") from error
        finally:
            shutil.rmtree(world.folder)

    def _look(self, world: World) -> None:
        outcome = world.run(Operation.START)
        assert outcome.error is None, f"the program does not start: {outcome.error!r}"
        files = world.files()
        revisions = [world.model.on_disk(commit) for commit in (OLD, NEW)]
        assert not world.believed() or files in revisions, "wrong bytes are believed"
        if self._recording.operation is Operation.UPDATE:
            assert world.believed(), "a whole revision is lost"

    def _finish(self, world: World) -> None:
        repairs = self._recording.operation is Operation.REPAIR
        outcome = world.run(Operation.REPAIR if repairs else Operation.RESUME)
        assert outcome.error is None, f"a new run does not end it: {outcome.error!r}"
        assert world.files() == world.model.on_disk(world.goal), "the goal is not reached"
        assert world.believed()
        assert not world.litter() + world.staged(), f"litter: {world.litter()} {world.staged()}"


def check_states(survivor: Survivor, log: OpLog, *, count: int, seed: int) -> None:
    for number, state in enumerate(crash_states(log, random.Random(seed), count)):
        survivor.check(state, to_the_end=number % _RUN_EVERY == 0)


def test_that_a_power_failure_leaves_nothing_wrong(recording: Recording, hub: FakeHub, states_folder: Path) -> None:
    check_states(Survivor(recording, hub, states_folder), recording.log, count=_STATES, seed=5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(_PARTS_SLOW))
def test_that_many_power_failures_leave_nothing_wrong(
    recording: Recording, hub: FakeHub, states_folder: Path, part: int
) -> None:
    count = -(-_STATES_SLOW // _PARTS_SLOW // len(_OPERATIONS))
    check_states(Survivor(recording, hub, states_folder), recording.log, count=count, seed=1000 + part)
