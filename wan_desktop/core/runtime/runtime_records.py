"""What is written down about runtimes, as records in small JSON files."""

import json
import logging
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from wan_desktop.core.errors import WanError, error_from_code
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.disk import Disk

logger = logging.getLogger(__name__)
_FORMAT = 1
_MAX_FILE_BYTES = 2_000_000

Record = TypeVar("Record")


class RuntimeState(StrEnum):
    """How it stands with the engine runtime."""

    ABSENT = "absent"
    FETCHING = "fetching"
    BUILDING = "building"
    TESTING = "testing"
    READY = "ready"
    DAMAGED = "damaged"
    FAILED = "failed"
    """There is none, and the last try to install one failed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runtime is in use: the one file whose replacement switches. Names are those of folders; empty: none."""

    current: str = ""
    previous: str = ""
    """Kept so that one can go back."""
    refused: str = ""
    """Digest of the lock that was gone back from: it is not installed again by itself."""
    damaged: str = ""
    """Why the current one is known to be damaged; empty: it is not."""


@dataclass(frozen=True, slots=True)
class RuntimeMark:
    """Lies in a runtime's folder, written when its test had passed: a folder without it was never finished."""

    digest: str
    kind: str
    parts: tuple[str, ...]
    """Folders of the installed parts' own records, such as `torch-2.13.0+cpu.dist-info`."""
    python_home: str
    """Folder of the interpreter that it was made with, which it needs."""
    size_bytes: int
    made_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What is being done, or what the last try came to; absent while there is nothing to say."""

    state: RuntimeState
    digest: str
    folder: str = ""
    """Of the runtime in the making."""
    process_id: int = 0
    """Of the installer's process, which may outlive this program; 0: none runs."""
    process_started: float = 0.0
    """When it was started, seconds since 1970: a process id is used again."""
    code: str = ""
    """Of the error, if it failed."""
    message: str = ""
    hint: str = ""
    details: str = ""

    @property
    def error(self) -> WanError | None:
        """What went wrong; None if nothing did."""
        if not self.code:
            return None
        return error_from_code(self.code, self.message, hint=self.hint, details=self.details)


def read_record(disk: Disk, path: Path, record: type[Record]) -> Record | None:
    """What a file holds; None where it is absent or damaged, which the log says."""
    try:
        data: Any = json.loads(disk.read_bytes(path, limit_bytes=_MAX_FILE_BYTES))
        if not isinstance(data, dict) or data.get("format") != _FORMAT:
            raise ValueError("it is of another format")
        return from_plain(record, data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("%s cannot be read: %s", path, error)
        return None


def write_record(disk: Disk, path: Path, record: Any) -> None:
    """Let a file, whose folder is there, hold that record, in one step.

    Raises:
        OSError: The drive is full or fails; the file holds the old or the new record.
    """
    disk.write_atomically(path, json.dumps({"format": _FORMAT, **to_plain(record)}, indent=1).encode())
