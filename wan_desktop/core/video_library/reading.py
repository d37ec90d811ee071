"""One file read: what it shows, how it was made if it says so, and whether all of it is there."""

import contextlib
import datetime
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wan_desktop.core.errors import FileBlockedError, VideoUnreadableError
from wan_desktop.core.recipe import (
    MAX_JSON_BYTES,
    cut_off,
    recipe_from_json,
    recipe_id,
    text_beside,
    text_in_tags,
)
from wan_desktop.core.video_library.entry import VideoFacts
from wan_desktop.core.video_library.identity import content_id
from wan_desktop.core.video_library.places import RECIPE_BESIDE
from wan_desktop.core.words import tr

_MAX_WHOLE = 2**63 - 1
"""SQLite keeps no larger whole number."""


class _Stream(NamedTuple):
    """What the file says of itself; 0 for what it does not say."""

    width: int = 0
    height: int = 0
    frames: int = 0
    fps: float = 0.0
    created: str = ""


class _Held(NamedTuple):
    """What is in a file."""

    text: str | None
    stream: _Stream | None
    """None if there are no pictures in it."""


def read_video(path: Path) -> VideoFacts | None:
    """What the file tells; None for one that holds sound alone.

    A video of another program, or one whose recipe cannot be read, is told without one. A file that is cut off or
    spoiled, but of which something can still be had, has `damage`.

    Raises:
        VideoUnreadableError: It is no video, or too damaged to tell anything; see `unreadable_video`.
        FileBlockedError: The system does not let it be read now.
    """
    with _unblocked(path):
        with path.open("rb") as file:
            stamp = os.fstat(file.fileno())
            damage = cut_off(file, stamp.st_size)
        beside = text_beside(path) if path.suffix.lower() == RECIPE_BESIDE else None
    held = _Held(None, None)
    try:
        held = _open(path)
    except (OSError, ValueError) as error:
        if beside is None:
            raise VideoUnreadableError(
                tr("{name} cannot be read as a video: {error}.", name=path.name, error=error),
                details=damage,
                hint=tr("It may be damaged."),
            ) from error
        damage = damage or tr("It cannot be read as a video: {error}.", error=error)
    text = held.text or beside
    if text is None and damage:  # whose it was cannot be told any more
        raise VideoUnreadableError(
            tr("{name} cannot be read as a video. {damage}", name=path.name, damage=damage),
            hint=tr("It may be damaged."),
        )
    if text is None:
        return None if held.stream is None else _without_recipe(path, held.stream, stamp)
    try:
        return _with_recipe(path, text, held.stream or _Stream(), stamp, damage)
    except VideoUnreadableError as error:
        if held.stream is None:
            raise
        return _without_recipe(path, held.stream, stamp, damage=damage, no_recipe=error.message)


def unreadable_video(path: Path, damage: str) -> VideoFacts:
    """What can be told of a file that `read_video` cannot read: that it is there.

    Raises:
        FileBlockedError: The system does not let it be read now.
    """
    with _unblocked(path):
        return _without_recipe(path, _Stream(), path.stat(), damage=damage)


@contextlib.contextmanager
def _unblocked(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileBlockedError(
            tr("{name} cannot be read: {reason}.", name=path.name, reason=error.strerror or error),
            hint=tr("Close programs that use it, or allow reading it."),
        ) from error


def _open(path: Path) -> _Held:
    import av  # noqa: PLC0415 - 40 MB of libraries; a scan that finds nothing new does without

    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            return _Held(text_in_tags(container.metadata), _describe(container))
    except av.FFmpegError as error:  # only some of its kinds are OSErrors or ValueErrors
        raise ValueError(str(error)) from error


def _describe(container: Any) -> _Stream | None:
    if not container.streams.video:
        if container.streams.audio or text_in_tags(container.metadata) is not None:
            return None
        raise ValueError(tr("it holds no pictures"))  # and no sound: whatever it was, it is spoiled
    stream = container.streams.video[0]
    if stream.codec_context is None:  # of a kind that nothing here decodes; then it has no size either
        raise ValueError(tr("its pictures are of an unknown kind"))
    fps = float(stream.average_rate or 0)
    created = container.metadata.get("creation_time", "")
    return _Stream(stream.width, stream.height, stream.frames or _frames_in(container, fps), fps, created)


def _frames_in(container: Any, fps: float) -> int:
    """How many pictures there are by the file's length; some kinds of file do not count them."""
    lasts_s = (container.duration or 0) / 1_000_000
    return round(lasts_s * fps) if 0 < lasts_s * fps < _MAX_WHOLE else 0


def _with_recipe(path: Path, text: str, stream: _Stream, stamp: os.stat_result, damage: str) -> VideoFacts:
    if len(text) > MAX_JSON_BYTES:
        raise VideoUnreadableError(
            tr("The settings inside {name} are far too long.", name=path.name), hint=tr("It may be damaged.")
        )
    recipe = recipe_from_json(text)
    request = recipe.request
    facts = VideoFacts(
        path=path,
        recipe_id=recipe_id(text),
        recipe_json=json.dumps(json.loads(text)),  # not the record: a later program may read more of it
        created=_moment(recipe.created, stamp.st_mtime),
        prompt=_storable(request.prompt),
        model_id=_storable(request.model_id),
        variant=_storable(request.variant),
        mode=request.mode,
        width=stream.width or request.width,
        height=stream.height or request.height,
        num_frames=stream.frames or request.num_frames,
        fps=stream.fps or float(request.fps),
        seed=request.seed,
        size_bytes=stamp.st_size,
        mtime_ns=stamp.st_mtime_ns,
        damage=damage,
    )
    return _checked(facts)


def _without_recipe(
    path: Path, stream: _Stream, stamp: os.stat_result, *, damage: str = "", no_recipe: str = ""
) -> VideoFacts:
    with _unblocked(path):
        known_as = content_id(path)
    # Cameras whose clock was never set, and programs that leave the field empty, write one of these years.
    unset = stream.created[:4] in ("1904", "1970")
    facts = VideoFacts(
        path=path,
        recipe_id=known_as,
        recipe_json="",
        created=_moment("" if unset else stream.created, stamp.st_mtime),
        prompt="",
        model_id="",
        variant="",
        mode=None,
        width=stream.width,
        height=stream.height,
        num_frames=stream.frames,
        fps=stream.fps,
        seed=0,
        size_bytes=stamp.st_size,
        mtime_ns=stamp.st_mtime_ns,
        damage=damage,
        no_recipe=no_recipe,
    )
    return _checked(facts)


def _checked(facts: VideoFacts) -> VideoFacts:
    numbers = (facts.width, facts.height, facts.num_frames, facts.fps, facts.seed)
    if not all(0 <= number <= _MAX_WHOLE for number in numbers):
        raise VideoUnreadableError(tr("The settings inside this video cannot be read."), details=f"{numbers}")
    return facts


def _moment(told_text: str, mtime_s: float) -> str:
    """When it was made, else when its file was written; in a form whose order as text is the order in time."""
    try:
        told = datetime.datetime.fromisoformat(told_text)
        told = told.replace(tzinfo=told.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        told = datetime.datetime.fromtimestamp(mtime_s, datetime.UTC)
    return told.isoformat(timespec="microseconds")


def _storable(text: str) -> str:
    """Without the half characters that JSON can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
