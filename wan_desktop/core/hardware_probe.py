"""Asks this PC what it is, without torch and within a time limit.

The graphics driver is asked by a child process (`nvml`), drives by threads that nobody waits for longer than the limit:
a driver, or a drive on the network, may never answer. What fails becomes a :class:`HardwareProblem`, not an exception.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from wan_desktop.core.hardware import (
    Drive,
    Gpu,
    HardwareProblem,
    HardwareProfile,
    MemoryInfo,
    ProblemCode,
    SystemInfo,
)
from wan_desktop.core.linux_pc import LinuxPc
from wan_desktop.core.nvml import SOURCE_ROOT, NvmlAnswer, nvml_command
from wan_desktop.core.pc import Pc
from wan_desktop.core.read_speed import measure_read_speed
from wan_desktop.core.records import RecordError, from_plain
from wan_desktop.core.words import LANGUAGE_VARIABLE, language_in_use, tr

if sys.platform == "win32":
    from wan_desktop.core.windows_calls import Windows
    from wan_desktop.core.windows_pc import WindowsPc

logger = logging.getLogger(__name__)

PROBE_LIMIT_S = 10.0
"""A driver that wakes a sleeping card answers within two or three seconds."""
_KILL_LIMIT_S = 2.0
_TAIL_CHARACTERS = 2000

OLDEST_CUDA = (12, 0)
"""Of the builds of torch that the program can use."""
WANTED_CUDA = (13, 0)
_WANTED_DRIVER = 580
"""The first driver for CUDA 13 (CUDA Toolkit release notes, table of minimum driver versions)."""
# With 32 GB and small page files, users of other programs met Windows' commit limit while models were loaded (os error
# 1455: Comfy-Org/ComfyUI issues 7550 and 8065). Where it stops being small is a judgement, not a measurement.
_SMALL_PAGE_FILE_BYTES = 16_000_000_000
_MUCH_MEMORY_BYTES = 32 << 30

_Result = TypeVar("_Result")
_stuck: "list[subprocess.Popen[bytes]]" = []
"""Children that even a kill did not end, because they wait inside the driver; the system ends them when it can."""


def probe(
    *,
    timeout_s: float = PROBE_LIMIT_S,
    drives: Iterable[Path] | None = (),
    own_processes: Collection[int] = (),
    pc: Pc | None = None,
    command: Sequence[str] = (),
) -> HardwareProfile:
    """What this PC is now; takes at most the time limit and a little, mostly a fraction of a second.

    Args:
        timeout_s: How long driver and drives may take.
        drives: Paths whose drives are of interest, there already or not; None for all drives but those on the network.
        own_processes: What these processes hold of a card is not counted as used by others: the engine's.
        pc: Whom to ask; this PC if None.
        command: How the child that asks the driver is started, if not as usual.
    """
    deadline = time.monotonic() + timeout_s
    # The window is ours too: it shows videos by the card.
    child = _start(command or nvml_command([*own_processes, os.getpid()]))
    try:
        pc = pc or this_pc()
        memory, system = pc.memory(), pc.system()
        found, slow = _drives(pc, drives, deadline)
        answer = _answer(child, deadline, timeout_s)
    finally:
        if isinstance(child, subprocess.Popen):
            _end(child)
    problems = _graphics_problems(answer, pc.has_nvidia_card()) + _memory_problems(memory, system) + slow
    for problem in problems:
        logger.info("Hardware: %s: %s %s", problem.code, problem.text, problem.details)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return HardwareProfile(answer.gpus, memory, found, system, problems, now)


def this_pc() -> Pc:
    """The PC that this runs on."""
    if sys.platform == "win32":
        return WindowsPc(Windows())
    else:  # noqa: RET505 - or mypy, reading it for Windows, finds the rest unreachable
        return LinuxPc()


def with_read_speeds(
    profile: HardwareProfile, folders: Iterable[Path] = (), *, pc: Pc | None = None
) -> HardwareProfile:
    """The profile with the drives' read speeds measured, which takes some seconds for each.

    Args:
        profile: Of this PC.
        folders: Of the program. A drive that holds some is measured in the first of them, with a file made for it if
            need be; of the other drives a large file is read if one is found, and nothing is written to them.
        pc: Whom to ask which folder is on which drive; this PC if None.
    """
    pc = pc or this_pc()
    places: dict[str, Path] = {}
    for folder in folders:
        with contextlib.suppress(OSError):
            if folder.is_dir():
                places.setdefault(pc.drive(str(folder.absolute())).path, folder)
    return replace(profile, drives=tuple(_measured(drive, places.get(drive.path)) for drive in profile.drives))


def _measured(drive: Drive, folder: Path | None) -> Drive:
    speed = measure_read_speed(folder or Path(drive.path), may_write=folder is not None)
    return replace(drive, read_bytes_per_s=speed)


# The driver ----------------------------------------------------------------------------------------------------------


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes] | HardwareProblem":
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=SOURCE_ROOT,
            env=os.environ | {LANGUAGE_VARIABLE: language_in_use()},
            creationflags=flags,
        )
    except OSError as error:
        return _failed(tr("The check could not be started: {reason}.", reason=error.strerror or error))


def _answer(child: "subprocess.Popen[bytes] | HardwareProblem", deadline: float, timeout_s: float) -> NvmlAnswer:
    if isinstance(child, HardwareProblem):
        return NvmlAnswer(problems=(child,))
    try:
        output, errors = child.communicate(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        text = tr("The NVIDIA driver did not answer within {timeout_s:g} s.", timeout_s=timeout_s)
        hint = tr("If it is being updated, wait. Else restart the PC.")
        return NvmlAnswer(problems=(HardwareProblem(ProblemCode.DRIVER_NOT_ANSWERING, text, hint),))
    try:
        # Whatever a library printed comes before it.
        return from_plain(NvmlAnswer, json.loads(output.decode("utf-8", "replace").splitlines()[-1]))
    except (ValueError, IndexError, RecursionError) as error:
        kind = type(error).__name__ if not isinstance(error, RecordError) else str(error)
        tail = errors.decode("utf-8", "replace").strip()[-_TAIL_CHARACTERS:]
        ended = tr("The check ended with code {code}.", code=child.returncode)
        problem = _failed(ended, f"{kind}\n{tail}".strip())
        return NvmlAnswer(problems=(problem,))


def _failed(reason: str, details: str = "") -> HardwareProblem:
    text = tr("The graphics card could not be checked. {reason}", reason=reason)
    hint = tr("Restart the PC. If that does not help, install the NVIDIA driver anew.")
    return HardwareProblem(ProblemCode.PROBE_FAILED, text, hint, details)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Leave nothing of the child behind, and never wait long for it."""
    child.kill()
    try:
        child.wait(_KILL_LIMIT_S)
    except subprocess.TimeoutExpired:
        logger.warning("Process %s waits inside the graphics driver and cannot be ended", child.pid)
        _stuck.append(child)
        return
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


# Drives --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Asked(Generic[_Result]):
    """A question that a thread of its own asks; the thread is left alone if it does not come back."""

    result: _Result | None = None
    error: OSError | None = None
    thread: threading.Thread | None = None

    @classmethod
    def start(cls, question: Callable[[], _Result]) -> "_Asked[_Result]":
        asked = cls()

        def run() -> None:
            try:
                asked.result = question()
            except OSError as error:
                asked.error = error

        asked.thread = threading.Thread(target=run, name="hardware-drive", daemon=True)
        asked.thread.start()
        return asked

    def wait(self, deadline: float) -> _Result | None:
        """The answer; None if there is none, and `error` may say why."""
        if self.thread is not None:
            self.thread.join(max(0.0, deadline - time.monotonic()))
        return self.result


def _drives(
    pc: Pc, paths: Iterable[Path] | None, deadline: float
) -> tuple[tuple[Drive, ...], tuple[HardwareProblem, ...]]:
    """The drives, each once, and a problem for each path whose drive does not answer."""
    problems = []
    if paths is None:
        listing = _Asked.start(pc.local_drives)
        names = listing.wait(deadline)
        if names is None:
            problems.append(_drive_problem(tr("The list of drives"), listing.error))
    else:
        names = [str(path.expanduser().absolute()) for path in paths]
    questions = {name: _Asked.start(partial(pc.drive, name)) for name in names or []}
    found: dict[str, Drive] = {}
    for name, asked in questions.items():
        drive = asked.wait(deadline)
        if drive is None:
            problems.append(_drive_problem(name, asked.error))
        else:
            found.setdefault(drive.path, drive)
    return tuple(found.values()), tuple(problems)


def _drive_problem(name: str, error: OSError | None) -> HardwareProblem:
    reason = tr("no answer in time") if error is None else error.strerror or type(error).__name__
    text = tr("{name} cannot be looked at: {reason}.", name=name, reason=reason)
    hint = tr("Connect the drive, or choose another folder.")
    return HardwareProblem(ProblemCode.DRIVE_NOT_ANSWERING, text, hint)


# What it means -------------------------------------------------------------------------------------------------------


def _graphics_problems(answer: NvmlAnswer, has_card: bool | None) -> tuple[HardwareProblem, ...]:
    problems = answer.problems
    if not answer.gpus and (not problems or _is_only_missing(problems, has_card)):
        text = tr("This PC shows no NVIDIA graphics card.")
        hint = tr("In a laptop the card may be switched off: plug in the power supply, or look into NVIDIA's settings.")
        return (HardwareProblem(ProblemCode.NO_CARD, text, hint),)
    old = [_driver_problem(gpu) for gpu in answer.gpus]
    return problems + tuple(dict.fromkeys(problem for problem in old if problem))


def _is_only_missing(problems: tuple[HardwareProblem, ...], has_card: bool | None) -> bool:
    """There is no driver because there is no card for it."""
    return has_card is False and all(problem.code == ProblemCode.DRIVER_MISSING for problem in problems)


def _driver_problem(gpu: Gpu) -> HardwareProblem | None:
    if gpu.cuda_version >= WANTED_CUDA:
        return None
    driver, cuda = gpu.driver_version or tr("of this PC"), f"{gpu.cuda_version[0]}.{gpu.cuda_version[1]}"
    hint = tr("Install driver {version} or newer from nvidia.com/drivers.", version=_WANTED_DRIVER)
    if gpu.cuda_version < OLDEST_CUDA:
        needed = f"{OLDEST_CUDA[0]}.{OLDEST_CUDA[1]}"
        text = tr(
            "The NVIDIA driver {driver} is too old: it supports CUDA {cuda}, needed is {needed}.",
            driver=driver,
            cuda=cuda,
            needed=needed,
        )
        return HardwareProblem(ProblemCode.DRIVER_TOO_OLD, text, hint)
    text = tr(
        "The NVIDIA driver {driver} supports CUDA {cuda}; parts for CUDA {wanted} need a newer one.",
        driver=driver,
        cuda=cuda,
        wanted=WANTED_CUDA[0],
    )
    return HardwareProblem(ProblemCode.DRIVER_OLD, text, hint)


def _memory_problems(memory: MemoryInfo, system: SystemInfo) -> tuple[HardwareProblem, ...]:
    """A page file that somebody made small; one that Windows manages grows when it is needed."""
    is_small = memory.page_file_bytes < _SMALL_PAGE_FILE_BYTES and memory.total_bytes <= _MUCH_MEMORY_BYTES
    if system.os != "windows" or memory.page_file_is_automatic is not False or not is_small:
        return ()
    size = memory.page_file_bytes / 1e9
    text = tr(
        "The page file is set to {size:.1f} GB, so that programs may run out of memory while some is free.", size=size
    )
    hint = tr(
        "Let Windows manage its size: search for `Advanced system settings`, Performance, Advanced, Virtual memory."
    )
    return (HardwareProblem(ProblemCode.PAGE_FILE_SMALL, text, hint),)
