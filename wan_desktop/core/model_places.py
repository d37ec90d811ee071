"""Where models could go: each drive of the PC judged, with the reason where it is a bad place."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.hardware import Drive, DriveKind, HardwareProfile
from wan_desktop.core.words import tr

MODEL_FOLDER = "Wan Desktop Models"
"""Made on a drive that is chosen, unless it is that of the user's own folder."""
ROOM_BYTES = 60_000_000_000
"""Two large models; with less, downloads soon end."""
LONGEST_PATH = 180
"""Characters of a folder, so that the longest file below it stays within Windows's 260."""
_NO_LARGE_FILES = ("fat", "fat16", "fat32", "vfat", "msdos")
_SYNCED = ("onedrive", "dropbox", "google drive", "googledrive", "icloud", "nextcloud")
_FAST = (DriveKind.NVME, DriveKind.SSD)


class PlaceState(StrEnum):
    """Whether models may go there."""

    GOOD = "good"
    WARN = "warn"
    UNKNOWN = "unknown"
    """Nobody can say how much is free: it can be chosen, but nothing that is known stands behind it."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """A folder that could hold models."""

    folder: Path
    drive: Drive | None
    """None where the system does not say what it is on."""
    state: PlaceState
    reasons: tuple[str, ...] = ()
    """Why not, or what is bad about it, in sentences."""

    @property
    def free_bytes(self) -> int | None:
        """On its drive; None if nobody knows."""
        return self.drive.free_bytes if self.drive and self.drive.is_readable else None


def judge(folder: Path, drive: Drive | None, *, program: Path, can_write: bool = True) -> ModelPlace:
    """One folder.

    Args:
        folder: Absolute; need not be there.
        drive: That it is on.
        program: The program's own folder, which an update replaces.
        can_write: Whether something can be written there.
    """
    refused = list(_refusals(folder, drive, program, can_write=can_write))
    if refused:
        return ModelPlace(folder, drive, PlaceState.REFUSED, tuple(refused))
    warnings = tuple(_warnings(folder, drive))
    if drive is None or not drive.is_readable:
        state = PlaceState.UNKNOWN
    else:
        state = PlaceState.WARN if warnings else PlaceState.GOOD
    return ModelPlace(folder, drive, state, warnings)


def places_of(
    profile: HardwareProfile, usual: Path, *, program: Path, can_write: Callable[[Path], bool] = lambda _: True
) -> tuple[ModelPlace, ...]:
    """One place on each drive, the usual folder for that of the user's own; the best first.

    Args:
        profile: The PC.
        usual: Where models go if nothing is chosen.
        program: As for `judge`.
        can_write: Whether something can be written to a folder, or made where it is not there yet.
    """
    usual_drive = drive_of(usual, profile.drives)
    places = []
    for drive in profile.drives:
        folder = usual if drive is usual_drive else Path(drive.path) / MODEL_FOLDER
        places.append(judge(folder, drive, program=program, can_write=can_write(folder)))
    if usual_drive is None:
        places.append(judge(usual, None, program=program, can_write=can_write(usual)))
    return tuple(sorted(places, key=lambda place: _rank(place, is_usual=place.folder == usual)))


def best_place(places: Iterable[ModelPlace]) -> ModelPlace | None:
    """The fastest drive with room; of those, one that is not the system's; None where all are refused."""
    return next((place for place in places if place.state is not PlaceState.REFUSED), None)


def drive_of(folder: Path, drives: Iterable[Drive]) -> Drive | None:
    """The drive whose root is the nearest above the folder."""
    above = [drive for drive in drives if folder.is_relative_to(drive.path)]
    return max(above, key=lambda drive: len(drive.path), default=None)


def _refusals(folder: Path, drive: Drive | None, program: Path, *, can_write: bool) -> Iterable[str]:
    if not can_write:
        yield tr("Nothing can be written there.")
    if drive is not None and drive.file_system.lower() in _NO_LARGE_FILES:
        yield tr("{system} holds no file above 4 GB, and models have such.", system=drive.file_system)
    if folder.is_relative_to(program):
        yield tr("It is inside the program's own folder, which an update replaces.")
    if folder.is_relative_to(tempfile.gettempdir()):
        yield tr("It is a folder for temporary files, which the system empties.")


def _warnings(folder: Path, drive: Drive | None) -> Iterable[str]:
    if any(name in part.lower() for part in folder.parts for name in _SYNCED):
        yield tr("A program for synchronising would upload the models.")
    if drive is None or not drive.is_readable:
        yield tr("Its drive does not answer: nobody knows how much is free there.")
    if drive is not None:
        match drive.kind:
            case DriveKind.HDD:
                yield tr("A hard disk: loading a model takes minutes.")
            case DriveKind.USB:
                yield tr("A USB drive: models are there only while it is plugged in.")
            case DriveKind.NETWORK:
                yield tr("A drive on the network: loading is slow, and ends when the network does.")
        if drive.is_readable and drive.free_bytes < ROOM_BYTES:
            yield tr("Only {free} GB are free.", free=round(drive.free_bytes / 1e9))
    if len(str(folder)) > LONGEST_PATH:
        yield tr("The path is longer than {count} letters.", count=LONGEST_PATH)


def _rank(place: ModelPlace, *, is_usual: bool) -> tuple[object, ...]:
    """Good before bad, known before unknown, fast before slow.

    Among equals more room is better, and where that is equal the user's own folder.
    """
    drive = place.drive
    free_bytes = place.free_bytes or 0
    has_room = free_bytes >= ROOM_BYTES
    is_fast = drive is not None and drive.kind in _FAST
    speed = -(drive.read_bytes_per_s or 0.0) if drive is not None else 0.0
    return (
        list(PlaceState).index(place.state),
        not (is_fast and has_room),
        not has_room,
        not is_fast,
        speed,
        -free_bytes,
        not is_usual,
    )
