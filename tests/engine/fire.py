"""A walk down the ladder with the real engine, for the tests that let it fail."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fakes.failing_engine import Blocked, Shortage, command
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.estimate import Basis, Estimate
from wan_desktop.core.fallback import Descent, ModelLoadingResult
from wan_desktop.core.generation import Attempt, GenerationRequest, GenerationResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Fit, Rung, Substitute
from wan_desktop.core.load_plan import Device, LoadPlan, Placement, TextEncoderPolicy
from wan_desktop.core.messages import Generate, OutputTarget, Preview, Progress, Stage

GB = 10**9
REQUEST = GenerationRequest(
    model_id="tiny",
    mode=GenerationMode.T2V,
    prompt="a fox",
    negative_prompt="",
    width=64,
    height=64,
    num_frames=9,
    fps=8,
    num_inference_steps=3,
    guidance_scale=4.0,
    seed=7,
)


def plan(name: str, placement: Placement, text: TextEncoderPolicy = TextEncoderPolicy.KEEP) -> LoadPlan:
    return LoadPlan(name, Device.CPU, placement=placement, text_encoder=text)


PLANS = (
    plan("resident", Placement.RESIDENT),
    plan("component", Placement.COMPONENT),
    plan("blocks", Placement.BLOCKS, TextEncoderPolicy.DROP),
    plan("disk", Placement.DISK, TextEncoderPolicy.DROP),
)
NAMES = [each.name for each in PLANS]


def rungs(folder: Path, plans: tuple[LoadPlan, ...] = PLANS, model_id: str = "tiny") -> list[Rung]:
    """Each needs less than the one before."""
    made = []
    for number, each in enumerate(plans):
        ram = (20 - 4 * number) * GB
        cost = Estimate((), 0, ram, ram, 0, 1.0 + number, 2.0 + number, Basis.ESTIMATE)
        made.append(Rung(model_id, "", each, cost, Fit.WELL, Substitute.NONE, True, False, folder=str(folder)))
    return made


@dataclass
class Render:
    """One walk down the ladder."""

    result: GenerationResult
    loading: ModelLoadingResult
    steps: list[int]
    """Steps that were done, over all attempts."""


@contextmanager
def engine(*faults: Shortage | Blocked, report: Path | None = None) -> Iterator[EngineClient]:
    """The engine in which that fails, told to be quick."""
    client = EngineClient(command(*faults, report=report), environment={"OMP_NUM_THREADS": "1"})
    try:
        yield client
    finally:
        client.stop()


def render(
    client: EngineClient,
    model: Path | list[Rung],
    work: Path,
    request: GenerationRequest = REQUEST,
    wait: Callable[[float], object] | None = None,
) -> Render:
    """Walk down that ladder, or that of the model in the folder; `wait` as `Descent` takes it."""
    context = JobContext("test", lambda *_: None)
    tried: list[Attempt] = []
    steps: list[int] = []
    ladder = rungs(model) if isinstance(model, Path) else model

    def on_event(event: Progress | Preview) -> None:
        if isinstance(event, Progress) and event.stage is Stage.CREATE_FRAMES and event.done:
            steps.append(event.done)

    def attempt(rung: Rung) -> GenerationResult:
        generate = Generate(
            job=f"job-{len(tried)}",
            request=request,
            model_folder=Path(rung.folder),
            plan=rung.plan,
            output=OutputTarget(
                path=work / "out.mp4", rescue_folder=work / "rescued", work_folder=work / "work", png_frames=True
            ),
            earlier_attempts=tuple(tried),
            can_step_down=rung is not ladder[-1],
        )
        return client.generate(generate, on_event=on_event, cancel_asked=threading.Event())

    result, loading = Descent(ladder, attempt, context, announce=tried.append, wait=wait).run()
    return Render(result, loading, steps)


def outcomes(loading: ModelLoadingResult) -> list[tuple[str, str]]:
    """Plan and outcome of each attempt, in order."""
    return [(attempt.plan, attempt.outcome) for attempt in loading.attempts]


def pictures(made: Render) -> np.ndarray:
    """`(n, height, width, 3)`, as they were before they were compressed."""
    assert made.result.frames_folder is not None
    files = sorted(made.result.frames_folder.glob("*.png"))
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
