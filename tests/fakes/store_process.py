"""What the program does with the store, as calls, and as processes that do one of them and can be killed.

`python -m tests.fakes.store_process` reads jobs, one line of JSON each, and tells what became of them in lines of JSON.
Where the system can fork, each job gets a child of its own, which has everything imported and starts in milliseconds;
elsewhere the process does one job and ends.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wan_desktop.core.errors import JobCancelled, WanError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.download import Downloader, DownloadPlan, PlannedFile, SameFile
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import Library, ModelKey, TrashItem
from wan_desktop.core.store.manifest import Manifest, read_block_map, read_manifest
from wan_desktop.core.store.ranges import Hub
from wan_desktop.core.store.repair import Repairer
from wan_desktop.core.store.verify import DeepCheck, IntegrityReport, quick_check

RUN_HEADER = "x-test-run"
_ENDED_S = 60.0


def quiet_context() -> JobContext:
    """A job's context that tells nobody anything."""
    return JobContext("test", lambda *_: None)


# What the program does -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartUp:
    """What a start of the program finds of a model."""

    published: bool
    report: IntegrityReport | None
    """None when there is no model, or no word on it that can be read."""
    unfinished: DownloadPlan | None


def start_up(library: Library, hub: Hub, key: ModelKey) -> StartUp:
    """Finish what a crash interrupted, and look at what is there.

    Raises:
        WanError: The drive fails, or what is written down of the model is damaged.
    """
    try:
        with library.hold(key, "starting"):
            library.recover(key)
        folder = library.folder(key)
        published = key in set(library.keys())
        report = quick_check(library.disk, folder) if published else None
        return StartUp(published, report, Downloader(library, hub).unfinished(key))
    except OSError as error:
        raise disk_error(error, library.root, "starting") from error


def download(
    library: Library, hub: Hub, plan: DownloadPlan, *, limits: TransferLimits, context: JobContext | None = None
) -> Manifest:
    """Install the model, go on with that, or update it; files that the installed revision has are shared.

    Raises:
        WanError: It failed.
        JobCancelled: It was asked to stop.
    """
    key = plan.key

    def find_same(file: PlannedFile) -> SameFile | None:
        return _installed(library, key, file)

    with library.hold(key, "downloading"):
        library.recover(key)
        return Downloader(library, hub, limits, find_same).run(plan, context or quiet_context())


def _installed(library: Library, key: ModelKey, file: PlannedFile) -> SameFile | None:
    """The installed revision's own copy of a file, if it was not touched since it was last read."""
    folder = library.folder(key)
    try:
        files = read_manifest(library.disk, folder).files
        report = quick_check(library.disk, folder)
    except (OSError, WanError):
        return None
    good = {finding.path for finding in report.findings} - {finding.path for finding in report.bad + report.unchecked}
    for have in files:
        content = (have.origin.sha256, have.origin.git_sha1) if have.origin else ("", "")
        same = content == (file.origin.sha256, file.origin.git_sha1) and have.conversion == file.conversion
        if same and have.path in good:
            return SameFile(folder / have.path, have.sha256, read_block_map(library.disk, folder, have))
    return None


def deep_check(library: Library, key: ModelKey) -> IntegrityReport:
    """Read every byte of the model.

    Raises:
        WanError: It cannot be checked.
    """
    folder = library.folder(key)
    with library.hold(key, "verifying"):
        try:
            return DeepCheck(library.disk, folder, threads=2).run(lambda *_: None)
        except OSError as error:
            raise disk_error(error, library.root, "checking") from error


def repair(
    library: Library,
    hub: Hub,
    key: ModelKey,
    report: IntegrityReport,
    *,
    limits: TransferLimits,
    context: JobContext | None = None,
) -> None:
    """Make the model whole again.

    Raises:
        WanError: It failed.
    """
    with library.hold(key, "repairing"):
        Repairer(library, hub, limits).run(key, report, context or quiet_context())


def remove(library: Library, key: ModelKey) -> TrashItem:
    """Put the model into the trash.

    Raises:
        WanError: It failed.
    """
    with library.hold(key, "removing"):
        try:
            return library.remove(key)
        except OSError as error:
            raise disk_error(error, library.root, "removing") from error


def put_back(library: Library, item: TrashItem) -> None:
    """Take the model out of the trash again.

    Raises:
        WanError: It failed.
    """
    with library.hold(item.key, "putting back"):
        library.put_back(item)


# In a process of its own ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoreJob:
    """What a process is to do."""

    operation: str
    """download, deep-check, repair (after a deep check), or hold (until it is killed)."""
    root: Path
    model_id: str
    variant: str
    endpoint: str = ""
    plan: DownloadPlan | None = None
    run: str = ""
    """Comes with every request, in the header `x-test-run`."""
    limits: Any = None
    """As plain data."""
    max_file_bytes: int = 0
    """The system lets no file be longer; 0 is no limit."""
    max_handles: int = 0
    """The system lets no more files be open; 0 is no limit."""


class _LabelledClient(HubClient):
    """Says in every request for bytes whose it is: one may still be on its way when its process is gone."""

    def __init__(self, endpoint: str, run: str) -> None:
        super().__init__(endpoint=endpoint)
        self._run = run

    def headers_for(self, url: str) -> dict[str, str]:
        return {**super().headers_for(url), RUN_HEADER: self._run}


def _do(job: StoreJob) -> dict[str, Any]:
    _limit(job)
    library = Library(Disk(), job.root)
    key = ModelKey(job.model_id, job.variant)
    hub = _LabelledClient(job.endpoint, job.run)
    limits = from_plain(TransferLimits, job.limits or {})
    _tell(event="began")
    match job.operation:
        case "download" if job.plan is not None:
            download(library, hub, job.plan, limits=limits)
        case "deep-check":
            return {"good": deep_check(library, key).good}
        case "repair":
            repair(library, hub, key, deep_check(library, key), limits=limits)
        case "hold":
            with library.hold(key, "being held by a test"):
                _tell(event="holding")
                threading.Event().wait()
        case _:
            raise ValueError(job.operation)
    return {}


def _limit(job: StoreJob) -> None:
    if job.max_file_bytes or job.max_handles:
        import resource  # noqa: PLC0415 - not on Windows

        if job.max_file_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job.max_file_bytes, job.max_file_bytes))
        if job.max_handles:
            resource.setrlimit(resource.RLIMIT_NOFILE, (job.max_handles, job.max_handles))


def _tell(**line: Any) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")  # in one piece, whoever else writes


def _work(line: str) -> None:
    try:
        _tell(event="done", **_do(from_plain(StoreJob, json.loads(line))))
    except WanError as error:
        _tell(event="failed", code=error.code, message=error.message, hint=error.hint)
    except JobCancelled:
        _tell(event="cancelled")
    except Exception:  # noqa: BLE001 - told to the test, which fails
        _tell(event="bug", text=traceback.format_exc())


def main() -> None:
    """Do jobs until the standard input ends."""
    for line in sys.stdin:
        pid = os.fork() if hasattr(os, "fork") else 0
        if pid:
            os.waitpid(pid, 0)
            _tell(event="ended")
        else:
            _tell(event="started", pid=os.getpid())
            _work(line)
            os._exit(0)


class StoreProcess:
    """Does jobs in other processes, one at a time; a context manager."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[str] | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it all."""
        self.kill()
        if self._program is not None:
            with contextlib.suppress(OSError), self._program:
                pass
            self._program = None

    def start(self, job: StoreJob) -> None:
        """Begin the job; returns when its process is at work."""
        if not hasattr(os, "fork"):
            self.close()
        program = self._program = self._program or _program()
        assert program.stdin
        program.stdin.write(json.dumps(to_plain(job)) + "\n")
        program.stdin.flush()
        self._pid = self._line("started")["pid"]

    def _line(self, *events: str) -> dict[str, Any]:
        for line in self._lines():
            if line["event"] in events:
                return line
            if line["event"] == "ended":
                self._pid = 0
            if line["event"] in ("bug", "failed", "ended"):
                raise RuntimeError(line)
        raise EOFError(events)

    def _lines(self) -> Iterator[dict[str, Any]]:
        assert self._program
        assert self._program.stdout
        for text in self._program.stdout:
            yield json.loads(text)

    def wait_for(self, *events: str) -> dict[str, Any]:
        """Wait until the job's process tells one of these; what it tells before is skipped."""
        return self._line(*events)

    def kill(self) -> dict[str, Any] | None:
        """Kill the job's process without a word, and wait until it is gone; returns what it told at its end, if so."""
        if not self._pid:
            return None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        return self._end()

    def finish(self) -> dict[str, Any]:
        """Wait until the job is done; returns what became of it: done, failed or cancelled."""
        told = self._end()
        if told is None:
            raise RuntimeError("the process ended without a word")
        return told

    def _end(self) -> dict[str, Any] | None:
        self._pid, told = 0, None
        for line in self._lines():
            if line["event"] == "ended":
                return told
            if line["event"] == "bug":
                raise RuntimeError(line["text"])
            if line["event"] in ("done", "failed", "cancelled"):
                told = line
        return told  # where a process does one job, the end of its lines is the end of it


def _program() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.store_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
        text=True,
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
