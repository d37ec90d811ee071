"""What becomes of float32 safetensors, bit by bit, and how little of the original brings a part of it back."""

import hashlib
import itertools
import json
import math
import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from diffusers import WanTransformer3DModel
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import TinyModel
from tests.fakes.faulty_disk import FailingDisk, OpKind, RecordingDisk, disk_full
from wan_desktop.core.errors import IntegrityError, JobCancelled
from wan_desktop.core.store.bf16 import (
    KEEP_FLOAT32,
    ConversionPlan,
    OriginalRange,
    convert,
    convert_file,
    header_size_bytes,
    original_ranges,
    plan_conversion,
    rebuild,
)
from wan_desktop.core.store.blocks import BlockMap
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.rounder import Rounder

BITS = {"F32": 32, "BF16": 16, "F16": 16, "I64": 64, "U8": 8}
NAMES = ("a.weight", "b.bias", "blocks.0.norm2.weight", "scale_shift_table", "x.rope.y", "ü.norm22", "c", "d", "e")


@dataclass(frozen=True)
class Tensor:
    """One tensor of a made-up file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes


def tensor(name: str, dtype: str, *shape: int, seed: int = 0) -> Tensor:
    """Random bits: NaNs, infinities and denormals are among them."""
    count = math.prod(shape) * BITS[dtype] // 8
    return Tensor(name, dtype, shape, np.random.default_rng(seed).bytes(count))


def header_of(tensors: Sequence[Tensor], metadata: dict[str, str] | None = None) -> dict[str, Any]:
    """The header of a file that holds them in this order."""
    ends = list(itertools.accumulate(len(each.data) for each in tensors))
    entries = {
        each.name: {"dtype": each.dtype, "shape": list(each.shape), "data_offsets": [end - len(each.data), end]}
        for each, end in zip(tensors, ends, strict=True)
    }
    return {"__metadata__": metadata} | entries if metadata else entries


def file_of(raw_header: bytes, data: bytes) -> bytes:
    """A file with that header, sound or not."""
    return struct.pack("<Q", len(raw_header)) + raw_header + data


def content(tensors: Sequence[Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """A file that holds them in this order."""
    raw = json.dumps(header_of(tensors, metadata)).encode("utf-8")
    return file_of(raw, b"".join(each.data for each in tensors))


def plan_of(original: bytes) -> ConversionPlan:
    """The plan for a file of these bytes."""
    return plan_conversion(original[: header_size_bytes(original, len(original))], len(original))


def convert_bytes(original: bytes) -> bytes:
    """The converted file, made in memory."""
    converted = bytearray()

    def read(offset: int, buffer: memoryview) -> int:
        part = original[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        return len(part)

    convert(plan_of(original), read=read, write=converted.extend, check=lambda _: None)
    return bytes(converted)


def tensors_in(data: bytes) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """What the safetensors library finds: dtype, shape and bytes by name."""
    found: list[tuple[str, dict[str, Any]]] = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    return {name: (entry["dtype"], tuple(entry["shape"]), bytes(entry["data"])) for name, entry in found}


def by_torch(values: bytes) -> bytes:
    """What torch makes of the float32 values."""
    floats = torch.frombuffer(bytearray(values), dtype=torch.float32)
    return floats.to(torch.bfloat16).view(torch.uint8).numpy().tobytes()


# Which tensors -------------------------------------------------------------------------------------------------------


def test_that_the_modules_kept_are_those_of_the_installed_diffusers() -> None:
    assert list(KEEP_FLOAT32) == WanTransformer3DModel._keep_in_fp32_modules


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        ("blocks.0.attn1.to_q.weight", "F32", "BF16"),
        ("blocks.0.attn1.norm_q.weight", "F32", "BF16"),
        ("blocks.0.norm22.weight", "F32", "BF16"),
        ("condition_embedder.time_proj.weight", "F32", "BF16"),
        ("blocks.0.norm2.weight", "F32", "F32"),
        ("condition_embedder.time_embedder.linear_1.bias", "F32", "F32"),
        ("scale_shift_table", "F32", "F32"),
        ("a", "F16", "F16"),
        ("a", "BF16", "BF16"),
        ("a", "I64", "I64"),
    ],
)
def test_that_only_float32_outside_of_those_modules_is_converted(name: str, dtype: str, expected: str) -> None:
    converted = tensors_in(convert_bytes(content([tensor(name, dtype, 2, 3)])))
    assert {key: (dtype, shape) for key, (dtype, shape, _) in converted.items()} == {name: (expected, (2, 3))}


def test_that_other_modules_can_be_kept() -> None:
    original = content([tensor("mine.weight", "F32", 2), tensor("norm1.weight", "F32", 2)])
    plan = plan_conversion(original[: header_size_bytes(original, len(original))], len(original), keep=("mine",))
    assert [each.is_converted for each in plan.tensors] == [False, True]


# The file ------------------------------------------------------------------------------------------------------------


def test_that_the_header_is_written_in_one_way_only() -> None:
    tensors = [tensor("w", "F32", 3), tensor("norm1.ü", "F32", 1, 2), tensor("empty", "F32", 0), tensor("n", "I64")]
    header = dict(reversed(header_of(tensors).items()))
    raw = json.dumps({**header, "__metadata__": {"format": "pt"}}, indent=4).encode("utf-8")
    converted = convert_bytes(file_of(raw, b"".join(each.data for each in tensors)))
    expected = (
        '{"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]},'
        '"norm1.ü":{"dtype":"F32","shape":[1,2],"data_offsets":[6,14]},'
        '"empty":{"dtype":"BF16","shape":[0],"data_offsets":[14,14]},'
        '"n":{"dtype":"I64","shape":[],"data_offsets":[14,22]}} '
    ).encode()
    assert len(expected) % 8 == 0
    assert converted[: 8 + len(expected)] == struct.pack("<Q", len(expected)) + expected
    assert converted[8 + len(expected) :] == by_torch(tensors[0].data) + tensors[1].data + tensors[3].data


def test_that_the_plan_tells_where_each_tensor_was_and_will_be() -> None:
    plan = plan_of(content([tensor("a", "F32", 2), tensor("norm1", "F32", 1), tensor("b", "F32", 1)]))
    assert [(each.name, each.original, each.converted) for each in plan.tensors] == [
        ("a", (0, 8), (0, 4)),
        ("norm1", (8, 12), (4, 8)),
        ("b", (12, 16), (8, 10)),
    ]
    assert plan.size_bytes == len(plan.header) + 10
    assert plan.original_size_bytes == plan.original_header_bytes + 16


def test_that_neighbours_of_one_fate_are_one_run() -> None:
    names = ("a", "norm1", "b", "c", "d", "norm2", "norm3")
    plan = plan_of(content([tensor(name, "F32", 0 if name == "norm1" else 2) for name in names]))
    assert [run.is_converted for run in plan.runs] == [True, False]


OTHER_TYPES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32"), 32),
    **dict.fromkeys(("C64", "F64", "I64", "U64"), 64),
    **{"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6},
}


@pytest.mark.parametrize(("dtype", "bits"), OTHER_TYPES.items())
def test_that_every_other_type_of_safetensors_passes_unchanged(dtype: str, bits: int) -> None:
    original = content([Tensor("a", dtype, (4,), bytes(range(4 * bits // 8)))])
    assert tensors_in(convert_bytes(original)) == tensors_in(original)


def test_that_converting_again_changes_nothing() -> None:
    once = convert_bytes(content([tensor(name, "F32", 3, seed=len(name)) for name in NAMES], {"format": "pt"}))
    assert convert_bytes(once) == once


def test_that_a_file_without_tensors_is_one_afterwards() -> None:
    assert tensors_in(convert_bytes(file_of(b"{}", b""))) == {}


# Rounding ------------------------------------------------------------------------------------------------------------

HIGH_HALVES = np.arange(1 << 16, dtype=np.uint32) << 16
LOW_HALVES = (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)


@pytest.mark.parametrize("low", LOW_HALVES, ids=hex)
def test_that_values_round_as_in_torch(low: int) -> None:
    bits = HIGH_HALVES + np.uint32(low)
    nans = np.isnan(bits.view(np.float32))
    mine = np.frombuffer(Rounder(bits.nbytes)(bits.tobytes()), np.uint16)
    torchs = np.frombuffer(by_torch(bits.tobytes()), np.uint16)
    assert np.array_equal(mine[~nans], torchs[~nans])
    assert np.isnan(torch.from_numpy(torchs[nans]).view(torch.bfloat16).float().numpy()).all()
    assert set(mine[nans]) == {0x7FC0}  # torch: this or 0xFFFF, by processor and memory layout


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0x3F808000, 0x3F80),  # half way, down to even
        (0x3F818000, 0x3F82),  # half way, up to even
        (0x3F808001, 0x3F81),
        (0x7F7FFFFF, 0x7F80),  # the largest float32 becomes infinite
        (0xFF7FFFFF, 0xFF80),
        (0x7F800000, 0x7F80),  # infinity stays
        (0x80000000, 0x8000),  # minus zero stays
        (0x00000001, 0x0000),
        (0x00018000, 0x0002),  # denormals round like others
        (0x007FFFFF, 0x0080),
        (0x7F800001, 0x7FC0),  # a signalling NaN
        (0xFFFFFFFF, 0x7FC0),
    ],
    ids=hex,
)
def test_that_a_value_rounds_to_the_nearest(value: int, expected: int) -> None:
    assert Rounder(4)(struct.pack("<I", value)) == struct.pack("<H", expected)


def test_that_a_rounder_is_used_again_for_less_and_for_bytes_anywhere_in_memory() -> None:
    data = np.random.default_rng(1).standard_normal(50, np.float32).tobytes()
    rounder = Rounder(len(data))
    assert rounder(data) == by_torch(data)
    assert rounder(memoryview(b"x" + data)[1:29]) == by_torch(data[:28])
    assert len(rounder(b"")) == 0


# With diffusers ------------------------------------------------------------------------------------------------------


def convert_folder(source: Path, target: Path) -> None:
    """A transformer's folder with each of its weight files converted and everything else as it is."""
    shutil.copytree(source, target)
    for file in source.glob("*.safetensors"):
        convert_file(Disk(), file, target / file.name, check=lambda _: None)


def bits_of(folder: Path) -> dict[str, tuple[torch.dtype, bytes]]:
    """What diffusers loads from there for bfloat16."""
    model = WanTransformer3DModel.from_pretrained(folder, torch_dtype=torch.bfloat16)
    return {
        name: (value.dtype, value.contiguous().view(torch.uint8).numpy().tobytes())
        for name, value in model.state_dict().items()
    }


@pytest.mark.parametrize("component", ["transformer", "transformer_2"])
def test_that_diffusers_loads_the_same_bits(tiny_model: TinyModel, tmp_path: Path, component: str) -> None:
    original = tiny_model("i2v_two_experts") / component
    convert_folder(original, tmp_path / "converted")
    loaded = bits_of(tmp_path / "converted")
    assert loaded == bits_of(original)
    assert {dtype for dtype, _ in loaded.values()} == {torch.bfloat16, torch.float32}


def test_that_diffusers_loads_shards_with_the_index_as_it_was(tiny_model: TinyModel, tmp_path: Path) -> None:
    model = WanTransformer3DModel.from_pretrained(tiny_model("i2v_clip") / "transformer")
    model.save_pretrained(tmp_path / "shards", max_shard_size="100KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    convert_folder(tmp_path / "shards", tmp_path / "converted")
    assert bits_of(tmp_path / "converted") == bits_of(tmp_path / "shards")


def test_that_safetensors_reads_the_result(tiny_model: TinyModel, tmp_path: Path) -> None:
    original = tiny_model("ti2v") / "transformer" / "diffusion_pytorch_model.safetensors"
    convert_file(Disk(), original, tmp_path / "converted.safetensors", check=lambda _: None)
    with (
        safetensors.safe_open(original, "pt") as before,
        safetensors.safe_open(tmp_path / "converted.safetensors", "pt") as after,
    ):
        assert after.metadata() == before.metadata()
        assert set(after.keys()) == set(before.keys())
        for name in before.keys():  # noqa: SIM118 - it is no dict
            kept = any(part in KEEP_FLOAT32 for part in name.split("."))
            wanted = before.get_tensor(name).to(torch.float32 if kept else torch.bfloat16)
            assert after.get_tensor(name).dtype == wanted.dtype
            assert torch.equal(after.get_tensor(name), wanted)


# On disk -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """Five megabytes, with borders at odd places."""
    file = tmp_path / "big.safetensors"
    tensors = [
        tensor("a", "F32", 523, 1021, seed=1),
        tensor("n", "U8", 3, seed=2),
        tensor("norm2.weight", "F32", 300_007, seed=3),
        tensor("b", "F32", 400_001, seed=4),
    ]
    file.write_bytes(content(tensors))
    return file


def test_that_a_file_is_converted_and_its_digests_are_told(big: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    original = big.read_bytes()
    converted = convert_file(Disk(), big, target, check=lambda _: None)
    data = target.read_bytes()
    assert big.read_bytes() == original
    assert data == convert_bytes(original)
    assert converted.size_bytes == len(data) == plan_of(original).size_bytes
    assert converted.sha256 == hashlib.sha256(data).hexdigest()
    assert converted.block_map == BlockMap.of([data])


def test_that_a_longer_file_at_the_target_is_overwritten(big: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"x" * 6_000_000)
    assert convert_file(Disk(), big, target, check=lambda _: None).size_bytes == target.stat().st_size


def test_that_progress_is_told_in_small_steps_up_to_the_end(big: Path, tmp_path: Path) -> None:
    told: list[int] = []
    convert_file(Disk(), big, tmp_path / "target", check=told.append)
    assert told == sorted(told)
    assert told[-1] == big.stat().st_size
    assert max(after - before for before, after in itertools.pairwise([0, *told])) <= 1 << 20


def test_that_a_conversion_stops_when_asked_to(big: Path, tmp_path: Path) -> None:
    def check(done_bytes: int) -> None:
        if done_bytes > 2_000_000:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        convert_file(Disk(), big, tmp_path / "target", check=check)
    assert (tmp_path / "target").stat().st_size < 2_000_000


def test_that_the_result_is_safe_on_disk(big: Path, tmp_path: Path) -> None:
    disk = RecordingDisk(tmp_path)
    convert_file(disk, big, tmp_path / "target", check=lambda _: None)
    kinds = [op.kind for op in disk.log.ops]
    assert kinds == [OpKind.CREATE, OpKind.RESIZE, *[OpKind.WRITE] * (len(kinds) - 3), OpKind.SYNC]


def test_that_every_failure_of_the_drive_comes_through(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(content([tensor("a", "F32", 3), tensor("norm1", "F32", 2)]))
    counting = FailingDisk()
    convert_file(counting, source, tmp_path / "target", check=lambda _: None)
    assert counting.calls > 8
    for fail_at in range(1, counting.calls + 1):
        with pytest.raises(OSError, match="No space"):
            convert_file(FailingDisk(fail_at, disk_full()), source, tmp_path / "target", check=lambda _: None)


def test_that_memory_is_bounded(big: Path) -> None:
    original = big.read_bytes()
    asked: list[tuple[int, int]] = []
    written: list[int] = []

    def read(offset: int, buffer: memoryview) -> int:
        asked.append((offset, len(buffer)))
        buffer[:] = original[offset : offset + len(buffer)]
        return len(buffer)

    plan = plan_of(original)
    convert(plan, read=read, write=lambda data: written.append(len(data)), check=lambda _: None)
    assert max(length for _, length in asked) <= 1 << 20
    assert max(written) <= 1 << 20
    ends = [plan.original_header_bytes, *(offset + length for offset, length in asked)]
    assert [offset for offset, _ in asked] + [len(original)] == ends


# Repair --------------------------------------------------------------------------------------------------------------


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Small files of mixed types, with empty tensors and scalars."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES)))
    shapes = st.lists(st.integers(0, 4), max_size=3)
    tensors = [
        tensor(name, draw(st.sampled_from(["F32", "F32", *BITS])), *draw(shapes), seed=draw(st.integers(0, 99)))
        for name in names
    ]
    return content(tensors, draw(st.sampled_from([None, {"format": "pt"}])))


@given(original=files(), data=st.data())
def test_that_any_part_is_rebuilt_from_about_twice_its_bytes(original: bytes, data: st.DataObject) -> None:
    converted = convert_bytes(original)
    offset = data.draw(st.integers(0, len(converted)))
    length = data.draw(st.integers(0, len(converted) - offset))
    plan = plan_of(original)
    fetched: list[OriginalRange] = []

    def fetch(offset: int, length: int) -> bytes:
        fetched.append(OriginalRange(offset, length))
        assert plan.original_header_bytes <= offset <= offset + length <= len(original)
        return original[offset : offset + length]

    assert rebuild(plan, offset, length, fetch) == converted[offset : offset + length]
    assert fetched == original_ranges(plan, offset, length)
    assert sum(each.length for each in fetched) <= 2 * length + 8


@given(original=files())
def test_that_safetensors_finds_what_should_be_there(original: bytes) -> None:
    expected = {}
    for name, (dtype, shape, values) in tensors_in(original).items():
        kept = dtype != "F32" or any(part in KEEP_FLOAT32 for part in name.split("."))
        expected[name] = (dtype, shape, values) if kept else ("BF16", shape, bytes(Rounder(len(values))(values)))
    assert tensors_in(convert_bytes(original)) == expected


def test_that_every_single_byte_can_be_rebuilt() -> None:
    original = content([tensor(name, "F32", 3, seed=len(name)) for name in NAMES])
    plan, converted = plan_of(original), convert_bytes(original)
    parts = [rebuild(plan, at, 1, lambda offset, length: original[offset:][:length]) for at in range(len(converted))]
    assert b"".join(parts) == converted


def test_that_the_header_needs_nothing_of_the_original() -> None:
    plan = plan_of(content([tensor("a", "F32", 3)]))
    assert original_ranges(plan, 0, len(plan.header)) == []


def test_that_half_a_value_needs_all_of_it() -> None:
    plan = plan_of(content([tensor("a", "F32", 8)]))
    start = plan.original_header_bytes
    assert original_ranges(plan, len(plan.header) + 3, 2) == [OriginalRange(start + 4, 8)]
    assert original_ranges(plan, len(plan.header) + 4, 2) == [OriginalRange(start + 8, 4)]


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1), (0, 1_000), (1_000, 0)])
def test_that_a_part_outside_of_the_file_is_a_mistake(offset: int, length: int) -> None:
    plan = plan_of(content([tensor("a", "F32", 3)]))
    with pytest.raises(ValueError, match="has no"):
        rebuild(plan, offset, length, lambda _offset, length: bytes(length))


@pytest.mark.parametrize("change_bytes", [-1, 1])
def test_that_an_answer_of_another_length_is_refused(change_bytes: int) -> None:
    plan = plan_of(content([tensor("a", "F32", 3)]))
    with pytest.raises(IntegrityError):
        rebuild(plan, len(plan.header), 4, lambda _offset, length: bytes(length + change_bytes))


# Bad files -----------------------------------------------------------------------------------------------------------

A = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
DEEP = b'{"a":' + b"[" * 100_000


def header(**entries: object) -> bytes:
    """The header's text."""
    return json.dumps(entries).encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "data_bytes", "told"),
    [
        (b"{", 8, "damaged"),
        (b"", 8, "brace"),
        (b"[]", 0, "brace"),
        (b" " + header(a=A), 8, "brace"),
        (header(a=A) + b"x", 8, "damaged"),
        (b"{\xff}", 8, "damaged"),
        (header(a=A).decode().encode("utf-16-le"), 8, "damaged"),
        (DEEP, 8, "damaged"),
        (b'{"a":' + b"9" * 5_000 + b"}", 8, "damaged"),
        (header(a=A)[:-1] + b"," + header(a=A)[1:], 8, "twice"),
        (header(a=A).replace(b'"shape"', b'"dtype"'), 8, "twice"),
        (header(__metadata__={"a": 1}, a=A), 8, "metadata"),
        (header(__metadata__=[], a=A), 8, "metadata"),
        (header(a=None), 8, "'a' lacks"),
        (header(a=A | {"dtype": 3}), 8, "'a' lacks"),
        (header(a=A | {"shape": 2}), 8, "'a' lacks"),
        (header(a=A | {"shape": [-1, -2]}), 8, "'a' lacks"),
        (header(a=A | {"shape": [2.0]}), 8, "'a' lacks"),
        (header(a=A | {"shape": [True, 2]}), 8, "'a' lacks"),
        (header(a=A | {"shape": [0, 2**63], "data_offsets": [0, 0]}), 0, "'a' lacks"),
        (header(a=A | {"data_offsets": [False, 8]}), 8, "'a' lacks"),
        (header(a=A | {"data_offsets": [0, 8, 9]}), 8, "'a' lacks"),
        (header(a={"dtype": "F32", "shape": [2]}), 8, "'a' lacks"),
        (header(a=A | {"dtype": "F33"}), 8, "unknown type 'F33'"),
        (header(a=A | {"shape": [1] * 64 + [2]}), 8, "65 dimensions"),
        (header(a=A | {"shape": [3]}), 8, "has 8 bytes"),
        (header(a=A | {"data_offsets": [8, 0]}), 8, "has -8 bytes"),
        (header(a=A | {"dtype": "F4", "shape": [17]}), 8, "has 8 bytes"),
        (header(a=A | {"data_offsets": [4, 12]}), 12, "'a' leaves a hole"),
        (header(a=A, b=A | {"data_offsets": [4, 12]}), 12, "'b' overlaps"),
        (header(a=A, b=A | {"data_offsets": [12, 20]}), 20, "'b' leaves a hole"),
        (header(a=A, b=A), 8, "'b' overlaps"),
        (header(a=A), 9, "8 bytes, the file has 9"),
        (header(a=A), 7, "8 bytes, the file has 7"),
        (header(**{"n" * 5_000: None}), 8, "n" * 100 + "...'"),
    ],
)
def test_that_a_damaged_header_is_refused(raw: bytes, data_bytes: int, told: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        plan_conversion(file_of(raw, b""), 8 + len(raw) + data_bytes, name="x.safetensors")
    assert told in caught.value.message
    assert caught.value.message.startswith("x.safetensors ")
    assert caught.value.hint
    assert len(caught.value.message) < 300


def test_that_a_name_that_is_no_text_is_refused() -> None:
    raw = json.dumps({"\ud800": A}).encode("ascii")
    with pytest.raises(IntegrityError):
        plan_conversion(file_of(raw, b""), 8 + len(raw) + 8)


@pytest.mark.parametrize(
    ("start", "size_bytes"),
    [
        (b"", 0),
        (b"\x02\0\0\0\0\0\0", 7),
        (b"\x02\0\0\0\0\0\0\0{", 9),
        (b"version https://git-lfs.github.com/spec/v1", 134),
        (struct.pack("<Q", 100_000_001), 1 << 40),
    ],
    ids=["empty", "seven bytes", "cut header", "lfs pointer", "huge header"],
)
def test_that_another_kind_of_file_is_refused(start: bytes, size_bytes: int) -> None:
    with pytest.raises(IntegrityError, match="not a safetensors file"):
        header_size_bytes(start, size_bytes)


@pytest.mark.parametrize("change_bytes", [-1, 1])
def test_that_the_header_must_come_whole_and_alone(change_bytes: int) -> None:
    original = content([tensor("a", "F32", 3)])
    size_bytes = header_size_bytes(original, len(original))
    with pytest.raises(IntegrityError, match="bytes of its header"):
        plan_conversion(original[: size_bytes + change_bytes], len(original))


@given(data=st.data())
def test_that_whatever_header_is_taken_the_result_can_be_read(data: st.DataObject) -> None:
    original = bytearray(content([tensor("a", "F32", 3), tensor("norm1", "F16", 0), tensor("b", "I64", 2, 1)]))
    size_bytes = header_size_bytes(original, len(original))
    for _ in range(data.draw(st.integers(1, 3))):
        original[data.draw(st.integers(8, size_bytes - 1))] = data.draw(st.sampled_from(b'0123456789 {}[]",:eaFIU-.\\'))
    try:
        plan = plan_of(bytes(original))
    except IntegrityError:
        return
    assert tensors_in(convert_bytes(bytes(original))).keys() == {each.name for each in plan.tensors}


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: data[:100], lambda data: data + b"x", lambda _: b"", lambda data: data[8:]],
    ids=["one byte less", "cut in the header", "one byte more", "empty", "without a start"],
)
def test_that_a_damaged_file_is_not_converted(big: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    big.write_bytes(damage(big.read_bytes()))
    with pytest.raises(IntegrityError, match=r"^big\.safetensors cannot be converted"):
        convert_file(Disk(), big, tmp_path / "target", check=lambda _: None)


def test_that_a_file_that_gets_shorter_meanwhile_is_noticed(big: Path, tmp_path: Path) -> None:
    def check(done_bytes: int) -> None:
        if done_bytes > 1_000_000:
            with big.open("r+b") as file:
                file.truncate(3_000_000)

    with pytest.raises(IntegrityError, match="ends after 3000000 bytes"):
        convert_file(Disk(), big, tmp_path / "target", check=check)
