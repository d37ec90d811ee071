"""Frames into an mp4 with its recipe inside: H.264, yuv420p, BT.709, ready to stream.

Never half a file under the final name.
"""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image

from wan_desktop.core.errors import DiskFullError, VideoNotSavedError, WanError
from wan_desktop.core.files import replace_patiently, write_atomically
from wan_desktop.core.recipe import RECIPE_KEY
from wan_desktop.core.settings import VideoQuality
from wan_desktop.core.words import tr
from wan_desktop.engine.frame_files import FrameFiles

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_CRF = {VideoQuality.STANDARD: "20", VideoQuality.HIGH: "16"}
"""x264's constant rate factor, 23 by its own default. 16 is near-lossless to the eye; a 5 s 720p clip takes some 5 to
15 MB."""


class VideoWriter:
    """Writes one video beside its target and renames it when it is whole.

    Encoded packets stay in memory until `finish`, because the recipe, which goes into the header, is complete only
    then.

    Args:
        path: The target; its folder is made.
        width, height: Pixels, even numbers.
        fps: Frames per second.
        poster: Also keep the middle frame as PNG.
        png_frames: Also keep every frame as PNG.
        quality: How much of each picture is kept.
        recipe_inside: The recipe goes into the file; else into one of the same name that ends in `.json`.

    Raises:
        VideoNotSavedError: The folder cannot be written.
        DiskFullError: The disk is full.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        fps: int,
        png_frames: bool = False,
        quality: VideoQuality = VideoQuality.HIGH,
        recipe_inside: bool = True,
    ) -> None:
        self._path = path
        self._recipe_inside = recipe_inside
        self._beside = path.with_name(f".{path.stem}.{os.getpid()}.part.mp4")
        self._packets: list[Any] = []
        self._packets_bytes = 0
        self.frame_count = 0
        with _translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _WholeWrites(self._beside, "w+")
            self._container = av.open(
                self._file,
                "w",
                format="mp4",
                options={"movflags": "+faststart+use_metadata_tags"},
                # To move the index to the front, the library reads the file again.
                io_open=lambda *_: self._beside.open("rb"),
            )
        self._frames = FrameFiles(path) if png_frames else None
        encoding = {"crf": _CRF[quality], "preset": "medium"}
        stream: Any = self._container.add_stream("libx264", rate=fps, options=encoding)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._discard()

    def write(self, pictures: np.ndarray) -> None:
        """Encode frames.

        Args:
            pictures: `(n, height, width, 3)`, uint8.
        """
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            converted = frame.reformat(
                format="yuv420p",
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                dst_colorspace=Colorspace.ITU709,
            )
            converted.pts = self.frame_count
            self._keep(self._stream.encode(converted))
            self.frame_count += 1
            if self._frames is not None:
                self._frames.write(picture, video_bytes=self._packets_bytes)

    @property
    def frames_problem(self) -> str:
        """Why there are no PNG frames although they were asked for, in a sentence."""
        return self._frames.problem if self._frames is not None else ""

    def finish(self, recipe_json: str) -> Path | None:
        """Write the file and give it its name.

        Returns:
            The folder of PNG frames, if they were asked for and could be written.

        Raises:
            DiskFullError: The disk is full.
            VideoNotSavedError: The file cannot be written or renamed.
        """
        self._keep(self._stream.encode(None))
        with _translated(self._path):
            if self._recipe_inside:
                # Players show the comment; ours reads its own key, which no other program overwrites.
                self._container.metadata.update({"comment": recipe_json, RECIPE_KEY: recipe_json})
            for packet in self._packets:
                self._container.mux(packet)
            self._container.close()
            os.fsync(self._file.fileno())
            self._file.close()
            if not self._recipe_inside:
                write_atomically(self._path.with_suffix(".json"), recipe_json.encode())
            replace_patiently(self._beside, self._path)
        return self._frames.publish() if self._frames is not None else None

    def _keep(self, packets: list[Any]) -> None:
        self._packets += packets
        self._packets_bytes += sum(packet.size for packet in packets)

    def _discard(self) -> None:
        """Remove what has no final name."""
        # In this order: a container whose file is closed does not try to write its end once more.
        _quietly(self._file.close)
        _quietly(self._container.close)
        _quietly(lambda: self._beside.unlink(missing_ok=True))
        if self._frames is not None:
            self._frames.discard()


def save_poster(path: Path, picture: np.ndarray) -> Path:
    """Save one frame beside the video.

    Args:
        path: Of the video.
        picture: `(height, width, 3)`, uint8.

    Raises:
        DiskFullError, VideoNotSavedError: It cannot be written.
    """
    poster = path.with_suffix(".png")
    beside = poster.with_name(f".{poster.stem}.{os.getpid()}.part.png")
    with _translated(poster):
        try:
            Image.fromarray(picture).save(beside)
            replace_patiently(beside, poster)
        finally:
            beside.unlink(missing_ok=True)
    return poster


class _translated:  # noqa: N801 - reads as a verb where it is used
    """Turns what the system says about writing a file into errors a user can act on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, WanError):
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFullError(
                    tr(
                        "There is no space left to save {name} in {folder}.",
                        name=self._path.name,
                        folder=self._path.parent,
                    ),
                    hint=tr("Free some space or choose another folder, then try again: the work is kept."),
                    details=str(error),
                ) from error
            raise VideoNotSavedError(
                tr(
                    "{name} could not be written in {folder}: {reason}.",
                    name=self._path.name,
                    folder=self._path.parent,
                    reason=error.strerror or error,
                ),
                hint=tr(
                    "Choose another folder, or allow the program to write there, then try again: the work is kept."
                ),
                details=str(error),
            ) from error


class _WholeWrites(io.FileIO):
    """The file an mp4 is written to.

    Ours, not the library's: that keeps its file open for good when the disk is full, so that nobody can remove or
    unmount it. Unbuffered, because the library reads it again; a plain unbuffered file may write less than it was
    given.
    """

    def write(self, data: "Buffer") -> int:
        """Write all of it."""
        view = memoryview(data)
        done = 0
        while done < len(view):
            done += super().write(view[done:]) or 0
        return done


def _quietly(clean: Callable[[], None]) -> None:
    try:
        clean()
    except (OSError, av.FFmpegError):
        # What cannot be removed has a dot name and a .part ending; the error that matters is already on its way.
        return
