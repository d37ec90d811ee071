"""A newer program, offered in the window: a signed repository on this machine, and a setup that is really started."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from tests.fakes.hardware import load
from tests.fakes.update_repository import UpdateRepository, UpdateServer, serving
from tests.ui.conftest import WAIT_MS, OpenProgram
from wan_desktop import __version__
from wan_desktop.core.banner import BannerKind
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings, save_settings
from wan_desktop.core.setup_start import start_setup
from wan_desktop.core.update_source import system_name
from wan_desktop.ui.page import PageId
from wan_desktop.ui.program import Program
from wan_desktop.ui.settings.rows import Category

NEWER = "99.0.0"
OpenUpdatable = Callable[..., Program]


@pytest.fixture
def server() -> Iterator[UpdateServer]:
    yield from serving()


@pytest.fixture
def repository(server: UpdateServer) -> UpdateRepository:
    return UpdateRepository(server)


def release(repository: UpdateRepository, version: str, started: Path) -> None:
    """Publish a setup that writes down how it was started."""
    name = f"WanDesktop-{version}-setup.exe"
    setup = f"import sys, pathlib; pathlib.Path({str(started)!r}).write_text(' '.join(sys.argv[1:]))\n"
    repository.add_file(name, setup.encode())
    pointer = {"format": 1, "version": version, "setup": name, "page": "https://example.org/news"}
    repository.add_file(f"{system_name()}.json", json.dumps(pointer).encode())
    repository.publish()


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """Written by the setup."""
    return tmp_path / "started.txt"


@pytest.fixture
def updatable(
    paths: AppPaths, repository: UpdateRepository, resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AppPaths:
    """A copy of the program that believes the repository."""
    monkeypatch.setattr("wan_desktop.ui.live.pc.probe", lambda **_: load("rtx-4070-12gb-32gb"))
    own = tmp_path / "resources"
    own.mkdir()
    for entry in resources.iterdir():
        if entry.name != "updates":
            (own / entry.name).symlink_to(entry)
    return AppPaths(paths.data, paths.videos, repository.bundle(own))


@pytest.fixture
def open_updatable(qtbot: QtBot, qapp: object, updatable: AppPaths, model: object) -> Iterator[OpenUpdatable]:
    """Opens it with a setup that the interpreter runs, in the place of Windows."""
    from tests.ui.conftest import fake_engine  # noqa: PLC0415 - beside what it is for

    opened: list[Program] = []

    def start(scenario: str = "ok", settings: Settings | None = None) -> Program:
        updatable.ensure()
        save_settings(settings or Settings(wizard_done=True), updatable.settings_file)
        program = Program(qapp, updatable, engine_command=fake_engine(scenario), load_model=lambda: model)  # type: ignore[arg-type]
        opened.append(program)
        qtbot.addWidget(program.window)
        program.show()
        qtbot.waitUntil(lambda: program.session is not None and program.session.renders.is_open, timeout=WAIT_MS)
        program.session.updates.start = lambda path: start_setup(path, (sys.executable,))
        return program

    yield start
    for program in opened:
        program.shutdown()
        qapp.aboutToQuit.disconnect(program.shutdown)  # type: ignore[attr-defined]
        program.window.close()


def checked(qtbot: QtBot, program: Program) -> Program:
    """Look for updates, as the settings' button does."""
    updates = program.session.updates
    updates.check()
    qtbot.waitUntil(lambda: updates.state is not None and not updates.is_checking, timeout=WAIT_MS)
    return program


def press(qtbot: QtBot, program: Program, words: str) -> None:
    notice = program.window.banners.notice
    button = next(button for button in notice.buttons if button.text() == words)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


# Asking --------------------------------------------------------------------------------------------------------------


def test_that_nothing_is_asked_unless_the_user_wants_it(
    qtbot: QtBot, open_updatable: OpenUpdatable, server: UpdateServer
) -> None:
    program = open_updatable()
    program.session.updates._on_look()
    program.session.submit("after it", next(iter(lanes_of())), lambda _: None)
    qtbot.waitUntil(lambda: not program.session.updates.is_checking, timeout=WAIT_MS)
    assert not server.asked


def lanes_of() -> tuple[object, ...]:
    from wan_desktop.core.jobs import Lane  # noqa: PLC0415 - only here

    return (Lane.NETWORK,)


def test_that_it_is_asked_once_a_day_when_the_user_wants_it(
    qtbot: QtBot, open_updatable: OpenUpdatable, server: UpdateServer, repository: UpdateRepository, started: Path
) -> None:
    release(repository, NEWER, started)
    program = open_updatable(settings=Settings(wizard_done=True, update_check=True))
    updates, banners = program.session.updates, program.window.banners
    qtbot.waitUntil(lambda: program.session.pc.profile is not None, timeout=WAIT_MS)
    updates._on_look()
    qtbot.waitUntil(lambda: banners.banner is not None, timeout=WAIT_MS)
    assert banners.banner.kind is BannerKind.UPDATE
    assert banners.banner.title == f"Version {NEWER} is there"
    assert [button.text() for button in banners.notice.buttons] == ["What is new", "Download and install", "Later"]
    asked = len(server.asked)
    updates._on_look()
    qtbot.waitUntil(lambda: not updates.is_checking, timeout=WAIT_MS)
    assert len(server.asked) == asked
    assert not any("setup" in path for path in server.asked)


def test_that_a_copy_without_keys_says_that_it_is_not_set_up(qtbot: QtBot, open_program: OpenProgram) -> None:
    program = open_program()
    window = program.window
    window.show_page(PageId.SETTINGS)
    page = window.pages[PageId.SETTINGS]
    page.show_category(Category.PRIVACY)
    assert not page.editors["update_check"].isEnabled()
    assert not page.maker.updates.check.isEnabled()
    said = [row.line.text() for row in page.sections[Category.PRIVACY].rows]
    assert "This copy of the program is not set up for updates." in said


def test_that_check_now_says_what_came_of_it(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, started: Path
) -> None:
    release(repository, __version__, started)
    program = open_updatable()
    program.window.show_page(PageId.SETTINGS)
    page = program.window.pages[PageId.SETTINGS]
    page.show_category(Category.PRIVACY)
    row = next(row for row in page.sections[Category.PRIVACY].rows if row.control is page.maker.updates)
    qtbot.mouseClick(page.maker.updates.check, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row.line.text() == f"Version {__version__} is the newest.", timeout=WAIT_MS)
    assert program.window.banners.banner is None


def test_that_a_server_without_an_answer_is_told_to_who_asked(
    qtbot: QtBot, open_updatable: OpenUpdatable, server: UpdateServer
) -> None:
    program = checked(qtbot, open_updatable())  # nothing was published
    assert "gives no answer" in program.session.updates.words()


# The banner ----------------------------------------------------------------------------------------------------------


class Browser(QObject):
    """Takes addresses in the system's place."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.opened.append(url.toString())


def test_that_what_is_new_opens_the_signed_page(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, started: Path
) -> None:
    release(repository, NEWER, started)
    program, browser = checked(qtbot, open_updatable()), Browser()
    QDesktopServices.setUrlHandler("https", browser, "take")
    try:
        press(qtbot, program, "What is new")
    finally:
        QDesktopServices.unsetUrlHandler("https")
    assert browser.opened == ["https://example.org/news"]


def test_that_later_puts_it_away(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, started: Path
) -> None:
    release(repository, NEWER, started)
    program = checked(qtbot, open_updatable())
    press(qtbot, program, "Later")
    assert program.window.banners.banner is None


def test_that_everything_else_that_is_the_matter_goes_first(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, started: Path
) -> None:
    release(repository, NEWER, started)
    program = checked(qtbot, open_updatable())
    banners = program.window.banners
    banners.set_offline(True)
    assert banners.banner.kind is BannerKind.OFFLINE
    banners.set_offline(False)
    assert banners.banner.kind is BannerKind.UPDATE


def test_that_it_is_not_offered_while_a_video_is_made(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, started: Path
) -> None:
    release(repository, NEWER, started)
    program = checked(qtbot, open_updatable("slow"))
    banners, page = program.window.banners, program.window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    assert banners.banner.kind is BannerKind.UPDATE
    page.form.write_prompt("a fox")
    page.generate()
    qtbot.waitUntil(lambda: banners.banner is None, timeout=WAIT_MS)
    page.stop()
    qtbot.waitUntil(lambda: banners.banner is not None, timeout=WAIT_MS)


# Installing ----------------------------------------------------------------------------------------------------------


def test_that_it_is_downloaded_then_the_setup_is_started_and_the_window_closes(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, started: Path
) -> None:
    release(repository, NEWER, started)
    program = checked(qtbot, open_updatable())
    with qtbot.waitSignal(program.window.closed, timeout=WAIT_MS):
        press(qtbot, program, "Download and install")
    qtbot.waitUntil(lambda: started.exists() and bool(started.read_text()), timeout=WAIT_MS)
    assert started.read_text() == "/S /RELAUNCH"


def test_that_it_asks_when_a_video_has_begun_meanwhile(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, started: Path
) -> None:
    release(repository, NEWER, started)
    program = checked(qtbot, open_updatable("slow"))
    updates, page, window = program.session.updates, program.window.create, program.window
    updates.install = lambda: None  # type: ignore[method-assign] - the video begins first
    updates.download_and_install()
    qtbot.waitUntil(lambda: updates.is_ready and page.form is not None, timeout=WAIT_MS)
    del updates.install
    page.form.write_prompt("a fox")
    page.generate()
    qtbot.waitUntil(lambda: program.session.renders.view is not None, timeout=WAIT_MS)
    updates.install()
    question = window._update_question
    assert "A video is being made" in question.box.text()
    qtbot.mouseClick(question.later, Qt.MouseButton.LeftButton)
    assert window.isVisible()
    assert not started.exists()
    updates.install()
    with qtbot.waitSignal(window.closed, timeout=WAIT_MS):
        qtbot.mouseClick(question.install, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(started.exists, timeout=WAIT_MS)


def test_that_a_setup_that_was_changed_is_not_started(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, updatable: AppPaths, started: Path
) -> None:
    release(repository, NEWER, started)
    program = checked(qtbot, open_updatable())
    updates = program.session.updates
    updates.install = lambda: None  # type: ignore[method-assign] - the user has not answered yet
    updates.download_and_install()
    qtbot.waitUntil(lambda: updates.is_ready, timeout=WAIT_MS)
    setup = updatable.updates / "setup" / f"WanDesktop-{NEWER}-setup.exe"
    setup.write_bytes(setup.read_bytes() + b"# other")
    updates.install_now()
    qtbot.waitUntil(lambda: not updates.is_ready, timeout=WAIT_MS)
    assert program.window.isVisible()
    assert not started.exists()
    assert updates.offer is not None


def test_that_a_setup_that_the_system_refuses_is_told_with_its_folder(
    qtbot: QtBot, open_updatable: OpenUpdatable, repository: UpdateRepository, started: Path
) -> None:
    release(repository, NEWER, started)
    program = checked(qtbot, open_updatable())
    updates = program.session.updates
    updates.start = start_setup  # the file is no program here
    with qtbot.waitSignal(updates.failed, timeout=WAIT_MS) as failed:
        updates.download_and_install()
    assert failed.args[0].number == 6022
    assert "setup" in failed.args[0].hint
    assert program.window.isVisible()
