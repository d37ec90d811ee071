"""Where models could go, on PCs on paper."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.hardware import PROFILES, load
from wan_desktop.core.hardware import Drive, DriveKind
from wan_desktop.core.model_places import LONGEST_PATH, PlaceState, best_place, drive_of, judge, places_of

PROGRAM = Path("/opt/wan-desktop")
NVME = Drive("/data", DriveKind.NVME, "ext4", 2_000_000_000_000, 500_000_000_000, 3e9)


@pytest.mark.parametrize("name", PROFILES)
def test_that_every_pc_gets_each_drive_judged_and_the_best_first(name: str) -> None:
    profile = load(name)
    places = places_of(profile, Path("/home/user/models"), program=PROGRAM)
    assert len(places) >= len(profile.drives)
    states = [list(PlaceState).index(place.state) for place in places]
    assert states == sorted(states)
    best = best_place(places)
    assert best is None or best.state is not PlaceState.REFUSED


def test_that_a_fast_drive_with_room_is_best() -> None:
    profile = replace(
        load("rtx-4090-24gb-64gb"),
        drives=(
            replace(NVME, path="/", free_bytes=100_000_000_000),
            replace(NVME, path="/slow", kind=DriveKind.HDD, free_bytes=4_000_000_000_000),
            NVME,
            replace(NVME, path="/full", free_bytes=20_000_000_000),
        ),
    )
    best = best_place(places_of(profile, Path("/home/user/models"), program=PROGRAM))
    assert best is not None
    assert best.drive == NVME


@pytest.mark.parametrize(
    ("folder", "drive", "word"),
    [
        (Path("/data/models"), replace(NVME, file_system="FAT32"), "4 GB"),
        (PROGRAM / "models", NVME, "update"),
        (Path(tempfile.gettempdir()) / "models", NVME, "temporary"),
    ],
    ids=["fat32", "inside the program", "temporary"],
)
def test_that_a_place_where_models_cannot_stay_is_refused(folder: Path, drive: Drive, word: str) -> None:
    place = judge(folder, drive, program=PROGRAM)
    assert place.state is PlaceState.REFUSED
    assert word in " ".join(place.reasons)


def test_that_a_place_that_cannot_be_written_to_is_refused() -> None:
    assert judge(Path("/data/models"), NVME, program=PROGRAM, can_write=False).state is PlaceState.REFUSED


@pytest.mark.parametrize(
    ("folder", "drive", "word"),
    [
        (Path("/home/me/OneDrive - Firm/models"), NVME, "synchronising"),
        (Path("/data/models"), replace(NVME, kind=DriveKind.HDD), "minutes"),
        (Path("/data/models"), replace(NVME, kind=DriveKind.USB), "plugged"),
        (Path("/data/models"), replace(NVME, kind=DriveKind.NETWORK), "network"),
        (Path("/data/models"), replace(NVME, free_bytes=30_000_000_000), "30 GB"),
        (Path("/data") / ("m" * LONGEST_PATH), NVME, "letters"),
    ],
    ids=["synchronised", "hard disk", "usb", "network", "little room", "long path"],
)
def test_that_a_bad_place_is_warned_of(folder: Path, drive: Drive, word: str) -> None:
    place = judge(folder, drive, program=PROGRAM)
    assert place.state is PlaceState.WARN
    assert word in " ".join(place.reasons)


def test_that_a_folder_is_on_the_drive_nearest_above_it() -> None:
    root, data = replace(NVME, path="/"), NVME
    assert drive_of(Path("/data/models"), [root, data]) == data
    assert drive_of(Path("/home"), [root, data]) == root
    assert drive_of(Path("/home"), [data]) is None
