"""The newest videos in a row, below whatever Create shows."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from wan_desktop.core.video_library import VideoQuery, VideoState
from wan_desktop.core.words import tr
from wan_desktop.ui.library import words
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, label

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QShowEvent, QWheelEvent

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.video_library import VideoEntry, VideoPage
    from wan_desktop.ui.live.library import LiveLibrary
    from wan_desktop.ui.live.small_pictures import SmallPicture

MOST = 10
_CARD_PX = (128, 72)
_SHADE = QColor(10, 12, 16, 205)


class RecentCard(QAbstractButton):
    """One video: its picture and how long it plays."""

    def __init__(self, entry: VideoEntry, parent: QWidget) -> None:
        super().__init__(parent)
        self.entry = entry
        self.image = QImage()
        self.setAccessibleName(tr("{title}, open it in the library", title=words.spoken(entry)))
        self.setToolTip(" ".join(entry.title.replace("<", "\u2039").split()))  # no HTML, whatever the prompt says
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """As large as the design has it."""
        return QSize(look().px(_CARD_PX[0]), look().px(_CARD_PX[1]))

    def show_image(self, image: QImage) -> None:
        """Show its picture."""
        self.image = image
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw picture, length and ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        path = QPainterPath()
        path.addRoundedRect(rect, 6, 6)
        painter.fillPath(path, look().color("track"))
        if not self.image.isNull():
            painter.save()
            painter.setClipPath(path)
            size = self.image.size().scaled(rect.size().toSize(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(rect.center())
            painter.drawImage(place, self.image)
            painter.restore()
        self._paint_length(painter, rect)
        if self.hasFocus() or self.underMouse():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look().color("link"), 2))
            painter.drawRoundedRect(rect, 6, 6)
        painter.end()

    def _paint_length(self, painter: QPainter, rect: QRectF) -> None:
        font, text = look().font(12, QFont.Weight.DemiBold), words.seconds(self.entry)
        width = QFontMetrics(font).horizontalAdvance(text) + look().px(12)
        height, gap = look().px(20), look().px(4)
        box = QRectF(rect.right() - width - gap, rect.bottom() - height - gap, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_SHADE)
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(QColor("white"))
        painter.setFont(font)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class _Row(QScrollArea):
    """Scrolls sideways, also with the wheel."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn up and down into left and right."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - turned)
        event.accept()


class RecentStrip(QWidget):
    """Shows the newest videos of the library; takes no room while there are none.

    Args:
        library: Is asked, and watched.
        parent: Its parent.
    """

    video_chosen = Signal(object)
    """The id of a video."""
    library_requested = Signal()
    filled = Signal()
    """There are other videos than before."""

    def __init__(self, library: LiveLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._is_asking = False
        self._is_stale = False
        self.cards: list[RecentCard] = []
        self._build_ui()
        library.changed.connect(self._on_changed)
        self._ask()

    @property
    def is_empty(self) -> bool:
        """There is nothing to show."""
        return not self.cards

    def showEvent(self, event: QShowEvent) -> None:
        """Show how things are now."""
        super().showEvent(event)
        if self._is_stale:
            self._ask()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "row"):
            self._fit()

    def _build_ui(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        head = QHBoxLayout()
        self.title = label(tr("Recent"), self, role="label")
        self.more = Button(tr("Open library"), self, kind="link", icon_name="arrow-right")
        self.more.clicked.connect(self.library_requested)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.more)
        layout.addLayout(head)
        self.row = _Row(self)
        self.row.setObjectName("recentRow")
        self.row.setWidgetResizable(True)
        self.row.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.row.setAccessibleName(tr("Recent videos"))
        inner = QWidget()
        inner.setObjectName("form")  # as transparent as the form in its scroll area
        self._cards_layout = QHBoxLayout(inner)
        self._cards_layout.setContentsMargins(0, 0, 0, 0)
        self._cards_layout.setSpacing(8)
        self._cards_layout.addStretch(1)
        self.row.setWidget(inner)
        layout.addWidget(self.row)
        self._fit()

    def _fit(self) -> None:
        self.row.setFixedHeight(look().px(_CARD_PX[1]) + 14)

    def _ask(self) -> None:
        if self._is_asking:
            self._is_stale = True
            return
        self._is_asking, self._is_stale = True, False
        self._library.search(VideoQuery(with_recipe=True), 0, MOST, self._on_page, self._on_failed)

    def _on_page(self, page: VideoPage) -> None:
        self._is_asking = False
        entries = [entry for entry in page.entries if entry.state != VideoState.MISSING]
        shown = [(card.entry.video_id, card.entry.mtime_ns) for card in self.cards]
        if shown != [(entry.video_id, entry.mtime_ns) for entry in entries]:
            self._show(entries)
        if self._is_stale and self.isVisible():
            self._ask()

    def _on_failed(self, _error: WanError) -> None:
        """The library page says what is wrong; here are simply no videos."""
        self._is_asking = False

    def _show(self, entries: list[VideoEntry]) -> None:
        images = {card.entry.video_id: card.image for card in self.cards}
        for card in self.cards:
            self._cards_layout.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = []
        for number, entry in enumerate(entries):
            card = RecentCard(entry, self)
            card.clicked.connect(functools.partial(self.video_chosen.emit, entry.video_id))
            card.show_image(images.get(entry.video_id, QImage()))
            self._cards_layout.insertWidget(number, card)
            self.cards.append(card)
        self.filled.emit()
        self._ask_pictures([card.entry for card in self.cards if card.image.isNull()])

    def _ask_pictures(self, entries: list[VideoEntry]) -> None:
        if entries:
            done = functools.partial(self._on_pictures, entries)
            self._library.thumbnails(entries, done, self._on_failed)

    def _on_pictures(self, wanted: list[VideoEntry], made: dict[int, SmallPicture]) -> None:
        for card in self.cards:
            picture = made.get(card.entry.video_id)
            if picture is not None:
                card.show_image(picture.image)
        self._ask_pictures([entry for entry in wanted if entry.video_id not in made])

    @Slot()
    def _on_changed(self) -> None:
        if self.isVisible() or not self.cards:
            self._ask()
        else:
            self._is_stale = True
