"""A picture as large as its place allows, with round corners and a word on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QSizePolicy, QWidget

from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_RADIUS = 8


class PictureView(QWidget):
    """Paints an image, scaled to fit.

    Args:
        name: Accessible name.
        parent: Its parent.
        badge: Words in the upper left corner of the picture.
    """

    def __init__(self, name: str, parent: QWidget | None = None, *, badge: str = "") -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 60)
        self._badge = badge
        self._image = QImage()
        self._shape = QSize(16, 9)
        self.waiting_text = ""

    @property
    def image(self) -> QImage:
        """What is shown."""
        return self._image

    def set_shape(self, width: int, height: int) -> None:
        """Shape of the place while there is no picture, and of the picture: a preview may be a few pixels off."""
        self._shape = QSize(max(1, width), max(1, height))
        self.update()

    def set_image(self, image: QImage) -> None:
        """Show another picture."""
        self._image = image
        self.update()

    def sizeHint(self) -> QSize:
        """A middling size; the layout gives what there is."""
        return QSize(640, 360)

    def picture_rect(self) -> QRectF:
        """Where the picture is."""
        size = self._shape.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(
            (self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height()
        )

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw picture and badge."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect = self.picture_rect()
        path = QPainterPath()
        path.addRoundedRect(rect, _RADIUS, _RADIUS)
        painter.fillPath(path, look().color("card" if self._image.isNull() else "track"))
        if self._image.isNull():
            painter.setPen(look().color("text3"))
            painter.setFont(look().font(14))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.waiting_text)
        else:
            painter.save()
            painter.setClipPath(path)
            painter.drawImage(rect, self._image)
            painter.restore()
            self._paint_badge(painter, rect)
        if self.hasFocus():
            painter.setPen(look().color("link"))
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), _RADIUS, _RADIUS)
        painter.end()

    def _paint_badge(self, painter: QPainter, rect: QRectF) -> None:
        if not self._badge:
            return
        font = look().font(12, QFont.Weight.DemiBold)
        width = QFontMetrics(font).horizontalAdvance(self._badge) + look().px(20)
        if width + 16 > rect.width():
            return
        box = QRectF(rect.left() + 8, rect.top() + 8, width, look().px(24))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(10, 12, 16, 215))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setPen(QColor("white"))
        painter.setFont(font)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._badge)
