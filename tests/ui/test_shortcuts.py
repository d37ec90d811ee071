"""Every key of the table, pressed on the real window as on a keyboard, on every page where it works."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QInputDialog, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import ROOT, WAIT_MS, OpenProgram
from tests.ui.library_shelf import fill, scanned
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_progress import PauseState
from wan_desktop.core.settings import Settings, save_settings
from wan_desktop.core.words import ENGLISH, use_language
from wan_desktop.ui.create.history_dialog import HistoryDialog
from wan_desktop.ui.help.part import PartId
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId
from wan_desktop.ui.queue.page import QueuePage
from wan_desktop.ui.shortcuts import SHORTCUTS, Action, shown_keys, tip

PROMPT = "a red circle moving right on a black background"
PAGES = {
    Action.CREATE: PageId.CREATE,
    Action.QUEUE: PageId.QUEUE,
    Action.LIBRARY: PageId.LIBRARY,
    Action.MODELS: PageId.MODELS,
    Action.THIS_PC: PageId.THIS_PC,
    Action.SETTINGS: PageId.SETTINGS,
}
QUIET = pytest.mark.qt_log_ignore(r"does not support (raise|grabbing)|This plugin", extend=True)  # offscreen
OpenWindow = Callable[..., MainWindow]


@pytest.fixture
def open_window(qtbot: QtBot, open_program: OpenProgram, paths: AppPaths) -> OpenWindow:
    """Opens an active window with a form and three videos, on that page."""

    def start(page: PageId = PageId.CREATE, scenario: str = "ok") -> MainWindow:
        paths.ensure()
        fill(paths.videos)
        window = open_program(scenario).window
        qtbot.waitUntil(lambda: window.create.form is not None, timeout=WAIT_MS)
        scanned(qtbot, window.session)
        bring_up(qtbot, window)
        window.show_page(page)
        return window

    return start


def bring_up(qtbot: QtBot, window: QWidget) -> None:
    """Let it be the active window; offscreen it is not so by itself once a dialog was closed."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)


def press(window: QWidget, action: Action, *, alternative: int = 0) -> None:
    """Press the keys of an action where the focus is."""
    entry = next(entry for entry in SHORTCUTS if entry.action is action)
    combination = QKeySequence(entry.keys[alternative])[0]
    QTest.keyClick(window.focusWidget() or window, combination.key(), combination.keyboardModifiers())


def focus_is_in(window: MainWindow, area: QWidget) -> bool:
    """It, or something in it, has the focus."""
    focused = window.focusWidget()
    return focused is not None and (focused is area or area.isAncestorOf(focused))


# On every page -------------------------------------------------------------------------------------------------------


def test_that_pages_are_reached_from_every_page(open_window: OpenWindow) -> None:
    window = open_window()
    for page in PageId:
        for action, wanted in PAGES.items():
            window.show_page(page)
            press(window, action)
            assert window.page_id is wanted


def test_that_help_opens_on_every_page(open_window: OpenWindow) -> None:
    window = open_window()
    for page in PageId:
        window.show_page(page)
        window.sidebar.nav[page].setFocus()  # which is no field
        press(window, Action.HELP)
        assert window.page_id is PageId.HELP


def test_that_the_prompt_is_reached_from_every_page(open_window: OpenWindow) -> None:
    window = open_window()
    for page in PageId:
        window.show_page(page)
        window.sidebar.nav[page].setFocus()
        press(window, Action.PROMPT)
        assert window.page_id is PageId.CREATE
        assert window.create.form.prompt.hasFocus()


@QUIET
def test_that_earlier_prompts_are_shown_on_every_page(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window()
    for page in PageId:
        window.show_page(page)
        press(window, Action.HISTORY)
        qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None, timeout=WAIT_MS)
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, HistoryDialog)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert QApplication.activeModalWidget() is None


@QUIET
def test_that_a_start_image_can_be_chosen_on_every_page(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window()
    for page in PageId:
        window.show_page(page)
        press(window, Action.CHOOSE_IMAGE)
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QFileDialog)
        assert window.page_id is PageId.CREATE
        dialog.reject()


def test_that_a_seed_is_thrown_on_every_page(open_window: OpenWindow) -> None:
    window = open_window()
    seeds = [window.create.form.state.seed]
    for page in PageId:
        window.show_page(page)
        press(window, Action.NEW_SEED)
        seeds.append(window.create.form.state.seed)
    assert seeds[0] is None
    assert None not in seeds[1:]
    assert len(set(seeds)) == len(PageId) + 1


@QUIET
def test_that_a_report_is_made_on_every_page(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window()
    for page in PageId:
        window.show_page(page)
        press(window, Action.COPY_REPORT)
        shown = window.pages[PageId.HELP]
        qtbot.waitUntil(lambda: shown.dialog is not None, timeout=WAIT_MS)  # noqa: B023 - waited for
        shown.dialog.reject()
        bring_up(qtbot, window)


@pytest.mark.parametrize("step", [Action.NEXT_AREA, Action.PREVIOUS_AREA])
def test_that_the_parts_of_every_page_go_round(open_window: OpenWindow, step: Action) -> None:
    window = open_window()
    for page in PageId:
        window.show_page(page)
        window.sidebar.nav[page].setFocus()
        reached = []
        while not reached or not focus_is_in(window, window.sidebar):
            press(window, step)
            reached.append(window.focusWidget())
            assert len(reached) < 12
        assert len(reached) > 1
        assert all(widget.isVisible() for widget in reached)


def test_that_a_render_is_begun_paused_and_stopped_on_every_page(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window(PageId.CREATE, "slow")
    create, pause = window.create, window.session.renders.pause
    create.form.write_prompt(PROMPT)
    for page in PageId:
        window.show_page(page)
        window.sidebar.nav[page].setFocus()
        press(window, Action.GENERATE)
        qtbot.waitUntil(lambda: create.rendering and pause.can_toggle, timeout=WAIT_MS)
        press(window, Action.PAUSE)
        assert pause.state is not PauseState.NONE
        qtbot.waitUntil(lambda: pause.can_toggle, timeout=WAIT_MS)
        press(window, Action.PAUSE)
        assert pause.state is PauseState.NONE
        with qtbot.waitSignal(create.render_ended, timeout=WAIT_MS) as ended:
            press(window, Action.STOP)
        assert ended.args == [None]


def test_that_a_draft_is_begun_and_stopped_at_once_on_every_page(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window(PageId.CREATE, "slow")
    window.create.form.write_prompt(PROMPT)
    for page in PageId:
        window.show_page(page)
        press(window, Action.TEST_DRAFT, alternative=1)
        assert window.create.rendering
        with qtbot.waitSignal(window.create.render_ended, timeout=WAIT_MS) as ended:
            press(window, Action.STOP)
        assert ended.args == [None]


def test_that_the_queue_pauses_on_every_page_while_nothing_runs(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window()
    renders = window.session.renders
    qtbot.waitUntil(lambda: renders.is_open, timeout=WAIT_MS)
    for page in PageId:
        window.show_page(page)
        press(window, Action.PAUSE)
        qtbot.waitUntil(lambda: renders.snapshot.paused, timeout=WAIT_MS)
        press(window, Action.PAUSE)
        qtbot.waitUntil(lambda: not renders.snapshot.paused, timeout=WAIT_MS)


def test_that_the_search_of_a_page_is_reached(open_window: OpenWindow) -> None:
    window = open_window()
    for page in (PageId.LIBRARY, PageId.MODELS, PageId.SETTINGS, PageId.HELP):
        window.show_page(page)
        window.sidebar.nav[page].setFocus()
        press(window, Action.FIND)
        focused = window.focusWidget()
        assert isinstance(focused, QLineEdit)
        assert "Search" in focused.accessibleName()
        assert focused.toolTip().endswith("(Ctrl+F)")


@pytest.mark.parametrize("page", [PageId.CREATE, PageId.THIS_PC])
def test_that_the_pc_is_looked_at_again(qtbot: QtBot, open_window: OpenWindow, page: PageId) -> None:
    window = open_window(page)
    qtbot.waitUntil(lambda: window.session.pc.profile is not None, timeout=WAIT_MS)
    with qtbot.waitSignal(window.session.pc.changed, timeout=WAIT_MS):
        press(window, Action.REFRESH)


def test_that_the_library_is_read_again(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window(PageId.LIBRARY)
    with qtbot.waitSignal(window.session.library.scanned, timeout=WAIT_MS):
        press(window, Action.REFRESH)


# Create --------------------------------------------------------------------------------------------------------------


def test_that_a_picture_is_pasted_and_a_prompt_undone(qtbot: QtBot, open_window: OpenWindow) -> None:
    form = open_window().create.form
    image = QImage(300, 200, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkCyan)
    QGuiApplication.clipboard().setImage(image)
    form.image.show()
    form.image.zone.setFocus()
    press(form.window(), Action.PASTE_IMAGE)
    qtbot.waitUntil(lambda: form.state.image is not None, timeout=WAIT_MS)
    form.write_prompt("one")
    form.write_prompt("two")
    form.prompt.setFocus()
    press(form.window(), Action.UNDO_PROMPT)
    assert form.prompt.toPlainText() == "one"


# Library and its player ----------------------------------------------------------------------------------------------


def library_of(qtbot: QtBot, window: MainWindow) -> LibraryPage:
    """With its first video chosen by keys, and open."""
    page = window.pages[PageId.LIBRARY]
    qtbot.waitUntil(lambda: page.grid.videos.total == 3 and page.grid.videos.entry(0) is not None, timeout=WAIT_MS)
    page.focus_first()
    assert page.grid.hasFocus()
    QTest.keyClick(page.grid, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: page.details.entry is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.details.one.player.clip is not None, timeout=WAIT_MS)
    return page


def test_that_player_keys_play_step_and_jump(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window(PageId.LIBRARY)
    page = library_of(qtbot, window)
    player = page.details.one.player
    QTest.keyClick(page.grid, Qt.Key.Key_Return)
    assert player.hasFocus()
    assert player.playing
    press(window, Action.HOLD)
    assert not player.playing
    press(window, Action.TO_START)
    assert player.index == 0
    press(window, Action.FRAME_FORWARD)
    press(window, Action.FRAME_FORWARD)
    assert player.index == 2
    press(window, Action.FRAME_BACK)
    assert player.index == 1
    last = player.clip.frames
    second = round(player.clip.fps)
    press(window, Action.SECOND_FORWARD)
    assert player.index == (1 + second) % last
    press(window, Action.SECOND_BACK)
    assert player.index == 1
    press(window, Action.PLAY)
    assert player.playing


@QUIET
def test_that_the_player_fills_the_screen(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window(PageId.LIBRARY)
    page = library_of(qtbot, window)
    QTest.keyClick(page.grid, Qt.Key.Key_Return)
    press(window, Action.FULL_SCREEN)
    (full,) = [child for child in page.details.one.player.children() if getattr(child, "player", None) is not None]
    assert full.isVisible()
    qtbot.waitUntil(lambda: full.player.clip is not None, timeout=WAIT_MS)
    QTest.keyClick(full.player, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.focusWidget() is page.details.one.player, timeout=WAIT_MS)


@QUIET
def test_that_a_video_is_marked_renamed_deleted_and_brought_back(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window(PageId.LIBRARY)
    page = library_of(qtbot, window)
    press(window, Action.FAVOURITE)
    qtbot.waitUntil(lambda: page.details.one.favourite.isChecked(), timeout=WAIT_MS)
    press(window, Action.RENAME)
    (dialog,) = page.findChildren(QInputDialog)
    edit = dialog.findChild(QLineEdit)
    QTest.keyClicks(edit, "The best one")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.details.one.title.text() == "The best one", timeout=WAIT_MS)
    video = page.details.entry.path
    assert video.name == "The best one.mp4"
    bring_up(qtbot, window)
    page.grid.setFocus()
    press(window, Action.DELETE)
    qtbot.waitUntil(lambda: page.grid.videos.total == 2, timeout=WAIT_MS)
    assert not video.exists()
    assert focus_is_in(window, page)
    press(window, Action.UNDO)
    qtbot.waitUntil(lambda: page.grid.videos.total == 3, timeout=WAIT_MS)
    assert video.is_file()


# Queue ---------------------------------------------------------------------------------------------------------------


def queue_of(qtbot: QtBot, window: MainWindow) -> QueuePage:
    """With three that wait, put there by keys, of which none is begun."""
    renders = window.session.renders
    qtbot.waitUntil(lambda: renders.is_open, timeout=WAIT_MS)
    press(window, Action.PAUSE)
    qtbot.waitUntil(lambda: renders.snapshot.paused, timeout=WAIT_MS)
    for number in range(3):
        window.create.form.write_prompt(f"{PROMPT} {number}")
        window.create.add_to_queue()
        qtbot.waitUntil(lambda: len(renders.snapshot.waiting) == number + 1, timeout=WAIT_MS)  # noqa: B023 - waited for
    press(window, Action.QUEUE)
    return window.pages[PageId.QUEUE]


def waiting(page: QueuePage) -> str:
    """The numbers of their prompts, in their order."""
    return "".join(row.job.order.draft.prompt[-1] for row in page.waiting.rows)


def test_that_a_job_is_moved_deleted_and_brought_back(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window()
    page = queue_of(qtbot, window)
    assert page.waiting.rows[0].hasFocus()
    press(window, Action.MOVE_DOWN)
    qtbot.waitUntil(lambda: waiting(page) == "102", timeout=WAIT_MS)
    press(window, Action.MOVE_UP)
    qtbot.waitUntil(lambda: waiting(page) == "012", timeout=WAIT_MS)
    press(window, Action.DELETE)
    qtbot.waitUntil(lambda: waiting(page) == "12", timeout=WAIT_MS)
    (toast,) = window.toasts.toasts
    assert toast.action.text() == "Undo (Ctrl+Z)"
    assert page.waiting.rows[0].hasFocus()
    press(window, Action.UNDO)
    qtbot.waitUntil(lambda: waiting(page) == "012", timeout=WAIT_MS)


def test_that_the_undo_of_a_toast_brings_its_own_job_back(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window()
    page = queue_of(qtbot, window)
    for left in ("12", "2"):
        press(window, Action.DELETE)
        qtbot.waitUntil(lambda: waiting(page) == left, timeout=WAIT_MS)  # noqa: B023 - waited for
    first, _ = window.toasts.toasts
    first.action.click()
    qtbot.waitUntil(lambda: waiting(page) == "02", timeout=WAIT_MS)


# The table -----------------------------------------------------------------------------------------------------------


def test_that_every_key_is_pressed_here() -> None:
    pressed = {Action(action.lower().replace("_", "-")) for action in re.findall(r"Action\.([A-Z_]+)", own_text())}
    assert pressed | {Action.DELETE, Action.UNDO} == set(Action)


def own_text() -> str:
    """What stands in this file."""
    return Path(__file__).read_text(encoding="utf-8")


def test_that_keys_are_named_as_on_the_users_keyboard(
    open_program: OpenProgram, paths: AppPaths, resources: Path
) -> None:
    paths.ensure()
    save_settings(Settings(language="de"), paths.settings_file)
    program = open_program()
    try:
        assert shown_keys(Action.DELETE) == "Entf"
        assert program.window.sidebar.nav[PageId.QUEUE].toolTip() == "Warteschlange (Strg+2)"
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        assert buttons.buttons()[0].text() == "Abbrechen"
    finally:
        program.shutdown()
        use_language(resources / "translations", ENGLISH)
    assert shown_keys(Action.DELETE) == "Del"


def test_that_the_window_lists_every_key(open_window: OpenWindow) -> None:
    window = open_window()
    window.show_page(PageId.HELP, PartId.SHORTCUTS)
    part = window.pages[PageId.HELP].parts[PartId.SHORTCUTS]
    names = {widget.accessibleName() for widget in part.findChildren(QWidget)}
    assert {f"{shown_keys(entry.action)}: {entry.name}" for entry in SHORTCUTS} <= names
    assert {"F2: Rename", "Ctrl+Z: Undo the last deletion"} <= names


def test_that_tool_tips_name_the_keys(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window(PageId.LIBRARY)
    details = library_of(qtbot, window).details
    create = window.create
    create.form.advanced.set_open(True)
    create.form.write_prompt(PROMPT)
    for page in PageId:
        window.show_page(page)
        assert window.sidebar.nav[page].toolTip().endswith(f"({shown_keys(Action(page.value))})")
    named = {
        create.footer.generate: Action.GENERATE,
        create.form.prompt_box.history: Action.HISTORY,
        create.form.prompt_box.undo: Action.UNDO_PROMPT,
        create.form.advanced.content.seed.dice: Action.NEW_SEED,
        details.one.favourite: Action.FAVOURITE,
        details.one.buttons["rename"]: Action.RENAME,
        details.one.buttons["delete"]: Action.DELETE,
        details.one.player.play: Action.PLAY,
        details.one.player.back: Action.FRAME_BACK,
        details.one.player.forward: Action.FRAME_FORWARD,
        details.one.player.full: Action.FULL_SCREEN,
        window.pages[PageId.HELP].copy: Action.COPY_REPORT,
        window.pages[PageId.THIS_PC].check: Action.REFRESH,
        window.pages[PageId.LIBRARY].scan_button: Action.REFRESH,
    }
    for button, action in named.items():
        assert button.toolTip().endswith(f" ({shown_keys(action)})"), button.toolTip()
        assert not button.accessibleName().endswith(")")
    known = {f"({shown_keys(entry.action)})" for entry in SHORTCUTS}
    keyed = [
        button.toolTip() for button in window.findChildren(QPushButton) if re.search(r"\([^ )]+\)$", button.toolTip())
    ]
    assert len(keyed) > len(named)
    assert all(f"({words.rsplit('(', 1)[1]}" in known for words in keyed)


def test_that_keys_are_named_in_one_place_only() -> None:
    ui = ROOT / "wan_desktop" / "ui"
    spelled = re.compile(r"""["'( ](?:Ctrl\+|Strg\+|Shift\+F6|Alt\+(?:Up|Down)|F\d{1,2}[)"'])""")
    found = {
        file.name
        for file in ui.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if spelled.search(line) and '"""' not in line and "#" not in line
    }
    assert found == {"shortcuts.py"}
    assert tip("Rename", Action.RENAME) == "Rename (F2)"
