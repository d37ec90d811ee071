"""How fast a drive reads, measured on a file that is there or on one that is made for it."""

import contextlib
import logging
import mmap
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from io import FileIO
from itertools import islice
from pathlib import Path

if sys.platform == "win32":
    from wan_desktop.core.windows_calls import Windows

logger = logging.getLogger(__name__)

READ_BYTES = 256 << 20
READ_LIMIT_S = 3.0
_BLOCK_BYTES = 8 << 20
_LEAST_BYTES = 64 << 20
"""A smaller file says more about opening it than about reading."""
_SPARE_BYTES = 1 << 30
"""No file is made where less than this would be left."""
_MOST_NAMES = 5000
# Win32 file attributes OFFLINE, RECALL_ON_OPEN, RECALL_ON_DATA_ACCESS: reading such a file would download it.
_ELSEWHERE = 0x1000 | 0x40000 | 0x400000


def measure_read_speed(
    folder: Path,
    *,
    read_bytes: int = READ_BYTES,
    limit_s: float = READ_LIMIT_S,
    may_write: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> float | None:
    """Bytes a second of reading one file from start to end, past the system's cache where the system can do that.

    The largest of the first files below the folder is read; if none is large, one is made and removed again, which
    takes up to `limit_s` more. Both end at whichever comes first of bytes and time; one read that blocks is waited for.

    Args:
        folder: Somewhere on the drive; must be there.
        read_bytes: So much is read at most.
        limit_s: So long at most.
        may_write: A file may be made if none is there.
        clock: Seconds from anywhere.

    Returns:
        None if it cannot be measured: nothing large is there and nothing can be written, or the drive fails.
    """
    try:
        file = _large_file(folder, min(_LEAST_BYTES, read_bytes))
        if file is not None:
            return _read(file, read_bytes, limit_s, clock)
        if not may_write:
            return None
        with _made_file(folder, read_bytes, limit_s, clock) as made:
            return _read(made, read_bytes, limit_s, clock) if made else None
    except OSError as error:
        logger.warning("The drive's speed cannot be measured: %s", error.strerror or type(error).__name__)
        return None


def _large_file(folder: Path, least_bytes: int) -> Path | None:
    found, largest = None, least_bytes - 1
    for path, stat in islice(_files(folder), _MOST_NAMES):
        if stat.st_size > largest and not getattr(stat, "st_file_attributes", 0) & _ELSEWHERE:
            found, largest = path, stat.st_size
    return found


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """What is below a folder on its drive: nothing mounted there or shown by the system, and of a link its own size."""
    device = folder.stat().st_dev
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _is_on(device, Path(place) / name)]
        for name in names:
            with contextlib.suppress(OSError):
                yield Path(place) / name, (Path(place) / name).lstat()


def _is_on(device: int, folder: Path) -> bool:
    try:
        return folder.lstat().st_dev == device
    except OSError:
        return False


@contextlib.contextmanager
def _made_file(folder: Path, size_bytes: int, limit_s: float, clock: Callable[[], float]) -> Iterator[Path | None]:
    """A file of bytes that no drive can shrink, safe on the drive; shorter if writing is slow, None if space is short.

    Raises:
        OSError: It cannot be written.
    """
    if shutil.disk_usage(folder).free < size_bytes + _SPARE_BYTES:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix=".read-speed-", dir=folder) as place:
        path = Path(place) / "bytes"
        start = clock()
        with path.open("wb") as file:
            while file.tell() < size_bytes and (file.tell() == 0 or clock() - start < limit_s):
                file.write(secrets.token_bytes(min(_BLOCK_BYTES, size_bytes - file.tell())))
            file.flush()
            os.fsync(file.fileno())
        yield path


def _read(path: Path, most_bytes: int, limit_s: float, clock: Callable[[], float]) -> float | None:
    done = 0
    with _uncached(path) as file, mmap.mmap(-1, _BLOCK_BYTES) as buffer:  # whole pages, as reading past the cache needs
        start = clock()
        while done < most_bytes and (done == 0 or clock() - start < limit_s):
            got = file.readinto(buffer)
            if not got:
                break
            done += got
        seconds = clock() - start
    return done / seconds if done and seconds > 0 else None


def _uncached(path: Path) -> FileIO:
    """The file, to be read past the cache; where the file system cannot do that, with nothing of it in the cache."""
    if sys.platform == "win32":
        return FileIO(Windows().open_uncached(str(path)), "rb")
    else:  # noqa: RET505 - or mypy, reading it for Windows, finds the rest unreachable
        try:
            file = FileIO(os.open(path, os.O_RDONLY | getattr(os, "O_DIRECT", 0)), "rb")
        except OSError:
            file = FileIO(path, "rb")
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return file
