"""What is around the pages: closing while a video is made, the tray, notifications, keys, drops, the window's place."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QPushButton, QSystemTrayIcon, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import FAKE_ENGINE, ROOT, WAIT_MS, OpenProgram
from tests.ui.test_windows_shell import FakeWindows
from wan_desktop.core.errors import OfflineError
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.notifications import Event
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings, save_settings
from wan_desktop.core.window_place import Rectangle, WindowPlace, load_place, place_file, save_place
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.dropping import recipe_in
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId
from wan_desktop.ui.shortcuts import SHORTCUTS, Action, shown_keys
from wan_desktop.ui.tray import Tray

# What the offscreen platform has to say of it.
quietly = pytest.mark.qt_log_ignore(
    "propagateSizeHints", r"does not support raise\(\)", "systemTrayWindowChanged", extend=True
)
OpenPage = Callable[..., CreatePage]


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """There is a tray; what its icon says."""
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda _self, title, words, _icon: said.append((title, words)))
    return said


def begin(qtbot: QtBot, page: CreatePage) -> MainWindow:
    """Begin a render that goes on and on."""
    page.form.write_prompt("a red circle moving right on a black background")
    qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: page.stage.progress is not None and "step" in page.stage.progress.step.text(), timeout=WAIT_MS
    )
    window = page.window()
    assert isinstance(window, MainWindow)
    return window


# Closing -------------------------------------------------------------------------------------------------------------


def test_that_closing_while_a_video_is_made_asks_and_can_be_cancelled(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    window = begin(qtbot, page)
    window.close()
    window.close()
    question = window.question
    names = [button.text() for button in (question.keep, question.stop, question.cancel)]
    assert names == ["Keep running in the background", "Stop and quit", "Cancel"]
    assert question.box.defaultButton() is question.keep
    qtbot.mouseClick(question.cancel, Qt.MouseButton.LeftButton)
    assert question.box is None
    assert window.isVisible()
    assert page.rendering


def test_that_escape_cancels_the_question(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    window = begin(qtbot, page)
    window.close()
    qtbot.keyClick(window.question.box, Qt.Key.Key_Escape)
    assert window.question.box is None
    assert page.rendering


def test_that_stop_and_quit_closes_the_window(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    window = begin(qtbot, page)
    window.close()
    with qtbot.waitSignal(window.closed, timeout=WAIT_MS):
        qtbot.mouseClick(window.question.stop, Qt.MouseButton.LeftButton)
    assert not window.isVisible()


def test_that_the_question_goes_when_the_video_is_done(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    window = begin(qtbot, page)
    window.close()
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        page.stop()
    assert window.question.box is None
    assert window.isVisible()


@quietly
def test_that_the_window_goes_behind_the_tray_and_comes_back(
    qtbot: QtBot, open_page: OpenPage, messages: list[tuple[str, str]]
) -> None:
    page = open_page("slow")
    window = begin(qtbot, page)
    window.close()
    qtbot.mouseClick(window.question.keep, Qt.MouseButton.LeftButton)
    assert not window.isVisible()
    assert not QApplication.quitOnLastWindowClosed()
    assert page.rendering
    tray = window.shell.notifier.tray
    assert isinstance(tray, Tray)
    tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Context)
    assert not window.isVisible()
    tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert window.isVisible()
    assert QApplication.quitOnLastWindowClosed()
    assert not messages


@quietly
def test_that_quit_in_the_tray_asks_in_the_window(
    qtbot: QtBot, open_page: OpenPage, messages: list[tuple[str, str]]
) -> None:
    page = open_page("slow")
    window = begin(qtbot, page)
    window.shell.send_to_background()
    window.shell.notifier.tray.quit_requested.emit()
    assert window.isVisible()
    assert window.question.box is not None
    assert not messages


@quietly
def test_that_without_a_tray_the_window_is_only_made_small(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    window = begin(qtbot, page)
    window.close()
    qtbot.mouseClick(window.question.keep, Qt.MouseButton.LeftButton)
    assert window.isMinimized()
    assert window.isVisible()
    window.bring_up()
    assert not window.isMinimized()


def test_that_the_program_runs_on_in_the_background_and_ends_by_the_tray(tmp_path: Path) -> None:
    save_settings(Settings(wizard_done=True), AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path)}).settings_file)
    script = f"""
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QSystemTrayIcon
from wan_desktop import app
from wan_desktop.core.paths import AppPaths
from wan_desktop.ui.program import Program
QSystemTrayIcon.isSystemTrayAvailable = staticmethod(lambda: True)
said = []
class Watched(Program):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.page = self.window.create
        self.page.form_ready.connect(self.begin)
        self.timer = QTimer(self, interval=50)
        self.timer.timeout.connect(self.go_on)
        self.hidden_for = 0
    def begin(self):
        self.page.form.write_prompt("a red circle")
        self.page.footer.generate.click()
        self.timer.start()
    def go_on(self):
        question = self.window.question
        if question.box is not None:
            question.keep.click()
        elif self.window.isVisible() and self.page.rendering:
            self.window.close()
        elif self.page.rendering:
            self.hidden_for += 1
            if self.hidden_for == 10:
                said.append((self.window.isVisible(), self.page.rendering))
                self.page.stop()
        elif said:
            self.timer.stop()
            self.window.shell.quit_requested.emit()
import wan_desktop.ui.program
wan_desktop.ui.program.Program = Watched
code = app.run_window(AppPaths.find(), engine_command=[sys.executable, {str(FAKE_ENGINE)!r}, "slow"])
print(code, said)
"""
    environment = {
        "PATH": "",
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
        "WAN_DESKTOP_HOME": str(tmp_path),
    }
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert ran.stdout.splitlines()[-1:] == ["0 [(False, True)]"], ran.stderr


# What the system is told ---------------------------------------------------------------------------------------------


def look_away(qtbot: QtBot, window: MainWindow) -> None:
    """Another window is in front."""
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(lambda: not window.isActiveWindow(), timeout=WAIT_MS)
    window.other = other  # type: ignore[attr-defined] - lives as long


@quietly
def test_that_a_video_is_told_while_nobody_looks_and_a_click_shows_it(
    qtbot: QtBot, open_page: OpenPage, messages: list[tuple[str, str]]
) -> None:
    page = open_page()
    window = page.window()
    look_away(qtbot, window)
    page.form.write_prompt("a red circle moving right on a black background")
    with qtbot.waitSignal(window.shell.notifier.told, timeout=WAIT_MS) as told:
        page.footer.generate.click()
    assert told.args == [Event.VIDEO_READY]
    assert [title for title, _ in messages] == ["Your video is ready"]
    window.showMinimized()
    window.shell.notifier.tray.icon.messageClicked.emit()
    assert not window.isMinimized()
    assert window.page_id is PageId.CREATE


@quietly
def test_that_a_failure_is_told_once_until_somebody_looks(
    qtbot: QtBot, open_page: OpenPage, messages: list[tuple[str, str]]
) -> None:
    page = open_page("oom")
    window = page.window()
    look_away(qtbot, window)
    page.form.write_prompt("a red circle moving right on a black background")
    for _ in range(2):
        with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
            page.generate()
    assert [title for title, _ in messages] == ["A video needs you"]
    window.bring_up()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    look_away(qtbot, window)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        page.generate()
    assert len(messages) == 2


@quietly
def test_that_nothing_is_told_to_who_looks_or_does_not_want_it(
    qtbot: QtBot, open_page: OpenPage, messages: list[tuple[str, str]]
) -> None:
    page = open_page()
    window = page.window()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    window.shell.notifier.tell(Event.QUEUE_DONE, "")
    look_away(qtbot, window)
    session = window.session
    session.change_settings(session.settings.with_changes(notify_done=False))
    window.shell.notifier.tell(Event.QUEUE_DONE, "")
    assert not messages
    window.shell.notifier.tell(Event.DOWNLOAD_DONE, "Wan 2.2 can be used now.")
    assert messages == [("The download is done", "Wan 2.2 can be used now.")]


@quietly
def test_that_a_queue_of_videos_is_told_when_all_are_done(
    qtbot: QtBot, open_page: OpenPage, messages: list[tuple[str, str]]
) -> None:
    page = open_page()
    window = page.window()
    look_away(qtbot, window)
    page.form.write_prompt("a red circle moving right on a black background")
    renders = window.session.renders
    with qtbot.waitSignal(window.shell.notifier.told, timeout=WAIT_MS) as told:
        renders.add(page.model, (page.form.state.draft(), page.form.state.draft()))
    assert told.args == [Event.QUEUE_DONE]
    assert len(renders.snapshot.finished) == 2
    assert [title for title, _ in messages] == ["All videos are done"]


@quietly
def test_that_downloads_are_told(qtbot: QtBot, open_page: OpenPage, messages: list[tuple[str, str]]) -> None:
    window = open_page().window()
    models = window.session.models
    qtbot.waitUntil(lambda: bool(models.offers()), timeout=WAIT_MS)
    offer = models.offers()[0]
    look_away(qtbot, window)
    models.finished.emit(offer.key, ActivityKind.CHECK, None)
    models.failed.emit(offer.key, OfflineError("There is no connection."))  # not of a download
    assert not messages
    models.finished.emit(offer.key, ActivityKind.DOWNLOAD, None)
    assert messages == [("The download is done", f"{offer.metadata.name} can be used now.")]
    with qtbot.waitSignal(window.shell.page_requested) as asked:
        window.shell.notifier.tray.icon.messageClicked.emit()
    assert asked.args == [PageId.MODELS, offer.key]


def test_that_windows_shows_the_progress_and_stays_awake(qtbot: QtBot, open_program: OpenProgram) -> None:
    windows = FakeWindows()
    program = open_program("slow", libraries=windows.libraries)
    page, window = program.window.create, program.window
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    assert windows.named("attribute 20")
    handle = int(window.winId())
    begin(qtbot, page)
    qtbot.waitUntil(lambda: bool(windows.named("SetProgressValue")), timeout=WAIT_MS)
    assert ("SetProgressState", handle, 2) in windows.calls
    qtbot.waitUntil(
        lambda: windows.named("SetThreadExecutionState")[-1:] == [("SetThreadExecutionState", 0x80000001)],
        timeout=WAIT_MS,
    )
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        page.stop()
    qtbot.waitUntil(lambda: windows.named("SetProgressState")[-1][2] == 0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: windows.named("SetThreadExecutionState")[-1][1] == 0x80000000, timeout=WAIT_MS)
    program.shutdown()
    assert windows.calls[-1] == ("Release",)


@quietly
def test_that_a_failure_is_red_until_somebody_looks(qtbot: QtBot, open_program: OpenProgram) -> None:
    windows = FakeWindows()
    window = open_program("oom", libraries=windows.libraries).window
    page = window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    look_away(qtbot, window)
    page.form.write_prompt("a red circle moving right on a black background")
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        page.generate()
    assert windows.named("SetProgressState")[-1][2] == 4
    window.bring_up()
    qtbot.waitUntil(lambda: windows.named("SetProgressState")[-1][2] == 0, timeout=WAIT_MS)


# Keys ----------------------------------------------------------------------------------------------------------------


def test_that_the_table_of_keys_is_sound() -> None:
    keys = [QKeySequence(key) for entry in SHORTCUTS for key in entry.keys]
    assert not any(key.isEmpty() for key in keys)
    in_an_area = [(entry.area, QKeySequence(key).toString()) for entry in SHORTCUTS for key in entry.keys]
    assert len(set(in_an_area)) == len(in_an_area)
    assert sorted(entry.action for entry in SHORTCUTS) == sorted(Action)
    assert shown_keys(Action.GENERATE) == "Ctrl+Enter"


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_that_ctrl_enter_generates(qtbot: QtBot, open_page: OpenPage, key: Qt.Key) -> None:
    page = open_page("slow")
    page.window().activateWindow()
    qtbot.waitUntil(lambda: page.form.prompt.hasFocus(), timeout=WAIT_MS)
    page.form.write_prompt("a red circle moving right on a black background")
    qtbot.keyClick(page.form.prompt, key, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.rendering, timeout=WAIT_MS)


def test_that_keys_go_round_the_parts_of_the_window(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    window.activateWindow()
    qtbot.waitUntil(lambda: page.form.prompt.hasFocus(), timeout=WAIT_MS)

    def area() -> str:
        focused = window.focusWidget()
        areas = {"sidebar": window.sidebar, "form": page.column, "stage": page.stage}
        return next(name for name, area in areas.items() if area.isAncestorOf(focused))

    qtbot.waitUntil(lambda: any(part.isVisible() for part in page.stage.findChildren(QPushButton)), timeout=WAIT_MS)
    forward = []
    for _ in range(3):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_F6)
        forward.append(area())
    assert forward == ["stage", "sidebar", "form"]
    back = []
    for _ in range(3):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
        back.append(area())
    assert back == ["sidebar", "stage", "form"]


def test_that_f5_looks_at_the_pc_again(qtbot: QtBot, open_page: OpenPage) -> None:
    window = open_page().window()
    window.activateWindow()
    qtbot.waitUntil(lambda: window.session.pc.profile is not None, timeout=WAIT_MS)
    with qtbot.waitSignal(window.session.pc.changed, timeout=WAIT_MS):
        qtbot.keyClick(window, Qt.Key.Key_F5)


# Drops ---------------------------------------------------------------------------------------------------------------


def files(*paths: Path) -> QMimeData:
    """What a file manager drops."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drop(window: QWidget, data: QMimeData) -> tuple[bool, bool]:
    """Drag it in and drop it; whether it was taken each time."""
    copy, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(QPoint(5, 5), copy, data, button, none)
    entered.ignore()
    QApplication.sendEvent(window, entered)
    dropped = QDropEvent(QPointF(5, 5), copy, data, button, none)
    dropped.ignore()
    QApplication.sendEvent(window, dropped)
    return entered.isAccepted(), dropped.isAccepted()


@pytest.mark.parametrize("name", ["a video.mp4", "Bild.PNG", "recipe.json"])
def test_that_a_file_of_ours_may_be_dropped_anywhere(
    qtbot: QtBot, open_program: OpenProgram, tmp_path: Path, name: str
) -> None:
    window = open_program().window
    with qtbot.waitSignal(window.recipe_dropped) as dropped:
        assert drop(window, files(tmp_path / "notes.txt", tmp_path / name)) == (True, True)
    assert dropped.args == [tmp_path / name]


def test_that_other_things_are_not_taken(qtbot: QtBot, open_program: OpenProgram, tmp_path: Path) -> None:
    window = open_program().window
    words = QMimeData()
    words.setText("a.mp4")
    far = QMimeData()
    far.setUrls([QUrl("https://example.org/a.mp4")])
    with qtbot.assertNotEmitted(window.recipe_dropped):
        for data in (files(tmp_path / "a.txt"), words, far):
            assert recipe_in(data) is None
        assert drop(window, words) == (False, False)
        for data, why in (
            (files(tmp_path / "a.txt"), "a.txt brings no settings of a video."),
            (far, "a.mp4 is not a file on this PC."),
        ):
            assert drop(window, data) == (True, True)
            said = window.session.messages.messages[0]
            assert (said.kind, said.title) == ("info", why)
            assert said.words


def test_that_a_file_that_is_dragged_over_the_window_is_not_dropped_yet(
    qtbot: QtBot, open_program: OpenProgram, tmp_path: Path
) -> None:
    window = open_program().window
    data = files(tmp_path / "a.mp4")
    copy, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    with qtbot.assertNotEmitted(window.recipe_dropped):
        for kind in (QDragEnterEvent, QDragMoveEvent, QDragMoveEvent):
            event = kind(QPoint(5, 5), copy, data, button, none)
            event.ignore()
            QApplication.sendEvent(window, event)
            assert event.isAccepted()


# The window's place --------------------------------------------------------------------------------------------------


def test_that_the_window_comes_up_where_it_was(qtbot: QtBot, open_program: OpenProgram, paths: AppPaths) -> None:
    window = open_program().window
    window.resize(1200, 700)
    window.move(60, 20)
    window.close()
    kept = load_place(place_file(paths.data))
    assert kept == WindowPlace(Rectangle(60, 20, 1200, 700))


def test_that_a_kept_place_is_fitted_to_the_screens(open_program: OpenProgram, paths: AppPaths) -> None:
    paths.ensure()
    save_place(WindowPlace(Rectangle(-9000, 20, 1500, 700), maximized=True), place_file(paths.data))
    gone = open_program().window
    assert gone.pos().x() >= 0
    assert not gone.isMaximized()
    save_place(WindowPlace(Rectangle(10, 10, 1100, 640), maximized=True), place_file(paths.data))
    assert open_program().window.isMaximized()


def test_that_a_sample_run_keeps_no_place(open_program: OpenProgram, paths: AppPaths) -> None:
    program = open_program(sample=True)
    program.window.close()
    assert not place_file(paths.data).exists()
