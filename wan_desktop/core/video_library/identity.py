"""What a video without a recipe is known by, so that it stays the same one when its file is moved or renamed."""

import hashlib
import os
from pathlib import Path

_PREFIX = "file-"
_ENDS_BYTES = 1 << 16


def content_id(path: Path) -> str:
    """The same for all copies of a file: a digest of its length, its beginning and its end.

    Not of all of it: a film of 20 GB would take a minute, and where an mp4 differs, its index differs too.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(str(size_bytes).encode())
        digest.update(file.read(_ENDS_BYTES))
        file.seek(max(0, size_bytes - _ENDS_BYTES))
        digest.update(file.read(_ENDS_BYTES))
    return f"{_PREFIX}{digest.hexdigest()[:27]}"


def is_content_id(text: str) -> bool:
    """It was made by `content_id`, and is not the id of a recipe."""
    return text.startswith(_PREFIX)
