"""Downloads that wait while a video is made, against a Hub on this machine and a played engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.fakes.hub import FakeHub
from tests.ui.conftest import WAIT_MS, OpenProgram
from tests.ui.models_kit import KEY, REPO, add_repositories, model_files, slow_hub
from tests.ui.test_render import begin
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings
from wan_desktop.core.wanted_downloads import WantedDownloads
from wan_desktop.ui.program import Program


@pytest.fixture
def hub(tiny_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub() as fake:
        fake.add_repo(REPO, model_files(tiny_model("t2v")))
        monkeypatch.setenv("HF_ENDPOINT", fake.url)
        yield fake


@pytest.fixture
def program(qtbot: QtBot, open_program: OpenProgram, paths: AppPaths, hub: FakeHub) -> Program:
    """A program that downloads, and whose renders do not end by themselves."""
    paths.ensure()
    add_repositories(paths)
    slow_hub(hub)
    made = open_program("slow")
    qtbot.waitUntil(lambda: made.window.create.form is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: made.session.models.offer(KEY) is not None, timeout=WAIT_MS)
    made.session.models.download(KEY)
    qtbot.waitUntil(lambda: made.session.models.activity(KEY).done_bytes > 0, timeout=WAIT_MS)
    return made


def test_that_a_download_waits_for_the_end_of_a_render(qtbot: QtBot, program: Program, hub: FakeHub) -> None:
    session = program.session
    session.change_settings(session.settings.with_changes(pause_while_rendering=True))
    begin(qtbot, program.window.create)
    qtbot.waitUntil(lambda: session.models.activity(KEY) is None, timeout=WAIT_MS)
    assert session.models.is_paused(KEY)
    hub.rate_limit(1e9)
    session.renders.stop_running()
    qtbot.waitUntil(lambda: session.models.offer(KEY).is_usable, timeout=WAIT_MS)


def test_that_a_download_that_a_render_paused_goes_on_at_the_next_start(
    qtbot: QtBot, program: Program, open_program: OpenProgram, hub: FakeHub, paths: AppPaths
) -> None:
    session = program.session
    session.change_settings(session.settings.with_changes(pause_while_rendering=True))
    begin(qtbot, program.window.create)
    qtbot.waitUntil(lambda: session.models.activity(KEY) is None, timeout=WAIT_MS)
    assert WantedDownloads(paths.data / "wanted-downloads.json").keys() == [KEY]
    program.shutdown()
    hub.rate_limit(1e9)
    again = open_program().session
    qtbot.waitUntil(lambda: again.models.offer(KEY) is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: again.models.offer(KEY).is_usable, timeout=WAIT_MS)


def test_that_downloads_go_on_unless_the_settings_say_otherwise(qtbot: QtBot, program: Program) -> None:
    session = program.session
    begin(qtbot, program.window.create)
    assert not session.models.is_paused(KEY)
    session.change_settings(Settings(pause_while_rendering=True))
    assert session.models.is_paused(KEY)
    session.change_settings(Settings())
    qtbot.waitUntil(lambda: not session.models.is_paused(KEY), timeout=WAIT_MS)
    session.renders.stop_running()


def test_that_a_download_that_the_user_gave_up_stays_given_up(qtbot: QtBot, program: Program) -> None:
    session = program.session
    session.change_settings(session.settings.with_changes(pause_while_rendering=True))
    begin(qtbot, program.window.create)
    qtbot.waitUntil(lambda: session.models.activity(KEY) is None, timeout=WAIT_MS)
    session.models.cancel(KEY)
    session.renders.stop_running()
    qtbot.waitUntil(lambda: not session.download_pause._paused, timeout=WAIT_MS)
    assert session.models.activity(KEY) is None
