"""The log: pick by level, words and job, follow it while it is written, and read one entry whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, QTimer, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.log_lines import LineLevel, LogFilter, LogLine, LogTail, jobs_of
from wan_desktop.core.words import mark, tr, trn
from wan_desktop.ui.help.log_model import JOB_SHOWN, LINE_ROLE, LogDelegate, LogModel
from wan_desktop.ui.help.part import HelpPart
from wan_desktop.ui.shortcuts import Action, show_keys
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import label
from wan_desktop.ui.widgets.empty_state import EmptyPage
from wan_desktop.ui.widgets.fields import CheckBox, ComboBox
from wan_desktop.ui.widgets.segmented import Segmented

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.ui.session import Session

_EVERY_MS = 1000
_DETAILS_PX, _LEAST_DETAILS_PX = 120, 60
_CHOICES = (
    (mark("All"), LineLevel.DEBUG),
    (mark("Notes"), LineLevel.INFO),
    (mark("Warnings"), LineLevel.WARNING),
    (mark("Errors"), LineLevel.ERROR),
)
_Index = QModelIndex | QPersistentModelIndex


class LogPart(HelpPart):
    """The log of this program, engine and command line.

    Args:
        session: Whose log.
        parent: Its parent.
        every_ms: How often it is read on while it is followed.
    """

    def __init__(self, session: Session, parent: QWidget, *, every_ms: int = _EVERY_MS) -> None:
        super().__init__(parent)
        self._session = session
        self._tail = LogTail(session.paths.log_file)
        self._started = self._reading = False
        self._timer = QTimer(self)
        self._timer.setInterval(every_ms)
        self._timer.timeout.connect(self._read)
        self._build_ui()
        self._connect()

    def part_shown(self) -> None:
        """Read, and read on while it is followed."""
        self._read()
        self._timer.start()

    def part_hidden(self) -> None:
        """Stop reading."""
        self._timer.stop()

    def look_again(self) -> None:
        """Read what was written since, followed or not."""
        self._read(even_if_not_followed=True)

    def focus_search(self) -> bool:
        """The search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()
        return True

    def focus_first(self) -> None:
        """The list."""
        self.list.setFocus(Qt.FocusReason.OtherFocusReason)

    def _build_ui(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(self._filters())
        self.model = LogModel(self)
        self.list = QListView(self)
        self.list.setObjectName("logList")
        self.list.setAccessibleName(tr("Entries of the log"))
        self.list.setUniformItemSizes(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setModel(self.model)
        self.list.setItemDelegate(LogDelegate(self.list))
        self.empty = EmptyPage("scroll-text", tr("No messages."), "", (), self)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.list)
        self.stack.addWidget(self.empty)
        layout.addWidget(self.stack, 3)
        self.details = QPlainTextEdit(self)
        self.details.setObjectName("logDetails")
        self.details.setReadOnly(True)
        self.details.setTabChangesFocus(True)
        self.details.setAccessibleName(tr("The marked entry"))
        self.details.setPlaceholderText(tr("Mark an entry to read all of it."))
        self.details.setMinimumHeight(look().px(_LEAST_DETAILS_PX))
        self.details.setMaximumHeight(look().px(_DETAILS_PX))
        layout.addWidget(self.details, 1)

    def _filters(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        self.level = Segmented(tr("Level"), [(tr(text), level) for text, level in _CHOICES], self)
        self.level.set_value(LineLevel.DEBUG)
        row.addWidget(self.level)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search in the log"))
        self.search.setAccessibleName(tr("Search in the log"))
        show_keys(self.search, Action.FIND)
        self.search.setClearButtonEnabled(True)
        row.addWidget(self.search, 1)
        self.job = ComboBox(tr("Job"), self)
        self.job.addItem(tr("All jobs"), "")
        row.addWidget(self.job)
        self.follow = CheckBox(tr("Follow"), self)
        self.follow.setChecked(True)
        self.follow.setToolTip(tr("Show what is written while it is written"))
        row.addWidget(self.follow)
        self.count = label("", self, role="caption")
        row.addWidget(self.count)
        return row

    def _connect(self) -> None:
        self.level.chosen.connect(self._on_filter)
        self.search.textChanged.connect(self._on_filter)
        self.job.currentIndexChanged.connect(self._on_filter)
        self.follow.toggled.connect(self._on_follow)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.list)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self._on_copy)

    @Slot()
    def _read(self, *, even_if_not_followed: bool = False) -> None:
        wanted = self.follow.isChecked() or even_if_not_followed or not self._started
        if self._reading or not wanted:
            return
        self._reading = True
        self._session.submit(tr("Read the log"), Lane.FILES, self._work, self._on_read)

    def _work(self, _context: JobContext) -> tuple[LogLine, ...] | None:
        """On the lane, the only place that uses the tail; None if there is nothing new."""
        if not self._started:
            return tuple(self._tail.start())
        return tuple(self._tail.lines) if self._tail.read_on() else None

    def _on_read(self, snapshot: JobSnapshot) -> None:
        self._reading = False
        if snapshot.state is not JobState.DONE:
            return
        self._started = True
        if snapshot.result is not None:
            self._show_jobs(jobs_of(snapshot.result))
            self.model.show_lines(snapshot.result)
        self._on_shown()

    def _show_jobs(self, jobs: Sequence[str]) -> None:
        if [self.job.itemData(row) for row in range(1, self.job.count())] == list(jobs):
            return
        chosen = self.job.currentData()
        self.job.blockSignals(True)
        while self.job.count() > 1:
            self.job.removeItem(1)
        for job in jobs:
            self.job.addItem(tr("Job {name}", name=job[:JOB_SHOWN]), job)
        self.job.setCurrentIndex(max(0, self.job.findData(chosen)))
        self.job.blockSignals(False)

    def _on_shown(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        all_words = trn("{count} entry", "{count} entries", total)
        self.count.setText(all_words if shown == total else tr("{shown} of {all}", shown=shown, all=all_words))
        self.empty.title.setText(tr("No entry matches.") if total else tr("No messages."))
        self.stack.setCurrentWidget(self.list if shown else self.empty)
        if self.follow.isChecked():
            self.list.scrollToBottom()

    @Slot()
    def _on_filter(self) -> None:
        level = self.level.value()
        least = level if isinstance(level, LineLevel) else LineLevel.DEBUG
        self.model.set_filter(LogFilter(least, self.search.text().strip(), self.job.currentData() or ""))
        self._on_shown()

    @Slot(bool)
    def _on_follow(self, checked: bool) -> None:
        if checked:
            self._read()
            self.list.scrollToBottom()

    @Slot(QModelIndex, QModelIndex)
    def _on_current(self, current: _Index, _before: _Index) -> None:
        line = current.data(LINE_ROLE) if current.isValid() else None
        self.details.setPlainText(line.words if isinstance(line, LogLine) else "")

    @Slot()
    def _on_copy(self) -> None:
        rows = sorted(self.list.selectionModel().selectedIndexes(), key=QModelIndex.row)
        words = [line.words for row in rows if isinstance(line := row.data(LINE_ROLE), LogLine)]
        QApplication.clipboard().setText("\n".join(words))
