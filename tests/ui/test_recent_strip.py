"""The way of a video between Create and the Library, in the whole window."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests.core.video_files import RECIPE, cut, write_video
from tests.ui.audit import faults
from tests.ui.conftest import WAIT_MS
from tests.ui.library_shelf import fill, scan_again
from tests.ui.test_shell import drop, files
from wan_desktop.core.catalog import BUILTIN_MODEL_ID
from wan_desktop.core.generation import GenerationResult, Settled
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.library.recent_strip import MOST, RecentStrip
from wan_desktop.ui.live.render_outcome import RenderDone
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId

OpenPage = Callable[..., CreatePage]


def strip_of(page: CreatePage) -> RecentStrip:
    assert page.stage.recent is not None
    return page.stage.recent


def library_of(window: QWidget) -> LibraryPage:
    assert isinstance(window, MainWindow)
    page = window.pages[PageId.LIBRARY]
    assert isinstance(page, LibraryPage)
    return page


def large(page: CreatePage) -> CreatePage:
    """In a window with room for the strip."""
    page.window().resize(1440, 900)
    return page


def test_that_a_finished_video_appears_and_opens_in_the_library(qtbot: QtBot, open_page: OpenPage) -> None:
    page = large(open_page())
    session = page.window().session
    assert not strip_of(page).isVisible()
    (video,) = fill(session.paths.videos, 1)
    result = GenerationResult(path=video, seconds=1.0, timings_s={}, attempts=())
    session.renders.job_ended.emit("job", RenderDone(Settled(RECIPE.request, ()), video, result))
    qtbot.waitUntil(lambda: strip_of(page).isVisible(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not strip_of(page).cards[0].image.isNull(), timeout=WAIT_MS)
    (card,) = strip_of(page).cards
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    library = library_of(page.window())
    assert page.window().page_id is PageId.LIBRARY
    qtbot.waitUntil(lambda: library.details.entry is not None, timeout=WAIT_MS)
    assert library.details.entry.path == video


def show_done(page: CreatePage, video: Path, frames_problem: str = "") -> None:
    """As after a render of that file."""
    result = GenerationResult(path=video, seconds=1.0, timings_s={}, attempts=(), frames_problem=frames_problem)
    page.stage.show_done(RenderDone(Settled(RECIPE.request, ()), video, result))


def test_that_the_last_picture_becomes_the_start_image(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    (video,) = fill(page.window().session.paths.videos, 1)
    show_done(page, video)
    page.stage.finished.last_frame.click()
    qtbot.waitUntil(lambda: page.form.state.image is not None, timeout=WAIT_MS)
    assert QImage(str(page.form.state.image)).width() == 64
    assert page.form.state.wants_image


def test_that_a_last_picture_that_cannot_be_read_is_told(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    (video,) = fill(page.window().session.paths.videos, 1)
    show_done(page, video)
    page.stage.close_clip()
    cut(video, 0.3)
    page.stage.finished.last_frame.click()
    qtbot.waitUntil(lambda: page.stage.messages.notice is not None, timeout=WAIT_MS)
    assert page.stage.messages.notice.title.text().startswith("The last picture cannot be read.")


def test_that_the_finished_file_is_copied_deleted_and_put_back(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    (video,) = fill(page.window().session.paths.videos, 1)
    show_done(page, video)
    assert not faults(page.window())
    page.stage.finished.copy.click()
    assert [Path(url.toLocalFile()) for url in QGuiApplication.clipboard().mimeData().urls()] == [video]
    page.stage.finished.delete.click()
    qtbot.waitUntil(lambda: page.stage.stack.currentWidget() is page.stage.empty, timeout=WAIT_MS)
    assert not video.exists()
    messages = page.window().session.messages
    assert messages.messages[0].title == "The video is in the trash."
    messages.act(messages.messages[0])
    qtbot.waitUntil(video.is_file, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.window().page_id is PageId.LIBRARY, timeout=WAIT_MS)


def test_that_frames_that_could_not_be_written_are_told_with_the_video(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    (video,) = fill(page.window().session.paths.videos, 1)
    why = "The single frames could not be written: there is no space left in /videos. The video is whole."
    show_done(page, video, frames_problem=why)
    notes = page.stage.finished.notes
    assert notes.isVisible()
    assert notes.text().splitlines()[0] == why
    assert notes.property("role") == "warn"
    show_done(page, video)
    assert why not in notes.text()
    assert notes.property("role") == "note"


def test_that_the_finished_video_is_compared_with_the_one_before(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    videos = fill(window.session.paths.videos, 3)
    scan_again(qtbot, window.session)
    show_done(page, videos[1])
    page.stage.finished.compare.click()
    library = library_of(window)
    qtbot.waitUntil(lambda: library.compare.isVisible(), timeout=WAIT_MS)
    assert [track.entry.seed for track in library.compare.sync.tracks] == [1, 0]
    show_done(page, videos[0])
    page.stage.finished.compare.click()
    qtbot.waitUntil(lambda: library.messages.notice is not None, timeout=WAIT_MS)
    assert library.messages.notice.title.text() == "There is no earlier video to compare it with."


def test_that_the_newest_ten_are_shown_and_the_library_is_one_click_away(qtbot: QtBot, open_page: OpenPage) -> None:
    page = large(open_page())
    session = page.window().session
    fill(session.paths.videos, MOST + 2)
    scan_again(qtbot, session)
    strip = strip_of(page)
    qtbot.waitUntil(lambda: len(strip.cards) == MOST, timeout=WAIT_MS)
    assert [card.entry.seed for card in strip.cards] == list(range(MOST + 1, 1, -1))
    qtbot.waitUntil(lambda: all(not card.image.isNull() for card in strip.cards), timeout=WAIT_MS)
    page.window().resize(1100, 640)
    qtbot.waitUntil(lambda: not strip.isVisible(), timeout=WAIT_MS)
    assert page.window().minimumSizeHint().width() <= 1100
    large(page)
    qtbot.waitUntil(lambda: strip.isVisible(), timeout=WAIT_MS)
    assert not faults(page.stage)
    strip.more.click()
    assert page.window().page_id is PageId.LIBRARY


def test_that_settings_of_a_video_stand_in_the_form(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    session = window.session
    made_with = page.model.metadata.model_id
    write_video(
        session.paths.videos / "a.mp4",
        prompt="a fox, seen before",
        seed=77,
        model_id=made_with,
        num_inference_steps=7,
        negative_prompt="rain",
    )
    scan_again(qtbot, session)
    window.show_page(PageId.LIBRARY)
    library = library_of(window)
    qtbot.waitUntil(lambda: library.grid.videos.entry(0) is not None, timeout=WAIT_MS)
    library.grid.pick([library.grid.videos.entry(0).video_id])
    library.details.one.use.click()
    assert window.page_id is PageId.CREATE
    state = page.form.state
    assert (state.prompt, state.seed, state.num_inference_steps) == ("a fox, seen before", 77, 7)
    assert state.negative_prompt == "rain"
    window.show_page(PageId.LIBRARY)
    library.details.one.use_new_seed.click()
    assert page.form.state.seed is None


def test_that_a_model_that_is_not_here_is_told(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    write_video(window.session.paths.videos / "a.mp4", prompt="by another model", model_id="gone-model")
    scan_again(qtbot, window.session)
    window.show_page(PageId.LIBRARY)
    library = library_of(window)
    qtbot.waitUntil(lambda: library.grid.videos.entry(0) is not None, timeout=WAIT_MS)
    library.grid.pick([library.grid.videos.entry(0).video_id])
    library.details.one.use.click()
    assert page.form.state.prompt == "by another model"
    assert page.model.metadata.model_id == BUILTIN_MODEL_ID
    assert "gone-model is not here" in page.form.model_field.field.said()


def test_that_a_file_dropped_on_the_window_shows_its_settings(
    qtbot: QtBot, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    window = page.window()
    drop(window, files(write_video(tmp_path / "afar.mp4", prompt="from afar")))
    library = library_of(window)
    qtbot.waitUntil(lambda: library.details.recipe is not None, timeout=WAIT_MS)
    assert library.details.one.prompt.text() == "from afar"
