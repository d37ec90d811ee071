"""The Library page, used as a user would, over real videos."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu
from pytestqt.qtbot import QtBot

from tests.core.video_files import cut, recipe, write_foreign, write_video
from tests.ui.audit import faults
from tests.ui.conftest import WAIT_MS
from tests.ui.library_shelf import all_entries, fill, scan_again, scanned
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.generation import Attempt
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.recipe import draft_of, read_recipe
from wan_desktop.core.settings import Theme
from wan_desktop.core.video_library import Sort, VideoState, index
from wan_desktop.core.video_library.database import Database
from wan_desktop.core.video_library.reading import read_video
from wan_desktop.ui.library.cards import CardAction, CardPlaces
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.library.trash_dialog import TrashDialog
from wan_desktop.ui.library.video_model import PART
from wan_desktop.ui.library.words import facts
from wan_desktop.ui.page import DraftTarget, PageId
from wan_desktop.ui.session import Session
from wan_desktop.ui.theme import ThemeManager

OpenLibrary = Callable[..., LibraryPage]


pytestmark = pytest.mark.usefixtures("theme")


@pytest.fixture
def open_library(session: Session, open_library: Callable[[], LibraryPage]) -> OpenLibrary:
    """Opens the page over so many videos."""

    def start(count: int = 3, **request: object) -> LibraryPage:
        if count:
            fill(session.paths.videos, count, **request)
        return open_library()

    return start


def rect_of(page: LibraryPage, row: int) -> CardPlaces:
    return CardPlaces.of(page.grid.visualRect(page.grid.videos.index(row)).toRectF())


def click_card(qtbot: QtBot, page: LibraryPage, row: int, *, ctrl: bool = False) -> None:
    """A click on the title of that card."""
    point = rect_of(page, row).title.center().toPoint()
    keys = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
    qtbot.mouseClick(page.grid.viewport(), Qt.MouseButton.LeftButton, keys, point)


def titles(page: LibraryPage) -> list[str]:
    entries = (page.grid.videos.entry(row) for row in range(page.grid.videos.total or 0))
    return [entry.title for entry in entries if entry is not None]


def wait_for(qtbot: QtBot, page: LibraryPage, *expected: str) -> None:
    """Until the grid shows exactly these titles, by their numbers."""
    qtbot.waitUntil(lambda: titles(page) == [f"fox {name} in the snow" for name in expected], timeout=WAIT_MS)


def show_one(qtbot: QtBot, page: LibraryPage, row: int = 0) -> None:
    """Choose that card and wait for its picture."""
    click_card(qtbot, page, row)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)


def drop(page: LibraryPage, path: Path) -> None:
    """As the window does with what is dropped on it."""
    page.show_target(path)


# The grid ------------------------------------------------------------------------------------------------------------


def test_that_the_newest_is_first_and_all_get_their_pictures(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    wait_for(qtbot, page, "2", "1", "0")
    videos = page.grid.videos
    qtbot.waitUntil(lambda: all(videos.picture(videos.entry(row)) for row in range(3)), timeout=WAIT_MS)
    assert all(not videos.picture(videos.entry(row)).image.isNull() for row in range(3))
    qtbot.waitUntil(lambda: page.subtitle.text().startswith("3 videos"), timeout=WAIT_MS)


def test_that_an_empty_library_says_what_will_be_here(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library(0)
    qtbot.waitUntil(lambda: page.browse.empty.isVisible(), timeout=WAIT_MS)
    assert not page.filters.isVisible()
    with qtbot.waitSignal(page.page_requested) as asked:
        page.browse.empty.buttons[0].click()
    assert asked.args == [PageId.CREATE, None]


def test_that_a_new_video_appears_by_itself(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library(1)
    new = write_video(page.session.paths.videos / "new.mp4", prompt="fox 7 in the snow", created="2026-12-01T00:00:00Z")
    click_card(qtbot, page, 0)
    page.library.add(type("Result", (), {"path": new})())
    wait_for(qtbot, page, "7", "0")
    assert page.details.entry.seed == 0
    assert [entry.seed for entry in page.grid.picked_entries] == [0]


def test_that_words_are_searched_and_can_be_cleared(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    page.focus_search()
    qtbot.keyClicks(page.filters.search, "FOX 1")
    wait_for(qtbot, page, "1")
    qtbot.keyClicks(page.filters.search, " zebra")
    qtbot.waitUntil(lambda: page.browse.no_match.isVisible(), timeout=WAIT_MS)
    assert page.browse.no_match.title.text() == "No video matches “FOX 1 zebra”."
    page.browse.no_match.buttons[0].click()
    wait_for(qtbot, page, "2", "1", "0")
    assert page.filters.search.text() == ""


def test_that_filters_and_order_work_together(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    write_video(page.session.paths.videos / "cat.mp4", prompt="fox 9 in the snow", model_id="other", num_frames=9)
    scan_again(qtbot, page.session)
    wait_for(qtbot, page, "9", "2", "1", "0")
    filters = page.filters
    qtbot.waitUntil(lambda: filters.model.count() == 3, timeout=WAIT_MS)
    filters.model.setCurrentIndex(filters.model.findData("other"))
    wait_for(qtbot, page, "9")
    filters.model.setCurrentIndex(0)
    filters.sort.setCurrentIndex(filters.sort.findData(Sort.LONGEST))
    wait_for(qtbot, page, "9", "2", "1", "0")
    filters.sort.setCurrentIndex(filters.sort.findData(Sort.OLDEST))
    wait_for(qtbot, page, "0", "1", "2", "9")
    filters.mode.setCurrentIndex(1)
    filters.size_choice.setCurrentIndex(1)
    assert filters.query().mode is GenerationMode.T2V
    assert filters.query().size == (64, 32)
    wait_for(qtbot, page, "0", "1", "2", "9")
    filters.period.setCurrentIndex(1)
    qtbot.waitUntil(lambda: filters.query().first_day is not None, timeout=WAIT_MS)
    filters.clear()
    assert not filters.is_filtering


def test_that_favourites_are_kept_and_filtered(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    click_card(qtbot, page, 1)
    qtbot.keyClick(page.grid, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.details.one.favourite.isChecked(), timeout=WAIT_MS)
    page.filters.favourites.click()
    wait_for(qtbot, page, "1")
    page.details.one.favourite.click()
    qtbot.waitUntil(lambda: page.browse.no_match.isVisible(), timeout=WAIT_MS)
    assert page.browse.no_match.title.text() == "No video matches these filters."


def test_that_the_mouse_on_a_card_plays_it(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library(1)
    grid = page.grid
    grid._on_entered(grid.videos.index(0))  # offscreen there is no mouse that could rest there
    assert grid.hovered_id == grid.videos.entry(0).video_id
    qtbot.waitUntil(lambda: grid._cards.moving is not None, timeout=WAIT_MS)
    assert grid._cards.moving[1].width() == 64
    grid.leaveEvent(QEvent(QEvent.Type.Leave))
    assert grid.hovered_id is None
    assert grid._cards.moving is None


def test_that_ten_thousand_videos_are_fetched_only_where_they_are_seen(
    qtbot: QtBot, session: Session, open_library: OpenLibrary
) -> None:
    scanned(qtbot, session)
    facts = read_video(write_video(session.paths.data / "one.mp4"))
    database = Database(session.paths.video_library_file)
    with database.writing() as connection:
        for number in range(10_000):
            text = recipe(prompt=f"fox {number}", seed=number).to_json()
            path, created = session.paths.videos / f"{number}.mp4", f"2026-11-24T03:00:00.{number:06}+00:00"
            one = replace(facts, path=path, recipe_id=f"{number:032}", recipe_json=text, seed=number, created=created)
            index.put(connection, one, None)
    database.close()
    page = open_library(0)
    videos, grid = page.grid.videos, page.grid
    assert videos.total == 10_000
    assert videos.entry(9_000) is None
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    qtbot.waitUntil(lambda: videos.entry(9_999) is not None, timeout=WAIT_MS)
    assert videos.entry(9_999).seed == 0
    assert len(videos._entries) <= 4 * PART
    assert len(grid.seen_rows()) < 100
    grid.selectAll()
    qtbot.waitUntil(lambda: len(grid.picked_ids) == 10_000, timeout=WAIT_MS)
    assert page.details.many.title.text() == "10000 videos are selected"


# One video -----------------------------------------------------------------------------------------------------------


def test_that_a_chosen_video_plays_with_all_that_is_known(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    show_one(qtbot, page, 1)
    facts = page.details.one.facts.texts()
    assert (facts["Seed"], facts["Size"], facts["Kind"]) == ("1", "64 \u00d7 32", "Text to video")
    assert facts["Sampler"] == "Model's own"
    assert facts["File"] == str(page.session.paths.videos / "fox 1.mp4")
    assert "torch 2.13.0" in facts["Made with"]
    assert page.details.one.player.playing


@pytest.mark.parametrize(
    ("revision", "shown"),
    [("42bf4cfa0d5f8a1b2c3d", "42bf4cfa0d5f"), ("sha256:0123456789abcdef", "sha256:0123456789ab"), ("", None)],
)
def test_that_memory_and_version_of_the_model_are_told(revision: str, shown: str | None) -> None:
    attempts = (Attempt("primary", "done", 1.0, peak_memory_bytes=7_900_000_000),)
    told = {fact.name: fact.value for fact in facts(replace(recipe(), revision=revision, attempts=attempts), None)}
    assert told["Video memory"] == "7.9 GB at most"
    assert told.get("Weights") == shown
    assert "Video memory" not in {fact.name for fact in facts(recipe(), None)}


@pytest.mark.parametrize("keep_seed", [True, False])
def test_that_its_settings_go_to_create(qtbot: QtBot, open_library: OpenLibrary, keep_seed: bool) -> None:
    page = open_library()
    show_one(qtbot, page, 1)
    button = page.details.one.use if keep_seed else page.details.one.use_new_seed
    with qtbot.waitSignal(page.page_requested) as asked:
        button.click()
    made = page.details.entry.recipe
    assert asked.args == [PageId.CREATE, DraftTarget(draft_of(made, keep_seed=keep_seed), made.request.model_id)]
    assert asked.args[1].draft.seed == (1 if keep_seed else None)


def test_that_player_keys_work_only_in_the_player(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library(1)
    show_one(qtbot, page)
    player = page.details.one.player
    qtbot.keyClick(page.grid, Qt.Key.Key_K)
    assert player.playing
    player.setFocus()
    qtbot.keyClick(player, Qt.Key.Key_K)
    assert not player.playing
    qtbot.keyClick(player, Qt.Key.Key_K)
    assert not player.playing
    qtbot.keyClick(player, Qt.Key.Key_Space)
    assert player.playing


def test_that_f11_fills_the_screen_and_escape_comes_back(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library(1)
    show_one(qtbot, page)
    player = page.details.one.player
    player.step(2)
    player.setFocus()
    qtbot.keyClick(player, Qt.Key.Key_F11)
    (full,) = [window for window in QGuiApplication.topLevelWindows() if window.title() == "fox 0"]
    (widget,) = [widget for widget in player.children() if getattr(widget, "player", None) is not None]
    qtbot.waitUntil(lambda: widget.player.clip is not None, timeout=WAIT_MS)
    assert full.isVisible()
    assert not widget.player.playing
    widget.player.seek(0)
    qtbot.keyClick(widget.player, Qt.Key.Key_F11)
    qtbot.keyClick(widget, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: player.index == 0, timeout=WAIT_MS)
    assert not player.playing


def test_that_it_is_renamed_and_stays_chosen(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    show_one(qtbot, page, 2)
    qtbot.keyClick(page.grid, Qt.Key.Key_F2)
    (dialog,) = page.findChildren(QInputDialog)
    assert dialog.textValue() == "fox 0"
    dialog.setTextValue("the best one")
    dialog.accept()
    qtbot.waitUntil(lambda: page.details.one.title.text() == "the best one", timeout=WAIT_MS)
    assert (page.session.paths.videos / "the best one.mp4").is_file()
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)


def test_that_a_name_that_is_taken_is_told_and_the_video_plays_on(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    show_one(qtbot, page, 2)
    page.details.one.buttons["rename"].click()
    (dialog,) = page.findChildren(QInputDialog)
    dialog.setTextValue("fox 1")
    dialog.accept()
    qtbot.waitUntil(lambda: page.messages.notice is not None, timeout=WAIT_MS)
    assert "fox 1.mp4" in page.messages.notice.title.text()
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)


def test_that_del_puts_into_the_trash_and_undo_brings_back(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    show_one(qtbot, page, 1)
    video = page.details.entry.path
    qtbot.keyClick(page.grid, Qt.Key.Key_Delete)
    wait_for(qtbot, page, "2", "0")
    assert not video.exists()
    assert page.details.entry is None
    messages = page.session.messages
    said = messages.messages[0]
    assert said.title == "“fox 1 in the snow” is in the trash."
    assert said.action[0] == "Undo (Ctrl+Z)"
    messages.act(said)
    wait_for(qtbot, page, "2", "1", "0")
    assert video.is_file()
    qtbot.waitUntil(lambda: page.details.entry is not None and page.details.entry.seed == 1, timeout=WAIT_MS)
    assert not messages.can_act(said)


def test_that_every_deletion_can_be_undone_by_its_own_message(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    for left in (("1", "0"), ("0",)):
        show_one(qtbot, page)
        page.grid.setFocus()
        qtbot.keyClick(page.grid, Qt.Key.Key_Delete)
        wait_for(qtbot, page, *left)
    second, first = page.session.messages.messages[:2]
    page.session.messages.act(first)
    wait_for(qtbot, page, "2", "0")
    page.removals.undo()  # what Ctrl+Z does: the last deletion
    wait_for(qtbot, page, "2", "1", "0")
    assert not page.session.messages.can_act(second)


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_that_deleted_videos_are_listed_and_put_back_later(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    click_card(qtbot, page, 0)
    click_card(qtbot, page, 1, ctrl=True)
    page.details.many.buttons["delete"].click()
    wait_for(qtbot, page, "0")
    assert page.session.messages.messages[0].title == "2 videos are in the trash."
    page.more.click()
    menu = page.findChildren(QMenu)[-1]
    menu.actions()[0].trigger()
    menu.close()
    qtbot.waitUntil(lambda: bool(page.findChildren(TrashDialog)), timeout=WAIT_MS)
    (dialog,) = page.findChildren(TrashDialog)
    assert dialog.videos.count() == 2
    assert not dialog.put_back.isEnabled()
    assert not faults(dialog)
    first = dialog.videos.item(0)
    first.setSelected(True)
    number = first.text().split()[1]
    dialog.put_back.click()
    wait_for(qtbot, page, number, "0")


def test_that_all_files_are_read_again_for_a_list_that_is_not_right(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    with qtbot.waitSignal(page.library.scanned, timeout=WAIT_MS) as report:
        page.library.rebuild()
    assert (report.args[0].changed, report.args[0].unchanged) == (3, 0)


def test_that_the_theme_switches_while_a_video_is_shown(
    qtbot: QtBot, open_library: OpenLibrary, theme: ThemeManager
) -> None:
    page = open_library()
    show_one(qtbot, page)
    dark = page.grab().toImage().pixelColor(20, page.height() - 8)
    theme.set_theme(Theme.LIGHT)
    light = page.grab().toImage().pixelColor(20, page.height() - 8)
    assert dark.lightness() < 60 < 200 < light.lightness()


def test_that_tags_are_written_and_found(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    show_one(qtbot, page, 2)
    page.details.one.tags.setFocus()
    qtbot.keyClicks(page.details.one.tags, "winter, best of")
    qtbot.keyClick(page.details.one.tags, Qt.Key.Key_Return)
    page.filters.search.setText("best of")
    wait_for(qtbot, page, "0")
    assert page.grid.videos.entry(0).tags == ("winter", "best of")


def test_that_tags_that_were_not_confirmed_belong_to_the_video_they_were_typed_for(
    qtbot: QtBot, open_library: OpenLibrary
) -> None:
    page = open_library()
    show_one(qtbot, page, 2)
    page.details.one.tags.setFocus()
    qtbot.keyClicks(page.details.one.tags, "mine")
    click_card(qtbot, page, 0)
    qtbot.waitUntil(lambda: [e.seed for e in all_entries(qtbot, page.session, tag="mine")] == [0], timeout=WAIT_MS)


def test_that_file_and_prompt_are_copied(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library(1)
    show_one(qtbot, page)
    page.details.one.buttons["copy-file"].click()
    (url,) = QGuiApplication.clipboard().mimeData().urls()
    assert Path(url.toLocalFile()) == page.details.entry.path
    page.details.one.copy_prompt.click()
    assert QGuiApplication.clipboard().text() == "fox 0 in the snow"


def test_that_it_is_opened_outside(qtbot: QtBot, open_library: OpenLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    # What the system does with it is not ours.
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url.toLocalFile())) or True)
    page = open_library(1)
    show_one(qtbot, page)
    page.details.one.buttons["open"].click()
    page.details.one.buttons["folder"].click()
    assert [Path(path) for path in opened] == [page.details.entry.path, page.details.entry.path.parent]


def test_that_a_copy_is_saved_where_it_is_wished(qtbot: QtBot, open_library: OpenLibrary, tmp_path: Path) -> None:
    page = open_library(1)
    show_one(qtbot, page)
    page.details.one.buttons["export"].click()
    (dialog,) = page.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "copies"))
    qtbot.waitUntil(lambda: page.messages.notice is not None, timeout=WAIT_MS)
    assert page.messages.notice.title.text() == "1 copy is saved."
    assert (tmp_path / "copies" / "fox 0.mp4").is_file()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_that_the_menu_offers_what_fits_the_selection(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    click_card(qtbot, page, 0)
    page.grid.customContextMenuRequested.emit(QPoint(5, 5))
    (menu,) = page.findChildren(QMenu)
    assert "Rename" in [action.text() for action in menu.actions()]
    menu.close()
    click_card(qtbot, page, 1, ctrl=True)
    page.grid.customContextMenuRequested.emit(QPoint(5, 5))
    menu = page.findChildren(QMenu)[-1]
    assert menu.actions()[0].text() == "Compare"
    menu.actions()[0].trigger()
    assert page.compare.isVisible()
    menu.close()


# Missing and damaged -------------------------------------------------------------------------------------------------


def miss(qtbot: QtBot, page: LibraryPage, name: str = "fox 1.mp4") -> Path:
    """Move a file away, and wait for its grey card; returns where it is."""
    place = page.session.paths.data / "moved away.mp4"
    (page.session.paths.videos / name).rename(place)
    scan_again(qtbot, page.session)
    qtbot.waitUntil(lambda: page.grid.videos.entry(1).state == VideoState.MISSING, timeout=WAIT_MS)
    return place


def test_that_a_missing_file_is_found_by_its_card(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    place = miss(qtbot, page)
    point = rect_of(page, 1).button(CardAction.FIND).center().toPoint()
    qtbot.mouseClick(page.grid.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point)
    assert page.details.one.said() == "The file is not where it was"
    assert not page.details.one.player.isVisible()
    (dialog,) = page.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(place))
    qtbot.waitUntil(lambda: page.grid.videos.entry(1).state == VideoState.PRESENT, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)
    assert page.details.entry.path == place
    assert page.details.one.said() == ""


def test_that_another_video_is_not_taken_for_the_missing_one(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    miss(qtbot, page)
    click_card(qtbot, page, 1)
    page.details.one.buttons["find"].click()
    (dialog,) = page.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(page.session.paths.videos / "fox 2.mp4"))
    qtbot.waitUntil(lambda: page.messages.notice is not None, timeout=WAIT_MS)
    assert "another video" in page.messages.notice.title.text()


def test_that_a_missing_file_is_removed_by_its_card(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    miss(qtbot, page)
    point = rect_of(page, 1).button(CardAction.REMOVE).center().toPoint()
    qtbot.mouseClick(page.grid.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point)
    wait_for(qtbot, page, "2", "0")


def test_that_a_missing_video_is_not_deleted_but_explained(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    miss(qtbot, page)
    click_card(qtbot, page, 1)
    qtbot.keyClick(page.grid, Qt.Key.Key_Delete)
    assert page.messages.notice.title.text() == "The file is not there."
    assert len(titles(page)) == 3


@pytest.mark.parametrize("left", [0.2, 0.6, 0.9])
def test_that_a_damaged_video_ends_as_a_card_and_keeps_its_settings(
    qtbot: QtBot, open_library: OpenLibrary, left: float
) -> None:
    page = open_library(2, num_frames=25)
    video = page.session.paths.videos / "fox 1.mp4"
    # As the engine writes it beside, so that its settings are known even where the file's own are cut off.
    video.with_suffix(".json").write_text(read_recipe(video).to_json())
    cut(video, left)
    scan_again(qtbot, page.session)
    qtbot.waitUntil(lambda: page.grid.videos.entry(0).state == VideoState.DAMAGED, timeout=WAIT_MS)
    click_card(qtbot, page, 0)
    qtbot.waitUntil(lambda: page.details.one.card is not None, timeout=WAIT_MS)
    assert page.details.one.card.text.number == "WAN-4003"
    assert not re.search(r"Errno|avcodec", page.details.one.card.text.message)
    assert page.details.one.use.isEnabled()
    assert page.details.one.facts.texts()["Seed"] == "1"
    page.details.one.card.retry.click()
    qtbot.waitUntil(lambda: page.details.one.card is not None, timeout=WAIT_MS)
    click_card(qtbot, page, 1)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)
    assert page.details.one.card is None


@pytest.fixture
def session_with_a_blocked_index(paths: AppPaths, request: pytest.FixtureRequest) -> Session:
    """Where the index should be, there is a folder before the session looks."""
    paths.video_library_file.mkdir(parents=True)
    made: Session = request.getfixturevalue("session")
    return made


def test_that_an_index_that_cannot_be_opened_is_a_card_with_a_way_out(
    qtbot: QtBot, session_with_a_blocked_index: Session
) -> None:
    session = session_with_a_blocked_index
    fill(session.paths.videos, 1)
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: page.browse.error_card is not None, timeout=WAIT_MS)
    session.paths.video_library_file.rmdir()
    page.browse.error_card.retry.click()
    qtbot.waitUntil(lambda: len(titles(page)) == 1, timeout=WAIT_MS)
    assert page.browse.error_card is None
    page.close_down()


# Files that bring settings -------------------------------------------------------------------------------------------


def test_that_a_dropped_video_of_the_library_is_chosen(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    drop(page, page.session.paths.videos / "fox 0.mp4")
    qtbot.waitUntil(lambda: page.details.entry is not None and page.details.entry.seed == 0, timeout=WAIT_MS)


@pytest.mark.parametrize("ending", [".mp4", ".json"])
def test_that_a_dropped_file_from_elsewhere_brings_its_settings(
    qtbot: QtBot, open_library: OpenLibrary, tmp_path: Path, ending: str
) -> None:
    page = open_library(0)
    video = write_video(tmp_path / "afar.mp4", prompt="from <b>afar</b>", seed=9)
    if ending == ".json":
        video.unlink()
        video = tmp_path / "afar.json"
        video.write_text(recipe(prompt="from <b>afar</b>", seed=9).to_json())
    drop(page, video)
    qtbot.waitUntil(lambda: page.details.recipe is not None, timeout=WAIT_MS)
    assert page.details.isVisible()
    assert page.details.one.prompt.text() == "from <b>afar</b>"
    with qtbot.waitSignal(page.page_requested) as asked:
        page.details.one.use.click()
    assert asked.args[1].draft.seed == 9


def test_that_a_foreign_file_is_told(qtbot: QtBot, open_library: OpenLibrary, tmp_path: Path) -> None:
    page = open_library()
    drop(page, write_foreign(tmp_path / "sea.mp4"))
    qtbot.waitUntil(lambda: page.messages.notice is not None, timeout=WAIT_MS)
    assert "no settings of this program" in page.messages.notice.title.text()


# Without a recipe ----------------------------------------------------------------------------------------------------


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_that_a_video_of_another_program_is_shown_and_says_what_is_missing(
    qtbot: QtBot, session: Session, open_library: OpenLibrary
) -> None:
    write_foreign(session.paths.videos / "sea.mp4", frames=12)
    page = open_library(0)
    show_one(qtbot, page)
    details = page.details
    assert (details.one.title.text(), details.one.said()) == ("sea", "No recipe")
    assert not details.one.use_buttons.isVisible()
    facts = details.one.facts.texts()
    assert (facts["Size"], facts["File"]) == ("64 \u00d7 32", str(session.paths.videos / "sea.mp4"))
    assert facts["Length"].startswith("1.5 s")
    assert "Seed" not in facts
    assert "No recipe" in page.grid.videos.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    page.grid.customContextMenuRequested.emit(QPoint(5, 5))
    (menu,) = page.findChildren(QMenu)
    assert not any("Use" in action.text() for action in menu.actions())
    menu.close()
    assert not faults(page)


def test_that_a_recipe_that_cannot_be_read_is_told_with_the_video(
    qtbot: QtBot, session: Session, open_library: OpenLibrary
) -> None:
    write_video(session.paths.videos / "newer.mp4", recipe().to_json().replace('"format": 1', '"format": 2'))
    page = open_library(0)
    show_one(qtbot, page)
    notice = page.details.one._said
    assert page.details.one.said() == "No recipe"
    assert notice.words.text().startswith("This video was made by a newer version of the program.")
    assert not page.details.one.use_buttons.isVisible()


def test_that_videos_with_and_without_recipe_are_compared(
    qtbot: QtBot, session: Session, open_library: OpenLibrary
) -> None:
    write_foreign(session.paths.videos / "sea.mp4", frames=12)
    page = open_library(1)
    click_card(qtbot, page, 0)
    click_card(qtbot, page, 1, ctrl=True)
    page.details.many.buttons["compare"].click()
    captions = sorted(caption.text().partition(": ")[2] for caption in page.compare._captions)
    assert captions == ["fox 0 in the snow, seed 0", "sea"]


# All of it -----------------------------------------------------------------------------------------------------------


def test_that_the_page_has_no_faults(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    assert not faults(page)
    show_one(qtbot, page)
    assert not faults(page)
    click_card(qtbot, page, 1, ctrl=True)
    assert not faults(page)
    page.details.many.buttons["compare"].click()
    assert not faults(page)


def test_that_cards_are_read_out(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library(1)
    words = page.grid.videos.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert words.startswith("fox 0 in the snow. 0.6 seconds. 64 by 32.")


def test_that_the_page_fits_the_smallest_window(qtbot: QtBot, open_library: OpenLibrary) -> None:
    page = open_library()
    show_one(qtbot, page)
    hint = page.minimumSizeHint()
    assert hint.width() <= 1100 - 64
    assert hint.height() <= 640
