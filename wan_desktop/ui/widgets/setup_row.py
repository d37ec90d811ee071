"""Rows about this PC: what, its value, what that means, how it stands, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.pc_rows import Fix, PcRow, RowKind, RowState
from wan_desktop.core.words import mark, tr
from wan_desktop.ui.widgets.controls import Button, IconLabel, label, rule, surface

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW_ICONS = {
    RowKind.CARD: "gpu",
    RowKind.VIDEO_MEMORY: "microchip",
    RowKind.OTHER_PROGRAMS: "layers",
    RowKind.DRIVER: "wrench",
    RowKind.COMPUTE_LEVEL: "cpu",
    RowKind.ATTENTION: "eye",
    RowKind.NUMBER_FORMAT: "sliders-horizontal",
    RowKind.MEMORY: "memory-stick",
    RowKind.PAGE_FILE: "file-text",
    RowKind.DRIVE: "hard-drive",
    RowKind.SYSTEM: "monitor",
    RowKind.MEMORY_SPILL: "info",
}
STATE_ICONS = {
    RowState.OK: ("circle-check", "ok"),
    RowState.WARN: ("triangle-alert", "warn"),
    RowState.BAD: ("circle-x", "bad"),
    RowState.NOT_CHECKED: ("circle-help", "text3"),
}
STATE_WORDS = {
    RowState.OK: mark("good"),
    RowState.WARN: mark("could be better"),
    RowState.BAD: mark("a problem"),
    RowState.NOT_CHECKED: mark("not checked"),
}
FIX_WORDS = {
    Fix.OPEN_DRIVER_PAGE: mark("Open NVIDIA page"),
    Fix.CHECK_AGAIN: mark("Check again"),
    Fix.CHOOSE_CARD: mark("Choose card"),
    Fix.SHOW_PROGRAMS: mark("Show programs"),
    Fix.OPEN_PAGE_FILE: mark("Open Windows settings"),
    Fix.FREE_DISK: mark("Free up space"),
    Fix.MEASURE_SPEED: mark("Run speed test"),
    Fix.POWER: mark("Power settings"),
}


class SetupRow(QWidget):
    """One row.

    Args:
        row: What it shows.
        parent: Its parent.
    """

    fix_requested = Signal(object)
    """The row whose button was pressed."""

    def __init__(self, row: PcRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = row
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.setSpacing(12)
        self._icon = IconLabel(ROW_ICONS[row.kind], "text2", 20, self)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        self.name = label("", self, role="caption")
        self.value = label("", self, role="label", wrap=True)
        self.hint = label("", self, role="caption", wrap=True)
        self.meaning = label("", self, role="soft")
        self.state = IconLabel("circle-check", "ok", 18, self)
        self.fix = Button("", self)
        self.fix.clicked.connect(self._on_fix)
        lines = QVBoxLayout()
        lines.setSpacing(1)
        lines.addLayout(self._first_line())
        second = QHBoxLayout()
        second.setSpacing(12)
        second.addWidget(self.hint, 1)
        second.addWidget(self.fix, 0, Qt.AlignmentFlag.AlignTop)
        lines.addLayout(second)
        layout.addLayout(lines, 1)
        self.show_row(row)

    def show_row(self, row: PcRow) -> None:
        """Show other values."""
        self.row = row
        self.name.setText(row.name)
        self.value.setText(row.value)
        self.meaning.setText(row.meaning)
        is_worth_reading = bool(row.hint) and (row.state is not RowState.OK or bool(row.programs))
        self.hint.setText(row.hint if is_worth_reading else "")
        self.hint.setVisible(is_worth_reading)
        self.setToolTip(row.hint)
        self.state.show_icon(*STATE_ICONS[row.state])
        state = tr(STATE_WORDS[row.state])
        self.state.setAccessibleName(state)
        words = tr(FIX_WORDS[row.fix]) if row.fix in FIX_WORDS else ""
        self.fix.setText(words)
        self.fix.setAccessibleName(f"{words}: {row.name}" if words else "")
        self.fix.setVisible(bool(words))
        spoken = tr("{name}: {value}. {meaning}, {state}.", **self._texts(), state=state)
        self.setAccessibleName(f"{spoken} {row.hint}" if is_worth_reading else spoken)

    def _first_line(self) -> QHBoxLayout:
        """Name and value on the left, what it means on the right."""
        line = QHBoxLayout()
        line.setSpacing(12)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self.name)
        words.addWidget(self.value)
        line.addLayout(words, 1)
        line.addWidget(self.meaning)
        line.addWidget(self.state)
        return line

    def _texts(self) -> dict[str, str]:
        return {"name": self.row.name, "value": self.row.value, "meaning": self.row.meaning}

    @Slot()
    def _on_fix(self) -> None:
        self.fix_requested.emit(self.row)


class SetupRows(QFrame):
    """A card of rows that keeps its widgets while values change, so that nothing flickers or loses the focus."""

    fix_requested = Signal(object)
    """A PcRow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 4, 0, 4)
        self._layout.setSpacing(0)
        self._waiting = label(tr("Looking at this PC"), self, role="soft")
        self._waiting.setContentsMargins(14, 10, 14, 10)
        self._layout.addWidget(self._waiting)
        self.rows: list[SetupRow] = []
        self._rules: list[QFrame] = []

    def show_rows(self, rows: Sequence[PcRow]) -> None:
        """Show these rows."""
        self._waiting.setVisible(not rows)
        if [(row.kind, row.subject) for row in rows] != [(made.row.kind, made.row.subject) for made in self.rows]:
            self._make(rows)
            return
        for made, row in zip(self.rows, rows, strict=True):
            if made.row != row:
                made.show_row(row)

    def row(self, kind: RowKind) -> SetupRow | None:
        """The first row of a kind."""
        return next((made for made in self.rows if made.row.kind is kind), None)

    def _make(self, rows: Sequence[PcRow]) -> None:
        for widget in (*self.rows, *self._rules):
            self._layout.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.rows, self._rules = [], []
        for index, row in enumerate(rows):
            if index:
                line = rule(self)
                self._rules.append(line)
                self._layout.addWidget(line)
            made = SetupRow(row, self)
            made.fix_requested.connect(self.fix_requested)
            self.rows.append(made)
            self._layout.addWidget(made)


def info_card(title: str, parent: QWidget | None = None) -> tuple[QFrame, QVBoxLayout]:
    """A card with a headline, and the layout that takes what stands below it."""
    card = surface("card", parent)
    layout = QVBoxLayout(card)
    layout.setContentsMargins(16, 12, 16, 14)
    layout.setSpacing(8)
    layout.addWidget(label(title, card, role="section"))
    return card, layout
