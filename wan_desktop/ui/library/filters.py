"""What is searched for: words, favourites, model, kind, size, date, and the order."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSignalBlocker, QTimer, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.video_library import Sort, VideoQuery
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.icons import icon
from wan_desktop.ui.library import words
from wan_desktop.ui.library.words import Period
from wan_desktop.ui.shortcuts import Action, tip
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button
from wan_desktop.ui.widgets.fields import ComboBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.catalog import Catalog
    from wan_desktop.core.video_library import Choices

_TYPING_MS = 200
"""So long after the last letter it is searched."""


class FilterBar(QWidget):
    """Makes a VideoQuery."""

    query_changed = Signal(object)
    """A VideoQuery."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._on_changed)
        self._build_ui()
        self._last = self.query()

    def query(self) -> VideoQuery:
        """What is asked for now."""
        size, mode = self.size_choice.currentData(), self.mode.currentData()
        # Qt makes plain texts of our enumerations.
        period, sort = Period(self.period.currentData() or Period.ANY), Sort(self.sort.currentData() or Sort.NEWEST)
        return VideoQuery(
            text=self.search.text().strip(),
            favourites=self.favourites.isChecked(),
            model_id=self.model.currentData() or "",
            mode=GenerationMode(mode) if mode else None,
            size=tuple(size) if size else None,
            first_day=words.first_day(period, datetime.datetime.now().astimezone().date()),
            sort=sort,
        )

    @property
    def is_filtering(self) -> bool:
        """Some videos may be left out."""
        query = self.query()
        return query != VideoQuery(sort=query.sort)

    def clear(self) -> None:
        """Ask for all videos."""
        with QSignalBlocker(self.search), QSignalBlocker(self.favourites):
            self.search.clear()
            self.favourites.setChecked(False)
        for combo in (self.model, self.mode, self.size_choice, self.period):
            with QSignalBlocker(combo):
                combo.setCurrentIndex(0)
        self._on_changed()

    def show_choices(self, choices: Choices, catalog: Catalog | None) -> None:
        """What there is to choose from; what is chosen stays so."""
        models = [(words.model_name(catalog, model_id), model_id) for model_id in choices.models]
        _fill(self.model, tr("Any model"), models)
        _fill(self.mode, tr("Any kind"), [(text.mode_name(mode), mode) for mode in choices.modes])
        # A tuple would come back from Qt as a list.
        _fill(self.size_choice, tr("Any size"), [(words.pixels(*size), list(size)) for size in choices.sizes])

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_glass"):
            self._glass.setIcon(icon("search", "text3", look().px(16)))

    def _build_ui(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.search = QLineEdit(self)
        self.search.setAccessibleName(tr("Search videos"))
        self.search.setPlaceholderText(tr("Search in prompts, names and tags"))
        self.search.setToolTip(tip(tr("Search in prompts, names and tags"), Action.FIND))
        self.search.setClearButtonEnabled(True)
        self._glass = QAction(icon("search", "text3", look().px(16)), "", self.search)
        self.search.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        self.favourites = Button(tr("Favourites"), self, kind="chip", icon_name="star")
        self.favourites.setCheckable(True)
        self.sort = self._combo(tr("Order"), [(tr(name), sort) for sort, name in words.SORTS.items()])
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.search, 1)
        first.addWidget(self.favourites)
        layout.addLayout(first, 0, 0, 1, 3)
        layout.addWidget(self.sort, 0, 3)
        self.model = self._combo(tr("Model"), [(tr("Any model"), "")])
        self.mode = self._combo(tr("Kind"), [(tr("Any kind"), None)])
        self.size_choice = self._combo(tr("Size"), [(tr("Any size"), None)])
        self.period = self._combo(tr("Date"), [(tr(name), period) for period, name in words.PERIODS.items()])
        for column, combo in enumerate((self.model, self.mode, self.size_choice, self.period)):
            layout.addWidget(combo, 1, column)
            layout.setColumnStretch(column, 1)
        self.search.textChanged.connect(self._on_typed)
        self.search.returnPressed.connect(self._on_changed)
        self.favourites.toggled.connect(self._on_changed)

    def _combo(self, name: str, choices: Sequence[tuple[str, object]]) -> ComboBox:
        combo = ComboBox(name, self)
        combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        combo.setMinimumWidth(look().px(84))
        combo.setToolTip(name)
        for words_, value in choices:
            combo.addItem(words_, value)
        combo.currentIndexChanged.connect(self._on_changed)
        return combo

    @Slot()
    def _on_typed(self) -> None:
        self._typing.start()

    @Slot()
    def _on_changed(self) -> None:
        self._typing.stop()
        query = self.query()
        if query != self._last:
            self._last = query
            self.query_changed.emit(query)


def _fill(combo: ComboBox, none: str, choices: Sequence[tuple[str, object]]) -> None:
    """Offer these besides none; what was chosen and is there no more is still offered."""
    chosen, chosen_words = combo.currentData(), combo.currentText()
    offered = list(choices)
    if combo.currentIndex() > 0 and chosen not in [value for _, value in offered]:
        offered.append((chosen_words, chosen))
    now = [(combo.itemText(i), combo.itemData(i)) for i in range(1, combo.count())]
    if now == offered:
        return
    with QSignalBlocker(combo):
        combo.clear()
        combo.addItem(none, combo.itemData(0))
        for name, value in offered:
            combo.addItem(name, value)
        values = [value for _, value in offered]
        combo.setCurrentIndex(values.index(chosen) + 1 if chosen in values else 0)
