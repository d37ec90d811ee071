"""Files that bring the settings of a video with them: dropped on the window, or named at the start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData

ENDINGS = (".mp4", ".png", ".json")
"""Of what the program writes; whether one is ours shows when it is read."""


def may_be_recipe(path: Path) -> bool:
    """By its name, it may hold the settings of a video."""
    return path.suffix.lower() in ENDINGS


def recipe_in(data: QMimeData) -> Path | None:
    """The first local file among what is dropped that may hold the settings of a video."""
    paths = (Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
    return next((path for path in paths if may_be_recipe(path)), None)
