"""What a screen reader is given while the real window works."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS, OpenProgram
from tests.ui.test_render import begin, finish
from tests.ui.test_shortcuts import press
from wan_desktop.core.announcements import EVERY_S, Announcement
from wan_desktop.core.render_progress import PauseState
from wan_desktop.ui.announcer import Announcer
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.page import PageId
from wan_desktop.ui.shortcuts import Action
from wan_desktop.ui.widgets.form import FormField

OpenPage = Callable[..., CreatePage]
Heard = list[Announcement]


def texts(heard: Heard) -> list[str]:
    """Their words."""
    return [each.text for each in heard]


# The voice -----------------------------------------------------------------------------------------------------------


def test_that_there_is_one_voice(qapp: QApplication) -> None:
    assert Announcer.of_application() is Announcer.of_application()


def test_that_what_waits_is_said_when_its_time_has_come(qtbot: QtBot, qapp: QApplication) -> None:
    now = [0.0]
    voice = Announcer(qapp, clock=lambda: now[0])
    said: Heard = []
    voice.said.connect(said.append)
    widget = QWidget()
    qtbot.addWidget(widget)
    for text in ("one", "two", "three"):
        voice.announce(widget, Announcement(text))
    assert texts(said) == ["one"]
    now[0] = EVERY_S - 0.01
    with qtbot.waitSignal(voice.said, timeout=WAIT_MS):
        voice.say_what_is_due()
        now[0] = EVERY_S + 0.01  # its own timer ends after a hundredth of a second
    assert texts(said) == ["one", "two. three"]
    voice.deleteLater()


def test_that_a_window_that_is_gone_says_nothing(qapp: QApplication) -> None:
    now = [0.0]
    voice = Announcer(qapp, clock=lambda: now[0])
    said: Heard = []
    voice.said.connect(said.append)
    widget = QWidget()
    voice.announce(widget, Announcement("one"))
    voice.announce(widget, Announcement("two"))
    widget.deleteLater()
    QApplication.sendPostedEvents(widget, 52)  # QEvent.Type.DeferredDelete
    now[0] = EVERY_S
    voice.say_what_is_due()
    assert texts(said) == ["one"]
    voice.deleteLater()


# Renders -------------------------------------------------------------------------------------------------------------


def test_that_a_render_is_told_from_its_start_to_its_end(qtbot: QtBot, open_page: OpenPage, heard: Heard) -> None:
    page = open_page()
    finish(qtbot, page)
    told = texts(heard)
    wanted = ["Your video is being made.", "Creating frames"]
    assert [text for text in dict.fromkeys(told) if text in wanted] == wanted
    assert heard[-1].text.startswith("Video ready, ")
    assert heard[-1].assertive
    percents = [int(text.split()[0]) for text in told if text.endswith(" percent")]
    assert percents == sorted(set(percents))
    assert set(percents) <= {25, 50, 75}


def test_that_a_pause_and_a_stop_are_told(qtbot: QtBot, open_page: OpenPage, heard: Heard) -> None:
    page = open_page("slow")
    window, pause = page.window(), page.window().session.renders.pause
    window.activateWindow()
    begin(qtbot, page)
    qtbot.waitUntil(lambda: pause.can_toggle, timeout=WAIT_MS)
    press(window, Action.PAUSE)
    qtbot.waitUntil(lambda: pause.state is PauseState.PAUSED, timeout=WAIT_MS)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        press(window, Action.STOP)
    told = texts(heard)
    assert "The video is paused" in told
    assert told[-1] == "The video was stopped."


def test_that_a_failure_is_told_at_once_with_what_helps(qtbot: QtBot, open_page: OpenPage, heard: Heard) -> None:
    page = open_page("oom")
    finish(qtbot, page)
    card = page.stage.error.text
    (error,) = [each for each in heard if each.assertive and card.title in each.text]
    assert error.text.startswith(f"{card.title}. {card.hint}")


def test_that_a_failure_in_the_queue_is_told_there(qtbot: QtBot, open_page: OpenPage, heard: Heard) -> None:
    page = open_page("oom")
    page.form.write_prompt("a red circle moving right on a black background")
    page.window().show_page(PageId.QUEUE)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        page.generate()
    title = page.stage.error.text.title
    assert [each.text.startswith(f"{title}. ") for each in heard if each.assertive and title in each.text] == [True]


def test_that_a_video_that_is_done_elsewhere_is_told_once(qtbot: QtBot, open_page: OpenPage, heard: Heard) -> None:
    page = open_page()
    page.form.write_prompt("a red circle moving right on a black background")
    page.window().show_page(PageId.SETTINGS)
    with qtbot.waitSignal(page.render_ended, timeout=WAIT_MS):
        page.generate()
    qtbot.waitUntil(lambda: bool(page.window().toasts.toasts), timeout=WAIT_MS)
    (told,) = [text for text in texts(heard) if "ready" in text]
    assert told.startswith("Your video is ready. ")
    assert told.endswith(" Show in Library")


def test_that_generate_without_a_prompt_says_why_not(qtbot: QtBot, open_page: OpenPage, heard: Heard) -> None:
    window = open_page().window()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    window.show_page(PageId.MODELS)
    press(window, Action.GENERATE)
    assert heard[-1] == Announcement("Generate video, unavailable: Write a prompt first", assertive=True)
    assert window.create.form.prompt.hasFocus()


# The queue -----------------------------------------------------------------------------------------------------------


def test_that_the_queue_tells_what_is_added_paused_and_moved(
    qtbot: QtBot, open_program: OpenProgram, heard: Heard
) -> None:
    window = open_program().window
    renders = window.session.renders
    qtbot.waitUntil(lambda: window.create.form is not None and renders.is_open, timeout=WAIT_MS)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    press(window, Action.PAUSE)
    qtbot.waitUntil(lambda: renders.snapshot.paused, timeout=WAIT_MS)
    for number in (1, 2):
        window.create.form.write_prompt(f"a red circle {number}")
        window.create.add_to_queue()
        qtbot.waitUntil(lambda: len(renders.snapshot.waiting) == number, timeout=WAIT_MS)  # noqa: B023 - waited for
    window.show_page(PageId.QUEUE)
    press(window, Action.MOVE_DOWN)
    qtbot.waitUntil(lambda: "2 of 2" in texts(heard), timeout=WAIT_MS)
    press(window, Action.DELETE)
    qtbot.waitUntil(lambda: len(renders.snapshot.waiting) == 1, timeout=WAIT_MS)
    told = texts(heard)
    assert "The queue is paused." in told
    assert told.count("1 video added to the queue") == 2
    assert "“a red circle 1” is not in the queue any more. Undo (Ctrl+Z)" in told


# The form ------------------------------------------------------------------------------------------------------------


def test_that_a_size_that_was_snapped_is_told(qtbot: QtBot, open_page: OpenPage, heard: Heard) -> None:
    page = open_page()
    page.form.advanced.set_open(True)
    panel = page.form.advanced.content
    panel.custom.click()
    panel.width_px.setFocus()
    panel.width_px.selectAll()
    QTest.keyClicks(panel.width_px, "77")
    QTest.keyClick(panel.width_px, Qt.Key.Key_Tab)
    told = [text for text in texts(heard) if "multiples of" in text]
    assert told == [panel.size_field.said()]


def test_that_a_warning_that_changes_is_told_once_and_each_note(qtbot: QtBot, heard: Heard) -> None:
    control = QWidget()
    field = FormField("Prompt", control)
    qtbot.addWidget(field)
    for words in ("513 of 512 words are read", "514 of 512 words are read"):
        field.say(words, "warn")
    field.say("")
    field.say("one")
    field.say("two")
    field.say("It cannot be read", "bad")
    assert [(each.text, each.assertive) for each in heard] == [
        ("513 of 512 words are read", False),
        ("one", False),
        ("two", False),
        ("It cannot be read", True),
    ]


# Toasts --------------------------------------------------------------------------------------------------------------


def test_that_toasts_are_told_with_what_can_be_done(open_page: OpenPage, heard: Heard) -> None:
    messages = open_page().window().session.messages
    messages.say("info", "Deleted", "It is kept.", ("Undo (Ctrl+Z)", lambda: None))
    messages.say("bad", "Disk full")
    assert heard[-2:] == [
        Announcement("Deleted. It is kept. Undo (Ctrl+Z)"),
        Announcement("Disk full", assertive=True),
    ]
