"""Finished latents on disk until their video is written."""

import contextlib
import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from wan_desktop import __version__
from wan_desktop.core.files import replace_patiently
from wan_desktop.core.messages import Generate
from wan_desktop.core.model_folder import ModelFolder
from wan_desktop.core.records import to_plain

logger = logging.getLogger(__name__)
_KEPT = 8
"""Unfinished renders whose latents stay on disk; 20 MB each for a 14B model at 720p."""


class KeptLatents:
    """The latents of one render, found again by what made them.

    The name is a hash, so that no prompt lies in the folder.

    Args:
        folder: Where they lie.
        command: What makes them.
        model: What it makes them with.
        spare: Takes them when the folder cannot, for as long as the engine lives.
    """

    def __init__(self, folder: Path, command: Generate, model: ModelFolder, spare: dict[str, Tensor]) -> None:
        made_by = [
            to_plain(replace(command.request, fps=1)),
            command.plan.numbers,
            weights_stamp(model),
            __version__,
            _image_stamp(command),
        ]
        name = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
        self._path = folder / f"{name}.safetensors"
        self._spare = spare

    def load(self, shape: tuple[int, ...]) -> Tensor | None:
        """The latents, if they are there and whole."""
        if self._path.name in self._spare:
            return self._spare[self._path.name]
        try:
            latents = load_file(self._path)["latents"]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, SafetensorError, KeyError):
            logger.warning("Kept latents could not be read; they are made again")
            return None
        return latents if latents.shape == shape and bool(torch.isfinite(latents).all()) else None

    def save(self, latents: Tensor) -> None:
        """Keep them on disk, or without space in memory."""
        beside = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            save_file({"latents": latents.cpu().contiguous()}, beside)
            replace_patiently(beside, self._path)
            self._forget_old()
        except (OSError, SafetensorError) as error:
            logger.warning("The latents could not be kept on disk: %s", error)
            self._spare.clear()
            self._spare[self._path.name] = latents.cpu()
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)

    def _forget_old(self) -> None:
        """Only the newest few stay: nobody may ever try those renders again."""
        kept = sorted(self._path.parent.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
        for file in kept[:-_KEPT]:
            file.unlink()

    def remove(self) -> None:
        """Their video is written."""
        self._spare.pop(self._path.name, None)
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def weights_stamp(folder: ModelFolder) -> list[list[object]]:
    """Sizes and times of the weight files: tells that they have changed."""
    files = [file for files in folder.weight_files.values() for file in files]
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def _image_stamp(command: Generate) -> list[list[object]]:
    images = [path for path in (command.request.image, command.request.last_image) if path is not None]
    return [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in images if path.exists()]
