"""Work in turns: other work of the window comes in between, and nothing is lost or comes in another order."""

import importlib.util
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS
from wan_desktop.ui.bridge import KeyBridge
from wan_desktop.ui.imports import import_in_turns, of_pages
from wan_desktop.ui.turns import next_turn
from wan_desktop.ui.widgets.controls import Button, IconLabel, draw_icons, put_icons_off

LONG_S = 0.03
MODULES = ("first_of_two", "second_of_two")


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


def test_that_each_import_is_a_turn_and_what_needs_them_comes_last(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text(f"import time; time.sleep({LONG_S})")
    timer = QTimer(qapp)
    timer.timeout.connect(lambda: order.extend(["timer", *(n for n in MODULES if n in sys.modules)]))
    timer.start(1)
    import_in_turns(qapp, MODULES, lambda: order.append("then"))
    qtbot.waitUntil(lambda: "then" in order, timeout=WAIT_MS)
    timer.stop()
    timer.deleteLater()
    assert order.index("first_of_two") < order.index("second_of_two") < order.index("then")
    assert ["timer", "first_of_two", "timer"] in [order[at : at + 3] for at in range(len(order))]


def test_that_an_owner_that_goes_imports_no_more(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "never_imported.py").write_text("")
    owner = QObject(qapp)
    import_in_turns(owner, ["sys", "never_imported"], owner.deleteLater)
    owner.deleteLater()
    QApplication.sendPostedEvents(owner, 0)
    qtbot.wait(50)
    assert "never_imported" not in sys.modules


def test_that_what_pages_are_made_of_is_imported_ahead() -> None:
    names = set(of_pages())
    assert {
        f"wan_desktop.ui.{name}.page" for name in ("queue", "library", "models", "this_pc", "settings", "help")
    } <= names
    assert "wan_desktop.ui.library.one_video" in names
    assert all(importlib.util.find_spec(name) is not None for name in names)


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
