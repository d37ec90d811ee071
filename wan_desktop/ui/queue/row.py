"""One job of the queue."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QMenu, QSizePolicy, QVBoxLayout, QWidget

from wan_desktop.core.render_progress import PauseState
from wan_desktop.core.render_queue import RenderState
from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.create.progress_view import percent_of
from wan_desktop.ui.queue import texts
from wan_desktop.ui.queue.pictures import JobPicture, image_of_jpeg
from wan_desktop.ui.shortcuts import Action, shown_keys, tip
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.controls import Button
from wan_desktop.ui.widgets.error_card import ErrorCard
from wan_desktop.ui.widgets.form import Fold
from wan_desktop.ui.widgets.meter import MeterBar, Segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QResizeEvent

    from wan_desktop.core.catalog import Catalog
    from wan_desktop.core.render_progress import RenderProgress
    from wan_desktop.core.render_queue import RenderJob
    from wan_desktop.ui.widgets.error_card import ErrorText


class Deed(StrEnum):
    """What can be done with a job."""

    STOP = "stop"
    PAUSE = "pause"
    """Or go on."""
    RETRY = "retry"
    UP = "up"
    DOWN = "down"
    FIRST = "first"
    LAST = "last"
    REMOVE = "remove"
    FOLDER = "folder"
    LIBRARY = "library"


_NAMES = {
    Deed.STOP: mark("Stop"),
    Deed.PAUSE: mark("Pause"),
    Deed.RETRY: mark("Try again"),
    Deed.UP: mark("Move up"),
    Deed.DOWN: mark("Move down"),
    Deed.FIRST: mark("Make it next"),
    Deed.LAST: mark("Make it last"),
    Deed.REMOVE: mark("Remove from the queue"),
    Deed.FOLDER: mark("Open folder"),
    Deed.LIBRARY: mark("Show in Library"),
}
_MOVES = (Deed.FIRST, Deed.UP, Deed.DOWN, Deed.LAST)
_MENUS = {
    RenderState.RUNNING: (),
    RenderState.NEEDS_YOU: (Deed.RETRY, Deed.REMOVE),
    RenderState.WAITING: (*_MOVES, Deed.REMOVE),
    RenderState.WAITING_FOR_MODEL: (*_MOVES, Deed.REMOVE),
    RenderState.WAITING_FOR_CARD: (*_MOVES, Deed.REMOVE),
    RenderState.DONE: (Deed.LIBRARY, Deed.FOLDER, Deed.REMOVE),
    RenderState.STOPPED: (Deed.RETRY, Deed.REMOVE),
}
_KEYS = {Qt.Key.Key_Up: Deed.UP, Qt.Key.Key_Down: Deed.DOWN}
_SHORTCUTS = {Deed.UP: Action.MOVE_UP, Deed.DOWN: Action.MOVE_DOWN, Deed.REMOVE: Action.DELETE}


class OneLine(QLabel):
    """Text that is cut where there is no room, and whole as a tool tip."""

    def __init__(self, words: str, parent: QWidget | None = None, *, role: str = "") -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(40)
        self.words = words
        self.show_words(words)

    def show_words(self, words: str) -> None:
        """Show another text."""
        self.words = words
        self.setAccessibleName(words)
        self._cut()

    def minimumSizeHint(self) -> QSize:
        """Any width will do."""
        return QSize(40, super().minimumSizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Letters of another size need another cut."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange and hasattr(self, "words"):
            self._cut()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut it anew."""
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        shown = self.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, max(40, self.width()))
        if shown != self.text():
            self.setText(shown)
        self.setToolTip(self.words if shown != self.words else "")


class JobRow(QFrame):
    """Shows a job as long as it is in one state.

    Args:
        job: The job.
        catalog: Names models; None if it was not read.
        error_text: What its error card says.
        parent: Its parent.
    """

    asked = Signal(object, str)
    """A Deed, and the job's id."""
    change_chosen = Signal(str, object)
    """The job's id, and the OfferedChange with which it is to be tried again, or a PageTarget."""
    lifted = Signal(str)
    """It is being dragged."""
    dragged = Signal(str, QPoint)
    """Where the mouse is now, on the screen."""
    dropped = Signal(str, QPoint)
    drag_given_up = Signal(str)

    def __init__(
        self,
        job: RenderJob,
        catalog: Catalog | None,
        error_text: Callable[[RenderJob], ErrorText],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.job, self._catalog, self._error_text = job, catalog, error_text
        self.setProperty("surface", "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.progress: RenderProgress | None = None
        self._pressed_at: QPoint | None = None
        self._is_dragged = False
        self.menu: QMenu | None = None
        """What was opened last."""
        self.stop: Button | None = None
        self.pause: Button | None = None
        self.fix: Button | None = None
        self.more: Button | None = None
        self.bar: MeterBar | None = None
        self.advice: OneLine | None = None
        self.details: Fold | None = None
        self.card: ErrorCard | None = None
        self._build_ui()
        self.show_job(job)

    # What it shows ---------------------------------------------------------------------------------------------------

    def show_job(self, job: RenderJob) -> None:
        """The job is like this now; its state is the same as before."""
        self.job = job
        self._show_badge()
        self._show_words()

    def show_names(self, catalog: Catalog | None) -> None:
        """The names of models are known now."""
        self._catalog = catalog
        self._show_words()

    def show_ended(self, at: datetime) -> None:
        """Say when it ended; `at` is now."""
        ended = texts.ended_words(self.job, at)
        if self.job.state is RenderState.DONE and ended:
            self.badge.show_state(tr("Done {time}", time=ended), "ok", "circle-check")

    def show_progress(self, progress: RenderProgress) -> None:
        """How far it is."""
        new_preview = self.progress is None or progress.preview_jpeg_base64 != self.progress.preview_jpeg_base64
        self.progress = progress
        if progress.preview_jpeg_base64 and new_preview:
            self.picture.set_image(image_of_jpeg(progress.preview_jpeg_base64))
        self._show_badge()
        self._show_words()
        if self.bar is not None:
            percent = percent_of(progress)
            self.bar.show_parts((Segment(percent),), 100, spoken=tr("{percent} %", percent=percent))

    def show_pause(self, state: PauseState, *, can_toggle: bool) -> None:
        """Whether it waits because the user wants it to, and whether that can be changed now."""
        if self.pause is None:
            return
        title = texts.title_of(self.job)
        waits = state is not PauseState.NONE
        self.pause.setEnabled(can_toggle)
        self.pause.setText(tr("Go on") if waits else tr("Pause"))
        name = tr("Go on with {title}", title=title) if waits else tr("Pause {title}", title=title)
        self.pause.setAccessibleName(name)
        self.pause.set_icon("play" if waits else "pause")

    def show_stopping(self) -> None:
        """It was asked to stop."""
        if self.stop is not None:
            self.stop.setEnabled(False)
            self.stop.setText(tr("Stopping"))

    def show_image(self, image: QImage) -> None:
        """Show its picture, unless there is a preview."""
        if self.progress is None or not self.progress.preview_jpeg_base64:
            self.picture.set_image(image)

    def show_place(self, number: int, count: int) -> None:
        """Tell a screen reader which of how many it is."""
        place = tr("{number} of {count}", number=number, count=count)
        advice = self.advice.words if self.advice is not None else ""
        words = (self.title.words, self.facts.words, advice, self.badge.text, place)
        self.setAccessibleName(". ".join(each for each in words if each))

    def _show_words(self) -> None:
        job = self.job
        self.title.show_words(texts.title_of(job))
        facts = texts.facts_of(job, self._catalog)
        if job.state is RenderState.RUNNING:
            facts.append(texts.running_words(self.progress))
        added = texts.state_words(job)
        words = text.DOT.join([*facts, added] if added else facts)
        self.facts.show_words(texts.trouble_words(job) if job.state is RenderState.NEEDS_YOU else words)
        if self.advice is not None:
            self.advice.show_words(texts.advice_words(job))

    def _show_badge(self) -> None:
        job, badge = self.job, self.badge
        match job.state:
            case RenderState.RUNNING if self.progress is not None and self.progress.paused:
                badge.show_state(tr("Paused"), "idle", "pause")
            case RenderState.RUNNING:
                badge.show_state(texts.left_words(self.progress), "info", "timer")
            case RenderState.NEEDS_YOU:
                badge.show_state(job.trouble.shown_title if job.trouble else tr("Failed"), "bad", "circle-x")
            case RenderState.WAITING_FOR_MODEL:
                badge.show_state(tr("Waiting for model"), "warn", "download")
            case RenderState.WAITING_FOR_CARD:
                badge.show_state(tr("Waiting for the card"), "warn", "hourglass")
            case RenderState.DONE:
                badge.show_state(tr("Done"), "ok", "circle-check")
            case RenderState.STOPPED:
                badge.show_state(tr("Stopped"), "idle", "square")
            case _:
                words = texts.estimate_words(job.estimate)
                badge.show_state(words or tr("time not known yet"), "idle", "clock")

    # What it is made of ----------------------------------------------------------------------------------------------

    def _build_ui(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(12)
        self.picture = JobPicture(self)
        self.picture.set_sign("image" if self.job.order.draft.image is not None else "clapperboard")
        row.addWidget(self.picture)
        row.addLayout(self._words(), 1)
        self._add_buttons(row)
        layout.addLayout(row)
        if self.job.state is RenderState.NEEDS_YOU:
            self.details = Fold(tr("Details"), self._build_details, self)
            self.details.button.setAccessibleName(tr("Details of {title}", title=texts.title_of(self.job)))
            layout.addWidget(self.details)

    def _words(self) -> QVBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addStretch(1)
        head = QHBoxLayout()
        head.setSpacing(8)
        self.title = OneLine("", self, role="label")
        head.addWidget(self.title, 1)
        self.badge = Badge("", "idle", "", self)
        head.addWidget(self.badge)
        words.addLayout(head)
        self.facts = OneLine("", self, role="value")
        words.addWidget(self.facts)
        if self.job.state is RenderState.NEEDS_YOU:
            self.advice = OneLine("", self, role="note")
            words.addWidget(self.advice)
        if self.job.state is RenderState.RUNNING:
            self.bar = MeterBar(tr("Progress"), 6, self)
            words.addWidget(self.bar)
        words.addStretch(1)
        return words

    def _add_buttons(self, row: QHBoxLayout) -> None:
        title = texts.title_of(self.job)
        state = self.job.state
        if state is RenderState.RUNNING:
            self.pause = Button(tr("Pause"), self, icon_name="pause")
            self.pause.setToolTip(tip(tr("Wait before the next step, or go on"), Action.PAUSE))
            self.pause.clicked.connect(self._on_pause)
            self.show_pause(PauseState.NONE, can_toggle=False)
            row.addWidget(self.pause)
            self.stop = Button(tr("Stop"), self, kind="danger", icon_name="square")
            self.stop.setAccessibleName(tr("Stop {title}", title=title))
            self.stop.clicked.connect(self._on_stop)
            row.addWidget(self.stop)
        elif state is RenderState.NEEDS_YOU:
            has_change = self.job.trouble is not None and bool(self.job.trouble.changes)
            words = tr("Fix and retry") if has_change else tr("Try again")
            icon_name = "wrench" if has_change else "rotate-ccw"
            if self.job.trouble is not None and has_change and self.job.trouble.changes[0].waits_for_card:
                words, icon_name = self.job.trouble.changes[0].text, "hourglass"
            self.fix = Button(words, self, kind="primary" if has_change else "secondary", icon_name=icon_name)
            if self.job.trouble is not None and has_change:
                self.fix.setToolTip(texts.change_words(self.job.trouble.changes[0], self.job))
            self.fix.setAccessibleName(f"{words}: {title}")
            self.fix.clicked.connect(self._on_fix)
            row.addWidget(self.fix)
        if _MENUS[state]:
            self.more = Button("", self, kind="icon", icon_name="ellipsis", name=tr("More for {title}", title=title))
            self.more.setToolTip(tr("More"))
            self.more.clicked.connect(self.open_menu)
            row.addWidget(self.more)

    def _build_details(self, parent: QWidget) -> QWidget:
        self.card = ErrorCard(self._error_text(self.job), parent)
        self.card.setProperty("surface", "inset")
        self.card.retry_requested.connect(self._on_retry)
        self.card.offer_requested.connect(self._on_offer)
        return self.card

    # What is done with it --------------------------------------------------------------------------------------------

    @Slot()
    def open_menu(self) -> None:
        """Show what else can be done with it."""
        if self.more is None:
            return
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = QMenu(self)
        for deed in _MENUS[self.job.state]:
            keys = f"\t{shown_keys(_SHORTCUTS[deed])}" if deed in _SHORTCUTS else ""
            action = self.menu.addAction(f"{tr(_NAMES[deed])}{keys}")
            action.setData(deed.value)
        self.menu.triggered.connect(self._on_menu)
        self.menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height() + 2)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Alt and an arrow move it; Delete removes it; the menu key opens its menu."""
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        deed = _KEYS.get(Qt.Key(event.key())) if alt else None
        if event.key() == Qt.Key.Key_Delete and Deed.REMOVE in _MENUS[self.job.state]:
            deed = Deed.REMOVE
        if deed is not None and deed in _MENUS[self.job.state]:
            self.asked.emit(deed, self.job.job_id)
        elif event.key() == Qt.Key.Key_Menu:
            self.open_menu()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A drag may begin."""
        super().mousePressEvent(event)
        if event.button() is Qt.MouseButton.LeftButton and self.job.state.waits:
            self._pressed_at = event.globalPosition().toPoint()
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """It is dragged."""
        super().mouseMoveEvent(event)
        if self._pressed_at is None:
            return
        at = event.globalPosition().toPoint()
        if not self._is_dragged:
            if (at - self._pressed_at).manhattanLength() < QApplication.startDragDistance():
                return
            self._is_dragged = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.lifted.emit(self.job.job_id)
        self.dragged.emit(self.job.job_id, at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """It is let go."""
        super().mouseReleaseEvent(event)
        was_dragged = self._is_dragged
        self._end_drag()
        if was_dragged:
            self.dropped.emit(self.job.job_id, event.globalPosition().toPoint())

    def give_up_drag(self) -> None:
        """Let it lie where it was."""
        if self._is_dragged:
            self._end_drag()
            self.drag_given_up.emit(self.job.job_id)

    def _end_drag(self) -> None:
        self._pressed_at = None
        self._is_dragged = False
        self.unsetCursor()

    @Slot()
    def _on_stop(self) -> None:
        self.asked.emit(Deed.STOP, self.job.job_id)

    @Slot()
    def _on_pause(self) -> None:
        self.asked.emit(Deed.PAUSE, self.job.job_id)

    @Slot()
    def _on_fix(self) -> None:
        told = self.job.trouble
        if told is not None and told.changes:
            self.change_chosen.emit(self.job.job_id, told.changes[0])
        else:
            self._on_retry()

    @Slot()
    def _on_retry(self) -> None:
        self.asked.emit(Deed.RETRY, self.job.job_id)

    @Slot(object)
    def _on_offer(self, change: object) -> None:
        self.change_chosen.emit(self.job.job_id, change)

    @Slot(object)
    def _on_menu(self, action: object) -> None:
        self.asked.emit(Deed(action.data()), self.job.job_id)  # type: ignore[attr-defined]
