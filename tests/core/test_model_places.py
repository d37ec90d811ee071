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


UNREADABLE = replace(NVME, path="/away", total_bytes=0, free_bytes=0)


@pytest.mark.parametrize("drive", [None, UNREADABLE], ids=["no drive", "drive without a size"])
def test_that_a_place_of_which_nothing_is_known_says_so(drive: Drive | None) -> None:
    place = judge(Path("/away/models"), drive, program=PROGRAM)
    assert place.state is PlaceState.UNKNOWN
    assert place.free_bytes is None
    assert "nobody knows how much is free" in " ".join(place.reasons)
    assert "0 GB" not in " ".join(place.reasons)


def test_that_a_full_drive_is_not_called_unknown() -> None:
    place = judge(Path("/data/models"), replace(NVME, free_bytes=0), program=PROGRAM)
    assert place.state is PlaceState.WARN
    assert place.free_bytes == 0


@pytest.mark.parametrize("kind", [DriveKind.NVME, DriveKind.HDD], ids=["good", "possible"])
def test_that_what_is_unknown_is_never_before_what_is_known(kind: DriveKind) -> None:
    known = replace(NVME, kind=kind)
    profile = replace(load("rtx-4090-24gb-64gb"), drives=(UNREADABLE, known))
    places = places_of(profile, Path("/nowhere/models"), program=PROGRAM)
    assert places[0].drive == known
    assert {place.state for place in places[1:]} == {PlaceState.UNKNOWN}
    assert best_place(places) == places[0]


def test_that_a_place_of_which_nothing_is_known_can_be_chosen_where_there_is_no_other() -> None:
    profile = replace(load("rtx-4090-24gb-64gb"), drives=())
    best = best_place(places_of(profile, Path("/nowhere/models"), program=PROGRAM))
    assert best is not None
    assert best.folder == Path("/nowhere/models")


def test_that_a_drive_on_which_nothing_can_be_written_is_not_offered() -> None:
    other = replace(NVME, path="/other")
    profile = replace(load("rtx-4090-24gb-64gb"), drives=(NVME, other))
    places = places_of(
        profile, Path("/other/models"), program=PROGRAM, can_write=lambda folder: folder.is_relative_to("/other")
    )
    assert [(place.drive, place.state) for place in places] == [
        (other, PlaceState.GOOD),
        (NVME, PlaceState.REFUSED),
    ]
