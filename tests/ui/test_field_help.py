"""F1 on any field of the real window says what it is for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from tests.ui.test_shortcuts import bring_up, press
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.field_help_texts import ENTRIES
from wan_desktop.core.words import ENGLISH, tr, use_language
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.field_help import HelpCard, help_for
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId
from wan_desktop.ui.settings.rows import Category
from wan_desktop.ui.shortcuts import Action
from wan_desktop.ui.window_keys import WindowKeys
from wan_desktop.ui.wizard.wizard import Wizard

SAME = ("Prompt", "Proxy", "Sampler", "Shift", "Attention", "Downloads", "Videos")
"""German too."""
OpenPage = Callable[..., CreatePage]


def reachable(part: QWidget) -> list[QWidget]:
    """What in it can have the focus."""
    return [
        widget
        for widget in part.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.isHidden()
        and not isinstance(widget, QScrollArea)
        and widget.objectName() != "qt_spinbox_lineedit"
        and not (widget.isWindow() or widget.window() is not part.window())  # lists that combo boxes open
    ]


def without_help(part: QWidget) -> list[str]:
    """Fields for which F1 would say nothing."""
    return [repr(widget) for widget in reachable(part) if help_for(widget) is None]


def helped(part: QWidget) -> set[str]:
    """The ids of the texts that are shown for its fields."""
    return {entry.field_id for widget in reachable(part) if (entry := help_for(widget)) is not None}


@pytest.fixture
def full_form(qtbot: QtBot, open_page: OpenPage, picture: Path) -> CreatePage:
    """Create with all that it can show."""
    page = open_page()
    page.form.change(mode=GenerationMode.TI2V)
    page.form.image.take(picture)
    page.form.avoid.set_open(True)
    page.form.advanced.set_open(True)
    page.form.prompt_box.styles.click()
    qtbot.waitUntil(lambda: page.form.state.image is not None and page.footer.box is not None, timeout=WAIT_MS)
    return page


@pytest.fixture
def wizard(qtbot: QtBot, open_program: OpenProgram) -> Iterator[Wizard]:
    """Over the window, with its lists filled."""
    window = open_program().window
    window.open_wizard()
    made = window.wizard
    qtbot.waitUntil(lambda: bool(made.steps[4].rows) and bool(made.steps[2].rows), timeout=WAIT_MS)
    yield made
    if window.wizard is not None:
        made.reject()


# Complete ------------------------------------------------------------------------------------------------------------


def test_that_every_field_of_create_has_help(full_form: CreatePage) -> None:
    assert not without_help(full_form.column)
    assert helped(full_form.column) == {entry.field_id for entry in ENTRIES if entry.field_id.startswith("create.")}


def test_that_every_setting_has_help(open_program: OpenProgram) -> None:
    window = open_program().window
    window.show_page(PageId.SETTINGS)
    sections = window.pages[PageId.SETTINGS].sections
    found = set()
    for category in Category:
        window.show_page(PageId.SETTINGS, category.value)
        assert not without_help(sections[category].card)
        found |= helped(sections[category].card)
    assert found == {entry.field_id for entry in ENTRIES if entry.field_id.startswith("settings.")}


def test_that_every_choice_of_the_wizard_has_help(wizard: Wizard) -> None:
    found = set()
    for number, step in enumerate(wizard.steps):
        wizard.show_step(number)
        assert not without_help(step)
        found |= helped(step) | {help_for(step).field_id}
    assert found == {entry.field_id for entry in ENTRIES if entry.field_id.startswith("wizard.")}


def test_that_all_of_it_is_there_in_german(resources: Path) -> None:
    try:
        assert use_language(resources / "translations", "de") == "de"
        english = [
            text
            for entry in ENTRIES
            for text in (entry.title, entry.does, entry.choose)
            if tr(text) == text and text not in SAME
        ]
    finally:
        use_language(resources / "translations", ENGLISH)
    assert not english


# Shown ---------------------------------------------------------------------------------------------------------------


def card_of(window: MainWindow) -> HelpCard | None:
    """What is shown."""
    return window.findChild(WindowKeys).helps.card


@pytest.fixture
def window(qtbot: QtBot, open_page: OpenPage) -> MainWindow:
    """Active, with the cursor in the prompt."""
    made = open_page().window()
    bring_up(qtbot, made)
    qtbot.waitUntil(lambda: made.create.form.prompt.hasFocus(), timeout=WAIT_MS)
    return made


def test_that_f1_shows_help_and_escape_goes_back(qtbot: QtBot, window: MainWindow) -> None:
    press(window, Action.HELP)
    card = card_of(window)
    assert card.isVisible()
    assert card.entry.field_id == "create.prompt"
    assert window.rect().contains(card.geometry())
    assert window.focusWidget() is card
    assert card.accessibleName() == "Help: Prompt"
    assert "Name the subject" in card.accessibleDescription()
    QTest.keyClick(card, Qt.Key.Key_Escape)
    assert window.create.form.prompt.hasFocus()
    qtbot.waitUntil(lambda: card_of(window) is None, timeout=WAIT_MS)


def test_that_f1_again_opens_all_help(qtbot: QtBot, window: MainWindow) -> None:
    press(window, Action.HELP)
    press(window, Action.HELP)
    assert window.page_id is PageId.HELP
    qtbot.waitUntil(lambda: card_of(window) is None, timeout=WAIT_MS)


def test_that_its_button_opens_all_help(qtbot: QtBot, window: MainWindow) -> None:
    press(window, Action.HELP)
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
    assert window.focusWidget() is card_of(window).more
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Space)
    assert window.page_id is PageId.HELP


def test_that_it_goes_when_the_focus_goes_elsewhere(qtbot: QtBot, window: MainWindow) -> None:
    press(window, Action.HELP)
    window.create.form.length.setFocus()
    qtbot.waitUntil(lambda: card_of(window) is None, timeout=WAIT_MS)
    assert window.create.form.length.hasFocus()
    press(window, Action.HELP)
    assert card_of(window).entry.field_id == "create.length"


@pytest.mark.parametrize("size", [(1440, 900), (1100, 640)])
def test_that_it_never_covers_its_field_nor_leaves_the_window(
    qtbot: QtBot, window: MainWindow, size: tuple[int, int]
) -> None:
    window.resize(*size)
    form = window.create.form
    for field in (form.prompt, form.length, form.count, window.create.footer.generate):
        form.write_prompt("x")
        field.setFocus()
        window.create.form_scroll.ensureWidgetVisible(field)
        press(window, Action.HELP)
        card = card_of(window)
        assert window.rect().contains(card.geometry())
        place = field.rect().translated(field.mapTo(window, field.rect().topLeft()))
        assert not card.geometry().intersects(place)
        QTest.keyClick(card, Qt.Key.Key_Escape)
        qtbot.waitUntil(lambda: card_of(window) is None, timeout=WAIT_MS)


def test_that_it_follows_its_field_and_goes_when_that_is_scrolled_out_of_sight(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.resize(1100, 640)
    form, bar = window.create.form, window.create.form_scroll.verticalScrollBar()
    form.advanced.set_open(True)
    qtbot.waitUntil(
        lambda: bar.maximum() > form.prompt.mapTo(form, form.prompt.rect().bottomLeft()).y(), timeout=WAIT_MS
    )
    form.prompt.setFocus()
    press(window, Action.HELP)
    card = card_of(window)
    before = card.y()
    bar.setValue(20)
    assert card.y() == before - 20
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: card_of(window) is None, timeout=WAIT_MS)
    assert bar.value() == bar.maximum()
    assert form.prompt.hasFocus()


@pytest.mark.qt_log_ignore(r"does not support (raise|grabbing|propagateSizeHints)", extend=True)  # offscreen
def test_that_the_wizard_shows_help_too(qtbot: QtBot, wizard: Wizard) -> None:
    bring_up(qtbot, wizard)
    wizard.steps[0].language.setFocus()
    press(wizard, Action.HELP)
    assert wizard.helps.card.entry.field_id == "wizard.language"
    assert wizard.helps.card.more.isHidden()
    press(wizard, Action.HELP)
    qtbot.waitUntil(lambda: wizard.helps.card is None, timeout=WAIT_MS)
    assert wizard.focusWidget() is wizard.steps[0].language
    wizard.next.setFocus()
    press(wizard, Action.HELP)
    assert wizard.helps.card.entry.field_id == "wizard.welcome"
    QTest.keyClick(wizard.helps.card, Qt.Key.Key_Escape)
    assert wizard.isVisible()
    assert wizard.next.hasFocus()
