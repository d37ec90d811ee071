"""Which model makes the video: those that can be used now, and the way to more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core import model_names
from wan_desktop.core.model_offers import FitBadge
from wan_desktop.core.words import mark, tr
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.fields import ComboBox
from wan_desktop.ui.widgets.form import FormField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.model_offers import ModelOffer

_BADGE_PX = 22
_BADGES = {
    FitBadge.RUNS_WELL: (mark("Runs well"), "ok", "circle-check"),
    FitBadge.TIGHT: (mark("Tight"), "warn", "triangle-alert"),
    FitBadge.SLOW: (mark("Slow"), "warn", "timer"),
    FitBadge.TOO_BIG: (mark("Too big"), "bad", "octagon-x"),
    FitBadge.NOT_SUPPORTED: (mark("Not supported"), "bad", "ban"),
    FitBadge.NOT_CHECKED: (mark("Not checked"), "idle", "circle-help"),
}


def _shown(offer: ModelOffer) -> tuple[object, ...]:
    """What is seen of an offer."""
    return offer.key, offer.metadata.name, offer.badge


class ModelField(QWidget):
    """A combo box of models with a badge; its last entry leads to more."""

    model_chosen = Signal(object)
    """A ModelOffer that is not the one in use."""
    more_requested = Signal()

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._offers: tuple[ModelOffer, ...] = ()
        self.box = ComboBox(tr("Model"), self)
        self.box.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.badge = Badge("", "idle", "", self)
        self.badge.hide()
        self.field = FormField(tr("Model"), self.box, self, right=self.badge)
        self.field.set_help(tr(model.metadata.description))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.field)
        self.box.activated.connect(self._on_activated)
        self.show_offers(())

    @property
    def chosen(self) -> ModelOffer | None:
        """The offer of the model in use; None while the list is not known."""
        return next((offer for offer in self._offers if self._is_in_use(offer)), None)

    def show_offers(self, offers: Sequence[ModelOffer]) -> None:
        """Offer these; the model in use is always among them."""
        before, self._offers = self._offers, tuple(offers)
        if self.box.count() and [_shown(offer) for offer in before] == [_shown(offer) for offer in offers]:
            return  # the list may be open
        blocker = QSignalBlocker(self.box)
        self.box.clear()
        if self.chosen is None:
            self.box.addItem(model_names.model_name(self._model.metadata.name, self._model.variant), None)
        for offer in self._offers:
            self.box.addItem(model_names.model_name(offer.metadata.name, offer.key.variant), offer)
        self.box.insertSeparator(self.box.count())
        self.box.addItem(tr("Get more models"), "more")
        self.show_current()
        del blocker
        found = self.chosen
        self.badge.setVisible(found is not None)
        if found is not None:
            self.badge.setMinimumHeight(look().px(_BADGE_PX))
            words, kind, icon_name = _BADGES[found.badge]
            self.badge.show_state(tr(words), kind, icon_name)

    @Slot()
    def show_current(self) -> None:
        """Go back to the model in use, after another could not be had."""
        found = self.chosen
        self.box.setCurrentIndex(self._offers.index(found) if found is not None else 0)
        self.box.setToolTip(self.box.currentText())

    def _is_in_use(self, offer: ModelOffer) -> bool:
        variant = offer.variant.name if offer.variant else ""
        return (offer.metadata.model_id, variant) == (self._model.metadata.model_id, self._model.variant)

    @Slot(int)
    def _on_activated(self, index: int) -> None:
        chosen = self.box.itemData(index)
        if chosen == "more":
            self.show_current()
            self.more_requested.emit()
        elif chosen is not None and not self._is_in_use(chosen):
            self.model_chosen.emit(chosen)
