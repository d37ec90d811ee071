"""The line above the pages, in a window on PCs on paper."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from tests.fakes.hardware import load
from tests.ui.conftest import WAIT_MS, OpenProgram
from wan_desktop.core.banner import BannerKind
from wan_desktop.core.errors import QueueSpaceError
from wan_desktop.core.settings import Theme
from wan_desktop.ui.banner import NVIDIA_PAGE, Banners
from wan_desktop.ui.page import PageId

OnPc = Callable[[str], Banners]


class Browser(QObject):
    """Takes addresses in the system's place."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.opened.append(url.toString())


@pytest.fixture
def on_pc(qtbot: QtBot, open_program: OpenProgram, monkeypatch: pytest.MonkeyPatch) -> OnPc:
    """Opens the window on a PC on paper, and waits until it was looked at."""
    profiles = []
    monkeypatch.setattr("wan_desktop.ui.live.pc.probe", lambda **_: profiles[-1])

    def start(name: str) -> Banners:
        profiles.append(load(name))
        program = open_program()
        qtbot.waitUntil(lambda: program.session.pc.profile is not None, timeout=WAIT_MS)
        assert program.window.banners is not None
        return program.window.banners

    start.profiles = profiles  # type: ignore[attr-defined]
    return start


def test_that_a_good_pc_has_no_banner(on_pc: OnPc) -> None:
    banners = on_pc("rtx-4070-12gb-32gb")
    assert banners.banner is None
    assert banners.notice is None


def test_that_a_pc_without_a_card_is_told_what_works(qtbot: QtBot, on_pc: OnPc) -> None:
    banners = on_pc("no-card-laptop-8gb")
    assert banners.notice is not None
    assert banners.notice.isVisible()
    assert banners.notice.title.text() == "This PC has no NVIDIA card we can use"
    assert [button.text() for button in banners.notice.buttons] == ["What now", "Check again"]
    with qtbot.waitSignal(banners.page_requested) as asked:
        qtbot.mouseClick(banners.notice.buttons[0], Qt.MouseButton.LeftButton)
    assert asked.args == [PageId.THIS_PC]


def test_that_it_stands_aside_for_what_the_queue_has_to_say(qtbot: QtBot, on_pc: OnPc) -> None:
    banners = on_pc("no-card-laptop-8gb")
    queue = banners.parent().queue
    qtbot.waitUntil(lambda: queue._renders.is_open, timeout=WAIT_MS)  # which takes back what was wrong before
    queue._renders.trouble.emit(QueueSpaceError("The queue cannot be saved.", hint="Free some space."))
    qtbot.waitUntil(lambda: queue.notice is not None and queue.notice.isVisible(), timeout=WAIT_MS)
    assert not banners.notice.isVisible()
    qtbot.mouseClick(queue.close_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(banners.notice.isVisible, timeout=WAIT_MS)


def test_that_it_stands_above_the_page_and_leaves_it_room(qtbot: QtBot, on_pc: OnPc) -> None:
    banners = on_pc("no-card-laptop-8gb")
    window = banners.parent()
    window.resize(1100, 640)
    qtbot.waitUntil(lambda: window.stack.geometry().top() > 0, timeout=WAIT_MS)
    assert banners.notice.mapTo(window, banners.notice.rect().bottomLeft()).y() < window.stack.geometry().top()
    assert banners.notice.mapTo(window, banners.notice.rect().topLeft()).x() > window.sidebar.width()
    hint = window.minimumSizeHint()
    assert hint.width() <= 1100
    assert hint.height() <= 640


def test_that_the_nvidia_page_is_opened(qtbot: QtBot, on_pc: OnPc) -> None:
    banners, browser = on_pc("rtx-2070-8gb-16gb-old-driver"), Browser()
    QDesktopServices.setUrlHandler("https", browser, "take")
    try:
        qtbot.mouseClick(banners.notice.buttons[0], Qt.MouseButton.LeftButton)
    finally:
        QDesktopServices.unsetUrlHandler("https")
    assert browser.opened == [NVIDIA_PAGE]


def test_that_check_again_looks_again(qtbot: QtBot, on_pc: OnPc) -> None:
    banners = on_pc("driver-missing-16gb")
    assert banners.banner.kind is BannerKind.DRIVER
    on_pc.profiles.append(load("rtx-4070-12gb-32gb"))  # type: ignore[attr-defined]
    qtbot.mouseClick(banners.notice.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: banners.banner is None, timeout=WAIT_MS)
    assert banners.notice is None


def test_that_it_can_be_put_away_for_this_session(qtbot: QtBot, on_pc: OnPc) -> None:
    banners = on_pc("no-card-laptop-8gb")
    banners.set_offline(True)
    assert banners.banner.kind is BannerKind.NO_CARD
    assert banners.close_button.accessibleName() == "Put this message away"
    qtbot.mouseClick(banners.close_button, Qt.MouseButton.LeftButton)
    assert banners.banner.kind is BannerKind.OFFLINE
    banners.set_offline(False)
    assert banners.banner is None
    banners.set_offline(True)
    assert banners.banner.kind is BannerKind.OFFLINE


def test_that_the_same_banner_is_not_made_anew(on_pc: OnPc, qtbot: QtBot) -> None:
    banners = on_pc("no-card-laptop-8gb")
    before = banners.notice
    session = banners.parent().session
    with qtbot.waitSignal(session.pc.changed, timeout=WAIT_MS):
        session.pc.look()
    assert banners.notice is before


def test_that_it_follows_the_theme_and_the_keyboard_reaches_it(qtbot: QtBot, on_pc: OnPc) -> None:
    banners = on_pc("no-card-laptop-8gb")
    window = banners.parent()
    shades = []
    for theme in (Theme.DARK, Theme.LIGHT):
        window._theme.set_theme(theme)
        point = banners.notice.mapTo(window, QPoint(6, banners.notice.height() // 2))  # left of icon and words
        shades.append(window.grab().toImage().pixelColor(point).lightness())
        assert banners.notice.buttons[0].focusPolicy() & Qt.FocusPolicy.TabFocus
    assert shades[0] < 100 < 200 < shades[1]
    for button in (*banners.notice.buttons, banners.close_button):
        qtbot.waitUntil(lambda button=button: min(button.width(), button.height()) >= 24, timeout=WAIT_MS)
