"""Colours, icons, style sheet."""

import itertools
import re
from pathlib import Path

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from wan_desktop.ui.style import style_sheet
from wan_desktop.ui.theme import DARK, LIGHT, Look, Tokens, contrast, icon_pixmap, token_names

TEXT_PAIRS = [
    *itertools.product(("text", "text2", "text3"), ("bg", "side", "card", "raised", "field")),
    *itertools.product(("link",), ("bg", "card", "field")),
    *itertools.product(("ok", "warn", "bad", "info"), ("bg", "card")),
    ("text", "sel"),
    ("ok", "ok_bg"),
    ("warn", "warn_bg"),
    ("bad", "bad_bg"),
    ("bad", "raised"),
    ("info", "info_bg"),
    ("on_accent", "accent"),
]
EDGE_PAIRS = [
    *itertools.product(("strong",), ("bg", "card", "field")),
    ("link", "bg"),
    ("accent", "card"),
    ("accent", "bg"),
    ("fill_ok", "track"),
    ("fill_idle", "track"),
    ("accent", "track"),
]


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(("front", "back"), TEXT_PAIRS)
def test_that_text_can_be_read(tokens: Tokens, front: str, back: str) -> None:
    assert contrast(getattr(tokens, front), getattr(tokens, back)) >= 4.5


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(("front", "back"), EDGE_PAIRS)
def test_that_edges_and_bars_can_be_seen(tokens: Tokens, front: str, back: str) -> None:
    assert contrast(getattr(tokens, front), getattr(tokens, back)) >= 3.0


def test_that_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
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
