"""Two to four videos in step."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from tests.core.video_files import cut, write_video
from tests.ui.conftest import WAIT_MS
from tests.ui.library_shelf import COLOURS, all_entries, scan_again
from wan_desktop.core.video_library import VideoEntry
from wan_desktop.ui.library.compare import ComparePage
from wan_desktop.ui.library.synchronizer import Synchronizer
from wan_desktop.ui.session import Session

FPS = 8
LENGTHS = (9, 17, 5)


@pytest.fixture
def entries(qtbot: QtBot, session: Session) -> list[VideoEntry]:
    """Three videos of 9, 17 and 5 pictures at 8 a second: red, green and blue."""
    for number, frames in enumerate(LENGTHS):
        write_video(
            session.paths.videos / f"{number}.mp4",
            colour=COLOURS[number],
            prompt=f"clip {number}",
            seed=number,
            num_frames=frames,
            fps=FPS,
        )
    scan_again(qtbot, session)
    return sorted(all_entries(qtbot, session), key=lambda entry: entry.seed)


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[ComparePage]:
    made = ComparePage()
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    yield made
    made.close_clips()


def begin(qtbot: QtBot, page: ComparePage, entries: list[VideoEntry]) -> Synchronizer:
    """Compare them, paused at the beginning."""
    page.compare(entries)
    qtbot.waitUntil(lambda: page.sync.playing, timeout=WAIT_MS)
    page.sync.set_playing(False)
    with qtbot.waitSignal(page.sync.moved, timeout=WAIT_MS):
        page.sync.seek(0)
    return page.sync


def test_that_all_go_on_together_and_the_short_one_waits_at_its_end(
    qtbot: QtBot, page: ComparePage, entries: list[VideoEntry]
) -> None:
    sync = begin(qtbot, page, entries)
    shown: list[tuple[int, ...]] = []
    sync.moved.connect(lambda _: shown.append(tuple(track.index for track in sync.tracks)))
    sync.set_playing(True)
    qtbot.waitUntil(lambda: len(shown) > 17, timeout=WAIT_MS)
    sync.set_playing(False)
    assert shown[:16] == [(min(i, 8), i, min(i, 4)) for i in range(1, 17)]
    assert shown[16] == (0, 0, 0)


def test_that_keys_move_all_at_once(qtbot: QtBot, page: ComparePage, entries: list[VideoEntry]) -> None:
    sync = begin(qtbot, page, entries[:2])
    steps = [(Qt.Key.Key_Period, 1), (Qt.Key.Key_L, 9), (Qt.Key.Key_J, 1), (Qt.Key.Key_Comma, 0)]
    for key, number in steps:
        with qtbot.waitSignal(sync.moved, timeout=WAIT_MS):
            qtbot.keyClick(page, key)
        assert [track.index for track in sync.tracks] == [min(number, 8), number]
    qtbot.keyClick(page, Qt.Key.Key_Space)
    assert sync.playing
    qtbot.keyClick(page, Qt.Key.Key_K)
    assert not sync.playing
    with qtbot.waitSignal(page.left):
        qtbot.keyClick(page, Qt.Key.Key_Escape)


def test_that_the_slider_goes_to_a_moment_of_the_longest(
    qtbot: QtBot, page: ComparePage, entries: list[VideoEntry]
) -> None:
    sync = begin(qtbot, page, entries)
    with qtbot.waitSignal(sync.moved, timeout=WAIT_MS):
        page.slider.setValue(500)
    assert [track.index for track in sync.tracks] == [8, 8, 4]
    with qtbot.waitSignal(sync.moved, timeout=WAIT_MS):
        page.slider.setValue(1000)
    assert sync.tracks[1].index == 16
    assert page.position.text() == "2.00 / 2.12 s"


def test_that_the_wipe_shows_the_first_left_and_the_second_right_of_the_line(
    qtbot: QtBot, page: ComparePage, entries: list[VideoEntry]
) -> None:
    begin(qtbot, page, entries[:2])
    page.mode.buttons()[1].click()
    wipe = page.wipe
    assert wipe.isVisible()
    assert not page.first.isVisible()
    rect = wipe.picture_rect().toRect()

    def colour(part: float) -> tuple[int, int]:
        found = wipe.grab().toImage().pixelColor(rect.left() + round(rect.width() * part), rect.center().y() + 40)
        return found.red(), found.green()

    wipe.set_part(0.25)
    assert colour(0.1)[0] > 150 > colour(0.1)[1]
    assert colour(0.4)[1] > 100 > colour(0.4)[0]
    point = QPoint(rect.left() + round(rect.width() * 0.45), rect.center().y())
    qtbot.mouseClick(wipe, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point)
    assert colour(0.4)[0] > 150
    qtbot.keyClick(wipe, Qt.Key.Key_Left)
    assert wipe.part == pytest.approx(0.4, abs=0.01)
    assert "40 percent" in wipe.accessibleDescription()


def test_that_any_two_of_three_can_be_wiped(qtbot: QtBot, page: ComparePage, entries: list[VideoEntry]) -> None:
    begin(qtbot, page, entries)
    page.mode.buttons()[1].click()
    assert page.second.isVisible()
    page.second.setCurrentIndex(2)
    assert "C: clip 2 on the right" in page.wipe.accessibleName()
    image = page.wipe.grab().toImage()
    rect = page.wipe.picture_rect().toRect()
    page.wipe.set_part(0.0)
    image = page.wipe.grab().toImage()
    assert image.pixelColor(rect.left() + rect.width() // 4, rect.center().y() + 40).blue() > 150


def test_that_one_that_cannot_be_played_does_not_stop_the_others(
    qtbot: QtBot, page: ComparePage, entries: list[VideoEntry]
) -> None:
    cut(entries[1].path, 0.3)
    page.compare(entries)
    qtbot.waitUntil(lambda: page.note.isVisible(), timeout=WAIT_MS)
    assert page.note.text().startswith("B cannot be played.")
    qtbot.waitUntil(lambda: page.sync.duration_s > 0, timeout=WAIT_MS)  # the other is known, too
    with qtbot.waitSignal(page.sync.moved, timeout=WAIT_MS):
        page.sync.seek(0.5)
    assert page.sync.tracks[0].index == 4


def test_that_nothing_moves_while_it_is_not_seen(qtbot: QtBot, page: ComparePage, entries: list[VideoEntry]) -> None:
    page.compare(entries)
    qtbot.waitUntil(lambda: page.sync.playing, timeout=WAIT_MS)
    page.hide()
    assert not page.sync.playing
    page.show()
    assert page.sync.playing
