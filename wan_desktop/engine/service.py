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
    Command,
    Event,
    Failed,
    Finished,
    Generate,
    Job,
    Load,
    MeasureSpeed,
    MessageError,
    Pause,
    Quit,
    Ready,
    Rejected,
    Resume,
    Unload,
    decode_command,
    encode,
)
from wan_desktop.core.words import tr
from wan_desktop.engine import memory, speed_test
from wan_desktop.engine.pausing import PauseControl
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
    """The way in: a thread reads, so that a cancel or a pause is heard while a job runs."""

    def __init__(self, pipe: BinaryIO, events: Events) -> None:
        self._pipe = pipe
        self._events = events
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._paused: set[str] = set()
        self._quitting = False
        self._told = threading.Condition()
        """Notified when a job may go on or has to stop."""
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def next_job(self) -> Job | None:
        """Wait for the next job; None means the end."""
        return self._jobs.get()

    def check_cancelled(self, job: str) -> None:
        """Return, or end the job.

        Raises:
            JobCancelled: It was asked to stop.
        """
        if self._must_stop(job):
            raise JobCancelled

    def pause_control(self, job: str) -> PauseControl:
        """What the job asks between its steps."""

        def asked() -> bool:
            return job in self._paused

        def wait() -> None:
            with self._told:
                self._told.wait_for(lambda: job not in self._paused or self._must_stop(job))
            self.check_cancelled(job)

        return PauseControl(asked, wait)

    def _must_stop(self, job: str) -> bool:
        return self._quitting or job in self._cancelled

    def _read(self) -> None:
        while line := self._pipe.readline(MAX_LINE_BYTES + 1):
            try:
                command = decode_command(line)
            except MessageError as error:
                self._events.send(Rejected(str(error)))
                self._skip_rest(line)
                continue
            with self._told:
                self._take(command)
                self._told.notify_all()
        # The window is gone, however it went: nobody waits for a result, and the memory is needed.
        os._exit(0)

    def _take(self, command: Command) -> None:
        match command:
            case Cancel(job):
                self._cancelled.add(job)
            case Pause(job):
                self._paused.add(job)
            case Resume(job):
                self._paused.discard(job)
            case Quit():
                self._quitting = True
                self._jobs.put(None)
            case _:
                self._paused.discard(command.job)  # an attempt before this one, of the same job, may have been paused
                self._jobs.put(command)

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
                pause = commands.pause_control(command.job)
                return Finished(command.job, studio.make_video(command, events.send, check_cancelled, pause))
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
            tr("The engine met something unexpected: {kind}.", kind=type(error).__name__),
            hint=tr("Try again. The details say more."),
            details=details,
        )
    return Failed(job=job, code=known.code, message=known.message, hint=known.hint, details=known.details or details)


def _device_name() -> str:
    device = memory.choose_device(LoadPlan())
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
