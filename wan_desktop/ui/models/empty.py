"""What stands in place of the list when there is nothing to show, and above it while this PC has no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core.model_list import Filter, hidden_by_filter
from wan_desktop.core.words import tr, trn
from wan_desktop.ui.models.words import FILTERS
from wan_desktop.ui.widgets.empty_state import EmptyPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.model_offers import ModelOffer

_SHOW_ALL = "show-all"


class EmptyList(QWidget):
    """Says why there is nothing, and what to do."""

    show_all_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.page: EmptyPage | None = None

    def show_for(self, offers: Sequence[ModelOffer], chosen: Filter, search: str, any_shown: bool) -> None:
        """Show what fits.

        Args:
            offers: All models.
            chosen: The chip.
            search: What was typed.
            any_shown: The list shows something, so nothing is to be said.
        """
        if self.page is not None:
            self._layout.removeWidget(self.page)
            self.page.hide()
            self.page.deleteLater()
            self.page = None
        self.setVisible(not any_shown)
        if any_shown:
            return
        actions: list[tuple[str, object]] = []
        title, words, icon = tr("Looking at the models"), "", "boxes"
        if offers:
            title, icon = tr("No model matches"), "search"
            hidden = hidden_by_filter(offers, chosen, search)
            if hidden:
                words = trn(
                    "{count} is hidden by '{filter}'.",
                    "{count} are hidden by '{filter}'.",
                    hidden,
                    filter=tr(FILTERS[chosen]),
                )
            actions = [(tr("Show all"), _SHOW_ALL)]
        self.page = EmptyPage(icon, title, words, actions, self)
        self.page.action_requested.connect(self._on_action)
        self._layout.addWidget(self.page)

    @Slot(object)
    def _on_action(self, _value: object) -> None:
        self.show_all_requested.emit()
