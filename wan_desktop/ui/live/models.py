"""All models as they are now: what there is, how each stands, what is being done with it; and all that can be done.

Everything long runs on lanes: downloads one after the other on NETWORK, reading and repairing on MODELS, looks at the
disk on FILES. A pause is a cancel: what arrived is kept, and the next download goes on with it.
"""

from __future__ import annotations

import functools
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.jobs import JobSnapshot, JobState, Lane
from wan_desktop.core.model_activity import Activity, ActivityKind, ActivityMeter, Step
from wan_desktop.ui.bridge import KeyBridge
from wan_desktop.ui.live.pc_change import PcChange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wan_desktop.core.catalog import Catalog, GenerationMode, ModelMetadata, Variant
    from wan_desktop.core.compatibility import CompatibilityCheck
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.estimate import Workload
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.jobs import JobContext, Work
    from wan_desktop.core.manager import ModelManager
    from wan_desktop.core.model_jobs import Opened
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.settings import Settings
    from wan_desktop.core.store.history import HistoryEntry
    from wan_desktop.core.store.library import ModelKey, TrashItem
    from wan_desktop.core.store.status import ModelState, RemoteState
    from wan_desktop.ui.session import Session

logger = logging.getLogger(__name__)

_SHOW_MS = 200
"""Progress is shown five times a second."""
_TICK_MS = 1000
"""So often it is looked whether work stands still."""


@dataclass(slots=True)
class _Running:
    """Work that waits or runs."""

    key: ModelKey | None
    job_id: str
    meter: ActivityMeter


class LiveModels(QObject):
    """The models of this installation, for the window's thread.

    Args:
        session: Whose lanes, settings and PC.
        clock: Seconds that only grow.
    """

    changed = Signal(object)
    """A ModelKey whose state or activity is another now; None: any may be."""
    catalog_changed = Signal()
    """There are other offers, or in another order."""
    failed = Signal(object, object)
    """A ModelKey or None, and the WanError that ended work with it."""
    finished = Signal(object, object, object)
    """A ModelKey or None, the ActivityKind that came to its end, and its result."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(session)
        self._session = session
        self._clock = clock
        self._opened: Opened | None = None
        self._offers: tuple[ModelOffer, ...] = ()
        self._running: dict[str, _Running] = {}
        self._errors: dict[ModelKey | None, WanError] = {}
        self._remotes: dict[ModelKey, RemoteState] = {}
        self._paused: set[ModelKey] = set()
        self._forgetting: set[ModelKey] = set()
        self._dirty: set[ModelKey | None] = set()
        self._waiting_checks: list[Callable[[], None]] = []
        self._is_counting = self._is_stale = False
        self._looked_at: set[str] = set()
        self._folders = session.settings.model_folders
        self._unsubscribe: Callable[[], None] = lambda: None
        self._pc_change = PcChange(clock)
        self._bridge = KeyBridge(self)
        self._bridge.key_changed.connect(self._on_key_changed)
        self._show = QTimer(self)
        self._show.setSingleShot(True)
        self._show.setInterval(_SHOW_MS)
        self._show.timeout.connect(self._on_show)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._on_tick)
        session.job_changed.connect(self._on_job_changed)
        session.settings_changed.connect(self._on_settings_changed)
        session.pc.changed.connect(self._on_pc_changed)
        self._open()

    # What is known -----------------------------------------------------------------------------------------------

    @property
    def catalog(self) -> Catalog | None:
        """All entries; None until they were read."""
        return self._opened.catalog if self._opened else None

    @property
    def manager(self) -> ModelManager | None:
        """The store's face; None until it was opened."""
        return self._opened.manager if self._opened else None

    def offers(self) -> tuple[ModelOffer, ...]:
        """Every model in every packaging, as the list shows them; empty until they were read."""
        return self._offers

    def offer(self, key: ModelKey) -> ModelOffer | None:
        """That one; None if there is none."""
        return next((offer for offer in self._offers if offer.key == key), None)

    def ready(self) -> tuple[ModelOffer, ...]:
        """What can be rendered with now, the built-in model included."""
        return tuple(offer for offer in self._offers if offer.is_usable)

    def state(self, key: ModelKey) -> ModelState | None:
        """How the model stood when it was last looked at; None if it is not known."""
        offer = self.offer(key)
        return offer.state if offer else None

    def activity(self, key: ModelKey | None) -> Activity | None:
        """What is being done with the model, or with None in mind, with all of them or a folder."""
        running = self._running_of(key)
        return running.meter.activity() if running else None

    def error(self, key: ModelKey | None) -> WanError | None:
        """What ended the last work with it; None since work came to its end, or was begun again."""
        return self._errors.get(key)

    def remote(self, key: ModelKey) -> RemoteState | None:
        """What the Hub last said; None if it was not asked since the program started."""
        return self._remotes.get(key)

    def is_paused(self, key: ModelKey) -> bool:
        """The user stopped its download since the program started."""
        return key in self._paused

    # What can be done --------------------------------------------------------------------------------------------

    def download(self, key: ModelKey, *, update: bool = False) -> None:
        """Download it, or go on with that; nothing if it is on its way already."""
        opened, found = self._opened, self._packaging(key)
        if opened is None or found is None or self._running_of(key):
            return
        settings = self._session.settings
        jobs = _jobs()

        def work(context: JobContext) -> Any:
            return jobs.download(opened, found[0], found[1], settings, context, update=update)

        self._paused.discard(key)
        self._session.submit("Note a download", Lane.FILES, lambda _: opened.wanted.add(key))
        self._start(key, ActivityKind.DOWNLOAD, Lane.NETWORK, work)

    def pause(self, key: ModelKey) -> None:
        """Stop the download and keep what arrived; it does not go on at the next start."""
        opened, running = self._opened, self._running_of(key)
        if opened is not None and running is not None and running.meter.kind is ActivityKind.DOWNLOAD:
            self._paused.add(key)
            self._session.submit("Note a pause", Lane.FILES, lambda _: opened.wanted.discard(key))
            self._stop(running)

    def cancel(self, key: ModelKey | None) -> None:
        """Stop what is done with it; of a download, what arrived is deleted."""
        running = self._running_of(key)
        if running is None:
            if key is not None:
                self._forget(key)
            return
        if key is not None and running.meter.kind is ActivityKind.DOWNLOAD:
            self._forgetting.add(key)
        self._stop(running)

    def verify(self, key: ModelKey, deep: bool = True) -> None:
        """Check its files: all bytes, or only sizes, times and headers."""
        opened = self._opened
        if opened is not None:
            jobs = _jobs()
            self._start(
                key, ActivityKind.CHECK, Lane.MODELS, lambda context: jobs.verify(opened, key, context, deep=deep)
            )

    def verify_all(self) -> None:
        """Read every byte of every model on this PC."""
        opened = self._opened
        if opened is not None:
            jobs = _jobs()
            self._start(None, ActivityKind.CHECK, Lane.MODELS, lambda context: jobs.verify_all(opened, context))

    def repair(self, key: ModelKey) -> None:
        """Fetch what is damaged."""
        opened, settings = self._opened, self._session.settings
        if opened is not None:
            jobs = _jobs()
            self._start(
                key, ActivityKind.REPAIR, Lane.MODELS, lambda context: jobs.repair(opened, key, settings, context)
            )

    def remove(self, key: ModelKey) -> None:
        """Put it into the trash; `finished` carries what came of it, with which `put_back` undoes it."""
        opened = self._opened
        if opened is not None:
            self._start(key, ActivityKind.REMOVE, Lane.FILES, lambda _: opened.manager.remove(key))

    def put_back(self, item: TrashItem) -> None:
        """Undo a removal."""
        opened = self._opened
        if opened is not None:
            self._start(item.key, ActivityKind.PUT_BACK, Lane.FILES, lambda _: opened.manager.put_back(item))

    def adopt(self, folder: Path, *, may_copy: bool = False) -> None:
        """Put to use what a folder holds; `finished` carries what came of it."""
        opened, paths = self._opened, self._session.paths
        if opened is not None:
            jobs = _jobs()
            self._start(
                None,
                ActivityKind.ADOPT,
                Lane.MODELS,
                lambda context: jobs.adopt(opened, folder, paths, context, may_copy=may_copy),
            )

    def add_repository(self, name_or_address: str) -> None:
        """Add a repository of the Hub to the list; `finished` carries its ModelMetadata."""
        opened, paths = self._opened, self._session.paths
        if opened is not None:
            jobs = _jobs()
            self._start(
                None,
                ActivityKind.ADD,
                Lane.MODELS,
                lambda context: jobs.add_repository(opened, name_or_address, paths, context),
            )

    def use_token(self, token: str, key: ModelKey) -> None:
        """Keep the access token in the system's keyring, and download with it."""
        jobs = _jobs()

        def done(snapshot: JobSnapshot) -> None:
            if snapshot.error is not None:
                self._set_error(key, snapshot.error)
            elif snapshot.state is JobState.DONE:
                self.download(key)

        self._session.submit("Keep the access token", Lane.FILES, lambda _: jobs.keep_token(token), done)

    def ask_hub(self, key: ModelKey) -> None:
        """Ask the Hub whether it has something newer; what is on this PC is not touched."""
        opened, found = self._opened, self._packaging(key)
        if opened is None or found is None:
            return
        repo_ids = tuple(dict.fromkeys(part.repo_id for part in found[1].parts))

        def done(snapshot: JobSnapshot) -> None:
            if snapshot.result is not None:
                self._remotes[key] = snapshot.result
                self.changed.emit(key)

        self._session.submit(
            "Ask the Hub", Lane.MODELS, lambda context: opened.manager.check_remote(key, repo_ids, context), done
        )

    def history(self, key: ModelKey, show: Callable[[list[HistoryEntry]], None]) -> None:
        """Read what happened to it, the latest first, and hand it over."""
        opened = self._opened
        if opened is not None:
            self._session.submit(
                "Read a history",
                Lane.FILES,
                lambda _: opened.manager.history(key.model_id, key.variant, limit=50),
                functools.partial(_hand_over, show),
            )

    def check(
        self,
        metadata: ModelMetadata,
        variant: Variant | None,
        mode: GenerationMode,
        workload: Workload,
        show: Callable[[CompatibilityCheck], None],
    ) -> None:
        """Check a video with all that might take the model's place, and hand the answer over on this thread.

        It waits until the PC is known. Where nobody knows the model, nothing is handed over.
        """
        opened, hardware = self._opened, self._session.pc.profile
        if opened is None or hardware is None:
            self._waiting_checks.append(functools.partial(self.check, metadata, variant, mode, workload, show))
            self._session.pc.look()
            return
        jobs, paths, settings = _jobs(), self._session.paths, self._session.settings

        def work(_: object) -> CompatibilityCheck:
            name = variant.name if variant else ""
            return jobs.check_video(opened, metadata.model_id, name, mode, workload, hardware, paths, settings)

        self._session.submit("Check a video", Lane.FILES, work, functools.partial(_hand_over, show))

    def look_again(self) -> None:
        """Look at all models and at the PC once more."""
        self._session.pc.look()
        self._count()

    def close(self) -> None:
        """The lanes have ended: close what is open."""
        self._unsubscribe()
        self._bridge.close()
        if self._opened is not None:
            self._opened.manager.close()

    # Opening -----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        paths, settings = self._session.paths, self._session.settings
        self._session.submit("Open the models", Lane.FILES, lambda _: _jobs().open_models(paths, settings), self._on_opened)

    def _on_opened(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self._set_error(None, snapshot.error)
        opened: Opened | None = snapshot.result
        if opened is None:
            return
        self._unsubscribe()
        if self._opened is not None:
            self._opened.manager.close()
        self._opened = opened
        self._unsubscribe = opened.manager.subscribe(lambda key: self._bridge.tell(str(key)))
        self._errors.pop(None, None)
        self._count()
        for key in opened.unfinished:
            self.download(key)

    def _packaging(self, key: ModelKey) -> tuple[ModelMetadata, Variant] | None:
        metadata = self.catalog.get(key.model_id) if self.catalog else None
        for variant in metadata.variants if metadata else ():
            if variant.name == key.variant and variant.parts and metadata is not None:
                return metadata, variant
        return None

    # Offers ------------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        """Make the offers again; if that is done already, once more afterwards."""
        opened, hardware = self._opened, self._session.pc.profile
        if opened is None:
            return
        if self._is_counting:
            self._is_stale = True
            return
        self._is_counting, self._is_stale = True, False
        if hardware is not None:
            self._pc_change.use(hardware)
        jobs, paths, settings = _jobs(), self._session.paths, self._session.settings
        self._session.submit(
            "Judge the models", Lane.FILES, lambda _: jobs.offers(opened, hardware, paths, settings), self._on_counted
        )

    def _on_counted(self, snapshot: JobSnapshot) -> None:
        self._is_counting = False
        if snapshot.result is not None:
            before, self._offers = self._offers, snapshot.result
            if [_place_in_list(offer) for offer in before] != [_place_in_list(offer) for offer in self._offers]:
                self.catalog_changed.emit()
            self.changed.emit(None)
        if self._is_stale:
            self._count()

    @Slot(object)
    def _on_pc_changed(self, hardware: HardwareProfile) -> None:
        waiting, self._waiting_checks = self._waiting_checks, []
        for check in waiting:
            check()
        if self._pc_change.matters(hardware):
            self._count()

    @Slot(object)
    def _on_settings_changed(self, settings: Settings) -> None:
        if settings.model_folders != self._folders and not self._running:
            self._folders = settings.model_folders
            self._open()
        else:
            self._count()

    @Slot(str)
    def _on_key_changed(self, name: str) -> None:
        """The manager says that a model changed: look at it."""
        opened = self._opened
        if opened is None or name in self._looked_at:
            return
        key = next((offer.key for offer in self._offers if str(offer.key) == name), None)
        if key is None:
            self._read_catalog_again()
            return
        self._looked_at.add(name)
        self._session.submit("Look at a model", Lane.FILES, lambda _: self._look(opened, key), self._on_looked)
