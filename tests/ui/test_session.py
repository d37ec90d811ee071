"""What the session owes those who ask it for work."""

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from tests.ui.conftest import WAIT_MS
from wan_desktop.core.jobs import JobSnapshot, Lane
from wan_desktop.ui.session import Session


class Asker(QObject):
    """Counts its answers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[object] = []

    def take(self, snapshot: JobSnapshot) -> None:
        self.answers.append(snapshot.result)


def test_that_an_asker_is_told(qtbot: QtBot, session: Session) -> None:
    asker = Asker()
    session.submit("Work", Lane.FILES, lambda _: 7, asker.take)
    qtbot.waitUntil(lambda: asker.answers == [7], timeout=WAIT_MS)


def test_that_an_asker_that_is_gone_is_not_told(qtbot: QtBot, session: Session) -> None:
    asker, other = Asker(), Asker()
    session.submit("Work for one that goes", Lane.FILES, lambda _: 7, asker.take)
    session.submit("Work", Lane.FILES, lambda _: 8, other.take)
    delete(asker)
    qtbot.waitUntil(lambda: other.answers == [8], timeout=WAIT_MS)
    assert asker.answers == []
