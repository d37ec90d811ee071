"""A session whose videos are real files, and ways to wait for what its library does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from tests.core.video_files import write_video
from tests.ui.conftest import WAIT_MS
from wan_desktop.core.video_library import VideoEntry, VideoPage, VideoQuery
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.session import Session

COLOURS = ((200, 30, 30), (30, 160, 60), (40, 60, 220), (230, 200, 40), (150, 60, 200))


def fill(folder: Path, count: int = 3, **request: Any) -> list[Path]:
    """Write so many small videos, `fox 0` the oldest."""
    return [
        write_video(
            folder / f"fox {number}.mp4",
            colour=COLOURS[number % len(COLOURS)],
            prompt=f"fox {number} in the snow",
            seed=number,
            created=f"2026-11-{number % 28 + 1:02}T10:00:00+00:00",
            **request,
        )
        for number in range(count)
    ]


def ask(qtbot: QtBot, question: Callable[..., None]) -> Any:
    """What the library answers; an error is raised."""
    answers: list[Any] = []
    errors: list[Exception] = []
    question(answers.append, errors.append)
    qtbot.waitUntil(lambda: bool(answers or errors), timeout=WAIT_MS)
    if errors:
        raise errors[0]
    return answers[0]


def all_entries(qtbot: QtBot, session: Session, **query: Any) -> list[VideoEntry]:
    """What a search finds."""
    page: VideoPage = ask(
        qtbot, lambda done, failed: session.library.search(VideoQuery(**query), 0, 1000, done, failed)
    )
    return list(page.entries)


def scanned(qtbot: QtBot, session: Session) -> None:
    """Wait until the folders were read once, and nothing else is asked for."""
    library = session.library
    qtbot.waitUntil(lambda: library.report is not None and not library.scanning, timeout=WAIT_MS)


def scan_again(qtbot: QtBot, session: Session) -> None:
    """Read the folders once more."""
    scanned(qtbot, session)
    with qtbot.waitSignal(session.library.scanned, timeout=WAIT_MS):
        session.library.scan()


def show_library(qtbot: QtBot, session: Session, width: int = 1100, height: int = 720) -> LibraryPage:
    """The page over what lies in the folders now; who opens it closes its files with `close_down`."""
    scan_again(qtbot, session)
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.resize(width, height)
    page.show()
    qtbot.waitUntil(lambda: page.grid.videos.total is not None, timeout=WAIT_MS)
    return page
