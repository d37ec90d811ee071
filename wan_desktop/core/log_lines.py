"""The log as it is read: entries with time, level and job, of which some are picked out.

An entry begins as `core.log` writes it; what follows without such a beginning, a traceback say, belongs to the entry
before it.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.log import LOG_BACKUPS

MOST_LINES = 10_000
"""Entries that are kept of a log; older ones stay in the files."""
_MOST_BYTES_AT_ONCE = 4_000_000
"""All files of a log have less together (`core.log`)."""
_HEAD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+) ?(.*)")
_JOB = re.compile(r"\b[Jj]ob ([0-9a-f]{32}|command-line)\b")
_PACKAGE = "wan_desktop."


class LineLevel(StrEnum):
    """How serious an entry is, the least first."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(LineLevel).index(self)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry."""

    at: str
    """Local time, as it was written: `2026-01-31 12:00:00`; empty if the beginning is lost."""
    level: LineLevel
    source: str
    """The module, without the program's name."""
    text: str
    more: str = ""
    """What follows the first line."""
    job: str = ""
    """The job's id; empty if it belongs to none."""

    @property
    def words(self) -> str:
        """All of it as it stands in the log, but for the milliseconds."""
        head = " ".join(part for part in (self.at, self.level.value, self.source, self.text) if part)
        return f"{head}\n{self.more}" if self.more else head


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries are wanted; all of its parts have to fit."""

    least: LineLevel = LineLevel.DEBUG
    search: str = ""
    """Every word of it must be in the entry; capitals do not count."""
    job: str = ""
    """Of this job only; empty for all."""

    def passes(self, line: LogLine) -> bool:
        """It is wanted."""
        if line.level.rank < self.least.rank or (self.job and line.job != self.job):
            return False
        if not self.search:
            return True
        words = line.words.casefold()
        return all(part in words for part in self.search.casefold().split())

    def pick(self, lines: Iterable[LogLine]) -> list[LogLine]:
        """Those that are wanted, in their order."""
        return [line for line in lines if self.passes(line)]


def parse_log(texts: Iterable[str]) -> list[LogLine]:
    """Entries from lines of text."""
    found: list[LogLine] = []
    for text in texts:
        head = _HEAD.fullmatch(text)
        if head is not None:
            at, level, source, words = head.groups()
            job = _JOB.search(words)
            found.append(LogLine(at, LineLevel(level), source.removeprefix(_PACKAGE), words, job=job[1] if job else ""))
        elif found:
            found[-1] = with_more(found[-1], text)
        elif text.strip():
            found.append(LogLine("", LineLevel.INFO, "", text))
    return found


def with_more(line: LogLine, text: str) -> LogLine:
    """The entry with one more line."""
    return replace(line, more=f"{line.more}\n{text}" if line.more else text)


def jobs_of(lines: Iterable[LogLine]) -> list[str]:
    """Ids of all jobs that entries belong to, the latest first."""
    return list(dict.fromkeys(line.job for line in reversed(list(lines)) if line.job))


def read_log(file: Path, most: int = MOST_LINES) -> list[LogLine]:
    """The last entries of the log and of the older files beside it; none if there is no log.

    Args:
        file: The log.
        most: How many entries.
    """
    texts: list[str] = []
    for part in (*reversed(older_files(file)), file):
        texts += _decoded(_read_bytes(part, 0)).splitlines()
    return parse_log(texts)[-most:]


def older_files(file: Path) -> list[Path]:
    """The files that the log was moved to, the latest first, whether they are there or not."""
    return [file.with_name(f"{file.name}.{number}") for number in range(1, LOG_BACKUPS + 1)]


def last_texts(file: Path, count: int) -> list[str]:
    """The log's last lines of text as they are, those of the file before it among them."""
    texts = _decoded(_read_bytes(file, 0)).splitlines()
    if len(texts) < count:
        texts = _decoded(_read_bytes(older_files(file)[0], 0)).splitlines() + texts
    return texts[-count:]


class LogTail:
    """Reads a log on from where it was read last.

    Args:
        file: The log; it may come later.
        most: Entries that are kept.
    """

    def __init__(self, file: Path, most: int = MOST_LINES) -> None:
        self._file = file
        self._most = most
        self._position_bytes = 0
        self._identity: tuple[int, int] | None = None
        self._rest = b""
        self.lines: list[LogLine] = []
        """All entries that were read and are kept."""

    def start(self) -> Sequence[LogLine]:
        """Read what is there, older files included; returns all entries."""
        self._position_bytes, self._rest, self._identity = 0, b"", None
        texts: list[str] = []
        for part in reversed(older_files(self._file)):
            texts += _decoded(_read_bytes(part, 0)).splitlines()
        texts += self._new_texts()
        self.lines = parse_log(texts)[-self._most :]
        return self.lines

    def read_on(self) -> bool:
        """Read what was written since; returns whether there was anything."""
        texts = self._new_texts()
        if not texts:
            return False
        for line in parse_log(texts):
            if not line.at and self.lines:  # the rest of an entry that was half written at the last look
                for text in line.words.removeprefix(f"{line.level.value} ").splitlines():
                    self.lines[-1] = with_more(self.lines[-1], text)
            else:
                self.lines.append(line)
        del self.lines[: -self._most]
        return True

    def _new_texts(self) -> list[str]:
        """Whole lines since the last look; half a line is kept for the next one."""
        return list(self._parts())

    def _parts(self) -> Iterator[str]:
        try:
            identity, size_bytes = _look_at(self._file)
        except OSError:
            return
        if identity != self._identity or size_bytes < self._position_bytes:
            yield from self._rest_of_moved()
            self._position_bytes, self._rest, self._identity = 0, b"", identity
        data = _read_bytes(self._file, self._position_bytes)
        self._position_bytes += len(data)
        yield from self._complete(data)

    def _rest_of_moved(self) -> list[str]:
        """What the file still got before it was moved aside."""
        moved = older_files(self._file)[0]
        try:
            is_it = self._identity is not None and _look_at(moved)[0] == self._identity
        except OSError:
            return []
        return self._complete(_read_bytes(moved, self._position_bytes)) if is_it else []

    def _complete(self, data: bytes) -> list[str]:
        whole, found, rest = (self._rest + data).rpartition(b"\n")
        self._rest = rest
        return _decoded(whole).splitlines() if found else []


def _look_at(file: Path) -> tuple[tuple[int, int], int]:
    """Which file it is, and its size in bytes."""
    stat = file.stat()
    return (stat.st_dev, stat.st_ino), stat.st_size


def _read_bytes(file: Path, position_bytes: int) -> bytes:
    try:
        with file.open("rb") as stream:
            size_bytes = stream.seek(0, os.SEEK_END)
            stream.seek(max(position_bytes, size_bytes - _MOST_BYTES_AT_ONCE))
            return stream.read()
    except OSError:
        return b""


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
