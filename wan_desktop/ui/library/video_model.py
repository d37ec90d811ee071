"""The rows of the grid: only parts that are looked at are fetched, so ten thousand videos cost no more than forty."""

from __future__ import annotations

import collections
import functools
import html
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from wan_desktop.core.video_library import VideoQuery
from wan_desktop.ui.library import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PySide6.QtCore import QObject

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.video_library import VideoEntry, VideoPage
    from wan_desktop.ui.live.library import LiveLibrary
    from wan_desktop.ui.live.small_pictures import SmallPicture

PART = 60
"""Rows that are fetched together."""
_PARTS_AT_ONCE = 10
_PICTURES_KEPT = 400
"""At 320 pixels a picture takes 230 kB."""
_TIP_CHARACTERS = 400


class Role(IntEnum):
    """What a row is asked for beyond what Qt knows."""

    ENTRY = Qt.ItemDataRole.UserRole + 1
    """A VideoEntry; None until it was fetched."""
    PICTURE = Qt.ItemDataRole.UserRole + 2
    """A SmallPicture; None until it was made."""


class VideoModel(QAbstractListModel):
    """What a search found.

    Args:
        library: Is asked.
        parent: Its parent.
    """

    answered = Signal()
    """How many there are is known, or known anew."""
    about_to_change = Signal()
    rows_renewed = Signal()
    """Rows may mean other videos now; what was selected must be looked for again."""
    rows_fetched = Signal()
    failed = Signal(object)
    """A WanError."""

    def __init__(self, library: LiveLibrary, parent: QObject) -> None:
        super().__init__(parent)
        self._library = library
        self._entries: dict[int, VideoEntry] = {}
        self._pictures: collections.OrderedDict[tuple[int, int, int], SmallPicture] = collections.OrderedDict()
        self._fresh: set[int] = set()
        self._wanted: list[int] = [0]
        self._needed: list[int] = []
        self._generation = 0
        self._begins_anew = True
        self._is_asking = False
        self._is_picturing = False
        self._seen_rows: range = range(0)
        self.query = VideoQuery()
        self.total: int | None = None
        """How many match; None until that is known."""

    def set_query(self, query: VideoQuery) -> None:
        """Search for something else."""
        self.query = query
        self._wanted, self._needed = [0], []
        self._renew(begins_anew=True)

    def reload(self, rows: Iterable[int] = ()) -> None:
        """Videos have changed; these rows are needed besides those that are seen."""
        self._needed = sorted({row // PART for row in rows})[:_PARTS_AT_ONCE]
        self._wanted = sorted({row // PART for row in self._seen_rows}) or [0]
        self._renew(begins_anew=False)

    def see(self, rows: range) -> None:
        """These rows are looked at: fetch what they show."""
        self._seen_rows = rows
        self._wanted = sorted({row // PART for row in rows}) or [0]
        self._fetch()
        self._fetch_pictures()

    def need(self, rows: Iterable[int]) -> None:
        """Fetch these rows, seen or not; `rows_fetched` is sent for each part."""
        self._needed = sorted({row // PART for row in rows})
        self._fetch()

    def entry(self, row: int) -> VideoEntry | None:
        """The video of that row, once it was fetched."""
        return self._entries.get(row)

    def row_of(self, video_id: int) -> int | None:
        """Where the video is, among the rows that were fetched."""
        return next((row for row, entry in self._entries.items() if entry.video_id == video_id), None)

    def picture(self, entry: VideoEntry) -> SmallPicture | None:
        """The video's small picture, once it was made."""
        return self._pictures.get(_picture_key(entry))

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        """How many match."""
        return 0 if parent is not None and parent.isValid() else self.total or 0

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a card shows."""
        entry = self._entries.get(index.row())
        if role == Role.ENTRY:
            return entry
        if entry is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return words.spoken(entry)
            case Qt.ItemDataRole.ToolTipRole:
                return f"<p>{html.escape(entry.prompt[:_TIP_CHARACTERS] or entry.title)}</p>"
            case Role.PICTURE:
                return self.picture(entry)
            case _:
                return None

    # Fetching ------------------------------------------------------------------------------------------------------

    def _renew(self, *, begins_anew: bool) -> None:
        self._generation += 1
        self._begins_anew = self._begins_anew or begins_anew
        self._fresh.clear()
        self._fetch()

    def _fetch(self) -> None:
        missing = [part for part in (*self._wanted, *self._needed) if part not in self._fresh]
        if self._is_asking or not missing:
            return
        self._is_asking = True
        self._library.pages(
            self.query,
            [part * PART for part in dict.fromkeys(missing[:_PARTS_AT_ONCE])],
            PART,
            functools.partial(self._on_pages, self._generation),
            self._on_failed,
        )

    def _on_pages(self, generation: int, pages: Sequence[VideoPage]) -> None:
        self._is_asking = False
        if generation != self._generation:
            self._fetch()
            return
        is_renewed = not self._fresh
        total = pages[-1].total
        if self._begins_anew or total != self.total:
            is_renewed = True
            self._replace_all(pages, total)
        else:
            self._replace(pages)
        self._fresh |= {page.offset // PART for page in pages}
        self.rows_fetched.emit()
        if is_renewed:
            self.answered.emit()
            self.rows_renewed.emit()
        self._fetch()
        self._fetch_pictures()

    def _replace_all(self, pages: Sequence[VideoPage], total: int) -> None:
        self.about_to_change.emit()
        self.beginResetModel()
        self._begins_anew = False
        self.total = total
        self._fresh.clear()
        self._entries = {page.offset + i: entry for page in pages for i, entry in enumerate(page.entries)}
        self.endResetModel()

    def _replace(self, pages: Sequence[VideoPage]) -> None:
        if not self._fresh:
            # Of another moment, and a video may be at two rows in them; what is wanted again is fetched again.
            kept = {page.offset // PART for page in pages}
            self._entries = {row: entry for row, entry in self._entries.items() if row // PART in kept}
        for page in pages:
            for i, entry in enumerate(page.entries):
                self._entries[page.offset + i] = entry
            if page.entries:
                self.dataChanged.emit(self.index(page.offset), self.index(page.offset + len(page.entries) - 1))

    def _on_failed(self, error: WanError) -> None:
        self._is_asking = False
        self.failed.emit(error)

    def _fetch_pictures(self) -> None:
        if self._is_picturing:
            return
        seen = (self._entries.get(row) for row in self._seen_rows)
        wanted = [entry for entry in seen if entry is not None and _picture_key(entry) not in self._pictures]
        if wanted:
            self._is_picturing = True
            keys = {entry.video_id: _picture_key(entry) for entry in wanted}
            self._library.thumbnails(wanted, functools.partial(self._on_pictures, keys), self._on_no_pictures)

    def _on_pictures(self, keys: dict[int, tuple[int, int, int]], made: dict[int, SmallPicture]) -> None:
        self._is_picturing = False
        self._keep(keys, made)
        self._fetch_pictures()

    def _on_no_pictures(self, _error: WanError) -> None:
        """The index cannot be read; the rows say so too, and asking again at once would not help."""
        self._is_picturing = False

    def _keep(self, keys: dict[int, tuple[int, int, int]], made: dict[int, SmallPicture]) -> None:
        for video_id, picture in made.items():
            self._pictures[keys[video_id]] = picture
            row = self.row_of(video_id)
            if row is not None:
                self.dataChanged.emit(self.index(row), self.index(row), [Role.PICTURE])
        while len(self._pictures) > max(_PICTURES_KEPT, len(self._seen_rows)):
            self._pictures.popitem(last=False)


def _picture_key(entry: VideoEntry) -> tuple[int, int, int]:
    """Changes whenever the picture may."""
    return entry.video_id, entry.mtime_ns, hash((entry.path, entry.state))
