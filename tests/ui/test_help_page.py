"""The page Help & diagnostics, driven as a user does: real lanes, real files, a played engine, PCs on paper."""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.fakes.hardware import load
from tests.ui.conftest import WAIT_MS, OpenProgram, fake_engine
from wan_desktop.core.catalog import Model
from wan_desktop.core.doctor import HealthFix, HealthItem, HealthKind, HealthState
from wan_desktop.core.error_help_texts import ENTRIES
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.log_lines import LineLevel, LogFilter, parse_log
from wan_desktop.core.messages import Stage
from wan_desktop.core.pc_rows import DRIVER_PAGE
from wan_desktop.core.prompt_history import PromptHistory
from wan_desktop.core.render_queue import QueueSnapshot
from wan_desktop.core.settings import Settings
from wan_desktop.ui.help.error_codes import ErrorsPart
from wan_desktop.ui.help.health import FIX_WORDS, HealthPart, HealthRow
from wan_desktop.ui.help.log_model import LINE_ROLE, LogModel
from wan_desktop.ui.help.log_view import LogPart
from wan_desktop.ui.help.messages import MessagesPart
from wan_desktop.ui.help.page import HelpPage
from wan_desktop.ui.help.part import PartId
from wan_desktop.ui.help.shortcuts_table import ShortcutsPart
from wan_desktop.ui.page import COPY_REPORT, PageId
from wan_desktop.ui.session import Session
from wan_desktop.ui.shortcuts import SHORTCUTS
from wan_desktop.ui.widgets.error_card import ErrorCard, ErrorText

JOB, OTHER_JOB = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
LEFT = Qt.MouseButton.LeftButton
LINES = [
    "2026-01-31 12:00:00,000 INFO wan_desktop.core.jobs started",
    f"2026-01-31 12:00:01,000 WARNING wan_desktop.core.jobs Job {JOB} failed: out-of-memory",
    f"2026-01-31 12:00:02,000 ERROR wan_desktop.core.jobs Job {OTHER_JOB} hit a bug",
    "Traceback (most recent call last):",
    "ValueError: no",
]
OpenHelp = Callable[..., HelpPage]


class Addresses(QObject):
    """Takes the place of the programs that open web pages and folders."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        for scheme in ("https", "file", "ms-settings"):
            QDesktopServices.setUrlHandler(scheme, self, "open")

    @Slot(QUrl)
    def open(self, address: QUrl) -> None:
        self.opened.append(address.toString())

    def stop(self) -> None:
        for scheme in ("https", "file", "ms-settings"):
            QDesktopServices.unsetUrlHandler(scheme)


@pytest.fixture
def addresses(qapp: QApplication) -> object:
    made = Addresses()
    yield made
    made.stop()


@pytest.fixture
def session(qapp: QApplication, paths: object) -> object:
    """On a PC on paper whose driver is missing."""
    paths.ensure()
    made = Session(
        paths, Settings(), qapp, engine_command=fake_engine("ok"), look_at_pc=lambda: load("driver-missing-16gb")
    )
    yield made
    made.shutdown()


@pytest.fixture
def open_help(qtbot: QtBot, session: Session) -> Iterator[OpenHelp]:
    # Kept, because Python would else collect a page in whichever thread runs, and Qt's widgets must not end in a lane.
    pages = []

    def start(part: PartId = PartId.HEALTH) -> HelpPage:
        page = HelpPage(session)
        pages.append(page)
        qtbot.addWidget(page)
        page.resize(1060, 700)
        page.show_part(part)
        page.show()
        qtbot.waitExposed(page)
        return page

    yield start
    for page in pages:
        page.hide()


def part_of(page: HelpPage, part_id: PartId) -> object:
    return page.parts[part_id]


def write(session: Session, *lines: str) -> None:
    with session.paths.log_file.open("a", encoding="utf-8") as stream:
        stream.write("".join(f"{line}\n" for line in lines))


def row_of(part: HealthPart, kind: HealthKind) -> HealthRow:
    return next(row for row in part.rows if row.item.kind is kind)


def choose_part(qtbot: QtBot, page: HelpPage, part_id: PartId) -> None:
    qtbot.mouseClick(page.choice.buttons()[list(PartId).index(part_id)], LEFT)


# Health --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def health(qtbot: QtBot, open_help: OpenHelp) -> HealthPart:
    """With the PC looked at."""
    page = open_help()
    part = part_of(page, PartId.HEALTH)
    assert isinstance(part, HealthPart)
    known = HealthState.RED
    qtbot.waitUntil(lambda: any(r.item.kind is HealthKind.CARD and r.item.state is known for r in part.rows))
    return part


def test_that_the_health_is_looked_at_when_the_page_is_shown(health: HealthPart) -> None:
    assert {row.item.kind for row in health.rows} >= {HealthKind.PROGRAM, HealthKind.CARD, HealthKind.DATABASE}
    assert health.badge.kind == "bad"
    assert "as they should be" in health.sum.text()


def test_that_what_needs_somebody_stands_on_top(health: HealthPart) -> None:
    states = [row.item.state for row in health.rows]
    assert states[0] is HealthState.RED
    assert states.index(HealthState.GREEN) > max(i for i, state in enumerate(states) if state is HealthState.RED)


def test_that_the_button_opens_nvidias_page(qtbot: QtBot, health: HealthPart, addresses: Addresses) -> None:
    fix = row_of(health, HealthKind.CARD).fix
    assert fix is not None
    assert fix.text() == "Open NVIDIA page"
    qtbot.mouseClick(fix, LEFT)
    assert addresses.opened == [DRIVER_PAGE]


def test_that_the_number_of_a_problem_opens_its_help_text(qtbot: QtBot, health: HealthPart) -> None:
    link = row_of(health, HealthKind.CARD).link
    assert link is not None
    page = health.window()
    assert isinstance(page, HelpPage)
    qtbot.mouseClick(link, LEFT)
    errors = part_of(page, PartId.ERRORS)
    assert page.part_id is PartId.ERRORS
    assert isinstance(errors, ErrorsPart)
    assert errors.card is not None
    assert errors.card.entry.number == 1001


@pytest.mark.parametrize(
    ("fix", "page_id"),
    [
        (HealthFix.SHOW_PC, PageId.THIS_PC),
        (HealthFix.SHOW_MODELS, PageId.MODELS),
        (HealthFix.SHOW_SETTINGS, PageId.SETTINGS),
    ],
)
def test_that_a_button_leads_to_the_page_that_helps(
    fix: HealthFix, page_id: PageId, qtbot: QtBot, health: HealthPart
) -> None:
    row = HealthRow(
        HealthItem(kind=HealthKind.SETTINGS, name="X", state=HealthState.RED, sentence="Y.", fix=fix), health
    )
    row.fix_requested.connect(health._on_fix)
    assert row.fix is not None
    with qtbot.waitSignal(health.page_requested) as asked:
        row.fix.click()
    assert asked.args == [page_id, None]


def test_that_every_fix_has_words() -> None:
    assert set(FIX_WORDS) == set(HealthFix) - {HealthFix.NONE}


def test_that_looking_again_finds_what_has_changed(qtbot: QtBot, health: HealthPart, session: Session) -> None:
    session.paths.settings_file.write_bytes(b"[]")
    qtbot.mouseClick(health.again, LEFT)
    qtbot.waitUntil(lambda: row_of(health, HealthKind.SETTINGS).item.state is HealthState.RED)
    assert health.again.isEnabled()


def test_that_starting_the_engine_is_seen(qtbot: QtBot, health: HealthPart) -> None:
    fix = row_of(health, HealthKind.ENGINE).fix
    assert fix is not None
    assert fix.text() == "Start it"
    qtbot.mouseClick(fix, LEFT)
    qtbot.waitUntil(lambda: row_of(health, HealthKind.ENGINE).item.state is HealthState.GREEN, timeout=WAIT_MS)


def test_that_every_row_is_named_for_screen_readers(health: HealthPart) -> None:
    for row in health.rows:
        assert row.item.sentence in row.accessibleName()
        assert row.item.name in row.accessibleName()
        assert row.fix is None or row.item.name in row.fix.accessibleName()


# Self test -----------------------------------------------------------------------------------------------------------


def test_that_the_self_test_makes_a_video(qtbot: QtBot, health: HealthPart, session: Session) -> None:
    card = health.self_test
    qtbot.mouseClick(card.start, LEFT)
    assert card.running
    assert card.stop.isVisible()
    qtbot.waitUntil(lambda: not card.running, timeout=WAIT_MS)
    assert card.words.text().startswith("Passed. A video of 64 x 64 with 17 frames")
    assert card.start.isVisible()
    assert not card.bar.isVisible()
    assert list(session.paths.work.iterdir()) == []


def test_that_the_self_test_can_be_stopped(qtbot: QtBot, health: HealthPart) -> None:
    card = health.self_test
    qtbot.mouseClick(card.start, LEFT)
    qtbot.waitUntil(lambda: "of" in card.words.text(), timeout=WAIT_MS)
    qtbot.mouseClick(card.stop, LEFT)
    qtbot.waitUntil(lambda: not card.running, timeout=WAIT_MS)
    assert card.words.text() == "Stopped."


def test_that_a_failed_self_test_says_why_and_leads_to_help(qtbot: QtBot, qapp: QApplication, paths: object) -> None:
    paths.ensure()
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("oom"))
    try:
        page = HelpPage(session)
        qtbot.addWidget(page)
        page.show()
        part = part_of(page, PartId.HEALTH)
        assert isinstance(part, HealthPart)
        qtbot.mouseClick(part.self_test.start, LEFT)
        qtbot.waitUntil(lambda: part.self_test.error is not None, timeout=WAIT_MS)
        assert part.self_test.words.text().startswith("Not enough memory.")
        qtbot.mouseClick(part.self_test.link, LEFT)
        assert page.part_id is PartId.ERRORS
        assert session.messages.last_error is part.self_test.error
    finally:
        session.shutdown()


# The log -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def log(qtbot: QtBot, open_help: OpenHelp, session: Session) -> LogPart:
    write(session, *LINES)
    part = part_of(open_help(PartId.LOG), PartId.LOG)
    assert isinstance(part, LogPart)
    qtbot.waitUntil(lambda: part.model.rowCount() >= 3)
    return part


def shown(part: LogPart) -> list[str]:
    return [part.model.index(row).data() for row in range(part.model.rowCount())]


def test_that_the_log_is_shown(log: LogPart) -> None:
    assert shown(log)[0] == "started"
    assert log.count.text().endswith("entries")
    assert log.stack.currentWidget() is log.list


def test_that_levels_are_picked(qtbot: QtBot, log: LogPart) -> None:
    qtbot.mouseClick(log.level.buttons()[3], LEFT)
    assert shown(log) == [f"Job {OTHER_JOB} hit a bug"]
    assert log.count.text().startswith("1 of ")
    qtbot.mouseClick(log.level.buttons()[2], LEFT)
    assert len(shown(log)) == 2


def test_that_words_are_searched_in_tracebacks_too(qtbot: QtBot, log: LogPart) -> None:
    log.focus_search()
    qtbot.keyClicks(log.search, "valueerror")
    assert shown(log) == [f"Job {OTHER_JOB} hit a bug"]
    qtbot.keyClicks(log.search, " zebra")
    assert log.stack.currentWidget() is log.empty
    assert log.empty.title.text() == "No entry matches."


def test_that_one_job_is_picked(log: LogPart) -> None:
    assert [log.job.itemData(row) for row in range(log.job.count())][:3] == ["", OTHER_JOB, JOB]
    log.job.setCurrentIndex(log.job.findData(JOB))
    assert shown(log) == [f"Job {JOB} failed: out-of-memory"]


def test_that_the_log_is_followed(qtbot: QtBot, log: LogPart, session: Session) -> None:
    log.job.setCurrentIndex(log.job.findData(JOB))
    write(session, f"2026-01-31 12:00:05,000 INFO wan_desktop.x Job {JOB} again")
    qtbot.waitUntil(lambda: f"Job {JOB} again" in shown(log))
    assert log.job.currentData() == JOB


def test_that_a_log_that_is_not_followed_stays_until_it_is_looked_at_again(
    qtbot: QtBot, log: LogPart, session: Session
) -> None:
    log.follow.setChecked(False)
    qtbot.waitUntil(lambda: not log._reading)
    before = shown(log)
    write(session, "2026-01-31 12:00:05,000 INFO wan_desktop.x later")
    log._read()
    assert shown(log) == before
    log.look_again()
    qtbot.waitUntil(lambda: "later" in shown(log))


def test_that_a_marked_entry_is_shown_whole_and_can_be_copied(qtbot: QtBot, log: LogPart) -> None:
    qtbot.mouseClick(log.level.buttons()[3], LEFT)
    log.list.setCurrentIndex(log.model.index(0))
    assert log.details.toPlainText().endswith("hit a bug\nTraceback (most recent call last):\nValueError: no")
    log.list.setFocus()
    qtbot.keyClick(log.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text() == log.details.toPlainText())


def test_that_no_log_is_no_messages(qtbot: QtBot, open_help: OpenHelp, session: Session) -> None:
    part = part_of(open_help(PartId.LOG), PartId.LOG)
    assert isinstance(part, LogPart)
    qtbot.waitUntil(lambda: part.stack.currentWidget() is part.empty)
    assert part.empty.title.text() == "No messages."


def test_that_ten_thousand_entries_are_shown_and_filtered(qtbot: QtBot, open_help: OpenHelp, session: Session) -> None:
    write(session, *(f"2026-01-31 12:00:00,000 INFO wan_desktop.x number {n}" for n in range(12_000)))
    page = open_help(PartId.LOG)
    part = part_of(page, PartId.LOG)
    assert isinstance(part, LogPart)
    qtbot.waitUntil(lambda: part.model.rowCount() == 10_000, timeout=WAIT_MS)
    assert shown(part)[-1] == "number 11999"
    last = part.list.visualRect(part.model.index(9_999))
    assert part.list.viewport().rect().intersects(last)
    qtbot.keyClicks(part.search, "11999")
    assert shown(part) == ["number 11999"]


def test_that_the_model_keeps_qts_rules(qtbot: QtBot) -> None:
    model = LogModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    lines = parse_log(LINES)
    model.show_lines(lines[:1])
    with qtbot.waitSignal(model.rowsInserted):
        model.show_lines(lines)
    with qtbot.waitSignal(model.modelReset):
        model.set_filter(LogFilter(LineLevel.ERROR))
    assert model.index(0).data(LINE_ROLE) is lines[2]
    assert model.index(0).data(Qt.ItemDataRole.AccessibleTextRole).startswith("Error, 2026-01-31")
    model.show_lines([])
    assert model.rowCount() == 0
    assert tester is not None


# Messages ------------------------------------------------------------------------------------------------------------


def test_that_messages_are_kept_the_newest_first(qtbot: QtBot, open_help: OpenHelp, session: Session) -> None:
    session.messages.say("ok", "Before the page was made")
    page = open_help(PartId.MESSAGES)
    part = part_of(page, PartId.MESSAGES)
    assert isinstance(part, MessagesPart)
    session.messages.say("bad", "After it", "words")
    assert [row.message.title for row in part.rows] == ["After it", "Before the page was made"]
    assert "After it. words" in part.rows[0].accessibleName()


def test_that_the_action_of_a_message_is_offered_until_it_is_done(
    qtbot: QtBot, open_help: OpenHelp, session: Session
) -> None:
    done: list[str] = []
    session.messages.say("info", "Deleted", action=("Undo", lambda: done.append("undone")))
    session.messages.say("info", "Another")
    part = part_of(open_help(PartId.MESSAGES), PartId.MESSAGES)
    assert isinstance(part, MessagesPart)
    action = part.rows[1].action
    assert action is not None
    qtbot.mouseClick(action, LEFT)
    assert done == ["undone"]
    assert [(row.message.title, row.action) for row in part.rows] == [("Another", None), ("Deleted", None)]


def test_that_no_messages_are_said_to_be_none(open_help: OpenHelp) -> None:
    part = part_of(open_help(PartId.MESSAGES), PartId.MESSAGES)
    assert isinstance(part, MessagesPart)
    assert part.stack.currentWidget() is part.empty
    assert part.empty.title.text() == "No messages."


def test_that_only_kept_messages_are_listed(open_help: OpenHelp, session: Session) -> None:
    part = part_of(open_help(PartId.MESSAGES), PartId.MESSAGES)
    assert isinstance(part, MessagesPart)
    for number in range(105):
        session.messages.say("info", str(number))
    assert [row.message for row in part.rows] == list(session.messages.messages)


# Help texts, keys, licences ------------------------------------------------------------------------------------------


@pytest.fixture
def errors(open_help: OpenHelp) -> ErrorsPart:
    part = part_of(open_help(PartId.ERRORS), PartId.ERRORS)
    assert isinstance(part, ErrorsPart)
    return part


def listed(part: ErrorsPart) -> list[int]:
    numbers = [part.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(part.list.count())]
    return [number for number in numbers if number]


def test_that_all_errors_are_listed_in_groups(errors: ErrorsPart) -> None:
    assert listed(errors) == [entry.number for entry in ENTRIES]
    assert errors.list.count() == len(ENTRIES) + 6


@pytest.mark.parametrize("text", ["3001", "WAN-3001"])
def test_that_a_number_that_is_typed_opens_its_text(text: str, qtbot: QtBot, errors: ErrorsPart) -> None:
    qtbot.keyClicks(errors.search, text)
    assert listed(errors) == [3001]
    assert errors.card is not None
    assert errors.card.entry.number == 3001
    assert "Make it smaller or shorter" in errors.card.accessibleName()


def test_that_words_that_match_nothing_are_said_to(qtbot: QtBot, errors: ErrorsPart) -> None:
    qtbot.keyClicks(errors.search, "zebra")
    assert listed(errors) == []
    assert errors.none.isVisible()


def test_that_a_clicked_error_is_shown_with_its_steps(qtbot: QtBot, errors: ErrorsPart) -> None:
    errors.show_number(2104)
    first = errors.card
    errors.show_number(4001)
    assert errors.card is not None
    assert errors.card is not first
    words = [label.text() for label in errors.card.findChildren(QWidget) if hasattr(label, "text")]
    assert {"Why it happens", "What you can do", "What the program tries by itself"} <= set(words)


@pytest.mark.parametrize("target", [3001, "3001", "WAN-3001"])
def test_that_another_page_can_ask_for_a_help_text(target: object, open_help: OpenHelp) -> None:
    page = open_help()
    page.show_target(target)
    errors = part_of(page, PartId.ERRORS)
    assert isinstance(errors, ErrorsPart)
    assert errors.card is not None
    assert errors.card.entry.number == 3001


@pytest.mark.parametrize("target", [PartId.LOG, "log"])
def test_that_another_page_can_ask_for_a_part(target: object, open_help: OpenHelp) -> None:
    page = open_help()
    page.show_target(target)
    assert page.part_id is PartId.LOG


@pytest.mark.parametrize("target", [None, 9999, "nonsense", object()])
def test_that_an_unknown_wish_changes_nothing(target: object, open_help: OpenHelp) -> None:
    page = open_help()
    page.show_target(target)
    assert page.part_id is PartId.HEALTH


def test_that_every_key_is_in_the_table(open_help: OpenHelp) -> None:
    part = part_of(open_help(PartId.SHORTCUTS), PartId.SHORTCUTS)
    assert isinstance(part, ShortcutsPart)
    names = " ".join(widget.accessibleName() for widget in part.findChildren(QWidget))
    assert all(shortcut.name in names and shortcut.keys[0] in names for shortcut in SHORTCUTS)


def test_that_licence_texts_can_be_read(qtbot: QtBot, open_help: OpenHelp) -> None:
    part = part_of(open_help(PartId.ABOUT), PartId.ABOUT)
    folds = [child for child in part.findChildren(QWidget) if type(child).__name__ == "Fold"]
    assert len(folds) == 3
    for fold in folds:
        qtbot.mouseClick(fold.button, LEFT)
        assert len(fold.content.toPlainText()) > 500


# The page ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part_id", list(PartId))
def test_that_each_part_opens_by_its_button_and_fits_a_small_window(
    part_id: PartId, qtbot: QtBot, open_help: OpenHelp
) -> None:
    page = open_help()
    choose_part(qtbot, page, part_id)
    assert page.part_id is part_id
    page.focus_first()
    page.refresh()
    page.focus_search()
    assert page.minimumSizeHint().width() <= 1100 - 64
    assert page.minimumSizeHint().height() <= 640


def test_that_search_goes_to_the_part_or_to_the_help_texts(qtbot: QtBot, open_help: OpenHelp) -> None:
    page = open_help(PartId.LOG)
    page.activateWindow()
    page.focus_search()
    log = part_of(page, PartId.LOG)
    assert isinstance(log, LogPart)
    qtbot.waitUntil(log.search.hasFocus)
    choose_part(qtbot, page, PartId.SHORTCUTS)
    page.focus_search()
    assert page.part_id is PartId.ERRORS
    assert isinstance(page.focusWidget(), QLineEdit)


def test_that_the_log_folder_is_opened(
    qtbot: QtBot, open_help: OpenHelp, addresses: Addresses, session: Session
) -> None:
    qtbot.mouseClick(open_help().folder, LEFT)
    assert addresses.opened == [QUrl.fromLocalFile(str(session.paths.log_file.parent)).toString()]


def focusable(page: HelpPage) -> list[QWidget]:
    return [w for w in page.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isVisible()]


@pytest.mark.parametrize("part_id", list(PartId))
def test_that_all_controls_are_named_and_large_enough(part_id: PartId, open_program: OpenProgram) -> None:
    window = open_program().window
    window.show_page(PageId.HELP, part_id)
    page = window.pages[PageId.HELP]
    assert focusable(page)
    assert [widget for widget in focusable(page) if not widget.accessibleName()] == []
    assert [widget for widget in focusable(page) if min(widget.width(), widget.height()) < 24] == []


# The report ----------------------------------------------------------------------------------------------------------


def test_that_a_report_is_shown_before_it_is_copied(qtbot: QtBot, open_help: OpenHelp, session: Session) -> None:
    PromptHistory(session.paths.data / "prompts.json").add("a secret dragon over the town")
    write(session, "2026-01-31 12:00:00,000 INFO wan_desktop.x saved a secret dragon over.mp4")
    QGuiApplication.clipboard().setText("what was there")
    page = open_help()
    qtbot.mouseClick(page.copy, LEFT)
    qtbot.waitUntil(lambda: page.dialog is not None, timeout=WAIT_MS)
    dialog = page.dialog
    assert dialog is not None
    assert QGuiApplication.clipboard().text() == "what was there"
    qtbot.mouseClick(dialog.copy, LEFT)
    copied = QGuiApplication.clipboard().text()
    assert copied == dialog.text.toPlainText()
    assert copied.startswith("Wan Desktop ")
    assert "saved ***.mp4" in copied
    assert "dragon" not in copied
    assert str(session.paths.data) not in copied
    dialog.reject()
    assert page.dialog is None


def test_that_a_prompt_of_the_open_queue_is_not_in_the_report(
    qtbot: QtBot, open_help: OpenHelp, session: Session, model: Model
) -> None:
    session.renders.add(model, (GenerationDraft(prompt="nine purple giraffes dancing"),))
    qtbot.waitUntil(lambda: session.renders.snapshot != QueueSnapshot(), timeout=WAIT_MS)
    write(session, "2026-01-31 12:00:00,000 INFO wan_desktop.x nine purple giraffes.mp4")
    page = open_help()
    page.copy_report()
    qtbot.waitUntil(lambda: page.dialog is not None, timeout=WAIT_MS)
    assert page.dialog is not None
    assert "giraffes" not in page.dialog.made.text
    page.dialog.reject()


def choose_file(page: HelpPage, path: Path) -> None:
    dialog = page.findChildren(QFileDialog)[0]
    dialog.fileSelected.emit(str(path))
    dialog.close()


@pytest.fixture
def _own_dialogs(qapp: QApplication) -> None:
    qapp.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)


@pytest.mark.usefixtures("_own_dialogs")
def test_that_a_report_is_saved_where_it_was_asked_for(
    qtbot: QtBot, open_help: OpenHelp, session: Session, tmp_path: Path, addresses: Addresses
) -> None:
    page = open_help()
    qtbot.mouseClick(page.save, LEFT)
    qtbot.waitUntil(lambda: bool(page.findChildren(QFileDialog)), timeout=WAIT_MS)
    file = tmp_path / "report.zip"
    choose_file(page, file)
    qtbot.waitUntil(lambda: bool(session.messages.messages), timeout=WAIT_MS)
    (message,) = session.messages.messages
    assert (message.kind, message.words) == ("ok", "report.zip")
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("health.json"))
    session.messages.act(message)
    assert addresses.opened == [QUrl.fromLocalFile(str(tmp_path)).toString()]


@pytest.mark.usefixtures("_own_dialogs")
def test_that_a_report_that_cannot_be_saved_is_told(
    qtbot: QtBot, open_help: OpenHelp, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    page = open_help()
    qtbot.mouseClick(page.save, LEFT)
    qtbot.waitUntil(lambda: bool(page.findChildren(QFileDialog)), timeout=WAIT_MS)
    choose_file(page, tmp_path / "file" / "report.zip")
    qtbot.waitUntil(lambda: bool(session.messages.messages), timeout=WAIT_MS)
    assert "WAN-6013" in session.messages.messages[0].title


def test_that_the_report_has_the_self_test_and_the_last_error(
    qtbot: QtBot, open_help: OpenHelp, session: Session
) -> None:
    page = open_help()
    part = part_of(page, PartId.HEALTH)
    assert isinstance(part, HealthPart)
    qtbot.mouseClick(part.self_test.start, LEFT)
    qtbot.waitUntil(lambda: not part.self_test.running, timeout=WAIT_MS)
    page.show_target(COPY_REPORT)
    qtbot.waitUntil(lambda: page.dialog is not None, timeout=WAIT_MS)
    assert page.dialog is not None
    assert "Self test: Passed." in page.dialog.made.text
    assert "No error since the start." in page.dialog.made.text
    page.dialog.reject()


# In the window -------------------------------------------------------------------------------------------------------


def test_that_an_error_card_leads_to_its_help_text(qtbot: QtBot, open_program: OpenProgram) -> None:
    window = open_program().window
    card = ErrorCard(ErrorText(title="Not enough memory", number="WAN-3001", message="x"), window.create)
    card.show()
    with qtbot.waitSignal(card.help_requested) as asked:
        card.help.click()
    assert asked.args == ["WAN-3001"]
    assert window.page_id is PageId.HELP
    errors = window.pages[PageId.HELP].parts[PartId.ERRORS]
    assert errors.card.entry.number == 3001


def test_that_the_window_shows_messages_and_f6_reaches_them(qtbot: QtBot, open_program: OpenProgram) -> None:
    program = open_program()
    program.session.messages.say("info", "Hello", action=("Do it", lambda: None))
    window = program.window
    (toast,) = window.toasts.toasts
    assert toast.isVisible()
    window.activateWindow()
    for _ in range(6):
        if toast.isAncestorOf(window.focusWidget()):
            break
        qtbot.keyClick(window, Qt.Key.Key_F6)
    assert toast.isAncestorOf(window.focusWidget())


def test_that_a_render_stage_has_a_name_in_the_self_test() -> None:
    from wan_desktop.ui import text  # noqa: PLC0415 - beside what it is compared with

    assert {stage.value for stage in Stage} <= set(text.STAGES)
