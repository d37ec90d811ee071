"""From the button to the finished video, over a real engine client and a played engine."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from wan_desktop.core.errors import EngineError, OutOfMemoryError
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.create.rendering import RenderDone

OpenPage = Callable[..., CreatePage]


def begin(qtbot: QtBot, page: CreatePage, prompt: str = "a red circle moving right on a black background") -> None:
    """Write a prompt, press Generate, wait for the first steps."""
    page.form.write_prompt(prompt)
    qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: page.stage.progress is not None and "step" in page.stage.progress.step.text(), timeout=WAIT_MS
    )


def finish(qtbot: QtBot, page: CreatePage) -> object:
    """Write a prompt, press Generate, wait for the end; what came of it."""
    page.form.write_prompt("a red circle moving right on a black background")
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    return ended.args[0]


def test_that_a_render_ends_in_a_playing_video(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    done = finish(qtbot, page)
    assert isinstance(done, RenderDone)
    player = page.stage.finished.player
    qtbot.waitUntil(lambda: player.clip is not None and player.index > 1, timeout=WAIT_MS)
    assert player.playing
    assert done.result.path.is_file()


def test_that_a_running_render_shows_preview_stages_and_title(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    begin(qtbot, page)
    progress = page.stage.progress
    qtbot.waitUntil(lambda: not progress.picture.image.isNull(), timeout=WAIT_MS)
    assert [cell.name for cell in progress.tracker.cells] == [
        "Load model",
        "Read prompt",
        "Create frames",
        "Build pictures",
        "Save video",
    ]
    assert page.window().windowTitle().endswith("% - Wan Desktop")
    assert page.footer.generate.text() == "Add to queue"
    assert page.footer.generate.isEnabled()


def test_that_the_form_can_be_edited_while_a_video_is_made(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    begin(qtbot, page)
    page.form.write_prompt("a blue square")
    assert page.form.state.prompt == "a blue square"


def test_that_stop_ends_the_render_and_the_next_can_begin(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    begin(qtbot, page)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        qtbot.keyClick(page.window(), Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert ended.args == [None]
    assert page.footer.generate.isEnabled()
    assert page.window().windowTitle() == "Wan Desktop"


def test_that_escape_does_not_stop_a_render(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    begin(qtbot, page)
    qtbot.keyClick(page.form.prompt, Qt.Key.Key_Escape)
    assert page.rendering
    assert page.stage.progress.stop.isEnabled()


def test_that_a_dead_engine_is_a_card_and_the_next_render_is_made(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("dies")
    assert isinstance(finish(qtbot, page), EngineError)
    assert page.stage.error.text.number == "WAN-3005"
    assert "told to die" in page.stage.error.text.details
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        page.stage.error.retry.click()
    assert isinstance(ended.args[0], EngineError), "the played engine dies each time, but it was started again"


def test_that_lack_of_memory_is_a_card_with_a_report(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("oom")
    error = finish(qtbot, page)
    card = page.stage.error
    assert isinstance(error, OutOfMemoryError)
    assert "10.6 GB" in card.text.message
    assert card.text.hint == "Make it smaller or shorter."
    card.copy.click()
    report = QGuiApplication.clipboard().text()
    assert "WAN-3001" in report
    assert "red circle" not in report
    assert str(Path.home()) not in report


def test_that_a_variation_takes_a_new_seed(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.change(seed=7)
    first = finish(qtbot, page)
    assert first.settled.request.seed == 7
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        page.stage.finished.variation.click()
    assert ended.args[0].settled.request.seed != 7


def test_that_settings_of_a_video_come_back_with_its_seed(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.change(num_inference_steps=9, guidance_scale=4.5)
    done = finish(qtbot, page)
    page.form.change(num_inference_steps=20, prompt="else", guidance_scale=2.0)
    page.stage.finished.reuse.click()
    state = page.form.state
    assert (state.num_inference_steps, state.guidance_scale, state.seed) == (9, 4.5, done.settled.request.seed)
    assert page.form.prompt.toPlainText() == done.settled.request.prompt


def test_that_a_video_that_cannot_be_played_is_a_card(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    done = finish(qtbot, page)
    done.result.path.write_bytes(b"no video")
    page.stage.finished.player.open(done.result.path)
    qtbot.waitUntil(lambda: page.stage.error is not None, timeout=WAIT_MS)
    assert page.stage.error.text.number == "WAN-4003"
    assert str(done.result.path) in page.stage.error.text.hint


def test_that_a_note_tells_of_a_rescued_video(qtbot: QtBot, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    done = finish(qtbot, page)
    page.stage.show_done(RenderDone(done.settled, tmp_path / "elsewhere" / "a.mp4", done.result))
    assert "could not be saved in" in page.stage.finished.notes.text()


def test_that_closing_during_a_render_asks_and_cancel_keeps_it(qtbot: QtBot, open_program: OpenProgram) -> None:
    program = open_program("slow")
    page = program.window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    begin(qtbot, page)
    program.window.close()
    assert program.window.isVisible()
    program.window.question.cancel.click()
    assert page.rendering
    program.window.close()
    program.window.question.stop.click()
    qtbot.waitUntil(lambda: not program.window.isVisible(), timeout=WAIT_MS)


def test_that_a_deaf_engine_does_not_keep_the_program_open(qtbot: QtBot, open_program: OpenProgram) -> None:
    program = open_program("deaf")
    page = program.window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    begin(qtbot, page)
    program.shutdown()
    assert program.session.client.process_id is None or not program.session.client.process_id
