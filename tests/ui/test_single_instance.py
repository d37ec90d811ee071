"""A second start, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.ui.conftest import FAKE_ENGINE, ROOT, WAIT_MS, OpenProgram
from wan_desktop.core.errors import AlreadyOpenError
from wan_desktop.core.paths import AppPaths
from wan_desktop.ui.single_instance import Instance, SingleInstance, claim

_CLAIM = """
import sys, time
from pathlib import Path
from wan_desktop.core.errors import AlreadyOpenError
from wan_desktop.ui.single_instance import claim
file = Path(sys.argv[2]) if len(sys.argv) > 2 else None
try:
    instance = claim(Path(sys.argv[1]), file, patience_s=10)
except AlreadyOpenError:
    print("no answer", flush=True)
else:
    print("called" if instance is None else "first", flush=True)
    if instance is not None:
        sys.stdin.read()
"""


class OtherStart:
    """Another process that claims a data folder."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CLAIM, str(data), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def says(self) -> str:
        """What became of it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        """Let it go, and wait for it."""
        self.process.communicate(timeout=30)


@pytest.fixture
def first(qapp: QApplication, tmp_path: Path) -> Iterator[SingleInstance]:
    """The first start, listening."""
    instance = claim(tmp_path)
    assert instance is not None
    parent = QObject(qapp)
    listening = SingleInstance(instance, parent)
    listening.listen()
    yield listening
    listening.close()
    instance.close()
    parent.deleteLater()


def test_that_a_second_start_calls_the_first(qtbot: QtBot, first: SingleInstance, tmp_path: Path) -> None:
    with qtbot.waitSignal(first.called, timeout=WAIT_MS) as called:
        second = OtherStart(tmp_path)
    assert called.args == [None]
    assert second.says() == "called"
    second.end()


def test_that_a_second_start_hands_a_file_over(qtbot: QtBot, first: SingleInstance, tmp_path: Path) -> None:
    file = tmp_path / "Füchse 狐.mp4"
    with qtbot.waitSignal(first.called, timeout=WAIT_MS) as called:
        second = OtherStart(tmp_path, str(file))
    assert called.args == [file]
    second.end()


def test_that_a_start_after_a_crash_is_the_first(tmp_path: Path) -> None:
    crashed = OtherStart(tmp_path)
    assert crashed.says() == "first"
    (tmp_path / "window-address.json").write_text(json.dumps({"name": "wan-desktop-gone", "process_id": 1}))
    crashed.process.send_signal(signal.SIGKILL)
    crashed.end()
    instance = claim(tmp_path, patience_s=0)
    assert instance is not None
    instance.close()


def test_that_two_data_folders_do_not_know_of_each_other(first: SingleInstance, tmp_path: Path) -> None:
    other = tmp_path / "another user"
    other.mkdir()
    instance = claim(other, patience_s=0)
    assert instance is not None
    assert first.listening
    instance.close()


def test_that_a_first_start_that_does_not_answer_is_told(tmp_path: Path) -> None:
    silent = claim(tmp_path)
    assert silent is not None
    with pytest.raises(AlreadyOpenError) as told:
        claim(tmp_path, patience_s=0)
    assert "does not answer" in told.value.message
    assert told.value.hint
    silent.close()


def test_that_a_first_start_that_is_just_ending_is_waited_for(tmp_path: Path) -> None:
    ending = OtherStart(tmp_path)
    assert ending.says() == "first"
    second = OtherStart(tmp_path)
    ending.end()
    assert second.says() == "first"
    second.end()


@pytest.mark.parametrize("rubbish", ["", "[]", "{}", '{"name": 5}', '{"name": "nobody", "process_id": 1}', "\x00"])
def test_that_a_rubbish_address_is_no_answer(tmp_path: Path, rubbish: str) -> None:
    silent = claim(tmp_path)
    assert silent is not None
    silent.address_file.write_text(rubbish)
    with pytest.raises(AlreadyOpenError):
        claim(tmp_path, patience_s=0)
    silent.close()


@pytest.mark.parametrize("message", [b"\n", b"{}\n", b"[1]\n", b'{"file": 5}\n', b"\xff\xff\n", b"x" * 70_000])
def test_that_rubbish_is_not_answered_and_the_next_one_is_heard(
    qtbot: QtBot, first: SingleInstance, tmp_path: Path, message: bytes
) -> None:
    name = json.loads((tmp_path / "window-address.json").read_text())["name"]
    socket = QLocalSocket()
    socket.connectToServer(name)
    assert socket.waitForConnected(WAIT_MS)
    with qtbot.assertNotEmitted(first.called):
        socket.write(message)
        qtbot.waitUntil(lambda: socket.state() == QLocalSocket.LocalSocketState.UnconnectedState, timeout=WAIT_MS)
    assert not socket.readAll().data()
    with qtbot.waitSignal(first.called, timeout=WAIT_MS):
        second = OtherStart(tmp_path)
    second.end()


def test_that_a_folder_without_locks_is_used_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "window.lock").mkdir()
    assert claim(tmp_path) is not None
    assert "No lock" in caplog.text


@pytest.mark.qt_log_ignore("propagateSizeHints", r"does not support raise\(\)", extend=True)  # on this platform
def test_that_the_window_comes_up_and_takes_the_file(qtbot: QtBot, open_program: OpenProgram, paths: AppPaths) -> None:
    paths.ensure()
    instance = claim(paths.data)
    assert instance is not None
    program = open_program(instance=instance)
    qtbot.waitUntil(lambda: instance.address_file.exists(), timeout=WAIT_MS)
    program.window.showMinimized()
    video = paths.data / "a.mp4"
    with qtbot.waitSignal(program.window.recipe_dropped, timeout=WAIT_MS) as dropped:
        second = OtherStart(paths.data, str(video))
    assert dropped.args == [video]
    assert second.says() == "called"
    assert not program.window.isMinimized()
    assert program.window.isActiveWindow()
    second.end()
    program.shutdown()
    assert not instance.address_file.exists()
    instance.close()


def test_that_the_program_ends_when_it_is_open_already(tmp_path: Path) -> None:
    script = f"""
import sys
from wan_desktop import app
from wan_desktop.core.paths import AppPaths
print(app.run_window(AppPaths.find(), engine_command=[sys.executable, {str(FAKE_ENGINE)!r}, "ok"]))
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    environment["WAN_DESKTOP_HOME"] = str(tmp_path)
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        ended = None
        try:
            address = tmp_path / "window-address.json"
            while not address.exists() and running.poll() is None:
                pass
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        finally:
            running.kill()
    assert ended is not None
    assert ended.stdout.splitlines() == ["Wan Desktop is open already; its window was brought to the front.", "0"]


def test_that_the_right_can_be_given_back_twice(tmp_path: Path) -> None:
    instance = claim(tmp_path)
    assert isinstance(instance, Instance)
    instance.close()
    instance.close()
    again = claim(tmp_path, patience_s=0)
    assert again is not None
    again.close()
