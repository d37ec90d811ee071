"""Starts the setup file of a newer program, which waits until this one has ended, replaces it, and starts it again."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from wan_desktop.core.errors import SetupNotStartedError
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)
_QUIETLY = ("/S", "/RELAUNCH")
"""Asks nothing, and starts the program when it is done; see installer/setup.nsi."""


def start_setup(path: Path, before: Sequence[str] = ()) -> None:
    """Start it, and do not wait for it.

    Args:
        path: The setup file, of which is known that it is the one that was signed.
        before: What runs it, where it is no program by itself.

    Raises:
        SetupNotStartedError: The system does not start it.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        child = subprocess.Popen(
            [*before, str(path), *_QUIETLY],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=path.parent,
            # The program that it starts at its end is no child of this one, although it inherits these variables.
            env=os.environ | {"PYINSTALLER_RESET_ENVIRONMENT": "1"},
            creationflags=flags,
            process_group=None if sys.platform == "win32" else 0,
        )
    except OSError as error:
        raise SetupNotStartedError(
            tr("{file} cannot be started: {reason}.", file=path.name, reason=error.strerror or error),
            hint=tr("Allow it in the virus scanner, or start it by hand from {folder}.", folder=path.parent),
            details=str(error),
        ) from error
    threading.Thread(target=child.wait, name="setup", daemon=True).start()  # usually this program ends first
    logger.info("The setup %s was started", path.name)
