"""The form."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from wan_desktop.core.catalog import GenerationMode, Model
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.prompt import PromptTokenizer
from wan_desktop.ui.create.form_state import FormState, default_state, fitted, load_form
from wan_desktop.ui.create.page import CreatePage

OpenPage = Callable[..., CreatePage]


def drop(page: CreatePage, file: Path) -> None:
    """Let a file fall on the start image."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    event = QDropEvent(
        QPointF(QPoint(5, 5)), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    page.form.image.zone.dropEvent(event)


def test_that_generate_says_why_it_cannot_be_pressed(open_page: OpenPage) -> None:
    page = open_page()
    assert page.footer.line.text() == "Write a prompt first"
    assert not page.footer.generate.isEnabled()
    assert "unavailable: Write a prompt first" in page.footer.generate.accessibleName()
    page.form.change(mode=GenerationMode.I2V)
    assert page.footer.line.text() == "Choose a start image first"


def test_that_tokens_are_counted_by_the_models_tokenizer(qtbot: QtBot, open_page: OpenPage, model: Model) -> None:
    page = open_page()
    page.form.write_prompt("a red circle")
    count = PromptTokenizer(model.folder.path).count("a red circle")
    qtbot.waitUntil(lambda: page.form.tokens.text() == f"{count - 1} of 511 tokens", timeout=WAIT_MS)


def test_that_a_prompt_that_is_too_long_is_told(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.write_prompt("red " * 600)
    qtbot.waitUntil(lambda: "600 of 511" in page.form.tokens.text(), timeout=WAIT_MS)
    assert "reads the beginning only" in page.form.prompt_field.said()
    assert len(page.form.prompt.extraSelections()) == 1


def test_that_a_good_picture_is_taken_with_its_crop(qtbot: QtBot, open_page: OpenPage, picture: Path) -> None:
    page = open_page()
    page.form.change(mode=GenerationMode.TI2V)
    drop(page, picture)
    qtbot.waitUntil(lambda: page.form.state.image == picture, timeout=WAIT_MS)
    crop = page.form.image.zone.crop
    assert crop.height() == pytest.approx(1.0)
    assert crop.width() == pytest.approx(200 / 300)
    page.form.image.zone.remove.click()
    assert page.form.state.image is None


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n half"], ids=["empty", "text", "half"])
def test_that_a_bad_picture_is_told_in_place(qtbot: QtBot, open_page: OpenPage, tmp_path: Path, content: bytes) -> None:
    page = open_page()
    page.form.change(mode=GenerationMode.I2V)
    file = tmp_path / "bad.png"
    file.write_bytes(content)
    drop(page, file)
    qtbot.waitUntil(lambda: "bad.png" in page.form.image.field.said(), timeout=WAIT_MS)
    assert "Choose a PNG" in page.form.image.field.said()
    assert page.form.state.image is None


def test_that_a_pasted_picture_becomes_a_file(qtbot: QtBot, open_page: OpenPage, paths: AppPaths) -> None:
    page = open_page()
    page.form.change(mode=GenerationMode.TI2V)
    image = QImage(64, 64, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    page.form.prompt.paste()
    qtbot.waitUntil(lambda: page.form.state.image is not None, timeout=WAIT_MS)
    assert page.form.state.image.parent == paths.data / "pasted"


def test_that_a_picture_pasted_into_the_prompt_changes_what_is_made(
    qtbot: QtBot, open_page: OpenPage, picture: Path
) -> None:
    page = open_page()
    page.form.prompt.picture_given.emit(picture)
    qtbot.waitUntil(lambda: page.form.state.mode == GenerationMode.TI2V, timeout=WAIT_MS)


def test_that_a_custom_size_snaps_with_a_note(open_page: OpenPage) -> None:
    page = open_page()
    page.form.advanced.set_open(True)
    panel = page.form.advanced.content
    panel.custom.setChecked(True)
    panel.width_px.setValue(100)
    panel.width_px.editingFinished.emit()
    assert (page.form.state.width, page.form.state.height) == (96, 64)
    assert "multiples of 32" in panel.size_field.said()
    panel.custom.setChecked(False)
    assert (page.form.state.width, page.form.state.custom_size) == (64, False)


def test_that_quality_and_steps_are_one_value(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.advanced.set_open(True)
    draft = page.form.quality.buttons()[0]
    qtbot.mouseClick(draft, Qt.MouseButton.LeftButton)
    assert page.form.advanced.content.steps.value() == page.form.state.num_inference_steps == 8
    page.form.advanced.content.steps.setValue(11)
    assert page.form.quality.value() is None


def test_that_the_length_is_told_in_seconds_and_frames(open_page: OpenPage) -> None:
    page = open_page()
    page.form.length.setValue(0)
    assert page.form.state.num_frames == 9
    assert "1.1 s" in page.form.length_words.text()
    assert page.form.length.accessibleDescription() == "1.1 seconds, 9 frames"


def test_that_a_seed_can_be_kept_thrown_and_typed(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.advanced.set_open(True)
    seed = page.form.advanced.content.seed
    seed.dice.click()
    assert page.form.state.seed is not None
    seed.lock.click()
    assert page.form.state.seed is None
    seed.edit.setFocus()
    qtbot.keyClicks(seed.edit, "9999999999")
    seed.edit.editingFinished.emit()
    assert page.form.state.seed == 2**32 - 1


def test_that_an_example_can_be_taken_back(open_page: OpenPage) -> None:
    page = open_page()
    page.form.write_prompt("my own words")
    page.stage.empty.example.click()
    assert page.form.state.prompt == "a red circle moving right on a black background"
    page.form.prompt.undo()
    assert page.form.state.prompt == "my own words"


def test_that_the_form_survives_a_restart(qtbot: QtBot, open_program: OpenProgram, paths: AppPaths) -> None:
    first = open_program()
    qtbot.waitUntil(lambda: first.window.create.form is not None, timeout=WAIT_MS)
    first.window.create.form.write_prompt("a fox in the snow")
    first.window.create.form.change(num_inference_steps=13, seed=5)
    qtbot.waitUntil(lambda: (load_form(paths.data / "form.json") or FormState()).seed == 5, timeout=WAIT_MS)
    first.window.close()
    second = open_program()
    qtbot.waitUntil(lambda: second.window.create.form is not None, timeout=WAIT_MS)
    state = second.window.create.form.state
    assert (state.prompt, state.num_inference_steps, state.seed) == ("a fox in the snow", 13, 5)
    assert second.window.create.form.prompt.toPlainText() == "a fox in the snow"


def test_that_words_typed_just_before_closing_are_kept(open_page: OpenPage, paths: AppPaths) -> None:
    page = open_page()
    page.form.write_prompt("last words")
    page.window().close()
    assert json.loads((paths.data / "form.json").read_text(encoding="utf-8"))["prompt"] == "last words"


@pytest.mark.parametrize("content", ["", "[]", '{"mode": "x"}', '{"seed": "y"}'], ids=["empty", "list", "mode", "seed"])
def test_that_a_broken_form_file_gives_the_defaults(tmp_path: Path, content: str) -> None:
    file = tmp_path / "form.json"
    file.write_text(content, encoding="utf-8")
    assert load_form(file) is None


def test_that_a_form_of_another_model_is_fitted(model: Model, tmp_path: Path) -> None:
    foreign = FormState(
        prompt="kept", width=1280, height=704, num_frames=121, guidance_scale_2=3.0, image=tmp_path / "gone.png"
    )
    state = fitted(foreign, model)
    default = default_state(model)
    assert state.prompt == "kept"
    assert (state.width, state.height, state.num_frames) == (default.width, default.height, default.num_frames)
    assert state.guidance_scale_2 is None
    assert state.image is None
