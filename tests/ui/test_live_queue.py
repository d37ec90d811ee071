"""The queue as the window works with it: over real lanes, a real file, and a played engine."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.fakes.hardware import load
from tests.fakes.hub import FakeHub
from tests.fakes.render_orders import order
from tests.ui.conftest import WAIT_MS, OpenProgram, fake_engine
from tests.ui.models_kit import KEY, REPO, add_repositories, model_files, slow_hub
from tests.ui.test_render import begin
from wan_desktop.core.catalog import Model, read_catalog
from wan_desktop.core.errors import ModelNotFoundError, OutOfMemoryError, QueueBusyError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_queue import QueueSnapshot, RenderQueue, RenderState, WhenDone
from wan_desktop.core.render_wishes import RenderWishes
from wan_desktop.core.settings import MemoryMode, Settings
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.live.render_outcome import RenderDone, RenderFailed, RenderView
from wan_desktop.ui.live.render_queue import LiveQueue
from wan_desktop.ui.page import PageId
from wan_desktop.ui.program import Program
from wan_desktop.ui.queue.link import Answer
from wan_desktop.ui.queue.when_done import COUNTDOWN_S
from wan_desktop.ui.session import Session

OpenPage = Callable[..., CreatePage]


def draft(prompt: str = "a red circle", **changes: object) -> GenerationDraft:
    """A draft that the tiny model can make."""
    return replace(GenerationDraft(prompt=prompt, width=64, height=64, num_frames=9, fps=8, seed=7), **changes)


@pytest.fixture
def open_session(qtbot: QtBot, qapp: QApplication, paths: AppPaths) -> Iterator[Callable[..., Session]]:
    """Opens sessions without a window, one after the other."""
    opened: list[Session] = []

    def start(scenario: str = "ok") -> Session:
        paths.ensure()
        for session in opened:
            session.shutdown()
        session = Session(paths, Settings(), qapp, engine_command=fake_engine(scenario))
        opened.append(session)
        session.start_engine()
        qtbot.waitUntil(lambda: session.renders.is_open, timeout=WAIT_MS)
        return session

    yield start
    for session in opened:
        session.shutdown()


def ended(queue: LiveQueue) -> list[tuple[str, object]]:
    """What ends from now on."""
    seen: list[tuple[str, object]] = []
    queue.job_ended.connect(lambda job_id, outcome: seen.append((job_id, outcome)))
    return seen


def test_that_jobs_are_made_one_after_the_other(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model
) -> None:
    queue = open_session().renders
    views: list[RenderView] = []
    queue.job_progressed.connect(views.append)
    outcomes = ended(queue)
    ids: list[str] = []
    queue.add(model, (draft("first"), draft("second", seed=8)), added=ids.extend)
    qtbot.waitUntil(lambda: len(outcomes) == 2, timeout=WAIT_MS)
    assert [job_id for job_id, _ in outcomes] == ids
    assert all(isinstance(outcome, RenderDone) and outcome.result.path.is_file() for _, outcome in outcomes)
    assert {view.job.order.draft.prompt for view in views} == {"first", "second"}
    assert [job.state for job in queue.snapshot.finished] == [RenderState.DONE] * 2
    assert not queue.running


def test_that_orders_of_before_the_queue_was_open_are_taken(
    qtbot: QtBot, qapp: QApplication, paths: AppPaths, model: Model
) -> None:
    paths.ensure()
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    try:
        assert not session.renders.is_open
        outcomes = ended(session.renders)
        session.renders.add(model, (draft(),))
        qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)
        assert isinstance(outcomes[0][1], RenderDone)
    finally:
        session.shutdown()


def test_that_a_failed_job_does_not_stop_the_queue(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model
) -> None:
    queue = open_session().renders
    outcomes = ended(queue)
    queue.add(model, (draft(""), draft("good")))
    qtbot.waitUntil(lambda: len(outcomes) == 2, timeout=WAIT_MS)
    assert isinstance(outcomes[0][1], RenderFailed)
    assert isinstance(outcomes[1][1], RenderDone)
    (failed,) = queue.snapshot.needs_you
    assert failed.order.draft.prompt == ""
    assert failed.trouble.message == outcomes[0][1].error.message


def test_that_each_failure_of_the_engine_needs_the_user_and_the_next_is_tried(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model
) -> None:
    queue = open_session("oom").renders
    outcomes = ended(queue)
    queue.add(model, (draft("first"), draft("second")))
    qtbot.waitUntil(lambda: len(outcomes) == 2, timeout=WAIT_MS)
    assert all(isinstance(outcome.error, OutOfMemoryError) for _, outcome in outcomes)
    assert [job.order.draft.prompt for job in queue.snapshot.needs_you] == ["first", "second"]


def test_that_a_model_that_is_not_here_is_told(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model
) -> None:
    session = open_session()
    outcomes = ended(session.renders)
    session.renders.do(lambda queue: queue.add(order(model_id="no-such-model")))
    qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)
    assert isinstance(outcomes[0][1].error, ModelNotFoundError)


def test_that_the_built_in_model_is_found_by_its_name(qtbot: QtBot, open_session: Callable[..., Session]) -> None:
    session = open_session()
    outcomes = ended(session.renders)
    wanted = order(model_id="shapes")
    session.renders.do(lambda queue: queue.add(replace(wanted, draft=draft())))
    qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)
    assert isinstance(outcomes[0][1], RenderDone)


def test_that_a_waiting_and_a_running_job_can_be_stopped(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model
) -> None:
    queue = open_session("slow").renders
    outcomes, stopping = ended(queue), []
    queue.job_stopping.connect(stopping.append)
    ids: list[str] = []
    queue.add(model, (draft("runs"), draft("waits")), added=ids.extend)
    qtbot.waitUntil(lambda: bool(queue.snapshot.running) and len(ids) == 2, timeout=WAIT_MS)
    queue.stop(ids[1])
    qtbot.waitUntil(lambda: not queue.snapshot.waiting, timeout=WAIT_MS)
    queue.stop_running()
    qtbot.waitUntil(lambda: outcomes == [(ids[0], None)], timeout=WAIT_MS)
    assert stopping == [ids[0]]
    assert {job.state for job in queue.snapshot.finished} == {RenderState.STOPPED}


def test_that_nothing_starts_while_the_queue_is_paused(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model
) -> None:
    queue = open_session().renders
    queue.do(lambda each: each.pause())
    outcomes = ended(queue)
    queue.add(model, (draft(),))
    qtbot.waitUntil(lambda: len(queue.snapshot.waiting) == 1, timeout=WAIT_MS)
    assert not queue.running
    queue.do(lambda each: each.resume())
    qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)


def test_that_a_job_has_its_own_estimate(qtbot: QtBot, open_session: Callable[..., Session], model: Model) -> None:
    session = open_session()
    session.pc.look()
    qtbot.waitUntil(lambda: session.pc.profile is not None, timeout=WAIT_MS)
    session.renders.do(lambda queue: queue.pause())
    session.renders.add(model, (draft(),))
    qtbot.waitUntil(lambda: len(session.renders.snapshot.waiting) == 1, timeout=WAIT_MS)
    (job,) = session.renders.snapshot.waiting
    assert job.estimate is None or 0 < job.estimate.seconds_low <= job.estimate.seconds_high


def test_that_a_session_that_ends_in_mid_render_leaves_the_job_waiting(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model
) -> None:
    queue = open_session("slow").renders
    queue.add(model, (draft("runs"), draft("waits")))
    qtbot.waitUntil(lambda: bool(queue.snapshot.running), timeout=WAIT_MS)
    again = open_session("ok").renders
    now = again.snapshot
    assert [job.order.draft.prompt for job in now.waiting] == ["runs", "waits"]
    assert now.waiting[0].interrupted
    assert now.waiting[0].crashes == 0
    assert now.needs_ok
    assert not again.running


def test_that_a_deaf_engine_costs_no_job(qtbot: QtBot, open_session: Callable[..., Session], model: Model) -> None:
    queue = open_session("deaf").renders
    queue.add(model, (draft("runs"),))
    qtbot.waitUntil(lambda: queue.view is not None and queue.view.progress is not None, timeout=WAIT_MS)
    now = open_session("ok").renders.snapshot
    assert [job.order.draft.prompt for job in now.waiting] == ["runs"]


def test_that_a_queue_that_another_process_has_is_told_and_can_be_opened_later(
    qtbot: QtBot, qapp: QApplication, paths: AppPaths, model: Model
) -> None:
    paths.ensure()
    other = RenderQueue(paths.render_queue_file)
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    try:
        with qtbot.waitSignal(session.renders.trouble, timeout=WAIT_MS) as told:
            pass
        assert isinstance(told.args[0], QueueBusyError)
        reasons: list[object] = []
        session.renders.add(model, (draft(),), failed=reasons.append)
        qtbot.waitUntil(lambda: len(reasons) == 1, timeout=WAIT_MS)
        other.close()
        outcomes = ended(session.renders)
        session.renders.add(model, (draft(),))
        qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)
    finally:
        other.close()
        session.shutdown()


def test_that_a_start_image_is_the_users_own_again_when_it_is_done(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model, picture: Path
) -> None:
    queue = open_session().renders
    outcomes = ended(queue)
    queue.add(model, (draft(image=picture),))
    qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)
    assert outcomes[0][1].settled.request.image == picture


# With a window -------------------------------------------------------------------------------------------------------


def left_over(qtbot: QtBot, open_program: OpenProgram) -> Program:
    """A window that was closed in mid-render, opened again."""
    program = open_program("slow")
    page = program.window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    begin(qtbot, page)
    program.window.close()
    program.window.question.stop.click()
    program.shutdown()
    again = open_program("ok")
    qtbot.waitUntil(lambda: again.window.create.form is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: again.session.renders.is_open, timeout=WAIT_MS)
    return again


def test_that_what_was_left_over_waits_for_a_word(qtbot: QtBot, open_program: OpenProgram) -> None:
    window = left_over(qtbot, open_program).window
    link = window.queue
    qtbot.waitUntil(lambda: link.notice is not None, timeout=WAIT_MS)
    assert link.notice.title.text() == "1 video was waiting."
    assert [button.text() for button in link.notice.buttons] == ["Continue", "Look first"]
    assert not window.create.rendering
    assert window.sidebar.nav[PageId.QUEUE].pill == "1"
    qtbot.mouseClick(link.notice.buttons[1], Qt.MouseButton.LeftButton)
    assert window.page_id is PageId.QUEUE
    with qtbot.waitSignal(window.create.render_ended, timeout=WAIT_MS) as outcome:
        qtbot.mouseClick(link.notice.buttons[0], Qt.MouseButton.LeftButton)
    assert isinstance(outcome.args[0], RenderDone)
    assert link.notice is None
    assert window.sidebar.nav[PageId.QUEUE].pill == ""


def test_that_what_is_added_waits_with_what_was_left_over(qtbot: QtBot, open_program: OpenProgram) -> None:
    window = left_over(qtbot, open_program).window
    page = window.create
    page.form.write_prompt("another one")
    qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.sidebar.nav[PageId.QUEUE].pill == "2", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not page.rendering, timeout=WAIT_MS)
    assert page.stage.stack.currentWidget() is page.stage.empty
    assert window.queue.notice.title.text() == "2 videos were waiting."


def test_that_the_button_adds_to_the_queue_while_a_video_is_made(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    begin(qtbot, page)
    window = page.window()
    page.form.write_prompt("the next one")
    assert page.footer.generate.text() == "Add to queue"
    qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.sidebar.nav[PageId.QUEUE].pill == "1", timeout=WAIT_MS)
    assert window.sidebar.nav[PageId.QUEUE].accessibleName() == "Queue, 1 running, 1 waiting"
    page.desk.stop()
    qtbot.waitUntil(lambda: "next one" in running_prompt(window.session.renders), timeout=WAIT_MS)
    assert page.rendering
    assert page.stage.stack.currentWidget() is page.stage.progress


def running_prompt(queue: LiveQueue) -> str:
    """The prompt of the render that is shown."""
    return queue.view.job.order.draft.prompt if queue.view is not None else ""


def test_that_trying_again_leaves_no_failure_behind(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("oom")
    page.form.write_prompt("a red circle")
    for _ in range(2):
        with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
            page.footer.generate.click()
    queue = page.window().session.renders
    qtbot.waitUntil(lambda: len(queue.snapshot.needs_you) == 1, timeout=WAIT_MS)
    page.form.write_prompt("something else")
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        page.footer.generate.click()
    assert len(queue.snapshot.needs_you) == 2


def test_that_a_render_asked_for_while_the_queue_is_paused_waits_and_can_be_let_go_on(
    qtbot: QtBot, open_page: OpenPage
) -> None:
    page = open_page()
    window = page.window()
    queue = window.session.renders
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: queue.snapshot.paused, timeout=WAIT_MS)
    page.form.write_prompt("a red circle")
    qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.queue.notice is not None and not page.rendering, timeout=WAIT_MS)
    assert [button.text() for button in window.queue.notice.buttons] == ["Resume", "Look first"]
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as outcome:
        qtbot.mouseClick(window.queue.notice.buttons[0], Qt.MouseButton.LeftButton)
    assert isinstance(outcome.args[0], RenderDone)


def test_that_a_notice_can_be_put_away(qtbot: QtBot, open_program: OpenProgram) -> None:
    link = left_over(qtbot, open_program).window.queue
    qtbot.waitUntil(lambda: link.notice is not None, timeout=WAIT_MS)
    qtbot.mouseClick(link.close_button, Qt.MouseButton.LeftButton)
    assert link.notice is None


def test_that_a_queue_in_use_is_told_on_every_page(qtbot: QtBot, open_program: OpenProgram, paths: AppPaths) -> None:
    paths.ensure()
    other = RenderQueue(paths.render_queue_file)
    link = open_program().window.queue
    qtbot.waitUntil(lambda: link.said is not None, timeout=WAIT_MS)
    assert link.said.kind == "bad"
    assert link.said.answers == (Answer.AGAIN,)
    other.close()
    link.notice.buttons[0].click()
    qtbot.waitUntil(lambda: link.said is None, timeout=WAIT_MS)


# When all is done ----------------------------------------------------------------------------------------------------


def made_all(qtbot: QtBot, page: CreatePage, action: WhenDone) -> list[WhenDone]:
    """Make a video with that to do afterwards; what is done is noted in the list."""
    done: list[WhenDone] = []
    window = page.window()
    window.queue.when_done.act = done.append
    window.session.renders.do(lambda queue: queue.set_when_done(action))
    qtbot.waitUntil(lambda: window.session.renders.snapshot.when_done is action, timeout=WAIT_MS)
    page.form.write_prompt("a red circle")
    qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.queue.when_done.box is not None, timeout=WAIT_MS)
    return done


def is_reset(page: CreatePage) -> Callable[[], bool]:
    """Nothing is to be done afterwards any more."""
    return lambda: page.window().session.renders.snapshot.when_done is WhenDone.NOTHING


def test_that_the_pc_is_shut_down_after_a_countdown(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    done = made_all(qtbot, page, WhenDone.SHUT_DOWN)
    watch = page.window().queue.when_done
    for _ in range(COUNTDOWN_S - 1):
        watch.tick()
    assert "shuts down in 1 s" in watch.box.informativeText()
    assert done == []
    watch.tick()
    assert done == [WhenDone.SHUT_DOWN]
    assert watch.box is None
    qtbot.waitUntil(is_reset(page), timeout=WAIT_MS)


def test_that_the_countdown_can_be_cancelled_and_does_not_come_again(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    done = made_all(qtbot, page, WhenDone.SLEEP)
    watch = page.window().queue.when_done
    assert watch.box.defaultButton() is watch.cancel
    watch.cancel.click()
    qtbot.waitUntil(is_reset(page), timeout=WAIT_MS)
    assert done == []
    assert watch.box is None


@pytest.mark.qt_log_ignore("propagateSizeHints", r"does not support raise", extend=True)  # offscreen
def test_that_the_countdown_brings_a_hidden_window_back(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    window = page.window()
    queue = window.session.renders
    queue.do(lambda each: each.set_when_done(WhenDone.SLEEP))
    window.hide()
    queue.add(page.model, (draft(),))
    qtbot.waitUntil(lambda: window.queue.when_done.box is not None, timeout=WAIT_MS)
    assert window.isVisible()


def test_that_another_video_takes_the_countdown_back(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    done = made_all(qtbot, page, WhenDone.SLEEP)
    watch = page.window().queue.when_done
    page.add_to_queue()
    qtbot.waitUntil(lambda: watch.box is None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: watch.box is not None, timeout=WAIT_MS)
    watch.now.click()
    assert done == [WhenDone.SLEEP]


def test_that_an_empty_queue_at_the_start_is_no_end(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    queue = page.window().session.renders
    with qtbot.waitSignal(queue.changed, timeout=WAIT_MS, check_params_cb=_shuts_down):
        queue.do(lambda each: each.set_when_done(WhenDone.SHUT_DOWN))
    assert page.window().queue.when_done.box is None


def _shuts_down(now: QueueSnapshot) -> bool:
    return now.when_done is WhenDone.SHUT_DOWN


# Models that come ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(tiny_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, paths: AppPaths) -> Iterator[FakeHub]:
    """A Hub on this machine, slow, with one small model, which is in the list."""
    paths.ensure()
    add_repositories(paths)
    with FakeHub() as fake:
        fake.add_repo(REPO, model_files(tiny_model("t2v")))
        monkeypatch.setenv("HF_ENDPOINT", fake.url)
        slow_hub(fake)
        yield fake


def begin_download(qtbot: QtBot, session: Session) -> None:
    """Bring the model here, and let a job wait for it."""
    qtbot.waitUntil(lambda: session.models.offer(KEY) is not None, timeout=WAIT_MS)
    session.models.download(KEY)
    qtbot.waitUntil(lambda: session.models.activity(KEY) is not None, timeout=WAIT_MS)
    wanted = replace(order(model_id=KEY.model_id, variant=KEY.variant), draft=draft("comes", variant=KEY.variant))
    session.renders.do(lambda queue: queue.add(wanted, waits_for_model=True))
    qtbot.waitUntil(lambda: len(session.renders.snapshot.waiting) == 1, timeout=WAIT_MS)


def test_that_a_job_waits_for_its_model_while_others_go_first(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model, hub: FakeHub
) -> None:
    session = open_session()
    queue, outcomes = session.renders, ended(session.renders)
    begin_download(qtbot, session)
    queue.add(model, (draft("here"),))
    qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)
    assert [job.order.draft.prompt for job in queue.snapshot.finished] == ["here"]
    assert [job.state for job in queue.snapshot.waiting] == [RenderState.WAITING_FOR_MODEL]
    slow_hub(hub, 1e9)
    qtbot.waitUntil(lambda: len(outcomes) == 2, timeout=WAIT_MS)
    assert isinstance(outcomes[1][1], RenderDone)


def test_that_a_download_that_is_given_up_lets_its_job_say_so(
    qtbot: QtBot, open_session: Callable[..., Session], hub: FakeHub
) -> None:
    session = open_session()
    outcomes = ended(session.renders)
    begin_download(qtbot, session)
    session.models.cancel(KEY)
    qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)
    assert isinstance(outcomes[0][1], RenderFailed)
    assert len(session.renders.snapshot.needs_you) == 1


def test_that_a_paused_download_keeps_its_job_waiting(
    qtbot: QtBot, open_session: Callable[..., Session], hub: FakeHub
) -> None:
    session = open_session()
    begin_download(qtbot, session)
    session.models.pause(KEY)
    qtbot.waitUntil(lambda: session.models.activity(KEY) is None, timeout=WAIT_MS)
    session.models.changed.emit(KEY)
    assert [job.state for job in session.renders.snapshot.waiting] == [RenderState.WAITING_FOR_MODEL]


# A whole evening -----------------------------------------------------------------------------------------------------


def test_that_several_videos_of_one_form_are_made_and_shown_one_after_the_other(
    qtbot: QtBot, open_page: OpenPage
) -> None:
    page = open_page()
    queue = page.window().session.renders
    outcomes = ended(queue)
    page.form.write_prompt("a red circle")
    page.form.change(count=3, seed=5)
    qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(outcomes) == 3, timeout=WAIT_MS)
    assert [outcome.settled.request.seed for _, outcome in outcomes] == [5, 6, 7]
    assert page.stage.stack.currentWidget() is page.stage.finished
    assert not page.rendering


def test_that_a_job_is_estimated_with_its_own_memory_mode(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model, resources: Path
) -> None:
    session = open_session()
    session.pc.profile = load("rtx-4090-24gb-64gb")
    large = replace(model, metadata=read_catalog(resources)["wan2.2-ti2v-5b"])
    wanted = draft(width=1280, height=704, num_frames=121, fps=24)
    session.renders.do(lambda queue: queue.pause())
    for mode in (MemoryMode.AUTOMATIC, MemoryMode.SAVE_MOST):
        session.renders.add(large, (wanted,), wishes=RenderWishes(memory_mode=mode))
    qtbot.waitUntil(lambda: len(session.renders.snapshot.waiting) == 2, timeout=WAIT_MS)
    usual, saving = session.renders.snapshot.waiting
    assert usual.order.memory.memory_mode is MemoryMode.AUTOMATIC
    assert saving.order.memory.memory_mode is MemoryMode.SAVE_MOST
    assert saving.estimate.seconds_high > usual.estimate.seconds_high


def test_that_a_failure_of_the_queue_is_offered_something_smaller(
    qtbot: QtBot, open_session: Callable[..., Session], model: Model, resources: Path
) -> None:
    session = open_session("oom")
    session.pc.profile = load("rtx-4070-12gb-32gb")
    large = replace(model, metadata=read_catalog(resources)["wan2.2-ti2v-5b"])
    outcomes = ended(session.renders)
    session.renders.add(large, (draft(width=1280, height=704, num_frames=121, fps=24),))
    qtbot.waitUntil(lambda: len(outcomes) == 1, timeout=WAIT_MS)
    (job,) = session.renders.snapshot.needs_you
    change = job.trouble.changes[0]
    assert job.estimate is not None
    session.renders.do(lambda queue: queue.pause())
    session.renders.do(lambda queue: queue.fix_and_retry(job.job_id, change))
    qtbot.waitUntil(lambda: len(session.renders.snapshot.waiting) == 1, timeout=WAIT_MS)
    fixed = session.renders.snapshot.waiting[0].order.draft
    assert fixed.width * fixed.height * fixed.num_frames < 1280 * 704 * 121
