"""The list of models: groups of cards, one of which is chosen.

A card has a dozen widgets, so that hundreds of them would take a second to be made. Those that are looked at are made,
and for the others a spacer of the layout holds the place, which costs next to nothing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea, QSizePolicy, QSpacerItem, QVBoxLayout, QWidget

from wan_desktop.ui.models import words
from wan_desktop.ui.models.cards import ModelCard
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, group_heading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QRect
    from PySide6.QtGui import QKeyEvent, QShowEvent

    from wan_desktop.core.model_list import ListPart, Standing
    from wan_desktop.core.model_offers import Group, ModelOffer
    from wan_desktop.core.store.library import ModelKey

_MOVES = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}

_SCROLL_MS = 50
"""After so long, the cards that were added have their places."""
_AT_ONCE = 2
"""So many cards are made with the list; what else the window shows follows in the turns after."""
_A_TURN = 3
"""So many are made between two looks at what else is to be done: some 10 ms."""
_MOST_MADE = 32
"""Of more, those far away are given up."""
_CARD_PX = 96
"""Of the design: a card's height, until one is there to be measured."""


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
        self._places: dict[ModelKey, QSpacerItem] = {}
        self._offers: dict[ModelKey, ModelOffer] = {}
        self._order: list[ModelKey] = []
        self._selected: ModelKey | None = None
        self._heads: list[QWidget] = []
        self._looks: object = None
        self._is_watching = False
        self._scroll = QTimer(self)
        self._scroll.setSingleShot(True)
        self._scroll.setInterval(_SCROLL_MS)
        self._scroll.timeout.connect(self._on_scroll)
        self._fill = QTimer(self)
        self._fill.setSingleShot(True)
        self._fill.timeout.connect(self._on_fill)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 8, 0)
        self._layout.setSpacing(10)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Those that are made, from above."""
        return tuple(self._cards[key] for key in self._order if key in self._cards)

    @property
    def count(self) -> int:
        """How many models are shown."""
        return len(self._order)

    @property
    def selected(self) -> ModelKey | None:
        """The chosen one."""
        return self._selected

    def card(self, key: ModelKey) -> ModelCard | None:
        """The card of that model, if it is shown; made now if it was not."""
        if key in self._places:
            self._make_card(key)
        return self._cards.get(key) if key in self._offers else None

    def show_parts(self, parts: Sequence[ListPart], card_name: str) -> None:
        """Show other groups; cards that stay are kept, and so is the place that the list was scrolled to."""
        looks = (card_name, [(part.group, [offer.key for offer in part.shown], len(part.folded)) for part in parts])
        if looks == self._looks:
            self.update_standings()
            return
        self._looks = looks
        self._layout.setEnabled(False)  # else each card that is shown lays out all of them
        height = self._card_height()
        self._clear({offer.key for part in parts for offer in part.shown})
        count = sum(len(part.shown) for part in parts)
        for part in parts:
            self._add_head(words.group_words(part.group, card_name, part.shown))
            for offer in part.shown:
                self._add_card(offer, height, count)
            if part.folded:
                self._add_button(part.group, len(part.folded))
        self._layout.addStretch(1)
        self._layout.setEnabled(True)
        self._mark()
        self._fill.start()

    def update_standings(self, key: ModelKey | None = None) -> None:
        """Show how a model is now; all of them for None."""
        count = len(self._order)
        for number, name in enumerate(self._order, 1):
            card = self._cards.get(name)
            if card is not None and key in (None, name):
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
        for card in self.cards:
            card.set_selected(card.key == self._selected)

    def _clear(self, kept: set[ModelKey]) -> None:
        for card in self._cards.values():
            # Not with takeAt, whose item would live on: the height that a card's next item remembers is looked at
            # again only while there is no item of before.
            self._layout.removeWidget(card)
            if card.key not in kept:
                card.hide()
        while self._layout.count():
            self._layout.takeAt(0)
        for widget in self._heads:
            widget.hide()
            widget.deleteLater()
        self._heads, self._order = [], []
        self._places, self._offers = {}, {}

    def _add_head(self, text: str) -> QLabel:
        head = group_heading(text, self)
        self._heads.append(head)
        self._layout.addWidget(head)
        return head

    def _add_card(self, offer: ModelOffer, height: int, count: int) -> None:
        self._offers[offer.key] = offer
        self._order.append(offer.key)
        if offer.key not in self._cards and len(self._order) > _AT_ONCE:
            self._hold_place(offer.key, self._layout.count(), height)
            return
        card = self._card_of(offer)
        self._layout.addWidget(card)
        card.show_standing(card.standing, len(self._order), count)
        card.show()  # last: all that changes afterwards is laid out once more

    def _card_of(self, offer: ModelOffer) -> ModelCard:
        """The card that is there already, or a new one."""
        card = self._cards.get(offer.key)
        standing = self._standing_of(offer)
        if card is None:
            card = ModelCard(standing, self)
            card.pressed.connect(self._on_pressed)
            card.deed_requested.connect(self.deed_requested)
            self._cards[offer.key] = card
        card.standing = standing
        return card

    def _card_height(self) -> int:
        known = next((card.height() for card in self._cards.values() if card.isVisible()), 0)
        return known or look().px(_CARD_PX)

    # Cards that come and go ----------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Follow what is looked at."""
        super().showEvent(event)
        area = self._scroll_area()
        if area is not None and not self._is_watching:
            self._is_watching = True
            area.verticalScrollBar().valueChanged.connect(self._on_moved)
            area.verticalScrollBar().rangeChanged.connect(self._on_moved)
        self._fill.start()

    @Slot()
    def _on_moved(self) -> None:
        if self._places or len(self._order) > _MOST_MADE:
            self._fill.start()

    @Slot()
    def _on_fill(self) -> None:
        """Make some of the cards that are looked at, and give some up that are far away."""
        area = self._scroll_area()
        if area is None or not self.isVisible():
            return
        height = area.viewport().height()
        top = area.verticalScrollBar().value()
        near = {key: _distance(place.geometry(), top, height) for key, place in self._places.items()}
        wanted = sorted((key for key in near if near[key] <= height // 2), key=lambda key: near[key])
        for key in wanted[:_A_TURN]:
            self._make_card(key)
        spare = self._spare(top, height)
        for card in spare[:_A_TURN]:
            self._give_up(card)
        if len(wanted) > _A_TURN or len(spare) > _A_TURN:
            self._fill.start()

    def _make_card(self, key: ModelKey) -> None:
        place = self._places.pop(key)
        card = self._card_of(self._offers[key])
        index = self._layout.indexOf(place)
        self._layout.takeAt(index)
        self._layout.insertWidget(index, card)
        card.show_standing(card.standing, self._order.index(key) + 1, len(self._order))
        card.set_selected(key == self._selected)
        card.show()

    def _spare(self, top: int, height: int) -> list[ModelCard]:
        """Cards too many, the farthest first; not the chosen one, nor one in which the focus is."""
        made = self.cards
        if len(made) <= _MOST_MADE:
            return []
        focus = QApplication.focusWidget()
        far = [card for card in made if _distance(card.geometry(), top, height) > 2 * height]
        far = [card for card in far if card.key != self._selected and not _is_within(focus, card)]
        far.sort(key=lambda card: -_distance(card.geometry(), top, height))
        return far[: len(made) - _MOST_MADE]

    def _give_up(self, card: ModelCard) -> None:
        index = self._layout.indexOf(card)
        self._layout.takeAt(index)
        self._hold_place(card.key, index, card.height())
        del self._cards[card.key]
        card.hide()
        card.deleteLater()

    def _hold_place(self, key: ModelKey, index: int, height: int) -> None:
        """The layout leaves no room beside a spacer, so it is as high as a card with that room."""
        policy = QSizePolicy.Policy
        place = QSpacerItem(0, height + self._layout.spacing(), policy.Minimum, policy.Fixed)
        self._places[key] = place
        self._layout.insertItem(index, place)

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


def _distance(at: QRect, top: int, height: int) -> int:
    """From what is looked at, in pixels; 0 for what is seen."""
    return max(0, top - at.bottom(), at.top() - (top + height))


def _is_within(widget: QWidget | None, card: QWidget) -> bool:
    return widget is not None and (widget is card or card.isAncestorOf(widget))
