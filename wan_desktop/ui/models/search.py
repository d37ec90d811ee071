"""The search field and the chips above the list."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QLineEdit, QWidget

from wan_desktop.core.model_list import Filter
from wan_desktop.core.words import tr
from wan_desktop.ui.icons import icon
from wan_desktop.ui.models.words import FILTERS
from wan_desktop.ui.shortcuts import Action, show_keys
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button
from wan_desktop.ui.widgets.flow import FlowLayout

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent

_WAIT_MS = 120
_FIELD_PX = 220


class SearchBar(QWidget):
    """What is looked for."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = FlowLayout(self, 8)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(tr("Search models"))
        self.field.setAccessibleName(tr("Search models"))
        show_keys(self.field, Action.FIND)
        self.field.setClearButtonEnabled(True)
        self.field.setMaxLength(200)
        self._glass = QAction(self)
        self.field.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        self._restyle()
        row.addWidget(self.field)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self.chips: dict[Filter, Button] = {}
        for name, words in FILTERS.items():
            chip = Button(tr(words), self, kind="chip")
            chip.setCheckable(True)
            chip.clicked.connect(functools.partial(self._on_chip, name))
            self._group.addButton(chip)
            self.chips[name] = chip
            row.addWidget(chip)
        self.chips[Filter.ALL].setChecked(True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self.changed)
        self.field.textChanged.connect(self._on_text_changed)

    @property
    def text(self) -> str:
        """What was typed."""
        return self.field.text().strip()

    @property
    def filter(self) -> Filter:
        """The chosen chip."""
        return next((name for name, chip in self.chips.items() if chip.isChecked()), Filter.ALL)

    def set_text(self, text: str) -> None:
        """Look for that at once."""
        self.field.setText(text)
        self._timer.stop()
        self.changed.emit()

    @Slot()
    def clear(self) -> None:
        """Look for everything."""
        self.chips[Filter.ALL].setChecked(True)
        self.set_text("")

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme and of text size."""
        super().changeEvent(event)
        if getattr(self, "_drawn", None) not in (None, look()):
            self._restyle()

    def _restyle(self) -> None:
        self._drawn = look()
        self.field.setFixedWidth(look().px(_FIELD_PX))
        self._glass.setIcon(icon("search", "text3", look().px(16), gap=0))

    @Slot(str)
    def _on_text_changed(self, _text: str) -> None:
        self._timer.start()

    def _on_chip(self, _name: Filter, _checked: bool = False) -> None:
        self.changed.emit()
