"""The player and its reader."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.fakes.fake_engine import write_video
from tests.ui.conftest import WAIT_MS
from wan_desktop.ui.widgets.frame_reader import ClipDecoder, ClipError
from wan_desktop.ui.widgets.video_view import VideoView


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """9 pictures at 8 a second, a square that moves right."""
    file = tmp_path / "clip.mp4"
    write_video(file)
    return file


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[VideoView]:
    made = VideoView()
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.show()
    yield made
    made.close_clip()


def test_that_a_clip_plays_and_loops(qtbot: QtBot, view: VideoView, clip: Path) -> None:
    with qtbot.waitSignal(view.looped, timeout=WAIT_MS):
        view.open(clip)
    assert view.clip.frames == 9
    assert view.clip.fps == 8.0


def test_that_all_pictures_are_shown_in_order(qtbot: QtBot, view: VideoView, clip: Path) -> None:
    shown: list[int] = []
    view.frame_shown.connect(shown.append)
    with qtbot.waitSignal(view.looped, timeout=WAIT_MS):
        view.open(clip)
    assert shown[:9] == list(range(9))


def test_that_space_pauses_and_full_stop_steps(qtbot: QtBot, view: VideoView, clip: Path) -> None:
    view.open(clip)
    qtbot.waitUntil(lambda: view.playing, timeout=WAIT_MS)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert not view.playing
    view.seek(3)
    qtbot.waitUntil(lambda: view.slider.value() == 3, timeout=WAIT_MS)
    qtbot.keyClick(view, Qt.Key.Key_Period)
    qtbot.waitUntil(lambda: view.slider.value() == 4, timeout=WAIT_MS)
    qtbot.keyClick(view, Qt.Key.Key_Comma)
    qtbot.waitUntil(lambda: view.slider.value() == 3, timeout=WAIT_MS)


def test_that_scrubbing_pauses_and_shows_the_picture(qtbot: QtBot, view: VideoView, clip: Path) -> None:
    view.open(clip)
    qtbot.waitUntil(lambda: view.playing, timeout=WAIT_MS)
    view.slider.setValue(8)
    qtbot.waitUntil(lambda: "9 of 9" in view.position.text(), timeout=WAIT_MS)
    assert not view.playing


def test_that_stepping_over_the_end_goes_round(qtbot: QtBot, view: VideoView, clip: Path) -> None:
    view.open(clip)
    qtbot.waitUntil(lambda: view.playing, timeout=WAIT_MS)
    view.set_playing(False)
    view.seek(8)
    view.step(1)
    qtbot.waitUntil(lambda: "1 of 9" in view.position.text(), timeout=WAIT_MS)


def test_that_another_clip_can_be_opened_while_one_plays(
    qtbot: QtBot, view: VideoView, clip: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.mp4"
    write_video(other, frames=5)
    view.open(clip)
    view.open(other)
    qtbot.waitUntil(lambda: view.clip is not None and view.clip.frames == 5, timeout=WAIT_MS)


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "half"])
def test_that_a_file_that_cannot_be_played_is_told(qtbot: QtBot, view: VideoView, clip: Path, damage: str) -> None:
    data = clip.read_bytes()
    contents = {"missing": None, "empty": b"", "text": b"no video at all", "half": data[: len(data) // 2]}
    clip.unlink()
    if contents[damage] is not None:
        clip.write_bytes(contents[damage])
    with qtbot.waitSignal(view.failed, timeout=WAIT_MS) as failed:
        view.open(clip)
    assert failed.args[0]


def test_that_no_damage_ends_the_thread_without_a_word(clip: Path, tmp_path: Path) -> None:
    whole, chance = clip.read_bytes(), random.Random(7)
    broken = tmp_path / "broken.mp4"
    told = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        broken.write_bytes(data[: chance.randrange(len(data))] if chance.random() < 0.3 else data)
        try:
            decoder = ClipDecoder(broken)
            for index in range(min(decoder.clip.frames, 9)):
                decoder.frame(index)
            decoder.close()
        except ClipError as error:  # and nothing else
            told += bool(str(error))
    assert told > 100


def test_that_pictures_of_an_unknown_kind_are_told(clip: Path) -> None:
    clip.write_bytes(clip.read_bytes().replace(b"avc1", b"zzz1"))
    with pytest.raises(ClipError, match="unknown kind"):
        ClipDecoder(clip)


def test_that_a_clip_that_breaks_off_plays_until_there_and_is_told(qtbot: QtBot, view: VideoView, clip: Path) -> None:
    with clip.open("r+b") as file:
        file.truncate(clip.stat().st_size - 250)
    with qtbot.waitSignal(view.failed, timeout=WAIT_MS) as failed:
        view.open(clip)
    assert failed.args[0]
    assert view.clip is None


def test_that_a_file_with_sound_only_is_no_clip(tmp_path: Path) -> None:
    import av  # noqa: PLC0415 - as lazily as the reader

    file = tmp_path / "sound.mp4"
    with av.open(str(file), "w") as container:
        container.add_stream("aac", rate=48000)
    with pytest.raises(ClipError):
        ClipDecoder(file)


def test_that_any_picture_can_be_read_after_any_other(clip: Path) -> None:
    decoder = ClipDecoder(clip)
    first = decoder.frame(0)
    middle = decoder.frame(4)
    assert decoder.frame(0) == first
    assert decoder.frame(4) == middle
    assert first != middle
    decoder.close()
    # The square begins at 4 pixels a picture: red where it is, black where it was.
    assert middle.pixelColor(24, 30).red() > 180
    assert middle.pixelColor(5, 30).red() < 60
