"""How much room models take by drive, on real drives."""

import os
from pathlib import Path

import pytest

from wan_desktop.core.model_storage import storage_by_drive

OTHER_DRIVE = Path("/dev/shm")
"""A file system of its own on Linux."""


def folder_with(root: Path, **sizes: int) -> Path:
    """A folder of models with one file for each size."""
    root.mkdir(parents=True)
    for name, size in sizes.items():
        (root / name).write_bytes(b"x" * size)
    return root


def test_that_folders_on_one_drive_are_told_together(tmp_path: Path) -> None:
    one, two = folder_with(tmp_path / "one", a=1000, b=500), folder_with(tmp_path / "deep" / "two", c=30)
    drives = storage_by_drive((one, two), {one: 2, two: 1})
    assert len(drives) == 1
    (drive,) = drives
    assert [folder.root for folder in drive.folders] == [one, two]
    assert [folder.used_bytes for folder in drive.folders] == [1500, 30]
    assert drive.models == 3
    assert drive.used_bytes == 1530
    assert drive.is_here
    assert drive.free_bytes is not None
    assert drive.free_bytes > 0


def test_that_what_two_folders_share_is_counted_once_on_their_drive(tmp_path: Path) -> None:
    one, two = folder_with(tmp_path / "one", a=1000), folder_with(tmp_path / "two", c=30)
    os.link(one / "a", two / "a")
    (drive,) = storage_by_drive((one, two), {one: 1, two: 2})
    assert [folder.used_bytes for folder in drive.folders] == [1000, 1030]
    assert drive.used_bytes == 1030


def test_that_a_drive_is_named_by_where_it_begins(tmp_path: Path) -> None:
    (drive,) = storage_by_drive((folder_with(tmp_path / "one"),), {})
    begin = Path(drive.name)
    assert tmp_path.is_relative_to(begin)
    assert begin.is_mount() or os.name == "nt"


def test_that_a_folder_in_another_spelling_is_told_once(tmp_path: Path) -> None:
    one = folder_with(tmp_path / "one", a=10)
    (drive,) = storage_by_drive((one, one), {one: 1})
    assert len(drive.folders) == 1


@pytest.mark.skipif(not OTHER_DRIVE.is_dir(), reason="no second file system is known here")
def test_that_each_drive_stands_alone(tmp_path: Path) -> None:
    if OTHER_DRIVE.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("the folder for temporary files lies on it too")
    one, three = folder_with(tmp_path / "one", a=10), folder_with(tmp_path / "three", c=5)
    drives = storage_by_drive((one, OTHER_DRIVE / "models of a test", three), {one: 1, three: 1})
    assert [len(drive.folders) for drive in drives] == [2, 1]
    assert drives[0].models == 2
    assert drives[1].name == str(OTHER_DRIVE)
    assert drives[1].models == 0


def test_that_a_folder_on_a_drive_that_is_away_says_so_and_nothing_else(tmp_path: Path) -> None:
    one, away = folder_with(tmp_path / "one", a=10), tmp_path / "no such drive" / "models"
    drives = storage_by_drive((one, away), {one: 1})
    assert [(drive.name == str(away), drive.is_here) for drive in drives] == [(False, True), (True, False)]
    assert drives[1].free_bytes is None
    assert drives[1].folders[0].root == away


def test_that_the_usual_folder_is_never_called_away(tmp_path: Path) -> None:
    usual = tmp_path / "not made yet" / "models"
    (drive,) = storage_by_drive((usual,), {}, usual=usual)
    assert drive.is_here
    assert drive.used_bytes == 0
    assert drive.free_bytes is not None
