"""A render that the user lets wait: on Create, in the queue, by keys, and what the system is told of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from tests.ui.test_progress_view import STEPS, Clock, shown
from tests.ui.test_render import begin
from tests.ui.test_windows_shell import FakeWindows
from wan_desktop.core.messages import Stage
from wan_desktop.core.render_progress import PauseState
from wan_desktop.core.render_queue import RenderQueue, RenderState
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.create.progress_view import ProgressView
from wan_desktop.ui.page import PageId
from wan_desktop.ui.program import Program
from wan_desktop.ui.windows_shell import TaskbarState

OpenPage = Callable[..., CreatePage]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def program(qtbot: QtBot, open_program: OpenProgram) -> Program:
    """A program whose render goes on until somebody stops it, and is paused."""
    made = open_program("slow")
    qtbot.waitUntil(lambda: made.window.create.form is not None, timeout=WAIT_MS)
    begin(qtbot, made.window.create)
    return made


def paused(qtbot: QtBot, program: Program) -> None:
    """Press Pause on Create, and wait until the engine has followed."""
    qtbot.mouseClick(program.window.create.stage.progress.pause, LEFT)
    wait_for(qtbot, program, PauseState.PAUSED)


def wait_for(qtbot: QtBot, program: Program, state: PauseState) -> None:
    """Wait until the render is like that."""
    qtbot.waitUntil(lambda: program.session.renders.pause.state is state, timeout=WAIT_MS)


def press_pause(qtbot: QtBot, program: Program) -> None:
    """Ctrl+P."""
    qtbot.keyClick(program.window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)


# Create --------------------------------------------------------------------------------------------------------------


def test_that_a_render_pauses_and_goes_on(qtbot: QtBot, program: Program) -> None:
    progress = program.window.create.stage.progress
    paused(qtbot, program)
    card = program.window.sidebar.pc
    assert (progress.headline.text(), card.state.text()) == ("Paused", "Paused")
    assert progress.pause.text() == "Go on"
    assert progress.pause.accessibleName() == "Let the video go on"
    assert program.window.windowTitle().endswith("% (paused) - Wan Desktop")
    assert progress.stop.isEnabled()
    qtbot.mouseClick(progress.pause, LEFT)
    wait_for(qtbot, program, PauseState.NONE)
    qtbot.waitUntil(lambda: progress.headline.text() == "Creating frames", timeout=WAIT_MS)
    assert progress.pause.text() == "Pause"
    assert program.window.windowTitle().endswith("% - Wan Desktop")
    assert card.state.text() == "Rendering"
    with qtbot.waitSignal(program.window.create.render_ended, timeout=WAIT_MS):
        qtbot.mouseClick(progress.stop, LEFT)
    assert card.state.text() == "Ready"


def test_that_a_paused_render_can_be_stopped_and_the_next_one_begins_unpaused(qtbot: QtBot, program: Program) -> None:
    page = program.window.create
    paused(qtbot, program)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        qtbot.mouseClick(page.stage.progress.stop, LEFT)
    assert ended.args == [None]
    assert program.session.renders.pause.state is PauseState.NONE
    begin(qtbot, page, "a blue square moving left on a black background")
    assert page.stage.progress.pause.text() == "Pause"
    assert page.stage.progress.pause.isEnabled()


def test_that_the_time_of_a_pause_is_no_work_that_would_be_lost(qtbot: QtBot, program: Program) -> None:
    pause, clock = program.session.renders.pause, Clock()
    clock.now = 0.0
    now_s = pause.clock()
    pause.clock = lambda: now_s + clock()
    worked_s = pause.worked_s()
    clock.now += 100
    assert pause.worked_s() == pytest.approx(worked_s + 100)
    paused(qtbot, program)
    clock.now += 3600
    assert pause.worked_s() == pytest.approx(worked_s + 100)
    qtbot.mouseClick(program.window.create.stage.progress.pause, LEFT)
    wait_for(qtbot, program, PauseState.NONE)
    clock.now += 10
    assert pause.worked_s() == pytest.approx(worked_s + 110)
    desk_question = program.window.create.desk.question
    program.window.create.desk.ask_to_stop()
    assert desk_question.box is None  # less than two minutes: stopped at once
    qtbot.waitUntil(lambda: not program.session.renders.running, timeout=WAIT_MS)
    assert pause.worked_s() == 0.0


def test_that_long_work_is_told_without_its_pauses(qtbot: QtBot, program: Program) -> None:
    pause, clock = program.session.renders.pause, Clock()
    clock.now = 0.0
    now_s = pause.clock()
    pause.clock = lambda: now_s + clock()
    clock.now += 300
    paused(qtbot, program)
    clock.now += 7200
    program.window.show_page(PageId.QUEUE)
    page = program.window.pages[PageId.QUEUE]
    for question, ask in (
        (program.window.create.desk.question, program.window.create.desk.ask_to_stop),
        (page.question, page.running.rows[0].stop.click),
    ):
        ask()
        assert "worked on for 5 min" in question.box.informativeText()
        question.box.reject()
    assert program.session.renders.running


def test_that_quitting_works_while_a_render_is_paused_and_it_waits_for_the_next_start(
    qtbot: QtBot, program: Program
) -> None:
    paused(qtbot, program)
    queue = program.session.renders
    (job,) = queue.snapshot.running
    file = program.session.paths.render_queue_file
    program.window.close()
    qtbot.mouseClick(program.window.question.stop, LEFT)
    qtbot.waitUntil(lambda: not program.window.isVisible(), timeout=WAIT_MS)
    program.session.shutdown()
    with RenderQueue(file) as opened:
        (waiting,) = opened.snapshot().waiting
        assert (waiting.job_id, waiting.state, waiting.interrupted) == (job.job_id, RenderState.WAITING, True)


# Keys ----------------------------------------------------------------------------------------------------------------


def test_that_the_key_pauses_the_render_and_lets_it_go_on(qtbot: QtBot, program: Program) -> None:
    press_pause(qtbot, program)
    wait_for(qtbot, program, PauseState.PAUSED)
    assert not program.session.renders.snapshot.paused, "the queue itself is not paused"
    press_pause(qtbot, program)
    wait_for(qtbot, program, PauseState.NONE)


def test_that_the_key_pauses_the_queue_where_nothing_runs(qtbot: QtBot, open_program: OpenProgram) -> None:
    made = open_program()
    qtbot.waitUntil(lambda: made.session.renders.is_open, timeout=WAIT_MS)
    press_pause(qtbot, made)
    qtbot.waitUntil(lambda: made.session.renders.snapshot.paused, timeout=WAIT_MS)
    press_pause(qtbot, made)
    qtbot.waitUntil(lambda: not made.session.renders.snapshot.paused, timeout=WAIT_MS)


# The queue -----------------------------------------------------------------------------------------------------------


def test_that_the_row_in_the_queue_pauses_it_too(qtbot: QtBot, program: Program) -> None:
    program.window.show_page(PageId.QUEUE)
    page = program.window.pages[PageId.QUEUE]
    (row,) = page.running.rows
    qtbot.waitUntil(row.pause.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(row.pause, LEFT)
    wait_for(qtbot, program, PauseState.PAUSED)
    qtbot.waitUntil(lambda: row.badge.text == "Paused", timeout=WAIT_MS)
    assert row.pause.text() == "Go on"
    assert row.pause.accessibleName().startswith("Go on with")
    qtbot.waitUntil(lambda: "1 paused" in page.subtitle.text(), timeout=WAIT_MS)
    assert "running" not in page.subtitle.text()
    qtbot.mouseClick(row.pause, LEFT)
    wait_for(qtbot, program, PauseState.NONE)
    qtbot.waitUntil(lambda: row.badge.text != "Paused", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "1 running" in page.subtitle.text(), timeout=WAIT_MS)


# The system ----------------------------------------------------------------------------------------------------------


def test_that_the_pc_may_sleep_while_a_render_is_paused(qtbot: QtBot, open_program: OpenProgram) -> None:
    windows = FakeWindows()
    program = open_program("slow", libraries=windows.libraries)
    qtbot.waitUntil(lambda: program.window.create.form is not None, timeout=WAIT_MS)
    begin(qtbot, program.window.create)
    shell = program.window.shell
    assert shell.keep_awake.wanted
    paused(qtbot, program)
    assert not shell.keep_awake.wanted
    assert windows.named("SetProgressState")[-1][2] == TaskbarState.PAUSED
    press_pause(qtbot, program)
    wait_for(qtbot, program, PauseState.NONE)
    assert shell.keep_awake.wanted
    assert windows.named("SetProgressState")[-1][2] == TaskbarState.NORMAL


# The view alone, with a clock that is moved by hand ------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def view(qtbot: QtBot, clock: Clock) -> ProgressView:
    made = ProgressView(clock=clock)
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.begin(64, 64)
    made.show_view(shown(STEPS))
    made.show_pause(PauseState.NONE, can_toggle=True)
    return made


def test_that_a_pause_is_no_standstill(view: ProgressView, clock: Clock) -> None:
    view.show_pause(PauseState.ASKED, can_toggle=True)
    assert view.headline.text() == "Pausing"
    view.show_view(shown(replace(STEPS, paused=True)))
    view.show_pause(PauseState.PAUSED, can_toggle=True)
    facts, left = view.facts.text(), view.left.text()
    clock.now += 7200
    view.tick()
    assert view.stall.isHidden()
    assert (view.facts.text(), view.left.text()) == (facts, left)
    view.show_view(shown(STEPS))
    view.show_pause(PauseState.NONE, can_toggle=True)
    view.tick()
    assert view.stall.isHidden()
    assert view.headline.text() == "Creating frames"
    clock.now += 61
    view.tick()
    assert not view.stall.isHidden(), "a standstill afterwards is one"


def test_that_a_pause_that_does_not_come_is_a_standstill(view: ProgressView, clock: Clock) -> None:
    view.show_pause(PauseState.ASKED, can_toggle=True)
    clock.now += 61
    view.tick()
    assert not view.stall.isHidden()


def test_that_nothing_can_be_paused_while_it_is_being_stopped(view: ProgressView) -> None:
    view.show_stopping()
    view.show_pause(PauseState.NONE, can_toggle=True)
    assert not view.pause.isEnabled()
    assert view.headline.text() == "Stopping"


def test_that_only_steps_can_be_paused() -> None:
    assert STEPS.can_pause
    assert not replace(STEPS, stage=Stage.BUILD_PICTURES).can_pause
    assert not replace(STEPS, stage=Stage.SAVE_VIDEO).can_pause


def test_that_nothing_is_paused_after_the_end(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    begin(qtbot, page)
    pause = page._session.renders.pause
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        pass
    assert pause.state is PauseState.NONE
    assert not pause.can_toggle
