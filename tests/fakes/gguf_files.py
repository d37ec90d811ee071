"""GGUF files, written by the `gguf` package, and headers written by hand where it would refuse."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter

TYPE_NUMBERS = {kind.name: int(kind) for kind in GGMLQuantizationType}


def write_gguf(
    file: Path, tensors: Mapping[str, tuple[np.ndarray, str]], *, architecture: str = "wan", alignment: int = 32
) -> Path:
    """Write float arrays, each in its number format; uint8 arrays are taken as blocks that are ready."""
    writer = GGUFWriter(file, architecture)
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", "狐"])
    writer.add_array("some.numbers", [1, 2, 3])
    writer.add_float32("some.float", 0.5)
    writer.add_bool("some.bool", True)
    if alignment != 32:
        writer.add_custom_alignment(alignment)
    for name, (values, kind) in tensors.items():
        number = GGMLQuantizationType[kind]
        data = values if values.dtype == np.uint8 else gguf.quants.quantize(values, number)
        writer.add_tensor(name, data, raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def text(words: str | bytes, length: int | None = None) -> bytes:
    """A string of the format, or one that lies about its length."""
    raw = words.encode() if isinstance(words, str) else words
    return struct.pack("<Q", len(raw) if length is None else length) + raw


def key(name: str | bytes, kind: int, value: bytes) -> bytes:
    """A key and its value."""
    return text(name) + struct.pack("<I", kind) + value


def entry(name: str | bytes, shape: tuple[int, ...] = (32,), kind: str | int = "F32", offset: int = 0) -> bytes:
    """The header's entry of a tensor; the shape as in the file, the other way round than torch's."""
    number = TYPE_NUMBERS[kind] if isinstance(kind, str) else kind
    sides = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + sides + struct.pack("<IQ", number, offset)


def file_bytes(
    tensors: list[bytes],
    keys: Sequence[bytes] = (),
    *,
    data_bytes: int = 128,
    magic: bytes = b"GGUF",
    version: int = 3,
    counts: tuple[int, int] | None = None,
) -> bytes:
    """A whole file of these parts, its data zeros."""
    counts = (len(tensors), len(keys)) if counts is None else counts
    header = magic + struct.pack("<IQQ", version, *counts) + b"".join(keys) + b"".join(tensors)
    return header + bytes(-len(header) % 32) + bytes(data_bytes)
