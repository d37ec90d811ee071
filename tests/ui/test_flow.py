"""Things that stand side by side, and what an error offers."""

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS
from wan_desktop.ui.theme import ThemeManager
from wan_desktop.ui.widgets.error_card import ErrorCard, ErrorOffer, ErrorText
from wan_desktop.ui.widgets.flow import FlowLayout


def box(parent: QWidget, width: int, height: int) -> QWidget:
    made = QWidget(parent)
    made.setFixedSize(width, height)
    return made


@pytest.mark.parametrize(("width", "places"), [(200, [(0, 0), (60, 10)]), (100, [(0, 0), (0, 48)])])
def test_that_what_is_lower_stands_in_the_middle_of_its_line(
    qtbot: QtBot, width: int, places: list[tuple[int, int]]
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    flow = FlowLayout(window, 8)
    items = [box(window, 52, 40), box(window, 70, 20)]
    for item in items:
        flow.addWidget(item)
    window.resize(width, flow.heightForWidth(width))
    window.show()
    assert [(item.x(), item.y()) for item in items] == places
    assert window.height() == max(item.geometry().bottom() + 1 for item in items)


def test_that_offers_are_equally_wide_at_every_text_size(qtbot: QtBot, qapp: QApplication, theme: ThemeManager) -> None:
    offers = (ErrorOffer("Shorten", "1.3 GB", 1), ErrorOffer("Get a model that needs less memory", "", 2))
    card = ErrorCard(ErrorText(title="Not enough memory", number="WAN-3001", message="It needs more.", offers=offers))
    qtbot.addWidget(card)
    card.resize(700, 400)
    card.show()
    widths = []
    for scale in (1.0, 1.5):
        theme.set_scale(scale)
        qtbot.waitUntil(lambda: len({button.width() for button in card.offers}) == 1, timeout=WAIT_MS)
        qapp.processEvents()
        (width,) = {button.width() for button in card.offers}
        assert width >= max(button.sizeHint().width() for button in card.offers)
        widths.append(width)
    assert widths[1] > widths[0]
