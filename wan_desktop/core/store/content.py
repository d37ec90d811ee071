"""Read a file to the end once, for all that is to be known of it."""

import contextlib
import errno
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.store.blocks import BLOCK_BYTES, BlockMap, BlockMapBuilder
from wan_desktop.core.store.disk import Disk

_CHUNK_BYTES = 8 * BLOCK_BYTES
_MAX_GIT_BYTES = 64 << 20  # the Hub has the git id of small files only, and sha256 of the others


Check = Callable[[int], None]


def go_on(_: int) -> None:
    """Go on."""


@dataclass(frozen=True, slots=True)
class ContentRead:
    """All that reading a file tells."""

    sha256: str
    git_sha1: str
    """Empty for large files."""
    block_map: BlockMap


def read_content(disk: Disk, path: Path, check: Check, copy_to: Path | None = None) -> ContentRead:
    """Read a whole file, and copy it meanwhile if a new path is given.

    Raises:
        OSError: It cannot be read, or the copy not written.
    """
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(disk.open_readonly(path))
        copy = stack.enter_context(disk.open(copy_to, create=True)) if copy_to else None
        sha256, blocks = hashlib.sha256(), BlockMapBuilder()
        git_sha1 = hashlib.sha1(b"blob %d\0" % source.size_bytes, usedforsecurity=False)
        has_git_id = source.size_bytes <= _MAX_GIT_BYTES
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        offset = 0
        while count := source.pread_into(offset, buffer):
            check(count)
            sha256.update(buffer[:count])
            blocks.update(buffer[:count])
            if has_git_id:
                git_sha1.update(buffer[:count])
            if copy:
                copy.pwrite(offset, buffer[:count])
            offset += count
        if copy:
            copy.sync()
    return ContentRead(sha256.hexdigest(), git_sha1.hexdigest() if has_git_id else "", blocks.finish())


def real_path(path: Path) -> Path:
    """The path without links.

    Raises:
        OSError: Links lead in a circle.
    """
    try:
        return path.resolve()
    except RuntimeError as error:  # Python before 3.13
        raise OSError(errno.ELOOP, "links lead in a circle", str(path)) from error


def shown_path(text: object) -> str:
    """Fit to be shown: a name on disk may hold bytes that are no text."""
    return str(text)[:500].encode(errors="backslashreplace").decode()
