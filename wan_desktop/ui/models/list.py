"""The list of models: groups of cards, one of which is chosen."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from wan_desktop.ui.models import words
from wan_desktop.ui.models.cards import ModelCard
from wan_desktop.ui.widgets.controls import Button, label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QKeyEvent

    from wan_desktop.core.model_list import ListPart, Standing
    from wan_desktop.core.model_offers import Group, ModelOffer
    from wan_desktop.core.store.library import ModelKey

_MOVES = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}

_SCROLL_MS = 50
"""After so long, the cards that were added have their places."""


class ModelList(QWidget):
    """Shows groups of cards; the arrow keys move, Tab reaches the chosen card and its buttons.

    Args:
        standing_of: What is known of an offer now.
        parent: Its parent.
    """

    chosen = Signal(object)
    """A ModelKey."""
    entered = Signal(object)
    """A ModelKey: Enter was pressed on its card."""
    deed_requested = Signal(object, object)
    unfold_requested = Signal(object)
    """A Group of which all is to be shown."""

    def __init__(self, standing_of: Callable[[ModelOffer], Standing], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("form")
        self._standing_of = standing_of
        self._cards: dict[ModelKey, ModelCard] = {}
        self._order: list[ModelKey] = []
        self._selected: ModelKey | None = None
        self._heads: list[QWidget] = []
        self._looks: object = None
        self._scroll = QTimer(self)
        self._scroll.setSingleShot(True)
        self._scroll.setInterval(_SCROLL_MS)
        self._scroll.timeout.connect(self._on_scroll)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 8, 0)
        self._layout.setSpacing(10)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Those that are shown, from above."""
        return tuple(self._cards[key] for key in self._order)

    @property
    def selected(self) -> ModelKey | None:
        """The chosen one."""
        return self._selected

    def card(self, key: ModelKey) -> ModelCard | None:
        """The card of that model, if it is shown."""
        return self._cards.get(key) if key in self._order else None

    def show_parts(self, parts: Sequence[ListPart], card_name: str) -> None:
        """Show other groups; cards that stay are kept, and so is the place that the list was scrolled to."""
        looks = (card_name, [(part.group, [offer.key for offer in part.shown], len(part.folded)) for part in parts])
        if looks == self._looks:
            self.update_standings()
            return
        self._looks = looks
        self._clear({offer.key for part in parts for offer in part.shown})
        for part in parts:
            self._add_head(words.group_words(part.group, card_name, part.shown))
            for offer in part.shown:
                self._add_card(offer)
            if part.folded:
                self._add_button(part.group, len(part.folded))
        self._layout.addStretch(1)
        self.update_standings()
        self._mark()

    def update_standings(self, key: ModelKey | None = None) -> None:
        """Show how a model is now; all of them for None."""
        count = len(self._order)
        for number, name in enumerate(self._order, 1):
            if key is None or name == key:
                card = self._cards[name]
                card.show_standing(self._standing_of(card.standing.offer), number, count)

    def select(self, key: ModelKey | None, *, focus: bool = False) -> None:
        """Choose a card, and scroll to it unless it was chosen already."""
        is_other, self._selected = key != self._selected, key
        self._mark()
        card = self.card(key) if key is not None else None
        if card is None:
            return
        if focus:
            card.setFocus(Qt.FocusReason.OtherFocusReason)
        if is_other:
            self._scroll.start()  # when a card that is new has its place

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys, Home and End; Enter goes on to what can be done."""
        key = Qt.Key(event.key())
        if not self._order:
            super().keyPressEvent(event)
            return
        at = self._order.index(self._selected) if self._selected in self._order else -1
        if key in _MOVES:
            self._move_to(min(len(self._order) - 1, max(0, at + _MOVES[key])))
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._move_to(0 if key == Qt.Key.Key_Home else len(self._order) - 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and at >= 0:
            self.entered.emit(self._order[at])
        else:
            super().keyPressEvent(event)

    def _move_to(self, index: int) -> None:
        key = self._order[index]
        self.select(key, focus=True)
        self.chosen.emit(key)

    def _on_pressed(self, key: ModelKey) -> None:
        self.select(key)
        self.chosen.emit(key)

    def _mark(self) -> None:
        for key in self._order:
            self._cards[key].set_selected(key == self._selected)

    def _clear(self, kept: set[ModelKey]) -> None:
        while self._layout.count():
            item = self._layout.takeAt(0)
            widget = item.widget() if item is not None else None
            if isinstance(widget, ModelCard) and widget.key not in kept:
                widget.hide()
        for widget in self._heads:
            widget.hide()
            widget.deleteLater()
        self._heads, self._order = [], []

    def _add_head(self, text: str) -> QLabel:
        head = label(text, self, role="caption")
        self._heads.append(head)
        self._layout.addWidget(head)
        return head

    def _add_card(self, offer: ModelOffer) -> None:
        card = self._cards.get(offer.key)
        standing = self._standing_of(offer)
        if card is None:
            card = ModelCard(standing, self)
            card.pressed.connect(self._on_pressed)
            card.deed_requested.connect(self.deed_requested)
            self._cards[offer.key] = card
        card.standing = standing
        self._order.append(offer.key)
        self._layout.addWidget(card)
        card.show()

    def _add_button(self, group: Group, count: int) -> None:
        button = Button(words.more_words(count), self, kind="link", icon_name="chevron-down")
        button.clicked.connect(functools.partial(self._on_unfold, group))
        self._heads.append(button)
        self._layout.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)

    def _on_unfold(self, group: Group, _checked: bool = False) -> None:
        self.unfold_requested.emit(group)

    @Slot()
    def _on_scroll(self) -> None:
        card = self.card(self._selected) if self._selected is not None else None
        area = self._scroll_area()
        if card is not None and area is not None and self.isVisible():
            area.ensureWidgetVisible(card, 0, 12)

    def _scroll_area(self) -> QScrollArea | None:
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        return parent
