"""What the PC is told when all is done: Windows' own ways, played here, and nothing elsewhere."""

import subprocess

import pytest

from wan_desktop.core.power import SHUT_DOWN_COMMAND, carry_out, is_possible
from wan_desktop.core.render_queue import WhenDone


class Windows:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def suspend(self) -> None:
        self.asked.append("sleep")

    def run(self, command: object) -> None:
        self.asked.append(command)


def test_that_windows_is_told_what_was_chosen() -> None:
    windows = Windows()
    for action in WhenDone:
        carry_out(action, system="win32", suspend=windows.suspend, run=windows.run)
    assert windows.asked == ["sleep", SHUT_DOWN_COMMAND]
    assert is_possible("win32")


@pytest.mark.parametrize("action", list(WhenDone))
def test_that_nothing_happens_elsewhere(action: WhenDone) -> None:
    windows = Windows()
    assert not carry_out(action, system="linux", suspend=windows.suspend, run=windows.run)
    assert windows.asked == []
    assert not is_possible("linux")


def test_that_a_refusal_is_no_crash() -> None:
    def refuse(_command: object) -> None:
        raise subprocess.CalledProcessError(1, "shutdown")

    assert not carry_out(WhenDone.SHUT_DOWN, system="win32", run=refuse)
