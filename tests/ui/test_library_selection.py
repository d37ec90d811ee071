"""What is selected in the Library is what is seen, and a video that is asked for is found wherever it is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.core.video_files import RECIPE, recipe, write_foreign, write_video
from tests.ui.conftest import WAIT_MS
from tests.ui.library_shelf import fill, scan_again, scanned
from wan_desktop.core.generation import GenerationResult, Settled
from wan_desktop.core.video_library import Sort, index
from wan_desktop.core.video_library.database import Database
from wan_desktop.core.video_library.reading import read_video
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.live.render_outcome import RenderDone
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId, VideoTarget
from wan_desktop.ui.session import Session

MANY = 1000
OpenPage = Callable[..., CreatePage]


pytestmark = pytest.mark.usefixtures("theme")


@pytest.fixture
def many(qtbot: QtBot, session: Session) -> Path:
    """The index knows a thousand videos, `fox 0` the oldest; returns the file of that one."""
    scanned(qtbot, session)
    facts = read_video(write_video(session.paths.data / "one.mp4"))
    assert facts is not None
    database = Database(session.paths.video_library_file)
    with database.writing() as connection:
        for number in range(MANY):
            text = recipe(prompt=f"fox {number:04}", seed=number).to_json()
            path, created = session.paths.videos / f"{number:04}.mp4", f"2026-11-24T03:00:00.{number:06}+00:00"
            one = replace(
                facts,
                path=path,
                recipe_id=f"{number:032}",
                recipe_json=text,
                seed=number,
                created=created,
                prompt=f"fox {number:04}",
            )
            index.put(connection, one, None)
    database.close()
    return session.paths.videos / "0000.mp4"


def seeds(page: LibraryPage) -> list[int]:
    """Of the videos that are selected, as the grid marks them."""
    rows = sorted(row.row() for row in page.grid.selectionModel().selectedIndexes())
    entries = [page.grid.videos.entry(row) for row in rows]
    return [entry.seed for entry in entries if entry is not None]


def is_in_sight(page: LibraryPage, seed: int) -> bool:
    grid = page.grid
    row = next((row for row, entry in grid.videos._entries.items() if entry.seed == seed), None)
    return row is not None and grid.viewport().rect().contains(grid.visualRect(grid.videos.index(row)))


# The selection is what is seen ---------------------------------------------------------------------------------------


def test_that_nothing_is_selected_where_nothing_is_found(
    qtbot: QtBot, session: Session, open_library: Callable[[], LibraryPage]
) -> None:
    fill(session.paths.videos, 3)
    page = open_library()
    page.grid.selectAll()
    qtbot.waitUntil(lambda: page.details.count == 3, timeout=WAIT_MS)
    page.filters.search.setText("zebra")
    qtbot.waitUntil(lambda: page.browse.no_match.isVisible(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.grid.picked_ids == [], timeout=WAIT_MS)
    assert not page.details.many.isVisible()
    assert page.details.entry is None
    qtbot.keyClick(page.grid, Qt.Key.Key_Delete)
    assert len(list(session.paths.videos.glob("*.mp4"))) == 3
    page.browse.no_match.buttons[0].click()
    qtbot.waitUntil(lambda: page.grid.videos.total == 3, timeout=WAIT_MS)
    assert page.grid.picked_ids == []


def test_that_a_search_keeps_of_the_selection_what_it_finds(
    qtbot: QtBot, session: Session, open_library: Callable[[], LibraryPage]
) -> None:
    fill(session.paths.videos, 3)
    page = open_library()
    page.grid.selectAll()
    qtbot.waitUntil(lambda: page.details.count == 3, timeout=WAIT_MS)
    page.filters.search.setText("fox 1")
    qtbot.waitUntil(lambda: seeds(page) == [1] and len(page.grid.picked_ids) == 1, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.details.entry is not None and page.details.entry.seed == 1, timeout=WAIT_MS)
    assert not page.details.many.isVisible()


def test_that_a_video_that_no_filter_shows_any_more_is_not_selected(
    qtbot: QtBot, session: Session, open_library: Callable[[], LibraryPage]
) -> None:
    fill(session.paths.videos, 2)
    page = open_library()
    qtbot.waitUntil(lambda: page.grid.videos.entry(1) is not None, timeout=WAIT_MS)
    ids = [page.grid.videos.entry(row).video_id for row in (0, 1)]
    session.library.set_favourite(ids, True)
    page.filters.favourites.click()
    page.grid.pick(ids)
    qtbot.waitUntil(lambda: page.details.count == 2, timeout=WAIT_MS)
    session.library.set_favourite(ids[:1], False)
    qtbot.waitUntil(lambda: page.grid.picked_ids == ids[1:], timeout=WAIT_MS)


def test_that_a_thousand_selected_videos_stay_selected_where_they_are_found(
    qtbot: QtBot, many: Path, open_library: Callable[[], LibraryPage]
) -> None:
    page = open_library()
    page.grid.selectAll()
    qtbot.waitUntil(lambda: page.details.count == MANY, timeout=WAIT_MS)
    page.filters.search.setText("fox 000")
    qtbot.waitUntil(lambda: page.grid.videos.total == 10, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.details.many.title.text() == "10 videos are selected", timeout=WAIT_MS)


def test_that_all_are_selected_also_if_something_changes_meanwhile(
    qtbot: QtBot, many: Path, open_library: Callable[[], LibraryPage]
) -> None:
    page = open_library()
    page.grid.selectAll()
    assert page.details.count == 0  # most of them were not fetched yet
    page.grid.reload()
    qtbot.waitUntil(lambda: page.details.count == MANY, timeout=WAIT_MS)


# A video that is asked for -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.OLDEST, Sort.NAME])
def test_that_a_video_far_down_is_selected_and_scrolled_to(
    qtbot: QtBot, many: Path, open_library: Callable[[], LibraryPage], sort: Sort
) -> None:
    page = open_library()
    page.filters.sort.setCurrentIndex(page.filters.sort.findData(sort))
    page.filters.search.setText("fox 0999")
    qtbot.waitUntil(lambda: page.grid.videos.total == 1, timeout=WAIT_MS)
    page.show_target(VideoTarget(many.with_name("0500.mp4")))
    qtbot.waitUntil(lambda: seeds(page) == [500], timeout=WAIT_MS)
    assert is_in_sight(page, 500)
    assert page.filters.search.text() == ""
    assert page.details.entry.seed == 500
    assert len(page.grid.videos._entries) < MANY


def test_that_it_is_scrolled_to_when_the_page_was_never_open(qtbot: QtBot, many: Path, session: Session) -> None:
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.resize(1100, 720)
    page.show()
    page.show_target(VideoTarget(many))
    qtbot.waitUntil(lambda: seeds(page) == [0], timeout=WAIT_MS)
    qtbot.waitUntil(lambda: is_in_sight(page, 0), timeout=WAIT_MS)
    page.close_down()


def test_that_who_clicks_elsewhere_is_not_taken_away(
    qtbot: QtBot, many: Path, open_library: Callable[[], LibraryPage]
) -> None:
    page = open_library()
    page.grid.go_to(session_id_of(qtbot, page, many))
    page.grid.setCurrentIndex(page.grid.videos.index(0))
    with qtbot.waitSignal(page.library.changed, timeout=WAIT_MS):
        page.library.set_favourite([page.grid.videos.entry(0).video_id], True)
    qtbot.waitUntil(lambda: page.grid.videos.entry(0).favourite, timeout=WAIT_MS)
    assert seeds(page) == [MANY - 1]
    assert page.grid.verticalScrollBar().value() == 0


def session_id_of(qtbot: QtBot, page: LibraryPage, path: Path) -> int:
    found: list[int] = []
    page.library.entry_of(path, lambda entry: found.append(entry.video_id))
    qtbot.waitUntil(lambda: bool(found), timeout=WAIT_MS)
    return found[0]


def test_that_a_file_that_is_not_known_yet_is_taken_in_and_one_that_is_gone_is_told(
    qtbot: QtBot, session: Session, open_library: Callable[[], LibraryPage]
) -> None:
    page = open_library()
    page.show_target(VideoTarget(write_foreign(session.paths.videos / "new.mp4")))
    qtbot.waitUntil(lambda: [e.title for e in page.grid.picked_entries] == ["new"], timeout=WAIT_MS)
    page.show_target(VideoTarget(session.paths.videos / "never.mp4"))
    qtbot.waitUntil(lambda: page.messages.notice is not None, timeout=WAIT_MS)
    assert page.messages.notice.title.text() == "never.mp4 is not there."


def test_that_the_finished_video_is_shown_in_the_library(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    assert isinstance(window, MainWindow)
    assert window.session is not None
    videos = fill(window.session.paths.videos, 3)
    scan_again(qtbot, window.session)
    result = GenerationResult(path=videos[0], seconds=1.0, timings_s={}, attempts=())
    page.stage.show_done(RenderDone(Settled(RECIPE.request, ()), videos[0], result))
    qtbot.mouseClick(page.stage.finished.show_there, Qt.MouseButton.LeftButton)
    assert window.page_id is PageId.LIBRARY
    library = window.pages[PageId.LIBRARY]
    assert isinstance(library, LibraryPage)
    qtbot.waitUntil(lambda: seeds(library) == [0], timeout=WAIT_MS)
    assert is_in_sight(library, 0)
