"""A memory of the report: name, numbers, a bar with a mark at the limit, and what its colours mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.model_report import Holder
from wan_desktop.core.words import decimal, tr
from wan_desktop.ui.models import report_words
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import label
from wan_desktop.ui.widgets.flow import FlowLayout
from wan_desktop.ui.widgets.meter import MeterBar, Segment

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from wan_desktop.core.model_report import MemoryBar

_SWATCH_PX = 9


class Swatch(QWidget):
    """A spot of colour for a legend."""

    def __init__(self, token: str, parent: QWidget | None = None, *, width: int = _SWATCH_PX) -> None:
        super().__init__(parent)
        self._token, self._width = token, width
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        """A small square, or a line."""
        return QSize(look().px(self._width), look().px(_SWATCH_PX))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it in the theme's colour."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(look().color(self._token))
        painter.setBrush(look().color(self._token))
        painter.drawRoundedRect(QRectF(0.5, 0.5, self.width() - 1, self.height() - 1), 2, 2)
        painter.end()


class MeterRow(QWidget):
    """Shows one memory.

    Args:
        name: What is measured.
        others: What holds it already, in the legend.
        legend: Say what the colours mean.
        parent: Its parent.
    """

    def __init__(self, name: str, others: str, parent: QWidget | None = None, *, legend: bool = False) -> None:
        super().__init__(parent)
        self._others, self._has_legend = others, legend
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        top = QHBoxLayout()
        top.addWidget(label(name, self, role="soft"))
        top.addStretch(1)
        self.value = label("", self)
        top.addWidget(self.value)
        layout.addLayout(top)
        self.bar = MeterBar(name, 10, self)
        layout.addWidget(self.bar)
        self._legend = QWidget(self)
        self._legend_row = FlowLayout(self._legend, 4)
        self._legend.setVisible(legend)
        layout.addWidget(self._legend)

    def show_bar(self, bar: MemoryBar | None, *, value: str = "") -> None:
        """Show other numbers; nothing at all for None."""
        self.setVisible(bar is not None)
        if bar is None:
            return
        self.value.setText(value or report_words.bar_value(bar))
        segments = [
            Segment(share.size_bytes, self._token(share.holder, bar), share.holder.value) for share in bar.shares
        ]
        total = max(bar.total_bytes, sum(share.size_bytes for share in bar.shares))
        self.bar.show_parts(segments, total, limit=bar.limit_bytes, spoken=report_words.bar_spoken(bar))
        if self._has_legend:
            self._show_legend(bar)

    def _token(self, holder: Holder, bar: MemoryBar) -> str:
        token = report_words.HOLDERS[holder][1]
        return "fill_bad" if holder is Holder.MODEL and not bar.fits else token

    def _show_legend(self, bar: MemoryBar) -> None:
        while self._legend_row.count():
            item = self._legend_row.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for share in bar.shares:
            name = self._others if share.holder is Holder.OTHERS else tr(report_words.HOLDERS[share.holder][0])
            size = decimal(share.size_bytes / 1e9, 1)
            self._add_entry(self._token(share.holder, bar), f"{name} {size}", tip=share.names)
        self._add_entry("text", tr("safe limit {limit}", limit=decimal(bar.limit_bytes / 1e9, 1)), width=2)

    def _add_entry(self, token: str, words: str, *, width: int = _SWATCH_PX, tip: str = "") -> None:
        entry = QWidget(self._legend)
        entry.setToolTip(tip)
        row = QHBoxLayout(entry)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(5)
        row.addWidget(Swatch(token, entry, width=width))
        row.addWidget(label(words, entry, role="caption"))
        self._legend_row.addWidget(entry)
        entry.show()
