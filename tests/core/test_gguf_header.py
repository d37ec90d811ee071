"""What a GGUF file may say, and what is said about one that says something else."""

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGUFReader
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.gguf_files import entry, file_bytes, key, text, write_gguf
from wan_desktop.core.errors import IntegrityError, NotAWanModelError
from wan_desktop.core.gguf_header import GGUF_TYPES, GgufHeader, read_gguf_header

KINDS = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1")
WHOLE = file_bytes([entry("a"), entry("b", (64, 2), "Q8_0", 128)], [key("x", 5, b"abcd")], data_bytes=128 + 136)


def read(folder: Path, content: bytes) -> GgufHeader:
    """The header of a file of these bytes."""
    file = folder / "model.gguf"
    file.write_bytes(content)
    return read_gguf_header(file)


@pytest.mark.parametrize("alignment", [32, 64, 256])
@pytest.mark.parametrize("kind", KINDS)
def test_that_the_header_says_what_the_gguf_package_wrote(tmp_path: Path, kind: str, alignment: int) -> None:
    values = np.random.default_rng(0)
    tensors = {
        "blocks.0.weight": (values.random((6, 64), np.float32), kind),
        "bias": (values.random(7, np.float32), "F32"),
        "patch": (values.random((2, 3, 1, 2, 32), np.float32), kind),
    }
    file = write_gguf(tmp_path / "model.gguf", tensors, alignment=alignment)
    header = read_gguf_header(file)
    assert header.architecture == "wan"
    expected = {tensor.name: tensor for tensor in GGUFReader(file).tensors}
    assert {tensor.name for tensor in header.tensors} == expected.keys() == tensors.keys()
    for tensor in header.tensors:
        truth = expected[tensor.name]
        assert tensor.shape == tensors[tensor.name][0].shape == tuple(reversed(truth.shape.tolist()))
        assert (tensor.kind, tensor.offset, tensor.size_bytes) == (
            truth.tensor_type.name,
            truth.data_offset,
            truth.n_bytes,
        )
    assert header.data_offset == min(truth.data_offset for truth in expected.values())


def test_that_the_sizes_of_all_formats_are_those_of_the_gguf_package() -> None:
    truth = {int(kind): (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in gguf.GGMLQuantizationType}
    assert {number: (kind.name, kind.block, kind.block_bytes) for number, kind in GGUF_TYPES.items()} == {
        number: truth[number] for number in GGUF_TYPES
    }


def test_that_version_2_and_a_missing_architecture_are_read(tmp_path: Path) -> None:
    header = read(tmp_path, file_bytes([entry("a")], version=2))
    assert header.architecture is None
    assert [tensor.name for tensor in header.tensors] == ["a"]


def test_that_padding_at_the_end_may_be_there_or_not(tmp_path: Path) -> None:
    tensors = [entry("a", (3,))]
    for data_bytes in (12, 32):
        assert read(tmp_path, file_bytes(tensors, data_bytes=data_bytes)).tensors[0].size_bytes == 12


def array(kind: int, count: int, content: bytes = b"") -> bytes:
    """A key whose value is an array."""
    return key("x", 9, struct.pack("<IQ", kind, count) + content)


ONE = [entry("a")]
DAMAGED = {
    "empty": (b"", "empty or cut off"),
    "three-bytes": (b"GGU", "empty or cut off"),
    "only-the-magic": (b"GGUF\x03\0\0\0", "empty or cut off"),
    "lfs-pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git-lfs pointer"),
    "other-magic": (file_bytes(ONE, magic=b"GGML"), "not a GGUF file"),
    "web-page": (b"<!DOCTYPE html><html><body>Access denied</body></html>", "not a GGUF file"),
    "version-1": (file_bytes(ONE, version=1), "version 1"),
    "version-4": (file_bytes(ONE, version=4), "version 4"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 1, 0) + bytes(200), "big-endian"),
    "no-tensors": (file_bytes([], data_bytes=0), "no tensors"),
    "tensor-count-of-millions": (file_bytes(ONE, counts=(5_000_000, 0)), "5000000 tensors"),
    "tensor-count-2^63": (file_bytes(ONE, counts=(2**63, 0)), "no room"),
    "key-count-2^63": (file_bytes(ONE, counts=(1, 2**63)), "no room"),
    "name-length-2^60": (file_bytes([text(b"a", 2**60)]), "cut off within its header"),
    "key-length-2^60": (file_bytes([], [text(b"a", 2**60) + bytes(8)]), "cut off within its header"),
    "array-length-2^40": (file_bytes(ONE, [array(4, 2**40)]), "cut off within its header"),
    "array-length-2^64": (file_bytes(ONE, [array(12, 2**64 - 1)]), "cut off within its header"),
    "word-array-2^40": (file_bytes(ONE, [array(8, 2**40)]), "no room"),
    "word-in-array-2^60": (file_bytes(ONE, [array(8, 1, text(b"", 2**60))]), "cut off within its header"),
    "nested-array": (file_bytes(ONE, [array(9, 1, struct.pack("<IQ", 0, 0))]), "array of the type 9"),
    "unknown-value": (file_bytes(ONE, [key("x", 99, b"")]), "unknown type 99"),
    "key-twice": (file_bytes(ONE, [key("x", 7, b"1")] * 2), "key 'x' twice"),
    "name-not-utf8": (file_bytes([entry(b"\xff\xfe")]), "utf-8"),
    "key-not-utf8": (file_bytes(ONE, [key(b"\xff", 7, b"1")]), "utf-8"),
    "long-name": (file_bytes([entry("a" * 1001)]), "name of 1001 letters"),
    "tensor-twice": (file_bytes([entry("a"), entry("a", offset=128)], data_bytes=256), "twice"),
    "overlap": (file_bytes([entry("a"), entry("b", offset=64)]), "b at"),
    "gap": (file_bytes([entry("a"), entry("b", offset=160)], data_bytes=288), "b at"),
    "offset-2^63": (file_bytes([entry("a", offset=2**63)]), "a at"),
    "out-of-file": (file_bytes([entry("a", (33,))]), "cut off"),
    "huge-shape": (file_bytes([entry("a", (2**62, 2**62))]), "cut off"),
    "bytes-left-over": (file_bytes(ONE, data_bytes=129), "written over"),
    "no-dimensions": (file_bytes([entry("a", ())]), "0 dimensions"),
    "many-dimensions": (file_bytes([entry("a", (1,) * 6)]), "6 dimensions"),
    "dimensions-2^31": (file_bytes([text("a") + struct.pack("<I", 2**31)]), "dimensions"),
    "empty-side": (file_bytes([entry("a", (0,))]), "cannot have"),
    "half-a-block": (file_bytes([entry("a", (48,), "Q8_0")]), "Q8_0 cannot have"),
    "alignment-0": (file_bytes(ONE, [key("general.alignment", 4, bytes(4))]), "alignment"),
    "alignment-48": (file_bytes(ONE, [key("general.alignment", 4, struct.pack("<I", 48))]), "alignment"),
    "alignment-2^31": (file_bytes(ONE, [key("general.alignment", 4, struct.pack("<I", 2**31))]), "alignment"),
    "alignment-word": (file_bytes(ONE, [key("general.alignment", 8, text("32"))]), "alignment"),
}


@pytest.mark.parametrize(("content", "words"), DAMAGED.values(), ids=DAMAGED.keys())
def test_that_a_damaged_or_hostile_file_is_named_and_explained(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(IntegrityError, match=words) as caught:
        read(tmp_path, content)
    assert "model.gguf" in caught.value.message
    assert caught.value.hint
    assert len(caught.value.message) < 2_000


def test_that_a_header_of_many_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    words = [array(8, 1_000_000, text("") * 1_000_000)]
    with pytest.raises(IntegrityError, match="no room"):
        read(tmp_path, file_bytes(ONE, words))
    with pytest.raises(IntegrityError, match="more than 4 MB"):
        read(tmp_path, file_bytes(ONE, [array(0, 5_000_000, bytes(5_000_000))]))


@pytest.mark.parametrize("number", [9, 15, 16, 17, 18, 19, 21, 22, 24, 28, 29, 34, 39, 77, 2**32 - 1])
def test_that_a_format_diffusers_cannot_read_is_refused_with_those_it_can(tmp_path: Path, number: int) -> None:
    with pytest.raises(NotAWanModelError, match=r"model.gguf holds a as \w+") as caught:
        read(tmp_path, file_bytes([entry("a", (256,), number)]))
    assert "Q8_0" in caught.value.hint
    assert "IQ4_XS" in caught.value.hint


def test_that_a_folder_and_an_absent_file_are_integrity_errors(tmp_path: Path) -> None:
    (tmp_path / "folder.gguf").mkdir()
    for name in ("folder.gguf", "absent.gguf"):
        with pytest.raises(IntegrityError, match=name):
            read_gguf_header(tmp_path / name)


def test_that_every_shorter_file_is_refused(tmp_path: Path) -> None:
    end = max(tensor.offset + tensor.size_bytes for tensor in read(tmp_path, WHOLE).tensors)
    for length in range(end):
        with pytest.raises(IntegrityError):
            read(tmp_path, WHOLE[:length])


def assert_sound_or_refused(content: bytes, folder: Path) -> None:
    """Either an IntegrityError, or tensors that all lie within the file."""
    try:
        header = read(folder, content)
    except IntegrityError:
        return
    end = 0
    for tensor in header.tensors:
        assert tensor.offset >= end
        end = tensor.offset + tensor.size_bytes
    assert end <= len(content)


@given(changes=st.dictionaries(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), max_size=6))
def test_that_any_damage_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[int, int]
) -> None:
    content = bytearray(WHOLE)
    for position, value in changes.items():
        content[position] = value
    assert_sound_or_refused(bytes(content), tmp_path_factory.getbasetemp())


@given(rest=st.binary(max_size=300), counts=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_that_any_bytes_are_refused_or_sound(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes, counts: tuple[int, int]
) -> None:
    content = b"GGUF" + struct.pack("<IQQ", 3, *counts) + rest
    assert_sound_or_refused(content, tmp_path_factory.getbasetemp())
