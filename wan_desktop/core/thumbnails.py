"""Small pictures of videos: the first frame as a JPEG, kept by the video's path and the time of its last change.

All of them can be made again, so nothing here is worth an error: a video that gives no picture says why.
"""

import contextlib
import hashlib
import io
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_desktop.core.files import write_atomically
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from PIL import Image

WIDTH_PX = 320
_JPEG_QUALITY = 85
_MAX_PIXELS = 50_000_000
"""Larger frames are not decoded: ours have at most 4096 x 4096, and a file that claims more may want our memory."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture, or why there is none."""

    path: Path | None
    reason: str = ""


class Thumbnails:
    """The small pictures in one folder; for all threads.

    Args:
        folder: Where they lie; it is made with the first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making = threading.Lock()

    def place_of(self, video: Path, mtime_ns: int) -> Path:
        """Where the video's picture is, once it is made."""
        known_as = f"{os.path.normcase(video.absolute())}\0{mtime_ns}"
        name = hashlib.sha256(known_as.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._folder / name[:2] / f"{name}.jpg"

    def made(self, video: Path, mtime_ns: int) -> Path | None:
        """The video's picture, if it has been made."""
        place = self.place_of(video, mtime_ns)
        return place if place.is_file() else None

    def get(self, video: Path) -> Thumbnail:
        """The video's picture, made now if need be (some 10 to 100 ms); one at a time."""
        try:
            mtime_ns = video.stat().st_mtime_ns
        except OSError as error:
            return Thumbnail(None, tr("The file cannot be read: {reason}.", reason=error.strerror or error))
        place = self.place_of(video, mtime_ns)
        # Decoding takes all cores for a moment; a grid that asks for forty at once would stutter.
        with self._making:
            return Thumbnail(place) if place.is_file() else _make(video, place)

    def forget(self, video: Path, mtime_ns: int) -> None:
        """Delete the video's picture; one that is in use stays until `prune`."""
        with contextlib.suppress(OSError):
            self.place_of(video, mtime_ns).unlink(missing_ok=True)

    def size_bytes(self) -> int:
        """What all of them take."""
        return sum(stamp.st_size for _, stamp in self._all())

    def prune(self, max_bytes: int) -> int:
        """Delete the oldest until the rest takes no more than that; returns the bytes freed."""
        left_bytes = self.size_bytes()
        freed_bytes = 0
        for path, stamp in sorted(self._all(), key=lambda item: item[1].st_mtime_ns):
            if left_bytes - freed_bytes <= max_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                freed_bytes += stamp.st_size
        return freed_bytes

    def _all(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for path in self._folder.glob("*/*.jpg"):
            with contextlib.suppress(OSError):
                found.append((path, path.stat()))
        return found


def _make(video: Path, place: Path) -> Thumbnail:
    try:
        picture = first_frame(video)
    except (OSError, ValueError) as error:
        return Thumbnail(None, tr("The video is damaged: {error}", error=error))
    height_px = max(1, round(picture.height * WIDTH_PX / picture.width))
    data = io.BytesIO()
    picture.resize((WIDTH_PX, height_px)).save(data, "JPEG", quality=_JPEG_QUALITY)
    try:
        write_atomically(place, data.getvalue())
    except OSError as error:
        return Thumbnail(None, tr("The small picture cannot be saved: {reason}.", reason=error.strerror or error))
    return Thumbnail(place)


def first_frame(video: Path) -> "Image.Image":
    """The first picture of a video, RGB.

    Raises:
        OSError, ValueError: The file is no video, or damaged.
    """
    import av  # noqa: PLC0415 - 40 MB of libraries; the window opens without them

    try:
        with av.open(str(video.absolute()), metadata_errors="replace") as container:
            return _first_of(container)
    except av.FFmpegError as error:  # only some of its kinds are OSErrors or ValueErrors
        raise ValueError(str(error)) from error


def _first_of(container: Any) -> "Image.Image":
    if not container.streams.video:
        raise ValueError(tr("it holds no pictures"))
    stream = container.streams.video[0]
    if stream.codec_context is None:  # of a kind that nothing here decodes; then it has no size either
        raise ValueError(tr("its pictures are of an unknown kind"))
    if not 0 < stream.width * stream.height <= _MAX_PIXELS:
        raise ValueError(tr("its pictures have {width} x {height} pixels", width=stream.width, height=stream.height))
    frame = next(container.decode(stream), None)
    if frame is None:
        raise ValueError(tr("none of its pictures can be decoded"))
    picture: Image.Image = frame.to_image()
    return picture
