"""Work in turns: other work of the window comes in between, and nothing is lost or comes in another order."""

import time

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS
from wan_desktop.ui.bridge import KeyBridge
from wan_desktop.ui.turns import next_turn
from wan_desktop.ui.widgets.controls import Button, IconLabel, draw_icons, put_icons_off

LONG_S = 0.03


def test_that_a_timer_that_is_due_comes_between_two_turns(qtbot: QtBot, qapp: QApplication) -> None:
    order: list[str] = []
    owner = QObject(qapp)

    def first() -> None:
        QTimer.singleShot(1, lambda: order.append("timer"))
        time.sleep(LONG_S)
        order.append("first")
        next_turn(owner, second)

    def second() -> None:
        order.append("second")

    next_turn(owner, first)
    qtbot.waitUntil(lambda: "second" in order, timeout=WAIT_MS)
    assert order == ["first", "timer", "second"]
    owner.deleteLater()


def test_that_a_turn_whose_owner_is_gone_does_not_come(qtbot: QtBot, qapp: QApplication) -> None:
    came: list[str] = []
    owner = QObject(qapp)
    next_turn(owner, lambda: came.append("turn"))
    owner.deleteLater()
    QApplication.sendPostedEvents(owner, 0)
    qtbot.wait(50)
    assert came == []


def test_that_what_takes_long_is_handed_over_in_several_turns(qtbot: QtBot, qapp: QApplication) -> None:
    bridge = KeyBridge(qapp)
    heard: list[str] = []

    def hear(name: str) -> None:
        if name == "a":
            QTimer.singleShot(1, lambda: heard.append("timer"))
        heard.append(name)
        time.sleep(LONG_S)

    bridge.key_changed.connect(hear)
    for name in "abc":
        bridge.tell(name)
    qtbot.waitUntil(lambda: "c" in heard, timeout=WAIT_MS)
    assert [each for each in heard if each != "timer"] == ["a", "b", "c"]
    assert heard.index("timer") < heard.index("c")
    bridge.close()


def test_that_icons_wait_for_the_first_paint(qtbot: QtBot) -> None:
    put_icons_off()
    button, picture = Button("Stop", icon_name="square"), IconLabel("film", "link", 22)
    gone = Button("Gone", icon_name="square")
    for widget in (button, picture):
        qtbot.addWidget(widget)
    assert button.icon().isNull()
    assert picture.pixmap().isNull()
    gone.deleteLater()
    QApplication.sendPostedEvents(gone, 0)
    draw_icons()
    assert not button.icon().isNull()
    assert not picture.pixmap().isNull()
    later = Button("Later", icon_name="square")
    qtbot.addWidget(later)
    assert not later.icon().isNull()
