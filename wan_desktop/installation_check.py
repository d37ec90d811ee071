"""`--self-test`: does this copy of the program work, as it lies there? A list is printed; the exit code is 0 or 1.

For whoever has built or installed it, and for their scripts: always in English. It changes nothing that belongs to the
user: models are looked at where they are, everything else happens in a temporary folder.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from wan_desktop import __version__
from wan_desktop.core.errors import WanError
from wan_desktop.core.paths import AppPaths, resources_folder
from wan_desktop.core.settings import Settings, load_settings, save_settings
from wan_desktop.core.words import use_language
from wan_desktop.frozen import is_frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from PySide6.QtWidgets import QApplication

    from wan_desktop.ui.program import Program

logger = logging.getLogger(__name__)
_WINDOW_LIMIT_S, _ENGINE_LIMIT_S = 120.0, 240.0
_LOOK_MS, _LOOK_S = 20, 0.05


class CheckFailedError(Exception):
    """A part of the program is not as it should be; the text says what."""


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """What was found of one part."""

    name: str
    good: bool
    words: str
    seconds: float

    @property
    def line(self) -> str:
        """As it is printed."""
        return f"{'ok' if self.good else 'FAILED':<7} {self.name:<16} {self.words} ({self.seconds:.1f} s)"


def run_check(arguments: Sequence[str], output: TextIO | None = None, *, resources: Path | None = None) -> int:
    """Check every part, and print the list; returns the exit code.

    Args:
        arguments: One may name a file that the list is written to as well: a program for windows has no console.
        output: Where it is printed; standard output if None.
        resources: Of the program, if they are not where they should be.
    """
    use_language(Path(), "en")
    user = AppPaths.find()
    with tempfile.TemporaryDirectory(prefix="wan-desktop-check-", ignore_cleanup_errors=True) as home:
        here = Path(home)
        paths = AppPaths(data=here / "data", videos=here / "videos", resources=resources or resources_folder())
        parts: list[tuple[str, Callable[[], str]]] = [
            ("program", _program),
            ("resources", lambda: _resources(paths.resources)),
            ("catalog", lambda: _catalog(paths.resources)),
            ("models", lambda: _models(user, paths)),
            ("window", lambda: _window(paths)),
            ("engine", lambda: _engine(paths)),
        ]
        return _run(parts, arguments, output or sys.stdout)


def _run(parts: Sequence[tuple[str, Callable[[], str]]], arguments: Sequence[str], output: TextIO) -> int:
    lines = []
    failed = 0
    for name, check in parts:
        part = _checked(name, check)
        failed += not part.good
        lines.append(part.line)
        print(part.line, file=output, flush=True)
    lines.append(f"{len(parts) - failed} of {len(parts)} parts work.")
    print(lines[-1], file=output, flush=True)
    if arguments:
        Path(arguments[0]).write_text("\n".join([*lines, ""]), encoding="utf-8")
    return 1 if failed else 0


def _checked(name: str, check: Callable[[], str]) -> CheckedPart:
    began = time.monotonic()
    try:
        words, good = check(), True
    except CheckFailedError as error:
        words, good = str(error), False
    except WanError as error:
        words, good = f"{error.shown_title} (WAN-{error.number}). {error.message} {error.details}".strip(), False
    except Exception as error:  # whatever it is, the other parts are to be looked at too
        logger.exception("The check of %s failed", name)
        words, good = f"{type(error).__name__}: {error}", False
    return CheckedPart(name, good, words, time.monotonic() - began)


# The parts ------------------------------------------------------------------------------------------------------------


def _program() -> str:
    how = "frozen" if is_frozen() else "from source"
    return f"version {__version__}, {how}, Python {sys.version.split()[0]}"


def _resources(resources: Path) -> str:
    wanted = {"fonts": "*.otf", "icons": "*.svg", "translations": "*/LC_MESSAGES/*.mo", "models": "*/model_index.json"}
    found = {folder: len(list((resources / folder).glob(pattern))) for folder, pattern in wanted.items()}
    missing = [folder for folder, count in found.items() if not count]
    if missing:
        raise CheckFailedError(f"missing in {resources}: {', '.join(missing)}")
    return ", ".join(f"{count} {folder}" for folder, count in found.items())


def _catalog(resources: Path) -> str:
    from wan_desktop.core.catalog import BUILTIN_MODEL_ID, find_model, read_catalog  # noqa: PLC0415 - part of the check

    catalog = read_catalog(resources)
    for problem in catalog.problems.values():
        raise problem
    model = find_model(BUILTIN_MODEL_ID, resources)
    return f"{len(catalog)} models; {model.metadata.name} can be read"


def _models(user: AppPaths, paths: AppPaths) -> str:
    """Looks into the user's libraries; what is written about them goes into the temporary folder."""
    from wan_desktop.core.manager import ModelManager  # noqa: PLC0415 - part of the check

    settings = load_settings(user.settings_file)
    paths.ensure()
    manager = ModelManager.open(paths, settings.with_changes(model_folders=settings.model_folders or (user.models,)))
    try:
        states = [manager.state(key) for key in manager.installed()]
    finally:
        manager.close()
    words = [f"{state.key.model_id} ({state.key.variant}): {state.status}" for state in states]
    return "; ".join(words) or "none on this PC"


def _window(paths: AppPaths) -> str:
    from wan_desktop.app import has_no_screen  # noqa: PLC0415 - part of the check

    if has_no_screen(sys.platform, os.environ):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - part of the check

    from wan_desktop.ui.program import Program  # noqa: PLC0415 - as above

    paths.ensure()
    save_settings(Settings(wizard_done=True), paths.settings_file)
    look_began = time.monotonic()
    application = QApplication([sys.argv[0], "-style", "Fusion"])
    painted: list[float] = []
    program = Program(application, paths, on_first_paint=lambda: painted.append(time.monotonic() - look_began))
    try:
        seen = _Look(application, program).run()
        return f"painted after {painted[0]:.2f} s; {seen}"
    finally:
        program.shutdown()


class _Look:
    """Waits for the window, opens every page of it, and looks at the picture of each."""

    def __init__(self, application: QApplication, program: Program) -> None:
        from PySide6.QtCore import QTimer  # noqa: PLC0415 - as where it is made

        from wan_desktop.ui.page import PageId  # noqa: PLC0415 - as above

        self._application, self._program = application, program
        self._pages = list(PageId)
        self._shown: list[str] = []
        self._give_up = time.monotonic() + _WINDOW_LIMIT_S
        self._error: Exception | None = None
        self._timer = QTimer()
        self._timer.timeout.connect(self._on_tick)

    def run(self) -> str:
        """What was seen.

        Raises:
            CheckFailedError: It did not open, or a page is empty.
        """
        before = sys.excepthook
        sys.excepthook = self._on_exception  # what goes wrong in a slot is told nowhere else
        self._program.show()
        self._timer.start(_LOOK_MS)
        self._application.exec()
        self._timer.stop()
        sys.excepthook = before
        if self._error is not None:
            raise self._error
        return f"pages {', '.join(self._shown)}"

    def _on_exception(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, traceback)
        self._error = CheckFailedError(f"{kind.__name__}: {error}")
        self._application.quit()

    def _on_tick(self) -> None:
        try:
            if time.monotonic() > self._give_up:
                raise CheckFailedError(f"it was not ready in time; pages seen: {self._shown}")
            if self._program.session is None:
                return
            if not self._pages:
                self._application.quit()
                return
            page = self._pages.pop(0)
            self._program.window.show_page(page)
            if _is_plain(self._program):
                raise CheckFailedError(f"the page {page} is empty")
            self._shown.append(page)
        except Exception as error:  # noqa: BLE001 - raised again where the check runs
            self._error = error
            self._application.quit()


def _is_plain(program: Program) -> bool:
    image = program.window.grab().toImage()
    step = max(1, image.width() // 64)
    points = [(x, y) for x in range(0, image.width(), step) for y in range(0, image.height(), step)]
    return len({image.pixel(*point) for point in points}) < 3


def _engine(paths: AppPaths) -> str:
    """Talks to the engine, and makes a short video, where there is one in this very program."""
    if importlib.util.find_spec("torch") is None:
        return "none in this copy: the program installs it when it is needed first"
    from wan_desktop.core.engine_client import EngineClient, EngineReady, EngineStopped  # noqa: PLC0415 - only here
    from wan_desktop.core.jobs import JobContext  # noqa: PLC0415 - only here
    from wan_desktop.core.rendering import Renderer  # noqa: PLC0415 - only here
    from wan_desktop.core.self_test import run_self_test  # noqa: PLC0415 - only here

    client = EngineClient()
    try:
        client.start()
        give_up = time.monotonic() + _ENGINE_LIMIT_S
        while not isinstance(state := client.state, EngineReady):
            if isinstance(state, EngineStopped) or time.monotonic() > give_up:
                raise CheckFailedError(f"it does not start: {state}")
            time.sleep(_LOOK_S)
        result = run_self_test(Renderer(client, paths), paths, JobContext("self-test", lambda *_: None))
    finally:
        client.stop()
    return f"torch {state.ready.torch_version}, {state.ready.device}. {result.words}"
