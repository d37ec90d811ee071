"""The attention kernel that the settings name, and where it is not used."""

from pathlib import Path

import pytest

from tests.conftest import TinyModel
from tests.fakes.hardware import load as load_profile
from tests.fakes.requests import make_request
from wan_desktop.core.attention import Attention
from wan_desktop.core.catalog import Model
from wan_desktop.core.catalog.added import describe_folder
from wan_desktop.core.load_plan import Device
from wan_desktop.core.measured_speed import installed_torch
from wan_desktop.core.messages import SpeedKind, SpeedPart, SpeedReport, SpeedStatus
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.settings import Settings

PC = load_profile("rtx-4090-24gb-64gb")
REQUEST = make_request(width=64, height=64, num_frames=9, num_inference_steps=4)


@pytest.fixture
def planner(tmp_path: Path, resources: Path) -> RenderPlanner:
    paths = AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)
    return RenderPlanner(paths, Settings(attention=Attention.FLASH), PC)


@pytest.fixture
def model(tiny_model: TinyModel) -> Model:
    folder = inspect_model_folder(tiny_model("t2v"))
    return Model(describe_folder(folder, "tiny"), folder)


def keep(planner: RenderPlanner, flash: SpeedStatus) -> None:
    native = SpeedPart(kind=SpeedKind.ATTENTION, name="native", status=SpeedStatus.MEASURED, per_s=1e13)
    per_s = 2e13 if flash is SpeedStatus.MEASURED else 0.0
    other = SpeedPart(kind=SpeedKind.ATTENTION, name="_native_flash", status=flash, per_s=per_s)
    report = SpeedReport(
        job="1",
        device=PC.gpus[0].uuid,
        device_name="A card",
        torch_version=installed_torch(),
        parts=(native, other),
        seconds=1.0,
    )
    planner.speeds.keep(report, PC.gpus[0].driver_version)


def kernels(planner: RenderPlanner, model: Model, device: Device) -> set[Attention]:
    return {rung.plan.attention for rung in planner.rungs(model, REQUEST) if rung.plan.device is device}


def test_that_a_chosen_kernel_is_used_on_the_card_where_it_was_found_right(
    planner: RenderPlanner, model: Model
) -> None:
    keep(planner, SpeedStatus.MEASURED)
    assert kernels(planner, model, Device.CUDA) == {Attention.FLASH}
    assert kernels(planner, model, Device.CPU) == {Attention.NATIVE}
    planner.use(Settings())
    assert kernels(planner, model, Device.CUDA) == {Attention.NATIVE}


@pytest.mark.parametrize("status", [SpeedStatus.OFF, SpeedStatus.WRONG, None])
def test_that_a_kernel_that_was_not_found_right_is_never_used(
    planner: RenderPlanner, model: Model, status: SpeedStatus | None
) -> None:
    if status is not None:
        keep(planner, status)
    assert kernels(planner, model, Device.CUDA) == {Attention.NATIVE}
