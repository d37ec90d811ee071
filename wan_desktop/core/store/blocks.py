"""A file as blocks of one MiB, each with a digest: the grain of journal, block map and repair.

The digests find chance damage and nothing else: who wants to can make other bytes with the same digest. A file is
therefore proven with its sha256 before it takes the place of another one, whatever its blocks say.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import xxhash

from wan_desktop.core.errors import ManifestError
from wan_desktop.core.store.disk_file import Data
from wan_desktop.core.words import mark, tr

BLOCK_BYTES = 1 << 20
DIGEST_BYTES = 16

_MAGIC = b"WANBLK1\n"
_HEADER = struct.Struct("<8sQQ")  # magic, size of the file, number of blocks
_REPAIR = mark("Repair the model; without the map whole files are fetched instead of blocks.")


def block_digest(data: Data) -> bytes:
    """The 16 bytes by which a block is known again."""
    return xxhash.xxh3_128_digest(data)


def block_count(size_bytes: int) -> int:
    """How many blocks a file has; the last one may be short.

    Raises:
        ValueError: The size is negative.
    """
    if size_bytes < 0:
        raise ValueError(f"a file cannot have {size_bytes} bytes")
    return -(-size_bytes // BLOCK_BYTES)


def block_span(index: int, size_bytes: int) -> tuple[int, int]:
    """Offset and length of one block of a file, in bytes.

    Raises:
        IndexError: The file has no such block.
    """
    if not 0 <= index < block_count(size_bytes):
        raise IndexError(f"a file of {size_bytes} bytes has no block {index}")
    offset = index * BLOCK_BYTES
    return offset, min(BLOCK_BYTES, size_bytes - offset)


@dataclass(frozen=True, slots=True)
class BlockMap:
    """The digests of all blocks of a file.

    Raises:
        ValueError: There are more or fewer digests than the size has blocks.
    """

    size_bytes: int
    digests: bytes
    """Of all blocks in order, 16 bytes each."""

    def __post_init__(self) -> None:
        wanted_bytes = block_count(self.size_bytes) * DIGEST_BYTES
        if len(self.digests) != wanted_bytes:
            raise ValueError(
                f"a file of {self.size_bytes} bytes has {wanted_bytes} bytes of digests, not {len(self.digests)}"
            )

    @staticmethod
    def of(chunks: Iterable[Data]) -> "BlockMap":
        """The map of a file that comes in chunks of any size."""
        builder = BlockMapBuilder()
        for chunk in chunks:
            builder.update(chunk)
        return builder.finish()

    @property
    def count(self) -> int:
        """Number of blocks."""
        return block_count(self.size_bytes)

    def span(self, index: int) -> tuple[int, int]:
        """Offset and length of a block, in bytes.

        Raises:
            IndexError: There is no such block.
        """
        return block_span(index, self.size_bytes)

    def digest(self, index: int) -> bytes:
        """The digest of a block.

        Raises:
            IndexError: There is no such block.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"a file of {self.size_bytes} bytes has no block {index}")
        return self.digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]

    def matches(self, index: int, data: Data) -> bool:
        """Whether these are the block's bytes, all of them.

        Raises:
            IndexError: There is no such block.
        """
        return block_digest(data) == self.digest(index)

    def blocks_of(self, offset: int, length: int) -> range:
        """The blocks that hold any byte of a range of the file; what lies beyond its end is in none.

        Raises:
            ValueError: Offset or length is negative.
        """
        if offset < 0 or length < 0:
            raise ValueError(f"no range of a file: {length} bytes from {offset}")
        end = min(offset + length, self.size_bytes)
        return range(offset // BLOCK_BYTES, block_count(end)) if offset < end else range(0)

    def to_bytes(self) -> bytes:
        """The map as a file, which carries its own digest."""
        data = _HEADER.pack(_MAGIC, self.size_bytes, self.count) + self.digests
        return data + block_digest(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The map out of its file.

        Raises:
            ManifestError: The file is damaged or something else.
        """
        body, own_digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
        if len(body) < _HEADER.size or block_digest(body) != own_digest:
            raise ManifestError(
                tr("A block map of {number} bytes is damaged or cut off.", number=len(data)), hint=tr(_REPAIR)
            )
        magic, size_bytes, count = _HEADER.unpack_from(body)
        if magic != _MAGIC or count != block_count(size_bytes) or len(body) != _HEADER.size + count * DIGEST_BYTES:
            raise ManifestError(
                tr(
                    "A block map says that {size_bytes} bytes are {count} blocks, and has {number} bytes itself: it "
                    "is of another kind.",
                    size_bytes=size_bytes,
                    count=count,
                    number=len(data),
                ),
                hint=tr(_REPAIR),
            )
        return cls(size_bytes, body[_HEADER.size :])

    @staticmethod
    def file_bytes(size_bytes: int) -> int:
        """How large the map of a file of that size is as a file."""
        return _HEADER.size + (block_count(size_bytes) + 1) * DIGEST_BYTES


class BlockMapBuilder:
    """Makes the map of a file while its bytes go by, in chunks of any size. For one thread."""

    def __init__(self) -> None:
        self.size_bytes = 0
        """Of what has gone by."""
        self._digests = bytearray()
        self._open = xxhash.xxh3_128()
        """The block that is not full yet."""

    def update(self, data: Data) -> None:
        """Take the next bytes of the file."""
        view = memoryview(data).cast("B")
        while view:
            filled_bytes = self.size_bytes % BLOCK_BYTES
            piece = view[: BLOCK_BYTES - filled_bytes]
            self._open.update(piece)
            self.size_bytes += len(piece)
            if filled_bytes + len(piece) == BLOCK_BYTES:
                self._digests += self._open.digest()
                self._open.reset()
            view = view[len(piece) :]

    def finish(self) -> BlockMap:
        """The map of all that has gone by; more may follow, for a later map."""
        digests = bytes(self._digests)
        if self.size_bytes % BLOCK_BYTES:
            digests += self._open.digest()
        return BlockMap(self.size_bytes, digests)
