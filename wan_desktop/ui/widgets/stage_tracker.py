"""The row of stages of a piece of work, each with its own bar."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from wan_desktop.core.words import mark, tr
from wan_desktop.ui.icons import icon_pixmap
from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent

_GAP = 10


class StageState(Enum):
    """Where a stage is."""

    OVER = mark("done")
    NOW = mark("in progress")
    LATER = mark("to come")


@dataclass(frozen=True, slots=True)
class StageCell:
    """One stage as it is shown."""

    name: str
    state: StageState
    fraction: float = 0.0
    caption: str = ""
    weight: int = 1
    """How wide it is compared with the others."""


class StageTracker(QWidget):
    """Paints the stages; breaks them into two rows where one is too narrow for their names."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Stages"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._cells: tuple[StageCell, ...] = ()

    @property
    def cells(self) -> tuple[StageCell, ...]:
        """What is shown."""
        return self._cells

    def set_cells(self, cells: tuple[StageCell, ...]) -> None:
        """Show these stages."""
        if cells == self._cells:
            return
        count_changed = len(cells) != len(self._cells)
        self._cells = cells
        self.setAccessibleDescription(", ".join(f"{c.name}: {tr(c.state.value)} {c.caption}".strip() for c in cells))
        if count_changed:
            self._fit()
        self.update()

    def sizeHint(self) -> QSize:
        """Height of the rows at the present width."""
        return QSize(400, self._rows() * self._row_height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break into rows anew."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bars, names and captions."""
        if not self._cells:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows = self._rows()
        per_row = -(-len(self._cells) // rows)
        for row in range(rows):
            cells = self._cells[row * per_row : (row + 1) * per_row]
            x = 0.0
            for cell, width in zip(cells, self._widths(cells), strict=True):
                self._paint_cell(painter, cell, QRectF(x, row * self._row_height(), width, self._row_height()))
                x += width + _GAP
        painter.end()

    def _widths(self, cells: tuple[StageCell, ...]) -> list[float]:
        """Each as wide as its name, and the rest shared by weight."""
        needed = [self._needed(cell) for cell in cells]
        spare = self.width() - _GAP * (len(cells) - 1) - sum(needed)
        weights = sum(cell.weight for cell in cells)
        return [need + spare * cell.weight / weights for need, cell in zip(needed, cells, strict=True)]

    @staticmethod
    def _needed(cell: StageCell) -> int:
        metrics = QFontMetrics(look().font(13, QFont.Weight.DemiBold))
        return metrics.horizontalAdvance(cell.name) + look().px(22)

    def _paint_cell(self, painter: QPainter, cell: StageCell, box: QRectF) -> None:
        bar = QRectF(box.left(), box.top() + 1, box.width(), 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look().color("track"))
        painter.drawRoundedRect(bar, 2, 2)
        fraction = 1.0 if cell.state == StageState.OVER else cell.fraction
        if fraction > 0:
            painter.setBrush(look().color("fill_ok" if cell.state == StageState.OVER else "accent"))
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), max(4.0, bar.width() * fraction), 4), 2, 2)
        is_now = cell.state == StageState.NOW
        left, size = box.left(), look().px(14)
        top = box.top() + look().px(10)
        if cell.state == StageState.OVER:
            painter.drawPixmap(round(left), round(top + look().px(3)), icon_pixmap("check", look().color("ok"), size))
            left += size + 5
        font = look().font(13, QFont.Weight.DemiBold if is_now else QFont.Weight.Normal)
        colors = {StageState.OVER: "text2", StageState.NOW: "text", StageState.LATER: "text3"}
        self._paint_text(
            painter, cell.name, QRectF(left, top, box.right() - left, look().px(20)), font, colors[cell.state]
        )
        caption_box = QRectF(box.left(), top + look().px(20), box.width(), look().px(18))
        self._paint_text(painter, cell.caption, caption_box, look().font(12), "text" if is_now else "text3")

    @staticmethod
    def _paint_text(painter: QPainter, text: str, box: QRectF, font: QFont, token: str) -> None:
        painter.setFont(font)
        painter.setPen(look().color(token))
        elided = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)

    def _rows(self) -> int:
        needed = sum(self._needed(cell) + _GAP for cell in self._cells)
        return 1 if needed <= max(self.width(), 1) or len(self._cells) < 2 else 2

    @staticmethod
    def _row_height() -> int:
        return look().px(52)

    def _fit(self) -> None:
        self.setFixedHeight(self._rows() * self._row_height())
