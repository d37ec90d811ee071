"""Every frame as a PNG beside the video: an extra, which never costs the video."""

import errno
import io
import logging
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)
_SPARE_PICTURES = 6
"""So many raw pictures, and twice what is encoded so far, must stay free for the video itself."""


class FrameFiles:
    """Writes frames into a folder that gets its name when all are there.

    If one cannot be written, all are removed: half of them are of no use, and the video needs the space.

    Args:
        video: The target of the video; its folder is there.
    """

    def __init__(self, video: Path) -> None:
        self._folder = video.with_name(f"{video.stem} frames")
        self._beside = video.with_name(f".{video.stem}.{os.getpid()}.frames.part")
        self._count = 0
        self.problem = ""
        """Why there are none, in a sentence; empty while all is well."""
        try:
            self._beside.mkdir(exist_ok=True)
        except OSError as error:
            self._give_up(error)

    def write(self, picture: np.ndarray, *, video_bytes: int) -> None:
        """Write the next one, unless one before could not be written.

        Args:
            picture: `(height, width, 3)`, uint8.
            video_bytes: Size of the video so far, which is still to be written.
        """
        if self.problem:
            return
        self._count += 1
        data = io.BytesIO()
        Image.fromarray(picture).save(data, "PNG")
        try:
            self._check_room(2 * video_bytes + _SPARE_PICTURES * picture.nbytes + len(data.getbuffer()))
            (self._beside / f"{self._count:05d}.png").write_bytes(data.getbuffer())
        except OSError as error:
            self._give_up(error)

    def publish(self) -> Path | None:
        """Give the folder its name, in place of one of an earlier video; None if there are no frames."""
        if self.problem:
            return None
        try:
            if self._folder.exists():
                _remove_folder(self._folder)
            self._beside.rename(self._folder)
        except OSError as error:
            self._give_up(error)
            return None
        return self._folder

    def discard(self) -> None:
        """Remove what has no final name."""
        try:
            _remove_folder(self._beside)
        except OSError as error:  # it has a dot name and a .part ending
            logger.warning("Frames cannot be removed: %s", error.strerror or error)

    def _check_room(self, needed_bytes: int) -> None:
        if shutil.disk_usage(self._beside.parent).free < needed_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _give_up(self, error: OSError) -> None:
        logger.warning("The frames cannot be written: %s", error.strerror or error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = tr("there is no space left in {folder}", folder=self._beside.parent)
        else:
            reason = error.strerror or str(error)
        self.problem = tr("The single frames could not be written: {reason}. The video is whole.", reason=reason)
        self.discard()


def _remove_folder(folder: Path) -> None:
    if folder.exists():
        for file in folder.glob("*.png"):
            file.unlink()
        folder.rmdir()
