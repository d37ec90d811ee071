"""The engine of the installed program: which runtime it runs in, which one this PC needs, and how that is got."""

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.engine_client import EngineClient, EngineProgram
from wan_desktop.core.errors import RuntimeDamagedError
from wan_desktop.core.hardware import Gpu
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.paths import AppPaths, resources_folder, sources_folder
from wan_desktop.core.runtime.choice import RuntimeChoice, choose_runtime
from wan_desktop.core.runtime.lock import RuntimeKind, RuntimeLock, read_lock
from wan_desktop.core.runtime.pack_import import import_pack
from wan_desktop.core.runtime.program_runtimes import program_runtimes
from wan_desktop.core.runtime.render_test import render_test
from wan_desktop.core.runtime.room import room_to_install
from wan_desktop.core.runtime.runtime_records import RuntimeMark, RuntimeState
from wan_desktop.core.runtime.runtimes import Runtimes, RuntimeSnapshot, SelfTest
from wan_desktop.core.runtime.wheel_index import WheelIndex, WheelSources
from wan_desktop.core.settings import Settings
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

SYSTEM = "windows" if os.name == "nt" else "linux"
BUILD_INDEX = "package-index.txt"
"""Below `resources/runtimes`: the address of the package index, put there by who builds the program."""
_FOR_CARDS = (RuntimeKind.WINDOWS_CU130, RuntimeKind.WINDOWS_CU126)
_PART = "torch"
"""The part whose version names a runtime."""
_ABOUT_BYTES = {
    RuntimeKind.WINDOWS_CU130: 2_300_000_000,
    RuntimeKind.WINDOWS_CU126: 2_900_000_000,
    RuntimeKind.WINDOWS_CPU: 350_000_000,
    RuntimeKind.LINUX_CPU: 450_000_000,
}
"""Of a download, until an index was asked, which needs the user's word."""
_ABOUT_TIMES = {RuntimeKind.WINDOWS_CU130: 3.2, RuntimeKind.WINDOWS_CU126: 3.2}
_ABOUT_TIMES_CPU = 5.7
"""What is needed on the drive meanwhile, by the download; see `room`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with the engine, of one moment."""

    snapshot: RuntimeSnapshot
    choice: RuntimeChoice
    """What this PC needs; the kind in use where only the card cannot be seen just now."""
    version: str = ""
    """Of torch in what is wanted."""
    version_in_use: str = ""
    size_in_use_bytes: int = 0
    kind_in_use: RuntimeKind | None = None
    download_bytes: int = 0
    """Of all files that are wanted; an estimate until an index was asked."""
    is_size_known: bool = False
    """An index was asked already, or a package was taken: the installation was begun."""
    here_bytes: int = 0
    """How many of them are here."""
    room_bytes: int = 0
    """What must be free on the drive until it is done."""
    is_pc_known: bool = True
    """The PC was looked at; until then nobody knows what it needs."""
    has_wanted_before: bool = False
    """What is wanted is the one from before, which was gone back from: nothing has to be installed for it."""
    free_bytes: int | None = None
    """None where the system does not tell."""

    @property
    def is_begun(self) -> bool:
        """An installation was begun, and something of it is here."""
        return self.is_size_known and self.here_bytes > 0 and not self.has_wanted_before

    @property
    def is_usable(self) -> bool:
        """There is an engine that can be started."""
        return self.snapshot.current is not None and self.snapshot.state is not RuntimeState.DAMAGED

    @property
    def is_outdated(self) -> bool:
        """What is in use is another one than this program, or this PC, wants; it was not gone back to."""
        snapshot = self.snapshot
        differs = snapshot.current is not None and not snapshot.is_wanted
        return self.is_pc_known and differs and not snapshot.was_refused


class ProgramEngine:
    """The engine, for all lanes; what changes something is for one at a time, which `Runtimes` sees to.

    Args:
        runtimes: Where it is installed.
        resources: Where the locks are.
        sources: See `InstalledRuntime.engine_environment`.
        self_test: What a new runtime must pass.
        system: See `choose_runtime`.
    """

    def __init__(
        self, runtimes: Runtimes, resources: Path, sources: Path, self_test: SelfTest, *, system: str = SYSTEM
    ) -> None:
        self._runtimes = runtimes
        self._resources = resources
        self._sources = sources
        self._self_test = self_test
        self._system = system

    @property
    def folder(self) -> Path:
        """Where runtimes lie."""
        return self._runtimes.folder

    def use(self, settings: Settings) -> None:
        """Ask those indexes, as fast as may be, from the next installation on."""
        self._runtimes.use(WheelIndex(sources_of(settings)), limits_of(settings))

    # How it stands ---------------------------------------------------------------------------------------------------

    def program(self) -> EngineProgram:
        """How to start what is in use, which may be of an older lock.

        Raises:
            EngineRuntimeError: There is none, or it is damaged.
        """
        runtime = self._runtimes.current(self._lock(self._choice(None)))
        return EngineProgram(runtime.engine_command(), runtime.engine_environment(self._sources))

    def look(self, gpu: Gpu | None, *, is_pc_known: bool = True) -> Standing:
        """How it stands; some milliseconds, asks nobody and changes nothing.

        Args:
            gpu: The card that is to compute; None if there is none.
            is_pc_known: See `Standing`.

        Raises:
            RuntimeListError: The lock cannot be read.
        """
        choice = self._choice(gpu)
        lock = self._lock(choice)
        mark = self._runtimes.mark_in_use()
        snapshot = self._runtimes.look(lock)
        plan = self._runtimes.wheelhouse.plan_of(lock)
        here_bytes = room_bytes = 0
        download_bytes = _ABOUT_BYTES[choice.kind]
        if plan is not None:
            download_bytes = plan.size_bytes
            here_bytes = download_bytes - self._runtimes.wheelhouse.missing_bytes(plan)
            room_bytes = room_to_install(self._runtimes.wheelhouse, plan)
        return Standing(
            snapshot=snapshot,
            choice=choice,
            version=next((pin.version.partition("+")[0] for pin in lock.pins if pin.name == _PART), ""),
            version_in_use=_version_of(mark) if mark is not None else "",
            size_in_use_bytes=mark.size_bytes if mark is not None else 0,
            kind_in_use=_kind_of(mark),
            download_bytes=download_bytes,
            is_size_known=plan is not None,
            is_pc_known=is_pc_known,
            here_bytes=here_bytes,
            room_bytes=room_bytes or int(download_bytes * _ABOUT_TIMES.get(choice.kind, _ABOUT_TIMES_CPU)),
            has_wanted_before=snapshot.previous is not None and snapshot.previous.digest == lock.digest,
            free_bytes=self._free_bytes(),
        )

    def _choice(self, gpu: Gpu | None) -> RuntimeChoice:
        """What the PC needs. A card that is not seen just now does not make its engine a wrong one."""
        choice = choose_runtime(self._system, gpu)
        kind = _kind_of(self._runtimes.mark_in_use())
        if choice.kind is RuntimeKind.WINDOWS_CPU and kind in _FOR_CARDS:
            return RuntimeChoice(kind, choice.reason)
        return choice

    def _lock(self, choice: RuntimeChoice) -> RuntimeLock:
        return read_lock(self._resources, choice.kind)

    def _free_bytes(self) -> int | None:
        folder = next((one for one in (self.folder, *self.folder.parents) if one.is_dir()), None)
        try:
            return self._runtimes.disk.free_bytes(folder) if folder is not None else None
        except OSError as error:
            logger.warning("How much is free in %s is not known: %s", folder, error)
            return None

    # Changing it -----------------------------------------------------------------------------------------------------

    def install(self, gpu: Gpu | None, context: JobContext) -> None:
        """Let what this PC needs be in use; reports `RuntimeProgress`.

        Raises:
            JobCancelled: It was asked to stop; what was fetched is kept.
            WanError: It cannot be installed; what was in use stays.
        """
        self._runtimes.install(self._lock(self._choice(gpu)), context, self._self_test)

    def repair(self, gpu: Gpu | None, context: JobContext) -> None:
        """Make it anew; as `install`."""
        self._runtimes.repair(self._lock(self._choice(gpu)), context, self._self_test)

    def install_from(self, path: Path, gpu: Gpu | None, context: JobContext) -> None:
        """Take an engine package, and install it; reports two counts of bytes first, then as `install`.

        Args:
            path: Any of its parts.
            gpu: See `look`.
            context: See `install`.

        Raises:
            JobCancelled: As `install`.
            EnginePackError: It is no package for this program and this PC.
            WanError: As `install`.
        """
        lock = self._lock(self._choice(gpu))
        import_pack(self._runtimes, path, lock, context)
        self._runtimes.install(lock, context, self._self_test)

    def check(self, context: JobContext) -> None:
        """Read all files of what is in use; reports two counts of files.

        Raises:
            JobCancelled: It was asked to stop.
            RuntimeDamagedError: Files are missing or changed.
            EngineRuntimeError: There is none.
        """
        problems = self._runtimes.check(context)
        if problems:
            raise RuntimeDamagedError(
                tr("The render engine is damaged: {wrong}.", wrong=problems[0]),
                hint=tr("Repair it; this takes some minutes."),
                details="\n".join(problems),
            )

    def roll_back(self) -> None:
        """Use the one before again.

        Raises:
            EngineRuntimeError: There is none, it is damaged, or another process is at work.
        """
        self._runtimes.roll_back()

    def forget_fetched(self) -> None:
        """Remove what was fetched for an installation that is given up.

        Raises:
            WanError: The drive fails, or another process is at work.
        """
        self._runtimes.forget_fetched()

    def recover(self) -> None:
        """Remove what a crash left half made; for the start of the program.

        Raises:
            WanError: The drive fails.
        """
        self._runtimes.recover()


def _kind_of(mark: RuntimeMark | None) -> RuntimeKind | None:
    known = {kind.value: kind for kind in RuntimeKind}
    return known.get(mark.kind) if mark is not None else None


def _version_of(mark: RuntimeMark) -> str:
    """From the name of torch's own folder, such as `torch-2.13.0+cpu.dist-info`; empty if it is not there."""
    names = (part.removesuffix(".dist-info").split("-") for part in mark.parts)
    return next((version.partition("+")[0] for name, version, *_ in names if name == _PART), "")


def sources_of(settings: Settings) -> WheelSources:
    """The package indexes that the settings name, or the public ones."""
    usual = WheelSources()
    return WheelSources(settings.package_index or _index_of_build(), settings.torch_index or usual.torch)


def limits_of(settings: Settings) -> TransferLimits:
    """How fast may be downloaded."""
    return TransferLimits(bytes_per_s=settings.download_limit_bytes_per_s)


def installed_engine(paths: AppPaths, settings: Settings) -> ProgramEngine | None:
    """The engine of the installed program; None where it runs in this program's own environment."""
    runtimes = program_runtimes(paths, sources=sources_of(settings), limits=limits_of(settings))
    if runtimes is None:
        return None
    sources = sources_folder()
    return ProgramEngine(runtimes, paths.resources, sources, functools.partial(render_test, paths, sources))


def engine_client(paths: AppPaths, settings: Settings, *, on_change: Callable[[], None] = lambda: None) -> EngineClient:
    """A client of the engine that this program has."""
    engine = installed_engine(paths, settings)
    return EngineClient(find_program=engine.program if engine is not None else None, on_change=on_change)


def _index_of_build() -> str:
    """The package index that was named when this copy was built; empty if none was."""
    try:
        return (resources_folder() / "runtimes" / BUILD_INDEX).read_text("utf-8").strip()
    except OSError:
        return ""
