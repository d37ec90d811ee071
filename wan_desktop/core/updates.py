"""Is there a newer program, and its setup file: only when asked, only what is signed, never beside other work.

The metadata is that of The Update Framework: signed by keys that the bundled `root.json` names, numbered so that
nothing older is taken again, and void after a date. All of that is checked by `tuf`. Its targets are a small file for
each system, which names the newest version, and the setup files. Nothing is installed here: the user starts what was
downloaded.

Without a bundled `root.json` there is nobody to believe, so nothing is asked and nothing is taken.
"""

import hashlib
import logging
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tuf.api import exceptions as tuf_errors
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from wan_desktop import __version__
from wan_desktop.core.errors import (
    CatalogError,
    ContentMismatchError,
    DownloadError,
    DownloadSpaceError,
    UpdateRefusedError,
    UpdateServerError,
    WanError,
)
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.json_file import JsonFile
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.part_file import FetchedFile, WantedFile
from wan_desktop.core.store.times import days_ago, now_utc
from wan_desktop.core.store.transfer import Transfer, TransferProgress
from wan_desktop.core.update_fetcher import Patience, UpdateFetcher
from wan_desktop.core.update_source import (
    BY_HAND,
    MAX_POINTER_BYTES,
    Offer,
    Pointer,
    UpdateSource,
    not_believed,
    offer_of,
    read_pointer,
    system_name,
    version_numbers,
)
from wan_desktop.core.words import mark, tr

logger = logging.getLogger(__name__)

_READ_BYTES = 1 << 20
_MAX_ROOTS = 64
"""So many times may the keys have changed since the program was made."""
_LATER = mark("The program works without it. Try again later.")


# How it stands --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UpdatesNotSetUp:
    """This copy of the program cannot look for updates."""

    reason: str


@dataclass(frozen=True, slots=True)
class UpdatePostponed:
    """Something else goes on, to which the network and the drive belong now; what arrived is kept."""

    reason: str


@dataclass(frozen=True, slots=True)
class UpToDate:
    """There is nothing newer than what runs."""

    version: str


@dataclass(frozen=True, slots=True)
class UpdateAvailable:
    """There is a newer one."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class UpdateReady:
    """Its setup file is here, whole and proven when it was put there; see `Updates.proven`."""

    offer: Offer
    path: Path


@dataclass(frozen=True, slots=True)
class UpdateFailed:
    """It could not be found out, or fetched; nothing was changed."""

    error: WanError


UpdateState = UpdatesNotSetUp | UpdatePostponed | UpToDate | UpdateAvailable | UpdateReady | UpdateFailed


@dataclass(frozen=True, slots=True)
class _LastCheck:
    at: str = ""
    """UTC."""


@dataclass(frozen=True, slots=True)
class UpdateLimits:
    """How hard to try."""

    patience: Patience = field(default_factory=Patience)
    transfer: TransferLimits = field(default_factory=lambda: TransferLimits(connections=2, max_connections=4))
    """A setup file is small, and not worth more of the line."""


# Doing it -------------------------------------------------------------------------------------------------------------


class Updates:
    """Looks for a newer program and fetches it; all calls on one lane.

    Args:
        folder: Where metadata and setup files are kept.
        source: Whom to believe; None: nobody, and then nothing is ever asked.
        is_busy: A model is being downloaded, or a video made; asked before and, again and again, during a download.
        installed: Which version runs.
        system: See `system_name`.
        limits: How hard to try.
    """

    def __init__(
        self,
        folder: Path,
        source: UpdateSource | None,
        *,
        is_busy: Callable[[], bool],
        installed: str = __version__,
        system: str = "",
        limits: UpdateLimits | None = None,
    ) -> None:
        self._folder = folder
        self._source = source
        self._is_busy = is_busy
        self._installed = installed
        self._system = system or system_name()
        self._limits = limits or UpdateLimits()
        self._disk = Disk()
        self._last = JsonFile(folder / "last-check.json", _LastCheck)

    def is_due(self, *, wanted: bool) -> bool:
        """A check by itself should be made now: the user wants them, and none was made within a day."""
        if not wanted or self._source is None or self._is_busy():
            return False
        last = self._last.read()
        # A time that lies ahead comes from a clock that was wrong, and would keep the check away for years.
        return last is None or not days_ago(1) < last.at <= now_utc()

    def check(self, context: JobContext) -> UpdateState:
        """Ask whether there is a newer program.

        Raises:
            JobCancelled: It was asked to stop.
        """
        return self._guarded(lambda source: self._check(source, context), "checking")

    def download(self, offer: Offer, context: JobContext) -> UpdateState:
        """Fetch the setup file of an offer; reports :class:`TransferProgress`.

        Raises:
            JobCancelled: It was asked to stop; what arrived is kept.
        """
        return self._guarded(lambda source: self._download(source, offer, context), "downloading")

    def proven(self, ready: UpdateReady) -> bool:
        """The setup file is still the one that was signed; to be asked right before it is started."""
        try:
            with ready.path.open("rb") as file:
                digest = hashlib.sha256()
                while data := file.read(_READ_BYTES):
                    digest.update(data)
        except FileNotFoundError:
            return False
        except OSError as error:
            logger.warning("The setup file cannot be read: %s", error)
            return False
        return digest.hexdigest() == ready.offer.sha256

    def _guarded(self, work: Callable[[UpdateSource], UpdateState], doing: str) -> UpdateState:
        if self._source is None:
            return UpdatesNotSetUp(tr("This copy of the program comes without the keys that updates are signed with."))
        if self._is_busy():
            return _postponed()
        try:
            return work(self._source)
        except _BusyError:
            return _postponed()
        except WanError as error:
            return _failed(error)
        except tuf_errors.RepositoryError as error:
            return _failed(_refused(error))
        except tuf_errors.DownloadError as error:
            return _failed(_no_answer(error))
        except OSError as error:
            return _failed(disk_error(error, self._folder, doing))

    # Checking ---------------------------------------------------------------------------------------------------------

    def _check(self, source: UpdateSource, context: JobContext) -> UpdateState:
        updater = self._updater(source, context)
        updater.refresh()
        pointer = self._pointer(updater)
        self._last.try_write(_LastCheck(now_utc()))
        if pointer is None:
            return UpdatesNotSetUp(tr("No updates are made for this system."))
        if version_numbers(pointer.version) <= version_numbers(self._installed):
            return UpToDate(self._installed)
        info = updater.get_targetinfo(pointer.setup)
        if info is None:
            raise not_believed(f"{pointer.setup} is not among what is signed")
        offer = offer_of(pointer, size_bytes=info.length, sha256=info.hashes.get("sha256", ""))
        logger.info("Version %s can be had", offer.version)
        return UpdateAvailable(offer)

    def _updater(self, source: UpdateSource, context: JobContext) -> Updater:
        metadata = self._folder / "metadata"
        metadata.mkdir(parents=True, exist_ok=True)
        try:
            return Updater(
                str(metadata),
                source.address.metadata,
                target_base_url=source.address.files,
                fetcher=UpdateFetcher(context.check_cancelled, self._limits.patience),
                config=UpdaterConfig(max_root_rotations=_MAX_ROOTS),
                bootstrap=source.root,
            )
        except tuf_errors.RepositoryError as error:
            raise CatalogError(
                tr("The keys of updates that come with the program cannot be read."),
                hint=tr("Repair the installation."),
                details=str(error),
            ) from error

    def _pointer(self, updater: Updater) -> Pointer | None:
        info = updater.get_targetinfo(f"{self._system}.json")
        if info is None:
            return None
        if info.length > MAX_POINTER_BYTES:
            raise not_believed(f"the pointer is said to have {info.length} bytes")
        path = self._folder / "newest.json"
        updater.download_target(info, str(path))
        return read_pointer(path.read_bytes())

    # Downloading ------------------------------------------------------------------------------------------------------

    def _download(self, source: UpdateSource, offer: Offer, context: JobContext) -> UpdateState:
        folder = self._folder / "setup"
        folder.mkdir(parents=True, exist_ok=True)
        ready = UpdateReady(offer, folder / offer.setup)
        if self.proven(ready):
            return ready
        wanted = WantedFile(_origin(offer), folder / f"{offer.setup}.part", folder / f"{offer.setup}.journal")
        self._drop_others(folder, {wanted.part.name, wanted.journal.name})
        self._check_space(folder, wanted)
        done: list[FetchedFile] = []
        transfer = Transfer(self._disk, _Setups(source.address.files, offer), self._limits.transfer)
        try:
            transfer.run([wanted], context.reporting_to(self._reporter(context)), done.append)
        except DownloadError as error:
            raise _not_fetched(error) from error
        self._disk.replace(wanted.part, ready.path)
        self._disk.unlink(wanted.journal)
        logger.info("%s is here", offer.setup)
        return ready

    def _reporter(self, context: JobContext) -> Callable[[TransferProgress], None]:
        def report(progress: TransferProgress) -> None:
            if self._is_busy():
                raise _BusyError
            context.progress(progress)

        return report

    def _drop_others(self, folder: Path, keep: set[str]) -> None:
        """Setup files of other versions, and one that is here but is not what was signed."""
        for name in self._disk.list_folder(folder):
            if name not in keep:
                self._disk.unlink(folder / name)

    def _check_space(self, folder: Path, wanted: WantedFile) -> None:
        here_bytes = self._disk.stat(wanted.part).size_bytes if self._disk.exists(wanted.part) else 0
        needed_bytes = wanted.origin.size_bytes - min(here_bytes, wanted.origin.size_bytes)
        free_bytes = self._disk.free_bytes(folder)
        if needed_bytes > free_bytes:
            raise DownloadSpaceError(
                tr(
                    "The setup file needs {needed_mb:,.0f} MB on the drive of {folder}; {free_mb:,.0f} MB are free.",
                    needed_mb=needed_bytes / 1e6,
                    folder=folder,
                    free_mb=free_bytes / 1e6,
                ),
                hint=tr("Free some space, then go on; what is there already is kept."),
            )


@dataclass(frozen=True, slots=True)
class _Setups:
    """Where `Transfer` asks for a setup file: under its hash and its name, as consistent snapshots have it."""

    files: str
    offer: Offer

    def file_url(self, repo_id: str, revision: str, filename: str) -> str:
        """Where it is."""
        return f"{self.files.rstrip('/')}/{self.offer.sha256}.{urllib.parse.quote(filename, safe='')}"

    def headers_for(self, url: str) -> dict[str, str]:
        """Nothing that says who asks."""
        return {"User-Agent": f"WanDesktop/{__version__}"}


class _BusyError(Exception):
    """Other work has begun, which goes first."""


def _postponed() -> UpdatePostponed:
    return UpdatePostponed(tr("A download or a render goes on; updates wait for its end."))


def _failed(error: WanError) -> UpdateFailed:
    logger.warning("Update: %s (%s)", error.message, error.details)
    return UpdateFailed(error)


def _origin(offer: Offer) -> Origin:
    # A store's file comes from a repository at a commit; here the hash is all there is, and it is the better name.
    return Origin("updates", offer.sha256[:40], offer.setup, offer.size_bytes, offer.sha256)


# What went wrong ------------------------------------------------------------------------------------------------------


def _refused(error: Exception) -> UpdateRefusedError:
    if isinstance(error, tuf_errors.ExpiredMetadataError):
        return UpdateRefusedError(
            tr("What the server says of updates is out of date, or this PC's clock is wrong."),
            hint=tr("Look at the date of this PC, and try again tomorrow. Nothing was changed."),
            details=str(error),
        )
    return UpdateRefusedError(
        tr("What the server says of updates is not signed as it must be, or is older than what it said before."),
        hint=tr(BY_HAND),
        details=f"{type(error).__name__}: {error}",
    )


def _no_answer(error: tuf_errors.DownloadError) -> WanError:
    if isinstance(error, tuf_errors.DownloadLengthMismatchError):
        return _refused(error)
    return UpdateServerError(tr("The server of updates gives no answer."), hint=tr(_LATER), details=str(error))


def _not_fetched(error: DownloadError) -> WanError:
    """The same, without what the transfer says of models."""
    details = f"{type(error).__name__}: {error.message}"
    if isinstance(error, ContentMismatchError):
        return UpdateRefusedError(
            tr("The setup file that arrives is not the one that was signed."), hint=tr(BY_HAND), details=details
        )
    return UpdateServerError(tr("The setup file could not be fetched."), hint=tr(_LATER), details=details)
