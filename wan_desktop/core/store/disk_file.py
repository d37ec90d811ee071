"""An open file or lock of a drive, with positional reads and writes on every system."""

import errno
import io
import os
import sys
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

Data: TypeAlias = bytes | bytearray | memoryview

WINDOWS = os.name == "nt"
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
EXTENDED = "\\\\?\\"
"""How Windows paths begin that have no limit."""
_BINARY = getattr(os, "O_BINARY", 0)
_LONG_PATH = 240  # Windows ends at 260, for folders at 248


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


def disk_file(file: io.FileIO) -> DiskFile:
    """The file with positional reads and writes."""
    if sys.platform != "win32" and hasattr(os, "preadv"):  # macOS has it from version 11 on
        return _PositionalFile(file)
    return _SeekingFile(file)


def open_raw(path: Path, flags: int, mode: str) -> io.FileIO:
    """Open a file with flags of :func:`os.open`."""
    return io.FileIO(str(system_path(path)), mode, opener=lambda name, _: os.open(name, flags | _BINARY, 0o666))


def system_path(path: Path) -> Path:
    """The path as the system takes it."""
    if not WINDOWS:
        return path
    return Path(extended(os.path.abspath(path)))  # noqa: PTH100 - resolve() follows links, absolute() keeps ".."


def extended(absolute: str) -> str:
    """An absolute Windows path in the form that has no limit of 260 characters, if it comes near it."""
    if len(absolute) <= _LONG_PATH or absolute.startswith(EXTENDED):
        return absolute
    if absolute.startswith("\\\\"):
        return f"{EXTENDED}UNC\\{absolute[2:]}"
    return EXTENDED + absolute


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


def lock_file(path: Path) -> FolderLock:
    """Lock a lock file, which is made when it is absent; does not wait.

    Raises:
        BlockingIOError: Somebody else has it.
        OSError: It cannot be opened.
    """
    file = open_raw(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, "r+b")
    try:
        _lock(file.fileno())
    except BaseException:
        file.close()
        raise
    return FolderLock(file)
