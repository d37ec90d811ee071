"""What is believed of a `.part` that an earlier run left: nothing but what its bytes are."""

import errno
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fakes.faulty_disk import FailingDisk, HastyDisk, RecordingDisk, Result, crash_states
from wan_desktop.core.store.blocks import BlockMap, block_digest
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.journal import Journal
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.part_file import PartFile, WantedFile

MIB = 1 << 20
WANTED = "ab" * 32
SIZE_BYTES = 5 * MIB + 7
CONTENT = random.Random(0).randbytes(SIZE_BYTES)
BLOCKS = BlockMap.of([CONTENT])
DIGESTS = {index: BLOCKS.digest(index) for index in range(6)}


@pytest.fixture(scope="module")
def hasher() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


class Left:
    """What an earlier run left in a folder."""

    def __init__(self, folder: Path, hasher: ThreadPoolExecutor, *, size_bytes: int = SIZE_BYTES) -> None:
        self.part, self.journal = folder / "0.part", folder / "0.journal"
        self._hasher, self._size_bytes = hasher, size_bytes

    def open_journal(self, disk: Disk | None = None) -> Journal:
        return Journal.open(disk or HastyDisk(), self.journal, content_id=WANTED, size_bytes=self._size_bytes)

    def leave(self, part: bytes | None, claims: Mapping[int, bytes]) -> None:
        with self.open_journal() as journal:
            for index, digest in claims.items():
                journal.append(index, digest)
        if part is not None:
            self.part.write_bytes(part)

    def believed(self, disk: Disk | None = None) -> set[int]:
        """The blocks that a new run takes as they are."""
        origin = Origin("wan/model", "0" * 40, "a.safetensors", self._size_bytes, WANTED)
        file = PartFile(disk or HastyDisk(), WantedFile(origin, self.part, self.journal), self._hasher)
        try:
            file.recover(lambda _: None)
            return {index for index in range(file.count) if file.has(index)}
        finally:
            file.close()


@pytest.fixture
def left(tmp_path: Path, hasher: ThreadPoolExecutor) -> Left:
    return Left(tmp_path, hasher)


def test_that_claims_are_true_when_the_bytes_are_there(left: Left) -> None:
    left.leave(CONTENT, DIGESTS)
    assert left.believed() == {0, 1, 2, 3, 4, 5}


def test_that_only_claimed_blocks_are_believed(left: Left) -> None:
    left.leave(CONTENT, {index: DIGESTS[index] for index in (5, 1, 3)})
    assert left.believed() == {1, 3, 5}


@pytest.mark.parametrize(
    ("damage", "bad"),
    [
        pytest.param(lambda part: bytes([part[0] ^ 1]) + part[1:], {0}, id="first-bit"),
        pytest.param(lambda part: part[:-1] + bytes([part[-1] ^ 128]), {5}, id="last-bit"),
        pytest.param(lambda part: part[: 2 * MIB] + bytes(MIB) + part[3 * MIB :], {2}, id="journal-ahead-of-a-block"),
        pytest.param(lambda part: part[MIB : 2 * MIB] + part[:MIB] + part[2 * MIB :], {0, 1}, id="swapped"),
        pytest.param(lambda part: part[:-1], {5}, id="one-byte-short"),
        pytest.param(lambda part: part[: 3 * MIB], {3, 4, 5}, id="journal-ahead-of-the-file"),
        pytest.param(lambda part: part[: 3 * MIB + 1], {3, 4, 5}, id="short-within-a-block"),
        pytest.param(lambda part: part + b"more", set(), id="longer"),
        pytest.param(lambda _: b"", {0, 1, 2, 3, 4, 5}, id="empty"),
        pytest.param(lambda _: None, {0, 1, 2, 3, 4, 5}, id="absent"),
    ],
)
def test_that_a_claim_is_not_believed(left: Left, damage: Callable[[bytes], bytes | None], bad: set[int]) -> None:
    left.leave(damage(CONTENT), DIGESTS)
    assert left.believed() == set(range(6)) - bad


def test_that_a_short_block_is_not_saved_by_what_the_buffer_held_before(left: Left) -> None:
    left.leave(bytes(4 * MIB + 5), {index: block_digest(bytes(MIB)) for index in range(5)})
    assert left.believed() == {0, 1, 2, 3}


def test_that_a_claim_for_fewer_bytes_than_a_block_has_is_not_believed(left: Left) -> None:
    left.leave(CONTENT[:5], {0: block_digest(CONTENT[:5])})
    assert left.believed() == set()


class BadSector(FailingDisk):
    """A drive that cannot read one block of a `.part`."""

    def __init__(self, bad_read: int, error: OSError) -> None:
        super().__init__()
        self._reads_left, self._bad = bad_read, error

    def read(self, name: str, call: Callable[[], Result]) -> Result:
        if name.startswith("pread 0.part"):
            self._reads_left -= 1
            if self._reads_left == 0:
                raise self._bad
        return super().read(name, call)


def test_that_a_block_in_a_bad_sector_is_fetched_again(left: Left) -> None:
    left.leave(CONTENT, DIGESTS)
    assert left.believed(BadSector(3, OSError(errno.EIO, "Input/output error"))) == {0, 1, 3, 4, 5}


def test_that_a_drive_that_is_gone_is_told(left: Left) -> None:
    left.leave(CONTENT, DIGESTS)
    with pytest.raises(OSError, match="No such device"):
        left.believed(BadSector(3, OSError(errno.ENODEV, "No such device")))


def test_that_after_a_power_failure_earlier_claims_are_there_and_only_true_ones_are_believed(
    tmp_path: Path, hasher: ThreadPoolExecutor
) -> None:
    size_bytes = MIB + 5_000
    content = CONTENT[:size_bytes]
    digests = BlockMap.of([content])
    (tmp_path / "before").mkdir()
    before = Left(tmp_path / "before", hasher, size_bytes=size_bytes)
    before.leave(content[:MIB], {0: digests.digest(0)})
    before.journal.write_bytes(before.journal.read_bytes() + b"torn")
    disk = RecordingDisk(tmp_path / "before")
    with before.open_journal(disk) as journal:
        with disk.open(before.part) as opened:
            opened.pwrite(MIB, content[MIB:])
        journal.append(1, digests.digest(1))
    for number, state in enumerate(crash_states(disk.log, random.Random(0), 100)):
        after = Left(tmp_path / str(number), hasher, size_bytes=size_bytes)
        after.part.parent.mkdir()
        state.write(after.part.parent)
        believed = after.believed()
        assert 0 in believed, state
        assert (1 in believed) <= (after.part.read_bytes() == content), state
