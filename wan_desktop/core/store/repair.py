"""Make a damaged model whole again, fetching no more than is damaged.

Every new file is made beside the model and proven by its sha256 before it takes the place of the old one, which goes to
quarantine. A block of a converted file is made again from the blocks of the original that it came from.
"""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wan_desktop.core.errors import ContentMismatchError, IntegrityError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.bf16 import (
    ConversionPlan,
    convert_file,
    header_size_bytes,
    original_ranges,
    plan_conversion,
    rebuild,
)
from wan_desktop.core.store.blocks import BLOCK_BYTES, BlockMap, block_digest, block_span
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Disk, Kind
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.store.manifest import (
    FileStamp,
    ManifestFile,
    Origin,
    read_block_map,
    read_manifest,
    read_stamps,
    write_block_map,
    write_stamps,
)
from wan_desktop.core.store.part_file import FetchedFile, WantedFile
from wan_desktop.core.store.ranges import Hub
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.store.transfer import Transfer
from wan_desktop.core.store.verify import FileFinding, IntegrityReport
from wan_desktop.core.words import tr, trn

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 8 * BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a repair will do."""

    files: tuple[ManifestFile, ...]
    download_bytes: int
    """At most; files that are found elsewhere on this PC cost nothing."""
    hopeless: tuple[ManifestFile, ...]
    """Nobody knows where they came from."""


class Repairer:
    """Repairs models of one library. The model is held by the caller.

    Args:
        library: Where the model lies.
        hub: Who knows the addresses.
        limits: How hard to try.
        find_same: Finds other copies of a file on this PC.
    """

    def __init__(
        self,
        library: Library,
        hub: Hub,
        limits: TransferLimits | None = None,
        find_same: Callable[[ManifestFile], Sequence[Path]] = lambda _: (),
    ) -> None:
        self._library = library
        self._disk = library.disk
        self._transfer = Transfer(library.disk, hub, limits)
        self._find_same = find_same

    def plan(self, key: ModelKey, report: IntegrityReport) -> RepairPlan:
        """What a repair of what the report found will do.

        Raises:
            ManifestError: The manifest is damaged too.
        """
        folder = self._library.folder(key)
        manifest = read_manifest(self._disk, folder)
        files, hopeless, download_bytes = [], [], 0
        for finding in report.bad:
            file = manifest.file(finding.path)
            if file is None:
                continue
            files.append(file)
            if file.origin is None:
                hopeless.append(file)
            else:
                has_map = read_block_map(self._disk, folder, file) is not None
                download_bytes += _traffic_bytes(file, finding) if has_map else file.origin.size_bytes
        return RepairPlan(tuple(files), download_bytes, tuple(hopeless))

    def run(self, key: ModelKey, report: IntegrityReport, context: JobContext) -> None:
        """Repair what the report found; files that are repaired stay repaired when it is stopped.

        Args:
            key: The model.
            report: Of a deep check, or of a quick one that found something.
            context: Told :class:`TransferProgress`; asked for a cancel.

        Raises:
            JobCancelled: It was asked to stop.
            IntegrityError: A file is damaged of which nobody knows where it came from.
            DownloadError: What is needed could not be fetched; the message says what.
            StoreError: The drive cannot be written.
        """
        try:
            _Repair(self._library, key, self._transfer, context, self._find_same).run(report.bad)
        except OSError as error:
            raise disk_error(error, self._library.folder(key), "repairing") from error


def _traffic_bytes(file: ManifestFile, finding: FileFinding) -> int:
    origin = file.origin
    if origin is None:
        return 0
    if finding.damaged_blocks is None:
        return origin.size_bytes
    most = len(finding.damaged_blocks) * BLOCK_BYTES
    if file.conversion == Conversion.BF16:
        most = 3 * most + BLOCK_BYTES  # twice the bytes, which end within blocks; and the header
    return min(most, origin.size_bytes)


class _Repair:
    """One run."""

    def __init__(
        self,
        library: Library,
        key: ModelKey,
        transfer: Transfer,
        context: JobContext,
        find_same: Callable[[ManifestFile], Sequence[Path]],
    ) -> None:
        self._library = library
        self._disk: Disk = library.disk
        self._folder = library.folder(key)
        self._place = library.downloads(key) / "repair"
        self._quarantine = library.new_quarantine() / str(key)
        self._transfer = transfer
        self._context = context
        self._find_same = find_same

    def run(self, findings: Sequence[FileFinding]) -> None:
        manifest = read_manifest(self._disk, self._folder)
        self._library.make_folder(self._place)
        files = [file for file in (manifest.file(finding.path) for finding in findings) if file is not None]
        for file in files:
            self._remove_links(file)
        files = [file for file in files if not self._take_same(file)]
        hopeless = [file.path for file in files if file.origin is None]
        self._fetch_plain([file for file in files if file.origin and file.conversion == Conversion.NONE])
        for file in files:
            if file.origin is not None and file.conversion == Conversion.BF16:
                self._make_converted(file, file.origin)
        self._disk.remove_tree(self._place)
        with contextlib.suppress(OSError):  # a download that was begun lies there too
            self._disk.remove_folder(self._place.parent)
        if hopeless:
            raise IntegrityError(
                trn(
                    "A file is damaged, and nobody knows where it came from: {names}.",
                    "{count} files are damaged, and nobody knows where they came from: {names}.",
                    len(hopeless),
                    names=", ".join(hopeless[:3]),
                ),
                hint=tr("Put good copies in their place, or remove the model and download it."),
            )

    def _remove_links(self, file: ManifestFile) -> None:
        """A link to a folder elsewhere: what lies there is not touched."""
        for parent in PurePosixPath(file.path).parents[:-1]:
            place = self._folder / parent
            if self._disk.exists(place) and self._disk.stat(place).kind == Kind.LINK:
                self._disk.unlink(place)

    # A copy on this PC ---------------------------------------------------------------------------------------------

    def _take_same(self, file: ManifestFile) -> bool:
        for source in self._find_same(file):
            new = self._place / file.sha256
            self._disk.unlink(new)
            self._library.place(source, new)
            if self._sha256(new) == file.sha256:
                self._swap(file, new, None)
                return True
            self._disk.unlink(new)
        return False

    # Files as the Hub has them -------------------------------------------------------------------------------------

    def _fetch_plain(self, files: Sequence[ManifestFile]) -> None:
        wanted: dict[Path, ManifestFile] = {}
        items = []
        for file in files:
            block_map = read_block_map(self._disk, self._folder, file)
            item = self._wanted(_origin_of(file), truth=block_map)
            if block_map is not None and item.part not in wanted:
                self._copy_damaged(file, item.part)
            if item.part in wanted:
                continue
            wanted[item.part] = file
            items.append(item)

        def finished(fetched: FetchedFile) -> None:
            file = wanted[fetched.wanted.part]
            for other in files:
                if other is not file and other.sha256 == file.sha256:
                    self._library.place(fetched.wanted.part, self._place / f"{file.sha256}.more")
                    self._swap(other, self._place / f"{file.sha256}.more", fetched.block_map)
            self._swap(file, fetched.wanted.part, fetched.block_map)

        if items:
            self._transfer.run(items, self._context, finished)

    def _wanted(
        self, origin: Origin, *, truth: BlockMap | None = None, only: Collection[int] | None = None
    ) -> WantedFile:
        name = origin.sha256 or origin.git_sha1
        part, journal = self._place / f"{name}.part", self._place / f"{name}.journal"
        return WantedFile(origin, part, journal, truth, None if only is None else frozenset(only))

    def _copy_damaged(self, file: ManifestFile, target: Path) -> None:
        """What is left of the file, block by block: an unreadable one must not spoil the others."""
        if self._disk.exists(target) or not self._disk.exists(self._folder / file.path):
            return
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        beside = target.with_name(f"{target.name}.copy")  # half a copy would be taken for all that is left of the file
        with self._disk.open_readonly(self._folder / file.path) as reading, self._disk.open(beside, create=True) as out:
            for offset in range(0, file.size_bytes, _CHUNK_BYTES):
                self._context.check_cancelled()
                out.pwrite(offset, self._read_what_can_be_read(reading.pread_into, offset, buffer))
        self._disk.replace(beside, target)

    def _read_what_can_be_read(
        self, pread_into: Callable[[int, memoryview], int], offset: int, buffer: memoryview
    ) -> memoryview:
        try:
            return buffer[: pread_into(offset, buffer)]
        except OSError:
            buffer[:] = bytes(len(buffer))
            for start in range(0, len(buffer), BLOCK_BYTES):
                try:
                    pread_into(offset + start, buffer[start : start + BLOCK_BYTES])
                except OSError as error:
                    logger.warning("Bytes from %d on cannot be read: %s", offset + start, error)
            return buffer

    # Converted files -----------------------------------------------------------------------------------------------

    def _make_converted(self, file: ManifestFile, origin: Origin) -> None:
        block_map = read_block_map(self._disk, self._folder, file)
        new = self._place / f"{file.sha256}.new"
        if block_map is not None and self._disk.exists(self._folder / file.path):
            self._copy_damaged(file, new)
            if self._mend(file, origin, new, block_map) and self._sha256(new) == file.sha256:
                self._swap(file, new, block_map)
                return
            logger.warning("%s could not be mended from its block map; fetching it whole", file.path)
        item = self._wanted(origin)
        self._transfer.run([item], self._context, lambda _: None)
        self._disk.unlink(new)
        made = convert_file(self._disk, item.part, new, check=lambda _: self._context.check_cancelled())
        if made.sha256 != file.sha256:
            raise ContentMismatchError(
                tr(
                    "{path}, made anew, has another hash than the manifest says: the manifest is wrong.", path=file.path
                ),
                hint=tr("Remove the model and download it again."),
            )
        self._swap(file, new, made.block_map)

    def _mend(self, file: ManifestFile, origin: Origin, new: Path, block_map: BlockMap) -> bool:
        """Put right the blocks that differ from the map; False when the original makes another file altogether."""
        plan = self._conversion_plan(origin)
        if plan.size_bytes != file.size_bytes:
            return False
        bad = self._bad_blocks(new, block_map)
        needed = set()
        for index in bad:
            for part in original_ranges(plan, *block_span(index, file.size_bytes)):
                needed |= set(range(part.offset // BLOCK_BYTES, (part.offset + part.length - 1) // BLOCK_BYTES + 1))
        item = self._wanted(origin, only=needed)
        if needed:
            self._transfer.run([item], self._context, lambda _: None)
        with self._disk.open(item.part, create=True) as original, self._disk.open(new) as writing:

            def fetch(offset: int, length: int) -> memoryview:
                buffer = memoryview(bytearray(length))
                return buffer[: original.pread_into(offset, buffer)]

            for index in bad:
                offset, length = block_span(index, file.size_bytes)
                writing.pwrite(offset, rebuild(plan, offset, length, fetch))
            writing.resize(file.size_bytes)
            writing.sync()
        return True

    def _conversion_plan(self, origin: Origin) -> ConversionPlan:
        """From the original's header, which is fetched."""
        start = self._fetch_start(origin, 1)
        size_bytes = header_size_bytes(start, origin.size_bytes, name=origin.filename)
        if size_bytes > len(start):
            start = self._fetch_start(origin, -(-size_bytes // BLOCK_BYTES))
        return plan_conversion(start[:size_bytes], origin.size_bytes, name=origin.filename)

    def _fetch_start(self, origin: Origin, blocks: int) -> bytes:
        item = self._wanted(origin, only=range(blocks))
        self._transfer.run([item], self._context, lambda _: None)
        with self._disk.open_readonly(item.part) as reading:
            buffer = bytearray(min(blocks * BLOCK_BYTES, origin.size_bytes))
            return bytes(buffer[: reading.pread_into(0, memoryview(buffer))])

    def _bad_blocks(self, file: Path, block_map: BlockMap) -> list[int]:
        bad = []
        buffer = memoryview(bytearray(BLOCK_BYTES))
        with self._disk.open_readonly(file) as reading:
            for index in range(block_map.count):
                self._context.check_cancelled()
                offset, length = block_span(index, block_map.size_bytes)
                view = buffer[: reading.pread_into(offset, buffer[:length])]
                if len(view) < length or block_digest(view) != block_map.digest(index):
                    bad.append(index)
        return bad

    # Swap ----------------------------------------------------------------------------------------------------------

    def _sha256(self, file: Path) -> str:
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        with self._disk.open_readonly(file) as reading:
            offset = 0
            while count := reading.pread_into(offset, buffer):
                self._context.check_cancelled()
                digest.update(buffer[:count])
                offset += count
        return digest.hexdigest()

    def _swap(self, file: ManifestFile, new: Path, block_map: BlockMap | None) -> None:
        """The proven file takes its place in one step; the old one goes to quarantine first."""
        target = self._folder / file.path
        self._library.make_folder(target.parent)
        if self._disk.exists(target):
            kept = self._quarantine / file.path
            self._library.make_folder(kept.parent)
            self._library.place(target, kept)
        self._disk.replace(new, target)
        self._disk.sync_folder(target.parent)
        if block_map is not None:
            write_block_map(self._disk, self._folder, file, block_map)
        found = self._disk.stat(target)
        now = now_utc()
        stamps = read_stamps(self._disk, self._folder)
        stamps[file.path] = FileStamp(found.size_bytes, found.mtime_ns, found.file_id, now, file.sha256)
        write_stamps(self._disk, self._folder, stamps)
        logger.info("%s of %s is repaired", file.path, self._folder.name)


def _origin_of(file: ManifestFile) -> Origin:
    if file.origin is None:
        raise ValueError(f"{file.path} has no origin")
    return file.origin
