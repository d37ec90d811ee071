"""What Windows has around a window, over played libraries; the taskbar's interface is a table of real C functions."""

import ctypes
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from wan_desktop.ui import windows_shell
from wan_desktop.ui.windows_shell import (
    APPLICATION_ID,
    KeepAwake,
    Libraries,
    Taskbar,
    TaskbarState,
    find_libraries,
    let_come_to_front,
    name_application,
    set_dark_title_bar,
)

WINDOW = 0x1234
CONTINUOUS, SYSTEM_REQUIRED = 0x80000000, 1
E_FAIL, CLASS_NOT_REGISTERED = -2147467259, -2147221164
Function = ctypes.CFUNCTYPE


class FakeTaskbarList:
    """An ITaskbarList3 in memory, as C sees it: a pointer to a table of functions."""

    def __init__(self, calls: list[tuple[Any, ...]], answers: dict[str, int]) -> None:
        def told(name: str, *arguments: Any) -> int:
            calls.append((name, *arguments))
            return answers.get(name, 0)

        i32, pointer, u64 = ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint64
        self._functions = {
            2: Function(i32, pointer)(lambda _this: told("Release")),
            3: Function(i32, pointer)(lambda _this: told("HrInit")),
            9: Function(i32, pointer, pointer, u64, u64)(lambda _this, *rest: told("SetProgressValue", *rest)),
            10: Function(i32, pointer, pointer, i32)(lambda _this, *rest: told("SetProgressState", *rest)),
        }
        table = [ctypes.cast(self._functions[i], pointer) if i in self._functions else pointer() for i in range(11)]
        self._table = (pointer * len(table))(*table)
        self._object = pointer(ctypes.addressof(self._table))
        self.address = ctypes.addressof(self._object)


class FakeWindows:
    """The libraries' functions: notes what they are called with, and answers as it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers: dict[str, int] = {}
        self.threads: list[str] = []
        self.taskbar = FakeTaskbarList(self.calls, self.answers)
        self.libraries = Libraries(
            kernel32=SimpleNamespace(SetThreadExecutionState=self._execution_state),
            user32=SimpleNamespace(AllowSetForegroundWindow=self._note("AllowSetForegroundWindow", 1)),
            shell32=SimpleNamespace(SetCurrentProcessExplicitAppUserModelID=self._note("AppUserModelID", 0)),
            ole32=SimpleNamespace(CoInitialize=self._note("CoInitialize", 1), CoCreateInstance=self._create),
            dwmapi=SimpleNamespace(DwmSetWindowAttribute=self._attribute),
        )

    def named(self, *names: str) -> list[tuple[Any, ...]]:
        """The calls of these names."""
        return [call for call in self.calls if call[0] in names]

    def _note(self, name: str, usual: int) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            self.calls.append((name, *(getattr(argument, "value", argument) for argument in arguments)))
            return self.answers.get(name, usual)

        return call

    def _execution_state(self, flags: ctypes.c_uint32) -> int:
        self.threads.append(threading.current_thread().name)
        return self._note("SetThreadExecutionState", CONTINUOUS)(flags)

    def _create(self, class_id: Any, _outer: Any, context: Any, interface_id: Any, found: Any) -> int:
        result = self._note("CoCreateInstance", 0)(bytes(class_id._obj), context, bytes(interface_id._obj))
        if result == 0:
            found._obj.value = self.taskbar.address
        return result

    def _attribute(self, window: Any, attribute: Any, value: Any, size: Any) -> int:
        return self._note(f"attribute {attribute.value}", 0)(window, value._obj.value, size)


@pytest.fixture
def windows() -> FakeWindows:
    windows_shell._told.clear()
    return FakeWindows()


def test_that_nothing_happens_where_there_is_no_windows() -> None:
    assert find_libraries() is None
    name_application(None)
    set_dark_title_bar(None, WINDOW, dark=True)
    let_come_to_front(None, 1)
    taskbar, awake = Taskbar(None, WINDOW), KeepAwake(None)
    taskbar.show(TaskbarState.NORMAL, 10)
    taskbar.show_again()
    taskbar.close()
    awake.hold(awake=True)
    assert awake.wanted
    assert "keep-awake" not in [thread.name for thread in threading.enumerate()]
    awake.close()


def test_that_the_application_names_itself(windows: FakeWindows) -> None:
    name_application(windows.libraries)
    assert windows.calls == [("AppUserModelID", APPLICATION_ID)]


def test_that_the_first_start_may_come_to_the_front(windows: FakeWindows) -> None:
    let_come_to_front(windows.libraries, 4711)
    assert windows.calls == [("AllowSetForegroundWindow", 4711)]


def test_that_the_title_bar_is_dark_and_light(windows: FakeWindows) -> None:
    set_dark_title_bar(windows.libraries, WINDOW, dark=True)
    set_dark_title_bar(windows.libraries, WINDOW, dark=False)
    assert windows.calls == [("attribute 20", WINDOW, 1, 4), ("attribute 20", WINDOW, 0, 4)]


def test_that_an_older_windows_is_asked_by_its_own_number(windows: FakeWindows) -> None:
    windows.answers["attribute 20"] = E_FAIL
    set_dark_title_bar(windows.libraries, WINDOW, dark=True)
    assert windows.calls == [("attribute 20", WINDOW, 1, 4), ("attribute 19", WINDOW, 1, 4)]


def test_that_the_taskbar_is_asked_for_by_its_ids_and_once(windows: FakeWindows) -> None:
    taskbar = Taskbar(windows.libraries, WINDOW)
    assert not windows.calls
    taskbar.show(TaskbarState.INDETERMINATE)
    taskbar.show(TaskbarState.NORMAL, 7)
    class_id = bytes.fromhex("44f3fd566dfdd011958a006097c9a090")  # 56fdf344-fd6d-11d0-..., in the order of memory
    interface_id = bytes.fromhex("91fb1aea289e864b90e99e9f8a5eefaf")
    assert windows.named("CoCreateInstance") == [("CoCreateInstance", class_id, 1, interface_id)]
    assert len(windows.named("HrInit")) == 1


def test_that_the_taskbar_shows_every_state(windows: FakeWindows) -> None:
    taskbar = Taskbar(windows.libraries, WINDOW)
    taskbar.show(TaskbarState.INDETERMINATE)
    taskbar.show(TaskbarState.NORMAL, 47)
    taskbar.show(TaskbarState.NORMAL, 47)
    taskbar.show(TaskbarState.PAUSED, 47)
    taskbar.show(TaskbarState.ERROR, 250)
    taskbar.show(TaskbarState.NONE)
    assert windows.named("SetProgressState", "SetProgressValue") == [
        ("SetProgressState", WINDOW, 1),
        ("SetProgressState", WINDOW, 2),
        ("SetProgressValue", WINDOW, 47, 100),
        ("SetProgressState", WINDOW, 8),
        ("SetProgressValue", WINDOW, 47, 100),
        ("SetProgressState", WINDOW, 4),
        ("SetProgressValue", WINDOW, 100, 100),
        ("SetProgressState", WINDOW, 0),
    ]


def test_that_a_new_button_shows_what_the_old_one_did(windows: FakeWindows) -> None:
    taskbar = Taskbar(windows.libraries, WINDOW)
    taskbar.show_again()
    assert not windows.calls
    taskbar.show(TaskbarState.NORMAL, 5)
    del windows.calls[:]
    taskbar.show_again()
    assert windows.calls == [("SetProgressState", WINDOW, 2), ("SetProgressValue", WINDOW, 5, 100)]


def test_that_the_taskbar_is_left_clean(windows: FakeWindows) -> None:
    taskbar = Taskbar(windows.libraries, WINDOW)
    taskbar.show(TaskbarState.NORMAL, 5)
    taskbar.close()
    taskbar.close()
    taskbar.show(TaskbarState.NORMAL, 6)
    assert windows.calls[-2:] == [("SetProgressState", WINDOW, 0), ("Release",)]


@pytest.mark.parametrize("fault", ["CoCreateInstance", "HrInit"])
def test_that_a_taskbar_that_cannot_be_had_is_asked_once(windows: FakeWindows, fault: str) -> None:
    windows.answers[fault] = CLASS_NOT_REGISTERED
    taskbar = Taskbar(windows.libraries, WINDOW)
    for percent in range(3):
        taskbar.show(TaskbarState.NORMAL, percent)
    taskbar.close()
    assert len(windows.named("CoCreateInstance")) == 1
    assert not windows.named("SetProgressState")


def test_that_a_refused_state_is_logged_once(windows: FakeWindows, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    windows.answers["SetProgressState"] = windows.answers["SetProgressValue"] = E_FAIL
    taskbar = Taskbar(windows.libraries, WINDOW)
    taskbar.show(TaskbarState.NORMAL, 1)
    taskbar.show(TaskbarState.NORMAL, 2)
    assert [record.getMessage() for record in caplog.records] == ["Windows refused: 0x80004005"]


@pytest.mark.parametrize("error", [OSError("access violation"), AttributeError("function not found")])
def test_that_a_fault_of_windows_is_none_of_ours(windows: FakeWindows, error: Exception) -> None:
    def fail(*_arguments: object) -> int:
        raise error

    faulty = SimpleNamespace(
        SetCurrentProcessExplicitAppUserModelID=fail,
        AllowSetForegroundWindow=fail,
        DwmSetWindowAttribute=fail,
        CoInitialize=fail,
        CoCreateInstance=fail,
        SetThreadExecutionState=fail,
    )
    libraries = Libraries(faulty, faulty, faulty, faulty, faulty)
    name_application(libraries)
    let_come_to_front(libraries, 1)
    set_dark_title_bar(libraries, WINDOW, dark=True)
    taskbar, awake = Taskbar(libraries, WINDOW), KeepAwake(libraries)
    taskbar.show(TaskbarState.NORMAL, 1)
    taskbar.close()
    awake.hold(awake=True)
    awake.close()


def test_that_one_living_thread_keeps_the_pc_awake(windows: FakeWindows) -> None:
    awake = KeepAwake(windows.libraries)
    awake.hold(awake=False)
    assert not windows.threads
    told = _Told(windows)
    awake.hold(awake=True)
    told.wait_for(1)
    awake.hold(awake=True)
    awake.hold(awake=False)
    told.wait_for(2)
    awake.hold(awake=True)
    told.wait_for(3)
    awake.close()
    awake.close()
    flags = [flags for _, flags in windows.named("SetThreadExecutionState")]
    assert flags == [CONTINUOUS | SYSTEM_REQUIRED, CONTINUOUS] * 2
    assert set(windows.threads) == {"keep-awake"}
    assert "keep-awake" not in [thread.name for thread in threading.enumerate()]


def test_that_a_pc_that_was_let_go_is_not_held_again(windows: FakeWindows) -> None:
    awake = KeepAwake(windows.libraries)
    awake.close()
    awake.hold(awake=True)
    assert not windows.threads


class _Told:
    """Waits until Windows was told so often."""

    def __init__(self, windows: FakeWindows) -> None:
        self._windows = windows

    def wait_for(self, count: int) -> None:
        waited = threading.Event()
        for _ in range(1000):
            if len(self._windows.named("SetThreadExecutionState")) >= count:
                return
            waited.wait(0.01)
        raise AssertionError("Windows was not told")
