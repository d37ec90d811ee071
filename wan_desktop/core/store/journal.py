"""What a download says it has written: one small file beside each `.part`, one record for each block.

A record is written after its block and without waiting for the disk, so after a power failure it may stand for bytes
that never arrived. The journal is therefore a claim and no more: whoever goes on with a `.part` reads the claimed
blocks again.
"""

import struct
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

from wan_desktop.core.store.blocks import BLOCK_BYTES, DIGEST_BYTES, block_count
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_file import DiskFile

CONTENT_ID_BYTES = 64

_MAGIC = b"WANJRN1\n"
_HEADER = struct.Struct(f"<8s{CONTENT_ID_BYTES}sQ")  # magic, wanted content, its size; a CRC follows
_CLAIM = struct.Struct(f"<I{DIGEST_BYTES}s")  # block, digest; a CRC follows
_CRC = struct.Struct("<I")
_RECORD = struct.Struct(f"<{_CLAIM.size}sI")
_RECORD_BYTES = _RECORD.size
_MAX_RECORDS_PER_BLOCK = 16  # opening leaves one; more come when blocks are fetched again and again
_SPARE_RECORDS = 1_000


class Journal:
    """The committed blocks of one `.part`. For one thread.

    Use :meth:`open`. Nobody else may have the file open: on Windows it could not be rewritten.
    """

    def __init__(self, file: DiskFile, *, header: bytes, size_bytes: int, committed: dict[int, bytes]) -> None:
        self.size_bytes = size_bytes
        """Of the wanted file."""
        self.committed = committed
        """Digest by block, as it was claimed; the last claim counts."""
        self._file = file
        self._seed = _seed(header)
        self._end = len(header) + len(committed) * _RECORD_BYTES

    @classmethod
    def open(cls, disk: Disk, path: Path, *, content_id: str, size_bytes: int) -> Self:
        """Open the journal, or start it anew if it is absent, damaged at its head or for another content.

        Torn and rubbish records, and those of blocks that the file does not have, are dropped from the disk too.

        Args:
            disk: Where it lies.
            path: Its name; the folder exists.
            content_id: What the `.part` is to become: a sha256 or a git id.
            size_bytes: How large that is.

        Raises:
            OSError: The disk fails or is full; what was claimed before is still there.
            ValueError: The content has no id or one that is too long, or a size below zero.
        """
        count = block_count(size_bytes)
        header = _header(content_id, size_bytes)
        data = _read(disk, path, len(header) + (count * _MAX_RECORDS_PER_BLOCK + _SPARE_RECORDS) * _RECORD_BYTES)
        committed = _claims(data, header, count)
        if data[: len(header)] != header or len(data) != len(header) + len(committed) * _RECORD_BYTES:
            seed = _seed(header)
            records = (_record(index, digest, seed) for index, digest in committed.items())
            disk.write_atomically(path, header + b"".join(records))
        return cls(disk.open(path), header=header, size_bytes=size_bytes, committed=committed)

    def append(self, index: int, digest: bytes) -> None:
        """Claim a block whose bytes have been written.

        Raises:
            OSError: The disk fails or is full; the claim is not made.
            ValueError: There is no such block, or this is no digest.
        """
        if not 0 <= index < block_count(self.size_bytes) or len(digest) != DIGEST_BYTES:
            raise ValueError(
                f"block {index} with a digest of {len(digest)} bytes, of a file of {self.size_bytes} bytes"
            )
        self._file.pwrite(self._end, _record(index, digest, self._seed))
        self._end += _RECORD_BYTES
        self.committed[index] = digest

    def close(self) -> None:
        """Close the file; what was claimed stays."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def claimed_bytes(disk: Disk, path: Path) -> int:
    """About how many bytes a journal claims, by its length; 0 when it is absent."""
    if not disk.exists(path):
        return 0
    header_bytes = _HEADER.size + _CRC.size
    return max(0, disk.stat(path).size_bytes - header_bytes) // _RECORD_BYTES * BLOCK_BYTES


def _header(content_id: str, size_bytes: int) -> bytes:
    wanted = content_id.encode("ascii")
    if not 0 < len(wanted) <= CONTENT_ID_BYTES:
        raise ValueError(f"a content id has 1 to {CONTENT_ID_BYTES} characters, not {len(wanted)}")
    header = _HEADER.pack(_MAGIC, wanted, size_bytes)
    return header + _CRC.pack(zlib.crc32(header))


def _seed(header: bytes) -> int:
    """What the CRCs of records start with: records that an earlier content left behind are not taken for this one's."""
    # Not the CRC of all of it: over data and its own CRC that is the same for all data.
    return zlib.crc32(header[: _HEADER.size])


def _record(index: int, digest: bytes, seed: int) -> bytes:
    claim = _CLAIM.pack(index, digest)
    return claim + _CRC.pack(zlib.crc32(claim, seed))


def _read(disk: Disk, path: Path, limit_bytes: int) -> bytes:
    """The file as far as it can be of use; nothing when it is absent."""
    try:
        file = disk.open_readonly(path)
    except FileNotFoundError:
        return b""
    with file:
        buffer = bytearray(min(file.size_bytes, limit_bytes))
        return bytes(buffer[: file.pread_into(0, memoryview(buffer))])


def _claims(data: bytes, header: bytes, count: int) -> dict[int, bytes]:
    """Digest by block; records count only where they can lie, and with their CRC right."""
    if not data.startswith(header):
        return {}
    seed = _seed(header)
    end = len(data) - (len(data) - len(header)) % _RECORD_BYTES
    claims = {}
    for claim, crc in _RECORD.iter_unpack(memoryview(data)[len(header) : end]):
        if zlib.crc32(claim, seed) == crc:
            index, digest = _CLAIM.unpack(claim)
            if index < count:
                claims[index] = digest
    return claims
