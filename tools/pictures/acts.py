"""What a scene is, and how it leads the window."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, QTimer

from tests.fakes.hub import FakeHub
from tools.pictures.looks import Look
from tools.pictures.props import Props
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.runtime.program_engine import ProgramEngine
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.page import PageId
from wan_desktop.ui.program import Program
from wan_desktop.ui.session import Session

FORM_MODEL = "wan2.2-ti2v-5b"
"""What the form is for, unless an act says otherwise."""
_POLL_MS = 15
_LIMIT_S = 20.0


class StuckError(Exception):
    """The window did not come into the state that a scene waits for."""


@dataclass(slots=True)
class View:
    """The window, as a scene sees it."""

    program: Program
    look: Look
    props: Props
    hub: FakeHub
    cue_file: Path

    @property
    def window(self) -> MainWindow:
        """The window."""
        return self.program.window

    @property
    def session(self) -> Session:
        """What it works with; it must be there."""
        assert self.program.session is not None
        return self.program.session

    @property
    def paths(self) -> AppPaths:
        """Where its files lie."""
        return self.session.paths

    @property
    def create(self) -> Any:
        """The page Create, whose parts exist only in some states."""
        return self.window.create

    def open(self, page: PageId, target: object = None) -> Any:
        """Show a page and return it."""
        self.window.show_page(page, target)
        self.rest(30)
        return self.window.pages[page]

    def cue(self, words: str) -> None:
        """Tell the played engine where to wait."""
        beside = self.cue_file.with_suffix(".new")
        beside.write_text(words, encoding="utf-8")
        beside.replace(self.cue_file)

    def until(self, condition: Callable[[], object], limit_s: float = _LIMIT_S) -> None:
        """Let the window work until that is so.

        Raises:
            StuckError: It does not become so.
        """
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > end:
                raise StuckError(f"waited {limit_s:.0f} s in vain, line {condition.__code__.co_firstlineno}")
            self.rest(_POLL_MS)

    def rest(self, milliseconds: int) -> None:
        """Let the window work for a while."""
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()


@dataclass(frozen=True, slots=True)
class Scene:
    """One state of the window, into which `lead` brings it from where the scene before has left it."""

    name: str
    lead: Callable[[View], object]


@dataclass(frozen=True, slots=True)
class Act:
    """Scenes in one run of the program.

    Args:
        name: What it is called.
        pc: The PC on paper.
        scenes: In turn.
        prepare: Puts files where the program will find them.
        settings: Other than the defaults.
        wizard: It begins with the wizard.
        builtin: The form is for the built-in model; else for Wan 2.2 5B.
        bad_starts: So many starts before it ended badly.
        engine: The engine that is or is not installed, as in an installed program; None: it is part of the program.
        real: With the real engine on this PC, which takes its time: played only when one of its scenes is named.
    """

    name: str
    pc: str
    scenes: tuple[Scene, ...]
    prepare: Callable[[AppPaths, Props], object] | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    wizard: bool = False
    builtin: bool = False
    bad_starts: int = 0
    engine: Callable[[], ProgramEngine] | None = None
    real: bool = False
