"""Drives that fail: one at a chosen call, and one that tells what a power failure may leave.

:class:`FailingDisk` counts the storage calls of a run and fails one: run a scenario once to count, then for every n.

:class:`RecordingDisk` writes down all calls that change something; :func:`materialise` then makes, in an empty folder,
one state that a power failure after a given number of those calls may leave (in the spirit of ALICE and CrashMonkey).
The model, which is stricter than most drives and file systems:

- What a file holds is safe from its `sync` on, and not before. Each later write is lost, done, zeros, or done in part:
  then each 4 KiB sector holds, where it was written, the old bytes (none or zeros beyond the old end), zeros or the new
  ones. A later resize is done or lost. Order means nothing: a later write may be done and an earlier one lost.
- What was made, renamed, linked and removed in a folder is safe from the `sync_folder` of that folder on, and not
  before; a file's own `sync` does nothing for its name. Of what came later, each folder keeps the first few, any number
  of them: names are lost from the end, for each folder on its own.
- A rename within a folder or between two is there or not, never half: it is kept only where both folders keep it, and
  what makes one of them safe makes it safe in the other.
- A folder that is not safe in its parent takes all that is in it with it, safe or not.
- What was there before the recording began is safe. All that happens below the root goes through the one disk.
"""

import copy
import errno
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeVar

from wan_desktop.core.store.disk import Disk, Stamp
from wan_desktop.core.store.disk_file import Data, DiskFile, FolderLock

SECTOR_BYTES = 4096

Result = TypeVar("Result")


def disk_full() -> OSError:
    """The drive is full."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def windows_error(number: int, code: int = errno.EINVAL) -> OSError:
    """An error as Windows gives it, on every system: its own number, and the errno that Python makes of it."""
    error = OSError(code, f"WinError {number}", None, number)
    vars(error).setdefault("winerror", number)  # only Windows takes it from the arguments
    return error


class HastyDisk(Disk):
    """A disk that works but never waits until anything is safe, which takes up to a second and cannot be seen."""

    def open(self, path: Path, *, create: bool = False) -> DiskFile:
        return _HastyFile(super().open(path, create=create))

    def sync_folder(self, path: Path) -> None:
        self.stat(path)


class WrappedFile(DiskFile):
    """Hands every call on; what is to be otherwise overrides it."""

    def __init__(self, file: DiskFile) -> None:
        self._file = file

    def pread_into(self, offset: int, buffer: memoryview) -> int:
        return self._file.pread_into(offset, buffer)

    def pwrite(self, offset: int, data: Data) -> None:
        self._file.pwrite(offset, data)

    def sync(self) -> None:
        self._file.sync()

    def resize(self, size_bytes: int) -> None:
        self._file.resize(size_bytes)

    @property
    def size_bytes(self) -> int:
        return self._file.size_bytes

    def close(self) -> None:
        self._file.close()


class _HastyFile(WrappedFile):
    def sync(self) -> None:
        pass


# Failing calls -------------------------------------------------------------------------------------------------------


class Calls(StrEnum):
    """Which calls are counted and fail."""

    READS = "reads"
    """Those that change nothing."""
    WRITES = "writes"
    ALL = "all"


class FailingDisk(Disk):
    """A disk of which one call fails, and does nothing.

    Args:
        fail_at: Which one, counted from 1; 0 for none.
        error: What it raises.
        of: Which calls are counted.
        ever_after: All later ones fail too.
        half_writes: A write that fails has written the first half.
        disk: Does the calls that do not fail; one that does not wait for syncs if there is none.
    """

    def __init__(
        self,
        fail_at: int = 0,
        error: OSError | None = None,
        *,
        of: Calls = Calls.ALL,
        ever_after: bool = False,
        half_writes: bool = False,
        disk: Disk | None = None,
    ) -> None:
        super().__init__()
        self.calls = 0
        """How many were counted so far, with those that failed."""
        self.failed: list[str] = []
        """Those that failed: the call, and the name of what it was about."""
        self._fail_at = fail_at
        self._error = error or OSError(errno.EIO, os.strerror(errno.EIO))
        self._of = of
        self._ever_after = ever_after
        self._half_writes = half_writes
        self._disk = disk or HastyDisk()
        self._guard = threading.Lock()

    def read(self, name: str, call: Callable[[], Result]) -> Result:
        """Do a call that changes nothing, or fail it."""
        return self._do(Calls.READS, name, call)

    def write(self, name: str, call: Callable[[], Result], half: Callable[[], None] | None = None) -> Result:
        """Do a call that changes something, or fail it, half done if need be."""
        if half is None or not self._half_writes:
            return self._do(Calls.WRITES, name, call)
        try:
            return self._do(Calls.WRITES, name, call)
        except OSError:
            half()
            raise

    def _do(self, kind: Calls, name: str, call: Callable[[], Result]) -> Result:
        with self._guard:
            is_counted = self._of in (kind, Calls.ALL)
            self.calls += is_counted
            is_due = self.calls >= self._fail_at if self._ever_after else self.calls == self._fail_at
            fails = is_counted and is_due and self._fail_at > 0
            if fails:
                self.failed.append(name)
        if fails:
            raise copy.copy(self._error)
        return call()

    def open(self, path: Path, *, create: bool = False) -> DiskFile:
        count = self.write if create else self.read
        return count(f"open {path.name}", lambda: _FailingFile(self._disk.open(path, create=create), self, path))

    def open_readonly(self, path: Path) -> DiskFile:
        return self.read(f"open {path.name}", lambda: _FailingFile(self._disk.open_readonly(path), self, path))

    def stat(self, path: Path) -> Stamp:
        return self.read(f"stat {path.name}", lambda: self._disk.stat(path))

    def list_folder(self, path: Path) -> list[str]:
        return self.read(f"list_folder {path.name}", lambda: self._disk.list_folder(path))

    def free_bytes(self, path: Path) -> int:
        return self.read(f"free_bytes {path.name}", lambda: self._disk.free_bytes(path))

    def create_folder(self, path: Path) -> bool:
        return self.write(f"create_folder {path.name}", lambda: self._disk.create_folder(path))

    def replace(self, source: Path, target: Path) -> None:
        self.write(f"replace {target.name}", lambda: self._disk.replace(source, target))

    def link(self, source: Path, target: Path) -> None:
        self.write(f"link {target.name}", lambda: self._disk.link(source, target))

    def unlink(self, path: Path) -> None:
        self.write(f"unlink {path.name}", lambda: self._disk.unlink(path))

    def remove_folder(self, path: Path) -> None:
        self.write(f"remove_folder {path.name}", lambda: self._disk.remove_folder(path))

    def sync_folder(self, path: Path) -> None:
        self.write(f"sync_folder {path.name}", lambda: self._disk.sync_folder(path))

    def lock(self, path: Path) -> FolderLock:
        return self.write(f"lock {path.name}", lambda: self._disk.lock(path))


class _FailingFile(WrappedFile):
    def __init__(self, file: DiskFile, disk: FailingDisk, path: Path) -> None:
        super().__init__(file)
        self._disk = disk
        self._name = path.name

    def pread_into(self, offset: int, buffer: memoryview) -> int:
        return self._disk.read(f"pread {self._name}", lambda: super(_FailingFile, self).pread_into(offset, buffer))

    def pwrite(self, offset: int, data: Data) -> None:
        half = memoryview(data).cast("B")[: memoryview(data).nbytes // 2]
        write = super().pwrite
        self._disk.write(f"pwrite {self._name}", lambda: write(offset, data), lambda: write(offset, half))

    def sync(self) -> None:
        self._disk.write(f"sync {self._name}", super().sync)

    def resize(self, size_bytes: int) -> None:
        self._disk.write(f"resize {self._name}", lambda: super(_FailingFile, self).resize(size_bytes))


# Recording -----------------------------------------------------------------------------------------------------------


class OpKind(StrEnum):
    """The calls that change something."""

    CREATE = "create"
    WRITE = "write"
    RESIZE = "resize"
    SYNC = "sync"
    REPLACE = "replace"
    LINK = "link"
    UNLINK = "unlink"
    MAKE_FOLDER = "make folder"
    REMOVE_FOLDER = "remove folder"
    SYNC_FOLDER = "sync folder"


@dataclass(frozen=True, slots=True)
class Op:
    """One call that changed something."""

    kind: OpKind
    path: str
    """Relative to the root, POSIX; of an open file, the name by which it was opened."""
    target: str = ""
    """The new name."""
    file: int = 0
    """Which file it was, whatever its name was."""
    offset: int = 0
    """Of a write; the new size of a resize."""
    data: bytes = b""

    def __str__(self) -> str:
        details = f" at {self.offset}, {len(self.data)} bytes" if self.kind is OpKind.WRITE else ""
        return f"{self.kind} {self.path}{f' -> {self.target}' if self.target else ''}{details}"


@dataclass(frozen=True, slots=True)
class OpLog:
    """All that happened below a folder."""

    before: list[Op] = field(default_factory=list)
    """Makes what was there when the recording began, all of it safe."""
    ops: list[Op] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(f"{number} {op}" for number, op in enumerate(self.ops, 1))


class RecordingDisk(HastyDisk):
    """A disk that works (but does not wait for syncs), and writes down every change below a folder that is there."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.log = OpLog()
        self._root = root
        self._guard = threading.RLock()  # what happened first must come first in the log
        self._files: dict[int, int] = {}
        self._last_file = 0
        for path in sorted(root.rglob("*")):
            self.log.before.extend(self._found(path))

    def _found(self, path: Path) -> Iterator[Op]:
        name = self._name(path)
        if path.is_dir():
            yield Op(OpKind.MAKE_FOLDER, name)
        elif path.stat().st_ino in self._files:
            yield Op(OpKind.LINK, "", name, self._files[path.stat().st_ino])
        else:
            file = self._new_file(path)
            yield Op(OpKind.CREATE, name, file=file)
            yield Op(OpKind.WRITE, name, file=file, data=path.read_bytes())

    def _new_file(self, path: Path) -> int:
        self._last_file += 1
        self._files[path.stat().st_ino] = self._last_file
        return self._last_file

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def record(self, op: Op, call: Callable[[], None]) -> None:
        """Do it, and write it down when it went well."""
        with self._guard:
            call()
            self.log.ops.append(op)

    def open(self, path: Path, *, create: bool = False) -> DiskFile:
        with self._guard:
            is_new = create and not self.exists(path)
            file = super().open(path, create=create)
            if is_new:
                self.log.ops.append(Op(OpKind.CREATE, self._name(path), file=self._new_file(path)))
            opened = Op(OpKind.WRITE, self._name(path), file=self._files[path.stat().st_ino])
            return _RecordingFile(file, self, opened)

    def lock(self, path: Path) -> FolderLock:
        self.open(path, create=True).close()
        return super().lock(path)

    def create_folder(self, path: Path) -> bool:
        with self._guard:
            is_new = super().create_folder(path)
            if is_new:
                self.log.ops.append(Op(OpKind.MAKE_FOLDER, self._name(path)))
            return is_new

    def replace(self, source: Path, target: Path) -> None:
        op = Op(OpKind.REPLACE, self._name(source), self._name(target))
        self._record_end(target, op, lambda: super(RecordingDisk, self).replace(source, target))

    def _record_end(self, path: Path, op: Op, call: Callable[[], None]) -> None:
        """Record a call that ends a name; after the last one, the file's number may come again for another."""
        with self._guard:
            ended = self.stat(path) if self.exists(path) else None
            self.record(op, call)
            if ended and ended.links == 1:
                self._files.pop(ended.file_id, None)

    def link(self, source: Path, target: Path) -> None:
        with self._guard:
            super().link(source, target)
            known = self._files.get(target.stat().st_ino)
            if known is None:  # from outside, where it is safe
                op = Op(OpKind.LINK, str(source), self._name(target), self._new_file(target), data=target.read_bytes())
            else:
                op = Op(OpKind.LINK, self._name(source), self._name(target), known)
            self.log.ops.append(op)

    def unlink(self, path: Path) -> None:
        if self.exists(path):
            op = Op(OpKind.UNLINK, self._name(path))
            self._record_end(path, op, lambda: super(RecordingDisk, self).unlink(path))

    def remove_folder(self, path: Path) -> None:
        if self.exists(path):
            op = Op(OpKind.REMOVE_FOLDER, self._name(path))
            self.record(op, lambda: super(RecordingDisk, self).remove_folder(path))

    def sync_folder(self, path: Path) -> None:
        self.record(Op(OpKind.SYNC_FOLDER, self._name(path)), lambda: super(RecordingDisk, self).sync_folder(path))


class _RecordingFile(WrappedFile):
    def __init__(self, file: DiskFile, disk: RecordingDisk, opened: Op) -> None:
        super().__init__(file)
        self._disk = disk
        self._opened = opened

    def pwrite(self, offset: int, data: Data) -> None:
        op = replace(self._opened, kind=OpKind.WRITE, offset=offset, data=bytes(data))
        self._disk.record(op, lambda: super(_RecordingFile, self).pwrite(offset, data))

    def sync(self) -> None:
        self._disk.record(replace(self._opened, kind=OpKind.SYNC), super().sync)

    def resize(self, size_bytes: int) -> None:
        op = replace(self._opened, kind=OpKind.RESIZE, offset=size_bytes)
        self._disk.record(op, lambda: super(_RecordingFile, self).resize(size_bytes))


# Power failures ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CrashState:
    """One state that a power failure may leave; the same every time it is written."""

    log: OpLog = field(repr=False)
    cut: int
    """How many calls had been made."""
    seed: int

    def write(self, target: Path) -> None:
        """Make it in an empty folder."""
        materialise(self.log, self.cut, random.Random(self.seed), target)

    def __str__(self) -> str:
        last = self.log.ops[self.cut - 1] if self.cut else "nothing"
        return f"power failure after {self.cut} of {len(self.log.ops)} calls ({last}), seed {self.seed}"


def crash_states(log: OpLog, rng: random.Random, count: int) -> Iterator[CrashState]:
    """States that power failures at any time may leave."""
    for _ in range(count):
        yield CrashState(log, rng.randint(0, len(log.ops)), rng.getrandbits(32))


def materialise(log: OpLog, cut: int, rng: random.Random, target: Path) -> None:
    """Make, in an empty folder, one of the states that a power failure after so many calls may leave.

    Raises:
        ValueError: The folder is not empty.
    """
    if any(target.iterdir()):
        raise ValueError(f"{target} is not empty")
    history = _History()
    for op in log.before:
        history.do(op)
    history.make_all_safe()
    for op in log.ops[:cut]:
        history.do(op)
    _Writer(history, history.folders_after_failure(rng), rng).write(target)


class _Node(NamedTuple):
    is_folder: bool
    number: int


class _Entry(NamedTuple):
    """What a name in a folder is from now on."""

    folder: int
    name: str
    node: _Node | None


_Tree = dict[int, dict[str, _Node]]
_ROOT = 0


@dataclass(slots=True)
class _FileState:
    safe: bytearray
    pending: list[Op] = field(default_factory=list)
    """Later than the last sync."""

    def sync(self) -> None:
        for op in self.pending:
            _put(self.safe, op)
        self.pending.clear()

    def after_failure(self, rng: random.Random) -> bytes:
        data = bytearray(self.safe)
        fates = rng.choice([("lost",), ("done",), ("zeros",), ("torn",), ("lost", "done", "zeros", "torn")])
        for op in self.pending:
            match rng.choice(fates):
                case "done":
                    _put(data, op)
                case "zeros" if op.kind is OpKind.WRITE:
                    _put(data, replace(op, data=bytes(len(op.data))))
                case "torn" if op.kind is OpKind.WRITE:
                    _put_torn(data, op, rng)
        return bytes(data)


def _put(data: bytearray, op: Op) -> None:
    if op.kind is OpKind.RESIZE:
        del data[op.offset :]
    if len(data) < op.offset:
        data.extend(bytes(op.offset - len(data)))
    data[op.offset : op.offset + len(op.data)] = op.data


def _put_torn(data: bytearray, op: Op, rng: random.Random) -> None:
    begin, end = op.offset, op.offset + len(op.data)
    while begin < end:
        stop = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        new = op.data[begin - op.offset : stop - op.offset]
        piece = rng.choice([b"", bytes(len(new)), new])
        if piece:
            _put(data, replace(op, offset=begin, data=piece))
        begin = stop


class _History:
    """What the calls did to names and files, in order, and what of it is safe."""

    def __init__(self) -> None:
        self.files: dict[int, _FileState] = {}
        self._live: _Tree = {_ROOT: {}}
        self._changes: list[tuple[_Entry, ...]] = []
        self._safe: dict[int, int] = {_ROOT: 0}
        """By folder: of the first so many changes of all, those in this folder are safe."""

    def make_all_safe(self) -> None:
        for file in self.files.values():
            file.sync()
        self._safe = dict.fromkeys(self._live, len(self._changes))

    def do(self, op: Op) -> None:
        match op.kind:
            case OpKind.WRITE | OpKind.RESIZE:
                self.files[op.file].pending.append(op)
            case OpKind.SYNC:
                self.files[op.file].sync()
            case OpKind.SYNC_FOLDER:
                self._safe[self._folder(op.path)] = len(self._changes)
            case _:
                self._change(*self._entries(op))

    def _entries(self, op: Op) -> Iterator[_Entry]:
        match op.kind:
            case OpKind.CREATE:
                self.files[op.file] = _FileState(bytearray())
                yield self._entry(op.path, _Node(False, op.file))
            case OpKind.LINK:
                self.files.setdefault(op.file, _FileState(bytearray(op.data)))
                yield self._entry(op.target, _Node(False, op.file))
            case OpKind.MAKE_FOLDER:
                number = len(self._live)
                self._live[number], self._safe[number] = {}, 0
                yield self._entry(op.path, _Node(True, number))
            case OpKind.REPLACE:
                source = self._entry(op.path, None)
                yield source
                yield self._entry(op.target, self._live[source.folder][source.name])
            case _:
                yield self._entry(op.path, None)

    def _entry(self, path: str, node: _Node | None) -> _Entry:
        above, _, name = path.rpartition("/")
        return _Entry(self._folder(above or "."), name, node)

    def _folder(self, path: str) -> int:
        number = _ROOT
        for name in path.split("/") if path != "." else []:
            number = self._live[number][name].number
        return number

    def _change(self, *entries: _Entry) -> None:
        self._changes.append(entries)
        _enter(self._live, entries)

    def folders_after_failure(self, rng: random.Random) -> _Tree:
        """The names that are left in every folder."""
        ends = self._ends(rng)
        tree: _Tree = {number: {} for number in self._live}
        for index, entries in enumerate(self._changes):
            if index < ends[entries[0].folder]:
                _enter(tree, entries)
        return tree

    def _ends(self, rng: random.Random) -> dict[int, int]:
        """By folder: of the first so many changes of all, those in this folder are left."""
        folders_of = [{entry.folder for entry in entries} for entries in self._changes]
        shared = [(index, folders) for index, folders in enumerate(folders_of) if len(folders) > 1]
        safe = dict(self._safe)
        while wrong := [item for item in shared if len({item[0] < safe[folder] for folder in item[1]}) > 1]:
            safe |= {folder: max(safe[folder], index + 1) for index, folders in wrong for folder in folders}
        ends = {}
        for folder in self._live:
            mine = [index for index, folders in enumerate(folders_of) if folder in folders]
            ends[folder] = rng.choice([*(index for index in mine if index >= safe[folder]), len(self._changes)])
        while wrong := [item for item in shared if len({item[0] < ends[folder] for folder in item[1]}) > 1]:
            ends |= {folder: min(ends[folder], index) for index, folders in wrong for folder in folders}
        return ends


def _enter(tree: _Tree, entries: tuple[_Entry, ...]) -> None:
    for folder, name, node in entries:
        if node is None:
            tree[folder].pop(name, None)
        else:
            tree[folder][name] = node


@dataclass(slots=True)
class _Writer:
    """Writes a state; a file with several names is written once."""

    history: _History
    tree: _Tree
    rng: random.Random
    first_names: dict[int, Path] = field(default_factory=dict)

    def write(self, path: Path, folder: int = _ROOT) -> None:
        for name, node in self.tree[folder].items():
            if node.is_folder:
                (path / name).mkdir()
                self.write(path / name, node.number)
            elif node.number in self.first_names:
                (path / name).hardlink_to(self.first_names[node.number])
            else:
                (path / name).write_bytes(self.history.files[node.number].after_failure(self.rng))
                self.first_names[node.number] = path / name
