"""The engine process: start to ready, a built-in clip once it is warm, and how fast a cancel is."""

import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import report
from benchmarks.render_overhead import BUILTIN_REQUEST
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, find_model
from wan_desktop.core.engine_client import EngineClient, EngineReady, RenderEvent
from wan_desktop.core.errors import JobCancelled
from wan_desktop.core.generation import GenerationRequest
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import Generate, OutputTarget, Progress, Stage
from wan_desktop.core.paths import resources_folder

_RUNS = 7


def _wait_ready(client: EngineClient) -> float:
    started, tick = time.perf_counter(), threading.Event()
    client.start()
    while not isinstance(client.state, EngineReady):
        tick.wait(0.005)
    return time.perf_counter() - started


def _command(request: GenerationRequest, folder: Path, model_folder: Path) -> Generate:
    target = OutputTarget(path=folder / "clip.mp4", rescue_folder=folder / "rescued", work_folder=folder / "work")
    return Generate(job=f"{time.time_ns()}", request=request, model_folder=model_folder, plan=LoadPlan(), output=target)


def _clip(client: EngineClient, command: Generate) -> float:
    started = time.perf_counter()
    client.generate(command, on_event=lambda _: None, cancel_asked=threading.Event())
    return time.perf_counter() - started


def _cancel(client: EngineClient, command: Generate, at_step: int) -> tuple[float, float]:
    """Seconds from asking to the end, and seconds a step."""
    cancel, asked_at, steps = threading.Event(), 0.0, [time.perf_counter()]

    def watch(event: RenderEvent) -> None:
        nonlocal asked_at
        if isinstance(event, Progress) and event.stage == Stage.CREATE_FRAMES:
            steps.append(time.perf_counter())
            if event.done == at_step and not cancel.is_set():
                asked_at = time.perf_counter()
                cancel.set()

    try:
        client.generate(command, on_event=watch, cancel_asked=cancel)
    except JobCancelled:
        return time.perf_counter() - asked_at, steps[-1] - steps[-2]
    raise RuntimeError("the clip was finished before the cancel")


def main() -> None:
    """Measure and print."""
    model_folder = find_model(BUILTIN_MODEL_ID, resources_folder()).folder.path
    starts = []
    for _ in range(3):
        client = EngineClient()
        starts.append(_wait_ready(client))
        client.stop()
    report("Engine process, start to ready", {"start": starts})
    client = EngineClient()
    _wait_ready(client)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = _clip(client, _command(BUILTIN_REQUEST, folder, model_folder))
        warm = [
            _clip(client, _command(replace(BUILTIN_REQUEST, seed=n + 1), folder, model_folder)) for n in range(_RUNS)
        ]
        report("Built-in clip through the engine, mp4 included", {"first": [first], "warm": warm}, goal="warm <= 3 s")
        long = replace(BUILTIN_REQUEST, num_inference_steps=100, num_frames=201)
        cancels = [
            _cancel(client, _command(replace(long, seed=n), folder, model_folder), 2 + n % 3) for n in range(_RUNS)
        ]
        block = 2 * 6  # two forwards of six blocks a step
        report(
            "Cancel while frames are made",
            {
                "cancel": [c for c, _ in cancels],
                "one step": [s for _, s in cancels],
                "one block": [s / block for _, s in cancels],
            },
            goal="cancel <= one block + 0.5 s",
        )
    client.stop()


if __name__ == "__main__":
    main()
