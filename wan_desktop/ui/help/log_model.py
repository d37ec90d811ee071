"""The log's entries as rows of a list, and how a row is painted; only those that are seen are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from wan_desktop.core.log_lines import LineLevel, LogFilter, LogLine
from wan_desktop.core.words import mark, tr
from wan_desktop.ui.icons import icon_pixmap
from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFont

LINE_ROLE = Qt.ItemDataRole.UserRole
"""The LogLine of a row."""
LEVELS = {
    LineLevel.DEBUG: ("ellipsis", "text3", mark("Detail")),
    LineLevel.INFO: ("info", "text3", mark("Note")),
    LineLevel.WARNING: ("triangle-alert", "warn", mark("Warning")),
    LineLevel.ERROR: ("octagon-x", "bad", mark("Error")),
    LineLevel.CRITICAL: ("octagon-x", "bad", mark("Error")),
}
JOB_SHOWN = 8
"""Characters of a job's id that are shown; no two jobs of a log share them."""
_ROW_PX, _GAP_PX, _ICON_PX, _FONT_PX = 26, 10, 14, 12
_TIME_SAMPLE = "00-00 00:00:00"
_SOURCE_PX = 170
_Index = QModelIndex | QPersistentModelIndex


class LogModel(QAbstractListModel):
    """The wanted entries, the newest last."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: Sequence[LogLine] = ()
        self._filter = LogFilter()
        self._rows: list[LogLine] = []

    @property
    def total(self) -> int:
        """All entries, wanted or not."""
        return len(self._all)

    def show_lines(self, lines: Sequence[LogLine]) -> None:
        """Show other entries; what only comes behind those that are there is added, so that marks and place stay."""
        self._all = lines
        self._show()

    def set_filter(self, wanted: LogFilter) -> None:
        """Show others of the entries."""
        if wanted != self._filter:
            self._filter = wanted
            self._show()

    def rowCount(self, parent: _Index | None = None) -> int:
        """How many are wanted."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A row's words or LogLine."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        line = self._rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return line.text
            case Qt.ItemDataRole.AccessibleTextRole:
                level = tr(LEVELS[line.level][2])
                return tr("{level}, {time}: {words}", level=level, time=line.at, words=line.text)
            case _:
                return line if role == LINE_ROLE else None

    def _show(self) -> None:
        rows = self._filter.pick(self._all)
        known = len(self._rows)
        if rows[:known] == self._rows:
            if len(rows) > known:
                self.beginInsertRows(QModelIndex(), known, len(rows) - 1)
                self._rows = rows
                self.endInsertRows()
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()


class LogDelegate(QStyledItemDelegate):
    """Time, level, module and first line, each in its column."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        """All rows are of one height."""
        return QSize(look().px(400), look().px(_ROW_PX))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Paint a row."""
        line = index.data(LINE_ROLE)
        if not isinstance(line, LogLine):
            return
        style = look()
        area: QRect = option.rect
        state = option.state
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, style.color("sel"))
        icon, token, _ = LEVELS[line.level]
        font = style.font(_FONT_PX)
        painter.setFont(font)
        metrics = QFontMetrics(font)
        gap, size = style.px(_GAP_PX), style.px(_ICON_PX)
        left = area.left() + gap
        time_width = metrics.horizontalAdvance(_TIME_SAMPLE)
        self._write(painter, QRect(left, area.top(), time_width, area.height()), line.at[5:], "text3")
        left += time_width + gap
        pixmap = icon_pixmap(icon, style.color(token), size)
        painter.drawPixmap(left, area.top() + (area.height() - size) // 2, pixmap)
        left += size + gap
        source_width = min(style.px(_SOURCE_PX), area.width() // 4)
        self._write(painter, QRect(left, area.top(), source_width, area.height()), line.source, "text3")
        left += source_width + gap
        words = line.text.replace(line.job, f"{line.job[:JOB_SHOWN]}\u2026") if line.job else line.text
        words = f"{words}  \u2026" if line.more else words
        rest = QRect(left, area.top(), area.right() - gap - left, area.height())
        self._write(painter, rest, words, token if token != "text3" else "text")
        painter.restore()

    def _write(self, painter: QPainter, area: QRect, words: str, token: str) -> None:
        painter.setPen(look().color(token))
        shown = QFontMetrics(_font_of(painter)).elidedText(words, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def _font_of(painter: QPainter) -> QFont:
    return painter.font()
