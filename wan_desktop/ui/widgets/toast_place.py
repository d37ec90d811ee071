"""Where a short message covers nothing that somebody may want to press."""

from __future__ import annotations

from itertools import accumulate, product
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTextEdit,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_CELL_PX, _STEP_PX = 8, 16
_DEAR = 1000
"""What is pressed most, or typed into at the moment, is covered last of all."""
_CONTROLS = (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)


def obstacles(window: QWidget, ours: Sequence[QWidget]) -> list[tuple[QRect, int]]:
    """Where the controls of a window are that can be seen, and how bad it is to cover each.

    Args:
        window: The window.
        ours: What may be covered, with all in it.
    """
    found = []
    focus = QApplication.focusWidget()
    for widget in window.findChildren(QWidget):
        if not isinstance(widget, _CONTROLS) or isinstance(widget, QScrollBar) or not widget.isVisible():
            continue
        if any(one is widget or one.isAncestorOf(widget) for one in ours):
            continue
        seen = widget.visibleRegion().boundingRect()
        if not seen.isEmpty():
            is_dear = widget is focus or widget.property("kind") == "primary"
            found.append((seen.translated(widget.mapTo(window, QPoint(0, 0))), _DEAR if is_dear else 1))
    return found


def best_place(area: QRect, size: QSize, taken: Sequence[tuple[QRect, int]]) -> tuple[QRect, bool]:
    """The place nearest to the bottom right that covers nothing; where there is none, that covers the least.

    Args:
        area: It may lie here.
        size: How large it is; what is larger than the area stands out at its top and left.
        taken: Places, and how bad it is to cover each.

    Returns:
        The place, and whether it is free.
    """
    costs = _Costs(area, taken)
    steps_x = range(0, max(1, area.width() - size.width() + 1), _STEP_PX)
    steps_y = range(0, max(1, area.height() - size.height() + 1), _STEP_PX)
    best: tuple[int, int, int, int] | None = None
    # Up is better than to the left: the eye looks for it at the right.
    for left, up in sorted(product(steps_x, steps_y), key=lambda step: 2 * step[0] + step[1]):
        x, y = area.right() + 1 - size.width() - left, area.bottom() + 1 - size.height() - up
        cost = costs.of(QRect(QPoint(x, y), size))
        if best is None or cost < best[0]:
            best = (cost, x, y, left)
        if cost == 0:
            break
    assert best is not None
    return QRect(QPoint(best[1], best[2]), size), best[0] == 0


class _Costs:
    """How much a place covers, summed up once over cells of some pixels."""

    def __init__(self, area: QRect, taken: Sequence[tuple[QRect, int]]) -> None:
        self._area = area
        self._columns, self._rows = area.width() // _CELL_PX + 1, area.height() // _CELL_PX + 1
        cells = [[0] * self._columns for _ in range(self._rows)]
        for place, cost in taken:
            left, top, right, bottom = self._cells(place)
            for row in cells[top:bottom]:
                row[left:right] = [max(cell, cost) for cell in row[left:right]]
        sums = [[0] * (self._columns + 1)]
        for row in cells:
            sums.append([above + here for above, here in zip(sums[-1], [0, *accumulate(row)], strict=True)])
        self._sums = sums

    def of(self, place: QRect) -> int:
        """0: nothing is covered."""
        left, top, right, bottom = self._cells(place)
        sums = self._sums
        return sums[bottom][right] - sums[top][right] - sums[bottom][left] + sums[top][left]

    def _cells(self, place: QRect) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in cells, the last two behind it; empty where it is elsewhere."""
        left, top = place.left() - self._area.left(), place.top() - self._area.top()
        right, bottom = left + place.width() - 1, top + place.height() - 1
        return (
            _within(left // _CELL_PX, self._columns),
            _within(top // _CELL_PX, self._rows),
            _within(right // _CELL_PX + 1, self._columns),
            _within(bottom // _CELL_PX + 1, self._rows),
        )


def _within(cell: int, most: int) -> int:
    return min(max(0, cell), most)
