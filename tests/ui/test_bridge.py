"""The crossing from threads to signals, and the guard of the PySide6 pin."""

import threading

from PySide6.QtCore import QObject, QThread, Signal
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from tests.ui.conftest import WAIT_MS
from wan_desktop.core.jobs import JobContext, JobQueue, JobState, Lane
from wan_desktop.ui.bridge import JobBridge
from wan_desktop.ui.session import Session
from wan_desktop.ui.workers import LaneThread


class Listener(QObject):
    """Notes what it hears and on which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[object] = []
        self.threads: set[QThread] = set()

    def on_changed(self, snapshot: object) -> None:
        self.heard.append(snapshot)
        self.threads.add(QThread.currentThread())


def test_that_a_flood_of_reports_is_a_few_signals_on_the_windows_thread(qtbot: QtBot, qapp: QApplication) -> None:
    bridge, listener = JobBridge(qapp), Listener()
    queue = JobQueue(bridge.tell)
    bridge.attach(queue)
    bridge.job_changed.connect(listener.on_changed)
    lane = LaneThread(queue, Lane.FILES, qapp)
    lane.start()

    def work(context: JobContext) -> int:
        for number in range(20_000):
            context.progress(number)
        return 7

    job = queue.submit("flood", Lane.FILES, work)
    qtbot.waitUntil(lambda: bool(listener.heard) and listener.heard[-1].state == JobState.DONE, timeout=WAIT_MS)
    assert listener.heard[-1].result == 7
    assert len(listener.heard) < 200
    assert listener.threads == {qapp.thread()}
    assert queue.snapshot(job).state == JobState.DONE
    queue.shutdown()
    assert lane.join(5)
    bridge.close()


def test_that_a_closed_bridge_says_nothing_more(qtbot: QtBot, qapp: QApplication) -> None:
    bridge, listener = JobBridge(qapp), Listener()
    queue = JobQueue(bridge.tell)
    bridge.attach(queue)
    bridge.job_changed.connect(listener.on_changed)
    queue.submit("one", Lane.FILES, lambda _: None)
    bridge.close()
    with qtbot.assertNotEmitted(bridge.job_changed, wait=150):
        queue.submit("two", Lane.FILES, lambda _: None)


def test_that_what_is_done_is_told_on_the_windows_thread(qtbot: QtBot, session: Session) -> None:
    told: list[tuple[object, threading.Thread]] = []
    session.submit(
        "sum", Lane.FILES, lambda _: 42, lambda snapshot: told.append((snapshot.result, threading.current_thread()))
    )
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    assert told == [(42, threading.main_thread())]


def test_that_shutdown_ends_waiting_and_running_work(qtbot: QtBot, session: Session) -> None:
    begun = threading.Event()

    def work(context: JobContext) -> None:
        begun.set()
        context.cancel_asked.wait(20)
        context.check_cancelled()

    running, waiting = session.submit("a", Lane.FILES, work), session.submit("b", Lane.FILES, work)
    assert begun.wait(10)
    session.shutdown()
    assert session.queue.snapshot(running).state == JobState.CANCELLED
    assert session.queue.snapshot(waiting).state == JobState.CANCELLED


class Emitter(QObject):
    """Says true and nothing."""

    said = Signal(object)


def test_that_five_thousand_signals_and_twenty_thousand_setters_are_survived(qtbot: QtBot) -> None:
    """PySide6 6.12.0 loses a reference of True or None with each of them and ends the process on Python 3.11."""
    emitter, listener, label = Emitter(), Listener(), QLabel()
    qtbot.addWidget(label)
    emitter.said.connect(listener.on_changed)
    for index in range(5_000):
        emitter.said.emit(index % 2 == 0)
    for index in range(20_000):
        label.setEnabled(index % 2 == 0)
    assert len(listener.heard) == 5_000
