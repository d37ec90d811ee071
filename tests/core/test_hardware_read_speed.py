"""Measuring a drive, on real files. Speeds are not judged; the clock is the test's."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from wan_desktop.core.read_speed import measure_read_speed

MEBI = 1 << 20


def ticking(step_s: float) -> Callable[[], float]:
    """A clock that goes on by one step at each look."""
    ticks = count()
    return lambda: next(ticks) * step_s


def test_that_a_large_file_that_is_there_is_read_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "a" / "model.safetensors"
    file.parent.mkdir()
    file.write_bytes(os.urandom(20 * MEBI))
    # 8, 8 and 4 MiB; looks: at the start, after 8 and 16, and one after the end.
    speed = measure_read_speed(tmp_path, read_bytes=20 * MEBI, limit_s=60, clock=ticking(1.0))
    assert speed == pytest.approx(20 * MEBI / 3)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


def test_that_reading_ends_with_the_time(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(bytes(64 * MEBI))
    speed = measure_read_speed(tmp_path, read_bytes=64 * MEBI, limit_s=1.5, clock=ticking(1.0))
    assert speed == pytest.approx(16 * MEBI / 3)


def test_that_a_file_is_made_and_removed_where_none_is_large(tmp_path: Path) -> None:
    (tmp_path / "small.txt").write_text("small", "utf-8")
    assert measure_read_speed(tmp_path, read_bytes=4 * MEBI)
    assert [path.name for path in tmp_path.iterdir()] == ["small.txt"]


def test_that_nothing_is_written_where_that_is_not_allowed(tmp_path: Path) -> None:
    assert measure_read_speed(tmp_path, read_bytes=4 * MEBI, may_write=False) is None


def test_that_a_full_drive_is_not_filled_further(small_disk: Path) -> None:
    assert measure_read_speed(small_disk) is None
    assert list(small_disk.iterdir()) == []


def test_that_a_folder_that_is_gone_cannot_be_measured(tmp_path: Path) -> None:
    assert measure_read_speed(tmp_path / "absent") is None


def test_that_links_and_other_drives_are_left_alone(tmp_path: Path, small_disk: Path) -> None:
    outside = small_disk / "outside"
    outside.write_bytes(bytes(300_000))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    assert measure_read_speed(folder, read_bytes=100_000, may_write=False) is None
    assert measure_read_speed(tmp_path, read_bytes=100_000, may_write=False) is None
