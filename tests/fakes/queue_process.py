"""Works on a queue of renders in another process, which a test may kill at any moment.

The process is forked from one that has everything imported, where the system can do that. It says what it is about to
do before each operation, and what came of it after, so that a test knows what has to be in the file: all that was said
to be done, and of the one operation that was begun last, all or nothing.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fakes.render_orders import order, result
from wan_desktop.core.errors import RequestError, WanError
from wan_desktop.core.render_queue import RenderQueue, Trouble


@dataclass(frozen=True, slots=True)
class QueueWork:
    """What a process is to do."""

    file: str
    seed: int = 0
    """Of the operations that it chooses."""
    operations: int = 10_000
    hold: bool = False
    """Open it and do nothing until killed."""
    image: str = ""
    """A picture for some of the orders."""


def _tell(**line: Any) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")  # in one piece


class _Worker:
    """Does operations at random and tells them."""

    def __init__(self, queue: RenderQueue, work: QueueWork) -> None:
        self._queue = queue
        self._rng = random.Random(work.seed)
        self._image = Path(work.image) if work.image else None

    def run(self, operations: int) -> None:
        names = ("add", "add", "next", "next", "finish", "fail", "stop", "retry", "delete", "move", "group")
        for _ in range(operations):
            name = self._rng.choice(names)
            target = self._target(name)
            if target is not None:
                _tell(event="begun", name=name, job_id=target)
                _tell(event="acknowledged", name=name, job_id=target, came_of_it=self._do(name, target))

    def _target(self, name: str) -> str | None:
        """The job that it is about; "" where it is about none, None where there is none that it could be about."""
        now = self._queue.snapshot()
        kinds = {
            "finish": now.running,
            "fail": now.running,
            "stop": (*now.running, *now.waiting),
            "retry": (*now.needs_you, *now.finished),
            "delete": (*now.needs_you, *now.waiting, *now.finished),
            "move": now.waiting,
        }
        if name not in kinds:
            return None if name == "add" and len(now.waiting) > 12 else ""
        return self._rng.choice(kinds[name]).job_id if kinds[name] else None

    def _do(self, name: str, job_id: str) -> Any:
        match name:
            case "add":
                image = self._rng.choice((None, self._image))
                prompt = "a fox " * self._rng.choice((1, 1, 3000))
                model_id = self._rng.choice(("model-a", "model-b"))
                return self._queue.add(order(prompt, model_id=model_id, image=image), versions=self._rng.randint(1, 3))
            case "next":
                job = self._queue.next_job()
                return job.job_id if job else ""
            case "finish":
                return self._queue.finish(job_id, result(Path(f"/videos/{job_id}.mp4")))
            case "fail":
                return self._queue.fail(job_id, Trouble.of(RequestError("It is too large.", hint="Choose less.")))
            case "stop":
                return self._queue.stop(job_id)
            case "retry":
                return self._queue.retry(job_id)
            case "delete":
                return self._queue.delete(job_id)
            case "move":
                return self._queue.move_to(job_id, self._rng.randint(0, 9))
            case _:
                return self._queue.group_by_model()


def _work(line: str) -> None:
    work = QueueWork(**json.loads(line))
    try:
        with RenderQueue(Path(work.file)) as queue:
            _tell(event="opened")
            if work.hold:
                sys.stdin.read()
            queue.continue_()
            _Worker(queue, work).run(work.operations)
        _tell(event="done")
    except WanError as error:
        _tell(event="failed", code=error.code, message=error.message)
    except Exception:  # noqa: BLE001 - told to the test, which fails
        _tell(event="bug", text=traceback.format_exc())


def main() -> None:
    """Do one work a line until the standard input ends."""
    while line := sys.stdin.readline():
        pid = os.fork() if hasattr(os, "fork") else 0
        if pid:
            os.waitpid(pid, 0)
            _tell(event="ended")
        else:
            _tell(event="started", pid=os.getpid())
            _work(line)
            os._exit(0)


class QueueProcess:
    """Works in other processes, one at a time; a context manager."""

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
        if self._pid:
            self.kill()
        if self._program is not None:
            with contextlib.suppress(OSError), self._program:
                pass
            self._program = None

    def start(self, work: QueueWork) -> None:
        """Begin the work; returns when its process is there, and has perhaps not opened the queue yet."""
        if not hasattr(os, "fork"):
            self.close()
        program = self._program = self._program or _program()
        assert program.stdin
        program.stdin.write(json.dumps(asdict(work)) + "\n")
        program.stdin.flush()
        self._pid = next(self._lines())["pid"]

    def lines(self, count: int) -> list[dict[str, Any]]:
        """The next lines that it tells, as many or until it ends."""
        told: list[dict[str, Any]] = []
        while len(told) != count:
            line = next(self._lines())
            if line["event"] == "ended":
                self._pid = 0
                break
            told.append(line)
        return told

    def kill(self) -> list[dict[str, Any]]:
        """Kill it without a word and wait until it is gone; returns what it had told and nobody had read."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        return self.rest()

    def rest(self) -> list[dict[str, Any]]:
        """All that it still tells until it ends."""
        return self.lines(-1) if self._pid else []

    def _lines(self) -> Iterator[dict[str, Any]]:
        assert self._program
        assert self._program.stdout
        for text in self._program.stdout:
            line = json.loads(text)
            if line["event"] == "bug":
                raise RuntimeError(line["text"])
            yield line


def _program() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.queue_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
        text=True,
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
