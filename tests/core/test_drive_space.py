"""What is free on drives, and when it is too little to begin something."""

import sys
from pathlib import Path

import pytest

from tests.conftest import TinyModel
from tests.fakes.render_orders import fill
from wan_desktop.core.catalog import Model, read_catalog
from wan_desktop.core.drive_space import LEAST_FREE_BYTES, check_room_for_video, drive_holding, free_bytes_at, is_short
from wan_desktop.core.engine_client import EngineClient, EngineStopped
from wan_desktop.core.errors import DiskFullError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.hardware import Drive, DriveKind
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.rendering import Renderer

ROOT = Path(__file__).resolve().parents[2]


def drive(path: str, free_bytes: int) -> Drive:
    """A drive of a terabyte."""
    return Drive(path, DriveKind.SSD, "ext4", 1_000_000_000_000, free_bytes)


def test_that_a_folder_that_is_not_there_yet_has_the_space_of_the_one_above(tmp_path: Path) -> None:
    free = free_bytes_at(tmp_path / "not" / "there" / "yet")
    assert free is not None
    assert free > 0


def test_that_the_space_of_a_real_full_disk_is_told(small_disk: Path) -> None:
    fill(small_disk / "filler")
    assert free_bytes_at(small_disk) == 0
    with pytest.raises(DiskFullError, match=r"0\.0 GB are free on the drive of .*; 5 GB must be"):
        check_room_for_video(small_disk / "videos")


@pytest.mark.parametrize("free_bytes", [LEAST_FREE_BYTES, 10**12, None], ids=["just enough", "plenty", "unknown"])
def test_that_a_video_may_be_begun(free_bytes: int | None) -> None:
    check_room_for_video(Path("videos"), lambda _: free_bytes)


def test_that_too_little_space_is_told_with_both_numbers_and_the_way_out() -> None:
    with pytest.raises(DiskFullError, match=r"^4\.9 GB are free on the drive of videos; 5 GB must be") as caught:
        check_room_for_video(Path("videos"), lambda _: 4_900_000_000)
    assert caught.value.number == 4001
    assert "another drive" in caught.value.hint


def test_that_a_render_without_room_never_reaches_the_engine(
    tiny_model: TinyModel, resources: Path, tmp_path: Path
) -> None:
    paths = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path)})
    paths.ensure()
    client = EngineClient((sys.executable, str(ROOT / "tests" / "fakes" / "fake_engine.py"), "ok"))
    asked: list[Path] = []

    def free_bytes(folder: Path) -> int:
        asked.append(folder)
        return LEAST_FREE_BYTES - 1

    renderer = Renderer(client, paths, free_bytes=free_bytes)
    model = Model(read_catalog(resources)["shapes"], inspect_model_folder(tiny_model("t2v")))
    settled = renderer.settle(GenerationDraft(prompt="a red circle", seed=1), model)
    with pytest.raises(DiskFullError):
        renderer.render(settled, model, tmp_path / "videos" / "a.mp4", JobContext("job", lambda *_: None))
    assert asked == [tmp_path / "videos"]
    assert client.state == EngineStopped()


def test_that_the_nearest_drive_counts() -> None:
    drives = (drive("/", 10**12), drive("/data", 1_000), drive("/data/fast", 10**12))
    assert drive_holding(drives, Path("/data/videos")) is drives[1]
    assert drive_holding(drives, Path("/data/fast/videos")) is drives[2]
    assert drive_holding(drives[1:], Path("/home")) is None
    assert is_short(drives, Path("/data/models"))
    assert not is_short(drives, Path("/database"))
    assert not is_short((), Path("/data"))
