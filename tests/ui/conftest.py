"""A window with a real queue, real lanes and a played engine process; nothing may be left of it."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before Qt is imported by anything

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from wan_desktop.core.announcements import EVERY_S, Announcement
from wan_desktop.core.catalog import Model, read_catalog
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings, Theme
from wan_desktop.ui.announcer import Announcer
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.program import Program
from wan_desktop.ui.session import Session
from wan_desktop.ui.theme import ThemeManager

ROOT = Path(__file__).resolve().parents[2]
FAKE_ENGINE = ROOT / "tests" / "fakes" / "fake_engine.py"
WAIT_MS = 20_000
OpenProgram = Callable[..., Program]


def fake_engine(scenario: str) -> list[str]:
    """How the played engine is started."""
    return [sys.executable, str(FAKE_ENGINE), scenario]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The offscreen platform says so of every top-level window, and of menus; it is no fault of ours."""
    for item in items:
        item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support", extend=True))


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["tests", "-style", "Fusion"]


@pytest.fixture(scope="session", autouse=True)
def _clipboard_is_let_go(qapp: QApplication) -> Iterator[None]:
    """The offscreen platform keeps what was copied until after Python has ended, and PySide does not survive that."""
    yield
    qapp.clipboard().clear()


@pytest.fixture(autouse=True)
def _engine_finds_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    return AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path / "home")})


@pytest.fixture(scope="session")
def model(tiny_model: Callable[[str], Path], resources: Path) -> Model:
    """The built-in model's data over a tiny model that takes text and images."""
    return Model(read_catalog(resources)["shapes"], inspect_model_folder(tiny_model("ti2v")))


@pytest.fixture
def open_program(qtbot: QtBot, qapp: QApplication, paths: AppPaths, model: Model) -> Iterator[OpenProgram]:
    """Opens windows; afterwards none of their threads is left."""
    opened: list[Program] = []

    def start(scenario: str = "ok", **options: object) -> Program:
        paths.ensure()
        options = {"load_model": lambda: model} | options
        program = Program(qapp, paths, **{"engine_command": fake_engine(scenario)} | options)
        opened.append(program)
        qtbot.addWidget(program.window)
        program.show()
        qtbot.waitUntil(lambda: program.session is not None, timeout=WAIT_MS)
        return program

    yield start
    for program in opened:
        program.shutdown()
        qapp.aboutToQuit.disconnect(program.shutdown)
        program.window.close()
    qtbot.waitUntil(lambda: not threads_left(), timeout=WAIT_MS)


def threads_left() -> list[str]:
    """Names of the engine's threads that still run."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("engine-")]


@pytest.fixture
def open_page(qtbot: QtBot, open_program: OpenProgram) -> Callable[..., CreatePage]:
    """Opens a window and waits for its form."""

    def start(scenario: str = "ok", **options: object) -> CreatePage:
        page = open_program(scenario, **options).window.create
        qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
        return page

    return start


@pytest.fixture
def session(qtbot: QtBot, qapp: QApplication, paths: AppPaths) -> Iterator[Session]:
    """A session without a window and without a started engine."""
    paths.ensure()
    made = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    yield made
    made.shutdown()


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[ThemeManager]:
    """The look of the window; Qt does not survive that its style sheet is taken away and set again."""
    made = ThemeManager(qapp, Theme.DARK, 1.0)
    yield made
    made.deleteLater()


@pytest.fixture
def open_library(qtbot: QtBot, session: Session, theme: ThemeManager) -> Iterator[Callable[..., LibraryPage]]:
    """Opens the Library's page over what lies in the folders; afterwards no file is open."""
    from tests.ui.library_shelf import show_library  # noqa: PLC0415 - which imports this module

    opened: list[LibraryPage] = []

    def start() -> LibraryPage:
        opened.append(show_library(qtbot, session))
        return opened[-1]

    yield start
    for page in opened:
        page.close_down()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A start image, 300 x 200."""
    file = tmp_path / "start.png"
    Image.new("RGB", (300, 200), "teal").save(file)
    return file


@pytest.fixture
def heard(qapp: QApplication) -> Iterator[list[Announcement]]:
    """What the application's voice has said; its clock runs so fast that nothing has to wait."""
    usual = Announcer.of_application()
    usual.setObjectName("")
    seconds = itertools.count(0.0, 10 * EVERY_S)
    fast = Announcer(qapp, clock=lambda: next(seconds))
    fast.setObjectName("announcer")
    said: list[Announcement] = []
    fast.said.connect(said.append)
    yield said
    fast.setObjectName("")
    fast.deleteLater()
    usual.setObjectName("announcer")
