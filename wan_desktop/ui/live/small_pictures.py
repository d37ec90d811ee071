"""Small pictures of videos as images, or why there are none."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from wan_desktop.core.errors import WanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.video_library import VideoEntry, VideoLibrary

_PIECE_S = 0.15
"""So long small pictures are made at once; what else waits for the lane waits no longer."""


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """The small picture of a video, or why there is none."""

    image: QImage
    reason: str = ""


def small_picture(library: VideoLibrary, entry: VideoEntry) -> SmallPicture:
    """The video's picture, made if need be; that of a missing video if it was made before."""
    image = QImage(str(entry.thumbnail)) if entry.thumbnail is not None else QImage()
    if not image.isNull():
        return SmallPicture(image)
    try:
        made = library.thumbnail(entry.video_id)
    except WanError as error:
        return SmallPicture(image, error.message)
    return SmallPicture(QImage(str(made.path)) if made.path is not None else image, made.reason)


def small_pictures(library: VideoLibrary, wanted: Sequence[VideoEntry]) -> dict[int, SmallPicture]:
    """Those of the first few of these videos, as many as are made in a moment, by their ids."""
    found: dict[int, SmallPicture] = {}
    begun_s = time.monotonic()
    for entry in wanted:
        found[entry.video_id] = small_picture(library, entry)
        if time.monotonic() - begun_s > _PIECE_S:
            break
    return found
