"""Videos into the trash and out of it, and those whose files are missing."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog

from wan_desktop.core.video_library import VIDEO_ENDINGS, VideoState
from wan_desktop.core.words import tr, trn
from wan_desktop.ui.library.deeds import Deed
from wan_desktop.ui.library.trash_dialog import TrashDialog
from wan_desktop.ui.shortcuts import Action, tip

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.video_library import TrashedVideo, VideoEntry
    from wan_desktop.ui.library.chosen import Chosen
    from wan_desktop.ui.library.grid import VideoGrid
    from wan_desktop.ui.library.messages import MessageArea
    from wan_desktop.ui.live.messages import Message
    from wan_desktop.ui.session import Session


class Removals(QObject):
    """Takes videos away and brings them back.

    Args:
        session: Its library is asked to; its messages offer to undo it.
        chosen: With which videos.
        grid: Selects what is back.
        messages: Say what came of it.
        window: Over which questions are asked.
    """

    failed = Signal(object)
    """A WanError, after the files were let go of."""

    def __init__(
        self, session: Session, chosen: Chosen, grid: VideoGrid, messages: MessageArea, window: QWidget
    ) -> None:
        super().__init__(window)
        self._library = session.library
        self._told = session.messages
        self._chosen = chosen
        self._grid = grid
        self._messages = messages
        self._window = window
        self._deleted: Message | None = None
        """Of what was deleted last."""

    def all(self) -> dict[Deed, Callable[[], None]]:
        """What does which deed."""
        return {Deed.DELETE: self._delete, Deed.FIND: self._find, Deed.REMOVE: self._remove}

    @Slot()
    def undo(self) -> None:
        """Put back what was deleted last."""
        if self._deleted is not None:
            self._told.act(self._deleted)

    @Slot()
    def show_trash(self) -> None:
        """Offer what can be put back."""
        self._library.trash(self._on_trash)

    # The trash -----------------------------------------------------------------------------------------------------

    def _delete(self) -> None:
        missing = {entry.video_id for entry in self._chosen.entries if entry.state == VideoState.MISSING}
        there = [video_id for video_id in self._chosen.ids if video_id not in missing]
        if there:
            self._chosen.release()
            self._library.delete(there, self._on_deleted, self._on_failed)
        elif missing:
            self._messages.say("info", tr("The file is not there."), tr("Find it, or remove its entry."))

    def _on_deleted(self, deleted: list[TrashedVideo]) -> None:
        ids = [video.video_id for video in deleted]
        self._grid.pick([video_id for video_id in self._grid.picked_ids if video_id not in ids])
        if len(deleted) == 1:
            title = tr("“{title}” is in the trash.", title=deleted[0].title)
        else:
            title = trn("{count} video is in the trash.", "{count} videos are in the trash.", len(deleted))
        undo = functools.partial(self._library.put_back, ids, self._on_put_back, self._told.say_error)
        words, action = tr("It is kept there for 7 days."), tip(tr("Undo"), Action.UNDO)
        self._deleted = self._told.say("info", title, words, (action, undo))

    def _on_put_back(self, entries: list[VideoEntry]) -> None:
        self._grid.pick([entry.video_id for entry in entries])

    def _on_trash(self, videos: list[TrashedVideo]) -> None:
        dialog = TrashDialog(videos, self._window)
        dialog.put_back_wanted.connect(self._on_put_back_wanted)
        dialog.open()

    @Slot(list)
    def _on_put_back_wanted(self, video_ids: list[int]) -> None:
        self._library.put_back(video_ids, self._on_put_back)

    def _on_failed(self, error: WanError) -> None:
        self.failed.emit(error)

    # Missing files -------------------------------------------------------------------------------------------------

    def _find(self) -> None:
        entry = self._chosen.entry
        if entry is None:
            return
        title, start = tr("Where is “{name}”?", name=entry.path.name), str(self._library.folders()[0])
        dialog = QFileDialog(self._window, title, start)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(tr("Videos ({endings})", endings=" ".join(f"*{ending}" for ending in VIDEO_ENDINGS)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(functools.partial(self._on_place, entry.video_id))
        dialog.open()

    def _on_place(self, video_id: int, place: str) -> None:
        self._library.find(video_id, Path(place), self._on_found)

    def _on_found(self, entry: VideoEntry) -> None:
        self._grid.pick([entry.video_id])
        self._messages.say("ok", tr("The video is found again."), str(entry.path))

    def _remove(self) -> None:
        if self._chosen.entry is not None:
            self._library.remove([self._chosen.entry.video_id], self._on_removed)

    def _on_removed(self, _none: None) -> None:
        self._grid.pick([])
        self._messages.say("ok", tr("The entry is removed."), tr("If the file comes back, it is listed again."))
