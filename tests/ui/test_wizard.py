"""The wizard, clicked through as somebody would, with PCs on paper and a played engine."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from tests.fakes.hardware import PROFILES, load
from tests.ui.conftest import WAIT_MS, fake_engine
from wan_desktop.core.hardware import Drive, DriveKind, HardwareProfile
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.pc_rows import RowKind, RowState
from wan_desktop.core.settings import Settings
from wan_desktop.ui.session import Session
from wan_desktop.ui.wizard.first_model import FirstModelStep
from wan_desktop.ui.wizard.ready import ReadyStep
from wan_desktop.ui.wizard.speed import SpeedStep
from wan_desktop.ui.wizard.storing import StoringStep
from wan_desktop.ui.wizard.welcome import WelcomeStep
from wan_desktop.ui.wizard.wizard import Wizard
from wan_desktop.ui.wizard.your_pc import YourPcStep

OpenWizard = Callable[..., Wizard]


@pytest.fixture
def open_wizard(qtbot: QtBot, qapp: QApplication, paths: AppPaths) -> Iterator[OpenWizard]:
    """Opens the wizard on a PC on paper; its session ends with the test."""
    sessions: list[Session] = []
    wizards: list[Wizard] = []

    def start(pc: str | HardwareProfile = "no-card-laptop-8gb", settings: Settings | None = None) -> Wizard:
        paths.ensure()
        profile = load(pc) if isinstance(pc, str) else pc
        session = Session(
            paths, settings or Settings(), qapp, engine_command=fake_engine("ok"), look_at_pc=lambda: profile
        )
        sessions.append(session)
        session.start_engine()
        wizard = Wizard(session)
        wizards.append(wizard)
        wizard.show()
        return wizard

    yield start
    for wizard in wizards:
        if isValid(wizard):  # one that was gone through has deleted itself
            wizard.close()
    for session in sessions:
        session.shutdown()


def go_to(qtbot: QtBot, wizard: Wizard, kind: type) -> object:
    """Press Next, or Skip where there is something to skip, until that step is shown."""
    while not isinstance(wizard.step, kind):
        button = wizard.skip if wizard.step.can_be_skipped else wizard.next
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    return wizard.step


def test_that_next_alone_leads_to_the_end_and_is_remembered(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    wizard = open_wizard()
    session = wizard._session
    first_model = wizard.steps[4]
    qtbot.waitUntil(lambda: bool(first_model.rows), timeout=WAIT_MS)
    go_to(qtbot, wizard, ReadyStep)
    with qtbot.waitSignal(wizard.ended, timeout=WAIT_MS) as ended:
        qtbot.mouseClick(wizard.next, Qt.MouseButton.LeftButton)
    assert ended.args == [True]
    assert session.settings.wizard_done


def test_that_escape_ends_it_without_a_test_video(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    wizard = open_wizard()
    with qtbot.waitSignal(wizard.ended, timeout=WAIT_MS) as ended:
        qtbot.keyClick(wizard, Qt.Key.Key_Escape)
    assert ended.args == [False]


def test_that_back_works_from_every_step(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    wizard = open_wizard()
    for number in range(len(wizard.steps) - 1, 0, -1):
        wizard.show_step(number)
        qtbot.mouseClick(wizard.back, Qt.MouseButton.LeftButton)
        assert wizard.number == number - 1
    assert not wizard.back.isVisible()


def test_that_the_first_step_checks_the_program(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    step = open_wizard().step
    assert isinstance(step, WelcomeStep)
    assert step.files.words.text() == "complete"
    assert step.folder.words.text() == "yes"
    qtbot.waitUntil(lambda: step.engine.words.text() == "ready", timeout=WAIT_MS)


@pytest.mark.parametrize("pc", PROFILES)
def test_that_every_pc_is_described_and_never_stops_the_way(qtbot: QtBot, open_wizard: OpenWizard, pc: str) -> None:
    wizard = open_wizard(pc)
    step = go_to(qtbot, wizard, YourPcStep)
    assert isinstance(step, YourPcStep)
    qtbot.waitUntil(lambda: bool(step.rows.rows), timeout=WAIT_MS)
    assert step.rows.row(RowKind.CARD) is not None
    qtbot.waitUntil(lambda: step.sentence.text().startswith("Your PC"), timeout=WAIT_MS)
    assert wizard.next.isEnabled()


def test_that_a_missing_card_is_said(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    step = go_to(qtbot, open_wizard("no-card-laptop-8gb"), YourPcStep)
    assert isinstance(step, YourPcStep)
    qtbot.waitUntil(lambda: bool(step.rows.rows), timeout=WAIT_MS)
    row = step.rows.row(RowKind.CARD)
    assert row is not None
    assert row.row.state is RowState.BAD
    assert "built-in model" in step.sentence.text() or not step.sentence.text().startswith("Your PC")


def test_that_the_chosen_drive_becomes_the_folder_for_models(
    qtbot: QtBot, open_wizard: OpenWizard, tmp_path: Path
) -> None:
    wizard = open_wizard()
    step = go_to(qtbot, wizard, StoringStep)
    assert isinstance(step, StoringStep)
    qtbot.waitUntil(lambda: bool(step.rows), timeout=WAIT_MS)
    good = Path(Path.cwd().anchor) / "models of a test"
    step.take_folder(good)
    assert step.chosen is not None
    assert step.chosen.folder == good
    qtbot.mouseClick(wizard.next, Qt.MouseButton.LeftButton)
    assert wizard._session.settings.model_folders[0] == good
    step.take_folder(tmp_path)  # for temporary files
    assert step.chosen is None or step.chosen.folder != tmp_path


def test_that_a_folder_on_no_known_drive_says_so_and_is_not_chosen_first(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    root = Path.cwd().anchor
    away = Drive(f"{root}away of a test", DriveKind.SSD, "", 0, 0)
    known = Drive(f"{root}known of a test", DriveKind.HDD, "ext4", 2 * 10**12, 10**12)
    pc = replace(load("rtx-4090-24gb-64gb"), drives=(away, known))
    wizard = open_wizard(pc)
    step = go_to(qtbot, wizard, StoringStep)
    assert isinstance(step, StoringStep)
    qtbot.waitUntil(lambda: len(step.rows) == 3, timeout=WAIT_MS)
    unknown = next(row for row in step.rows if row.place.drive == away)
    words = " ".join(label.text() for label in unknown.findChildren(QLabel))
    assert "free space unknown" in words
    assert "Not known" in words
    assert "Good" not in words
    assert "0 bytes" not in words
    assert step.chosen is not None
    assert step.chosen.drive == known
    unknown.button.click()
    assert step.chosen is unknown.place


def test_that_a_folder_chosen_before_is_kept(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    mine = Path(Path.cwd().anchor) / "mine"
    wizard = open_wizard("rtx-4090-24gb-64gb", Settings(model_folders=(mine,)))
    step = go_to(qtbot, wizard, StoringStep)
    assert isinstance(step, StoringStep)
    qtbot.waitUntil(lambda: bool(step.rows), timeout=WAIT_MS)
    qtbot.mouseClick(wizard.next, Qt.MouseButton.LeftButton)
    assert wizard._session.settings.model_folders == (mine,)


def test_that_a_test_that_fails_does_not_stop_the_way(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    wizard = open_wizard("rtx-4090-24gb-64gb")  # which this machine does not have
    step = go_to(qtbot, wizard, SpeedStep)
    assert isinstance(step, SpeedStep)
    qtbot.waitUntil(lambda: wizard._session.pc.profile is not None, timeout=WAIT_MS)
    step.run_test()
    assert step.stop.isVisible()
    qtbot.waitUntil(lambda: not step.stop.isVisible(), timeout=WAIT_MS)
    qtbot.mouseClick(wizard.next if step.report else wizard.skip, Qt.MouseButton.LeftButton)
    assert isinstance(wizard.step, FirstModelStep)


def test_that_without_a_card_the_built_in_model_is_offered(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    wizard = open_wizard("no-card-laptop-8gb")
    step = wizard.steps[4]
    assert isinstance(step, FirstModelStep)
    qtbot.waitUntil(lambda: bool(step.rows), timeout=WAIT_MS)
    assert any(row.offer.is_built_in for row in step.rows)


@pytest.mark.parametrize("pc", ["rtx-4090-24gb-64gb", "rtx-3060-12gb-32gb"])
def test_that_a_good_card_is_offered_a_model_that_fits_first(qtbot: QtBot, open_wizard: OpenWizard, pc: str) -> None:
    wizard = open_wizard(pc)
    step = wizard.steps[4]
    assert isinstance(step, FirstModelStep)
    qtbot.waitUntil(lambda: bool(step.rows) and step.rows[0].offer.badge.fits, timeout=WAIT_MS)
    assert not step.rows[0].offer.is_built_in
    names = [row.offer.metadata.model_id for row in step.rows]
    assert len(names) == len(set(names))
    wizard.show_step(4)
    assert wizard.next.text().startswith("Download ")


def test_that_each_decision_leads_back_to_its_step(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    wizard = open_wizard()
    go_to(qtbot, wizard, ReadyStep)
    change = next(
        button for button in wizard.step.findChildren(type(wizard.next)) if button.accessibleName().startswith("Change")
    )
    qtbot.mouseClick(change, Qt.MouseButton.LeftButton)
    assert isinstance(wizard.step, YourPcStep)


def test_that_the_program_can_end_while_it_is_open(qtbot: QtBot, open_wizard: OpenWizard) -> None:
    wizard = open_wizard()
    assert wizard.close(), "a window that refuses to close keeps the program from ending"
