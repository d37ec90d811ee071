"""Icons: Lucide's SVG files, coloured when they are drawn, so that a change of theme needs no second set.

Imported when the first icon is drawn, which in the program is after the first paint: `QIcon`, `QPainter` and the SVG
library take 10 ms of a start of 200, most of it for enumerations that PySide builds.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QRectF
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from wan_desktop.core.paths import resources_folder
from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from pathlib import Path

_ICON_GAP = 5  # Fusion leaves 4 px between icon and text, which looks glued; the pixmap carries the rest


@cache
def _folder() -> Path:
    return resources_folder() / "icons"


@cache
def _svg(name: str) -> bytes:
    return (_folder() / f"{name}.svg").read_bytes()


def icon_pixmap(name: str, color: QColor, size: int, *, gap: int = 0) -> QPixmap:
    """The icon in that colour, `size` logical pixels high, with `gap` empty pixels on its right."""
    application = QGuiApplication.instance()
    ratio = application.devicePixelRatio() if isinstance(application, QGuiApplication) else 1.0
    key = f"wan-icon {name} {color.name()} {size} {gap} {ratio}"
    drawn = QPixmap()
    if QPixmapCache.find(key, drawn):
        return drawn
    pixmap = QPixmap(round((size + gap) * ratio), round(size * ratio))
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    svg = _svg(name).replace(b"currentColor", color.name().encode())
    QSvgRenderer(QByteArray(svg)).render(painter, QRectF(0, 0, size * ratio, size * ratio))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    QPixmapCache.insert(key, pixmap)
    return pixmap


def icon(name: str, token: str, size: int, *, gap: int = _ICON_GAP) -> QIcon:
    """The icon for a button."""
    return QIcon(icon_pixmap(name, look().color(token), size, gap=gap))
