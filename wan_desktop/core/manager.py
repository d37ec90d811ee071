"""The model manager: every model's status, and all that can be done with models. For window and command line alike.

What is done with one model is claimed with a hold, which never waits: a second attempt is told what is going on.
Observers are told only which model changed, and pull how it stands now.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from wan_desktop.core.catalog import Model, ModelMetadata, Variant, add_entry, installed_model, metadata_for_folder
from wan_desktop.core.deeds import Deeds
from wan_desktop.core.errors import (
    DriveMissingError,
    IntegrityError,
    ManifestError,
    ModelBusyError,
    ModelNotFoundError,
    StoreError,
    WanError,
)
from wan_desktop.core.fallback import ModelLoadingResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Rung
from wan_desktop.core.model_checks import ModelChecks, cancel_check
from wan_desktop.core.model_loading import ModelEngine, load_down_the_ladder
from wan_desktop.core.model_trash import TRASH_DAYS, ModelTrash
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings
from wan_desktop.core.store.adopt import adopt_folder
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.download import Downloader, DownloadPlan
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.file_index import FileIndex
from wan_desktop.core.store.history import History, HistoryEntry
from wan_desktop.core.store.hub import HubClient, RemoteRepo
from wan_desktop.core.store.libraries import Libraries
from wan_desktop.core.store.library import Library, ModelKey, TrashItem
from wan_desktop.core.store.look import Look
from wan_desktop.core.store.manifest import Manifest, read_manifest
from wan_desktop.core.store.remote import Remote
from wan_desktop.core.store.scan import scan
from wan_desktop.core.store.status import ModelState, ModelStatus, RemoteState
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.store.token import read_token
from wan_desktop.core.words import mark, tr, trn

logger = logging.getLogger(__name__)

_DAY_S = 86_400
_QUARANTINE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Removed:
    """A model that went to the trash."""

    item: TrashItem
    freed_bytes: int
    """When the trash is emptied; what other models share stays."""
    shared_bytes: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """What came of a folder that was there already."""

    keys: tuple[ModelKey, ...]
    """Models that joined the library."""
    files: int
    """Files with weights that are known from now on; a download that needs one of them shares it."""
    problems: tuple[str, ...]
    """What could not be adopted, and why."""


class ModelManager:
    """All models of this PC; for all threads.

    Args:
        libraries: Folders that hold models; the first is where new ones go. One whose drive is missing is kept.
        hub: The Hub's metadata.
        history: What happened before.
        disk: Where all of it lies.
        known_files: Where it is remembered which files outside the libraries were read; only in memory when None.
    """

    def __init__(
        self,
        libraries: Sequence[Path],
        *,
        hub: HubClient,
        history: History,
        disk: Disk | None = None,
        known_files: Path | None = None,
    ) -> None:
        self._disk = disk or Disk()
        self._hub = hub
        self._remote = Remote(hub, history)
        self._history = history
        self.libraries = Libraries(self._disk, libraries)
        self._look = Look(self._disk, self.libraries, history)
        self._lock = threading.Lock()
        self._observers: list[Callable[[ModelKey], None]] = []
        self._deeds = Deeds(history, self._changed)
        self.trash = ModelTrash(self.libraries, self._deeds, self._changed)
        self._index = FileIndex(self._disk, known_files)
        self.checks = ModelChecks(self._disk, hub, history, self.libraries, self._deeds, self._look, self._index)

    @classmethod
    def open(cls, paths: AppPaths, settings: Settings) -> Self:
        """The models of this installation.

        Raises:
            StoreError: The history cannot be opened.
        """
        hub = HubClient(endpoint=settings.endpoint, token=read_token)
        return cls(
            settings.model_folders or [paths.models],
            hub=hub,
            history=History(paths.model_history),
            known_files=paths.known_files,
        )

    def close(self) -> None:
        """Close what is open; for the end of the program."""
        self._history.close()

    # Observers -----------------------------------------------------------------------------------------------------

    def subscribe(self, on_change: Callable[[ModelKey], None]) -> Callable[[], None]:
        """Be told which model changed, from whichever thread changed it; returns what ends that."""
        with self._lock:
            self._observers.append(on_change)

        def unsubscribe() -> None:
            with self._lock:
                self._observers.remove(on_change)

        return unsubscribe

    def _changed(self, key: ModelKey) -> None:
        with self._lock:
            observers = list(self._observers)
        for observer in observers:
            observer(key)

    # Status --------------------------------------------------------------------------------------------------------

    def installed(self) -> list[ModelKey]:
        """All models of which something is on this PC."""
        keys: dict[ModelKey, None] = {}
        for library in self.libraries.here:
            keys |= dict.fromkeys([*library.keys(), *library.downloading()])
        return list(keys)

    def state(self, key: ModelKey) -> ModelState:
        """How the model stands now; takes milliseconds and asks nobody."""
        doing = self._deeds.status(key)
        if doing is not None and doing.busy:
            folder = self._look.folder(key)
            return ModelState(
                key, doing, tr("{doing} now", doing=doing.words), now_utc(), folder, self._look.size_bytes(folder)
            )
        state = self._look.state(key)
        if state.status != ModelStatus.AVAILABLE:
            return state
        if doing == ModelStatus.IN_USE or self._used_elsewhere(key):
            return replace(state, status=ModelStatus.IN_USE, reason=tr("a video is being made with it"), at=now_utc())
        if doing == ModelStatus.LOADED:
            return replace(state, status=doing, reason=tr("it is loaded"), at=now_utc())
        return state

    def _used_elsewhere(self, key: ModelKey) -> bool:
        library = self.libraries.where(key)
        return library is not None and bool(library.held_elsewhere(key))

    def ready(self, metadata: ModelMetadata, variant: str = "") -> ModelState:
        """A model that can be loaded as it is; looked at now, in milliseconds.

        Args:
            metadata: The model.
            variant: Which packaging of it; empty means the first that is here and sound.

        Raises:
            RequestError: There is no such variant.
            ModelNotFoundError: It is not on this PC.
            IntegrityError: It is damaged, or changed since it was last read.
            DriveMissingError: Its drive is not connected.
        """
        names = [metadata.variant(variant).name] if variant else [each.name for each in metadata.variants if each.parts]
        states = [self.state(ModelKey(metadata.model_id, name)) for name in names]
        for state in states:
            if state.status.usable and state.folder is not None:
                return state
        here = [state for state in states if state.status != ModelStatus.MISSING]
        raise _not_usable(metadata, here[0] if here else None)

    def model(self, metadata: ModelMetadata, variant: str = "") -> Model:
        """As `ready`, and what is to be known of the model for rendering.

        Raises:
            WanError: As `ready` and `installed_model` say.
        """
        state = self.ready(metadata, variant)
        if state.folder is None:
            raise _not_usable(metadata, state)
        return installed_model(metadata, state.key.variant, state.folder)

    # The Hub -------------------------------------------------------------------------------------------------------

    def repo(self, repo_id: str, context: JobContext) -> RemoteRepo:
        """What the Hub says of a repository now.

        Raises:
            DownloadError: It cannot be asked, or refuses.
        """
        return self._remote.repo(repo_id, context, max_age_s=0)

    def check_remote(self, key: ModelKey, repo_ids: Sequence[str], context: JobContext) -> RemoteState:
        """Ask the Hub how a model stands there; what is on this PC is not touched by the answer.

        Args:
            key: The model.
            repo_ids: Where its files come from.
            context: Asked for a cancel.
        """
        return self._remote.check(repo_ids, self._manifest(key), context)

    def plan(
        self, metadata: ModelMetadata, variant: Variant, context: JobContext, *, update: bool = False
    ) -> DownloadPlan:
        """What a model is made of: commits pinned, sizes and hashes known, before the first byte.

        A download that was begun goes on with its own plan, so that commits are not mixed.

        Args:
            metadata: The model.
            variant: Which packaging of it.
            context: Asked for a cancel.
            update: Ask the Hub what is newest, even if something was begun.

        Raises:
            RequestError: This variant is not to be downloaded.
            DownloadError: The Hub cannot be asked, or lacks a file.
        """
        key = ModelKey(metadata.model_id, variant.name)
        library = self.libraries.where(key)
        begun = Downloader(library, self._hub).unfinished(key) if library and not update else None
        return begun or self._remote.plan(metadata, variant, context, update=update)

    def _manifest(self, key: ModelKey) -> Manifest | None:
        library = self.libraries.where(key)
        if library is not None:
            with contextlib.suppress(OSError, ManifestError):
                return read_manifest(self._disk, library.folder(key))
        return None

    # Deeds ---------------------------------------------------------------------------------------------------------

    def download(
        self,
        plan: DownloadPlan,
        context: JobContext,
        *,
        library: Library | None = None,
        limits: TransferLimits | None = None,
    ) -> Manifest:
        """Bring a model to this PC, go on with a download, or update it.

        Raises:
            JobCancelled: It was asked to stop; what arrived is kept.
            ModelBusyError: Something else is done with it.
            WanError: As `Downloader.run` says.
        """
        key = plan.key
        library = library or self.libraries.where(key) or self.libraries.main()
        self._index.add_libraries(self.libraries.here)
        with self._deeds.begin(library, key, ModelStatus.DOWNLOADING, "download") as note:
            downloader = Downloader(
                library,
                self._hub,
                limits,
                lambda file: self._index.same_for_download(file, check=cancel_check(context)),
            )
            library.recover(key)
            manifest = downloader.run(plan, context)
            count, size_bytes = len(manifest.files), manifest.size_bytes
            note["text"] = trn(
                "{count} file, {size_bytes} bytes", "{count} files, {size_bytes} bytes", count, size_bytes=size_bytes
            )
        return manifest

    def adopt(self, root: Path, added_models: Path, context: JobContext, *, may_copy: bool = False) -> Adopted:
        """Put to use what a folder holds: whole models join the library, single files spare later downloads.

        Nothing in the folder is changed or moved.

        Args:
            root: A model folder, or one that holds several: ComfyUI's, WanGP's, the Hugging Face cache.
            added_models: Where entries for models without one are kept.
            context: Told :class:`AdoptProgress`; asked for a cancel.
            may_copy: Copy what lies on another drive than the library.

        Raises:
            JobCancelled: It was asked to stop; models that have joined stay.
            WanError: The folder cannot be read; or the only model in it cannot be adopted, and why.
        """
        found = scan(self._disk, root, check=cancel_check(context))
        self._index.add_scan(found)
        library = self.libraries.main()
        keys, problems = [], [f"{folder.path}: {folder.problem}" for folder in found.folders if folder.problem]
        whole = [folder for folder in found.folders if not folder.problem]
        for folder in whole:
            metadata = metadata_for_folder(folder.path)
            key = ModelKey(metadata.model_id, "original")
            try:
                with self._deeds.begin(library, key, ModelStatus.VERIFYING, "adopt") as note:
                    manifest = adopt_folder(library, folder.path, key, context=context, may_copy=may_copy)
                    note["text"] = tr("{files} files from {path}", files=len(manifest.files), path=folder.path)
            except WanError as error:
                if len(whole) == 1:
                    raise
                problems.append(f"{folder.path}: {error.message} {error.hint}")
            else:
                add_entry(replace(metadata, folder=str(library.folder(key))), added_models)
                keys.append(key)
        return Adopted(tuple(keys), len(found.files), tuple(problems))

    # In the engine's memory ----------------------------------------------------------------------------------------

    def load(
        self, key: ModelKey, rungs: Sequence[Rung], engine: ModelEngine, context: JobContext
    ) -> ModelLoadingResult:
        """Read a model into the engine's memory, on the first way that works; looked at first, in milliseconds.

        Args:
            key: The model.
            rungs: The ways, in their order (`RenderPlanner`).
            engine: Carries them out.
            context: Told the engine's `Progress`; asked for a cancel.

        Raises:
            JobCancelled: It was asked to stop; nothing of it is in memory.
            ModelNotFoundError, IntegrityError: It is not here, or not whole.
            ModelBusyError: Something else is done with it.
            LadderError: No way works; it carries what was tried.
        """
        library = self.libraries.holding(key)
        with self._deeds.begin(library, key, ModelStatus.LOADING, "load") as note:
            state = self._look.state(key)
            if state.status != ModelStatus.AVAILABLE or state.folder is None:
                raise IntegrityError(
                    tr("{model} cannot be loaded: {reason}", model=key.model_id, reason=state.reason),
                    hint=tr("Check or repair it."),
                )
            result = load_down_the_ladder(rungs, engine, context)
            tries = trn("{count} try", "{count} tries", len(result.attempts))
            note["text"] = f"{result.used.plan.name if result.used else ''}, {tries}"
            note["details"] = result.attempts
        self._deeds.set_loaded(key, loaded=True)
        return result

    def unload(self, key: ModelKey, engine: ModelEngine) -> None:
        """Let the engine forget a model.

        Raises:
            ModelNotFoundError: It is not on this PC.
            ModelBusyError: Something else is done with it.
            EngineError: The engine does not answer.
        """
        library = self.libraries.holding(key)
        with library.hold(key, mark("unloading")):
            self.engine_holds(engine.unload_model(library.folder(key)))

    def engine_holds(self, folders: Sequence[Path]) -> None:
        """What the engine says that it has in memory; none when it has ended."""
        for key in {*self._deeds.loaded, *self.installed()}:
            library = self.libraries.where(key)
            self._deeds.set_loaded(key, loaded=library is not None and library.folder(key) in folders)

    @contextlib.contextmanager
    def using(self, folder: Path) -> Iterator[None]:
        """Hold the model in a folder while a video is made with it, and show that; it is not changed meanwhile.

        Args:
            folder: Of a model; one that lies in no library needs no hold.

        Raises:
            ModelBusyError: Something else is done with it.
        """
        found = self.libraries.at(folder)
        with self._deeds.using(*found) if found is not None else contextlib.nullcontext():
            yield

    def remove(self, key: ModelKey) -> Removed:
        """Put a model into the trash, or forget a download that was begun.

        Raises:
            ModelNotFoundError: It is not on this PC.
            ModelBusyError: Something is done with it.
            StoreError: A file of it is in use.
        """
        library = self.libraries.holding(key)
        with library.hold(key, mark("removing")), self._deeds.noted(library, key, "remove") as note:
            try:
                if self._disk.exists(library.downloads(key)):
                    self._disk.remove_tree(library.downloads(key))
                if not self._disk.exists(library.folder(key)):
                    note["text"] = tr("a download that was begun")
                    return Removed(TrashItem(key, library.trash, time.time()), 0, 0)
                size_bytes = sum(stamp.size_bytes for _, stamp in self._disk.walk(library.folder(key)))
                item = library.remove(key)
                freed_bytes = library.own_bytes(item.path)
            except OSError as error:
                raise disk_error(error, library.folder(key), "removing") from error
            note["text"] = tr("{freed_bytes} bytes are freed when the trash is emptied", freed_bytes=freed_bytes)
        self._deeds.set_loaded(key, loaded=False)
        self._changed(key)
        return Removed(item, freed_bytes, size_bytes - freed_bytes)

    def put_back(self, item: TrashItem) -> None:
        """Undo a removal; see `ModelTrash.put_back`."""
        self.trash.put_back(item)

    def tidy(self) -> int:
        """Finish what a crash interrupted, and delete what nobody needs any more: old trash, old quarantine.

        Returns:
            The bytes freed.
        """
        freed_bytes = 0
        for library in self.libraries.here:
            for key in {*library.keys(), *library.downloading(), *library.interrupted()}:
                with contextlib.suppress(ModelBusyError, StoreError), library.hold(key, mark("tidying up")):
                    library.recover(key)
            with contextlib.suppress(OSError):
                freed_bytes += library.empty_trash(older_than_s=TRASH_DAYS * _DAY_S)
                freed_bytes += library.empty_quarantine(older_than_s=_QUARANTINE_DAYS * _DAY_S)
        return freed_bytes

    def history(self, model_id: str, variant: str | None = None, *, limit: int = 100) -> list[HistoryEntry]:
        """What happened to a model, the latest first.

        Raises:
            StoreError: The history cannot be read.
        """
        return self._history.entries(model_id, variant, limit=limit)


def _not_usable(metadata: ModelMetadata, state: ModelState | None) -> WanError:
    if state is None:
        return ModelNotFoundError(tr("{name} is not on this PC.", name=metadata.name), hint=tr("Download it first."))
    what = f"{metadata.name} ({state.key.variant})"
    if state.status == ModelStatus.ERROR:
        return DriveMissingError(
            tr("{what} cannot be read: {reason}.", what=what, reason=state.reason),
            hint=tr("Connect its drive and try again."),
        )
    if state.status == ModelStatus.INCOMPLETE:
        return ModelNotFoundError(
            tr("{what} is not complete: {reason}.", what=what, reason=state.reason), hint=tr("Go on with the download.")
        )
    if state.status.busy:
        return ModelBusyError(
            tr("{what} is busy: {reason}.", what=what, reason=state.reason),
            hint=tr("Wait until that is done, or stop it."),
        )
    hint = tr("Check its files deeply.") if state.status == ModelStatus.UNKNOWN else tr("Repair it.")
    return IntegrityError(tr("{what} cannot be used as it is: {reason}", what=what, reason=state.reason), hint=hint)
