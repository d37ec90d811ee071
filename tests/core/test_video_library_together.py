"""Videos that are added, renamed, deleted and put back while the folders are being read."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.video_files import Shelf, open_shelf, write_video
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.video_library import ScanProgress, VideoState

TIMES = 150


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    opened = open_shelf(tmp_path)
    yield opened
    opened.library.close()


def test_that_a_scan_takes_nothing_for_missing_that_came_after_it_had_looked(shelf: Shelf) -> None:
    for number, name in enumerate(("old name", "in the trash")):
        write_video(shelf.videos / f"{name}.mp4", prompt=name, seed=number)
    shelf.scan()
    renamed, deleted = shelf.one("old name"), shelf.one("in the trash")
    shelf.library.delete([deleted.video_id])
    write_video(shelf.videos / "unread.mp4", prompt="unread", seed=2)
    done: list[str] = []

    def act(_job: str, progress: ScanProgress) -> None:
        if progress.total and not done:  # all folders were listed
            done.append("once")
            shelf.library.add_file(write_video(shelf.videos / "added.mp4", prompt="added", seed=3))
            shelf.library.rename(renamed.video_id, "new name")
            shelf.library.put_back([deleted.video_id])

    report = shelf.library.scan([shelf.videos], JobContext("scan", act))
    assert done
    assert report.missing == 0
    assert {entry.prompt: entry.state for entry in shelf.all()} == dict.fromkeys(
        ("old name", "in the trash", "unread", "added"), VideoState.PRESENT
    )
    assert shelf.one("old name").video_id == renamed.video_id


@contextlib.contextmanager
def scans(shelf: Shelf) -> Iterator[None]:
    """Meanwhile the folders are read again and again; what that raises fails the test as all that threads raise."""
    ended = threading.Event()

    def scan_on() -> None:
        while not ended.is_set():
            shelf.scan()

    thread = threading.Thread(target=scan_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_that_deleting_and_putting_back_get_along_with_scans(shelf: Shelf) -> None:
    write_video(shelf.videos / "a.mp4")
    shelf.scan()
    (entry,) = shelf.all()
    shelf.library.set_favourite([entry.video_id], True)
    with scans(shelf):
        for _ in range(TIMES):
            (deleted,) = shelf.library.delete([entry.video_id])
            assert deleted.video_id == entry.video_id
            (back,) = shelf.library.put_back([entry.video_id])
            assert (back.video_id, back.path) == (entry.video_id, entry.path)
            assert (back.state, back.favourite) == (VideoState.PRESENT, True)
    assert [(one.video_id, one.path) for one in shelf.all()] == [(entry.video_id, entry.path)]


def test_that_renaming_gets_along_with_scans(shelf: Shelf) -> None:
    write_video(shelf.videos / "0.mp4")
    shelf.scan()
    (entry,) = shelf.all()
    with scans(shelf):
        for number in range(1, TIMES):
            renamed = shelf.library.rename(entry.video_id, str(number))
            assert (renamed.video_id, renamed.path.name) == (entry.video_id, f"{number}.mp4")
    shelf.scan()
    assert [(one.video_id, one.path.name) for one in shelf.all()] == [(entry.video_id, f"{TIMES - 1}.mp4")]
