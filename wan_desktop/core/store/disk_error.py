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
    "the drive of {path} is not connected",
    "Connect it, then try again; nothing on it is lost.",
    ("ENODEV", "ENOMEDIUM", "ENOTCONN", "ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT"),
    (15, 20, 21, 51, 53, 55, 59, 64, 67, 433, 1167, 1231),
)
_UNKNOWN = _Fault(
    StoreError,
    "the system says “{reason}” about {path}",
    "Try again; if it stays so, choose another model folder.",
    (),
    (),
)
_FAULTS = (
    _Fault(
        DownloadSpaceError,
        "the drive of {path} is full{free}",
        "Free some space, then go on; what is there already is kept.",
        ("ENOSPC", "EDQUOT"),
        (39, 112, 1295),
    ),
    _Fault(
        FileBlockedError,
        "another program, or a missing permission, blocks {path}",
        "Close programs that use the model folder, look whether you may write there, then try again.",
        ("EACCES", "EPERM", "EROFS", "EBUSY", "ETXTBSY"),
        (5, 19, 32, 33, 170, 225, 226, 303, 1224),
    ),
    _Fault(
        DriveFaultError,
        "the drive reports that it cannot read or write {path}",
        "Check the drive and its cable, and save what matters from it.",
        ("EIO", "EUCLEAN", "EBADMSG", "EREMOTEIO"),
        (23, 27, 121, 483, 1117, 1392, 1393),
    ),
    _MISSING,
    _Fault(
        StoreError,
        "the drive of {path} takes no file of that size",
        "It may be formatted with FAT32, which ends at 4 GiB: choose a model folder on another drive.",
        ("EFBIG",),
        (223,),
    ),
    _Fault(
        StoreError,
        "{path} is too long for a path here",
        "Choose a model folder with a shorter path.",
        ("ENAMETOOLONG",),
        (206,),
    ),
    _Fault(
        StoreError, "the program has too many files open", "Start the program again.", ("EMFILE", "ENFILE"), (4, 1816)
    ),
)
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
    what = fault.what.format(
        path=named.removeprefix(EXTENDED), reason=error.strerror or str(error), free=_free_text(path)
    )
    return fault.error(f"{doing[:1].upper()}{doing[1:]} failed: {what}.", hint=fault.hint, details=str(error))


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
        return f" ({shutil.disk_usage(system_path(path)).free / 1e6:,.0f} MB are free)"
    except OSError:
        return ""
