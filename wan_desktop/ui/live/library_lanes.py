"""The index of videos on the lanes: opened before whatever is asked first, closed at the end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from wan_desktop.core.errors import JobCancelled, VideoLibraryDamagedError, WanError
from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.video_library import VideoLibrary

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.ui.session import Session


class LibraryLanes(QObject):
    """Asks the library of a session.

    Args:
        session: Its lanes and paths.
        tell: Is called after every change, from whichever thread made it.
        parent: Its parent.
    """

    trouble = Signal(object)
    """A WanError of which nobody else is told."""
    begun_anew = Signal()
    """The index was damaged, and knows nothing yet."""

    def __init__(self, session: Session, tell: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._tell = tell
        self._lock = threading.Lock()
        self._library: VideoLibrary | None = None
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """The index could be opened."""
        return self._library is not None

    def now(self) -> VideoLibrary:
        """The library, opened if need be; on a lane.

        Raises:
            VideoLibraryError: Its index can be neither read nor made.
            JobCancelled: The program is closing.
        """
        with self._lock:
            if self._is_closed:
                raise JobCancelled
            if self._library is None:
                library = VideoLibrary.open(self._session.paths)
                library.subscribe(self._tell)
                self._library = library
            return self._library

    def close(self) -> None:
        """Let go of the index; after the lanes have ended."""
        with self._lock:
            self._is_closed = True
            library, self._library = self._library, None
        if library is not None:
            library.close()

    def ask(
        self,
        title: str,
        work: Callable[[VideoLibrary], Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[WanError], object] | None,
    ) -> None:
        """Something that is quickly done."""
        self.do(title, Lane.FILES, lambda _: work(self.now()), done, failed)

    def do(
        self,
        title: str,
        lane: Lane,
        work: Callable[[JobContext], Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[WanError], object] | None,
    ) -> None:
        """Call `done` with what came of the work, or `failed` with a WanError."""

        def ended(snapshot: JobSnapshot) -> None:
            if snapshot.state == JobState.DONE and done is not None:
                done(snapshot.result)
            elif snapshot.error is not None:
                if isinstance(snapshot.error, VideoLibraryDamagedError):
                    self.begun_anew.emit()
                (failed or self.trouble.emit)(snapshot.error)

        self._session.submit(title, lane, work, ended)
