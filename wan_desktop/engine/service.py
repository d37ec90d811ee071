"""The engine's message loop: commands in, events out, one job at a time."""

import logging
import os
import queue
import threading
import traceback
from typing import BinaryIO

import diffusers
import torch

from wan_desktop import __version__
from wan_desktop.core.errors import JobCancelled, WanError
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.log import redact
from wan_desktop.core.messages import (
    MAX_LINE_BYTES,
    Cancel,
    Cancelled,
    Event,
    Failed,
    Finished,
    Generate,
    Job,
    Load,
    MeasureSpeed,
    MessageError,
    Quit,
    Ready,
    Rejected,
    Unload,
    decode_command,
    encode,
)
from wan_desktop.engine import memory, speed_test
from wan_desktop.engine.render import Studio

logger = logging.getLogger(__name__)
_DETAILS_LENGTH = 4000


class Events:
    """The way out; any thread may send."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, event: Event) -> None:
        """Write one event; a window that is gone ends the process."""
        line = encode(event)
        try:
            with self._lock:
                self._pipe.write(line)
                self._pipe.flush()
        except OSError:
            os._exit(0)


class Commands:
    """The way in: a thread reads, so that a cancel is heard while a job runs."""

    def __init__(self, pipe: BinaryIO, events: Events) -> None:
        self._pipe = pipe
        self._events = events
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._quitting = False
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def next_job(self) -> Job | None:
        """Wait for the next job; None means the end."""
        return self._jobs.get()

    def check_cancelled(self, job: str) -> None:
        """Return, or end the job.

        Raises:
            JobCancelled: It was asked to stop.
        """
        if self._quitting or job in self._cancelled:
            raise JobCancelled

    def _read(self) -> None:
        while line := self._pipe.readline(MAX_LINE_BYTES + 1):
            try:
                command = decode_command(line)
            except MessageError as error:
                self._events.send(Rejected(str(error)))
                self._skip_rest(line)
                continue
            match command:
                case Generate() | Load() | Unload() | MeasureSpeed():
                    self._jobs.put(command)
                case Cancel(job):
                    self._cancelled.add(job)
                case Quit():
                    self._quitting = True
                    self._jobs.put(None)
        # The window is gone, however it went: nobody waits for a result, and the memory is needed.
        os._exit(0)

    def _skip_rest(self, line: bytes) -> None:
        while line and not line.endswith(b"\n"):
            line = self._pipe.readline(MAX_LINE_BYTES)


def serve(commands: Commands, events: Events) -> None:
    """Say that the engine is ready, and work until the end."""
    torch.set_num_threads(memory.usable_threads())
    studio = Studio()
    events.send(
        Ready(
            app_version=__version__,
            torch_version=torch.__version__,
            diffusers_version=diffusers.__version__,
            device=_device_name(),
            threads=torch.get_num_threads(),
            process_id=os.getpid(),
            cards=memory.torch_cards(),
        )
    )
    while (command := commands.next_job()) is not None:
        events.send(_answer(studio, command, commands, events))


def _answer(studio: Studio, command: Job, commands: Commands, events: Events) -> Event:
    """Do one job; whatever happens becomes the event that ends it."""

    def check_cancelled() -> None:
        commands.check_cancelled(command.job)

    try:
        match command:
            case Generate():
                return Finished(command.job, studio.make_video(command, events.send, check_cancelled))
            case Load():
                return studio.load(command, events.send, check_cancelled)
            case Unload():
                return studio.unload(command)
            case MeasureSpeed():
                return speed_test.measure(command, events.send, check_cancelled)
    except JobCancelled:
        return Cancelled(command.job)
    except Exception as error:  # noqa: BLE001 - the boundary of the process: all that is known becomes its error, the rest a bug
        return _failed(command.job, error)


def _failed(job: str, error: Exception) -> Failed:
    details = redact(traceback.format_exc())[-_DETAILS_LENGTH:]
    known = memory.classify(error)
    if known is None:
        known = WanError(
            f"The engine met something unexpected: {type(error).__name__}.",
            hint="Try again. The details say more.",
            details=details,
        )
    return Failed(job=job, code=known.code, message=known.message, hint=known.hint, details=known.details or details)


def _device_name() -> str:
    device = memory.choose_device(LoadPlan())
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
