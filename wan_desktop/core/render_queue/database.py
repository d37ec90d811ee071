"""The queue's file: SQLite with a write-ahead log, each change safe on the drive before it counts.

One process has it at a time, by an OS lock that dies with it. What cannot be read is set aside, and what can still be
read of it goes into a new file.
"""

import contextlib
import datetime
import errno
import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from wan_desktop.core.errors import QueueBusyError, QueueDamagedError, QueueError, QueueSpaceError, WanError
from wan_desktop.core.render_queue.rows import (
    QUEUE_ROW,
    Row,
    RowError,
    job_of,
    job_row,
    queue_row,
    with_queue_row,
)
from wan_desktop.core.render_queue.salvage import PAGE_BYTES, salvaged_rows
from wan_desktop.core.render_queue.schema import (
    MIGRATIONS,
    DamagedFileError,
    Migration,
    NewerFormatError,
    connect,
    is_damage,
    migrate,
)
from wan_desktop.core.render_queue.state import QueueState
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.words import tr, trn

logger = logging.getLogger(__name__)

_NEARLY_FULL_BYTES = 1_000_000
_GAP = 1024
"""Between the positions of jobs that were added one after the other."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found in the file."""

    state: QueueState
    damage: WanError | None = None


class QueueDatabase:
    """The file, open and locked from `open` until `close`. Not for several threads at once: `RenderQueue` sees to that.

    Args:
        file: The file; its folder is made when it is absent.
        pictures: Where the pictures are that jobs name.
        disk: The drive.
        migrations: How formats follow each other.
    """

    def __init__(self, file: Path, pictures: Path, disk: Disk, *, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self._file = file
        self._pictures = pictures
        self._disk = disk
        self._migrations = migrations
        self._positions: dict[str, int] = {}
        self._revision = 0
        self._resources = contextlib.ExitStack()
        self._connection: sqlite3.Connection | None = None

    def open(self) -> Opened:
        """Lock the file and read all of it.

        Raises:
            QueueBusyError: Another process has it.
            QueueSpaceError: The drive is full.
            QueueError: It can be neither read nor made, or a later version of this program made it.
        """
        try:
            return self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> Opened:
        try:
            self._disk.make_folder(self._file.parent)
            self._resources.enter_context(self._disk.lock(self._named(".lock")))
        except BlockingIOError as error:
            raise _busy(self._file) from error
        except OSError as error:
            raise self.error_of(error) from error
        try:
            return self._read_or_rescue()
        except NewerFormatError as error:
            raise QueueError(
                tr("The queue at {file} was made by a later version of this program.", file=self._file),
                hint=tr("Start the later version, or move that file away to begin a new queue."),
            ) from error
        except (OSError, sqlite3.Error) as error:
            raise self.error_of(error) from error

    def _read_or_rescue(self) -> Opened:
        """All of the file; raises what the drive and SQLite say, where it is not the file that is wrong."""
        if self._disk.exists(self._saved):  # the program ended while it began anew
            self._set_aside()
            self._let_saved_count()
        try:
            if not self._disk.exists(self._file):
                if self._disk.exists(self._named("-wal")):
                    raise DamagedFileError(tr("The file is gone, and what was not yet written into it is there."))
                self._make(self._file, QueueState())
            return Opened(self._read())
        except DamagedFileError as error:
            return self._begin_anew(error)
        except sqlite3.DatabaseError as error:
            if not is_damage(error, self._file):
                raise
            return self._begin_anew(error)

    def _named(self, suffix: str) -> Path:
        return self._file.with_name(self._file.name + suffix)

    @property
    def _saved(self) -> Path:
        """A whole new file with what was saved; where it is there, it counts, whatever the file itself holds."""
        return self._named(".saved")

    def close(self) -> None:
        """Close the file and let it go; again is fine."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._resources.close()

    # Reading ---------------------------------------------------------------------------------------------------------

    def _read(self) -> QueueState:
        if not self._disk.stat(self._file).size_bytes:
            raise DamagedFileError(tr("It is empty."))  # SQLite would take it as new
        self._connection = connection = connect(self._file)
        migrate(connection, self._migrations)
        for (line,) in connection.execute("PRAGMA integrity_check(1)"):
            if line != "ok":
                raise DamagedFileError(str(line))
        rows = connection.execute(
            "SELECT entry_id, position, revision, content, digest FROM entries ORDER BY position"
        ).fetchall()
        try:
            return self._taken([Row(*row) for row in rows])
        except (RowError, TypeError) as error:
            raise DamagedFileError(f"A row of the queue is damaged: {error}") from error

    def _taken(self, rows: Iterable[Row]) -> QueueState:
        """The state that the rows tell; remembers where they are."""
        state = QueueState()
        jobs = []
        for row in rows:
            self._revision = max(self._revision, row.revision)
            if row.entry_id == QUEUE_ROW:
                state = with_queue_row(state, row)
            else:
                jobs.append(job_of(row, self._pictures))
                self._positions[row.entry_id] = row.position
        return replace(state, jobs=tuple(jobs))

    # Making and rescuing ---------------------------------------------------------------------------------------------

    def _make(self, file: Path, state: QueueState) -> None:
        """Make a file that holds the state; it has its name only when it is whole."""
        part = self._named(".part")
        for suffix in ("", "-wal", "-journal"):
            self._disk.unlink(part.with_name(part.name + suffix))
        connection = connect(part)
        try:
            migrate(connection, self._migrations, is_new=True)
            rows, _ = self._rows(QueueState(), state)
            _write(connection, (), rows)
        finally:
            connection.close()  # which carries all over from the log
        self._disk.replace(part, file)
        self._disk.sync_folder(file.parent)

    def _begin_anew(self, cause: Exception) -> Opened:
        """Set the damaged file aside, and begin a new one with what can still be read of it.

        The new one is whole before the old one is touched, so that a crash between loses nothing.
        """
        logger.warning("The queue %s is damaged and is begun anew: %s", self._file, cause)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        rows = salvaged_rows(self._bytes_of(self._file), self._bytes_of(self._named("-wal")))
        self._positions, self._revision = {}, max((row.revision for row in rows), default=0)
        self._make(self._saved, self._salvaged(rows))
        aside = self._set_aside()
        self._let_saved_count()
        state = self._read()
        count = len(state.jobs)
        saved = trn("1 job could be saved", "{count} jobs could be saved", count)
        damage = QueueDamagedError(
            tr(
                "The queue's file was damaged; {saved}. The damaged file was kept as {aside}.",
                saved=saved,
                aside=aside.name,
            ),
            hint=tr("Look through the queue, and add what is missing again. No video was touched."),
            details=str(cause),
        )
        return Opened(state, damage)

    def _salvaged(self, rows: Sequence[Row]) -> QueueState:
        state = QueueState()
        jobs = []
        for row in rows:
            try:
                if row.entry_id == QUEUE_ROW:
                    state = with_queue_row(state, row)
                else:
                    jobs.append(job_of(row, self._pictures))
            except RowError as error:
                logger.warning("A job of the damaged queue cannot be saved: %s", error)
        return replace(state, jobs=tuple(jobs))

    def _bytes_of(self, file: Path) -> bytes:
        """What can be read of it: where the drive fails, zeros; nothing where it is absent."""
        if not self._disk.exists(file):
            return b""
        with self._disk.open_readonly(file) as opened:
            content = bytearray(opened.size_bytes)
            for start in range(0, len(content), PAGE_BYTES):
                with contextlib.suppress(OSError):
                    opened.pread_into(start, memoryview(content)[start : start + PAGE_BYTES])
            return bytes(content)

    def _set_aside(self) -> Path:
        """Give the file another name, if it is there, and return it."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
        aside, number = self._named(f".damaged-{now}"), 1
        while self._disk.exists(aside):
            number += 1
            aside = self._named(f".damaged-{now}-{number}")
        for suffix in ("-wal", "-shm", "-journal", ""):
            with contextlib.suppress(FileNotFoundError):
                self._disk.replace(self._named(suffix), aside.with_name(aside.name + suffix))
        self._disk.sync_folder(self._file.parent)
        return aside

    def _let_saved_count(self) -> None:
        self._disk.replace(self._saved, self._file)
        self._disk.sync_folder(self._file.parent)

    # Writing ---------------------------------------------------------------------------------------------------------

    def save(self, old: QueueState, new: QueueState) -> None:
        """Write what differs, in one transaction that is safe on the drive when this returns.

        Raises:
            QueueSpaceError: The drive is full; nothing was changed.
            QueueError: It cannot be written; nothing was changed.
            ValueError: A job holds a number that is none.
        """
        if self._connection is None:
            raise QueueError(tr("The queue is closed."), hint=tr("Start the program again."))
        rows, positions = self._rows(old, new)
        gone = [(job_id,) for job_id in self._positions if job_id not in positions]
        try:
            _write(self._connection, gone, rows)
        except sqlite3.Error as error:
            raise self.error_of(error) from error
        self._positions = positions
        self._revision += 1

    def _rows(self, old: QueueState, new: QueueState) -> tuple[list[Row], dict[str, int]]:
        """The rows that differ, and all positions."""
        revision = self._revision + 1
        before = {job.job_id: job for job in old.jobs}
        positions = _positions([job.job_id for job in new.jobs], self._positions)
        rows = []
        if (old.paused, old.when_done) != (new.paused, new.when_done):
            rows.append(queue_row(new, revision))
        for job in new.jobs:
            position, was = positions[job.job_id], before.get(job.job_id)
            if position != self._positions.get(job.job_id) or (was is not job and was != job):
                rows.append(job_row(job, position, revision))
        return rows, positions

    def error_of(self, error: Exception) -> WanError:
        """What an error of SQLite or of the drive means for the user."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return _busy(self._file)
        full = code == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT)
        # Where the log cannot grow, SQLite says no more than that writing failed.
        if full or (code == sqlite3.SQLITE_IOERR and self._free_bytes() < _NEARLY_FULL_BYTES):
            return QueueSpaceError(
                tr(
                    "The queue could not be saved: the drive of {file} is full ({free_mb:,.0f} MB are free).",
                    file=self._file,
                    free_mb=self._free_bytes() / 1e6,
                ),
                hint=tr("Free some space, then try again. The queue is as it was."),
                details=str(error),
            )
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return QueueError(
            tr("The queue at {file} cannot be used: {reason}.", file=self._file, reason=reason),
            hint=tr("Allow the program to write there, see whether the drive is well, and start the program again."),
            details=str(error),
        )

    def _free_bytes(self) -> int:
        try:
            return self._disk.free_bytes(self._file.parent)
        except OSError:
            return 0


def _busy(file: Path) -> QueueBusyError:
    return QueueBusyError(
        tr("Another process of this program has the queue at {file} open.", file=file),
        hint=tr("Use the window that is open already, or close it and try again."),
    )


def _positions(job_ids: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
    """Positions that grow in the order of the jobs; gaps between them keep most as they are when some are moved."""
    positions: dict[str, int] = {}
    last: int | None = None
    for job_id, following_id in zip_longest(job_ids, job_ids[1:]):
        position, following = known.get(job_id), known.get(following_id)
        grows = position is not None and (last is None or position > last)
        if position is None or not grows or (following is not None and following < position):
            if last is None:
                position = _GAP if following is None else following - _GAP
            else:
                position = last + (_GAP if following is None else 1)
        positions[job_id] = last = position
    return positions


def _write(connection: sqlite3.Connection, gone: Sequence[tuple[str]], rows: Sequence[Row]) -> None:
    """All of it or nothing.

    Raises:
        sqlite3.Error: It is nothing.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM entries WHERE entry_id = ?", gone)
        connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):  # SQLite has often done it by itself
            connection.execute("ROLLBACK")
        raise
