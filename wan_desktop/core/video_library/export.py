"""Copies of videos in another folder, whole or not at all."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from wan_desktop.core.errors import DiskFullError, VideoMissingError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.video_library.entry import ScanProgress
from wan_desktop.core.video_library.places import free_place, move_file, translated
from wan_desktop.core.words import mark, tr

_CHUNK_BYTES = 4 << 20


def copy_into(videos: Sequence[Path], folder: Path, context: JobContext) -> list[Path]:
    """Copy the files; see `VideoLibrary.export`."""
    _check_space(videos, folder)
    copies = []
    for number, video in enumerate(videos):
        context.progress(ScanProgress(number, len(videos), video.name))
        with translated(video, mark("copied")):
            copies.append(_copy(video, folder, context))
    return copies


def _check_space(videos: Sequence[Path], folder: Path) -> None:
    missing = next((video for video in videos if not video.is_file()), None)
    if missing is not None:
        raise VideoMissingError(
            tr("{missing} is not there.", missing=missing.name), hint=tr("Find it, or leave it out.")
        )
    with translated(folder, mark("made")):
        folder.mkdir(parents=True, exist_ok=True)
        needed_bytes = sum(video.stat().st_size for video in videos)
        free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise DiskFullError(
            tr(
                "The copies need {needed_bytes:,} bytes; {free_bytes:,} are free in {folder}.",
                needed_bytes=needed_bytes,
                free_bytes=free_bytes,
                folder=folder,
            ),
            hint=tr("Free some space, or choose another folder."),
        )


def _copy(video: Path, folder: Path, context: JobContext) -> Path:
    beside = folder / f".{video.stem}.{os.getpid()}.part"
    try:
        with video.open("rb") as source, beside.open("wb") as copy:
            while chunk := source.read(_CHUNK_BYTES):
                context.check_cancelled()
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(video, beside)
        return _name(beside, folder / video.name)
    finally:
        beside.unlink(missing_ok=True)


def _name(beside: Path, wanted: Path) -> Path:
    while True:
        place = free_place(wanted)
        try:
            move_file(beside, place)
        except FileExistsError:  # it appeared just now
            continue
        return place
