"""Makes wan_desktop.ico from the program's own icon: `python -m installer.make_icon`."""

import io
import os
from pathlib import Path

from PIL import Image

from installer import common

SIZES_PX = (16, 20, 24, 32, 40, 48, 64, 128, 256)
_TILE, _LINE = "#2f6fde", "#ffffff"
_CORNER, _PADDING = 0.22, 0.18
"""Parts of the edge."""


def draw(edge_px: int) -> bytes:
    """The icon on a rounded tile, as PNG."""
    from PySide6.QtCore import QBuffer, QIODevice, QRectF, Qt  # noqa: PLC0415 - after the platform is chosen
    from PySide6.QtGui import QColor, QImage, QPainter  # noqa: PLC0415 - as above
    from PySide6.QtSvg import QSvgRenderer  # noqa: PLC0415 - as above

    image = QImage(edge_px, edge_px, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(_TILE))
    corner = edge_px * _CORNER
    painter.drawRoundedRect(QRectF(0, 0, edge_px, edge_px), corner, corner)
    drawing = (common.ROOT / "resources" / "icons" / "film.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(drawing.replace("currentColor", _LINE).encode())
    space = edge_px * _PADDING
    renderer.render(painter, QRectF(space, space, edge_px - 2 * space, edge_px - 2 * space))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload] # the stubs know only bytes, Qt takes the name
    return bytes(buffer.data().data())


def make(path: Path) -> None:
    """Write the icon file."""
    from PySide6.QtGui import QGuiApplication  # noqa: PLC0415 - as above

    application = QGuiApplication([])
    pictures = [Image.open(io.BytesIO(draw(edge))) for edge in SIZES_PX]
    pictures[-1].save(path, format="ICO", sizes=[(edge, edge) for edge in SIZES_PX], append_images=pictures[:-1])
    del application


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    make(common.HERE / "wan_desktop.ico")
