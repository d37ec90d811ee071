"""Every error that people can be told has a help text, and every help text is complete."""

import pytest

from wan_desktop.core.error_help import help_groups, help_of, number_in, search_help
from wan_desktop.core.error_help_entry import ErrorHelp
from wan_desktop.core.error_help_texts import ENTRIES
from wan_desktop.core.errors import WanError, error_from_code

TOLD_WITHOUT_AN_ERROR = (1001, 1002, 1003, 3002, 3003, 3006, 3007, 5002)


def all_errors(parent: type[WanError] = WanError) -> list[type[WanError]]:
    found = [parent] if parent.__module__ == WanError.__module__ else []
    return found + [error for child in parent.__subclasses__() for error in all_errors(child)]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_that_every_error_has_a_help_text_of_its_title(error: type[WanError]) -> None:
    entry = help_of(error.number)
    assert entry is not None
    assert entry.title == error.title
    assert type(error_from_code(error.code, "")) is error


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry.number))
def test_that_a_help_text_is_complete(entry: ErrorHelp) -> None:
    texts = (entry.cause, entry.tried, *entry.what_to_do)
    assert entry.title
    assert entry.what_to_do
    assert all(text == text.strip() and text[-1] in ".n" and len(text) > 10 for text in texts)
    assert not any("{" in text for text in (entry.title, *texts))


def test_that_each_number_stands_for_one_thing() -> None:
    numbers = [entry.number for entry in ENTRIES]
    assert len(set(numbers)) == len(numbers)
    assert len({error.number for error in all_errors()}) == len(all_errors())


def test_that_no_help_text_is_about_nothing() -> None:
    known = {error.number for error in all_errors()} | set(TOLD_WITHOUT_AN_ERROR)
    assert {entry.number for entry in ENTRIES} == known


@pytest.mark.parametrize("text", ["3001", "WAN-3001", "wan 3001", " wan3001 "])
def test_that_a_number_is_understood_as_people_write_it(text: str) -> None:
    assert number_in(text) == 3001
    assert [entry.number for entry in search_help(text)] == [3001]


@pytest.mark.parametrize("text", ["memory", "30", "WAN-30011", ""])
def test_that_other_texts_are_no_numbers(text: str) -> None:
    assert number_in(text) is None


def test_that_words_are_searched_in_all_of_a_text() -> None:
    found = {entry.number for entry in search_help("Virus SCANNER")}
    assert {3005, 6001, 6004} <= found
    assert 5001 not in found
    assert search_help("") == ENTRIES
    assert search_help("zebra") == ()


def test_that_groups_hold_every_entry_once() -> None:
    groups = list(help_groups())
    assert tuple(entry for group in groups for entry in group.entries) == ENTRIES
    assert len({group.title for group in groups}) == len(groups) == 6
    assert [group.entries for group in help_groups(search_help("5001"))] == [(help_of(5001),)]
