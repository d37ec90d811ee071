"""What can be done with videos of the library, by button, key or menu."""

from __future__ import annotations

from enum import StrEnum

from wan_desktop.core.words import mark

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
