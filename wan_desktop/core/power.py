"""Sends the PC to sleep or shuts it down, on Windows only; elsewhere nothing happens. Not run on Windows.

Sources: learn.microsoft.com, powrprof.h (SetSuspendState), and the command `shutdown` of Windows.
"""

import ctypes
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence

from wan_desktop.core.render_queue import WhenDone

logger = logging.getLogger(__name__)

SHUT_DOWN_COMMAND = ("shutdown", "/s", "/t", "0")
"""Programs are asked to end, as when the user shuts down."""


def _suspend() -> None:
    # Sleep, not hibernation; programs are told; what wakes the PC stays on.
    ctypes.WinDLL("powrprof").SetSuspendState(0, 0, 0)  # type: ignore[attr-defined]


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, creationflags=0x08000000)  # CREATE_NO_WINDOW


def carry_out(
    action: WhenDone,
    *,
    system: str = sys.platform,
    suspend: Callable[[], None] = _suspend,
    run: Callable[[Sequence[str]], object] = _run,
) -> bool:
    """Do what the PC is to do when all is done; False where that cannot be done.

    Args:
        action: What is to be done.
        system: As `sys.platform` names it.
        suspend: Sends Windows to sleep.
        run: Runs a command of Windows.
    """
    if action is WhenDone.NOTHING or system != "win32":
        return False
    try:
        if action is WhenDone.SLEEP:
            suspend()
        else:
            run(SHUT_DOWN_COMMAND)
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("The PC could not be told to %s: %s", action.value, error)
        return False
    return True


def is_possible(system: str = sys.platform) -> bool:
    """This PC can be told to sleep or to shut down."""
    return system == "win32"
