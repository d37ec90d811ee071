"""Filters, the grid or what stands in its place, and the details beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.library.details import Details
from wan_desktop.ui.library.filters import FilterBar
from wan_desktop.ui.library.grid import VideoGrid
from wan_desktop.ui.page import PageId
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import label
from wan_desktop.ui.widgets.empty_state import EmptyPage
from wan_desktop.ui.widgets.error_card import ErrorCard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.ui.live.library import LiveLibrary
    from wan_desktop.ui.widgets.error_card import ErrorText

_WAIT_MS = 300
"""After that it is said that the list is being read."""
_SPLIT = (580, 420)


class Browse(QWidget):
    """Looks through the videos of a library.

    Args:
        library: Is asked.
        parent: Its parent.
    """

    page_wanted = Signal(object)
    """A PageId: there are no videos, and somebody wants to make one."""
    retry_requested = Signal()
    """The list could not be read, and is to be read again."""

    def __init__(self, library: LiveLibrary, parent: QWidget) -> None:
        super().__init__(parent)
        self.error_card: ErrorCard | None = None
        """Why there is no list; None if there is one."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.filters = FilterBar(self)
        layout.addWidget(self.filters)
        layout.addWidget(self._build_splitter(library), 1)
        self.filters.query_changed.connect(self.grid.search)
        self.grid.videos.answered.connect(self._on_answered)
        self.empty.action_requested.connect(self.page_wanted)
        self.no_match.action_requested.connect(self._on_clear)
        self._wait_timer = QTimer(self)
        self._wait_timer.setSingleShot(True)
        self._wait_timer.timeout.connect(self._on_waited)
        self._wait_timer.start(_WAIT_MS)

    def _build_splitter(self, library: LiveLibrary) -> QWidget:
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(12)
        self.left = self._build_left(library)
        self.details = Details(self.splitter)
        self.splitter.addWidget(self.left)
        self.splitter.addWidget(self.details)
        self.left.setMinimumWidth(look().px(230))
        self.details.setMinimumWidth(look().px(300))
        for index, share in enumerate(_SPLIT):
            self.splitter.setStretchFactor(index, share)
        self.splitter.setSizes(list(_SPLIT))
        return self.splitter

    def _build_left(self, library: LiveLibrary) -> QStackedWidget:
        left = QStackedWidget(self.splitter)
        self.grid = VideoGrid(library, left)
        self.waiting = label("", left, role="soft")
        self.waiting.setProperty("align", "center")
        self.empty = EmptyPage(
            "images",
            tr("No videos yet"),
            tr("Everything you make is kept here with its settings."),
            [(tr("Go to Create"), PageId.CREATE)],
            left,
        )
        self.no_match = EmptyPage("search", "", "", [(tr("Clear search"), "clear")], left)
        for widget in (self.waiting, self.grid, self.empty, self.no_match):
            left.addWidget(widget)
        return left

    @property
    def areas(self) -> Sequence[QWidget]:
        """Between which F6 moves the focus."""
        return (self.filters, self.left, self.details)

    def search_again(self) -> None:
        """Ask for what the filters say."""
        self.grid.search(self.filters.query())

    def focus_first(self) -> None:
        """Put the focus on the grid, where there is something to choose."""
        if self.left.currentWidget() is self.grid:
            self.grid.setFocus()
        elif self.left.currentWidget() is self.empty:
            self.empty.buttons[0].setFocus()
        else:
            self.filters.search.setFocus()

    def focus_search(self) -> None:
        """Go to the search field."""
        self.filters.search.setFocus()
        self.filters.search.selectAll()

    def release(self) -> None:
        """Let go of all files."""
        self.details.release()
        self.grid.release()

    def show_error(self, error: ErrorText) -> None:
        """There is no list: a card in its place."""
        self._drop_error()
        self.error_card = ErrorCard(error, self.left)
        self.error_card.retry_requested.connect(self.retry_requested)
        self.left.addWidget(self.error_card)
        self.left.setCurrentWidget(self.error_card)

    def _drop_error(self) -> None:
        if self.error_card is not None:
            self.left.removeWidget(self.error_card)
            self.error_card.deleteLater()
            self.error_card = None

    @Slot()
    def _on_waited(self) -> None:
        if self.grid.videos.total is None and self.error_card is None:
            self.waiting.setText(tr("Reading the list of videos"))

    @Slot()
    def _on_answered(self) -> None:
        self._drop_error()
        total = self.grid.videos.total or 0
        had_focus = self.grid.hasFocus()
        if total:
            self.left.setCurrentWidget(self.grid)
        elif self.filters.is_filtering:
            self._show_no_match()
        else:
            self.left.setCurrentWidget(self.empty)
        is_empty = self.left.currentWidget() is self.empty
        self.filters.setVisible(not is_empty)
        self.details.setVisible(not is_empty or self.details.recipe is not None)
        if had_focus and not total:
            self.focus_first()

    def _show_no_match(self) -> None:
        wanted = self.filters.query().text
        title = tr("No video matches “{words}”.", words=wanted) if wanted else tr("No video matches these filters.")
        self.no_match.title.setTextFormat(Qt.TextFormat.PlainText)
        self.no_match.title.setText(title)
        self.no_match.buttons[0].setText(tr("Clear search") if wanted else tr("Clear filters"))
        self.left.setCurrentWidget(self.no_match)

    @Slot()
    def _on_clear(self) -> None:
        self.filters.clear()
        self.filters.search.setFocus()
