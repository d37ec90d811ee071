"""The second step: what was found out about this PC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QWidget

from wan_desktop.core.jobs import Lane
from wan_desktop.core.pc_rows import DRIVER_PAGE, Fix, PcRow, RowState, pc_rows, rows_in_words
from wan_desktop.core.words import mark, tr
from wan_desktop.ui.this_pc.programs_dialog import ProgramsDialog
from wan_desktop.ui.widgets.controls import Button, announce, label, surface
from wan_desktop.ui.widgets.setup_row import SetupRows
from wan_desktop.ui.wizard.step import WizardStep

if TYPE_CHECKING:
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.core.pc_reach import ModelReach
    from wan_desktop.ui.session import Session

_LOOK_MS = 2_000


class YourPcStep(WizardStep):
    """Rows about the PC, and what they mean."""

    name = mark("Your PC")
    help_id = "wizard.your-pc"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("This is your PC"),
            tr("The program looked at your hardware. Nothing was sent anywhere."),
            session,
            parent,
        )
        self._reach: tuple[ModelReach, ...] = ()
        self._is_judging = False
        self.programs: ProgramsDialog | None = None
        """The newest; it may be closed already."""
        self.rows = SetupRows(self)
        self.rows.fix_requested.connect(self._on_fix)
        self.body.addWidget(self.rows)
        means = surface("inset", self)
        layout = QHBoxLayout(means)
        layout.setContentsMargins(14, 10, 14, 10)
        self.sentence = label(tr("Finding out what it can make"), means, wrap=True)
        layout.addWidget(self.sentence)
        self.foot.addWidget(means)
        links = QHBoxLayout()
        self.again = Button(tr("Check again"), self, kind="link", icon_name="refresh-cw")
        self.again.clicked.connect(self._on_again)
        self.copy = Button(tr("Copy details"), self, kind="link", icon_name="copy")
        self.copy.clicked.connect(self._on_copy)
        for button in (self.again, self.copy):
            links.addWidget(button)
        links.addStretch(1)
        self.body.addLayout(links)
        self.body.addStretch(1)
        session.pc.changed.connect(self._on_pc)
        session.pc.failed.connect(self._on_failed)
        if session.pc.profile is not None:
            self._on_pc(session.pc.profile)

    def step_shown(self) -> None:
        """Look at the PC while it is shown."""
        self.session.pc.watch(self, _LOOK_MS)

    def step_hidden(self) -> None:
        """Look no more."""
        self.session.pc.unwatch(self)

    @property
    def found(self) -> tuple[PcRow, ...]:
        """The rows as they are."""
        profile = self.session.pc.profile
        return pc_rows(profile, self.session.settings, can_make=self._reach) if profile is not None else ()

    def _judge(self) -> None:
        from wan_desktop.core.catalog import read_catalog  # noqa: PLC0415 - after the first paint
        from wan_desktop.core.pc_reach import reach  # noqa: PLC0415 - after the first paint

        profile, settings, paths = self.session.pc.profile, self.session.settings, self.session.paths
        if profile is None or self._is_judging or self._reach:
            return
        self._is_judging = True
        self.session.submit(
            "Find out what this PC can make",
            Lane.FILES,
            lambda _: reach(profile, read_catalog(paths.resources), settings),
            self._on_judged,
        )

    def _on_judged(self, snapshot: JobSnapshot) -> None:
        from wan_desktop.core.pc_reach import reach_in_words  # noqa: PLC0415 - after the first paint

        self._is_judging = False
        if snapshot.result is not None:
            self._reach = snapshot.result
            self.sentence.setText(reach_in_words(self._reach))
            self.rows.show_rows(self.found)
        elif snapshot.error is not None:
            self.sentence.setText(tr("Not checked: {reason}", reason=snapshot.error.message))

    @Slot(object)
    def _on_pc(self, _profile: object) -> None:
        rows = self.found
        self.rows.show_rows(rows)
        bad = sum(row.state is RowState.BAD for row in rows)
        self.words.setText(
            tr("Something is in the way. What can be made without it is said below.")
            if bad
            else tr("The program looked at your hardware. Nothing was sent anywhere.")
        )
        self._judge()

    @Slot(object)
    def _on_failed(self, error: WanError) -> None:
        self.words.setText(tr("The PC could not be looked at: {reason}", reason=error.message))

    @Slot(object)
    def _on_fix(self, row: PcRow) -> None:
        match row.fix:
            case Fix.OPEN_DRIVER_PAGE:
                QDesktopServices.openUrl(QUrl(DRIVER_PAGE))
            case Fix.MEASURE_SPEED:
                self.next_requested.emit()
            case Fix.SHOW_PROGRAMS:
                self.programs = ProgramsDialog(self.session, self)
                self.programs.open()
            case _:
                self._on_again()

    @Slot()
    def _on_again(self) -> None:
        self._reach = ()
        self.session.pc.look()

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{rows_in_words(self.found)}\n{self.sentence.text()}")
        self.copy.setText(tr("Copied"))
        announce(self, tr("The report is copied."))
