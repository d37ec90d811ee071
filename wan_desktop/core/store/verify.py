"""Whether a model on disk is what its manifest says: a quick look at every start, all bytes on demand.

Nothing is changed or repaired here; a report is data. The Hub is not asked.
"""

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from wan_desktop.core.errors import DriveFaultError, IntegrityError, JobCancelled
from wan_desktop.core.gguf_header import GGUF_SUFFIX, read_gguf_header
from wan_desktop.core.model_folder import read_safetensors_header
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.blocks import BLOCK_BYTES, BlockMap, BlockMapBuilder
from wan_desktop.core.store.disk import Disk, Kind, Stamp
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.manifest import (
    METADATA_FOLDER,
    FileStamp,
    ManifestFile,
    read_block_map,
    read_manifest,
    read_stamps,
    write_block_map,
    write_stamps,
)
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.words import mark, tr, trn

logger = logging.getLogger(__name__)

_DAMAGE = "damage.json"
_MAX_DAMAGE_BYTES = 64_000_000
_CHUNK_BYTES = 4 * BLOCK_BYTES
_TICK_S = 0.05


class FileState(StrEnum):
    """What was found of a file."""

    GOOD = "good"
    UNCHECKED = "unchecked"
    """It changed from outside since its content was last read, so only reading it tells."""
    MISSING = "missing"
    WRONG_SIZE = "wrong-size"
    BAD_HEADER = "bad-header"
    DAMAGED = "damaged"
    """Its bytes are others."""
    UNREADABLE = "unreadable"
    """The drive refuses to read it."""

    @property
    def words(self) -> str:
        """As people read it."""
        return tr(_STATE_WORDS[self])

    @property
    def bad(self) -> bool:
        """It must be repaired."""
        return self not in (FileState.GOOD, FileState.UNCHECKED)


_STATE_WORDS = {
    FileState.GOOD: mark("good"),
    FileState.UNCHECKED: mark("unchecked"),
    FileState.MISSING: mark("missing"),
    FileState.WRONG_SIZE: mark("wrong-size"),
    FileState.BAD_HEADER: mark("bad-header"),
    FileState.DAMAGED: mark("damaged"),
    FileState.UNREADABLE: mark("unreadable"),
}


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One file of a report."""

    path: str
    state: FileState
    reason: str = ""
    damaged_blocks: tuple[int, ...] | None = None
    """Blocks of 1 MiB that are wrong; None where that is not known."""


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """What a check found."""

    deep: bool
    findings: tuple[FileFinding, ...]
    """One for each file of the manifest."""
    checked_at: str
    seconds: float
    read_bytes: int = 0

    @property
    def bad(self) -> tuple[FileFinding, ...]:
        """Files that must be repaired."""
        return tuple(finding for finding in self.findings if finding.state.bad)

    @property
    def unchecked(self) -> tuple[FileFinding, ...]:
        """Files that must be read before they can be believed."""
        return tuple(finding for finding in self.findings if finding.state == FileState.UNCHECKED)

    @property
    def good(self) -> bool:
        """Every file is what it should be."""
        return all(finding.state == FileState.GOOD for finding in self.findings)

    def summary(self) -> str:
        """One line for people."""
        if self.good:
            return trn("The file is as it should be.", "All {count} files are as they should be.", len(self.findings))
        if self.bad:
            names = ", ".join(f"{finding.path} ({finding.state.words})" for finding in self.bad[:3])
            return tr(
                "{bad} of {all} files need repair: {names}.", bad=len(self.bad), all=len(self.findings), names=names
            )
        return tr(
            "{changed} of {all} files changed since they were last read.",
            changed=len(self.unchecked),
            all=len(self.findings),
        )


@dataclass(frozen=True, slots=True)
class _Damage:
    """What a deep check found, kept beside the model until the file changes."""

    finding: FileFinding
    size_bytes: int
    mtime_ns: int
    file_id: int

    @property
    def outside(self) -> tuple[int, int, int]:
        """As `Stamp.outside`."""
        return self.size_bytes, self.mtime_ns, self.file_id


@dataclass(frozen=True, slots=True)
class _Damages:
    files: dict[str, _Damage]


def quick_check(disk: Disk, folder: Path) -> IntegrityReport:
    """Look at sizes, times, file ids and headers, in milliseconds.

    Raises:
        ManifestError: The manifest is damaged.
        OSError: The folder or its manifest is not there.
    """
    start_s = time.perf_counter()
    manifest = read_manifest(disk, folder)
    known = _Known(read_stamps(disk, folder), _read_damages(disk, folder))
    findings = tuple(_look(disk, folder, file, known) for file in manifest.files)
    return IntegrityReport(False, findings, now_utc(), time.perf_counter() - start_s)


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found of each file when it was last read."""

    stamps: dict[str, FileStamp]
    damages: dict[str, _Damage]


def _read_damages(disk: Disk, folder: Path) -> dict[str, _Damage]:
    """Empty when absent or damaged: the files then count as unchecked, because they have no stamps."""
    try:
        data = disk.read_bytes(folder / METADATA_FOLDER / _DAMAGE, limit_bytes=_MAX_DAMAGE_BYTES)
        return from_plain(_Damages, json.loads(data)).files
    except (OSError, ValueError, RecursionError):
        return {}


def _look(disk: Disk, folder: Path, file: ManifestFile, known: _Known) -> FileFinding:
    path = folder / file.path
    try:
        found = disk.stat(path)
        linked = any(disk.stat(folder / parent).kind == Kind.LINK for parent in PurePosixPath(file.path).parents[:-1])
    except OSError as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        return FileFinding(file.path, FileState.MISSING) if missing else _cannot_read(file, folder, error)
    if found.kind != Kind.FILE or linked:
        return FileFinding(file.path, FileState.MISSING, tr("something that is not a file is in its place"))
    if found.size_bytes != file.size_bytes:
        reason = tr(
            "{found_bytes} bytes instead of {wanted_bytes}",
            found_bytes=found.size_bytes,
            wanted_bytes=file.size_bytes,
        )
        return FileFinding(file.path, FileState.WRONG_SIZE, reason)
    try:
        _check_header(path)
    except IntegrityError as error:
        return FileFinding(file.path, FileState.BAD_HEADER, error.message)
    except OSError as error:
        return _cannot_read(file, folder, error)
    damage = known.damages.get(file.path)
    if damage and damage.outside == found.outside:
        return damage.finding
    stamp = known.stamps.get(file.path)
    if stamp is None or stamp.outside != found.outside or (stamp.sha256 != file.sha256):
        return FileFinding(file.path, FileState.UNCHECKED, tr("it changed since it was last read"))
    return FileFinding(file.path, FileState.GOOD)


def _cannot_read(file: ManifestFile, folder: Path, error: OSError) -> FileFinding:
    """Damage is only what the drive cannot read; what is blocked, or is not connected, may be whole."""
    told = disk_error(error, folder, "reading")
    state = FileState.UNREADABLE if isinstance(told, DriveFaultError) else FileState.UNCHECKED
    return FileFinding(file.path, state, told.message)


def _check_header(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        read_safetensors_header(path)
    elif suffix == GGUF_SUFFIX:
        read_gguf_header(path)


class DeepCheck:
    """Reads every byte, several files at once.

    Files that prove good are stamped as they are done, so that a check that was stopped goes on where it was.

    Args:
        disk: Where the model lies.
        folder: The model.
        only: Paths to read; all when None.
        since: ISO time; files whose content was read after it are not read again.
        threads: Files at once; one a core when None.
    """

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        *,
        only: Collection[str] | None = None,
        since: str = "",
        threads: int | None = None,
    ) -> None:
        self._disk = disk
        self._folder = folder
        self._only = only
        self._since = since
        self._threads = threads or os.cpu_count() or 1
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._read_bytes = 0
        self._known = _Known({}, {})

    def run(self, check: Callable[[int, int], None]) -> IntegrityReport:
        """Read and compare.

        Args:
            check: Told the bytes read and all bytes to read, twenty times a second; may raise to stop.

        Raises:
            ManifestError: The manifest is damaged.
            OSError: The folder or its manifest is not there.
        """
        start_s = time.perf_counter()
        manifest = read_manifest(self._disk, self._folder)
        self._known = _Known(read_stamps(self._disk, self._folder), _read_damages(self._disk, self._folder))
        wanted = [file for file in manifest.files if self._is_wanted(file)]
        total_bytes = sum(file.size_bytes for file in wanted)
        # The longest first, so that no core is left with a long one at the end.
        ordered = sorted(wanted, key=lambda file: file.size_bytes, reverse=True)
        read: dict[str, FileFinding] = {}
        with ThreadPoolExecutor(self._threads, "verify") as pool:
            futures = [pool.submit(self._examine, file) for file in ordered]
            try:
                self._follow(futures, lambda: check(self._read_bytes, total_bytes))
            except BaseException:
                self._stop.set()
                for future in futures:
                    future.cancel()
                raise
            read = {finding.path: finding for finding in (future.result() for future in futures)}
        findings = tuple(read.get(file.path) or self._look(file) for file in manifest.files)
        self._check_drive()
        return IntegrityReport(True, findings, now_utc(), time.perf_counter() - start_s, self._read_bytes)

    def _check_drive(self) -> None:
        """When the drive is gone by now, what was found is not the files' fault."""
        try:
            self._disk.stat(self._folder / METADATA_FOLDER)
        except OSError as error:
            raise disk_error(error, self._folder, "checking") from error

    def _is_wanted(self, file: ManifestFile) -> bool:
        if self._only is not None and file.path not in self._only:
            return False
        stamp = self._known.stamps.get(file.path)
        fresh = self._since and stamp is not None and stamp.checked_at >= self._since
        return not (fresh and self._look(file).state == FileState.GOOD)

    def _look(self, file: ManifestFile) -> FileFinding:
        return _look(self._disk, self._folder, file, self._known)

    def _follow(self, futures: list[Future[FileFinding]], check: Callable[[], None]) -> None:
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=_TICK_S, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            check()

    # Threads -------------------------------------------------------------------------------------------------------

    def _examine(self, file: ManifestFile) -> FileFinding:
        looked = _look(self._disk, self._folder, file, _Known({}, {}))
        if looked.state in (FileState.MISSING, FileState.UNREADABLE):
            return looked
        try:
            return self._read(file, looked)
        except FileNotFoundError:
            return FileFinding(file.path, FileState.MISSING)
        except OSError as error:
            finding = _cannot_read(file, self._folder, error)
            if finding.state == FileState.UNREADABLE:
                return finding
            raise

    def _read(self, file: ManifestFile, looked: FileFinding) -> FileFinding:
        """By its block map, which was recorded when the sha256 was right; without one by the sha256 itself."""
        before = self._disk.stat(self._folder / file.path)
        known_map = read_block_map(self._disk, self._folder, file)
        new_map, damaged = None, None
        if known_map is None:
            new_map = self._hashed(file)
            good = new_map is not None
        else:
            damaged = self._damaged_blocks(file, known_map)
            good = not damaged and before.size_bytes == file.size_bytes
        if good:
            self._note(file, before, None, new_map)
            return FileFinding(file.path, FileState.GOOD)
        state, reason = FileState.DAMAGED, tr("its bytes are others")
        if looked.state.bad:
            state, reason = looked.state, looked.reason
        finding = FileFinding(file.path, state, reason, damaged)
        self._note(file, before, finding)
        return finding

    def _hashed(self, file: ManifestFile) -> BlockMap | None:
        """The map of a file whose sha256 is right; else None."""
        digest, builder = hashlib.sha256(), BlockMapBuilder()
        for _, view in self._pieces(file, _CHUNK_BYTES):
            digest.update(view)
            builder.update(view)
        return builder.finish() if digest.hexdigest() == file.sha256 else None

    def _damaged_blocks(self, file: ManifestFile, known_map: BlockMap) -> tuple[int, ...]:
        wrong = set(range(known_map.count))
        for offset, view in self._pieces(file, BLOCK_BYTES):
            index = offset // BLOCK_BYTES
            if index in wrong:  # a file may have become longer than its map
                length = known_map.span(index)[1]
                if len(view) >= length and known_map.matches(index, view[:length]):
                    wrong.remove(index)
        return tuple(sorted(wrong))

    def _pieces(self, file: ManifestFile, piece_bytes: int) -> Iterator[tuple[int, memoryview]]:
        """Offset and bytes, to the end of what is there; the bytes hold until the next piece."""
        with self._disk.open_readonly(self._folder / file.path) as reading:
            buffer = memoryview(bytearray(piece_bytes))
            offset = 0
            while count := reading.pread_into(offset, buffer):
                self._check_stopped()
                yield offset, buffer[:count]
                offset += count
                with self._lock:
                    self._read_bytes += count

    def _note(
        self, file: ManifestFile, before: Stamp, finding: FileFinding | None, block_map: BlockMap | None = None
    ) -> None:
        """Write down what was found, so that a quick check knows it too; where that fails, it is found all the same."""
        try:
            if before.outside != self._disk.stat(self._folder / file.path).outside:
                return  # somebody wrote to it while it was read
            if block_map is not None:
                write_block_map(self._disk, self._folder, file, block_map)
            with self._lock:
                self._remember(file, before, finding)
        except OSError as error:
            logger.warning("What was found of %s cannot be written down: %s", file.path, error)

    def _remember(self, file: ManifestFile, before: Stamp, finding: FileFinding | None) -> None:
        stamps, damages = self._known.stamps, self._known.damages
        stamps.pop(file.path, None)
        damages.pop(file.path, None)
        if finding is None:
            stamps[file.path] = FileStamp(*before.outside, checked_at=now_utc(), sha256=file.sha256)
        else:
            damages[file.path] = _Damage(finding, *before.outside)
        write_stamps(self._disk, self._folder, stamps)
        self._disk.write_atomically(
            self._folder / METADATA_FOLDER / _DAMAGE, json.dumps(to_plain(_Damages(damages))).encode()
        )

    def _check_stopped(self) -> None:
        if self._stop.is_set():
            raise JobCancelled
