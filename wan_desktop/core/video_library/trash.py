"""Deleted videos, until they are seven days old.

```
<folder of the video>/.wan-desktop/deleted-videos/<time>-<random>/<name>.mp4      and what belongs to it
                                                                 /video.json      where it was
```

On the video's own drive, so that deleting and putting back are renames; the folder tells all, so that nothing in the
trash is lost with the index.
"""

import contextlib
import json
import logging
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.files import write_atomically
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.video_library.places import companions, free_place, move_file, renamed

logger = logging.getLogger(__name__)
METADATA_FOLDER = ".wan-desktop"
"""As in libraries of models."""
TRASH_DAYS = 7
_TRASH = "deleted-videos"
"""Not `trash`, which is that of models: both may lie in one folder."""
_NOTE = "video.json"
_ITEM = re.compile(r"(\d+)-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class TrashNote:
    """What is written down in the trash."""

    path: Path
    """Where the video was."""
    recipe_id: str


@dataclass(frozen=True, slots=True)
class TrashItem:
    """One video in the trash."""

    folder: Path
    note: TrashNote
    deleted_s: float
    """Seconds since 1970, UTC."""

    @property
    def video(self) -> Path:
        """Where the video is now."""
        return self.folder / self.note.path.name


def throw_away(video: Path, recipe_id: str) -> TrashItem:
    """Move the video and what belongs to it into the trash.

    Raises:
        OSError: It cannot be moved, and is where it was.
    """
    now_s = time.time()
    # Seen before the video moves: afterwards nothing tells what belonged to it.
    beside = companions(video, recipe_id)
    trash = video.parent / METADATA_FOLDER / _TRASH
    folder = trash / f"{int(now_s)}-{secrets.token_hex(4)}"
    note = TrashNote(video, recipe_id)
    try:
        folder.mkdir(parents=True)
        write_atomically(folder / _NOTE, json.dumps(to_plain(note)).encode())
        move_file(video, folder / video.name)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        _remove_if_empty(trash)
        raise
    for companion in beside:
        try:
            move_file(companion, folder / companion.name)
        except OSError as error:  # the video is what counts
            logger.warning("%s stays beside a deleted video: %s", companion.suffix or "A folder", error.strerror)
    return TrashItem(folder, note, float(int(now_s)))


def put_back(item: TrashItem) -> Path:
    """Move the video and its companions to where they were, or beside whatever is there now; returns the place.

    Raises:
        OSError: It cannot be moved, and stays in the trash.
    """
    item.note.path.parent.mkdir(parents=True, exist_ok=True)
    place = free_place(item.note.path)
    move_file(item.video, place)
    for source in list(item.folder.iterdir()):
        if source.name != _NOTE:
            with contextlib.suppress(OSError):
                move_file(source, free_place(renamed(source, item.note.path, place)))
    delete(item.folder, keep_videos=True)
    return place


def delete(folder: Path, *, keep_videos: bool = False) -> None:
    """Delete one item of the trash for good.

    Args:
        folder: Of the item.
        keep_videos: Only if nothing but the note is left in it.

    Raises:
        OSError: It cannot be deleted.
        ValueError: The folder is none of the trash.
    """
    if not is_item(folder):
        raise ValueError(f"{folder} does not belong to the trash")
    if not folder.exists():
        return
    if keep_videos:
        if [path.name for path in folder.iterdir()] == [_NOTE]:
            shutil.rmtree(folder)
    else:
        shutil.rmtree(folder)
    _remove_if_empty(folder.parent)


def is_item(folder: Path) -> bool:
    """Whether the folder is one that `throw_away` makes; nothing else is ever deleted."""
    in_trash = folder.parent.name == _TRASH and folder.parent.parent.name == METADATA_FOLDER
    return in_trash and _ITEM.fullmatch(folder.name) is not None and not folder.is_symlink()


def items_below(folder: Path) -> list[TrashItem]:
    """What is in the trash of that folder.

    Raises:
        OSError: It cannot be listed.
    """
    try:
        folders = sorted((folder / METADATA_FOLDER / _TRASH).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [item for item in map(item_of, folders) if item is not None]


def item_of(folder: Path) -> TrashItem | None:
    """The video in that folder of the trash; None if it holds none that is written down."""
    if not is_item(folder):
        return None
    try:
        note = from_plain(TrashNote, json.loads((folder / _NOTE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None  # it is being put in or taken out
    except (OSError, ValueError, RecursionError, RecordError) as error:
        logger.warning("An item of the trash cannot be read: %s", error)
        return None
    # Where it goes back to is this folder's parent, whatever the note says: the whole tree may have been moved.
    place = folder.parents[2] / note.path.name
    if place.name in ("", ".", ".."):
        return None
    return TrashItem(folder, TrashNote(place, note.recipe_id), float(folder.name.partition("-")[0]))


def _remove_if_empty(trash: Path) -> None:
    with contextlib.suppress(OSError):
        trash.rmdir()
        trash.parent.rmdir()
