"""What an error of the drive means for an engine runtime."""

from pathlib import Path

from wan_desktop.core.errors import DownloadSpaceError, DriveMissingError, FileBlockedError, RuntimeSpaceError, WanError
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.words import mark, tr

_HINTS: dict[type[WanError], str] = {
    FileBlockedError: mark(
        "Allow the program's folder in the virus scanner, look whether you may write there, then try again."
    ),
    DriveMissingError: mark("Connect the drive, then try again."),
}
_HINT = mark("Check the drive, then try again; what is there already is kept.")


def drive_fault(error: OSError, folder: Path) -> WanError:
    """The error in words that fit the engine; `disk_error` speaks of models."""
    fault = disk_error(error, folder, "")
    reason = error.strerror or str(error)
    if isinstance(fault, DownloadSpaceError):
        return RuntimeSpaceError(
            tr("The drive of {folder} became full while the render engine was installed.", folder=folder),
            hint=tr("Free some space, then go on; what was downloaded is kept."),
            details=str(error),
        )
    text = tr("The render engine's folder {folder} cannot be used: {reason}.", folder=folder, reason=reason)
    return type(fault)(text, hint=tr(_HINTS.get(type(fault), _HINT)), details=str(error))
