"""At large text, in a language of long words: nothing in the Library's details is cut off or makes them wider."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from tests.core.video_files import cut, write_foreign, write_video
from tests.ui.conftest import WAIT_MS
from tests.ui.library_shelf import scan_again, show_library
from wan_desktop.core import words
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.settings import Theme
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.session import Session
from wan_desktop.ui.theme import ThemeManager

SIDEBAR_PX = 64
WINDOWS = [(1100, 640, 1.0), (1280, 672, 1.5)]
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft_" * 2


@pytest.fixture(params=["en", "de"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    folder = resources_folder() / "translations"
    words.use_language(folder, request.param)
    yield request.param
    words.use_language(folder, "en")


@pytest.fixture
def open_library(
    qtbot: QtBot, qapp: QApplication, session: Session, language: str
) -> Iterator[Callable[..., LibraryPage]]:
    """Opens the page in a window of that size and text size."""
    opened: list[LibraryPage] = []
    looks: list[ThemeManager] = []

    def start(width: int, height: int, scale: float) -> LibraryPage:
        looks.append(ThemeManager(qapp, Theme.DARK, scale))
        page = show_library(qtbot, session, width - SIDEBAR_PX, height)
        opened.append(page)
        qtbot.waitUntil(lambda: page.grid.videos.entry(0) is not None, timeout=WAIT_MS)
        return page

    yield start
    for page in opened:
        page.close_down()
    for look in looks:
        look.set_scale(1.0)
        look.deleteLater()


def faults(page: LibraryPage) -> list[str]:
    """What is cut off in the details, or reaches beyond them."""
    details = page.details
    room = details.viewport().width()
    found = []
    if details.widget().width() > room:
        found.append(f"the details are {details.widget().width()} wide, and there are {room}")
    for widget in details.widget().findChildren(QWidget):
        if not widget.isVisible():
            continue
        right = widget.mapTo(details.widget(), QPoint(widget.width(), 0)).x()
        if right > room:
            found.append(f"{words_of(widget)!r} ends at {right} of {room}")
        if isinstance(widget, QAbstractButton) and widget.width() < widget.sizeHint().width():
            found.append(f"{words_of(widget)!r} is {widget.width()} wide and needs {widget.sizeHint().width()}")
        if isinstance(widget, QLabel) and widget.text() and _is_cut(widget):
            found.append(f"{words_of(widget)!r} is cut off at {widget.width()} x {widget.height()}")
    if page.minimumSizeHint().width() > page.width() or page.browse.splitter.width() > page.width():
        found.append(f"the page wants {page.minimumSizeHint().width()} of {page.width()}")
    return found


def words_of(widget: QWidget) -> str:
    return getattr(widget, "text", lambda: "")() if isinstance(widget, QLabel | QAbstractButton) else repr(widget)


def _is_cut(label: QLabel) -> bool:
    metrics, text = QFontMetrics(label.font()), label.text()
    if not label.wordWrap():
        return metrics.horizontalAdvance(text) > label.contentsRect().width() + 1
    lines = metrics.boundingRect(label.contentsRect(), Qt.TextFlag.TextWordWrap, text)
    return lines.width() > label.contentsRect().width() + 1 or lines.height() > label.contentsRect().height() + 1


@pytest.mark.parametrize(("width", "height", "scale"), WINDOWS)
@pytest.mark.parametrize("kind", ["whole", "damaged", "foreign", "unreadable", "missing"])
def test_that_details_fit_their_pane(
    qtbot: QtBot,
    session: Session,
    open_library: Callable[..., LibraryPage],
    kind: str,
    width: int,
    height: int,
    scale: float,
) -> None:
    video = session.paths.videos / f"{LONG}.mp4"
    make(kind, video)
    page = open_library(width, height, scale)
    if kind == "missing":
        video.unlink()
        scan_again(qtbot, session)
    page.grid.pick([page.grid.videos.entry(0).video_id])
    details = page.details
    if kind in ("damaged", "unreadable"):
        qtbot.waitUntil(lambda: details.one.card is not None, timeout=WAIT_MS)
    elif kind == "missing":
        qtbot.waitUntil(lambda: details.one.buttons["find"].isVisible(), timeout=WAIT_MS)
    else:
        qtbot.waitUntil(lambda: details.one.player.clip is not None, timeout=WAIT_MS)
    settle(qtbot, page)
    assert not faults(page), "\n".join(faults(page))
    page.browse.splitter.setSizes([10_000, 1])  # as narrow as the pane can be made
    settle(qtbot, page)
    assert page.details.width() == page.details.minimumWidth()
    assert not faults(page), "\n".join(faults(page))


def settle(qtbot: QtBot, page: LibraryPage) -> None:
    """Wait until the layouts have come to rest; if something stays wrong, it is told afterwards."""
    with contextlib.suppress(TimeoutError):
        qtbot.waitUntil(lambda: not faults(page))


def make(kind: str, video: Path) -> None:
    """Write such a video."""
    if kind in ("foreign", "unreadable"):
        write_foreign(video, frames=20)
    else:
        write_video(video, prompt=LONG, model_id=LONG, num_frames=25)
    if kind in ("damaged", "unreadable"):
        cut(video, 0.5)
