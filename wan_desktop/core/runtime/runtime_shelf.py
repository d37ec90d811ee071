"""The folder of all runtimes: which one is in use, what is being done, and what a crash left.

One file, `current.json`, says which runtime is in use; its replacement is the switch. One lock keeps all threads and
processes but one from changing anything.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import psutil

from wan_desktop.core.errors import JobCancelled, RuntimeBusyError, WanError
from wan_desktop.core.runtime.drive_fault import drive_fault
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime, RuntimeFolder
from wan_desktop.core.runtime.runtime_records import (
    Activity,
    RuntimeMark,
    RuntimeState,
    Selection,
    read_record,
    write_record,
)
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

NAME_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Of which the folders' names are made."""
WHEELS = "wheels"
_CURRENT, _ACTIVITY, _LOCK = "current.json", "activity.json", "install.lock"
_KEPT = frozenset([_CURRENT, _ACTIVITY, _LOCK, WHEELS])
WORKING = (RuntimeState.FETCHING, RuntimeState.BUILDING, RuntimeState.TESTING)


class RuntimeShelf:
    """What lies in the folder of all runtimes.

    Args:
        disk: Which drive.
        folder: Made when it is needed.
    """

    def __init__(self, disk: Disk, folder: Path) -> None:
        self.folder = folder
        self._disk = disk

    # What is here ----------------------------------------------------------------------------------------------------

    def selection(self, wanted_digest: str = "") -> Selection:
        """Which runtime is in use; where that cannot be read, the finished one that fits best."""
        selection = read_record(self._disk, self.folder / _CURRENT, Selection)
        if selection is not None and _is_name(selection.current) and _is_name(selection.previous):
            return selection
        finished = self._finished()
        best = max(
            finished, key=lambda name: (finished[name].digest == wanted_digest, finished[name].made_at), default=""
        )
        return Selection(current=best)

    def select(self, selection: Selection) -> None:
        """Let that be in use from now on.

        Raises:
            OSError: The drive is full or fails; what was in use stays.
        """
        write_record(self._disk, self.folder / _CURRENT, selection)

    def _finished(self) -> dict[str, RuntimeMark]:
        names = [name for name in self._disk.list_folder(self.folder) if name not in _KEPT and _is_name(name)]
        marks = {name: self.runtime(name).mark() for name in names}
        return {name: mark for name, mark in marks.items() if mark is not None}

    def runtime(self, name: str) -> RuntimeFolder:
        """The runtime of that name, which need not be there."""
        return RuntimeFolder(self._disk, self.folder / name)

    def installed(self, name: str) -> InstalledRuntime | None:
        """The finished runtime of that name; None if there is none."""
        return self.runtime(name).installed() if name else None

    # What is being done ----------------------------------------------------------------------------------------------

    def activity(self) -> Activity | None:
        """What is being done, or what the last try came to."""
        return read_record(self._disk, self.folder / _ACTIVITY, Activity)

    def note(self, activity: Activity) -> None:
        """Write down what is being done, for other processes and for after a crash.

        Raises:
            OSError: The drive is full or fails.
        """
        write_record(self._disk, self.folder / _ACTIVITY, activity)

    def forget_activity(self) -> None:
        """There is nothing more to say."""
        self._disk.unlink(self.folder / _ACTIVITY)

    @contextlib.contextmanager
    def noting_failure(self, digest: str) -> Iterator[None]:
        """Remember for the next start what went wrong.

        Raises:
            WanError: What went wrong; an error of the drive in our words.
        """
        try:
            yield
        except JobCancelled:
            self.forget_activity()
            raise
        except (WanError, OSError) as error:
            told = drive_fault(error, self.folder) if isinstance(error, OSError) else error
            self._try_note(_failure(digest, told))
            if told is error:
                raise
            raise told from error

    def _try_note(self, activity: Activity) -> None:
        try:
            self.note(activity)
        except OSError as error:  # the drive may be full, which is what is to be noted
            logger.warning("What went wrong cannot be noted: %s", error)
            with contextlib.suppress(OSError):
                self.forget_activity()

    # One at a time ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep all others from changing anything; never waits.

        Raises:
            RuntimeBusyError: Another process or thread does.
            WanError: The drive is full or fails.
        """
        try:
            self._disk.make_folder(self.folder)
            lock = self._disk.lock(self.folder / _LOCK)
        except BlockingIOError as error:
            raise RuntimeBusyError(
                tr("Another window of this program is at work on the render engine."),
                hint=tr("Wait until that is done, or stop it there."),
            ) from error
        except OSError as error:
            raise drive_fault(error, self.folder) from error
        with lock:
            try:
                yield
            except OSError as error:
                raise drive_fault(error, self.folder) from error

    def is_held(self) -> bool:
        """Somebody does change something. For where that is likely: the look itself may make another one give up."""
        try:
            with self._disk.lock(self.folder / _LOCK):
                return False
        except BlockingIOError:
            return True
        except OSError:
            return False

    # Tidying ---------------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """End what outlived a crash, and remove what was never finished; while it is held.

        Raises:
            OSError: The drive is full or fails.
        """
        activity = self.activity()
        if activity is not None and activity.state in WORKING:
            logger.warning("An installation of the engine was interrupted while it was %s", activity.state)
            _end(activity)
            self.forget_activity()
        selection = self.selection()
        if selection.current and read_record(self._disk, self.folder / _CURRENT, Selection) != selection:
            self.select(selection)
        self.remove_others(selection)

    def remove_others(self, selection: Selection) -> None:
        """Remove all runtimes but those of the selection; what a program holds stays for the next time."""
        kept = _KEPT | {selection.current, selection.previous}
        for name in self._disk.list_folder(self.folder):
            if name not in kept:
                self.remove(name)

    def remove(self, name: str) -> None:
        """Remove one; if it cannot be removed now, it is not taken for a finished one any more."""
        try:
            self.runtime(name).unmark()
            self._disk.remove_tree(self.folder / name)
        except OSError as error:
            logger.warning("%s cannot be removed now: %s", name, error)


def _is_name(name: str) -> bool:
    """A folder's name as this module makes it, or none; what is read from a file could be anything."""
    return all(character in NAME_LETTERS for character in name)


def _failure(digest: str, error: WanError) -> Activity:
    return Activity(
        RuntimeState.FAILED,
        digest,
        code=error.code,
        message=error.message,
        hint=error.hint,
        details=error.details,
    )


def started_at(process_id: int) -> float:
    """When a process was started, seconds since 1970; 0 if it is gone."""
    try:
        return float(psutil.Process(process_id).create_time()) if process_id else 0.0
    except psutil.Error:
        return 0.0


def _end(activity: Activity) -> None:
    """End the installer's process that outlived the program, if it is that one still."""
    if not activity.process_id or not activity.process_started:
        return
    try:
        process = psutil.Process(activity.process_id)
        if abs(process.create_time() - activity.process_started) < 1.0:
            process.kill()
            process.wait(timeout=10)
    except psutil.Error as error:
        logger.info("The interrupted installer is gone: %s", error)
