"""One file on its way: its `.part` on disk, which blocks of it are there, and the hash that grows along in order."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.store.blocks import BLOCK_BYTES, DIGEST_BYTES, BlockMap, block_count, block_digest, block_span
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_error import is_drive_fault
from wan_desktop.core.store.journal import Journal
from wan_desktop.core.store.manifest import Origin

logger = logging.getLogger(__name__)

_MAX_READINGS = 5
_UNKNOWN = bytes(DIGEST_BYTES)


class ContentError(Exception):
    """The server's bytes are steadily other than its metadata says."""


@dataclass(frozen=True, slots=True)
class WantedFile:
    """What to fetch, and where its bytes are kept meanwhile."""

    origin: Origin
    part: Path
    journal: Path
    truth: BlockMap | None = None
    """Known digests of all blocks: blocks of the `.part` that match are taken as they are, arriving ones must match."""
    only: frozenset[int] | None = None
    """Only these blocks are wanted; then nothing proves them, and who asked must."""


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A `.part` that is safe on disk, and whole and proven against its origin unless only some blocks were wanted."""

    wanted: WantedFile
    sha256: str
    block_map: BlockMap


def wanted_bytes(wanted: WantedFile) -> int:
    """How many bytes are wanted of the file."""
    size_bytes = wanted.origin.size_bytes
    if wanted.only is None:
        return size_bytes
    return sum(block_span(index, size_bytes)[1] for index in wanted.only)


class PartFile:
    """Blocks in, a proven file out. For one thread; hashing goes on beside it.

    Args:
        disk: Where it lies.
        wanted: What it is to become.
        hasher: One thread, shared by all files of a transfer: it hashes in the order of submission.

    Raises:
        OSError: The `.part` or its journal cannot be opened.
    """

    def __init__(self, disk: Disk, wanted: WantedFile, hasher: ThreadPoolExecutor) -> None:
        origin = wanted.origin
        self.wanted = wanted
        self.size_bytes = origin.size_bytes
        self.count = block_count(self.size_bytes)
        self._needed = self.count if wanted.only is None else len(wanted.only)
        self._hasher = hasher
        self._digests: dict[int, bytes] = {}
        self._doubted: dict[int, set[bytes]] = {}
        """Blocks that must come alike twice, and the digests with which they came."""
        self._doubting = False
        self._readings: Counter[int] = Counter()
        self._held: dict[int, tuple[memoryview, Callable[[], None]]] = {}
        """Blocks that came before their turn to be hashed."""
        self._start_hash()
        content_id = origin.sha256 or origin.git_sha1
        self._journal = Journal.open(disk, wanted.journal, content_id=content_id, size_bytes=self.size_bytes)
        try:
            self._file = disk.open(wanted.part, create=True)
        except BaseException:
            self._journal.close()
            raise

    def _start_hash(self) -> None:
        self._frontier = 0
        self._last_hash: Future[None] | None = None
        self._sha256 = hashlib.sha256()
        self._git_sha1 = hashlib.sha1(b"blob %d\0" % self.size_bytes, usedforsecurity=False)

    def recover(self, check: Callable[[int], None]) -> None:
        """See what an earlier run left: nothing that the journal claims is believed before its bytes were read.

        Args:
            check: Told the bytes read so far; may raise to stop.

        Raises:
            OSError: The disk cannot be read at all.
        """
        truth = self.wanted.truth
        claims = {index: truth.digest(index) for index in range(self.count)} if truth else self._journal.committed
        buffer = memoryview(bytearray(BLOCK_BYTES))
        for done, index in enumerate(sorted(claims)):
            check(done * BLOCK_BYTES)
            view = self._read_claimed(index, buffer)
            if view is not None and block_digest(view) == claims[index]:
                self._digests[index] = claims[index]
                if index == self._frontier:
                    self._hash(view)
                    self._frontier += 1

    def _read_claimed(self, index: int, buffer: memoryview) -> memoryview | None:
        """A block as it lies there; None where the file ends before, or the drive cannot read it.

        A bad sector is no reason to stop: the block is fetched again, and when it is written, drives put another sector
        in its place.
        """
        try:
            view = self._read_block(index, buffer)
        except OSError as error:
            if not is_drive_fault(error):
                raise
            logger.warning("%s: block %d cannot be read (%s); it is fetched again", self.wanted.part, index, error)
            return None
        return view if len(view) == block_span(index, self.size_bytes)[1] else None

    # Blocks --------------------------------------------------------------------------------------------------------

    def has(self, index: int) -> bool:
        """The block is on disk and not in doubt."""
        return index in self._digests and index not in self._doubted

    @property
    def missing(self) -> list[int]:
        """Blocks that must come, in order."""
        wanted = range(self.count) if self.wanted.only is None else sorted(self.wanted.only)
        return [index for index in wanted if not self.has(index)]

    @property
    def complete(self) -> bool:
        """Every wanted block is on disk."""
        return len(self._digests) >= self._needed and not self._doubted and not self.missing

    @property
    def done_bytes(self) -> int:
        """Of the blocks on disk."""
        whole = len(self._digests) - len(self._doubted)
        last = self.count - 1
        missing_of_last = BLOCK_BYTES - block_span(last, self.size_bytes)[1] if self.count and self.has(last) else 0
        return whole * BLOCK_BYTES - missing_of_last

    @property
    def held(self) -> int:
        """Buffers that wait for their turn to be hashed."""
        return len(self._held)

    def write(self, index: int, view: memoryview, release: Callable[[], None]) -> bool:
        """Put a block in its place.

        Args:
            index: Which block.
            view: Its bytes, this object's until `release` is called.
            release: Called once, from any thread.

        Returns:
            False when the block must be fetched again: it is not what it must be, or came only once while in doubt.

        Raises:
            ContentError: It came wrong too often.
            OSError: The disk is full or fails.
        """
        if self.has(index):
            release()
            return True
        digest = block_digest(view)
        if not self._accepts(index, digest):
            release()
            return False
        if self._digests.get(index) != digest:
            self._file.pwrite(block_span(index, self.size_bytes)[0], view)
            self._journal.append(index, digest)
            self._digests[index] = digest
        if self._doubting:
            release()  # hashed from disk when all have come
        else:
            self._held[index] = (view, release)
            self._feed_hash()
        return True

    def _accepts(self, index: int, digest: bytes) -> bool:
        truth = self.wanted.truth
        if truth is not None:
            accepted = truth.digest(index) == digest
        elif index in self._doubted:
            accepted = digest in self._doubted[index]
            self._doubted[index].add(digest)
        else:
            return True
        if accepted:
            self._doubted.pop(index, None)
            return True
        self._readings[index] += 1
        if self._readings[index] >= _MAX_READINGS:
            raise ContentError
        return False

    def drop_held(self, *, keep: int) -> None:
        """Give back all but `keep` buffers, those last in turn; they are read from disk again when it comes."""
        for index in sorted(self._held)[keep:]:
            self._held.pop(index)[1]()

    def _read_block(self, index: int, buffer: memoryview) -> memoryview:
        offset, length = block_span(index, self.size_bytes)
        return buffer[: self._file.pread_into(offset, buffer[:length])]

    # Hash ----------------------------------------------------------------------------------------------------------

    def _feed_hash(self) -> None:
        """Hand on every block whose turn has come."""
        while self._frontier < self.count and self.has(self._frontier):
            held = self._held.pop(self._frontier, None)
            if held is not None:
                self._last_hash = self._hasher.submit(self._hash_held, *held)
            else:
                self._last_hash = self._hasher.submit(self._hash_from_disk, self._frontier)
            self._frontier += 1

    def _hash_held(self, view: memoryview, release: Callable[[], None]) -> None:
        try:
            self._hash(view)
        finally:
            release()

    def _hash_from_disk(self, index: int) -> None:
        self._hash(self._read_block(index, memoryview(bytearray(BLOCK_BYTES))))

    def _hash(self, view: memoryview) -> None:
        self._sha256.update(view)
        if not self.wanted.origin.sha256:
            self._git_sha1.update(view)

    # End -----------------------------------------------------------------------------------------------------------

    def when_hashed(self, call: Callable[[], None]) -> None:
        """Call once all blocks of a complete file are hashed, from any thread."""
        self._feed_hash()
        if self._last_hash is None:
            call()
        else:
            self._last_hash.add_done_callback(lambda _: call())

    @property
    def hashed(self) -> bool:
        """All blocks are hashed, or hashing failed."""
        fed = self._frontier == self.count or self.wanted.only is not None
        return self.complete and fed and (self._last_hash is None or self._last_hash.done())

    def prove(self) -> bool:
        """Whether the hashed bytes are the origin's.

        If not, which block is wrong cannot be known from one reading: then every block is in doubt, and must come
        until it came twice alike.

        Raises:
            ContentError: The origin's bytes are steadily other than it says.
            OSError: The disk could not be read again for hashing.
        """
        if self._last_hash is not None:
            self._last_hash.result()
        if self.wanted.only is not None:
            return True
        origin = self.wanted.origin
        found = self._sha256 if origin.sha256 else self._git_sha1
        if found.hexdigest() == (origin.sha256 or origin.git_sha1):
            return True
        if self._doubting or not self.count:
            raise ContentError
        self._doubting = True
        self._doubted = {index: {digest} for index, digest in self._digests.items()}
        self._start_hash()
        return False

    def make_safe(self) -> FetchedFile:
        """Put a proven file safely on disk; takes as long as the disk does.

        Raises:
            OSError: The disk fails.
        """
        if self._file.size_bytes != self.size_bytes:
            self._file.resize(self.size_bytes)  # a longer file was there before
        self._file.sync()
        digests = b"".join(self._digests.get(index, _UNKNOWN) for index in range(self.count))
        return FetchedFile(self.wanted, self._sha256.hexdigest(), BlockMap(self.size_bytes, digests))

    def close(self) -> None:
        """Close the files; what was committed stays committed."""
        self.drop_held(keep=0)
        if self._last_hash is not None:
            self._last_hash.exception()
        self._file.close()
        self._journal.close()
