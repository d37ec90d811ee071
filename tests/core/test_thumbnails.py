"""The first frame of a video, small."""

import os
import shutil
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.core.video_files import RED, cut, write_foreign, write_video
from wan_desktop.core.thumbnails import WIDTH_PX, Thumbnails


@pytest.fixture
def thumbnails(tmp_path: Path) -> Thumbnails:
    return Thumbnails(tmp_path / "thumbnails")


@pytest.mark.parametrize(("width", "height", "small"), [(64, 32, (320, 160)), (32, 64, (320, 640))])
def test_that_the_first_frame_is_made_small_in_its_own_colours(
    tmp_path: Path, thumbnails: Thumbnails, width: int, height: int, small: tuple[int, int]
) -> None:
    made = thumbnails.get(write_video(tmp_path / "ä 🦊.mp4", width=width, height=height))
    assert made.path is not None
    assert made.reason == ""
    with Image.open(made.path) as picture:
        assert (picture.format, picture.size) == ("JPEG", small)
        left = np.asarray(picture.convert("RGB"))[:, : WIDTH_PX // 3].mean((0, 1))
    assert np.abs(left - RED).max() < 12


def test_that_a_picture_is_made_once_until_the_video_changes(tmp_path: Path, thumbnails: Thumbnails) -> None:
    path = write_video(tmp_path / "a.mp4")
    first = thumbnails.get(path).path
    assert first is not None
    os.utime(first, ns=(7, 7))
    assert thumbnails.get(path).path == first
    assert first.stat().st_mtime_ns == 7
    assert thumbnails.made(path, path.stat().st_mtime_ns) == first
    os.utime(path, ns=(1, 1))
    assert thumbnails.made(path, 1) is None
    assert thumbnails.get(path).path != first


def test_that_a_video_without_a_picture_says_why(tmp_path: Path, thumbnails: Thumbnails) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    headless = cut(write_video(tmp_path / "headless.mp4"), 0.2)
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    reasons = [thumbnails.get(path) for path in (text, headless, sound, tmp_path / "none.mp4")]
    assert [made.path for made in reasons] == [None] * 4
    assert all(made.reason for made in reasons)
    assert "holds no pictures" in reasons[2].reason
    assert thumbnails.size_bytes() == 0


def test_that_a_spoiled_picture_inside_a_video_raises_nothing(tmp_path: Path, thumbnails: Thumbnails) -> None:
    path = write_foreign(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 400] = b"\xff" * min(400, len(data) - start)
    path.write_bytes(data)
    made = thumbnails.get(path)
    assert (made.path is None) == bool(made.reason)


def test_that_a_folder_that_cannot_be_made_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = Thumbnails(tmp_path / "file").get(write_video(tmp_path / "a.mp4"))
    assert made.path is None
    assert "cannot be saved" in made.reason


def test_that_pictures_are_counted_forgotten_and_pruned(tmp_path: Path, thumbnails: Thumbnails) -> None:
    paths = [write_video(tmp_path / f"{number}.mp4", seed=number) for number in range(3)]
    made = [thumbnails.get(path).path for path in paths]
    for number, path in enumerate(made):
        assert path is not None
        os.utime(path, ns=(number, number))
    sizes = [path.stat().st_size for path in made if path is not None]
    assert thumbnails.size_bytes() == sum(sizes)
    assert thumbnails.prune(sum(sizes)) == 0
    assert thumbnails.prune(sum(sizes) - 1) == sizes[0]
    assert [path is not None and path.is_file() for path in made] == [False, True, True]
    thumbnails.forget(paths[1], paths[1].stat().st_mtime_ns)
    assert thumbnails.size_bytes() == sizes[2]


def test_that_many_threads_get_the_same_picture(tmp_path: Path, thumbnails: Thumbnails) -> None:
    path = write_video(tmp_path / "a.mp4")
    shutil.copy(path, tmp_path / "b.mp4")
    found: list[Path | None] = []
    threads = [threading.Thread(target=lambda: found.append(thumbnails.get(path).path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
