"""The Queue page, driven as a user does it, over a real queue and a played engine."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.fakes.render_orders import order
from tests.ui.conftest import WAIT_MS, OpenProgram, fake_engine
from wan_desktop.core.catalog import Model
from wan_desktop.core.errors import OutOfMemoryError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_queue import (
    OfferedChange,
    QueueSnapshot,
    RenderEstimate,
    RenderJob,
    RenderQueue,
    RenderState,
    Trouble,
    WhenDone,
)
from wan_desktop.core.settings import Settings
from wan_desktop.ui.page import PageId, VideoTarget
from wan_desktop.ui.queue import texts
from wan_desktop.ui.queue.page import QueuePage
from wan_desktop.ui.queue.row import Deed, JobRow
from wan_desktop.ui.session import Session

ESTIMATE = RenderEstimate(240.0, 300.0)
CHANGE = OfferedChange(
    text="Make it 480 x 272", width=480, height=272, estimate=RenderEstimate(60.0, 90.0), vram_peak_bytes=7_900_000_000
)
OTHER_CHANGE = OfferedChange(text="Make it shorter", num_frames=9)


def wanted(prompt: str, **changes: object) -> GenerationDraft:
    """A draft that the tiny model can make."""
    return replace(GenerationDraft(prompt=prompt, width=64, height=64, num_frames=9, fps=8, seed=7), **changes)


@pytest.fixture
def make_page(
    qtbot: QtBot, qapp: QApplication, paths: AppPaths, model: Model
) -> Callable[[Callable[[RenderQueue], object] | None], QueuePage]:
    """Makes the page over a session whose queue was filled and paused before, so that nothing starts by itself."""
    sessions: list[Session] = []

    def make(fill: Callable[[RenderQueue], object] | None = None, scenario: str = "ok") -> QueuePage:
        paths.ensure()
        if fill is not None:
            with RenderQueue(paths.render_queue_file) as queue:
                fill(queue)
                queue.pause()
        session = Session(paths, Settings(), qapp, engine_command=fake_engine(scenario))
        sessions.append(session)
        session.renders.remember(model)
        session.start_engine()
        page = QueuePage(session, can_rest=True)
        qtbot.addWidget(page)
        page.resize(1100, 800)
        page.show()
        qtbot.waitUntil(lambda: session.renders.is_open, timeout=WAIT_MS)
        session.renders.do(lambda queue: queue.continue_())
        qtbot.waitUntil(lambda: not session.renders.snapshot.needs_ok, timeout=WAIT_MS)
        return page

    yield make
    for session in sessions:
        session.shutdown()


def three(queue: RenderQueue) -> None:
    """Three that wait."""
    for prompt in ("first", "second", "third"):
        queue.add(replace(order(), model_id="shapes", draft=wanted(prompt)), estimate=ESTIMATE)


def failed(queue: RenderQueue) -> None:
    """One that failed for lack of memory, and one that waits."""
    three(queue)
    job = queue.next_job()
    error = OutOfMemoryError("It needs 20 GB, 12 are free.", hint="Make it smaller.", details="allocator")
    queue.fail(job.job_id, Trouble.of(error, (CHANGE, OTHER_CHANGE)))


def prompts(rows: list[JobRow]) -> list[str]:
    """What the rows are titled."""
    return [row.title.words for row in rows]


def test_that_an_empty_queue_leads_to_create(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page()
    assert page.stack.currentWidget() is page.empty
    assert page.empty.title.text() == "Nothing is waiting"
    with qtbot.waitSignal(page.page_requested) as asked:
        qtbot.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert asked.args == [PageId.CREATE, None]


def test_that_jobs_are_shown_in_their_groups(make_page: Callable[..., QueuePage]) -> None:
    page = make_page(failed)
    assert prompts(page.needs_you.rows) == ["first"]
    assert prompts(page.waiting.rows) == ["second", "third"]
    assert not page.running.isVisible()
    assert page.subtitle.text() == "2 waiting, 1 needs you  ·  paused"
    row = page.waiting.rows[0]
    assert row.badge.text == "about 4\u20135 min"
    assert "64 \u00d7 64" in row.facts.words
    assert row.accessibleName().endswith("1 of 2")


def test_that_a_running_job_shows_its_progress_and_can_be_stopped(
    qtbot: QtBot, make_page: Callable[..., QueuePage]
) -> None:
    page = make_page(three, "slow")
    qtbot.mouseClick(page.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.running.rows) and page.running.rows[0].progress is not None, timeout=WAIT_MS)
    row = page.running.rows[0]
    qtbot.waitUntil(lambda: "step" in row.facts.words and not row.picture.image.isNull(), timeout=WAIT_MS)
    assert row.bar.segments[0].amount > 0
    assert "1 running, 2 waiting" in page.subtitle.text()
    qtbot.mouseClick(row.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: prompts(page.running.rows) == ["second"], timeout=WAIT_MS)
    assert prompts(page.finished.rows) == ["first"]
    assert page.finished.rows[0].badge.text == "Stopped"


def test_that_long_work_is_stopped_only_after_a_question(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page(three, "slow")
    qtbot.mouseClick(page.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.running.rows), timeout=WAIT_MS)
    page.question.worked_s = lambda: 600.0
    page.running.rows[0].stop.click()
    assert page.question.box is not None
    page.question.box.reject()
    assert page.session.renders.running


def test_that_a_failed_job_is_fixed_with_what_is_offered(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page(failed)
    row = page.needs_you.rows[0]
    assert row.facts.words == "Stopped: It needs 20 GB, 12 are free."
    assert row.advice.words == "Suggested: 480 \u00d7 272, 7.9 GB of video memory, about 1\u20132 min"
    assert row.fix.text() == "Fix and retry"
    qtbot.mouseClick(row.fix, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not page.needs_you.rows, timeout=WAIT_MS)
    first = page.waiting.rows[0]
    assert first.title.words == "first"
    assert "480 \u00d7 272" in first.facts.words
    assert first.badge.text == "about 1\u20132 min"


def test_that_details_offer_the_other_changes_and_the_same_again(
    qtbot: QtBot, make_page: Callable[..., QueuePage]
) -> None:
    page = make_page(failed)
    row = page.needs_you.rows[0]
    qtbot.mouseClick(row.details.button, Qt.MouseButton.LeftButton)
    assert row.card.text.number == "WAN-3001"
    assert row.card.text.details == "allocator"
    assert [button.text() for button in row.card.offers] == ["Make it 480 x 272", "Make it shorter"]
    assert row.card.retry.text() == "Try again as it is"
    qtbot.mouseClick(row.card.offers[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not page.needs_you.rows, timeout=WAIT_MS)
    assert page.waiting.rows[0].job.order.draft.num_frames == 9


def test_that_a_failure_without_an_offer_is_tried_again_as_it_is(
    qtbot: QtBot, make_page: Callable[..., QueuePage]
) -> None:
    def fill(queue: RenderQueue) -> None:
        three(queue)
        queue.fail(queue.next_job().job_id, Trouble.of(OutOfMemoryError("Too big.", hint="Make it smaller.")))

    page = make_page(fill)
    row = page.needs_you.rows[0]
    assert row.fix.text() == "Try again"
    assert row.facts.words == "Stopped: Too big."
    assert row.advice.words == "Make it smaller."
    qtbot.mouseClick(row.fix, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: prompts(page.waiting.rows) == ["first", "second", "third"], timeout=WAIT_MS)


def test_that_all_failed_jobs_are_tried_again_in_their_order(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    def fill(queue: RenderQueue) -> None:
        three(queue)
        for _ in range(2):
            queue.fail(queue.next_job().job_id, Trouble.of(OutOfMemoryError("Too big.")))

    page = make_page(fill)
    qtbot.mouseClick(page.all_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: prompts(page.waiting.rows) == ["first", "second", "third"], timeout=WAIT_MS)
    assert not page.needs_you.isVisible()


def test_that_jobs_are_reordered_by_keys(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page(three)
    row = page.waiting.rows[2]
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: prompts(page.waiting.rows) == ["first", "third", "second"], timeout=WAIT_MS)
    assert page.focusWidget() is row
    assert row.accessibleName().endswith("2 of 3")
    qtbot.keyClick(row, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: prompts(page.waiting.rows)[0] == "third", timeout=WAIT_MS)
    qtbot.keyClick(row, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: prompts(page.waiting.rows) == ["first", "third", "second"], timeout=WAIT_MS)


def drag(qtbot: QtBot, row: JobRow, to: JobRow, *, below: bool) -> None:
    """Drag a row by its picture to another one's upper or lower edge, and keep the button down."""
    start = QPoint(30, row.height() // 2)
    edge = to.mapTo(row.window(), QPoint(30, to.height() - 2 if below else 2))
    end = row.mapFrom(row.window(), edge)
    qtbot.mousePress(row, Qt.MouseButton.LeftButton, pos=start)
    for part in (0.3, 1.0):
        qtbot.mouseMove(row, start + (end - start) * part)
    move(row, end)


def move(row: JobRow, to: QPoint) -> None:
    """Move the mouse over a row with its button down; QTest's own moves say that none is."""
    from PySide6.QtCore import QEvent, QPointF  # noqa: PLC0415 - only here
    from PySide6.QtGui import QMouseEvent  # noqa: PLC0415 - only here

    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    where = QPointF(to)
    event = QMouseEvent(QEvent.Type.MouseMove, where, QPointF(row.mapToGlobal(to)), button, button, none)
    QApplication.sendEvent(row, event)


@pytest.mark.parametrize(
    ("source", "target", "below", "expected"),
    [
        (2, 0, False, ["third", "first", "second"]),
        (0, 2, True, ["second", "third", "first"]),
        (0, 1, True, ["second", "first", "third"]),
        (1, 1, False, ["first", "second", "third"]),
    ],
)
def test_that_jobs_are_reordered_by_dragging(
    qtbot: QtBot,
    make_page: Callable[..., QueuePage],
    source: int,
    target: int,
    below: bool,
    expected: list[str],
) -> None:
    page = make_page(three)
    row, to = page.waiting.rows[source], page.waiting.rows[target]
    qtbot.waitUntil(lambda: to.height() > 20, timeout=WAIT_MS)
    drag(qtbot, row, to, below=below)
    end = row.mapFrom(page, to.mapTo(page, QPoint(30, to.height() - 2 if below else 2)))
    qtbot.mouseRelease(row, Qt.MouseButton.LeftButton, pos=end)
    qtbot.waitUntil(lambda: prompts(page.waiting.rows) == expected, timeout=WAIT_MS)


def test_that_escape_lets_a_dragged_job_lie(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page(three)
    row, to = page.waiting.rows[2], page.waiting.rows[0]
    qtbot.waitUntil(lambda: to.height() > 20, timeout=WAIT_MS)
    drag(qtbot, row, to, below=False)
    with qtbot.waitSignal(row.drag_given_up, timeout=WAIT_MS):
        qtbot.keyClick(row, Qt.Key.Key_Escape)
    with qtbot.assertNotEmitted(page.waiting.moved):
        qtbot.mouseRelease(row, Qt.MouseButton.LeftButton)


@pytest.mark.qt_log_ignore("propagateSizeHints", r"does not support (raise|grabbing)", extend=True)  # offscreen
def test_that_the_menu_makes_a_job_the_next(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page(three)
    row = page.waiting.rows[2]
    qtbot.mouseClick(row.more, Qt.MouseButton.LeftButton)
    names = [action.text() for action in row.menu.actions()]
    assert names == [
        "Make it next",
        "Move up\tAlt+Up",
        "Move down\tAlt+Down",
        "Make it last",
        "Remove from the queue\tDel",
    ]
    row.menu.actions()[0].trigger()
    row.menu.close()
    qtbot.waitUntil(lambda: prompts(page.waiting.rows)[0] == "third", timeout=WAIT_MS)


def test_that_delete_removes_a_job_and_the_focus_stays_in_the_list(
    qtbot: QtBot, make_page: Callable[..., QueuePage]
) -> None:
    page = make_page(three)
    page.waiting.rows[1].setFocus()
    qtbot.keyClick(page.waiting.rows[1], Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: prompts(page.waiting.rows) == ["first", "third"], timeout=WAIT_MS)
    assert page.focusWidget() is page.waiting.rows[1]
    qtbot.keyClick(page.waiting.rows[1], Qt.Key.Key_Up)
    assert page.focusWidget() is page.waiting.rows[0]


def test_that_jobs_are_grouped_by_model(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    def fill(queue: RenderQueue) -> None:
        for number, model_id in enumerate(("a", "b", "a", "b")):
            queue.add(order(f"{model_id}{number}", model_id=model_id))

    page = make_page(fill)
    assert page.group.text() == "Group by model (saves 2 loads)"
    qtbot.mouseClick(page.group, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: prompts(page.waiting.rows) == ["a0", "a2", "b1", "b3"], timeout=WAIT_MS)
    assert not page.group.isVisible()


def test_that_finished_jobs_are_cleared_and_their_videos_stay(
    qtbot: QtBot, make_page: Callable[..., QueuePage]
) -> None:
    page = make_page(three)
    qtbot.mouseClick(page.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(page.finished.rows) == 3, timeout=WAIT_MS)
    videos = [row.job.result.path for row in page.finished.rows]
    assert page.finished.rows[0].badge.text.startswith("Done ")
    qtbot.waitUntil(lambda: not page.finished.rows[0].picture.image.isNull(), timeout=WAIT_MS)
    qtbot.mouseClick(page.clear, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.empty, timeout=WAIT_MS)
    assert all(video.is_file() for video in videos)


def test_that_a_finished_job_shows_its_video_in_the_library(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page(three)
    qtbot.mouseClick(page.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(page.finished.rows) == 3, timeout=WAIT_MS)
    row = page.finished.rows[1]
    with qtbot.waitSignal(page.page_requested) as asked:
        row.asked.emit(Deed.LIBRARY, row.job.job_id)
    assert asked.args == [PageId.LIBRARY, VideoTarget(row.job.result.path)]


def test_that_a_long_history_is_shown_in_parts(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    def fill(queue: RenderQueue) -> None:
        for number in range(14):
            (job_id,) = queue.add(order(f"video {number}"))
            queue.stop(job_id)

    page = make_page(fill)
    assert len(page.finished.rows) == 10
    assert page.finished.more.text() == "Show 4 more"
    qtbot.mouseClick(page.finished.more, Qt.MouseButton.LeftButton)
    assert len(page.finished.rows) == 14
    assert not page.finished.more.isVisible()


def test_that_a_start_image_is_shown(qtbot: QtBot, make_page: Callable[..., QueuePage], picture: Path) -> None:
    page = make_page(lambda queue: queue.add(order(image=picture)))
    row = page.waiting.rows[0]
    qtbot.waitUntil(lambda: not row.picture.image.isNull(), timeout=WAIT_MS)


def test_that_what_is_to_be_done_afterwards_is_kept(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page(three)
    page.when_done.setFocus()
    qtbot.keyClick(page.when_done, Qt.Key.Key_Down)
    queue = page.session.renders
    qtbot.waitUntil(lambda: queue.snapshot.when_done is WhenDone.SLEEP, timeout=WAIT_MS)
    assert page.when_done.currentText() == "Sleep"


def test_that_a_model_that_does_not_come_lets_its_jobs_go_on(qtbot: QtBot, make_page: Callable[..., QueuePage]) -> None:
    page = make_page(three)
    page.session.renders.do(lambda queue: queue.wait_for_model("shapes", ""))
    qtbot.waitUntil(lambda: page.waiting.rows[0].badge.text == "Waiting for model", timeout=WAIT_MS)
    page.session.models.changed.emit(None)
    qtbot.waitUntil(lambda: page.waiting.rows[0].badge.text == "about 4\u20135 min", timeout=WAIT_MS)


def test_that_every_button_has_a_name_and_is_large_enough(make_page: Callable[..., QueuePage]) -> None:
    page = make_page(failed)
    from wan_desktop.ui.widgets.controls import Button  # noqa: PLC0415 - only here

    buttons = [button for button in page.findChildren(Button) if button.isVisible()]
    assert len(buttons) > 5
    assert all(button.accessibleName() for button in buttons)
    assert all(min(button.width(), button.height()) >= 24 for button in buttons)


def test_that_the_page_fits_the_smallest_window(qtbot: QtBot, open_program: OpenProgram) -> None:
    program = open_program()
    program.session.renders.do(failed)
    program.window.show_page(PageId.QUEUE)
    page = program.window.pages[PageId.QUEUE]
    qtbot.waitUntil(lambda: bool(page.needs_you.rows), timeout=WAIT_MS)
    program.window.resize(1100, 640)
    assert program.window.minimumSizeHint().width() <= 1100
    assert program.window.minimumSizeHint().height() <= 640


# What it says --------------------------------------------------------------------------------------------------------

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def job(state: RenderState = RenderState.WAITING, **changes: object) -> RenderJob:
    """A job with an estimate."""
    made = RenderJob(job_id="1", order=order(), created_at=NOON.isoformat(), state=state, estimate=ESTIMATE)
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (RenderEstimate(3600.0, 3600.0), "all done at about 13:00"),
        (RenderEstimate(13 * 3600.0, 13 * 3600.0), "all done tomorrow at about 01:00"),
        (RenderEstimate(50 * 3600.0, 50 * 3600.0), "all done in 2 days, at about 14:00"),
    ],
)
def test_that_the_headline_says_when_all_is_done(estimate: RenderEstimate, said: str) -> None:
    now = QueueSnapshot(waiting=(job(estimate=estimate),))
    assert texts.headline(now, NOON) == f"1 waiting  ·  {said}"


def test_that_the_headline_says_what_is_not_known() -> None:
    now = QueueSnapshot(waiting=(job(), job(estimate=None)))
    assert texts.headline(now, NOON) == "2 waiting  ·  about 4\u20135 min left, 1 of unknown length"
    assert texts.headline(QueueSnapshot(waiting=(job(estimate=None),)), NOON) == "1 waiting"
    assert texts.headline(QueueSnapshot(waiting=(job(),), needs_ok=True), NOON).endswith("before you say so")
    assert texts.headline(QueueSnapshot(), NOON) == ""


def test_that_a_job_says_what_it_is() -> None:
    long = job(order=order("word " * 60))
    assert len(texts.title_of(long)) <= 120
    assert texts.title_of(long).endswith("word…")
    assert texts.title_of(job(order=order(""))) == "A picture that moves"
    assert texts.facts_of(job(), None) == ["model-a", "832 \u00d7 480"]
    assert texts.state_words(job(interrupted=True)) == "was interrupted, begins anew"
    ended = job(RenderState.DONE, ended_at=(NOON - timedelta(days=1)).isoformat())
    assert texts.ended_words(ended, NOON) == "2026-04-30 12:00"
