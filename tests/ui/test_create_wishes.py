"""What the advanced settings say of sampler, memory and file, and what the form does with bad words and pictures."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from tests.ui.test_form import drop
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.generation import GenerationDraft, Sampler
from wan_desktop.core.prompt import MAX_TYPED_CHARACTERS
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.render_queue import RenderJob
from wan_desktop.core.settings import MemoryMode, VideoQuality
from wan_desktop.ui.create.form_state import FormState
from wan_desktop.ui.create.page import CreatePage

OpenPage = Callable[..., CreatePage]


def open_advanced(page: CreatePage) -> None:
    """Unfold the advanced settings."""
    page.form.advanced.set_open(True)


def test_that_a_sampler_is_chosen_by_name(open_page: OpenPage) -> None:
    page = open_page()
    open_advanced(page)
    box = page.form.advanced.content.sampler
    names = [box.itemText(index) for index in range(box.count())]
    assert names == ["Model's own (UniPC)", "UniPC", "Euler", "DPM++ 2M"]
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert page.form.state.draft().sampler is Sampler.EULER


def test_that_what_was_written_before_there_were_samplers_means_the_models_own() -> None:
    old = to_plain(GenerationDraft(prompt="a fox"))
    del old["sampler"]
    assert from_plain(GenerationDraft, old).sampler is Sampler.MODEL
    kept = to_plain(FormState(prompt="a fox"))
    del kept["sampler"], kept["wishes"]
    assert from_plain(FormState, kept) == FormState(prompt="a fox")


def test_that_wishes_go_with_the_render_and_no_further(qtbot: QtBot, open_program: OpenProgram) -> None:
    program = open_program("ok")
    page = program.window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    open_advanced(page)
    panel = page.form.wishes
    assert panel.memory.itemText(0) == "As in Settings (Automatic)"
    for box, index in ((panel.memory, 4), (panel.quality, 1)):
        box.setCurrentIndex(index)
        box.activated.emit(index)
    panel.frames.click()
    wishes = page.form.state.wishes
    expected = (MemoryMode.SAVE_MOST, VideoQuality.STANDARD, True)
    assert (wishes.memory_mode, wishes.video_quality, wishes.save_png_frames) == expected
    page.form.write_prompt("a red ball")
    page.add_to_queue()
    renders = program.session.renders

    def jobs() -> tuple[RenderJob, ...]:
        now = renders.snapshot
        return (*now.running, *now.waiting, *now.finished)

    qtbot.waitUntil(lambda: bool(jobs()), timeout=WAIT_MS)
    order = jobs()[0].order
    assert order.memory.memory_mode is MemoryMode.SAVE_MOST
    assert (order.options.video_quality, order.options.png_frames) == (VideoQuality.STANDARD, True)
    assert program.session.settings.memory_mode is MemoryMode.AUTOMATIC


LONG = {
    "words": "word " * 20_000,
    "emoji": "\U0001f98a " * 50_000,
    "hebrew": "\u05e9\u05dc\u05d5\u05dd " * 20_000,
}


@pytest.mark.parametrize("words", LONG.values(), ids=LONG.keys())
def test_that_a_hundred_thousand_signs_are_taken_counted_and_told(
    qtbot: QtBot, open_page: OpenPage, words: str
) -> None:
    page = open_page()
    page.form.write_prompt(words)
    kept = words[:MAX_TYPED_CHARACTERS]
    assert page.form.prompt.toPlainText() == kept
    assert page.form.state.prompt == kept
    told = page.form.prompt_field.said()
    assert told == "A prompt holds up to 10,000 characters; models read far less."
    qtbot.waitUntil(lambda: "reads the beginning only" in page.form.prompt_field.said(), timeout=WAIT_MS)
    assert page.form.prompt_field.said().startswith(told)
    (mark,) = page.form.prompt.extraSelections()
    dimmed = mark.cursor.selectedText()
    assert dimmed
    assert kept.endswith(dimmed)


@pytest.mark.parametrize("sign", ["x", "\U0001f98a"], ids=["letter", "emoji"])
def test_that_one_word_of_a_hundred_thousand_signs_is_taken_counted_and_told(
    qtbot: QtBot, open_page: OpenPage, sign: str
) -> None:
    page = open_page()
    page.form.write_prompt(sign * 100_000)
    assert page.form.state.prompt == sign * MAX_TYPED_CHARACTERS
    assert "10,000" in page.form.prompt_field.said()
    qtbot.waitUntil(lambda: bool(page.form.tokens.text()), timeout=WAIT_MS)  # which is one for the tests' tokenizer


def test_that_what_did_not_fit_can_be_copied(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    words, messages = LONG["words"], page.window().session.messages
    page.form.write_prompt("a fox, ")
    data = QMimeData()
    data.setText(words)
    page.form.prompt.moveCursor(QTextCursor.MoveOperation.Start)
    page.form.prompt.insertFromMimeData(data)
    prompt = page.form.state.prompt
    assert len(prompt) == MAX_TYPED_CHARACTERS
    assert prompt.endswith("a fox, ")
    assert words.startswith(prompt.removesuffix("a fox, "))
    QGuiApplication.clipboard().clear()
    said = messages.messages[0]
    assert said.title == "Only the beginning was taken"
    messages.act(said)
    assert QGuiApplication.clipboard().text() == words
    page.form.prompt.undo()
    assert page.form.state.prompt == "a fox, "
    assert "10,000" not in page.form.prompt_field.said()


def test_that_a_full_prompt_refuses_letters_and_says_so(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    edit = page.form.prompt
    page.form.write_prompt("\U0001f98a" * (MAX_TYPED_CHARACTERS - 1))
    qtbot.keyClicks(edit, "ab")
    assert page.form.state.prompt.endswith("\U0001f98aa")
    assert "10,000" in page.form.prompt_field.said()
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert len(page.form.state.prompt) == MAX_TYPED_CHARACTERS
    qtbot.keyClick(edit, Qt.Key.Key_Backspace)
    assert "10,000" not in page.form.prompt_field.said()
    qtbot.keyClicks(edit, "b")
    assert page.form.state.prompt.endswith("\U0001f98ab")
    edit.selectAll()
    qtbot.keyClicks(edit, "c")
    assert page.form.state.prompt == "c"


def test_that_a_draft_that_is_too_long_is_told_when_it_is_shown(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.set_state(page.form.state.with_changes(prompt="y" * 15_000))
    assert page.form.state.prompt == "y" * MAX_TYPED_CHARACTERS
    assert "10,000" in page.form.prompt_field.said()
    assert page.window().session.messages.messages[0].title == "Only the beginning was taken"


def test_that_what_to_avoid_is_cut_and_told_too(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.avoid.set_open(True)
    edit = page.form.avoid.content
    edit.replace_all("z" * 12_000)
    qtbot.keyClicks(edit, "more")
    assert page.form.state.negative_prompt == "z" * MAX_TYPED_CHARACTERS
    titles = [message.title for message in page.window().session.messages.messages]
    assert titles == ["No more fits in", "Only the beginning was taken"]


def huge_png() -> bytes:
    """A PNG that says it is 60,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def heic() -> bytes:
    """The beginning of a picture of an iPhone."""
    return struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(200)


@pytest.mark.parametrize("kind", ["heic", "huge", "cut"])
def test_that_a_bad_picture_is_refused_with_a_reason(
    qtbot: QtBot, open_page: OpenPage, tmp_path: Path, picture: Path, kind: str
) -> None:
    from PIL import Image  # noqa: PLC0415 - only here

    page = open_page()
    page.form.change(mode=GenerationMode.TI2V)
    file = tmp_path / {"heic": "IMG_1.heic", "huge": "huge.png", "cut": "cut.jpg"}[kind]
    if kind == "cut":
        with Image.open(picture) as opened:
            opened.convert("RGB").resize((900, 900)).save(file)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        file.write_bytes(heic() if kind == "heic" else huge_png())
    drop(page, file)
    qtbot.waitUntil(lambda: file.name in page.form.image.field.said(), timeout=WAIT_MS)
    assert "Choose a" in page.form.image.field.said()
    assert page.form.state.image is None
