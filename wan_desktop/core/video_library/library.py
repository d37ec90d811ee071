"""The library: what a window asks and does with finished videos."""

import contextlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from sqlite3 import Connection

from wan_desktop.core.errors import VideoLibraryDamagedError, VideoMissingError
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.thumbnails import Thumbnail
from wan_desktop.core.video_library import export, index, places, queries
from wan_desktop.core.video_library.access import Access, Listener
from wan_desktop.core.video_library.bin import KEPT_S, Bin
from wan_desktop.core.video_library.entry import (
    Choices,
    ScanReport,
    StorageFigures,
    TrashedVideo,
    VideoEntry,
    VideoPage,
    VideoQuery,
    clean_tags,
)
from wan_desktop.core.video_library.missing import MissingVideos, facts_of
from wan_desktop.core.video_library.scan import Scan
from wan_desktop.core.words import mark, tr

_ALL = VideoQuery()


class VideoLibrary:
    """All videos that were made, known by an index that can be made anew from the files.

    For all threads: questions never wait for a scan. Nothing is deleted at once, and no file is ever overwritten.

    Args:
        file: The index, SQLite; made if it is not there, put aside and begun anew if it is damaged.
        thumbnails: The folder of small pictures.

    Raises:
        VideoLibraryError: The index can be neither read nor made.
    """

    def __init__(self, file: Path, thumbnails: Path) -> None:
        self._access = Access(file, thumbnails)
        self._database = self._access.database
        self._thumbnails = self._access.thumbnails
        self._bin = Bin(self._access)
        self._missing = MissingVideos(self._access)

    @classmethod
    def open(cls, paths: AppPaths) -> "VideoLibrary":
        """The library of this installation.

        Raises:
            VideoLibraryError: Its index can be neither read nor made.
        """
        return cls(paths.video_library_file, paths.thumbnails)

    def close(self) -> None:
        """Let go of the index."""
        self._database.close()

    @property
    def begun_anew(self) -> bool:
        """Whether the index was not there or damaged: the folders must be scanned before it knows all videos."""
        return self._database.begun_anew

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call the listener after every change, from whichever thread made it; it pulls what it shows.

        Returns:
            What ends that.
        """
        return self._access.subscribe(listener)

    # Questions -----------------------------------------------------------------------------------------------------

    def search(self, query: VideoQuery = _ALL, *, offset: int = 0, limit: int = 100) -> VideoPage:
        """One part of the videos that match.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            entries, total = queries.search(connection, query, max(0, offset), max(0, limit), self._thumbnails)
        return VideoPage(tuple(entries), max(0, offset), total)

    def ids(self, query: VideoQuery = _ALL) -> list[int]:
        """The ids of all videos that match, in their order.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            return queries.ids(connection, query)

    def entry(self, video_id: int) -> VideoEntry:
        """One video.

        Raises:
            VideoMissingError: The library has none of that id.
            VideoLibraryError: The index cannot be read.
        """
        return self._access.entry(video_id)

    def entry_at(self, path: Path) -> VideoEntry | None:
        """The video of that file, if the library knows it.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            video_id = queries.id_at(connection, path.absolute())
            if video_id is None:
                return None
            return next(queries.by_ids(connection, [video_id], self._thumbnails), None)

    def entry_of(self, path: Path) -> VideoEntry:
        """The video of that file, taken in if it is not known yet.

        Raises:
            VideoMissingError: It is not known, and the file is not there.
            VideoUnreadableError, FileBlockedError, VideoLibraryError: It cannot be taken in; see `add`.
        """
        known = self.entry_at(path)
        if known is None and not path.is_file():
            raise VideoMissingError(tr("{name} is not there.", name=path.name), hint=tr("It may be in the trash."))
        return known or self.add_file(path)

    def choices(self) -> Choices:
        """What videos can be filtered by.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            return queries.choices(connection)

    def storage(self, folder: Path) -> StorageFigures:
        """What all takes; may read many small files, so not for the window's thread.

        Args:
            folder: Where new videos go.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            videos, video_bytes, missing = connection.execute(
                "SELECT COUNT(*), COALESCE(SUM(CASE WHEN missing THEN 0 ELSE size_bytes END), 0), "
                "COALESCE(SUM(missing), 0) FROM videos WHERE trash_folder IS NULL"
            ).fetchone()
            deleted = queries.trashed(connection)
        free_bytes = None
        with contextlib.suppress(OSError):
            free_bytes = shutil.disk_usage(folder).free
        return StorageFigures(
            videos=videos,
            video_bytes=video_bytes,
            missing=missing,
            trashed=len(deleted),
            trash_bytes=sum(video.size_bytes for video in deleted),
            thumbnail_bytes=self._thumbnails.size_bytes(),
            free_bytes=free_bytes,
        )

    def thumbnail(self, video_id: int) -> Thumbnail:
        """The small picture of a video, made now if need be; not for the window's thread.

        Raises:
            VideoMissingError: The library has no such video.
            VideoLibraryError: The index cannot be read.
        """
        return self._thumbnails.get(self.entry(video_id).path)

    def frames(self, video_id: int) -> Path | None:
        """The folder with the video's frames as PNG pictures; None if there is none.

        Raises:
            VideoMissingError: The library has no such video.
            VideoLibraryError: The index cannot be read.
        """
        entry = self.entry(video_id)
        with contextlib.suppress(OSError):
            return places.frames_of(entry.path) if entry.has_recipe else None
        return None

    # Files into the index ------------------------------------------------------------------------------------------

    def add(self, result: GenerationResult) -> VideoEntry:
        """Take in a video that was just made, and make its small picture.

        Raises:
            VideoUnreadableError: The file is no video.
            FileBlockedError: The system does not let it be read now.
            VideoLibraryError: The index cannot be written.
        """
        return self.add_file(result.path)

    def add_file(self, path: Path) -> VideoEntry:
        """Take in a video wherever it lies, with a recipe or without; see `add`."""
        facts = facts_of(path.absolute())
        with self._access.writing() as connection:
            video_id, _ = index.put(connection, facts, self._access.marks.of(facts.recipe_id, facts.path))
        self._thumbnails.get(facts.path)
        self._access.tell()
        return self.entry(video_id)

    def scan(self, folders: Sequence[Path], context: JobContext) -> ScanReport:
        """Read the folders and all in them; only files that changed are opened. Reports `ScanProgress`.

        Videos that were missing and lie elsewhere now are known again, with their favourites and tags.

        Raises:
            JobCancelled: It was asked to stop; what was read is kept.
            VideoLibraryError: The index cannot be used.
        """
        try:
            return self._scan(folders, context)
        except VideoLibraryDamagedError:
            return self._scan(folders, context)  # it has been begun anew

    def _scan(self, folders: Sequence[Path], context: JobContext) -> ScanReport:
        with self._access.marks_readable():
            report = Scan(self._access, context).run(folders)
        self._database.begun_anew = False
        return report

    def rebuild(self, folders: Sequence[Path], context: JobContext) -> ScanReport:
        """Open every file again; ids, favourites, tags, and what is known of missing videos stay. See `scan`."""
        try:
            with self._database.writing() as connection:
                connection.execute("UPDATE videos SET mtime_ns = -1 WHERE trash_folder IS NULL")
                connection.execute("DELETE FROM others")
        except VideoLibraryDamagedError:
            self._access.tell()
        return self.scan(folders, context)

    def find(self, video_id: int, place: Path, context: JobContext) -> VideoEntry:
        """Tell where the file of a missing video is now; it is taken only if its recipe is the same.

        Args:
            video_id: Of the missing video.
            place: The file, or a folder to look through.
            context: Told the progress as `ScanProgress`.

        Raises:
            InputError: That is another video.
            VideoMissingError: It is not in that folder, or the library has no such video.
            VideoUnreadableError: The file is no video of this program.
            JobCancelled: It was asked to stop.
        """
        entry = self.entry(video_id)
        if self._missing.is_there(entry):
            self.add_file(entry.path)
            return self.entry(video_id)
        self._missing.find(entry, place, context)
        return self.entry(video_id)

    # What the user gives -------------------------------------------------------------------------------------------

    def set_favourite(self, video_ids: Sequence[int], favourite: bool) -> None:
        """Mark videos as favourites, or not.

        Raises:
            VideoLibraryError: It cannot be written down.
        """
        self._give(video_ids, favourite=favourite)

    def set_tags(self, video_ids: Sequence[int], tags: Sequence[str]) -> None:
        """Give videos these tags, in place of those they have.

        Raises:
            VideoLibraryError: It cannot be written down.
        """
        self._give(video_ids, tags=clean_tags(tags))

    def _give(
        self, video_ids: Sequence[int], *, favourite: bool | None = None, tags: tuple[str, ...] | None = None
    ) -> None:
        with self._access.writing() as connection:
            known = [video_id for video_id in video_ids if _has(connection, video_id)]
            for video_id in known:
                index.give(connection, video_id, favourite=favourite, tags=tags)
            self._access.marks.add([index.mark_of(connection, video_id) for video_id in known])
        self._access.tell()

    def rename(self, video_id: int, name: str) -> VideoEntry:
        """Give the video and its file another name; what belongs to it goes along.

        Raises:
            InputError: The name cannot be that of a file, or is taken.
            VideoMissingError: The file is not there.
            FileBlockedError, VideoNotSavedError: It cannot be renamed.
            VideoLibraryError: It cannot be written down.
        """
        stem = places.safe_stem(name)
        with self._access.moving:
            entry = self.entry(video_id)
            target = entry.path.with_name(f"{stem}{entry.path.suffix}")
            if target != entry.path:
                with places.translated(entry.path, mark("renamed")):
                    places.rename_all(entry.path, entry.recipe_id, target)
            with self._access.writing() as connection:
                index.move(connection, video_id, target, mtime_ns=entry.mtime_ns)
                index.give(connection, video_id, title=stem)
                self._access.marks.add([index.mark_of(connection, video_id)])
        self._thumbnails.forget(entry.path, entry.mtime_ns)
        self._access.tell()
        return self.entry(video_id)

    # Away and back -------------------------------------------------------------------------------------------------

    def remove(self, video_ids: Sequence[int]) -> None:
        """Forget videos whose files are missing; if a file comes back, it is known again with its marks.

        Raises:
            RequestError: The file of one is there; delete it instead.
            VideoLibraryError: It cannot be written down.
        """
        self._missing.remove(video_ids)

    def delete(self, video_ids: Sequence[int]) -> list[TrashedVideo]:
        """Put videos and what belongs to them into the trash, from where they can be put back for seven days.

        Raises:
            VideoMissingError: A file is not there; `remove` forgets it.
            FileBlockedError, VideoNotSavedError: One cannot be moved; those before it are in the trash.
            VideoLibraryError: It cannot be written down.
        """
        return self._bin.delete(video_ids)

    def trash(self) -> list[TrashedVideo]:
        """What can be put back, the latest first.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        return self._bin.videos()

    def put_back(self, video_ids: Sequence[int]) -> list[VideoEntry]:
        """Undo `delete`; a video whose place is taken gets a number behind its name.

        Raises:
            VideoMissingError: It is not in the trash any more.
            FileBlockedError, VideoNotSavedError: It cannot be moved, and stays in the trash.
            VideoLibraryError: It cannot be written down.
        """
        return self._bin.put_back(video_ids)

    def empty_trash(self, *, older_than_s: float = KEPT_S) -> int:
        """Delete for good what was deleted at least so long ago; returns the bytes freed.

        What cannot be deleted now stays for the next time.

        Raises:
            VideoLibraryError: It cannot be written down.
        """
        return self._bin.empty(older_than_s=older_than_s)

    def export(self, video_ids: Sequence[int], folder: Path, context: JobContext) -> list[Path]:
        """Copy videos into a folder, beside what is there; returns the copies. Reports `ScanProgress`.

        Raises:
            VideoMissingError: A file is not there.
            DiskFullError: There is too little space; nothing was copied.
            FileBlockedError, VideoNotSavedError: One cannot be copied; those before it are whole.
            JobCancelled: It was asked to stop; no half copy is left.
        """
        return export.copy_into([self.entry(video_id).path for video_id in video_ids], folder, context)


def _has(connection: Connection, video_id: int) -> bool:
    return connection.execute("SELECT 1 FROM videos WHERE id = ?", (video_id,)).fetchone() is not None
