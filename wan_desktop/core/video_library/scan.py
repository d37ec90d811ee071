"""Folders read into the library: only what changed is opened, and what is done stays done when the scan is ended."""

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection

from wan_desktop.core.errors import FileBlockedError, JobCancelled, VideoUnreadableError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.video_library import index, queries
from wan_desktop.core.video_library.access import Access
from wan_desktop.core.video_library.entry import ScanProgress, ScanReport, Unreadable, VideoFacts
from wan_desktop.core.video_library.index import Known, key_of
from wan_desktop.core.video_library.places import VIDEO_ENDINGS
from wan_desktop.core.video_library.reading import read_video, unreadable_video
from wan_desktop.core.video_library.trash import METADATA_FOLDER, TrashItem, items_below
from wan_desktop.core.words import tr

_BATCH_FILES = 100
_BATCH_S = 0.5


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class _Read:
    """One file that was opened."""

    file: _File
    facts: VideoFacts | None = None
    """None if it holds no pictures, or could not be opened."""
    blocked: str = ""
    """Why it could not be opened now; the next time it may."""


@dataclass(slots=True)
class _Seen:
    """What lies in the folders."""

    files: dict[str, _File] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    """Keys of the folders that were asked for."""
    gone: list[Path] = field(default_factory=list)
    """Those of them that are not there: perhaps their drive is not connected."""
    blind: list[str] = field(default_factory=list)
    """Keys of folders in them that could not be listed."""
    troubles: list[Unreadable] = field(default_factory=list)
    trash: list[TrashItem] = field(default_factory=list)

    @property
    def vanished(self) -> list[str]:
        """Keys of the folders that are not there."""
        return [key_of(folder) for folder in self.gone]

    def covers(self, key: str) -> bool:
        """Whether a file of that key would have been seen."""
        return _below(key, self.roots) and not _below(key, [*self.vanished, *self.blind])


class Scan:
    """One scan.

    Args:
        access: Of the library; who listens to it is told after each change that others can see.
        context: Told the progress; may end the scan.
    """

    def __init__(self, access: Access, context: JobContext) -> None:
        self._access = access
        self._database = access.database
        self._marks = access.marks
        self._context = context
        self._new = 0
        self._changed = 0
        self._passing: list[Unreadable] = []

    def run(self, folders: Sequence[Path]) -> ScanReport:
        """Read the folders and all in them.

        Raises:
            JobCancelled: It was asked to stop; what was read is kept.
            OSError: The marks cannot be read.
            VideoLibraryError: The index cannot be used.
        """
        started_s = time.monotonic()
        seen = _Seen()
        for folder in folders:
            self._walk(folder.absolute(), seen)
        with self._database.reading() as connection:
            known = index.known_files(connection)
        wanted = [file for key, file in seen.files.items() if _differs(file, known.get(key))]
        self._read(wanted, seen)
        with self._access.moving:
            moved = self._finish(seen)
        self._access.tell()
        with self._database.reading() as connection:
            foreign, unreadable = index.without_recipe(connection)
            (missing,) = connection.execute(
                "SELECT COUNT(*) FROM videos WHERE missing AND trash_folder IS NULL"
            ).fetchone()
        return ScanReport(
            new=self._new - moved,
            changed=self._changed,
            moved=moved,
            unchanged=len(seen.files) - len(wanted),
            missing=missing,
            foreign=foreign,
            unreadable=(*unreadable, *self._passing),
            folders=tuple(seen.troubles),
            vanished=tuple(folder for folder in seen.gone if any(_below(key, [key_of(folder)]) for key in known)),
            seconds=time.monotonic() - started_s,
        )

    # Looking -------------------------------------------------------------------------------------------------------

    def _walk(self, root: Path, seen: _Seen) -> None:
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            self._context.progress(ScanProgress(0, 0, folder.name))
            try:
                waiting += self._list(folder, seen)
            except OSError as error:
                seen.troubles.append(Unreadable(folder, error.strerror or str(error)))
                # A whole folder that is gone takes its videos along; one that may not be listed hides them only.
                whole = folder == root and isinstance(error, FileNotFoundError)
                if whole:
                    seen.gone.append(folder)
                else:
                    seen.blind.append(key_of(folder))
            if folder == root:
                seen.roots.append(key_of(root))

    def _list(self, folder: Path, seen: _Seen) -> list[Path]:
        """Note the folder's files; returns the folders in it."""
        below = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == METADATA_FOLDER:
                    seen.trash += items_below(folder)
                elif entry.name.startswith("."):
                    continue  # half-written videos, and what is meant to be hidden
                elif entry.is_dir(follow_symlinks=False):
                    below.append(folder / entry.name)
                elif entry.name.lower().endswith(VIDEO_ENDINGS):
                    self._note(folder / entry.name, entry, seen)
        return below

    def _note(self, path: Path, entry: "os.DirEntry[str]", seen: _Seen) -> None:
        try:
            str(path).encode()
            found = entry.stat()
        except UnicodeEncodeError:
            shown = Path(os.fsencode(path).decode("utf-8", "replace"))
            self._passing.append(Unreadable(shown, tr("Its name is not written as this system writes names.")))
        except OSError as error:
            self._passing.append(Unreadable(path, error.strerror or str(error)))
        else:
            if stat.S_ISREG(found.st_mode):
                seen.files[key_of(path)] = _File(path, found.st_size, found.st_mtime_ns)

    # Reading -------------------------------------------------------------------------------------------------------

    def _read(self, files: Sequence[_File], seen: _Seen) -> None:
        """Open the files and write down what they hold, some at a time."""
        batch: list[_Read] = []
        begun_s = time.monotonic()
        for number, file in enumerate(files):
            try:
                self._context.progress(ScanProgress(number, len(files), file.path.name))
            except JobCancelled:
                self._write(batch, seen)
                raise
            batch.append(_open(file))
            if len(batch) >= _BATCH_FILES or time.monotonic() - begun_s > _BATCH_S:
                self._write(batch, seen)
                batch, begun_s = [], time.monotonic()
        self._write(batch, seen)

    def _write(self, batch: Sequence[_Read], seen: _Seen) -> None:
        if not batch:
            return
        with self._access.moving, self._database.writing() as connection:
            for read in batch:
                if os.path.lexists(read.file.path):
                    self._put(connection, read)
                else:
                    del seen.files[key_of(read.file.path)]  # it was renamed or deleted since it was looked at
        self._access.tell()

    def _put(self, connection: Connection, read: _Read) -> None:
        file = read.file
        if read.facts is not None:
            mark = self._marks.of(read.facts.recipe_id, file.path)
            video_id, new = index.put(connection, read.facts, mark)
            self._new += new
            self._changed += not new
            if not new and mark is None:  # what it is known by may be another now
                self._marks.add([index.mark_of(connection, video_id)])
        elif read.blocked:
            self._passing.append(Unreadable(file.path, read.blocked))
        else:
            index.put_other(connection, file.path, file.size_bytes, file.mtime_ns)

    # Afterwards ----------------------------------------------------------------------------------------------------

    def _finish(self, seen: _Seen) -> int:
        """Say which files are not there; returns how many of them were found elsewhere."""
        trash = self._read_trash(seen)
        with self._database.writing() as connection:
            known = index.known_files(connection)
            self._set_missing(connection, seen, known)
            moved = self._merge(connection, seen)
            for item, facts in trash:
                _put_trashed(connection, item, facts)
            for video in queries.trashed(connection):
                # The place is there and the video is not: somebody emptied the trash by hand.
                if video.folder.parents[2].is_dir() and not (video.folder / video.path.name).exists():
                    index.forget(connection, video.video_id)
            connection.execute("DELETE FROM recipes WHERE recipe_id NOT IN (SELECT recipe_id FROM videos)")
        return moved

    def _read_trash(self, seen: _Seen) -> list[tuple[TrashItem, VideoFacts]]:
        """What lies in the trash and is not known, such as after a loss of the index."""
        with self._database.reading() as connection:
            known = {video.folder for video in queries.trashed(connection)}
        found = []
        for item in seen.trash:
            if item.folder not in known and item.video.is_file():
                read = _open(_File(item.video, 0, 0))
                if read.facts is not None:
                    found.append((item, read.facts))
        return found

    def _set_missing(self, connection: Connection, seen: _Seen, known: dict[str, Known]) -> None:
        unseen = _Unseen()
        for key, file in known.items():
            missing = _is_missing(key, file, seen, unseen)
            if file.video_id and missing is not None and missing != file.missing:
                connection.execute("UPDATE videos SET missing = ? WHERE id = ?", (missing, file.video_id))
            elif not file.video_id and missing:
                connection.execute("DELETE FROM others WHERE path_key = ?", (key,))

    def _merge(self, connection: Connection, seen: _Seen) -> int:
        pairs = connection.execute(
            "SELECT m.id, m.path, p.id FROM videos m JOIN videos p ON m.recipe_id = p.recipe_id "
            "WHERE m.missing AND NOT p.missing AND m.trash_folder IS NULL AND p.trash_folder IS NULL "
            "ORDER BY m.id, p.id"
        ).fetchall()
        done: set[int] = set()
        moved = []
        for missing_id, path_text, present_id in pairs:
            # On a drive that is not connected, it is not gone.
            here = seen.covers(key_of(Path(path_text))) or Path(path_text).parent.is_dir()
            if here and missing_id not in done and present_id not in done:
                index.merge(connection, missing_id, present_id)
                done |= {missing_id, present_id}
                moved.append(index.mark_of(connection, missing_id))
        self._marks.add(moved)
        return len(moved)


def _open(file: _File) -> _Read:
    try:
        try:
            return _Read(file, read_video(file.path))
        except VideoUnreadableError as error:
            return _Read(file, unreadable_video(file.path, error.message))
    except FileBlockedError as error:
        return _Read(file, blocked=error.message)


def _differs(file: _File, known: Known | None) -> bool:
    return known is None or (known.size_bytes, known.mtime_ns) != (file.size_bytes, file.mtime_ns)


def _is_missing(key: str, file: Known, seen: _Seen, unseen: "_Unseen") -> bool | None:
    """Whether the file is not there; None if nobody can tell."""
    if key.startswith("\0"):
        return True  # another video took its place
    if key in seen.files:
        return False
    if _below(key, seen.blind):
        return None
    # What came after its folder was listed is here all the same.
    return _below(key, seen.vanished) or not unseen.has(file.path)


class _Unseen:
    """Files that were not seen; each of their folders is listed once."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def has(self, path: Path) -> bool:
        folder = path.parent
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.path.normcase(found.name) for found in folder.iterdir())
            except OSError:
                self._names[folder] = frozenset()
        return os.path.normcase(path.name) in self._names[folder]


def _below(key: str, folders: Sequence[str]) -> bool:
    return any(key.startswith(folder if folder.endswith(os.sep) else folder + os.sep) for folder in folders)


def _put_trashed(connection: Connection, item: TrashItem, facts: VideoFacts) -> None:
    """Note a deleted video; it may be one that is known and missed, if the program ended while it was deleted."""
    row = connection.execute(
        "SELECT id FROM videos WHERE path_key = ? AND recipe_id = ? AND missing",
        (key_of(item.note.path), facts.recipe_id),
    ).fetchone()
    video_id = int(row[0]) if row else index.put(connection, facts, None)[0]
    set_trashed(connection, video_id, item)


def set_trashed(connection: Connection, video_id: int, item: TrashItem) -> None:
    """The video is in the trash from now on."""
    index.release_place(connection, video_id)
    connection.execute(
        "UPDATE videos SET path = ?, trash_folder = ?, deleted_s = ? WHERE id = ?",
        (str(item.note.path), str(item.folder), item.deleted_s, video_id),
    )
