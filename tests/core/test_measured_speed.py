"""Measured speeds: kept for what they were measured with; with them, an estimate is narrower and stays right."""

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import TinyModel
from tests.core.test_estimate import (
    A14B,
    CLIP,
    GIB,
    ON_CARD,
    PC_WITHOUT_CARD,
    RTX_4090,
    assert_no_less,
    growth,
    models,
    plans,
    shape,
    workloads,
)
from tests.fakes.hardware import load as load_profile
from tests.fakes.requests import make_request
from wan_desktop.core.attention import Attention
from wan_desktop.core.calibration import Calibration, MeasuredRun
from wan_desktop.core.card_uuid import plain_uuid
from wan_desktop.core.catalog import Model
from wan_desktop.core.catalog.added import describe_folder
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import EngineError, JobCancelled
from wan_desktop.core.estimate import Basis, Estimate, Machine, Workload, estimate
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.load_plan import Device, LoadPlan, Precision
from wan_desktop.core.machine import card_of, machine_of
from wan_desktop.core.measured_speed import MeasuredSpeeds, SpeedStore, installed_torch, measure_speed
from wan_desktop.core.messages import (
    MeasureSpeed,
    SpeedKind,
    SpeedPart,
    SpeedProgress,
    SpeedReport,
    SpeedStatus,
    decode_command,
    decode_event,
    encode,
)
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.settings import Settings

DESKTOP = "rtx-4090-24gb-64gb"
FAKE_ENGINE = (sys.executable, "-m", "tests.fakes.fake_engine")


def part(kind: SpeedKind, name: str, per_s: float | None, status: SpeedStatus = SpeedStatus.OFF) -> SpeedPart:
    if per_s is None:
        return SpeedPart(kind=kind, name=name, status=status, reason="It is not here.")
    return SpeedPart(kind=kind, name=name, status=SpeedStatus.MEASURED, per_s=per_s)


def report(
    device: str = "GPU-1",
    *,
    products: float | None = 140e12,
    attention: float | None = 130e12,
    pinned: float | None = 24e9,
    torch: str = "",
) -> SpeedReport:
    parts = (
        part(SpeedKind.PRODUCTS, "float32" if device == "cpu" else "bfloat16", products),
        part(SpeedKind.ATTENTION, "native", attention),
        part(SpeedKind.COPY, "pinned", pinned),
        part(SpeedKind.COPY, "pageable", pinned and pinned / 3),
        part(SpeedKind.DISK, "read", 3e9),
    )
    version = torch or installed_torch()
    return SpeedReport(job="j", device=device, device_name="D", torch_version=version, parts=parts, seconds=5.0)


MEASURED_4090 = replace(RTX_4090, card_speed=report())


# What crosses the border ---------------------------------------------------------------------------------------------


def test_that_the_messages_come_back_as_they_were() -> None:
    command = MeasureSpeed(job="j", device=Device.CUDA, gpu_uuid="GPU-1", part_s=0.1)
    progress = SpeedProgress(job="j", kind=SpeedKind.COPY, name="pinned", done=1, total=9)
    assert decode_command(encode(command)) == command
    assert decode_event(encode(progress)) == progress
    assert decode_event(encode(report(products=None))) == report(products=None)


@pytest.mark.parametrize("part_s", [0.0, -1.0, 60.0])
def test_that_a_part_has_a_length_that_can_be(part_s: float) -> None:
    with pytest.raises(ValueError, match="part_s"):
        MeasureSpeed(job="j", part_s=part_s)


@pytest.mark.parametrize(
    ("status", "per_s"), [(SpeedStatus.MEASURED, 0.0), (SpeedStatus.OFF, 5.0), (SpeedStatus.MEASURED, float("inf"))]
)
def test_that_a_part_is_measured_or_has_no_number(status: SpeedStatus, per_s: float) -> None:
    with pytest.raises(ValueError, match="a second"):
        SpeedPart(kind=SpeedKind.DISK, name="read", status=status, per_s=per_s)


@pytest.mark.parametrize("uuid", ["GPU-AB-12", " gpu-ab-12", "ab-12", "AB-12\n"])
def test_that_a_card_has_one_name_however_it_is_spelled(uuid: str) -> None:
    assert plain_uuid(uuid) == "ab-12"


# What is kept --------------------------------------------------------------------------------------------------------


def test_that_a_report_is_there_again(tmp_path: Path) -> None:
    SpeedStore(tmp_path / "deep" / "speed.json").keep(report(), "581.80")
    assert SpeedStore(tmp_path / "deep" / "speed.json").load().of("gpu-1", "581.80") == report()


@pytest.mark.parametrize(
    ("uuid", "driver", "torch"),
    [("GPU-2", "581.80", None), ("GPU-1", "590.00", None), ("GPU-1", "581.80", "9.9"), ("cpu", "", None)],
    ids=["card", "driver", "torch", "cpu"],
)
def test_that_it_counts_only_with_what_it_was_measured_with(uuid: str, driver: str, torch: str | None) -> None:
    assert SpeedStore().keep(report(), "581.80").of(uuid, driver, torch) is None


def test_that_where_nobody_knows_the_torch_the_newest_counts() -> None:
    store = SpeedStore()
    store.keep(report(torch="1.0"), "581.80")
    newest = store.keep(report(torch="2.0"), "581.80")
    found = newest.of("GPU-1", "581.80", "")
    assert found is not None
    assert found.torch_version == "2.0"


def test_that_a_newer_report_takes_the_place_of_an_older_one() -> None:
    store = SpeedStore()
    store.keep(report(products=1e12), "581.80")
    store.keep(report("cpu"))
    known = store.keep(report(products=2e12), "581.80")
    found = known.of("GPU-1", "581.80")
    assert found is not None
    assert found.per_s(SpeedKind.PRODUCTS, "bfloat16") == 2e12
    assert len(known.devices) == 2
    for number in range(50):
        known = store.keep(report(torch=str(number)))
    assert len(known.devices) == 20


_RUBBISH = {
    "empty": b"",
    "no-json": b"{",
    "no-text": b"\xff\xfe\x00",
    "a-list": b"[]",
    "deep": b"[" * 100_000,
    "other-format": b'{"format": 99, "devices": {}}',
    "wrong-type": b'{"format": 1, "devices": {"cpu": 5}}',
    "no-speed": json.dumps({"format": 1, "devices": {"a": {"report": to_plain(report()) | {"parts": [7]}}}}).encode(),
    "too-large": b" " * 2_000_000,
}


@pytest.mark.parametrize("content", _RUBBISH.values(), ids=_RUBBISH.keys())
def test_that_a_rubbish_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "speed.json"
    file.write_bytes(content)
    store = SpeedStore(file)
    assert store.load() == MeasuredSpeeds()
    assert (tmp_path / "speed.json.unreadable").read_bytes() == content
    store.keep(report())
    assert SpeedStore(file).load().devices


def test_that_a_folder_in_the_files_place_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "speed.json" / "inside").mkdir(parents=True)
    store = SpeedStore(tmp_path / "speed.json")
    store.keep(report())
    assert store.load().devices
    store.forget()
    assert not store.load().devices


# Measuring -----------------------------------------------------------------------------------------------------------


def measured(
    scenario: str, store: SpeedStore, folder: Path | None = None, context: JobContext | None = None
) -> SpeedReport:
    client = EngineClient((*FAKE_ENGINE, scenario))
    try:
        gpu = load_profile(DESKTOP).gpus[0]
        return measure_speed(
            client, context or JobContext("j", lambda *_: None), store, gpu=gpu, folder=folder, part_s=0.01
        )
    finally:
        client.stop()


def test_that_card_and_drive_are_measured_and_kept(tmp_path: Path) -> None:
    told: list[SpeedProgress] = []
    (tmp_path / "weights").write_bytes(bytes(70 << 20))
    store = SpeedStore()
    found = measured("ok", store, tmp_path, JobContext("j", lambda _, progress: told.append(progress)))
    gpu = load_profile(DESKTOP).gpus[0]
    assert found.per_s(SpeedKind.DISK, "read")
    assert store.load().of(gpu.uuid, gpu.driver_version, "none") == found
    assert [event.kind for event in told][-1] is SpeedKind.DISK
    assert all(event.done < event.total for event in told)


def test_that_a_stopped_test_keeps_nothing() -> None:
    store = SpeedStore()
    context = JobContext("j", lambda *_: context.cancel_asked.set())
    with pytest.raises(JobCancelled):
        measured("slow", store, context=context)
    assert not store.load().devices


def test_that_an_engine_that_dies_keeps_nothing() -> None:
    store = SpeedStore()
    with pytest.raises(EngineError):
        measured("dies", store)
    assert not store.load().devices


# The machine ---------------------------------------------------------------------------------------------------------


def test_that_the_machine_has_what_was_measured_on_its_card_and_processor() -> None:
    profile = load_profile(DESKTOP)
    card = card_of(profile)
    assert card.gpu is not None
    store = SpeedStore()
    store.keep(report("cpu"))
    speeds = store.keep(report(card.gpu.uuid), card.gpu.driver_version)
    plain, with_speeds = machine_of(profile, card), machine_of(profile, card, speeds)
    assert with_speeds == replace(plain, card_speed=report(card.gpu.uuid), cpu_speed=report("cpu"))
    poor = load_profile("no-card-laptop-8gb")
    assert machine_of(poor, card_of(poor), speeds).card_speed is None


# The estimate --------------------------------------------------------------------------------------------------------


def ratio(cost: Estimate) -> float:
    assert cost.seconds_low is not None
    assert cost.seconds_high is not None
    return cost.seconds_high / cost.seconds_low


def learned(plan: LoadPlan, machine: Machine, factor: float, runs: int) -> Calibration:
    prediction = estimate(shape(A14B), CLIP, plan, machine).prediction
    assert prediction is not None
    calibration = Calibration()
    for _ in range(runs):
        seconds = {name: factor * value for name, value in prediction.seconds.items()}
        calibration = calibration.learn(prediction, MeasuredRun(seconds, 0))
    return calibration


@pytest.mark.parametrize(
    ("plan", "plain", "tested"),
    [
        (ON_CARD, RTX_4090, MEASURED_4090),
        (
            LoadPlan(device=Device.CPU),
            PC_WITHOUT_CARD,
            replace(PC_WITHOUT_CARD, cpu_speed=report("cpu", products=0.6e12, attention=0.5e12)),
        ),
    ],
    ids=["card", "cpu"],
)
def test_that_each_level_is_narrower_than_the_one_before(plan: LoadPlan, plain: Machine, tested: Machine) -> None:
    calibration = learned(plan, plain, 1.1, 3)
    first = estimate(shape(A14B), CLIP, plan, plain)
    second = estimate(shape(A14B), CLIP, plan, tested)
    third = estimate(shape(A14B), CLIP, plan, tested, calibration)
    assert [cost.basis for cost in (first, second, third)] == [Basis.ESTIMATE, Basis.SPEED_MEASURED, Basis.MEASURED]
    assert ratio(first) > ratio(second) > ratio(third)
    assert (second.seconds_low or 0) < (first.seconds_high or 0)
    assert (first.seconds_low or 0) < (second.seconds_high or 0)
    words = [cost.accuracy for cost in (first, second, third)]
    assert words == ["estimate", "speed measured on this PC", "measured on this PC, 3 runs"]
    assert from_plain(Estimate, json.loads(json.dumps(to_plain(third)))) == third


def test_that_one_run_is_told_as_one() -> None:
    assert estimate(shape(A14B), CLIP, ON_CARD, RTX_4090, learned(ON_CARD, RTX_4090, 1.0, 1)).accuracy.endswith("1 run")


def test_that_a_slower_measurement_means_a_longer_time_and_a_faster_one_a_shorter() -> None:
    costs = [
        estimate(shape(A14B), CLIP, ON_CARD, replace(RTX_4090, card_speed=report(products=p, attention=p)))
        for p in (40e12, 80e12, 160e12)
    ]
    assert [cost.seconds_low for cost in costs] == sorted((cost.seconds_low for cost in costs), reverse=True)  # type: ignore[type-var]
    assert [cost.seconds_high for cost in costs] == sorted((cost.seconds_high for cost in costs), reverse=True)  # type: ignore[type-var]
    assert (costs[0].seconds_low or 0) > 2 * (costs[2].seconds_low or 0)


_PUBLISHED = [  # Wan2.2's table, with products and attention as such cards are known to reach them
    pytest.param("wan2.2-ti2v-5b", (1280, 704, 121), 50, 5.0, 150e12, 130e12, 534.7, id="5b-4090"),
    pytest.param(A14B, (832, 480, 81), 40, 4.0, 650e12, 450e12, 326.9, id="a14b-480p-h100"),
    pytest.param(A14B, (1280, 720, 81), 40, 4.0, 650e12, 450e12, 1041.5, id="a14b-720p-h100"),
    pytest.param(A14B, (832, 480, 81), 40, 4.0, 250e12, 190e12, 785.7, id="a14b-480p-a100"),
    pytest.param(A14B, (1280, 720, 81), 40, 4.0, 250e12, 190e12, 2735.7, id="a14b-720p-a100"),
]


@pytest.mark.parametrize(("model", "size", "steps", "guidance", "products", "attention", "seconds"), _PUBLISHED)
def test_that_published_times_stay_in_the_narrower_range(
    model: str,
    size: tuple[int, int, int],
    steps: int,
    guidance: float,
    products: float,
    attention: float,
    seconds: float,
) -> None:
    video = Workload(*size, steps, has_image=False, guidance_scale=guidance)
    machine = replace(RTX_4090, card_speed=report(products=products, attention=attention))
    cost = estimate(shape(model), video, ON_CARD, machine)
    assert (cost.seconds_low or 0) <= seconds <= (cost.seconds_high or 0)


def test_that_a_part_that_is_off_leaves_what_is_known_without_it() -> None:
    off = replace(RTX_4090, card_speed=report(products=None, attention=None, pinned=None))
    bare = estimate(shape(A14B), CLIP, ON_CARD, replace(RTX_4090, disk_read_bytes_per_s=3e9))
    assert replace(estimate(shape(A14B), CLIP, ON_CARD, off), prediction=None) == replace(bare, prediction=None)
    one = estimate(shape(A14B), CLIP, ON_CARD, replace(RTX_4090, card_speed=report(attention=None)))
    assert one.basis is Basis.SPEED_MEASURED
    assert ratio(one) < ratio(bare)


def test_that_another_number_format_is_not_made_up_from_the_measured_one() -> None:
    plan = replace(ON_CARD, precision=Precision.FLOAT32)
    assert estimate(shape(A14B), CLIP, plan, MEASURED_4090).basis is Basis.ESTIMATE


@pytest.mark.parametrize("tested", [report(), report(products=1e12, attention=1e12), report(products=None)])
def test_that_what_renders_taught_stays_right_when_the_speed_is_measured_later(tested: SpeedReport) -> None:
    calibration = learned(ON_CARD, RTX_4090, 1.3, 4)
    before = estimate(shape(A14B), CLIP, ON_CARD, RTX_4090, calibration)
    after = estimate(shape(A14B), CLIP, ON_CARD, replace(RTX_4090, card_speed=tested), calibration)
    assert after == before


def test_that_what_is_learned_with_measured_speeds_is_the_same_as_without() -> None:
    for tested in (MEASURED_4090, replace(RTX_4090, card_speed=report(products=5e12))):
        assert learned(ON_CARD, tested, 1.3, 4) == learned(ON_CARD, RTX_4090, 1.3, 4)


def test_that_a_card_in_no_table_has_a_time_once_it_is_measured_and_keeps_what_it_learns() -> None:
    unknown = replace(RTX_4090, tflops=None)
    assert estimate(shape(A14B), CLIP, ON_CARD, unknown).seconds_low is None
    first, again = (replace(unknown, card_speed=report(products=speed)) for speed in (140e12, 70e12))
    cost = estimate(shape(A14B), CLIP, ON_CARD, first)
    assert cost.basis is Basis.SPEED_MEASURED
    calibration = learned(ON_CARD, first, 0.8, 3)
    after = estimate(shape(A14B), CLIP, ON_CARD, first, calibration)
    assert estimate(shape(A14B), CLIP, ON_CARD, again, calibration) == after
    assert ratio(after) < ratio(cost)


speeds = st.builds(
    report,
    st.sampled_from(["GPU-1", "cpu"]),
    products=st.one_of(st.none(), st.floats(1e10, 2e15)),
    attention=st.one_of(st.none(), st.floats(1e10, 2e15)),
    pinned=st.one_of(st.none(), st.floats(1e8, 1e11)),
)
tested_machines = st.builds(
    Machine,
    vram_total_bytes=st.one_of(st.none(), st.just(24 * GIB)),
    tflops=st.one_of(st.none(), st.floats(1.0, 1000.0)),
    cpu_tflops=st.one_of(st.none(), st.floats(0.01, 5.0)),
    card_speed=st.one_of(st.none(), speeds),
    cpu_speed=st.one_of(st.none(), speeds),
)


@given(models, workloads, growth, plans, tested_machines)
def test_that_more_never_takes_less_with_measured_speeds(
    model: tuple[str, str], workload: Workload, more: dict[str, int], plan: LoadPlan, machine: Machine
) -> None:
    larger = replace(workload, **{name: getattr(workload, name) + by for name, by in more.items()})
    less, greater = (estimate(shape(*model), video, plan, machine) for video in (workload, larger))
    assert_no_less(greater, less)
    bare = estimate(shape(*model), workload, plan, replace(machine, card_speed=None, cpu_speed=None))
    assert bare.seconds_low is None or less.seconds_low is not None
    assert bare.vram_peak_bytes == less.vram_peak_bytes
    if less.seconds_low is not None and less.seconds_high is not None:
        assert 0 < less.seconds_low <= less.seconds_high


@given(models, workloads, plans, st.floats(0.63, 0.79))
def test_that_a_measurement_that_agrees_with_the_table_only_ever_narrows(
    model: tuple[str, str], workload: Workload, plan: LoadPlan, part_of_peak: float
) -> None:
    """Large products reach such a part of what a card is said to do."""
    plan = replace(plan, device=Device.CUDA)
    measured = part_of_peak * 165e12
    parts = report(products=measured, attention=measured, pinned=None)
    plain, better = (
        estimate(shape(*model), workload, plan, machine)
        for machine in (replace(RTX_4090, disk_read_bytes_per_s=3e9), replace(RTX_4090, card_speed=parts))
    )
    for before, after in zip((plain, *plain.stages), (better, *better.stages), strict=True):
        assert (before.seconds_low or 0) * 0.9999 <= (after.seconds_low or 0)
        assert (after.seconds_high or 0) <= (before.seconds_high or 0) * 1.0001


# The planner ---------------------------------------------------------------------------------------------------------

REQUEST = make_request(width=64, height=64, num_frames=9, num_inference_steps=4)


@pytest.fixture
def paths(tmp_path: Path, resources: Path) -> AppPaths:
    return AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)


@pytest.fixture
def model(tiny_model: TinyModel) -> Model:
    folder = inspect_model_folder(tiny_model("t2v"))
    return Model(describe_folder(folder, "tiny"), folder)


def test_that_the_planner_uses_what_is_in_the_file(paths: AppPaths, model: Model) -> None:
    gpu = load_profile(DESKTOP).gpus[0]
    SpeedStore.of(paths).keep(report(gpu.uuid), gpu.driver_version)
    planner = RenderPlanner(paths, Settings(), load_profile(DESKTOP))
    first = planner.rungs(model, REQUEST)[0]
    assert first.estimate.basis is Basis.SPEED_MEASURED
    planner.speeds.forget()
    assert planner.rungs(model, REQUEST)[0].estimate.basis is Basis.ESTIMATE


def test_that_an_attention_that_computes_something_else_is_not_used(paths: AppPaths, model: Model) -> None:
    gpu = load_profile(DESKTOP).gpus[0]
    parts = (
        part(SpeedKind.ATTENTION, "native", None, SpeedStatus.WRONG),
        part(SpeedKind.ATTENTION, "_native_flash", 50e12),
        part(SpeedKind.ATTENTION, "_native_cudnn", 60e12),
        part(SpeedKind.ATTENTION, "_native_efficient", None),
        part(SpeedKind.ATTENTION, "_native_math", 90e12),
    )
    planner = RenderPlanner(paths, Settings(), load_profile(DESKTOP))
    planner.speeds.keep(replace(report(gpu.uuid), parts=parts), gpu.driver_version)
    rungs = planner.rungs(model, REQUEST)
    on_card = {rung.plan.attention for rung in rungs if rung.plan.device is not Device.CPU}
    on_cpu = {rung.plan.attention for rung in rungs if rung.plan.device is Device.CPU}
    assert (on_card, on_cpu) == ({Attention.CUDNN}, {Attention.NATIVE})
    planner.speeds.keep(replace(report(gpu.uuid), parts=parts[:1]), gpu.driver_version)
    assert {rung.plan.attention for rung in planner.rungs(model, REQUEST)} == {Attention.NATIVE}


def test_that_the_store_serves_all_threads(tmp_path: Path) -> None:
    store = SpeedStore(tmp_path / "speed.json")
    threads = [threading.Thread(target=store.keep, args=(report(f"GPU-{number}"),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(SpeedStore(tmp_path / "speed.json").load().devices) == 8
