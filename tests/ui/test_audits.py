"""Audits of the whole window, in every scene of which pictures are taken: pages, steps of the wizard, dialogs.

English is looked at in the two sizes that a small screen leaves, German, whose words are longer, with text of 150 %.
That Qt has nothing to warn of is seen to by pytest-qt, which fails a test for it.
"""

import gc
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QDialog, QFrame, QLabel, QWidget

from tests.conftest import TinyModel
from tests.ui import audit
from tools.pictures.acts import Act, View
from tools.pictures.looks import Look
from tools.pictures.player import Player
from tools.pictures.program import ACTS
from tools.pictures.props import Props, make_pictures
from wan_desktop.core.settings import Theme
from wan_desktop.core.words import use_language
from wan_desktop.ui.page import SHOW_PROGRAMS, PageId
from wan_desktop.ui.theme import DARK, LIGHT, ThemeManager, Tokens, token_names
from wan_desktop.ui.widgets.controls import Button, IconLabel

PLAIN = Look("english", "dark", 1100, 640)
LARGE = Look("german", "light", 1280, 672, text_scale=1.5, language="de")
OTHERS = (
    Look("english large", "dark", 1280, 672, text_scale=1.5),
    Look("german plain", "light", 1100, 640, language="de"),
)
WIDER = (1280, 672)
SETTLE_MS = 30
TIMES = 20
AREA_PX = 400
"""More than the edges of letters, which mix two colours to any third."""
PLAYED = [act for act in ACTS if not act.real]
PAGES = [act for act in PLAYED if " " not in act.name or act.name == "this PC"]
"""The longest act of each page; the others are for other PCs."""
IN_TURN = [(wanted, act) for wanted in (PLAIN, LARGE) for act in PAGES]
SELDOM = [(wanted, act) for wanted in (PLAIN, LARGE, *OTHERS) for act in PLAYED if (wanted, act) not in IN_TURN]
PC = "rtx-4070-12gb-32gb"
MakePlayer = Callable[[Look], Player]


@pytest.fixture(scope="module")
def props(tmp_path_factory: pytest.TempPathFactory, tiny_model: TinyModel) -> Props:
    """What the scenes need of files, with small and short videos."""
    made = Props(tmp_path_factory.mktemp("props"))
    for family, folder in (("ti2v", made.form_model), ("t2v", made.hub_model)):
        shutil.copytree(tiny_model(family), folder)
    make_pictures(made, shrink=4)
    return made


@pytest.fixture
def make_player(qapp: QApplication, props: Props, resources: Path, tmp_path: Path) -> Iterator[MakePlayer]:
    """Makes players; afterwards language, theme and text size are the usual ones."""
    quits = qapp.quitOnLastWindowClosed()
    qapp.setQuitOnLastWindowClosed(False)
    yield lambda wanted: Player(qapp, wanted, props, tmp_path)
    qapp.setQuitOnLastWindowClosed(quits)
    use_language(resources / "translations", "en")
    usual = ThemeManager(qapp, Theme.SYSTEM, 1.0)
    qapp.styleHints().colorSchemeChanged.disconnect(usual._on_system_changed)
    usual.deleteLater()


def faults_of(act: Act, wanted: Look, player: Player) -> list[str]:
    """What is wrong in the scenes of an act."""
    sizes = [(wanted.width, wanted.height)] + ([WIDER] if wanted.width < WIDER[0] else [])
    faults = []
    with player.program(act) as view:
        for scene in act.scenes:
            scene.lead(view)
            found: list[str] = []
            for width, height in sizes:
                view.window.resize(width, height)
                view.rest(SETTLE_MS)
                found += audit.all_faults(view.window, width, height)
            found += audit.keyboard_faults(view.window)
            view.window.resize(wanted.width, wanted.height)
            faults += [f"{scene.name}: {fault}" for fault in dict.fromkeys(found)]
    return faults


def name_of(part: Look | Act) -> str:
    """For the tests' names."""
    return part.name


@pytest.mark.timeout(400)  # the longest act has two dozen scenes
@pytest.mark.parametrize(("wanted", "act"), IN_TURN, ids=name_of)
def test_that_nothing_is_wrong_in_any_scene(act: Act, wanted: Look, make_player: MakePlayer) -> None:
    assert not faults_of(act, wanted, make_player(wanted))


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("wanted", "act"), SELDOM, ids=name_of)
def test_that_nothing_is_wrong_in_the_other_looks(act: Act, wanted: Look, make_player: MakePlayer) -> None:
    assert not faults_of(act, wanted, make_player(wanted))


# What changes while the window is open ------------------------------------------------------------------------------


def act_of(*, wizard: bool = False) -> Act:
    """A PC with a card, and no scene."""
    return Act("audit", PC, (), wizard=wizard)


def tell_sizes(view: View) -> dict[tuple[PageId, str, str], set[tuple[int, int]]]:
    """Height of the letters, and of the control, by page, class and name."""
    sizes: dict[tuple[PageId, str, str], set[tuple[int, int]]] = {}
    for page in PageId:
        view.open(page)
        view.rest(400)
        for widget in audit.seen(view.window.stack.currentWidget()):
            if audit.is_interactive(widget):
                key = (page, type(widget).__name__, audit.name_of(widget))
                # A card is as high as what is in it; the edge of the chosen one counts when it is laid out next.
                height = 0 if isinstance(widget, QFrame) and widget.property("surface") == "card" else widget.height()
                sizes.setdefault(key, set()).add((widget.fontMetrics().height(), height))
    return sizes


def test_that_a_switch_of_text_size_leaves_nothing_in_the_old_size(make_player: MakePlayer) -> None:
    plain, large = Look("plain", "dark", 1440, 900), Look("large", "dark", 1440, 900, text_scale=1.5)
    with make_player(large).program(act_of()) as view:
        from_the_start = tell_sizes(view)
    with make_player(plain).program(act_of()) as view:
        before = tell_sizes(view)
        view.session.change_settings(view.session.settings.with_changes(text_scale=1.5))
        switched = tell_sizes(view)
    common = switched.keys() & from_the_start.keys()
    assert {page for page, _, _ in common} == set(PageId)
    assert {key: switched[key] for key in common} == {key: from_the_start[key] for key in common}
    assert sum(before.get(key) != switched[key] for key in common) > len(common) / 2


def colors_of(image: QImage, least: int) -> set[str]:
    """Opaque colours of at least so many pixels."""
    if image.isNull():
        return set()
    pixels = np.frombuffer(image.convertToFormat(QImage.Format.Format_ARGB32).constBits(), np.uint32)
    values, counts = np.unique(pixels[pixels >> 24 == 255] & 0xFFFFFF, return_counts=True)
    return {f"#{value:06x}" for value, count in zip(values, counts, strict=True) if count >= least}


def old_colors(widget: QWidget, old: Tokens, new: Tokens) -> set[str]:
    """Tokens of the other theme: as areas of the window, on labels, and in icons."""
    found = colors_of(widget.grab().toImage(), AREA_PX)
    for label in widget.findChildren(QLabel):
        found.add(label.palette().color(label.foregroundRole()).name())
    for icon in widget.findChildren(IconLabel):
        found |= colors_of(icon.pixmap().toImage(), 3)
    for button in widget.findChildren(Button):
        found |= colors_of(button.icon().pixmap(button.iconSize()).toImage(), 3)
    new_values = {getattr(new, name) for name in token_names()}
    return {name for name in token_names() if getattr(old, name) in found - new_values}


def test_that_a_switch_of_theme_leaves_nothing_in_the_old_colours(make_player: MakePlayer) -> None:
    left: dict[str, set[str]] = {}
    with make_player(Look("dark", "dark", 1280, 672)).program(act_of()) as view:
        for page in PageId:
            view.open(page)
            view.rest(300)
            for theme, old, new in ((Theme.LIGHT, DARK, LIGHT), (Theme.DARK, LIGHT, DARK)):
                assert old_colors(view.window, old, new)
                view.session.change_settings(view.session.settings.with_changes(theme=theme))
                view.rest(SETTLE_MS)
                left[f"{page} {theme}"] = old_colors(view.window, old, new)
    assert not {name: colors for name, colors in left.items() if colors}


def test_that_the_wizard_and_dialogs_follow_theme_and_text_size(make_player: MakePlayer) -> None:
    left: dict[str, object] = {}
    with make_player(Look("dark", "dark", 1440, 900)).program(act_of()) as view:
        for name, open_dialog in DIALOGS.items():
            dialog = open_dialog(view)
            view.rest(100)
            assert old_colors(dialog, DARK, LIGHT)
            view.session.change_settings(view.session.settings.with_changes(theme=Theme.LIGHT, text_scale=1.5))
            view.rest(SETTLE_MS)
            left[name] = (old_colors(dialog, DARK, LIGHT), audit.cut_words(view.window), audit.misplaced(view.window))
            view.session.change_settings(view.session.settings.with_changes(theme=Theme.DARK, text_scale=1.0))
            dialog.close()
            view.rest(SETTLE_MS)
    assert left == {name: (set(), [], []) for name in DIALOGS}


# What is opened and closed ------------------------------------------------------------------------------------------


def open_history(view: View) -> QWidget:
    view.window.show_page(PageId.CREATE)
    view.create.open_history()
    return shown_dialog(view)


def open_programs(view: View) -> QWidget:
    view.window.show_page(PageId.THIS_PC, SHOW_PROGRAMS)
    return shown_dialog(view)


def open_report(view: View) -> QWidget:
    view.window.show_page(PageId.HELP)
    view.window.pages[PageId.HELP].copy_report()
    return shown_dialog(view)


def open_repository(view: View) -> QWidget:
    view.window.show_page(PageId.MODELS)
    button = view.window.pages[PageId.MODELS].add_repository
    view.until(button.isEnabled)
    button.click()
    return shown_dialog(view)


def open_reset(view: View) -> QWidget:
    view.session.change_settings(view.session.settings.with_changes(wizard_done=True, update_check=True))
    view.window.show_page(PageId.SETTINGS)
    view.window.pages[PageId.SETTINGS].maker.reset_all.click()
    return shown_dialog(view)


def open_wizard(view: View) -> QWidget:
    view.window.open_wizard()
    return shown_dialog(view)


DIALOGS: dict[str, Callable[[View], QWidget]] = {
    "prompts that were used": open_history,
    "programs on the card": open_programs,
    "report": open_report,
    "repository": open_repository,
    "reset": open_reset,
    "wizard": open_wizard,
}


def shown_dialog(view: View) -> QWidget:
    """The dialog that is open."""
    view.until(lambda: isinstance(QApplication.activeModalWidget(), QDialog))
    dialog = QApplication.activeModalWidget()
    assert dialog is not None
    return dialog


def what_there_is(rest: Callable[[int], None]) -> tuple[int, int, int]:
    """Widgets, timers in windows, threads, when nothing more comes or goes by itself."""
    before: tuple[int, int, int] | None = None
    for _ in range(40):
        rest(250)
        gc.collect()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        timers = sum(len(top.findChildren(QTimer)) for top in QApplication.topLevelWidgets())
        now = len(QApplication.allWidgets()), timers, threading.active_count()
        if now == before:
            break
        before = now
    return now


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_that_dialogs_leave_nothing(make_player: MakePlayer) -> None:
    left = {}
    with make_player(Look("dark", "dark", 1280, 672)).program(act_of()) as view:
        for name, open_dialog in DIALOGS.items():
            open_dialog(view).close()
            for _ in range(3):  # a page below it may still have got something new, which it gets once
                before = what_there_is(view.rest)
                for _ in range(TIMES):
                    open_dialog(view).close()
                    view.rest(5)
                left[name] = (before, what_there_is(view.rest))
                if left[name][0] == left[name][1]:
                    break
    assert not {name: counts for name, counts in left.items() if counts[0] != counts[1]}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_that_windows_with_all_their_pages_leave_nothing(make_player: MakePlayer) -> None:
    player, counts = make_player(Look("dark", "dark", 1280, 672)), []
    for number in range(TIMES):
        with player.program(act_of()) as view:
            for page in PageId:
                view.window.show_page(page)
        if number in (1, TIMES - 1):
            counts.append(what_there_is(view.rest))
    assert counts[0] == counts[1]
