"""Two pictures, one over the other, with a line between that is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent

_WIPE_STEP = 0.05
_KNOB_PX = 14


class WipeView(QWidget):
    """Two pictures, the first left of a line and the second right of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images = (QImage(), QImage())
        self._names = ("A", "B")
        self.part = 0.5
        """How much of the width shows the first."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 90)
        self.setToolTip(tr("Move the line with the mouse, or with the arrow keys"))
        self.set_part(self.part)

    def show_images(self, first: QImage, second: QImage) -> None:
        """Show these."""
        self._images = (first, second)
        self.update()

    def set_names(self, first: str, second: str) -> None:
        """What the two are called."""
        self._names = (first, second)
        self.set_part(self.part)

    def set_part(self, part: float) -> None:
        """Put the line there."""
        self.part = min(1.0, max(0.0, part))
        percent = round(self.part * 100)
        self.setAccessibleName(tr("Comparison: {first} on the left, {second} on the right", **self._named()))
        self.setAccessibleDescription(tr("The line is at {percent} percent", percent=percent))
        self.update()

    def picture_rect(self) -> QRectF:
        """Where the pictures are."""
        image = next((image for image in self._images if not image.isNull()), None)
        if image is None:
            return QRectF(self.rect())
        size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        rect = QRectF(0, 0, size.width(), size.height())
        rect.moveCenter(QRectF(self.rect()).center())
        return rect

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the line along."""
        self._move_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Take the line along."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move_to(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the line."""
        step = {Qt.Key.Key_Left: -_WIPE_STEP, Qt.Key.Key_Right: _WIPE_STEP}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.set_part(self.part + step)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the ring."""
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw both pictures, the line and the names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect = self.picture_rect()
        path = QPainterPath()
        path.addRoundedRect(rect, 8, 8)
        painter.fillPath(path, look().color("track"))
        x = rect.left() + rect.width() * self.part
        sides = (
            QRectF(rect.left(), rect.top(), x - rect.left(), rect.height()),
            QRectF(x, rect.top(), rect.right() - x, rect.height()),
        )
        for image, side in zip(self._images, sides, strict=True):
            painter.save()
            painter.setClipPath(path)
            painter.setClipRect(side, Qt.ClipOperation.IntersectClip)
            painter.drawImage(_fitted(image, rect), image)
            painter.restore()
        self._paint_line(painter, rect, x)
        self._paint_names(painter, rect)
        painter.end()

    def _paint_line(self, painter: QPainter, rect: QRectF, x: float) -> None:
        focused = self.hasFocus()
        painter.setPen(QPen(QColor(10, 12, 16), 4))
        painter.drawLine(round(x), round(rect.top()), round(x), round(rect.bottom()))
        painter.setPen(QPen(look().color("link") if focused else QColor("white"), 2))
        painter.drawLine(round(x), round(rect.top()), round(x), round(rect.bottom()))
        painter.setBrush(QColor("white"))
        size = look().px(_KNOB_PX)
        painter.drawEllipse(QRectF(x - size / 2, rect.center().y() - size / 2, size, size))

    def _paint_names(self, painter: QPainter, rect: QRectF) -> None:
        font = look().font(12, QFont.Weight.DemiBold)
        painter.setFont(font)
        height, width = look().px(24), min(look().px(200), rect.width() / 2 - 16)
        for left, name in zip((rect.left() + 8, rect.right() - 8 - width), self._names, strict=True):
            box = QRectF(left, rect.top() + 8, width, height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(10, 12, 16, 205))
            painter.drawRoundedRect(box, height / 2, height / 2)
            painter.setPen(QColor("white"))
            shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, round(width - 20))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine, shown)

    def _named(self) -> dict[str, str]:
        return {"first": self._names[0], "second": self._names[1]}

    def _move_to(self, event: QMouseEvent) -> None:
        rect = self.picture_rect()
        self.set_part((event.position().x() - rect.left()) / max(1.0, rect.width()))


def _fitted(image: QImage, rect: QRectF) -> QRectF:
    """Where a picture of another shape goes, in the middle of the place."""
    if image.isNull():
        return rect
    size = image.size().scaled(rect.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRectF(0, 0, size.width(), size.height())
    place.moveCenter(rect.center())
    return place
