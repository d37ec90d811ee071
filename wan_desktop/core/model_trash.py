"""Removed models: they stay in their library's trash for seven days, and can be put back or deleted before."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from wan_desktop.core.deeds import Deeds
from wan_desktop.core.errors import DriveMissingError
from wan_desktop.core.store.libraries import Libraries
from wan_desktop.core.store.library import Library, ModelKey, TrashItem
from wan_desktop.core.words import mark, tr

TRASH_DAYS = 7
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Trashed:
    """A removed model, as the list of them shows it."""

    item: TrashItem
    size_bytes: int
    """That deleting it frees: what other models share is not counted."""
    days_left: int
    """Until it is deleted, when the program starts; 0: at the next start."""


class ModelTrash:
    """The trash of all libraries; for all threads.

    Args:
        libraries: Whose drives are here or not.
        deeds: Writes down what is done.
        changed: Told which model looks otherwise now.
    """

    def __init__(self, libraries: Libraries, deeds: Deeds, changed: Callable[[ModelKey], None]) -> None:
        self._libraries = libraries
        self._deeds = deeds
        self._changed = changed

    def items(self) -> list[TrashItem]:
        """What can be put back, the latest first."""
        items = [item for library in self._libraries.here for item in library.trash_items()]
        return sorted(items, key=lambda item: item.removed_at_s, reverse=True)

    def listed(self) -> list[Trashed]:
        """The same with sizes and days; reads the folders, which takes milliseconds for each."""
        return [Trashed(item, self._library_of(item).own_bytes(item.path), _days_left(item)) for item in self.items()]

    def put_back(self, item: TrashItem) -> None:
        """Undo a removal.

        Raises:
            RequestError: It is there again, or the trash was emptied.
            DriveMissingError: Its drive is not connected.
            ModelBusyError: Something is done with it.
        """
        library = self._library_of(item)
        with library.hold(item.key, mark("putting back")), self._deeds.noted(library, item.key, "adopt"):
            library.put_back(item)
        self._changed(item.key)

    def delete(self, item: TrashItem) -> int:
        """Delete a removed model for good, before its time; returns the bytes freed.

        Raises:
            DriveMissingError: Its drive is not connected.
            ModelBusyError: Something is done with a model of that name.
            StoreError: A file of it is in use; what is left of it stays in the trash.
        """
        library = self._library_of(item)
        with library.hold(item.key, mark("deleting")):
            return library.delete_trashed(item)

    def _library_of(self, item: TrashItem) -> Library:
        for library in self._libraries.here:
            if item.path.is_relative_to(library.root):
                return library
        raise DriveMissingError(tr("The drive of that model is not connected."), hint=tr("Connect it and try again."))


def _days_left(item: TrashItem) -> int:
    return max(0, math.ceil(TRASH_DAYS - (time.time() - item.removed_at_s) / _DAY_S))
