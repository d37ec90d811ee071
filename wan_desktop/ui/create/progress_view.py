"""A render on its way: the live preview, the stages, the time left, Stop."""

from __future__ import annotations

import base64
import binascii
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.messages import Stage
from wan_desktop.core.render_progress import PauseState
from wan_desktop.core.stall_reasons import is_much_slower
from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.shortcuts import Action, tip
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label, surface
from wan_desktop.ui.widgets.picture import PictureView
from wan_desktop.ui.widgets.stage_tracker import StageCell, StageState, StageTracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QResizeEvent

    from wan_desktop.core.render_progress import RenderProgress
    from wan_desktop.core.render_queue import RenderEstimate
    from wan_desktop.ui.create.rendering import RenderView

RENDER_TOPIC = "render"
"""Of what is announced of a video that is being made: only the newest counts."""
_STALL_FACTOR = 4
_STALL_MINIMUM_S = 60.0
_PAUSE_SPOKEN = {
    PauseState.NONE: mark("The video goes on"),
    PauseState.ASKED: mark("The video pauses after this step"),
    PauseState.PAUSED: mark("The video is paused"),
}
_HEAD_MARGINS_PX = 34 + 20
"""Beside and between what stands in a line of the card."""
_STEPS_SHARE = (10, 90)
"""Percent at which the steps of the title's number begin and end; they are nearly all of the time."""


def percent_of(progress: RenderProgress) -> int:
    """How much of a render is done, as one number."""
    fraction = progress.done / progress.total if progress.total else 0.0
    begin, end = _STEPS_SHARE
    ranges = {
        Stage.LOAD_MODEL: (0, 6),
        Stage.READ_PROMPT: (6, 8),
        Stage.PREPARE_IMAGE: (8, begin),
        Stage.CREATE_FRAMES: (begin, end),
        Stage.BUILD_PICTURES: (end, 97),
        Stage.SAVE_VIDEO: (97, 99),
    }
    low, high = ranges[progress.stage]
    return round(low + fraction * (high - low))


class ProgressView(QWidget):
    """Shows a RenderView and lets time run on between two of them.

    Args:
        parent: Its parent.
        clock: Seconds; another one in tests.
    """

    stop_requested = Signal()
    pause_requested = Signal()
    """Let it wait, or go on."""
    percent_changed = Signal(object)
    """An int, or None when no render runs."""

    def __init__(self, parent: QWidget | None = None, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._view: RenderView | None = None
        self._preview = ""
        self._started = self._heard = self._stepped = clock()
        self._waits_until = 0.0
        self._reason = ""
        self._is_slow = self._slow_is_fine = False
        self._milestone = 0
        self._pause = PauseState.NONE
        self._build_ui()
        self._ticker = QTimer(self)
        self._ticker.setInterval(1000)
        self._ticker.timeout.connect(self.tick)

    def begin(self, width: int, height: int) -> None:
        """A render was started."""
        self._view, self._preview, self._milestone, self._waits_until = None, "", 0, 0.0
        self._is_slow = self._slow_is_fine = False
        self._started = self._heard = self._stepped = self._clock()
        self.picture.set_image(QImage())
        self.picture.set_shape(width, height)
        self.picture.waiting_text = tr("The preview appears with the first steps")
        self.headline.setText(tr("Starting"))
        self.step.setText("")
        self.left.setText(text.time_left(None))
        self._fit_card()
        self.facts.setText("")
        self.notes.hide()
        self.stall.hide()
        self.tracker.set_cells(())
        self.stop.setEnabled(True)
        self.stop.setText(tr("Stop"))
        self._pause = PauseState.NONE
        self._show_pause_button(can_toggle=False)
        announce(self, tr("Your video is being made."), topic=RENDER_TOPIC)
        self._ticker.start()
        self.percent_changed.emit(0)

    def end(self) -> None:
        """The render is over."""
        self._ticker.stop()
        self.percent_changed.emit(None)

    def show_stopping(self) -> None:
        """It was asked to stop and has not yet."""
        self.headline.setText(tr("Stopping"))
        self.step.setText("")
        self.left.setText("")
        self._fit_card()
        self.stall.hide()
        self.stop.setEnabled(False)
        self._show_pause_button(can_toggle=False)

    def show_pause(self, state: PauseState, *, can_toggle: bool) -> None:
        """Whether it waits because the user wants it to, and whether that can be changed now."""
        before, self._pause = self._pause, state
        self._show_pause_button(can_toggle=can_toggle and self.stop.isEnabled())
        if before is state or not self.stop.isEnabled():
            return
        self._stepped = self._heard = self._clock()  # no time of the pause counts as a standstill
        self.stall.hide()
        if self._view is not None and self._view.progress is not None:
            self.headline.setText(self._headline(self._view.progress))
            self._fit_card()
        announce(self, tr(_PAUSE_SPOKEN[state]), topic=RENDER_TOPIC)

    def know_reason(self, reason: str) -> None:
        """What would explain a standstill, in a sentence; empty where nothing is to be seen."""
        self._reason = reason
        self._show_reason()

    def show_view(self, view: RenderView) -> None:
        """Show how it is now."""
        before, self._view = self._view, view
        self._heard = self._clock()
        if before is None or _notice(before) != _notice(view):
            self._show_notes(view)
        if before is None:
            request = view.settled.request
            self.picture.set_shape(request.width, request.height)
        progress = view.progress
        if progress is None:
            return
        old = before.progress if before is not None else None
        if old is None or (old.stage, old.done, old.paused) != (progress.stage, progress.done, progress.paused):
            self._stepped = self._heard
            self._is_slow = not self._slow_is_fine and is_much_slower(progress, _estimate(view))
            if not self._is_slow or progress.paused:
                self.stall.hide()
            self._announce(old, progress)
            self.percent_changed.emit(percent_of(progress))
        self.headline.setText(self._headline(progress))
        self.step.setText(text.step_of(progress))
        self.tracker.set_cells(self._cells(view, progress))
        self._show_preview(progress.preview_jpeg_base64)
        self.tick()

    @Slot()
    def tick(self) -> None:
        """Let the clocks run on, and notice a standstill."""
        now = self._clock()
        progress = self._view.progress if self._view is not None else None
        if progress is None:
            self.facts.setText(tr("Running for {time}", time=text.duration(now - self._started)))
        else:
            since = 0.0 if progress.paused else now - self._heard
            left = None if progress.seconds_left is None else progress.seconds_left - since
            if left is None and progress.stage == Stage.SAVE_VIDEO:
                left = 0.0
            if self.stop.isEnabled():
                self.left.setText(text.time_left(left, slower=progress.slower_than_expected))
            self.facts.setText(text.render_facts(progress, progress.elapsed_s + since))
        self._fit_card()
        if progress is None or not progress.paused:
            self._look_for_stall(now, progress)

    def _look_for_stall(self, now: float, progress: RenderProgress | None) -> None:
        usual = progress.seconds_per_step if progress is not None and progress.seconds_per_step else 0.0
        limit = max(_STALL_MINIMUM_S, _STALL_FACTOR * usual)
        is_still = now - self._stepped > limit and now > self._waits_until
        if (is_still or self._is_slow) and self.stop.isEnabled() and self.stall.isHidden():
            self._show_reason()
            self.stall.show()
            announce(self, self.stall_words.text())

    def _show_reason(self) -> None:
        reason = self._reason or tr("Other programs may be using the memory.")
        if self._is_slow:
            self.stall_words.setText(tr("Rendering is much slower than expected. {reason}", reason=reason))
        else:
            self.stall_words.setText(tr("This takes longer than usual. {reason}", reason=reason))

    def _build_ui(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.picture = PictureView(tr("Live preview"), self, badge=tr("Live preview - low resolution"))
        layout.addWidget(self.picture, 1)
        self.notes = label("", self, role="note", wrap=True)
        self.notes.hide()
        layout.addWidget(self.notes)
        layout.addWidget(self._build_stall())
        layout.addWidget(self._build_card())

    def _build_card(self) -> QWidget:
        card = surface("card", self)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(8)
        self._top = top = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        top.setSpacing(10)
        self.headline = label("", card, role="section")
        self.step = label("", card, role="soft")
        self.left = label("", card, role="section")
        self._words = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for widget in (self.headline, self.step):
            self._words.addWidget(widget, 0, Qt.AlignmentFlag.AlignBaseline)
        top.addLayout(self._words)
        top.addStretch(1)
        top.addWidget(self.left, 0, Qt.AlignmentFlag.AlignBaseline)
        for widget in (self.headline, self.step, self.left):
            widget.setMinimumWidth(1)  # else the window could not become narrower than all three in a row
        layout.addLayout(top)
        self.tracker = StageTracker(card)
        layout.addWidget(self.tracker)
        self._foot = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self.facts = label("", card, role="value", wrap=True)
        self._foot.addWidget(self.facts, 1)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self.pause = Button(tr("Pause"), card, icon_name="pause")
        self.pause.clicked.connect(self.pause_requested)
        buttons.addWidget(self.pause)
        self.stop = Button(tr("Stop"), card, kind="danger", icon_name="square")
        self.stop.setToolTip(tip(tr("Stop"), Action.STOP))
        self.stop.clicked.connect(self.stop_requested)
        buttons.addWidget(self.stop)
        self._foot.addLayout(buttons)
        layout.addLayout(self._foot)
        return card

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put below each other what there is no room for side by side."""
        super().resizeEvent(event)
        self._fit_card()

    def _fit_card(self) -> None:
        headline, step, left = (widget.sizeHint().width() for widget in (self.headline, self.step, self.left))
        room = self.width() - _HEAD_MARGINS_PX
        row, column = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._words.setDirection(row if headline + step + left <= room else column)
        self._top.setDirection(row if headline + left <= room else column)
        facts = self.facts.fontMetrics().horizontalAdvance(self.facts.text())
        buttons = self.pause.sizeHint().width() + self.stop.sizeHint().width()
        self._foot.setDirection(row if facts + buttons <= room else column)

    def _build_stall(self) -> QWidget:
        self.stall = surface("warn", self)
        layout = QHBoxLayout(self.stall)
        layout.setContentsMargins(14, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(IconLabel("triangle-alert", "warn", 18, self.stall))
        self.stall_words = label("", self.stall, wrap=True)
        self._show_reason()
        layout.addWidget(self.stall_words, 1)
        self.wait = Button(tr("Wait"), self.stall)
        self.wait.clicked.connect(self._on_wait)
        stop = Button(tr("Stop"), self.stall, kind="danger", name=tr("Stop the stalled render"))
        stop.clicked.connect(self.stop_requested)
        layout.addWidget(self.wait)
        layout.addWidget(stop)
        self.stall.hide()
        return self.stall

    def _headline(self, progress: RenderProgress) -> str:
        if progress.paused:
            return tr("Paused")
        return tr("Pausing") if self._pause is PauseState.ASKED else text.stage_doing(progress.stage)

    def _show_pause_button(self, *, can_toggle: bool) -> None:
        waits = self._pause is not PauseState.NONE
        self.pause.setEnabled(can_toggle)
        self.pause.setText(tr("Go on") if waits else tr("Pause"))
        self.pause.setAccessibleName(tr("Let the video go on") if waits else tr("Pause this video"))
        self.pause.setToolTip(tip(tr("Go on") if waits else tr("Wait before the next step"), Action.PAUSE))
        self.pause.set_icon("play" if waits else "pause")

    def _show_notes(self, view: RenderView) -> None:
        notes = [adjustment.message for adjustment in view.settled.adjustments]
        notice = _notice(view)
        if notice:
            notes.append(notice)
            announce(self, notice)
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))

    def _show_preview(self, jpeg_base64: str) -> None:
        if jpeg_base64 and jpeg_base64 != self._preview:
            self._preview = jpeg_base64
            try:
                image = QImage.fromData(base64.b64decode(jpeg_base64))
            except binascii.Error:
                return
            if not image.isNull():
                self.picture.set_image(image)

    def _cells(self, view: RenderView, progress: RenderProgress) -> tuple[StageCell, ...]:
        has_image = view.settled.request.mode != GenerationMode.T2V
        stages = [stage for stage in Stage if stage != Stage.PREPARE_IMAGE or has_image]
        took = dict(progress.stage_seconds)
        now = list(Stage).index(progress.stage)
        return tuple(self._cell(stage, progress, list(Stage).index(stage) - now, took) for stage in stages)

    @staticmethod
    def _cell(stage: Stage, progress: RenderProgress, place: int, took: dict[Stage, float]) -> StageCell:
        name, weight = text.stage_name(stage), 2 if stage == Stage.CREATE_FRAMES else 1
        if place > 0:
            return StageCell(name, StageState.LATER, weight=weight)
        if place < 0:
            return StageCell(
                name, StageState.OVER, caption=text.duration(took[stage]) if stage in took else "", weight=weight
            )
        fraction = progress.done / progress.total if progress.total else 0.0
        return StageCell(name, StageState.NOW, fraction, text.step_of(progress), weight)

    def _announce(self, old: RenderProgress | None, new: RenderProgress) -> None:
        percent = percent_of(new)
        milestone = percent // 25 * 25
        words = ""
        if old is None or old.stage != new.stage:
            words = text.stage_doing(new.stage)
        elif milestone > self._milestone:
            words = tr("{number} percent", number=milestone)
        self._milestone = max(self._milestone, milestone)
        if words:
            announce(self, words, topic=RENDER_TOPIC)

    @Slot()
    def _on_wait(self) -> None:
        self.stall.hide()
        self._slow_is_fine, self._is_slow = self._slow_is_fine or self._is_slow, False
        self._waits_until = self._clock() + _STALL_MINIMUM_S


def _estimate(view: RenderView) -> RenderEstimate | None:
    return view.job.estimate if view.job is not None else None


def _notice(view: RenderView) -> str:
    return view.progress.notice if view.progress is not None else ""
