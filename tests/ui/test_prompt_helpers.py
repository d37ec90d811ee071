"""What helps to write a prompt: styles, undo, earlier prompts; and presets."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from tests.ui.audit import faults
from tests.ui.conftest import WAIT_MS
from tests.ui.test_render import finish
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.presets import Preset
from wan_desktop.core.prompt_history import PromptHistory, UsedPrompt
from wan_desktop.ui.create.history_dialog import PROMPT_ROLE, HistoryDialog, PromptListModel
from wan_desktop.ui.create.page import CreatePage

OpenPage = Callable[..., CreatePage]
LEFT = Qt.MouseButton.LeftButton


def shown(model: QAbstractItemModel) -> list[str]:
    """The texts of all rows."""
    return [model.index(row, 0).data() for row in range(model.rowCount())]


@pytest.fixture
def history(qtbot: QtBot, open_page: OpenPage, paths: AppPaths) -> HistoryDialog:
    """The dialog with three used prompts."""
    paths.ensure()
    kept = PromptHistory(paths.data / "prompts.json")
    for text in ("a fox in the snow", "a yellow star", "night sky"):
        kept.add(text)
    page = open_page()
    page.form.write_prompt("my own words")
    qtbot.waitUntil(lambda: len(page.tools.history.prompts) == 3, timeout=WAIT_MS)
    qtbot.mouseClick(page.form.prompt_box.history, LEFT)
    return page.window().findChild(HistoryDialog)


def test_that_a_chip_writes_its_words_and_takes_them_back(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.write_prompt("a fox")
    qtbot.mouseClick(page.form.prompt_box.styles, LEFT)
    chip = page.form.prompt_box.panel.chips["slow tracking shot"]
    qtbot.mouseClick(chip, LEFT)
    assert page.form.state.prompt == "a fox, slow tracking shot"
    assert chip.isChecked()
    qtbot.mouseClick(chip, LEFT)
    assert page.form.prompt.toPlainText() == "a fox"


def test_that_typed_words_mark_their_chip(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    qtbot.mouseClick(page.form.prompt_box.styles, LEFT)
    page.form.write_prompt("static camera, a fox")
    assert page.form.prompt_box.panel.chips["static camera"].isChecked()
    page.form.write_prompt("a fox")
    assert not page.form.prompt_box.panel.chips["static camera"].isChecked()


def test_that_undo_brings_back_what_stood_there(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    box = page.form.prompt_box
    assert not box.undo.isEnabled()
    page.form.write_prompt("my own words")
    page.form.write_prompt("others")
    qtbot.mouseClick(box.undo, LEFT)
    assert page.form.state.prompt == "my own words"


def test_that_a_used_prompt_is_remembered(qtbot: QtBot, open_page: OpenPage, paths: AppPaths) -> None:
    page = open_page()
    finish(qtbot, page)
    qtbot.waitUntil(lambda: len(page.tools.history.prompts) == 1, timeout=WAIT_MS)
    (used,) = PromptHistory(paths.data / "prompts.json").prompts()
    assert used.text == "a red circle moving right on a black background"


def test_that_an_empty_history_says_so(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.open_history()
    dialog = page.window().findChild(HistoryDialog)
    assert dialog.empty.text() == "Prompts you use appear here."
    assert not dialog.use.isEnabled()
    dialog.reject()


def test_that_a_prompt_is_found_and_used(qtbot: QtBot, history: HistoryDialog) -> None:
    page = history.parent().window().create
    qtbot.keyClicks(history.search, "FOX snow")
    assert shown(history.model) == ["a fox in the snow"]
    qtbot.keyClick(history.search, Qt.Key.Key_Return)
    assert page.form.state.prompt == "a fox in the snow"
    page.form.prompt.undo()
    assert page.form.state.prompt == "my own words"


def test_that_a_search_for_nothing_says_so(qtbot: QtBot, history: HistoryDialog) -> None:
    qtbot.keyClicks(history.search, "zebra")
    assert history.empty.text() == "No prompt matches 'zebra'."
    history.reject()


def test_that_prompts_are_pinned_and_deleted(qtbot: QtBot, history: HistoryDialog) -> None:
    qtbot.keyClicks(history.search, "fox")
    qtbot.mouseClick(history.pin, LEFT)
    qtbot.waitUntil(lambda: history.pin.text() == "Unpin", timeout=WAIT_MS)
    history.search.clear()
    assert shown(history.model)[0] == "a fox in the snow"
    qtbot.mouseClick(history.delete, LEFT)
    qtbot.waitUntil(lambda: len(shown(history.model)) == 2, timeout=WAIT_MS)
    assert "a fox in the snow" not in shown(history.model)
    assert not faults(history)
    history.reject()


def test_that_the_list_model_keeps_qts_rules() -> None:
    model = PromptListModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    model.show_prompts((UsedPrompt("a fox", "2026-01-01", pinned=True), UsedPrompt("x\n" * 300, "2026-01-02")))
    assert model.index(0, 0).data(PROMPT_ROLE).text == "a fox"
    assert model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "Pinned: a fox"
    assert len(model.index(1, 0).data()) <= 221
    model.show_prompts(())
    assert model.rowCount() == 0


# Presets -------------------------------------------------------------------------------------------------------------


def prepared(page: CreatePage) -> None:
    """The menu as it is when it is opened."""
    page.tools.menu.prepare(page.tools.presets.presets, is_ready=True, is_busy=False, has_queue=False)


def test_that_a_preset_is_saved_and_used(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.write_prompt("a fox")
    page.form.change(num_inference_steps=8, num_frames=25, width=96, height=64)
    page.tools.menu.save.trigger()
    dialog = page.findChild(QInputDialog)
    dialog.setTextValue("Quick & wide")
    dialog.accept()
    qtbot.waitUntil(lambda: len(page.tools.presets.presets) == 1, timeout=WAIT_MS)
    page.form.change(num_inference_steps=24, num_frames=9, width=64, height=64, prompt="a star")
    prepared(page)
    (action,) = page.tools.menu.use.actions()
    assert action.text() == "Quick && wide"
    action.trigger()
    state = page.form.state
    assert (state.num_inference_steps, state.num_frames, state.width, state.height) == (8, 25, 96, 64)
    assert state.prompt == "a star"


def test_that_a_preset_is_deleted(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.tools.presets.save("old", "shapes", "", page.form.state.draft())
    qtbot.waitUntil(lambda: len(page.tools.presets.presets) == 1, timeout=WAIT_MS)
    prepared(page)
    page.tools.menu.delete.actions()[0].trigger()
    qtbot.waitUntil(lambda: not page.tools.presets.presets, timeout=WAIT_MS)
    prepared(page)
    assert not page.tools.menu.use.menuAction().isVisible()


def test_that_a_preset_that_cannot_be_kept_is_a_card(qtbot: QtBot, open_page: OpenPage, paths: AppPaths) -> None:
    page = open_page()
    (paths.data / "presets.json").mkdir()
    page.tools.presets.save("lost", "shapes", "", page.form.state.draft())
    qtbot.waitUntil(lambda: page.stage.error is not None, timeout=WAIT_MS)
    page.stage.error.retry.click()
    assert page.stage.stack.currentWidget() is page.stage.empty


def test_that_a_preset_of_a_model_that_is_gone_fits_the_one_at_hand(open_page: OpenPage) -> None:
    page = open_page()
    draft = page.form.state.with_changes(num_inference_steps=9, width=1280, height=704).draft()
    page.tools.menu.preset_chosen.emit(Preset("other", "gone", "Q4", draft))
    state = page.form.state
    assert (state.model_id, state.variant, state.num_inference_steps) == ("shapes", "", 9)
