"""Finds the model that was chosen, on a lane, and remembers which one was used the last time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.jobs import JobState, Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.core.manager import ModelManager
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.ui.session import Session


class ModelChoice(QObject):
    """What can be chosen, and the way from an offer to a model that can be rendered with.

    Args:
        session: Its list of models, and its lanes.
        load_builtin: Finds the built-in model; runs on the files lane.
        parent: Its parent.
    """

    offers_changed = Signal(object)
    """A tuple of ModelOffer: what can be used now."""
    found = Signal(object)
    """A Model."""
    failed = Signal(object)
    """A WanError: the chosen model cannot be used."""

    def __init__(self, session: Session, load_builtin: Callable[[], Model], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._load_builtin = load_builtin
        self._job = ""
        self.remembered: tuple[str, str] | None = None
        """Id and variant of the model of the last time, to be chosen as soon as it is seen to be here."""
        session.models.changed.connect(self._on_changed)
        session.models.catalog_changed.connect(self._on_catalog_changed)

    def offers(self) -> tuple[ModelOffer, ...]:
        """What can be used now; empty while nobody knows."""
        return self._session.models.ready()

    def offer_of(self, model_id: str, variant: str) -> ModelOffer | None:
        """The usable offer of that name; with an empty variant, any of the model's."""
        mine = [offer for offer in self.offers() if offer.metadata.model_id == model_id]
        exact = [offer for offer in mine if (offer.variant.name if offer.variant else "") == variant]
        return next(iter(exact or ([] if variant else mine)), None)

    def can_be_had(self, model_id: str, variant: str) -> bool:
        """It is here, or can be downloaded."""
        return any(
            offer.is_usable or offer.can_be_downloaded
            for offer in self._session.models.offers()
            if offer.metadata.model_id == model_id and variant in ("", offer.variant.name if offer.variant else "")
        )

    def choose(self, offer: ModelOffer) -> None:
        """Find that model; the last one that was chosen wins."""
        self.remembered = None
        work = _FindModel(offer, self._session.models.manager, self._load_builtin)
        self._job = self._session.submit("Find the chosen model", Lane.FILES, work, self._on_found)

    def _on_found(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id != self._job:
            return
        self._job = ""
        if snapshot.error is not None:
            self.failed.emit(snapshot.error)
        elif snapshot.state is JobState.DONE:
            self.found.emit(snapshot.result)

    def _tell(self) -> None:
        self.offers_changed.emit(self.offers())
        if self.remembered is not None and (offer := self.offer_of(*self.remembered)):
            self.choose(offer)

    @Slot(object)
    def _on_changed(self, _key: object) -> None:
        self._tell()

    @Slot()
    def _on_catalog_changed(self) -> None:
        self._tell()


class _FindModel:
    """Work for the files lane."""

    def __init__(self, offer: ModelOffer, manager: ModelManager | None, load_builtin: Callable[[], Model]) -> None:
        self._offer, self._manager, self._load_builtin = offer, manager, load_builtin

    def __call__(self, _context: JobContext) -> Model:
        """Find it.

        Raises:
            WanError: It is not here any more, or damaged.
        """
        from wan_desktop.core.catalog import Model  # noqa: PLC0415 - after the first paint
        from wan_desktop.core.model_folder import inspect_model_folder  # noqa: PLC0415 - on the lane

        offer = self._offer
        if offer.is_built_in:
            return self._load_builtin()
        if offer.variant is not None and self._manager is not None:
            return self._manager.model(offer.metadata, offer.variant.name)
        assert offer.state.folder is not None, "a usable model lies in a folder"
        return Model(offer.metadata, inspect_model_folder(offer.state.folder))
