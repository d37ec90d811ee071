"""The window as a whole."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from tests.ui.conftest import FAKE_ENGINE, ROOT, WAIT_MS, OpenProgram
from wan_desktop.app import has_no_screen
from wan_desktop.core.errors import ModelFilesMissingError
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings, save_settings
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.page import PageId


def test_that_the_window_opens_and_leaves_nothing_running(qtbot: QtBot, open_program: OpenProgram) -> None:
    program = open_program()
    qtbot.waitUntil(lambda: program.window.sidebar.pc.state.text() == "Ready", timeout=WAIT_MS)
    program.window.close()
    program.shutdown()
    assert not [thread for thread in program.session.findChildren(QThread) if thread.isRunning()]
    assert program.session.client.process_id is None or program.session.engine_state is not None


def test_that_a_damaged_model_is_a_card_and_can_be_tried_again(
    qtbot: QtBot, open_program: OpenProgram, model: object
) -> None:
    answers = [ModelFilesMissingError("2 files are missing.", hint="Get the model again."), None]

    def load() -> object:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return model

    page = open_program(load_model=load).window.create
    qtbot.waitUntil(lambda: page.stage.error is not None, timeout=WAIT_MS)
    assert page.stage.error.text.number == "WAN-2101"
    assert not page.footer.generate.isEnabled()
    page.stage.error.retry.click()
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)


def test_that_an_engine_that_cannot_start_is_told_and_can_be_started_again(
    qtbot: QtBot, open_program: OpenProgram
) -> None:
    program = open_program("crash-start")
    card = program.window.sidebar.pc
    qtbot.waitUntil(lambda: card.state.text() == "Stopped", timeout=WAIT_MS)
    assert "exit code 1" in card.more.text()
    assert card.start.isVisible()
    with qtbot.waitSignal(program.session.engine_changed, timeout=WAIT_MS):
        card.start.click()


def test_that_a_narrow_window_shows_icons_only(qtbot: QtBot, open_program: OpenProgram) -> None:
    window = open_program().window
    window.resize(1500, 800)
    qtbot.waitUntil(lambda: window.sidebar.width() == 212, timeout=WAIT_MS)
    window.resize(1280, 672)
    qtbot.waitUntil(lambda: window.sidebar.width() == 64, timeout=WAIT_MS)
    assert window.sidebar.nav[PageId.CREATE].text() == ""
    assert window.sidebar.nav[PageId.CREATE].accessibleName() == "Create"


def test_that_the_window_is_not_wider_than_its_minimum(open_page: Callable[..., CreatePage]) -> None:
    window = open_page().window()
    hint = window.minimumSizeHint()
    assert hint.width() <= 1100
    assert hint.height() <= 640


def test_that_the_focus_begins_in_the_prompt(qtbot: QtBot, open_page: Callable[..., CreatePage]) -> None:
    page = open_page()
    page.window().activateWindow()
    qtbot.waitUntil(lambda: page.window().focusWidget() is page.form.prompt, timeout=WAIT_MS)


def test_that_the_window_process_never_imports_torch_and_little_before_its_first_paint(tmp_path: Path) -> None:
    save_settings(Settings(wizard_done=True), AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path)}).settings_file)
    script = f"""
import sys
from PySide6.QtCore import QTimer
from wan_desktop.core.paths import AppPaths
from wan_desktop import app
first = []
import wan_desktop.ui.program as program
real = program.Program._on_first_painted
def painted(self):
    first.append(sorted(m for m in HEAVY if m in sys.modules))
    real(self)
    QTimer.singleShot(1500, self._application.quit)
HEAVY = ["torch", "diffusers", "transformers", "av", "PIL", "numpy", "tokenizers", "psutil"]
HEAVY += ["wan_desktop.core." + name for name in ("catalog", "messages", "render_progress", "generation", "hardware")]
HEAVY += ["PySide6.QtSvg", "wan_desktop.ui.icons", "wan_desktop.core.load_plan"]
HEAVY += ["wan_desktop.core.store.disk", "wan_desktop.ui.session", "wan_desktop.ui.models", "wan_desktop.ui.library"]
program.Program._on_first_painted = painted
code = app.run_window(AppPaths.find(), engine_command=[sys.executable, {str(FAKE_ENGINE)!r}, "ok"])
print(code, first, [m for m in HEAVY[:3] if m in sys.modules])
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
    assert ran.stdout.strip() == "0 [[]] []", ran.stderr


def test_that_no_screen_is_noticed_on_linux_only() -> None:
    assert has_no_screen("linux", {})
    assert has_no_screen("linux", {"QT_QPA_PLATFORM": "offscreen"})
    assert not has_no_screen("linux", {"DISPLAY": ":0"})
    assert not has_no_screen("linux", {"WAYLAND_DISPLAY": "wayland-0"})
    assert not has_no_screen("linux", {"QT_QPA_PLATFORM": "vnc"})
    assert not has_no_screen("win32", {})
