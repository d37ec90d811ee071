"""What this PC can make: a sentence, and a line for each model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from wan_desktop.core.ladder import Fit
from wan_desktop.core.pc_reach import ModelReach, reach_in_words
from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.controls import label
from wan_desktop.ui.widgets.setup_row import info_card

if TYPE_CHECKING:
    from collections.abc import Sequence

FIT_BADGES = {
    Fit.WELL: (mark("Runs well"), "ok", "circle-check"),
    Fit.TIGHT: (mark("Tight"), "warn", "triangle-alert"),
    Fit.SLOW: (mark("Slow"), "warn", "timer"),
    Fit.TOO_BIG: (mark("Too big"), "bad", "circle-x"),
    Fit.NOT_CHECKED: (mark("Not checked"), "idle", "info"),
}


_LONGEST_S = 24 * 3600


class ReachCard(QWidget):
    """Shows what `pc_reach.reach` has found."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        card, self._layout = info_card(tr("What this means"), self)
        outer.addWidget(card)
        self._card = card
        self.sentence = label(tr("Working out what this PC can make"), card, wrap=True)
        self._layout.addWidget(self.sentence)
        self._table: QWidget | None = None
        self.names: list[str] = []
        """Of the models in the table."""

    def show_found(self, found: Sequence[ModelReach]) -> None:
        """Show other answers."""
        self.sentence.setText(reach_in_words(found) or tr("There is no list of models."))
        if self._table is not None:
            self._layout.removeWidget(self._table)
            self._table.hide()
            self._table.deleteLater()
        self._table = QWidget(self._card)
        grid = QGridLayout(self._table)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        self.names = []
        for row, each in enumerate(found):
            self.names.append(each.name)
            self._add(grid, row, each)
        self._layout.addWidget(self._table)

    def show_error(self, words: str) -> None:
        """It could not be worked out."""
        self.sentence.setText(words)

    def _add(self, grid: QGridLayout, row: int, made: ModelReach) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(label(made.name, self._table, role="label", wrap=True))
        words.addWidget(label(_video(made), self._table, role="caption", wrap=True))
        grid.addLayout(words, row, 0)
        name, kind, icon = FIT_BADGES[made.fit]
        if made.fit.fits and not made.on_card:
            name = mark("On the processor")
        badge = Badge(tr(name), kind, icon, self._table)
        badge.setAccessibleName(f"{made.name}: {tr(name)}")
        grid.addWidget(badge, row, 1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def _video(made: ModelReach) -> str:
    if not made.fit.fits:
        return tr("not in any size")
    size = f"{made.width} {text.TIMES} {made.height}"
    what = tr("{size}, {seconds} s", size=size, seconds=f"{made.video_seconds:.0f}")
    if made.seconds_low is None or made.seconds_high is None:
        return what
    if made.seconds_low > _LONGEST_S:
        return tr("{what} in more than a day", what=what)
    low, high = text.duration(made.seconds_low), text.duration(made.seconds_high)
    return tr("{what} in {low} to {high}", what=what, low=low, high=high)
