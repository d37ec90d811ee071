"""Storage calls, on a real drive."""

import contextlib
import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PosixPath, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

import wan_desktop
from tests.fakes.faulty_disk import FailingDisk, disk_full, windows_error
from wan_desktop.core.errors import (
    DownloadSpaceError,
    DriveFaultError,
    DriveMissingError,
    FileBlockedError,
    StoreError,
    WanError,
)
from wan_desktop.core.store import disk_file as disk_file_module
from wan_desktop.core.store.disk import Disk, Kind, is_litter
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.disk_file import DiskFile, FolderLock

HOLD = """
import sys
from pathlib import Path
from wan_desktop.core.store.disk import Disk
with Disk().lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture(params=["positional", "seeking"])
def any_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files as on systems with positional calls and as on those without."""
    if request.param == "seeking":
        monkeypatch.delattr(os, "preadv")
        monkeypatch.delattr(os, "pwrite")


def read_at(file: DiskFile, offset: int, length: int) -> bytes:
    buffer = bytearray(length)
    return bytes(buffer[: file.pread_into(offset, memoryview(buffer))])


# Open files ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("any_kind")
def test_that_what_is_written_anywhere_is_read_back(disk: Disk, tmp_path: Path) -> None:
    with disk.open(tmp_path / "a", create=True) as file:
        file.pwrite(5, b"later")
        file.pwrite(0, memoryview(b"first"))
        file.sync()
        assert (read_at(file, 0, 10), file.size_bytes) == (b"firstlater", 10)


@pytest.mark.usefixtures("any_kind")
@pytest.mark.parametrize(("offset", "expected"), [(0, b"abc"), (2, b"c"), (3, b""), (99, b"")])
def test_that_reading_ends_where_the_file_ends(disk: Disk, tmp_path: Path, offset: int, expected: bytes) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with disk.open_readonly(tmp_path / "a") as file:
        assert read_at(file, offset, 10) == expected


@pytest.mark.usefixtures("any_kind")
@pytest.mark.parametrize(("size_bytes", "expected"), [(2, b"ab"), (5, b"abc\0\0"), (0, b"")])
def test_that_a_file_is_cut_and_lengthened(disk: Disk, tmp_path: Path, size_bytes: int, expected: bytes) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with disk.open(tmp_path / "a") as file:
        file.resize(size_bytes)
    assert (tmp_path / "a").read_bytes() == expected


@pytest.mark.usefixtures("any_kind")
def test_that_many_threads_share_a_file(disk: Disk, tmp_path: Path) -> None:
    blocks = [bytes([number]) * 5_000 for number in range(64)]
    with disk.open(tmp_path / "a", create=True) as file, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: file.pwrite(number * 5_000, blocks[number]), range(64)))
        found = list(pool.map(lambda number: read_at(file, number * 5_000, 5_000), range(64)))
    assert found == blocks


@pytest.mark.usefixtures("any_kind")
def test_that_a_closed_file_is_no_other_file(disk: Disk, tmp_path: Path) -> None:
    file = disk.open(tmp_path / "a", create=True)
    file.close()
    file.close()
    with disk.open(tmp_path / "b", create=True), pytest.raises(ValueError, match="closed"):
        file.pwrite(0, b"x")
    assert (tmp_path / "b").read_bytes() == b""


class StingyFile(io.FileIO):
    """Reads and writes three bytes at a time."""

    def readinto(self, buffer: Any) -> int:
        return super().readinto(buffer[:3])

    def write(self, data: Any) -> int:
        return super().write(data[:3])


def test_that_a_drive_which_takes_and_gives_little_at_once_is_asked_again(tmp_path: Path) -> None:
    with disk_file_module._SeekingFile(StingyFile(tmp_path / "a", "w+b")) as file:
        file.pwrite(2, b"0123456789")
        assert read_at(file, 1, 99) == b"\x000123456789"


class MeetingFile(io.FileIO):
    """Two threads that seek at the same time wait for each other before they go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+b")
        self.meeting = threading.Barrier(2)

    def seek(self, offset: int, whence: int = 0) -> int:
        where = super().seek(offset, whence)
        with contextlib.suppress(threading.BrokenBarrierError):
            self.meeting.wait(0.2)
        return where


def test_that_threads_which_must_seek_do_not_write_in_each_others_place(tmp_path: Path) -> None:
    with disk_file_module._SeekingFile(MeetingFile(tmp_path / "a")) as file, ThreadPoolExecutor(2) as pool:
        list(pool.map(file.pwrite, (0, 3), (b"abc", b"def")))
    assert (tmp_path / "a").read_bytes() == b"abcdef"


def test_that_opening_keeps_what_is_there(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    disk.open(tmp_path / "a", create=True).close()
    assert (tmp_path / "a").read_bytes() == b"abc"


def test_that_an_absent_file_is_made_only_when_asked(disk: Disk, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        disk.open(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_that_a_file_for_reading_is_not_written(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with disk.open_readonly(tmp_path / "a") as file, pytest.raises(OSError, match=r"descriptor|not writable"):
        file.pwrite(0, b"x")


def test_that_nothing_is_written_through_a_symlink(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"abc")
    (tmp_path / "a").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="symbolic link"):
        disk.open(tmp_path / "a", create=True)


def test_that_a_full_drive_is_told_and_not_taken_for_written(disk: Disk, small_disk: Path) -> None:
    with disk.open(small_disk / "a", create=True) as file, pytest.raises(OSError, match="No space") as caught:
        file.pwrite(0, bytes(1_000_000))
    assert caught.value.errno == errno.ENOSPC


# Names ---------------------------------------------------------------------------------------------------------------


def test_that_a_stamp_tells_size_time_identity_and_names(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    disk.link(tmp_path / "a", tmp_path / "b")
    os.utime(tmp_path / "a", ns=(1, 123_456_789))
    stamp = disk.stat(tmp_path / "a")
    assert (stamp.size_bytes, stamp.mtime_ns, stamp.links, stamp.kind) == (3, 123_456_789, 2, Kind.FILE)
    assert stamp == disk.stat(tmp_path / "b")


def test_that_kinds_are_told_apart_without_following_links(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    os.mkfifo(tmp_path / "pipe")
    assert [disk.stat(tmp_path / name).kind for name in disk.list_folder(tmp_path)] == ["folder", "link", "other"]


class Reparsed(PosixPath):
    """A folder as Windows shows one with a reparse tag."""

    tag = 0

    def lstat(self) -> os.stat_result:
        numbers = dict.fromkeys(("st_size", "st_mtime_ns", "st_ino", "st_nlink"), 1)
        found: Any = SimpleNamespace(**numbers, st_mode=0o40777, st_file_attributes=0x410, st_reparse_tag=self.tag)
        return found


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        pytest.param(0xA0000003, Kind.LINK, id="junction"),
        pytest.param(0xA000000C, Kind.LINK, id="symlink"),
        pytest.param(0x9000001A, Kind.FOLDER, id="onedrive"),
        pytest.param(0x80000013, Kind.FOLDER, id="deduplicated"),
    ],
)
def test_that_only_a_windows_reparse_point_that_leads_elsewhere_is_a_link(disk: Disk, tag: int, kind: Kind) -> None:
    folder = Reparsed("x")
    folder.tag = tag
    assert disk.stat(folder).kind is kind


def test_that_only_what_is_there_exists(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "to-nothing").symlink_to(tmp_path / "nothing")
    found = [disk.exists(tmp_path / name) for name in ("file", "to-nothing", "nothing", "file/below")]
    assert found == [True, True, False, False]


def test_that_an_absent_folder_lists_nothing(disk: Disk, tmp_path: Path) -> None:
    assert (disk.list_folder(tmp_path / "x"), list(disk.walk(tmp_path / "x"))) == ([], [])


def test_that_folders_are_made_with_those_above_and_may_be_there(disk: Disk, tmp_path: Path) -> None:
    disk.make_folder(tmp_path / "a" / "b" / "c")
    disk.make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_that_a_link_to_a_folder_is_a_place_for_folders(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    disk.make_folder(tmp_path / "link")
    disk.make_folder(tmp_path / "link" / "below")
    assert (tmp_path / "real" / "below").is_dir()


def test_that_a_file_is_no_folder(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        disk.make_folder(tmp_path / "a")
    with pytest.raises(NotADirectoryError):
        disk.make_folder(tmp_path / "a" / "b")


def test_that_a_file_takes_the_place_of_another(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    disk.replace(tmp_path / "new", tmp_path / "old")
    assert ((tmp_path / "old").read_bytes(), disk.list_folder(tmp_path)) == (b"new", ["old"])


@pytest.mark.parametrize("is_empty", [True, False], ids=["empty", "full"])
def test_that_a_folder_takes_no_place_of_another(disk: Disk, tmp_path: Path, is_empty: bool) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    if not is_empty:
        (tmp_path / "old" / "x").touch()
    with pytest.raises(FileExistsError):
        disk.replace(tmp_path / "new", tmp_path / "old")


def test_that_a_folder_gets_a_free_name(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x").touch()
    disk.replace(tmp_path / "new", tmp_path / "there")
    assert (tmp_path / "there" / "x").exists()


class BlockedDisk(Disk):
    """Another program blocks the first renames."""

    def __init__(self, times: int, code: int = errno.EACCES) -> None:
        self.waited: list[float] = []
        self.times = times
        self.code = code
        super().__init__(wait=self.waited.append)

    def _rename(self, source: Path, target: Path) -> None:
        if self.times:
            self.times -= 1
            raise OSError(self.code, "blocked")
        super()._rename(source, target)


@pytest.mark.parametrize("times", [0, 1, 6])
def test_that_a_blocked_rename_is_tried_again(tmp_path: Path, times: int) -> None:
    (tmp_path / "a").touch()
    disk = BlockedDisk(times)
    disk.replace(tmp_path / "a", tmp_path / "b")
    assert (len(disk.waited), disk.list_folder(tmp_path)) == (times, ["b"])


def test_that_a_rename_is_given_up_after_two_seconds(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    disk = BlockedDisk(100)
    with pytest.raises(PermissionError):
        disk.replace(tmp_path / "a", tmp_path / "b")
    assert sum(disk.waited) == pytest.approx(2.0)
    assert disk.list_folder(tmp_path) == ["a"]


def test_that_other_errors_of_a_rename_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    disk = BlockedDisk(1, errno.EXDEV)
    with pytest.raises(OSError, match="blocked"):
        disk.replace(tmp_path / "a", tmp_path / "b")
    assert disk.waited == []


def test_that_a_second_name_takes_no_place_of_another(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    with pytest.raises(FileExistsError):
        disk.link(tmp_path / "a", tmp_path / "b")


def test_that_a_second_name_is_of_the_file_behind_a_symlink(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"abc")
    (tmp_path / "snapshot").symlink_to("blob")
    disk.link(tmp_path / "snapshot", tmp_path / "model")
    assert disk.stat(tmp_path / "model") == disk.stat(tmp_path / "blob")


def test_that_removing_what_is_absent_is_fine(disk: Disk, tmp_path: Path) -> None:
    disk.unlink(tmp_path / "a")
    disk.remove_folder(tmp_path / "a")
    disk.remove_tree(tmp_path / "a")


def test_that_a_folder_with_something_in_it_stays(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match="not empty"):
        disk.remove_folder(tmp_path)


def test_that_an_absent_folder_is_not_taken_for_safe(disk: Disk, tmp_path: Path) -> None:
    disk.sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        disk.sync_folder(tmp_path / "a")


def test_that_free_space_is_that_of_the_drive(disk: Disk, small_disk: Path) -> None:
    assert 400_000 < disk.free_bytes(small_disk) <= 512 * 1024


# Whole files and trees -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size_bytes", [0, 1, 10], ids=str)
def test_that_a_small_file_is_read_whole(disk: Disk, tmp_path: Path, size_bytes: int) -> None:
    (tmp_path / "a").write_bytes(bytes(size_bytes))
    assert disk.read_bytes(tmp_path / "a", limit_bytes=10) == bytes(size_bytes)


def test_that_a_file_over_the_limit_is_not_read(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(11))
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        disk.read_bytes(tmp_path / "a", limit_bytes=10)


@pytest.mark.parametrize("old", [None, b"old and longer"], ids=["absent", "there"])
def test_that_a_file_is_written_without_litter(disk: Disk, tmp_path: Path, old: bytes | None) -> None:
    if old is not None:
        (tmp_path / "a").write_bytes(old)
    disk.write_atomically(tmp_path / "a", b"new")
    assert ((tmp_path / "a").read_bytes(), disk.list_folder(tmp_path)) == (b"new", ["a"])


def test_that_litter_of_a_process_of_that_number_does_no_harm(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / f".a.{os.getpid()}.part").write_bytes(b"something longer")
    disk.write_atomically(tmp_path / "a", b"new")
    assert ((tmp_path / "a").read_bytes(), disk.list_folder(tmp_path)) == (b"new", ["a"])


def test_that_a_file_is_old_or_new_whichever_call_of_its_writing_fails(tmp_path: Path) -> None:
    counting = FailingDisk()
    (tmp_path / "0").mkdir()
    counting.write_atomically(tmp_path / "0" / "a", b"new")
    assert counting.calls == 6
    for number in range(1, counting.calls + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "a").write_bytes(b"old")
        with pytest.raises(OSError, match="No space"):
            FailingDisk(number, disk_full(), half_writes=True).write_atomically(folder / "a", b"new")
        assert (folder / "a").read_bytes() == (b"new" if number == counting.calls else b"old")
        assert Disk().list_folder(folder) == ["a"]


def test_that_what_cannot_be_removed_is_known_as_litter(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"):
        FailingDisk(2, ever_after=True).write_atomically(tmp_path / "model.json", b"new")
    assert [is_litter(name) for name in Disk().list_folder(tmp_path)] == [True]


@pytest.mark.parametrize("name", ["model.json", "a.part", ".a.part", "model.1.part", ".1.part", ".a.1.part.json"])
def test_that_other_files_are_no_litter(name: str) -> None:
    assert not is_litter(name)


def make_tree(root: Path) -> None:
    (root / "a" / "deep").mkdir(parents=True)
    (root / "empty").mkdir()
    for name in ("a/z", "a/deep/x", "a.txt", "b"):
        (root / name).write_text(name)


def test_that_a_walk_names_all_files_in_order_and_follows_no_link(disk: Disk, tmp_path: Path) -> None:
    make_tree(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    found = list(disk.walk(tmp_path))
    paths = [path for path, _ in found]
    assert [str(path) for path in paths] == ["a/deep/x", "a/z", "a.txt", "b", "link"]
    assert paths == sorted(paths)
    assert found[-1] == (PurePosixPath("link"), disk.stat(tmp_path / "link"))
    assert found[-1][1].kind is Kind.LINK


def test_that_removing_a_tree_leaves_what_its_links_point_to(disk: Disk, tmp_path: Path) -> None:
    make_tree(tmp_path / "outside")
    make_tree(tmp_path / "tree")
    (tmp_path / "tree" / "a" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "tree" / "to-nothing").symlink_to("nothing")
    disk.remove_tree(tmp_path / "tree")
    assert disk.list_folder(tmp_path) == ["outside"]
    assert len(list(disk.walk(tmp_path / "outside"))) == 4


def test_that_removing_a_link_leaves_the_folder_behind_it(disk: Disk, tmp_path: Path) -> None:
    make_tree(tmp_path / "tree")
    (tmp_path / "link").symlink_to(tmp_path / "tree")
    disk.remove_tree(tmp_path / "link")
    assert (disk.list_folder(tmp_path), len(list(disk.walk(tmp_path / "tree")))) == (["tree"], 4)


def test_that_a_single_file_is_removed_as_a_tree(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    disk.remove_tree(tmp_path / "a")
    assert disk.list_folder(tmp_path) == []


# Locks ---------------------------------------------------------------------------------------------------------------


def test_that_a_lock_is_held_once_in_a_process(disk: Disk, tmp_path: Path) -> None:
    with disk.lock(tmp_path / "lock"), pytest.raises(BlockingIOError):
        disk.lock(tmp_path / "lock")


def test_that_a_lock_is_held_against_other_threads(disk: Disk, tmp_path: Path) -> None:
    def try_it() -> FolderLock | str:
        try:
            return disk.lock(tmp_path / "lock")
        except BlockingIOError:
            return "held"

    with disk.lock(tmp_path / "lock"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(try_it).result() == "held"


def test_that_a_lock_let_go_is_free_and_its_file_stays(disk: Disk, tmp_path: Path) -> None:
    lock = disk.lock(tmp_path / "lock")
    lock.close()
    lock.close()
    assert disk.list_folder(tmp_path) == ["lock"]
    with disk.lock(tmp_path / "lock"):
        pass


def test_that_a_refused_lock_leaves_the_holder_and_no_open_file(disk: Disk, tmp_path: Path) -> None:
    with disk.lock(tmp_path / "lock"):
        opened = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            with pytest.raises(BlockingIOError):
                disk.lock(tmp_path / "lock")
        assert len(list(Path("/proc/self/fd").iterdir())) == opened


@pytest.mark.parametrize("end", [subprocess.Popen.kill, lambda process: process.communicate()], ids=["kill", "quit"])
def test_that_a_lock_of_another_process_ends_with_it(
    disk: Disk, tmp_path: Path, end: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(wan_desktop.__path__[0]).parent,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"held"
        with pytest.raises(BlockingIOError):
            disk.lock(tmp_path / "lock")
        end(process)
        process.wait()
        disk.lock(tmp_path / "lock").close()


def test_that_of_many_threads_one_gets_the_lock(disk: Disk, tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def try_it(_: int) -> FolderLock | None:
        start.wait()
        try:
            return disk.lock(tmp_path / "lock")
        except BlockingIOError:
            return None

    with ThreadPoolExecutor(8) as pool:
        held = [lock for lock in pool.map(try_it, range(8)) if lock is not None]
    assert len(held) == 1
    held[0].close()


# Windows paths -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("C:\\models\\a", "C:\\models\\a"),
        ("C:\\" + "a" * 237, "C:\\" + "a" * 237),
        ("C:\\" + "a" * 238, "\\\\?\\C:\\" + "a" * 238),
        ("\\\\server\\share\\" + "a" * 230, "\\\\?\\UNC\\server\\share\\" + "a" * 230),
        ("\\\\?\\C:\\" + "a" * 300, "\\\\?\\C:\\" + "a" * 300),
    ],
    ids=["short", "240", "241", "server", "extended"],
)
def test_that_long_windows_paths_are_extended(path: str, expected: str) -> None:
    assert disk_file_module.extended(path) == expected


# Errors --------------------------------------------------------------------------------------------------------------

KINDS = [
    (OSError(errno.ENOSPC, ""), DownloadSpaceError),
    (OSError(errno.EDQUOT, ""), DownloadSpaceError),
    (windows_error(112, errno.ENOSPC), DownloadSpaceError),
    (windows_error(39), DownloadSpaceError),
    (OSError(errno.EACCES, ""), FileBlockedError),
    (OSError(errno.EPERM, ""), FileBlockedError),
    (OSError(errno.EROFS, ""), FileBlockedError),
    (windows_error(5, errno.EACCES), FileBlockedError),
    (windows_error(32, errno.EACCES), FileBlockedError),
    (windows_error(33, errno.EACCES), FileBlockedError),
    (windows_error(19, errno.EACCES), FileBlockedError),
    (windows_error(225), FileBlockedError),
    (OSError(errno.EIO, ""), DriveFaultError),
    (windows_error(1117), DriveFaultError),
    (windows_error(23), DriveFaultError),
    (OSError(errno.ENODEV, ""), DriveMissingError),
    (OSError(errno.ESTALE, ""), DriveMissingError),
    (windows_error(21, errno.EACCES), DriveMissingError),
    (windows_error(53, errno.ENOENT), DriveMissingError),
    (OSError(errno.EFBIG, ""), StoreError),
    (OSError(errno.ENAMETOOLONG, ""), StoreError),
    (OSError(errno.EMFILE, ""), StoreError),
    (OSError(errno.ENOENT, ""), StoreError),
    (OSError(errno.EXDEV, ""), StoreError),
    (OSError("no number"), StoreError),
]


@pytest.mark.parametrize(
    ("error", "expected"), KINDS, ids=[f"{getattr(error, 'winerror', None) or error.errno}" for error, _ in KINDS]
)
def test_that_errors_are_told_apart_by_what_the_user_can_do(
    tmp_path: Path, error: OSError, expected: type[WanError]
) -> None:
    told = disk_error(error, tmp_path, "downloading")
    assert type(told) is expected
    assert told.message.startswith("Downloading failed: ")
    assert told.message.endswith(".")
    assert told.hint


def test_that_nothing_at_the_library_means_that_its_drive_is_gone(tmp_path: Path) -> None:
    error = FileNotFoundError(errno.ENOENT, "", str(tmp_path / "gone" / "model"))
    assert type(disk_error(error, tmp_path / "gone", "checking")) is DriveMissingError


def test_that_the_file_is_named_as_the_user_knows_it(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "", "\\\\?\\C:\\models\\a.json")
    assert " C:\\models\\a.json." in disk_error(error, tmp_path, "checking").message


def test_that_a_full_drive_is_told_with_the_space_it_has(small_disk: Path) -> None:
    assert "(1 MB are free)" in disk_error(disk_full(), small_disk, "downloading").message


def test_that_an_unknown_error_is_told_in_the_words_of_the_system(disk: Disk, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as caught:
        disk.open_readonly(tmp_path)
    told = disk_error(caught.value, tmp_path, "checking")
    assert told.message == f"Checking failed: the system says “Is a directory” about {tmp_path}."
