"""The window's side of the engine process: starts it, talks to it, watches it, replaces it when it dies.

Only local, inherited pipes are used. The engine's standard error is kept as a tail for reports and never mixes with
the messages.
"""

import collections
import contextlib
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from wan_desktop.core.errors import EngineError, EngineRuntimeError, JobCancelled, WanError, error_from_code
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.messages import (
    MAX_LINE_BYTES,
    Cancel,
    Cancelled,
    Command,
    Event,
    Failed,
    Finished,
    Generate,
    Job,
    Load,
    MeasureSpeed,
    MemoryReport,
    MessageError,
    Pause,
    Paused,
    Preview,
    Progress,
    Quit,
    Ready,
    Rejected,
    Resume,
    Resumed,
    SpeedProgress,
    SpeedReport,
    Unload,
    decode_event,
    encode,
)
from wan_desktop.core.words import LANGUAGE_VARIABLE, language_in_use, tr

logger = logging.getLogger(__name__)

START_LIMIT_S = 180.0
CANCEL_LIMIT_S = 10.0
"""A cancelled job that has not ended by then ends with its process."""
_QUIT_LIMIT_S = 3.0
_POLL_S = 0.05
_TAIL_LINES = 40
RenderEvent = Progress | Preview | Paused | Resumed
"""What a render says on its way."""
_ON_THE_WAY = (Progress, Preview, Paused, Resumed, SpeedProgress)
_DEATHS_BEFORE_REST = 3
_REST_S = 60.0
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
"""`python -m` finds the package from here, whatever folder the program was started in."""
ENGINE_COMMAND = (sys.executable, "-m", "wan_desktop.engine")


@dataclass(frozen=True, slots=True)
class EngineStarting:
    """The process runs and imports its libraries."""


@dataclass(frozen=True, slots=True)
class EngineReady:
    """It takes work."""

    ready: Ready


@dataclass(frozen=True, slots=True)
class EngineStopped:
    """There is no process; the next job starts one."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class EngineAbsent:
    """There is no process, and nothing that could be started: it is not installed, or damaged."""

    error: WanError
    """Which of the two, and what to do."""


EngineState = EngineStarting | EngineReady | EngineStopped | EngineAbsent


@dataclass(frozen=True, slots=True)
class EngineProgram:
    """How an engine is started."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to this process's environment."""


@dataclass(frozen=True, slots=True)
class _Died:
    reason: str
    details: str


class EngineClient:
    """One engine process at a time.

    Args:
        command: How to start it.
        environment: Added to this process's environment.
        find_program: Asked at each start, in place of the two; raises an `EngineRuntimeError` where there is none.
        on_change: Called without arguments, from any thread, when `state` has changed.
    """

    def __init__(
        self,
        command: Sequence[str] = ENGINE_COMMAND,
        *,
        environment: Mapping[str, str] | None = None,
        find_program: Callable[[], EngineProgram] | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        given = EngineProgram(tuple(command), dict(environment or {}))
        self._find_program = find_program or (lambda: given)
        self._on_change = on_change
        self._lock = threading.Lock()
        self._state: EngineState = EngineStopped()
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs: dict[str, queue.SimpleQueue[Event | _Died]] = {}
        self._deaths: collections.deque[float] = collections.deque(maxlen=_DEATHS_BEFORE_REST)
        self._stopping = False
        self._renewed: subprocess.Popen[bytes] | None = None
        """A process that ends because another one is to take its place."""

    @property
    def state(self) -> EngineState:
        """How the engine is now."""
        with self._lock:
            return self._state

    @property
    def process_id(self) -> int | None:
        """Of the running engine."""
        with self._lock:
            return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process unless it runs; returns at once.

        Raises:
            EngineError: The program file cannot be started.
            EngineRuntimeError: There is none, which is the state then.
        """
        if self.process_id is not None:
            return
        try:
            program = self._find_program()
        except EngineRuntimeError as error:
            self._set_state(EngineAbsent(error))
            raise
        with self._lock:
            if self._process is not None or self._stopping:
                return
            try:
                self._process = process = _spawn(program)
            except OSError as error:
                raise EngineError(
                    tr("The render engine could not be started: {error}.", error=error),
                    hint=tr("Repair the installation."),
                ) from error
            self._state = EngineStarting()
        threading.Thread(target=self._watch, args=(process,), name="engine-reader", daemon=True).start()
        self._on_change()

    def generate(
        self,
        command: Generate,
        *,
        on_event: Callable[[RenderEvent], None],
        cancel_asked: threading.Event,
        pause_asked: threading.Event | None = None,
    ) -> GenerationResult:
        """Make a video; blocks until it is made.

        Args:
            command: What to make.
            on_event: Told each event on the way on the calling thread; what it raises stops the job.
            cancel_asked: Stops the job when set, also one that is paused.
            pause_asked: Lets the job wait between two steps while it is set.

        Raises:
            JobCancelled: It was asked to stop.
            WanError: What the engine says, or EngineError when the engine died.
        """
        event = self._do(command, on_event, cancel_asked, pause_asked)
        if not isinstance(event, Finished):
            raise _unexpected(event)
        return event.result

    def load(
        self, command: Load, *, on_event: Callable[[Progress | Preview], None], cancel_asked: threading.Event
    ) -> MemoryReport:
        """Read a model into memory; as `generate`."""
        event = self._do(command, on_event, cancel_asked)
        if not isinstance(event, MemoryReport):
            raise _unexpected(event)
        return event

    def unload(self, command: Unload) -> MemoryReport | None:
        """Let the engine forget models; None when there is no engine, which then holds none.

        Raises:
            WanError: As `generate` says.
        """
        if self.process_id is None:
            return None
        event = self._do(command, lambda _: None, threading.Event())
        if not isinstance(event, MemoryReport):
            raise _unexpected(event)
        return event

    def measure_speed(
        self, command: MeasureSpeed, *, on_event: Callable[[SpeedProgress], None], cancel_asked: threading.Event
    ) -> SpeedReport:
        """Measure how fast a device is; as `generate`."""
        event = self._do(command, on_event, cancel_asked)
        if not isinstance(event, SpeedReport):
            raise _unexpected(event)
        return event

    def _do(
        self,
        command: Job,
        on_event: Callable[[Any], None],
        cancel_asked: threading.Event,
        pause_asked: threading.Event | None = None,
    ) -> Event:
        """Send the command and follow its job; which events come on the way is the command's affair."""
        events: queue.SimpleQueue[Event | _Died] = queue.SimpleQueue()
        with self._lock:
            self._jobs[command.job] = events
        try:
            self.start()
            self._send(command)
            return self._follow(command.job, events, on_event, cancel_asked, pause_asked or threading.Event())
        finally:
            with self._lock:
                self._jobs.pop(command.job, None)

    def stop(self) -> None:
        """End the process for good: asked first, then killed."""
        with self._lock:
            self._stopping = True
            process, starting = self._process, isinstance(self._state, EngineStarting)
        if process is None:
            return
        if starting:  # it hears nothing while it imports, and has nothing to lose
            process.kill()
        try:
            self._send(Quit())
            process.wait(_QUIT_LIMIT_S)
        except (EngineError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()

    def renew(self) -> None:
        """End the process, if one runs, and start what is there to be started now; for where no job runs.

        Raises:
            EngineError: As `start`.
        """
        with self._lock:
            process = self._renewed = self._process
            starting = isinstance(self._state, EngineStarting)
        if process is None:
            self.start()
            return
        if not starting:
            with contextlib.suppress(EngineError):
                self._send(Quit())
        try:
            process.wait(0 if starting else _QUIT_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
        while self._is_current(process):  # until then a job would be sent to the one that is gone
            time.sleep(_POLL_S)

    def _is_current(self, process: "subprocess.Popen[bytes]") -> bool:
        with self._lock:
            return self._process is process

    def kill(self) -> None:
        """End the running process at once; its job fails, and a new process starts."""
        with self._lock:
            process = self._process
        if process is not None:
            process.kill()

    def _send(self, command: Command) -> None:
        with self._lock:
            pipe = self._process.stdin if self._process else None
        try:
            if pipe is None:
                raise BrokenPipeError("no process")
            pipe.write(encode(command))
            pipe.flush()
        except (OSError, ValueError) as error:
            raise EngineError(
                tr("The render engine is not running."), hint=tr("Try again; it is being started."), details=str(error)
            ) from error

    def _follow(
        self,
        job: str,
        events: "queue.SimpleQueue[Event | _Died]",
        on_event: Callable[[Any], None],
        cancel_asked: threading.Event,
        pause_asked: threading.Event,
    ) -> Event:
        """Pass events on until the job has ended, one way or another."""
        kill_at: float | None = None
        paused = False
        while True:
            if kill_at is None and pause_asked.is_set() is not paused:
                paused = not paused
                self._send(Pause(job) if paused else Resume(job))
            if cancel_asked.is_set() and kill_at is None:
                kill_at = time.monotonic() + CANCEL_LIMIT_S
                self._send(Cancel(job))
            if kill_at is not None and time.monotonic() > kill_at:
                logger.warning("Job %s did not stop within %s s; ending the engine", job, CANCEL_LIMIT_S)
                self.kill()
                raise JobCancelled
            try:
                event = events.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(event, _ON_THE_WAY):
                if kill_at is None:
                    _tell(on_event, event, cancel_asked)
            elif isinstance(event, _Died) and kill_at is not None:
                raise JobCancelled
            else:
                return _last_of(event)

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        """Read one process's messages until it ends, then tell its jobs; runs on a thread of its own."""
        output, error_output = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)
        tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        errors = threading.Thread(target=_keep_tail, args=(error_output, tail), name="engine-errors", daemon=True)
        errors.start()
        limit = threading.Timer(START_LIMIT_S, process.kill)
        limit.daemon = True
        limit.start()
        broken = ""
        while line := output.readline(MAX_LINE_BYTES + 1):
            try:
                event = decode_event(line)
            except MessageError as error:
                broken = tr("it sent something that is no message: {error}", error=error)
                process.kill()
                break
            if isinstance(event, Ready):
                limit.cancel()
            self._dispatch(event)
        limit.cancel()
        code = process.wait()
        errors.join(1.0)
        self._ended(process, broken or tr("exit code {code}", code=code), "\n".join(tail))

    def _dispatch(self, event: Event) -> None:
        match event:
            case Ready():
                logger.info(
                    "Engine ready: torch %s, diffusers %s, %s",
                    event.torch_version,
                    event.diffusers_version,
                    event.device,
                )
                self._set_state(EngineReady(event))
            case Rejected():
                logger.error("The engine rejected a command: %s", event.reason)
            case _:
                with self._lock:
                    events = self._jobs.get(event.job)
                if events is not None:
                    events.put(event)

    def _ended(self, process: "subprocess.Popen[bytes]", reason: str, details: str) -> None:
        for pipe in (process.stdin, process.stdout, process.stderr):
            _close(pipe)
        now = time.monotonic()
        with self._lock:
            was_ready = isinstance(self._state, EngineReady)
            self._process = None
            waiting = list(self._jobs.values())
            renewed, self._renewed = process is self._renewed, None
            is_wanted = renewed or self._stopping  # that it ends
            if not is_wanted:
                self._deaths.append(now)
            often = len(self._deaths) == _DEATHS_BEFORE_REST and now - self._deaths[0] < _REST_S
            restart = not self._stopping and (renewed or (was_ready and not often))
            self._state = EngineStopped("" if is_wanted else reason)
        if not is_wanted:
            logger.error("The engine ended: %s\n%s", reason, details)
        for events in waiting:
            events.put(_Died(reason, details))
        self._on_change()
        if restart:
            try:
                self.start()
            except (EngineError, EngineRuntimeError):
                logger.exception("The engine could not be started again")

    def _set_state(self, state: EngineState) -> None:
        with self._lock:
            self._state = state
        self._on_change()


def _spawn(program: EngineProgram) -> "subprocess.Popen[bytes]":
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
    environment = {k: v for k, v in os.environ.items() if not k.upper().endswith(("_TOKEN", "_API_KEY"))}
    # Set before the libraries are imported: the engine sees only local files.
    environment |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DIFFUSERS_DISABLE_REMOTE_CODE": "1"}
    # Else torch rounds every pinned buffer up to a power of two: 26 GB of weights would pin 40.
    environment.setdefault("PYTORCH_ALLOC_CONF", "pinned_max_round_threshold_mb:1")
    environment[LANGUAGE_VARIABLE] = language_in_use()
    return subprocess.Popen(
        program.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment | dict(program.environment),
        cwd=_SOURCE_ROOT,
        creationflags=flags,
        # Ctrl+C in a console goes to the whole group; what it means is the window's business, not the engine's.
        process_group=None if sys.platform == "win32" else 0,
    )


def _tell(on_event: Callable[[Any], None], event: Event, cancel_asked: threading.Event) -> None:
    try:
        on_event(event)
    except JobCancelled:
        cancel_asked.set()


def _last_of(event: Event | _Died) -> Event:
    """The event that ends a job well, or the error that another one means."""
    match event:
        case Finished() | MemoryReport() | SpeedReport():
            return event
        case Cancelled():
            raise JobCancelled
        case Failed():
            logger.warning("Job %s failed in the engine: %s\n%s", event.job, event.code, event.details)
            raise error_from_code(event.code, event.message, hint=event.hint, details=event.details)
        case _Died():
            raise EngineError(
                tr("The render engine stopped while it worked ({reason}).", reason=event.reason),
                hint=tr("Try again: the engine is being started anew, and finished work is kept."),
                details=event.details,
            )
        case _:
            raise _unexpected(event)


def _unexpected(event: Event) -> EngineError:
    return EngineError(tr("The render engine sent something unexpected."), hint=tr("Try again."), details=repr(event))


def _keep_tail(stream: IO[bytes], tail: "collections.deque[str]") -> None:
    for line in stream:
        tail.append(line.decode("utf-8", "replace").rstrip())


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:
        logger.debug("A pipe of the ended engine could not be closed")
