"""Where the window was, in a file of the data folder, and whether that place is still on a screen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.json_file import JsonFile

_MAX_FILE_BYTES = 10_000
_TITLE_HEIGHT, _TITLE_WIDTH = 40, 160
"""So much of the window's upper edge must be on a screen, in logical pixels, for the mouse to move it."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """In logical pixels of the desktop, which may begin below zero."""

    left: int
    top: int
    width: int
    height: int

    def common(self, other: "Rectangle") -> tuple[int, int]:
        """Width and height of what both cover; zero or below if nothing."""
        width = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        height = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        return width, height


@dataclass(frozen=True, slots=True)
class WindowPlace:
    """Where the window was, and whether it filled the screen; then the place is that before it did.

    Left and top are those of its frame, width and height those within it.
    """

    place: Rectangle
    maximized: bool = False


def place_file(data: Path) -> Path:
    """The file in the data folder."""
    return data / "window.json"


def load_place(file: Path) -> WindowPlace | None:
    """What was kept; None if nothing, or nothing of use."""
    return _json_file(file).read()


def save_place(place: WindowPlace, file: Path) -> None:
    """Keep it; a disk that refuses is only logged."""
    _json_file(file).try_write(place)


def _json_file(file: Path) -> JsonFile[WindowPlace]:
    return JsonFile(file, WindowPlace, file_format=None, limit_bytes=_MAX_FILE_BYTES)


def fitted(place: WindowPlace, screens: Sequence[Rectangle], minimum: tuple[int, int]) -> WindowPlace | None:
    """The place, moved and made smaller so that the window can be seen and moved; None if its screen is gone.

    Args:
        place: Where it was.
        screens: The room of each screen, without the taskbar.
        minimum: Smallest width and height of the window.
    """
    edge = replace(place.place, height=_TITLE_HEIGHT)
    commons = [(screen.common(edge), screen) for screen in screens]
    seen = [(width, screen) for (width, height), screen in commons if width >= _TITLE_WIDTH and height > 0]
    if not seen:
        return None
    screen = max(seen, key=lambda pair: pair[0])[1]
    width = max(minimum[0], min(place.place.width, screen.width))
    height = max(minimum[1], min(place.place.height, screen.height - _TITLE_HEIGHT))
    left = max(screen.left, min(place.place.left, screen.left + screen.width - width))
    top = max(screen.top, min(place.place.top, screen.top + screen.height - _TITLE_HEIGHT - height))
    return replace(place, place=Rectangle(left, top, width, height))
