"""A small JSON file that holds one record: read strictly, written in one step, and set aside when it is damaged.

What cannot be read is renamed rather than overwritten, so that a person may still look into it, and the log says so.
"""

import json
import logging
from pathlib import Path
from typing import Any, Generic, TypeVar

from wan_desktop.core.files import replace_patiently, write_atomically
from wan_desktop.core.records import from_plain, to_plain

logger = logging.getLogger(__name__)

Record = TypeVar("Record")
_ASIDE = ".unreadable"
_FORMAT_KEY = "format"


class JsonFile(Generic[Record]):
    """The file of one record. Reading never fails. For one thread, or behind the lock of who uses it.

    Args:
        path: Where it lies; None: nothing is read and nothing written.
        record: A frozen dataclass that `records` can turn into JSON and back.
        file_format: Written beside the record's fields; a file of another one is set aside. None: it has no number.
        limit_bytes: A larger file is damaged: none that this program writes comes near it.
    """

    def __init__(
        self, path: Path | None, record: type[Record], *, file_format: int | None = 1, limit_bytes: int = 2_000_000
    ) -> None:
        self.path = path
        self._record = record
        self._format = file_format
        self._limit_bytes = limit_bytes

    def read(self) -> Record | None:
        """What it holds; None where it is not there, or was damaged and is set aside now."""
        if self.path is None:
            return None
        try:
            data = read_json(self.path, limit_bytes=self._limit_bytes)
            if self._format is not None and (not isinstance(data, dict) or data.get(_FORMAT_KEY) != self._format):
                raise ValueError("it is of another format")
            return from_plain(self._record, data)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:  # RecordError among them
            set_aside(self.path, error)
            return None

    def write(self, record: Record, *, indent: int | None = None) -> None:
        """Let it hold that record.

        Raises:
            OSError: It cannot be written; what it held is untouched.
        """
        if self.path is not None:
            number = {} if self._format is None else {_FORMAT_KEY: self._format}
            write_atomically(self.path, json.dumps({**number, **to_plain(record)}, indent=indent).encode())

    def try_write(self, record: Record) -> bool:
        """As `write`, for what is no loss to the work at hand: a refusal is only logged. False: it was refused."""
        try:
            self.write(record)
        except OSError as error:
            logger.warning("%s cannot be written: %s", self.path, error)
            return False
        return True


def read_json(path: Path, *, limit_bytes: int) -> Any:
    """What a file of JSON holds.

    Raises:
        FileNotFoundError: It is not there.
        OSError: It cannot be read.
        ValueError: It is too large, no text, no JSON, or nested too deeply.
    """
    if path.stat().st_size > limit_bytes:
        raise ValueError("it is too large")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def set_aside(path: Path, error: Exception, *, ending: str = _ASIDE) -> None:
    """Keep a file that cannot be read under another name, so that the next write does not lose it."""
    aside = path.with_name(f"{path.name}{ending}")
    logger.warning("%s cannot be read and is set aside as %s: %s", path.name, aside.name, error)
    try:
        replace_patiently(path, aside)
    except OSError as failure:
        logger.warning("%s cannot be set aside: %s", path.name, failure)
