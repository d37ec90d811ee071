"""A drive that is full, or becomes full, costs nothing but the try; the drive here is a real one of 120 MB."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.runtime.conftest import Parts, engine_version, quiet, runtimes_in, works
from tests.fakes.wheel_server import WheelServer
from wan_desktop.core.errors import RuntimeSpaceError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.room import check_room, room_to_build, room_to_install
from wan_desktop.core.runtime.runtime_records import RuntimeState
from wan_desktop.core.runtime.runtimes import RuntimeProgress, Runtimes
from wan_desktop.core.runtime.wheel_index import Wheel, WheelPlan
from wan_desktop.core.runtime.wheelhouse import Wheelhouse
from wan_desktop.core.store.disk import Disk


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "drive"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("mounting a small drive needs root on Linux")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(drive: Path, *, leave_bytes: int = 0) -> None:
    """Another program takes the space."""
    free = shutil.disk_usage(drive).free
    with (drive / "ballast").open("ab") as file:
        os.posix_fallocate(file.fileno(), file.tell(), max(1, free - leave_bytes))


@pytest.fixture
def small(drive: Path, tools: BuildTools, server: WheelServer, parts: Parts) -> Runtimes:
    """Runtimes on the small drive, the old one in use."""
    server.add(*parts.everything)
    runtimes = runtimes_in(drive / "rt", tools, server.url)
    runtimes.install(parts.old_lock, quiet(), works)
    server.sent_bytes.clear()
    return runtimes


def test_that_nothing_is_fetched_where_there_is_no_room(
    small: Runtimes, drive: Path, parts: Parts, server: WheelServer
) -> None:
    fill(drive, leave_bytes=70_000_000)
    with pytest.raises(RuntimeSpaceError) as caught:
        small.install(parts.new_lock, quiet(), works)
    assert "0.1 GB" in caught.value.message
    assert caught.value.hint
    assert server.all_sent_bytes == 0
    assert small.look(parts.new_lock).state is RuntimeState.READY


@pytest.mark.parametrize(
    ("state", "leave_bytes"),
    [
        (RuntimeState.FETCHING, 0),
        (RuntimeState.FETCHING, 2_000_000),
        (RuntimeState.BUILDING, 0),
        (RuntimeState.BUILDING, 2_000_000),
        (RuntimeState.TESTING, 0),
    ],
)
def test_that_a_drive_that_becomes_full_leaves_the_old_runtime_and_what_arrived(
    small: Runtimes, drive: Path, parts: Parts, server: WheelServer, state: RuntimeState, leave_bytes: int
) -> None:
    def report(_: str, progress: RuntimeProgress) -> None:
        if progress.state is state and (state is not RuntimeState.FETCHING or progress.transfer):
            fill(drive, leave_bytes=leave_bytes)

    with pytest.raises(RuntimeSpaceError):
        small.install(parts.new_lock, JobContext("test", report), works)
    (drive / "ballast").unlink()
    before = small.look(parts.new_lock)
    assert before.state is RuntimeState.READY
    assert not before.is_wanted
    assert engine_version(small.current(parts.new_lock)) == "1.0"
    assert len([path for path in small.folder.iterdir() if path.is_dir()]) == 2  # the old one, and the files
    assert engine_version(small.install(parts.new_lock, quiet(), works)) == "2.0"
    new_bytes = sum(len(wheel.content) for wheel in parts.new if wheel not in parts.old)
    if state is not RuntimeState.FETCHING:
        assert server.all_sent_bytes == new_bytes


def test_that_a_runtime_fits_into_the_room_that_was_counted(small: Runtimes, parts: Parts) -> None:
    installed = small.install(parts.new_lock, quiet(), works)
    plan = small.wheelhouse.plan_of(parts.new_lock)
    assert plan is not None
    used = sum(path.lstat().st_blocks * 512 for path in installed.folder.rglob("*"))
    assert used < room_to_build(small.wheelhouse, plan)
    assert small.wheelhouse.missing_bytes(plan) == 0
    assert room_to_build(small.wheelhouse, plan) < room_to_install(small.wheelhouse, plan)


def test_that_room_for_cuda_is_not_overestimated(tmp_path: Path) -> None:
    torch = Wheel("torch-2.13.0+cu126-cp311-cp311-win_amd64.whl", "", 2_594_548_547, "0" * 64)
    plan = WheelPlan("0" * 64, (torch,))
    needed = room_to_install(Wheelhouse(Disk(), tmp_path / "wheels"), plan)
    assert 7e9 < needed < 9e9  # the file, and five to six gigabytes of it unpacked


def test_that_the_missing_space_is_said(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(RuntimeSpaceError) as caught:
        check_room(Disk(), tmp_path, free + 3_000_000_000)
    assert "3.0 GB" in caught.value.hint or "3.1 GB" in caught.value.hint
    check_room(Disk(), tmp_path, 0)
