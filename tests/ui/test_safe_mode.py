"""Safe mode: in processes that are really killed, and in a window that leaves out what could break."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.ui.conftest import FAKE_ENGINE, ROOT, WAIT_MS, OpenProgram
from wan_desktop.core.banner import BannerKind
from wan_desktop.core.engine_client import EngineReady
from wan_desktop.core.errors import QueueSpaceError
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.safe_mode import MOST_BAD_ENDS, NextStart, Start
from wan_desktop.core.settings import Settings, StartPage, Theme, load_settings, save_settings
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.wanted_downloads import WantedDownloads
from wan_desktop.core.window_place import Rectangle, WindowPlace, load_place, place_file, save_place
from wan_desktop.ui.help.page import HelpPage
from wan_desktop.ui.help.part import PartId
from wan_desktop.ui.page import PageId
from wan_desktop.ui.program import Program

LEFT = Qt.MouseButton.LeftButton
MARK = "start-in-progress"
WANTED = ModelKey("wan2.2-ti2v-5b", "bf16")
_PROGRAM = """
import json, os, queue, sys, threading
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from wan_desktop import app
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.safe_mode import NextStart
from wan_desktop.ui.main_window import MainWindow

orders = queue.SimpleQueue()

def read():
    for line in sys.stdin:
        orders.put(line.strip())
    orders.put("close")

def on_paint():
    if os.environ.get("DIES_AT_PAINT"):
        os.kill(os.getpid(), 9)
    QTimer.singleShot(20, look)

def look():
    window = next(each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow))
    if window.session is None or window.create.form is None:
        QTimer.singleShot(20, look)
        return
    notice = window.banners.notice
    said = None if notice is None else [notice.title.text(), [button.text() for button in notice.buttons]]
    visible = notice is not None and notice.isVisible()
    reason = window.session.safe_reason
    print(json.dumps({"pid": os.getpid(), "reason": reason, "said": said, "visible": visible}), flush=True)
    threading.Thread(target=read, daemon=True).start()
    obey(window)

def obey(window):
    try:
        order = orders.get_nowait()
    except queue.Empty:
        QTimer.singleShot(20, lambda: obey(window))
        return
    if order == "restart normally":
        window.banners.notice.buttons[0].click()
    elif order == "restart safely":
        window.session.restart_requested.emit(NextStart.SAFE)
    else:
        window.close()

code = app.run_window(
    AppPaths.find(),
    engine_command=[sys.executable, os.environ["FAKE_ENGINE"], "ok"],
    on_first_paint=on_paint,
    safe_mode="--safe-mode" in sys.argv,
)
print(json.dumps({"code": code}), flush=True)
"""
Seen = dict[str, Any]


class Running:
    """The program as a process, offscreen; what it shows comes on its standard output."""

    def __init__(self, data: Path, *arguments: str, **environment: str) -> None:
        home = {"WAN_DESKTOP_HOME": str(data), "FAKE_ENGINE": str(FAKE_ENGINE), "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments],
            env=os.environ | home | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> Seen:
        """The next thing that it, or the one that it has started, shows."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        """`kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=60)

    def end(self, order: str = "close") -> list[Seen]:
        """Let it end in good order; what it shows until it and the one that it has started are over."""
        output, _ = self.process.communicate(f"{order}\n", timeout=60)
        return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts the program; none is left afterwards."""
    running: list[Running] = []

    def begin(*arguments: str, **environment: str) -> Running:
        running.append(Running(tmp_path, *arguments, **environment))
        return running[-1]

    yield begin
    for each in running:
        if each.process.poll() is None:
            each.kill()


def die_twice(start: Callable[..., Running]) -> None:
    """Two starts that end with their first paint: one fewer than lead to safe mode."""
    for _ in range(MOST_BAD_ENDS - 1):
        dead = start(DIES_AT_PAINT="1")
        dead.process.communicate(timeout=60)
        assert dead.process.returncode == -signal.SIGKILL


# Processes ------------------------------------------------------------------------------------------------------------


def test_that_after_three_kills_the_window_opens_in_safe_mode_and_says_so(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    for _ in range(MOST_BAD_ENDS):
        usual = start()
        assert usual.line()["reason"] is None
        usual.kill()
    safe = start()
    seen = safe.line()
    assert seen["reason"] == "bad-ends"
    assert seen["said"] == ["Safe mode, because the last 3 starts ended badly", ["Restart normally"]]
    assert seen["visible"]
    assert safe.end() == [{"code": 0}]
    assert not (tmp_path / MARK).exists()
    usual = start()
    assert usual.line()["reason"] is None
    usual.end()


def test_that_a_window_that_dies_at_its_first_paint_leads_to_safe_mode_too(start: Callable[..., Running]) -> None:
    die_twice(start)
    start(DIES_AT_PAINT="1").process.communicate(timeout=60)
    safe = start()
    assert safe.line()["reason"] == "bad-ends"
    safe.end()


def test_that_an_end_in_good_order_breaks_the_row(start: Callable[..., Running]) -> None:
    die_twice(start)
    usual = start()
    assert usual.line()["reason"] is None
    usual.end()
    die_twice(start)
    usual = start()
    assert usual.line()["reason"] is None
    usual.end()


def test_that_a_second_start_that_only_calls_the_first_is_not_counted(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    first = start()
    assert first.line()["reason"] is None
    for _ in range(MOST_BAD_ENDS):
        second = start()
        output, _ = second.process.communicate(timeout=60)
        assert output.splitlines()[-1] == '{"code": 0}'
    assert not (tmp_path / "bad-starts.json").exists()
    first.kill()
    after = start()
    assert after.line()["reason"] is None
    after.end()


def test_that_restart_normally_opens_the_usual_window_when_this_one_is_over(start: Callable[..., Running]) -> None:
    safe = start("--safe-mode")
    first = safe.line()
    assert (first["reason"], first["said"][0]) == ("asked", "Safe mode, as you asked")
    ended, usual, last = safe.end("restart normally")
    assert ended == last == {"code": 0}
    assert usual["reason"] is None
    assert usual["pid"] != first["pid"]


def test_that_restart_in_safe_mode_opens_it_when_this_one_is_over(start: Callable[..., Running]) -> None:
    usual = start()
    assert usual.line()["reason"] is None
    _, safe, _ = usual.end("restart safely")
    assert (safe["reason"], safe["visible"]) == ("asked", True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the platform without a screen is asked for")
def test_that_the_command_line_takes_safe_mode(tmp_path: Path) -> None:
    environment = os.environ | {"WAN_DESKTOP_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"}
    log = tmp_path / "logs" / "wan-desktop.log"
    with subprocess.Popen([sys.executable, str(ROOT / "main.py"), "--safe-mode"], env=environment) as running:
        try:
            while running.poll() is None and not (log.exists() and "Safe mode: asked" in log.read_text("utf-8")):
                pass
            assert running.poll() is None
        finally:
            running.kill()


# The window -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def open_safely(open_program: OpenProgram, paths: AppPaths) -> Callable[..., Program]:
    """Opens the window in safe mode."""

    def begin(**options: object) -> Program:
        paths.ensure()
        return open_program(start=Start(paths.data, asked=True), may_set_up=True, **options)

    return begin


def wait_for_form(qtbot: QtBot, program: Program) -> None:
    """Until the window works."""
    qtbot.waitUntil(lambda: program.window.create.form is not None, timeout=WAIT_MS)


def test_that_nothing_begins_by_itself(
    qtbot: QtBot, open_safely: Callable[..., Program], paths: AppPaths, tmp_path: Path
) -> None:
    paths.ensure()
    wanted = WantedDownloads(paths.data / "wanted-downloads.json")
    wanted.add(WANTED)
    save_settings(Settings(start_page=StartPage.LIBRARY), paths.settings_file)
    program = open_safely(file=tmp_path / "a video.mp4")
    session = program.session
    wait_for_form(qtbot, program)
    qtbot.waitUntil(lambda: session.models.is_settled, timeout=WAIT_MS)
    with qtbot.waitSignal(session.pc.changed, timeout=WAIT_MS):
        session.pc.look()
    assert session.client.process_id is None
    assert session.models.activity(WANTED) is None
    assert wanted.keys() == [WANTED]
    assert not session.library.is_open
    assert program.window.create.stage.recent is None
    assert program.window.wizard is None
    assert program.window.page_id is PageId.CREATE
    assert program.reachability is None


def test_that_a_download_that_was_on_its_way_goes_on_in_a_usual_window(
    qtbot: QtBot, open_program: OpenProgram, paths: AppPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    paths.ensure()
    WantedDownloads(paths.data / "wanted-downloads.json").add(WANTED)
    models = open_program(start=Start(paths.data)).session.models
    qtbot.waitUntil(lambda: models.activity(WANTED) is not None, timeout=WAIT_MS)


def test_that_the_engine_starts_when_it_is_asked_for(qtbot: QtBot, open_safely: Callable[..., Program]) -> None:
    program = open_safely()
    program.window.resize(1440, 900)
    card = program.window.sidebar.pc
    assert card.state.text() == "Off"
    assert card.start.text() == "Start it"
    qtbot.mouseClick(card.start, LEFT)
    qtbot.waitUntil(lambda: card.state.text() == "Ready", timeout=WAIT_MS)
    assert isinstance(program.session.engine_state, EngineReady)
    assert card.start.isHidden()


def test_that_the_library_is_read_when_it_is_shown(qtbot: QtBot, open_safely: Callable[..., Program]) -> None:
    program = open_safely()
    with qtbot.waitSignal(program.session.library.scanned, timeout=WAIT_MS):
        program.window.show_page(PageId.LIBRARY)


def test_that_look_place_and_form_are_the_usual_ones_and_what_is_kept_stays(
    qtbot: QtBot, open_safely: Callable[..., Program], paths: AppPaths
) -> None:
    paths.ensure()
    kept = Settings(theme=Theme.DARK, text_scale=1.5)
    save_settings(kept, paths.settings_file)
    place = WindowPlace(Rectangle(30, 20, 1200, 700))
    save_place(place, place_file(paths.data))
    form = paths.data / "form.json"
    form.write_text('{"prompt": "a fox"}')
    program = open_safely()
    window = program.window
    wait_for_form(qtbot, program)
    assert program.theme.theme is Theme.SYSTEM
    assert window.fontMetrics().height() < 1.2 * 14 * 1.5
    assert window.size() != (1200, 700)
    assert window.create.form.state.prompt == ""
    window.create.form.write_prompt("a wolf")
    window.show_page(PageId.SETTINGS)
    program.session.change_settings(program.session.settings.with_changes(live_preview=False))
    assert program.theme.theme is Theme.SYSTEM
    qtbot.waitUntil(lambda: load_settings(paths.settings_file).live_preview is False, timeout=WAIT_MS)
    window.close()
    assert load_settings(paths.settings_file) == kept.with_changes(live_preview=False)
    assert load_place(place_file(paths.data)) == place
    assert form.read_text() == '{"prompt": "a fox"}'


def test_that_what_is_chosen_now_is_shown_now(open_safely: Callable[..., Program], paths: AppPaths) -> None:
    paths.ensure()
    save_settings(Settings(theme=Theme.DARK, text_scale=1.5), paths.settings_file)
    program = open_safely()
    program.session.change_settings(program.session.settings.with_changes(theme=Theme.LIGHT))
    assert program.theme.theme is Theme.LIGHT


def test_that_it_is_said_beside_what_the_queue_has_to_say_and_leaves_the_page_room(
    qtbot: QtBot, open_safely: Callable[..., Program]
) -> None:
    window = open_safely().window
    window.resize(1100, 640)
    qtbot.waitUntil(lambda: window.session.renders.is_open, timeout=WAIT_MS)
    window.session.renders.trouble.emit(QueueSpaceError("The queue cannot be saved.", hint="Free some space."))
    qtbot.waitUntil(lambda: window.queue.notice is not None and window.queue.notice.isVisible(), timeout=WAIT_MS)
    assert window.banners.notice.isVisible()
    hint = window.minimumSizeHint()
    assert hint.width() <= 1100
    assert hint.height() <= 640
    qtbot.mouseClick(window.banners.close_button, LEFT)
    assert window.banners.banner is None or window.banners.banner.kind is not BannerKind.SAFE_MODE


def test_that_a_window_that_has_worked_for_a_while_has_started_well(
    qtbot: QtBot, open_program: OpenProgram, paths: AppPaths
) -> None:
    paths.ensure()
    for _ in range(MOST_BAD_ENDS - 1):
        Start(paths.data)
    start = Start(paths.data, healthy_s=0.1)
    assert (paths.data / MARK).exists()
    open_program(start=start)
    qtbot.waitUntil(lambda: not (paths.data / MARK).exists(), timeout=WAIT_MS)
    assert Start(paths.data).reason is None


def test_that_a_window_that_never_came_to_work_has_not_ended_well(open_program: OpenProgram, paths: AppPaths) -> None:
    paths.ensure()
    for _ in range(MOST_BAD_ENDS - 1):
        Start(paths.data)
    program = open_program(start=Start(paths.data))
    other = Program(program.parent(), paths, start=Start(paths.data))
    other.shutdown()
    program.parent().aboutToQuit.disconnect(other.shutdown)
    assert (paths.data / MARK).exists()


@pytest.mark.parametrize(
    ("asked", "words", "how"),
    [(False, "Restart in safe mode", NextStart.SAFE), (True, "Restart normally", NextStart.NORMAL)],
    ids=["usual", "safe"],
)
def test_that_help_leads_into_it_and_out_of_it(
    qtbot: QtBot, open_program: OpenProgram, paths: AppPaths, *, asked: bool, words: str, how: NextStart
) -> None:
    paths.ensure()
    program = open_program(start=Start(paths.data, asked=asked))
    program.window.show_page(PageId.HELP)
    help_page = program.window.pages[PageId.HELP]
    assert isinstance(help_page, HelpPage)
    card = help_page.parts[PartId.HEALTH].safe_mode
    assert card.button.text() == words
    with qtbot.waitSignal(program.session.restart_requested) as told:
        qtbot.mouseClick(card.button, LEFT)
    assert told.args == [how]
    assert not program.window.isVisible()


def test_that_a_restart_asks_while_a_video_is_made_and_is_dropped_with_cancel(
    qtbot: QtBot, open_program: OpenProgram, paths: AppPaths
) -> None:
    paths.ensure()
    program = open_program("slow", start=Start(paths.data))
    window = program.window
    wait_for_form(qtbot, program)
    window.create.form.write_prompt("a fox")
    window.create.generate()
    qtbot.waitUntil(lambda: window.create.rendering, timeout=WAIT_MS)
    for button in ("cancel", "stop"):
        program.session.restart_requested.emit(NextStart.SAFE)
        assert window.isVisible()
        assert program.next_start is NextStart.SAFE
        getattr(window.question, button).click()
        qtbot.waitUntil(lambda: window.question.box is None, timeout=WAIT_MS)
        assert window.isVisible() is (button == "cancel")
        assert program.next_start is (None if button == "cancel" else NextStart.SAFE)


def test_that_a_window_that_is_closed_before_its_wizard_opens_stays_closed(
    qtbot: QtBot, open_program: OpenProgram, paths: AppPaths
) -> None:
    paths.ensure()
    closed: list[Program] = []
    earlier = QApplication.instance().findChildren(Program)

    def close_when_it_works() -> None:
        program = next((each for each in QApplication.instance().findChildren(Program) if each not in earlier), None)
        if program is None or program.session is None:
            QTimer.singleShot(0, close_when_it_works)
        elif not closed:
            program.window.close()
            closed.append(program)

    QTimer.singleShot(0, close_when_it_works)
    program = open_program(start=Start(paths.data), may_set_up=True)
    qtbot.waitUntil(lambda: closed == [program], timeout=WAIT_MS)
    for _ in range(20):  # turns of the event loop, one for each module that the wizard needs
        with qtbot.waitCallback() as turn:
            QTimer.singleShot(0, turn)
    assert program.window.wizard is None
    assert not program.window.isVisible()
