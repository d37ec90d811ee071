"""The engine package: all files of a runtime in zip files below 2 GiB, for PCs without internet.

Each part is a zip without compression (wheels are compressed already) that holds a manifest and pieces of wheels. The
manifest describes the whole package and this part, so that any part names all others. Names in the zips mean nothing:
pieces are known by their number, and what they make together counts only if the lock knows its sha256.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.runtime.lock import RuntimeLock
from wan_desktop.core.runtime.wheel_index import Wheel, WheelPlan

MANIFEST = "manifest.json"
LARGEST_PART_BYTES = (2 << 30) - (16 << 20)
"""Of pieces; what a zip and its manifest add fits into the rest below 2 GiB, where FAT and release pages end."""
MAX_MANIFEST_BYTES = 4_000_000
_FORMAT = 1
_COPY_BYTES = 4 << 20
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)
"""So that the same files make the same package."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of bytes of one wheel, in one part of the package."""

    part: int
    """From 1."""
    wheel: int
    """Its place in the manifest's list."""
    offset: int
    size_bytes: int

    @property
    def entry(self) -> str:
        """Its name in the zip."""
        return f"pieces/{self.wheel:04d}-{self.offset:016d}"


@dataclass(frozen=True, slots=True)
class PackManifest:
    """What is in a package; the same in all its parts but for `part`."""

    format: int
    kind: str
    digest: str
    """Of the lock."""
    part: int
    """Which part this is, from 1."""
    parts: int
    wheels: tuple[Wheel, ...]
    pieces: tuple[Piece, ...]
    """In order."""

    def __post_init__(self) -> None:
        if self.format != _FORMAT:
            raise ValueError(f"format {self.format} is not {_FORMAT}")
        if not 1 <= self.part <= self.parts:
            raise ValueError(f"part {self.part} of {self.parts}")
        if any(wheel.size_bytes < 0 for wheel in self.wheels):
            raise ValueError("a size is below zero")
        ends = [0] * len(self.wheels)
        for piece in self.pieces:
            if not (0 <= piece.wheel < len(self.wheels) and 1 <= piece.part <= self.parts and piece.size_bytes > 0):
                raise ValueError("a piece is of no wheel or in no part")
            if piece.offset != ends[piece.wheel]:
                raise ValueError("pieces do not follow each other")
            ends[piece.wheel] += piece.size_bytes
        if ends != [wheel.size_bytes for wheel in self.wheels]:
            raise ValueError("pieces do not make whole wheels")

    @property
    def package(self) -> "PackManifest":
        """The same for every part."""
        return replace(self, part=1)


def part_name(kind: str, digest: str, part: int, parts: int) -> str:
    """The file name of one part; the importer finds the others by it."""
    return f"wan-desktop-engine-{kind}-{digest[:8]}-part{part}of{parts}.zip"


def make_pack(
    lock: RuntimeLock,
    plan: WheelPlan,
    wheels: Path,
    target: Path,
    *,
    part_bytes: int = LARGEST_PART_BYTES,
    report: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write the package of a runtime.

    Args:
        lock: What belongs to it.
        plan: Its files.
        wheels: Where they lie, whole and right.
        target: The folder to write to; it is there.
        part_bytes: The most that a part holds of wheels.
        report: Told each part's name when it is written.

    Returns:
        The parts, in order.

    Raises:
        OSError: A wheel cannot be read, or a part cannot be written.
    """
    pieces = _split([wheel.size_bytes for wheel in plan.wheels], part_bytes)
    parts = max(piece.part for piece in pieces)
    bare = tuple(replace(wheel, url="") for wheel in plan.wheels)
    manifest = PackManifest(_FORMAT, lock.kind, lock.digest, 1, parts, bare, tuple(pieces))
    written = []
    for part in range(1, parts + 1):
        path = target / part_name(lock.kind, lock.digest, part, parts)
        _write_part(path, replace(manifest, part=part), wheels)
        report(path.name)
        written.append(path)
    return written


def _split(sizes: Sequence[int], part_bytes: int) -> list[Piece]:
    """Pieces that fill one part after the other."""
    pieces: list[Piece] = []
    part, room = 1, part_bytes
    for wheel, size_bytes in enumerate(sizes):
        offset = 0
        while offset < size_bytes:
            if room == 0:
                part, room = part + 1, part_bytes
            length = min(room, size_bytes - offset)
            pieces.append(Piece(part, wheel, offset, length))
            offset, room = offset + length, room - length
    return pieces


def _write_part(path: Path, manifest: PackManifest, wheels: Path) -> None:
    beside = path.with_name(f"{path.name}.tmp")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(MANIFEST, _ZIP_TIME), json.dumps(to_plain(manifest)))
            for piece in manifest.pieces:
                if piece.part == manifest.part:
                    info = zipfile.ZipInfo(piece.entry, _ZIP_TIME)
                    info.file_size = piece.size_bytes
                    with archive.open(info, "w") as entry:
                        for data in _bytes_of(wheels / manifest.wheels[piece.wheel].filename, piece):
                            entry.write(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _bytes_of(path: Path, piece: Piece) -> Iterator[bytes]:
    left = piece.size_bytes
    with path.open("rb") as file:
        file.seek(piece.offset)
        while left:
            data = file.read(min(left, _COPY_BYTES))
            if not data:
                raise OSError(f"{path} is shorter than it must be")
            left -= len(data)
            yield data


def parse_manifest(data: bytes) -> PackManifest:
    """The manifest of a part.

    Raises:
        ValueError: It is none.
    """
    try:
        return from_plain(PackManifest, json.loads(data))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
