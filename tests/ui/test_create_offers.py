"""After a failure for lack of memory: what was tried, and what can be tried instead, with numbers."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.ui.audit import faults
from tests.ui.conftest import WAIT_MS
from tests.ui.test_render import finish
from wan_desktop.core.card_programs import CardProgram
from wan_desktop.core.errors import DiskFullError, OutOfMemoryError
from wan_desktop.core.fallback import Outcome
from wan_desktop.core.generation import Attempt
from wan_desktop.core.recommendations import ChangeKind, Recommendation
from wan_desktop.ui.create import estimate_texts
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.page import SHOW_PROGRAMS, PageId
from wan_desktop.ui.widgets.error_card import ErrorCard, ErrorOffer, ErrorText

OpenPage = Callable[..., CreatePage]
NOW = (1280, 704, 121)
GB = 10**9


def smaller(**changes: object) -> Recommendation:
    """A smaller video that would fit."""
    values = {"width": 832, "height": 480, "num_frames": 121, "vram_peak_bytes": round(7.9 * GB)} | changes
    return Recommendation(kind=ChangeKind.REQUEST, text="", seconds_low=160, seconds_high=200, **values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (smaller(), "Make it 832 \u00d7 480 and retry"),
        (smaller(width=1280, height=704, num_frames=73), "Shorten to 3 s and retry"),
        (smaller(num_frames=49), "Use 832 \u00d7 480, 2 s and retry"),
        (Recommendation(kind=ChangeKind.VARIANT, text="", variant="Q4_K"), "Use the smaller weights Q4_K and retry"),
        (Recommendation(kind=ChangeKind.MODEL, text="", model_id="wan"), "Use wan and retry"),
        (Recommendation(kind=ChangeKind.CLOSE_PROGRAMS, text="", size_bytes=GB), "Close other programs"),
    ],
    ids=["size", "length", "both", "variant", "model", "programs"],
)
def test_that_a_button_says_what_it_does(change: Recommendation, words: str) -> None:
    assert estimate_texts.retry_words(change, NOW, 24) == words


def test_that_a_model_that_is_not_here_has_to_be_got() -> None:
    change = Recommendation(kind=ChangeKind.VARIANT, text="", model_id="wan", variant="Q4_K")
    assert estimate_texts.retry_words(change, NOW, 24, is_here=False) == "Get wan \u00b7 Q4_K"
    named = replace(change, model_name="Wan 2.2 TI2V 5B")
    assert estimate_texts.retry_words(named, NOW, 24, is_here=False) == "Get Wan 2.2 TI2V 5B \u00b7 Q4_K"
    assert estimate_texts.retry_icon(change, is_here=False) == "download"


def test_that_a_result_is_told_with_memory_and_time() -> None:
    assert estimate_texts.result_words(smaller()) == "7.9 GB, about 3 min"
    close = Recommendation(kind=ChangeKind.CLOSE_PROGRAMS, text="", size_bytes=round(1.3 * GB))
    game = replace(close, programs=(CardProgram("game", 8_200_000_000, (1,)),))
    assert estimate_texts.result_words(game).endswith("the largest: game 8.2 GB")
    assert estimate_texts.result_words(close) == "frees up to 1.3 GB of video memory"
    assert estimate_texts.result_words(Recommendation(kind=ChangeKind.MODEL, text="")) == ""


@pytest.mark.parametrize(
    ("plan", "outcome", "words"),
    [
        ("resident", Outcome.OUT_OF_MEMORY, "Kept the whole model on the card: not enough memory"),
        (
            "component-text-cpu-vae-tiled",
            Outcome.OUT_OF_MEMORY,
            "Kept only the part that works on the card, read the prompt on the processor, built the pictures in tiles: "
            "not enough memory",
        ),
        ("blocks-one-expert", Outcome.ENGINE_DIED, "one half of the model at a time: the engine stopped"),
        ("cpu-cpu", Outcome.FAILED, "Computed it on the processor, with as little memory as possible: it failed"),
        ("a-new-plan", "a new outcome", "Loaded the model as usual"),
    ],
)
def test_that_attempts_are_told_in_plain_words(plan: str, outcome: str, words: str) -> None:
    (line,) = estimate_texts.tried_words([Attempt(plan=plan, outcome=outcome, seconds=1.0)])
    assert line.endswith(words)


def test_that_only_the_last_of_many_attempts_are_told() -> None:
    attempts = [Attempt(plan="resident", outcome=Outcome.OUT_OF_MEMORY, seconds=1.0)] * 30
    assert len(estimate_texts.tried_words(attempts)) == 5


def test_that_the_first_offer_is_the_main_button(qtbot: QtBot) -> None:
    card = ErrorCard(ErrorText(title="Not enough memory", number="WAN-3001", message="It did not fit."))
    qtbot.addWidget(card)
    card.show_offers((ErrorOffer("Make it smaller", "7.9 GB", 1), ErrorOffer("Shorten it", "", 2)))
    assert [button.property("kind") for button in (*card.offers, card.retry)] == ["primary", "secondary", "secondary"]
    assert card.offers[0].accessibleName() == "Make it smaller: 7.9 GB"
    with qtbot.waitSignal(card.offer_requested) as chosen:
        qtbot.mouseClick(card.offers[1], Qt.MouseButton.LeftButton)
    assert chosen.args == [2]


def test_that_lack_of_memory_says_what_was_tried_and_offers_less(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("oom")
    assert isinstance(finish(qtbot, page), OutOfMemoryError)
    card = page.stage.error
    assert len(card.text.tried) > 1
    assert all("not enough memory" in line for line in card.text.tried)
    qtbot.waitUntil(lambda: bool(card.offers), timeout=WAIT_MS)
    assert card.offers[0].text() == "Shorten to 1.1 s and retry"
    assert not faults(page.window())


def test_that_an_offer_changes_the_form_and_tries_again(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("oom")
    finish(qtbot, page)
    card = page.stage.error
    qtbot.waitUntil(lambda: bool(card.offers), timeout=WAIT_MS)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        qtbot.mouseClick(card.offers[0], Qt.MouseButton.LeftButton)
        assert page.rendering
    assert page.form.state.num_frames == 9
    assert page.form.state.prompt.startswith("a red circle")


def test_that_closing_programs_leads_to_this_pc(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    with qtbot.waitSignal(page.page_requested) as asked:
        page.tools.apply(Recommendation(kind=ChangeKind.CLOSE_PROGRAMS, text=""), retry=True)
    assert asked.args == [PageId.THIS_PC, SHOW_PROGRAMS]
    assert not page.rendering


def test_that_a_model_that_is_not_here_leads_to_the_models_page(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page()
    with qtbot.waitSignal(page.page_requested) as asked:
        page.tools.apply(Recommendation(kind=ChangeKind.VARIANT, text="", model_id="a", variant="b"), retry=True)
    assert asked.args[0] is PageId.MODELS
    assert str(asked.args[1]) == "a--b"


def test_that_other_failures_offer_nothing(qtbot: QtBot, open_page: OpenPage) -> None:
    page = open_page("oom")
    finish(qtbot, page)
    found = []
    page.tools.estimator.offers_found.connect(found.append)
    qtbot.waitUntil(lambda: bool(found) or bool(page.stage.error.offers), timeout=WAIT_MS)
    found.clear()
    page.tools.help_after(DiskFullError("The drive is full."), None)
    page.tools.estimator.ask_after_failure(page.desk._asked)
    qtbot.waitUntil(lambda: bool(found), timeout=WAIT_MS)
    assert len(found) == 1, "only what was asked for was looked for"
