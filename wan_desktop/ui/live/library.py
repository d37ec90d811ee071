"""The finished videos as the window works with them: everything that touches the disk happens on a lane.

The index is opened on the lane of small things, before whatever is asked first; folders are read on the lane of long
reads. So questions never wait for a scan.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from wan_desktop.core.errors import JobCancelled, VideoLibraryDamagedError, WanError
from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.recipe import recipe_of
from wan_desktop.core.thumbnails import Thumbnails
from wan_desktop.core.video_library import VideoEntry, VideoLibrary, VideoQuery
from wan_desktop.ui.bridge import KeyBridge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wan_desktop.core.generation import GenerationResult
    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.core.recipe import Recipe
    from wan_desktop.core.settings import Settings
    from wan_desktop.core.video_library import (
        Choices,
        ScanProgress,
        ScanReport,
        StorageFigures,
        TrashedVideo,
        VideoPage,
    )
    from wan_desktop.ui.session import Session

logger = logging.getLogger(__name__)
_THUMBNAILS_BYTES = 500_000_000
"""What all small pictures may take: at some 10 kB each, room for tens of thousands of videos."""
_LOOK_MS = 5000
"""So often it is looked whether a folder that vanished is there again."""
_PIECE_S = 0.15
"""So long small pictures are made at once; what else waits for the lane waits no longer."""


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """The small picture of a video, or why there is none."""

    image: QImage
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FoundRecipe:
    """What a file of ours brings."""

    path: Path
    recipe: Recipe
    entry: VideoEntry | None
    """The video, if the library knows the file as one."""


class LiveLibrary(QObject):
    """The videos of this installation, for the window's thread.

    Whatever is asked calls `done` with what came of it, or `failed` with a WanError; without a `failed` of its own, the
    signal `trouble` is sent.

    Args:
        session: Whose lanes, settings and paths.
    """

    changed = Signal(object)
    """None: any video may be another now."""
    opened = Signal()
    failed_to_open = Signal(object)
    """A VideoLibraryError: the index can be neither read nor made."""
    scan_progressed = Signal(object)
    """A ScanProgress."""
    scanned = Signal(object)
    """A ScanReport."""
    trouble = Signal(object)
    """A WanError: something could not be done."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._lock = threading.Lock()
        self._library: VideoLibrary | None = None
        self._is_closed = self._is_begun = False
        self._scan_job = ""
        self._wants_scan = False
        self.error: WanError | None = None
        """Why the index could not be opened the last time; None if it could."""
        self.report: ScanReport | None = None
        """What the newest scan found."""
        self._folders = self.folders()
        self._bridge = KeyBridge(self)
        self._bridge.key_changed.connect(self._on_changed)
        session.job_changed.connect(self._on_job_changed)
        session.settings_changed.connect(self._on_settings_changed)
        # In the next turn of the event loop: what the window needs at its start goes before.
        self._begin_timer = QTimer(self)
        self._begin_timer.setSingleShot(True)
        self._begin_timer.timeout.connect(self.begin)
        if session.safe_reason is None:  # else when somebody wants to see videos
            self._begin_timer.start(0)
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.setInterval(_LOOK_MS)
        self._look_timer.timeout.connect(self._on_look)

    @property
    def is_open(self) -> bool:
        """The index could be opened."""
        return self._library is not None

    @property
    def scanning(self) -> bool:
        """The folders are being read."""
        return bool(self._scan_job)

    def folders(self) -> list[Path]:
        """Where videos are looked for; the first is where new ones go."""
        return [self._session.settings.videos_folder or self._session.paths.videos, self._session.paths.rescued]

    @Slot()
    def begin(self) -> None:
        """Open the index and read the folders, unless that was begun."""
        if not self._is_begun:
            self.open()

    @Slot()
    def open(self) -> None:
        """Open the index and read the folders, once more if need be."""
        self._is_begun = True
        self._session.submit("Open the library", Lane.FILES, lambda _: self._now(), self._on_opened)

    def close(self) -> None:
        """Let go of the index; after the lanes have ended."""
        self._look_timer.stop()
        self._bridge.close()
        with self._lock:
            self._is_closed = True
            library, self._library = self._library, None
        if library is not None:
            library.close()

    @Slot()
    def scan(self) -> None:
        """Read the folders, then empty the trash of what is old; once more if that runs already."""
        if self._scan_job:
            self._wants_scan = True
            return
        self._read_folders(everything=False)

    @Slot()
    def rebuild(self) -> None:
        """Open every file again, for a list that is not right; not while the folders are being read."""
        if not self._scan_job:
            self._read_folders(everything=True)

    def _read_folders(self, *, everything: bool) -> None:
        folders = self._folders = self.folders()
        thumbnails = self._session.paths.thumbnails

        def work(context: JobContext) -> ScanReport:
            library = self._now()
            report = (library.rebuild if everything else library.scan)(folders, context)
            library.empty_trash()
            Thumbnails(thumbnails).prune(_THUMBNAILS_BYTES)
            return report

        self._scan_job = self._session.submit("Read the videos", Lane.MODELS, work, self._on_scanned)

    # Questions -----------------------------------------------------------------------------------------------------

    def search(
        self,
        query: VideoQuery,
        offset: int,
        limit: int,
        done: Callable[[VideoPage], None],
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """One part of the videos that match."""
        self._ask("Search videos", lambda library: library.search(query, offset=offset, limit=limit), done, failed)

    def pages(
        self,
        query: VideoQuery,
        offsets: Sequence[int],
        limit: int,
        done: Callable[[list[VideoPage]], None],
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Several parts, all of the same moment or nearly so."""

        def work(library: VideoLibrary) -> list[VideoPage]:
            return [library.search(query, offset=offset, limit=limit) for offset in offsets]

        self._ask("Search videos", work, done, failed)

    def ids(
        self,
        query: VideoQuery,
        done: Callable[[list[int]], None],
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """The ids of all videos that match, in their order."""
        self._ask("Search videos", lambda library: library.ids(query), done, failed)

    def entry_of(
        self, path: Path, done: Callable[[VideoEntry], None], failed: Callable[[WanError], object] | None = None
    ) -> None:
        """The video of that file, whether or not it is known yet."""
        self._ask("Look at a video", lambda library: library.entry_of(path), done, failed)

    def entry(
        self, video_id: int, done: Callable[[VideoEntry], None], failed: Callable[[WanError], object] | None = None
    ) -> None:
        """One video."""
        self._ask("Look at a video", lambda library: library.entry(video_id), done, failed)

    def frames(self, video_id: int, done: Callable[[Path | None], None]) -> None:
        """The folder with the video's frames, if it has one."""
        self._ask("Look for frames", lambda library: library.frames(video_id), done, _note_nothing)

    def choices(self, done: Callable[[Choices], None]) -> None:
        """What can be filtered by."""
        self._ask("List what videos have", lambda library: library.choices(), done, None)

    def storage(self, done: Callable[[StorageFigures], None]) -> None:
        """What all takes."""
        folder = self.folders()[0]
        self._ask("Measure the library", lambda library: library.storage(folder), done, None)

    def trash(self, done: Callable[[list[TrashedVideo]], None]) -> None:
        """What can be put back."""
        self._ask("List the trash", lambda library: library.trash(), done, None)

    def thumbnail(self, video_id: int, done: Callable[[SmallPicture], None]) -> None:
        """The small picture of a video, made if need be."""

        def work(library: VideoLibrary) -> SmallPicture:
            return _small_picture(library, library.entry(video_id))

        self._ask("Make a small picture", work, done, None)

    def thumbnails(
        self,
        entries: Sequence[VideoEntry],
        done: Callable[[dict[int, SmallPicture]], None],
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """The small pictures of the first few of these videos, as many as are made in a moment, by their ids."""
        wanted = list(entries)

        def work(library: VideoLibrary) -> dict[int, SmallPicture]:
            found: dict[int, SmallPicture] = {}
            begun_s = time.monotonic()
            for entry in wanted:
                found[entry.video_id] = _small_picture(library, entry)
                if time.monotonic() - begun_s > _PIECE_S:
                    break
            return found

        self._ask("Make small pictures", work, done, failed)

    def recipe(
        self, path: Path, done: Callable[[FoundRecipe], None], failed: Callable[[WanError], object] | None = None
    ) -> None:
        """The settings in a file, and its video if the library knows it."""

        def work(library: VideoLibrary) -> FoundRecipe:
            recipe = recipe_of(path)
            return FoundRecipe(path, recipe, library.entry_at(path))

        self._ask("Read the settings of a video", work, done, failed)

    # Deeds ---------------------------------------------------------------------------------------------------------

    def add(self, result: GenerationResult) -> None:
        """Take in a video that was just made; what cannot be taken in now is found by the next scan."""
        self._ask("Add a video", lambda library: library.add(result), None, _note_not_added)

    @Slot(object)
    def on_render_finished(self, done: Any) -> None:
        """Take in what a render made: a record with a GenerationResult as its `result`."""
        result = getattr(done, "result", None)
        if result is not None:
            self.add(result)

    @Slot(str, object)
    def on_queue_job_ended(self, _job_id: str, outcome: Any) -> None:
        """The same for a render of the queue, which may have ended otherwise."""
        self.on_render_finished(outcome)

    def rename(
        self,
        video_id: int,
        name: str,
        done: Callable[[VideoEntry], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Give the video and its file another name."""
        self._ask("Rename a video", lambda library: library.rename(video_id, name), done, failed)

    def set_favourite(self, video_ids: Sequence[int], favourite: bool) -> None:
        """Mark videos as favourites, or not."""
        ids = list(video_ids)
        self._ask("Mark videos", lambda library: library.set_favourite(ids, favourite), None, None)

    def set_tags(self, video_ids: Sequence[int], tags: Sequence[str]) -> None:
        """Give videos these tags in place of those they have."""
        ids, wanted = list(video_ids), list(tags)
        self._ask("Tag videos", lambda library: library.set_tags(ids, wanted), None, None)

    def delete(
        self,
        video_ids: Sequence[int],
        done: Callable[[list[TrashedVideo]], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Put videos into the trash."""
        ids = list(video_ids)
        self._ask("Delete videos", lambda library: library.delete(ids), done, failed)

    def delete_file(
        self,
        path: Path,
        done: Callable[[list[TrashedVideo]], None],
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Put the video of that file into the trash, whether or not it is known yet."""

        def work(library: VideoLibrary) -> list[TrashedVideo]:
            return library.delete([library.entry_of(path).video_id])

        self._ask("Delete a video", work, done, failed)

    def put_back(
        self,
        video_ids: Sequence[int],
        done: Callable[[list[VideoEntry]], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Take videos out of the trash."""
        ids = list(video_ids)
        self._ask("Put videos back", lambda library: library.put_back(ids), done, failed)

    def remove(self, video_ids: Sequence[int], done: Callable[[None], None] | None = None) -> None:
        """Forget videos whose files are missing."""
        ids = list(video_ids)
        self._ask("Forget missing videos", lambda library: library.remove(ids), done, None)

    def find(
        self,
        video_id: int,
        place: Path,
        done: Callable[[VideoEntry], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Tell where a missing video is: its file, or a folder to look through, which can take long."""
        self._do("Find a video", Lane.MODELS, lambda context: self._now().find(video_id, place, context), done, failed)

    def export(
        self,
        video_ids: Sequence[int],
        folder: Path,
        done: Callable[[list[Path]], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Copy videos into a folder, which can take long."""
        ids = list(video_ids)
        self._do("Copy videos", Lane.MODELS, lambda context: self._now().export(ids, folder, context), done, failed)

    # Inside --------------------------------------------------------------------------------------------------------

    def _now(self) -> VideoLibrary:
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
                library.subscribe(self._bridge.tell)
                self._library = library
            return self._library

    def _ask(
        self,
        title: str,
        work: Callable[[VideoLibrary], Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[WanError], object] | None,
    ) -> None:
        self._do(title, Lane.FILES, lambda _: work(self._now()), done, failed)

    def _do(
        self,
        title: str,
        lane: Lane,
        work: Callable[[JobContext], Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[WanError], object] | None,
    ) -> None:
        def ended(snapshot: JobSnapshot) -> None:
            if snapshot.state == JobState.DONE and done is not None:
                done(snapshot.result)
            elif snapshot.error is not None:
                if isinstance(snapshot.error, VideoLibraryDamagedError):
                    self.scan()  # the index was begun anew, and knows nothing yet
                (failed or self.trouble.emit)(snapshot.error)

        self._session.submit(title, lane, work, ended)

    def _on_opened(self, snapshot: JobSnapshot) -> None:
        self.error = snapshot.error
        if snapshot.error is not None:
            self.failed_to_open.emit(snapshot.error)
        elif snapshot.state == JobState.DONE:
            self.opened.emit()
            self.changed.emit(None)
            self.scan()

    def _on_scanned(self, snapshot: JobSnapshot) -> None:
        self._scan_job = ""
        if snapshot.state == JobState.CANCELLED:
            return
        if snapshot.error is not None:
            self.trouble.emit(snapshot.error)
        else:
            self.report = snapshot.result
            self.scanned.emit(snapshot.result)
            if self.report is not None and self.report.vanished:
                self._look_timer.start()
        if self._wants_scan:
            self._wants_scan = False
            self.scan()

    @Slot()
    def _on_look(self) -> None:
        """A folder was not there at the last scan: see whether its drive is connected again."""
        vanished = self.report.vanished if self.report is not None else ()
        if vanished and not self._scan_job:
            # On the lane of scans: a network drive that does not answer holds up whoever looks at it.
            look = functools.partial(_any_there, vanished)
            self._session.submit("Look for a folder", Lane.MODELS, look, self._on_looked)

    def _on_looked(self, snapshot: JobSnapshot) -> None:
        if snapshot.state == JobState.CANCELLED:
            return
        if snapshot.result:
            self.scan()
        else:
            self._look_timer.start()

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id == self._scan_job and snapshot.progress is not None and not snapshot.state.final:
            progress: ScanProgress = snapshot.progress
            self.scan_progressed.emit(progress)

    @Slot(str)
    def _on_changed(self, _key: str) -> None:
        self.changed.emit(None)

    @Slot(object)
    def _on_settings_changed(self, _settings: Settings) -> None:
        if self.folders() != self._folders:
            self.scan()


def _any_there(folders: Sequence[Path], _context: JobContext) -> bool:
    return any(folder.is_dir() for folder in folders)


def _note_nothing(_error: WanError) -> None:
    """What is shown of the video says what is the matter."""


def _note_not_added(error: WanError) -> None:
    logger.warning("A new video is not in the library yet: %s", error)


def _small_picture(library: VideoLibrary, entry: VideoEntry) -> SmallPicture:
    """The video's picture; that of a missing video if it was made before."""
    image = QImage(str(entry.thumbnail)) if entry.thumbnail is not None else QImage()
    if not image.isNull():
        return SmallPicture(image)
    try:
        made = library.thumbnail(entry.video_id)
    except WanError as error:
        return SmallPicture(image, error.message)
    return SmallPicture(QImage(str(made.path)) if made.path is not None else image, made.reason)
