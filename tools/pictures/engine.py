"""The tests' played engine, which shows painted pictures and stops where the file `WAN_PICTURES_CUE` tells it to.

The file holds words: `go`; a stage and a step, at which it waits until the file says something else; `oom`, to fail
for lack of memory; `fail`, to fail a speed test; `speed`, to wait in one.
"""

import os
import sys
import threading
from pathlib import Path

import av

from tests.fakes import fake_engine
from tests.fakes.hardware import load
from tools.pictures.scenery import paint_clip, preview
from wan_desktop.core.generation import Attempt, GenerationResult
from wan_desktop.core.messages import (
    Cancel,
    Cancelled,
    Failed,
    Finished,
    Generate,
    MeasureSpeed,
    Pause,
    Preview,
    Progress,
    Quit,
    Ready,
    Resume,
    SpeedProgress,
    Stage,
    TorchCard,
    decode_command,
)

_STEP_S = 0.01
_SHOWN_EVERY = 5
_FRAMES = 25
_PEAK_BYTES = 9_400_000_000
_TIMES_S = {"load_model": 42.0, "read_prompt": 6.0, "create_frames": 354.0, "build_pictures": 21.0, "save_video": 1.4}


def cue() -> str:
    """What the scene wants now."""
    file = Path(os.environ["WAN_PICTURES_CUE"])
    return file.read_text(encoding="utf-8").strip() if file.exists() else "go"


class Played(fake_engine.Scenario):
    """Every job goes on until the cue stops it."""

    def run(self, command: Generate) -> None:
        """Answer one job."""
        job, steps = command.job, command.request.num_inference_steps
        if cue() == "oom":
            self._fail(job)
            return
        for stage, total in ((Stage.LOAD_MODEL, 4), (Stage.READ_PROMPT, 1), (Stage.CREATE_FRAMES, steps)):
            if not self._play(command, stage, total):
                return
        if not self._play(command, Stage.BUILD_PICTURES, 4):
            return
        request, path = command.request, command.output.path
        write_clip(path, request.width, request.height, min(_FRAMES, request.num_frames), request.fps, request.seed)
        fake_engine.send(Progress(job=job, stage=Stage.SAVE_VIDEO, done=1, total=1))
        attempts = (Attempt("primary", "done", sum(_TIMES_S.values()), peak_memory_bytes=_PEAK_BYTES),)
        result = GenerationResult(path=path, seconds=sum(_TIMES_S.values()), timings_s=_TIMES_S, attempts=attempts)
        fake_engine.send(Finished(job, result))

    def _play(self, command: Generate, stage: Stage, total: int) -> bool:
        """One stage; False if the job was cancelled in it."""
        job, request = command.job, command.request
        for done in range(total + 1):
            fake_engine.send(
                Progress(job=job, stage=stage, done=done, total=total, peak_memory_bytes=_PEAK_BYTES if done else 0)
            )
            if stage is Stage.CREATE_FRAMES and done and (done % _SHOWN_EVERY == 0 or cue() == f"{stage} {done}"):
                width = 320
                small = preview(width, round(width * request.height / request.width), done / total, request.seed)
                fake_engine.send(Preview(job, done, small))
            self.pause(job, done)
            self.tick.wait(_STEP_S)
            while cue() == f"{stage} {done}" and job not in self.cancelled and job not in self.paused:
                self.tick.wait(_STEP_S)
            self.pause(job, done)
            if job in self.cancelled:
                fake_engine.send(Cancelled(job))
                return False
        return True

    def measure(self, command: MeasureSpeed) -> None:
        """Answer a speed test, or fail."""
        while cue() == "speed" and command.job not in self.cancelled:
            part = fake_engine.SPEEDS[2]
            fake_engine.send(
                SpeedProgress(job=command.job, kind=part.kind, name=part.name, done=2, total=len(fake_engine.SPEEDS))
            )
            self.tick.wait(fake_engine.STEP_S)
        if cue() == "fail":
            self._fail(command.job)
        else:
            super().measure(command)

    def _fail(self, job: str) -> None:
        fake_engine.send(
            Failed(
                job=job,
                code="out-of-memory",
                message="The video needs 12.4 GB of video memory; 10.9 GB are free.",
                hint="Make the video smaller or shorter, or close other programs that use the graphics card.",
                details="torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.40 GiB.",
            )
        )


def write_clip(path: Path, width: int, height: int, frames: int, fps: int, kind: int) -> None:
    """A painted H.264 video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for pixels in paint_clip(width, height, frames, kind):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def ready(pc: str) -> Ready:
    """As torch would see the cards of that PC on paper."""
    cards = tuple(
        TorchCard(gpu.uuid.removeprefix("GPU-"), gpu.name, gpu.total_bytes, gpu.compute_capability)
        for gpu in load(pc).gpus
    )
    return Ready(
        app_version="0",
        torch_version="2.13.0",
        diffusers_version="0.40.0",
        device="cuda" if cards else "cpu",
        threads=1,
        process_id=os.getpid(),
        cards=cards,
    )


def main() -> None:
    """Read commands until the pipe closes; the argument names the PC on paper."""
    played = Played("ok")
    fake_engine.send(ready(sys.argv[1]))
    for line in sys.stdin.buffer:
        match decode_command(line):
            case Generate() as command:
                threading.Thread(target=played.run, args=(command,), daemon=True).start()
            case MeasureSpeed() as command:
                threading.Thread(target=played.measure, args=(command,), daemon=True).start()
            case Cancel(job):
                played.cancelled.add(job)
            case Pause(job):
                played.paused.add(job)
            case Resume(job):
                played.paused.discard(job)
            case Quit():
                return


if __name__ == "__main__":
    main()
