"""What an error of the drive means for the user."""

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.errors import (
    DownloadSpaceError,
    DriveFaultError,
    DriveMissingError,
    FileBlockedError,
    StoreError,
    WanError,
)
from wan_desktop.core.store.disk_file import EXTENDED, system_path
from wan_desktop.core.words import mark, tr


@dataclass(frozen=True, slots=True)
class _Fault:
    error: type[WanError]
    what: str
    hint: str
    names: tuple[str, ...]
    """Of errno; not every system has all of them."""
    windows: tuple[int, ...]


_MISSING = _Fault(
    DriveMissingError,
    mark("the drive of {path} is not connected"),
    mark("Connect it, then try again; nothing on it is lost."),
    ("ENODEV", "ENOMEDIUM", "ENOTCONN", "ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT"),
    (15, 20, 21, 51, 53, 55, 59, 64, 67, 433, 1167, 1231),
)
_UNKNOWN = _Fault(
    StoreError,
    mark("the system says “{reason}” about {path}"),
    mark("Try again; if it stays so, choose another model folder."),
    (),
    (),
)
_FAULTS = (
    _Fault(
        DownloadSpaceError,
        mark("the drive of {path} is full{free}"),
        mark("Free some space, then go on; what is there already is kept."),
        ("ENOSPC", "EDQUOT"),
        (39, 112, 1295),
    ),
    _Fault(
        FileBlockedError,
        mark("another program, or a missing permission, blocks {path}"),
        mark("Close programs that use the model folder, look whether you may write there, then try again."),
        ("EACCES", "EPERM", "EROFS", "EBUSY", "ETXTBSY"),
        (5, 19, 32, 33, 170, 225, 226, 303, 1224),
    ),
    _Fault(
        DriveFaultError,
        mark("the drive reports that it cannot read or write {path}"),
        mark("Check the drive and its cable, and save what matters from it."),
        ("EIO", "EUCLEAN", "EBADMSG", "EREMOTEIO"),
        (23, 27, 121, 483, 1117, 1392, 1393),
    ),
    _MISSING,
    _Fault(
        StoreError,
        mark("the drive of {path} takes no file of that size"),
        mark("It may be formatted with FAT32, which ends at 4 GiB: choose a model folder on another drive."),
        ("EFBIG",),
        (223,),
    ),
    _Fault(
        StoreError,
        mark("{path} is too long for a path here"),
        mark("Choose a model folder with a shorter path."),
        ("ENAMETOOLONG",),
        (206,),
    ),
    _Fault(
        StoreError,
        mark("the program has too many files open"),
        mark("Start the program again."),
        ("EMFILE", "ENFILE"),
        (4, 1816),
    ),
)
_FAILED = {
    "adopting the model": mark("Adopting the model failed"),
    "checking": mark("Checking failed"),
    "deleting": mark("Deleting failed"),
    "downloading": mark("Downloading failed"),
    "finishing what was interrupted": mark("Finishing what was interrupted failed"),
    "loading": mark("Loading failed"),
    "looking for models": mark("Looking for models failed"),
    "making a video": mark("Making a video failed"),
    "opening the model folder": mark("Opening the model folder failed"),
    "putting back": mark("Putting back failed"),
    "putting the model back": mark("Putting the model back failed"),
    "reading": mark("Reading failed"),
    "removing": mark("Removing failed"),
    "repairing": mark("Repairing failed"),
    "tidying up": mark("Tidying up failed"),
    "unloading": mark("Unloading failed"),
    "verifying": mark("Verifying failed"),
}
"""What can be said to have failed, by what is being done."""
_BY_ERRNO = {getattr(errno, name): fault for fault in _FAULTS for name in fault.names if hasattr(errno, name)}
_BY_WINERROR = {number: fault for fault in _FAULTS for number in fault.windows}


def disk_error(error: OSError, path: Path, doing: str) -> WanError:
    """What an error of the disk means for the user.

    Args:
        error: As it came from `Disk`.
        path: The library's folder, or another that is there as long as its drive is: when nothing is found and this
            is absent too, the drive is taken to be gone.
        doing: What failed, as a word like "downloading".
    """
    fault = _fault(error, path)
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(path)
    what = tr(fault.what, path=named.removeprefix(EXTENDED), reason=error.strerror or str(error), free=_free_text(path))
    failed = tr(_FAILED[doing]) if doing in _FAILED else f"{doing[:1].upper()}{doing[1:]} failed"
    return fault.error(f"{failed}: {what}.", hint=tr(fault.hint), details=str(error))


def is_drive_fault(error: OSError) -> bool:
    """The drive could not read or write what it has: a bad sector."""
    by_windows = _BY_WINERROR.get(getattr(error, "winerror", None) or 0)
    return (by_windows or _BY_ERRNO.get(error.errno or 0, _UNKNOWN)).error is DriveFaultError


def _fault(error: OSError, path: Path) -> _Fault:
    by_windows = _BY_WINERROR.get(getattr(error, "winerror", None) or 0)
    if by_windows is not None:
        return by_windows
    if error.errno == errno.ENOENT and not os.path.lexists(system_path(path)):
        return _MISSING
    return _BY_ERRNO.get(error.errno or 0, _UNKNOWN)


def _free_text(path: Path) -> str:
    try:
        return tr(" ({free_mb:,.0f} MB are free)", free_mb=shutil.disk_usage(system_path(path)).free / 1e6)
    except OSError:
        return ""
