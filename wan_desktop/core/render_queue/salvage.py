"""Rows out of a damaged queue file, read without SQLite, which gives up at the first page that is wrong.

The file's pages are looked at one by one for rows of a table (https://www.sqlite.org/fileformat2.html: section 1.6
"B-tree Pages", 2.1 "Record Format", 4.1 "WAL File Format"). What looks like a row may be anything; the digest within
decides. Removed rows are not found again, since SQLite was told to overwrite them with zeros (`secure_delete`).
"""

from collections.abc import Iterator
from itertools import pairwise

from wan_desktop.core.render_queue.rows import Row

PAGE_BYTES = 4096
_FILE_HEADER_BYTES = 100
_LEAF = 0x0D
_LEAF_HEADER_BYTES = 8
_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_MAX_ROW_BYTES = 4_000_000
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Length of an integer by its serial type; 8 and 9 are the numbers 0 and 1, which take no bytes."""


class _NoRowError(Exception):
    """What was looked at is no row."""


def salvaged_rows(database: bytes, wal: bytes) -> list[Row]:
    """All rows that are still what was written, in their order; of each id the latest.

    Args:
        database: The file's content, damaged or cut off as it may be.
        wal: The content of the file with the changes that were not yet carried over, `-wal`; may be empty.
    """
    pages = dict(enumerate(_cut(database), start=1))
    found: dict[str, Row] = {}
    for source in (pages, pages | _wal_pages(wal)):
        for row in _rows(source):
            if row.entry_id not in found or found[row.entry_id].revision < row.revision:
                found[row.entry_id] = row
    return sorted(found.values(), key=lambda row: row.position)


def _cut(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PAGE_BYTES):
        yield data[start : start + PAGE_BYTES].ljust(PAGE_BYTES, b"\0")


def _wal_pages(wal: bytes) -> dict[int, bytes]:
    """The pages of the frames up to the last that ends a transaction; frames of an earlier round have other salts."""
    salts = wal[16:24]
    pages: dict[int, bytes] = {}
    of_transaction: dict[int, bytes] = {}
    step = _FRAME_HEADER_BYTES + PAGE_BYTES
    for start in range(_WAL_HEADER_BYTES, len(wal) - step + 1, step):
        header = wal[start : start + _FRAME_HEADER_BYTES]
        if header[8:16] != salts:
            continue
        number, pages_after_commit = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
        of_transaction[number] = wal[start + _FRAME_HEADER_BYTES : start + step]
        if pages_after_commit:
            pages |= of_transaction
            of_transaction = {}
    return pages


def _rows(pages: dict[int, bytes]) -> Iterator[Row]:
    for number, page in pages.items():
        start = _FILE_HEADER_BYTES if number == 1 else 0
        if page[start] != _LEAF:
            continue
        for cell in range(int.from_bytes(page[start + 3 : start + 5], "big")):
            pointer = start + _LEAF_HEADER_BYTES + 2 * cell
            try:
                row = _row(_payload(pages, page, int.from_bytes(page[pointer : pointer + 2], "big")))
            except (_NoRowError, IndexError, UnicodeDecodeError):
                continue
            if row.good:
                yield row


def _payload(pages: dict[int, bytes], page: bytes, at: int) -> bytes:
    """The record of a cell; what does not fit into its page is in a chain of other pages."""
    size, at = _varint(page, at)
    _, at = _varint(page, at)  # the row's number
    if not 0 < size <= _MAX_ROW_BYTES:
        raise _NoRowError
    local = _local_bytes(size)
    payload = page[at : at + local]
    following = int.from_bytes(page[at + local : at + local + 4], "big")
    while len(payload) < size:
        if following not in pages:
            raise _NoRowError
        payload += pages[following][4:]
        following = int.from_bytes(pages[following][:4], "big")
    return payload[:size]


def _local_bytes(size: int) -> int:
    """How much of a table row is in the leaf itself: formula of section 1.6, all of the page being usable."""
    largest, smallest = PAGE_BYTES - 35, (PAGE_BYTES - 12) * 32 // 255 - 23
    if size <= largest:
        return size
    part = smallest + (size - smallest) % (PAGE_BYTES - 4)
    return part if part <= largest else smallest


def _row(record: bytes) -> Row:
    """A record as a row: (entry_id, position, revision, content, digest)."""
    header_bytes, at = _varint(record, 0)
    kinds = []
    while at < header_bytes:
        kind, at = _varint(record, at)
        kinds.append(kind)
    ends = [header_bytes]
    for kind in kinds:
        ends.append(ends[-1] + _value_bytes(kind))
    if len(kinds) != len(Row._fields) or ends[-1] != len(record):
        raise _NoRowError
    parts = [record[start:end] for start, end in pairwise(ends)]
    entry_id, content, digest = (parts[place].decode("ascii") for place in (0, 3, 4))
    return Row(entry_id, _integer(kinds[1], parts[1]), _integer(kinds[2], parts[2]), content, digest)


def _value_bytes(kind: int) -> int:
    if kind >= 13 and kind % 2:
        return (kind - 13) // 2  # a text
    return _INTEGER_BYTES.get(kind, 0)


def _integer(kind: int, data: bytes) -> int:
    if kind in (8, 9):
        return kind - 8
    if kind not in _INTEGER_BYTES:
        raise _NoRowError
    return int.from_bytes(data, "big", signed=True)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where the next begins (section 1.6)."""
    value = 0
    for _ in range(8):
        value = value << 7 | data[at] & 0x7F
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    return value << 8 | data[at], at + 1
