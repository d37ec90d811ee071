"""An engine process without torch that plays a scenario: `python fake_engine.py SCENARIO [UUID]`.

It speaks the real messages over the real pipes. Scenarios: `ok` makes a small real video; `slow` steps until it is
cancelled; `deaf` steps and never listens; `dies` exits in the middle; `rubbish` writes a line that is no message;
`huge` writes an endless line; `oom` fails for lack of memory; `silent-start` never gets ready; `crash-start` ends
before it is ready. The UUIDs are those of the cards that it claims to see.
"""

import base64
import io
import os
import sys
import threading
from pathlib import Path

import av
import numpy as np
from PIL import Image

from wan_desktop.core.generation import Attempt, GenerationResult
from wan_desktop.core.messages import (
    MAX_LINE_BYTES,
    Cancel,
    Cancelled,
    Command,
    Event,
    Failed,
    Finished,
    Generate,
    MeasureSpeed,
    MemoryReport,
    Pause,
    Paused,
    Preview,
    Progress,
    Quit,
    Ready,
    Resume,
    Resumed,
    SpeedKind,
    SpeedPart,
    SpeedProgress,
    SpeedReport,
    SpeedStatus,
    Stage,
    TorchCard,
    Unload,
    decode_command,
    encode,
)

STEP_S = 0.05
STEPS = 20
SPEEDS = (
    SpeedPart(kind=SpeedKind.PRODUCTS, name="bfloat16", status=SpeedStatus.MEASURED, per_s=50e12),
    SpeedPart(kind=SpeedKind.PRODUCTS, name="float32", status=SpeedStatus.MEASURED, per_s=0.1e12),
    SpeedPart(kind=SpeedKind.PRODUCTS, name="float8", status=SpeedStatus.OFF, reason="Not on this card."),
    SpeedPart(kind=SpeedKind.ATTENTION, name="native", status=SpeedStatus.MEASURED, per_s=40e12),
    SpeedPart(kind=SpeedKind.ATTENTION, name="_native_cudnn", status=SpeedStatus.WRONG, reason="It differs by 0.7."),
    SpeedPart(kind=SpeedKind.COPY, name="pinned", status=SpeedStatus.MEASURED, per_s=20e9),
)


def send(event: Event) -> None:
    """Write one event."""
    sys.stdout.buffer.write(encode(event))
    sys.stdout.buffer.flush()


def small_jpeg() -> str:
    """A preview picture, base64."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((32, 32)).convert("RGB").save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


def write_video(path: Path, frames: int = 9, size: int = 64) -> None:
    """A real H.264 clip: a bright square that moves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = size, size, "yuv420p"
        for index in range(frames):
            picture = np.zeros((size, size, 3), np.uint8)
            picture[20:40, 4 * index : 4 * index + 20] = (230, 60, 60)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


class Scenario:
    """Plays one scenario for every job."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cancelled: set[str] = set()
        self.paused: set[str] = set()
        self.tick = threading.Event()

    def run(self, command: Generate) -> None:
        """Answer one job."""
        job = command.job
        send(Progress(job=job, stage=Stage.LOAD_MODEL, done=0, total=1))
        send(Progress(job=job, stage=Stage.LOAD_MODEL, done=1, total=1))
        send(Progress(job=job, stage=Stage.READ_PROMPT, done=1, total=1))
        if self.name == "oom":
            send(
                Failed(
                    job=job,
                    code="out-of-memory",
                    message="The video needs 10.6 GB of video memory; 7.9 GB are free.",
                    hint="Make it smaller or shorter.",
                    details="torch.OutOfMemoryError",
                )
            )
            return
        step = 0
        while step < STEPS or self.name in ("slow", "deaf"):
            self.tick.wait(STEP_S)
            step += 1
            if job in self.cancelled and self.name != "deaf":
                send(Cancelled(job))
                return
            if step == 3:
                self.misbehave()
            self.pause(job, step - 1)
            send(Progress(job=job, stage=Stage.CREATE_FRAMES, done=min(step, STEPS), total=STEPS))
            send(Preview(job, step, small_jpeg()))
        send(Progress(job=job, stage=Stage.BUILD_PICTURES, done=1, total=1))
        write_video(command.output.path)
        send(Progress(job=job, stage=Stage.SAVE_VIDEO, done=1, total=1))
        result = GenerationResult(
            path=command.output.path,
            seconds=1.0,
            timings_s={"create_frames": 1.0},
            attempts=(Attempt("primary", "done", 1.0),),
        )
        send(Finished(job, result))

    def pause(self, job: str, step: int) -> None:
        """Wait while the job is paused."""
        if job in self.paused and self.name != "deaf":
            send(Paused(job=job, step=min(step, STEPS), total=STEPS))
            while job in self.paused and job not in self.cancelled:
                self.tick.wait(STEP_S)
            send(Resumed(job=job, step=min(step, STEPS), total=STEPS))

    def measure(self, command: MeasureSpeed) -> None:
        """Answer a speed test: a card of round numbers whose 8-bit floats are off and one of whose kernels is wrong."""
        job, done = command.job, 0
        while done < len(SPEEDS) or self.name in ("slow", "deaf"):
            part = SPEEDS[done % len(SPEEDS)]
            send(SpeedProgress(job=job, kind=part.kind, name=part.name, done=done, total=len(SPEEDS)))
            self.tick.wait(STEP_S)
            done += 1
            if job in self.cancelled and self.name != "deaf":
                send(Cancelled(job))
                return
            if done == 3:
                self.misbehave()
        uuid = command.gpu_uuid or "cpu"
        send(SpeedReport(job=job, device=uuid, device_name="Fake", torch_version="none", parts=SPEEDS, seconds=1.0))

    def misbehave(self) -> None:
        """The fault of this scenario, if it has one here."""
        if self.name == "dies":
            print("Fatal: the fake engine was told to die", file=sys.stderr, flush=True)
            os._exit(9)
        if self.name == "rubbish":
            sys.stdout.buffer.write(b"Loading pipeline components...: 100%\n")
            sys.stdout.buffer.flush()
        if self.name == "huge":
            sys.stdout.buffer.write(b"x" * (MAX_LINE_BYTES + 10))
            sys.stdout.buffer.flush()


def follow(scenario: Scenario, command: Command) -> bool:
    """Do what a command says; False: the process is to end."""
    match command:
        case Generate():
            threading.Thread(target=scenario.run, args=(command,), daemon=True).start()
        case MeasureSpeed():
            threading.Thread(target=scenario.measure, args=(command,), daemon=True).start()
        case Unload(job=job):
            send(MemoryReport(job=job, seconds=0.0, loaded_folders=(), process_bytes=0))
        case Cancel(job):
            scenario.cancelled.add(job)
        case Pause(job):
            scenario.paused.add(job)
        case Resume(job):
            scenario.paused.discard(job)
    return not isinstance(command, Quit)


def main() -> None:
    """Read commands until the pipe closes."""
    scenario = Scenario(sys.argv[1])
    if scenario.name == "crash-start":
        sys.exit("ImportError: the fake engine has no libraries")
    if scenario.name != "silent-start":
        send(
            Ready(
                app_version="0",
                torch_version="none",
                diffusers_version="none",
                device="cpu",
                threads=1,
                process_id=os.getpid(),
                cards=tuple(TorchCard(uuid, "Fake", 24_000_000_000, (8, 9)) for uuid in sys.argv[2:]),
            )
        )
    for line in sys.stdin.buffer:
        if not follow(scenario, decode_command(line)):
            return


if __name__ == "__main__":
    main()
