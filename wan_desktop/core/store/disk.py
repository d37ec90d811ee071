"""The one door between the store and the drive.

Every storage call of the store goes through one :class:`Disk`, so that tests can put one in its place that fails, or
that knows what would be left after a power failure. Errors pass unchanged; `disk_error` translates them where the store
ends.
"""

import contextlib
import errno
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from wan_desktop.core.store.disk_file import (
    NO_FOLLOW,
    WINDOWS,
    Data,
    DiskFile,
    FolderLock,
    disk_file,
    lock_file,
    open_raw,
    system_path,
)

_PATIENCE_S = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)
_LITTER = re.compile(r"\..+\.\d+\.part", re.DOTALL)
# Of Windows' reparse tags: symlinks and junctions have it, files that OneDrive keeps or that are deduplicated do not.
_NAME_SURROGATE = 0x20000000


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
        return disk_file(open_raw(path, os.O_RDWR | NO_FOLLOW | (os.O_CREAT if create else 0), "r+b"))

    def open_readonly(self, path: Path) -> DiskFile:
        """Open a file for reading."""
        return disk_file(open_raw(path, os.O_RDONLY, "rb"))

    def stat(self, path: Path) -> Stamp:
        """What a name stands for.

        Raises:
            FileNotFoundError: It is absent.
        """
        found = system_path(path).lstat()
        kind = _kind(found.st_mode, getattr(found, "st_reparse_tag", 0))
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
            return sorted(item.name for item in system_path(path).iterdir())
        except FileNotFoundError:
            return []

    def create_folder(self, path: Path) -> bool:
        """Make one folder, in one that is there; False when it was there already."""
        try:
            system_path(path).mkdir()
        except OSError:  # Windows has other errors than FileExistsError too, for the root of a drive
            if not system_path(path).is_dir():
                raise
            return False
        return True

    def replace(self, source: Path, target: Path) -> None:
        """Rename a file over another or a folder to a free name, in one step.

        It is tried for two seconds while permission is denied: on Windows a virus scanner may hold a fresh file open.

        Raises:
            FileExistsError: A folder's new name is taken.
        """
        if stat.S_ISDIR(system_path(source).lstat().st_mode) and os.path.lexists(system_path(target)):
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
        system_path(source).replace(system_path(target))

    def link(self, source: Path, target: Path) -> None:
        """Give a file one more name; when the source is a symlink, the file behind it gets the name."""
        file = source.resolve() if source.is_symlink() else source
        system_path(target).hardlink_to(system_path(file))

    def unlink(self, path: Path) -> None:
        """Remove a name of a file, or a link; absent is fine."""
        system_path(path).unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder; absent is fine."""
        with contextlib.suppress(FileNotFoundError):
            system_path(path).rmdir()

    def sync_folder(self, path: Path) -> None:
        """Wait until what was made, renamed and removed in the folder is safe against a power failure.

        Windows has no such call, and drives that know none are taken to need none.
        """
        if WINDOWS:
            return
        folder = os.open(system_path(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(folder)

    def free_bytes(self, path: Path) -> int:
        """How much this user can still write to the drive of a folder that is there."""
        return shutil.disk_usage(system_path(path)).free

    def lock(self, path: Path) -> FolderLock:
        """Lock a lock file, which is made when it is absent, and never deleted; does not wait.

        Raises:
            BlockingIOError: Another process has it, or another lock in this one.
        """
        return lock_file(path)

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


def _kind(mode: int, reparse_tag: int) -> Kind:
    if reparse_tag & _NAME_SURROGATE or stat.S_ISLNK(mode):
        return Kind.LINK
    if stat.S_ISDIR(mode):
        return Kind.FOLDER
    return Kind.FILE if stat.S_ISREG(mode) else Kind.OTHER
