"""Counts the starts that ended badly; after several in a row, or where it was asked for, the window opens in safe mode.

A start leaves a mark, an empty file, which goes when the program ends in good order, or when its window has worked for
a while. Who finds a mark knows that the start before went wrong: it was killed, it crashed, or it took the PC with it.
The mark is a file of its own because it is made before the first paint: a moment's work, where writing the count
safely would wait for the drive. Whoever is the only window of the data folder has no rival here either; where nobody
can tell (a drive without locks), two windows at worst count one bad end that was none, and take it back.
"""

import logging
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.json_file import JsonFile

logger = logging.getLogger(__name__)

ARGUMENT = "--safe-mode"
"""On the command line: open the window in safe mode at once."""
MOST_BAD_ENDS = 3
"""So many in a row lead to safe mode."""
HEALTHY_S = 30.0
"""When the window has worked for so long, the start went well, whatever happens later."""
MARK_NAME, _COUNT_NAME = "start-in-progress", "bad-starts.json"
_MAX_FILE_BYTES = 1000


class SafeReason(StrEnum):
    """Why the window is in safe mode."""

    BAD_ENDS = "bad-ends"
    ASKED = "asked"


class NextStart(StrEnum):
    """How the program is to start again."""

    NORMAL = "normal"
    SAFE = "safe"


@dataclass(frozen=True, slots=True)
class _BadEnds:
    in_a_row: int = 0


class Start:
    """One start of the window, marked as in progress from now on; for one thread. Nothing here fails or waits long.

    What cannot be written down is not counted either: a folder that refuses would else hold the program in safe mode.

    Args:
        data: The data folder.
        asked: Safe mode is wanted, whatever came before.
        healthy_s: After so many seconds of work the start counts as a good one.
    """

    def __init__(self, data: Path, *, asked: bool = False, healthy_s: float = HEALTHY_S) -> None:
        self.healthy_s = healthy_s
        self._mark = data / MARK_NAME
        self._count = JsonFile(data / _COUNT_NAME, _BadEnds, limit_bytes=_MAX_FILE_BYTES)
        self._environment = dict(os.environ)  # the settings change it, and the next start is not to inherit that
        self._is_over = False
        bad_ends = self._count_last()
        self.reason = SafeReason.ASKED if asked else SafeReason.BAD_ENDS if bad_ends >= MOST_BAD_ENDS else None
        """Why it is in safe mode; None if it is not."""
        try:
            self._mark.touch()
        except OSError as error:
            logger.warning("This start is not counted: %s", error)

    def went_well(self) -> None:
        """It ended in good order, or has worked for a while; safe to call again.

        That safe mode works does not mean that the usual start does: after it, one more bad end leads back to it.
        """
        if self._is_over:
            return
        self._is_over = True
        known = self._known()
        good = min(known, MOST_BAD_ENDS - 1) if self.reason is not None else 0
        if good != known:
            self._count.try_write(_BadEnds(good))
        try:
            self._mark.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("The mark of this start stays: %s", error)

    def again(self, how: NextStart) -> None:
        """Start the program anew, when this one is all but over; the new one goes on without this one.

        Raises:
            OSError: It cannot be started.
        """
        import subprocess  # noqa: PLC0415 - rarely needed, and every start imports this module before its first paint

        environment = self._environment | {"PYINSTALLER_RESET_ENVIRONMENT": "1"}  # else a frozen one shares our files
        subprocess.Popen(
            [*program_command(), *([ARGUMENT] if how is NextStart.SAFE else [])],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=sys.platform != "win32",  # what ends this one's group is not for the new one
        )

    def _known(self) -> int:
        kept = self._count.read()
        return max(0, kept.in_a_row) if kept is not None else 0

    def _count_last(self) -> int:
        """The bad ends in a row, the last start among them; at most as many as lead to safe mode."""
        try:
            self._mark.stat()
        except OSError:  # usually there is none
            return 0
        bad_ends = min(self._known(), MOST_BAD_ENDS - 1) + 1
        return bad_ends if self._count.try_write(_BadEnds(bad_ends)) else 0


def program_command() -> list[str]:
    """How this program was started, without the arguments that were meant for it."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, *sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv[1:])]]
