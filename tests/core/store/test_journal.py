"""What a download says it has written, and what of it is believed."""

import errno
import random
import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.faulty_disk import HastyDisk, WrappedFile
from wan_desktop.core.store.blocks import BlockMap
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_file import Data, DiskFile
from wan_desktop.core.store.journal import Journal

MIB = 1 << 20
HEADER_BYTES, RECORD_BYTES = 84, 24
WANTED = "ab" * 32
OTHER = "c0" * 20
SIZE_BYTES = 5 * MIB + 7
CONTENT = random.Random(0).randbytes(SIZE_BYTES)
BLOCKS = BlockMap.of([CONTENT])
DIGESTS = {index: BLOCKS.digest(index) for index in range(6)}


class FailingFile(WrappedFile):
    """A file of a disk that fills up: the write with which it does is torn."""

    def __init__(self, file: DiskFile, disk: "FullDisk") -> None:
        super().__init__(file)
        self._disk = disk

    def pwrite(self, offset: int, data: Data) -> None:
        torn = memoryview(data)[: self._disk.free]
        self._disk.free -= len(torn)
        super().pwrite(offset, torn)
        if len(torn) < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")


class FullDisk(HastyDisk):
    """A disk with so many bytes left; remembers the files that were opened."""

    def __init__(self, free: int = 1 << 30) -> None:
        super().__init__()
        self.free = free
        self.opened: list[DiskFile] = []

    def open(self, path: Path, *, create: bool = False) -> DiskFile:
        self.opened.append(FailingFile(super().open(path, create=create), self))
        return self.opened[-1]

    def open_readonly(self, path: Path) -> DiskFile:
        self.opened.append(super().open_readonly(path))
        return self.opened[-1]


def open_journal(
    path: Path, *, content_id: str = WANTED, size_bytes: int = SIZE_BYTES, disk: Disk | None = None
) -> Journal:
    """The journal there."""
    return Journal.open(disk or HastyDisk(), path, content_id=content_id, size_bytes=size_bytes)


def claims_in(path: Path, *, size_bytes: int = SIZE_BYTES) -> dict[int, bytes]:
    """What the journal there claims when it is opened."""
    with open_journal(path, size_bytes=size_bytes) as journal:
        return journal.committed


def written(path: Path, claims: list[tuple[int, bytes]] | None = None, *, content_id: str = WANTED) -> bytes:
    """The bytes of a journal with these claims, by default one for each block."""
    with open_journal(path, content_id=content_id) as journal:
        for index, digest in list(DIGESTS.items()) if claims is None else claims:
            journal.append(index, digest)
    return path.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the journal lies."""
    return tmp_path / "0.journal"


@pytest.fixture(scope="module")
def lasting_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a journal lies that hypothesis writes again and again."""
    return tmp_path_factory.mktemp("journal") / "0.journal"


def header_of(content_id: str = WANTED, size_bytes: int = SIZE_BYTES) -> bytes:
    """The header as the design has it."""
    header = b"WANJRN1\n" + content_id.encode().ljust(64, b"\0") + struct.pack("<Q", size_bytes)
    return header + struct.pack("<I", zlib.crc32(header))


def record_of(index: int, digest: bytes, header: bytes) -> bytes:
    """A record behind that header as the design has it."""
    claim = struct.pack("<I", index) + digest
    return claim + struct.pack("<I", zlib.crc32(header[:-4] + claim))


def test_that_a_new_journal_claims_nothing(file: Path) -> None:
    assert claims_in(file) == {}
    assert file.read_bytes() == header_of()


@pytest.mark.parametrize("content_id", [WANTED, OTHER, "x"])
def test_that_claims_are_there_when_the_journal_is_opened_again(file: Path, content_id: str) -> None:
    written(file, content_id=content_id)
    with open_journal(file, content_id=content_id) as journal:
        assert journal.committed == DIGESTS


def test_that_the_layout_is_the_one_that_an_older_version_wrote(file: Path) -> None:
    header = header_of()
    assert written(file) == header + b"".join(record_of(*claim, header) for claim in DIGESTS.items())
    assert (len(header), len(record_of(0, bytes(16), header))) == (HEADER_BYTES, RECORD_BYTES)


def test_that_an_open_journal_knows_what_it_has_claimed_since(file: Path) -> None:
    with open_journal(file) as journal:
        journal.append(3, DIGESTS[3])
        assert journal.committed == {3: DIGESTS[3]}


def test_that_a_claim_is_on_disk_at_once(file: Path) -> None:
    with open_journal(file) as journal:
        journal.append(3, DIGESTS[3])
        assert file.read_bytes().endswith(record_of(3, DIGESTS[3], header_of()))


def test_that_opening_a_sound_journal_writes_nothing(file: Path) -> None:
    written(file)
    with open_journal(file, disk=FullDisk(free=0)) as journal:
        assert journal.committed == DIGESTS


@pytest.mark.parametrize(
    ("content_id", "size_bytes"),
    [
        pytest.param(OTHER, SIZE_BYTES, id="other-content"),
        pytest.param(WANTED[:-1], SIZE_BYTES, id="beginning-of-the-same-id"),
        pytest.param(WANTED, SIZE_BYTES + 1, id="other-size"),
    ],
)
def test_that_the_journal_of_another_content_is_started_anew(file: Path, content_id: str, size_bytes: int) -> None:
    written(file)
    with open_journal(file, content_id=content_id, size_bytes=size_bytes) as journal:
        assert journal.committed == {}
    assert file.read_bytes() == header_of(content_id, size_bytes)
    assert claims_in(file) == {}


def test_that_records_of_an_earlier_content_are_not_taken_for_this_one(file: Path) -> None:
    file.write_bytes(header_of(OTHER) + written(file)[HEADER_BYTES:])
    with open_journal(file, content_id=OTHER) as journal:
        assert journal.committed == {}


def test_that_a_journal_cut_off_anywhere_keeps_its_whole_records_and_goes_on(file: Path) -> None:
    whole = written(file)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        kept = max(0, length - HEADER_BYTES) // RECORD_BYTES
        with open_journal(file) as journal:
            assert journal.committed == {index: DIGESTS[index] for index in range(kept)}
            journal.append(5, DIGESTS[0])
        assert claims_in(file) == {index: DIGESTS[index] for index in range(kept)} | {5: DIGESTS[0]}


def test_that_a_flipped_bit_costs_the_record_that_it_hits_or_all_when_in_the_header(file: Path) -> None:
    whole = written(file)
    for byte in range(len(whole)):
        flipped = bytearray(whole)
        flipped[byte] ^= 1 << byte % 8
        file.write_bytes(flipped)
        hit = (byte - HEADER_BYTES) // RECORD_BYTES
        assert claims_in(file) == {i: digest for i, digest in DIGESTS.items() if hit >= 0 and i != hit}


@pytest.mark.parametrize("rubbish", [bytes(RECORD_BYTES), b"\xff" * RECORD_BYTES, CONTENT[:RECORD_BYTES]])
def test_that_rubbish_in_the_middle_is_skipped_and_gone_afterwards(file: Path, rubbish: bytes) -> None:
    whole = written(file)
    middle = HEADER_BYTES + 2 * RECORD_BYTES
    file.write_bytes(whole[:middle] + rubbish * 3 + whole[middle:])
    assert claims_in(file) == DIGESTS
    assert file.read_bytes() == whole


@pytest.mark.parametrize("size_bytes", [1, RECORD_BYTES, 100_000, 1 << 40])
def test_that_a_tail_of_zeros_is_cut_off(file: Path, size_bytes: int) -> None:
    whole = written(file)
    with HastyDisk().open(file) as opened:
        opened.resize(len(whole) + size_bytes)
    assert claims_in(file) == DIGESTS
    assert file.read_bytes() == whole


@pytest.mark.parametrize("index", [6, 7, (1 << 32) - 1])
def test_that_a_block_the_file_does_not_have_is_dropped(file: Path, index: int) -> None:
    whole = written(file)
    file.write_bytes(whole + record_of(index, DIGESTS[0], header_of()))
    assert claims_in(file) == DIGESTS
    assert file.read_bytes() == whole


def test_that_of_two_claims_for_a_block_the_last_one_counts(file: Path) -> None:
    written(file, [(0, DIGESTS[5]), (1, DIGESTS[1]), (0, DIGESTS[4]), (0, DIGESTS[0])])
    assert claims_in(file) == {0: DIGESTS[0], 1: DIGESTS[1]}


def test_that_opening_keeps_one_record_for_each_block(file: Path) -> None:
    written(file, [(index % 6, DIGESTS[index % 5]) for index in range(90)])
    claims_in(file)
    assert len(file.read_bytes()) == HEADER_BYTES + 6 * RECORD_BYTES


def test_that_a_failed_claim_is_not_made_and_the_next_one_takes_its_place(file: Path) -> None:
    disk = FullDisk()
    with open_journal(file, disk=disk) as journal:
        journal.append(0, DIGESTS[0])
        disk.free = 7
        with pytest.raises(OSError, match="No space left"):
            journal.append(1, DIGESTS[1])
        assert journal.committed == {0: DIGESTS[0]}
        disk.free = 1000
        journal.append(2, DIGESTS[2])
    assert claims_in(file) == {0: DIGESTS[0], 2: DIGESTS[2]}


def test_that_a_disk_too_full_to_mend_the_journal_leaves_it_as_it_is(file: Path) -> None:
    torn = written(file) + b"torn"
    file.write_bytes(torn)
    with pytest.raises(OSError, match="No space left"):
        open_journal(file, disk=FullDisk(free=HEADER_BYTES + 5))
    assert file.read_bytes() == torn
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_that_errors_of_the_disk_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_journal(tmp_path / "absent" / "0.journal")
    with pytest.raises(IsADirectoryError):
        open_journal(tmp_path)


@pytest.mark.parametrize(
    ("content_id", "size_bytes"),
    [
        pytest.param("", 5, id="no-id"),
        pytest.param("a" * 65, 5, id="long-id"),
        pytest.param("ä", 5, id="no-ascii"),
        pytest.param(WANTED, -1, id="negative"),
    ],
)
def test_that_a_journal_for_nothing_in_particular_is_refused(file: Path, content_id: str, size_bytes: int) -> None:
    with pytest.raises(ValueError, match=r"characters|ascii|-1 bytes"):
        open_journal(file, content_id=content_id, size_bytes=size_bytes)
    assert not file.exists()


@pytest.mark.parametrize(("index", "digest"), [(-1, bytes(16)), (6, bytes(16)), (0, bytes(15)), (0, bytes(17))])
def test_that_a_claim_that_cannot_be_right_is_refused(file: Path, index: int, digest: bytes) -> None:
    with open_journal(file) as journal, pytest.raises(ValueError, match=f"block {index} with"):
        journal.append(index, digest)
    assert file.read_bytes() == header_of()


def test_that_an_empty_file_has_a_journal_without_claims(file: Path) -> None:
    file.write_bytes(header_of(size_bytes=0) + record_of(0, bytes(16), header_of(size_bytes=0)))
    assert claims_in(file, size_bytes=0) == {}


def test_that_a_journal_is_closed_at_the_end(file: Path) -> None:
    disk = FullDisk()
    with open_journal(file, disk=disk) as journal:
        pass
    for opened in disk.opened:
        with pytest.raises(ValueError, match="closed"):
            _ = opened.size_bytes
    journal.close()


def test_that_sixty_thousand_records_are_read_at_once(file: Path) -> None:
    header = header_of(size_bytes=60_000 * MIB)
    records = (record_of(index, index.to_bytes(16, "big"), header) for index in range(60_000))
    file.write_bytes(header + b"".join(records))
    start_s = time.process_time()
    assert len(claims_in(file, size_bytes=60_000 * MIB)) == 60_000
    assert time.process_time() - start_s < 0.2


RECORDS = st.builds(record_of, st.integers(0, 7), st.binary(min_size=16, max_size=16), st.just(header_of()))
CHUNKS = st.lists(RECORDS | st.binary(max_size=30) | st.just(bytes(RECORD_BYTES)), max_size=12).map(b"".join)


@given(st.binary(max_size=300) | CHUNKS.map(lambda chunks: header_of() + chunks))
def test_that_any_bytes_give_claims_whose_checksum_is_right(lasting_file: Path, data: bytes) -> None:
    lasting_file.write_bytes(data)
    claims = claims_in(lasting_file)
    places = range(HEADER_BYTES, len(data) - RECORD_BYTES + 1, RECORD_BYTES)
    records = {data[place : place + RECORD_BYTES] for place in places} if data.startswith(header_of()) else set()
    assert {record_of(*claim, header_of()) for claim in claims.items()} <= records
    assert set(claims) <= set(range(6))
    sound = {record[:4] for record in records if record_of(record[0], record[4:20], header_of()) == record}
    assert {index.to_bytes(4, "little") for index in claims} == {index for index in sound if index[0] < 6}


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.binary(min_size=16, max_size=16)), max_size=5), max_size=5))
def test_that_claims_add_up_over_many_runs(lasting_file: Path, runs: list[list[tuple[int, bytes]]]) -> None:
    lasting_file.unlink(missing_ok=True)
    claims: dict[int, bytes] = {}
    for run in runs:
        written(lasting_file, run)
        claims |= dict(run)
        assert claims_in(lasting_file) == claims
