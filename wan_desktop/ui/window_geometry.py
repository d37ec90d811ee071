"""Where a window is, and putting it there again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from wan_desktop.core.window_place import Rectangle, WindowPlace, fitted

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


def place_of(window: QWidget) -> WindowPlace:
    """Where it is, to be kept."""
    maximized = window.isMaximized()
    inner = window.normalGeometry() if maximized else window.geometry()
    corner = inner.topLeft() if maximized else window.pos()
    return WindowPlace(Rectangle(corner.x(), corner.y(), inner.width(), inner.height()), maximized)


def put(window: QWidget, place: WindowPlace | None, usual: tuple[int, int], minimum: tuple[int, int]) -> bool:
    """Put it where it was, if that can still be seen, else in its usual size wherever the system puts it.

    Args:
        window: Not shown yet.
        place: Where it was; None: nobody knows.
        usual: Width and height, which a small screen makes smaller.
        minimum: Smallest width and height.

    Returns:
        Whether it is to fill the screen.
    """
    rooms = [screen.availableGeometry() for screen in QGuiApplication.screens()]
    screens = [Rectangle(room.x(), room.y(), room.width(), room.height()) for room in rooms]
    kept = fitted(place, screens, minimum) if place is not None else None
    if kept is not None:
        window.move(kept.place.left, kept.place.top)
        window.resize(kept.place.width, kept.place.height)
        return kept.maximized
    width, height = usual
    if screens:
        width, height = min(width, screens[0].width), min(height, screens[0].height)
    window.resize(max(width, minimum[0]), max(height, minimum[1]))
    return False
