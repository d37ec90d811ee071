"""Starts the program: the window, or with arguments the command line.

The one place where the parts are put together. Nothing heavy is imported here: the window is painted first, and only
then come the queue, the engine and the model.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from wan_desktop.core.errors import DataFolderError
from wan_desktop.core.paths import AppPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    paths = AppPaths.find()
    if arguments:
        from wan_desktop.cli import main as run_command  # noqa: PLC0415 - the window does not need it

        return run_command(arguments, paths)
    if has_no_screen(sys.platform, os.environ):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        print("There is no screen, so the window makes its sample video without being seen.", flush=True)  # noqa: T201
        return run_window(paths, sample=True)
    return run_window(paths)


def has_no_screen(platform: str, environment: Mapping[str, str]) -> bool:
    """Linux without a display server, and nobody asked for a platform that needs none."""
    if not platform.startswith("linux") or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return False
    return environment.get("QT_QPA_PLATFORM", "") in ("", "offscreen")


def run_window(
    paths: AppPaths,
    *,
    sample: bool = False,
    engine_command: Sequence[str] | None = None,
    on_first_paint: Callable[[], None] | None = None,
) -> int:
    """Show the window until it is closed; returns the exit code.

    Args:
        paths: Where everything lies.
        sample: Make the model's first sample prompt through the window, print where the video is, and end.
        engine_command: How the engine is started, if not as usual.
        on_first_paint: Told when the window has been painted.
    """
    _import_what_needs_no_qt()
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - the command line does not need it

    from wan_desktop.ui.program import Program  # noqa: PLC0415

    # Fusion by argument, because `setStyle` returns the style, and PySide then builds all enumerations of QStyle.
    application = QApplication([sys.argv[0], "-style", "Fusion"])
    try:
        paths.ensure()
    except DataFolderError as error:
        from wan_desktop.ui.start_error import show_start_error  # noqa: PLC0415 - rarely needed

        return show_start_error(application, error)
    program = Program(application, paths, sample=sample, engine_command=engine_command, on_first_paint=on_first_paint)
    program.show()
    code = application.exec()
    program.shutdown()
    return code


def _import_what_needs_no_qt() -> None:
    """Before PySide, because its import hook reads the source of every module imported after it: 11 ms of the start."""
    from wan_desktop.core import settings  # noqa: F401, PLC0415
    from wan_desktop.ui import style, text  # noqa: F401, PLC0415
