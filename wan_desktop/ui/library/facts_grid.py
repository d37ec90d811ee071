"""Names and values of a video, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from wan_desktop.ui.widgets.breaking import BreakingLabel
from wan_desktop.ui.widgets.controls import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.ui.library.words import Fact


class FactsGrid(QWidget):
    """Names and values, in the order they are given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(1, 1)
        self._lines: list[tuple[QLabel, BreakingLabel]] = []

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these."""
        while len(self._lines) < len(facts):
            name, value = label("", self, role="caption"), BreakingLabel(self)
            row = len(self._lines)
            self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1)
            self._lines.append((name, value))
        for row, (name, value) in enumerate(self._lines):
            fact = facts[row] if row < len(facts) else None
            for part in (name, value):
                part.setVisible(fact is not None)
            if fact is not None:
                name.setText(fact.name)
                value.say(fact.value, f"{fact.name}: {fact.value}")

    def texts(self) -> dict[str, str]:
        """What is shown."""
        return {name.text(): value.words for name, value in self._lines if not name.isHidden()}
