"""Frames to mp4 and the recipe back."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests.fakes.requests import make_request
from wan_desktop.core.errors import DiskFullError, VideoNotSavedError, VideoUnreadableError
from wan_desktop.core.generation import Attempt
from wan_desktop.core.recipe import FORMAT, Recipe, read_recipe
from wan_desktop.core.settings import VideoQuality
from wan_desktop.core.video_library.reading import read_video
from wan_desktop.engine.video import VideoWriter, save_poster

RECIPE = Recipe(
    created="2026-11-24T03:00:00+00:00",
    request=make_request(),
    revision="sha256:00",
    versions={"torch": "2.13.0"},
    attempts=(Attempt("primary", "done", 1.0),),
    timings_s={"create_frames": 1.25},
)


def pictures(colour: tuple[int, int, int], frames: int = 9, side: int = 64) -> np.ndarray:
    return np.full((frames, side, side, 3), colour, np.uint8)


def write(path: Path, frames: np.ndarray, *, png_frames: bool = False, recipe: str | None = None) -> Path:
    with VideoWriter(path, width=frames.shape[2], height=frames.shape[1], fps=8, png_frames=png_frames) as writer:
        writer.write(frames[:1])
        writer.write(frames[1:])
        writer.finish(RECIPE.to_json() if recipe is None else recipe)
    return path


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_that_the_file_is_what_players_want(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", pictures((10, 20, 30)))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.frames, stream.average_rate, stream.codec_context.colorspace) == (9, 8, 1)
        assert float(stream.duration * stream.time_base) == pytest.approx(9 / 8)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # faststart


def test_that_the_recipe_can_lie_beside_the_video_instead(tmp_path: Path) -> None:
    path = tmp_path / "private.mp4"
    with VideoWriter(path, width=64, height=64, fps=8, recipe_inside=False) as writer:
        writer.write(pictures((10, 20, 30)))
        writer.finish(RECIPE.to_json())
    assert RECIPE.request.prompt.encode() not in path.read_bytes()
    with av.open(str(path)) as container:
        assert not {"comment", "wan_desktop_recipe"} & set(container.metadata)
    assert path.with_suffix(".json").read_text("utf-8") == RECIPE.to_json()
    found = read_video(path)
    assert found is not None
    assert (found.prompt, found.seed) == (RECIPE.request.prompt, RECIPE.request.seed)


@pytest.mark.parametrize(
    "colour", [(230, 45, 40), (50, 205, 85), (55, 115, 250), (245, 215, 50), (78, 78, 78), (255, 255, 255)]
)
def test_that_colours_survive(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    frames = decode(write(tmp_path / "a.mp4", pictures(colour)))
    assert frames.shape == (9, 64, 64, 3)
    assert np.abs(frames.astype(int) - colour).max() <= 4


def test_that_frames_keep_their_order_and_content(tmp_path: Path) -> None:
    ramp = np.stack([np.full((64, 64, 3), 20 * n, np.uint8) for n in range(12)])
    frames = decode(write(tmp_path / "a.mp4", ramp))
    assert np.abs(frames.mean(axis=(1, 2, 3)) - 20 * np.arange(12)).max() < 2


def test_that_the_recipe_comes_back(tmp_path: Path) -> None:
    assert read_recipe(write(tmp_path / "a.mp4", pictures((1, 2, 3)))) == RECIPE


def test_that_nothing_is_left_beside_the_video(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", pictures((1, 2, 3)))
    assert [f.name for f in tmp_path.iterdir()] == ["a.mp4"]


def test_that_names_in_any_script_work(tmp_path: Path) -> None:
    path = tmp_path / "Füchse im Schnee 狐 🦊" / "a b.mp4"
    assert read_recipe(write(path, pictures((1, 2, 3)))) == RECIPE


def test_that_standard_quality_makes_the_smaller_file(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (9, 64, 64, 3), np.uint8)
    sizes = {}
    for quality in VideoQuality:
        path = tmp_path / f"{quality}.mp4"
        with VideoWriter(path, width=64, height=64, fps=8, quality=quality) as writer:
            writer.write(frames)
            writer.finish("{}")
        sizes[quality] = path.stat().st_size
    assert sizes[VideoQuality.STANDARD] < sizes[VideoQuality.HIGH]


def test_that_png_frames_are_exact(tmp_path: Path) -> None:
    from PIL import Image  # noqa: PLC0415

    frames = np.random.default_rng(0).integers(0, 255, (9, 64, 64, 3), np.uint8)
    write(tmp_path / "a.mp4", frames, png_frames=True)
    files = sorted((tmp_path / "a frames").iterdir())
    assert [f.name for f in files] == [f"{n:05d}.png" for n in range(1, 10)]
    assert all(np.array_equal(np.asarray(Image.open(f)), frame) for f, frame in zip(files, frames, strict=True))


def test_that_a_poster_lies_beside_the_video(tmp_path: Path) -> None:
    assert save_poster(tmp_path / "a.mp4", pictures((9, 9, 9))[0]) == tmp_path / "a.png"
    assert [f.name for f in tmp_path.iterdir()] == ["a.png"]


def test_that_an_existing_video_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", pictures((200, 0, 0)))
    before = path.read_bytes()
    with VideoWriter(path, width=64, height=64, fps=8) as writer:
        writer.write(pictures((0, 200, 0)))
    assert path.read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["a.mp4"]


def test_that_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(VideoNotSavedError, match="could not be written") as caught:
        write(tmp_path / "file" / "a.mp4", pictures((1, 2, 3)))
    assert "Choose another folder" in caught.value.hint


def test_that_a_vanished_folder_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "usb"
    with VideoWriter(folder / "a.mp4", width=64, height=64, fps=8) as writer:
        writer.write(pictures((1, 2, 3)))
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        with pytest.raises(VideoNotSavedError):
            writer.finish(RECIPE.to_json())


def test_that_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, small_disk: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 256, 256, 3), np.uint8)
    with pytest.raises(DiskFullError, match="no space") as caught:
        write(small_disk / "a.mp4", noise)
    assert "the work is kept" in caught.value.hint
    assert list(small_disk.iterdir()) == []


def grain(frames: int, side: int = 64) -> np.ndarray:
    """The same fine noise over and over: large as pictures, small as a video."""
    picture = np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)
    return np.repeat(picture[None], frames, axis=0)


def test_that_a_disk_that_is_too_small_for_the_frames_still_takes_the_video(small_disk: Path) -> None:
    path = small_disk / "a.mp4"
    with VideoWriter(path, width=64, height=64, fps=8, png_frames=True) as writer:
        writer.write(grain(60))
        assert writer.finish(RECIPE.to_json()) is None
    assert writer.frames_problem == (
        f"The single frames could not be written: there is no space left in {small_disk}. The video is whole."
    )
    assert [file.name for file in small_disk.iterdir()] == ["a.mp4"]
    assert len(decode(path)) == 60
    assert read_recipe(path) == RECIPE


def test_that_the_frames_leave_room_for_the_video(small_disk: Path) -> None:
    # Just so many pictures that they would all go on, and the video would not.
    path = small_disk / "a.mp4"
    pictures_bytes = 0
    with VideoWriter(path, width=64, height=64, fps=8, png_frames=True) as writer:
        for picture in grain(200):
            writer.write(picture[None])
            left_bytes = shutil.disk_usage(small_disk).free
            pictures_bytes = max(pictures_bytes, 512 * 1024 - left_bytes)
            assert left_bytes >= 4 * picture.nbytes
        writer.finish(RECIPE.to_json())
    assert pictures_bytes > 200_000  # it did write some
    assert len(decode(path)) == 200


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_that_a_frame_that_cannot_be_written_does_not_cost_the_video(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415 - not on Windows

    path = tmp_path / "a.mp4"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with VideoWriter(path, width=128, height=128, fps=8, png_frames=True) as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            writer.write(grain(3, side=128))  # each is larger
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert writer.finish(RECIPE.to_json()) is None
    assert "File too large" in writer.frames_problem
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
    assert len(decode(path)) == 3


def test_that_frames_whose_place_is_taken_do_not_cost_the_video(tmp_path: Path) -> None:
    (tmp_path / "a frames").mkdir()
    (tmp_path / "a frames" / "notes.txt").write_text("mine", encoding="utf-8")
    path = tmp_path / "a.mp4"
    with VideoWriter(path, width=64, height=64, fps=8, png_frames=True) as writer:
        writer.write(grain(3))
        assert writer.finish(RECIPE.to_json()) is None
    assert writer.frames_problem
    assert (tmp_path / "a frames" / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a frames", "a.mp4"]


def garbage(path: Path) -> None:
    path.write_bytes(b"not a video" * 100)


def no_recipe(path: Path) -> None:
    write(path, pictures((1, 2, 3)), recipe="")


def broken_recipe(path: Path) -> None:
    write(path, pictures((1, 2, 3)), recipe='{"format": 1}')


def newer_recipe(path: Path) -> None:
    write(path, pictures((1, 2, 3)), recipe=json.dumps({**json.loads(RECIPE.to_json()), "format": FORMAT + 1}))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "cannot be read as a video"),
        (garbage, "cannot be read as a video"),
        (no_recipe, "holds no settings"),
        (broken_recipe, "settings inside"),
        (newer_recipe, "newer version"),
    ],
    ids=["missing", "garbage", "none", "broken", "newer"],
)
def test_that_a_recipe_that_cannot_be_read_is_said(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    make(tmp_path / "a.mp4")
    with pytest.raises(VideoUnreadableError, match=words):
        read_recipe(tmp_path / "a.mp4")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_that_a_folder_without_permission_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(VideoNotSavedError):
        write(tmp_path / "a.mp4", pictures((1, 2, 3)))
