"""Colours, icons, style sheet."""

import itertools
import re
from pathlib import Path

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from wan_desktop.ui.icons import icon_pixmap
from wan_desktop.ui.style import style_sheet
from wan_desktop.ui.theme import DARK, LIGHT, Look, Tokens, contrast, token_names

THEMES = pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
UI = Path(__file__).resolve().parents[2] / "wan_desktop" / "ui"

# Every token is one of these, so that their products are all pairs that there can be.
TEXT = ("text", "text2", "text3", "link", "ok", "warn", "bad", "info", "idle")
"""Letters and icons, on any surface; `link` is the focus ring too."""
SURFACES = (
    *("bg", "side", "card", "raised", "field", "sel", "track"),
    *("ok_bg", "warn_bg", "bad_bg", "info_bg", "idle_bg"),
)
EDGES = ("strong",)
"""Of fields, boxes and scroll bars, on any surface."""
FILLS = ("fill_ok", "fill_warn", "fill_bad", "fill_idle", "fill_2", "fill_3")
"""Parts of bars on their tracks, and of their legends beside them."""
ACCENTS = ("accent", "accent_hover")
"""Below `on_accent` only; `accent` is a filling, too."""
ORNAMENTS = ("border",)
"""Tells nothing that the surface does not tell."""
CALM = ("bg", "side", "card", "field", "track")
"""On what sliders, bars, and boxes with a tick stand."""


def test_that_every_token_is_looked_at() -> None:
    known = (*TEXT, *SURFACES, *EDGES, *FILLS, *ACCENTS, *ORNAMENTS, "on_accent")
    assert sorted(known) == sorted(token_names())


@THEMES
@pytest.mark.parametrize(("front", "back"), [*itertools.product(TEXT, SURFACES)])
def test_that_text_can_be_read(tokens: Tokens, front: str, back: str) -> None:
    assert contrast(getattr(tokens, front), getattr(tokens, back)) >= 4.5


@THEMES
@pytest.mark.parametrize("back", ACCENTS)
def test_that_text_on_the_accent_can_be_read(tokens: Tokens, back: str) -> None:
    assert contrast(tokens.on_accent, getattr(tokens, back)) >= 4.5


@THEMES
@pytest.mark.parametrize(
    ("front", "back"),
    [
        *itertools.product(EDGES, SURFACES),
        *itertools.product(FILLS, ("track", "card", "bg")),
        *itertools.product(("accent",), CALM),
    ],
)
def test_that_edges_and_bars_can_be_seen(tokens: Tokens, front: str, back: str) -> None:
    assert contrast(getattr(tokens, front), getattr(tokens, back)) >= 3.0


def sheet_rules() -> list[tuple[str, dict[str, str]]]:
    """Selectors and declarations of the sheet, in which each colour is the name of its token."""
    named = Tokens(**{name: f"${name}" for name in token_names()})
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", style_sheet(Look(named)))
    return [
        (selector.strip(), dict(part.split(":", 1) for part in body.split(";") if ":" in part))
        for selector, body in ((selector, re.sub(r"\s+", " ", body)) for selector, body in rules)
    ]


def tokens_in(prop: str) -> set[str]:
    """Those that the sheet uses in declarations of that name."""
    return {
        token
        for _, body in sheet_rules()
        for name, value in body.items()
        if name.strip() == prop
        for token in re.findall(r"\$(\w+)", value)
    }


def test_that_the_sheet_uses_tokens_for_what_they_are_for() -> None:
    letters = tokens_in("color") | tokens_in("selection-color")
    grounds = tokens_in("background") | tokens_in("selection-background-color")
    assert letters <= {*TEXT, "on_accent"}
    # A slider's knob and its groove, a scroll bar's handle, and the knob of a chosen button are drawn, not written on.
    assert grounds <= {*SURFACES, *ACCENTS, *ORNAMENTS, "strong", "fill_idle", "on_accent"}
    assert tokens_in("border") <= {*EDGES, *ORNAMENTS, "link", "text", "accent"}


def test_that_on_an_accent_there_is_no_other_text() -> None:
    """A rule for a state (`:hover`) has the letters of the rule without it."""
    rules = dict(sheet_rules())
    own = {selector: body.get(" color", body.get("color", "")).strip() for selector, body in rules.items()}
    for selector, body in rules.items():
        ground = body.get(" background", body.get("background", "")).strip()
        is_drawn = "::" in selector
        if ground in ("$accent", "$accent_hover") and not is_drawn:
            usual = re.sub(r":\w+$", "", selector)
            assert (own[selector] or own.get(usual)) == "$on_accent", selector
        if "selection-background-color" in str(body) and "$accent" in str(body):
            assert "$on_accent" in str(body), selector


def test_that_colours_come_from_the_theme_only() -> None:
    """Except upon pictures, which have any colour: there a dark plate is below the letters."""
    upon_pictures = {
        *("library/cards.py", "library/compare.py", "library/wipe_view.py", "library/recent_strip.py"),
        *("models/picture.py", "widgets/drop_zone.py", "widgets/picture.py", "widgets/video_view.py"),
    }
    found = {
        file.relative_to(UI).as_posix()
        for file in UI.rglob("*.py")
        if re.search(r"#[0-9a-fA-F]{6}\b|QColor\(\d|QColor\(\"|GlobalColor", file.read_text(encoding="utf-8"))
    }
    assert found - {"theme.py", "icons.py"} <= upon_pictures
    assert contrast("#ffffff", "#0a0c10") >= 4.5


def test_that_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@THEMES
def test_that_the_style_sheet_knows_its_colours_only(tokens: Tokens) -> None:
    known = {getattr(tokens, name) for name in token_names()}
    assert set(re.findall(r"#[0-9a-f]{6}", style_sheet(Look(tokens)))) <= known


def test_that_text_size_scales_the_sheet() -> None:
    assert "font-size: 21px" in style_sheet(Look(DARK, 1.5))


def test_that_icons_take_the_colour_asked_for(qtbot: QtBot, qapp: QApplication) -> None:
    image = icon_pixmap("square", QColor("#ff0000"), 24).toImage()
    colors = {
        image.pixelColor(x, y).name() for x in range(24) for y in range(24) if image.pixelColor(x, y).alpha() == 255
    }
    assert colors == {"#ff0000"}


def test_that_every_icon_used_is_there_and_every_icon_there_is_used(resources: Path) -> None:
    sources = "".join(
        file.read_text(encoding="utf-8") for file in (Path(__file__).parents[2] / "wan_desktop" / "ui").rglob("*.py")
    )
    names = {file.stem for file in (resources / "icons").glob("*.svg")}
    unused = {name for name in names if f'"{name}"' not in sources}
    assert not unused
    asked = set(re.findall(r'icon_name="([a-z-]+)"', sources)) | set(re.findall(r'IconLabel\("([a-z-]+)"', sources))
    assert asked <= names
