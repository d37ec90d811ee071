"""The grid of videos: cards as wide as there is room, fetched and pictured while they are looked at."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QRectF,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QListView

from wan_desktop.core.video_library import VideoState
from wan_desktop.core.words import tr
from wan_desktop.ui.library.cards import CardAction, CardDelegate, CardPlaces, cell_size
from wan_desktop.ui.library.hover_player import HoverPlayer
from wan_desktop.ui.library.video_model import VideoModel

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QHideEvent, QKeyEvent, QMouseEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.video_library import VideoEntry, VideoQuery
    from wan_desktop.ui.live.library import LiveLibrary

_CHOOSING = (
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home),
    *(Qt.Key.Key_Return, Qt.Key.Key_Enter),
)
_SEE_MS = 30
"""So long after the last scroll it is looked which cards are seen."""


class VideoGrid(QListView):
    """Shows a VideoModel."""

    picked = Signal(list)
    """The ids of the videos that are selected, in the order of the rows."""
    card_pressed = Signal(str, object)
    """A CardAction and the VideoEntry whose button it was."""

    def __init__(self, library: LiveLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self.videos = VideoModel(library, self)
        self._cards = CardDelegate(self)
        self._picked: list[int] = []
        self._aim: int | None = None
        """The video that is scrolled to as soon as it is known where it is."""
        self._lacks = False
        self._scrolled_to: int | None = None
        self._goes_to_top = True
        self._is_restoring = False
        self._hover = HoverPlayer(self)
        self._hover.moved.connect(self._on_moved)
        self._see_timer = QTimer(self)
        self._see_timer.setSingleShot(True)
        self._see_timer.setInterval(_SEE_MS)
        self._see_timer.timeout.connect(self._on_see)
        self._prepare()
        self.setModel(self.videos)
        self.videos.about_to_change.connect(self._on_about_to_change)
        self.videos.rows_renewed.connect(self._on_rows_renewed)
        self.videos.rows_fetched.connect(self._on_rows_fetched)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.entered.connect(self._on_entered)
        self.viewportEntered.connect(self._on_left)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    def _prepare(self) -> None:
        self.setObjectName("videoGrid")
        self.setAccessibleName(tr("Videos"))
        self.setItemDelegate(self._cards)
        # In its list mode with line breaks the view computes places; its icon mode keeps a tree of them.
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setUniformItemSizes(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # else its coming changes the columns
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.verticalScrollBar().setSingleStep(40)

    @property
    def picked_ids(self) -> list[int]:
        """The videos that are selected."""
        return list(self._picked)

    @property
    def picked_entries(self) -> list[VideoEntry]:
        """The same, as far as they were fetched."""
        rows = (self.videos.row_of(video_id) for video_id in self._picked)
        found = (self.videos.entry(row) for row in rows if row is not None)
        return [entry for entry in found if entry is not None]

    @property
    def hovered_id(self) -> int | None:
        """The video that moves, or will in a moment."""
        return self._hover.video_id

    def pick(self, video_ids: list[int]) -> None:
        """Select these videos; those that were not fetched yet are selected once they are."""
        self._aim = None
        self._picked = list(video_ids)
        self._restore(scroll=True)
        self.picked.emit(self.picked_ids)

    def go_to(self, video_id: int) -> None:
        """Select that video, and scroll to it wherever it is among those that match."""
        self.pick([video_id])
        self._aim = video_id
        self._check()

    def search(self, query: VideoQuery) -> None:
        """Show what matches, from its beginning; of what is selected, what matches stays selected."""
        self._aim = None
        self._goes_to_top = True
        self.videos.set_query(query)

    def reload(self) -> None:
        """Videos have changed."""
        rows = [row for row in map(self.videos.row_of, self._picked) if row is not None]
        self.videos.reload(rows)
        if self._lacks:  # what is selected is still being asked for
            self.videos.need(self._selected_rows())

    def release(self) -> None:
        """Let go of all files."""
        self._hover.stop()
        self._cards.moving = None
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the cards fill the width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme and text size."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_cards"):
            self._fit()
            self.viewport().update()

    def hideEvent(self, event: QHideEvent) -> None:
        """Cost nothing while nobody sees it."""
        super().hideEvent(event)
        self.release()

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse is elsewhere."""
        super().leaveEvent(event)
        self._on_left()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on the button of a card whose file is missing."""
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton:
            self._press_card(event.position().toPoint())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """While nothing is chosen, the first key chooses the card that has the focus."""
        at, key = self.currentIndex(), Qt.Key(event.key())
        if self._picked or key not in _CHOOSING or event.modifiers() or not at.isValid():
            super().keyPressEvent(event)
            return
        self.selectionModel().select(at, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)

    def _press_card(self, point: QPoint) -> None:
        index = self.indexAt(point)
        entry = self.videos.entry(index.row()) if index.isValid() else None
        if entry is None or entry.state != VideoState.MISSING:
            return
        places = CardPlaces.of(QRectF(self.visualRect(index)))
        for action in CardAction:
            if places.button(action).contains(point):
                self.card_pressed.emit(action.value, entry)

    def _fit(self) -> None:
        cell = cell_size(max(1, self.viewport().width() - 1))
        if cell != self._cards.cell:
            self._cards.cell = cell
            self.setGridSize(cell)
        self._see_timer.start()

    def seen_rows(self) -> range:
        """The rows that are looked at, and a line above and below."""
        cell, total = self._cards.cell, self.videos.total or 0
        columns = max(1, (self.viewport().width() - 1) // cell.width())
        top = self.verticalScrollBar().value()
        first = max(0, top // cell.height() - 1) * columns
        last = ((top + self.viewport().height()) // cell.height() + 2) * columns
        return range(min(first, total), min(last, total))

    def _restore(self, *, scroll: bool = False) -> None:
        """Select what was selected, by the videos' ids."""
        rows = [row for row in map(self.videos.row_of, self._picked) if row is not None]
        selection = QItemSelection()
        for row in rows:
            selection.select(self.videos.index(row), self.videos.index(row))
        self._is_restoring = True
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flags.ClearAndSelect)
        if rows and self.currentIndex().row() not in rows:
            self.selectionModel().setCurrentIndex(self.videos.index(rows[0]), flags.NoUpdate)
        self._is_restoring = False
        if scroll and rows:
            self.scrollTo(self.videos.index(rows[0]))

    @Slot()
    def _on_see(self) -> None:
        self.videos.see(self.seen_rows())

    @Slot()
    def _on_scrolled(self) -> None:
        self._see_timer.start()
        self._on_left()

    @Slot()
    def _on_about_to_change(self) -> None:
        self._scrolled_to = 0 if self._goes_to_top else self.verticalScrollBar().value()
        self._goes_to_top = False
        self._is_restoring = True

    @Slot()
    def _on_rows_renewed(self) -> None:
        self._is_restoring = False
        if self._scrolled_to is not None:
            self.doItemsLayout()  # else it comes later, and would scroll again
            self.verticalScrollBar().setValue(self._scrolled_to)
            self._scrolled_to = None
        self._lacks = self._lacks and self.selectionModel().hasSelection()
        if not self._lacks:
            self._restore()
        self._see_timer.start()
        self._check()

    def _check(self) -> None:
        """Ask which of the selected videos are among those that match, and where the one is that is aimed at."""
        if self._picked:
            query = self.videos.query
            self._library.ids(query, functools.partial(self._on_ids, query), self._on_no_ids)

    def _on_ids(self, query: VideoQuery, found: list[int]) -> None:
        if query != self.videos.query:
            return  # what matches now is checked when it is there
        among = set(found)
        kept = [video_id for video_id in self._picked if video_id in among]
        if kept != self._picked:
            self._picked = kept
            self._restore()
            self.picked.emit(self.picked_ids)
        if self._aim in among:
            row = found.index(self._aim)
            if row < (self.videos.total or 0):  # else the rows are of a moment before, and are about to be renewed
                self.scrollTo(self.videos.index(row))
                self.videos.need([row])
                self._reach()
        else:
            self._aim = None

    def _on_no_ids(self, _error: WanError) -> None:
        """The index cannot be read; the rows say so too."""

    def _reach(self) -> None:
        """Scroll to what is aimed at, once its row was fetched."""
        if self._aim is not None and self.videos.row_of(self._aim) is not None:
            self._aim = None
            self._restore(scroll=True)

    @Slot()
    def _on_rows_fetched(self) -> None:
        if not self._is_restoring:  # else it is scrolled to the top afterwards, and checked again
            self._reach()
        if self._lacks:
            self._on_selection_changed()

    @Slot()
    def _on_selection_changed(self) -> None:
        if self._is_restoring:
            return
        self._aim = None
        rows = self._selected_rows()
        entries = [self.videos.entry(row) for row in rows]
        self._lacks = None in entries
        if self._lacks:  # as after Ctrl+A: which videos these are is asked first
            self.videos.need(rows)
            return
        self._picked = [entry.video_id for entry in entries if entry is not None]
        self.picked.emit(self.picked_ids)

    def _selected_rows(self) -> list[int]:
        return sorted(index.row() for index in self.selectionModel().selectedIndexes())

    @Slot(QModelIndex)
    def _on_entered(self, index: QModelIndex) -> None:
        entry = self.videos.entry(index.row())
        if entry is None or entry.state == VideoState.MISSING:
            self._on_left()
        else:
            if self._hover.video_id != entry.video_id:
                self._cards.moving = None
            self._hover.play(entry)

    @Slot()
    def _on_left(self) -> None:
        if self._hover.video_id is not None:
            self.release()

    @Slot(int, QImage)
    def _on_moved(self, video_id: int, image: QImage) -> None:
        self._cards.moving = (video_id, image)
        row = self.videos.row_of(video_id)
        if row is not None:
            self.update(self.videos.index(row))
