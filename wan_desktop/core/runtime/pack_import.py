"""Takes an engine package into the wheelhouse: every part looked at first, every wheel proven against the lock."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from wan_desktop.core.errors import EnginePackError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.lock import RuntimeLock
from wan_desktop.core.runtime.pack import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    PackManifest,
    Piece,
    parse_manifest,
    part_name,
)
from wan_desktop.core.runtime.room import check_room
from wan_desktop.core.runtime.runtimes import Runtimes
from wan_desktop.core.runtime.wheel_index import Wheel, WheelPlan
from wan_desktop.core.runtime.wheel_name import parse_wheel_name
from wan_desktop.core.runtime.wheelhouse import Wheelhouse
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.names import check_names
from wan_desktop.core.words import mark, tr

_COPY_BYTES = 4 << 20
_COPY_AGAIN = mark("Copy or download that part again.")
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What zipfile raises where a file is no zip, is cut off, encrypted, or lies about itself."""


def import_pack(runtimes: Runtimes, path: Path, lock: RuntimeLock, context: JobContext) -> WheelPlan:
    """Take all wheels of a package; installing needs no internet after that.

    Args:
        runtimes: Where the wheels go.
        path: Any part; the others lie beside it.
        lock: What this version of the program wants.
        context: Told bytes done and in all, as two counts.

    Raises:
        JobCancelled: It was asked to stop; whole wheels are kept.
        EnginePackError: It is no package, not all of it is there, it is damaged, or it is of another version.
        RuntimeBusyError: Another process is at work on runtimes.
        WanError: The drive is full or fails.
    """
    with ExitStack() as stack:
        manifest, archives = _opened(path, lock, stack)
        wheelhouse = stack.enter_context(runtimes.importing())
        plan = WheelPlan(lock.digest, manifest.wheels)
        check_room(runtimes.disk, runtimes.folder, wheelhouse.missing_bytes(plan))
        missing = wheelhouse.verify(plan, context.reporting_to(lambda _: None))
        done_bytes = plan.size_bytes - sum(wheel.size_bytes for wheel in missing)
        for wheel in missing:
            pieces = _Pieces(manifest, archives, manifest.wheels.index(wheel))
            _take(wheelhouse, wheel, pieces, runtimes.disk, _Counted(context, done_bytes, plan.size_bytes))
            done_bytes += wheel.size_bytes
        known = wheelhouse.plan_of(lock)
        if known is None:  # one that is known has addresses too
            wheelhouse.keep_plan(lock, plan)
        context.progress((plan.size_bytes, plan.size_bytes))
        return plan


# Looking at it -------------------------------------------------------------------------------------------------------


def _opened(path: Path, lock: RuntimeLock, stack: ExitStack) -> tuple[PackManifest, dict[int, zipfile.ZipFile]]:
    """All parts, each of which is what the first one says."""
    archive = _open_zip(path, stack)
    manifest = _manifest(archive, path)
    _check_lock(manifest, lock)
    archives = {manifest.part: archive}
    for part in range(1, manifest.parts + 1):
        if part == manifest.part:
            continue
        beside = path.with_name(part_name(manifest.kind, manifest.digest, part, manifest.parts))
        if not beside.is_file():
            raise EnginePackError(
                tr(
                    "Part {part} of {parts} of the engine package is missing: {name}.",
                    part=part,
                    parts=manifest.parts,
                    name=beside.name,
                ),
                hint=tr("Put all parts into one folder."),
            )
        archives[part] = _open_zip(beside, stack)
        other = _manifest(archives[part], beside)
        if other.part != part or other.package != manifest.package:
            raise EnginePackError(
                tr("{name} belongs to another engine package.", name=beside.name), hint=tr(_COPY_AGAIN)
            )
    for part, opened in archives.items():
        _check_entries(opened, manifest, part)
    return manifest, archives


def _open_zip(path: Path, stack: ExitStack) -> zipfile.ZipFile:
    with _readable(path):
        return stack.enter_context(zipfile.ZipFile(path))


def _manifest(archive: zipfile.ZipFile, path: Path) -> PackManifest:
    with _readable(path):
        info = archive.getinfo(MANIFEST) if MANIFEST in archive.namelist() else None
        if info is None or info.file_size > MAX_MANIFEST_BYTES or info.compress_type != zipfile.ZIP_STORED:
            raise ValueError("it has no manifest")
        return parse_manifest(archive.read(info))


def _check_lock(manifest: PackManifest, lock: RuntimeLock) -> None:
    """It is of this version, and each wheel is a part of it.

    Raises:
        EnginePackError: It is not.
    """
    if manifest.digest != lock.digest or manifest.kind != lock.kind:
        raise EnginePackError(
            tr("The engine package is of another version, or for another PC ({kind}).", kind=manifest.kind[:40]),
            hint=tr("Get the package {name}.", name=part_name(lock.kind, lock.digest, 1, manifest.parts)),
        )
    names = [parse_wheel_name(wheel.filename) for wheel in manifest.wheels]
    pins = [lock.pin_of(wheel.sha256) for wheel in manifest.wheels]
    fits = all(
        name is not None and pin is not None and name.name == pin.name for name, pin in zip(names, pins, strict=True)
    )
    if not fits or {pin.name for pin in pins if pin} != {pin.name for pin in lock.pins}:
        raise EnginePackError(
            tr("The engine package does not hold what this version of the program is made of."), hint=tr(_COPY_AGAIN)
        )
    check_names(wheel.filename for wheel in manifest.wheels)


def _check_entries(archive: zipfile.ZipFile, manifest: PackManifest, part: int) -> None:
    """Nothing is in the zip but what the manifest says, as large as it says, and uncompressed.

    Raises:
        EnginePackError: Something else is.
    """
    expected = {piece.entry: piece.size_bytes for piece in manifest.pieces if piece.part == part}
    found = {info.filename: info for info in archive.infolist() if info.filename != MANIFEST}
    plain = all(info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1 for info in found.values())
    sizes = {name: info.file_size for name, info in found.items()}
    if len(archive.infolist()) != len(expected) + 1 or sizes != expected or not plain:
        raise EnginePackError(
            tr("Part {part} of the engine package holds something else than it says.", part=part), hint=tr(_COPY_AGAIN)
        )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What goes wrong with a zip, in our words.

    Raises:
        EnginePackError: It cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise EnginePackError(
            tr("{name} cannot be read: {reason}.", name=path.name, reason=error.strerror or error),
            hint=tr(_COPY_AGAIN),
            details=str(error),
        ) from error
    except _ZIP_ERRORS as error:
        raise EnginePackError(
            tr("{name} is damaged, or no part of an engine package.", name=path.name),
            hint=tr(_COPY_AGAIN),
            details=repr(error),
        ) from error


# Taking --------------------------------------------------------------------------------------------------------------


class _Counted:
    """Reports bytes of all wheels."""

    def __init__(self, context: JobContext, before_bytes: int, total_bytes: int) -> None:
        self._context, self._done_bytes, self._total_bytes = context, before_bytes, total_bytes

    def __call__(self, more_bytes: int) -> None:
        self._done_bytes += more_bytes
        self._context.progress((self._done_bytes, self._total_bytes))


class _Pieces:
    """The bytes of one wheel."""

    def __init__(self, manifest: PackManifest, archives: dict[int, zipfile.ZipFile], wheel: int) -> None:
        self._pieces = [piece for piece in manifest.pieces if piece.wheel == wheel]
        self._archives = archives

    def blocks(self) -> Iterator[bytes]:
        """In order.

        Raises:
            EnginePackError: A part is damaged.
        """
        for piece in self._pieces:
            archive = self._archives[piece.part]
            with _readable(Path(archive.filename or "")), archive.open(piece.entry) as entry:
                yield from _blocks(entry, piece)


def _blocks(entry: IO[bytes], piece: Piece) -> Iterator[bytes]:
    left = piece.size_bytes
    while left:
        data = entry.read(min(left, _COPY_BYTES))
        if not data:
            raise EOFError(f"{piece.entry} is cut off")
        left -= len(data)
        yield data


def _take(wheelhouse: Wheelhouse, wheel: Wheel, pieces: _Pieces, disk: Disk, count: Callable[[int], None]) -> None:
    def write(part: Path) -> None:
        with disk.open(part, create=True) as file:
            file.resize(0)
            offset = 0
            for data in pieces.blocks():
                file.pwrite(offset, data)
                offset += len(data)
                count(len(data))
            file.sync()

    try:
        wheelhouse.take(wheel, write)
    except ValueError as error:
        raise EnginePackError(
            tr("{name} in the engine package is damaged.", name=wheel.filename),
            hint=tr(_COPY_AGAIN),
            details=str(error),
        ) from error
