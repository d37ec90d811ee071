"""From a list of files at the Hub to a whole, proven model folder in a library.

A download is a folder below the library with a plan (commit pinned, sizes, hashes). Each file arrives as a `.part`
named after its content, so that it survives a change of the plan; a file that the library already holds is shared
instead; a float32 file becomes bfloat16 as soon as its own bytes are proven. Stopping it at any moment, by any means,
costs at most the blocks on their way. The model is published when every file is there.
"""

import concurrent.futures
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.errors import DownloadSpaceError, UnsafeNameError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.bf16 import convert_file
from wan_desktop.core.store.blocks import BlockMap
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Kind
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.journal import claimed_bytes
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.store.manifest import (
    FileStamp,
    Manifest,
    ManifestFile,
    Origin,
    metadata_paths,
    write_block_map,
    write_manifest,
    write_stamps,
)
from wan_desktop.core.store.names import check_name, check_names
from wan_desktop.core.store.part_file import FetchedFile, WantedFile
from wan_desktop.core.store.ranges import Hub
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.store.transfer import Transfer, TransferProgress
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

_PLAN = "plan.json"
_MAX_PLAN_BYTES = 8_000_000
_TICK_S = 0.05
_MAX_UNCONVERTED = 2
"""Float32 files on disk at once: the next one arrives while one is converted."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of a download."""

    path: str
    """In the model folder, POSIX."""
    origin: Origin
    conversion: Conversion = Conversion.NONE

    @property
    def disk_bytes(self) -> int:
        """About its size on disk in the end; a converted file keeps a few tensors whole, 0.4 % of a 14B model."""
        return self.origin.size_bytes if self.conversion == Conversion.NONE else self.origin.size_bytes * 51 // 100


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """What a model is made of; fixed before the first byte."""

    model_id: str
    variant: str
    files: tuple[PlannedFile, ...]

    def __post_init__(self) -> None:
        check_names(file.path for file in self.files)

    @property
    def key(self) -> ModelKey:
        """The model."""
        return ModelKey(self.model_id, self.variant)

    @property
    def download_bytes(self) -> int:
        """All that would come over the network."""
        return sum(file.origin.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class SameFile:
    """A file on this PC that is known to hold what is planned."""

    path: Path
    sha256: str
    block_map: BlockMap | None = None


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """How far a download is."""

    transfer: TransferProgress
    shared_bytes: int = 0
    """Of files that were here already and are not downloaded."""
    converting: str = ""
    """The file that is made smaller just now."""


@dataclass(frozen=True, slots=True)
class _Finished:
    """A file that lies whole in its place; written down only after it is safe on disk."""

    path: str
    origin: Origin
    conversion: Conversion
    stamp: FileStamp

    @property
    def content(self) -> tuple[int, str, str, Conversion]:
        """What makes it the same as another."""
        return _content(self.origin, self.conversion)


def _content(origin: Origin, conversion: Conversion) -> tuple[int, str, str, Conversion]:
    return origin.size_bytes, origin.sha256, origin.git_sha1, conversion


class Downloader:
    """Downloads models into one library. The model is held by the caller.

    Args:
        library: Where to.
        hub: Who knows the addresses.
        limits: How hard to try.
        find_same: Finds files that need not be downloaded.
    """

    def __init__(
        self,
        library: Library,
        hub: Hub,
        limits: TransferLimits | None = None,
        find_same: Callable[[PlannedFile], SameFile | None] = lambda _: None,
    ) -> None:
        self._library = library
        self._disk = library.disk
        self._hub = hub
        self._limits = limits or TransferLimits()
        self._find_same = find_same

    def unfinished(self, key: ModelKey) -> DownloadPlan | None:
        """The plan of a download that was begun; None when there is none, or its plan cannot be read."""
        file = self._library.downloads(key) / _PLAN
        try:
            plan = from_plain(DownloadPlan, json.loads(self._disk.read_bytes(file, limit_bytes=_MAX_PLAN_BYTES)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError, UnsafeNameError) as error:
            logger.warning("The plan %s cannot be read and is made anew: %s", file, error)
            return None
        return plan if plan.key == key else None

    def discard(self, key: ModelKey) -> None:
        """Forget what arrived of a download."""
        self._disk.remove_tree(self._library.downloads(key))

    def run(self, plan: DownloadPlan, context: JobContext) -> Manifest:
        """Bring the model to this library, or what is missing of it.

        Args:
            plan: What to bring. Files of an earlier plan that are the same are kept.
            context: Told :class:`DownloadProgress`; asked for a cancel.

        Returns:
            The manifest of the published model.

        Raises:
            JobCancelled: It was asked to stop; what arrived is kept.
            DownloadSpaceError: There is too little space; nothing was downloaded.
            DownloadError: It cannot go on; what arrived is kept.
            StoreError: The drive cannot be written; what arrived is kept.
        """
        try:
            place = _Place(self._library, plan)
            self._share(place)
            missing = place.missing
            self._check_space(missing, place)
            if missing:
                _Fetching(place, Transfer(self._disk, self._hub, self._limits), context).run(missing)
            manifest = place.complete()
            self._library.publish(place.files, plan.key)
            place.clear()
        except OSError as error:
            raise disk_error(error, self._library.root, "downloading") from error
        return manifest

    def _share(self, place: "_Place") -> None:
        for file in place.missing:
            same = self._find_same(file)
            if same is not None:
                target = place.files / file.path
                self._disk.unlink(target)
                self._library.place(same.path, target)
                place.finish(file, same.sha256, same.block_map)

    def _check_space(self, missing: Sequence[PlannedFile], place: "_Place") -> None:
        """Refuse before the first byte, with the two numbers."""
        needed_bytes = max(0, _peak_bytes(missing) - place.arrived_bytes(missing))
        needed_bytes += needed_bytes // 10
        free_bytes = self._disk.free_bytes(place.root)
        if needed_bytes > free_bytes:
            raise DownloadSpaceError(
                tr(
                    "The download needs {needed_gb:.1f} GB on the drive of {library}; {free_gb:.1f} GB are free.",
                    needed_gb=needed_bytes / 1e9,
                    library=self._library.root,
                    free_gb=free_bytes / 1e9,
                ),
                hint=tr("Free up space, or choose a model folder on another drive."),
            )


def _peak_bytes(files: Sequence[PlannedFile]) -> int:
    """The most that the files take at any time while they come in their order."""
    peak_bytes = running_bytes = 0
    for file in files:
        if file.conversion == Conversion.BF16:
            peak_bytes = max(peak_bytes, running_bytes + _MAX_UNCONVERTED * file.origin.size_bytes + file.disk_bytes)
        running_bytes += file.disk_bytes
        peak_bytes = max(peak_bytes, running_bytes)
    return peak_bytes


class _Place:
    """The folder of one download: what is planned, what is whole."""

    def __init__(self, library: Library, plan: DownloadPlan) -> None:
        disk = self.disk = library.disk
        root = self.root = library.downloads(plan.key)
        self.plan = plan
        self.files = library.whole_files(plan.key)
        self.make_folder = library.make_folder
        self._finished: dict[str, _Finished] = {}
        for path in [path for path, stamp in disk.walk(root) if stamp.kind == Kind.LINK]:
            disk.unlink(root / path)  # never made by us, and what lies behind it is not ours
        for folder in (self.files, root / "parts", root / "finished"):
            self.make_folder(folder)
        disk.write_atomically(root / _PLAN, json.dumps(to_plain(plan)).encode())
        self._find_finished()
        self._take_back()

    def clear(self) -> None:
        """Remove it, now that the model is published; what cannot be removed now goes with the next download."""
        try:
            self.disk.unlink(self.root / _PLAN)  # first, so that nobody takes the rest for a download to go on with
            self.disk.remove_tree(self.root)
        except OSError as error:
            logger.warning("%s cannot be removed: %s", self.root, error)

    def _find_finished(self) -> None:
        """What an earlier run finished: its record, its file and today's plan must agree."""
        planned = {file.path: file for file in self.plan.files}
        for name in self.disk.list_folder(self.root / "finished"):
            record = self._read_record(self.root / "finished" / name)
            if record is None:
                continue
            file = planned.get(record.path)
            if file and record.content == _content(file.origin, file.conversion) and self._is_there(record):
                self._finished[record.path] = replace(record, origin=file.origin)  # another commit may hold the same
            else:
                self.disk.unlink(self.files / record.path)
                self.disk.unlink(self.root / "finished" / name)

    def _take_back(self) -> None:
        """A file that came to its place just before a crash has no record: make it a `.part` again."""
        for file in self.missing:
            target, part = self.files / file.path, self.wanted(file).part
            if not self.disk.exists(target):
                continue
            # One with several names is shared with a whole model, whose bytes must not be written to.
            if file.conversion == Conversion.NONE and not self.disk.exists(part) and self.disk.stat(target).links == 1:
                self.disk.replace(target, part)
            else:
                self.disk.unlink(target)

    def _read_record(self, file: Path) -> _Finished | None:
        try:
            record = from_plain(_Finished, json.loads(self.disk.read_bytes(file, limit_bytes=_MAX_PLAN_BYTES)))
            check_name(record.path)
        except (ValueError, RecursionError, UnsafeNameError):
            return None
        return record

    def _is_there(self, record: _Finished) -> bool:
        try:
            found = self.disk.stat(self.files / record.path)
        except FileNotFoundError:
            return False
        return found.outside == record.stamp.outside

    @property
    def missing(self) -> list[PlannedFile]:
        """What is not whole yet."""
        return [file for file in self.plan.files if file.path not in self._finished]

    @property
    def shared_bytes(self) -> int:
        """Of files that are whole."""
        return sum(record.origin.size_bytes for record in self._finished.values())

    def wanted(self, file: PlannedFile) -> WantedFile:
        """Where the file arrives: named after its content, so that another plan finds it too."""
        name = file.origin.sha256 or file.origin.git_sha1
        return WantedFile(file.origin, self.root / "parts" / f"{name}.part", self.root / "parts" / f"{name}.journal")

    def arrived_bytes(self, files: Sequence[PlannedFile]) -> int:
        """About what lies in the `.part`s of the files."""
        return sum(claimed_bytes(self.disk, journal) for journal in {self.wanted(file).journal for file in files})

    def finish(self, file: PlannedFile, sha256: str, block_map: BlockMap | None) -> None:
        """Write down that a file lies whole in its place."""
        path = self.files / file.path
        self.disk.sync_folder(path.parent)
        found = self.disk.stat(path)
        now = now_utc()
        stamp = FileStamp(found.size_bytes, found.mtime_ns, found.file_id, now, sha256)
        record = _Finished(file.path, file.origin, file.conversion, stamp)
        if block_map is not None:
            write_block_map(self.disk, self.files, _manifest_file(record), block_map)
        name = hashlib.sha256(file.path.encode()).hexdigest()[:32]
        self.disk.write_atomically(self.root / "finished" / f"{name}.json", json.dumps(to_plain(record)).encode())
        self._finished[file.path] = record

    def complete(self) -> Manifest:
        """Write the manifest, now that every file is whole."""
        records = [self._finished[file.path] for file in self.plan.files]
        now = now_utc()
        manifest = Manifest(
            self.plan.model_id, self.plan.variant, tuple(_manifest_file(record) for record in records), now
        )
        write_stamps(self.disk, self.files, {record.path: record.stamp for record in records})
        write_manifest(self.disk, self.files, manifest)
        known = {record.path for record in records} | metadata_paths(manifest)
        for path in [path for path, _ in self.disk.walk(self.files) if str(path) not in known]:
            self.disk.unlink(self.files / path)  # an earlier plan or a killed process left it
        for folder in {(self.files / record.path).parent for record in records} | {self.files}:
            self.disk.sync_folder(folder)
        return manifest


def _manifest_file(record: _Finished) -> ManifestFile:
    return ManifestFile(record.path, record.stamp.size_bytes, record.stamp.sha256, record.origin, record.conversion)


class _Fetching:
    """The transfer of what is missing, and the conversion beside it."""

    def __init__(self, place: _Place, transfer: Transfer, context: JobContext) -> None:
        self._place = place
        self._transfer = transfer
        self._context = context
        self._planned: dict[Path, list[PlannedFile]] = {}
        self._conversions: list[Future[None]] = []
        self._unconverted: set[Path] = set()
        self._converting = ""

    def run(self, missing: Sequence[PlannedFile]) -> None:
        """Fetch and convert; returns when all are whole."""
        for file in missing:
            self._planned.setdefault(self._place.wanted(file).part, []).append(file)
        wanted = [self._place.wanted(files[0]) for files in self._planned.values()]
        shared_bytes = self._place.shared_bytes
        context = self._context.reporting_to(
            lambda progress: self._context.progress(DownloadProgress(progress, shared_bytes, self._converting))
        )
        with ThreadPoolExecutor(1, "convert") as converter:
            self._transfer.run(
                wanted, context, lambda fetched: self._arrived(fetched, converter), may_start=self._may_start
            )
            for conversion in self._conversions:
                self._wait(conversion)

    def _may_start(self, wanted: WantedFile) -> bool:
        """Float32 files take space only for a while: not too many at once."""
        for conversion in [conversion for conversion in self._conversions if conversion.done()]:
            self._conversions.remove(conversion)
            conversion.result()
        if not any(file.conversion == Conversion.BF16 for file in self._planned[wanted.part]):
            return True
        if len(self._unconverted) >= _MAX_UNCONVERTED:
            return False
        self._unconverted.add(wanted.part)
        return True

    def _wait(self, conversion: Future[None]) -> None:
        while not conversion.done():
            self._context.check_cancelled()
            concurrent.futures.wait([conversion], timeout=_TICK_S)
        conversion.result()

    def _arrived(self, fetched: FetchedFile, converter: ThreadPoolExecutor) -> None:
        if fetched.wanted.part in self._unconverted:
            self._conversions.append(converter.submit(self._convert, fetched))
        else:
            self._put(fetched)

    def _put(self, fetched: FetchedFile) -> None:
        """The file is what it shall be: into its place, and into any other that holds the same."""
        disk, place = self._place.disk, self._place
        first, *others = self._planned[fetched.wanted.part]
        place.make_folder((place.files / first.path).parent)
        for other in others:
            place.make_folder((place.files / other.path).parent)
            disk.unlink(place.files / other.path)
            disk.link(fetched.wanted.part, place.files / other.path)
        disk.replace(fetched.wanted.part, place.files / first.path)
        for file in (first, *others):
            place.finish(file, fetched.sha256, fetched.block_map)
        disk.unlink(fetched.wanted.journal)

    def _convert(self, fetched: FetchedFile) -> None:
        """On the converter's thread."""
        disk, place = self._place.disk, self._place
        (file,) = self._planned[fetched.wanted.part]
        target = place.files / file.path
        place.make_folder(target.parent)
        self._converting = file.path
        beside = place.root / "parts" / f"{file.origin.sha256}.bf16"
        converted = convert_file(disk, fetched.wanted.part, beside, check=lambda _: self._context.check_cancelled())
        disk.replace(beside, target)
        place.finish(file, converted.sha256, converted.block_map)
        disk.unlink(fetched.wanted.part)
        disk.unlink(fetched.wanted.journal)
        self._unconverted.discard(fetched.wanted.part)
        self._converting = ""
