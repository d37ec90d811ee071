"""Work with models for a window's lanes: the manager's deeds, each with its progress as a :class:`Step`."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from wan_desktop.core.calibration import CalibrationStore
from wan_desktop.core.catalog import (
    Catalog,
    ModelMetadata,
    Variant,
    add_entry,
    metadata_for_repo,
    read_catalog,
)
from wan_desktop.core.compatibility import CompatibilityCheck, check
from wan_desktop.core.errors import InputError, ManifestError, ModelBusyError, OfflineError, WanError
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Policy
from wan_desktop.core.manager import Adopted, ModelManager
from wan_desktop.core.measured_speed import SpeedStore
from wan_desktop.core.model_activity import Step
from wan_desktop.core.model_checks import VerifyProgress
from wan_desktop.core.model_offers import ModelOffer, offers_of
from wan_desktop.core.model_report import ModelReport, report_of
from wan_desktop.core.model_storage import DriveStorage, disk_usage, storage_by_drive
from wan_desktop.core.model_trash import Trashed
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings
from wan_desktop.core.store.adopt import AdoptProgress
from wan_desktop.core.store.download import DownloadPlan, DownloadProgress
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.history import HistoryEntry
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.manifest import Manifest, ManifestFile, read_manifest, read_stamps
from wan_desktop.core.store.token import write_token
from wan_desktop.core.store.transfer import TransferProgress
from wan_desktop.core.store.verify import IntegrityReport
from wan_desktop.core.subjects import Subjects
from wan_desktop.core.trial import Place, Question
from wan_desktop.core.wanted_downloads import WantedDownloads
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0
"""Between two questions to a Hub that cannot be reached."""
_BUSY_TRIES, _BUSY_S = 5, 0.2
_SHOWN_HISTORY = 50
_WANTED = "wanted-downloads.json"
_HUB_ADDRESSES = ("https://huggingface.co/", "http://huggingface.co/", "huggingface.co/", "https://hf.co/")


@dataclass(frozen=True, slots=True)
class Opened:
    """What the models of an installation are worked with."""

    manager: ModelManager
    catalog: Catalog
    subjects: Subjects
    wanted: WantedDownloads
    unfinished: tuple[ModelKey, ...] = ()
    """Downloads that ran when the program ended."""


def open_models(paths: AppPaths, settings: Settings) -> Opened:
    """Open the models of this installation.

    Raises:
        StoreError: The history cannot be opened.
    """
    manager = ModelManager.open(paths, settings)
    catalog = read_catalog(paths.resources, paths.added_models)
    wanted = WantedDownloads(paths.data / _WANTED)
    return Opened(manager, catalog, Subjects(catalog, manager, paths.resources), wanted, tuple(wanted.keys()))


def tidy(opened: Opened) -> None:
    """Finish what a crash interrupted, and delete old trash; what cannot be deleted stays for the next time."""
    with contextlib.suppress(WanError):
        freed_bytes = opened.manager.tidy()
        logger.info("Tidying up freed %d bytes", freed_bytes)


def read_again(opened: Opened, paths: AppPaths) -> Opened:
    """The same with the entries as they are on disk now."""
    catalog = read_catalog(paths.resources, paths.added_models)
    return Opened(opened.manager, catalog, Subjects(catalog, opened.manager, paths.resources), opened.wanted)


def place_of(hardware: HardwareProfile, paths: AppPaths, settings: Settings) -> Place:
    """This PC as checks need it, with what was measured on it and what the user allows."""
    usage = disk_usage(models_folder(paths, settings))
    policy = Policy(
        mode=settings.memory_mode,
        may_use_smaller_variant=settings.may_use_smaller_variant,
        may_use_other_model=settings.may_use_other_model,
        gpu_uuid=settings.gpu_uuid,
    )
    calibration, speeds = CalibrationStore(paths.calibration).load(), SpeedStore.of(paths).load()
    return Place(hardware, policy, calibration, speeds, usage[1] if usage else None)


def models_folder(paths: AppPaths, settings: Settings) -> Path:
    """Where new models go."""
    return next(iter(settings.model_folders), paths.models)


def download(
    opened: Opened,
    metadata: ModelMetadata,
    variant: Variant,
    settings: Settings,
    context: JobContext,
    *,
    update: bool = False,
) -> Manifest:
    """Bring a model here; while the Hub cannot be reached, wait and try again without end.

    Raises:
        JobCancelled: It was asked to stop; what arrived is kept.
        WanError: It cannot come.
    """
    reached = [Step()]

    def note(progress: object) -> None:
        reached[0] = step_of(progress)
        context.progress(reached[0])

    def try_once() -> Manifest:
        plan = opened.manager.plan(metadata, variant, context, update=update)
        reached[0] = replace(reached[0], total_bytes=max(reached[0].total_bytes, plan.download_bytes))
        return _download(opened, plan, settings, context.reporting_to(note))

    return patiently(try_once, context, lambda: reached[0])


def _download(opened: Opened, plan: DownloadPlan, settings: Settings, context: JobContext) -> Manifest:
    limits = TransferLimits(bytes_per_s=settings.download_limit_bytes_per_s, give_up_s=None)
    for _ in range(_BUSY_TRIES):
        with contextlib.suppress(ModelBusyError):  # tidying up holds it for a moment
            return opened.manager.download(plan, context, limits=limits)
        context.cancel_asked.wait(_BUSY_S)
        context.check_cancelled()
    return opened.manager.download(plan, context, limits=limits)


def patiently(work: Callable[[], _Result], context: JobContext, reached: Callable[[], Step]) -> _Result:
    """Do it; while the Hub cannot be reached, again after 5 seconds, 10, 20, up to 5 minutes.

    Args:
        work: What is done.
        context: Told that it waits; asked for a cancel.
        reached: Says how far it is while it waits.

    Raises:
        JobCancelled: It was asked to stop.
        WanError: Anything but that the Hub cannot be reached.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return work()
        except OfflineError as error:
            logger.info("Waiting %.0f s: %s", pause_s, error.message)
            context.progress(replace(reached(), waiting=error.message))
            context.cancel_asked.wait(pause_s)
            context.check_cancelled()
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)


def check_video(
    subjects: Subjects, model_id: str, variant: str, question: Question, place: Place
) -> CompatibilityCheck:
    """Check a video, with all that might take the model's place.

    Raises:
        WanError: Nobody knows the model, or its folder is damaged.
    """
    return check(subjects.subject(model_id, variant), question, place)


def report(opened: Opened, model_id: str, variant: str, question: Question, place: Place, folder: Path) -> ModelReport:
    """Check a video and say what it needs.

    Args:
        opened: The models.
        model_id: The model.
        variant: Which packaging of it; empty for a folder as it is.
        question: The video.
        place: The PC.
        folder: Where models go.

    Raises:
        WanError: Nobody knows the model, or its folder is damaged.
    """
    usage = disk_usage(folder)
    subject = opened.subjects.subject(model_id, variant)
    return report_of(subject, question, place, disk_total_bytes=usage[0] if usage else None)


@dataclass(frozen=True, slots=True)
class Counted:
    """What there is."""

    offers: tuple[ModelOffer, ...]
    storage: tuple[DriveStorage, ...]
    trashed: tuple[Trashed, ...] = ()
    """Removed models that can be put back, the latest first."""


def count(opened: Opened, hardware: HardwareProfile | None, paths: AppPaths, settings: Settings) -> Counted:
    """Every model in every packaging, judged for this PC if it is known; and how much room they take."""
    place = place_of(hardware, paths, settings) if hardware is not None else None
    found = offers_of(opened.catalog, opened.manager, opened.subjects, place)
    trashed: tuple[Trashed, ...] = ()
    with contextlib.suppress(OSError, WanError):  # a drive may go meanwhile
        trashed = tuple(opened.manager.trash.listed())
    return Counted(found, storage(opened, paths, settings), trashed)


def storage(opened: Opened, paths: AppPaths, settings: Settings) -> tuple[DriveStorage, ...]:
    """The folders of models by drive, the one for new ones first."""
    models = {library.root: len(library.keys()) for library in opened.manager.libraries.here}
    return storage_by_drive(settings.model_folders or (paths.models,), models, usual=paths.models)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is written down about a model on this PC."""

    files: tuple[ManifestFile, ...] = ()
    checked_at: str = ""
    """ISO 8601, UTC: when the file was last read whose turn is the longest ago; empty if one never was."""
    history: tuple[HistoryEntry, ...] = ()
    """The latest first."""


def facts(opened: Opened, key: ModelKey) -> ModelFacts:
    """What is written down about it; nothing where it is not here or the list is damaged."""
    history = tuple(opened.manager.history(key.model_id, key.variant, limit=_SHOWN_HISTORY))
    library = opened.manager.libraries.where(key)
    if library is None:
        return ModelFacts(history=history)
    folder = library.folder(key)
    try:
        manifest = read_manifest(library.disk, folder)
        stamps = read_stamps(library.disk, folder)
    except (OSError, ManifestError):
        return ModelFacts(history=history)
    times = [stamps[file.path].checked_at if file.path in stamps else "" for file in manifest.files]
    return ModelFacts(manifest.files, min(times, default=""), history)


def verify(opened: Opened, key: ModelKey, context: JobContext, *, deep: bool) -> IntegrityReport:
    """Check a model's files.

    Raises:
        JobCancelled, WanError: As `ModelChecks.verify` says.
    """
    return opened.manager.checks.verify(key, _in_steps(context), deep=deep)


def verify_all(opened: Opened, context: JobContext) -> tuple[list[ModelKey], list[WanError]]:
    """Read every byte of every model here, one model after the other.

    Returns:
        Those that need repair, and what kept others from being checked.

    Raises:
        JobCancelled: It was asked to stop; what was read stays read.
    """
    bad: list[ModelKey] = []
    errors: list[WanError] = []
    for key in opened.manager.installed():
        try:
            if opened.manager.checks.verify(key, _in_steps(context), deep=True).bad:
                bad.append(key)
        except WanError as error:
            errors.append(error)
    return bad, errors


def repair(opened: Opened, key: ModelKey, settings: Settings, context: JobContext) -> IntegrityReport:
    """Make a damaged model whole; what was found before is believed, else all of it is read first.

    Raises:
        JobCancelled: It was asked to stop; what is repaired stays so.
        WanError: As `ModelChecks.repair` says.
    """
    steps = _in_steps(context)
    report = opened.manager.checks.verify(key, steps)
    if not report.bad:
        report = opened.manager.checks.verify(key, steps, deep=True)
    if not report.bad:
        return report
    limits = TransferLimits(bytes_per_s=settings.download_limit_bytes_per_s)
    return opened.manager.checks.repair(key, report, steps, limits=limits)


def adopt(opened: Opened, root: Path, paths: AppPaths, context: JobContext, *, may_copy: bool) -> Adopted:
    """Put to use what a folder holds.

    Raises:
        JobCancelled, WanError: As `ModelManager.adopt` says.
    """
    return opened.manager.adopt(root, paths.added_models, _in_steps(context), may_copy=may_copy)


def add_repository(opened: Opened, text: str, paths: AppPaths, context: JobContext) -> ModelMetadata:
    """Add a repository of the Hub to the list, if the Hub has it.

    Args:
        opened: The models.
        text: Its name, or the address of its page.
        paths: Where the entry is kept.
        context: Asked for a cancel.

    Raises:
        InputError: No repository can be named like that, or there is no model in it that could be used.
        DownloadError: The Hub cannot be asked, or refuses.
        StoreError: The entry cannot be written.
    """
    metadata = metadata_for_repo(repository_name(text))
    repo = opened.manager.repo(metadata.repo_id, context)
    if not any(file.filename == "model_index.json" for file in repo.files):
        raise InputError(
            tr("{repo_id} holds no model in diffusers' layout.", repo_id=metadata.repo_id),
            hint=tr("Look for a repository whose name ends with -Diffusers: it has a file model_index.json."),
        )
    add_entry(metadata, paths.added_models)
    return metadata


def repository_name(text: str) -> str:
    """The repository that a name or the address of one of its pages means."""
    name = text.strip()
    for address in _HUB_ADDRESSES:
        if name.startswith(address):
            name = name.removeprefix(address)
            break
    name = name.partition("?")[0].partition("#")[0].strip("/")
    return "/".join(name.split("/")[:2])


def keep_token(token: str) -> None:
    """Keep the access token in the system's keyring.

    Raises:
        InputError: It cannot be a token.
        SettingsError: There is no keyring, or it does not open.
    """
    if not token.strip():
        raise InputError(tr("There is no token."), hint=tr("Copy it from huggingface.co/settings/tokens."))
    write_token(token)


def forget_download(opened: Opened, key: ModelKey) -> None:
    """Delete what a download that was begun has brought; a model that is whole stays.

    Raises:
        WanError: Something is done with it, or a file of it is in use.
    """
    opened.wanted.discard(key)
    state = opened.manager.state(key)
    if state.folder is None and key in opened.manager.installed():
        opened.manager.remove(key)


def _in_steps(context: JobContext) -> JobContext:
    return context.reporting_to(lambda progress: context.progress(step_of(progress)))


def step_of(progress: object) -> Step:
    """How far it is, from what the store reports."""
    match progress:
        case DownloadProgress(transfer=transfer, converting=converting):
            step = step_of(transfer)
            if converting and not step.filename:
                return replace(step, filename=converting)
            return step
        case TransferProgress():
            return Step(
                done_bytes=progress.done_bytes,
                total_bytes=progress.total_bytes,
                bytes_per_s=progress.bytes_per_s,
                is_checking=progress.checking,
                waiting=progress.waiting,
                filename=progress.filename,
            )
        case VerifyProgress():
            return Step(done_bytes=progress.done_bytes, total_bytes=progress.total_bytes)
        case AdoptProgress():
            return Step(done_bytes=progress.done_bytes, total_bytes=progress.total_bytes, filename=progress.path)
        case Step():
            return progress
        case _:
            return Step()
