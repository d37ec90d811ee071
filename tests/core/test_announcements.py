"""Screen readers are given what matters, at a pace that can be followed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.announcements import AGAIN_S, EVERY_S, Announcement, Announcements, sentences

ERROR = Announcement("Not enough memory", assertive=True)


def polite(text: str, topic: str = "") -> Announcement:
    return Announcement(text, topic=topic)


def test_that_the_first_words_are_said_at_once() -> None:
    assert Announcements().take(polite("Ready"), 0.0) == polite("Ready")


def test_that_polite_words_wait_their_turn() -> None:
    words = Announcements()
    words.take(polite("one"), 0.0)
    assert words.take(polite("two"), 1.0) is None
    assert words.wait_s(1.0) == EVERY_S - 1.0
    assert words.due(EVERY_S - 0.01) is None
    assert words.due(EVERY_S) == polite("two")
    assert words.wait_s(EVERY_S) is None


def test_that_what_waited_is_said_together_and_in_order() -> None:
    words = Announcements()
    words.take(polite("one"), 0.0)
    for text in ("The download is done", "Saved!", "The queue is paused."):
        words.take(polite(text), 1.0)
    said = words.due(EVERY_S)
    assert said == polite("The download is done. Saved! The queue is paused.")


def test_that_a_topic_is_told_as_it_is_now() -> None:
    words = Announcements()
    words.take(polite("Reading the prompt", "render"), 0.0)
    words.take(polite("Create frames", "render"), 1.0)
    words.take(polite("Copied"), 1.5)
    words.take(polite("25 percent", "render"), 2.0)
    assert words.due(EVERY_S) == polite("Copied. 25 percent")


def test_that_errors_are_said_at_once_and_nothing_follows_on_their_heels() -> None:
    words = Announcements()
    words.take(polite("one"), 0.0)
    words.take(polite("two"), 1.0)
    assert words.take(ERROR, 2.0) == ERROR
    assert words.due(EVERY_S) is None
    assert words.due(2.0 + EVERY_S) == polite("two")


def test_that_what_is_over_is_not_told_after_its_end() -> None:
    words = Announcements()
    words.take(polite("Starting", "render"), 0.0)
    words.take(polite("75 percent", "render"), 1.0)
    assert words.take(Announcement("Video ready", assertive=True, topic="render"), 2.0) is not None
    assert words.wait_s(2.0) is None


@pytest.mark.parametrize("assertive", [False, True])
def test_that_the_same_words_are_not_said_twice_in_a_row(assertive: bool) -> None:
    words = Announcements()
    same = Announcement("Copied", assertive=assertive)
    assert words.take(same, 0.0) == same
    assert words.take(same, AGAIN_S - 0.1) is None
    assert words.take(same, AGAIN_S + 0.1) == same


def test_that_an_error_is_not_repeated_between_others() -> None:
    words = Announcements()
    words.take(ERROR, 0.0)
    words.take(Announcement("Disk full", assertive=True), 1.0)
    assert words.take(ERROR, 2.0) is None


def test_that_what_goes_back_to_what_was_said_is_not_told_at_all() -> None:
    words = Announcements()
    words.take(polite("Fits this PC", "verdict"), 0.0)
    words.take(polite("Too big", "verdict"), 1.0)
    assert words.take(polite("Fits this PC", "verdict"), 2.0) is None
    assert words.wait_s(2.0) is None


def test_that_words_that_differ_from_what_waits_are_told_though_they_were_said_before() -> None:
    words = Announcements()
    words.take(polite("On"), 0.0)
    words.take(polite("Off"), 1.0)
    words.take(polite("On"), 2.0)
    assert words.due(EVERY_S) == polite("Off. On")


def test_that_texts_become_sentences() -> None:
    assert sentences("Video saved", "", " fox.mp4 ") == "Video saved. fox.mp4"
    assert sentences("Really?", "Yes.", "Undo") == "Really? Yes. Undo"
    assert sentences() == ""


def test_that_nothing_is_said_without_words() -> None:
    words = Announcements()
    assert words.take(Announcement("  ", assertive=True), 0.0) is None
    assert words.due(100.0) is None


@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.sampled_from("abc"), st.booleans(), st.sampled_from(["", "x", "y"])), max_size=40
    )
)
def test_that_nobody_is_talked_over(steps: list[tuple[float, str, bool, str]]) -> None:
    words, now = Announcements(), 0.0
    said: list[tuple[float, Announcement]] = []
    for wait_s, text, assertive, topic in steps:
        now += wait_s
        for found in (words.due(now), words.take(Announcement(text, assertive, topic), now)):
            said += [(now, found)] if found is not None else []
    for (before_at, before), (at, after) in itertools.pairwise(said):
        assert after.assertive or at - before_at >= EVERY_S
        assert before.text != after.text or at - before_at >= AGAIN_S
