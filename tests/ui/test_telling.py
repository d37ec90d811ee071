"""What the window says as toasts: what happened while another page was in front, and nothing twice."""

from collections.abc import Callable
from pathlib import Path

from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from wan_desktop.core.errors import OfflineError
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.paths import AppPaths
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.live.messages import Message
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId

OpenPage = Callable[..., CreatePage]
PROMPT = "a red circle moving right on a black background"


def window_of(page: CreatePage) -> MainWindow:
    """Its window, which is in front."""
    window = page.window()
    assert isinstance(window, MainWindow)
    return window


def said(window: MainWindow) -> list[str]:
    """Titles of the toasts that were said, the first one first."""
    return [message.title for message in reversed(window.session.messages.messages)]


def newest(window: MainWindow) -> Message:
    """What was said last."""
    return window.session.messages.messages[0]


def make(qtbot: QtBot, page: CreatePage, count: int = 1) -> None:
    """Let videos be made until the last has ended."""
    page.form.write_prompt(PROMPT)
    renders = window_of(page).session.renders
    renders.add(page.model, tuple(page.form.state.draft() for _ in range(count)))
    qtbot.waitUntil(
        lambda: len(renders.snapshot.finished) + len(renders.snapshot.needs_you) == count and not renders.running,
        timeout=WAIT_MS,
    )


def test_that_a_video_that_is_done_while_another_page_is_in_front_is_said(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = window_of(page)
    window.show_page(PageId.QUEUE)
    make(qtbot, page)
    qtbot.waitUntil(lambda: said(window) == ["Your video is ready"], timeout=WAIT_MS)
    name = newest(window).words
    assert name.endswith(".mp4")
    assert len(window.toasts.toasts) == 1
    assert newest(window).action[0] == "Show in Library"
    window.session.messages.act(newest(window))
    assert window.page_id is PageId.LIBRARY
    assert not window.toasts.toasts
    library = window.pages[PageId.LIBRARY]
    qtbot.waitUntil(lambda: [e.path.name for e in library.grid.picked_entries] == [name], timeout=WAIT_MS)


def test_that_a_video_whose_page_is_in_front_is_not_said_twice(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = window_of(page)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        make(qtbot, page)
    assert said(window) == []


def test_that_several_videos_are_said_one_by_one_and_at_the_end_together(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = window_of(page)
    window.show_page(PageId.SETTINGS)
    make(qtbot, page, 2)
    qtbot.waitUntil(lambda: said(window) == ["Your video is ready", "All videos are done"], timeout=WAIT_MS)


def test_that_a_failure_is_said_where_no_page_shows_it(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("oom")
    window = window_of(page)
    window.show_page(PageId.MODELS)
    make(qtbot, page)
    qtbot.waitUntil(lambda: said(window) == ["A video needs you"], timeout=WAIT_MS)
    assert newest(window).kind == "bad"
    window.session.messages.act(newest(window))
    assert window.page_id is PageId.QUEUE
    make_again = len(window.session.renders.snapshot.needs_you)
    assert make_again == 1


def test_that_downloads_are_said_where_the_models_page_is_not_in_front(qtbot: QtBot, open_page: OpenPage) -> None:
    window = window_of(open_page())
    models = window.session.models
    qtbot.waitUntil(lambda: bool(models.offers()), timeout=WAIT_MS)
    offer = models.offers()[0]
    models.finished.emit(offer.key, ActivityKind.DOWNLOAD, None)
    assert said(window) == ["The download is done"]
    assert newest(window).words == f"{offer.metadata.name} can be used now."
    models.failed.emit(offer.key, OfflineError("There is no connection."))
    assert said(window)[1:] == ["A model needs you"]  # nothing of it was downloaded
    assert newest(window).words == f"{offer.metadata.name}: {OfflineError('x').shown_title}"
    window.session.messages.act(newest(window))
    assert window.page_id is PageId.MODELS
    models.finished.emit(offer.key, ActivityKind.DOWNLOAD, None)
    assert len(said(window)) == 2  # the page says it


def test_that_damaged_settings_are_said_and_kept(qtbot: QtBot, open_program: OpenProgram, paths: AppPaths) -> None:
    paths.ensure()
    paths.settings_file.write_text("{ not settings", encoding="utf-8")
    window = open_program().window
    assert said(window) == ["Settings were damaged"]
    kept = paths.settings_file.with_name("settings.json.broken")
    assert kept.read_text(encoding="utf-8") == "{ not settings"
    assert kept.name in newest(window).words
    (toast,) = window.toasts.toasts
    assert toast.action.text() == "OK, continue"
    toast.action.click()
    assert not window.toasts.toasts


def test_that_sound_settings_are_not_talked_about(qtbot: QtBot, open_program: OpenProgram) -> None:
    assert said(open_program().window) == []


def test_that_settings_that_cannot_be_saved_are_said(
    qtbot: QtBot, open_program: OpenProgram, paths: AppPaths, tmp_path: Path
) -> None:
    window = open_program().window
    session = window.session
    qtbot.waitUntil(lambda: not paths.settings_file.with_suffix(".tmp").exists(), timeout=WAIT_MS)
    paths.settings_file.unlink(missing_ok=True)
    paths.settings_file.mkdir()  # nothing can take its place
    session.change_settings(session.settings.with_changes(text_scale=1.1))
    qtbot.waitUntil(lambda: bool(said(window)), timeout=WAIT_MS)
    assert "WAN-6002" in said(window)[0]
    assert "could not be written" in newest(window).words
