"""What a GGUF file says it holds, read strictly and without its tensors.

Nothing in the file is trusted: every length is held against what the file still has, the header may have a few
megabytes and no more, and the tensors must cover the rest of the file exactly. (The reader of the `gguf` package maps
the file and walks along wherever its lengths lead.)
"""

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from wan_desktop.core.errors import IntegrityError, NotAWanModelError
from wan_desktop.core.words import mark, tr

GGUF_SUFFIX = ".gguf"
_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_FIXED_BYTES = 24  # magic, version, number of tensors, number of metadata keys
_MAX_HEADER_BYTES = 4_000_000  # a 14B transformer has 1,095 tensors and a header of 100 kB
_MAX_NAME_BYTES = 1_000  # 64 in llama.cpp; names get into messages
_MAX_DIMENSIONS = 5  # four in llama.cpp; the patch embedding of Wan has five
_DEFAULT_ALIGNMENT = 32
_MAX_ALIGNMENT = 65_536
_LFS_POINTER = b"version https://git-lfs"
_DOWNLOAD_AGAIN = mark("Get the model again, or choose another folder.")

_STRING, _ARRAY, _UINT32 = 8, 9, 4
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}


@dataclass(frozen=True, slots=True)
class GgufType:
    """A number format: how many values share a block, and how many bytes the block has."""

    name: str
    block: int
    block_bytes: int


GGUF_TYPES = {
    0: GgufType("F32", 1, 4),
    1: GgufType("F16", 1, 2),
    2: GgufType("Q4_0", 32, 18),
    3: GgufType("Q4_1", 32, 20),
    6: GgufType("Q5_0", 32, 22),
    7: GgufType("Q5_1", 32, 24),
    8: GgufType("Q8_0", 32, 34),
    10: GgufType("Q2_K", 256, 84),
    11: GgufType("Q3_K", 256, 110),
    12: GgufType("Q4_K", 256, 144),
    13: GgufType("Q5_K", 256, 176),
    14: GgufType("Q6_K", 256, 210),
    20: GgufType("IQ4_NL", 32, 18),
    23: GgufType("IQ4_XS", 256, 136),
    30: GgufType("BF16", 1, 2),
}
"""By their number in the file: those that diffusers 0.42 can turn back into weights."""
_OTHER_TYPES = {
    9: "Q8_1",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    21: "IQ3_S",
    22: "IQ2_S",
    24: "I8",
    25: "I16",
    26: "I32",
    27: "I64",
    28: "F64",
    29: "IQ1_M",
    34: "TQ1_0",
    35: "TQ2_0",
    39: "MXFP4",
    40: "NVFP4",
}


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor of the file."""

    name: str
    shape: tuple[int, ...]
    """As torch has it, the last dimension lying together; the file has it the other way round."""
    kind: str
    """Its number format: F32, Q8_0, Q4_K, ..."""
    offset: int
    """Where its bytes begin, from the start of the file."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the file says."""

    architecture: str | None
    """`wan` in most files; some tools write a word of their own."""
    tensors: tuple[GgufTensor, ...]
    """In the order of their offsets, without gaps but for padding."""
    data_offset: int
    """Where the first tensor begins, from the start of the file."""


def read_gguf_header(file: Path) -> GgufHeader:
    """Read and check the header of a GGUF file.

    Raises:
        IntegrityError: It is empty, truncated, of another kind, contradicts itself, or has bytes left over.
        NotAWanModelError: A tensor is in a number format that diffusers cannot read.
    """
    try:
        size_bytes = file.stat().st_size
        with file.open("rb") as stream:
            return _Parser(file, stream, size_bytes).parse()
    except (OSError, UnicodeDecodeError) as error:
        raise IntegrityError(
            tr("{file} in {folder} cannot be read as GGUF: {error}.", file=file.name, folder=file.parent, error=error),
            hint=tr(_DOWNLOAD_AGAIN),
        ) from error


class _Parser:
    """Reads one file from its start, and never further than it is long."""

    def __init__(self, file: Path, stream: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._stream = stream
        self._size_bytes = size_bytes
        self._at = 0

    def parse(self) -> GgufHeader:
        self._check_start()
        tensor_count, key_count = struct.unpack("<QQ", self._take(16))
        self._check_count(key_count, 13, tr("metadata keys"))
        metadata: dict[str, Any] = {}
        for _ in range(key_count):
            key = self._name()
            if key in metadata:
                raise self._damaged(tr("has the key {key!r} twice", key=key))
            metadata[key] = self._value(self._number("I"))
        self._check_count(tensor_count, 24, "tensors")
        tensors = [self._tensor() for _ in range(tensor_count)]
        alignment = self._alignment(metadata)
        data_offset = _pad(self._at, alignment)
        placed = [
            GgufTensor(t.name, t.shape, t.kind, data_offset + t.offset, t.size_bytes)
            for t in sorted(tensors, key=lambda tensor: tensor.offset)
        ]
        self._check_layout(placed, data_offset, alignment)
        architecture = metadata.get("general.architecture")
        return GgufHeader(architecture if isinstance(architecture, str) else None, tuple(placed), data_offset)

    def _check_start(self) -> None:
        start = self._stream.read(8)
        self._at = len(start)
        if self._size_bytes < _FIXED_BYTES or len(start) < 8:
            raise self._damaged(tr("is empty or cut off"))
        if start == _LFS_POINTER[:8]:
            raise self._damaged(tr("is a git-lfs pointer, not the file itself"))
        if start[:4] != _MAGIC:
            raise self._damaged(tr("is not a GGUF file"))
        version = int.from_bytes(start[4:], "little")
        if int.from_bytes(start[4:], "big") in _VERSIONS:
            raise self._damaged(tr("is a GGUF file for big-endian machines"))
        if version not in _VERSIONS:
            raise self._damaged(tr("is GGUF of version {version}; 2 and 3 are read", version=version))

    def _take(self, count: int) -> bytes:
        self._check_room(count)
        data = self._stream.read(count)
        if len(data) != count:
            raise self._damaged(tr("ended while it was read"))
        self._at += count
        return data

    def _skip(self, count: int) -> None:
        self._check_room(count)
        self._stream.seek(count, 1)
        self._at += count

    def _check_room(self, count: int) -> None:
        if count > self._size_bytes - self._at:
            raise self._damaged(tr("is cut off within its header, or its header is damaged"))
        if count > _MAX_HEADER_BYTES - self._at:
            raise self._damaged(tr("has a header of more than {most} MB", most=_MAX_HEADER_BYTES // 1_000_000))

    def _check_count(self, count: int, least_bytes: int, what: str) -> None:
        """Before a loop: so many cannot be there, given the least that each takes."""
        if count * least_bytes > min(self._size_bytes, _MAX_HEADER_BYTES) - self._at:
            raise self._damaged(tr("says that it has {count} {what}, which it has no room for", count=count, what=what))

    def _number(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self._take(struct.calcsize(f"<{code}")))[0]

    def _text(self) -> str:
        return self._take(self._number("Q")).decode("utf-8")

    def _name(self) -> str:
        name = self._text()
        if len(name) > _MAX_NAME_BYTES:
            raise self._damaged(tr("holds a name of {number} letters", number=len(name)))
        return name

    def _value(self, kind: int) -> Any:
        """A metadata value; arrays, which nothing here needs, are passed over."""
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            self._skip_array()
            return None
        if kind not in _SCALARS:
            raise self._damaged(tr("has metadata of the unknown type {kind}", kind=kind))
        return self._number(_SCALARS[kind])

    def _skip_array(self) -> None:
        kind, count = self._number("I"), self._number("Q")
        if kind == _STRING:
            self._check_count(count, 8, tr("words in an array"))
            for _ in range(count):
                self._skip(self._number("Q"))
        elif kind in _SCALARS:
            self._skip(count * struct.calcsize(f"<{_SCALARS[kind]}"))
        else:
            raise self._damaged(tr("has an array of the type {kind}, which is not read", kind=kind))

    def _alignment(self, metadata: dict[str, Any]) -> int:
        alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
        # A power of two has one bit.
        if not isinstance(alignment, int) or not 0 < alignment <= _MAX_ALIGNMENT or alignment.bit_count() != 1:
            raise self._damaged(tr("has an alignment that is not a power of two"))
        return alignment

    def _tensor(self) -> GgufTensor:
        """A tensor's entry, its offset still counted from the first tensor."""
        name, dimensions = self._name(), self._number("I")
        if not 1 <= dimensions <= _MAX_DIMENSIONS:
            raise self._damaged(tr("holds {name} with {dimensions} dimensions", name=name, dimensions=dimensions))
        shape = struct.unpack(f"<{dimensions}Q", self._take(8 * dimensions))[::-1]
        number, offset = self._number("I"), self._number("Q")
        kind = GGUF_TYPES.get(number)
        if kind is None:
            raise NotAWanModelError(
                tr(
                    "{file} holds {name} as {kind}, which is not read.",
                    file=self._file.name,
                    name=name,
                    kind=_OTHER_TYPES.get(number) or tr("type {number}", number=number),
                ),
                hint=tr("Use a version in one of {kinds}.", kinds=", ".join(kind.name for kind in GGUF_TYPES.values())),
            )
        if 0 in shape or shape[-1] % kind.block:
            raise self._damaged(
                tr(
                    "holds {name} with the shape {shape}, which {kind} cannot have",
                    name=name,
                    shape=shape,
                    kind=kind.name,
                )
            )
        return GgufTensor(name, shape, kind.name, offset, prod(shape) // kind.block * kind.block_bytes)

    def _check_layout(self, tensors: list[GgufTensor], data_offset: int, alignment: int) -> None:
        """The tensors must lie one after the other, as llama.cpp wants it too, and end where the file ends."""
        if not tensors:
            raise self._damaged(tr("holds no tensors"))
        if len({tensor.name for tensor in tensors}) < len(tensors):
            raise self._damaged(tr("holds a tensor twice"))
        end = data_offset
        for tensor in tensors:
            if tensor.offset != _pad(end, alignment):
                raise self._damaged(
                    tr(
                        "holds {tensor} at {offset}, where {due} was due",
                        tensor=tensor.name,
                        offset=tensor.offset,
                        due=_pad(end, alignment),
                    )
                )
            end = tensor.offset + tensor.size_bytes
        if not end <= self._size_bytes <= _pad(end, alignment):
            raise self._damaged(
                tr("should have {end} bytes by its header: it is cut off, or something was written over it", end=end)
            )

    def _damaged(self, what: str) -> IntegrityError:
        return IntegrityError(
            tr(
                "{file} in {folder} {what} ({size_bytes} bytes).",
                file=self._file.name,
                folder=self._file.parent,
                what=what,
                size_bytes=self._size_bytes,
            ),
            hint=tr(_DOWNLOAD_AGAIN),
        )


def _pad(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
