"""The whole program: real window, real lanes, real engine process, the built-in model."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.proofs import mostly_proofs
from tests.ui.conftest import ROOT, OpenProgram
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, Model, find_model
from wan_desktop.core.engine_client import ENGINE_COMMAND
from wan_desktop.core.errors import EngineError
from wan_desktop.core.generation import Settled
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.recipe import read_recipe
from wan_desktop.core.rendering import Renderer
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.create.rendering import RenderDone

WAIT_MS = 90_000
OpenRealPage = Callable[[], CreatePage]


@pytest.fixture
def open_real_page(qtbot: QtBot, open_program: OpenProgram, resources: Path) -> OpenRealPage:
    """Opens a window on the built-in model with the real engine, and waits for its form."""

    def load() -> Model:
        return find_model(BUILTIN_MODEL_ID, resources)

    def start() -> CreatePage:
        page = open_program(engine_command=ENGINE_COMMAND, load_model=load).window.create
        qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
        return page

    return start


def test_that_the_first_start_leads_to_a_first_video(qtbot: QtBot, open_program: OpenProgram, resources: Path) -> None:
    program = open_program(
        engine_command=ENGINE_COMMAND, load_model=lambda: find_model(BUILTIN_MODEL_ID, resources), may_set_up=True
    )
    window = program.window
    qtbot.waitUntil(lambda: window.wizard is not None, timeout=WAIT_MS)
    wizard = window.wizard
    qtbot.waitUntil(lambda: bool(wizard.steps[4].rows), timeout=WAIT_MS)
    with qtbot.waitSignal(window.create.render_ended, timeout=WAIT_MS) as ended:
        for _ in wizard.steps:
            button = wizard.skip if wizard.step.can_be_skipped else wizard.next
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert isinstance(ended.args[0], RenderDone)
    assert ended.args[0].result.path.is_file()
    assert program.session.settings.wizard_done


def press_generate(qtbot: QtBot, page: CreatePage) -> object:
    """Press the button, and wait for what comes of it."""
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    return ended.args[0]


def test_that_a_prompt_becomes_a_video(qtbot: QtBot, open_real_page: OpenRealPage) -> None:
    page = open_real_page()
    page.form.write_prompt("a white square moving up on a brown background")
    done = press_generate(qtbot, page)
    assert isinstance(done, RenderDone)
    assert read_recipe(done.result.path).request.prompt == "a white square moving up on a brown background"
    qtbot.waitUntil(lambda: page.stage.finished.player.clip is not None, timeout=WAIT_MS)


class Killer:
    """Kills the engine at random reports of a render, as a driver does that takes the process down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int, kills: int) -> None:
        self._rng = random.Random(seed)
        self._kills = kills
        self._left = self._rng.randint(2, 15)
        self._render = Renderer.render
        killer = self

        def render(self: Renderer, settled: Settled, model: Model, path: Path, context: JobContext, *rest: Any) -> Any:
            def count_down(progress: Any) -> None:
                killer.count_down(self)
                context.progress(progress)

            return killer._render(self, settled, model, path, context.reporting_to(count_down), *rest)

        monkeypatch.setattr(Renderer, "render", render)

    def count_down(self, renderer: Renderer) -> None:
        self._left -= 1
        if self._left == 0 and self._kills:
            self._kills -= 1
            self._left = self._rng.randint(2, 8)
            process_id = renderer._client.process_id
            assert process_id is not None
            os.kill(process_id, signal.SIGKILL)


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="kill by signal")


@needs_signals
@pytest.mark.parametrize("seed", mostly_proofs(range(3), 0))
def test_that_a_render_goes_on_when_its_engine_is_killed(
    qtbot: QtBot, open_real_page: OpenRealPage, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    page = open_real_page()
    page.form.write_prompt("a red circle growing on a navy background")
    Killer(monkeypatch, seed, kills=1)
    done = press_generate(qtbot, page)
    assert isinstance(done, RenderDone)
    assert [attempt.outcome for attempt in done.result.attempts] == ["engine-died", "done"]
    assert [attempt.outcome for attempt in read_recipe(done.result.path).attempts] == ["engine-died", "done"]


@needs_signals
@pytest.mark.parametrize("seed", mostly_proofs(range(2), 0))
def test_that_an_engine_that_is_killed_again_is_said_and_the_next_render_works(
    qtbot: QtBot, open_real_page: OpenRealPage, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    page = open_real_page()
    page.form.write_prompt("a red circle growing on a navy background")
    Killer(monkeypatch, seed, kills=2)
    assert isinstance(press_generate(qtbot, page), EngineError)
    assert page.window().isVisible()
    assert page.stage.error.text.number == "WAN-3005"
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        page.stage.error.retry.click()
    assert isinstance(ended.args[0], RenderDone)


def test_that_without_a_screen_the_program_makes_its_sample(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    environment["WAN_DESKTOP_HOME"] = str(tmp_path / "home")
    run = subprocess.run(
        [sys.executable, str(ROOT / "main.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    video = Path(run.stdout.splitlines()[-1])
    assert video.is_file()
    assert tmp_path in video.parents
    assert read_recipe(video).request.model_id == BUILTIN_MODEL_ID


def test_that_a_data_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    environment = os.environ | {"WAN_DESKTOP_HOME": str(tmp_path / "file" / "home"), "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(
        [sys.executable, str(ROOT / "main.py")], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "WAN_DESKTOP_HOME" in run.stderr
    assert "Traceback" not in run.stderr
