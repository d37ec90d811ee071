"""Toasts: they come, go by themselves, stay while somebody looks, and are kept as messages."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QCursor, QEnterEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from wan_desktop.core.errors import DriveMissingError
from wan_desktop.ui.live.messages import MessageLog
from wan_desktop.ui.page import PageId
from wan_desktop.ui.shortcuts import move_focus
from wan_desktop.ui.widgets.toast import Toast, ToastStack
from wan_desktop.ui.widgets.toast_place import best_place

LONG_MS, SHORT_MS = 600_000, 150


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(900, 600)
    layout = QVBoxLayout(made)
    layout.addWidget(QLineEdit(made))
    made.show()
    qtbot.waitExposed(made)
    QCursor.setPos(made.mapToGlobal(QPoint(5, 5)))  # where no toast comes under it
    return made


@pytest.fixture
def log(window: QWidget) -> MessageLog:
    return MessageLog(window)


@pytest.fixture
def stack(window: QWidget, log: MessageLog) -> ToastStack:
    return ToastStack(window, log, stay_ms=LONG_MS)


def enter(toast: Toast) -> None:
    point = QPointF(1, 1)
    QApplication.sendEvent(toast, QEnterEvent(point, point, point))


def leave(toast: Toast) -> None:
    QApplication.sendEvent(toast, QEvent(QEvent.Type.Leave))


def test_that_a_message_is_shown_at_the_bottom_right(window: QWidget, log: MessageLog, stack: ToastStack) -> None:
    log.say("ok", "Video saved", "fox.mp4")
    (toast,) = stack.toasts
    area = toast.geometry()
    assert toast.isVisible()
    assert window.rect().contains(area)
    assert window.width() - area.right() < 30
    assert window.height() - area.bottom() < 30
    assert toast.accessibleName() == "Video saved. fox.mp4"


def test_that_the_newest_is_lowest_and_none_covers_another(log: MessageLog, stack: ToastStack) -> None:
    for number in range(3):
        log.say("info", f"Message {number}", "word " * 20 * number)
    tops = [toast.geometry().top() for toast in stack.toasts]
    assert tops == sorted(tops)
    assert not any(
        one.geometry().intersects(other.geometry())
        for one in stack.toasts
        for other in stack.toasts
        if one is not other
    )


def test_that_long_words_are_shown_whole(log: MessageLog, stack: ToastStack) -> None:
    log.say("warn", "A title that is far too long to stand in a single line of this small card", "words " * 40)
    (toast,) = stack.toasts
    assert toast.height() >= toast.heightForWidth(toast.width())


def test_that_the_oldest_gives_way(log: MessageLog, stack: ToastStack) -> None:
    for number in range(5):
        log.say("info", f"Message {number}")
    assert [toast.message.title for toast in stack.toasts] == ["Message 2", "Message 3", "Message 4"]
    assert len(log.messages) == 5


def test_that_a_toast_goes_by_itself(qtbot: QtBot, window: QWidget, log: MessageLog) -> None:
    stack = ToastStack(window, log, stay_ms=SHORT_MS)
    log.say("info", "Passing")
    assert len(stack.toasts) == 1
    qtbot.waitUntil(lambda: not stack.toasts)
    assert [message.title for message in log.messages] == ["Passing"]


def test_that_the_mouse_on_one_keeps_all(qtbot: QtBot, window: QWidget, log: MessageLog) -> None:
    stack = ToastStack(window, log, stay_ms=SHORT_MS)
    clock = MessageLog(window)
    passing = ToastStack(window, clock, stay_ms=2 * SHORT_MS)
    log.say("info", "One")
    log.say("info", "Two")
    enter(stack.toasts[1])
    clock.say("info", "A clock")
    qtbot.waitUntil(lambda: not passing.toasts)
    assert len(stack.toasts) == 2
    leave(stack.toasts[1])
    qtbot.waitUntil(lambda: not stack.toasts)


def test_that_one_that_comes_while_somebody_looks_waits_too(qtbot: QtBot, window: QWidget, log: MessageLog) -> None:
    stack = ToastStack(window, log, stay_ms=SHORT_MS)
    log.say("info", "One")
    enter(stack.toasts[0])
    log.say("info", "Two")
    leave(stack.toasts[0])
    qtbot.waitUntil(lambda: not stack.toasts)


def test_that_it_can_be_closed(qtbot: QtBot, log: MessageLog, stack: ToastStack) -> None:
    log.say("info", "One")
    log.say("info", "Two")
    qtbot.mouseClick(stack.toasts[0].close_button, Qt.MouseButton.LeftButton)
    assert [toast.message.title for toast in stack.toasts] == ["Two"]


def test_that_keys_reach_it_and_esc_closes_it(
    qtbot: QtBot, window: QWidget, log: MessageLog, stack: ToastStack
) -> None:
    window.activateWindow()
    log.say("info", "One", action=("Undo", lambda: None))
    toast = stack.toasts[0]
    move_focus(window, (window.findChildren(QLineEdit)[0], *stack.toasts), 1)
    assert toast.isAncestorOf(window.focusWidget())
    qtbot.waitUntil(lambda: toast.is_held)
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
    assert stack.toasts == []


def test_that_its_action_is_done_once(qtbot: QtBot, log: MessageLog, stack: ToastStack) -> None:
    done: list[str] = []
    message = log.say("info", "Deleted", action=("Undo", lambda: done.append("undone")))
    action = stack.toasts[0].action
    assert action is not None
    qtbot.mouseClick(action, Qt.MouseButton.LeftButton)
    log.act(message)
    assert done == ["undone"]
    assert stack.toasts == []
    assert not log.can_act(message)


def test_that_a_message_without_an_action_has_no_button(log: MessageLog, stack: ToastStack) -> None:
    message = log.say("info", "Nothing to do")
    assert stack.toasts[0].action is None
    assert not log.can_act(message)


def test_that_all_follow_the_window(qtbot: QtBot, window: QWidget, log: MessageLog, stack: ToastStack) -> None:
    log.say("info", "One")
    window.resize(1200, 800)
    qtbot.waitUntil(lambda: window.width() - stack.toasts[0].geometry().right() < 30)
    assert window.height() - stack.toasts[0].geometry().bottom() < 30


def test_that_text_is_never_taken_for_html(log: MessageLog, stack: ToastStack) -> None:
    log.say("info", "<b>bold</b>", "<img src=x>")
    texts = [part.textFormat() for part in stack.toasts[0].findChildren(QWidget) if hasattr(part, "textFormat")]
    assert texts.count(Qt.TextFormat.PlainText) == 2


def test_that_an_error_is_told_with_its_number_and_kept(log: MessageLog, stack: ToastStack) -> None:
    error = DriveMissingError("Drive D: is gone.", hint="Connect it.")
    log.say_error(error)
    assert stack.toasts[0].message.title == "The model drive is not connected (WAN-2104)"
    assert stack.toasts[0].message.words == "Drive D: is gone. Connect it."
    assert log.last_error is error


def test_that_only_the_last_hundred_are_kept(log: MessageLog) -> None:
    messages = [log.say("info", str(number), action=("Do", lambda: None)) for number in range(150)]
    log.act(messages[-1])
    assert [message.title for message in log.messages] == [str(number) for number in range(149, 49, -1)]


def test_that_an_unknown_kind_is_refused(log: MessageLog) -> None:
    with pytest.raises(ValueError, match="no kind"):
        log.say("loud", "x")


# Where they lie ------------------------------------------------------------------------------------------------------


def covered(window: QWidget, toast: Toast) -> list[str]:
    """Controls that lie under it."""

    def seen(widget: QWidget) -> QRect:
        return widget.visibleRegion().boundingRect().translated(widget.mapTo(window, QPoint()))

    return [
        f"{type(widget).__name__} {widget.accessibleName()}"
        for widget in window.findChildren(QWidget)
        if isinstance(widget, (QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QSlider))
        and widget.isVisible()
        and not toast.isAncestorOf(widget)
        and seen(widget).intersects(toast.geometry())
    ]


def test_that_a_toast_goes_up_where_a_control_lies_at_the_bottom(window: QWidget, log: MessageLog) -> None:
    stack = ToastStack(window, log, stay_ms=LONG_MS)
    button = QPushButton("Generate", window)
    button.setGeometry(window.width() - 200, window.height() - 60, 180, 46)
    button.show()
    log.say("info", "One")
    (toast,) = stack.toasts
    assert toast.geometry().bottom() < button.geometry().top()
    assert window.width() - toast.geometry().right() < 30
    assert not covered(window, toast)


def test_that_a_toast_moves_when_a_control_comes_under_it(qtbot: QtBot, window: QWidget, log: MessageLog) -> None:
    stack = ToastStack(window, log, stay_ms=LONG_MS)
    log.say("info", "One")
    (toast,) = stack.toasts
    layout = window.layout()
    assert isinstance(layout, QVBoxLayout)
    button = QPushButton("Generate", window)
    layout.addWidget(button, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom)
    qtbot.waitUntil(lambda: button.isVisible() and not covered(window, toast))


def test_that_where_there_is_room_for_one_the_older_give_way(window: QWidget, log: MessageLog) -> None:
    stack = ToastStack(window, log, stay_ms=LONG_MS)
    for row in range(0, window.height() - 100, 40):
        button = QPushButton(str(row), window)
        button.setGeometry(0, row, window.width(), 36)
        button.show()
    for number in range(3):
        log.say("info", f"Message {number}")
    assert [toast.message.title for toast in stack.toasts] == ["Message 2"]
    assert not covered(window, stack.toasts[0])


def test_that_the_main_button_is_covered_last(window: QWidget) -> None:
    area = QRect(0, 0, 800, 600)
    taken = [(QRect(0, 0, 800, 300), 1), (QRect(0, 300, 800, 300), 1000)]
    place, is_free = best_place(area, QSize(360, 80), taken)
    assert not is_free
    assert place.bottom() < 300


def test_that_a_free_corner_is_taken() -> None:
    place, is_free = best_place(QRect(16, 16, 800, 600), QSize(360, 80), [])
    assert is_free
    assert place == QRect(16 + 800 - 360, 16 + 600 - 80, 360, 80)


@pytest.mark.parametrize("page_id", list(PageId))
@pytest.mark.parametrize("scale", [1.0, 1.5], ids=["usual text", "large text"])
def test_that_in_a_small_window_nothing_is_covered(
    qtbot: QtBot, open_program: OpenProgram, page_id: PageId, scale: float
) -> None:
    program = open_program()
    window = program.window
    program.theme.set_scale(scale)
    smallest = QSize(1100, 640) if scale == 1.0 else QSize(1280, 672)
    window.resize(1100, 640)
    window.show_page(page_id)
    qtbot.waitUntil(lambda: window.size() == smallest)
    qtbot.waitUntil(lambda: bool(window.session.models.offers()), timeout=WAIT_MS)
    window.session.messages.say("ok", "Your video is ready", "a red circle.mp4", ("Show", lambda: None))
    (toast,) = window.toasts.toasts
    assert window.rect().contains(toast.geometry())
    names = covered(window, toast)
    if page_id is PageId.CREATE or scale == 1.0:
        assert not names
    assert not any("Generate" in name for name in names)
