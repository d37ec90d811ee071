"""Video files on disk: safe names, moves that never overwrite, and what belongs to a video."""

import contextlib
import errno
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from wan_desktop.core.errors import (
    DiskFullError,
    FileBlockedError,
    InputError,
    UnsafeNameError,
    VideoMissingError,
    VideoNotSavedError,
    WanError,
)
from wan_desktop.core.recipe import recipe_id, text_beside
from wan_desktop.core.store.names import check_name
from wan_desktop.core.video_library.identity import is_content_id
from wan_desktop.core.words import tr

_FRAME_NAME = re.compile(r"\d{5,}\.png")
_LEFT_BY_SYSTEMS = {"Thumbs.db", "desktop.ini", ".DS_Store"}
"""What file managers write into folders of pictures that somebody looked at."""
RECIPE_BESIDE = ".mp4"
"""Only beside such a video, which is what the program writes, a recipe or a poster is its own."""
VIDEO_ENDINGS = (RECIPE_BESIDE, ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""Files of these names are taken for videos."""


@contextlib.contextmanager
def translated(path: Path, doing: str) -> Iterator[None]:
    """Turns what the system says about a file into errors a user can act on.

    Args:
        path: Which file.
        doing: Such as `mark("renamed")`, after "could not be"; translated here.
    """
    try:
        yield
    except OSError as error:
        raise _error(error, path, doing) from error


def _error(error: OSError, path: Path, doing: str) -> WanError:
    reason = error.strerror or error
    message = tr("{name} could not be {done}: {reason}.", name=path.name, done=tr(doing), reason=reason)
    details = str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(message, hint=tr("Free some space, then try again."), details=details)
    if isinstance(error, FileNotFoundError):
        return VideoMissingError(
            message, hint=tr("See whether its drive is connected, or find the file."), details=details
        )
    if isinstance(error, PermissionError) or error.errno in (errno.EROFS, errno.EBUSY):
        hint = tr("Close programs that use it, and see whether you may write in that folder.")
        return FileBlockedError(message, hint=hint, details=details)
    return VideoNotSavedError(message, hint=tr("See whether its drive works, then try again."), details=details)


def safe_stem(name: str) -> str:
    """A name that the user typed, as a file name without its ending that is good on every system.

    Raises:
        InputError: It cannot be one.
    """
    stem = unicodedata.normalize("NFC", name).strip()
    ending = next((ending for ending in VIDEO_ENDINGS if stem.lower().endswith(ending)), "")
    stem = stem.removesuffix(stem[len(stem) - len(ending) :]).strip()
    problem = tr("it is empty") if not stem else tr("it holds /") if "/" in stem else ""
    if not problem:
        try:
            check_name(stem)
            check_name(f"{stem}.mp4")
        except UnsafeNameError as error:
            problem = error.message.rstrip(".").rpartition(": ")[2] if ": " in error.message else error.message
    if problem:
        raise InputError(
            tr("The video cannot be named so: {problem}.", problem=problem),
            hint=tr('Choose another name; it cannot hold any of \\ / : * ? " < > |'),
        )
    return stem


def free_place(path: Path) -> Path:
    """The path, or one with a number behind the name if something is there."""
    number = 2
    place = path
    while os.path.lexists(place):
        place = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    return place


def move_file(source: Path, target: Path) -> None:
    """Rename on one drive; never over another file.

    Raises:
        FileExistsError: Something is there.
        OSError: It cannot be renamed.
    """
    if os.path.lexists(target) and not _only_spelt_otherwise(source, target):
        raise FileExistsError(errno.EEXIST, tr("there is a file of that name"), str(target))
    if os.name == "nt" or source.is_dir() or os.path.lexists(target):
        source.rename(target)  # Windows refuses by itself to overwrite
        return
    try:
        # A rename overwrites on these systems, a second name does not, even if one appeared just now.
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # FAT and some network drives know no second names
        source.rename(target)
    else:
        source.unlink()


def _only_spelt_otherwise(source: Path, target: Path) -> bool:
    """Whether both are the same file where capitals do not count, and not two names of one file."""
    return source.name.casefold() == target.name.casefold() and source.samefile(target) and source != target


def companions(video: Path, video_recipe_id: str) -> list[Path]:
    """What the program made beside the video: sidecar, poster, folder of PNG frames.

    A file of the user that only has the same name is not among them, as far as can be told.

    Raises:
        OSError: They cannot be looked at.
    """
    if is_content_id(video_recipe_id) or video.suffix.lower() != RECIPE_BESIDE:
        return []
    found = []
    text = text_beside(video)
    with contextlib.suppress(ValueError, RecursionError):
        if text is not None and recipe_id(text) == video_recipe_id:
            found.append(video.with_suffix(".json"))
    poster = video.with_suffix(".png")
    if poster.is_file():
        found.append(poster)
    frames = frames_of(video)
    return found if frames is None else [*found, frames]


def frames_of(video: Path) -> Path | None:
    """The folder with the frames of a video as PNG pictures; None if there is none, or if it holds anything else.

    Raises:
        OSError: It cannot be looked at.
    """
    frames = video.with_name(f"{video.stem} frames")
    if video.suffix.lower() != RECIPE_BESIDE or not frames.is_dir() or frames.is_symlink():
        return None
    names = {path.name for path in frames.iterdir()} - _LEFT_BY_SYSTEMS
    return frames if names and all(map(_FRAME_NAME.fullmatch, names)) else None


def renamed(companion: Path, video: Path, target: Path) -> Path:
    """Where a companion goes when its video becomes `target`."""
    return target.with_name(target.stem + companion.name.removeprefix(video.stem))


def rename_all(video: Path, video_recipe_id: str, target: Path) -> None:
    """Give the video another name in its folder; what belongs to it goes along as far as it can.

    Raises:
        InputError: There is a file of that name.
        OSError: It cannot be renamed.
    """
    beside = companions(video, video_recipe_id)
    try:
        move_file(video, target)
    except FileExistsError as error:
        raise InputError(
            tr("There is a file named {target} already.", target=target.name), hint=tr("Choose another name.")
        ) from error
    for companion in beside:
        with contextlib.suppress(OSError):  # the video is what counts
            move_file(companion, renamed(companion, video, target))
