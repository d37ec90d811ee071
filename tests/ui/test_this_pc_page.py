"""The page This PC over PCs on paper."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from tests.fakes.hardware.profiles import load
from tests.ui.audit import faults
from tests.ui.conftest import WAIT_MS, fake_engine
from wan_desktop.core.calibration import Calibration, CalibrationStore, MeasuredRun, Prediction
from wan_desktop.core.errors import WanError
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.json_file import JsonFile
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.pc_rows import Fix, RowKind, RowState
from wan_desktop.core.settings import MemoryMode, Settings, Theme, load_settings
from wan_desktop.ui.live.pc import LivePc
from wan_desktop.ui.page import SHOW_PROGRAMS, SPEED_TEST
from wan_desktop.ui.session import Session
from wan_desktop.ui.theme import ThemeManager
from wan_desktop.ui.this_pc import page as page_module
from wan_desktop.ui.this_pc.page import ThisPcPage

TWO_CARDS = "rtx-4090-and-3060-64gb"
OpenPage = Callable[..., ThisPcPage]


class Paper:
    """A PC on paper that can change, and counts how often it is looked at."""

    def __init__(self) -> None:
        self.profile: HardwareProfile | WanError = load(TWO_CARDS)
        self.looks = 0

    def __call__(self) -> HardwareProfile:
        self.looks += 1
        if isinstance(self.profile, WanError):
            raise self.profile
        return self.profile


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def open_page(qtbot: QtBot, qapp: QApplication, paths: AppPaths, paper: Paper) -> Iterator[OpenPage]:
    """Opens the page in a window of its own; the engine is not started unless a test does it."""
    sessions: list[Session] = []
    windows: list[QMainWindow] = []
    ThemeManager(qapp, Theme.DARK, 1.0)

    def start(name: str = TWO_CARDS, scenario: str = "ok", settings: Settings | None = None) -> ThisPcPage:
        paper.profile = load(name)
        paths.ensure()
        session = Session(paths, settings or Settings(), qapp, engine_command=fake_engine(scenario))
        sessions.append(session)
        session.pc = LivePc(session, paper)
        window = QMainWindow()
        windows.append(window)  # or it is gone as soon as nobody holds it
        page = ThisPcPage(session, window)
        window.setCentralWidget(page)
        window.resize(1228, 860)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitUntil(lambda: bool(page.rows.rows), timeout=WAIT_MS)
        return page

    yield start
    for session in sessions:
        session.shutdown()


def click(qtbot: QtBot, button: object) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_that_rows_and_the_sentence_appear(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    qtbot.waitUntil(lambda: bool(page.reach.names), timeout=WAIT_MS)
    assert page.rows.row(RowKind.CARD).value.text() == "NVIDIA GeForce RTX 4090"
    assert page.reach.sentence.text().startswith("Your PC runs ")
    assert "Wan 2.2 TI2V 5B" in page.reach.names
    assert page.rows.row(RowKind.NUMBER_FORMAT) is not None


def test_that_the_pc_is_looked_at_again_and_again_only_while_the_page_is_shown(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, open_page: OpenPage, paper: Paper
) -> None:
    monkeypatch.setattr(page_module, "_LOOK_MS", 20)
    page = open_page()
    seen = paper.looks
    qtbot.waitUntil(lambda: paper.looks > seen + 3, timeout=WAIT_MS)
    page.window().hide()
    qtbot.waitUntil(lambda: not page.session.pc._looking, timeout=WAIT_MS)
    hidden = paper.looks
    qtbot.wait(200)
    assert paper.looks == hidden
    page.window().show()
    qtbot.waitUntil(lambda: paper.looks > hidden, timeout=WAIT_MS)


def test_that_values_change_in_place(qtbot: QtBot, open_page: OpenPage, paper: Paper) -> None:
    page = open_page("rtx-3060-12gb-32gb")
    qtbot.waitUntil(lambda: page.rows.row(RowKind.NUMBER_FORMAT) is not None, timeout=WAIT_MS)
    before = page.rows.row(RowKind.VIDEO_MEMORY)
    text = before.value.text()
    busy = paper.profile.gpus[0]
    paper.profile = replace(paper.profile, gpus=(replace(busy, free_bytes=busy.free_bytes // 2),))
    click(qtbot, page.check)
    qtbot.waitUntil(lambda: page.rows.row(RowKind.VIDEO_MEMORY).value.text() != text, timeout=WAIT_MS)
    assert page.rows.row(RowKind.VIDEO_MEMORY) is before


def test_that_a_new_card_is_thought_about_anew(qtbot: QtBot, open_page: OpenPage, paper: Paper) -> None:
    page = open_page("no-card-laptop-8gb")
    qtbot.waitUntil(lambda: "built-in" in page.reach.sentence.text(), timeout=WAIT_MS)
    paper.profile = load("rtx-4070-12gb-32gb")
    page.session.pc.look()
    qtbot.waitUntil(lambda: "Up to" in page.reach.sentence.text(), timeout=WAIT_MS)


def test_that_a_card_that_the_engine_does_not_see_counts_for_nothing(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("rtx-4070-12gb-32gb")
    qtbot.waitUntil(lambda: "Up to" in page.reach.sentence.text(), timeout=WAIT_MS)
    page.session.start_engine()  # the played one has no card
    qtbot.waitUntil(lambda: page.rows.row(RowKind.CARD).row.state is RowState.BAD, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "on the processor" in page.reach.sentence.text(), timeout=WAIT_MS)


def test_that_the_card_can_be_chosen(qtbot: QtBot, open_page: OpenPage, paths: AppPaths) -> None:
    page = open_page()
    small = next(gpu for gpu in page.session.pc.profile.gpus if "3060" in gpu.name)
    assert page.memory.cards_field.isVisible()
    row = page.rows.row(RowKind.CARD)
    assert row.row.fix is Fix.CHOOSE_CARD
    click(qtbot, row.fix)
    qtbot.keyClick(page.memory.cards, Qt.Key.Key_Home)
    for _ in range(page.memory.cards.findData(small.uuid)):
        qtbot.keyClick(page.memory.cards, Qt.Key.Key_Down)
    assert page.session.settings.gpu_uuid == small.uuid
    qtbot.waitUntil(lambda: page.rows.row(RowKind.CARD).value.text() == small.name, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: load_settings(paths.settings_file).gpu_uuid == small.uuid, timeout=WAIT_MS)


def test_that_one_card_is_not_asked_about(open_page: OpenPage) -> None:
    assert not open_page("rtx-4070-12gb-32gb").memory.cards_field.isVisible()


def test_that_the_memory_mode_counts_at_once(qtbot: QtBot, open_page: OpenPage, paths: AppPaths) -> None:
    page = open_page("rtx-4070-12gb-32gb")
    qtbot.waitUntil(lambda: bool(page.reach.names), timeout=WAIT_MS)
    before = page.reach.sentence.text()
    click(qtbot, page.memory.mode.buttons()[1])
    assert page.session.settings.memory_mode is MemoryMode.FASTEST
    qtbot.waitUntil(lambda: page.reach.sentence.text() != before, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: load_settings(paths.settings_file).memory_mode is MemoryMode.FASTEST, timeout=WAIT_MS)
    page.session.change_settings(Settings(memory_mode=MemoryMode.SAVE))
    assert page.memory.mode.value() is MemoryMode.SAVE


def test_that_the_speed_test_runs_and_is_shown(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    assert "half a minute" in page.speed.words.text()
    with qtbot.waitSignal(page.speed.measured, timeout=WAIT_MS):
        click(qtbot, page.speed.run)
        assert page.speed.run.text() == "Stop"
    qtbot.waitUntil(lambda: len(page.speed.reports) == 2, timeout=WAIT_MS)
    assert page.speed.run.text() == "Run speed test"
    assert page.session.renderer.planner.speeds.load().devices


def test_that_the_speed_test_can_be_stopped(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page(scenario="slow")
    click(qtbot, page.speed.run)
    qtbot.waitUntil(lambda: page.speed.words.text().startswith("Measuring"), timeout=WAIT_MS)
    click(qtbot, page.speed.run)
    qtbot.waitUntil(lambda: not page.speed.running, timeout=WAIT_MS)
    assert "Nothing was changed" in page.speed.words.text()
    assert not page.session.renderer.planner.speeds.load().devices


def test_that_an_engine_that_dies_is_told(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page(scenario="dies")
    click(qtbot, page.speed.run)
    qtbot.waitUntil(lambda: not page.speed.running, timeout=WAIT_MS)
    assert page.speed.words.property("role") == "bad"
    assert page.speed.run.isEnabled()


def test_that_learned_factors_are_told_and_can_be_forgotten(qtbot: QtBot, open_page: OpenPage, paths: AppPaths) -> None:
    paths.ensure()
    uuid = load("rtx-4070-12gb-32gb").gpus[0].uuid
    prediction = Prediction(uuid, "family", "plan", "size", {"create_frames": 100.0})
    known = Calibration().learn(prediction, MeasuredRun({"create_frames": 92.0}, 0))
    JsonFile(paths.calibration, Calibration).write(known)
    page = open_page("rtx-4070-12gb-32gb")
    qtbot.waitUntil(lambda: "8 % less time" in page.memory.learned.text(), timeout=WAIT_MS)
    click(qtbot, page.memory.forget)
    qtbot.waitUntil(lambda: "Nothing is learned" in page.memory.learned.text(), timeout=WAIT_MS)
    assert CalibrationStore(paths.calibration).load().runs == 0


def test_that_the_report_is_copied(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    qtbot.waitUntil(lambda: bool(page.reach.names), timeout=WAIT_MS)
    click(qtbot, page.copy)
    copied = QGuiApplication.clipboard().text()
    assert "NVIDIA GeForce RTX 4090" in copied
    assert page.reach.sentence.text() in copied
    assert page.copy.text() == "Copied"
    assert not any(gpu.uuid in copied for gpu in page.session.pc.profile.gpus)


def test_that_setup_can_be_run_again(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    with qtbot.waitSignal(page.setup_requested, timeout=WAIT_MS):
        click(qtbot, page.setup)


def test_that_a_look_that_fails_is_told_and_over_when_one_works(
    qtbot: QtBot, open_page: OpenPage, paper: Paper
) -> None:
    page = open_page()
    good, paper.profile = paper.profile, WanError("The PC cannot be looked at.", hint="Wait a little.")
    click(qtbot, page.check)
    qtbot.waitUntil(lambda: page._notice is not None, timeout=WAIT_MS)
    assert "Wait a little." in page._notice.words.text()
    paper.profile = good
    click(qtbot, page.check)
    qtbot.waitUntil(lambda: page._notice is None, timeout=WAIT_MS)


@pytest.mark.parametrize("width", [1000, 1228])
def test_that_everything_can_be_named_and_hit(qtbot: QtBot, open_page: OpenPage, width: int) -> None:
    page = open_page()
    page.window().resize(width, 860)
    qtbot.waitUntil(lambda: bool(page.reach.names), timeout=WAIT_MS)
    assert not faults(page.window())
    assert all(row.accessibleName() for row in page.rows.rows)


# Programs on the card -----------------------------------------------------------------------------------------------


def test_that_programs_are_named_in_their_row_and_listed_by_its_button(
    qtbot: QtBot, open_page: OpenPage, paper: Paper
) -> None:
    page = open_page("rtx-4080-16gb-32gb-busy")
    row = page.rows.row(RowKind.OTHER_PROGRAMS)
    assert row.hint.text().startswith("The largest: game 8.2 GB, chrome 1.1 GB.")
    click(qtbot, row.fix)
    dialog = page.programs
    lines = [dialog.programs.item(at).text() for at in range(dialog.programs.count())]
    assert [line.split()[0] for line in lines] == ["game", "chrome", "The"]
    assert "8.2 GB" in lines[0]
    assert "2 processes" in lines[1]
    assert dialog.manager.isVisible()
    height = dialog.height()
    assert height == dialog.layout().totalHeightForWidth(dialog.width())  # nothing in it is empty
    row_px = dialog.programs.sizeHintForRow(0)
    assert 3 * row_px <= dialog.programs.viewport().height() < 4 * row_px
    card = paper.profile.gpus[0]
    paper.profile = replace(paper.profile, gpus=(replace(card, programs=card.programs[1:]),))
    qtbot.waitUntil(lambda: dialog.programs.count() == 2, timeout=WAIT_MS)
    assert dialog.height() < height
    assert not faults(dialog)
    click(qtbot, dialog.leave)
    qtbot.waitUntil(lambda: "chrome" in page.rows.row(RowKind.OTHER_PROGRAMS).hint.text(), timeout=WAIT_MS)


def test_that_other_pages_can_ask_for_the_programs_and_the_speed_test(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("rtx-3060-12gb-32gb")
    page.show_target(SHOW_PROGRAMS)
    assert page.programs.isVisible()
    assert page.programs.programs.isHidden()
    assert "does not tell" in page.programs.hint.text()
    assert page.programs.height() == page.programs.layout().totalHeightForWidth(page.programs.width())
    page.programs.reject()
    page.show_target(SPEED_TEST)
    qtbot.waitUntil(page.speed.run.hasFocus, timeout=WAIT_MS)


def test_that_a_copied_report_names_no_program(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("rtx-4080-16gb-32gb-busy")
    assert "game" not in page.report()
