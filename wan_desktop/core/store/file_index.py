"""Files on this PC by their content: no name is believed, and each file is read once."""

import contextlib
import json
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.errors import (
    ManifestError,
)
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.blocks import BlockMap
from wan_desktop.core.store.content import Check, go_on, read_content, shown_path
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Disk, Kind
from wan_desktop.core.store.download import PlannedFile, SameFile
from wan_desktop.core.store.found import Scan
from wan_desktop.core.store.library import Library
from wan_desktop.core.store.manifest import (
    FileStamp,
    ManifestFile,
    read_block_map,
    read_manifest,
    read_stamps,
)
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.store.verify import FileState, quick_check

logger = logging.getLogger(__name__)

_MAX_CACHE_BYTES = 16_000_000
_MAX_CACHED = 20_000


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: Path
    claimed_sha256: str = ""
    """Somebody's word; a file that is said to be something else is not worth reading."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file was found to hold."""

    stamp: FileStamp
    block_map: BlockMap | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file of a model in a library."""

    folder: Path
    file: ManifestFile
    stamp: FileStamp | None
    """None unless it is known to be good."""
    is_damaged: bool

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.file.path


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file of a scan, as it is remembered."""

    size_bytes: int
    claimed_sha256: str = ""
    content: FileStamp | None = None


@dataclass(frozen=True, slots=True)
class _Cache:
    files: dict[str, _Seen]


class FileIndex:
    """Files on this PC by their content; for all threads.

    A file is read once: what it was found to be holds as long as its size, time and file id stay.

    Args:
        disk: Where they lie.
        cache: A JSON file that remembers scans and what was read; they are forgotten with the object when None.
    """

    def __init__(self, disk: Disk, cache: Path | None = None) -> None:
        self._disk = disk
        self._cache = cache
        self._lock = threading.Lock()
        self._contents: dict[Path, _Content] = {}
        self._found: dict[int, dict[Path, _Candidate]] = {}
        self._in_libraries: dict[int, dict[Path, _Candidate]] = {}
        self._stored: dict[tuple[str, Conversion], list[_Stored]] = {}
        self._recall()

    # What is known -------------------------------------------------------------------------------------------------

    def add_scan(self, found: Scan) -> None:
        """Know the files of a scan; none is read now."""
        with self._lock:
            for file in found.files:
                candidate = _Candidate(file.real_path, file.claimed_sha256)
                self._found.setdefault(file.size_bytes, {})[file.real_path] = candidate
        self._remember()

    def add_libraries(self, libraries: Iterable[Library]) -> None:
        """Know the files of all these libraries, and no longer those of others; takes milliseconds for each model.

        Files that are known to be damaged are left out; those that changed since they were read are read when it
        matters.
        """
        by_size: dict[int, dict[Path, _Candidate]] = {}
        stored: dict[tuple[str, Conversion], list[_Stored]] = {}
        good: dict[Path, _Content] = {}
        doubted: set[tuple[int, int, int]] = set()
        for item in self._files_of(libraries):
            file, path = item.file, item.path
            if item.stamp is not None:
                good[path] = _Content(item.stamp)
            else:
                with contextlib.suppress(OSError):
                    doubted.add(self._disk.stat(path).outside)
            if item.is_damaged:
                continue
            by_size.setdefault(file.size_bytes, {})[path] = _Candidate(path, file.sha256)
            if file.origin is not None:
                name = file.origin.sha256 or file.origin.git_sha1
                stored.setdefault((name, file.conversion), []).append(item)
        with self._lock:
            self._in_libraries, self._stored = by_size, stored
            # Decay shows in neither size nor time, and a file may have other names outside the library.
            for path in [path for path, known in self._contents.items() if known.stamp.outside in doubted]:
                del self._contents[path]
            self._contents |= good

    def _files_of(self, libraries: Iterable[Library]) -> Iterator[_Stored]:
        for library in libraries:
            try:
                for key in library.keys():  # noqa: SIM118 - a library is no mapping
                    yield from self._files_of_model(library.folder(key))
            except OSError as error:
                logger.warning("The models in %s are left aside: %s", library.root, error)

    def _files_of_model(self, folder: Path) -> Iterator[_Stored]:
        try:
            manifest = read_manifest(self._disk, folder)
            states = {finding.path: finding.state for finding in quick_check(self._disk, folder).findings}
        except (OSError, ManifestError) as error:
            logger.warning("The model in %s is left aside: %s", folder, error)
            return
        stamps = read_stamps(self._disk, folder)
        for file in manifest.files:
            state = states.get(file.path, FileState.MISSING)
            stamp = stamps.get(file.path) if state == FileState.GOOD else None
            yield _Stored(folder, file, stamp, is_damaged=state.bad)

    # Questions -----------------------------------------------------------------------------------------------------

    def find(self, size_bytes: int, sha256: str, *, check: Check = go_on) -> Path | None:
        """A file that holds exactly this.

        Args:
            size_bytes: Of the file.
            sha256: Of its content.
            check: Told the bytes of each piece that is read; may raise to stop.
        """
        return next(self._find(size_bytes, sha256, check), None)

    def same_for_download(self, planned: PlannedFile, *, check: Check = go_on) -> SameFile | None:
        """A file that need not be downloaded, for :class:`Downloader`.

        Args:
            planned: What would be downloaded; when it would be converted too, only a file that was made of the same
                original in the same way will do.
            check: Told the bytes of each piece that is read; may raise to stop.
        """
        origin = planned.origin
        with self._lock:
            stored = list(self._stored.get((origin.sha256 or origin.git_sha1, planned.conversion), ()))
        for item in stored:
            if self._sha256(item.path, item.file.size_bytes, check) == item.file.sha256:
                return SameFile(item.path, item.file.sha256, read_block_map(self._disk, item.folder, item.file))
        if planned.conversion != Conversion.NONE or not origin.sha256:
            return None
        found = self.find(origin.size_bytes, origin.sha256, check=check)
        if found is None:
            return None
        with self._lock:
            content = self._contents.get(found)
        return SameFile(found, origin.sha256, content.block_map if content else None)

    def same_for_repair(self, file: ManifestFile, *, check: Check = go_on) -> Sequence[Path]:
        """All files that hold what a damaged one should, for :class:`Repairer`, which reads them once more.

        Args:
            file: As it should be on disk.
            check: Told the bytes of each piece that is read; may raise to stop.
        """
        return list(self._find(file.size_bytes, file.sha256, check))

    def _find(self, size_bytes: int, sha256: str, check: Check) -> Iterator[Path]:
        """Those that were read already come first, then those that are said to be it."""
        with self._lock:
            known = {**self._in_libraries.get(size_bytes, {}), **self._found.get(size_bytes, {})}
            contents = {path: self._contents[path].stamp.sha256 for path in known if path in self._contents}

        def likelihood(candidate: _Candidate) -> int:
            return (contents.get(candidate.path) == sha256) * 2 + (candidate.claimed_sha256 == sha256)

        for candidate in sorted(known.values(), key=likelihood, reverse=True):
            if candidate.claimed_sha256 in ("", sha256) and self._sha256(candidate.path, size_bytes, check) == sha256:
                yield candidate.path

    def _sha256(self, path: Path, size_bytes: int, check: Check) -> str:
        """Of the file's content, read if need be; empty when it is gone, changed, or cannot be read."""
        try:
            before = self._disk.stat(path)
            if before.kind != Kind.FILE or before.size_bytes != size_bytes:
                return ""
            with self._lock:
                content = self._contents.get(path)
            if content is not None and content.stamp.outside == before.outside:
                return content.stamp.sha256
            read = read_content(self._disk, path, check)
            if self._disk.stat(path).outside != before.outside:
                return ""  # somebody wrote to it while it was read
        except OSError as error:
            logger.warning("%s is left aside: %s", path, error)
            return ""
        with self._lock:
            self._contents[path] = _Content(FileStamp(*before.outside, now_utc(), read.sha256), read.block_map)
        self._remember()
        return read.sha256

    # Memory --------------------------------------------------------------------------------------------------------

    def _remember(self) -> None:
        """Files of scans only; what lies in libraries has its stamps there."""
        if self._cache is None:
            return
        with self._lock:
            candidates = [(size_bytes, each) for size_bytes, found in self._found.items() for each in found.values()]
            contents = dict(self._contents)
        files = {}
        for size_bytes, candidate in candidates[-_MAX_CACHED:]:
            known = contents.get(candidate.path)
            files[str(candidate.path)] = _Seen(size_bytes, candidate.claimed_sha256, known.stamp if known else None)
        try:
            self._disk.make_folder(self._cache.parent)
            self._disk.write_atomically(self._cache, json.dumps(to_plain(_Cache(files))).encode("ascii"))
        except OSError as error:
            logger.warning("What was found is not remembered in %s: %s", self._cache, error)

    def _recall(self) -> None:
        """Nothing when the memory is absent or damaged: folders are then to be scanned and files read again."""
        if self._cache is None:
            return
        try:
            data = self._disk.read_bytes(self._cache, limit_bytes=_MAX_CACHE_BYTES)
            files = from_plain(_Cache, json.loads(data)).files
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as error:
            logger.warning("%s is left aside, its files are to be found again: %s", self._cache, shown_path(error))
            return
        for name, seen in files.items():
            path = Path(name)
            self._found.setdefault(seen.size_bytes, {})[path] = _Candidate(path, seen.claimed_sha256)
            if seen.content is not None:
                self._contents[path] = _Content(seen.content)
