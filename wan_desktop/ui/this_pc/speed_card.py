"""The speed test: what it has found, and the button that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.errors import IncompatibleError
from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.measured_speed import CPU, measure_speed
from wan_desktop.core.messages import SpeedProgress
from wan_desktop.core.pc_measured import speed_lines, speed_part_name
from wan_desktop.core.pc_rows import RowState
from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import Button, announce, label, set_role
from wan_desktop.ui.widgets.meter import MeterBar, Segment
from wan_desktop.ui.widgets.setup_row import info_card

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.core.hardware import Gpu
    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.core.measured_speed import MeasuredSpeeds
    from wan_desktop.core.messages import SpeedReport
    from wan_desktop.ui.session import Session

_ROLES = {RowState.OK: "value", RowState.WARN: "warn", RowState.BAD: "bad", RowState.NOT_CHECKED: "caption"}


class SpeedCard(QWidget):
    """Runs the speed test on the engine's lane, behind a video that is being made.

    Args:
        session: Engine, lanes, and where what was measured is kept.
        parent: Its parent.
    """

    measured = Signal()
    """There are new numbers."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._job = ""
        self.reports: tuple[SpeedReport, ...] = ()
        """What is shown: of the card, if there is one, and of the processor."""
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        card, layout = info_card(tr("Speed test"), self)
        outer.addWidget(card)
        self.words = label("", card, role="soft", wrap=True)
        layout.addWidget(self.words)
        self._grid_place = QVBoxLayout()
        layout.addLayout(self._grid_place)
        self._table: QWidget | None = None
        self.bar = MeterBar(tr("Speed test"), 6, card)
        self.bar.hide()
        layout.addWidget(self.bar)
        row = QHBoxLayout()
        self.run = Button(tr("Run speed test"), card, icon_name="zap")
        self.run.clicked.connect(self._on_run)
        row.addWidget(self.run)
        row.addStretch(1)
        layout.addLayout(row)
        session.job_changed.connect(self._on_job_changed)
        self._say_idle()

    @property
    def running(self) -> bool:
        """It waits, or measures."""
        return bool(self._job)

    def show_speeds(self, speeds: MeasuredSpeeds, gpu: Gpu | None) -> None:
        """Show what was measured on this card and on the processor."""
        devices = [(CPU, "")] if gpu is None else [(gpu.uuid, gpu.driver_version), (CPU, "")]
        found = (speeds.of(uuid, driver, torch_version="") for uuid, driver in devices)
        reports = tuple(report for report in found if report is not None)
        if reports != self.reports:
            self.reports = reports
            self._make_table()
            self._say_idle()  # else the last word of a test stays: this comes with every look at the PC

    @Slot()
    def start(self) -> None:
        """Measure the card that renders, the processor, and the models' drive."""
        if self._job:
            return
        session, card = self._session, self._session.pc.card
        devices: list[Gpu | None] = [card.gpu, None] if card is not None and card.computes else [None]
        folders = (*session.settings.model_folders, session.paths.models, session.paths.data)
        work = _Measure(session, devices, folders)
        self._job = session.submit(tr("Speed test"), Lane.ENGINE, work)
        self.run.setText(tr("Stop"))
        self.run.set_icon("square")
        self.bar.show_parts([], 1)
        self.bar.show()
        self._say(tr("Waiting for the engine"))

    def stop(self) -> None:
        """Stop measuring."""
        if self._job:
            self._session.queue.cancel(self._job)

    def _make_table(self) -> None:
        if self._table is not None:
            self._grid_place.removeWidget(self._table)
            self._table.hide()
            self._table.deleteLater()
        self._table = QWidget(self)
        grid = QGridLayout(self._table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(0, 1)
        row = 0
        for report in self.reports:
            head = label(report.device_name, self._table, role="label", wrap=True)
            head.setContentsMargins(0, 8 if row else 0, 0, 0)
            grid.addWidget(head, row, 0, 1, 2)
            row += 1
            for line in speed_lines(report):
                grid.addWidget(label(line.name, self._table, role="soft"), row, 0)
                value = label(line.value, self._table, role=_ROLES[line.state])
                value.setToolTip(line.hint)
                value.setAccessibleName(f"{line.name}: {line.value}. {line.hint}".strip())
                grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignRight)
                row += 1
        self._grid_place.addWidget(self._table)

    def _say_idle(self) -> None:
        if self._job:
            return
        if self.reports:
            self._say(tr("Estimates count these numbers in. Measure again after a new driver or new parts."))
        else:
            self._say(
                tr(
                    "Times are estimated from the names of the parts. The speed test takes about half a minute "
                    "and makes them better."
                )
            )

    def _say(self, words: str, role: str = "soft") -> None:
        self.words.setText(words)
        set_role(self.words, role)

    def _end(self, words: str, role: str) -> None:
        self._job = ""
        self.run.setText(tr("Run speed test"))
        self.run.set_icon("zap")
        self.run.setEnabled(True)
        self.bar.hide()
        if words:
            self._say(words, role)
            announce(self, words)
        else:
            self._say_idle()

    @Slot()
    def _on_run(self) -> None:
        if self._job:
            self.stop()
        else:
            self.start()

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id != self._job:
            return
        match snapshot.state:
            case JobState.RUNNING if isinstance(snapshot.progress, SpeedProgress):
                progress = snapshot.progress
                name = speed_part_name(progress.kind, progress.name)
                self._say(tr("Measuring: {part}", part=name))
                self.bar.show_parts([Segment(progress.done, "accent")], progress.total, spoken=name)
            case JobState.CANCELLING:
                self.run.setEnabled(False)
            case JobState.DONE:
                self._end("", "soft")
                self.measured.emit()
            case JobState.FAILED if snapshot.error is not None:
                self._end(f"{snapshot.error.message} {snapshot.error.hint}".strip(), "bad")
            case JobState.CANCELLED:
                self._end(tr("Stopped. Nothing was changed."), "soft")
            case _:
                pass


class _Measure:
    """Work for the engine's lane."""

    def __init__(self, session: Session, devices: list[Gpu | None], folders: tuple[Path, ...]) -> None:
        self._client, self._store = session.client, session.renderer.planner.speeds
        self._devices, self._folders = devices, folders

    def __call__(self, context: JobContext) -> None:
        """Measure one device after the other; see `measure_speed` for what it raises."""
        folder = next((folder for folder in self._folders if folder.is_dir()), None)
        refused: IncompatibleError | None = None
        for gpu in self._devices:
            try:
                measure_speed(self._client, context, self._store, gpu=gpu, folder=folder)
            except IncompatibleError as error:  # the driver names a card that torch cannot compute on
                refused = error
            else:
                folder = None  # the drive is the same for all
        if refused is not None:
            raise refused
