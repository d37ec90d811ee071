"""A bar of parts of a whole, with a mark for a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QSizePolicy, QWidget

from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent


class Segment(NamedTuple):
    """A part of the bar."""

    amount: float
    token: str = "accent"
    """A colour of the theme: `fill_idle`, `accent`, `fill_2`, `fill_3`, `fill_ok`, `fill_warn`, `fill_bad`."""
    name: str = ""
    """For the legend and the screen reader."""


class MeterBar(QWidget):
    """Shows how much of something is taken, by what.

    Args:
        name: What is measured; the start of its accessible name.
        height: In the design's pixels: 10 for memory, 6 for progress, 4 for a stage.
        parent: Its parent.
    """

    def __init__(self, name: str, height: int = 10, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._height = name, height
        self._segments: tuple[Segment, ...] = ()
        self._total = 1.0
        self._limit: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What it shows."""
        return self._segments

    def show_parts(
        self, segments: Sequence[Segment], total: float, *, limit: float | None = None, spoken: str = ""
    ) -> None:
        """Show other numbers.

        Args:
            segments: From left to right; what goes beyond the total is cut.
            total: What the whole bar stands for.
            limit: Where a mark is drawn.
            spoken: What a screen reader says after the name.
        """
        self._segments, self._total, self._limit = tuple(segments), max(total, 1e-9), limit
        self.setAccessibleName(f"{self._name}: {spoken}" if spoken else self._name)
        self.setToolTip(spoken)
        self.update()

    def sizeHint(self) -> QSize:
        """Its height; it takes any width."""
        return QSize(60, look().px(self._height))

    def minimumSizeHint(self) -> QSize:
        """As the size hint."""
        return QSize(24, look().px(self._height))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw track, parts and mark."""
        from PySide6.QtCore import QRectF  # noqa: PLC0415 - after the first paint, where nothing is measured yet
        from PySide6.QtGui import QColor, QPainter, QPainterPath  # noqa: PLC0415

        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, height = float(self.width()), float(self.height())
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(0, 0, width, height), height / 2, height / 2)
        painter.setClipPath(clip)
        painter.fillRect(self.rect(), look().color("track"))
        left = 0.0
        for segment in self._segments:
            right = min(width, left + width * max(0.0, segment.amount) / self._total)
            if right > left:
                painter.fillRect(QRectF(left, 0, right - left, height), look().color(segment.token))
                if 0 < right < width:
                    painter.fillRect(QRectF(right - 1, 0, 1, height), QColor(look().tokens.card))
            left = right
        painter.setClipping(False)
        if self._limit is not None and 0 < self._limit <= self._total:
            x = min(width - 2, width * self._limit / self._total)
            painter.fillRect(QRectF(x, 0, 2, height), look().color("text"))
        painter.end()
