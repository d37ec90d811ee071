"""Plays acts one after the other in this process, and takes a picture of each scene."""

import contextlib
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

from PySide6.QtCore import QMessageLogContext, QPoint, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from tests.fakes.hardware import load
from tests.fakes.hub import FakeHub
from tools.pictures.acts import FORM_MODEL, Act, Scene, StuckError, View
from tools.pictures.looks import Look
from tools.pictures.props import Props
from wan_desktop.core import model_places, render_planner
from wan_desktop.core.catalog import Model, read_catalog
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.hardware_probe import probe
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.safe_mode import Start
from wan_desktop.core.settings import Settings, Theme, save_settings
from wan_desktop.ui.live import pc as live_pc
from wan_desktop.ui.program import Program

ROOT = Path(__file__).resolve().parents[2]
_SETTLE_MS = 60
_REPO, _GATED_REPO = "wan/tiny-Diffusers", "wan/gated-Diffusers"


def make_application() -> QApplication:
    """An application for pictures; what Qt has to say goes to the standard error."""
    qInstallMessageHandler(_say)
    application = QApplication([sys.argv[0], "-style", "Fusion"])
    application.setQuitOnLastWindowClosed(False)
    return application


class Player:
    """Takes the pictures of one look.

    Args:
        application: The process' one.
        look: How the window is looked at.
        props: Files that the scenes need.
        out: The folder for the pictures.
        only: Names of scenes; empty for all. What stands before them in their acts is played too, without a picture.
    """

    def __init__(
        self, application: QApplication, look: Look, props: Props, out: Path, only: Collection[str] = ()
    ) -> None:
        self._application, self._look, self._props, self._out, self._only = application, look, props, out, set(only)
        self.taken: list[Path] = []
        self.stuck: list[str] = []

    def play(self, acts: Iterable[Act]) -> None:
        """Play them; a scene that gets stuck is said, and the next is played."""
        for act in acts:
            last = max((n for n, scene in enumerate(act.scenes, 1) if self._wants(scene.name, act)), default=0)
            if last:
                began = time.monotonic()
                with self.program(act) as view:
                    for scene in act.scenes[:last]:
                        self._play_scene(act, scene, view)
                print(f"{self._look.name}: {act.name}, {time.monotonic() - began:.1f} s", flush=True)

    def _wants(self, name: str, act: Act) -> bool:
        return name in self._only or (not self._only and not act.real)

    def _play_scene(self, act: Act, scene: Scene, view: View) -> None:
        name = scene.name
        try:
            scene.lead(view)
            view.rest(_SETTLE_MS)
        except (StuckError, AttributeError, AssertionError, LookupError) as error:
            self.stuck.append(name)
            print(f"{self._look.name}: {act.name} is stuck in {name}: {error!r}", file=sys.stderr, flush=True)
        if self._wants(name, act):
            file = self._out / self._look.name / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            whole_window(view.window).save(str(file))
            self.taken.append(file)

    @contextlib.contextmanager
    def program(self, act: Act) -> Iterator[View]:
        """The program on the act's PC, open and ready for the first scene; afterwards it is closed."""
        files = _files(self._props.hub_model)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, FakeHub() as hub, self._seams(act, hub):
            paths = AppPaths.find({"WAN_DESKTOP_HOME": home})
            paths.ensure()
            settings = Settings(
                theme=Theme(self._look.theme),
                text_scale=self._look.text_scale,
                language=self._look.language,
                wizard_done=not act.wizard,
            )
            save_settings(settings.with_changes(**act.settings), paths.settings_file)
            if act.prepare is not None:
                act.prepare(paths, self._props)
            hub.add_repo(_REPO, files)
            hub.add_repo(_GATED_REPO, files, gated=True)
            cue_file = Path(home) / "cue"
            os.environ["WAN_PICTURES_CUE"] = str(cue_file)
            program = Program(
                self._application,
                paths,
                program_engine=act.engine() if act.engine is not None else None,
                engine_command=None if act.real else [sys.executable, "-m", "tools.pictures.engine", act.pc],
                load_model=None if act.builtin else _form_model(self._props),
                may_set_up=act.wizard,
                start=[Start(paths.data) for _ in range(1 + act.bad_starts)][-1],
            )
            program.window.resize(self._look.width, self._look.height)
            view = View(program, self._look, self._props, hub, cue_file)
            try:
                self._open(view, act)
                yield view
            finally:
                self._close(view)

    @contextlib.contextmanager
    def _seams(self, act: Act, hub: FakeHub) -> Iterator[None]:
        """The PC on paper in place of this one, and the Hub on this machine in place of the real one."""
        pc = probe if act.real else functools.partial(_look_at, act.pc)
        environment = {"HF_ENDPOINT": hub.url, "WAN_PICTURES_CUE": ""}
        no_folder = SimpleNamespace(gettempdir=_nowhere)
        before = dict(os.environ)
        os.environ.update(environment)
        with (
            _replaced(live_pc, "probe", pc),
            _replaced(render_planner, "probe", pc),
            _replaced(model_places, "tempfile", no_folder),  # the homes of the scenes lie in the system's own
            contextlib.ExitStack() as stack,
        ):
            stack.callback(_restore_environment, before)
            yield

    def _open(self, view: View, act: Act) -> None:
        view.program.show()
        view.window.resize(self._look.width, self._look.height)
        view.until(lambda: view.program.session is not None)
        view.until(lambda: view.session.pc.profile is not None or view.session.pc.error is not None)
        if view.session.safe_reason is None and view.session.runtime.is_managed:
            view.until(lambda: view.session.runtime.standing is not None)
            view.until(lambda: type(view.session.engine_state).__name__ in ("EngineReady", "EngineAbsent"))
        elif view.session.safe_reason is None:  # else nobody has started the engine
            view.until(lambda: "Ready" in type(view.session.engine_state).__name__)
        if not act.wizard:
            view.until(lambda: view.create.form is not None)
        view.window.resize(self._look.width, self._look.height)

    def _close(self, view: View) -> None:
        view.cue("go")
        for widget in QApplication.topLevelWidgets():
            if widget is not view.window and widget.isVisible():
                widget.close()
        view.program.shutdown()
        self._application.aboutToQuit.disconnect(view.program.shutdown)
        view.window.hide()
        view.window.deleteLater()
        view.program.deleteLater()
        view.rest(10)


@contextlib.contextmanager
def _replaced(module: object, name: str, value: object) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _restore_environment(before: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(before)


def _look_at(pc: str, **_what: object) -> HardwareProfile:
    return load(pc)


def _nowhere() -> str:
    return "/nowhere"


def _say(_kind: QtMsgType, _context: QMessageLogContext, words: str) -> None:
    if "This plugin does not support" not in words:  # what the platform without a screen has to say of every window
        print(words, file=sys.stderr, flush=True)


def whole_window(window: QWidget) -> QPixmap:
    """The window with the dialogs and menus that are open above it, on a canvas that holds all of them."""
    base = window.grab()
    others = [
        widget
        for widget in QApplication.topLevelWidgets()
        if widget is not window and widget.isVisible() and widget.width() > 1 and not _is_tip(widget)
    ]
    if not others:
        return base
    painter = QPainter(base)
    for widget in sorted(others, key=_depth):
        place = widget.mapToGlobal(QPoint()) - window.mapToGlobal(QPoint())
        area = widget.rect()
        place.setX(max(0, min(place.x(), window.width() - area.width())))
        place.setY(max(0, min(place.y(), window.height() - area.height())))
        if widget.isModal():
            painter.fillRect(window.rect(), QColor(0, 0, 0, 90))
        painter.drawPixmap(place, widget.grab())
        painter.setPen(QColor(128, 128, 128))
        painter.drawRect(area.translated(place).adjusted(-1, -1, 0, 0))
    painter.end()
    return base


def _depth(widget: QWidget) -> int:
    parent, depth = widget.parentWidget(), 0
    while parent is not None:
        parent, depth = parent.parentWidget(), depth + 1
    return depth


def _is_tip(widget: QWidget) -> bool:
    return widget.windowType() in (Qt.WindowType.ToolTip, Qt.WindowType.Desktop)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _form_model(props: Props) -> Callable[[], Model]:
    def load_model() -> Model:
        return Model(read_catalog(ROOT / "resources")[FORM_MODEL], inspect_model_folder(props.form_model))

    return load_model
