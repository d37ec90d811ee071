"""What the user has given to videos: favourites, tags, names. Kept a second time, beside the index.

All else in the index can be read again from the videos; these cannot. They are not written into sidecars, because not
every videos folder can be written, and nobody asked for a second file beside each video. A mark is one line of JSON at
the end of a file; the last line about a video counts. Whoever calls holds the index's lock for writing, so that two
processes never write at once.
"""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.files import write_atomically
from wan_desktop.core.records import RecordError, from_plain, to_plain

logger = logging.getLogger(__name__)
_SPARE_LINES = 1000


@dataclass(frozen=True, slots=True)
class Mark:
    """What the user has given to one video."""

    recipe_id: str
    path: Path
    favourite: bool = False
    tags: tuple[str, ...] = ()
    title: str = ""
    """Empty: the prompt's first words."""

    @property
    def plain(self) -> bool:
        """Whether nothing was given."""
        return not (self.favourite or self.tags or self.title)


class Marks:
    """The marks in one file.

    Args:
        file: JSON lines; made with the first mark.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at: tuple[int, int] | None = None
        self._by_recipe: dict[str, dict[str, Mark]] = {}
        self._lines = 0

    def of(self, recipe_id: str, path: Path) -> Mark | None:
        """The mark of that video; of a file that has been moved, the one that it had in its old place.

        Raises:
            OSError: The file cannot be read.
        """
        self._refresh()
        known = self._by_recipe.get(recipe_id, {})
        mark = known.get(os.path.normcase(path))
        if mark is not None:
            return mark
        return next((mark for mark in reversed(list(known.values())) if not mark.path.exists()), None)

    def add(self, marks: list[Mark]) -> None:
        """Write them down, so that they survive a power failure.

        Raises:
            OSError: The disk is full, or the file cannot be written.
        """
        self._refresh()
        new = [mark for mark in marks if not mark.plain or self._known(mark) is not None]
        if not new:
            return
        if self._lines + len(new) > 2 * sum(map(len, self._by_recipe.values())) + _SPARE_LINES:
            self._keep_last()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab+") as file:
            # A line that a power failure cut off must not spoil the next.
            torn = file.tell() > 0 and not self._ends_with_newline()
            file.write((b"\n" if torn else b"") + b"".join(map(_line, new)))
            file.flush()
            os.fsync(file.fileno())

    def _known(self, mark: Mark) -> Mark | None:
        return self._by_recipe.get(mark.recipe_id, {}).get(os.path.normcase(mark.path))

    def _ends_with_newline(self) -> bool:
        with self._file.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _refresh(self) -> None:
        """Read the file anew if it has changed."""
        try:
            stamp = self._file.stat()
        except FileNotFoundError:
            self._by_recipe, self._lines, self._read_at = {}, 0, None
            return
        read_at = (stamp.st_mtime_ns, stamp.st_size)
        if read_at == self._read_at:
            return
        self._by_recipe, self._lines = {}, 0
        for line in self._file.read_bytes().splitlines():
            self._lines += 1
            try:
                mark = from_plain(Mark, json.loads(line))
            except (ValueError, RecursionError, RecordError) as error:
                logger.warning("A line of %s cannot be read and is left out: %s", self._file.name, error)
                continue
            known = self._by_recipe.setdefault(mark.recipe_id, {})
            known.pop(os.path.normcase(mark.path), None)  # the latest is the last
            known[os.path.normcase(mark.path)] = mark
        self._read_at = read_at

    def _keep_last(self) -> None:
        """Leave one line for each video that still has a mark."""
        kept = [mark for known in self._by_recipe.values() for mark in known.values() if not mark.plain]
        write_atomically(self._file, b"".join(map(_line, kept)))
        self._read_at = None
        self._refresh()


def _line(mark: Mark) -> bytes:
    return json.dumps(to_plain(mark), ensure_ascii=True).encode() + b"\n"
