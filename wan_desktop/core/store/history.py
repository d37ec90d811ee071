"""What the store remembers: checks, changes of status, damage, and the Hub's last answers. SQLite, one file.

It is a memory, not the truth: the truth about a model is in its folder. A damaged file is put aside and begun anew, and
no model is worse for it.
"""

import contextlib
import datetime
import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_desktop.core.errors import StoreError
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.hub import RemoteRepo
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

_FORMAT = 1
_MAX_ROWS_PER_MODEL = 500
_SCHEMA = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    model_id TEXT NOT NULL,
    variant TEXT NOT NULL,
    library_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    text TEXT NOT NULL,
    at TEXT NOT NULL,
    seconds REAL NOT NULL,
    details TEXT NOT NULL
);
CREATE INDEX entries_by_model ON entries (model_id, variant, id);
CREATE INDEX entries_by_library ON entries (library_id, kind, id);
CREATE TABLE hub_answers (
    repo_id TEXT NOT NULL,
    revision TEXT NOT NULL,
    answer TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (repo_id, revision)
);
"""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that happened to a model."""

    key: ModelKey
    library_id: str
    kind: str
    """download, quick-check, deep-check, repair, status, adopt, remove, ..."""
    outcome: str
    """One word: good, bad, done, failed, cancelled, or a status."""
    text: str
    """One line for people."""
    at: str
    """ISO 8601, UTC."""
    seconds: float = 0.0
    details: Any = None
    """Plain data."""


@dataclass(frozen=True, slots=True)
class HubAnswer:
    """What the Hub said, and when."""

    repo: RemoteRepo
    at: str

    @property
    def age_s(self) -> float:
        """How old it is."""
        told = datetime.datetime.fromisoformat(self.at)
        return max(0.0, (datetime.datetime.now(datetime.UTC) - told).total_seconds())


class History:
    """The memory in one file; for all threads, and for several processes.

    Raises:
        StoreError: The file can be neither read nor made.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                self._put_aside(error)
                self._connection = self._open()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                tr("The history of the models cannot be opened at {file}: {error}.", file=file, error=error),
                hint=tr("Allow the program to write there, and see whether the drive is full."),
            ) from error

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=10, check_same_thread=False, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found == 0:
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={_FORMAT}; COMMIT;")
            elif found != _FORMAT:
                raise sqlite3.DatabaseError(f"it has format {found}, this program reads {_FORMAT}")
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if sound != "ok":
                raise sqlite3.DatabaseError(str(sound))
        except sqlite3.OperationalError as error:
            connection.close()
            if "already exists" in str(error):  # another process made it at the same moment
                return self._open()
            raise
        except BaseException:
            connection.close()
            raise
        return connection

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        """Keep the unreadable file for whoever wants to look at it."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
        logger.warning("The history %s cannot be read and is begun anew: %s", self._file, error)
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                source = self._file.with_name(self._file.name + suffix)
                source.replace(source.with_name(f"{self._file.stem}-unreadable-{now}{self._file.suffix}{suffix}"))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._connection:
                yield self._connection
        except sqlite3.Error as error:
            raise StoreError(
                tr("The history of the models cannot be used: {error}.", error=error),
                hint=tr("See whether the drive is full."),
            ) from error

    # What happened -------------------------------------------------------------------------------------------------

    def add(self, entry: HistoryEntry) -> None:
        """Remember.

        Raises:
            StoreError: It cannot be written.
        """
        key = entry.key
        values = (key.model_id, key.variant, entry.library_id, entry.kind, entry.outcome, entry.text, entry.at)
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO entries (model_id, variant, library_id, kind, outcome, text, at, seconds, details) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, entry.seconds, json.dumps(to_plain(entry.details))),
            )
            cursor.execute(
                "DELETE FROM entries WHERE model_id = ?1 AND variant = ?2 AND id <= "
                "(SELECT id FROM entries WHERE model_id = ?1 AND variant = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
                (key.model_id, key.variant, _MAX_ROWS_PER_MODEL),
            )

    def entries(
        self, model_id: str, variant: str | None = None, *, kind: str | None = None, limit: int = 100
    ) -> list[HistoryEntry]:
        """What happened to a model, the latest first.

        Raises:
            StoreError: It cannot be read.
        """
        with self._cursor() as cursor:
            rows = cursor.execute(
                "SELECT model_id, variant, library_id, kind, outcome, text, at, seconds, details FROM entries "
                "WHERE model_id = ?1 AND (?2 IS NULL OR variant = ?2) AND (?3 IS NULL OR kind = ?3) "
                "ORDER BY id DESC LIMIT ?4",
                (model_id, variant, kind, limit),
            ).fetchall()
        return [_entry(row) for row in rows]

    def damage_count(self, library_id: str) -> int:
        """How many deep checks have found damage on that drive.

        Raises:
            StoreError: It cannot be read.
        """
        with self._cursor() as cursor:
            (count,) = cursor.execute(
                "SELECT COUNT(*) FROM entries WHERE library_id = ? AND kind = 'deep-check' AND outcome = 'bad'",
                (library_id,),
            ).fetchone()
        return int(count)

    # What the Hub said ---------------------------------------------------------------------------------------------

    def remember_answer(self, repo: RemoteRepo, asked_revision: str = "main") -> None:
        """Keep a good answer; failed questions are not answers and are not kept.

        Raises:
            StoreError: It cannot be written.
        """
        now = now_utc()
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO hub_answers (repo_id, revision, answer, at) VALUES (?, ?, ?, ?)",
                (repo.repo_id, asked_revision, json.dumps(to_plain(repo)), now),
            )

    def answer(self, repo_id: str, asked_revision: str = "main") -> HubAnswer | None:
        """The Hub's last good answer.

        Raises:
            StoreError: It cannot be read.
        """
        with self._cursor() as cursor:
            row = cursor.execute(
                "SELECT answer, at FROM hub_answers WHERE repo_id = ? AND revision = ?", (repo_id, asked_revision)
            ).fetchone()
        if row is None:
            return None
        try:
            answer = HubAnswer(from_plain(RemoteRepo, json.loads(row[0])), row[1])
            datetime.datetime.fromisoformat(answer.at)
        except (ValueError, RecursionError) as error:
            logger.warning("The Hub's answer about %s was kept wrongly and is forgotten: %s", repo_id, error)
            return None
        return answer


def _entry(row: tuple[Any, ...]) -> HistoryEntry:
    model_id, variant, library_id, kind, outcome, text, at, seconds, details = row
    try:
        plain = json.loads(details)
    except ValueError:
        plain = None
    return HistoryEntry(ModelKey(model_id, variant), library_id, kind, outcome, text, at, seconds, plain)
