"""How a video of the grid is painted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate

from wan_desktop.core.video_library import VideoState
from wan_desktop.core.words import tr
from wan_desktop.ui.icons import icon_pixmap
from wan_desktop.ui.library import words
from wan_desktop.ui.library.video_model import Role
from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex
    from PySide6.QtWidgets import QStyleOptionViewItem

    from wan_desktop.core.video_library import VideoEntry
    from wan_desktop.ui.live.small_pictures import SmallPicture
    from wan_desktop.ui.theme import Look

WIDTH_PX = 196
"""The narrowest card, of the design."""
_GAP_PX = 5
_PADDING_PX = 7
_RADIUS = 10
_SHADE = QColor(10, 12, 16, 205)
"""Below white words on a picture: at least 4.5 on any picture, as on that of the preview."""

_MISSING_OPACITY = 0.18
"""Of a picture below words in the theme's colour: they keep a contrast of 4.5 on white and on black pictures."""


class CardAction(StrEnum):
    """A button that is painted on a card."""

    FIND = "find"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class CardPlaces:
    """Where the parts of a card are."""

    card: QRectF
    picture: QRectF
    title: QRectF
    caption: QRectF

    @classmethod
    def of(cls, cell: QRectF) -> CardPlaces:
        """In that cell of the grid."""
        gap, padding = look().px(_GAP_PX), look().px(_PADDING_PX)
        card = cell.adjusted(gap, gap, -gap, -gap)
        inner = card.adjusted(padding, padding, -padding, -padding)
        picture = QRectF(inner.left(), inner.top(), inner.width(), inner.width() * 9 / 16)
        title = QRectF(inner.left() + 2, picture.bottom() + look().px(6), inner.width() - 4, look().px(20))
        return cls(card, picture, title, QRectF(title.left(), title.bottom(), title.width(), look().px(18)))

    def button(self, action: CardAction) -> QRectF:
        """Where the button of a card whose file is missing is."""
        height, gap = max(24, look().px(26)), look().px(6)
        width = (self.picture.width() - 3 * gap) / 2
        left = self.picture.left() + gap + (0 if action == CardAction.FIND else width + gap)
        return QRectF(left, self.picture.bottom() - height - gap, width, height)


def cell_size(available_px: int) -> QSize:
    """The size of a cell, so that as many as fit fill the width."""
    columns = max(1, available_px // look().px(WIDTH_PX))
    width = max(1, available_px // columns)
    rest = 2 * look().px(_GAP_PX) + 2 * look().px(_PADDING_PX)
    return QSize(width, round((width - rest) * 9 / 16) + rest + look().px(6 + 20 + 18))


class CardDelegate(QStyledItemDelegate):
    """Paints cards; the moving picture of the one below the mouse is given to it."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._icons: dict[tuple[str, str, int, Look], QPixmap] = {}
        self.moving: tuple[int, QImage] | None = None
        """The id of a video, and the picture of it that is shown now."""
        self.cell = QSize(WIDTH_PX, WIDTH_PX)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        """All are of one size."""
        return self.cell

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one card."""
        entry: VideoEntry | None = index.data(Role.ENTRY)
        places = CardPlaces.of(QRectF(option.rect))
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        self._paint_card(painter, places, state)
        if entry is None:
            self._paint_waiting(painter, places)
        else:
            self._paint_picture(painter, places, entry, index.data(Role.PICTURE))
            self._paint_marks(painter, places, entry, selected=selected)
            self._paint_words(painter, places, entry)
        painter.restore()

    def _paint_card(self, painter: QPainter, places: CardPlaces, state: QStyle.StateFlag) -> None:
        selected = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        painter.setBrush(look().color("sel" if selected else "raised" if hovered else "card"))
        edge = "link" if focused else "strong" if selected else "border"  # as the cards of models
        painter.setPen(QPen(look().color(edge), 2 if selected or focused else 1))
        painter.drawRoundedRect(places.card.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)

    def _paint_waiting(self, painter: QPainter, places: CardPlaces) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look().color("track"))
        painter.drawRoundedRect(places.picture, 6, 6)
        for place, part in ((places.title, 0.7), (places.caption, 0.45)):
            bar = QRectF(place.left(), place.top() + 4, place.width() * part, place.height() - 8)
            painter.drawRoundedRect(bar, 4, 4)

    def _paint_picture(
        self, painter: QPainter, places: CardPlaces, entry: VideoEntry, picture: SmallPicture | None
    ) -> None:
        path = QPainterPath()
        path.addRoundedRect(places.picture, 6, 6)
        painter.fillPath(path, look().color("track"))
        image = picture.image if picture is not None else QImage()
        if self.moving is not None and self.moving[0] == entry.video_id:
            image = self.moving[1]
        missing = entry.state == VideoState.MISSING
        if not image.isNull():
            painter.save()
            painter.setClipPath(path)
            painter.setOpacity(_MISSING_OPACITY if missing else 1.0)
            size = image.size().scaled(places.picture.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(places.picture.center())
            painter.drawImage(place, image.convertToFormat(QImage.Format.Format_Grayscale8) if missing else image)
            painter.restore()
        elif picture is not None and not missing:
            self._paint_icon(painter, places, "film")
        if missing:
            self._paint_missing(painter, places)

    def _paint_icon(self, painter: QPainter, places: CardPlaces, name: str) -> None:
        size = look().px(28)
        center = places.picture.center()
        painter.drawPixmap(
            round(center.x() - size / 2), round(center.y() - size / 2), self._icon(name, look().color("text3"), size)
        )

    def _paint_missing(self, painter: QPainter, places: CardPlaces) -> None:
        painter.setPen(look().color("text"))
        painter.setFont(look().font(12, QFont.Weight.DemiBold))
        beside = look().px(30)  # where the tick of a selected card is
        above = places.picture.adjusted(
            beside, 0, -beside, places.button(CardAction.FIND).top() - places.picture.bottom()
        )
        painter.drawText(
            above, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, tr("The file is not where it was")
        )
        for action, name in ((CardAction.FIND, tr("Find")), (CardAction.REMOVE, tr("Remove"))):
            button = places.button(action)
            painter.setPen(QPen(look().color("border"), 1))
            painter.setBrush(look().color("raised"))
            painter.drawRoundedRect(button, 6, 6)
            painter.setPen(look().color("text"))
            painter.setFont(look().font(12, QFont.Weight.DemiBold))
            painter.drawText(button, Qt.AlignmentFlag.AlignCenter, name)

    def _paint_marks(self, painter: QPainter, places: CardPlaces, entry: VideoEntry, *, selected: bool) -> None:
        """What lies on the picture: length, favourite, damage, the tick of a selected card."""
        picture, gap = places.picture, look().px(5)
        if entry.state != VideoState.MISSING:
            at, length = (picture.right() - gap, picture.bottom() - gap), words.seconds(entry)
            width = self._paint_pill(painter, *at, length) if entry.seconds else 0.0
            if entry.state == VideoState.DAMAGED:
                self._paint_damaged(painter, QRectF(picture.left(), picture.top(), picture.width() - width, 0))
        size = look().px(22)
        at_x, at_y = picture.right() - gap - size, picture.top() + gap
        if entry.favourite:
            self._paint_round(painter, QRectF(at_x, at_y, size, size), "star", QColor("#ffd75e"))
        if selected:
            at_x = picture.left() + gap
            at_y += look().px(28) if entry.state == VideoState.DAMAGED else 0
            self._paint_round(painter, QRectF(at_x, at_y, size, size), "check", QColor("white"))

    def _paint_pill(self, painter: QPainter, right: float, bottom: float, text: str) -> float:
        font = look().font(12, QFont.Weight.DemiBold)
        width = QFontMetrics(font).horizontalAdvance(text) + look().px(14)
        box = QRectF(right - width, bottom - look().px(22), width, look().px(22))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_SHADE)
        painter.drawRoundedRect(box, 6, 6)
        painter.setPen(QColor("white"))
        painter.setFont(font)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        return width

    def _paint_damaged(self, painter: QPainter, room: QRectF) -> None:
        text, font = tr("Damaged"), look().font(12, QFont.Weight.DemiBold)
        height, size = look().px(22), look().px(13)
        width = QFontMetrics(font).horizontalAdvance(text) + look().px(32)
        box = QRectF(room.left() + look().px(5), room.top() + look().px(5), min(width, room.width()), height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look().color("bad_bg"))
        painter.drawRoundedRect(box, height / 2, height / 2)
        icon = self._icon("triangle-alert", look().color("bad"), size)
        painter.drawPixmap(round(box.left() + look().px(8)), round(box.center().y() - size / 2), icon)
        painter.setPen(look().color("bad"))
        painter.setFont(font)
        painter.drawText(box.adjusted(look().px(24), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_round(self, painter: QPainter, box: QRectF, icon_name: str, color: QColor) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look().color("accent") if icon_name == "check" else _SHADE)
        painter.drawEllipse(box)
        size = look().px(13)
        pixmap = self._icon(icon_name, color, size)
        painter.drawPixmap(round(box.center().x() - size / 2), round(box.center().y() - size / 2), pixmap)

    def _paint_words(self, painter: QPainter, places: CardPlaces, entry: VideoEntry) -> None:
        missing = entry.state == VideoState.MISSING
        lines = (
            (places.title, entry.title, look().font(13, QFont.Weight.DemiBold), "text2" if missing else "text"),
            (places.caption, words.caption(entry), look().font(12), "text3"),
        )
        for place, text, font, token in lines:
            painter.setFont(font)
            painter.setPen(look().color(token))
            shown = QFontMetrics(font).elidedText(
                " ".join(text.split()), Qt.TextElideMode.ElideRight, int(place.width())
            )
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)

    def _icon(self, name: str, color: QColor, size: int) -> QPixmap:
        key = (name, color.name(), size, look())
        if key not in self._icons:
            self._icons[key] = icon_pixmap(name, color, size)
        return self._icons[key]
