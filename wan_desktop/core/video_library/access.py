"""Index, marks and small pictures of a library, for all that works with them."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from sqlite3 import Connection

from wan_desktop.core.errors import VideoLibraryError, VideoMissingError
from wan_desktop.core.thumbnails import Thumbnails
from wan_desktop.core.video_library import queries
from wan_desktop.core.video_library.database import Database
from wan_desktop.core.video_library.entry import VideoEntry
from wan_desktop.core.video_library.marks import Marks
from wan_desktop.core.words import tr

Listener = Callable[[], None]


class Access:
    """For all threads.

    Args:
        file: The index, SQLite; made if it is not there, put aside and begun anew if it is damaged.
        thumbnails: The folder of small pictures.

    Raises:
        VideoLibraryError: The index can be neither read nor made.
    """

    def __init__(self, file: Path, thumbnails: Path) -> None:
        self.database = Database(file)
        self._marks_file_name = f"{file.stem}-marks.jsonl"
        self.marks = Marks(file.with_name(self._marks_file_name))
        self.thumbnails = Thumbnails(thumbnails)
        self.moving = threading.Lock()
        """Held from where a file is moved until that is written down, and by who writes down what is where: between
        the two, the file would be taken for missing, and its video for another one. Taken before `writing`."""
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call the listener after every change; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return end

    def tell(self) -> None:
        """Something has changed."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def entry(self, video_id: int) -> VideoEntry:
        """One video.

        Raises:
            VideoMissingError: The library has none of that id.
            VideoLibraryError: The index cannot be read.
        """
        with self.database.reading() as connection:
            found = list(queries.by_ids(connection, [video_id], self.thumbnails))
        if not found:
            raise VideoMissingError(tr("The library has no such video any more."), hint=tr("It may be in the trash."))
        return found[0]

    def is_displaced(self, video_id: int) -> bool:
        """Another video lies at the place of this one."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT path_key FROM videos WHERE id = ?", (video_id,)).fetchone()
        return bool(row) and row[0].startswith("\0")

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction during which marks may be read and written.

        Raises:
            VideoLibraryError: One of both cannot be used.
        """
        with self.marks_readable(), self.database.writing() as connection:
            yield connection

    @contextlib.contextmanager
    def marks_readable(self) -> Iterator[None]:
        """Turns what the system says about the file of marks into an error a user can act on.

        Raises:
            VideoLibraryError: It cannot be used.
        """
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
