"""All engine runtimes of this user: which one is in use, and how another one takes its place.

A new runtime is made beside the one in use, in a folder that nothing refers to; it must make a video before
`current.json` names it, and that one file's replacement is the switch. Whatever stops the program on the way, the
runtime in use stays, and the next start removes what was half made; what was fetched is kept.
"""

import contextlib
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.errors import (
    EngineRuntimeError,
    RuntimeBusyError,
    RuntimeDamagedError,
    RuntimeTestError,
    WanError,
)
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.builder import Builder, BuildTools
from wan_desktop.core.runtime.lock import RuntimeLock
from wan_desktop.core.runtime.room import check_room, room_to_build, room_to_install
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime, python_of
from wan_desktop.core.runtime.runtime_records import Activity, RuntimeMark, RuntimeState, Selection
from wan_desktop.core.runtime.runtime_shelf import NAME_LETTERS, WHEELS, WORKING, RuntimeShelf, started_at
from wan_desktop.core.runtime.wheel_index import WheelIndex, WheelPlan
from wan_desktop.core.runtime.wheelhouse import Wheelhouse
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.store.transfer import TransferProgress
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

SelfTest = Callable[[InstalledRuntime, JobContext], None]
"""Makes a video with a runtime that is not in use yet; raises a `WanError` if that does not go."""
_SUFFIX_CHARACTERS = 3


@dataclass(frozen=True, slots=True)
class RuntimeProgress:
    """How far an installation is."""

    state: RuntimeState
    """FETCHING, BUILDING or TESTING."""
    transfer: TransferProgress | None = None
    """While files are fetched, or read."""
    parts_done: int = 0
    """While it is put together."""
    parts_total: int = 0


@dataclass(frozen=True, slots=True)
class RuntimeSnapshot:
    """How it stands."""

    state: RuntimeState
    """Working states: somebody, perhaps another process, is at it."""
    current: InstalledRuntime | None = None
    """In use; also while another one is made, or one that is damaged."""
    previous: InstalledRuntime | None = None
    """What could be gone back to."""
    is_wanted: bool = True
    """The current one is of the program's own lock; else another one should be installed, or was refused."""
    was_refused: bool = False
    """What the program's lock describes was gone back from."""
    error: WanError | None = None
    """What the last try came to, or why it is damaged."""


class Runtimes:
    """The runtimes below one folder.

    Args:
        folder: Made when it is needed; its path should be short.
        tools: What runtimes are made with.
        index: Knows where their files are.
        disk: Where all lies.
        limits: How hard to try when files are fetched.
    """

    def __init__(
        self,
        folder: Path,
        tools: BuildTools,
        index: WheelIndex,
        *,
        disk: Disk | None = None,
        limits: TransferLimits | None = None,
    ) -> None:
        self.folder = folder
        self._tools = tools
        self._index = index
        self.disk = disk or Disk()
        self._shelf = RuntimeShelf(self.disk, folder)
        self.wheelhouse = Wheelhouse(self.disk, folder / WHEELS, limits)

    def use(self, index: WheelIndex, limits: TransferLimits | None) -> None:
        """Ask that index, and try as hard as that, from the next installation on."""
        self._index = index
        self.wheelhouse.use(limits)

    # How it stands ---------------------------------------------------------------------------------------------------

    def mark_in_use(self) -> RuntimeMark | None:
        """What was written when the runtime in use was finished; None if there is none."""
        current = self._shelf.selection().current
        return self._shelf.runtime(current).mark() if current else None

    def look(self, lock: RuntimeLock) -> RuntimeSnapshot:
        """How it stands now; some milliseconds, changes nothing.

        Args:
            lock: What this version of the program wants.
        """
        selection = self._shelf.selection(lock.digest)
        current = self._shelf.installed(selection.current)
        snapshot = RuntimeSnapshot(
            RuntimeState.READY,
            current,
            self._shelf.installed(selection.previous),
            is_wanted=current is not None and current.digest == lock.digest,
            was_refused=selection.refused == lock.digest,
        )
        activity = self._shelf.activity()
        if activity is not None and activity.state in WORKING and self._shelf.is_held():
            return replace(snapshot, state=activity.state)
        error = activity.error if activity is not None and activity.digest == lock.digest else None
        if current is None:
            return replace(snapshot, state=RuntimeState.FAILED if error else RuntimeState.ABSENT, error=error)
        if wrong := selection.damaged or self._shelf.runtime(current.name).glance():
            return replace(snapshot, state=RuntimeState.DAMAGED, error=_damaged(wrong))
        return replace(snapshot, error=error)

    def current(self, lock: RuntimeLock) -> InstalledRuntime:
        """The runtime to start the engine with, which may be of an older lock.

        Raises:
            RuntimeDamagedError: It is damaged.
            EngineRuntimeError: There is none.
        """
        snapshot = self.look(lock)
        if snapshot.current is None:
            raise snapshot.error or EngineRuntimeError(
                tr("The render engine is not installed."), hint=tr("Install it; this takes some minutes.")
            )
        if snapshot.state is RuntimeState.DAMAGED and snapshot.error is not None:
            raise snapshot.error
        return snapshot.current

    # Installing ------------------------------------------------------------------------------------------------------

    def install(self, lock: RuntimeLock, context: JobContext, self_test: SelfTest) -> InstalledRuntime:
        """Let the lock's runtime be the one in use; nothing is fetched where it is already, or was before.

        Args:
            lock: What to install.
            context: Told a :class:`RuntimeProgress`. Pausing is cancelling: the next call goes on.
            self_test: Must succeed before the new runtime is used.

        Raises:
            JobCancelled: It was asked to stop; what was fetched is kept, and the runtime in use stays in use.
            WanError: It cannot be installed; the same.
        """
        with self._shelf.held():
            self._shelf.recover()
            selection = self._shelf.selection(lock.digest)
            here = self._one_of(lock, selection)
            if here is not None:
                return here
            with self._shelf.noting_failure(lock.digest):
                return self._install(lock, selection, context, self_test)

    def repair(self, lock: RuntimeLock, context: JobContext, self_test: SelfTest) -> InstalledRuntime:
        """Make the lock's runtime anew, from its files as far as they are here and right.

        Raises:
            JobCancelled: As `install`.
            WanError: As `install`.
        """
        with self._shelf.held():
            self._shelf.recover()
            with self._shelf.noting_failure(lock.digest):
                return self._install(lock, self._shelf.selection(lock.digest), context, self_test)

    def _one_of(self, lock: RuntimeLock, selection: Selection) -> InstalledRuntime | None:
        """The lock's runtime, if it is here and whole: the one in use, or the one before, which is used again then."""
        for name in filter(None, (selection.current, selection.previous)):
            found = self._shelf.runtime(name)
            installed = found.installed()
            is_known_damaged = name == selection.current and bool(selection.damaged)
            if installed is None or installed.digest != lock.digest or is_known_damaged or found.glance():
                continue
            if name != selection.current:
                kept = self._worth_keeping(selection)
                self._shelf.select(Selection(current=name, previous="" if kept == name else kept))
            elif selection.refused == lock.digest:
                self._shelf.select(replace(selection, refused=""))
            self._shelf.forget_activity()
            return installed
        return None

    def _install(
        self, lock: RuntimeLock, selection: Selection, context: JobContext, self_test: SelfTest
    ) -> InstalledRuntime:
        self._tools.check()
        self._shelf.note(Activity(RuntimeState.FETCHING, lock.digest))
        plan = self._fetch(lock, context)
        name = lock.short_digest + "".join(secrets.choice(NAME_LETTERS) for _ in range(_SUFFIX_CHARACTERS))
        folder = self.folder / name
        try:
            self._build(lock, plan, folder, context)
            self._test(lock, folder, context, self_test)
            if hasattr(os, "sync"):
                os.sync()  # thousands of files; after a power failure none must be empty that the mark vouches for
            self._shelf.runtime(name).write_mark(lock.digest, lock.kind, now_utc())
        except BaseException:
            self._shelf.remove(name)
            raise
        self._shelf.select(Selection(current=name, previous=self._worth_keeping(selection)))
        self._shelf.forget_activity()
        self._tidy()
        logger.info("The engine runtime %s is in use", name)
        return InstalledRuntime(folder, python_of(folder), lock.digest)

    def _worth_keeping(self, selection: Selection) -> str:
        """What to go back to if the next one disappoints: what is in use, unless that is damaged."""
        if not selection.current or selection.damaged or self._shelf.runtime(selection.current).glance():
            return selection.previous
        return selection.current

    def _fetch(self, lock: RuntimeLock, context: JobContext) -> WheelPlan:
        plan = self.wheelhouse.plan_of(lock)
        if plan is None or self._lacks_addresses(plan):
            context.progress(RuntimeProgress(RuntimeState.FETCHING))
            plan = self._index.find(lock, context)
            self.wheelhouse.keep_plan(lock, plan)
        check_room(self.disk, self.folder, room_to_install(self.wheelhouse, plan))
        self.wheelhouse.fetch(plan, _reporting(context, RuntimeState.FETCHING))
        return plan

    def _lacks_addresses(self, plan: WheelPlan) -> bool:
        """It came with a package, of which files are gone since."""
        return self.wheelhouse.missing_bytes(plan) > 0 and not all(wheel.url for wheel in plan.wheels)

    def _build(self, lock: RuntimeLock, plan: WheelPlan, folder: Path, context: JobContext) -> None:
        check_room(self.disk, self.folder, room_to_build(self.wheelhouse, plan))
        activity = Activity(RuntimeState.BUILDING, lock.digest, folder.name)
        self._shelf.note(activity)

        def note_child(process_id: int) -> None:
            self._shelf.note(replace(activity, process_id=process_id, process_started=started_at(process_id)))

        def report(counts: tuple[int, int]) -> None:
            context.progress(RuntimeProgress(RuntimeState.BUILDING, parts_done=counts[0], parts_total=counts[1]))

        report((0, len(lock.pins)))
        builder = Builder(self.disk, self._tools, note_child)
        builder.build(lock, self.wheelhouse.folder, folder, context.reporting_to(report))

    def _test(self, lock: RuntimeLock, folder: Path, context: JobContext, self_test: SelfTest) -> None:
        self._shelf.note(Activity(RuntimeState.TESTING, lock.digest, folder.name))
        context.progress(RuntimeProgress(RuntimeState.TESTING))
        runtime = InstalledRuntime(folder, python_of(folder), lock.digest)
        inner = context.reporting_to(lambda _: context.progress(RuntimeProgress(RuntimeState.TESTING)))
        try:
            self_test(runtime, inner)
        except WanError as error:
            raise RuntimeTestError(
                tr("The new render engine failed its test: {reason}", reason=error.message),
                hint=error.hint,
                details=error.details or error.code,
            ) from error

    # Going back, checking --------------------------------------------------------------------------------------------

    def roll_back(self) -> InstalledRuntime:
        """Use the runtime before again; the one in use is kept, so that this can be undone by `install`.

        Raises:
            RuntimeDamagedError: The one before is damaged.
            EngineRuntimeError: There is none before, or another process is at work.
        """
        with self._shelf.held():
            self._shelf.recover()
            selection = self._shelf.selection()
            current, previous = self._shelf.installed(selection.current), self._shelf.installed(selection.previous)
            if previous is None:
                raise EngineRuntimeError(
                    tr("There is no render engine from before to go back to."), hint=tr("Repair the one in use.")
                )
            if wrong := self._shelf.runtime(previous.name).glance():
                raise _damaged(wrong)
            refused = current.digest if current is not None and current.digest != previous.digest else ""
            self._shelf.select(Selection(current=previous.name, previous=selection.current, refused=refused))
            logger.info("Went back to the engine runtime %s", previous.name)
            return previous

    def check(self, context: JobContext) -> list[str]:
        """Read every file of the runtime in use; what is found is remembered until it is repaired.

        Args:
            context: Told files done and in all, as two counts.

        Returns:
            What is missing or changed; nothing if it is whole.

        Raises:
            JobCancelled: It was asked to stop.
            EngineRuntimeError: There is none, or another process is at work.
        """
        with self._shelf.held():
            selection = self._shelf.selection()
            if self._shelf.installed(selection.current) is None:
                raise EngineRuntimeError(tr("The render engine is not installed."), hint=tr("Install it."))
            folder = self._shelf.runtime(selection.current)
            problems = folder.problems(lambda done, total: context.progress((done, total)))
            self._shelf.select(replace(selection, damaged=problems[0] if problems else ""))
            return problems

    def recover(self) -> None:
        """Remove what a crash left half made; for the start of the program. Leaves all as it is if another is at work.

        Raises:
            WanError: The drive fails.
        """
        if not self.disk.exists(self.folder):
            return
        with contextlib.suppress(RuntimeBusyError), self._shelf.held():
            self._shelf.recover()

    def drop_wheels(self) -> None:
        """Remove the files that runtimes were made from: a repair and the next version fetch them again then.

        Raises:
            EngineRuntimeError: Another process is at work.
            WanError: The drive fails.
        """
        with self._shelf.held():
            self.wheelhouse.keep_only(())

    def forget_fetched(self) -> None:
        """Remove the files that neither the runtime in use nor the one before was made from.

        Raises:
            EngineRuntimeError: Another process is at work.
            WanError: The drive fails.
        """
        with self._shelf.held():
            self._tidy()

    @contextlib.contextmanager
    def importing(self) -> Iterator[Wheelhouse]:
        """Let files be brought in by other ways than fetching, while nobody else is at work.

        Raises:
            RuntimeBusyError: Somebody is.
            WanError: The drive is full or fails.
        """
        with self._shelf.held():
            yield self.wheelhouse

    def _tidy(self) -> None:
        """Remove what neither the runtime in use nor the one before needs; what cannot be removed now is later."""
        selection = self._shelf.selection()
        self._shelf.remove_others(selection)
        installed = (self._shelf.installed(selection.current), self._shelf.installed(selection.previous))
        plans = [self.wheelhouse.plan_named(one.digest) for one in installed if one is not None]
        try:
            self.wheelhouse.keep_only([plan for plan in plans if plan is not None])
        except OSError as error:
            logger.warning("Old files of the engine stay for now: %s", error)


def _reporting(context: JobContext, state: RuntimeState) -> JobContext:
    return context.reporting_to(lambda transfer: context.progress(RuntimeProgress(state, transfer)))


def _damaged(wrong: str) -> RuntimeDamagedError:
    return RuntimeDamagedError(
        tr("The render engine is damaged: {wrong}.", wrong=wrong), hint=tr("Repair it; this takes some minutes.")
    )
