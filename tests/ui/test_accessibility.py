"""F6 moves between the areas of a page. What a control must have everywhere is audited in test_audits.py."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS
from wan_desktop.ui.create.page import CreatePage

OpenPage = Callable[..., CreatePage]


def test_that_f6_moves_between_the_areas(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    qtbot.waitUntil(lambda: page.stage.empty.example.isVisible(), timeout=WAIT_MS)
    page.form.prompt.setFocus()
    for area in (page.stage, window.sidebar, page.column):
        qtbot.keyClick(window, Qt.Key.Key_F6)
        assert area.isAncestorOf(window.focusWidget())
