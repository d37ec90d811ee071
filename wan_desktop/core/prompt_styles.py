"""Words that give a video a camera, a light or a look; they are written into the prompt, where everyone can see them.

The words are those that people who film or paint use for it.
"""

import re
from dataclasses import dataclass

from wan_desktop.core.words import mark


@dataclass(frozen=True, slots=True)
class Style:
    """One chip."""

    name: str
    """On the chip; to be translated when shown."""
    words: str
    """What is written into the prompt; in English, as the models read it best."""


@dataclass(frozen=True, slots=True)
class StyleGroup:
    """Chips of one kind."""

    name: str
    styles: tuple[Style, ...]


STYLE_GROUPS = (
    StyleGroup(
        mark("Camera"),
        (
            Style(mark("Close-up"), "close-up shot"),
            Style(mark("Wide shot"), "wide shot"),
            Style(mark("From above"), "aerial view from above"),
            Style(mark("Tracking"), "slow tracking shot"),
            Style(mark("Zoom in"), "slow zoom in"),
            Style(mark("Still camera"), "static camera"),
        ),
    ),
    StyleGroup(
        mark("Lighting"),
        (
            Style(mark("Golden hour"), "warm golden hour light"),
            Style(mark("Soft"), "soft diffused light"),
            Style(mark("Night"), "night, moonlight"),
            Style(mark("Neon"), "neon light, reflections"),
            Style(mark("Backlight"), "strong backlight, silhouette"),
            Style(mark("Overcast"), "overcast sky, even light"),
        ),
    ),
    StyleGroup(
        mark("Look"),
        (
            Style(mark("Cinematic"), "cinematic, shallow depth of field"),
            Style(mark("Documentary"), "documentary style, natural colors"),
            Style(mark("Animation"), "hand-drawn animation"),
            Style(mark("Clay"), "stop-motion clay animation"),
            Style(mark("Watercolor"), "watercolor painting in motion"),
            Style(mark("Black and white"), "black and white film, fine grain"),
        ),
    ),
)


def has_words(prompt: str, words: str) -> bool:
    """The words stand in the prompt, as a part of their own between commas."""
    return _found(prompt, words) is not None


def with_words(prompt: str, words: str) -> str:
    """The prompt with the words behind it; unchanged if they are in it."""
    if has_words(prompt, words):
        return prompt
    kept = prompt.rstrip()
    if not kept:
        return words
    return f"{kept} {words}" if kept.endswith((",", ".", ";", ":", "!", "?")) else f"{kept}, {words}"


def without_words(prompt: str, words: str) -> str:
    """The prompt without the words, and without the comma that set them apart."""
    found = _found(prompt, words)
    if found is None:
        return prompt
    before, after = prompt[: found.start()], prompt[found.end() :]
    if before.rstrip().endswith(","):
        before = before.rstrip()[:-1]
    elif not before.strip():
        after = after.lstrip().removeprefix(",").lstrip()
    return before + after


def _found(prompt: str, words: str) -> re.Match[str] | None:
    marks = ",.;:!?"
    return re.search(rf"(?:^|(?<=[{marks}]))\s*{re.escape(words)}\s*(?=$|[{marks}])", prompt, re.IGNORECASE)
