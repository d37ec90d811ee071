"""Pictures of a video file, decoded ahead of the player on a thread of its own.

PyAV decodes H.264 from the same wheel that writes it, so what was saved can be played; Qt's own player would bring
500 MB and fails without a word on some codecs.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QThread, Signal
from PySide6.QtGui import QImage

from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CACHE_BYTES = 192_000_000
_AHEAD = 8
_JUMP = 24
"""Frames that are decoded and thrown away rather than looked for anew."""
_MAX_PIXELS = 50_000_000
"""Larger frames are not decoded: ours have at most 4096 x 4096, and a damaged file may claim anything."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What a video file says of itself."""

    width: int
    height: int
    frames: int
    fps: float


class ClipError(Exception):
    """The file is no video that can be played; the text says why."""


def load_libraries() -> None:
    """Load what decodes videos, 40 MB, before the first is to be shown; at once if that was done."""
    import av  # noqa: F401, PLC0415 - see above


class ClipDecoder:
    """Reads frames by their number.

    Args:
        path: The video.

    Raises:
        ClipError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        import av  # noqa: PLC0415 - large; not needed before the first video

        # Only some kinds of FFmpegError are OSErrors or ValueErrors; EOFError and PatchWelcomeError are neither.
        self._faults = (OSError, ValueError, av.FFmpegError)
        try:
            self._container = av.open(str(path.absolute()), metadata_errors="replace")
        except self._faults as error:
            raise ClipError(tr("{name} cannot be opened: {error}", name=path.name, error=_reason(error))) from error
        try:
            self._stream, self.clip = self._describe()
        except self._faults as error:
            self._container.close()
            raise ClipError(tr("The file is damaged: {error}", error=_reason(error))) from error
        except ClipError:
            self._container.close()
            raise
        self._frames: Iterator[tuple[int, QImage]] | None = None
        self._next = 0

    def _describe(self) -> tuple[Any, Clip]:
        if not self._container.streams.video:
            raise ClipError(tr("The file holds no pictures"))
        stream = self._container.streams.video[0]
        if stream.codec_context is None:  # of a kind that nothing here decodes; then it has no size either
            raise ClipError(tr("The pictures in the file are of an unknown kind"))
        stream.thread_type = "AUTO"
        rate = stream.average_rate or stream.guessed_rate
        if not rate or rate < 0 or not stream.time_base or min(stream.width, stream.height) < 1:
            raise ClipError(tr("The file does not say how large and how fast its pictures are"))
        if stream.width * stream.height > _MAX_PIXELS:
            raise ClipError(tr("The pictures have {width} x {height} pixels", width=stream.width, height=stream.height))
        frames = stream.frames or sum(1 for packet in self._container.demux(stream) if packet.size)
        if frames < 1:
            raise ClipError(tr("The file holds no pictures"))
        return stream, Clip(stream.width, stream.height, frames, float(rate))

    def frame(self, index: int) -> QImage:
        """The picture of that number.

        Raises:
            ClipError: It cannot be decoded.
        """
        if self._frames is None or not self._next <= index <= self._next + _JUMP:
            self._frames = self._decode_from(index)
        for number, image in self._frames:
            self._next = number + 1
            if number >= index:
                return image
        raise ClipError(tr("Picture {number} of {total} cannot be decoded", number=index + 1, total=self.clip.frames))

    def _decode_from(self, index: int) -> Iterator[tuple[int, QImage]]:
        """Pictures with their numbers, from the key picture before that number on."""
        stream = self._stream
        start = stream.start_time or 0
        ticks = float(stream.time_base)
        try:
            self._container.seek(start + round(index / self.clip.fps / ticks), stream=stream)
            for frame in self._container.decode(stream):
                number = round((frame.pts - start) * ticks * self.clip.fps) if frame.pts is not None else self._next
                yield number, _image_of(frame)
        except self._faults as error:
            raise ClipError(tr("The file is damaged: {error}", error=_reason(error))) from error

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()


def _reason(error: Exception) -> str:
    """What FFmpeg or the system says, without its numbers and names of functions."""
    return getattr(error, "strerror", None) or str(error)


def _image_of(frame: Any) -> QImage:
    plane = frame.reformat(format="bgra").planes[0]
    view = QImage(bytes(plane), frame.width, frame.height, plane.line_size, QImage.Format.Format_RGB32)
    return view.copy()  # the bytes belong to Python and go away


class FrameReader(QThread):
    """Keeps the pictures around the wanted one ready.

    The player asks with `want` and is told by signals; it never waits.
    """

    opened = Signal(object)
    """A Clip."""
    frame_ready = Signal(int, QImage)
    failed = Signal(str)

    def __init__(self, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._path = path
        self._condition = threading.Condition()
        self._wanted = 0
        self._stopped = False
        self._cache: dict[int, QImage] = {}

    def want(self, index: int) -> QImage | None:
        """The picture if it is ready; if not, `frame_ready` follows."""
        with self._condition:
            self._wanted = index
            self._condition.notify()
            return self._cache.get(index)

    def stop(self) -> None:
        """End the thread and let go of the file."""
        with self._condition:
            self._stopped = True
            self._condition.notify()
        self.wait()

    def run(self) -> None:
        """Decode what is wanted and some ahead, until stopped."""
        try:
            decoder = ClipDecoder(self._path)
        except ClipError as error:
            self.failed.emit(str(error))
            return
        try:
            self.opened.emit(decoder.clip)
            self._serve(decoder)
        except ClipError as error:
            self.failed.emit(str(error))
        finally:
            decoder.close()

    def _serve(self, decoder: ClipDecoder) -> None:
        clip = decoder.clip
        room = max(_AHEAD + 2, _CACHE_BYTES // (clip.width * clip.height * 4))
        while (missing := self._next_missing(clip.frames)) is not None:
            image = decoder.frame(missing)
            with self._condition:
                self._cache[missing] = image
                self._forget(room, clip.frames)
                is_wanted = missing == self._wanted
            if is_wanted:
                self.frame_ready.emit(missing, image)

    def _next_missing(self, frames: int) -> int | None:
        """The next picture to decode; waits while all are there, and is None at the end."""
        with self._condition:
            while not self._stopped:
                ahead = ((self._wanted + i) % frames for i in range(min(_AHEAD, frames)))
                missing = next((index for index in ahead if index not in self._cache), None)
                if missing is not None:
                    return missing
                self._condition.wait()
            return None

    def _forget(self, room: int, frames: int) -> None:
        while len(self._cache) > room:
            # The one that comes up last when playing on from the wanted picture.
            self._cache.pop(max(self._cache, key=lambda index: (index - self._wanted) % frames))
