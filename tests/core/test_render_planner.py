"""Which ways a render is given on this PC, and what is learned from how it went."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import TinyModel
from tests.fakes.hardware import load as load_profile
from tests.fakes.requests import make_request
from wan_desktop.core.catalog import Model
from wan_desktop.core.catalog.added import describe_folder
from wan_desktop.core.generation import Attempt, GenerationRequest, GenerationResult
from wan_desktop.core.load_plan import Device
from wan_desktop.core.messages import Stage, TorchCard
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.settings import MemoryMode, Settings

REQUEST = make_request(width=64, height=64, num_frames=9, num_inference_steps=4)


@pytest.fixture
def paths(tmp_path: Path, resources: Path) -> AppPaths:
    return AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)


@pytest.fixture
def model(tiny_model: TinyModel) -> Model:
    folder = inspect_model_folder(tiny_model("t2v"))
    return Model(describe_folder(folder, "tiny"), folder)


def result(seconds: float = 2.0) -> GenerationResult:
    timings = {stage.value: seconds for stage in Stage}
    attempts = (Attempt("p", "done", seconds),)
    return GenerationResult(path=Path("v.mp4"), seconds=seconds, timings_s=timings, attempts=attempts)


def planner(paths: AppPaths, name: str = "no-card-laptop-8gb", **settings: object) -> RenderPlanner:
    return RenderPlanner(paths, Settings(**settings), load_profile(name))  # type: ignore[arg-type]


def test_that_without_a_card_the_processor_makes_it(paths: AppPaths, model: Model) -> None:
    rungs = planner(paths).rungs(model, REQUEST)
    assert {rung.plan.device for rung in rungs} == {Device.CPU}
    assert rungs[0].folder == str(model.folder.path)


def test_that_a_card_comes_before_the_processor(paths: AppPaths, model: Model) -> None:
    rungs = planner(paths, "rtx-4090-24gb-64gb").rungs(model, REQUEST)
    assert rungs[0].plan.device is Device.CUDA
    assert rungs[0].plan.gpu_uuid
    assert rungs[-1].plan.device is Device.CPU


def test_that_a_card_that_is_too_old_is_not_used(paths: AppPaths, model: Model) -> None:
    rungs = planner(paths, "gtx-1080-ti-11gb-32gb").rungs(model, REQUEST)
    assert {rung.plan.device for rung in rungs} == {Device.CPU}


def test_that_a_card_that_torch_cannot_use_is_not_used(paths: AppPaths, model: Model) -> None:
    made = planner(paths, "rtx-4090-24gb-64gb")
    gpu = load_profile("rtx-4090-24gb-64gb").gpus[0]
    made.engine_sees((TorchCard(gpu.uuid.removeprefix("GPU-"), gpu.name, gpu.total_bytes, gpu.compute_capability),))
    assert made.rungs(model, REQUEST)[0].plan.device is Device.CUDA
    made.engine_sees(())
    assert {rung.plan.device for rung in made.rungs(model, REQUEST)} == {Device.CPU}


def test_that_the_memory_mode_is_kept(paths: AppPaths, model: Model) -> None:
    saving = planner(paths, "rtx-4090-24gb-64gb", memory_mode=MemoryMode.SAVE).rungs(model, REQUEST)
    fast = planner(paths, "rtx-4090-24gb-64gb", memory_mode=MemoryMode.FASTEST).rungs(model, REQUEST)
    assert saving[0].plan.name != fast[0].plan.name


def test_that_a_pc_with_too_little_memory_still_tries(paths: AppPaths, model: Model) -> None:
    poor = load_profile("no-card-laptop-8gb")
    full = replace(poor.memory, available_bytes=1, commit_used_bytes=poor.memory.commit_limit_bytes)
    nothing = replace(poor, memory=full)
    assert len(RenderPlanner(paths, Settings(), nothing).rungs(model, REQUEST)) == 1


def test_that_what_worked_is_tried_first_the_next_time(paths: AppPaths, model: Model) -> None:
    first = planner(paths, "rtx-4090-24gb-64gb")
    rungs = first.rungs(model, REQUEST)
    first.learn(rungs[2], REQUEST, result())
    again = planner(paths, "rtx-4090-24gb-64gb")
    assert again.rungs(model, REQUEST)[0].plan == rungs[2].plan
    other: GenerationRequest = replace(REQUEST, num_frames=17)
    assert again.rungs(model, other)[0].plan == rungs[0].plan
    again.forget()
    assert again.rungs(model, REQUEST)[0].plan == rungs[0].plan


def test_that_a_finished_render_narrows_the_estimate(paths: AppPaths, model: Model) -> None:
    made = planner(paths)
    before = made.rungs(model, REQUEST)[0]
    for _ in range(5):
        made.learn(made.rungs(model, REQUEST)[0], REQUEST, result(3.0))
    after = made.rungs(model, REQUEST)[0]
    assert before.estimate.basis == "estimate"
    assert after.estimate.basis == "measured"
    assert after.estimate.seconds_low is not None
    assert after.estimate.seconds_high is not None
    assert after.estimate.seconds_low < 3.0 * 5 < 1.5 * after.estimate.seconds_high


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"format": 1, "plans": 7}', b"\xff" * 100])
def test_that_rubbish_in_what_is_remembered_is_forgotten(paths: AppPaths, model: Model, rubbish: bytes) -> None:
    paths.data.mkdir(parents=True)
    paths.remembered_plans.write_bytes(rubbish)
    paths.calibration.write_bytes(rubbish)
    assert planner(paths).rungs(model, REQUEST)


def test_that_this_very_pc_is_looked_at(paths: AppPaths, model: Model) -> None:
    assert RenderPlanner(paths).rungs(model, REQUEST)
