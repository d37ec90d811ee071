"""The folder of a runtime's files: fetched once, proven by sha256, kept for repairs and for the next version."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from wan_desktop.core.errors import AccessDeniedError, DownloadError, RepositoryNotFoundError, WheelMissingError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.lock import SHORT_DIGEST_CHARACTERS, RuntimeLock
from wan_desktop.core.runtime.runtime_records import read_record, write_record
from wan_desktop.core.runtime.wheel_index import Wheel, WheelPlan
from wan_desktop.core.runtime.wheel_name import parse_wheel_name
from wan_desktop.core.store.blocks import BLOCK_BYTES
from wan_desktop.core.store.disk import Disk, Kind
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.journal import claimed_bytes
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.part_file import FetchedFile, WantedFile
from wan_desktop.core.store.transfer import Transfer, TransferProgress
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

_PARTS = "parts"
_DAMAGED = "damaged"
_AGENT = "wan-desktop"


class Wheelhouse:
    """The files of all runtimes that are in use or being made. For one thread, behind the lock of who uses it.

    Args:
        disk: Where it lies.
        folder: Made when it is needed.
        limits: How hard to try when files are fetched.
    """

    def __init__(self, disk: Disk, folder: Path, limits: TransferLimits | None = None) -> None:
        self.folder = folder
        self._disk = disk
        self._limits = limits

    def use(self, limits: TransferLimits | None) -> None:
        """Try as hard as that from the next time on."""
        self._limits = limits

    # What is here ----------------------------------------------------------------------------------------------------

    def plan_of(self, lock: RuntimeLock) -> WheelPlan | None:
        """Which files make the lock's runtime, as it was found out before; None if it is to be found out."""
        plan = read_record(self._disk, self._plan_file(lock), WheelPlan)
        return plan if plan is not None and plan.digest == lock.digest and _covers(plan, lock) else None

    def plan_named(self, digest: str) -> WheelPlan | None:
        """What was remembered for a lock of that digest, which need not be at hand."""
        return read_record(self._disk, self.folder / _plan_name(digest), WheelPlan)

    def keep_plan(self, lock: RuntimeLock, plan: WheelPlan) -> None:
        """Remember which files make the lock's runtime.

        Raises:
            OSError: The drive is full or fails.
        """
        self._disk.make_folder(self.folder)
        write_record(self._disk, self._plan_file(lock), plan)

    def path(self, wheel: Wheel) -> Path:
        """Where a file lies, or would lie."""
        return self.folder / wheel.filename

    def missing_bytes(self, plan: WheelPlan) -> int:
        """About how much is still to come: by sizes, without reading."""
        return sum(
            max(0, wheel.size_bytes - claimed_bytes(self._disk, self._journal(wheel)))
            for wheel in plan.wheels
            if not self._has_size(wheel)
        )

    def size_bytes(self) -> int:
        """Of all that lies here."""
        return sum(stamp.size_bytes for _, stamp in self._disk.walk(self.folder))

    def _has_size(self, wheel: Wheel) -> bool:
        try:
            stamp = self._disk.stat(self.path(wheel))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stamp.kind is Kind.FILE and stamp.size_bytes == wheel.size_bytes

    # Fetching --------------------------------------------------------------------------------------------------------

    def fetch(self, plan: WheelPlan, context: JobContext) -> None:
        """Get what is missing; what is here is read, and when it is damaged, set aside and fetched again.

        Args:
            plan: The files.
            context: Told a :class:`TransferProgress` ten times a second.

        Raises:
            JobCancelled: It was asked to stop; what arrived is kept, and the next call goes on from there.
            DownloadError: It cannot go on; what arrived is kept.
            OSError: The drive is full or fails; what arrived is kept.
        """
        self._disk.make_folder(self.folder / _PARTS)
        missing = [wheel for wheel in plan.wheels if not self._is_right(wheel, plan, context)]
        if missing:
            self._fetch_missing(missing, plan, context)
        context.progress(TransferProgress(plan.size_bytes, plan.size_bytes, 0.0, 0.0, "", 0))

    def verify(self, plan: WheelPlan, context: JobContext) -> list[Wheel]:
        """Read every file; returns what is missing, or was damaged and is set aside now.

        Raises:
            JobCancelled: It was asked to stop.
            OSError: The drive fails.
        """
        return [wheel for wheel in plan.wheels if not self._is_right(wheel, plan, context)]

    def _fetch_missing(self, missing: list[Wheel], plan: WheelPlan, context: JobContext) -> None:
        hub = _Addresses(missing)
        here_bytes = plan.size_bytes - sum(wheel.size_bytes for wheel in missing)

        def report(progress: TransferProgress) -> None:
            context.progress(_with_what_is_here(progress, here_bytes))

        wanted = [WantedFile(hub.origin(wheel), self._part(wheel), self._journal(wheel)) for wheel in missing]
        transfer = Transfer(self._disk, hub, self._limits)
        try:
            transfer.run(wanted, context.reporting_to(report), self._arrived)
        except (AccessDeniedError, RepositoryNotFoundError) as error:  # what they say of licences does not belong here
            raise WheelMissingError(
                error.message,
                hint=tr("Try another network or mirror, or use an engine package. What has arrived is kept."),
                details=error.details,
            ) from error
        except DownloadError as error:
            logger.info("Fetching stopped: %s", error.message)
            raise
        self._disk.sync_folder(self.folder)

    def _arrived(self, fetched: FetchedFile) -> None:
        self._disk.replace(fetched.wanted.part, self.folder / fetched.wanted.origin.filename)
        self._disk.unlink(fetched.wanted.journal)

    def _is_right(self, wheel: Wheel, plan: WheelPlan, context: JobContext) -> bool:
        path = self.path(wheel)
        if not self._disk.exists(path):
            return False
        if self._has_size(wheel) and self._sha256(path, wheel, plan, context) == wheel.sha256:
            return True
        aside = self.folder / _DAMAGED / wheel.filename
        logger.warning("%s is damaged and set aside", wheel.filename)
        self._disk.make_folder(aside.parent)
        self._disk.remove_tree(aside)
        self._disk.replace(path, aside)
        return False

    def _sha256(self, path: Path, wheel: Wheel, plan: WheelPlan, context: JobContext) -> str:
        before_bytes = sum(other.size_bytes for other in plan.wheels[: plan.wheels.index(wheel)])

        def report(done_bytes: int) -> None:
            context.progress(
                TransferProgress(
                    before_bytes + done_bytes, plan.size_bytes, 0.0, None, wheel.filename, 0, checking=True
                )
            )

        return file_sha256(self._disk, path, report)

    def _part(self, wheel: Wheel) -> Path:
        return self.folder / _PARTS / f"{wheel.sha256[:32]}.part"

    def _journal(self, wheel: Wheel) -> Path:
        return self.folder / _PARTS / f"{wheel.sha256[:32]}.journal"

    def _plan_file(self, lock: RuntimeLock) -> Path:
        return self.folder / _plan_name(lock.digest)

    # Taking in -------------------------------------------------------------------------------------------------------

    def take(self, wheel: Wheel, write: Callable[[Path], None]) -> None:
        """Let `write` make a file beside the others, prove it, and put it in its place.

        Raises:
            ValueError: It has another sha256 than it must.
            OSError: The drive is full or fails.
        """
        self._disk.make_folder(self.folder / _PARTS)
        part = self.folder / _PARTS / f"{wheel.sha256[:32]}.import"
        try:
            write(part)
            if file_sha256(self._disk, part) != wheel.sha256:
                raise ValueError(f"{wheel.filename} has another content")
            self._disk.replace(part, self.path(wheel))
        finally:
            self._disk.unlink(part)
        self._disk.sync_folder(self.folder)

    # Tidying ---------------------------------------------------------------------------------------------------------

    def keep_only(self, plans: Iterable[WheelPlan]) -> None:
        """Remove what none of the plans needs, and what was set aside.

        Raises:
            OSError: The drive fails, or a program holds a file.
        """
        known = list(plans)
        kept = {wheel.filename for plan in known for wheel in plan.wheels}
        kept |= {_plan_name(plan.digest) for plan in known}
        for name in self._disk.list_folder(self.folder):
            if name not in kept:
                self._disk.remove_tree(self.folder / name)


class _Addresses:
    """Tells `Transfer` where the wheels are, as the Hub's client tells where models are."""

    def __init__(self, wheels: Iterable[Wheel]) -> None:
        self._urls = {wheel.filename: wheel.url for wheel in wheels}

    def origin(self, wheel: Wheel) -> Origin:
        """The wheel as a file of a repository: its name, and its hash in place of a commit."""
        name = parse_wheel_name(wheel.filename)
        return Origin(name.name if name else "wheel", wheel.sha256[:40], wheel.filename, wheel.size_bytes, wheel.sha256)

    def file_url(self, repo_id: str, revision: str, filename: str) -> str:
        """Where to ask for a file."""
        del repo_id, revision
        return self._urls[filename]

    def headers_for(self, url: str) -> dict[str, str]:
        """Nothing secret goes to an index."""
        del url
        return {"User-Agent": _AGENT}


def file_sha256(disk: Disk, path: Path, report: Callable[[int], None] = lambda _: None) -> str:
    """The sha256 of a file's bytes, lower-case hexadecimal.

    Args:
        disk: Where it lies.
        path: The file.
        report: Told the bytes read so far; may raise to stop.

    Raises:
        OSError: It cannot be read.
    """
    sha256 = hashlib.sha256()
    buffer = memoryview(bytearray(8 * BLOCK_BYTES))
    with disk.open_readonly(path) as file:
        done_bytes = 0
        while count := file.pread_into(done_bytes, buffer):
            sha256.update(buffer[:count])
            done_bytes += count
            report(done_bytes)
    return sha256.hexdigest()


def _with_what_is_here(progress: TransferProgress, here_bytes: int) -> TransferProgress:
    return TransferProgress(
        done_bytes=progress.done_bytes + here_bytes,
        total_bytes=progress.total_bytes + here_bytes,
        bytes_per_s=progress.bytes_per_s,
        seconds_left=progress.seconds_left,
        filename=progress.filename,
        connections=progress.connections,
        waiting=progress.waiting,
        checking=progress.checking,
    )


def _plan_name(digest: str) -> str:
    return f"{digest[:SHORT_DIGEST_CHARACTERS]}.json"


def _covers(plan: WheelPlan, lock: RuntimeLock) -> bool:
    """The plan, which was read from a file, has one right file for each part."""
    names = [parse_wheel_name(wheel.filename) for wheel in plan.wheels]
    fits = all(
        name is not None and (pin := lock.pin_of(wheel.sha256)) is not None and name.name == pin.name
        for name, wheel in zip(names, plan.wheels, strict=True)
    )
    return fits and {name.name for name in names if name} == {pin.name for pin in lock.pins}
