"""Long words that break anywhere, and are copied as they were."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from wan_desktop.ui.widgets.breaking import BreakingLabel, breakable, unbroken

PATH = "C:\\Users\\Ann\\Videos\\Wan Desktop\\2026-11-24_a-red-fox-runs-through-the-snow.mp4"
TEXTS = [
    "",
    "a fox",
    PATH,
    "/home/ann/Videos/a.mp4",
    "x" * 500,
    "一只红色的狐狸在雪地里奔跑" * 5,
    "two\nlines of_words.mp4",
]


@pytest.mark.parametrize("text", TEXTS)
def test_that_a_text_is_the_same_without_its_breaks(text: str) -> None:
    assert unbroken(breakable(text)) == text


def test_that_short_words_are_left_alone() -> None:
    assert breakable("the quick brown fox, un-hyphenated a.mp4") == "the quick brown fox, un-hyphenated a.mp4"


@pytest.mark.parametrize("text", [PATH, "x" * 500, "VID_20250701_123456789_SomethingVeryLongWithoutAnyEnd.mp4"])
def test_that_a_label_is_as_narrow_as_its_longest_part(qtbot: QtBot, text: str) -> None:
    made = BreakingLabel()
    qtbot.addWidget(made)
    made.say(text)
    assert made.minimumSizeHint().width() <= QFontMetrics(made.font()).horizontalAdvance("W" * 20)
    assert (made.words, made.accessibleName()) == (text, text)


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_that_what_is_copied_has_no_breaks(qtbot: QtBot) -> None:
    made = BreakingLabel()
    qtbot.addWidget(made)
    made.say(PATH)
    made.show()
    made.setSelection(0, len(made.text()))
    QGuiApplication.clipboard().clear()
    qtbot.keyClick(made, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == PATH
    QGuiApplication.clipboard().clear()
    made.setSelection(0, 0)
    made.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(1, 1), QPoint(1, 1)))
    (menu,) = made.findChildren(QMenu)
    copy, select_all = menu.actions()
    assert not copy.isEnabled()
    select_all.trigger()
    made.copy()
    assert QGuiApplication.clipboard().text() == PATH
    menu.close()
