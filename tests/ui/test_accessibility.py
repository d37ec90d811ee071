"""Every control can be named, hit and reached."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QLineEdit, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS
from tests.ui.test_render import begin, finish
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.ui.create.page import CreatePage

OpenPage = Callable[..., CreatePage]
SMALLEST_PX = 24


def controls(window: QWidget) -> list[QWidget]:
    """What can take the focus by Tab."""
    return [
        widget
        for widget in window.findChildren(QWidget)
        if widget.isVisible()
        and widget.isEnabled()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not isinstance(widget, QScrollArea)
        and not (isinstance(widget, QLineEdit) and widget.objectName() == "qt_spinbox_lineedit")
    ]


def faults(window: QWidget) -> list[str]:
    """What is wrong with them."""
    found = []
    for widget in controls(window):
        interface = QAccessible.queryAccessibleInterface(widget)
        name = interface.text(QAccessible.Text.Name) if interface is not None else ""
        if not name:
            found.append(f"{widget!r} has no name")
        if widget.width() < SMALLEST_PX or widget.height() < SMALLEST_PX:
            found.append(f"{name} is {widget.width()} x {widget.height()}")
    return found


def test_that_the_empty_page_has_no_faults(open_page: OpenPage) -> None:
    assert not faults(open_page().window())


def test_that_the_open_form_has_no_faults(qtbot: QtBot, open_page: OpenPage, picture: Path) -> None:
    page = open_page()
    page.form.change(mode=GenerationMode.TI2V)
    page.form.image.take(picture)
    page.form.advanced.set_open(True)
    page.form.avoid.set_open(True)
    page.form.advanced.content.custom.setChecked(True)
    qtbot.waitUntil(lambda: page.form.state.image is not None, timeout=WAIT_MS)
    assert not faults(page.window())


def test_that_a_running_render_has_no_faults(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    begin(qtbot, page)
    assert not faults(page.window())


def test_that_the_player_has_no_faults(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    finish(qtbot, page)
    assert not faults(page.window())


def test_that_an_error_has_no_faults(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("oom")
    finish(qtbot, page)
    page.stage.error.details.set_open(True)
    assert not faults(page.window())


def test_that_tab_reaches_every_control_and_comes_back(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    page.form.write_prompt("x")
    page.form.prompt.setFocus()
    reached = set()
    for _ in range(60):
        focused = window.focusWidget()
        reached.add(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    missed = [widget.accessibleName() for widget in controls(window) if widget not in reached]
    assert not missed


def test_that_f6_moves_between_the_areas(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    qtbot.waitUntil(lambda: page.stage.empty.example.isVisible(), timeout=WAIT_MS)
    page.form.prompt.setFocus()
    for area in (page.stage, window.sidebar, page.column):
        qtbot.keyClick(window, Qt.Key.Key_F6)
        assert area.isAncestorOf(window.focusWidget())
