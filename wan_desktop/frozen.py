"""The start of the program, frozen into a folder or from source.

A frozen program's `sys.executable` is the program itself. Libraries do not know that: they start `sys.executable -c …`
or `-m …` and mean an interpreter, and each time a second window would open. So those are answered first, before
anything of Qt is imported. The engine and the driver's child are started in that way too.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MUTEX = "WanDesktop.SingleInstance"
"""Of every process of the installed program; the setup waits until nobody has it."""
SELF_TEST = "--self-test"
_COMPILE_OFF = {"TORCH_COMPILE_DISABLE": "1", "TORCHDYNAMO_DISABLE": "1"}
"""torch.compile checks what it made with `sys.executable -c`, needs a compiler, and cannot find its own sources."""
_FLAGS = frozenset("bBdEiIOPqRsSuvx")
"""Of the interpreter, that mean nothing here."""
_FLAGS_WITH_VALUE = ("-X", "-W", "--check-hash-based-pycs")
_held: list[Any] = []


@dataclass(frozen=True, slots=True)
class InterpreterCall:
    """What somebody wants who takes this program for an interpreter."""

    code: str
    """Of `-c`; empty with `-m`."""
    module: str
    arguments: tuple[str, ...]


def is_frozen() -> bool:
    """This is no source tree."""
    return bool(getattr(sys, "frozen", False))


def main() -> int:
    """Run whatever was asked for; returns the exit code."""
    if is_frozen():
        begin_frozen(_kernel32())
        call = interpreter_call(sys.argv[1:])
        if call is not None:
            return run_as_interpreter(call)
    if sys.argv[1:2] == [SELF_TEST]:
        from wan_desktop.installation_check import run_check  # noqa: PLC0415 - only here

        return run_check(sys.argv[2:])
    from wan_desktop.app import main as run_program  # noqa: PLC0415 - an interpreter's call needs nothing of it

    return run_program()


def begin_frozen(kernel32: Any = None) -> None:
    """What holds for every process of a frozen program.

    Args:
        kernel32: Windows'; None elsewhere.
    """
    os.environ.update(_COMPILE_OFF)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a program for windows has none, and libraries write to it all the same
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open as long as the process
    if kernel32 is not None:
        # Never closed: Windows does that when the process is gone, however it went.
        _held.append(kernel32.CreateMutexW(None, False, MUTEX))


def _kernel32() -> Any:
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - elsewhere its import is saved

        return ctypes.WinDLL("kernel32")
    return None


def interpreter_call(arguments: Sequence[str]) -> InterpreterCall | None:
    """What an interpreter would do with these arguments; None where they are none for an interpreter."""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in _FLAGS_WITH_VALUE:
            rest = rest[1:]
        elif word in ("-c", "-m") and rest:
            return InterpreterCall(*((rest[0], "") if word == "-c" else ("", rest[0])), tuple(rest[1:]))
        elif not (word.startswith(("-X", "-W")) or (word[:1] == "-" and word[1:] and _FLAGS.issuperset(word[1:]))):
            return None
    return None


def run_as_interpreter(call: InterpreterCall) -> int:
    """Do it; SystemExit passes on."""
    if call.module:
        import runpy  # noqa: PLC0415 - the window does not need it

        sys.argv = [call.module, *call.arguments]
        runpy.run_module(call.module, run_name="__main__", alter_sys=True)
        return 0
    sys.argv = ["-c", *call.arguments]
    exec(compile(call.code, "<string>", "exec"), {"__name__": "__main__"})
    return 0
