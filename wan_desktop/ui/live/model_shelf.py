"""What models there are and how each stands and fits this PC: opened, counted and looked at again on the files lane."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.jobs import JobSnapshot, Lane
from wan_desktop.ui.bridge import KeyBridge
from wan_desktop.ui.live.pc_change import PcChange

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from wan_desktop.core.catalog import ModelMetadata, Variant
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.model_jobs import Opened
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.model_storage import DriveStorage
    from wan_desktop.core.model_trash import Trashed
    from wan_desktop.core.settings import Settings
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.core.store.status import ModelState
    from wan_desktop.core.trial import Place
    from wan_desktop.ui.session import Session

_IN_USE_MS = 3000


class ModelShelf(QObject):
    """Keeps the offers up to date.

    Args:
        session: Whose lanes, settings and PC.
        parent: Lives at least as long.
        clock: Seconds that only grow.
    """

    changed = Signal(object)
    """A ModelKey whose state is another now; None: any may be."""
    catalog_changed = Signal()
    """There are other offers, or in another order."""
    was_opened = Signal(object)
    """The Opened, when the models can be worked with, and again when they lie elsewhere."""
    failed = Signal(object)
    """The WanError that keeps the models from being opened."""

    def __init__(self, session: Session, parent: QObject, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._session = session
        self.opened: Opened | None = None
        self._offers: dict[ModelKey, ModelOffer] = {}
        self.storage: tuple[DriveStorage, ...] = ()
        self.trashed: tuple[Trashed, ...] = ()
        self._waiting_checks: list[Callable[[], None]] = []
        self._is_counting = self._is_stale = False
        self._looked_at: set[str] = set()
        self._settings = session.settings
        """With which the models were opened and judged."""
        self.may_reopen = True
        """Nothing is being done, so the models may be opened in other folders."""
        self._unsubscribe: Callable[[], None] = lambda: None
        self._pc_change = PcChange(clock)
        self._in_use = QTimer(self)
        """Another process does not say when it is done with a model, so it is looked at again and again."""
        self._in_use.setSingleShot(True)
        self._in_use.setInterval(_IN_USE_MS)
        self._in_use.timeout.connect(self._on_in_use)
        self._bridge = KeyBridge(self)
        self._bridge.key_changed.connect(self.look_at)
        session.settings_changed.connect(self.use)
        session.pc.changed.connect(self._on_pc_changed)

    @property
    def offers(self) -> tuple[ModelOffer, ...]:
        """Every model in every packaging, in the order in which they were judged."""
        return tuple(self._offers.values())

    def offer(self, key: ModelKey) -> ModelOffer | None:
        """That one; None if there is none."""
        return self._offers.get(key)

    def packaging(self, key: ModelKey) -> tuple[ModelMetadata, Variant] | None:
        """What is to be downloaded for it; None if nothing is."""
        metadata = self.opened.catalog.get(key.model_id) if self.opened else None
        for variant in metadata.variants if metadata else ():
            if variant.name == key.variant and variant.parts and metadata is not None:
                return metadata, variant
        return None

    def close(self) -> None:
        """The lanes have ended: close what is open."""
        self._unsubscribe()
        self._bridge.close()
        if self.opened is not None:
            self.opened.manager.close()

    # Opening -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the models of the folders that the settings name."""
        paths, settings = self._session.paths, self._session.settings
        self._settings = settings
        self._session.submit(
            "Open the models", Lane.FILES, lambda _: model_jobs().open_models(paths, settings), self._on_opened
        )

    def _on_opened(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self.failed.emit(snapshot.error)
        opened: Opened | None = snapshot.result
        if opened is None:
            return
        self._unsubscribe()
        if self.opened is not None:
            before = self.opened.manager
            self._session.submit("Close the models of other folders", Lane.FILES, lambda _: before.close())
        self.opened = opened
        self._unsubscribe = opened.manager.subscribe(lambda key: self._bridge.tell(str(key)))
        self.count()
        self._run_waiting_checks()
        self.was_opened.emit(opened)

    @Slot(object)
    def use(self, settings: Settings) -> None:
        """Open or judge the models anew, if the settings ask for that."""
        if settings.model_folders != self._settings.model_folders:
            if self.may_reopen:  # else when it has ended
                self.open()
        elif _judged_by(settings) != _judged_by(self._settings):
            self._settings = settings
            self.count()

    def read_entries(self) -> None:
        """Read the catalog again: a model joined that has no offer yet."""
        opened, paths = self.opened, self._session.paths
        if opened is None:
            return
        jobs = model_jobs()

        def done(snapshot: JobSnapshot) -> None:
            # The folders may have become others in the meantime.
            if snapshot.result is not None and self.opened is not None:
                if snapshot.result.manager is self.opened.manager:
                    self.opened = snapshot.result
                self.count()

        self._session.submit("Read the catalog", Lane.FILES, lambda _: jobs.read_again(opened, paths), done)

    # Offers ------------------------------------------------------------------------------------------------------

    def count(self) -> None:
        """Make the offers again; if that is being done, once more afterwards."""
        opened, hardware = self.opened, self._session.pc.profile
        if opened is None:
            return
        if self._is_counting:
            self._is_stale = True
            return
        self._is_counting, self._is_stale = True, False
        if hardware is not None:
            self._pc_change.use(hardware)
        jobs, paths, settings = model_jobs(), self._session.paths, self._session.settings
        self._session.submit(
            "Judge the models", Lane.FILES, lambda _: jobs.count(opened, hardware, paths, settings), self._on_counted
        )

    @property
    def is_settled(self) -> bool:
        """The offers are those of the PC as it was last looked at."""
        return bool(self._offers) and not self._is_counting

    def _on_counted(self, snapshot: JobSnapshot) -> None:
        self._is_counting = False
        if snapshot.result is not None:
            before, self._offers = self.offers, {offer.key: offer for offer in snapshot.result.offers}
            self.storage, self.trashed = snapshot.result.storage, snapshot.result.trashed
            if [_place_in_list(offer) for offer in before] != [_place_in_list(offer) for offer in self.offers]:
                self.catalog_changed.emit()
            self.changed.emit(None)
            self._watch_what_is_in_use()
        if self._is_stale:
            self.count()

    @Slot(object)
    def _on_pc_changed(self, hardware: HardwareProfile) -> None:
        self._run_waiting_checks()
        if self._pc_change.matters(hardware):
            self.count()

    @Slot(str)
    def look_at(self, name: str) -> None:
        """A model may have changed: look at it."""
        opened = self.opened
        if opened is None or name in self._looked_at:
            return
        key = next((offer.key for offer in self.offers if str(offer.key) == name), None)
        if key is None:
            self.read_entries()
            return
        self._looked_at.add(name)
        self._session.submit("Look at a model", Lane.FILES, lambda _: self._look(opened, key), self._on_looked)

    def _look(self, opened: Opened, key: ModelKey) -> ModelState:
        self._looked_at.discard(str(key))  # what changes from now on is looked at again
        return opened.manager.state(key)

    def _on_looked(self, snapshot: JobSnapshot) -> None:
        state: ModelState | None = snapshot.result
        before = self.offer(state.key) if state is not None else None
        if state is None or before is None:
            return
        self._offers[state.key] = replace(before, state=state)
        self.changed.emit(state.key)
        self._watch_what_is_in_use()
        if _what_counts(before.state) != _what_counts(state):
            self.count()

    def _watch_what_is_in_use(self) -> None:
        if any(_is_in_use(offer) for offer in self.offers):
            self._in_use.start()

    @Slot()
    def _on_in_use(self) -> None:
        for offer in self.offers:
            if _is_in_use(offer):
                self.look_at(str(offer.key))

    # Checks ------------------------------------------------------------------------------------------------------

    def check_when_known(
        self,
        work: Callable[[Opened, Place], Any],
        show: Callable[[Any], None],
        failed: Callable[[WanError], None] | None = None,
    ) -> None:
        """Do what needs models and PC, as soon as both are known, and hand over what came of it on this thread."""
        opened, hardware = self.opened, self._session.pc.profile
        if opened is None or hardware is None:
            self._waiting_checks.append(functools.partial(self.check_when_known, work, show, failed))
            self._session.pc.look()
            return
        jobs, paths, settings = model_jobs(), self._session.paths, self._session.settings
        self._session.submit(
            "Check a video",
            Lane.FILES,
            lambda _: work(opened, jobs.place_of(hardware, paths, settings)),
            functools.partial(hand_over, show, failed),
        )

    def _run_waiting_checks(self) -> None:
        if self.opened is not None and self._session.pc.profile is not None:
            waiting, self._waiting_checks = self._waiting_checks, []
            for check in waiting:
                check()


def model_jobs() -> ModuleType:
    """What runs on the lanes; imported there first, as that takes as long as the rest of the window."""
    from wan_desktop.core import model_jobs  # noqa: PLC0415 - on a lane

    return model_jobs


def hand_over(show: Callable[[Any], None], failed: Callable[[WanError], None] | None, snapshot: JobSnapshot) -> None:
    """Give the result of work, or its error, to who wants it."""
    if snapshot.result is not None:
        show(snapshot.result)
    elif snapshot.error is not None and failed is not None:
        failed(snapshot.error)


def _is_in_use(offer: ModelOffer) -> bool:
    from wan_desktop.core.store.status import ModelStatus  # noqa: PLC0415 - there since the models were opened

    return offer.state.status is ModelStatus.IN_USE


def _place_in_list(offer: ModelOffer) -> tuple[object, ...]:
    return offer.key, offer.badge, offer.group


def _what_counts(state: ModelState) -> tuple[object, ...]:
    """Of a state, what changes verdicts, the list and the room that is left."""
    return state.status.usable, state.folder, state.size_bytes


def _judged_by(settings: Settings) -> tuple[object, ...]:
    """Of the settings, what changes verdicts."""
    return (
        settings.memory_mode,
        settings.gpu_uuid,
        settings.may_use_smaller_variant,
        settings.may_use_other_model,
    )
