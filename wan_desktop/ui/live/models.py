"""All models as they are now: what there is, how each stands, what is being done with it; and all that can be done.

Everything long runs on lanes: downloads one after the other on NETWORK, reading and repairing on MODELS, looks at the
disk on FILES. A pause is a cancel: what arrived is kept, and the next download goes on with it.
"""

from __future__ import annotations

import functools
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.jobs import JobSnapshot, JobState, Lane
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.trial import Question
from wan_desktop.ui.bridge import KeyBridge
from wan_desktop.ui.live.model_work import ModelWork
from wan_desktop.ui.live.pc_change import PcChange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from wan_desktop.core.catalog import Catalog, GenerationMode, ModelMetadata, Variant
    from wan_desktop.core.compatibility import CompatibilityCheck
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.estimate import Workload
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.jobs import JobContext
    from wan_desktop.core.manager import ModelManager
    from wan_desktop.core.model_activity import Activity
    from wan_desktop.core.model_jobs import ModelFacts, Opened, Storage
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.model_report import ModelReport
    from wan_desktop.core.settings import Settings
    from wan_desktop.core.store.library import ModelKey, TrashItem
    from wan_desktop.core.store.status import ModelState, RemoteState
    from wan_desktop.core.trial import Place
    from wan_desktop.ui.session import Session

logger = logging.getLogger(__name__)


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
        self._opened: Opened | None = None
        self._offers: tuple[ModelOffer, ...] = ()
        self._storage: tuple[Storage, ...] = ()
        self._remotes: dict[ModelKey, RemoteState] = {}
        self._paused: set[ModelKey] = set()
        self._forgetting: set[ModelKey] = set()
        self._waiting_checks: list[Callable[[], None]] = []
        self._is_counting = self._is_stale = False
        self._looked_at: set[str] = set()
        self._settings = session.settings
        """With which the models were opened and judged."""
        self._unsubscribe: Callable[[], None] = lambda: None
        self._pc_change = PcChange(clock)
        self._bridge = KeyBridge(self)
        self._bridge.key_changed.connect(self._on_key_changed)
        self._work = ModelWork(session, self, clock)
        self._work.changed.connect(self.changed)
        self._work.failed.connect(self.failed)
        self._work.finished.connect(self.finished)
        self._work.ended.connect(self._on_ended)
        self._work.finished.connect(self._on_finished)
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
        return self._work.activity(key)

    def error(self, key: ModelKey | None) -> WanError | None:
        """What ended the last work with it; None since work came to its end, or was begun again."""
        return self._work.error(key)

    def storage(self) -> tuple[Storage, ...]:
        """The folders of models as they were when they were last counted; empty until then."""
        return self._storage

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
        if opened is None or found is None or self._work.kind(key):
            return
        settings = self._session.settings
        jobs = _jobs()

        def work(context: JobContext) -> Any:
            return jobs.download(opened, found[0], found[1], settings, context, update=update)

        self._paused.discard(key)
        self._session.submit("Note a download", Lane.FILES, lambda _: opened.wanted.add(key))
        self._work.start(key, ActivityKind.DOWNLOAD, Lane.NETWORK, work)

    def pause(self, key: ModelKey) -> None:
        """Stop the download and keep what arrived; it does not go on at the next start."""
        opened = self._opened
        if opened is not None and self._work.kind(key) is ActivityKind.DOWNLOAD:
            self._paused.add(key)
            self._session.submit("Note a pause", Lane.FILES, lambda _: opened.wanted.discard(key))
            self._work.stop(key)

    def cancel(self, key: ModelKey | None) -> None:
        """Stop what is done with it; of a download, what arrived is deleted."""
        kind = self._work.kind(key)
        if kind is not None:
            if key is not None and kind is ActivityKind.DOWNLOAD:
                self._forgetting.add(key)
            self._work.stop(key)
        elif key is not None:
            self._forget(key)

    def verify(self, key: ModelKey, deep: bool = True) -> None:
        """Check its files: all bytes, or only sizes, times and headers."""
        opened = self._opened
        if opened is not None:
            jobs = _jobs()
            self._work.start(
                key, ActivityKind.CHECK, Lane.MODELS, lambda context: jobs.verify(opened, key, context, deep=deep)
            )

    def verify_all(self) -> None:
        """Read every byte of every model on this PC."""
        opened = self._opened
        if opened is not None:
            jobs = _jobs()
            self._work.start(None, ActivityKind.CHECK, Lane.MODELS, lambda context: jobs.verify_all(opened, context))

    def repair(self, key: ModelKey) -> None:
        """Fetch what is damaged."""
        opened, settings = self._opened, self._session.settings
        if opened is not None:
            jobs = _jobs()
            self._work.start(
                key, ActivityKind.REPAIR, Lane.MODELS, lambda context: jobs.repair(opened, key, settings, context)
            )

    def remove(self, key: ModelKey) -> None:
        """Put it into the trash; `finished` carries what came of it, with which `put_back` undoes it."""
        opened = self._opened
        if opened is not None:
            self._work.start(key, ActivityKind.REMOVE, Lane.FILES, lambda _: opened.manager.remove(key))

    def put_back(self, item: TrashItem) -> None:
        """Undo a removal."""
        opened = self._opened
        if opened is not None:
            self._work.start(item.key, ActivityKind.PUT_BACK, Lane.FILES, lambda _: opened.manager.put_back(item))

    def adopt(self, folder: Path, *, may_copy: bool = False) -> None:
        """Put to use what a folder holds; `finished` carries what came of it."""
        opened, paths = self._opened, self._session.paths
        if opened is not None:
            jobs = _jobs()
            self._work.start(
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
            self._work.start(
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
                self._work.set_error(key, snapshot.error)
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

    def facts(self, key: ModelKey, show: Callable[[ModelFacts], None]) -> None:
        """Read what is written down about it, and hand it over on this thread."""
        opened = self._opened
        if opened is not None:
            jobs = _jobs()
            self._session.submit(
                "Read a model's history",
                Lane.FILES,
                lambda _: jobs.facts(opened, key),
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
        question = Question(mode=mode, workload=workload)
        name = variant.name if variant else ""

        def work(opened: Opened, place: Place) -> Any:
            return _jobs().check_video(opened.subjects, metadata.model_id, name, question, place)

        self._check_when_known(work, show)

    def report(
        self, offer: ModelOffer, mode: GenerationMode, workload: Workload, show: Callable[[ModelReport], None]
    ) -> None:
        """As `check`, with all that the report shows."""
        question = Question(mode=mode, workload=workload)
        name = offer.variant.name if offer.variant else ""
        folder = next(iter(self._session.settings.model_folders), self._session.paths.models)

        def work(opened: Opened, place: Place) -> Any:
            return _jobs().report(opened, offer.metadata.model_id, name, question, place, folder)

        self._check_when_known(work, show)

    def _check_when_known(self, work: Callable[[Opened, Place], Any], show: Callable[[Any], None]) -> None:
        opened, hardware = self._opened, self._session.pc.profile
        if opened is None or hardware is None:
            self._waiting_checks.append(functools.partial(self._check_when_known, work, show))
            self._session.pc.look()
            return
        jobs, paths, settings = _jobs(), self._session.paths, self._session.settings
        self._session.submit(
            "Check a video",
            Lane.FILES,
            lambda _: work(opened, jobs.place_of(hardware, paths, settings)),
            functools.partial(_hand_over, show),
        )

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
        self._session.submit(
            "Open the models", Lane.FILES, lambda _: _jobs().open_models(paths, settings), self._on_opened
        )

    def _on_opened(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self._work.set_error(None, snapshot.error)
        opened: Opened | None = snapshot.result
        if opened is None:
            return
        self._unsubscribe()
        if self._opened is not None:
            before = self._opened.manager
            self._session.submit("Close the models of other folders", Lane.FILES, lambda _: before.close())
        self._opened = opened
        self._unsubscribe = opened.manager.subscribe(lambda key: self._bridge.tell(str(key)))
        self._work.set_error(None, None)
        self._count()
        self._run_waiting_checks()
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
            "Judge the models", Lane.FILES, lambda _: jobs.count(opened, hardware, paths, settings), self._on_counted
        )

    def _on_counted(self, snapshot: JobSnapshot) -> None:
        self._is_counting = False
        if snapshot.result is not None:
            before, self._offers = self._offers, snapshot.result.offers
            self._storage = snapshot.result.storage
            if [_place_in_list(offer) for offer in before] != [_place_in_list(offer) for offer in self._offers]:
                self.catalog_changed.emit()
            self.changed.emit(None)
        if self._is_stale:
            self._count()

    def _run_waiting_checks(self) -> None:
        if self._opened is not None and self._session.pc.profile is not None:
            waiting, self._waiting_checks = self._waiting_checks, []
            for check in waiting:
                check()

    @Slot(object)
    def _on_pc_changed(self, hardware: HardwareProfile) -> None:
        self._run_waiting_checks()
        if self._pc_change.matters(hardware):
            self._count()

    @Slot(object)
    def _on_settings_changed(self, settings: Settings) -> None:
        if settings.model_folders != self._settings.model_folders:
            if not self._work.is_any:  # else when it has ended
                self._open()
        elif _judged_by(settings) != _judged_by(self._settings):
            self._settings = settings
            self._count()

    @Slot(str)
    def _on_key_changed(self, name: str) -> None:
        """The manager says that a model changed: look at it."""
        opened = self._opened
        if opened is None or name in self._looked_at:
            return
        key = next((offer.key for offer in self._offers if str(offer.key) == name), None)
        if key is None:
            self._read_entries()
            return
        self._looked_at.add(name)
        self._session.submit("Look at a model", Lane.FILES, lambda _: self._look(opened, key), self._on_looked)

    def _look(self, opened: Opened, key: ModelKey) -> ModelState:
        self._looked_at.discard(str(key))  # what changes from now on is looked at again
        return opened.manager.state(key)

    def _on_looked(self, snapshot: JobSnapshot) -> None:
        state: ModelState | None = snapshot.result
        if state is None:
            return
        before = self.state(state.key)
        self._offers = tuple(replace(offer, state=state) if offer.key == state.key else offer for offer in self._offers)
        self.changed.emit(state.key)
        if before is None or _what_counts(before) != _what_counts(state):
            self._count()

    def _read_entries(self) -> None:
        """A model joined that has no offer yet."""
        opened, paths = self._opened, self._session.paths
        if opened is None:
            return
        jobs = _jobs()

        def done(snapshot: JobSnapshot) -> None:
            if snapshot.result is not None:
                self._opened = snapshot.result
                self._count()

        self._session.submit("Read the catalog", Lane.FILES, lambda _: jobs.read_again(opened, paths), done)

    # What ended --------------------------------------------------------------------------------------------------

    @Slot(object, object, object)
    def _on_ended(self, key: ModelKey | None, kind: ActivityKind, state: JobState) -> None:
        self._on_settings_changed(self._session.settings)
        opened = self._opened
        if key is None or opened is None:
            return
        if kind is ActivityKind.DOWNLOAD and state is not JobState.CANCELLED:
            self._session.submit("Note a download's end", Lane.FILES, lambda _: opened.wanted.discard(key))
        if key in self._forgetting:
            self._forgetting.discard(key)
            if state is JobState.CANCELLED:
                self._forget(key)
        self._on_key_changed(str(key))

    @Slot(object, object, object)
    def _on_finished(self, key: ModelKey | None, kind: ActivityKind, _result: object) -> None:
        if kind in (ActivityKind.ADOPT, ActivityKind.ADD):
            self._read_entries()
        if key is not None:
            self._remotes.pop(key, None)

    def _forget(self, key: ModelKey) -> None:
        """Delete what a download has brought."""
        opened = self._opened
        if opened is None:
            return
        jobs = _jobs()
        self._paused.discard(key)

        def done(snapshot: JobSnapshot) -> None:
            self._work.set_error(key, snapshot.error)
            self._on_key_changed(str(key))

        self._session.submit("Forget a download", Lane.FILES, lambda _: jobs.forget_download(opened, key), done)


def _jobs() -> ModuleType:
    """What runs on the lanes; imported there first, as that takes as long as the rest of the window."""
    from wan_desktop.core import model_jobs  # noqa: PLC0415 - on a lane

    return model_jobs


def _hand_over(show: Callable[[Any], None], snapshot: JobSnapshot) -> None:
    if snapshot.result is not None:
        show(snapshot.result)


def _place_in_list(offer: ModelOffer) -> tuple[object, ...]:
    return offer.key, offer.badge, offer.group


def _what_counts(state: ModelState) -> tuple[object, ...]:
    """Of a state, what changes verdicts and the list."""
    return state.status.usable, state.folder, state.size_bytes


def _judged_by(settings: Settings) -> tuple[object, ...]:
    """Of the settings, what changes verdicts."""
    return (
        settings.memory_mode,
        settings.gpu_uuid,
        settings.may_use_smaller_variant,
        settings.may_use_other_model,
    )
