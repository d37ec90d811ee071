"""What has the focus stays in sight when what stands around it becomes larger."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.test_shortcuts import bring_up
from wan_desktop.ui.widgets.keep_in_sight import KeepInSight

FIELD_PX = 30


class Form(NamedTuple):
    """Fields above each other, more than are seen, with something above and below that can grow."""

    window: QWidget
    area: QScrollArea
    above: QFrame
    fields: list[QFrame]
    below: QFrame

    def sees(self, field: QFrame) -> bool:
        return field.visibleRegion().boundingRect().height() == FIELD_PX


@pytest.fixture
def form(qtbot: QtBot) -> Iterator[Form]:
    window = QWidget()
    qtbot.addWidget(window)
    outer = QVBoxLayout(window)
    area, below, inner = QScrollArea(window), QFrame(window), QFrame()
    area.setWidgetResizable(True)
    area.setWidget(inner)
    outer.addWidget(area, 1)
    outer.addWidget(below)
    layout = QVBoxLayout(inner)
    above = QFrame(inner)
    fields = [QFrame(inner) for _ in range(20)]
    for frame in (above, below):
        frame.setFixedHeight(1)
    for widget in (above, *fields):
        layout.addWidget(widget)
    for field in fields:
        field.setFixedHeight(FIELD_PX)
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    keeper = KeepInSight(area)
    window.resize(300, 300)
    window.show()
    bring_up(qtbot, window)
    yield Form(window, area, above, fields, below)
    keeper.deleteLater()


def focus(qtbot: QtBot, form: Form, field: QFrame) -> None:
    field.setFocus()
    form.area.ensureWidgetVisible(field)
    qtbot.waitUntil(lambda: form.window.focusWidget() is field and form.sees(field))


@pytest.mark.parametrize("number", [0, 9, 19])
@pytest.mark.parametrize("grows", ["above", "below"])
def test_that_the_focus_stays_in_sight(qtbot: QtBot, form: Form, number: int, grows: str) -> None:
    field = form.fields[number]
    focus(qtbot, form, field)
    for height in (60, 1, 90):
        getattr(form, grows).setFixedHeight(height)
        qtbot.waitUntil(lambda wanted=height: getattr(form, grows).height() == wanted)  # type: ignore[misc]
        qtbot.wait(20)
        assert form.sees(field)


def test_that_who_has_scrolled_away_is_left_there(qtbot: QtBot, form: Form) -> None:
    focus(qtbot, form, form.fields[0])
    bar = form.area.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    before = bar.value()
    form.above.setFixedHeight(60)
    qtbot.waitUntil(lambda: form.above.height() == 60)
    qtbot.wait(20)
    assert bar.value() == before
    focus(qtbot, form, form.fields[19])
    form.below.setFixedHeight(60)
    qtbot.wait(20)
    assert form.sees(form.fields[19])
