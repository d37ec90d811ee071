"""The fourth step: a short test of how fast this PC is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout

from wan_desktop.core.jobs import JobSnapshot, JobState, Lane
from wan_desktop.core.messages import SpeedKind, SpeedPart, SpeedProgress, SpeedReport, SpeedStatus
from wan_desktop.core.words import decimal, mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.widgets.controls import Button, IconLabel, label, surface
from wan_desktop.ui.widgets.meter import MeterBar, Segment
from wan_desktop.ui.widgets.setup_row import info_card
from wan_desktop.ui.wizard.step import WizardStep

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.jobs import JobContext
    from wan_desktop.ui.session import Session

_PARTS = {
    SpeedKind.PRODUCTS: mark("Matrix products, {name}"),
    SpeedKind.ATTENTION: mark("Attention, {name}"),
    SpeedKind.COPY: mark("Copying to the card, {name}"),
    SpeedKind.DISK: mark("Reading from the drive"),
}


def part_words(kind: SpeedKind, name: str) -> str:
    """What a part of the test measures."""
    return tr(_PARTS[kind], name=name)


def speed_words(part: SpeedPart) -> str:
    """What came of a part."""
    if part.status is not SpeedStatus.MEASURED:
        return tr("off: {reason}", reason=part.reason)
    if part.kind in (SpeedKind.PRODUCTS, SpeedKind.ATTENTION):
        return f"{decimal(part.per_s / 1e12, 2)} TFLOP/s"
    return f"{text.data_size(round(part.per_s))}/s"


class SpeedStep(WizardStep):
    """Runs the speed test in the engine; its numbers go into every estimate."""

    name = mark("Speed test")
    help_id = "wizard.speed-test"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("How fast is this PC?"),
            tr("A test of about 15 seconds. With it, the program can tell you much better how long a video takes."),
            session,
            parent,
        )
        self._job = ""
        self.report: SpeedReport | None = None
        row = QHBoxLayout()
        self.start = Button(tr("Start the test"), self, icon_name="gauge")
        self.start.clicked.connect(self.run_test)
        self.stop = Button(tr("Stop"), self, icon_name="x")
        self.stop.clicked.connect(self._on_stop)
        self.stop.hide()
        row.addWidget(self.start)
        row.addWidget(self.stop)
        row.addStretch(1)
        self.body.addLayout(row)
        self.doing = label("", self, role="soft", wrap=True)
        self.body.addWidget(self.doing)
        self.bar = MeterBar(tr("Speed test"), 6, self)
        self.bar.hide()
        self.body.addWidget(self.bar)
        self.result = surface("ok", self)
        inner = QHBoxLayout(self.result)
        inner.setContentsMargins(14, 10, 14, 10)
        inner.addWidget(IconLabel("circle-check", "ok", 18, self.result))
        self.sentence = label("", self.result, wrap=True)
        inner.addWidget(self.sentence, 1)
        self.result.hide()
        self.body.addWidget(self.result)
        self._card, self._lines = info_card(tr("Measured"), self)
        self._card.hide()
        self.body.addWidget(self._card)
        self.body.addStretch(1)
        session.job_changed.connect(self._on_job)

    @property
    def can_be_skipped(self) -> bool:
        """Until it has been run."""
        return self.report is None

    @property
    def next_words(self) -> str:
        """Next is there once the test was run; before, it can be skipped."""
        return tr("Next") if self.report is not None or self._job else tr("Start the test")

    def finish(self) -> bool:
        """Run the test first, unless it was run or runs."""
        if self.report is None and not self._job:
            self.run_test()
            return False
        return True

    def step_hidden(self) -> None:
        """A test that runs is not waited for."""
        self._on_stop()

    @Slot()
    def run_test(self) -> None:
        """Begin it, unless it runs."""
        from wan_desktop.core.measured_speed import measure_speed  # noqa: PLC0415 - after the first paint

        if self._job:
            return
        session, card = self.session, self.session.pc.card
        gpu = card.gpu if card is not None and card.computes else None
        folder = next(iter(session.settings.model_folders), session.paths.models)
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())

        def work(context: JobContext) -> SpeedReport:
            session.client.start()
            return measure_speed(session.client, context, session.renderer.planner.speeds, gpu=gpu, folder=existing)

        self._job = session.submit("Measure the speed", Lane.ENGINE, work)
        self._show_running(tr("Waiting for the engine"), 0.0)
        self.changed.emit()

    def _show_running(self, words: str, part: float) -> None:
        self.start.hide()
        self.stop.show()
        self.bar.show()
        self.doing.setText(words)
        self.bar.show_parts([Segment(part, "accent")], 1.0, spoken=words)

    def _show_report(self, report: SpeedReport) -> None:
        self.report = report
        self._card.show()
        for part in report.parts:
            words = tr("{what}: {result}", what=part_words(part.kind, part.name), result=speed_words(part))
            role = "soft" if part.status is SpeedStatus.MEASURED else "warn"
            self._lines.addWidget(label(words, self._card, role=role, wrap=True))
        self.doing.setText(tr("Done in {seconds} s.", seconds=round(report.seconds)))
        self._judge()

    def _judge(self) -> None:
        from wan_desktop.core.catalog import read_catalog  # noqa: PLC0415 - after the first paint
        from wan_desktop.core.pc_reach import reach  # noqa: PLC0415 - after the first paint

        profile, session = self.session.pc.profile, self.session
        if profile is None:
            return
        speeds = session.renderer.planner.speeds
        session.submit(
            "Find out how long videos take",
            Lane.FILES,
            lambda _: reach(profile, read_catalog(session.paths.resources), session.settings, speeds=speeds.load()),
            self._on_judged,
        )

    def _on_judged(self, snapshot: JobSnapshot) -> None:
        fitting = [each for each in snapshot.result or () if each.fit.fits and each.seconds_low and each.on_card]
        if fitting:
            best = min(fitting, key=lambda each: each.seconds_high or 0.0)
            self.sentence.setText(
                tr(
                    "A {seconds} s video at {width} x {height} with {model} will take about {time}.",
                    seconds=f"{best.video_seconds:.0f}",
                    width=best.width,
                    height=best.height,
                    model=best.name,
                    time=text.duration_range(best.seconds_low or 0.0, best.seconds_high or 0.0),
                )
            )
        else:
            self.sentence.setText(tr("These numbers are used in every estimate from now on."))
        self.result.show()

    @Slot()
    def _on_stop(self) -> None:
        if self._job:
            self.session.queue.cancel(self._job)

    @Slot(object)
    def _on_job(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id != self._job:
            return
        progress = snapshot.progress
        if isinstance(progress, SpeedProgress):
            self._show_running(part_words(progress.kind, progress.name), progress.done / max(1, progress.total))
        if not snapshot.state.final:
            return
        self._job = ""
        self.stop.hide()
        self.bar.hide()
        if snapshot.state is JobState.DONE:
            self._show_report(snapshot.result)
        else:
            self.start.show()
            reason = snapshot.error.message if snapshot.error is not None else ""
            self.doing.setText(tr("The test did not run: {reason}", reason=reason) if reason else tr("Stopped."))
        self.changed.emit()
