"""The page Settings: what is changed counts at once, is kept, and can be taken back."""

import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from tests.fakes.hardware.profiles import load
from tests.fakes.keyrings import MemoryKeyring
from tests.ui.audit import faults
from tests.ui.conftest import WAIT_MS, OpenProgram, fake_engine
from wan_desktop.core.attention import Attention
from wan_desktop.core.calibration import CalibrationStore, MeasuredRun, Prediction
from wan_desktop.core.measured_speed import installed_torch
from wan_desktop.core.messages import SpeedKind, SpeedPart, SpeedReport, SpeedStatus
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import LogLevel, MemoryMode, Settings, Theme, load_settings
from wan_desktop.core.store.token import read_token
from wan_desktop.ui.live.pc import LivePc
from wan_desktop.ui.page import PageId
from wan_desktop.ui.session import Session
from wan_desktop.ui.settings.page import SettingsPage
from wan_desktop.ui.settings.rows import Category
from wan_desktop.ui.theme import ThemeManager, look

PC = load("rtx-4090-and-3060-64gb")
NOT_IN_TEMP = Path(__file__).resolve().parent


@pytest.fixture
def wallet() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    memory = MemoryKeyring()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def page(qtbot: QtBot, qapp: QApplication, paths: AppPaths, wallet: MemoryKeyring) -> Iterator[SettingsPage]:
    paths.ensure()
    theme = ThemeManager(qapp, Theme.SYSTEM, 1.0)
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    session.pc = LivePc(session, lambda: PC)
    window = QMainWindow()
    made = SettingsPage(session, theme, window)
    window.setCentralWidget(made)
    window.resize(1228, 860)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: session.pc.profile is not None, timeout=WAIT_MS)
    yield made
    session.shutdown()
    theme.set_theme(Theme.DARK)
    theme.set_scale(1.0)


def click(qtbot: QtBot, button: object) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(qtbot: QtBot, page: SettingsPage, field: str, value: object) -> None:
    """Take a value in a combo box, with the keyboard."""
    editor = page.editors[field]
    qtbot.keyClick(editor.box, Qt.Key.Key_Home)
    for _ in range(editor._values.index(value)):
        qtbot.keyClick(editor.box, Qt.Key.Key_Down)


def write(qtbot: QtBot, page: SettingsPage, field: str, words: str) -> None:
    editor = page.editors[field]
    editor.field.setFocus()
    editor.field.selectAll()
    qtbot.keyClick(editor.field, Qt.Key.Key_Delete)
    qtbot.keyClicks(editor.field, words)
    qtbot.keyClick(editor.field, Qt.Key.Key_Return)


def kept(page: SettingsPage) -> Settings:
    return load_settings(page.session.paths.settings_file)


# Finding -------------------------------------------------------------------------------------------------------------


def test_that_categories_show_their_rows_only(qtbot: QtBot, page: SettingsPage) -> None:
    for category in Category:
        click(qtbot, page.buttons[category])
        assert [each for each, section in page.sections.items() if section.isVisible()] == [category]
        assert all(row.isVisible() for row in page.sections[category].rows)


def test_that_the_search_looks_everywhere(qtbot: QtBot, page: SettingsPage) -> None:
    qtbot.keyClicks(page.search, "vram")
    visible = [row for section in page.sections.values() for row in section.rows if row.isVisible()]
    assert visible == [page.rows["memory_mode"]]
    page.search.clear()
    qtbot.keyClicks(page.search, "notifications")
    assert page.rows["notify_done"].isVisible()
    page.search.clear()
    qtbot.keyClicks(page.search, "no such words")
    assert page.nothing.isVisible()
    assert "no such words" in page.nothing.text()
    click(qtbot, page.buttons[Category.OUTPUT])
    assert page.search.text() == ""
    assert page.rows["name_pattern"].isVisible()


def test_that_another_page_can_ask_for_a_setting(page: SettingsPage) -> None:
    page.show_target("proxy")
    assert page.rows["proxy"].isVisible()
    page.show_target("folders")
    assert page.rows["videos_folder"].isVisible()


# Changing ------------------------------------------------------------------------------------------------------------


def test_that_theme_and_text_size_count_at_once_and_are_kept(qtbot: QtBot, page: SettingsPage) -> None:
    segments = page.editors["theme"].segments
    click(qtbot, segments.buttons()[2])
    light = page.grab().toImage().pixelColor(10, 500)
    click(qtbot, segments.buttons()[1])
    dark = page.grab().toImage().pixelColor(10, 500)
    assert light.lightness() > 200
    assert dark.lightness() < 60
    height = page.title.sizeHint().height()
    choose(qtbot, page, "text_scale", 1.5)
    assert look().scale == 1.5
    assert page.title.sizeHint().height() > 1.3 * height
    qtbot.waitUntil(lambda: kept(page) == Settings(theme=Theme.DARK, text_scale=1.5), timeout=WAIT_MS)


def test_that_a_changed_value_is_marked_and_can_be_reset(qtbot: QtBot, page: SettingsPage) -> None:
    page.show_category(Category.PERFORMANCE)
    row = page.rows["memory_mode"]
    assert not row.reset.isVisible()
    choose(qtbot, page, "memory_mode", MemoryMode.SAVE)
    assert row.changed_mark.isVisible()
    click(qtbot, row.reset)
    assert not row.reset.isVisible()
    assert page.session.settings == Settings()
    assert page.editors["memory_mode"].value() is MemoryMode.AUTOMATIC
    qtbot.waitUntil(lambda: kept(page) == Settings(), timeout=WAIT_MS)


@pytest.mark.parametrize("field", ["live_preview", "save_png_frames", "notify_done", "notify_with_sound"])
def test_that_switches_switch(qtbot: QtBot, page: SettingsPage, field: str) -> None:
    before = getattr(Settings(), field)
    page.show_target(field)
    box = page.editors[field].box
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert getattr(page.session.settings, field) is not before
    qtbot.waitUntil(lambda: kept(page).changed() == {field}, timeout=WAIT_MS)
    page.session.change_settings(Settings())
    assert box.isChecked() is before


def test_that_the_download_limit_is_in_megabytes(qtbot: QtBot, page: SettingsPage) -> None:
    page.show_category(Category.DOWNLOADS)
    editor = page.editors["download_limit_bytes_per_s"]
    assert not editor.number.isEnabled()
    qtbot.keyClick(editor.box, Qt.Key.Key_Space)
    assert page.session.settings.download_limit_bytes_per_s == 5_000_000
    editor.number.setValue(2.5)
    assert page.session.settings.download_limit_bytes_per_s == 2_500_000
    qtbot.keyClick(editor.box, Qt.Key.Key_Space)
    assert page.session.settings.download_limit_bytes_per_s is None


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("endpoint", "https://mirror.example", "mirror"),
        ("proxy", "http://proxy.example:3128", "http://me:word@proxy.example"),
        ("name_pattern", "{prompt} {time}", "always the same"),
    ],
)
def test_that_text_is_checked_when_the_field_is_left(
    qtbot: QtBot, page: SettingsPage, field: str, good: str, bad: str
) -> None:
    page.show_target(field)
    write(qtbot, page, field, good)
    assert getattr(page.session.settings, field) == good
    write(qtbot, page, field, bad)
    assert getattr(page.session.settings, field) == good
    assert page.rows[field].line.isVisible()
    assert page.rows[field].line.property("role") == "bad"
    click(qtbot, page.rows[field].reset)
    assert getattr(page.session.settings, field) == getattr(Settings(), field)
    assert page.editors[field].field.text() == getattr(Settings(), field)
    assert not page.rows[field].line.isVisible()


def test_that_the_card_can_be_chosen(qtbot: QtBot, page: SettingsPage) -> None:
    page.show_category(Category.PERFORMANCE)
    page._offer_cards()
    choose(qtbot, page, "gpu_uuid", PC.gpus[1].uuid)
    assert page.session.settings.gpu_uuid == PC.gpus[1].uuid


def test_that_kernels_are_offered_that_the_speed_test_found_right(qtbot: QtBot, page: SettingsPage) -> None:
    gpu = page.session.pc.card.gpu
    names = {"native": 1e13, "_native_flash": 2e13, "_native_math": 1e12}
    parts = [
        SpeedPart(kind=SpeedKind.ATTENTION, name=name, status=SpeedStatus.MEASURED, per_s=rate)
        for name, rate in names.items()
    ]
    wrong = SpeedPart(kind=SpeedKind.ATTENTION, name="_native_cudnn", status=SpeedStatus.WRONG, reason="It differs.")
    report = SpeedReport(
        job="1",
        device=gpu.uuid,
        device_name="card",
        torch_version=installed_torch(),
        parts=(*parts, wrong),
        seconds=1.0,
    )
    page.session.renderer.planner.speeds.keep(report, gpu.driver_version)
    page.window().hide()
    page.window().show()
    page.show_category(Category.PERFORMANCE)
    assert page.maker.kernels._values == [Attention.NATIVE, Attention.FLASH]
    choose(qtbot, page, "attention", Attention.FLASH)
    assert page.session.settings.attention is Attention.FLASH


# Folders -------------------------------------------------------------------------------------------------------------


def test_that_the_videos_folder_is_checked_and_used(qtbot: QtBot, page: SettingsPage, tmp_path: Path) -> None:
    page.show_category(Category.FOLDERS)
    page.editors["videos_folder"].take(tmp_path / "my videos")
    qtbot.waitUntil(lambda: page.session.settings.videos_folder == tmp_path / "my videos", timeout=WAIT_MS)
    assert page.editors["videos_folder"].line.field.text() == str(tmp_path / "my videos")
    assert "temporary" in page.rows["videos_folder"].line.text()
    click(qtbot, page.rows["videos_folder"].reset)
    assert page.session.settings.videos_folder is None


def test_that_a_folder_that_cannot_be_used_is_refused_with_a_reason(
    qtbot: QtBot, page: SettingsPage, tmp_path: Path
) -> None:
    page.editors["model_folders"].take(tmp_path)  # a folder for temporary files
    row = page.rows["model_folders"]
    qtbot.waitUntil(lambda: row.line.property("role") == "bad", timeout=WAIT_MS)
    assert "temporary" in row.line.text()
    assert page.session.settings.model_folders == ()


def test_that_model_folders_are_added_ordered_and_forgotten(qtbot: QtBot, page: SettingsPage) -> None:
    page.show_category(Category.FOLDERS)
    usual = page.session.paths.models
    editor = page.editors["model_folders"]
    assert editor.folders == (usual,)
    page.session.change_settings(page.session.settings.with_changes(model_folders=(usual, NOT_IN_TEMP)))
    assert editor.folders == (usual, NOT_IN_TEMP)
    buttons = {button.accessibleName(): button for button in editor.lines[1].findChildren(type(editor.add))}
    click(qtbot, buttons[f"New models go to {NOT_IN_TEMP}"])
    assert page.session.settings.model_folders == (NOT_IN_TEMP, usual)
    forget = {button.accessibleName(): button for button in editor.lines[0].findChildren(type(editor.add))}
    click(qtbot, forget[f"Forget {NOT_IN_TEMP}; its files stay"])
    assert page.session.settings.model_folders == ()


def test_that_the_dialog_for_folders_opens_and_closes(qtbot: QtBot, page: SettingsPage) -> None:
    page.show_category(Category.FOLDERS)
    editor = page.editors["videos_folder"]
    click(qtbot, editor.change)
    assert editor._dialog is not None
    editor._dialog.reject()
    assert editor._dialog is None


# The token -----------------------------------------------------------------------------------------------------------


def test_that_the_token_is_kept_and_removed_and_never_shown(qtbot: QtBot, page: SettingsPage) -> None:
    page.show_category(Category.DOWNLOADS)
    token, row = page.maker.token, page.sections[Category.DOWNLOADS].rows[-1]
    qtbot.waitUntil(lambda: token.is_kept is False, timeout=WAIT_MS)
    assert not token.remove.isVisible()
    assert not token.save.isEnabled()
    qtbot.keyClicks(token.field, "hf_abcdefgh12345678")
    assert token.field.displayText() != "hf_abcdefgh12345678"
    click(qtbot, token.save)
    qtbot.waitUntil(lambda: token.is_kept is True, timeout=WAIT_MS)
    assert read_token() == "hf_abcdefgh12345678"
    assert token.field.text() == ""
    assert "kept" in row.line.text()
    click(qtbot, token.remove)
    qtbot.waitUntil(lambda: token.is_kept is False, timeout=WAIT_MS)
    assert read_token() is None


def test_that_what_is_no_token_and_a_locked_keyring_are_told(
    qtbot: QtBot, page: SettingsPage, wallet: MemoryKeyring
) -> None:
    page.show_category(Category.DOWNLOADS)
    token, row = page.maker.token, page.sections[Category.DOWNLOADS].rows[-1]
    qtbot.waitUntil(lambda: token.is_kept is False, timeout=WAIT_MS)
    qtbot.keyClicks(token.field, "two words")
    qtbot.keyClick(token.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: row.line.property("role") == "bad", timeout=WAIT_MS)
    assert "spaces" in row.line.text()
    wallet.locked = True
    token.field.setText("hf_abcdefgh12345678")
    qtbot.keyClick(token.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "keyring cannot be used" in row.line.text(), timeout=WAIT_MS)
    assert token.field.text() == "hf_abcdefgh12345678"


# Resetting -----------------------------------------------------------------------------------------------------------


def test_that_learned_limits_are_forgotten(qtbot: QtBot, page: SettingsPage, paths: AppPaths) -> None:
    planner = page.session.renderer.planner
    prediction = Prediction("cpu", "family", "plan", "size", {"create_frames": 100.0})
    known = planner._store.load().learn(prediction, MeasuredRun({"create_frames": 92.0}, 0))
    planner._store._known = known
    planner._store._file.write(known)
    assert CalibrationStore(paths.calibration).load().runs == 1
    page.show_category(Category.ADVANCED)
    click(qtbot, page.maker.forget)
    qtbot.waitUntil(lambda: CalibrationStore(paths.calibration).load().runs == 0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.maker.forget.isEnabled(), timeout=WAIT_MS)


def test_that_everything_is_reset_after_a_question(qtbot: QtBot, page: SettingsPage) -> None:
    page.session.change_settings(Settings(theme=Theme.LIGHT, text_scale=1.3, proxy="http://a.example:1"))
    page.show_category(Category.ADVANCED)
    click(qtbot, page.maker.reset_all)
    assert "3 changed settings" in page._question.informativeText()
    page._question.reject()
    assert page.session.settings.theme is Theme.LIGHT
    click(qtbot, page.maker.reset_all)
    click(qtbot, page.confirm)
    assert page.session.settings == Settings()
    assert look().scale == 1.0
    assert not page.maker.reset_all.isEnabled()
    qtbot.waitUntil(lambda: kept(page) == Settings(), timeout=WAIT_MS)


# Reach ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", list(Category))
def test_that_everything_can_be_named_and_hit(qtbot: QtBot, page: SettingsPage, category: Category) -> None:
    page.session.change_settings(
        Settings(theme=Theme.DARK, model_folders=(NOT_IN_TEMP, page.session.paths.models), log_level=LogLevel.DETAILED)
    )
    page.show_category(category)
    qtbot.wait(10)
    assert not faults(page.window())


def test_that_changes_reach_the_running_program(
    qtbot: QtBot, open_program: OpenProgram, paths: AppPaths, wallet: MemoryKeyring
) -> None:
    program = open_program()
    program.window.show_page(PageId.SETTINGS)
    made = program.window.pages[PageId.SETTINGS]
    program.window.resize(1500, 800)
    click(qtbot, made.editors["theme"].segments.buttons()[2])
    light = program.window.grab().toImage().pixelColor(300, 500)
    click(qtbot, made.editors["theme"].segments.buttons()[1])
    dark = program.window.grab().toImage().pixelColor(300, 500)
    assert light.lightness() > 200
    assert dark.lightness() < 60
    width = program.window.sidebar.width()
    choose(qtbot, made, "text_scale", 1.3)
    assert program.window.sidebar.width() > width
    choose(qtbot, made, "text_scale", 1.0)
    assert program.window.sidebar.width() == width
    write_to = made.editors["proxy"]
    made.show_target("proxy")
    write(qtbot, made, "proxy", "http://proxy.example:3128")
    assert os.environ["https_proxy"] == "http://proxy.example:3128"
    click(qtbot, made.rows["proxy"].reset)
    assert write_to.field.text() == ""
    assert os.environ.get("https_proxy") != "http://proxy.example:3128"
    qtbot.waitUntil(lambda: load_settings(paths.settings_file).theme == Theme.DARK, timeout=WAIT_MS)
