"""How the queue's file is opened, and its formats through the versions of this program."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from wan_desktop.core.render_queue.salvage import PAGE_BYTES

Migration = Callable[[sqlite3.Connection], object]

_CREATE = """
CREATE TABLE entries (
    entry_id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    content TEXT NOT NULL,
    digest TEXT NOT NULL
)
"""
MIGRATIONS: tuple[Migration, ...] = (lambda connection: connection.execute(_CREATE),)
"""Each leads from the format of its index (0: an empty file) to the next; formats that were published never change."""
_NOT_THE_FILE = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
)


class DamagedFileError(Exception):
    """The file is not what was written."""


class NewerFormatError(Exception):
    """The file was made by a later version of this program."""


def connect(file: Path) -> sqlite3.Connection:
    """Open the file as the queue needs it; autocommit, no waiting for others.

    Raises:
        sqlite3.Error: It cannot be opened, or is no database.
    """
    connection = sqlite3.connect(os.fspath(file), timeout=0, check_same_thread=False, isolation_level=None)
    try:
        # Exclusive, before the log is first used: then it needs no shared memory, whose pages a full drive cannot give.
        for pragma in (
            f"page_size={PAGE_BYTES}",
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], *, is_new: bool = False) -> None:
    """Bring the file to the latest format, all steps or none.

    Args:
        connection: To the file.
        migrations: How formats follow each other.
        is_new: It is an empty file; else one without a format is damaged.

    Raises:
        DamagedFileError: It has no format that there was.
        NewerFormatError: Its format came later than this program.
        sqlite3.Error: It cannot be read or written.
    """
    (stored,) = connection.execute("PRAGMA user_version").fetchone()
    found = _format_of(stored)
    if found > len(migrations):
        raise NewerFormatError(f"format {found}, of which this program knows {len(migrations)}")
    if found == 0 and not is_new:
        raise DamagedFileError("its format is missing")
    if found == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations[found:]:
            step(connection)
        connection.execute(f"PRAGMA user_version={_stored_format(len(migrations))}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def is_damage(error: sqlite3.DatabaseError, file: Path) -> bool:
    """It is the file that is wrong, and not the drive, a permission, or somebody else who has it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_READONLY:
        return os.access(file, os.W_OK)  # its own header says that nothing may be written
    return code not in _NOT_THE_FILE


def _stored_format(number: int) -> int:
    """The format as the file's header holds it: with its complement, so that a flipped bit makes no later format."""
    return number << 16 | number ^ 0xFFFF


def _format_of(stored: int) -> int:
    number = stored >> 16
    if stored and (number <= 0 or _stored_format(number) != stored):
        raise DamagedFileError(f"its format {stored:#x} is none")
    return number
