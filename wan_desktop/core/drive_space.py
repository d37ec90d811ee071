"""How much is free on drives, and how much must be free before something long is begun."""

import logging
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from wan_desktop.core.errors import DiskFullError
from wan_desktop.core.hardware import Drive
from wan_desktop.core.words import decimal, tr

logger = logging.getLogger(__name__)

LEAST_FREE_BYTES = 5_000_000_000
"""With less, no video is begun, whatever its model, and downloads wait: systems and other programs need it too."""


def free_bytes_at(folder: Path) -> int | None:
    """What this user can still write there, or in the nearest folder above it; None where nobody can say."""
    existing = next((path for path in (folder, *folder.parents) if path.is_dir()), None)
    try:
        return None if existing is None else shutil.disk_usage(existing).free
    except OSError as error:
        logger.info("The free space cannot be asked: %s", error.strerror or type(error).__name__)
        return None


def check_room_for_video(folder: Path, free_bytes: Callable[[Path], int | None] = free_bytes_at) -> None:
    """Return if a video for that folder may be begun.

    Args:
        folder: Where it is to go; one that is not there yet is made later.
        free_bytes: Says how much is free there; None where nobody can say, and then saving will tell.

    Raises:
        DiskFullError: Too little is free.
    """
    free = free_bytes(folder)
    if free is not None and free < LEAST_FREE_BYTES:
        raise DiskFullError(
            tr(
                "{free} GB are free on the drive of {folder}; {least} GB must be, before a video is begun.",
                free=decimal(free / 1e9, 1),
                folder=folder,
                least=f"{LEAST_FREE_BYTES / 1e9:.0f}",
            ),
            hint=tr("Choose a folder for videos on another drive, or free up space, and try again."),
        )


def drive_holding(drives: Iterable[Drive], folder: Path) -> Drive | None:
    """The drive that a folder is on; None if it is none of these."""
    found = [drive for drive in drives if folder.is_relative_to(drive.path)]
    return max(found, key=lambda drive: len(Path(drive.path).parts), default=None)


def is_short(drives: Iterable[Drive], folder: Path) -> bool:
    """Whether it is known that too little is free on the drive of a folder."""
    drive = drive_holding(drives, folder)
    return drive is not None and drive.is_readable and drive.free_bytes < LEAST_FREE_BYTES
