"""What the files of the fake Hub hold: bytes, a file on disk, or gigabytes that are nowhere."""

import hashlib
import mmap
import random
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

_SLICE_BYTES = 1 << 20


class Content(ABC):
    """Bytes of a known size; its digests are computed once, when first asked for."""

    size_bytes: int

    @abstractmethod
    def read(self, begin: int, end: int) -> bytes | memoryview:
        """The bytes from `begin` to `end`, excluded."""

    def file_number(self) -> int | None:
        """A file for `os.sendfile`, if the bytes lie in one."""
        return None

    def close(self) -> None:  # noqa: B027 - most contents have nothing to close
        """Let go of the file."""

    @cached_property
    def sha256(self) -> str:
        """As of an LFS file."""
        return self._digest(hashlib.sha256())

    @cached_property
    def git_sha1(self) -> str:
        """As of a small file."""
        return self._digest(hashlib.sha1(b"blob %d\0" % self.size_bytes, usedforsecurity=False))

    def _digest(self, digest: "hashlib._Hash") -> str:
        for begin in range(0, self.size_bytes, _SLICE_BYTES):
            digest.update(self.read(begin, min(begin + _SLICE_BYTES, self.size_bytes)))
        return digest.hexdigest()


class BytesContent(Content):
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.size_bytes = len(data)
        self._view = memoryview(data)

    def read(self, begin: int, end: int) -> bytes | memoryview:
        return self._view[begin:end]


class FileContent(Content):
    """A file on disk, mapped, never read as a whole."""

    def __init__(self, path: Path) -> None:
        self.size_bytes = path.stat().st_size
        self._file = path.open("rb")
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if self.size_bytes else b""

    def read(self, begin: int, end: int) -> bytes | memoryview:
        return self._map[begin:end]

    def file_number(self) -> int | None:
        return self._file.fileno()

    def close(self) -> None:
        if isinstance(self._map, mmap.mmap):
            self._map.close()
        self._file.close()


class SparseFile(Content):
    """Random bytes of any size that take 1 MiB of memory: one block again and again, each with its own number in it.

    Args:
        size_bytes: Any.
        seed: Another seed gives other bytes.
        sha256: Of files so large that computing it takes too long.
    """

    def __init__(self, size_bytes: int, seed: int = 0, *, sha256: str = "") -> None:
        self.size_bytes = size_bytes
        self._block = memoryview(random.Random(seed).randbytes(_SLICE_BYTES))
        if sha256:
            self.sha256 = sha256

    def read(self, begin: int, end: int) -> bytes | memoryview:
        pieces = []
        while begin < end:
            index, offset = divmod(begin, _SLICE_BYTES)
            stop = min(_SLICE_BYTES, offset + end - begin)
            if offset < 8:
                stop = min(stop, 8)
                pieces.append(memoryview(index.to_bytes(8, "little"))[offset:stop])
            else:
                pieces.append(self._block[offset:stop])
            begin += stop - offset
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


Source: TypeAlias = bytes | Path | Content
"""What a test may give as the content of a file."""


def content_of(source: Source) -> Content:
    """The source, ready to be served."""
    if isinstance(source, bytes):
        return BytesContent(source)
    return FileContent(source) if isinstance(source, Path) else source
