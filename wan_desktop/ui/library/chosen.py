"""The videos of the Library that something is done with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wan_desktop.core.recipe import Recipe
    from wan_desktop.core.video_library import VideoEntry
    from wan_desktop.ui.library.details import Details
    from wan_desktop.ui.library.grid import VideoGrid


class Chosen:
    """What is selected in the grid, or stands in the details alone.

    Args:
        grid: Where videos are selected.
        details: Shows one of them.
    """

    def __init__(self, grid: VideoGrid, details: Details) -> None:
        self._grid = grid
        self._details = details

    @property
    def entry(self) -> VideoEntry | None:
        """The video in the details."""
        return self._details.entry

    @property
    def recipe(self) -> Recipe | None:
        """How what stands in the details was made."""
        return self._details.recipe

    @property
    def entries(self) -> list[VideoEntry]:
        """The videos, as far as they were fetched."""
        return self._grid.picked_entries or ([self.entry] if self.entry is not None else [])

    @property
    def ids(self) -> list[int]:
        """All of them, fetched or not."""
        return self._grid.picked_ids or [entry.video_id for entry in self.entries]

    def release(self) -> None:
        """Let go of all files: on Windows, one that is open cannot be moved."""
        self._details.release()
        self._grid.release()
