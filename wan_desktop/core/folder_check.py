"""Whether a folder that the user chose can take models, or videos; may block as a network drive does, so for a lane."""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from wan_desktop.core.hardware import Drive, DriveKind
from wan_desktop.core.hardware_probe import this_pc
from wan_desktop.core.model_places import ModelPlace, PlaceState, judge
from wan_desktop.core.words import decimal, tr

logger = logging.getLogger(__name__)
_PROGRAM = Path(__file__).resolve().parents[2]
_LITTLE_BYTES = 5_000_000_000
"""With less, renders refuse to begin (ux.md 3.2: low disk)."""


def check_models_folder(folder: Path, drive_of: Callable[[str], Drive] | None = None) -> ModelPlace:
    """A folder for models, which need not be there yet.

    Args:
        folder: Absolute.
        drive_of: Says what drive a path is on; that of this PC if None.
    """
    return judge(folder, _drive(folder, drive_of), program=_PROGRAM, can_write=can_write(folder))


def check_videos_folder(folder: Path, drive_of: Callable[[str], Drive] | None = None) -> ModelPlace:
    """A folder for videos; arguments as above."""
    drive = _drive(folder, drive_of)
    if not can_write(folder):
        return ModelPlace(folder, drive, PlaceState.REFUSED, (tr("Nothing can be written there."),))
    warnings = []
    if folder.is_relative_to(tempfile.gettempdir()):
        warnings.append(tr("It is a folder for temporary files, which the system empties."))
    if drive is not None and drive.kind is DriveKind.USB:
        warnings.append(tr("A USB drive: videos can be saved only while it is plugged in."))
    if drive is not None and drive.kind is DriveKind.NETWORK:
        warnings.append(tr("A drive on the network: saving fails while the network is away."))
    if drive is not None and drive.is_readable and drive.free_bytes < _LITTLE_BYTES:
        warnings.append(tr("Only {free} GB are free.", free=decimal(drive.free_bytes / 1e9, 1)))
    return ModelPlace(folder, drive, PlaceState.WARN if warnings else PlaceState.GOOD, tuple(warnings))


def can_write(folder: Path) -> bool:
    """A file can be made there, or in the nearest folder above it that is there.

    It is tried, because Windows tells of rights only by refusing.
    """
    existing = next((path for path in (folder, *folder.parents) if path.is_dir()), None)
    if existing is None:
        return False
    try:
        with tempfile.TemporaryFile(dir=existing, prefix=".wan-desktop-"):
            return True
    except OSError as error:
        logger.info("Nothing can be written to a chosen folder: %s", error.strerror or type(error).__name__)
        return False


def _drive(folder: Path, drive_of: Callable[[str], Drive] | None) -> Drive | None:
    try:
        return (drive_of or this_pc().drive)(str(folder))
    except OSError as error:
        logger.info("The drive of a chosen folder cannot be asked: %s", error.strerror or type(error).__name__)
        return None
