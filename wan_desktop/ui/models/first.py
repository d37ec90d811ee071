"""The line that leads to the first model, while this PC has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core.model_list import Deed, best_start
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.models import words
from wan_desktop.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.store.library import ModelKey

_FOLDER = "folder"


class FirstModel(QWidget):
    """Names the model to begin with."""

    download_requested = Signal(object, object)
    """A ModelKey, and the Deed."""
    folder_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._shown: object = None
        self.notice: Notice | None = None
        self.hide()

    def show_for(self, offers: Sequence[ModelOffer], card: str) -> None:
        """Show what fits.

        Args:
            offers: All models.
            card: What the card is called; empty where none computes.
        """
        has_own = any(offer.is_on_pc and not offer.is_built_in for offer in offers)
        start = None if has_own else best_start(offers)
        is_judged = any(offer.check is not None for offer in offers)
        looks = (has_own, start.key if start else None, card, is_judged)
        if looks == self._shown:
            return
        self._shown = looks
        self._clear()
        if start is not None and is_judged:
            self._show(start, card)

    def _show(self, start: ModelOffer, card: str) -> None:
        size = text.data_size(start.download_bytes)
        more = tr(
            "A model is the part that makes the video. For your {card} the best start is {name}: {size} to download.",
            card=card or tr("PC"),
            name=words.title(start),
            size=size,
        )
        actions = [(tr("Download {size}", size=size), start.key), (tr("Use files I already have"), _FOLDER)]
        self.notice = Notice("info", tr("No models on this PC yet"), more, actions, self)
        self.notice.action_requested.connect(self._on_action)
        self._layout.addWidget(self.notice)
        self.show()

    def _clear(self) -> None:
        if self.notice is not None:
            self._layout.removeWidget(self.notice)
            self.notice.hide()
            self.notice.deleteLater()
            self.notice = None
        self.hide()

    @Slot(object)
    def _on_action(self, value: ModelKey | str) -> None:
        if value == _FOLDER:
            self.folder_requested.emit()
        else:
            self.download_requested.emit(value, Deed.DOWNLOAD)
