"""A drive that is almost full: renders are refused and downloads wait, and both go on when there is room."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.fakes.hardware.profiles import load
from tests.fakes.hub import FakeHub
from tests.ui.conftest import WAIT_MS, OpenProgram, fake_engine
from tests.ui.models_kit import KEY, REPO, add_repositories, model_files, slow_hub
from tests.ui.test_render import begin, finish
from wan_desktop.core.drive_space import LEAST_FREE_BYTES
from wan_desktop.core.errors import DiskFullError
from wan_desktop.core.hardware import Drive, DriveKind, HardwareProfile
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_queue import RenderState
from wan_desktop.core.settings import Settings
from wan_desktop.ui.create.rendering import RenderDone
from wan_desktop.ui.page import PageId
from wan_desktop.ui.program import Program
from wan_desktop.ui.session import Session

LEFT = Qt.MouseButton.LeftButton
FULL = LEAST_FREE_BYTES - 1


@pytest.fixture
def program(qtbot: QtBot, open_program: OpenProgram) -> Program:
    """A program whose drive for videos is almost full."""
    made = open_program()
    qtbot.waitUntil(lambda: made.window.create.form is not None, timeout=WAIT_MS)
    made.session.renderer.free_bytes = lambda _: FULL
    return made


def test_that_a_render_is_refused_with_numbers_and_ways_out(qtbot: QtBot, program: Program) -> None:
    page, window = program.window.create, program.window
    assert isinstance(finish(qtbot, page), DiskFullError)
    card = page.stage.error
    assert card.text.number == "WAN-4001"
    assert "5.0 GB are free" in card.text.message
    other, free_up = card.offers
    assert [button.text() for button in card.offers] == ["Other folder", "Free up space"]
    qtbot.mouseClick(free_up, LEFT)
    assert window.page_id is PageId.MODELS
    window.show_page(PageId.CREATE)
    qtbot.mouseClick(other, LEFT)
    assert window.page_id is PageId.SETTINGS
    assert any("videos_folder" in row.fields for row in visible_rows(window.pages[PageId.SETTINGS]))


def visible_rows(page: object) -> list[object]:
    """The rows of the category that is shown."""
    return list(page.sections[page._category].rows)


def test_that_it_is_made_when_there_is_room_again(qtbot: QtBot, program: Program) -> None:
    page = program.window.create
    finish(qtbot, page)
    program.session.renderer.free_bytes = lambda _: LEAST_FREE_BYTES
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        qtbot.mouseClick(page.stage.error.retry, LEFT)
    assert isinstance(ended.args[0], RenderDone)


def test_that_a_running_render_goes_on_when_the_drive_gets_full(qtbot: QtBot, open_program: OpenProgram) -> None:
    made = open_program()
    page = made.window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    begin(qtbot, page)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        made.session.renderer.free_bytes = lambda _: FULL
    assert isinstance(ended.args[0], RenderDone)


def test_that_a_refused_job_does_not_stop_the_queue(qtbot: QtBot, program: Program) -> None:
    renders, model = program.session.renders, program.window.create.model
    answers = iter([FULL])
    program.session.renderer.free_bytes = lambda _: next(answers, LEAST_FREE_BYTES)
    draft = replace(program.window.create.form.state.draft(), prompt="a red circle")
    renders.add(model, (draft, replace(draft, prompt="a blue square")))
    qtbot.waitUntil(lambda: len(renders.snapshot.finished) == 1, timeout=WAIT_MS)
    (refused,) = renders.snapshot.needs_you
    assert (refused.state, refused.trouble.code) == (RenderState.NEEDS_YOU, "disk-full")
    program.window.show_page(PageId.QUEUE)
    page = program.window.pages[PageId.QUEUE]
    (row,) = page.needs_you.rows
    row.details.button.click()
    with qtbot.waitSignal(page.page_requested) as asked:
        qtbot.mouseClick(row.card.offers[0], LEFT)
    assert asked.args == [PageId.SETTINGS, "videos_folder"]


# Downloads -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(tiny_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub() as fake:
        fake.add_repo(REPO, model_files(tiny_model("t2v")))
        monkeypatch.setenv("HF_ENDPOINT", fake.url)
        yield fake


@pytest.fixture
def free() -> list[int]:
    """How many bytes are free on the drive of the models."""
    return [10 * LEAST_FREE_BYTES]


@pytest.fixture
def session(qtbot: QtBot, qapp: QApplication, paths: AppPaths, hub: FakeHub, free: list[int]) -> Iterator[Session]:
    """A session that downloads slowly."""
    paths.ensure()
    add_repositories(paths)
    slow_hub(hub)

    def look() -> HardwareProfile:
        here = Drive(paths.models.anchor, DriveKind.SSD, "ext4", 10**12, free[0])
        return replace(load("no-card-laptop-8gb"), drives=(here,))

    made = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"), look_at_pc=look)
    qtbot.waitUntil(lambda: made.models.offer(KEY) is not None, timeout=WAIT_MS)
    made.models.download(KEY)
    qtbot.waitUntil(lambda: made.models.activity(KEY).done_bytes > 0, timeout=WAIT_MS)
    yield made
    made.shutdown()


def test_that_a_download_waits_while_its_drive_is_almost_full(
    qtbot: QtBot, session: Session, hub: FakeHub, free: list[int]
) -> None:
    free[0] = FULL
    session.pc.look()
    qtbot.waitUntil(lambda: session.models.activity(KEY) is None, timeout=WAIT_MS)
    assert session.models.is_paused(KEY)
    hub.rate_limit(1e9)
    free[0] = LEAST_FREE_BYTES
    session.pc.look()
    qtbot.waitUntil(lambda: session.models.offer(KEY).is_usable, timeout=WAIT_MS)
