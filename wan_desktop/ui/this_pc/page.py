"""The page This PC: what was found out about it, what that means, how fast it is, and how videos are made on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QBoxLayout, QScrollArea, QVBoxLayout, QWidget

from wan_desktop.core.calibration import CalibrationStore
from wan_desktop.core.card_uuid import plain_uuid
from wan_desktop.core.catalog import read_catalog
from wan_desktop.core.engine_client import EngineReady
from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.measured_speed import CPU
from wan_desktop.core.pc_measured import learned_in_words
from wan_desktop.core.pc_reach import ModelReach, reach
from wan_desktop.core.pc_report import pc_report
from wan_desktop.core.pc_rows import Fix, PcRow, pc_rows
from wan_desktop.core.words import tr
from wan_desktop.ui.page import SHOW_PROGRAMS, SPEED_TEST, Page
from wan_desktop.ui.shortcuts import Action, tip
from wan_desktop.ui.theme import look
from wan_desktop.ui.this_pc.fixes import open_outside
from wan_desktop.ui.this_pc.memory_card import MemoryCard
from wan_desktop.ui.this_pc.programs_dialog import ProgramsDialog
from wan_desktop.ui.this_pc.reach_card import ReachCard
from wan_desktop.ui.this_pc.speed_card import SpeedCard
from wan_desktop.ui.widgets.controls import Button, announce
from wan_desktop.ui.widgets.notice import Notice
from wan_desktop.ui.widgets.setup_row import SetupRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from wan_desktop.core.calibration import Calibration
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.core.measured_speed import MeasuredSpeeds
    from wan_desktop.core.messages import TorchCard
    from wan_desktop.core.settings import Settings
    from wan_desktop.ui.session import Session

_LOOK_MS = 2000
_COPIED_MS = 2000
_TWO_COLUMNS_FROM_PX, _NARROW_BELOW_PX = 920, 620


@dataclass(frozen=True, slots=True)
class _Known:
    """What takes a moment to find out, and is found out when something changes."""

    can_make: tuple[ModelReach, ...]
    speeds: MeasuredSpeeds
    calibration: Calibration


class ThisPcPage(Page):
    """This PC, live while it is shown.

    Args:
        session: The PC, its settings, the engine.
        parent: Its parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("This PC"), session, parent)
        self._known: _Known | None = None
        self._finding_out = False
        self._stale = True
        self._found_for: object = None
        self._seen_settings = session.settings
        self.programs: ProgramsDialog | None = None
        """The newest; it may be closed already."""
        self._build_ui()
        self._connect()
        self._show()

    def page_shown(self) -> None:
        """Look every two seconds."""
        self._stale = True
        self.session.pc.watch(self, _LOOK_MS)
        self._find_out()

    def page_hidden(self) -> None:
        """Look no more."""
        self.session.pc.unwatch(self)

    def close_down(self) -> None:
        """Look no more."""
        self.session.pc.unwatch(self)
        self.speed.stop()

    def show_target(self, target: object) -> None:
        """Show the programs on the card (`SHOW_PROGRAMS`), or the speed test."""
        if target == SHOW_PROGRAMS:
            self.programs = ProgramsDialog(self.session, self)
            self.programs.open()
        elif target == SPEED_TEST:
            self.speed.run.setFocus()
            self._scroll.ensureWidgetVisible(self.speed.run)

    @Slot()
    def refresh(self) -> None:
        """Look now, and work out anew what the PC can make."""
        self._stale = True
        self.session.pc.look()
        self._find_out()

    def focus_first(self) -> None:
        """Put the focus on the first button."""
        self.check.setFocus()

    def areas(self) -> Sequence[QWidget]:
        """The rows, and what stands beside them."""
        return (self.left, self.right)

    def report(self) -> str:
        """All of it as text."""
        known = self._known
        can_make = known.can_make if known else ()
        rows = [made.row for made in self.rows.rows]
        return pc_report(rows, can_make, self.speed.reports, self._learned())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """One column where two have no room."""
        super().resizeEvent(event)
        self._fit()

    # Parts ---------------------------------------------------------------------------------------------------------

    def _build_ui(self) -> None:
        self.set_subtitle(tr("What the program found out about it. Nothing is sent anywhere."))
        self.subtitle.setWordWrap(True)
        self.check = Button(tr("Check again"), self, icon_name="refresh-cw")
        self.check.setToolTip(tip(tr("Check again"), Action.REFRESH))
        self.setup = Button(tr("Run setup again"), self, icon_name="wand-sparkles")
        self.copy = Button(tr("Copy report"), self, icon_name="copy")
        for button in (self.check, self.setup, self.copy):
            self.head.addWidget(button)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setAccessibleName(tr("This PC"))
        content = QWidget(self._scroll)
        content.setObjectName("form")
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight, content)
        self._columns.setContentsMargins(0, 0, 4, 0)
        self._columns.setSpacing(16)
        self.left, self._left_layout = _column(content)
        self.right, right = _column(content)
        self._columns.addWidget(self.left, 6)
        self._columns.addWidget(self.right, 5)
        self.rows = SetupRows(self.left)
        self._left_layout.addWidget(self.rows)
        self._left_layout.addStretch(1)
        self._notice: Notice | None = None
        self.reach = ReachCard(self.right)
        self.memory = MemoryCard(self.session, self.right)
        self.speed = SpeedCard(self.session, self.right)
        for card in (self.reach, self.memory, self.speed):
            right.addWidget(card)
        right.addStretch(1)
        self._scroll.setWidget(content)
        self.page_layout.addWidget(self._scroll, 1)
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.setInterval(_COPIED_MS)

    def _connect(self) -> None:
        session = self.session
        session.pc.changed.connect(self._on_pc_changed)
        session.pc.failed.connect(self._on_pc_failed)
        session.engine_changed.connect(self._on_engine_changed)
        session.settings_changed.connect(self._on_settings_changed)
        self.check.clicked.connect(self.refresh)
        self.setup.clicked.connect(self.setup_requested)
        self.copy.clicked.connect(self._on_copy)
        self._copied.timeout.connect(self._on_copied_over)
        self.rows.fix_requested.connect(self._on_fix)
        self.speed.measured.connect(self.refresh)
        self.memory.forgotten.connect(self._on_forgotten)

    def _fit(self) -> None:
        two = self.width() >= look().px(_TWO_COLUMNS_FROM_PX)
        direction = QBoxLayout.Direction
        self._columns.setDirection(direction.LeftToRight if two else direction.TopToBottom)
        room = self.width() * (5 / 11 if two else 1)
        self.memory.set_narrow(room < look().px(_NARROW_BELOW_PX))

    # What is shown -------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        profile = self.session.pc.profile
        if profile is None:
            return
        card, known = self.session.pc.card, self._known
        speeds = known.speeds if known else None
        gpu = card.gpu if card is not None and card.computes else None
        speed = speeds.of(gpu.uuid, gpu.driver_version) if speeds is not None and gpu is not None else None
        can_make = known.can_make if known else ()
        self.rows.show_rows(pc_rows(profile, self.session.settings, self._torch_cards(), speed, can_make))
        self.memory.show_profile(profile)
        if speeds is not None:
            self.speed.show_speeds(speeds, gpu)
        self.memory.show_learned(self._learned())

    def _torch_cards(self) -> tuple[TorchCard, ...] | None:
        engine = self.session.engine_state
        return engine.ready.cards if isinstance(engine, EngineReady) else None

    def _learned(self) -> str:
        card, known = self.session.pc.card, self._known
        if known is None:
            return ""
        device = card.gpu.uuid if card is not None and card.computes and card.gpu is not None else CPU
        return learned_in_words(known.calibration, device)

    def _find_out(self) -> None:
        """Work out what the PC can make, on a lane: some of it takes a second."""
        profile = self.session.pc.profile
        if profile is None or self._finding_out or not self.isVisible():
            return
        cards = self._torch_cards()
        if cards is not None:
            profile = _seen_by_torch(profile, cards)
        parts = _parts(profile)
        if not self._stale and parts == self._found_for:
            return
        self._finding_out, self._stale, self._found_for = True, False, parts
        work = _FindOut(self.session, profile)
        self.session.submit(tr("Work out what this PC can make"), Lane.PC, work, self._on_found_out)

    def _on_found_out(self, snapshot: JobSnapshot) -> None:
        self._finding_out = False
        if snapshot.state is JobState.DONE:
            self._known = snapshot.result
            self.reach.show_found(snapshot.result.can_make)
            self._show()
        elif snapshot.error is not None:
            self.reach.show_error(snapshot.error.message)
        self._find_out()

    def _show_notice(self, error: WanError | None) -> None:
        if self._notice is not None:
            self._left_layout.removeWidget(self._notice)
            self._notice.hide()
            self._notice.deleteLater()
            self._notice = None
        if error is not None:
            self._notice = Notice("bad", error.shown_title, f"{error.message} {error.hint}".strip(), parent=self.left)
            self._left_layout.insertWidget(0, self._notice)

    # Signals -------------------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_pc_changed(self, _profile: HardwareProfile) -> None:
        if not self.isVisible():
            return
        self._show_notice(None)
        self._show()
        self._find_out()

    @Slot(object)
    def _on_pc_failed(self, error: WanError) -> None:
        self._show_notice(error)

    @Slot(object)
    def _on_engine_changed(self, _state: object) -> None:
        self._show()
        self._find_out()

    @Slot(object)
    def _on_settings_changed(self, settings: Settings) -> None:
        before, self._seen_settings = self._seen_settings, settings
        if (before.gpu_uuid, before.memory_mode) != (settings.gpu_uuid, settings.memory_mode):
            self._stale = True
            self._show()
            self._find_out()

    @Slot()
    def _on_forgotten(self) -> None:
        self._stale = True
        self._find_out()

    @Slot(object)
    def _on_fix(self, row: PcRow) -> None:
        match row.fix:
            case Fix.CHECK_AGAIN:
                self.refresh()
            case Fix.CHOOSE_CARD:
                self.memory.cards.setFocus()
                self._scroll.ensureWidgetVisible(self.memory.cards)
            case Fix.MEASURE_SPEED:
                self.speed.start()
                self._scroll.ensureWidgetVisible(self.speed.run)
            case Fix.SHOW_PROGRAMS:
                self.show_target(SHOW_PROGRAMS)
            case _:
                open_outside(row.fix)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report())
        self.copy.setText(tr("Copied"))
        announce(self, tr("The report is copied"))
        self._copied.start()

    @Slot()
    def _on_copied_over(self) -> None:
        self.copy.setText(tr("Copy report"))


class _FindOut:
    """Work for the PC's lane."""

    def __init__(self, session: Session, profile: HardwareProfile) -> None:
        self._profile, self._settings, self._paths = profile, session.settings, session.paths
        self._speeds = session.renderer.planner.speeds

    def __call__(self, _context: JobContext) -> _Known:
        """Read what was measured, and check each model with it."""
        speeds = self._speeds.load()
        calibration = CalibrationStore(self._paths.calibration).load()
        catalog = read_catalog(self._paths.resources, self._paths.added_models)
        return _Known(reach(self._profile, catalog, self._settings, calibration, speeds), speeds, calibration)


def _parts(profile: HardwareProfile) -> object:
    """What does not change from look to look, unless something was plugged in or installed."""
    cards = tuple((gpu.uuid, gpu.driver_version) for gpu in profile.gpus)
    return cards, profile.memory.total_bytes, tuple(problem.code for problem in profile.problems)


def _seen_by_torch(profile: HardwareProfile, cards: Sequence[TorchCard]) -> HardwareProfile:
    """The PC without the cards that the engine cannot compute on."""
    seen = {plain_uuid(card.uuid) for card in cards}
    return replace(profile, gpus=tuple(gpu for gpu in profile.gpus if plain_uuid(gpu.uuid) in seen))


def _column(parent: QWidget) -> tuple[QWidget, QVBoxLayout]:
    column = QWidget(parent)
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(16)
    return column, layout
