"""The log as entries: what belongs together, what is picked out, and how it is followed while it is written."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.log import RedactingFormatter, start_logging, stop_logging
from wan_desktop.core.log_lines import (
    LineLevel,
    LogFilter,
    LogLine,
    LogTail,
    jobs_of,
    last_texts,
    older_files,
    parse_log,
    read_log,
)

JOB, OTHER_JOB = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
LINES = [
    "2026-01-31 12:00:00,123 INFO wan_desktop.core.jobs started",
    f"2026-01-31 12:00:01,000 WARNING wan_desktop.core.jobs Job {JOB} failed: out-of-memory",
    f"2026-01-31 12:00:02,000 ERROR wan_desktop.core.jobs Job {OTHER_JOB} hit a bug",
    "Traceback (most recent call last):",
    "ValueError: no",
    "2026-01-31 12:00:03,000 DEBUG wan_desktop.engine.render step 1",
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "logs" / "wan-desktop.log"
    file.parent.mkdir()
    return file


def write(file: Path, *lines: str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write("".join(f"{line}\n" for line in lines))


def test_that_an_entry_has_time_level_module_words_and_job() -> None:
    entry = parse_log(LINES)[1]
    assert entry == LogLine(
        "2026-01-31 12:00:01", LineLevel.WARNING, "core.jobs", f"Job {JOB} failed: out-of-memory", job=JOB
    )


def test_that_a_traceback_belongs_to_the_entry_before_it() -> None:
    entries = parse_log(LINES)
    assert [entry.level.value for entry in entries] == ["INFO", "WARNING", "ERROR", "DEBUG"]
    assert entries[2].more == "Traceback (most recent call last):\nValueError: no"
    assert entries[2].words.endswith("hit a bug\nTraceback (most recent call last):\nValueError: no")


def test_that_a_log_whose_beginning_is_lost_keeps_the_rest() -> None:
    entries = parse_log(["", "    the end of a traceback", *LINES])
    assert (entries[0].at, entries[0].text.strip(), len(entries)) == ("", "the end of a traceback", 5)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")))
def test_that_what_the_program_writes_is_read_back(message: str) -> None:
    record = logging.LogRecord("wan_desktop.core.jobs", logging.WARNING, "", 0, "%s", (message,), None)
    written = RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s").format(record)
    (entry,) = parse_log([written])
    assert (entry.level, entry.source) == (LineLevel.WARNING, "core.jobs")
    assert entry.text in written


@given(st.lists(st.text()))
def test_that_any_text_can_be_read(texts: list[str]) -> None:
    assert len(parse_log(texts)) <= len(texts)


@pytest.mark.parametrize(
    ("wanted", "levels"),
    [
        (LogFilter(), ["INFO", "WARNING", "ERROR", "DEBUG"]),
        (LogFilter(least=LineLevel.WARNING), ["WARNING", "ERROR"]),
        (LogFilter(search="BUG valueerror"), ["ERROR"]),
        (LogFilter(search="bug started"), []),
        (LogFilter(job=JOB), ["WARNING"]),
        (LogFilter(least=LineLevel.ERROR, job=JOB), []),
    ],
)
def test_that_only_wanted_entries_are_picked(wanted: LogFilter, levels: list[str]) -> None:
    assert [entry.level.value for entry in wanted.pick(parse_log(LINES))] == levels


def test_that_jobs_are_listed_once_the_latest_first() -> None:
    assert jobs_of(parse_log([*LINES, LINES[1]])) == [JOB, OTHER_JOB]


def test_that_older_files_come_before_the_log(log: Path) -> None:
    oldest, latest = older_files(log)[1], older_files(log)[0]
    write(oldest, LINES[0])
    write(latest, LINES[1])
    write(log, *LINES[2:])
    assert [entry.level.value for entry in read_log(log)] == ["INFO", "WARNING", "ERROR", "DEBUG"]
    assert [entry.level.value for entry in read_log(log, 2)] == ["ERROR", "DEBUG"]
    assert last_texts(log, 5) == LINES[1:]
    assert last_texts(log, 1) == LINES[-1:]


def test_that_no_log_is_no_entries(log: Path) -> None:
    assert read_log(log) == []
    assert last_texts(log, 10) == []
    assert not LogTail(log).read_on()


def test_that_a_growing_log_is_followed(log: Path) -> None:
    write(log, LINES[0])
    tail = LogTail(log)
    assert len(tail.start()) == 1
    assert not tail.read_on()
    write(log, LINES[1])
    assert tail.read_on()
    assert [entry.level.value for entry in tail.lines] == ["INFO", "WARNING"]


def test_that_half_a_line_waits_for_its_other_half(log: Path) -> None:
    tail = LogTail(log)
    tail.start()
    with log.open("a", encoding="utf-8") as stream:
        stream.write(LINES[0][:30])
        stream.flush()
        assert not tail.read_on()
        stream.write(LINES[0][30:] + "\n")
    assert tail.read_on()
    assert [entry.text for entry in tail.lines] == ["started"]


def test_that_a_traceback_that_comes_later_is_put_to_its_entry(log: Path) -> None:
    tail = LogTail(log)
    tail.start()
    write(log, LINES[2])
    tail.read_on()
    write(log, *LINES[3:])
    tail.read_on()
    assert [entry.level.value for entry in tail.lines] == ["ERROR", "DEBUG"]
    assert tail.lines[0].more == "\n".join(LINES[3:5])


def test_that_nothing_is_lost_when_the_log_is_moved_aside(log: Path) -> None:
    write(log, LINES[0])
    tail = LogTail(log)
    tail.start()
    write(log, LINES[1])
    log.replace(older_files(log)[0])
    write(log, *LINES[2:])
    assert tail.read_on()
    assert [entry.level.value for entry in tail.lines] == ["INFO", "WARNING", "ERROR", "DEBUG"]


def test_that_the_programs_own_rotation_is_followed(log: Path) -> None:
    logger = logging.getLogger("wan_desktop.test")
    start_logging(log)
    try:
        tail = LogTail(log)
        tail.start()
        for number in range(1200):
            logger.warning("%04d %s", number, "x" * 1000)
            if number % 100 == 0:
                tail.read_on()
        tail.read_on()
    finally:
        stop_logging()
    assert older_files(log)[0].exists()
    assert [int(entry.text[:4]) for entry in tail.lines] == list(range(1200))


def test_that_only_the_last_entries_are_kept(log: Path) -> None:
    tail = LogTail(log, most=100)
    write(log, *(f"2026-01-31 12:00:00,000 INFO wan_desktop.x {number}" for number in range(150)))
    assert [entry.text for entry in tail.start()][:1] == ["50"]
    write(log, "2026-01-31 12:00:00,000 INFO wan_desktop.x last")
    tail.read_on()
    assert (len(tail.lines), tail.lines[0].text, tail.lines[-1].text) == (100, "51", "last")
