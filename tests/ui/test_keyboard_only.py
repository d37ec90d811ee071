"""A video from the start of the program to its details in the Library, with nothing but the keyboard."""

from collections.abc import Callable

import pytest
from PIL import Image, ImageChops
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from tests.ui.test_shortcuts import bring_up
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId

MOST_TABS = 80
STEADY = 40
"""So many looks at the window in a row that find the same."""
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


class Keyboard:
    """Somebody without a mouse, who looks where the focus is after each key."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.visited: list[QWidget] = []

    @property
    def at(self) -> QWidget:
        """What has the focus."""
        focused = QApplication.focusWidget()
        assert focused is not None, "the focus is lost"
        return focused

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Press a key, and look."""
        QTest.keyClick(self.at, key, modifiers)
        self.look()

    def type(self, words: str) -> None:
        """Write."""
        QTest.keyClicks(self.at, words)
        self.look()

    def look(self) -> None:
        """The focus is on something that is seen, once what the key has changed is laid out."""
        QApplication.processEvents()
        widget = self.at
        assert widget.isVisible(), f"{widget!r} has the focus and is hidden"
        assert widget.isEnabled()
        assert not widget.visibleRegion().isEmpty(), f"{widget!r} has the focus and is scrolled out of sight"
        self.visited.append(widget)

    def tab_to(self, wanted: Callable[[QWidget], bool], *, back: bool = False) -> QWidget:
        """Press Tab until it is reached."""
        for _ in range(MOST_TABS):
            if wanted(self.at):
                return self.at
            self.key(Qt.Key.Key_Backtab if back else Qt.Key.Key_Tab, SHIFT if back else NONE)
        raise AssertionError(f"not reached with {MOST_TABS} tabs")

    def tab_to_name(self, name: str, *, back: bool = False) -> QWidget:
        """Press Tab until a widget of that accessible name is reached."""
        return self.tab_to(lambda widget: widget.accessibleName() == name, back=back)


def settle(qtbot: QtBot, window: MainWindow) -> None:
    """Wait until nothing comes and goes any more: the PC is known, the page has what it shows."""
    create = window.create
    qtbot.waitUntil(lambda: window.session.pc.profile is not None and create.footer.box is not None, timeout=WAIT_MS)
    seen: list[list[QWidget]] = []

    def is_steady() -> bool:
        seen.append([widget for widget in window.findChildren(QWidget) if widget.isVisible()])
        return len(seen) > STEADY and all(each == seen[-1] for each in seen[-STEADY:])

    qtbot.waitUntil(is_steady, timeout=WAIT_MS)


def make_a_video(qtbot: QtBot, user: Keyboard, window: MainWindow) -> None:
    """From the first letter to the finished video, whose player is held."""
    create = window.create
    user.type("a red circle moving right")
    assert create.form.state.prompt == "a red circle moving right"
    before = (create.form.state.width, create.form.state.height)
    user.tab_to_name("Size")
    user.key(Qt.Key.Key_Down)
    after = (create.form.state.width, create.form.state.height)
    assert after != before
    user.tab_to(lambda widget: widget.accessibleName().startswith("Quality: "))
    user.key(Qt.Key.Key_Left)
    user.tab_to_name("Prompt", back=True)
    user.tab_to_name("Generate video")
    with qtbot.waitSignal(create.render_ended, timeout=WAIT_MS):
        user.key(Qt.Key.Key_Space)
    user.look()
    player = create.stage.finished.player
    user.tab_to(lambda widget: widget is player)
    qtbot.waitUntil(lambda: player.playing, timeout=WAIT_MS)
    user.key(Qt.Key.Key_Space)
    assert not player.playing


def see_it_in_the_library(qtbot: QtBot, user: Keyboard, window: MainWindow) -> None:
    """To its card, play it, and to its details."""
    user.tab_to_name("Library", back=True)
    user.key(Qt.Key.Key_Space)
    assert window.page_id is PageId.LIBRARY
    page, library = window.pages[PageId.LIBRARY], window.session.library
    qtbot.waitUntil(lambda: library.report is not None and not library.scanning, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.grid.videos.entry(0) is not None, timeout=WAIT_MS)
    user.tab_to(lambda widget: widget is page.grid)
    user.key(Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)
    user.key(Qt.Key.Key_Return)
    assert page.details.one.player.playing
    assert user.at is page.details.one.player
    user.tab_to_name("Favourite")
    user.key(Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: page.details.entry.favourite, timeout=WAIT_MS)
    user.look()


def test_that_a_video_is_made_and_seen_without_a_mouse(qtbot: QtBot, open_program: OpenProgram) -> None:
    window = open_program().window
    bring_up(qtbot, window)
    create = window.create
    qtbot.waitUntil(lambda: create.form is not None and create.form.prompt.hasFocus(), timeout=WAIT_MS)
    user = Keyboard(window)
    make_a_video(qtbot, user, window)
    see_it_in_the_library(qtbot, user, window)
    user.tab_to_name("Create", back=True)
    user.key(Qt.Key.Key_Space)
    assert window.page_id is PageId.CREATE
    assert create.form.prompt.hasFocus()
    assert create.form.state.prompt == "a red circle moving right"


@pytest.mark.parametrize("page", list(PageId))
def test_that_tab_goes_round_every_page_and_is_always_seen(
    qtbot: QtBot, open_program: OpenProgram, page: PageId
) -> None:
    window = open_program().window
    bring_up(qtbot, window)
    qtbot.waitUntil(lambda: window.create.form is not None, timeout=WAIT_MS)
    window.show_page(page)
    settle(qtbot, window)
    window.sidebar.nav[page].setFocus()
    user, first = Keyboard(window), window.sidebar.nav[page]
    for back in (False, True):
        user.key(Qt.Key.Key_Backtab if back else Qt.Key.Key_Tab, SHIFT if back else NONE)
        user.tab_to(lambda widget: widget is first, back=back)
    forward, backward = split(user.visited, first)
    assert forward == backward[::-1]
    assert len(set(forward)) == len(forward)
    assert len(forward) > 7


def split(visited: list[QWidget], first: QWidget) -> tuple[list[QWidget], list[QWidget]]:
    """Both rounds, without where they begin and end."""
    at = visited.index(first)
    return visited[:at], visited[at + 1 : -1]


@pytest.mark.parametrize("page", list(PageId))
def test_that_the_focus_is_drawn(qtbot: QtBot, open_program: OpenProgram, page: PageId) -> None:
    window = open_program().window
    bring_up(qtbot, window)
    qtbot.waitUntil(lambda: window.create.form is not None, timeout=WAIT_MS)
    window.show_page(page)
    settle(qtbot, window)
    window.sidebar.nav[page].setFocus()
    user, first = Keyboard(window), window.sidebar.nav[page]
    user.key(Qt.Key.Key_Tab)
    invisible = []
    while user.at is not first:
        widget = user.at
        with_focus = shot(widget)
        user.key(Qt.Key.Key_Tab)
        if ImageChops.difference(with_focus, shot(widget)).getbbox() is None:
            invisible.append(widget.accessibleName() or repr(widget))
    assert not invisible


def shot(widget: QWidget) -> Image.Image:
    """What is seen of a widget and just around it."""
    window = widget.window()
    place = QRect(widget.mapTo(window, widget.rect().topLeft()), widget.size()).adjusted(-3, -3, 3, 3)
    image = window.grab(place.intersected(window.rect())).toImage().convertToFormat(QImage.Format.Format_RGB888)
    size, stride = (image.width(), image.height()), image.bytesPerLine()
    return Image.frombytes("RGB", size, bytes(image.constBits()), "raw", "RGB", stride)


# What hides must not take the focus with it -------------------------------------------------------------------------


def test_that_the_focus_goes_from_stop_to_what_follows(qtbot: QtBot, open_program: OpenProgram) -> None:
    window = open_program().window
    bring_up(qtbot, window)
    create = window.create
    qtbot.waitUntil(lambda: create.form is not None and create.form.prompt.hasFocus(), timeout=WAIT_MS)
    user = Keyboard(window)
    user.type("a red circle")
    user.tab_to_name("Generate video")
    on_stop: list[bool] = []

    def focus_stop(*_: object) -> None:  # at once, as a played engine is done in no time
        create.stage.progress.stop.setFocus()
        on_stop.append(create.stage.progress.stop.hasFocus())

    window.session.renders.job_started.connect(focus_stop)
    user.key(Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: create.stage.finished is not None and create.stage.finished.isVisible(), timeout=WAIT_MS)
    assert on_stop == [True]
    user.look()
    assert create.stage.isAncestorOf(user.at)


def test_that_scroll_areas_show_what_has_the_focus(qtbot: QtBot, open_program: OpenProgram) -> None:
    window = open_program().window
    window.resize(1100, 640)
    bring_up(qtbot, window)
    qtbot.waitUntil(lambda: window.create.form is not None, timeout=WAIT_MS)
    window.create.form.advanced.set_open(True)
    window.create.form.avoid.set_open(True)
    window.create.form.write_prompt("a red circle")
    user = Keyboard(window)
    areas = set()
    user.tab_to_name("Generate video")
    for widget in user.visited:
        parent = widget.parentWidget()
        while parent is not None:
            areas |= {parent} if isinstance(parent, QScrollArea) else set()
            parent = parent.parentWidget()
    assert areas == {window.create.form_scroll}
