"""Starts that end badly, in processes that are really killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.hardware import load
from wan_desktop.core.banner import BannerAction, BannerFacts, BannerKind, choose_banner
from wan_desktop.core.safe_mode import MOST_BAD_ENDS, NextStart, SafeReason, Start

ROOT = Path(__file__).resolve().parents[2]
COUNT, MARK = "bad-starts.json", "start-in-progress"
_RUN = """
import os, signal, sys
from pathlib import Path
from wan_desktop.core.safe_mode import Start

folder, fatal, then = sys.argv[1], int(sys.argv[2]), sys.argv[3]
touched = 0

def watch(event, arguments):
    global touched
    if event in ("open", "os.rename", "os.remove", "os.utime", "os.mkdir") and folder in str(arguments[:2]):
        touched += 1
        if touched == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

def end():
    os.kill(os.getpid(), signal.SIGKILL)

if then == "start":
    sys.addaudithook(watch)
start = Start(Path(folder))
if then == "start":
    end()
sys.addaudithook(watch)
start.went_well()
print(touched)
"""


def run(folder: Path, fatal: int = 0, then: str = "start") -> "subprocess.CompletedProcess[str]":
    """A process that begins, and is killed before the change of the data folder with that number, or at its end.

    With `then="end"` it ends in good order, unless it is killed on the way there.
    """
    return subprocess.run(
        [sys.executable, "-c", _RUN, str(folder), str(fatal), then],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def bad(folder: Path, times: int = 1) -> None:
    """So many starts that never ended."""
    for _ in range(times):
        Start(folder)


def test_that_the_first_start_is_a_usual_one_and_leaves_nothing(tmp_path: Path) -> None:
    start = Start(tmp_path)
    assert start.reason is None
    assert [path.name for path in tmp_path.iterdir()] == [MARK]
    start.went_well()
    start.went_well()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bad_ends", range(6))
def test_that_three_bad_ends_in_a_row_lead_to_safe_mode(tmp_path: Path, bad_ends: int) -> None:
    bad(tmp_path, bad_ends)
    assert Start(tmp_path).reason is (SafeReason.BAD_ENDS if bad_ends >= MOST_BAD_ENDS else None)


def test_that_a_killed_process_is_a_bad_end(tmp_path: Path) -> None:
    for _ in range(MOST_BAD_ENDS):
        assert run(tmp_path).returncode == -signal.SIGKILL
    assert Start(tmp_path).reason is SafeReason.BAD_ENDS


@pytest.mark.parametrize("before", range(MOST_BAD_ENDS))
def test_that_a_good_end_breaks_the_row(tmp_path: Path, before: int) -> None:
    bad(tmp_path, before)
    Start(tmp_path).went_well()
    bad(tmp_path, MOST_BAD_ENDS - 1)
    assert Start(tmp_path).reason is None


def test_that_after_safe_mode_one_more_bad_end_leads_back_to_it_until_a_usual_start_went_well(tmp_path: Path) -> None:
    bad(tmp_path, MOST_BAD_ENDS)
    Start(tmp_path).went_well()
    assert Start(tmp_path).reason is None
    Start(tmp_path).went_well()
    usual = Start(tmp_path)
    assert usual.reason is None
    usual.went_well()
    bad(tmp_path, MOST_BAD_ENDS - 1)
    assert Start(tmp_path).reason is None


def test_that_a_bad_end_in_safe_mode_stays_in_it(tmp_path: Path) -> None:
    bad(tmp_path, MOST_BAD_ENDS + 2)
    assert Start(tmp_path).reason is SafeReason.BAD_ENDS


def test_that_safe_mode_can_be_asked_for_and_is_no_bad_end(tmp_path: Path) -> None:
    asked = Start(tmp_path, asked=True)
    assert asked.reason is SafeReason.ASKED
    asked.went_well()
    bad(tmp_path, MOST_BAD_ENDS - 1)
    assert Start(tmp_path).reason is None


# Killed at each moment ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(1, 7))
@pytest.mark.parametrize("before", [0, 1])
def test_that_a_kill_at_any_moment_of_a_start_counts_once_at_most_and_stops_no_later_start(
    tmp_path: Path, moment: int, before: int
) -> None:
    bad(tmp_path, before)
    assert run(tmp_path, moment).returncode == -signal.SIGKILL
    copy = tmp_path.with_name(f"{tmp_path.name}-copy")
    shutil.copytree(tmp_path, copy)
    bad(copy, MOST_BAD_ENDS - 2 - before)
    assert Start(copy).reason is None
    bad(tmp_path, MOST_BAD_ENDS - before)
    assert Start(tmp_path).reason is SafeReason.BAD_ENDS
    assert not list(tmp_path.glob("*.unreadable"))


@pytest.mark.parametrize("moment", range(1, 6))
def test_that_a_kill_at_any_moment_of_a_good_end_does_not_hold_the_program_in_safe_mode(
    tmp_path: Path, moment: int
) -> None:
    bad(tmp_path, MOST_BAD_ENDS)
    assert run(tmp_path, moment, "end").returncode == -signal.SIGKILL
    ended = run(tmp_path, then="end")
    assert ended.returncode == 0, ended.stderr
    usual = Start(tmp_path)
    assert usual.reason is None
    usual.went_well()
    assert not (tmp_path / MARK).exists()


def test_that_those_were_all_moments(tmp_path: Path) -> None:
    bad(tmp_path, MOST_BAD_ENDS)
    assert run(tmp_path, then="end").stdout == "5\n"


# What may be in its way -----------------------------------------------------------------------------------------------

RUBBISH = [b"", b"{", b"[]", b"\xff\xfe\x00", b" " * 5000, b'{"format": 1, "in_a_row": "x"}', b'{"format": 9}', b"null"]


@pytest.mark.parametrize("content", RUBBISH, ids=lambda content: repr(content[:30]))
def test_that_a_damaged_count_begins_anew(tmp_path: Path, content: bytes) -> None:
    bad(tmp_path, MOST_BAD_ENDS - 1)
    (tmp_path / COUNT).write_bytes(content)
    assert Start(tmp_path).reason is None
    bad(tmp_path, MOST_BAD_ENDS - 2)
    assert Start(tmp_path).reason is SafeReason.BAD_ENDS


@pytest.mark.parametrize(("number", "more"), [(-5, MOST_BAD_ENDS), (10**30, 1), (MOST_BAD_ENDS, 1)])
def test_that_a_number_that_nobody_wrote_does_no_harm(tmp_path: Path, number: int, more: int) -> None:
    (tmp_path / COUNT).write_text(json.dumps({"format": 1, "in_a_row": number}))
    assert Start(tmp_path).reason is None  # no mark: the start before went well
    bad(tmp_path, more - 1)
    assert Start(tmp_path).reason is SafeReason.BAD_ENDS


def test_that_a_folder_in_the_place_of_the_mark_is_not_the_end(tmp_path: Path) -> None:
    (tmp_path / MARK / "inside").mkdir(parents=True)
    for _ in range(2 * MOST_BAD_ENDS):
        start = Start(tmp_path)
        assert start.reason is None
        start.went_well()


def test_that_a_folder_that_is_gone_counts_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    for _ in range(2 * MOST_BAD_ENDS):
        start = Start(tmp_path / "file")
        assert start.reason is None
    start.went_well()
    assert "This start is not counted" in caplog.text


@pytest.fixture
def read_only_after_bad_ends(small_disk: Path) -> Iterator[Path]:
    """A folder that refuses everything since its starts ended badly."""
    bad(small_disk, MOST_BAD_ENDS)
    assert json.loads((small_disk / COUNT).read_text())["in_a_row"] == MOST_BAD_ENDS - 1
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    yield small_disk
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


def test_that_a_read_only_folder_does_not_hold_the_program_in_safe_mode(read_only_after_bad_ends: Path) -> None:
    for _ in range(2):
        start = Start(read_only_after_bad_ends)
        assert start.reason is None
        start.went_well()
    assert Start(read_only_after_bad_ends, asked=True).reason is SafeReason.ASKED


def test_that_a_full_disk_does_not_hold_the_program_in_safe_mode(small_disk: Path) -> None:
    bad(small_disk, MOST_BAD_ENDS)
    safe = Start(small_disk)
    assert safe.reason is SafeReason.BAD_ENDS
    with pytest.raises(OSError, match="space"):
        (small_disk / "filling").write_bytes(bytes(10_000_000))
    safe.went_well()
    assert Start(small_disk).reason is None


# What is said --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", list(SafeReason))
def test_that_it_is_said_before_all_else_with_the_reason_until_it_is_put_away(reason: SafeReason) -> None:
    facts = BannerFacts(load("no-card-laptop-8gb"), offline=True, safe_reason=reason)
    banner = choose_banner(facts)
    assert banner is not None
    assert banner.kind is BannerKind.SAFE_MODE
    assert ("3 starts" in banner.title) is (reason is SafeReason.BAD_ENDS)
    assert banner.actions == (BannerAction.RESTART_NORMALLY,)
    after = choose_banner(facts, {BannerKind.SAFE_MODE})
    assert after is not None
    assert after.kind is BannerKind.NO_CARD


# Two programs ---------------------------------------------------------------------------------------------------------


def test_that_two_programs_without_a_lock_do_not_talk_each_other_into_safe_mode(tmp_path: Path) -> None:
    for _ in range(2 * MOST_BAD_ENDS):
        first, second = Start(tmp_path), Start(tmp_path)
        assert (first.reason, second.reason) == (None, None)
        first.went_well()
        second.went_well()
        assert not (tmp_path / MARK).exists()


def test_that_two_data_folders_do_not_know_of_each_other(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    bad(one, MOST_BAD_ENDS)
    assert Start(other).reason is None
    assert Start(one).reason is SafeReason.BAD_ENDS


# Starting again -------------------------------------------------------------------------------------------------------

_AGAIN = """
import json, os, sys
from pathlib import Path
from wan_desktop.core.safe_mode import NextStart, Start

print(json.dumps([sys.argv[1:], os.environ.get("https_proxy"), sys.flags.utf8_mode]), flush=True)
first = Path(sys.argv[0]).parent / "first"
if not first.exists():
    first.touch()
    start = Start(first.parent)
    os.environ["https_proxy"] = "http://only.this.one:1"
    start.again(NextStart(sys.argv[1]))
"""


@pytest.mark.parametrize(("how", "arguments"), [(NextStart.SAFE, ["--safe-mode"]), (NextStart.NORMAL, [])])
def test_that_the_program_starts_again_as_it_was_started(tmp_path: Path, how: NextStart, arguments: list[str]) -> None:
    script = tmp_path / "again.py"
    script.write_text(_AGAIN)
    environment = {name: value for name, value in os.environ.items() if name.lower() != "https_proxy"}
    ended = subprocess.run(
        [sys.executable, "-X", "utf8", str(script), how, "a file.mp4"],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )  # its output ends when that of the second one does
    first, second = (json.loads(line) for line in ended.stdout.splitlines())
    assert first == [[how, "a file.mp4"], None, 1]
    assert second == [arguments, None, 1]
