"""An installation of an engine runtime as a process of its own, which ends by SIGKILL at a chosen storage call.

`python -m tests.fakes.runtime_process ORDER`, where ORDER is an :class:`InstallOrder` as JSON.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.jobs import JobContext
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.lock import RuntimeKind, parse_lock
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime
from wan_desktop.core.runtime.runtimes import RuntimeProgress, Runtimes
from wan_desktop.core.runtime.wheel_index import WheelIndex, WheelSources
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_file import Data
from wan_desktop.core.store.fetcher import TransferLimits

_BYTES_PER_S = 5_000_000


@dataclass(frozen=True, slots=True)
class KillPoint:
    """Where the process ends; what is empty or zero fits everything."""

    call: str
    """A method of `Disk`, or `progress` for a fetch that is half done, or `test` for the self-test."""
    path: str = ""
    """Part of the path."""
    data: str = ""
    """Part of what is written."""
    before: bool = False
    """The call is not carried out."""


@dataclass(frozen=True, slots=True)
class InstallOrder:
    """What to install where."""

    folder: Path
    uv: Path
    python: Path
    url: str
    lock: str
    """Its lines."""
    kill: KillPoint | None = None
    test_s: float = 0.0
    """How long the self-test takes."""


def end_now() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class KillingDisk(Disk):
    """A disk whose process ends at one call."""

    def __init__(self, point: KillPoint) -> None:
        super().__init__()
        self._point = point

    def _fits(self, call: str, path: Path, data: Data = b"") -> bool:
        point = self._point
        return call == point.call and point.path in str(path) and point.data.encode() in bytes(data)

    def _end(self, call: str, path: Path, data: Data = b"", *, before: bool) -> None:
        if before == self._point.before and self._fits(call, path, data):
            end_now()

    def write_atomically(self, path: Path, data: Data) -> None:
        self._end("write_atomically", path, data, before=True)
        super().write_atomically(path, data)
        self._end("write_atomically", path, data, before=False)

    def replace(self, source: Path, target: Path) -> None:
        self._end("replace", target, before=True)
        super().replace(source, target)
        self._end("replace", target, before=False)

    def remove_tree(self, path: Path) -> None:
        self._end("remove_tree", path, before=True)
        super().remove_tree(path)
        self._end("remove_tree", path, before=False)

    def remove_folder(self, path: Path) -> None:
        self._end("remove_folder", path, before=True)
        super().remove_folder(path)
        self._end("remove_folder", path, before=False)


def start(order: InstallOrder) -> "subprocess.Popen[bytes]":
    """Start the process."""
    command = [sys.executable, "-m", "tests.fakes.runtime_process", json.dumps(to_plain(order))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def main(text: str) -> None:
    order = from_plain(InstallOrder, json.loads(text))
    point = order.kill or KillPoint("never")
    index = WheelIndex(WheelSources(f"{order.url}/simple", f"{order.url}/whl"), timeout_s=5.0, waits_s=(0.1,))
    # Progress is told ten times a second, so that half of what comes must take longer than that.
    pace = _BYTES_PER_S if point.call == "progress" else None
    limits = TransferLimits(connections=1, max_connections=1, bytes_per_s=pace)
    tools = BuildTools(order.uv, order.python)
    runtimes = Runtimes(order.folder, tools, index, disk=KillingDisk(point), limits=limits)

    def report(_: str, progress: RuntimeProgress) -> None:
        transfer = progress.transfer
        arrives = point.call == "progress" and transfer is not None and not transfer.checking
        if arrives and transfer and 2 * transfer.done_bytes > transfer.total_bytes:
            end_now()

    def test(_runtime: InstalledRuntime, _context: JobContext) -> None:
        if point.call == "test":
            end_now()
        print("testing", flush=True)
        time.sleep(order.test_s)

    lock = parse_lock(RuntimeKind.LINUX_CPU, order.lock)
    installed = runtimes.install(lock, JobContext("test", report), test)
    print(installed.name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
