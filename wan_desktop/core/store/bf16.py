"""A float32 safetensors file becomes a bfloat16 one: the same bytes on every machine, and repairable piece by piece.

Both files hold the same tensors in the same order and without holes. So every part of the converted file is made from
one part of the original, at most twice as large, and a damaged block needs only that fetched again.
"""

import hashlib
import json
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from wan_desktop.core.errors import IntegrityError
from wan_desktop.core.store.blocks import BlockMap, BlockMapBuilder
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_file import Data, DiskFile
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from wan_desktop.core.store.rounder import Rounder

KEEP_FLOAT32 = ("rope", "time_embedder", "scale_shift_table", "norm1", "norm2", "norm3")
"""`WanTransformer3DModel._keep_in_fp32_modules` of diffusers 0.42.1, models/transformers/transformer_wan.py."""

_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8"), 8),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
"""Of one value, by the names of safetensors 0.8.0."""
_Entry: TypeAlias = tuple[str, str, tuple[int, ...], int, int]
"""Of the original's header: name, dtype, shape, begin, end."""

_LENGTH = struct.Struct("<Q")
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library
_MAX_DIMENSIONS = 64  # of numpy and torch; bounds the work on a hostile header
_MAX_NUMBER = (1 << 63) - 1
_MAX_NAME = 100  # in messages
_CHUNK_BYTES = 1 << 20  # of the original; what is worked on stays in the processor's cache


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """One tensor and where it lies; as in the files, offsets count from the end of the header."""

    name: str
    dtype: str
    """In the original, by the name that safetensors gives it."""
    shape: tuple[int, ...]
    original: tuple[int, int]
    """Begin and end in bytes."""
    converted: tuple[int, int]
    """Begin and end in bytes."""
    is_converted: bool
    """It is float32 in the original and bfloat16 afterwards; else its bytes stay as they are."""


@dataclass(frozen=True, slots=True)
class ConversionRun:
    """Neighbours that are all converted or all not, as one stretch; offsets count from the start of the file."""

    original: tuple[int, int]
    converted: tuple[int, int]
    is_converted: bool


@dataclass(frozen=True, slots=True)
class ConversionPlan:
    """What becomes of each byte of a safetensors file."""

    original_header_bytes: int
    """With the 8 bytes that tell its length."""
    original_size_bytes: int
    header: bytes
    """Of the converted file, with the 8 bytes that tell its length."""
    size_bytes: int
    """Of the converted file."""
    tensors: tuple[PlannedTensor, ...]
    """In the order in which they lie in both files."""
    runs: tuple[ConversionRun, ...]
    """All bytes behind the header."""


@dataclass(frozen=True, slots=True)
class OriginalRange:
    """Bytes of the original file."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion has written."""

    size_bytes: int
    sha256: str
    block_map: BlockMap


# Plan ----------------------------------------------------------------------------------------------------------------


def header_size_bytes(start: Data, size_bytes: int, *, name: str = "") -> int:
    """How many bytes of a safetensors file `plan_conversion` must see.

    Args:
        start: The first 8 bytes of the file, or more.
        size_bytes: Of the whole file.
        name: Of the file, for the message.

    Raises:
        IntegrityError: It is no safetensors file, or cut off.
    """
    length = _LENGTH.unpack_from(start)[0] if len(start) >= _LENGTH.size else _MAX_HEADER_BYTES + 1
    if length > _MAX_HEADER_BYTES or _LENGTH.size + length > size_bytes:
        raise _unusable(
            name, tr("it is not a safetensors file, or cut off ({size_bytes} bytes)", size_bytes=size_bytes)
        )
    return _LENGTH.size + int(length)


def _unusable(name: str, why: str) -> IntegrityError:
    return IntegrityError(
        tr("{name} cannot be converted: {why}.", name=name or tr("The weights file"), why=why),
        hint=tr("Get the model again, or choose another folder."),
    )


def plan_conversion(
    header_bytes: bytes, size_bytes: int, *, keep: Sequence[str] = KEEP_FLOAT32, name: str = ""
) -> ConversionPlan:
    """Decide from its header what becomes of each byte of a safetensors file.

    The plan depends on nothing but the arguments, so the converted file has one sha256 wherever it is made.

    Args:
        header_bytes: The original's first bytes, as many as `header_size_bytes` says.
        size_bytes: Of the whole original.
        keep: Modules that stay float32: a tensor stays when a part of its dotted name is one of them.
        name: Of the file, for messages.

    Raises:
        IntegrityError: The header is damaged, cut off, or does not describe exactly this file.
    """
    data_begin = header_size_bytes(header_bytes, size_bytes, name=name)
    if len(header_bytes) != data_begin:
        raise _unusable(
            name,
            tr(
                "{number} of {data_begin} bytes of its header are there",
                number=len(header_bytes),
                data_begin=data_begin,
            ),
        )
    try:
        entries, metadata = _parse(header_bytes[_LENGTH.size :])
        tensors = tuple(_planned(entries, size_bytes - data_begin, keep))
        header = _header(tensors, metadata)
    except (ValueError, RecursionError) as error:
        raise _unusable(name, tr("its header is damaged: {error}", error=error)) from error
    return ConversionPlan(
        original_header_bytes=data_begin,
        original_size_bytes=size_bytes,
        header=header,
        size_bytes=len(header) + (tensors[-1].converted[1] if tensors else 0),
        tensors=tensors,
        runs=tuple(_runs(tensors, data_begin, len(header))),
    )


def _parse(raw: bytes) -> tuple[list[_Entry], dict[str, str]]:
    """The tensors in the order in which they lie, and the metadata."""
    if not raw.startswith(b"{"):  # the format demands it
        raise ValueError("it does not start with a brace")
    header = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_repeats)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata is not text")
    # An empty tensor begins where the next one does. Several such keep the header's order.
    return sorted(map(_entry, header.items()), key=lambda entry: entry[3:]), metadata


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _entry(item: tuple[str, object]) -> _Entry:
    name, value = item
    match value:
        case {"dtype": str() as dtype, "shape": [*shape], "data_offsets": [begin, end]} if all(
            type(number) is int and 0 <= number <= _MAX_NUMBER for number in (begin, end, *shape)
        ):
            pass
        case _:
            raise ValueError(f"the entry of {_short(name)} lacks a value or has a wrong one")
    if dtype not in _BITS:
        raise ValueError(f"{_short(name)} is of the unknown type {_short(dtype)}")
    if len(shape) > _MAX_DIMENSIONS:
        raise ValueError(f"{_short(name)} has {len(shape)} dimensions")
    if prod(shape) * _BITS[dtype] != (end - begin) * 8:
        raise ValueError(f"{_short(name)} has {end - begin} bytes, which is not what its shape needs")
    return name, dtype, tuple(shape), begin, end


def _short(text: str) -> str:
    return repr(text if len(text) <= _MAX_NAME else f"{text[:_MAX_NAME]}...")


def _planned(entries: Iterable[_Entry], data_bytes: int, keep: Sequence[str]) -> Iterator[PlannedTensor]:
    covered = made = 0
    for name, dtype, shape, begin, end in entries:
        if begin != covered:
            what = tr("overlaps the tensor before it") if begin < covered else tr("leaves a hole before it")
            raise ValueError(f"{_short(name)} {what}")
        # As diffusers matches when it loads: whole parts of the name (load_model_dict_into_meta).
        is_converted = dtype == "F32" and not any(module in name.split(".") for module in keep)
        made_end = made + (end - begin) // (2 if is_converted else 1)
        yield PlannedTensor(name, dtype, shape, (begin, end), (made, made_end), is_converted)
        covered, made = end, made_end
    if covered != data_bytes:
        raise ValueError(f"its tensors have {covered} bytes, the file has {data_bytes} for them")


def _header(tensors: Iterable[PlannedTensor], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    for tensor in tensors:
        dtype = "BF16" if tensor.is_converted else tensor.dtype
        header[tensor.name] = {"dtype": dtype, "shape": tensor.shape, "data_offsets": tensor.converted}
    raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    raw += b" " * (-len(raw) % 8)  # the data begins at a multiple of 8, as in files of the safetensors library
    return _LENGTH.pack(len(raw)) + raw


def _runs(tensors: Iterable[PlannedTensor], original_data: int, converted_data: int) -> Iterator[ConversionRun]:
    filled = (tensor for tensor in tensors if tensor.original[0] < tensor.original[1])
    for is_converted, group in groupby(filled, key=lambda tensor: tensor.is_converted):
        run = list(group)
        yield ConversionRun(
            original=(original_data + run[0].original[0], original_data + run[-1].original[1]),
            converted=(converted_data + run[0].converted[0], converted_data + run[-1].converted[1]),
            is_converted=is_converted,
        )


# Conversion ----------------------------------------------------------------------------------------------------------


def _rounder(max_bytes: int) -> "Rounder":
    # It brings numpy, a tenth of a second of the window's start, and is needed where something is converted only.
    from wan_desktop.core.store.rounder import Rounder  # noqa: PLC0415

    return Rounder(max_bytes)


def convert(
    plan: ConversionPlan,
    *,
    read: Callable[[int, memoryview], int],
    write: Callable[[memoryview], None],
    check: Callable[[int], None],
) -> None:
    """Write the converted file from front to back, in 3 MiB of memory.

    Args:
        plan: Made from the original's header.
        read: Fills a buffer with the original's bytes from an offset on and says how many it has, like
            `DiskFile.pread_into`; asked for each byte behind the header once, from front to back.
        write: Takes the next bytes of the converted file; they are valid only during the call.
        check: Told the bytes of the original done so far; may raise to stop.

    Raises:
        IntegrityError: The original is shorter than planned.
    """
    write(memoryview(plan.header))
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    rounder = _rounder(_CHUNK_BYTES)
    for run in plan.runs:
        begin, end = run.original
        for offset in range(begin, end, _CHUNK_BYTES):
            check(offset)
            view = buffer[: min(_CHUNK_BYTES, end - offset)]
            read_bytes = read(offset, view)
            if read_bytes != len(view):
                raise _cut_off(offset + read_bytes, plan.original_size_bytes)
            write(rounder(view) if run.is_converted else view)
    check(plan.original_size_bytes)


def _cut_off(found_bytes: int, wanted_bytes: int) -> IntegrityError:
    return _unusable(
        tr("The original"),
        tr(
            "it ends after {found_bytes} bytes instead of {wanted_bytes}",
            found_bytes=found_bytes,
            wanted_bytes=wanted_bytes,
        ),
    )


def convert_file(disk: Disk, source: Path, target: Path, *, check: Callable[[int], None]) -> Converted:
    """Convert a file on disk, and make the result safe there.

    Args:
        disk: Where both lie.
        source: The original; stays as it is.
        target: Overwritten when it is there. After an error or a stop it is incomplete, and the caller's to remove.
        check: Told the bytes of the original done so far; may raise to stop.

    Raises:
        IntegrityError: The source is not a whole safetensors file.
        OSError: The disk is full or fails.
    """
    with disk.open_readonly(source) as original, disk.open(target, create=True) as copy:
        plan = plan_conversion(_read_header(original, source.name), original.size_bytes, name=source.name)
        copy.resize(0)
        sha256 = hashlib.sha256()
        blocks = BlockMapBuilder()

        def write(data: memoryview) -> None:
            copy.pwrite(blocks.size_bytes, data)
            sha256.update(data)
            blocks.update(data)

        convert(plan, read=original.pread_into, write=write, check=check)
        copy.sync()
    return Converted(plan.size_bytes, sha256.hexdigest(), blocks.finish())


def _read_header(file: DiskFile, name: str) -> bytes:
    start = bytearray(_LENGTH.size)
    found_bytes = file.pread_into(0, memoryview(start))
    header = bytearray(header_size_bytes(start[:found_bytes], file.size_bytes, name=name))
    found_bytes = file.pread_into(0, memoryview(header))
    return bytes(header[:found_bytes])


# Repair --------------------------------------------------------------------------------------------------------------


def original_ranges(plan: ConversionPlan, offset: int, length: int) -> list[OriginalRange]:
    """What of the original is needed to make a part of the converted file.

    Args:
        plan: Of the conversion.
        offset: Where the part begins in the converted file.
        length: Of the part, in bytes.

    Returns:
        One range, at most twice as long as the part and 4 bytes; none when the part lies in the header.

    Raises:
        ValueError: The converted file has no such part.
    """
    cuts = list(_cuts(plan, offset, length))
    return [OriginalRange(cuts[0].begin, cuts[-1].end - cuts[0].begin)] if cuts else []


def rebuild(plan: ConversionPlan, offset: int, length: int, fetch: Callable[[int, int], Data]) -> bytes:
    """Make a part of the converted file again.

    Args:
        plan: Of the conversion.
        offset: Where the part begins in the converted file.
        length: Of the part, in bytes; all of it is held in memory.
        fetch: Gives that many bytes of the original: `fetch(offset, length)`; called once for each of the
            `original_ranges`.

    Raises:
        IntegrityError: What was fetched is shorter or longer than asked for.
        ValueError: The converted file has no such part.
    """
    parts: list[Data] = [plan.header[offset : offset + length]]
    for needed in original_ranges(plan, offset, length):
        data = memoryview(fetch(needed.offset, needed.length))
        if len(data) != needed.length:
            raise _cut_off(needed.offset + len(data), needed.offset + needed.length)
        for cut in _cuts(plan, offset, length):
            values = data[cut.begin - needed.offset : cut.end - needed.offset]
            converted = _rounder(len(values))(values) if cut.is_converted else values
            parts.append(converted[cut.skip : cut.skip + cut.length])
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class _Cut:
    """The part of a run that is wanted: which original bytes it needs, and which of what comes of them it is."""

    begin: int
    end: int
    skip: int
    length: int
    is_converted: bool


def _cuts(plan: ConversionPlan, offset: int, length: int) -> Iterator[_Cut]:
    end = offset + length
    if offset < 0 or length < 0 or end > plan.size_bytes:
        raise ValueError(f"a file of {plan.size_bytes} bytes has no {length} bytes at {offset}")
    first = bisect_right(plan.runs, offset, key=lambda run: run.converted[1])
    for run in plan.runs[first:]:
        # In bytes of the converted file from the begin of the run.
        wanted_begin = max(offset - run.converted[0], 0)
        wanted_end = min(end, run.converted[1]) - run.converted[0]
        if wanted_begin >= wanted_end:
            return
        skip = wanted_begin % 2 if run.is_converted else 0
        needed_begin, needed_end = wanted_begin, wanted_end
        if run.is_converted:  # whole values: 4 bytes of the original for 2
            needed_begin, needed_end = wanted_begin // 2 * 4, (wanted_end + 1) // 2 * 4
        yield _Cut(
            begin=run.original[0] + needed_begin,
            end=run.original[0] + needed_end,
            skip=skip,
            length=wanted_end - wanted_begin,
            is_converted=run.is_converted,
        )
