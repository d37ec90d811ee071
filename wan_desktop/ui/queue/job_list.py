"""The jobs of one group, below its headline; those that wait can be brought into another order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.words import tr, trn
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, announce, group_heading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QKeyEvent, QPaintEvent

    from wan_desktop.core.render_queue import RenderJob
    from wan_desktop.ui.queue.row import JobRow

_MORE = 50
"""So many more rows appear at a time."""
_GAP_PX = 8


class _DropLine(QWidget):
    """Where a dragged row would go."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), look().color("link"))
        painter.end()


class JobList(QWidget):
    """Shows a group; it hides while it is empty.

    Args:
        title: Its headline.
        make_row: Makes the row of a job.
        parent: Its parent.
        shown: How many rows at first.
    """

    moved = Signal(str, int)
    """A job's id, and its new place in the list, counted from 0."""
    drag_moved = Signal(QPoint)
    """Where the mouse drags a row, on the screen."""

    def __init__(
        self, title: str, make_row: Callable[[RenderJob, QWidget], JobRow], parent: QWidget, *, shown: int = _MORE
    ) -> None:
        super().__init__(parent)
        self._make_row = make_row
        self._shown = shown
        self._jobs: tuple[RenderJob, ...] = ()
        self.rows: list[JobRow] = []
        """In their order."""
        self.setAccessibleName(title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(_GAP_PX)
        self.head = QHBoxLayout()
        """The headline's row; buttons are added to its right end."""
        self.title = group_heading(title, self)
        self.head.addWidget(self.title, 1)
        layout.addLayout(self.head)
        self._layout = QVBoxLayout()
        self._layout.setSpacing(_GAP_PX)
        layout.addLayout(self._layout)
        self.more = Button("", self, kind="link", icon_name="chevron-down")
        self.more.clicked.connect(self._on_more)
        layout.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._line = _DropLine(self)
        self._dragged: JobRow | None = None
        self.hide()

    def row(self, job_id: str) -> JobRow | None:
        """The row of that job; None if it is not shown here."""
        return next((row for row in self.rows if row.job.job_id == job_id), None)

    def show_jobs(self, jobs: Sequence[RenderJob]) -> None:
        """Show these; rows stay as long as their job is in the same state."""
        self._jobs = tuple(jobs)
        places = {row.job.job_id: place for place, row in enumerate(self.rows)}
        shown = self._jobs[: self._shown]
        old = {(row.job.job_id, row.job.state): row for row in self.rows}
        rows = []
        for place, job in enumerate(shown):
            row = old.pop((job.job_id, job.state), None)
            if row is None:
                row = self._add(job)
            elif row.job != job:
                row.show_job(job)
            if self._layout.indexOf(row) != place:
                self._layout.removeWidget(row)
                self._layout.insertWidget(place, row)
            rows.append(row)
        self.rows = rows
        for row in old.values():
            self._drop(row)
        for place, row in enumerate(rows):
            row.show_place(place + 1, len(self._jobs))
            if row.hasFocus() and places.get(row.job.job_id, place) != place:
                announce(self, tr("{number} of {count}", number=place + 1, count=len(self._jobs)), topic="place")
        rest = len(self._jobs) - len(rows)
        self.more.setText(trn("Show {count} more", "Show {count} more", min(rest, _MORE)))
        self.more.setAccessibleName(self.more.text())
        self.more.setVisible(rest > 0)
        self.setVisible(bool(rows))

    def place_at(self, at: QPoint) -> int:
        """Where a row would go that is let go at that point of the screen: before the row of that number."""
        y = self.mapFromGlobal(at).y()
        return next((place for place, row in enumerate(self.rows) if y < row.geometry().center().y()), len(self.rows))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go from row to row; Escape lets a dragged row lie."""
        if event.key() == Qt.Key.Key_Escape and self._dragged is not None:
            self._dragged.give_up_drag()
            return
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        focused = next((place for place, row in enumerate(self.rows) if row.hasFocus()), None)
        if step and focused is not None and 0 <= focused + step < len(self.rows):
            self.rows[focused + step].setFocus(Qt.FocusReason.TabFocusReason)
        else:
            super().keyPressEvent(event)

    def _add(self, job: RenderJob) -> JobRow:
        row = self._make_row(job, self)
        row.lifted.connect(self._on_lifted)
        row.dragged.connect(self._on_dragged)
        row.dropped.connect(self._on_dropped)
        row.drag_given_up.connect(self._on_given_up)
        return row

    def _drop(self, row: JobRow) -> None:
        if row is self._dragged:
            self._end_drag()
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()

    @Slot()
    def _on_more(self) -> None:
        self._shown += _MORE
        self.show_jobs(self._jobs)

    @Slot(str)
    def _on_lifted(self, job_id: str) -> None:
        self._dragged = self.row(job_id)
        if self._dragged is not None:
            self._dragged.setFocus(Qt.FocusReason.MouseFocusReason)

    @Slot(str, QPoint)
    def _on_dragged(self, _job_id: str, at: QPoint) -> None:
        if self._dragged is None:
            return
        place = self.place_at(at)
        if place < len(self.rows):
            y = self.rows[place].geometry().top() - _GAP_PX // 2 - 1
        else:
            y = self.rows[-1].geometry().bottom() + _GAP_PX // 2 - 1
        self._line.setGeometry(0, max(0, min(y, self.height() - 3)), self.width(), 3)
        self._line.raise_()
        self._line.show()
        self.drag_moved.emit(at)

    @Slot(str, QPoint)
    def _on_dropped(self, job_id: str, at: QPoint) -> None:
        row = self._dragged
        self._end_drag()
        if row is None or row not in self.rows:
            return
        old, place = self.rows.index(row), self.place_at(at)
        new = place - 1 if place > old else place  # its own place is free then
        if new != old:
            self.moved.emit(job_id, new)

    @Slot(str)
    def _on_given_up(self, _job_id: str) -> None:
        self._end_drag()

    def _end_drag(self) -> None:
        self._dragged = None
        self._line.hide()
