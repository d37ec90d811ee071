"""Writing files so that a crash, a full disk or a virus scanner never leaves half of one."""

import os
import time
from pathlib import Path

_ATTEMPTS = 5


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file's content in one step.

    Raises:
        OSError: The disk is full, or the folder cannot be written; the old content is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        replace_patiently(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def replace_patiently(source: Path, target: Path) -> None:
    """`os.replace`, tried again for half a second: on Windows a virus scanner may hold a fresh file open.

    Raises:
        OSError: It stayed impossible.
    """
    for attempt in range(_ATTEMPTS):
        try:
            source.replace(target)
        except PermissionError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.05 * 2**attempt)
        else:
            return
