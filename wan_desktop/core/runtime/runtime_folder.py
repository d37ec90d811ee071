"""One runtime on disk: its interpreter and parts, how the engine is started with it, and whether it is whole."""

import base64
import csv
import hashlib
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wan_desktop.core.runtime.lock import PYTHON_VERSION, RuntimeKind
from wan_desktop.core.runtime.runtime_records import RuntimeMark, read_record, write_record
from wan_desktop.core.store.disk import Disk, Kind
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

ENGINE_MODULE = "wan_desktop.engine"
_MARK = "runtime.json"
_RECORD = "RECORD"
_MAX_RECORD_BYTES = 16_000_000
_MOST_PROBLEMS = 20
_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class InstalledRuntime:
    """An environment that the engine can run in."""

    folder: Path
    python: Path
    digest: str
    """Of the lock it was made from; empty for the environment of development."""

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name

    def engine_command(self) -> tuple[str, ...]:
        """Starts the engine."""
        return (str(self.python), "-m", ENGINE_MODULE)

    def engine_environment(self, sources: Path) -> dict[str, str]:
        """What the engine's process needs besides this process's environment.

        Args:
            sources: The folder that holds the package `wan_desktop` as source files and no other package: what lies
                there goes before what is installed.
        """
        return {
            "PYTHONPATH": str(sources),
            "PYTHONSAFEPATH": "1",  # else the folder it is started in goes before all
            "PYTHONNOUSERSITE": "1",
            "PYTHONUTF8": "1",
            "PYTHONHOME": "",  # a frozen window may have set it for itself
        }


def development_runtime() -> InstalledRuntime:
    """The environment that this very program runs in."""
    return InstalledRuntime(Path(sys.prefix), Path(sys.executable), "")


def is_frozen() -> bool:
    """The program was frozen: its own interpreter cannot run the engine."""
    return bool(getattr(sys, "frozen", False))


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def packages_of(folder: Path) -> Path:
    """Where an environment's packages lie."""
    return folder / ("Lib/site-packages" if os.name == "nt" else f"lib/python{PYTHON_VERSION}/site-packages")


class RuntimeFolder:
    """One runtime's folder.

    Args:
        disk: Where it lies.
        folder: Need not be there.
    """

    def __init__(self, disk: Disk, folder: Path) -> None:
        self.folder = folder
        self._disk = disk
        self._packages = packages_of(folder)

    def mark(self) -> RuntimeMark | None:
        """What was written when it was finished; None if it never was."""
        return read_record(self._disk, self.folder / _MARK, RuntimeMark)

    def write_mark(self, digest: str, kind: RuntimeKind, made_at: str) -> None:
        """Say that it is finished.

        Raises:
            OSError: The drive is full or fails.
        """
        size_bytes = sum(stamp.size_bytes for _, stamp in self._disk.walk(self.folder))
        mark = RuntimeMark(digest, kind, tuple(self._parts()), self._python_home(), size_bytes, made_at)
        write_record(self._disk, self.folder / _MARK, mark)

    def unmark(self) -> None:
        """Let nobody take it for finished any more."""
        self._disk.unlink(self.folder / _MARK)

    def installed(self) -> InstalledRuntime | None:
        """The runtime, if it was finished."""
        mark = self.mark()
        return InstalledRuntime(self.folder, python_of(self.folder), mark.digest) if mark else None

    def part_count(self) -> int:
        """How many parts are installed so far."""
        return len(self._parts())

    def _parts(self) -> list[str]:
        return [name for name in self._disk.list_folder(self._packages) if name.endswith(".dist-info")]

    def _python_home(self) -> str:
        """From `pyvenv.cfg`; empty if it does not say."""
        try:
            text = self._disk.read_bytes(self.folder / "pyvenv.cfg", limit_bytes=65_536).decode("utf-8", "replace")
        except (OSError, ValueError):
            return ""
        entries = (line.partition("=") for line in text.splitlines())
        return next((value.strip() for key, _, value in entries if key.strip() == "home"), "")

    # Is it whole -----------------------------------------------------------------------------------------------------

    def glance(self) -> str:
        """What is wrong, seen in milliseconds; empty if nothing is."""
        mark = self.mark()
        if mark is None:
            return tr("it was never finished")
        if not python_of(self.folder).exists():
            return tr("its interpreter is gone")
        home = self._python_home()
        if not home or not Path(home).is_dir():
            return tr("the interpreter that it was made with is gone")
        gone = sorted(set(mark.parts) - set(self._parts()))
        return tr("{part} is gone", part=gone[0]) if gone else ""

    def problems(self, check: Callable[[int, int], None], *, read_all: bool = True) -> list[str]:
        """Compare every installed file with what its package recorded.

        Args:
            check: Told files done and in all, now and then; may raise to stop.
            read_all: Compare contents too, not only sizes.

        Returns:
            Relative paths of what is missing or changed, with a word on it; some, if there are many.

        Raises:
            OSError: The drive cannot be read.
        """
        if wrong := self.glance():
            return [wrong]
        found: list[str] = []
        files = [entry for part in self._parts() for entry in self._recorded(part)]
        for done, entry in enumerate(files):
            if done % 100 == 0:
                check(done, len(files))
            if problem := self._problem(entry, read_all=read_all):
                found.append(f"{entry.path}: {problem}")
                if len(found) >= _MOST_PROBLEMS:
                    break
        check(len(files), len(files))
        return found

    def _recorded(self, part: str) -> "Iterator[_Recorded]":
        try:
            data = self._disk.read_bytes(self._packages / part / _RECORD, limit_bytes=_MAX_RECORD_BYTES)
        except (FileNotFoundError, ValueError):
            yield _Recorded(PurePosixPath(part, _RECORD), "sha256=", -1)  # a file that is not there
            return
        for row in csv.reader(io.StringIO(data.decode("utf-8", "replace"))):
            if len(row) == 3 and row[1].startswith("sha256="):
                yield _Recorded(PurePosixPath(row[0]), row[1], int(row[2]) if row[2].isdecimal() else -1)

    def _problem(self, entry: "_Recorded", *, read_all: bool) -> str:
        path = self._packages / entry.path
        try:
            stamp = self._disk.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return tr("it is gone")
        if stamp.kind is not Kind.FILE:
            return tr("it is no file")
        if entry.size_bytes not in (-1, stamp.size_bytes) or (
            read_all and _record_hash(self._disk, path) != entry.hash
        ):
            return tr("it was changed")
        return ""


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A line of a package's own list of its files."""

    path: PurePosixPath
    hash: str
    size_bytes: int
    """-1: it does not say."""


def _record_hash(disk: Disk, path: Path) -> str:
    """A file's hash as such lists write it."""
    sha256 = hashlib.sha256()
    with disk.open_readonly(path) as file:
        buffer = memoryview(bytearray(min(_BLOCK_BYTES, file.size_bytes + 1)))
        offset = 0
        while count := file.pread_into(offset, buffer):
            sha256.update(buffer[:count])
            offset += count
    return "sha256=" + base64.urlsafe_b64encode(sha256.digest()).rstrip(b"=").decode("ascii")
