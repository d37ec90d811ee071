"""A file as blocks."""

import random
from collections.abc import Callable, Iterator

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_desktop.core.errors import ManifestError
from wan_desktop.core.store.blocks import (
    BLOCK_BYTES,
    BlockMap,
    BlockMapBuilder,
    Data,
    block_count,
    block_digest,
    block_span,
)

MIB = 1 << 20
CONTENT = random.Random(0).randbytes(3 * MIB + 5)
SIZES = st.integers(0, 1 << 40)


def pieces(content: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The content in pieces of these sizes, the rest as one."""
    begin = 0
    for size in sizes:
        yield content[begin : begin + size]
        begin += size
    yield content[begin:]


def small_map() -> BlockMap:
    """A map of three blocks and a bit."""
    return BlockMap.of([CONTENT])


def test_that_the_digest_of_a_block_is_the_one_that_files_on_disk_carry() -> None:
    assert block_digest(b"abc") == xxhash.xxh3_128(b"abc").digest()
    assert block_digest(b"abc").hex() == "06b05ab6733a618578af5f94892f3950"
    assert BLOCK_BYTES == MIB


@pytest.mark.parametrize(
    ("size_bytes", "count", "last"),
    [
        pytest.param(0, 0, None, id="empty"),
        pytest.param(1, 1, (0, 1), id="one-byte"),
        pytest.param(MIB - 1, 1, (0, MIB - 1), id="nearly-one-block"),
        pytest.param(MIB, 1, (0, MIB), id="one-block"),
        pytest.param(MIB + 1, 2, (MIB, 1), id="one-byte-more"),
        pytest.param(10_000_000_000, 9537, (9536 * MIB, 779_264), id="ten-gigabytes"),
    ],
)
def test_that_the_last_block_ends_with_the_file(size_bytes: int, count: int, last: tuple[int, int] | None) -> None:
    assert block_count(size_bytes) == count
    assert last is None or block_span(count - 1, size_bytes) == last


@given(SIZES, st.data())
def test_that_blocks_lie_one_after_the_other_and_none_is_empty(size_bytes: int, data: st.DataObject) -> None:
    count = block_count(size_bytes)
    if count:
        index = data.draw(st.integers(0, count - 1))
        offset, length = block_span(index, size_bytes)
        assert offset == index * MIB
        assert 0 < length <= MIB
        assert (offset + length == size_bytes) == (index == count - 1)


@pytest.mark.parametrize("index", [-1, 4, 1 << 40])
@pytest.mark.parametrize("ask", [BlockMap.span, BlockMap.digest, lambda blocks, index: blocks.matches(index, b"")])
def test_that_a_block_the_file_does_not_have_is_refused(ask: Callable[[BlockMap, int], object], index: int) -> None:
    with pytest.raises(IndexError, match=f"has no block {index}"):
        ask(small_map(), index)


def test_that_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 bytes"):
        block_count(-1)


@pytest.mark.parametrize("digests", [b"", bytes(15), bytes(17), bytes(32)])
def test_that_a_map_has_one_digest_for_each_block(digests: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes of digests"):
        BlockMap(5, digests)


def test_that_a_map_knows_its_blocks() -> None:
    blocks = small_map()
    assert (blocks.count, blocks.size_bytes) == (4, len(CONTENT))
    for index in range(4):
        offset, length = blocks.span(index)
        block = CONTENT[offset : offset + length]
        assert blocks.digest(index) == block_digest(block)
        assert blocks.matches(index, memoryview(block))


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(CONTENT[:MIB], id="another-block"),
        pytest.param(CONTENT[MIB : 2 * MIB - 1], id="short"),
        pytest.param(CONTENT[MIB : 2 * MIB + 1], id="long"),
        pytest.param(bytes([CONTENT[MIB] ^ 1]) + CONTENT[MIB + 1 : 2 * MIB], id="one-bit"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_that_other_bytes_do_not_match(block: bytes) -> None:
    assert not small_map().matches(1, block)


@pytest.mark.parametrize(
    ("offset", "length", "blocks"),
    [
        pytest.param(0, 1, range(1), id="first-byte"),
        pytest.param(MIB - 1, 1, range(1), id="last-byte-of-a-block"),
        pytest.param(MIB - 1, 2, range(2), id="across-a-border"),
        pytest.param(MIB, MIB, range(1, 2), id="just-a-block"),
        pytest.param(5, 3 * MIB, range(4), id="all"),
        pytest.param(3 * MIB, 1 << 50, range(3, 4), id="beyond-the-end"),
        pytest.param(len(CONTENT), 5, range(0), id="at-the-end"),
        pytest.param(1 << 50, 5, range(0), id="far-off"),
        pytest.param(2 * MIB, 0, range(0), id="nothing"),
    ],
)
def test_that_a_range_touches_blocks(offset: int, length: int, blocks: range) -> None:
    assert small_map().blocks_of(offset, length) == blocks


@given(st.integers(0, 4 * MIB), st.integers(0, 4 * MIB))
def test_that_a_range_touches_a_block_when_they_share_a_byte(offset: int, length: int) -> None:
    blocks = small_map()
    spans = [blocks.span(index) for index in range(blocks.count)]
    shared = [index for index, (begin, n) in enumerate(spans) if max(begin, offset) < min(begin + n, offset + length)]
    assert list(blocks.blocks_of(offset, length)) == shared


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
def test_that_a_negative_range_is_refused(offset: int, length: int) -> None:
    with pytest.raises(ValueError, match="no range"):
        small_map().blocks_of(offset, length)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2 * MIB), max_size=5))
def test_that_the_map_does_not_depend_on_how_the_bytes_come(sizes: list[int]) -> None:
    assert BlockMap.of(pieces(CONTENT, sizes)) == small_map()


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([MIB - 1, 1, MIB - 1, 2], id="one-byte-before-the-border"),
        pytest.param([1, MIB - 1, MIB], id="up-to-the-border"),
        pytest.param([MIB + 1, 2 * MIB], id="one-byte-over-the-border"),
        pytest.param([0, MIB, 0, 0, MIB, 0], id="nothing-at-the-border"),
    ],
)
def test_that_a_piece_may_end_near_the_border_of_a_block(sizes: list[int]) -> None:
    assert BlockMap.of(pieces(CONTENT, sizes)) == small_map()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_that_a_builder_takes_bytes_of_any_kind(kind: Callable[[bytes], Data]) -> None:
    assert BlockMap.of([kind(CONTENT)]) == small_map()


def test_that_a_reused_buffer_may_change_after_it_was_taken() -> None:
    builder = BlockMapBuilder()
    buffer = bytearray(1000)
    for begin in range(0, 10_000, 1000):
        buffer[:] = CONTENT[begin : begin + 1000]
        builder.update(buffer)
    assert builder.finish() == BlockMap.of([CONTENT[:10_000]])


@pytest.mark.parametrize("size_bytes", [0, 1, MIB, 2 * MIB])
def test_that_a_builder_goes_on_after_a_map_was_made(size_bytes: int) -> None:
    builder = BlockMapBuilder()
    builder.update(CONTENT[:size_bytes])
    assert builder.finish() == builder.finish() == BlockMap.of([CONTENT[:size_bytes]])
    builder.update(CONTENT[size_bytes:])
    assert builder.finish() == small_map()


def test_that_a_file_without_bytes_has_a_map_without_blocks() -> None:
    assert BlockMap.of([]) == BlockMap.of([b""]) == BlockMap(0, b"")


@given(st.integers(0, 40 * MIB), st.randoms(use_true_random=False))
def test_that_a_map_comes_back_from_its_file(size_bytes: int, chance: random.Random) -> None:
    blocks = BlockMap(size_bytes, chance.randbytes(16 * block_count(size_bytes)))
    data = blocks.to_bytes()
    assert BlockMap.from_bytes(data) == blocks
    assert len(data) == BlockMap.file_bytes(size_bytes)


def test_that_the_file_of_a_map_has_the_layout_that_older_ones_have() -> None:
    body = b"WANBLK1\n" + (MIB + 1).to_bytes(8, "little") + (2).to_bytes(8, "little") + bytes(range(32))
    assert BlockMap(MIB + 1, bytes(range(32))).to_bytes() == body + xxhash.xxh3_128_digest(body)


def test_that_a_map_cut_off_anywhere_is_refused() -> None:
    data = small_map().to_bytes()
    for length in range(len(data)):
        with pytest.raises(ManifestError, match="damaged or cut off"):
            BlockMap.from_bytes(data[:length])


def test_that_a_map_with_any_bit_flipped_is_refused() -> None:
    data = small_map().to_bytes()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ManifestError):
            BlockMap.from_bytes(bytes(flipped))


@pytest.mark.parametrize(
    ("magic", "size_bytes", "count", "digests"),
    [
        pytest.param(b"WANBLK2\n", 5, 1, 1, id="another-kind"),
        pytest.param(b"WANBLK1\n", 5, 2, 1, id="count-too-high"),
        pytest.param(b"WANBLK1\n", 5, 2, 2, id="count-does-not-fit-size"),
        pytest.param(b"WANBLK1\n", 5, 1, 2, id="bytes-left-over"),
        pytest.param(b"WANBLK1\n", (1 << 64) - 1, 1 << 44, 1, id="huge"),
        pytest.param(b"WANBLK1\n", 0, 0, 1, id="empty-with-a-digest"),
    ],
)
def test_that_a_map_that_contradicts_itself_is_refused(magic: bytes, size_bytes: int, count: int, digests: int) -> None:
    body = magic + size_bytes.to_bytes(8, "little") + count.to_bytes(8, "little") + bytes(16 * digests)
    with pytest.raises(ManifestError, match="of another kind") as caught:
        BlockMap.from_bytes(body + block_digest(body))
    assert caught.value.hint


@given(st.binary(max_size=200), st.booleans())
def test_that_any_bytes_give_a_map_or_a_manifest_error(data: bytes, sealed: bool) -> None:
    try:
        blocks = BlockMap.from_bytes(data + block_digest(data) if sealed else data)
    except ManifestError:
        return
    assert blocks.to_bytes() == data + block_digest(data)
