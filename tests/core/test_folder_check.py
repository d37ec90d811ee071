"""Folders that the user chose, on real disks and on drives of paper."""

import os
import stat
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.hardware.profiles import load
from wan_desktop.core import folder_check
from wan_desktop.core.folder_check import can_write, check_models_folder, check_videos_folder
from wan_desktop.core.hardware import Drive, DriveKind
from wan_desktop.core.model_places import PlaceState

FOLDER = Path(Path.cwd().anchor) / "models of a test"
DRIVE = replace(load("rtx-3060-12gb-32gb").drives[0], free_bytes=10**12)


def test_that_writing_is_tried_and_leaves_nothing(tmp_path: Path) -> None:
    assert can_write(tmp_path / "not" / "there" / "yet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="rights do not stop this user")
def test_that_a_folder_without_rights_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert check_models_folder(tmp_path, lambda _: DRIVE).state is PlaceState.REFUSED
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_that_a_place_where_nothing_can_be_made_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    for check in (check_models_folder, check_videos_folder):
        place = check(tmp_path, lambda _: DRIVE)
        assert place.state is PlaceState.REFUSED
        assert place.reasons


@pytest.mark.parametrize(
    ("drive", "models", "videos"),
    [
        (DRIVE, PlaceState.GOOD, PlaceState.GOOD),
        (replace(DRIVE, file_system="FAT32"), PlaceState.REFUSED, PlaceState.GOOD),
        (replace(DRIVE, kind=DriveKind.HDD), PlaceState.WARN, PlaceState.GOOD),
        (replace(DRIVE, kind=DriveKind.USB), PlaceState.WARN, PlaceState.WARN),
        (replace(DRIVE, kind=DriveKind.NETWORK), PlaceState.WARN, PlaceState.WARN),
        (replace(DRIVE, free_bytes=20 * 10**9), PlaceState.WARN, PlaceState.GOOD),
        (replace(DRIVE, free_bytes=10**9), PlaceState.WARN, PlaceState.WARN),
    ],
    ids=["good", "fat32", "hdd", "usb", "network", "little", "full"],
)
def test_that_drives_are_judged_by_what_lies_there(
    monkeypatch: pytest.MonkeyPatch, drive: Drive, models: PlaceState, videos: PlaceState
) -> None:
    monkeypatch.setattr(folder_check, "can_write", lambda _: True)
    assert check_models_folder(FOLDER, lambda _: drive).state is models
    assert check_videos_folder(FOLDER, lambda _: drive).state is videos


def test_that_a_drive_that_cannot_be_asked_is_no_reason_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> Drive:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(folder_check, "can_write", lambda _: True)
    assert check_videos_folder(FOLDER, fail).state is PlaceState.GOOD
    models = check_models_folder(FOLDER, fail)
    assert models.state is PlaceState.UNKNOWN
    assert "nobody knows how much is free" in " ".join(models.reasons)


def test_that_the_real_drive_is_asked(tmp_path: Path) -> None:
    place = check_videos_folder(tmp_path)
    assert place.state is PlaceState.WARN  # a folder for temporary files
    assert place.free_bytes is not None
    assert place.free_bytes > 0
