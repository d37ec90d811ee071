"""The graphics card is busy: said on Create and in the queue, waited for, begun by itself, and given up."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.conftest import TinyModel
from tests.core.test_busy_card import BUSY, FREE, GPU
from tests.fakes.large_model import make_large_model
from tests.ui.conftest import WAIT_MS, OpenProgram, fake_engine
from wan_desktop.core.catalog import Model
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.render_queue import RenderState
from wan_desktop.core.settings import Settings
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def large(tiny_model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_large_model(tiny_model("ti2v"), tmp_path_factory.mktemp("large") / "model")


class CardOnPaper:
    """A PC whose card is in others' hands until somebody says otherwise."""

    def __init__(self) -> None:
        self.profile: HardwareProfile = BUSY

    def __call__(self) -> HardwareProfile:
        return self.profile


@pytest.fixture
def card() -> CardOnPaper:
    return CardOnPaper()


@pytest.fixture
def page(qtbot: QtBot, open_program: OpenProgram, large: Model, card: CardOnPaper) -> CreatePage:
    """Create, with the error card of a busy card."""
    engine = [*fake_engine("ok"), GPU.uuid.removeprefix("GPU-")]
    program = open_program(engine_command=engine, load_model=lambda: large)
    renderer = program.session.renderer
    renderer.planner = RenderPlanner(renderer._paths, Settings(), look=card)
    renderer.busy_wait_s, renderer.busy_look_s = 0.0, 0.01
    create = program.window.create
    qtbot.waitUntil(lambda: create.form is not None, timeout=WAIT_MS)
    create.form.change(width=832, height=480, num_frames=49)
    create.form.write_prompt("a red ball")
    with qtbot.waitSignal(create.render_ended, timeout=WAIT_MS):
        create.generate()
    return create


def window_of(page: CreatePage) -> MainWindow:
    window = page.window()
    assert isinstance(window, MainWindow)
    return window


def get_free(page: CreatePage, card: CardOnPaper) -> None:
    """The other programs are closed, and the PC is looked at."""
    card.profile = FREE
    window_of(page).session.pc.profile = FREE
    window_of(page).session.pc.changed.emit(FREE)


def test_that_the_busy_card_is_said_with_its_two_ways_out(qtbot: QtBot, page: CreatePage) -> None:
    shown = page.stage.error
    assert shown.text.number == "WAN-1005"
    assert "Other programs use 25.5 of 25.8 GB" in shown.text.message
    assert [button.text() for button in shown.offers] == ["Wait and start when free", "Show programs"]
    qtbot.mouseClick(shown.offers[1], LEFT)
    assert window_of(page).page_id is PageId.THIS_PC


def test_that_it_waits_and_starts_by_itself_when_the_card_is_free(
    qtbot: QtBot, page: CreatePage, card: CardOnPaper
) -> None:
    renders = window_of(page).session.renders
    qtbot.mouseClick(page.stage.error.offers[0], LEFT)
    qtbot.waitUntil(lambda: len(renders.snapshot.waiting) == 1, timeout=WAIT_MS)
    (job,) = renders.snapshot.waiting
    assert job.state is RenderState.WAITING_FOR_CARD
    assert page.stage.messages.notice.title.text() == "The video waits for the graphics card."
    renders._session.pc.changed.emit(BUSY)
    assert not renders.running
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        get_free(page, card)
    assert [job.state for job in renders.snapshot.finished] == [RenderState.DONE]
    assert page.stage.stack.currentWidget() is page.stage.finished


def test_that_the_queue_offers_it_too_and_waiting_can_be_given_up(qtbot: QtBot, page: CreatePage) -> None:
    window = window_of(page)
    window.show_page(PageId.QUEUE)
    queue = window.pages[PageId.QUEUE]
    (row,) = queue.needs_you.rows
    assert row.badge.text == "The graphics card is busy"
    assert row.fix.text() == "Wait and start when free"
    row.details.set_open(True)
    assert [button.text() for button in row.card.offers] == ["Wait and start when free", "Show programs"]
    qtbot.mouseClick(row.fix, LEFT)
    qtbot.waitUntil(lambda: len(queue.waiting.rows) == 1, timeout=WAIT_MS)
    (row,) = queue.waiting.rows
    assert row.badge.text == "Waiting for the card"
    assert "GB of video memory are free" in row.facts.words
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: not queue.waiting.rows, timeout=WAIT_MS)
    assert not window.session.renders.snapshot.waiting
