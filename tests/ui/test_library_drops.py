"""Files dropped on the window, the way the system hands them over: to whatever lies below the mouse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.core.video_files import cut, write_foreign, write_video
from tests.ui.conftest import WAIT_MS
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId

OpenPage = Callable[..., CreatePage]
quietly = pytest.mark.qt_log_ignore("propagateSizeHints", r"does not support raise\(\)", extend=True)


def drop_at(window: MainWindow, point: QPoint, *paths: Path) -> bool:
    """Drag the files to that point of the window and let go; whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    handle = window.windowHandle()
    events = (
        QDragEnterEvent(point, copy, data, button, none),
        QDragMoveEvent(point, copy, data, button, none),
        QDropEvent(QPointF(point), copy, data, button, none),
    )
    for event in events:
        event.ignore()
        QApplication.sendEvent(handle, event)
    return events[-1].isAccepted()


def middle(window: MainWindow, widget: QWidget) -> QPoint:
    return widget.mapTo(window, widget.rect().center())


def window_of(page: CreatePage) -> MainWindow:
    window = page.window()
    assert isinstance(window, MainWindow)
    return window


@quietly
@pytest.mark.parametrize("page_id", list(PageId), ids=str)
def test_that_a_video_of_ours_brings_its_settings_wherever_it_is_dropped(
    qtbot: QtBot, open_page: OpenPage, tmp_path: Path, page_id: PageId
) -> None:
    page = open_page()
    window = window_of(page)
    window.resize(1440, 900)
    video = write_video(tmp_path / "afar.mp4", prompt="a fox, from afar", seed=77)
    window.show_page(page_id)
    assert drop_at(window, middle(window, window.stack), video)
    library = window.pages[PageId.LIBRARY]
    assert isinstance(library, LibraryPage)
    qtbot.waitUntil(lambda: library.details.recipe is not None, timeout=WAIT_MS)
    assert window.page_id is PageId.LIBRARY
    qtbot.waitUntil(lambda: library.details.one.use.isVisible(), timeout=WAIT_MS)
    qtbot.mouseClick(library.details.one.use, Qt.MouseButton.LeftButton)
    assert window.page_id is PageId.CREATE
    assert (page.form.state.prompt, page.form.state.seed) == ("a fox, from afar", 77)


@quietly
@pytest.mark.parametrize("page_id", list(PageId), ids=str)
def test_that_no_field_takes_a_file_for_text(
    qtbot: QtBot, open_page: OpenPage, tmp_path: Path, page_id: PageId
) -> None:
    window = window_of(open_page())
    window.resize(1440, 900)
    video = write_video(tmp_path / "afar.mp4")
    window.show_page(page_id)
    fields = [
        field
        for kind in (QLineEdit, QPlainTextEdit, QTextEdit)
        for field in window.pages[page_id].findChildren(kind)
        if field.isVisible() and field.isEnabled() and not field.isReadOnly() and not field.visibleRegion().isEmpty()
    ]
    for field in fields:
        window.show_page(page_id)
        before = text_of(field)
        with qtbot.waitSignal(window.recipe_dropped) as dropped:
            drop_at(window, field.mapTo(window, field.visibleRegion().boundingRect().center()), video)
        assert dropped.args == [video]
        assert text_of(field) == before


def text_of(field: QLineEdit | QPlainTextEdit | QTextEdit) -> str:
    return field.text() if isinstance(field, QLineEdit) else field.toPlainText()


@quietly
@pytest.mark.parametrize("page_id", list(PageId), ids=str)
def test_that_something_else_is_refused_with_words(
    qtbot: QtBot, open_page: OpenPage, tmp_path: Path, page_id: PageId
) -> None:
    window = window_of(open_page())
    window.resize(1440, 900)
    window.show_page(page_id)
    song = tmp_path / "song.mp3"
    song.write_bytes(b"la la")
    drop_at(window, middle(window, window.stack), song)
    said = window.session.messages.messages[0]
    assert (said.kind, said.title) == ("info", "song.mp3 brings no settings of a video.")
    assert "mp4, png, json" in said.words
    assert window.page_id is page_id
    qtbot.waitUntil(lambda: len(window.toasts.toasts) == 1, timeout=WAIT_MS)


@quietly
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("foreign", "sea.mp4 holds no settings of this program."),
        ("cut off", "sea.mp4 cannot be read as a video"),
        ("empty", "sea.mp4 cannot be read as a video"),
        ("gone", "There is no file at"),
    ],
)
def test_that_a_video_without_settings_says_so(
    qtbot: QtBot, open_page: OpenPage, tmp_path: Path, kind: str, told: str
) -> None:
    window = window_of(open_page())
    video = tmp_path / "sea.mp4"
    if kind != "gone":
        write_foreign(video, frames=9)
    if kind in ("cut off", "empty"):
        cut(video, 0.5 if kind == "cut off" else 0.0)
    drop_at(window, middle(window, window.stack), video)
    library = window.pages[PageId.LIBRARY]
    assert isinstance(library, LibraryPage)
    qtbot.waitUntil(lambda: library.messages.notice is not None, timeout=WAIT_MS)
    assert library.messages.notice.title.text().startswith(told)
    assert library.messages.notice.words.text()
