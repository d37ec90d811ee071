"""Words of styles go into a prompt and come out of it again, and nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.prompt_styles import STYLE_GROUPS, has_words, with_words, without_words

WORDS = [style.words for group in STYLE_GROUPS for style in group.styles]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", "wide shot"),
        ("a fox", "a fox, wide shot"),
        ("a fox.", "a fox. wide shot"),
        ("a fox, ", "a fox, wide shot"),
        ("a fox, wide shot", "a fox, wide shot"),
        ("Wide shot, a fox", "Wide shot, a fox"),
        ("a very wide shot glass", "a very wide shot glass, wide shot"),
    ],
)
def test_that_words_are_added_once(prompt: str, expected: str) -> None:
    assert with_words(prompt, "wide shot") == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("wide shot", ""),
        ("a fox, wide shot", "a fox"),
        ("a fox, wide shot, neon", "a fox, neon"),
        ("wide shot, a fox", "a fox"),
        ("a fox. wide shot", "a fox."),
        ("a wide shot glass", "a wide shot glass"),
    ],
)
def test_that_words_are_taken_out_with_their_comma(prompt: str, expected: str) -> None:
    assert without_words(prompt, "wide shot") == expected


@given(st.text(alphabet="abc ,.!\n", max_size=30), st.sampled_from(WORDS))
def test_that_what_was_added_can_be_taken_out(prompt: str, words: str) -> None:
    added = with_words(prompt, words)
    assert has_words(added, words)
    left = without_words(added, words)
    assert not has_words(left, words)
    assert left.strip(" ,\n") == prompt.strip(" ,\n")


def test_that_no_style_hides_in_another() -> None:
    for words in WORDS:
        found = [other for other in WORDS if has_words(words, other)]
        assert found == [words]
