"""The library: what a window asks and does with finished videos."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from sqlite3 import Connection

from wan_desktop.core.errors import (
    InputError,
    RequestError,
    VideoLibraryDamagedError,
    VideoLibraryError,
    VideoMissingError,
    VideoUnreadableError,
    WanError,
)
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.thumbnails import Thumbnail, Thumbnails
from wan_desktop.core.video_library import export, index, places, trash
from wan_desktop.core.video_library.database import Database
from wan_desktop.core.video_library.entry import (
    Choices,
    ScanProgress,
    ScanReport,
    StorageFigures,
    TrashedVideo,
    VideoEntry,
    VideoFacts,
    VideoPage,
    VideoQuery,
    clean_tags,
)
from wan_desktop.core.video_library.marks import Marks
from wan_desktop.core.video_library.reading import read_video
from wan_desktop.core.video_library.scan import Scan, set_trashed
from wan_desktop.core.words import mark, tr

Listener = Callable[[], None]
_ALL = VideoQuery()
_KEPT_S = trash.TRASH_DAYS * 86_400.0


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
        self._database = Database(file)
        self._marks = Marks(file.with_name(f"{file.stem}-marks.jsonl"))
        self._marks_file_name = f"{file.stem}-marks.jsonl"
        self._thumbnails = Thumbnails(thumbnails)
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()

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
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return end

    def _tell(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    # Questions -----------------------------------------------------------------------------------------------------

    def search(self, query: VideoQuery = _ALL, *, offset: int = 0, limit: int = 100) -> VideoPage:
        """One part of the videos that match.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            entries, total = index.search(connection, query, max(0, offset), max(0, limit), self._thumbnails)
        return VideoPage(tuple(entries), max(0, offset), total)

    def ids(self, query: VideoQuery = _ALL) -> list[int]:
        """The ids of all videos that match, in their order.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            return index.ids(connection, query)

    def entry(self, video_id: int) -> VideoEntry:
        """One video.

        Raises:
            VideoMissingError: The library has none of that id.
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            found = list(index.by_ids(connection, [video_id], self._thumbnails))
        if not found:
            raise VideoMissingError(tr("The library has no such video any more."), hint=tr("It may be in the trash."))
        return found[0]

    def entry_at(self, path: Path) -> VideoEntry | None:
        """The video of that file, if the library knows it.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            video_id = index.id_at(connection, path.absolute())
            if video_id is None:
                return None
            return next(index.by_ids(connection, [video_id], self._thumbnails), None)

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
            return index.choices(connection)

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
            deleted = index.trashed(connection)
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
        facts = _facts_of(path.absolute())
        with self._writing() as connection:
            video_id, _ = index.put(connection, facts, self._marks.of(facts.recipe_id, facts.path))
        self._thumbnails.get(facts.path)
        self._tell()
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
        with self._marks_readable():
            report = Scan(self._database, self._marks, context, self._tell).run(folders)
        self._database.begun_anew = False
        return report

    def rebuild(self, folders: Sequence[Path], context: JobContext) -> ScanReport:
        """Open every file again; ids, favourites, tags, and what is known of missing videos stay. See `scan`."""
        try:
            with self._database.writing() as connection:
                connection.execute("UPDATE videos SET mtime_ns = -1 WHERE trash_folder IS NULL")
                connection.execute("DELETE FROM others")
        except VideoLibraryDamagedError:
            self._tell()
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
        if entry.path.is_file() and not self._displaced(video_id):
            self.add_file(entry.path)
            return self.entry(video_id)
        place = place.absolute()
        facts = _look_for(entry, place, context) if place.is_dir() else _facts_of(place)
        if facts.recipe_id != entry.recipe_id:
            raise _another(facts, entry)
        with self._writing() as connection:
            found_id, _ = index.put(connection, facts, None)
            if found_id != video_id:
                index.merge(connection, video_id, found_id)
            self._marks.add([index.mark_of(connection, video_id)])
        self._tell()
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
        with self._writing() as connection:
            known = [video_id for video_id in video_ids if _has(connection, video_id)]
            for video_id in known:
                index.give(connection, video_id, favourite=favourite, tags=tags)
            self._marks.add([index.mark_of(connection, video_id) for video_id in known])
        self._tell()

    def rename(self, video_id: int, name: str) -> VideoEntry:
        """Give the video and its file another name; what belongs to it goes along.

        Raises:
            InputError: The name cannot be that of a file, or is taken.
            VideoMissingError: The file is not there.
            FileBlockedError, VideoNotSavedError: It cannot be renamed.
            VideoLibraryError: It cannot be written down.
        """
        stem = places.safe_stem(name)
        entry = self.entry(video_id)
        target = entry.path.with_name(f"{stem}{entry.path.suffix}")
        if target != entry.path:
            with places.translated(entry.path, mark("renamed")):
                _rename_all(entry, target)
        with self._writing() as connection:
            index.move(connection, video_id, target, mtime_ns=entry.mtime_ns)
            index.give(connection, video_id, title=stem)
            self._marks.add([index.mark_of(connection, video_id)])
        self._thumbnails.forget(entry.path, entry.mtime_ns)
        self._tell()
        return self.entry(video_id)

    # Away and back -------------------------------------------------------------------------------------------------

    def remove(self, video_ids: Sequence[int]) -> None:
        """Forget videos whose files are missing; if a file comes back, it is known again with its marks.

        Raises:
            RequestError: The file of one is there; delete it instead.
            VideoLibraryError: It cannot be written down.
        """
        for video_id in video_ids:
            entry = self.entry(video_id)
            if entry.path.exists() and not self._displaced(video_id):
                raise RequestError(tr("{name} is there.", name=entry.path.name), hint=tr("Delete it instead."))
        with self._writing() as connection:
            for video_id in video_ids:
                index.forget(connection, video_id)
        self._tell()

    def _displaced(self, video_id: int) -> bool:
        with self._database.reading() as connection:
            row = connection.execute("SELECT path_key FROM videos WHERE id = ?", (video_id,)).fetchone()
        return bool(row) and row[0].startswith("\0")

    def delete(self, video_ids: Sequence[int]) -> list[TrashedVideo]:
        """Put videos and what belongs to them into the trash, from where they can be put back for seven days.

        Raises:
            VideoMissingError: A file is not there; `remove` forgets it.
            FileBlockedError, VideoNotSavedError: One cannot be moved; those before it are in the trash.
            VideoLibraryError: It cannot be written down.
        """
        try:
            for video_id in video_ids:
                entry = self.entry(video_id)
                if self._displaced(video_id) or not entry.path.is_file():
                    raise VideoMissingError(
                        tr("{name} is not there.", name=entry.path.name), hint=tr("Find it, or remove it.")
                    )
                with places.translated(entry.path, mark("deleted")):
                    item = trash.throw_away(entry.path, entry.recipe_id)
                with self._writing() as connection:
                    set_trashed(connection, video_id, item)
                self._thumbnails.forget(entry.path, entry.mtime_ns)
        finally:
            self._tell()
        wanted = set(video_ids)
        return [video for video in self.trash() if video.video_id in wanted]

    def trash(self) -> list[TrashedVideo]:
        """What can be put back, the latest first.

        Raises:
            VideoLibraryError: The index cannot be read.
        """
        with self._database.reading() as connection:
            return index.trashed(connection)

    def put_back(self, video_ids: Sequence[int]) -> list[VideoEntry]:
        """Undo `delete`; a video whose place is taken gets a number behind its name.

        Raises:
            VideoMissingError: It is not in the trash any more.
            FileBlockedError, VideoNotSavedError: It cannot be moved, and stays in the trash.
            VideoLibraryError: It cannot be written down.
        """
        deleted = {video.video_id: video for video in self.trash()}
        try:
            for video_id in video_ids:
                video = deleted.get(video_id)
                item = None if video is None else trash.item_of(video.folder)
                if item is None:
                    raise VideoMissingError(
                        tr("The video is not in the trash any more."), hint=tr("Connect its drive; or it may be back.")
                    )
                with places.translated(item.note.path, mark("put back")):
                    path = trash.put_back(item)
                    mtime_ns = path.stat().st_mtime_ns
                with self._writing() as connection:
                    index.move(connection, video_id, path, mtime_ns=mtime_ns)
                    self._marks.add([index.mark_of(connection, video_id)])
        finally:
            self._tell()
        return [self.entry(video_id) for video_id in video_ids]

    def empty_trash(self, *, older_than_s: float = _KEPT_S) -> int:
        """Delete for good what was deleted at least so long ago; returns the bytes freed.

        What cannot be deleted now stays for the next time.

        Raises:
            VideoLibraryError: It cannot be written down.
        """
        freed_bytes = 0
        for video in self.trash():
            # A drive that is not connected must not lose its videos from the list of the trash.
            if time.time() - video.deleted_s < older_than_s or not video.folder.parents[2].is_dir():
                continue
            with contextlib.suppress(OSError, ValueError):
                trash.delete(video.folder)
                freed_bytes += video.size_bytes
                with self._writing() as connection:
                    index.forget(connection, video.video_id)
        if freed_bytes:
            self._tell()
        return freed_bytes

    def export(self, video_ids: Sequence[int], folder: Path, context: JobContext) -> list[Path]:
        """Copy videos into a folder, beside what is there; returns the copies. Reports `ScanProgress`.

        Raises:
            VideoMissingError: A file is not there.
            DiskFullError: There is too little space; nothing was copied.
            FileBlockedError, VideoNotSavedError: One cannot be copied; those before it are whole.
            JobCancelled: It was asked to stop; no half copy is left.
        """
        return export.copy_into([self.entry(video_id).path for video_id in video_ids], folder, context)

    # Writing -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._marks_readable(), self._database.writing() as connection:
            yield connection

    @contextlib.contextmanager
    def _marks_readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise VideoLibraryError(
                tr(
                    "{file}, which holds favourites and tags, cannot be used: {reason}.",
                    file=self._marks_file_name,
                    reason=error.strerror or error,
                ),
                hint=tr("Allow the program to write in its folder, and see whether the drive is full."),
                details=str(error),
            ) from error


def _has(connection: Connection, video_id: int) -> bool:
    return connection.execute("SELECT 1 FROM videos WHERE id = ?", (video_id,)).fetchone() is not None


def _facts_of(path: Path) -> VideoFacts:
    facts = read_video(path)
    if facts is None:
        raise VideoUnreadableError(tr("{name} holds no pictures.", name=path.name), hint=tr("Choose a video."))
    return facts


def _another(facts: VideoFacts, wanted: VideoEntry) -> WanError:
    """Says that the file is not the wanted one."""
    if wanted.has_recipe and not facts.recipe_json:
        return VideoUnreadableError(
            tr("{name} holds no settings of this program.", name=facts.path.name),
            hint=tr("Only videos made here hold them."),
        )
    return InputError(
        tr("{name} is another video: “{prompt}”.", name=facts.path.name, prompt=facts.prompt[:60])
        if facts.prompt
        else tr("{name} is another video.", name=facts.path.name),
        hint=tr("Choose the file of this one; its name may have changed."),
    )


def _look_for(entry: VideoEntry, folder: Path, context: JobContext) -> VideoFacts:
    """The file of a missing video, somewhere below the folder; likely ones first."""
    candidates = sorted(
        _videos_below(folder),
        key=lambda path: (path.name != entry.path.name, path),
    )
    for number, path in enumerate(candidates):
        context.progress(ScanProgress(number, len(candidates), path.name))
        with contextlib.suppress(WanError):
            facts = read_video(path)
            if facts is not None and facts.recipe_id == entry.recipe_id:
                return facts
    raise VideoMissingError(
        tr("The video is not in {folder}.", folder=folder), hint=tr("Choose another folder, or remove the video.")
    )


def _videos_below(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in places.VIDEO_ENDINGS and path.is_file())
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def _rename_all(entry: VideoEntry, target: Path) -> None:
    beside = places.companions(entry.path, entry.recipe_id)
    try:
        places.move_file(entry.path, target)
    except FileExistsError as error:
        raise InputError(
            tr("There is a file named {target} already.", target=target.name), hint=tr("Choose another name.")
        ) from error
    for companion in beside:
        with contextlib.suppress(OSError):  # the video is what counts
            places.move_file(companion, places.renamed(companion, entry.path, target))
