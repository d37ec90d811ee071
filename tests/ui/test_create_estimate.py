"""The estimate below the form: it follows every change, and what it offers can be taken."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from tests.fakes.hardware.profiles import load
from tests.ui.audit import faults
from tests.ui.conftest import WAIT_MS, OpenProgram
from tests.ui.test_render import begin
from wan_desktop.core.catalog import GenerationMode, Model, read_catalog
from wan_desktop.core.form_check import FormVerdict, MemoryNeed, Verdict
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.recommendations import ChangeKind, Recommendation
from wan_desktop.ui.create import estimate_texts
from wan_desktop.ui.create.footer import Footer
from wan_desktop.ui.create.form_state import default_state, versions
from wan_desktop.ui.create.model_change import draft_test, moved
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.page import PageId
from wan_desktop.ui.session import Session

OpenPage = Callable[..., CreatePage]
GB = 10**9
NEED = MemoryNeed(
    is_video_memory=True,
    needed_bytes=round(12.4 * GB),
    free_bytes=round(10.9 * GB),
    total_bytes=12 * GB,
    others_bytes=GB // 2,
)
SMALLER = Recommendation(
    kind=ChangeKind.REQUEST,
    text="",
    width=832,
    height=480,
    num_frames=121,
    vram_peak_bytes=round(7.9 * GB),
    seconds_low=240,
    seconds_high=300,
)
TOO_BIG = FormVerdict(Verdict.TOO_BIG, NEED, 1100, 1300, "It needs 12.4 GB.", (SMALLER,))


@pytest.fixture
def page(qtbot: QtBot, session: Session, model: Model) -> CreatePage:
    """A page whose PC is a laptop on paper."""
    made = CreatePage()
    qtbot.addWidget(made)
    made.resize(1200, 850)
    made.attach(session, lambda: model)
    show_pc(session, load("no-card-laptop-8gb"))
    qtbot.waitUntil(lambda: made.footer.box is not None and made.footer.box.found is not None, timeout=WAIT_MS)
    made.show()
    return made


def show_pc(session: Session, profile: HardwareProfile) -> None:
    """The PC is this one from now on."""
    session.pc.profile = profile
    session.pc.changed.emit(profile)


def with_memory(profile: HardwareProfile, available_bytes: int) -> HardwareProfile:
    """The same PC with so much free memory."""
    return replace(profile, memory=replace(profile.memory, available_bytes=available_bytes))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (None, None, "time not known yet"),
        (0.1, 0.4, "about 1 s"),
        (4.2, 8.1, "about 4\u20138 s"),
        (40, 41, "about 40\u201341 s"),
        (20, 130, "about 1\u20132 min"),
        (240, 300, "about 4\u20135 min"),
        (1130, 1150, "about 19 min"),
        (7000, 11000, "about 2\u20133 h"),
        (200_000, 400_000, "about 2\u20135 days"),
    ],
)
def test_that_times_are_told_as_people_do(low: float | None, high: float | None, words: str) -> None:
    assert estimate_texts.time_words(low, high) == words


def test_that_the_estimate_is_told_with_the_form(page: CreatePage) -> None:
    box = page.footer.box
    assert box.headline.text() == "Fits this PC"
    assert box.time.text().startswith("about ")
    assert box.memory.text().startswith("Memory: ")
    assert "needed" in box.bar.accessibleName()
    assert page.footer.generate.accessibleDescription() == box.accessibleName()
    assert "\u2013" not in box.accessibleName()


def test_that_a_change_of_the_form_is_checked_anew(qtbot: QtBot, page: CreatePage) -> None:
    before = page.footer.box.found
    page.form.change(num_inference_steps=100, num_frames=25)
    qtbot.waitUntil(lambda: page.footer.box.found.seconds_high > before.seconds_high, timeout=WAIT_MS)


def test_that_many_changes_are_checked_once(qtbot: QtBot, page: CreatePage) -> None:
    found = []
    page.tools.estimator.checked.connect(found.append)
    for steps in range(20, 60):
        page.form.change(num_inference_steps=steps)
    qtbot.waitUntil(lambda: len(found) == 1, timeout=WAIT_MS)
    page.form.change(num_inference_steps=3)
    qtbot.waitUntil(lambda: len(found) == 2, timeout=WAIT_MS)
    assert found[1].seconds_high < found[0].seconds_high


def test_that_a_pc_that_fills_up_makes_it_too_big(qtbot: QtBot, page: CreatePage, session: Session) -> None:
    show_pc(session, with_memory(load("no-card-laptop-8gb"), 1_100_000_000))
    qtbot.waitUntil(lambda: page.footer.box.found.verdict is Verdict.TOO_BIG, timeout=WAIT_MS)
    page.form.write_prompt("a fox")
    assert page.footer.generate.text() == "Try anyway"
    assert page.footer.generate.isEnabled()
    assert "GB of memory" in page.footer.box.reason.text()
    show_pc(session, load("no-card-laptop-8gb"))
    qtbot.waitUntil(lambda: page.footer.generate.text() == "Generate video", timeout=WAIT_MS)


def test_that_offers_stand_above_the_button_with_their_numbers(qtbot: QtBot) -> None:
    footer = Footer()
    qtbot.addWidget(footer)
    footer.show_verdict(TOO_BIG, (1280, 704, 121), 24)
    (offer,) = footer.box.offers
    assert offer.text() == "Use 832 \u00d7 480 (7.9 GB, about 4\u20135 min)"
    assert footer.box.memory.text() == "Video memory: 12.4 GB needed, 10.9 GB free"
    with qtbot.waitSignal(footer.box.offer_chosen) as chosen:
        qtbot.mouseClick(offer, Qt.MouseButton.LeftButton)
    assert chosen.args == [SMALLER]
    footer.show_verdict(replace(TOO_BIG, verdict=Verdict.FITS), (832, 480, 121), 24)
    assert footer.box.offers == ()


def test_that_an_offer_changes_the_form(page: CreatePage) -> None:
    page.tools.apply(replace(SMALLER, width=96, height=64, num_frames=9), retry=False)
    state = page.form.state
    assert (state.width, state.height, state.num_frames, state.custom_size) == (96, 64, 9, False)
    assert not page.rendering


def test_that_a_low_window_shows_one_line(page: CreatePage) -> None:
    assert page.footer.box.bar.isVisibleTo(page)
    page.resize(1200, 660)
    assert not page.footer.box.bar.isVisibleTo(page)
    assert not page.footer.box.details.isVisibleTo(page)
    assert page.footer.box.headline.isVisibleTo(page)
    page.resize(1200, 850)
    assert page.footer.box.bar.isVisibleTo(page)


def test_that_details_lead_to_the_models_page(qtbot: QtBot, page: CreatePage) -> None:
    with qtbot.waitSignal(page.page_requested) as asked:
        qtbot.mouseClick(page.footer.box.details, Qt.MouseButton.LeftButton)
    assert asked.args[0] is PageId.MODELS


def test_that_the_page_with_its_estimate_has_no_faults(open_page: OpenPage) -> None:
    page = open_page()
    page.form.prompt_box.styles.click()
    page.use_queue()
    page.footer.show_verdict(TOO_BIG, (1280, 704, 121), 24)
    assert not faults(page.window())


def test_that_a_standstill_names_what_would_explain_it(qtbot: QtBot, open_program: OpenProgram) -> None:
    program = open_program("slow")
    page = program.window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    begin(qtbot, page)
    assert "Other programs may be using the memory" in page.stage.progress.stall_words.text()
    laptop = load("no-card-laptop-8gb")
    show_pc(program.session, replace(laptop, system=replace(laptop.system, on_battery=True), drives=()))
    assert "battery" in page.stage.progress.stall_words.text()


# Models --------------------------------------------------------------------------------------------------------------


def adopt(qtbot: QtBot, page: CreatePage, session: Session, folder: Path) -> None:
    """Bring a second model, and wait until it can be chosen."""
    qtbot.waitUntil(lambda: session.models.manager is not None, timeout=WAIT_MS)
    session.models.adopt(folder)
    qtbot.waitUntil(lambda: page.form.model_field.box.count() == 4, timeout=WAIT_MS)


def choose(qtbot: QtBot, page: CreatePage, other_than: str) -> None:
    """Choose the other model in the combo box, as its list does."""
    box = page.form.model_field.box
    no_model = ("", other_than, "Get more models")
    index = next(index for index in range(box.count()) if box.itemText(index) not in no_model)
    before = page.model
    box.setCurrentIndex(index)
    box.activated.emit(index)
    qtbot.waitUntil(lambda: page.model is not before, timeout=WAIT_MS)


def test_that_another_model_keeps_prompt_and_says_what_changed(
    qtbot: QtBot, page: CreatePage, session: Session, own_model: Callable[[str], Path]
) -> None:
    page.form.write_prompt("a fox in the snow")
    page.form.change(seed=7, num_inference_steps=8, guidance_scale=9.0)
    adopt(qtbot, page, session, own_model("t2v"))
    choose(qtbot, page, page.model.metadata.name)
    state = page.form.state
    assert (state.prompt, state.seed) == ("a fox in the snow", 7)
    assert state.model_id == page.model.metadata.model_id != "shapes"
    assert (state.width, state.height) in [(size.width, size.height) for size in page.model.metadata.sizes]
    assert state.guidance_scale == page.model.metadata.guidance_scale
    assert page.form.model_field.field.said().startswith("Now for ")
    assert page.form.prompt.toPlainText() == "a fox in the snow"


def test_that_another_model_keeps_what_the_prompt_can_undo(
    qtbot: QtBot, page: CreatePage, session: Session, own_model: Callable[[str], Path]
) -> None:
    page.form.write_prompt("a fox in the snow")
    page.form.write_prompt("a red ball")
    adopt(qtbot, page, session, own_model("t2v"))
    choose(qtbot, page, page.model.metadata.name)
    assert page.form.prompt.toPlainText() == page.form.state.prompt == "a red ball"
    qtbot.mouseClick(page.form.prompt_box.undo, Qt.MouseButton.LeftButton)
    assert page.form.prompt.toPlainText() == page.form.state.prompt == "a fox in the snow"
    page.form.prompt.redo()
    assert page.form.state.prompt == "a red ball"


def test_that_the_model_of_the_last_time_comes_back(
    qtbot: QtBot, page: CreatePage, session: Session, model: Model, own_model: Callable[[str], Path]
) -> None:
    adopt(qtbot, page, session, own_model("t2v"))
    choose(qtbot, page, page.model.metadata.name)
    page.form.change(prompt="kept", num_inference_steps=11)
    page.close_down()
    again = CreatePage()
    qtbot.addWidget(again)
    again.attach(session, lambda: model)
    qtbot.waitUntil(lambda: again.form is not None, timeout=WAIT_MS)
    session.models.look_again()
    qtbot.waitUntil(lambda: again.model.metadata.model_id == page.model.metadata.model_id, timeout=WAIT_MS)
    assert (again.form.state.prompt, again.form.state.num_inference_steps) == ("kept", 11)


def test_that_the_last_entry_leads_to_more_models(qtbot: QtBot, page: CreatePage) -> None:
    box = page.form.model_field.box
    last = box.count() - 1
    assert box.itemText(last) == "Get more models"
    with qtbot.waitSignal(page.page_requested) as asked:
        box.setCurrentIndex(last)
        box.activated.emit(last)
    assert asked.args == [PageId.MODELS, None]
    assert box.currentIndex() == 0


def test_that_the_built_in_model_wears_its_badge(qtbot: QtBot, page: CreatePage) -> None:
    field = page.form.model_field
    qtbot.waitUntil(lambda: field.badge.isVisibleTo(page) and field.badge.text != "Not checked", timeout=WAIT_MS)


def test_that_shape_and_seconds_are_kept_where_the_other_model_has_them(model: Model, resources: Path) -> None:
    other = replace(model, metadata=read_catalog(resources)["wan2.2-ti2v-5b"])
    state = default_state(other).with_changes(prompt="a fox", width=704, height=1280, mode=GenerationMode.TI2V)
    tall = replace(model, metadata=read_catalog(resources)["wan2.1-t2v-1.3b"])
    after, note = moved(state, other, tall)
    assert after.height > after.width
    assert abs(after.num_frames / after.fps - state.num_frames / state.fps) < 0.3
    assert (after.prompt, after.mode) == ("a fox", GenerationMode.TI2V)
    assert f"{after.width} \u00d7 {after.height}" in note


def test_that_a_draft_test_is_short_and_quick(model: Model) -> None:
    state = default_state(model).with_changes(prompt="a fox", count=5)
    test = draft_test(state, model)
    assert (test.num_frames, test.num_inference_steps, test.count) == (9, 8, 1)
    assert (test.prompt, test.width) == ("a fox", state.width)


# The queue and stopping ----------------------------------------------------------------------------------------------


def test_that_versions_differ_in_their_seeds_and_wrap_at_the_end(model: Model) -> None:
    state = default_state(model).with_changes(seed=2**32 - 2)
    assert [draft.seed for draft in versions(state, 4)] == [2**32 - 2, 2**32 - 1, 0, 1]
    assert versions(state.with_changes(seed=None), 1)[0].seed is None
    drawn = [draft.seed for draft in versions(state.with_changes(seed=None), 3)]
    assert [(seed - drawn[0]) % 2**32 for seed in drawn] == [0, 1, 2]


def test_that_while_a_video_is_made_the_button_adds_to_the_queue(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    page.use_queue()
    begin(qtbot, page)
    assert page.footer.generate.text() == "Add to queue"
    page.form.change(count=3, seed=5)
    with qtbot.waitSignal(page.queue_requested) as asked:
        qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    assert [draft.seed for draft in asked.args[0]] == [5, 6, 7]
    with qtbot.waitSignal(page.queue_requested) as asked:
        page.test_draft()
    assert asked.args[0][0].num_frames == 9


@pytest.mark.qt_log_ignore("propagateSizeHints", "raise", "grabbing the", extend=True)  # a menu, offscreen
def test_that_without_a_queue_nothing_is_queued(page: CreatePage) -> None:
    asked = []
    page.queue_requested.connect(asked.append)
    page.form.write_prompt("a fox")
    page.add_to_queue()
    page.generate_versions()
    page.footer.more.click()
    assert not asked
    assert not page.tools.menu.queue.isVisible()
    assert not page.form.count_field.isVisibleTo(page)
    page.tools.menu.close()


def test_that_several_videos_all_go_to_the_queue(qtbot: QtBot, page: CreatePage) -> None:
    page.use_queue()
    page.form.write_prompt("a fox")
    page.form.count.setValue(2)
    with qtbot.waitSignal(page.queue_requested) as asked:
        qtbot.mouseClick(page.footer.generate, Qt.MouseButton.LeftButton)
    assert len(asked.args[0]) == 2
    assert not page.rendering
    with qtbot.waitSignal(page.queue_requested) as asked:
        page.tools.menu.versions.trigger()
    assert len(asked.args[0]) == 4


def test_that_a_second_of_it_can_be_tried(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    page.form.write_prompt("a red circle moving right on a black background")
    before = page.form.state
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS) as ended:
        page.tools.menu.test.trigger()
    request = ended.args[0].settled.request
    assert (request.num_frames, request.num_inference_steps) == (9, 8)
    assert page.form.state == before


def let_time_pass(page: CreatePage, seconds: float) -> None:
    """What runs has been worked on for so much longer."""
    pause = page.window().session.renders.pause
    before_s = pause.clock()
    pause.clock = lambda: before_s + seconds


def test_that_stopping_long_work_asks_first(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    begin(qtbot, page)
    let_time_pass(page, 600)
    page.ask_to_stop()
    box = page.desk.question.box
    assert "10 min" in box.informativeText()
    next(button for button in box.buttons() if button.text() == "Keep going").click()
    assert page.rendering
    page.ask_to_stop()
    box = page.desk.question.box
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        next(button for button in box.buttons() if button.text() == "Stop now").click()
    assert page.desk.question.box is None


def test_that_a_question_that_is_late_goes_away(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("slow")
    begin(qtbot, page)
    let_time_pass(page, 600)
    page.ask_to_stop()
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        page.stop()
    assert page.desk.question.box is None


def test_that_keys_for_the_form_have_their_deeds(qtbot: QtBot, open_program: OpenProgram) -> None:
    page = open_program().window.create
    qtbot.waitUntil(lambda: page.form is not None, timeout=WAIT_MS)
    page.new_seed()
    assert page.form.state.seed is not None
    page.choose_image()
    assert page.form.state.wants_image
    dialog = page.form.image.findChild(QFileDialog)
    dialog.reject()
