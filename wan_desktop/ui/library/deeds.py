"""What can be done with videos of the library, by button, key or menu."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from wan_desktop.core.video_library import VideoState
from wan_desktop.core.words import mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.video_library import VideoEntry

MOST_COMPARED = 4


class Deed(StrEnum):
    """Something that is done with the selected videos."""

    USE = "use"
    USE_NEW_SEED = "use-new-seed"
    OPEN = "open"
    FOLDER = "folder"
    FRAMES = "frames"
    COPY_FILE = "copy-file"
    COPY_PROMPT = "copy-prompt"
    RENAME = "rename"
    FAVOURITE = "favourite"
    EXPORT = "export"
    COMPARE = "compare"
    DELETE = "delete"
    FIND = "find"
    REMOVE = "remove"

    @property
    def words(self) -> str:
        """What its button says; to be translated."""
        return _WORDS[self]


_WORDS = {
    Deed.USE: mark("Use these settings"),
    Deed.USE_NEW_SEED: mark("Use with a new seed"),
    Deed.OPEN: mark("Open"),
    Deed.FOLDER: mark("Folder"),
    Deed.FRAMES: mark("Frames"),
    Deed.COPY_FILE: mark("Copy file"),
    Deed.COPY_PROMPT: mark("Copy prompt"),
    Deed.RENAME: mark("Rename"),
    Deed.FAVOURITE: mark("Favourite"),
    Deed.EXPORT: mark("Save a copy"),
    Deed.COMPARE: mark("Compare"),
    Deed.DELETE: mark("Delete"),
    Deed.FIND: mark("Find"),
    Deed.REMOVE: mark("Remove"),
}


def menu_deeds(entries: Sequence[VideoEntry]) -> tuple[Deed, ...]:
    """What the menu offers for these videos."""
    if len(entries) > 1:
        return (Deed.COMPARE, Deed.FAVOURITE, Deed.EXPORT, Deed.COPY_FILE, Deed.DELETE)
    use = (Deed.USE, Deed.USE_NEW_SEED) if entries[0].has_recipe else ()
    if entries[0].state == VideoState.MISSING:
        return (*use, Deed.FIND, Deed.REMOVE)
    return (
        *(*use, Deed.OPEN, Deed.FOLDER, Deed.COPY_FILE, Deed.RENAME),
        *(Deed.FAVOURITE, Deed.EXPORT, Deed.DELETE),
    )
