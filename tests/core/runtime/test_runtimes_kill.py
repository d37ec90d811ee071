"""An update that is killed at any point leaves a runtime that works, and the next start makes good what is missing."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.core.runtime.conftest import Parts, engine_version, fails, quiet, runtimes_in, works
from tests.fakes.runtime_process import InstallOrder, KillPoint, start
from tests.fakes.wheel_server import WheelServer
from wan_desktop.core.errors import RuntimeBusyError
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.lock import RuntimeLock
from wan_desktop.core.runtime.runtime_records import RuntimeState
from wan_desktop.core.runtime.runtimes import Runtimes

_LIMIT_S = 60.0


@pytest.fixture(scope="module")
def module_server(parts: Parts) -> Iterator[WheelServer]:
    with WheelServer() as started:
        started.add(*parts.everything)
        yield started


@pytest.fixture(scope="module")
def installed_once(
    tmp_path_factory: pytest.TempPathFactory, tools: BuildTools, module_server: WheelServer, parts: Parts
) -> Path:
    """A folder with the old runtime in use; to be copied."""
    folder = tmp_path_factory.mktemp("once") / "rt"
    runtimes_in(folder, tools, module_server.url).install(parts.old_lock, quiet(), works)
    return folder


@pytest.fixture
def folder(installed_once: Path, tmp_path: Path, module_server: WheelServer) -> Path:
    """The old runtime in use, and nothing asked of the server yet."""
    module_server.asked.clear()
    module_server.sent_bytes.clear()
    return Path(shutil.copytree(installed_once, tmp_path / "rt", symlinks=True))


def order(
    folder: Path, tools: BuildTools, server: WheelServer, lock: RuntimeLock, kill: KillPoint | None
) -> InstallOrder:
    return InstallOrder(folder, tools.uv, tools.python, server.url, lock.requirements, kill)


WHILE_FETCHING = {
    "the list of files is known": KillPoint("write_atomically", "wheels/"),
    "half has arrived": KillPoint("progress"),
    "the first file is whole": KillPoint("replace", ".whl", before=True),
    "one file took its place": KillPoint("replace", "large-3.0"),
}
WHILE_BUILDING = {
    "before it is put together": KillPoint("write_atomically", "activity.json", '"building"', before=True),
    "the installer was started": KillPoint("write_atomically", "activity.json", '"process_started": 1'),
    "the list for the installer is written": KillPoint("write_atomically", "requirements.lock"),
    "the installer is done": KillPoint("remove_tree", ".uv", before=True),
    "the test begins": KillPoint("write_atomically", "activity.json", '"testing"'),
    "in the test": KillPoint("test"),
    "the test is passed": KillPoint("write_atomically", "runtime.json", before=True),
    "it is marked as finished": KillPoint("write_atomically", "runtime.json"),
    "it is to be used": KillPoint("write_atomically", "current.json", before=True),
}
AFTER_THE_SWITCH = {
    "it is in use": KillPoint("write_atomically", "current.json"),
    "while what is old is removed": KillPoint("remove_tree", "wheels/parts", before=True),
}


def killed(order: InstallOrder) -> None:
    """Run it until it ends itself."""
    process = start(order)
    _, errors = process.communicate(timeout=_LIMIT_S)
    assert process.returncode == -signal.SIGKILL, errors.decode()[-2000:]


def the_old_one_works_and_the_update_can_be_made(folder: Path, runtimes: Runtimes, parts: Parts) -> None:
    snapshot = runtimes.look(parts.new_lock)
    assert (snapshot.state, snapshot.is_wanted, snapshot.previous) == (RuntimeState.READY, False, None)
    assert snapshot.current is not None
    runtimes.recover()
    left = {path.name for path in folder.iterdir()}
    assert left == {snapshot.current.name, "current.json", "install.lock", "wheels"}
    assert engine_version(runtimes.current(parts.new_lock)) == "1.0"
    assert engine_version(runtimes.install(parts.new_lock, quiet(), works)) == "2.0"
    assert runtimes.look(parts.new_lock).previous == snapshot.current
    assert runtimes.check(quiet()) == []


def new_bytes(parts: Parts) -> int:
    """What an update must fetch."""
    return sum(len(wheel.content) for wheel in parts.new if wheel not in parts.old)


@pytest.mark.parametrize("point", WHILE_FETCHING.values(), ids=WHILE_FETCHING.keys())
def test_that_killing_an_update_while_it_fetches_leaves_the_old_runtime(
    folder: Path, tools: BuildTools, module_server: WheelServer, parts: Parts, point: KillPoint
) -> None:
    killed(order(folder, tools, module_server, parts.new_lock, point))
    the_old_one_works_and_the_update_can_be_made(folder, runtimes_in(folder, tools, module_server.url), parts)
    # What was asked for counts here, though it may not have been read; none is asked for a third time.
    assert new_bytes(parts) <= module_server.all_sent_bytes <= 2 * new_bytes(parts)


@pytest.mark.parametrize("point", WHILE_BUILDING.values(), ids=WHILE_BUILDING.keys())
def test_that_killing_an_update_while_it_is_built_leaves_the_old_runtime_and_all_that_arrived(
    folder: Path, tools: BuildTools, module_server: WheelServer, parts: Parts, point: KillPoint
) -> None:
    killed(order(folder, tools, module_server, parts.new_lock, point))
    the_old_one_works_and_the_update_can_be_made(folder, runtimes_in(folder, tools, module_server.url), parts)
    assert module_server.all_sent_bytes == new_bytes(parts)


@pytest.mark.parametrize("point", AFTER_THE_SWITCH.values(), ids=AFTER_THE_SWITCH.keys())
def test_that_killing_an_update_after_the_switch_leaves_the_new_runtime(
    folder: Path, tools: BuildTools, module_server: WheelServer, parts: Parts, point: KillPoint
) -> None:
    killed(order(folder, tools, module_server, parts.new_lock, point))
    runtimes = runtimes_in(folder, tools, module_server.url)
    snapshot = runtimes.look(parts.new_lock)
    assert (snapshot.state, snapshot.is_wanted) == (RuntimeState.READY, True)
    assert snapshot.current is not None
    runtimes.recover()
    assert runtimes.install(parts.new_lock, quiet(), fails) == snapshot.current
    assert engine_version(snapshot.current) == "2.0"
    assert engine_version(runtimes.roll_back()) == "1.0"


@pytest.mark.parametrize(
    ("point", "state"),
    [
        (WHILE_FETCHING["one file took its place"], RuntimeState.ABSENT),
        (WHILE_BUILDING["the installer was started"], RuntimeState.ABSENT),
        (WHILE_BUILDING["the test is passed"], RuntimeState.ABSENT),
        (WHILE_BUILDING["it is to be used"], RuntimeState.READY),
    ],
    ids=["fetching", "building", "not marked", "marked"],
)
def test_that_killing_the_first_installation_leaves_one_only_where_it_was_finished(
    tmp_path: Path, tools: BuildTools, module_server: WheelServer, parts: Parts, point: KillPoint, state: RuntimeState
) -> None:
    folder = tmp_path / "rt"
    killed(order(folder, tools, module_server, parts.new_lock, point))
    runtimes = runtimes_in(folder, tools, module_server.url)
    runtimes.recover()
    assert runtimes.look(parts.new_lock).state is state
    assert engine_version(runtimes.install(parts.new_lock, quiet(), works)) == "2.0"


def test_that_an_installer_that_outlives_the_program_is_ended(
    folder: Path, tools: BuildTools, module_server: WheelServer, parts: Parts, tmp_path: Path
) -> None:
    slow = tmp_path / "uv"
    slow.write_text("#!/bin/sh\nexec sleep 300\n")
    slow.chmod(0o755)
    point = KillPoint("write_atomically", "activity.json", '"process_started": 1')
    killed(order(folder, replace(tools, uv=slow), module_server, parts.new_lock, point))
    left = psutil.Process(json.loads((folder / "activity.json").read_bytes())["process_id"])
    assert left.is_running()
    runtimes_in(folder, tools, module_server.url).recover()
    assert not left.is_running()


def test_that_another_process_with_the_number_of_the_installer_is_left_alone(
    folder: Path, tools: BuildTools, module_server: WheelServer, parts: Parts
) -> None:
    with subprocess.Popen(["sleep", "300"]) as other:
        activity = {"format": 1, "state": "building", "digest": parts.new_lock.digest, "folder": "gone"}
        activity |= {"process_id": other.pid, "process_started": psutil.Process(other.pid).create_time() - 3600}
        (folder / "activity.json").write_text(json.dumps(activity))
        runtimes_in(folder, tools, module_server.url).recover()
        assert other.poll() is None
        assert not (folder / "activity.json").exists()
        other.kill()


def test_that_two_programs_do_not_install_at_once(
    folder: Path, tools: BuildTools, module_server: WheelServer, parts: Parts
) -> None:
    long = replace(order(folder, tools, module_server, parts.new_lock, None), test_s=2.0)
    first = start(long)
    assert first.stdout is not None
    assert first.stdout.readline() == b"testing\n"
    runtimes = runtimes_in(folder, tools, module_server.url)
    assert runtimes.look(parts.new_lock).state is RuntimeState.TESTING
    with pytest.raises(RuntimeBusyError):
        runtimes.install(parts.new_lock, quiet(), works)
    runtimes.recover()
    output, errors = first.communicate(timeout=_LIMIT_S)
    assert first.returncode == 0, errors.decode()[-2000:]
    assert runtimes.install(parts.new_lock, quiet(), fails).name == output.decode().strip()
