"""Puts a runtime together from its files: an empty environment, then all parts, offline, each hash checked once more.

The work is uv's, a program that comes with this one. It runs as a child without a window and is told where to keep its
own files, so that nothing of another installation on the PC is read or changed.
"""

import collections
import errno
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from wan_desktop.core.errors import RuntimeBuildError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.lock import PYTHON_VERSION, RuntimeLock
from wan_desktop.core.runtime.runtime_folder import RuntimeFolder, python_of
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.words import mark, tr

logger = logging.getLogger(__name__)

_REQUIREMENTS = "requirements.lock"
_CACHE = ".uv"
_LOOK_S = 0.1
_TAIL_LINES = 40
_MISLEADING = ("UV_", "PIP_", "PYTHON", "CONDA_", "VIRTUAL_ENV", "__PYVENV")
"""Variables that would lead uv or the interpreter somewhere else."""
_SAID_WHEN_FULL = ("os error 28", "os error 112", "os error 39", "os error 122", "No space left on device")
"""How uv, a program in Rust, ends its message then: with the system's number on Linux and Windows."""
_HINT = mark(
    "Try again. If it stays so, allow the program's folder in the virus scanner, or install the program again."
)


@dataclass(frozen=True, slots=True)
class BuildTools:
    """What a runtime is made with; comes with the program."""

    uv: Path
    python: Path
    """A whole interpreter of the right version, which every runtime goes on using."""

    @classmethod
    def bundled(cls, program: Path) -> "BuildTools":
        """As they lie in the installed program's folder."""
        if os.name == "nt":
            return cls(program / "bin" / "uv.exe", program / "python" / "python.exe")
        return cls(program / "bin" / "uv", program / "python" / "bin" / f"python{PYTHON_VERSION}")

    def check(self) -> None:
        """Return if both are there.

        Raises:
            RuntimeBuildError: One is not.
        """
        for tool in (self.uv, self.python):
            if not tool.is_file():
                raise RuntimeBuildError(
                    tr("{tool} is missing, which comes with the program.", tool=tool.name),
                    hint=tr("Install the program again, and allow its folder in the virus scanner."),
                    details=str(tool),
                )


class Builder:
    """Makes runtimes.

    Args:
        disk: Where they go.
        tools: What with.
        on_child: Told the process id of each child that is started, and 0 when it has ended, so that a child which
            outlives this program can be found.
    """

    def __init__(self, disk: Disk, tools: BuildTools, on_child: Callable[[int], None] = lambda _: None) -> None:
        self._disk = disk
        self._tools = tools
        self._on_child = on_child

    def build(self, lock: RuntimeLock, wheels: Path, folder: Path, context: JobContext) -> None:
        """Make the lock's runtime.

        Args:
            lock: What belongs to it.
            wheels: The folder of all its files.
            folder: Where it is made; is not there yet.
            context: Told how many parts of how many are installed, as two counts.

        Raises:
            JobCancelled: It was asked to stop; what was made so far stays for the caller to remove.
            RuntimeBuildError: It cannot be made; the same.
            OSError: The drive is full or fails; the same.
        """
        self._tools.check()
        self._disk.make_folder(folder)
        cache = folder / _CACHE
        options = ["--offline", "--no-config", "--no-progress", "--color", "never", "--cache-dir", str(cache)]
        python = ["--python", str(self._tools.python), "--no-managed-python", "--no-python-downloads"]
        self._run(["venv", "--allow-existing", *python, *options, str(folder)], folder, context, lambda: None)
        requirements = folder / _REQUIREMENTS
        self._disk.write_atomically(requirements, lock.requirements.encode())
        parts = RuntimeFolder(self._disk, folder)
        # Nothing but the lock says what belongs to it, so nobody needs to work out what parts need each other.
        only_locked = ["--no-index", "--find-links", str(wheels), "--only-binary", ":all:", "--no-deps"]
        self._run(
            [
                *("pip", "install", "--python", str(python_of(folder)), "--require-hashes", "--strict"),
                *(*only_locked, "--compile-bytecode", *options, "--requirements", str(requirements)),
            ],
            folder,
            context,
            lambda: context.progress((parts.part_count(), len(lock.pins))),
        )
        self._disk.remove_tree(cache)
        installed = parts.part_count()
        if installed != len(lock.pins):
            raise RuntimeBuildError(
                tr("{found} of {all} parts of the render engine were installed.", found=installed, all=len(lock.pins)),
                hint=tr(_HINT),
            )

    def _run(self, arguments: Sequence[str], folder: Path, context: JobContext, look: Callable[[], None]) -> None:
        """Let uv do something; `look` is called while it does.

        Raises:
            JobCancelled: It was asked to stop.
            RuntimeBuildError: uv does not start, or says that it cannot.
        """
        logger.info("uv %s", " ".join(arguments[:2]))
        child = self._start(arguments)
        tail: collections.deque[bytes] = collections.deque(maxlen=_TAIL_LINES)
        reader = threading.Thread(target=_keep_tail, args=(child.stdout, tail), name="uv-output", daemon=True)
        reader.start()
        try:
            self._on_child(child.pid)
            while child.poll() is None:
                context.check_cancelled()
                look()
                time.sleep(_LOOK_S)
        finally:
            if child.poll() is None:
                child.kill()
            code = child.wait()
            reader.join()
            self._on_child(0)
        if code != 0:
            raise self._failed(code, b"".join(tail).decode("utf-8", "replace").strip(), folder)

    def _start(self, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
        environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(_MISLEADING)}
        try:
            return subprocess.Popen(
                [str(self._tools.uv), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                creationflags=flags,
                process_group=None if sys.platform == "win32" else 0,
            )
        except OSError as error:
            raise RuntimeBuildError(
                tr("{tool} cannot be started: {reason}.", tool=self._tools.uv.name, reason=error.strerror or error),
                hint=tr("Install the program again, and allow its folder in the virus scanner."),
                details=str(error),
            ) from error

    def _failed(self, code: int, tail: str, folder: Path) -> Exception:
        """What uv's failure means: a full drive is one, whatever was being done."""
        logger.warning("uv ended with %d: %s", code, tail)
        if any(said in tail for said in _SAID_WHEN_FULL):
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        return RuntimeBuildError(
            tr("Putting the render engine together failed (code {code}).", code=code), hint=tr(_HINT), details=tail
        )


def _keep_tail(stream: IO[bytes] | None, tail: "collections.deque[bytes]") -> None:
    if stream is not None:
        with stream:
            tail.extend(stream)
