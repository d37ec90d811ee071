"""The ladder in the real engine: memory runs out at any stage of any rung, files are damaged, and a clip comes out.

The tiny models run on the CPU, where every placement works as on a card; what fails is one allocation, with the error
that torch raises.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests.conftest import TinyModel
from tests.fakes.failing_engine import Shortage, command
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import IntegrityError, OutOfMemoryError
from wan_desktop.core.estimate import Basis, Estimate
from wan_desktop.core.fallback import Descent, LadderError, ModelLoadingResult, Outcome
from wan_desktop.core.generation import Attempt, GenerationRequest, GenerationResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Fit, Rung, Substitute
from wan_desktop.core.load_plan import Device, LoadPlan, Placement, TextEncoderPolicy
from wan_desktop.core.messages import Generate, OutputTarget, Preview, Progress, Stage
from wan_desktop.core.recipe import read_recipe

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
STAGES = ("load_model", "read_prompt", "create_frames", "build_pictures")


def plan(name: str, placement: Placement, text: TextEncoderPolicy = TextEncoderPolicy.KEEP) -> LoadPlan:
    return LoadPlan(name, Device.CPU, placement=placement, text_encoder=text)


PLANS = (
    plan("resident", Placement.RESIDENT),
    plan("component", Placement.COMPONENT),
    plan("blocks", Placement.BLOCKS, TextEncoderPolicy.DROP),
    plan("disk", Placement.DISK, TextEncoderPolicy.DROP),
)


def rungs(folder: Path) -> list[Rung]:
    made = []
    for number, each in enumerate(PLANS):
        ram = (20 - 4 * number) * GB
        cost = Estimate((), 0, ram, ram, 0, 1.0 + number, 2.0 + number, Basis.ESTIMATE)
        made.append(Rung("tiny", "", each, cost, Fit.WELL, Substitute.NONE, True, False, folder=str(folder)))
    return made


@dataclass
class Render:
    """One walk down the ladder."""

    result: GenerationResult
    loading: ModelLoadingResult
    steps: list[int]
    """Steps that were done, over all attempts."""


@contextmanager
def engine(*shortages: Shortage) -> Iterator[EngineClient]:
    client = EngineClient(command(*shortages), environment={"OMP_NUM_THREADS": "1"})
    try:
        yield client
    finally:
        client.stop()


def render(client: EngineClient, folder: Path, work: Path, request: GenerationRequest = REQUEST) -> Render:
    context = JobContext("test", lambda *_: None)
    tried: list[Attempt] = []
    steps: list[int] = []

    def on_event(event: Progress | Preview) -> None:
        if isinstance(event, Progress) and event.stage is Stage.CREATE_FRAMES and event.done:
            steps.append(event.done)

    def attempt(rung: Rung) -> GenerationResult:
        generate = Generate(
            job=f"job-{len(tried)}",
            request=request,
            model_folder=Path(rung.folder),
            plan=rung.plan,
            output=OutputTarget(path=work / "out.mp4", rescue_folder=work / "rescued", work_folder=work / "work"),
            earlier_attempts=tuple(tried),
        )
        return client.generate(generate, on_event=on_event, cancel_asked=threading.Event())

    result, loading = Descent(rungs(folder), attempt, context, announce=tried.append).run()
    return Render(result, loading, steps)


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.fixture(scope="module")
def good(tiny_model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What the first rung makes when nothing fails."""
    with engine() as client:
        return frames(render(client, tiny_model("t2v"), tmp_path_factory.mktemp("good")).result.path)


@pytest.mark.parametrize("kind", ["oom", "ram"])
@pytest.mark.parametrize("stage", STAGES)
def test_that_memory_that_runs_out_leads_down_and_the_clip_is_the_same(
    tiny_model: TinyModel, tmp_path: Path, good: np.ndarray, stage: str, kind: str
) -> None:
    with engine(Shortage(stage, plans=("resident",), kind=kind)) as client:
        made = render(client, tiny_model("t2v"), tmp_path)
    assert [(attempt.plan, attempt.outcome) for attempt in made.loading.attempts] == [
        ("resident", Outcome.OUT_OF_MEMORY),
        ("component", Outcome.DONE),
    ]
    assert np.array_equal(frames(made.result.path), good)
    recipe = read_recipe(made.result.path)
    assert [attempt.plan for attempt in recipe.attempts] == ["resident", "component"]
    assert recipe.attempts[0].code == "out-of-memory"


@pytest.mark.parametrize("call", [2, 3])
def test_that_a_run_goes_on_from_its_last_good_step(
    tiny_model: TinyModel, tmp_path: Path, good: np.ndarray, call: int
) -> None:
    with engine(Shortage("create_frames", call, plans=("resident",))) as client:
        made = render(client, tiny_model("t2v"), tmp_path)
    assert made.steps == [1, 2, 3], "a step was made twice"
    assert np.array_equal(frames(made.result.path), good)


def test_that_every_rung_may_fail_in_another_stage(tiny_model: TinyModel, tmp_path: Path, good: np.ndarray) -> None:
    shortages = (
        Shortage("load_model", plans=("resident",)),
        Shortage("create_frames", 2, plans=("component",)),
        Shortage("build_pictures", plans=("blocks",)),
    )
    with engine(*shortages) as client:
        made = render(client, tiny_model("t2v"), tmp_path)
    assert [attempt.plan for attempt in made.loading.attempts] == ["resident", "component", "blocks", "disk"]
    assert made.steps == [1, 2, 3]
    assert np.array_equal(frames(made.result.path), good)


def test_that_when_all_rungs_fail_the_answer_is_clear(tiny_model: TinyModel, tmp_path: Path) -> None:
    with engine(Shortage("create_frames")) as client, pytest.raises(LadderError) as caught:
        render(client, tiny_model("t2v"), tmp_path)
    assert isinstance(caught.value.error, OutOfMemoryError)
    assert caught.value.error.hint
    assert [attempt.plan for attempt in caught.value.result.attempts] == ["resident", "component", "blocks", "disk"]
    assert not list(tmp_path.rglob("*.mp4"))


Damage = Callable[[Path], object]


def _cut(folder: Path) -> None:
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])


def _remove(folder: Path) -> None:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()


@pytest.mark.parametrize("damage", [_cut, _remove])
def test_that_damaged_files_are_not_tried_on_every_rung(tiny_model: TinyModel, tmp_path: Path, damage: Damage) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model("t2v"), folder)
    damage(folder)
    with engine() as client, pytest.raises(LadderError) as caught:
        render(client, folder, tmp_path)
    assert isinstance(caught.value.error, IntegrityError)
    assert [attempt.outcome for attempt in caught.value.result.attempts] == [Outcome.DAMAGED]


def test_that_an_expert_that_does_not_fit_leads_down(tiny_model: TinyModel, tmp_path: Path) -> None:
    request = replace(REQUEST, num_inference_steps=4, guidance_scale_2=3.0)
    with engine(Shortage("create_frames", 4, plans=("resident",))) as client:
        made = render(client, tiny_model("t2v_two_experts"), tmp_path, request)
    assert [attempt.plan for attempt in made.loading.attempts] == ["resident", "component"]
    assert made.steps == [1, 2, 3, 4]
