"""What only Windows has around a window: progress on the taskbar, a dark title bar, a name for the group, no sleep.

Elsewhere all of it does nothing. Not run on Windows: the tests play its libraries, faults among them, and the taskbar's
interface is a table of real C functions there. Nothing here may stop the program: what Windows refuses is logged once.

Sources: learn.microsoft.com, shobjidl_core.h (ITaskbarList3, TBPFLAG), winbase.h (SetThreadExecutionState), dwmapi.h
(DWMWINDOWATTRIBUTE), shobjidl_core.h (SetCurrentProcessExplicitAppUserModelID), winuser.h (AllowSetForegroundWindow).
"""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

logger = logging.getLogger(__name__)

APPLICATION_ID = "WanDesktop.WanDesktop"
"""Windows groups windows and finds the notifications' sender by it."""
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x80000000, 0x1
_DARK_MODE, _DARK_MODE_BEFORE_20H1 = 20, 19
_CLSCTX_INPROC_SERVER = 1
_RELEASE, _HR_INIT, _SET_PROGRESS_VALUE, _SET_PROGRESS_STATE = 2, 3, 9, 10
"""Places in the interface's table: IUnknown 0 to 2, ITaskbarList 3 to 7, ITaskbarList2 8, ITaskbarList3 from 9."""
_WHOLE = 100
_JOIN_S = 2.0
_Prototype = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)


class _Guid(ctypes.Structure):
    """GUID."""

    _fields_ = (
        ("data1", ctypes.c_uint32),
        ("data2", ctypes.c_uint16),
        ("data3", ctypes.c_uint16),
        ("data4", ctypes.c_ubyte * 8),
    )

    @classmethod
    def of(cls, text: str) -> _Guid:
        """From its usual form, without braces."""
        first, second, third, *rest = text.split("-")
        return cls(int(first, 16), int(second, 16), int(third, 16), (ctypes.c_ubyte * 8)(*bytes.fromhex("".join(rest))))


_TASKBAR_LIST = _Guid.of("56fdf344-fd6d-11d0-958a-006097c9a090")
_TASKBAR_LIST_3 = _Guid.of("ea1afb91-9e28-4b86-90e9-9e9f8a5eefaf")


@dataclass(frozen=True, slots=True)
class Libraries:
    """Windows' libraries, whose functions are called."""

    kernel32: Any
    user32: Any
    shell32: Any
    ole32: Any
    dwmapi: Any


def find_libraries() -> Libraries | None:
    """Those of this Windows; None elsewhere, and in a Windows that lacks one."""
    if sys.platform == "win32":
        try:
            return Libraries(*(ctypes.WinDLL(name) for name in ("kernel32", "user32", "shell32", "ole32", "dwmapi")))
        except OSError as error:
            logger.warning("Windows' libraries cannot be used: %s", error)
    return None


def name_application(libraries: Libraries | None) -> None:
    """Tell Windows which program this is; before the first window."""
    if libraries is not None:
        _called(lambda: libraries.shell32.SetCurrentProcessExplicitAppUserModelID(ctypes.c_wchar_p(APPLICATION_ID)))


def set_dark_title_bar(libraries: Libraries | None, window: int, *, dark: bool) -> None:
    """Let a window's title bar go with its content.

    Args:
        libraries: Windows'.
        window: Its handle.
        dark: Dark, else light.
    """
    if libraries is None:
        return
    value = ctypes.c_int32(dark)
    for attribute in (_DARK_MODE, _DARK_MODE_BEFORE_20H1):
        if _called(
            lambda attribute=attribute: libraries.dwmapi.DwmSetWindowAttribute(
                ctypes.c_void_p(window),
                ctypes.c_uint32(attribute),
                ctypes.byref(value),
                ctypes.c_uint32(ctypes.sizeof(value)),
            )
        ):
            return


def let_come_to_front(libraries: Libraries | None, process_id: int) -> None:
    """Allow another process to bring its window to the front, as Windows lets only the one that the user started."""
    if libraries is not None:
        _called(lambda: int(libraries.user32.AllowSetForegroundWindow(ctypes.c_uint32(process_id))) - 1)


class TaskbarState(IntEnum):
    """How the progress on the taskbar looks (TBPFLAG)."""

    NONE = 0
    INDETERMINATE = 1
    NORMAL = 2
    ERROR = 4
    PAUSED = 8


class Taskbar:
    """Progress on the window's button; for the window's thread only.

    Args:
        libraries: Windows'; None elsewhere.
        window: The window's handle.
    """

    def __init__(self, libraries: Libraries | None, window: int) -> None:
        self._libraries = libraries
        self._window = window
        self._pointer: ctypes.c_void_p | None = None
        self._shown: tuple[TaskbarState, int | None] = (TaskbarState.NONE, None)

    def show(self, state: TaskbarState, percent: int | None = None) -> None:
        """Show it; `percent` is how far it is, and means nothing to NONE and INDETERMINATE."""
        if self._libraries is None or (state, percent) == self._shown:
            return
        self._shown = (state, percent)
        self._apply()

    def show_again(self) -> None:
        """Show the same, after Windows has made a new button for the window."""
        if self._libraries is not None and self._shown[0] is not TaskbarState.NONE:
            self._apply()

    def close(self) -> None:
        """Take the progress away and let go of the taskbar; safe to call again."""
        if self._pointer is not None:
            self.show(TaskbarState.NONE)
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            _method(pointer, _RELEASE)(pointer)
        self._libraries = None

    def _apply(self) -> None:
        pointer = self._find()
        if pointer is None:
            return
        state, percent = self._shown
        window = ctypes.c_void_p(self._window)
        # The state first: a value alone would turn an error back into usual progress.
        _called(lambda: _method(pointer, _SET_PROGRESS_STATE, ctypes.c_void_p, ctypes.c_int32)(pointer, window, state))
        if percent is not None and state not in (TaskbarState.NONE, TaskbarState.INDETERMINATE):
            value = _method(pointer, _SET_PROGRESS_VALUE, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64)
            _called(lambda: value(pointer, window, min(max(percent, 0), _WHOLE), _WHOLE))

    def _find(self) -> ctypes.c_void_p | None:
        """The taskbar's ITaskbarList3; None where there is none."""
        if self._pointer is not None or self._libraries is None:
            return self._pointer
        pointer = ctypes.c_void_p()
        ole32 = self._libraries.ole32
        # Qt has begun COM on this thread, and may be closed again before us; beginning it twice is allowed.
        _called(lambda: ole32.CoInitialize(None))
        made = _called(
            lambda: ole32.CoCreateInstance(
                ctypes.byref(_TASKBAR_LIST),
                None,
                ctypes.c_uint32(_CLSCTX_INPROC_SERVER),
                ctypes.byref(_TASKBAR_LIST_3),
                ctypes.byref(pointer),
            )
        )
        if not made or not pointer.value or not _called(lambda: _method(pointer, _HR_INIT)(pointer)):
            self._libraries = None  # not asked again at every percent
            return None
        self._pointer = pointer
        return pointer


class KeepAwake:
    """Keeps the PC from sleeping while something long runs; the screen may still go dark.

    Windows gives that wish to the thread that has it, and forgets it when the thread ends. So one thread lives as long
    as this does.
    """

    def __init__(self, libraries: Libraries | None) -> None:
        self._libraries = libraries
        self._condition = threading.Condition()
        self._wanted = False
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def wanted(self) -> bool:
        """The PC shall not sleep."""
        return self._wanted

    def hold(self, *, awake: bool) -> None:
        """Say whether the PC shall stay awake; returns at once."""
        with self._condition:
            self._wanted = awake
            self._condition.notify()
        if self._libraries is not None and self._thread is None and awake and not self._closed:
            self._thread = threading.Thread(target=self._run, name="keep-awake", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Let it sleep again; safe to call again."""
        with self._condition:
            self._closed = True
            self._wanted = False
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        held = False
        while True:
            with self._condition:
                while self._wanted == held and not self._closed:
                    self._condition.wait()
                wanted, closed = self._wanted, self._closed
            if wanted != held:
                self._tell(awake=wanted)
                held = wanted
            if closed:
                return

    def _tell(self, *, awake: bool) -> None:
        assert self._libraries is not None
        call = self._libraries.kernel32.SetThreadExecutionState
        flags = _ES_CONTINUOUS | (_ES_SYSTEM_REQUIRED if awake else 0)
        _called(lambda: 0 if call(ctypes.c_uint32(flags)) else -1)  # it returns the state before, or 0


def _method(pointer: ctypes.c_void_p, place: int, *types: Any) -> Any:
    """The function at that place of a COM object's table; its first argument is the object."""
    table = ctypes.cast(pointer, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    return _Prototype(ctypes.c_int32, ctypes.c_void_p, *types)(table[place])


_told: set[str] = set()


def _called(call: Any) -> bool:
    """Call Windows; True if it did as asked. An HRESULT below zero is a refusal."""
    try:
        result = int(call())
    except (OSError, AttributeError, ValueError, ctypes.ArgumentError) as error:  # a fault, or a function not there
        reason = repr(error)
    else:
        if result >= 0:
            return True
        reason = f"0x{result & 0xFFFFFFFF:08X}"
    if reason not in _told:
        _told.add(reason)
        logger.info("Windows refused: %s", reason)
    return False
