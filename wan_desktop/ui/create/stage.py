"""The right side of the page: nothing yet, a render on its way, a finished video, or what went wrong.

Only the empty state is made at the start; the others are made when they are needed first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.theme import look
from wan_desktop.ui.turns import next_turn
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label

if TYPE_CHECKING:
    from PySide6.QtCore import QSize
    from PySide6.QtGui import QResizeEvent

    from wan_desktop.core.render_progress import PauseState
    from wan_desktop.ui.create.finished_view import FinishedView
    from wan_desktop.ui.create.progress_view import ProgressView
    from wan_desktop.ui.create.rendering import RenderDone, RenderView
    from wan_desktop.ui.library.messages import MessageArea
    from wan_desktop.ui.library.recent_strip import RecentStrip
    from wan_desktop.ui.live.library import LiveLibrary
    from wan_desktop.ui.widgets.elided_button import ElidedButton
    from wan_desktop.ui.widgets.error_card import ErrorCard, ErrorOffer, ErrorText

_RENDER_TOPIC = "render"  # as in `progress_view`, which is not imported at the start
_RECENT_FROM_PX = 690
"""In a lower stage the newest videos are not shown."""


class EmptyState(QWidget):
    """Says what will be here, and offers examples."""

    example_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.samples: tuple[str, ...] = ()
        self._next = 0
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(8)
        self._layout.addStretch(2)
        self.icon = IconLabel("clapperboard", "text3", 48, self)
        self._layout.addWidget(self.icon)
        self._layout.addSpacing(8)
        self.title = label(tr(text.EMPTY_TITLE), self, role="section", wrap=True)
        self.words = label(tr(text.EMPTY_TEXT), self, role="soft", wrap=True)
        self.chips: list[ElidedButton] = []
        for widget in (self.icon, self.title, self.words):
            widget.setProperty("align", "center")
        self._layout.addWidget(self.title)
        self._layout.addWidget(self.words)
        self._layout.addSpacing(8)
        self._layout.addStretch(3)

    def show_samples(self, samples: tuple[str, ...]) -> None:
        """Offer these prompts."""
        if not samples or self.samples:
            return
        self.samples = samples
        self.example = Button(tr("Show me an example"), self, icon_name="wand-sparkles")
        self.example.clicked.connect(self._on_example)
        self._add_row(self.example)
        self._layout.insertSpacing(self._layout.count() - 1, 8)
        next_turn(self, self._add_chips)  # in a turn of its own, as the form is made in this one

    def _add_chips(self) -> None:
        from wan_desktop.ui.widgets.elided_button import ElidedButton  # noqa: PLC0415 - after the first paint

        for sample in self.samples:
            chip = ElidedButton(sample, self)
            chip.setAccessibleName(tr("Example: {prompt}", prompt=sample))
            chip.clicked.connect(self._on_chip)
            self.chips.append(chip)
            self._add_row(chip)
        self._show_what_fits()

    def _add_row(self, widget: QWidget) -> None:
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(widget)
        row.addStretch(1)
        self._layout.insertLayout(self._layout.count() - 1, row)

    @Slot()
    def _on_example(self) -> None:
        self.example_chosen.emit(self.samples[self._next % len(self.samples)])
        self._next += 1

    @Slot()
    def _on_chip(self) -> None:
        sender = self.sender()
        for chip in self.chips:
            if chip is sender:
                self.example_chosen.emit(chip.words)

    def minimumSizeHint(self) -> QSize:
        """Without examples, which are shown as far as there is room."""
        hint = super().minimumSizeHint()
        hint.setHeight(self._height_without_chips())
        return hint

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many examples as there is room for."""
        super().resizeEvent(event)
        self._show_what_fits()

    def _height_without_chips(self) -> int:
        width = self.width()
        labels = sum(widget.heightForWidth(width) for widget in (self.title, self.words))
        button = self.example.sizeHint().height() if self.samples else 0
        return labels + self.icon.sizeHint().height() + button + 10 * self._layout.spacing()

    def _show_what_fits(self) -> None:
        left = self.height() - self._height_without_chips()
        for chip in self.chips:
            left -= chip.sizeHint().height() + self._layout.spacing()
            chip.setVisible(left >= 0)


class Stage(QFrame):
    """Shows one of the four."""

    example_chosen = Signal(str)
    stop_requested = Signal()
    pause_requested = Signal()
    retry_requested = Signal()
    offer_requested = Signal(object)
    """The value of an ErrorOffer."""
    variation_requested = Signal()
    reuse_requested = Signal()
    unplayable = Signal(str)
    percent_changed = Signal(object)
    deed_requested = Signal(str)
    """A FinishedDeed, for the finished video."""
    library_requested = Signal(object)
    """The id of a video to be shown there; None: only the library."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("stage")
        self.recent: RecentStrip | None = None
        self._messages: MessageArea | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 14, 24, 20)
        layout.setSpacing(10)
        layout.addWidget(label(tr("Create"), self, role="title"))
        self.stack = QStackedWidget(self)
        layout.addWidget(self.stack, 1)
        self.empty = EmptyState(self)
        self.empty.example_chosen.connect(self.example_chosen)
        self.stack.addWidget(self.empty)
        self.progress: ProgressView | None = None
        self.finished: FinishedView | None = None
        self.error: ErrorCard | None = None
        self._error_page: QScrollArea | None = None

    def show_recent(self, library: LiveLibrary) -> None:
        """Show the newest videos at the bottom, as long as there are some and there is room."""
        from wan_desktop.ui.library.recent_strip import RecentStrip  # noqa: PLC0415 - after the first paint

        self.recent = RecentStrip(library, self)
        self.recent.hide()
        self.recent.filled.connect(self._fit_recent)
        self.recent.video_chosen.connect(self.library_requested)
        self.recent.library_requested.connect(self._on_library)
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.addWidget(self.recent)

    @property
    def messages(self) -> MessageArea:
        """Below the headline: what was done with a finished video."""
        if self._messages is None:
            from wan_desktop.ui.library.messages import MessageArea  # noqa: PLC0415 - after the first paint

            layout = self.layout()
            assert isinstance(layout, QVBoxLayout)
            self._messages = MessageArea(self)
            layout.insertWidget(1, self._messages)
        return self._messages

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the newest videos would leave no room for the video."""
        super().resizeEvent(event)
        self._fit_recent()

    @Slot()
    def _fit_recent(self) -> None:
        if self.recent is not None:
            self.recent.setVisible(not self.recent.is_empty and self.height() >= look().px(_RECENT_FROM_PX))

    @Slot()
    def _on_library(self) -> None:
        self.library_requested.emit(None)

    def show_empty(self) -> None:
        """Nothing is there."""
        self._leave()
        self.stack.setCurrentWidget(self.empty)

    def begin(self, width: int, height: int) -> None:
        """A render was started."""
        self._leave()
        if self.progress is None:
            from wan_desktop.ui.create.progress_view import ProgressView  # noqa: PLC0415 - not needed at the start

            self.progress = ProgressView(self)
            self.progress.stop_requested.connect(self.stop_requested)
            self.progress.pause_requested.connect(self.pause_requested)
            self.progress.percent_changed.connect(self.percent_changed)
            self.stack.addWidget(self.progress)
        self.progress.begin(width, height)
        self.stack.setCurrentWidget(self.progress)
        next_turn(self, self._make_finished)  # now, as at the end there is enough to do

    def show_view(self, view: RenderView) -> None:
        """The render is now like this."""
        if self.progress is not None:
            self.progress.show_view(view)

    def show_pause(self, state: PauseState, *, can_toggle: bool) -> None:
        """The render waits or goes on, as the user wants, and whether that can be changed now."""
        if self.progress is not None:
            self.progress.show_pause(state, can_toggle=can_toggle)

    def show_stopping(self) -> None:
        """The render was asked to stop."""
        if self.progress is not None:
            self.progress.show_stopping()

    def show_done(self, done: RenderDone) -> None:
        """The video is there."""
        self._leave()
        finished = self._make_finished()
        finished.show_done(done)
        self.stack.setCurrentWidget(finished)
        request = done.settled.request
        if self.isVisible():  # else a toast tells it
            seconds = f"{request.num_frames / request.fps:.0f}"
            announce(self, tr("Video ready, {seconds} seconds", seconds=seconds), assertive=True, topic=_RENDER_TOPIC)

    def _make_finished(self) -> FinishedView:
        if self.finished is None:
            from wan_desktop.ui.create.finished_view import FinishedView  # noqa: PLC0415 - not needed at the start

            self.finished = FinishedView(self)
            self.finished.variation_requested.connect(self.variation_requested)
            self.finished.reuse_requested.connect(self.reuse_requested)
            self.finished.unplayable.connect(self.unplayable)
            self.finished.deed_requested.connect(self.deed_requested)
            self.stack.addWidget(self.finished)
        return self.finished

    def show_error(self, words: ErrorText) -> None:
        """Something went wrong."""
        from wan_desktop.core.announcements import sentences  # noqa: PLC0415 - not needed at the start
        from wan_desktop.ui.widgets.error_card import ErrorCard  # noqa: PLC0415 - not needed at the start

        self._leave()
        page = QFrame()
        page.setObjectName("page")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        self.error = ErrorCard(words, page)
        self.error.retry_requested.connect(self.retry_requested)
        self.error.offer_requested.connect(self.offer_requested)
        layout.addWidget(self.error)
        layout.addStretch(1)
        self._error_page = QScrollArea(self)
        self._error_page.setWidgetResizable(True)
        self._error_page.setWidget(page)
        self.stack.addWidget(self._error_page)
        self.stack.setCurrentWidget(self._error_page)
        if self.isVisible():  # else a toast tells it, or the queue
            best = words.offers[0].text if words.offers else ""
            announce(self, sentences(words.title, words.hint, best), assertive=True, topic=_RENDER_TOPIC)

    def show_offers(self, offers: tuple[ErrorOffer, ...]) -> None:
        """Offer what would help, unless the error is not shown any more."""
        if self.error is not None:
            self.error.show_offers(offers)
            if offers and self.isVisible():
                announce(self, tr("Recommended: {action}", action=offers[0].text))

    def close_clip(self) -> None:
        """Let go of the video file."""
        if self.finished is not None:
            self.finished.close_clip()

    def _leave(self) -> None:
        """Clean up what was shown."""
        if self.progress is not None and self.stack.currentWidget() is self.progress:
            self.progress.end()
        self.close_clip()
        if self._error_page is not None:
            self.stack.removeWidget(self._error_page)
            self._error_page.deleteLater()
            self._error_page = self.error = None
