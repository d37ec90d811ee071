"""Our transfer beside curl, aria2 and the Hub's own client: one file, one server on this machine, one run.

The server is the tests' fake Hub in a process of its own; like the Hub it sends every client on to another port first.
Files lie in memory (/dev/shm) where the system has that, so that the programs are measured and not the drive.

Each download is made by a new process. curl and aria2 count from their start to their end; Python clients without the
start of Python and their imports, because a program that downloads runs already. Ours counts with the sha256 of every
byte and with all else that makes a file safe; the Hub's client with its questions for names and sizes, and once more
with its own verification after it.
"""

import argparse
import collections
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from benchmarks.measure import interleaved, report
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.part_file import FetchedFile, WantedFile
from wan_desktop.core.store.transfer import Transfer

_FILE = "weights.safetensors"  # by its ending an LFS file, which the Hub does not send itself
_CHUNK_BYTES = 8_000_000
_CURL, _ARIA2, _OURS, _HUB = "curl", "aria2c -x16", "ours, sha256 included", "huggingface_hub"
_HUB_VERIFIED = "huggingface_hub and verify"
_DIRECT = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a served folder is."""

    url: str
    repo_id: str
    revision: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """The file that all clients fetch."""

    server: Server
    size_bytes: int
    sha256: str

    @property
    def url(self) -> str:
        """Its address at the Hub."""
        return f"{self.server.url}/{self.server.repo_id}/resolve/{self.server.revision}/{_FILE}"


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took."""

    seconds: float
    cpu_s: float
    """Of all threads, of user and system."""


Client = Callable[[RemoteFile, Path], Mapping[str, Cost]]
"""Fetches the file into an empty folder; one client may have several results."""


class Stopwatch:
    """Time and CPU of this process from now on."""

    def __init__(self) -> None:
        self._started_s = time.perf_counter()
        self._started_cpu_s = time.process_time()

    def cost(self) -> Cost:
        """So far."""
        return Cost(time.perf_counter() - self._started_s, time.process_time() - self._started_cpu_s)


# What the other benchmark of the store uses too ----------------------------------------------------------------------


def in_new_process(call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What the call returns in a Python that has done nothing before."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *args, **kwargs).result()


@contextmanager
def serving(folder: Path, *, bytes_per_s: float = 0.0) -> Iterator[Server]:
    """The fake Hub with one repository, in a process of its own.

    Args:
        folder: The repository's files.
        bytes_per_s: The most that a connection gives; 0 is no limit.
    """
    command = [sys.executable, "-m", "tests.fakes.hub", "--folder", str(folder), "--rate", str(bytes_per_s)]
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the server has no pipes")
        try:
            ready = json.loads(process.stdout.readline())
            yield Server(ready["url"], ready["repo_id"], ready["revision"])
        finally:
            process.stdin.close()  # which ends it


@contextmanager
def work_folder(parent: Path | None) -> Iterator[Path]:
    """A folder for files that come and go, in memory where the system has that."""
    shared_memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="wan-desktop-", dir=parent or (shared_memory if shared_memory.is_dir() else None)
    ) as name:
        print(f"Files lie in {name}.")
        yield Path(name)


def write_random(path: Path, size_bytes: int, *, head: bytes = b"") -> str:
    """Make a file of bytes that no drive and no connection can shrink; returns its sha256.

    Args:
        path: The file; its folder is there.
        size_bytes: How large it becomes.
        head: What it starts with.
    """
    digest = hashlib.sha256(head)
    with path.open("wb") as file:
        file.write(head)
        for begin in range(len(head), size_bytes, _CHUNK_BYTES):
            chunk = os.urandom(min(_CHUNK_BYTES, size_bytes - begin))
            file.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


def prepare_hub(server: Server, cache: Path) -> None:
    """Let this process's huggingface_hub, not imported yet, ask only that server, and keep nothing elsewhere."""
    os.environ |= {
        **_DIRECT,
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",  # the server has none
        "HF_HUB_OFFLINE": "0",
    }


def hub_download(server: Server, folder: Path) -> Cost:
    """The whole repository with huggingface_hub, after `prepare_hub`."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - reads its environment when it is imported

    watch = Stopwatch()
    snapshot_download(server.repo_id, revision=server.revision, local_dir=folder)
    return watch.cost()


def hub_verify(server: Server, folder: Path) -> Cost:
    """A folder of the repository's files against the server's digests with huggingface_hub, after `prepare_hub`."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - reads its environment when it is imported

    watch = Stopwatch()
    found = HfApi().verify_repo_checksums(server.repo_id, revision=server.revision, local_dir=folder)
    cost = watch.cost()
    if found.mismatches or found.missing_paths or not found.checked_count:
        raise RuntimeError(f"huggingface_hub says that the files are bad: {found}")
    return cost


# Clients -------------------------------------------------------------------------------------------------------------


def _run(*command: str) -> Cost:
    """A program from its start to its end. Windows does not tell its CPU time, which is then 0."""
    before, started_s = os.times(), time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, **_DIRECT})
    seconds, after = time.perf_counter() - started_s, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(seconds, cpu_s)


def _curl(remote: RemoteFile, folder: Path) -> Mapping[str, Cost]:
    return {_CURL: _run("curl", "-sSfL", "-o", str(folder / _FILE), remote.url)}


def _aria2(remote: RemoteFile, folder: Path) -> Mapping[str, Cost]:
    options = ["-q", "-x16", "-s16", "-k1M", "--file-allocation=none", "--no-conf", "-d", str(folder), "-o", _FILE]
    return {_ARIA2: _run("aria2c", *options, remote.url)}


def _ours(remote: RemoteFile, folder: Path) -> Mapping[str, Cost]:
    return {_OURS: in_new_process(_transfer, remote, folder)}


def _transfer(remote: RemoteFile, folder: Path) -> Cost:
    server = remote.server
    origin = Origin(server.repo_id, server.revision, _FILE, remote.size_bytes, remote.sha256)
    done: list[FetchedFile] = []
    watch = Stopwatch()
    Transfer(Disk(), HubClient(endpoint=server.url)).run(
        [WantedFile(origin, folder / _FILE, folder / f"{_FILE}.journal")],
        JobContext("benchmark", lambda *_: None),
        done.append,
    )
    cost = watch.cost()
    if [file.sha256 for file in done] != [remote.sha256]:
        raise RuntimeError("our own transfer brought something else")
    return cost


def _hub(remote: RemoteFile, folder: Path) -> Mapping[str, Cost]:
    return in_new_process(_hub_in_process, remote, folder)


def _hub_in_process(remote: RemoteFile, folder: Path) -> Mapping[str, Cost]:
    with tempfile.TemporaryDirectory() as cache:
        prepare_hub(remote.server, Path(cache))
        download = hub_download(remote.server, folder)
        verify = hub_verify(remote.server, folder)
    return {_HUB: download, _HUB_VERIFIED: Cost(download.seconds + verify.seconds, download.cpu_s + verify.cpu_s)}


# Comparison ----------------------------------------------------------------------------------------------------------


class _Contender:
    """A client that keeps its costs."""

    def __init__(self, client: Client, remote: RemoteFile, work: Path) -> None:
        self.costs: dict[str, list[Cost]] = collections.defaultdict(list)
        self._client = client
        self._remote = remote
        self._work = work

    def run(self) -> float:
        """Fetch into a fresh folder, which goes afterwards; returns the seconds of the whole."""
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            costs = self._client(self._remote, Path(folder))
            if Path(folder, _FILE).stat().st_size != self._remote.size_bytes:
                raise RuntimeError(f"{', '.join(costs)} fetched something else")
        for name, cost in costs.items():
            self.costs[name].append(cost)
        return max(cost.seconds for cost in costs.values())


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One table."""

    title: str
    file_bytes: int
    bytes_per_s: float
    """Of each connection; 0 is no limit."""
    anchor: str
    goal: str
    runs: int
    warm_up: int

    def run(self, clients: Mapping[str, Client], work: Path) -> None:
        """Measure and print."""
        with tempfile.TemporaryDirectory(dir=work) as name:
            sha256 = write_random(Path(name, _FILE), self.file_bytes)
            with serving(Path(name), bytes_per_s=self.bytes_per_s) as server:
                remote = RemoteFile(server, self.file_bytes, sha256)
                contenders = {client: _Contender(call, remote, work) for client, call in clients.items()}
                calls = {client: contender.run for client, contender in contenders.items()}
                interleaved(self.runs, calls, warm_up=self.warm_up)
        costs = {name: found[self.warm_up :] for item in contenders.values() for name, found in item.costs.items()}
        self._print(costs)

    def _print(self, costs: Mapping[str, Sequence[Cost]]) -> None:
        gigabytes = self.file_bytes / 1e9
        anchor = next((name for name in (self.anchor, _CURL) if name in costs), None)
        columns: list[tuple[str, str, Callable[[Cost], float]]] = [
            ("s", "", lambda cost: cost.seconds),
            ("GB/s", self.goal, lambda cost: gigabytes / cost.seconds),
            ("CPU-s/GB", "ours <= 2", lambda cost: cost.cpu_s / gigabytes),
        ]
        for unit, goal, value in columns:
            results = {name: [value(cost) for cost in found] for name, found in costs.items()}
            report(f"{self.title}, {unit}", results, anchor=anchor, goal=goal, unit=unit)


def _clients() -> dict[str, Client]:
    """All whose program is here; the others are named."""
    clients: dict[str, Client] = {}
    for program, name, client in (("curl", _CURL, _curl), ("aria2c", _ARIA2, _aria2)):
        if shutil.which(program):
            clients[name] = client
        else:
            print(f"{name}: not installed, so it has no row.")
    return {**clients, _OURS: _ours, _HUB: _hub}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench store_download", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs: the figures mean nothing")
    parser.add_argument("--runs", type=int, default=7, help="of each client, after one that does not count")
    parser.add_argument("--folder", type=Path, help="where files lie instead of in memory; 4 GB must be free")
    options = parser.parse_args(arguments)
    runs, warm_up = (1, 0) if options.quick else (options.runs, 1)
    size_bytes, limited_bytes, limit = (6_000_000, 3_000_000, 6e6) if options.quick else (10**9, 400_000_000, 40e6)
    clients = _clients()
    title = f"One file of {size_bytes / 1e6:.0f} MB"
    slow = f"{limited_bytes / 1e6:.0f} MB, {limit / 1e6:.0f} MB/s per connection"
    with work_folder(options.folder) as work:
        _Comparison(title, size_bytes, 0, _CURL, "ours >= 1 x curl", runs, warm_up).run(clients, work)
        _Comparison(slow, limited_bytes, limit, _ARIA2, "ours >= 1 x aria2c", runs, warm_up).run(clients, work)


if __name__ == "__main__":
    main()
