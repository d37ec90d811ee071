"""Start of the engine process: `python -m wan_desktop.engine`.

Takes the message pipes away from standard input and output before any library is imported, so that nothing a library
prints, from Python or from C, can get between the messages.
"""

import os
import signal
import sys
import sysconfig
from pathlib import Path
from typing import BinaryIO

_NICENESS = 5


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Commands and events; standard input becomes empty, standard output goes where errors go."""
    commands = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return commands, events


def find_compiler_libraries(packages: Path) -> None:
    """Let Windows find what torch and others are linked to, where the PC has no Visual C++ runtime of its own.

    Args:
        packages: The folder of installed packages, into which `msvc-runtime` puts those libraries. Windows looks only
            beside the interpreter, in its own folders, and in folders that are added like this one.
    """
    if sys.platform == "win32" and (packages / "msvcp140.dll").is_file():
        os.add_dll_directory(str(packages))


def main() -> None:
    """Run until the window says so, or is gone."""
    # Ctrl+C in a console goes to both processes; what it means is the window's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    commands_pipe, events_pipe = take_pipes()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # on Windows the window starts this process below normal priority
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DIFFUSERS_DISABLE_REMOTE_CODE": "1"}
    # Makes diffusers fetch a program from the Hub to read GGUF with.
    os.environ.pop("DIFFUSERS_GGUF_CUDA_KERNELS", None)
    find_compiler_libraries(Path(sysconfig.get_path("platlib")))
    from wan_desktop.core.paths import resources_folder  # noqa: PLC0415 - as below
    from wan_desktop.core.words import use_told_language  # noqa: PLC0415 - as below
    from wan_desktop.engine.service import Commands, Events, serve  # noqa: PLC0415 - imports torch; the pipes must be safe first

    use_told_language(resources_folder() / "translations")
    events = Events(events_pipe)
    serve(Commands(commands_pipe, events), events)
    sys.stderr.flush()
    # Libraries keep threads that would delay the end.
    os._exit(0)


if __name__ == "__main__":
    main()
