"""The SQLite file of the library: opened, guarded, put aside when it is damaged."""

import contextlib
import datetime
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from wan_desktop.core.errors import VideoLibraryDamagedError, VideoLibraryError
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

_FORMAT = 2
_WAIT_S = 20
_SCHEMA = """
CREATE TABLE videos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recipe_id TEXT NOT NULL,
    path TEXT NOT NULL,
    path_key TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL,
    title TEXT NOT NULL,
    own_title TEXT NOT NULL DEFAULT '',
    prompt TEXT NOT NULL,
    model_id TEXT NOT NULL,
    variant TEXT NOT NULL,
    mode TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    num_frames INTEGER NOT NULL,
    fps REAL NOT NULL,
    seconds REAL NOT NULL,
    seed INTEGER NOT NULL,
    favourite INTEGER NOT NULL DEFAULT 0,
    tags TEXT NOT NULL DEFAULT '[]',
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    damage TEXT NOT NULL,
    missing INTEGER NOT NULL DEFAULT 0,
    trash_folder TEXT,
    deleted_s REAL,
    no_recipe TEXT NOT NULL DEFAULT ''
);
CREATE INDEX videos_by_time ON videos (created, id);
CREATE INDEX videos_by_recipe ON videos (recipe_id);
CREATE TABLE recipes (recipe_id TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE others (
    path_key TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL
);
"""
# A video without a recipe has an empty `mode`, and no row in `recipes`. `others` are files that hold no pictures, so
# that they are read once.
_FROM_1 = """
ALTER TABLE videos ADD COLUMN no_recipe TEXT NOT NULL DEFAULT '';
DELETE FROM others;
"""
# Format 1 kept videos of other programs, and damaged ones, among the others: the next scan reads them as videos.


class _UnreadableError(Exception):
    """The file is no index of ours, or is damaged."""


class Database:
    """The file, for all threads and several processes: one connection writes, another reads and never waits for it.

    Raises:
        VideoLibraryError: The file can be neither read nor made.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self.begun_anew = False
        """Whether the file was not there or damaged, so that the folders must be scanned."""
        self._writer, self._reader = self._open_or_begin()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with, for a short while.

        Raises:
            VideoLibraryError: It cannot be read.
        """
        with self._translated(), self._read_lock:
            yield self._reader

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other thread or process writes during; undone if anything is raised.

        Raises:
            VideoLibraryError: It cannot be written.
        """
        with self._translated(), self._write_lock:
            connection = self._writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if _is_damage(error):
                self._begin_anew(error)
                raise VideoLibraryDamagedError(
                    tr("The list of videos was damaged and is made anew from the files."),
                    hint=tr("Wait until your folders have been read; no video is lost."),
                    details=str(error),
                ) from error
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> VideoLibraryError:
        return VideoLibraryError(
            tr("The list of videos in {file} cannot be used: {error}.", file=self._file, error=error),
            hint=tr("Allow the program to write there, and see whether the drive is full. No video is lost."),
        )

    def _open_or_begin(self) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self.begun_anew = not self._file.exists()
            try:
                return self._open()
            except _UnreadableError as error:
                self._put_aside(error)
                return self._open()
        except (OSError, sqlite3.Error, _UnreadableError) as error:
            raise self._unusable(error) from error

    def _begin_anew(self, error: sqlite3.Error) -> None:
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()
            try:
                self._put_aside(error)
                self._writer, self._reader = self._open()
            except (OSError, sqlite3.Error, _UnreadableError) as second:
                raise self._unusable(second) from second

    def _open(self) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        writer = self._connect()
        try:
            _prepare(writer)
            reader = self._connect()
        except BaseException as error:
            writer.close()
            if isinstance(error, sqlite3.Error) and _is_damage(error):
                raise _UnreadableError(str(error)) from error
            raise
        return writer, reader

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=_WAIT_S, check_same_thread=False, isolation_level=None)

    def _put_aside(self, error: Exception) -> None:
        """Keep the unreadable file for whoever wants to look at it."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S-%f")
        logger.warning("The list of videos %s cannot be read and is begun anew: %s", self._file, error)
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                source = self._file.with_name(self._file.name + suffix)
                source.replace(source.with_name(f"{self._file.stem}-unreadable-{now}{self._file.suffix}{suffix}"))
        self.begun_anew = True


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or see that they are there and sound."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("BEGIN IMMEDIATE")  # two processes may begin at once
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found == 0 and _tables(connection):
            raise _UnreadableError(tr("it belongs to something else"))
        if found not in (0, 1, _FORMAT):
            raise _UnreadableError(tr("it has format {found}, this program reads {known}", found=found, known=_FORMAT))
        if found:
            _check(connection)
        if found != _FORMAT:
            for statement in (_FROM_1 if found else _SCHEMA).split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={_FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _check(connection: sqlite3.Connection) -> None:
    if not {"videos", "recipes", "words", "others"} <= _tables(connection):
        raise _UnreadableError(tr("tables are missing"))
    (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise _UnreadableError(str(sound))


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is bad, and not the moment.

    The lower byte of an extended result code is the plain one (sqlite.org/rescode.html).
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
