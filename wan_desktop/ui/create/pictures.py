"""Reads start images, and keeps pasted ones as files; on the files lane."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage, QImageWriter

from wan_desktop.core.errors import ImageUnreadableError
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.core.jobs import JobContext

_SHOWN_PX = 640


@dataclass(frozen=True, slots=True)
class StartPicture:
    """A start image that can be used."""

    path: Path
    width: int
    height: int
    shown: QImage
    """A small copy."""


def read_picture(path: Path) -> StartPicture:
    """Check the picture and make a small copy of it.

    Raises:
        ImageUnreadableError, ImageSizeError: It cannot be used.
    """
    from wan_desktop.core.start_image import open_image  # noqa: PLC0415 - imports Pillow, on the lane

    picture = open_image(path)
    width, height = picture.width, picture.height
    picture.thumbnail((_SHOWN_PX, _SHOWN_PX))
    data = picture.tobytes()
    shown = QImage(data, picture.width, picture.height, 3 * picture.width, QImage.Format.Format_RGB888).copy()
    return StartPicture(path, width, height, shown)


def keep_picture(image: QImage, folder: Path) -> Path:
    """Save pasted pixels as a PNG named after its content.

    Raises:
        ImageUnreadableError: It cannot be saved.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not QImageWriter(buffer, QByteArray(b"png")).write(image):
        raise ImageUnreadableError(
            tr("The pasted picture cannot be read."), hint=tr("Save it as a file and drop that here.")
        )
    data = bytes(buffer.data().data())
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise ImageUnreadableError(
            tr("The pasted picture could not be kept: {reason}.", reason=error.strerror or error),
            hint=tr("Save it as a file and drop that here."),
        ) from error
    return path


class ReadPicture:
    """Work for the files lane: from a file or from pasted pixels to a start image."""

    def __init__(self, given: Path | QImage, folder: Path) -> None:
        self._given = given
        self._folder = folder

    def __call__(self, _context: JobContext) -> StartPicture:
        """Read it; see `read_picture` and `keep_picture` for what it raises."""
        path = keep_picture(self._given, self._folder) if isinstance(self._given, QImage) else self._given
        return read_picture(path)
