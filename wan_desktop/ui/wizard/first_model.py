"""The fifth step: the model that suits this PC best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QButtonGroup, QFileDialog, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from wan_desktop.core import model_names
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.model_offers import FitBadge, Group, ModelOffer
from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.controls import Button, label, surface
from wan_desktop.ui.wizard.step import WizardStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.session import Session

BADGES = {
    FitBadge.RUNS_WELL: ("ok", "circle-check", mark("Runs well")),
    FitBadge.TIGHT: ("warn", "triangle-alert", mark("Tight")),
    FitBadge.SLOW: ("warn", "timer", mark("Slow, saves memory")),
    FitBadge.NOT_CHECKED: ("idle", "info", mark("Not checked")),
    FitBadge.TOO_BIG: ("bad", "circle-x", mark("Too big")),
    FitBadge.NOT_SUPPORTED: ("bad", "ban", mark("Not supported")),
}
_MOST = 6


def first_models(offers: Sequence[ModelOffer]) -> list[ModelOffer]:
    """What a beginner is offered: first the recommended model that needs no picture, then the others that fit.

    Of each model only its first packaging; at least one, as the built-in model is always there.
    """
    fitting = [offer for offer in offers if offer.group is not Group.TOO_BIG]
    fitting.sort(
        key=lambda offer: (offer.group is not Group.RECOMMENDED, GenerationMode.T2V not in offer.metadata.modes)
    )
    by_model = {offer.metadata.model_id: offer for offer in reversed(fitting)}
    firsts = [offer for offer in fitting if by_model[offer.metadata.model_id] is offer]
    return firsts[:_MOST] or list(offers[:1])


class OfferRow(QWidget):
    """A model that can be chosen."""

    def __init__(self, offer: ModelOffer, group: QButtonGroup, parent: QWidget) -> None:
        super().__init__(parent)
        self.offer = offer
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(3)
        row = QHBoxLayout()
        name = model_names.model_name(offer.metadata.name, offer.key.variant)
        self.button = QRadioButton(name, self)
        group.addButton(self.button)
        row.addWidget(self.button, 1)
        kind, icon_name, words = BADGES[offer.badge]
        row.addWidget(Badge(tr(words), kind, icon_name, self))
        layout.addLayout(row)
        layout.addWidget(label(tr(offer.metadata.description), self, role="soft", wrap=True))
        facts = [text.mode_name(mode) for mode in offer.metadata.modes]
        if offer.is_usable:
            facts.append(tr("on this PC"))
        elif offer.download_bytes:
            facts.append(tr("{size} to download", size=text.data_size(offer.download_bytes)))
        facts.append(text.licence_line(offer.metadata))
        layout.addWidget(label(text.DOT.join(fact for fact in facts if fact), self, role="value", wrap=True))


class FirstModelStep(WizardStep):
    """Recommends a model, and downloads it in the background."""

    name = mark("First model")
    help_id = "wizard.first-model"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("Your first model"),
            tr("A model is the part that makes the video. This one suits your PC best."),
            session,
            parent,
        )
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(self._on_clicked)
        self._card = surface("card", self)
        self._list = QVBoxLayout(self._card)
        self._list.setContentsMargins(0, 4, 0, 4)
        self._list.setSpacing(0)
        self._reading = label(tr("Reading the model list"), self._card, role="soft")
        self._reading.setContentsMargins(14, 10, 14, 10)
        self._list.addWidget(self._reading)
        self.body.addWidget(self._card)
        self.rows: list[OfferRow] = []
        self._wish: ModelKey | None = None
        """What the user has chosen himself."""
        self.asked_for: ModelKey | None = None
        """What the user has begun to download here."""
        self.use_files = Button(tr("Use files I have"), self, kind="link", icon_name="folder-open")
        self.use_files.clicked.connect(self._on_use_files)
        line = QHBoxLayout()
        line.addWidget(self.use_files)
        line.addStretch(1)
        self.body.addLayout(line)
        self.note = label("", self, role="note", wrap=True)
        self.note.hide()
        self.body.addWidget(self.note)
        self.body.addStretch(1)
        session.models.catalog_changed.connect(self._on_catalog)
        self._on_catalog()

    @property
    def chosen(self) -> ModelOffer | None:
        """The model whose button is down."""
        return next((row.offer for row in self.rows if row.button.isChecked()), None)

    @property
    def can_be_skipped(self) -> bool:
        """The built-in model is there anyway."""
        return self._wants_download

    @property
    def next_words(self) -> str:
        """What Next would do."""
        offer = self.chosen
        if offer is None or not self._wants_download:
            return tr("Next")
        return tr("Download {size}", size=text.data_size(offer.download_bytes))

    def finish(self) -> bool:
        """Begin the download; it goes on while the wizard does."""
        offer = self.chosen
        if offer is not None and self._wants_download:
            self.asked_for = offer.key
            self.session.models.download(offer.key)
        return True

    @property
    def _wants_download(self) -> bool:
        offer = self.chosen
        return offer is not None and not offer.is_usable and offer.can_be_downloaded and offer.key != self.asked_for

    @Slot()
    def _on_catalog(self) -> None:
        offers = self.session.models.offers()
        if not offers:
            return
        for row in self.rows:
            self._list.removeWidget(row)
            self._group.removeButton(row.button)
            row.hide()
            row.deleteLater()
        self._reading.hide()
        shown = first_models(offers)
        wish = self._wish if any(offer.key == self._wish for offer in shown) else shown[0].key
        self.rows = [OfferRow(offer, self._group, self._card) for offer in shown]
        for row in self.rows:
            self._list.addWidget(row)
            row.button.setChecked(row.offer.key == wish)
        if all(offer.is_built_in for offer in shown):
            self.words.setText(
                tr("No model to download fits this PC. The built-in one works everywhere: it makes small toy videos.")
            )
        self.changed.emit()

    @Slot()
    def _on_clicked(self) -> None:
        chosen = self.chosen
        self._wish = chosen.key if chosen is not None else None
        self.changed.emit()

    @Slot()
    def _on_use_files(self) -> None:
        dialog = QFileDialog(self, tr("A folder with model files"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self._on_folder)
        dialog.open()

    @Slot(str)
    def _on_folder(self, name: str) -> None:
        self.session.models.adopt(Path(name))
        self.note.setText(tr("{folder} is being looked through. What is found is used where it is.", folder=name))
        self.note.show()
