"""All libraries of this PC: several folders on several drives, some of which may be missing just now."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from wan_desktop.core.errors import ModelNotFoundError, WanError
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.words import tr


class Libraries:
    """The libraries; for all threads.

    Args:
        disk: Where they lie.
        roots: Their folders; new models go to the first.
    """

    def __init__(self, disk: Disk, roots: Sequence[Path]) -> None:
        self._disk = disk
        self._roots = list(roots)
        self._lock = threading.Lock()
        self._opened: dict[Path, Library] = {}

    @property
    def here(self) -> list[Library]:
        """Those whose drive is there."""
        found = []
        for root in self._roots:
            with contextlib.suppress(WanError, OSError):
                found.append(self._open(root, create=False))
        return found

    @property
    def missing(self) -> list[Path]:
        """Folders of those whose drive is not there."""
        return [root for root in self._roots if not self._disk.exists(root)]

    def main(self) -> Library:
        """Where new models go; made when it is not there yet.

        Raises:
            DriveMissingError: Its drive is not connected.
            ManifestError: It was made by a newer version of this program.
            StoreError: It cannot be made.
        """
        return self._open(self._roots[0], create=True)

    def where(self, key: ModelKey) -> Library | None:
        """The library that holds the model or a part of it; what a crash interrupted there is finished first."""
        for library in self.here:
            with contextlib.suppress(WanError):
                library.settle(key)
            if self._disk.exists(library.folder(key)) or self._disk.exists(library.downloads(key)):
                return library
        return None

    def at(self, folder: Path) -> tuple[Library, ModelKey] | None:
        """Which model lies in that folder, and where; None if it is no folder of a library."""
        for library in self.here:
            with contextlib.suppress(ValueError):
                model_id, variant = folder.relative_to(library.root).parts
                return library, ModelKey(model_id, variant)
        return None

    @contextlib.contextmanager
    def using(self, folder: Path) -> Iterator[None]:
        """Claim the model in that folder while a video is made with it; a folder of the user's own needs no claim.

        Raises:
            ModelBusyError: Something else is done with it.
        """
        found = self.at(folder)
        with found[0].use(found[1]) if found is not None else contextlib.nullcontext():
            yield

    def holding(self, key: ModelKey) -> Library:
        """As `where`, for a model that must be here.

        Raises:
            ModelNotFoundError: It is not.
        """
        library = self.where(key)
        if library is None:
            raise ModelNotFoundError(
                tr("{model} ({variant}) is not on this PC.", model=key.model_id, variant=key.variant),
                hint=tr("Download it, or connect its drive."),
            )
        return library

    def _open(self, root: Path, *, create: bool) -> Library:
        with self._lock:
            known = self._opened.get(root)
        if known is not None and self._disk.exists(root):
            return known
        try:
            library = Library(self._disk, root, create=create)
        except OSError as error:
            raise disk_error(error, root, "opening the model folder") from error
        with self._lock:
            return self._opened.setdefault(root, library)
