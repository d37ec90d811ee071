"""The queue's own copies of start images, named by their content, so that nothing that happens to a picture matters."""

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from wan_desktop.core.errors import ImageSizeError, ImageUnreadableError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.start_image import MAX_BYTES
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


class KeptPictures:
    """A folder of pictures that are all needed by some job; for all threads.

    Args:
        folder: Made when the first picture comes.
        disk: The drive.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """Two jobs may bring the same picture at once."""
        self._coming: Counter[str] = Counter()
        """Pictures of jobs that are being added; no job names them yet."""

    @contextmanager
    def kept(self, draft: GenerationDraft) -> Iterator[GenerationDraft]:
        """The draft with copies in place of its pictures, which are safe from `drop_others` within the context.

        Raises:
            ImageUnreadableError: A picture is not there or cannot be read.
            ImageSizeError: It is too large.
            OSError: The copy cannot be written.
        """
        with ExitStack() as stack:
            image = draft.image and stack.enter_context(self._kept(draft.image))
            last_image = draft.last_image and stack.enter_context(self._kept(draft.last_image))
            yield replace(draft, image=image, last_image=last_image)

    @contextmanager
    def _kept(self, source: Path) -> Iterator[Path]:
        content = self._read(source)
        suffix = source.suffix.lower() if source.suffix.lower() in _SUFFIXES else ".picture"
        name = hashlib.sha256(content).hexdigest() + suffix
        with self._lock:
            self._coming[name] += 1
        try:
            self._write(self._folder / name, content)
            yield self._folder / name
        finally:
            with self._lock:
                self._coming[name] -= 1

    def _read(self, source: Path) -> bytes:
        try:
            return self._disk.read_bytes(source, limit_bytes=MAX_BYTES)
        except ValueError as error:
            raise ImageSizeError(
                tr("The picture {source} has more than {most:,} bytes.", source=source.name, most=MAX_BYTES),
                hint=tr("Save it smaller."),
            ) from error
        except OSError as error:
            raise ImageUnreadableError(
                tr("The picture {source} cannot be read: {reason}.", source=source, reason=error.strerror or error),
                hint=tr("Choose another picture."),
            ) from error

    def _write(self, file: Path, content: bytes) -> None:
        with self._writing:
            if not self._has(file, content):
                self._disk.make_folder(self._folder)
                self._disk.write_atomically(file, content)

    def _has(self, file: Path, content: bytes) -> bool:
        try:
            return self._disk.read_bytes(file, limit_bytes=MAX_BYTES) == content
        except (OSError, ValueError):
            return False

    def drop_others(self, needed: Iterable[Path]) -> None:
        """Delete all that no job needs; what cannot be deleted now is deleted some other time."""
        names = {picture.name for picture in needed}
        with self._lock:  # nobody can ask for one of them meanwhile
            names |= {name for name, count in self._coming.items() if count}
            try:
                for name in self._disk.list_folder(self._folder):
                    if name not in names and not self._is_coming(name):
                        self._disk.unlink(self._folder / name)
            except OSError as error:
                logger.warning("Pictures that no job needs stay in %s: %s", self._folder, error)

    def _is_coming(self, name: str) -> bool:
        """It is the unfinished file (`Disk.write_atomically`) of a picture that is being written."""
        return any(count and name.startswith(f".{coming}.") for coming, count in self._coming.items())
