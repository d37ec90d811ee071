"""Starts the program: the window, or with arguments the command line.

The one place where the parts are put together. Nothing heavy is imported here: the window is painted first, and only
then come the queue, the engine and the model.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

from wan_desktop.core.errors import AlreadyOpenError, DataFolderError
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.safe_mode import ARGUMENT as SAFE_MODE
from wan_desktop.core.safe_mode import Start
from wan_desktop.core.settings import language_setting
from wan_desktop.core.words import tr, use_language

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wan_desktop.ui.program import Program
    from wan_desktop.ui.windows_shell import Libraries

_SWITCH_S = 0.001


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    paths = AppPaths.find()
    file = _file_named(arguments)
    safe_mode = arguments == [SAFE_MODE]
    if arguments and file is None and not safe_mode:
        from wan_desktop.cli import main as run_command  # noqa: PLC0415 - the window does not need it

        return run_command(arguments, paths)
    if has_no_screen(sys.platform, os.environ):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        print(tr("There is no screen, so the window makes its sample video without being seen."), flush=True)  # noqa: T201
        return run_window(paths, sample=True)
    return run_window(paths, file=file, safe_mode=safe_mode)


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
    file: Path | None = None,
    safe_mode: bool = False,
) -> int:
    """Show the window until it is closed, or bring up the one that is open already; returns the exit code.

    Args:
        paths: Where everything lies.
        sample: Make the model's first sample prompt through the window, print where the video is, and end.
        engine_command: How the engine is started, if not as usual.
        on_first_paint: Told when the window has been painted.
        file: May bring the settings of a video.
        safe_mode: Leave out what could keep the window from opening; else only after starts that ended badly.
    """
    gc.disable()  # until the first paint: what is imported stays, and looking for what does not takes time
    _import_what_needs_no_qt()
    _tell_pyside_what_needs_no_qt()
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - the command line does not need it

    from wan_desktop.ui.program import Program  # noqa: PLC0415
    from wan_desktop.ui.single_instance import claim  # noqa: PLC0415

    libraries = _begin_on_windows() if sys.platform == "win32" else None
    # Fusion by argument, because `setStyle` returns the style, and PySide then builds all enumerations of QStyle.
    application = QApplication([sys.argv[0], "-style", "Fusion"])
    use_language(paths.resources / "translations", language_setting(paths.settings_file))
    try:
        paths.ensure()
        instance = claim(paths.data, file, libraries=libraries)
    except (DataFolderError, AlreadyOpenError) as error:
        from wan_desktop.ui.start_error import show_start_error  # noqa: PLC0415 - rarely needed

        return show_start_error(application, error)
    if instance is None:
        print(tr("Wan Desktop is open already; its window was brought to the front."), flush=True)  # noqa: T201
        return 1 if sample else 0
    start = None if sample else Start(paths.data, asked=safe_mode)
    program = Program(
        application,
        paths,
        sample=sample,
        engine_command=engine_command,
        on_first_paint=on_first_paint,
        instance=instance,
        file=file,
        libraries=libraries,
        may_set_up=not sample,
        start=start,
    )
    spare_pauses(program)
    program.show()
    code = application.exec()
    program.shutdown()
    instance.close()
    program.start_again()
    return code


def spare_pauses(program: Program) -> None:
    """Let what Python does beside the window make it pause less.

    What the window is made of, once it is there, is left out of garbage collections: it stays as long as the program
    runs, and to look through all of it is a pause of 20 to 45 ms each time. And a lane gives the interpreter back to
    the window after 1 ms instead of 5: see the long lists in docs/benchmarks.md.
    """
    sys.setswitchinterval(_SWITCH_S)
    program.window.create.form_ready.connect(_leave_to_stay)
    program.pages_imported.connect(_leave_to_stay)


def _leave_to_stay() -> None:
    gc.freeze()


def _begin_on_windows() -> Libraries | None:
    """Before the first window; elsewhere the import of ctypes is saved."""
    from wan_desktop.ui.windows_shell import find_libraries, name_application  # noqa: PLC0415

    libraries = find_libraries()
    name_application(libraries)
    return libraries


def _file_named(arguments: Sequence[str]) -> Path | None:
    """The one file that was dropped on the program's icon, or opened with it; None if the arguments are a command."""
    from pathlib import Path  # noqa: PLC0415 - imported already, and here only with arguments

    from wan_desktop.core.recipe import may_be_recipe  # noqa: PLC0415 - the window starts without it

    if len(arguments) != 1:
        return None
    path = Path(arguments[0])
    return path if may_be_recipe(path) and path.is_file() else None


def _import_what_needs_no_qt() -> None:
    """Before PySide, because its import hook reads the source of every module imported after it."""
    from wan_desktop.core import settings, window_place  # noqa: F401, PLC0415
    from wan_desktop.core.store import disk_file  # noqa: F401, PLC0415
    from wan_desktop.ui import style, text  # noqa: F401, PLC0415


def _tell_pyside_what_needs_no_qt() -> None:
    """Spare the source of what was imported so far from being read, 5 to 7 ms of a start of 200.

    After PySide each import statement that names a module for the first time reads its source, to see whether it uses
    PySide and could ask for another spelling of its names (`from __feature__ import ...`); -1 says that it does not.
    The table is PySide's own: without it the start is slower, and nothing else.
    """
    import PySide6.QtCore  # noqa: F401, PLC0415 - makes the table

    known = getattr(sys.modules.get("shibokensupport.feature"), "pyside_feature_dict", None)
    if isinstance(known, dict):
        for name in sys.modules:
            if not name.startswith(("PySide6", "shiboken")):
                known.setdefault(name, -1)
