"""The finished videos as the window works with them: everything that touches the disk happens on a lane.

The index is opened on the lane of small things, before whatever is asked first; folders are read on the lane of long
reads. So questions never wait for a scan.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.recipe import recipe_of
from wan_desktop.ui.bridge import KeyBridge
from wan_desktop.ui.live.library_folders import LibraryFolders
from wan_desktop.ui.live.library_lanes import LibraryLanes
from wan_desktop.ui.live.small_pictures import small_picture, small_pictures
from wan_desktop.ui.turns import next_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.generation import GenerationResult
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.core.recipe import Recipe
    from wan_desktop.core.video_library import (
        Choices,
        ScanReport,
        StorageFigures,
        TrashedVideo,
        VideoEntry,
        VideoLibrary,
        VideoPage,
        VideoQuery,
    )
    from wan_desktop.ui.live.small_pictures import SmallPicture
    from wan_desktop.ui.session import Session

logger = logging.getLogger(__name__)

_ADD_AFTER_MS = 200
"""A finished video is shown first: taking it in is Python beside the window, and would make it pause."""


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
        self._is_begun = False
        self.error: WanError | None = None
        """Why the index could not be opened the last time; None if it could."""
        self._bridge = KeyBridge(self)
        self._bridge.key_changed.connect(self._on_changed)
        self._lanes = LibraryLanes(session, self._bridge.tell, self)
        self._lanes.trouble.connect(self.trouble)
        self._folders = LibraryFolders(session, self._lanes, self)
        self._folders.progressed.connect(self.scan_progressed)
        self._folders.scanned.connect(self.scanned)
        self._folders.trouble.connect(self.trouble)
        self._lanes.begun_anew.connect(self._folders.scan)
        if not session.waits and session.safe_reason is None:  # else when somebody wants to see videos
            next_turn(self, self.begin)  # what the window needs at its start goes before

    @property
    def is_open(self) -> bool:
        """The index could be opened."""
        return self._lanes.is_open

    @property
    def scanning(self) -> bool:
        """The folders are being read."""
        return self._folders.scanning

    @property
    def report(self) -> ScanReport | None:
        """What the newest scan found."""
        return self._folders.report

    def folders(self) -> list[Path]:
        """Where videos are looked for; the first is where new ones go."""
        return self._folders.paths()

    @Slot()
    def begin(self) -> None:
        """Open the index and read the folders, unless that was begun."""
        if not self._is_begun:
            self.open()

    @Slot()
    def open(self) -> None:
        """Open the index and read the folders, once more if need be."""
        self._is_begun = True
        self._session.submit("Open the library", Lane.FILES, lambda _: self._lanes.now(), self._on_opened)

    def close(self) -> None:
        """Let go of the index; after the lanes have ended."""
        self._folders.stop()
        self._bridge.close()
        self._lanes.close()

    @Slot()
    def scan(self) -> None:
        """Read the folders, then empty the trash of what is old; once more if that runs already."""
        self._folders.scan()

    @Slot()
    def rebuild(self) -> None:
        """Open every file again, for a list that is not right; not while the folders are being read."""
        self._folders.rebuild()

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
        self._lanes.ask(
            "Search videos", lambda library: library.search(query, offset=offset, limit=limit), done, failed
        )

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

        self._lanes.ask("Search videos", work, done, failed)

    def ids(
        self,
        query: VideoQuery,
        done: Callable[[list[int]], None],
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """The ids of all videos that match, in their order."""
        self._lanes.ask("Search videos", lambda library: library.ids(query), done, failed)

    def entry_of(
        self, path: Path, done: Callable[[VideoEntry], None], failed: Callable[[WanError], object] | None = None
    ) -> None:
        """The video of that file, whether or not it is known yet."""
        self._lanes.ask("Look at a video", lambda library: library.entry_of(path), done, failed)

    def entry(
        self, video_id: int, done: Callable[[VideoEntry], None], failed: Callable[[WanError], object] | None = None
    ) -> None:
        """One video."""
        self._lanes.ask("Look at a video", lambda library: library.entry(video_id), done, failed)

    def frames(self, video_id: int, done: Callable[[Path | None], None]) -> None:
        """The folder with the video's frames, if it has one."""
        self._lanes.ask("Look for frames", lambda library: library.frames(video_id), done, _note_nothing)

    def choices(self, done: Callable[[Choices], None]) -> None:
        """What can be filtered by."""
        self._lanes.ask("List what videos have", lambda library: library.choices(), done, None)

    def storage(self, done: Callable[[StorageFigures], None]) -> None:
        """What all takes."""
        folder = self.folders()[0]
        self._lanes.ask("Measure the library", lambda library: library.storage(folder), done, None)

    def trash(self, done: Callable[[list[TrashedVideo]], None]) -> None:
        """What can be put back."""
        self._lanes.ask("List the trash", lambda library: library.trash(), done, None)

    def thumbnail(self, video_id: int, done: Callable[[SmallPicture], None]) -> None:
        """The small picture of a video, made if need be."""

        def work(library: VideoLibrary) -> SmallPicture:
            return small_picture(library, library.entry(video_id))

        self._lanes.ask("Make a small picture", work, done, None)

    def thumbnails(
        self,
        entries: Sequence[VideoEntry],
        done: Callable[[dict[int, SmallPicture]], None],
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """The small pictures of the first few of these videos, as many as are made in a moment, by their ids."""
        wanted = list(entries)
        self._lanes.ask("Make small pictures", lambda library: small_pictures(library, wanted), done, failed)

    def recipe(
        self, path: Path, done: Callable[[FoundRecipe], None], failed: Callable[[WanError], object] | None = None
    ) -> None:
        """The settings in a file, and its video if the library knows it."""

        def work(library: VideoLibrary) -> FoundRecipe:
            recipe = recipe_of(path)
            return FoundRecipe(path, recipe, library.entry_at(path))

        self._lanes.ask("Read the settings of a video", work, done, failed)

    # Deeds ---------------------------------------------------------------------------------------------------------

    def add(self, result: GenerationResult) -> None:
        """Take in a video that was just made; what cannot be taken in now is found by the next scan."""
        self._lanes.ask("Add a video", lambda library: library.add(result), None, _note_not_added)

    @Slot(object)
    def on_render_finished(self, done: Any) -> None:
        """Take in what a render made: a record with a GenerationResult as its `result`."""
        result = getattr(done, "result", None)
        if result is not None:
            QTimer.singleShot(_ADD_AFTER_MS, self, lambda: self.add(result))

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
        self._lanes.ask("Rename a video", lambda library: library.rename(video_id, name), done, failed)

    def set_favourite(self, video_ids: Sequence[int], favourite: bool) -> None:
        """Mark videos as favourites, or not."""
        ids = list(video_ids)
        self._lanes.ask("Mark videos", lambda library: library.set_favourite(ids, favourite), None, None)

    def set_tags(self, video_ids: Sequence[int], tags: Sequence[str]) -> None:
        """Give videos these tags in place of those they have."""
        ids, wanted = list(video_ids), list(tags)
        self._lanes.ask("Tag videos", lambda library: library.set_tags(ids, wanted), None, None)

    def delete(
        self,
        video_ids: Sequence[int],
        done: Callable[[list[TrashedVideo]], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Put videos into the trash."""
        ids = list(video_ids)
        self._lanes.ask("Delete videos", lambda library: library.delete(ids), done, failed)

    def delete_file(
        self,
        path: Path,
        done: Callable[[list[TrashedVideo]], None],
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Put the video of that file into the trash, whether or not it is known yet."""

        def work(library: VideoLibrary) -> list[TrashedVideo]:
            return library.delete([library.entry_of(path).video_id])

        self._lanes.ask("Delete a video", work, done, failed)

    def put_back(
        self,
        video_ids: Sequence[int],
        done: Callable[[list[VideoEntry]], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Take videos out of the trash."""
        ids = list(video_ids)
        self._lanes.ask("Put videos back", lambda library: library.put_back(ids), done, failed)

    def remove(self, video_ids: Sequence[int], done: Callable[[None], None] | None = None) -> None:
        """Forget videos whose files are missing."""
        ids = list(video_ids)
        self._lanes.ask("Forget missing videos", lambda library: library.remove(ids), done, None)

    def find(
        self,
        video_id: int,
        place: Path,
        done: Callable[[VideoEntry], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Tell where a missing video is: its file, or a folder to look through, which can take long."""
        lanes = self._lanes
        lanes.do("Find a video", Lane.MODELS, lambda job: lanes.now().find(video_id, place, job), done, failed)

    def export(
        self,
        video_ids: Sequence[int],
        folder: Path,
        done: Callable[[list[Path]], None] | None = None,
        failed: Callable[[WanError], object] | None = None,
    ) -> None:
        """Copy videos into a folder, which can take long."""
        ids, lanes = list(video_ids), self._lanes
        lanes.do("Copy videos", Lane.MODELS, lambda job: lanes.now().export(ids, folder, job), done, failed)

    # Inside --------------------------------------------------------------------------------------------------------

    def _on_opened(self, snapshot: JobSnapshot) -> None:
        self.error = snapshot.error
        if snapshot.error is not None:
            self.failed_to_open.emit(snapshot.error)
        elif snapshot.state == JobState.DONE:
            self.opened.emit()
            self.changed.emit(None)
            self.scan()

    @Slot(str)
    def _on_changed(self, _key: str) -> None:
        self.changed.emit(None)


def _note_nothing(_error: WanError) -> None:
    """What is shown of the video says what is the matter."""


def _note_not_added(error: WanError) -> None:
    logger.warning("A new video is not in the library yet: %s", error)
