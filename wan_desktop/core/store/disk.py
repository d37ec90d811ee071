"""The one door between the store and the drive.

Every storage call of the store goes through one :class:`Disk`, so that tests can put one in its place that fails, or
that knows what would be left after a power failure. Errors pass unchanged; :func:`disk_error` translates them where the
store ends.
"""

import contextlib
import errno
import io
import os
import re
import shutil
import stat
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self, TypeAlias

from wan_desktop.core.errors import (
    DownloadSpaceError,
    DriveFaultError,
    DriveMissingError,
    FileBlockedError,
    StoreError,
    WanError,
)

Data: TypeAlias = bytes | bytearray | memoryview

_WINDOWS = os.name == "nt"
_BINARY = getattr(os, "O_BINARY", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_LONG_PATH = 240  # Windows ends at 260, for folders at 248
_EXTENDED = "\\\\?\\"
_PATIENCE_S = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)
_LITTER = re.compile(r"\..+\.\d+\.part", re.DOTALL)
_REPARSE_POINT = 0x400  # Windows' FILE_ATTRIBUTE_REPARSE_POINT


class Kind(StrEnum):
    """What a name in a folder stands for."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    """A symlink, a junction or another reparse point."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What can be seen of a file without reading it; a link is not followed."""

    size_bytes: int
    mtime_ns: int
    file_id: int
    """The same for all names of one file of a drive; used again when it is gone."""
    links: int
    """How many names the file has."""
    kind: Kind

    @property
    def outside(self) -> tuple[int, int, int]:
        """Size, time and id: as long as they stay, the content is taken to be the same."""
        return self.size_bytes, self.mtime_ns, self.file_id


class DiskFile(ABC):
    """An open file, read and written at given places, by any number of threads; closed by one when all are done."""

    @abstractmethod
    def pread_into(self, offset: int, buffer: memoryview) -> int:
        """Fill the buffer from a place in the file; returns how many bytes, less only where the file ends."""

    @abstractmethod
    def pwrite(self, offset: int, data: Data) -> None:
        """Write all of it to a place in the file, which grows when it must."""

    @abstractmethod
    def sync(self) -> None:
        """Wait until the content is safe against a power failure; the name is not (:meth:`Disk.sync_folder`)."""

    @abstractmethod
    def resize(self, size_bytes: int) -> None:
        """Cut the file, or make it longer with zeros."""

    @property
    @abstractmethod
    def size_bytes(self) -> int:
        """How long the file is now."""

    @abstractmethod
    def close(self) -> None:
        """Close it; again is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FolderLock:
    """A lock on a lock file, held until it is closed or the process ends, however it ends."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def close(self) -> None:
        """Let go; again is fine. The lock file stays, since another process may be about to lock it."""
        if not self._file.closed:
            try:
                _unlock(self._file.fileno())
            finally:
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Disk:
    """Storage calls, for all threads; every one may raise OSError.

    Args:
        wait: Sleeps so many seconds.
    """

    def __init__(self, *, wait: Callable[[float], None] = time.sleep) -> None:
        self._wait = wait

    def open(self, path: Path, *, create: bool = False) -> DiskFile:
        """Open a file for reading and writing; never through a symlink (on POSIX), and nothing is cut off.

        Args:
            path: The file.
            create: Make it when it is absent.
        """
        return _disk_file(_open(path, os.O_RDWR | _NO_FOLLOW | (os.O_CREAT if create else 0), "r+b"))

    def open_readonly(self, path: Path) -> DiskFile:
        """Open a file for reading."""
        return _disk_file(_open(path, os.O_RDONLY, "rb"))

    def stat(self, path: Path) -> Stamp:
        """What a name stands for.

        Raises:
            FileNotFoundError: It is absent.
        """
        found = _system(path).lstat()
        kind = _kind(found.st_mode, getattr(found, "st_file_attributes", 0))
        return Stamp(found.st_size, found.st_mtime_ns, found.st_ino, found.st_nlink, kind)

    def exists(self, path: Path) -> bool:
        """Whether the name is there, even as a link to nothing."""
        try:
            self.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def list_folder(self, path: Path) -> list[str]:
        """The names in a folder, sorted; none when it is absent."""
        try:
            return sorted(item.name for item in _system(path).iterdir())
        except FileNotFoundError:
            return []

    def create_folder(self, path: Path) -> bool:
        """Make one folder, in one that is there; False when it was there already."""
        try:
            _system(path).mkdir()
        except OSError:  # Windows has other errors than FileExistsError too, for the root of a drive
            if not _system(path).is_dir():
                raise
            return False
        return True

    def replace(self, source: Path, target: Path) -> None:
        """Rename a file over another or a folder to a free name, in one step.

        It is tried for two seconds while permission is denied: on Windows a virus scanner may hold a fresh file open.

        Raises:
            FileExistsError: A folder's new name is taken.
        """
        if stat.S_ISDIR(_system(source).lstat().st_mode) and os.path.lexists(_system(target)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(source), None, str(target))
        for pause_s in _PATIENCE_S:
            try:
                self._rename(source, target)
            except PermissionError:
                self._wait(pause_s)
            else:
                return
        self._rename(source, target)

    def _rename(self, source: Path, target: Path) -> None:
        _system(source).replace(_system(target))

    def link(self, source: Path, target: Path) -> None:
        """Give a file one more name; when the source is a symlink, the file behind it gets the name."""
        file = source.resolve() if source.is_symlink() else source
        _system(target).hardlink_to(_system(file))

    def unlink(self, path: Path) -> None:
        """Remove a name of a file, or a link; absent is fine."""
        _system(path).unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder; absent is fine."""
        with contextlib.suppress(FileNotFoundError):
            _system(path).rmdir()

    def sync_folder(self, path: Path) -> None:
        """Wait until what was made, renamed and removed in the folder is safe against a power failure.

        Windows has no such call, and drives that know none are taken to need none.
        """
        if _WINDOWS:
            return
        folder = os.open(_system(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(folder)

    def free_bytes(self, path: Path) -> int:
        """How much this user can still write to the drive of a folder that is there."""
        return shutil.disk_usage(_system(path)).free

    def lock(self, path: Path) -> FolderLock:
        """Lock a lock file, which is made when it is absent, and never deleted; does not wait.

        Raises:
            BlockingIOError: Another process has it, or another lock in this one.
        """
        file = _open(path, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, "r+b")
        try:
            _lock(file.fileno())
        except BaseException:
            file.close()
            raise
        return FolderLock(file)

    # Made of the calls above, which are all that a fake has to replace ----------------------------------------------

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it, safe against a power failure; it may be there already."""
        try:
            is_new = self.create_folder(path)
        except FileNotFoundError:
            if path.parent == path:
                raise
            self.make_folder(path.parent)
            is_new = self.create_folder(path)
        if is_new:
            self.sync_folder(path.parent)

    def read_bytes(self, path: Path, *, limit_bytes: int) -> bytes:
        """The whole content of a small file.

        Raises:
            ValueError: It is larger than the limit.
        """
        with self.open_readonly(path) as file:
            buffer = bytearray(min(file.size_bytes, limit_bytes + 1))
            read_bytes = file.pread_into(0, memoryview(buffer))
        if read_bytes > limit_bytes:
            raise ValueError(f"{path} is larger than {limit_bytes} bytes")
        return bytes(buffer[:read_bytes])

    def write_atomically(self, path: Path, data: Data) -> None:
        """Replace a file's content in one step, safe against a power failure; its folder is there.

        When it fails, the content is the old or the new one; what may be left over is named so that
        :func:`is_litter` knows it.
        """
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with self.open(beside, create=True) as file:
                file.resize(0)  # a process of that number may have died here before
                file.pwrite(0, data)
                file.sync()
            self.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                self.unlink(beside)
            raise
        self.sync_folder(path.parent)

    def remove_tree(self, path: Path) -> None:
        """Delete a folder with all that is in it, or a file; links are deleted, never followed; absent is fine."""
        folders, pending = [], [path]
        while pending:
            item = pending.pop()
            try:
                kind = self.stat(item).kind
            except FileNotFoundError:
                continue
            if kind is Kind.FOLDER:
                folders.append(item)
                pending += [item / name for name in self.list_folder(item)]
            else:
                self.unlink(item)
        for folder in reversed(folders):
            self.remove_folder(folder)

    def walk(self, path: Path) -> Iterator[tuple[PurePosixPath, Stamp]]:
        """All that is no folder below a folder, sorted; links are named, never followed; nothing when it is absent.

        Yields:
            The path relative to the folder, and what it stands for.
        """
        pending = [PurePosixPath(name) for name in reversed(self.list_folder(path))]
        while pending:
            item = pending.pop()
            try:
                stamp = self.stat(path / item)
            except FileNotFoundError:
                continue
            if stamp.kind is Kind.FOLDER:
                pending += [item / name for name in reversed(self.list_folder(path / item))]
            else:
                yield item, stamp


def is_litter(name: str) -> bool:
    """Whether a file of that name is left over from an interrupted :meth:`Disk.write_atomically`."""
    return _LITTER.fullmatch(name) is not None


# Files ---------------------------------------------------------------------------------------------------------------


class _SeekingFile(DiskFile):
    """For systems without positional calls: seek, then read or write, one thread at a time."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def pread_into(self, offset: int, buffer: memoryview) -> int:
        view = buffer.cast("B")
        done = 0
        while done < len(view):
            count = self._read_some(offset + done, view[done:])
            if not count:
                break
            done += count
        return done

    def pwrite(self, offset: int, data: Data) -> None:
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            count = self._write_some(offset + done, view[done:])
            if not count:
                raise OSError(errno.EIO, "the drive takes no bytes")
            done += count

    def _read_some(self, offset: int, view: memoryview) -> int:
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(view) or 0

    def _write_some(self, offset: int, view: memoryview) -> int:
        with self._lock:
            self._file.seek(offset)
            return self._file.write(view) or 0

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def resize(self, size_bytes: int) -> None:
        self._file.truncate(size_bytes)

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        self._file.close()


if sys.platform != "win32":

    class _PositionalFile(_SeekingFile):
        """Reads and writes that know their place: threads do not wait for each other."""

        # The number is asked for each time: a closed file then raises, and is not taken for another with its number.

        def _read_some(self, offset: int, view: memoryview) -> int:
            return os.preadv(self._file.fileno(), [view], offset)

        def _write_some(self, offset: int, view: memoryview) -> int:
            return os.pwrite(self._file.fileno(), view, offset)


def _disk_file(file: io.FileIO) -> DiskFile:
    if sys.platform != "win32" and hasattr(os, "preadv"):  # macOS has it from version 11 on
        return _PositionalFile(file)
    return _SeekingFile(file)


def _open(path: Path, flags: int, mode: str) -> io.FileIO:
    return io.FileIO(str(_system(path)), mode, opener=lambda name, _: os.open(name, flags | _BINARY, 0o666))


def _kind(mode: int, windows_attributes: int) -> Kind:
    if windows_attributes & _REPARSE_POINT or stat.S_ISLNK(mode):
        return Kind.LINK
    if stat.S_ISDIR(mode):
        return Kind.FOLDER
    return Kind.FILE if stat.S_ISREG(mode) else Kind.OTHER


def _system(path: Path) -> Path:
    """The path as the system takes it."""
    if not _WINDOWS:
        return path
    return Path(_extended(os.path.abspath(path)))  # noqa: PTH100 - resolve() follows links, absolute() keeps ".."


def _extended(absolute: str) -> str:
    """An absolute Windows path in the form that has no limit of 260 characters, if it comes near it."""
    if len(absolute) <= _LONG_PATH or absolute.startswith(_EXTENDED):
        return absolute
    if absolute.startswith("\\\\"):
        return f"{_EXTENDED}UNC\\{absolute[2:]}"
    return _EXTENDED + absolute


# Locks ---------------------------------------------------------------------------------------------------------------

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EDEADLK):
                raise
            raise BlockingIOError(errno.EAGAIN, "somebody else has the lock") from error

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


# Errors --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fault:
    error: type[WanError]
    what: str
    hint: str
    names: tuple[str, ...]
    """Of errno; not every system has all of them."""
    windows: tuple[int, ...]


_MISSING = _Fault(
    DriveMissingError,
    "the drive of {path} is not connected",
    "Connect it, then try again; nothing on it is lost.",
    ("ENODEV", "ENOMEDIUM", "ENOTCONN", "ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT"),
    (15, 20, 21, 51, 53, 55, 59, 64, 67, 433, 1167, 1231),
)
_UNKNOWN = _Fault(
    StoreError,
    "the system says “{reason}” about {path}",
    "Try again; if it stays so, choose another model folder.",
    (),
    (),
)
_FAULTS = (
    _Fault(
        DownloadSpaceError,
        "the drive of {path} is full{free}",
        "Free some space, then go on; what is there already is kept.",
        ("ENOSPC", "EDQUOT"),
        (39, 112, 1295),
    ),
    _Fault(
        FileBlockedError,
        "another program, or a missing permission, blocks {path}",
        "Close programs that use the model folder, look whether you may write there, then try again.",
        ("EACCES", "EPERM", "EROFS", "EBUSY", "ETXTBSY"),
        (5, 19, 32, 33, 170, 225, 226, 303, 1224),
    ),
    _Fault(
        DriveFaultError,
        "the drive reports that it cannot read or write {path}",
        "Check the drive and its cable, and save what matters from it.",
        ("EIO", "EUCLEAN", "EBADMSG", "EREMOTEIO"),
        (23, 27, 121, 483, 1117, 1392, 1393),
    ),
    _MISSING,
    _Fault(
        StoreError,
        "the drive of {path} takes no file of that size",
        "It may be formatted with FAT32, which ends at 4 GiB: choose a model folder on another drive.",
        ("EFBIG",),
        (223,),
    ),
    _Fault(
        StoreError,
        "{path} is too long for a path here",
        "Choose a model folder with a shorter path.",
        ("ENAMETOOLONG",),
        (206,),
    ),
    _Fault(
        StoreError, "the program has too many files open", "Start the program again.", ("EMFILE", "ENFILE"), (4, 1816)
    ),
)
_BY_ERRNO = {getattr(errno, name): fault for fault in _FAULTS for name in fault.names if hasattr(errno, name)}
_BY_WINERROR = {number: fault for fault in _FAULTS for number in fault.windows}


def disk_error(error: OSError, path: Path, doing: str) -> WanError:
    """What an error of the disk means for the user.

    Args:
        error: As it came from :class:`Disk`.
        path: The library's folder, or another that is there as long as its drive is: when nothing is found and this
            is absent too, the drive is taken to be gone.
        doing: What failed, as a word like "downloading".
    """
    fault = _fault(error, path)
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(path)
    what = fault.what.format(
        path=named.removeprefix(_EXTENDED), reason=error.strerror or str(error), free=_free_text(path)
    )
    return fault.error(f"{doing[:1].upper()}{doing[1:]} failed: {what}.", hint=fault.hint, details=str(error))


def _fault(error: OSError, path: Path) -> _Fault:
    by_windows = _BY_WINERROR.get(getattr(error, "winerror", None) or 0)
    if by_windows is not None:
        return by_windows
    if error.errno == errno.ENOENT and not os.path.lexists(_system(path)):
        return _MISSING
    return _BY_ERRNO.get(error.errno or 0, _UNKNOWN)


def _free_text(path: Path) -> str:
    try:
        return f" ({shutil.disk_usage(_system(path)).free / 1e6:,.0f} MB are free)"
    except OSError:
        return ""
