"""What each error means, offline: its cause, what to do, and what the program tries by itself.

The numbers are those of `errors`, and those of what is told without an error: problems of the PC, a slow render, a size
that was adjusted. The texts live in `error_help_texts`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wan_desktop.core.error_help_entry import ErrorHelp
from wan_desktop.core.error_help_texts import ENTRIES
from wan_desktop.core.words import mark, tr

_NUMBER = re.compile(r"(?:WAN-?)?\s*(\d{4})", re.IGNORECASE)
_GROUPS = {
    1: mark("This PC and its graphics card"),
    2: mark("Downloads and models"),
    3: mark("Making videos"),
    4: mark("Saving and playing videos"),
    5: mark("What was asked for"),
    6: mark("The program"),
}
_BY_NUMBER = {entry.number: entry for entry in ENTRIES}


@dataclass(frozen=True, slots=True)
class HelpGroup:
    """Entries about one part of the program."""

    title: str
    entries: tuple[ErrorHelp, ...]


def help_of(number: int) -> ErrorHelp | None:
    """The help text of that number; None if there is none of it."""
    return _BY_NUMBER.get(number)


def number_in(text: str) -> int | None:
    """The number that somebody wrote: `3001`, `WAN-3001`, `wan 3001`; None if it is no number."""
    found = _NUMBER.fullmatch(text.strip())
    return int(found[1]) if found else None


def search_help(text: str) -> tuple[ErrorHelp, ...]:
    """Entries in which every word of the text stands, in the language in use; all for an empty text."""
    number = number_in(text)
    if number is not None and number in _BY_NUMBER:
        return (_BY_NUMBER[number],)
    words = text.casefold().split()
    return tuple(entry for entry in ENTRIES if all(word in _searched(entry) for word in words))


def help_groups(entries: tuple[ErrorHelp, ...] = ENTRIES) -> Iterator[HelpGroup]:
    """The entries by their first digit, without empty groups."""
    for digit, title in _GROUPS.items():
        found = tuple(entry for entry in entries if entry.number // 1000 == digit)
        if found:
            yield HelpGroup(tr(title), found)


def _searched(entry: ErrorHelp) -> str:
    texts = (entry.title, entry.cause, *entry.what_to_do, entry.tried)
    return f"WAN-{entry.number} {' '.join(tr(text) for text in texts)}".casefold()
