"""The Queue page: what is made, what needs the user, what waits, and what is done."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from wan_desktop.core.announcements import sentences
from wan_desktop.core.power import is_possible
from wan_desktop.core.render_queue import WhenDone
from wan_desktop.core.words import tr
from wan_desktop.ui.create.stop_question import StopQuestion
from wan_desktop.ui.error_texts import error_text
from wan_desktop.ui.live.render_outcome import RenderFailed, error_of
from wan_desktop.ui.page import Page, PageId, PageTarget, VideoTarget
from wan_desktop.ui.queue import texts
from wan_desktop.ui.queue.job_list import JobList
from wan_desktop.ui.queue.pictures import JobPictures
from wan_desktop.ui.queue.row import Deed, JobRow
from wan_desktop.ui.shortcuts import Action, listen, shown_keys, tip
from wan_desktop.ui.widgets.controls import Button, announce, label
from wan_desktop.ui.widgets.empty_state import EmptyPage
from wan_desktop.ui.widgets.error_card import ErrorOffer
from wan_desktop.ui.widgets.fields import ComboBox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QKeyEvent

    from wan_desktop.core.render_queue import OfferedChange, QueueSnapshot, RenderJob, RenderQueue
    from wan_desktop.ui.live.render_outcome import RenderView
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.widgets.error_card import ErrorText

_TICK_MS = 1000
"""How often the time that is left is counted anew."""
_FINISHED_SHOWN = 10
_BESIDE_BAR_PX = 6
_SCROLL_EDGE_PX, _SCROLL_STEP_PX = 40, 24


class QueuePage(Page):
    """Shows the queue, and lets it be changed.

    Args:
        session: Whose queue.
        parent: Its parent.
        can_rest: The PC can be told to sleep and to shut down; asked of the system if None.
    """

    def __init__(self, session: Session, parent: QWidget | None = None, *, can_rest: bool | None = None) -> None:
        super().__init__(tr("Queue"), session, parent)
        self._can_rest = is_possible() if can_rest is None else can_rest
        self._renders = session.renders
        self._pictures = JobPictures(session, self)
        self._stopping = ""
        """The job that may be stopped, if the question is answered with yes."""
        self.question = StopQuestion(self, self._renders.pause.worked_s)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._on_tick)
        self.subtitle.setWordWrap(True)  # large text in a small window
        self._build_head()
        self._build_body()
        self._connect()
        self._show(self._renders.snapshot)

    # The page --------------------------------------------------------------------------------------------------------

    @property
    def lists(self) -> tuple[JobList, ...]:
        """The groups, from top to bottom."""
        return self.running, self.needs_you, self.waiting, self.finished

    def focus_first(self) -> None:
        """The first row, else the button that leads on."""
        rows = [row for group in self.lists for row in group.rows]
        if rows:
            rows[0].setFocus(Qt.FocusReason.OtherFocusReason)
        elif self.empty.buttons:
            self.empty.buttons[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def areas(self) -> Sequence[QWidget]:
        """The buttons above, and each group that shows something."""
        return (self.tools, *(group for group in self.lists if group.rows))

    def show_target(self, target: object) -> None:
        """Go to a job by its id."""
        for group in self.lists:
            row = group.row(target) if isinstance(target, str) else None
            if row is not None:
                self.scroller.ensureWidgetVisible(row)
                row.setFocus(Qt.FocusReason.OtherFocusReason)

    def refresh(self) -> None:
        """Try again what could not be done."""
        self._renders.try_again()

    def page_shown(self) -> None:
        """Count the time."""
        self._show(self._renders.snapshot)
        self._timer.start()

    def page_hidden(self) -> None:
        """Nobody looks."""
        self._timer.stop()

    def close_down(self) -> None:
        """Nothing is counted any more."""
        self._timer.stop()

    def _build_head(self) -> None:
        self.tools = QWidget(self)
        tools = QHBoxLayout(self.tools)
        tools.setContentsMargins(0, 0, 0, 0)
        tools.setSpacing(8)
        self.head.addWidget(self.tools, 0, Qt.AlignmentFlag.AlignTop)
        self.when_done = ComboBox(tr("When all is done"), self)
        when = label(tr("When all is done"), self, role="soft")
        for action, words in texts.WHEN_DONE.items():
            self.when_done.addItem(tr(words), action.value)
        if not self._can_rest:
            why = tr("Only Windows can be told to sleep or to shut down from here.")
            self.when_done.setToolTip(why)
            self.when_done.setAccessibleDescription(why)
            self.when_done.setEnabled(False)
        self.pause = Button(tr("Pause queue"), self, icon_name="pause")
        self.pause.setToolTip(
            tr("Start nothing more; what runs goes on ({keys} while nothing runs)", keys=shown_keys(Action.PAUSE))
        )
        tools.addWidget(when)
        tools.addWidget(self.when_done)
        tools.addWidget(self.pause)

    def _build_body(self) -> None:
        self.stack = QStackedWidget(self)
        self.page_layout.addWidget(self.stack, 1)
        self.empty = EmptyPage(
            "list-video",
            tr("Nothing is waiting"),
            tr("Add videos from Create; they run one after the other."),
            [(tr("Go to Create"), PageId.CREATE)],
            self,
        )
        self.stack.addWidget(self.empty)
        self.scroller = QScrollArea(self)
        self.scroller.setWidgetResizable(True)
        self.stack.addWidget(self.scroller)
        body = QFrame(self.scroller)
        body.setObjectName("page")
        self._body = layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        self.running = JobList(tr("Running"), self._make_row, body)
        self.needs_you = JobList(tr("Needs you"), self._make_row, body)
        self.waiting = JobList(tr("Waiting"), self._make_row, body)
        self.finished = JobList(tr("Finished"), self._make_row, body, shown=_FINISHED_SHOWN)
        self.all_again = Button(tr("Try all again"), self.needs_you, kind="link", icon_name="rotate-ccw")
        self.needs_you.head.addWidget(self.all_again)
        self.group = Button("", self.waiting, kind="link", icon_name="layers")
        self.waiting.head.addWidget(self.group)
        self.clear = Button(tr("Clear finished"), self.finished, kind="link", icon_name="x")
        self.clear.setToolTip(tr("Videos stay where they are"))
        self.finished.head.addWidget(self.clear)
        for group in self.lists:
            layout.addWidget(group)
        layout.addStretch(1)
        self.scroller.setWidget(body)

    def _connect(self) -> None:
        self._renders.changed.connect(self._on_changed)
        self._renders.job_progressed.connect(self._on_progressed)
        self._renders.job_stopping.connect(self._on_stopping)
        self._renders.job_ended.connect(self._on_ended)
        self._renders.pause.changed.connect(self._show_pause)
        self._pictures.found.connect(self._on_picture)
        self.session.models.catalog_changed.connect(self._on_catalog_changed)
        self.question.stop_confirmed.connect(self._on_stop_confirmed)
        self.when_done.activated.connect(self._on_when_done)
        self.pause.clicked.connect(self._on_pause)
        self.all_again.clicked.connect(self._on_all_again)
        self.group.clicked.connect(self._on_group)
        self.clear.clicked.connect(self._on_clear)
        listen(self, Action.UNDO, self._renders.undo_delete)
        self.waiting.moved.connect(self._on_moved)
        self.waiting.drag_moved.connect(self._on_drag_moved)
        self.scroller.verticalScrollBar().rangeChanged.connect(self._on_scroll_range)
        self.empty.action_requested.connect(self._on_empty_action)

    # What it shows ---------------------------------------------------------------------------------------------------

    def _show(self, now: QueueSnapshot) -> None:
        focused = self._focused()
        for group, jobs in zip(self.lists, (now.running, now.needs_you, now.waiting, now.finished), strict=True):
            group.show_jobs(jobs)
        is_empty = not any(group.rows for group in self.lists)
        self.stack.setCurrentWidget(self.empty if is_empty else self.scroller)
        self.all_again.setVisible(len(now.needs_you) > 1)
        self.group.setText(texts.group_words(now.loads_saved_by_grouping))
        self.group.setAccessibleName(self.group.text())
        self.group.setVisible(now.loads_saved_by_grouping > 0)
        self.pause.setText(tr("Resume queue") if now.paused else tr("Pause queue"))
        self.pause.setAccessibleName(self.pause.text())
        self.pause.set_icon("play" if now.paused else "pause")
        self.when_done.setCurrentIndex(self.when_done.findData(now.when_done.value))
        self._show_time(now)
        view = self._renders.view
        if view is not None:
            self._on_progressed(view)
        self._show_pause()
        if self.question.box is not None and all(job.job_id != self._stopping for job in now.running):
            self.question.end()
        if focused is not None:
            self._keep_focus(*focused)

    def _show_time(self, now: QueueSnapshot) -> None:
        at = datetime.now().astimezone()
        self.set_subtitle(texts.headline(now, at))
        for row in self.finished.rows:
            row.show_ended(at)

    def _focused(self) -> tuple[JobList, str, int] | None:
        """Where the focus is: in which group, on which job, at which place."""
        focus = self.window().focusWidget()
        for group in self.lists:
            for place, row in enumerate(group.rows):
                if focus is not None and (focus is row or row.isAncestorOf(focus)):
                    return group, row.job.job_id, place
        return None

    def _keep_focus(self, group: JobList, job_id: str, place: int) -> None:
        """Where the row is gone, the focus goes to its job's new row in the group, or to what took its place."""
        if group.row(job_id) is not None:
            return
        if group.rows:
            group.rows[min(place, len(group.rows) - 1)].setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.focus_first()

    def _make_row(self, job: RenderJob, parent: QWidget) -> JobRow:
        row = JobRow(job, self.session.models.catalog, self._error_text, parent)
        row.asked.connect(self._on_asked)
        row.change_chosen.connect(self._on_change_chosen)
        image = self._pictures.image(job)
        if image is not None:
            row.show_image(image)
        return row

    def _error_text(self, job: RenderJob) -> ErrorText:
        """What the card below a job that failed says."""
        told = job.trouble
        shown = error_text(error_of(told), self.session)
        changes = told.changes if told is not None else ()
        offers = [ErrorOffer(change.text, texts.change_words(change, job), change) for change in changes]
        offers += [offer for offer in shown.offers if isinstance(offer.value, PageTarget)]
        return replace(shown, retry=tr("Try again as it is"), offers=tuple(offers))

    def _rows(self, job_id: str) -> list[JobRow]:
        return [row for group in self.lists if (row := group.row(job_id)) is not None]

    # What changes ----------------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_changed(self, now: QueueSnapshot) -> None:
        if self.isVisible():
            self._show(now)

    @Slot(object)
    def _on_progressed(self, view: RenderView) -> None:
        if view.job is not None and view.progress is not None:
            row = self.running.row(view.job.job_id)
            if row is not None:
                row.show_progress(view.progress)

    @Slot()
    def _show_pause(self) -> None:
        view, pause = self._renders.view, self._renders.pause
        row = self.running.row(view.job.job_id) if view is not None and view.job is not None else None
        if row is not None:
            row.show_pause(pause.state, can_toggle=pause.can_toggle)

    @Slot(str)
    def _on_stopping(self, job_id: str) -> None:
        for row in self._rows(job_id):
            row.show_stopping()

    @Slot(str, object)
    def _on_ended(self, _job_id: str, outcome: object) -> None:
        """A failure is seen here, and told by no toast."""
        if isinstance(outcome, RenderFailed) and self.isVisible():
            announce(self, sentences(outcome.error.shown_title, outcome.error.hint), assertive=True)

    @Slot()
    def _on_tick(self) -> None:
        self._show_time(self._renders.snapshot)

    @Slot(str)
    def _on_picture(self, job_id: str) -> None:
        for row in self._rows(job_id):
            image = self._pictures.image(row.job)
            if image is not None:
                row.show_image(image)

    @Slot()
    def _on_catalog_changed(self) -> None:
        for group in self.lists:
            for row in group.rows:
                row.show_names(self.session.models.catalog)

    # What the user does ----------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape lets a dragged row lie, wherever the focus is."""
        if event.key() == Qt.Key.Key_Escape:
            self.waiting.keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    @Slot(object, str)
    def _on_asked(self, deed: Deed, job_id: str) -> None:
        last = len(self._renders.snapshot.waiting)
        changes: dict[Deed, Callable[[RenderQueue], object]] = {
            Deed.RETRY: lambda queue: queue.retry(job_id),
            Deed.UP: lambda queue: queue.move_up(job_id),
            Deed.DOWN: lambda queue: queue.move_down(job_id),
            Deed.FIRST: lambda queue: queue.move_to(job_id, 0),
            Deed.LAST: lambda queue: queue.move_to(job_id, last),
            Deed.REMOVE: lambda queue: queue.delete(job_id),
        }
        if deed in changes:
            self._renders.do(changes[deed])
            if deed is Deed.REMOVE:
                self._say_removed(job_id)
        elif deed is Deed.STOP:
            self._ask_to_stop(job_id)
        elif deed is Deed.PAUSE:
            self._renders.pause.toggle()
        elif deed is Deed.FOLDER:
            for row in self._rows(job_id):
                self._open_folder(row.job)
        else:
            for row in self._rows(job_id):
                result = row.job.result
                self.page_requested.emit(PageId.LIBRARY, VideoTarget(result.path) if result is not None else None)

    def _say_removed(self, job_id: str) -> None:
        """Offer to bring it back."""
        for row in self._rows(job_id):
            title = tr("\u201c{title}\u201d is not in the queue any more.", title=texts.title_of(row.job))
            undo = functools.partial(self._renders.undo_delete, job_id)
            self.session.messages.say("info", title, action=(tip(tr("Undo"), Action.UNDO), undo))

    def _ask_to_stop(self, job_id: str) -> None:
        job = next((job for job in self._renders.snapshot.running if job.job_id == job_id), None)
        if job is not None:
            self._stopping = job_id
            self.question.ask()

    @Slot()
    def _on_stop_confirmed(self) -> None:
        self._renders.stop(self._stopping)

    def _open_folder(self, job: RenderJob) -> None:
        folder = job.result.path.parent if job.result is not None else Path()
        if job.result is not None and folder.is_dir():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
        else:
            announce(self, tr("The folder is not there any more."), assertive=True)

    @Slot(str, object)
    def _on_change_chosen(self, job_id: str, change: OfferedChange | PageTarget) -> None:
        if isinstance(change, PageTarget):
            self.page_requested.emit(change.page, change.target)
        else:
            self._renders.do(lambda queue: queue.fix_and_retry(job_id, change))

    @Slot(str, int)
    def _on_moved(self, job_id: str, place: int) -> None:
        self._renders.do(lambda queue: queue.move_to(job_id, place))

    @Slot(QPoint)
    def _on_drag_moved(self, at: QPoint) -> None:
        """Scroll where a row is dragged to the edge."""
        y = self.scroller.viewport().mapFromGlobal(at).y()
        bar = self.scroller.verticalScrollBar()
        if y < _SCROLL_EDGE_PX:
            bar.setValue(bar.value() - _SCROLL_STEP_PX)
        elif y > self.scroller.viewport().height() - _SCROLL_EDGE_PX:
            bar.setValue(bar.value() + _SCROLL_STEP_PX)

    @Slot(int, int)
    def _on_scroll_range(self, _low: int, high: int) -> None:
        self._body.setContentsMargins(0, 0, _BESIDE_BAR_PX if high else 0, 0)

    @Slot(int)
    def _on_when_done(self, _index: int) -> None:
        action = WhenDone(self.when_done.currentData())
        self._renders.do(lambda queue: queue.set_when_done(action))

    @Slot()
    def _on_pause(self) -> None:
        paused = self._renders.snapshot.paused
        self._renders.do(functools.partial(_set_paused, paused=not paused))

    @Slot()
    def _on_all_again(self) -> None:
        for job in reversed(self._renders.snapshot.needs_you):  # each goes before all others
            self._renders.do(functools.partial(_retry, job_id=job.job_id))

    @Slot()
    def _on_group(self) -> None:
        self._renders.do(lambda queue: queue.group_by_model())

    @Slot()
    def _on_clear(self) -> None:
        self._renders.do(lambda queue: queue.clear_finished())

    @Slot(object)
    def _on_empty_action(self, page: object) -> None:
        self.page_requested.emit(page, None)


def _retry(queue: RenderQueue, *, job_id: str) -> None:
    queue.retry(job_id)


def _set_paused(queue: RenderQueue, *, paused: bool) -> None:
    if paused:
        queue.pause()
    else:
        queue.resume()
