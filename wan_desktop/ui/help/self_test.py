"""Makes a short video with the built-in model, and says what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.self_test import SelfTestResult, run_self_test
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.help.part import plain_label
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label, set_role
from wan_desktop.ui.widgets.meter import MeterBar, Segment

if TYPE_CHECKING:
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.ui.help.examination import Examination
    from wan_desktop.ui.session import Session


class SelfTestCard(QFrame):
    """A button, how far it is, and the result.

    Args:
        session: Whose engine.
        examination: Is told the result, for reports.
        parent: Its parent.
    """

    help_requested = Signal(int)

    def __init__(self, session: Session, examination: Examination, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._examination = examination
        self._job = ""
        self.error: WanError | None = None
        """Why the last one failed."""
        self.setProperty("surface", "card")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(IconLabel("film", "text2", 20, self))
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(label(tr("Self test"), self, role="label"))
        self.words = plain_label(
            tr("Makes a short video with the built-in model, in about half a minute."), self, "soft"
        )
        words.addWidget(self.words)
        row.addLayout(words, 1)
        self.link = Button("", self, kind="link")
        self.link.clicked.connect(self._on_help)
        self.link.hide()
        row.addWidget(self.link)
        self.start = Button(tr("Run self test"), self, icon_name="play")
        self.start.clicked.connect(self._on_start)
        row.addWidget(self.start)
        self.stop = Button(tr("Stop"), self, icon_name="square")
        self.stop.setAccessibleName(tr("Stop the self test"))
        self.stop.clicked.connect(self._on_stop)
        self.stop.hide()
        row.addWidget(self.stop)
        layout.addLayout(row)
        self.bar = MeterBar(tr("Progress of the self test"), 6, self)
        self.bar.hide()
        layout.addWidget(self.bar)
        session.job_changed.connect(self._on_job_changed)

    @property
    def running(self) -> bool:
        """It waits, runs or is being stopped."""
        return bool(self._job)

    @Slot()
    def _on_start(self) -> None:
        if self._job:
            return
        self.error = None
        self._show_running(running=True)
        set_role(self.words, "soft")
        self.words.setText(tr("Waiting for its turn"))
        renderer, paths = self._session.renderer, self._session.paths
        self._job = self._session.submit(
            tr("Self test"), Lane.ENGINE, lambda context: run_self_test(renderer, paths, context)
        )

    @Slot()
    def _on_stop(self) -> None:
        if self._job:
            self._session.queue.cancel(self._job)

    @Slot()
    def _on_help(self) -> None:
        if self.error is not None:
            self.help_requested.emit(self.error.number)

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id != self._job:
            return
        if snapshot.state.final:
            self._job = ""
            self._show_running(running=False)
            self._show_result(snapshot)
        elif snapshot.state is JobState.CANCELLING:
            self.words.setText(tr("Stopping"))
        elif isinstance(snapshot.progress, RenderProgress):
            self._show_progress(snapshot.progress)

    def _show_running(self, *, running: bool) -> None:
        self.bar.show_parts([], 1, spoken="")
        self.bar.setVisible(running)
        self.stop.setVisible(running)
        self.start.setVisible(not running)
        self.link.hide()

    def _show_progress(self, progress: RenderProgress) -> None:
        done, total = progress.done, max(progress.total, 1)
        words = tr("{stage}, {done} of {total}", stage=text.stage_name(progress.stage), done=done, total=total)
        self.words.setText(words)
        self.bar.show_parts([Segment(done, "accent")], total, spoken=words)

    def _show_result(self, snapshot: JobSnapshot) -> None:
        if isinstance(snapshot.result, SelfTestResult):
            words, role = tr("Passed. {words}", words=snapshot.result.words), "ok"
        elif snapshot.error is not None:
            self.error = error = snapshot.error
            words, role = f"{error.shown_title}. {error.message} {error.hint}".strip(), "bad"
            self.link.setText(f"WAN-{error.number}")
            self.link.setAccessibleName(tr("What does {number} mean?", number=f"WAN-{error.number}"))
            self.link.show()
        else:
            words, role = tr("Stopped."), "soft"
        set_role(self.words, role)
        self.words.setText(words)
        self._examination.note = tr("Self test: {words}", words=words)
        announce(self, tr("Self test: {words}", words=words), assertive=role == "bad")
