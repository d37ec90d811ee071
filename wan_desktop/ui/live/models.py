"""All models as they are now: what there is, how each stands, what is being done with it; and all that can be done.

Everything long runs on lanes: downloads one after the other on NETWORK, reading and repairing on MODELS, looks at the
disk on FILES. A pause is a cancel: what arrived is kept, and the next download goes on with it.
"""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.jobs import JobSnapshot, JobState, Lane
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.trial import Question
from wan_desktop.ui.live.model_shelf import ModelShelf, hand_over, model_jobs
from wan_desktop.ui.live.model_work import ModelWork
from wan_desktop.ui.turns import next_turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wan_desktop.core.catalog import Catalog, GenerationMode, ModelMetadata, Variant
    from wan_desktop.core.compatibility import CompatibilityCheck
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.estimate import Workload
    from wan_desktop.core.jobs import JobContext
    from wan_desktop.core.manager import ModelManager
    from wan_desktop.core.model_activity import Activity
    from wan_desktop.core.model_jobs import ModelFacts, Opened
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.model_report import ModelReport
    from wan_desktop.core.model_storage import DriveStorage
    from wan_desktop.core.model_trash import Trashed
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
        self._remotes: dict[ModelKey, RemoteState] = {}
        self._paused: set[ModelKey] = set()
        self._forgetting: set[ModelKey] = set()
        self._shelf = ModelShelf(session, self, clock)
        self._shelf.changed.connect(self.changed)
        self._shelf.catalog_changed.connect(self.catalog_changed)
        self._shelf.was_opened.connect(self._on_opened)
        self._shelf.failed.connect(self._on_not_opened)
        self._work = ModelWork(session, self, clock)
        self._work.changed.connect(self._on_work_changed)
        self._work.changed.connect(self.changed)
        self._work.failed.connect(self.failed)
        self._work.ended.connect(self._on_ended)
        self._work.finished.connect(self._on_finished)
        self._work.finished.connect(self.finished)
        self._is_begun = False
        if not session.waits:
            next_turn(self, self.begin)  # so that the form's model is found first

    @Slot()
    def begin(self) -> None:
        """Open the models, unless that was begun."""
        if not self._is_begun:
            self._is_begun = True
            self._shelf.open()

    @property
    def _opened(self) -> Opened | None:
        return self._shelf.opened

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
        return self._shelf.offers

    def offer(self, key: ModelKey) -> ModelOffer | None:
        """That one; None if there is none."""
        return self._shelf.offer(key)

    def ready(self) -> tuple[ModelOffer, ...]:
        """What can be rendered with now, the built-in model included."""
        return tuple(offer for offer in self._shelf.offers if offer.is_usable)

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

    def storage(self) -> tuple[DriveStorage, ...]:
        """The folders of models as they were when they were last counted; empty until then."""
        return self._shelf.storage

    def trashed(self) -> tuple[Trashed, ...]:
        """Removed models that can be put back, as they were when they were last counted."""
        return self._shelf.trashed

    def remote(self, key: ModelKey) -> RemoteState | None:
        """What the Hub last said; None if it was not asked since the program started."""
        return self._remotes.get(key)

    def is_paused(self, key: ModelKey) -> bool:
        """The user stopped its download since the program started."""
        return key in self._paused

    @property
    def is_settled(self) -> bool:
        """The offers are those of the PC as it was last looked at."""
        return self._shelf.is_settled

    # What can be done --------------------------------------------------------------------------------------------

    def download(self, key: ModelKey, *, update: bool = False) -> None:
        """Download it, or go on with that; nothing if it is on its way already."""
        opened, found = self._opened, self._shelf.packaging(key)
        if opened is None or found is None or self._work.kind(key):
            return
        settings = self._session.settings
        jobs = model_jobs()

        def work(context: JobContext) -> Any:
            return jobs.download(opened, found[0], found[1], settings, context, update=update)

        self._paused.discard(key)
        self._session.submit("Note a download", Lane.FILES, lambda _: opened.wanted.add(key))
        self._work.start(key, ActivityKind.DOWNLOAD, Lane.NETWORK, work)

    def pause(self, key: ModelKey, *, is_for_now: bool = False) -> None:
        """Stop the download and keep what arrived.

        Args:
            key: The model.
            is_for_now: It goes on by itself, after the next start at the latest; else only when the user says so.
        """
        opened = self._opened
        if opened is not None and self._work.kind(key) is ActivityKind.DOWNLOAD:
            self._paused.add(key)
            if not is_for_now:
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
            jobs = model_jobs()
            self._work.start(
                key, ActivityKind.CHECK, Lane.MODELS, lambda context: jobs.verify(opened, key, context, deep=deep)
            )

    def verify_all(self) -> None:
        """Read every byte of every model on this PC."""
        opened = self._opened
        if opened is not None:
            jobs = model_jobs()
            self._work.start(None, ActivityKind.CHECK, Lane.MODELS, lambda context: jobs.verify_all(opened, context))

    def repair(self, key: ModelKey) -> None:
        """Fetch what is damaged."""
        opened, settings = self._opened, self._session.settings
        if opened is not None:
            jobs = model_jobs()
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

    def delete_trashed(self, item: TrashItem) -> None:
        """Delete a removed model for good."""
        opened = self._opened

        def done(snapshot: JobSnapshot) -> None:
            self._work.set_error(None, snapshot.error)
            self._shelf.count()

        if opened is not None:
            self._session.submit(
                "Delete a removed model", Lane.FILES, lambda _: opened.manager.trash.delete(item), done
            )

    def adopt(self, folder: Path, *, may_copy: bool = False) -> None:
        """Put to use what a folder holds; `finished` carries what came of it."""
        opened, paths = self._opened, self._session.paths
        if opened is not None:
            jobs = model_jobs()
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
            jobs = model_jobs()
            self._work.start(
                None,
                ActivityKind.ADD,
                Lane.MODELS,
                lambda context: jobs.add_repository(opened, name_or_address, paths, context),
            )

    def use_token(self, token: str, key: ModelKey) -> None:
        """Keep the access token in the system's keyring, and download with it."""
        jobs = model_jobs()

        def done(snapshot: JobSnapshot) -> None:
            if snapshot.error is not None:
                self._work.set_error(key, snapshot.error)
            elif snapshot.state is JobState.DONE:
                self.download(key)

        self._session.submit("Keep the access token", Lane.FILES, lambda _: jobs.keep_token(token), done)

    def ask_hub(self, key: ModelKey, show: Callable[[ModelKey, RemoteState], None] | None = None) -> None:
        """Ask the Hub whether it has something newer, and hand the answer over; nothing on this PC is touched."""
        opened, found = self._opened, self._shelf.packaging(key)
        if opened is None or found is None:
            return
        repo_ids = tuple(dict.fromkeys(part.repo_id for part in found[1].parts))

        def done(snapshot: JobSnapshot) -> None:
            if snapshot.result is not None:
                self._remotes[key] = snapshot.result
                self.changed.emit(key)
                if show is not None:
                    show(key, snapshot.result)

        self._session.submit(
            "Ask the Hub", Lane.MODELS, lambda context: opened.manager.check_remote(key, repo_ids, context), done
        )

    def facts(self, key: ModelKey, show: Callable[[ModelFacts], None]) -> None:
        """Read what is written down about it, and hand it over on this thread."""
        opened = self._opened
        if opened is not None:
            jobs = model_jobs()
            self._session.submit(
                "Read a model's history",
                Lane.FILES,
                lambda _: jobs.facts(opened, key),
                functools.partial(hand_over, show, None),
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
            return model_jobs().check_video(opened.subjects, metadata.model_id, name, question, place)

        self._shelf.check_when_known(work, show)

    def report(
        self,
        offer: ModelOffer,
        mode: GenerationMode,
        workload: Workload,
        show: Callable[[ModelReport], None],
        failed: Callable[[WanError], None],
    ) -> None:
        """As `check`, with all that the report shows; or why nobody can tell."""
        question = Question(mode=mode, workload=workload)
        name = offer.variant.name if offer.variant else ""
        folder = next(iter(self._session.settings.model_folders), self._session.paths.models)

        def work(opened: Opened, place: Place) -> Any:
            return model_jobs().report(opened, offer.metadata.model_id, name, question, place, folder)

        self._shelf.check_when_known(work, show, failed)

    def look_again(self) -> None:
        """Look at all models and at the PC once more."""
        self._session.pc.look()
        self._shelf.count()

    def close(self) -> None:
        """The lanes have ended: close what is open."""
        self._shelf.close()

    @Slot(object)
    def _on_opened(self, opened: Opened) -> None:
        """Go on with what was on its way when the program ended; in safe mode that waits for the next start."""
        self._work.set_error(None, None)
        if self._session.safe_reason is not None:
            return

        def done(_snapshot: JobSnapshot) -> None:
            for key in opened.unfinished:
                self.download(key)

        self._session.submit("Tidy up the models", Lane.MODELS, lambda _: model_jobs().tidy(opened), done)

    @Slot(object)
    def _on_work_changed(self, _key: ModelKey | None) -> None:
        self._shelf.may_reopen = not self._work.is_any

    @Slot(object)
    def _on_not_opened(self, error: WanError) -> None:
        self._work.set_error(None, error)

    # What ended --------------------------------------------------------------------------------------------------

    @Slot(object, object, object)
    def _on_ended(self, key: ModelKey | None, kind: ActivityKind, state: JobState) -> None:
        self._shelf.may_reopen = not self._work.is_any
        self._shelf.use(self._session.settings)
        opened = self._opened
        if key is None or opened is None:
            return
        if kind is ActivityKind.DOWNLOAD and state is not JobState.CANCELLED:
            self._session.submit("Note a download's end", Lane.FILES, lambda _: opened.wanted.discard(key))
        if key in self._forgetting:
            self._forgetting.discard(key)
            if state is JobState.CANCELLED:
                self._forget(key)
        self._shelf.look_at(str(key))

    @Slot(object, object, object)
    def _on_finished(self, key: ModelKey | None, kind: ActivityKind, _result: object) -> None:
        if kind in (ActivityKind.ADOPT, ActivityKind.ADD):
            self._shelf.read_entries()
        if key is not None:
            self._remotes.pop(key, None)

    def _forget(self, key: ModelKey) -> None:
        """Delete what a download has brought."""
        opened = self._opened
        if opened is None:
            return
        jobs = model_jobs()
        self._paused.discard(key)

        def done(snapshot: JobSnapshot) -> None:
            self._work.set_error(key, snapshot.error)
            self._shelf.look_at(str(key))

        self._session.submit("Forget a download", Lane.FILES, lambda _: jobs.forget_download(opened, key), done)
