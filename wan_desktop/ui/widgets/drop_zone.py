"""A place for a picture: drop it, choose it, paste it; then it shows which part is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QKeySequence, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.icons import icon_pixmap
from wan_desktop.ui.shortcuts import Action, shown_keys
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button

if TYPE_CHECKING:
    from PySide6.QtGui import (
        QDragEnterEvent,
        QDragLeaveEvent,
        QDropEvent,
        QFocusEvent,
        QKeyEvent,
        QMouseEvent,
        QPaintEvent,
        QResizeEvent,
    )


_NO_PICTURES = (".mp4", ".json", ".wanrecipe")
"""Files that bring the settings of a video: those are for the window."""


def picture_in(data: QMimeData) -> Path | QImage | None:
    """The picture that was dropped or pasted: a local file, or pixels from another program.

    Whether a file is a picture shows when it is read; only those that are certainly none are left out.
    """
    files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    if files:
        return next((file for file in files if file.suffix.lower() not in _NO_PICTURES), None)
    if data.hasImage():
        image = data.imageData()
        return image if isinstance(image, QImage) and not image.isNull() else None
    return None


class DropZone(QWidget):
    """Takes one picture."""

    picture_given = Signal(object)
    """A Path or a QImage."""
    choose_requested = Signal()
    remove_requested = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        paste = shown_keys(Action.PASTE_IMAGE)
        self.setAccessibleName(name)
        self.setAccessibleDescription(
            tr("Drop a picture here, press Enter to choose one, or paste it with {keys}.", keys=paste)
        )
        self.setToolTip(tr("Drop a picture, click to choose one, or paste it with {keys}", keys=paste))
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(look().px(132))
        self._image = QImage()
        self._crop = QRectF()
        self._dragged_over = False
        self._waiting = False
        self.remove = Button("", self, kind="icon", icon_name="x", name=tr("Remove the start image"))
        self.remove.clicked.connect(self.remove_requested)
        self.remove.hide()

    @property
    def image(self) -> QImage:
        """What is shown."""
        return self._image

    @property
    def crop(self) -> QRectF:
        """The part that is used, as fractions of the picture."""
        return self._crop

    def show_waiting(self) -> None:
        """A picture is being read."""
        self._waiting = True
        self.update()

    def show_picture(self, image: QImage, crop: QRectF) -> None:
        """Show the picture and which part of it is used; a null image shows the empty place."""
        self._waiting = False
        self._image = image
        self._crop = crop
        self.remove.setVisible(not image.isNull())
        self.update()

    def sizeHint(self) -> QSize:
        """As high as the design has it."""
        return QSize(300, look().px(132))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the button in its corner."""
        super().resizeEvent(event)
        self._place_button()

    def _place_button(self) -> None:
        hint = self.remove.sizeHint()
        self.remove.setGeometry(QRect(self.width() - hint.width() - 8, 8, hint.width(), hint.height()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click chooses a file."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.choose_requested.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space choose, Delete removes."""
        if event.matches(QKeySequence.StandardKey.Delete) and not self._image.isNull():
            self.remove_requested.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and not event.modifiers():
            self.choose_requested.emit()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and pixels only."""
        if picture_in(event.mimeData()) is not None:
            self._dragged_over = True
            self.update()
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Nothing is held over it any more."""
        super().dragLeaveEvent(event)
        self._dragged_over = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand the picture over."""
        self._dragged_over = False
        self.update()
        picture = picture_in(event.mimeData())
        if picture is not None:
            event.acceptProposedAction()
            self.picture_given.emit(picture)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the ring."""
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme and of text size."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "remove"):
            self.setFixedHeight(look().px(132))
            self._place_button()
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the empty place, or the picture with the unused part dimmed."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        strong = self._dragged_over or self.hasFocus()
        pen = QPen(look().color("link" if strong else "strong"), 2 if strong else 1)
        if self._image.isNull() and not strong:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(look().color("sel" if self._dragged_over else "field"))
        painter.drawRoundedRect(box, 8, 8)
        if self._image.isNull() or self._waiting:
            self._paint_empty(painter, box)
        else:
            self._paint_picture(painter, box.adjusted(6, 6, -6, -6))
        painter.end()

    def _paint_empty(self, painter: QPainter, box: QRectF) -> None:
        size = look().px(26)
        top = box.center().y() - look().px(38)
        painter.drawPixmap(
            round(box.center().x() - size / 2), round(top), icon_pixmap("image-plus", look().color("link"), size)
        )
        title, more = (
            (tr("Reading the picture"), "")
            if self._waiting
            else (
                tr("Drop a picture here"),
                tr("or click to choose  ·  {keys} pastes", keys=shown_keys(Action.PASTE_IMAGE)),
            )
        )
        painter.setPen(look().color("text"))
        painter.setFont(look().font(14, QFont.Weight.DemiBold))
        painter.drawText(
            QRectF(box.left(), top + size + 6, box.width(), look().px(22)), Qt.AlignmentFlag.AlignCenter, title
        )
        painter.setPen(look().color("text3"))
        painter.setFont(look().font(12))
        below = QRectF(box.left(), top + size + look().px(28), box.width(), look().px(20))
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, more)

    def _paint_picture(self, painter: QPainter, box: QRectF) -> None:
        size = self._image.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(box.center())
        painter.drawImage(place, self._image)
        used = QRectF(
            place.left() + self._crop.left() * place.width(),
            place.top() + self._crop.top() * place.height(),
            self._crop.width() * place.width(),
            self._crop.height() * place.height(),
        )
        if used.isEmpty():
            return
        painter.fillRect(place, QColor(0, 0, 0, 150))
        source = QRectF(
            self._crop.left() * self._image.width(),
            self._crop.top() * self._image.height(),
            self._crop.width() * self._image.width(),
            self._crop.height() * self._image.height(),
        )
        painter.drawImage(used, self._image, source)
        painter.setPen(QPen(QColor("white"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(used)
