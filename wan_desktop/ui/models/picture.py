"""A small picture for a model: a landscape in colours of its own, painted, so that no file is needed."""

from __future__ import annotations

import zlib

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPixmap, QRadialGradient
from PySide6.QtWidgets import QSizePolicy, QWidget

from wan_desktop.ui.theme import look

_WIDTH, _HEIGHT, _RADIUS = 84, 56, 6
_SPREAD = 584
"""Chosen so that the hues of the catalog's models are at least 30 degrees apart."""
_HILLS = ((0.62, 0.16, 0.0), (0.78, 0.11, 2.1))
"""Where the hills begin from above, how high they are, and where their waves begin; in parts of the height."""


class ModelPicture(QWidget):
    """Shows the landscape of a model.

    Args:
        seed: Decides the colours; the same for all packagings of a model.
        parent: Its parent.
    """

    def __init__(self, seed: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hue = zlib.crc32(seed.encode(), _SPREAD) % 360
        self._drawn: tuple[object, QPixmap] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """A fixed size."""
        return QSize(look().px(_WIDTH), look().px(_HEIGHT))

    def minimumSizeHint(self) -> QSize:
        """As the size hint."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it, from what was drawn before where that still fits."""
        ratio = self.devicePixelRatioF()
        wanted = (self.width(), self.height(), ratio)
        if self._drawn is None or self._drawn[0] != wanted:
            pixmap = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(QColor(0, 0, 0, 0))
            self._draw(pixmap)
            self._drawn = (wanted, pixmap)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn[1])
        painter.end()

    def _draw(self, pixmap: QPixmap) -> None:
        width, height = float(self.width()), float(self.height())
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(0, 0, width, height), _RADIUS, _RADIUS)
        painter.setClipPath(clip)
        sky = QLinearGradient(0, 0, 0, height)
        sky.setColorAt(0.0, self._color(0, 130, 110))
        sky.setColorAt(0.7, self._color(30, 150, 215))
        sky.setColorAt(1.0, self._color(50, 120, 240))
        painter.fillRect(QRectF(0, 0, width, height), sky)
        sun = QRadialGradient(QPointF(0.66 * width, 0.5 * height), 0.34 * height)
        sun.setColorAt(0.0, QColor(255, 246, 222, 255))
        sun.setColorAt(0.35, QColor(255, 240, 210, 200))
        sun.setColorAt(1.0, QColor(255, 240, 210, 0))
        painter.fillRect(QRectF(0, 0, width, height), sun)
        for number, (top, swing, phase) in enumerate(_HILLS):
            painter.fillPath(self._hill(top, swing, phase + self._hue), self._color(0, 110, 95 - 40 * number))
        painter.end()

    def _color(self, turn: int, saturation: int, value: int) -> QColor:
        return QColor.fromHsv((self._hue + turn) % 360, saturation, value)

    def _hill(self, top: float, swing: float, phase: float) -> QPainterPath:
        width, height = float(self.width()), float(self.height())
        path = QPainterPath(QPointF(0, height))
        steps = 4
        first = top - swing * (phase % 1.0)
        path.lineTo(0, first * height)
        for step in range(steps):
            x = width * (step + 1) / steps
            y = (top + (swing if step % 2 else -swing) * (0.4 + (phase * (step + 1)) % 0.6)) * height
            middle = width * (step + 0.5) / steps
            path.cubicTo(QPointF(middle, path.currentPosition().y()), QPointF(middle, y), QPointF(x, y))
        path.lineTo(width, height)
        path.closeSubpath()
        return path
