"""What lies in the Library's folders and beside its videos: gone, back, not playable, with frames."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from tests.core.video_files import cut, write_foreign, write_video
from tests.ui.conftest import WAIT_MS
from tests.ui.library_shelf import all_entries, fill, scan_again, scanned
from wan_desktop.core.video_library import VideoState
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.library.vanished import AGAIN, SETTINGS
from wan_desktop.ui.page import PageId
from wan_desktop.ui.session import Session

OpenLibrary = Callable[[], LibraryPage]


pytestmark = pytest.mark.usefixtures("theme")


def choose(qtbot: QtBot, page: LibraryPage, row: int = 0) -> None:
    qtbot.waitUntil(lambda: page.grid.videos.entry(row) is not None, timeout=WAIT_MS)
    page.grid.pick([page.grid.videos.entry(row).video_id])


# The folder is gone --------------------------------------------------------------------------------------------------


def test_that_a_folder_that_vanished_is_told_and_everything_is_back_with_it(
    qtbot: QtBot, session: Session, open_library: OpenLibrary
) -> None:
    fill(session.paths.videos, 3)
    page = open_library()
    before = {entry.video_id: entry.seed for entry in all_entries(qtbot, session)}
    session.library.set_favourite(list(before)[:1], True)
    session.library.set_tags(list(before), ["kept"])
    elsewhere = session.paths.videos.with_name("unplugged")
    session.paths.videos.rename(elsewhere)
    page.refresh()
    qtbot.waitUntil(lambda: page.vanished.isVisible(), timeout=WAIT_MS)
    notice = page.vanished.notice
    assert notice.title.text() == "The folder of your videos is not there"
    assert str(session.paths.videos) in notice.accessibleName()
    entries = all_entries(qtbot, session)
    assert {entry.video_id: entry.seed for entry in entries} == before
    assert {entry.state for entry in entries} == {VideoState.MISSING}
    assert {entry.tags for entry in entries} == {("kept",)}
    choose(qtbot, page)
    qtbot.waitUntil(lambda: page.details.one.use.isVisible(), timeout=WAIT_MS)
    with qtbot.waitSignal(page.page_requested) as asked:
        notice.action_requested.emit(SETTINGS)
    assert asked.args == [PageId.SETTINGS, "videos_folder"]
    elsewhere.rename(session.paths.videos)
    qtbot.waitUntil(lambda: not page.vanished.isVisible(), timeout=WAIT_MS)  # without anybody asking
    entries = all_entries(qtbot, session)
    assert {entry.state for entry in entries} == {VideoState.PRESENT}
    assert {entry.video_id for entry in entries if entry.favourite} == set(list(before)[:1])
    assert {entry.tags for entry in entries} == {("kept",)}


def test_that_it_can_be_looked_for_at_once_and_is_told_at_the_next_start_too(
    qtbot: QtBot, session: Session, open_library: OpenLibrary
) -> None:
    fill(session.paths.videos, 1)
    scan_again(qtbot, session)
    session.paths.videos.rename(session.paths.videos.with_name("unplugged"))
    page = open_library()
    assert page.vanished.isVisible()
    session.paths.videos.with_name("unplugged").rename(session.paths.videos)
    with qtbot.waitSignal(session.library.scanned, timeout=WAIT_MS):
        page.vanished.action_requested.emit(AGAIN)
    qtbot.waitUntil(lambda: not page.vanished.isVisible(), timeout=WAIT_MS)


def test_that_a_folder_that_was_never_made_is_nothing_to_tell(qtbot: QtBot, session: Session) -> None:
    scanned(qtbot, session)
    assert not session.paths.videos.exists()
    assert session.library.report.vanished == ()


# Files that cannot be played -----------------------------------------------------------------------------------------


def test_that_an_av1_file_plays(qtbot: QtBot, session: Session, open_library: OpenLibrary) -> None:
    write_foreign(session.paths.videos / "sea.mp4", codec="libsvtav1", frames=9)
    page = open_library()
    choose(qtbot, page)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)
    assert page.details.one.player.clip.frames == 9
    assert page.details.one.card is None
    picture = page.grid.videos.picture
    qtbot.waitUntil(lambda: picture(page.grid.videos.entry(0)) is not None, timeout=WAIT_MS)
    assert not picture(page.grid.videos.entry(0)).image.isNull()


def unknown_codec(path: Path) -> Path:
    """A file whose pictures are of a kind that nobody knows, as AV1 was once."""
    data = write_foreign(path, frames=9).read_bytes()
    assert data.count(b"avc1") >= 1
    path.write_bytes(data.replace(b"avc1", b"qqq9"))
    return path


@pytest.mark.parametrize("kind", ["unknown", "cut", "empty", "no video"])
def test_that_a_file_that_cannot_be_played_is_a_card_that_says_why(
    qtbot: QtBot, session: Session, open_library: OpenLibrary, kind: str
) -> None:
    video = session.paths.videos / "sea.mp4"
    match kind:
        case "unknown":
            unknown_codec(video)
        case "no video":
            video.parent.mkdir(parents=True)
            video.write_bytes(b"no video at all" * 100)
        case _:
            cut(write_foreign(video, frames=20), 0.6 if kind == "cut" else 0.0)
    page = open_library()
    choose(qtbot, page)
    qtbot.waitUntil(lambda: page.details.one.card is not None, timeout=WAIT_MS)
    card = page.details.one.card
    assert card.text.number == "WAN-4003"
    assert card.text.message
    assert card.text.hint == "Open it with another program, or delete it."
    assert "Errno" not in card.text.message
    assert not page.details.one.use_buttons.isVisible()
    assert page.grid.videos.entry(0).title == "sea"
    assert page.grid.videos.entry(0).state is VideoState.DAMAGED
    page.details.one.buttons["delete"].click()
    qtbot.waitUntil(lambda: not video.exists(), timeout=WAIT_MS)


# Frames --------------------------------------------------------------------------------------------------------------


def with_frames(session: Session, *more: str) -> tuple[Path, Path]:
    """A video with its frames as PNG pictures, and what else lies among them."""
    video = write_video(session.paths.videos / "fox.mp4")
    frames = video.with_name("fox frames")
    frames.mkdir()
    for number in range(1, 6):
        Image.new("RGB", (64, 32)).save(frames / f"{number:05}.png")
    for name in more:
        (frames / name).write_bytes(b"\0")
    return video, frames


def test_that_the_frames_of_a_video_are_opened_from_its_details(
    qtbot: QtBot, session: Session, open_library: OpenLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    # What the system does with it is not ours.
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(Path(url.toLocalFile()))) or True)
    _, frames = with_frames(session)
    write_video(session.paths.videos / "without.mp4", prompt="without", created="2026-11-23T03:00:00+00:00")
    page = open_library()
    button = page.details.one.buttons["frames"]
    choose(qtbot, page, 0)
    qtbot.waitUntil(button.isVisible, timeout=WAIT_MS)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert opened == [frames]
    choose(qtbot, page, 1)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)
    assert not button.isVisible()


@pytest.mark.parametrize("more", [(), ("Thumbs.db",), ("desktop.ini", ".DS_Store")])
def test_that_the_frames_are_deleted_and_put_back_with_their_video(
    qtbot: QtBot, session: Session, open_library: OpenLibrary, more: tuple[str, ...]
) -> None:
    video, frames = with_frames(session, *more)
    names = sorted(path.name for path in frames.iterdir())
    page = open_library()
    choose(qtbot, page)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)
    page.details.one.buttons["delete"].click()
    qtbot.waitUntil(lambda: not frames.exists(), timeout=WAIT_MS)
    assert not video.exists()
    qtbot.waitUntil(lambda: bool(session.messages.messages), timeout=WAIT_MS)
    session.messages.act(session.messages.messages[0])
    qtbot.waitUntil(frames.is_dir, timeout=WAIT_MS)
    qtbot.waitUntil(video.is_file, timeout=WAIT_MS)
    assert sorted(path.name for path in frames.iterdir()) == names


def test_that_a_folder_with_anything_else_in_it_stays(
    qtbot: QtBot, session: Session, open_library: OpenLibrary
) -> None:
    video, frames = with_frames(session, "my notes.txt")
    page = open_library()
    choose(qtbot, page)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)
    assert not page.details.one.buttons["frames"].isVisible()
    page.details.one.buttons["delete"].click()
    qtbot.waitUntil(lambda: not video.exists(), timeout=WAIT_MS)
    assert (frames / "my notes.txt").is_file()


def test_that_the_frames_of_a_video_deleted_by_its_file_go_with_it(qtbot: QtBot, session: Session) -> None:
    video, frames = with_frames(session)
    done: list[object] = []
    session.library.delete_file(video, done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=WAIT_MS)
    assert not frames.exists()
