"""The failing drives themselves: they find what is known to be wrong, and do not accuse what is right."""

import errno
import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.faulty_disk import (
    SECTOR_BYTES,
    Calls,
    CrashState,
    FailingDisk,
    RecordingDisk,
    crash_states,
    disk_full,
    materialise,
    windows_error,
)
from wan_desktop.core.store.disk import Disk

OLD, NEW = b"o" * 9_000, b"n" * 10_000
SEEDS = range(60)


def write_in_place(disk: Disk, path: Path) -> None:
    with disk.open(path, create=True) as file:
        file.resize(0)
        file.pwrite(0, NEW)
        file.sync()
    disk.sync_folder(path.parent)


def write_beside_without_sync(disk: Disk, path: Path) -> None:
    with disk.open(path.with_name("beside"), create=True) as file:
        file.pwrite(0, NEW)
    disk.replace(path.with_name("beside"), path)
    disk.sync_folder(path.parent)


def write_beside_without_sync_of_folder(disk: Disk, path: Path) -> None:
    with disk.open(path.with_name("beside"), create=True) as file:
        file.pwrite(0, NEW)
        file.sync()
    disk.replace(path.with_name("beside"), path)


def write_atomically(disk: Disk, path: Path) -> None:
    disk.write_atomically(path, NEW)


Protocol = Callable[[Disk, Path], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What is recorded."""
    root = tmp_path / "root"
    root.mkdir()
    return root


def record(root: Path, protocol: Protocol) -> RecordingDisk:
    (root / "file").write_bytes(OLD)
    disk = RecordingDisk(root)
    protocol(disk, root / "file")
    return disk


def written(state: CrashState, beside: Path) -> Path:
    target = Path(tempfile.mkdtemp(dir=beside.parent))
    state.write(target)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ends(disk: RecordingDisk, root: Path) -> list[dict[str, bytes]]:
    """What may be left after a power failure at the very end, in many cases."""
    cut = len(disk.log.ops)
    return [contents(written(CrashState(disk.log, cut, seed), root)) for seed in SEEDS]


# Power failures: protocols -------------------------------------------------------------------------------------------


def broken_states(disk: RecordingDisk, root: Path, count: int = 300) -> Counter[str]:
    """How many states hold neither the old nor the new content, and how many lost the new one after it was done."""
    broken: Counter[str] = Counter()
    for state in crash_states(disk.log, random.Random(1), count):
        content = contents(written(state, root)).get("file", b"absent")
        if content not in (OLD, NEW):
            broken["mixed"] += 1
        elif content == OLD and state.cut == len(disk.log.ops):
            broken["lost"] += 1
    return broken


@pytest.mark.parametrize(
    ("protocol", "kinds"),
    [
        (write_in_place, {"mixed"}),
        (write_beside_without_sync, {"mixed"}),
        (write_beside_without_sync_of_folder, {"lost"}),
        (write_atomically, set()),
    ],
    ids=["in-place", "no-sync", "no-sync-of-folder", "atomically"],
)
def test_that_exactly_the_wrong_ways_of_writing_are_found(root: Path, protocol: Protocol, kinds: set[str]) -> None:
    assert set(broken_states(record(root, protocol), root)) == kinds


def test_that_all_kinds_of_torn_content_come(root: Path) -> None:
    (root / "file").write_bytes(b"old!" * SECTOR_BYTES)
    disk = RecordingDisk(root)
    with disk.open(root / "file") as file:
        file.pwrite(0, b"new!" * SECTOR_BYTES)
    states = {end["file"] for end in ends(disk, root)}
    sectors = {tuple({state[at : at + 4] for at in range(0, len(state), SECTOR_BYTES)}) for state in states}
    assert {tuple({b"old!"}), tuple({b"new!"}), tuple({bytes(4)})} <= sectors
    assert any(len(kinds) == 3 for kinds in sectors)
    assert {len(state) for state in states} == {4 * SECTOR_BYTES}


def test_that_a_file_may_have_grown_by_zeros_or_in_part(root: Path) -> None:
    (root / "file").write_bytes(b"abc")
    disk = RecordingDisk(root)
    with disk.open(root / "file") as file:
        file.pwrite(3, b"x" * 3 * SECTOR_BYTES)
    states = [end["file"] for end in ends(disk, root)]
    assert all(state.startswith(b"abc") for state in states)
    assert b"abc" + bytes(3 * SECTOR_BYTES) in states
    assert {3, 3 * SECTOR_BYTES, 3 + 3 * SECTOR_BYTES} <= {len(state) for state in states}


def test_that_a_resize_may_be_lost_until_it_is_synced(root: Path) -> None:
    (root / "file").write_bytes(b"abcdef")
    disk = RecordingDisk(root)
    with disk.open(root / "file") as file:
        file.resize(8)
        file.sync()
        file.resize(3)
    assert {end["file"] for end in ends(disk, root)} == {b"abc", b"abcdef\0\0"}


def test_that_what_was_synced_is_left_alone(root: Path) -> None:
    (root / "file").write_bytes(bytes(SECTOR_BYTES))
    disk = RecordingDisk(root)
    with disk.open(root / "file") as file:
        file.pwrite(0, b"safe")
        file.sync()
        file.pwrite(4, b"lost")
    assert {end["file"][:4] for end in ends(disk, root)} == {b"safe"}
    assert {end["file"][4:8] for end in ends(disk, root)} == {b"lost", bytes(4)}


# Power failures: names -----------------------------------------------------------------------------------------------


def test_that_a_synced_file_has_no_safe_name_without_its_folder(root: Path) -> None:
    disk = RecordingDisk(root)
    with disk.open(root / "file", create=True) as file:
        file.pwrite(0, b"x")
        file.sync()
    assert {"file" in end for end in ends(disk, root)} == {True, False}
    disk.sync_folder(root)
    assert {"file" in end for end in ends(disk, root)} == {True}


def test_that_names_are_lost_from_the_end_in_each_folder_on_its_own(root: Path) -> None:
    (root / "a").mkdir()
    (root / "b").mkdir()
    disk = RecordingDisk(root)
    for name in ("a/1", "b/1", "a/2", "b/2"):
        disk.open(root / name, create=True).close()
    found = {tuple(sorted(end)) for end in ends(disk, root)}
    assert len(found) == 9
    assert all(name.replace("2", "1") in end for end in found for name in end)


def test_that_a_rename_is_never_half_done(root: Path) -> None:
    (root / "a").mkdir()
    (root / "b").mkdir()
    (root / "a" / "file").write_bytes(b"x")
    disk = RecordingDisk(root)
    disk.replace(root / "a" / "file", root / "b" / "file")
    assert {tuple(end) for end in ends(disk, root)} == {("a/file",), ("b/file",)}


@pytest.mark.parametrize("synced", ["a", "b"])
def test_that_a_rename_is_safe_in_both_folders_when_it_is_in_one(root: Path, synced: str) -> None:
    for name in ("a", "b", "c"):
        (root / name).mkdir()
    (root / "a" / "file").write_bytes(b"x")
    disk = RecordingDisk(root)
    disk.replace(root / "a" / "file", root / "b" / "file")
    disk.replace(root / "b" / "file", root / "c" / "file")
    disk.sync_folder(root / synced)
    expected = {"a": {("b/file",), ("c/file",)}, "b": {("c/file",)}}
    assert {tuple(end) for end in ends(disk, root)} == expected[synced]


def test_that_a_moved_folder_takes_its_content_along(root: Path) -> None:
    (root / "from").mkdir()
    (root / "to").mkdir()
    disk = RecordingDisk(root)
    disk.make_folder(root / "from" / "model")
    disk.write_atomically(root / "from" / "model" / "file", b"x")
    disk.replace(root / "from" / "model", root / "to" / "model")
    disk.open(root / "to" / "model" / "later", create=True).close()
    found = {tuple(sorted(end)) for end in ends(disk, root)}
    assert {end for end in found if len(end) == 1} == {("from/model/file",), ("to/model/file",)}
    assert ("to/model/file", "to/model/later") in found


def test_that_a_folder_is_safe_when_made_by_the_disk_and_not_when_only_created(root: Path) -> None:
    disk = RecordingDisk(root)
    disk.make_folder(root / "a" / "b")
    disk.write_atomically(root / "a" / "b" / "file", b"x")
    assert {tuple(end) for end in ends(disk, root)} == {("a/b/file",)}
    disk.create_folder(root / "c")
    disk.write_atomically(root / "c" / "file", b"x")
    assert {"c/file" in end for end in ends(disk, root)} == {True, False}


def test_that_removed_names_may_come_back(root: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "file").write_bytes(b"x")
    disk = RecordingDisk(root)
    disk.remove_tree(root / "a")
    assert {tuple(end) for end in ends(disk, root)} == {("a/file",), ()}
    disk.sync_folder(root)
    assert {tuple(end) for end in ends(disk, root)} == {()}


def test_that_a_second_name_is_of_the_same_file(root: Path, tmp_path: Path) -> None:
    (root / "a").write_bytes(b"x")
    (tmp_path / "outside").write_bytes(b"y")
    (root / "twin").hardlink_to(root / "a")
    disk = RecordingDisk(root)
    disk.link(root / "twin", root / "b")
    disk.link(tmp_path / "outside", root / "c")
    disk.sync_folder(root)
    with disk.open(root / "b") as file:
        file.pwrite(0, b"z")
        file.sync()
    target = written(CrashState(disk.log, len(disk.log.ops), 0), root)
    assert contents(target) == {"a": b"z", "b": b"z", "twin": b"z", "c": b"y"}
    assert Disk().stat(target / "b").links == 3


def test_that_a_file_is_not_taken_for_one_that_is_gone(root: Path) -> None:
    disk = RecordingDisk(root)
    for name in ("a", "b", "c"):
        disk.write_atomically(root / name, name.encode())
        disk.unlink(root / name)
    disk.write_atomically(root / "d", b"d")
    assert ends(disk, root)[0] == {"d": b"d"}


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "unlinked"])
def test_that_a_file_from_outside_is_not_taken_for_one_that_is_gone(
    root: Path, tmp_path: Path, is_replaced: bool
) -> None:
    disk = RecordingDisk(root)
    disk.open(root / "other", create=True).close()
    disk.open(root / "gone", create=True).close()
    if is_replaced:
        disk.replace(root / "other", root / "gone")
    else:
        disk.unlink(root / "gone")
    (tmp_path / "outside").write_bytes(b"x")  # most drives give it the number of the one that is gone
    disk.link(tmp_path / "outside", root / "new")
    disk.sync_folder(root)
    assert {end["new"] for end in ends(disk, root)} == {b"x"}


# Power failures: the log ---------------------------------------------------------------------------------------------


def test_that_every_change_is_written_down_in_order(root: Path) -> None:
    disk = RecordingDisk(root)
    disk.make_folder(root / "a")
    disk.write_atomically(root / "a" / "file", b"abc")
    disk.link(root / "a" / "file", root / "b")
    disk.lock(root / "lock").close()
    disk.lock(root / "lock").close()
    disk.remove_tree(root / "a")
    disk.unlink(root / "absent")
    beside = f"a/.file.{os.getpid()}.part"
    assert str(disk.log).splitlines() == [
        "1 make folder a",
        "2 sync folder .",
        f"3 create {beside}",
        f"4 resize {beside}",
        f"5 write {beside} at 0, 3 bytes",
        f"6 sync {beside}",
        f"7 replace {beside} -> a/file",
        "8 sync folder a",
        "9 link a/file -> b",
        "10 create lock",
        "11 unlink a/file",
        "12 remove folder a",
    ]
    assert contents(root) == {"b": b"abc", "lock": b""}


def test_that_what_failed_is_not_written_down(root: Path) -> None:
    disk = RecordingDisk(root)
    with pytest.raises(FileNotFoundError):
        disk.replace(root / "a", root / "b")
    with pytest.raises(FileNotFoundError):
        disk.open(root / "a" / "b", create=True)
    assert disk.log.ops == []


def test_that_a_file_that_was_not_replaced_is_still_known(root: Path) -> None:
    (root / "file").write_bytes(b"x")
    disk = RecordingDisk(root)
    with pytest.raises(FileNotFoundError):
        disk.replace(root / "absent", root / "file")
    with disk.open(root / "file") as file:
        file.pwrite(0, b"y")
        file.sync()
    assert {end["file"] for end in ends(disk, root)} == {b"y"}


def test_that_before_the_first_call_all_is_as_it_was(root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_bytes(b"x")
    disk = RecordingDisk(root)
    disk.remove_tree(root / "a")
    assert contents(written(CrashState(disk.log, 0, 7), root)) == {"a/b/file": b"x"}


def test_that_a_state_is_the_same_every_time(root: Path) -> None:
    disk = record(root, write_in_place)
    state = next(crash_states(disk.log, random.Random(3), 1))
    (root.parent / "again").mkdir()
    state.write(root.parent / "again")
    assert contents(written(state, root)) == contents(root.parent / "again")
    assert f"seed {state.seed}" in str(state)


def test_that_states_differ_in_when_and_what(root: Path) -> None:
    disk = record(root, write_in_place)
    states = list(crash_states(disk.log, random.Random(3), 100))
    assert {state.cut for state in states} == set(range(len(disk.log.ops) + 1))
    assert len({state.seed for state in states}) == 100


def test_that_a_state_needs_an_empty_folder(root: Path) -> None:
    disk = record(root, write_in_place)
    with pytest.raises(ValueError, match="not empty"):
        materialise(disk.log, 0, random.Random(1), root)


# Failing calls -------------------------------------------------------------------------------------------------------


def everything(disk: Disk, root: Path) -> None:
    """One call of each kind, reads and writes in turn."""
    disk.create_folder(root / "a")
    disk.stat(root / "a")
    with disk.open(root / "a" / "x", create=True) as file:
        file.pwrite(0, b"abcdef")
        file.resize(5)
        file.sync()
    disk.open(root / "a" / "x").close()
    with disk.open_readonly(root / "a" / "x") as file:
        file.pread_into(0, memoryview(bytearray(3)))
    disk.lock(root / "lock").close()
    disk.replace(root / "a" / "x", root / "a" / "y")
    disk.link(root / "a" / "y", root / "a" / "z")
    disk.sync_folder(root / "a")
    disk.list_folder(root)
    disk.free_bytes(root)
    disk.unlink(root / "a" / "y")
    disk.unlink(root / "a" / "z")
    disk.remove_folder(root / "a")


NAMES = {
    Calls.READS: "stat a, open x, open x, pread x, list_folder root, free_bytes root",
    Calls.WRITES: "create_folder a, open x, pwrite x, resize x, sync x, lock lock, replace y, link z, sync_folder a, "
    "unlink y, unlink z, remove_folder a",
    Calls.ALL: "create_folder a, stat a, open x, pwrite x, resize x, sync x, open x, open x, pread x, lock lock, "
    "replace y, link z, sync_folder a, list_folder root, free_bytes root, unlink y, unlink z, remove_folder a",
}


@pytest.mark.parametrize("kind", list(Calls))
def test_that_every_call_is_counted_and_fails_in_its_turn(root: Path, kind: Calls) -> None:
    counting = FailingDisk(of=kind)
    everything(counting, root)
    failed = []
    for number in range(1, counting.calls + 1):
        (root.parent / str(number) / "root").mkdir(parents=True)
        disk = FailingDisk(number, disk_full(), of=kind)
        with pytest.raises(OSError, match="No space"):
            everything(disk, root.parent / str(number) / "root")
        failed += disk.failed
        assert disk.calls == number
    assert ", ".join(failed) == NAMES[kind]
    assert counting.failed == []


def test_that_a_failed_call_does_nothing_and_the_next_one_works(root: Path) -> None:
    disk = FailingDisk(1)
    with pytest.raises(OSError, match="Input/output"):
        disk.create_folder(root / "a")
    assert disk.list_folder(root) == []
    assert disk.create_folder(root / "a")


def test_that_a_drive_can_fail_for_ever(root: Path) -> None:
    disk = FailingDisk(2, ever_after=True, of=Calls.WRITES)
    disk.create_folder(root / "a")
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output"):
            disk.create_folder(root / "b")
    assert (disk.list_folder(root), disk.failed) == (["a"], ["create_folder b"] * 3)


@pytest.mark.parametrize(("half_writes", "expected"), [(False, b""), (True, b"abc")])
def test_that_a_failed_write_may_have_written_half(root: Path, half_writes: bool, expected: bytes) -> None:
    disk = FailingDisk(2, disk_full(), half_writes=half_writes)
    with disk.open(root / "a", create=True) as file, pytest.raises(OSError, match="No space"):
        file.pwrite(0, memoryview(b"abcdef"))
    assert (root / "a").read_bytes() == expected


def test_that_errors_come_as_their_own_class_and_fresh_each_time(root: Path) -> None:
    disk = FailingDisk(1, windows_error(32, errno.EACCES), ever_after=True)
    caught = []
    for _ in range(2):
        with pytest.raises(PermissionError) as error:
            disk.exists(root)
        caught.append(error.value)
    assert caught[0] is not caught[1]
    assert [vars(error)["winerror"] for error in caught] == [32, 32]


def test_that_what_happened_before_a_failure_can_be_recorded(root: Path) -> None:
    recording = RecordingDisk(root)
    with pytest.raises(OSError, match="Input/output"):
        FailingDisk(4, disk=recording).write_atomically(root / "file", b"x")
    assert [op.kind for op in recording.log.ops] == ["create", "resize", "write", "unlink"]
