"""The compatibility report: a verdict, what a video needs, what stands in the way, and what the program will do."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.compatibility import IssueCode, Severity
from wan_desktop.core.model_offers import usual_mode, usual_video
from wan_desktop.core.recommendations import ChangeKind
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.models import report_words, words
from wan_desktop.ui.models.meters import MeterRow
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label
from wan_desktop.ui.widgets.fields import ComboBox
from wan_desktop.ui.widgets.flow import FlowLayout
from wan_desktop.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from wan_desktop.core.catalog import GenerationMode
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.model_report import ModelReport
    from wan_desktop.core.recommendations import Recommendation
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.live.models import LiveModels

_MODEL_CHANGES = (ChangeKind.VARIANT, ChangeKind.MODEL)
_QUIET_ISSUES = (IssueCode.NOT_HERE,)
"""What the status says already."""


class ReportView(QWidget):
    """Shows the report of one model, for the video that its pickers say.

    Args:
        models: Makes the report.
        parent: Its parent.
    """

    change_requested = Signal(object)
    """A Recommendation that this view cannot carry out itself."""
    test_requested = Signal()
    reported = Signal()
    """A new report is shown."""

    def __init__(self, models: LiveModels, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self._offer: ModelOffer | None = None
        self._asked = 0
        self.report: ModelReport | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(10)
        self._build_verdict()
        self._build_pickers()
        self._build_meters()
        self._build_lists()

    def show_offer(self, offer: ModelOffer) -> None:
        """Show another model with its usual video; the pickers stay for the same one."""
        is_same = self._offer is not None and self._offer.key == offer.key
        self._offer = offer
        if not is_same:
            self.report = None
            self._fill_pickers(offer)
            self._show_waiting(offer)
        self._ask()

    def _build_verdict(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(12)
        self._icon = IconLabel("info", "text3", 26, self)
        self._icon.setProperty("align", "top")
        row.addWidget(self._icon)
        column = QVBoxLayout()
        column.setSpacing(2)
        self.verdict = label("", self, role="section", wrap=True)
        self.sentence = label("", self, role="soft", wrap=True)
        column.addWidget(self.verdict)
        column.addWidget(self.sentence)
        row.addLayout(column, 1)
        self._layout.addLayout(row)

    def _build_pickers(self) -> None:
        self._pickers = QWidget(self)
        row = FlowLayout(self._pickers)
        row.addWidget(label(tr("What if"), self._pickers, role="soft"))
        self.size_box = ComboBox(tr("Size of the video"), self._pickers)
        self.length_box = ComboBox(tr("Length of the video"), self._pickers)
        self.mode_box = ComboBox(tr("Made from"), self._pickers)
        for box in (self.size_box, self.length_box, self.mode_box):
            box.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToContents)
            box.activated.connect(self._on_picked)
            row.addWidget(box)
        self._layout.addWidget(self._pickers)

    def _build_meters(self) -> None:
        self.needs = label(tr("What one video needs"), self, role="label")
        self._layout.addWidget(self.needs)
        self.video_memory = MeterRow(tr("Video memory"), tr("other programs"), self, legend=True)
        self.memory = MeterRow(tr("Memory"), tr("other programs"), self)
        self.disk = MeterRow(tr("Disk"), tr("other files"), self)
        for meter in (self.video_memory, self.memory, self.disk):
            self._layout.addWidget(meter)

    def _build_lists(self) -> None:
        self._good_to_know = label(tr("Good to know"), self, role="label")
        self._layout.addWidget(self._good_to_know)
        self._issues = QVBoxLayout()
        self._issues.setSpacing(8)
        self._layout.addLayout(self._issues)
        self.notices: list[Notice] = []
        self._settings_head = label(tr("Settings the program will use"), self, role="label")
        self._layout.addWidget(self._settings_head)
        self._settings_box = QWidget(self)
        self._settings = QGridLayout(self._settings_box)
        self._settings.setContentsMargins(0, 0, 0, 0)
        self._settings.setVerticalSpacing(6)
        self._settings.setColumnStretch(1, 1)
        self._layout.addWidget(self._settings_box)
        self.accuracy = label("", self, role="caption", wrap=True)
        self._layout.addWidget(self.accuracy)
        row = FlowLayout()
        self.copy = Button(tr("Copy report"), self, kind="link", icon_name="copy")
        self.copy.clicked.connect(self._on_copy)
        self.test = Button(tr("Run a 30-second test"), self, kind="link", icon_name="gauge")
        self.test.clicked.connect(self.test_requested)
        row.addWidget(self.copy)
        row.addWidget(self.test)
        self._layout.addLayout(row)

    # Asking ------------------------------------------------------------------------------------------------------

    def _fill_pickers(self, offer: ModelOffer) -> None:
        metadata = offer.metadata
        self.size_box.clear()
        for size in metadata.sizes:
            self.size_box.addItem(f"{size.width} {text.TIMES} {size.height}", (size.width, size.height))
        self.length_box.clear()
        for frames in metadata.num_frames_choices:
            self.length_box.addItem(report_words.seconds(frames, metadata.fps), frames)
        self.length_box.setCurrentIndex(max(0, self.length_box.findData(metadata.num_frames)))
        self.mode_box.clear()
        for mode in metadata.modes:
            self.mode_box.addItem(text.mode_name(mode), mode.value)
        self.mode_box.setCurrentIndex(max(0, self.mode_box.findData(usual_mode(metadata).value)))
        self.mode_box.setVisible(len(metadata.modes) > 1)

    def _mode(self, offer: ModelOffer) -> GenerationMode:
        value = self.mode_box.currentData()
        return next((mode for mode in offer.metadata.modes if mode.value == value), usual_mode(offer.metadata))

    def _ask(self) -> None:
        offer = self._offer
        if offer is None:
            return
        mode = self._mode(offer)
        workload = usual_video(offer.metadata, mode)
        if self.size_box.currentData() is not None and self.length_box.currentData() is not None:
            width, height = self.size_box.currentData()
            workload = replace(workload, width=width, height=height, num_frames=self.length_box.currentData())
        self._asked += 1
        self._models.report(
            offer,
            mode,
            workload,
            functools.partial(self._on_report, self._asked, offer.key),
            functools.partial(self._on_failed, self._asked),
        )

    def _on_report(self, number: int, key: ModelKey, report: ModelReport) -> None:
        if number == self._asked and self._offer is not None and self._offer.key == key:
            self._show(self._offer, report)

    def _on_failed(self, number: int, error: WanError) -> None:
        if number == self._asked:
            self.sentence.setText(f"{error.message} {error.hint}".strip())

    # Showing -----------------------------------------------------------------------------------------------------

    def _show_waiting(self, offer: ModelOffer) -> None:
        words_of_badge, kind, icon = words.BADGES[offer.badge]
        self._icon.show_icon(icon, kind)
        self.verdict.setText(tr(words_of_badge))
        self.sentence.setText(tr("Looking at what it needs."))
        for meter in (self.video_memory, self.memory, self.disk):
            meter.show_bar(None)
        self._show_notices([])
        self._show_settings(())
        for widget in (self.needs, self.accuracy, self.copy):
            widget.hide()

    def _show(self, offer: ModelOffer, report: ModelReport) -> None:
        before = self.verdict.text() if self.report is not None else ""
        self.report = report
        badge, headline = report_words.verdict(offer, report.check)
        _, kind, icon = words.BADGES[badge]
        self._icon.show_icon(icon, kind)
        self.verdict.setText(headline)
        self.sentence.setText(report_words.sentence(offer, report))
        if before and before != headline:
            announce(self, headline)
        self.video_memory.show_bar(report.video_memory)
        self.memory.show_bar(report.memory)
        self._show_disk(report)
        self.needs.setVisible(report.memory is not None or report.disk is not None)
        self._show_notices(self._notices_of(offer, report))
        self._show_settings(report_words.settings(offer, report))
        self.accuracy.setText(report_words.accuracy(report.check))
        self.accuracy.setVisible(bool(self.accuracy.text()))
        self.copy.setVisible(True)
        self.copy.setText(tr("Copy report"))
        self.reported.emit()

    def _show_disk(self, report: ModelReport) -> None:
        bar = report.disk
        value = ""
        if bar is not None:
            free = text.data_size(bar.free_bytes)
            needed = text.data_size(bar.needed_bytes)
            value = (
                tr("{needed} \u00b7 {free} free", needed=needed, free=free)
                if bar.needed_bytes
                else tr("{free} free", free=free)
            )
        self.disk.show_bar(bar, value=value)

    def _notices_of(self, offer: ModelOffer, report: ModelReport) -> list[Notice]:
        check = report.check
        made = []
        for issue in check.issues:
            if issue.code in _QUIET_ISSUES:
                continue
            kind = {Severity.BLOCKS: "bad", Severity.SLOWS: "warn"}.get(issue.severity, "info")
            made.append(Notice(kind, report_words.issue_title(issue), issue.text, (), self))
        for change in check.recommendations:
            other = self._other(change)
            button = report_words.change_words(change, other)
            actions = [(button, change)] if button else []
            notice = Notice(
                "info", report_words.change_title(change, other), report_words.change_result(change), actions, self
            )
            notice.action_requested.connect(self._on_change)
            made.append(notice)
        return made

    def _other(self, change: Recommendation) -> ModelOffer | None:
        if change.kind not in _MODEL_CHANGES or change.model_id is None:
            return None
        return next(
            (
                offer
                for offer in self._models.offers()
                if offer.metadata.model_id == change.model_id
                and (not change.variant or offer.key.variant == change.variant)
            ),
            None,
        )

    def _show_notices(self, notices: list[Notice]) -> None:
        for old in self.notices:
            self._issues.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.notices = notices
        for notice in notices:
            self._issues.addWidget(notice)
            notice.show()
        self._good_to_know.setVisible(bool(notices))

    def _show_settings(self, rows: tuple[report_words.Setting, ...]) -> None:
        while self._settings.count():
            item = self._settings.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, row in enumerate(rows):
            value = f"{row.value} ({row.why})" if row.why else row.value
            name = label(row.name, self._settings_box, role="soft")
            shown = label(value, self._settings_box, wrap=True)
            shown.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._settings.addWidget(name, number, 0, Qt.AlignmentFlag.AlignTop)
            self._settings.addWidget(shown, number, 1)
        self._settings_head.setVisible(bool(rows))
        self._settings_box.setVisible(bool(rows))

    # What is clicked ---------------------------------------------------------------------------------------------

    @Slot(int)
    def _on_picked(self, _index: int) -> None:
        self._ask()

    @Slot(object)
    def _on_change(self, change: Recommendation) -> None:
        if change.kind is not ChangeKind.REQUEST:
            self.change_requested.emit(change)
            return
        if change.mode is not None:
            self.mode_box.setCurrentIndex(self.mode_box.findData(change.mode.value))
        if change.width is not None and change.height is not None:
            self._pick(self.size_box, (change.width, change.height), f"{change.width} {text.TIMES} {change.height}")
        if change.num_frames is not None and self._offer is not None:
            fps = self._offer.metadata.fps
            self._pick(self.length_box, change.num_frames, report_words.seconds(change.num_frames, fps))
        self._ask()

    def _pick(self, box: ComboBox, value: object, shown: str) -> None:
        """Choose a value, which is added where it is not among the usual ones."""
        index = next((at for at in range(box.count()) if box.itemData(at) == value), -1)
        if index < 0:
            box.addItem(shown, value)
            index = box.count() - 1
        box.setCurrentIndex(index)

    @Slot()
    def _on_copy(self) -> None:
        if self._offer is not None and self.report is not None:
            QGuiApplication.clipboard().setText(report_words.as_text(self._offer, self.report))
            self.copy.setText(tr("Copied"))
            announce(self, tr("The report is copied."))
