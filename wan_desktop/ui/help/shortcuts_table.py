"""All keys of the program in a table."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.help.part import HelpPart, scrolled
from wan_desktop.ui.shortcuts import SHORTCUTS, Shortcut, shown_keys
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import label, surface

_COLUMNS = 2
_KEYS_PX = 130


class ShortcutsPart(HelpPart):
    """One card for each part of the window."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        area, self._inner, self._cards = scrolled(self, tr("Shortcuts"), takes_focus=True)
        layout.addWidget(area)
        areas = dict.fromkeys(shortcut.area for shortcut in SHORTCUTS)
        for name in areas:
            self._cards.addWidget(self._card(name, [each for each in SHORTCUTS if each.area == name]))
        self._cards.addStretch(1)

    def focus_first(self) -> None:
        """The table, so that the keys scroll it."""
        self._inner.setFocus(Qt.FocusReason.OtherFocusReason)

    def _card(self, name: str, shortcuts: list[Shortcut]) -> QWidget:
        card = surface("card", self._inner)
        card.setAccessibleName(tr(name))
        grid = QGridLayout(card)
        grid.setContentsMargins(16, 12, 16, 14)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.addWidget(label(tr(name), card, role="section"), 0, 0, 1, 2 * _COLUMNS)
        rows = (len(shortcuts) + _COLUMNS - 1) // _COLUMNS
        for index, shortcut in enumerate(shortcuts):
            column, row = divmod(index, rows)
            keys = shown_keys(shortcut.action)
            action = label(tr(shortcut.name), card, role="soft", wrap=True)
            action.setAccessibleName(f"{keys}: {tr(shortcut.name)}")
            grid.addWidget(label(keys, card, role="mono"), row + 1, 2 * column)
            grid.addWidget(action, row + 1, 2 * column + 1)
        for column in range(_COLUMNS):
            grid.setColumnMinimumWidth(2 * column, look().px(_KEYS_PX))
            grid.setColumnStretch(2 * column + 1, 1)
        return card
