"""What can be done with a video that was just made, beyond making another: its file, its last picture, its library."""

from __future__ import annotations

import functools
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, QUrl, Signal
from PySide6.QtGui import QGuiApplication, QImage

from wan_desktop.core.errors import VideoUnreadableError
from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.words import tr
from wan_desktop.ui.page import CompareTarget, PageId, VideoTarget

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.core.video_library import TrashedVideo, VideoEntry
    from wan_desktop.ui.create.stage import Stage
    from wan_desktop.ui.session import Session


class FinishedDeed(StrEnum):
    """A button below the finished video."""

    COPY_FILE = "copy-file"
    LAST_FRAME = "last-frame"
    COMPARE = "compare"
    SHOW = "show"
    DELETE = "delete"


class FinishedDeeds(QObject):
    """Does what the buttons ask for.

    Args:
        session: Its lanes and its library.
        stage: Shows the video.
        parent: Its parent.
    """

    page_requested = Signal(object, object)
    """A PageId, and what that page is to show."""
    start_image_wanted = Signal(QImage)
    """The last picture of the video is to begin another one."""

    def __init__(self, session: Session, stage: Stage, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._stage = stage
        self._messages = stage.messages
        stage.deed_requested.connect(self._on_deed)

    @property
    def _path(self) -> Path | None:
        finished = self._stage.finished
        return finished.done.result.path if finished is not None and finished.done is not None else None

    def _on_deed(self, deed: str) -> None:
        path = self._path
        if path is None:
            return
        match FinishedDeed(deed):
            case FinishedDeed.COPY_FILE:
                self._copy(path)
            case FinishedDeed.LAST_FRAME:
                self._take_last_frame(path)
            case FinishedDeed.COMPARE:
                self.page_requested.emit(PageId.LIBRARY, CompareTarget(path))
            case FinishedDeed.SHOW:
                self.page_requested.emit(PageId.LIBRARY, VideoTarget(path))
            case FinishedDeed.DELETE:
                self._stage.close_clip()  # on Windows, a file that is open cannot be moved
                self._session.library.delete_file(path, self._on_deleted, self._on_not_deleted)

    def _copy(self, path: Path) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        QGuiApplication.clipboard().setMimeData(data)
        self._messages.say("ok", tr("The file is copied."), tr("Paste it in a folder or a message."))

    def _take_last_frame(self, path: Path) -> None:
        self._session.submit("Take the last picture", Lane.FILES, _LastFrame(path), self._on_last_frame)

    def _on_last_frame(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self._messages.say_error(snapshot.error)
        elif snapshot.state == JobState.DONE:
            self.start_image_wanted.emit(snapshot.result)

    def _on_deleted(self, deleted: list[TrashedVideo]) -> None:
        self._stage.show_empty()
        messages, ids = self._session.messages, [video.video_id for video in deleted]
        undo = functools.partial(self._session.library.put_back, ids, self._on_put_back, messages.say_error)
        title, words = tr("The video is in the trash."), tr("It is kept there for 7 days.")
        messages.say("info", title, words, (tr("Undo"), undo))

    def _on_not_deleted(self, error: WanError) -> None:
        self._messages.say_error(error)
        finished = self._stage.finished
        if finished is not None and finished.done is not None:
            finished.player.open(finished.done.result.path)

    def _on_put_back(self, entries: list[VideoEntry]) -> None:
        self.page_requested.emit(PageId.LIBRARY, entries[0].video_id)


class _LastFrame:
    """Work for the files lane: the last picture of a video."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, _context: JobContext) -> QImage:
        """Decode it.

        Raises:
            VideoUnreadableError: It cannot be decoded.
        """
        from wan_desktop.ui.widgets.frame_reader import ClipDecoder, ClipError  # noqa: PLC0415 - on the lane

        try:
            decoder = ClipDecoder(self._path)
            try:
                return decoder.frame(decoder.clip.frames - 1)
            finally:
                decoder.close()
        except ClipError as error:
            raise VideoUnreadableError(
                tr("The last picture cannot be read. {reason}.", reason=error), hint=tr("Choose a start image instead.")
            ) from error
