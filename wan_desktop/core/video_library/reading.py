"""One file read: whether it is a video of ours, what it shows, how it was made, and whether all of it is there."""

import datetime
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from wan_desktop.core.errors import FileBlockedError, VideoUnreadableError
from wan_desktop.core.recipe import (
    MAX_JSON_BYTES,
    Recipe,
    cut_off,
    recipe_from_json,
    recipe_id,
    text_beside,
    text_in_tags,
)
from wan_desktop.core.video_library.entry import VideoFacts
from wan_desktop.core.words import tr

_MAX_WHOLE = 2**63 - 1
"""SQLite keeps no larger whole number."""


class _Stream(NamedTuple):
    """What the file says of itself; 0 for what it does not say."""

    width: int = 0
    height: int = 0
    frames: int = 0
    fps: float = 0.0


def read_video(path: Path) -> VideoFacts | None:
    """What the file tells; None for a video that this program has not made.

    A file that is cut off or spoiled, but whose recipe can still be had from it or from beside it, has `damage`.

    Raises:
        VideoUnreadableError: It is no video, its recipe is damaged, or it comes from a newer program.
        FileBlockedError: The system does not let it be read now.
    """
    try:
        with path.open("rb") as file:
            stamp = os.fstat(file.fileno())
            damage = cut_off(file, stamp.st_size)
        beside = text_beside(path)
    except OSError as error:
        raise FileBlockedError(
            tr("{name} cannot be read: {reason}.", name=path.name, reason=error.strerror or error),
            hint=tr("Close programs that use it, or allow reading it."),
        ) from error
    text, stream = None, _Stream()
    try:
        text, stream = _open(path)
    except (OSError, ValueError) as error:
        if beside is None:
            raise VideoUnreadableError(
                tr("{name} cannot be read as a video: {error}.", name=path.name, error=error),
                details=damage,
                hint=tr("It may be damaged."),
            ) from error
        damage = damage or tr("It cannot be read as a video: {error}.", error=error)
    text = text or beside
    if text is None and damage:  # whose it was cannot be told any more
        raise VideoUnreadableError(
            tr("{name} cannot be read as a video. {damage}", name=path.name, damage=damage),
            hint=tr("It may be damaged."),
        )
    return None if text is None else _facts(path, text, stream, stamp, damage)


def _open(path: Path) -> tuple[str | None, _Stream]:
    import av  # noqa: PLC0415 - 40 MB of libraries; a scan that finds nothing new does without

    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            return _describe(container)
    except av.FFmpegError as error:  # only some of its kinds are OSErrors or ValueErrors
        raise ValueError(str(error)) from error


def _describe(container: Any) -> tuple[str | None, _Stream]:
    text = text_in_tags(container.metadata)
    if text is None or not container.streams.video:
        return text, _Stream()
    stream = container.streams.video[0]
    if stream.codec_context is None:  # of a kind that nothing here decodes; then it has no size either
        raise ValueError("its pictures are of an unknown kind")
    return text, _Stream(stream.width, stream.height, stream.frames, float(stream.average_rate or 0))


def _facts(path: Path, text: str, stream: _Stream, stamp: os.stat_result, damage: str) -> VideoFacts:
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
        created=_created(recipe, stamp.st_mtime),
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
    numbers = (facts.width, facts.height, facts.num_frames, facts.fps, facts.seed)
    if not all(0 <= number <= _MAX_WHOLE for number in numbers):
        raise VideoUnreadableError(tr("The settings inside this video cannot be read."), details=f"{numbers}")
    return facts


def _created(recipe: Recipe, mtime_s: float) -> str:
    """When it was made, in a form whose order as text is the order in time."""
    try:
        told = datetime.datetime.fromisoformat(recipe.created)
        told = told.replace(tzinfo=told.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        told = datetime.datetime.fromtimestamp(mtime_s, datetime.UTC)
    return told.isoformat(timespec="microseconds")


def _storable(text: str) -> str:
    """Without the half characters that JSON can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
