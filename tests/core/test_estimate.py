"""The estimate: it grows with the video, understands every plan, agrees with what is known, and makes nothing up."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.attention import Attention
from wan_desktop.core.calibration import Calibration, MeasuredRun
from wan_desktop.core.catalog import read_catalog
from wan_desktop.core.estimate import Basis, Estimate, Machine, Workload, estimate, size_class
from wan_desktop.core.estimate.times import forward_flops
from wan_desktop.core.load_plan import (
    Device,
    LoadPlan,
    Placement,
    Precision,
    Storage,
    TextEncoderPolicy,
    VaePolicy,
)
from wan_desktop.core.messages import Stage
from wan_desktop.core.model_shape import TRANSFORMER_CONFIGS, ModelShape, shape_of_entry
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.records import from_plain, to_plain

GB = 10**9
GIB = 1 << 30
RTX_4090 = Machine(24 * GIB, 23 * GIB, (8, 9), 165.0, 64 * GIB, 60 * GIB, 25e9, 3e9, 0.8)
PC_WITHOUT_CARD = Machine(ram_total_bytes=64 * GIB, ram_available_bytes=60 * GIB, cpu_tflops=0.8)
CLIP = Workload(832, 480, 81, 40, has_image=False, guidance_scale=4.0, guidance_scale_2=3.0)
ON_CARD = LoadPlan(device=Device.CUDA)


@cache
def shape(model_id: str, variant: str = "bf16") -> ModelShape:
    metadata = read_catalog(resources_folder())[model_id]
    found = shape_of_entry(metadata, metadata.variant(variant))
    assert found is not None
    return found


A14B = "wan2.2-t2v-a14b"


def stage(cost: Estimate, name: Stage) -> Mapping[str, float]:
    found = next(stage for stage in cost.stages if stage.stage is name)
    return {"vram": found.vram_bytes, "ram": found.ram_bytes, "high": found.seconds_high or 0.0}


plans = st.builds(
    LoadPlan,
    device=st.sampled_from(Device),
    precision=st.sampled_from(Precision),
    placement=st.sampled_from(Placement),
    one_expert=st.booleans(),
    storage=st.sampled_from(Storage),
    text_encoder=st.sampled_from(TextEncoderPolicy),
    vae=st.sampled_from(VaePolicy),
    attention=st.sampled_from(Attention),
)
rates = st.one_of(st.none(), st.floats(1e8, 5e10))
sizes = st.one_of(st.none(), st.integers(0, 1 << 37))
machines = st.builds(
    Machine,
    vram_total_bytes=sizes,
    vram_free_bytes=sizes,
    compute_capability=st.one_of(st.none(), st.sampled_from([(7, 5), (8, 6), (12, 0)])),
    tflops=st.one_of(st.none(), st.floats(1.0, 1000.0)),
    ram_total_bytes=sizes,
    ram_available_bytes=sizes,
    pcie_bytes_per_s=rates,
    disk_read_bytes_per_s=rates,
    cpu_tflops=st.one_of(st.none(), st.floats(0.01, 5.0)),
)
workloads = st.builds(
    Workload,
    width=st.integers(16, 2048),
    height=st.integers(16, 2048),
    num_frames=st.integers(1, 241),
    num_inference_steps=st.integers(1, 100),
    has_image=st.booleans(),
    guidance_scale=st.floats(1.0, 10.0),
    guidance_scale_2=st.one_of(st.none(), st.floats(1.0, 10.0)),
)
models = st.tuples(st.sampled_from(sorted(TRANSFORMER_CONFIGS)), st.sampled_from(["bf16", "Q4_K_M"]))
growth = st.fixed_dictionaries(
    {
        "width": st.integers(0, 800),
        "height": st.integers(0, 800),
        "num_frames": st.integers(0, 200),
        "num_inference_steps": st.integers(0, 50),
    }
)


def assert_no_less(more: Estimate, less: Estimate) -> None:
    assert more.vram_peak_bytes >= less.vram_peak_bytes
    assert more.ram_peak_bytes >= less.ram_peak_bytes
    assert more.commit_peak_bytes >= less.commit_peak_bytes
    assert more.disk_bytes >= less.disk_bytes
    for name in ("seconds_low", "seconds_high"):
        assert (getattr(more, name) is None) == (getattr(less, name) is None)
        assert (getattr(more, name) or 0.0) >= (getattr(less, name) or 0.0) * (1 - 1e-12)


@given(models, workloads, growth, plans, machines)
def test_that_more_pixels_frames_or_steps_never_take_less(
    model: tuple[str, str], workload: Workload, more: Mapping[str, int], plan: LoadPlan, machine: Machine
) -> None:
    larger = replace(workload, **{name: getattr(workload, name) + by for name, by in more.items()})
    less, greater = (estimate(shape(*model), video, plan, machine) for video in (workload, larger))
    assert_no_less(greater, less)


@given(models, workloads, growth, plans, machines, st.lists(st.floats(0.2, 5.0), min_size=1, max_size=4))
def test_that_it_stays_so_with_what_was_learned(
    model: tuple[str, str],
    workload: Workload,
    more: Mapping[str, int],
    plan: LoadPlan,
    machine: Machine,
    ratios: list[float],
) -> None:
    calibration = learned(shape(*model), workload, plan, machine, ratios)
    larger = replace(workload, **{name: getattr(workload, name) + by for name, by in more.items()})
    less, greater = (estimate(shape(*model), video, plan, machine, calibration) for video in (workload, larger))
    assert_no_less(greater, less)


@given(models, workloads, plans, machines)
def test_that_every_estimate_holds_together(
    model: tuple[str, str], workload: Workload, plan: LoadPlan, machine: Machine
) -> None:
    cost = estimate(shape(*model), workload, plan, machine)
    stages = [stage.stage for stage in cost.stages]
    assert stages == [stage for stage in Stage if stage is not Stage.PREPARE_IMAGE or workload.has_image]
    assert cost.vram_peak_bytes == max(stage.vram_bytes for stage in cost.stages)
    assert cost.ram_peak_bytes == max(stage.ram_bytes for stage in cost.stages)
    assert cost.commit_peak_bytes >= cost.ram_peak_bytes > 0
    assert cost.basis is Basis.ESTIMATE
    if cost.seconds_low is not None and cost.seconds_high is not None:
        assert 0 < cost.seconds_low <= cost.seconds_high
        assert all(0 <= (stage.seconds_low or 0) <= (stage.seconds_high or 0) for stage in cost.stages)


def learned(
    model: ModelShape, workload: Workload, plan: LoadPlan, machine: Machine, ratios: list[float]
) -> Calibration:
    calibration = Calibration()
    for ratio in ratios:
        prediction = estimate(model, workload, plan, machine).prediction
        assert prediction is not None
        seconds = {name: ratio * value for name, value in prediction.seconds.items()}
        measured = MeasuredRun(seconds, round(ratio * prediction.vram_bytes), round(ratio * prediction.ram_bytes))
        calibration = calibration.learn(prediction, measured)
    return calibration


# Time ----------------------------------------------------------------------------------------------------------------

_PUBLISHED = [  # Wan2.2's table of computational efficiency: model, size, steps, card's peak, seconds
    pytest.param("wan2.2-ti2v-5b", (1280, 704, 121), 50, 5.0, 165.0, 534.7, id="5b-4090"),
    pytest.param(A14B, (832, 480, 81), 40, 4.0, 989.0, 326.9, id="a14b-480p-h100"),
    pytest.param(A14B, (1280, 720, 81), 40, 4.0, 989.0, 1041.5, id="a14b-720p-h100"),
    pytest.param(A14B, (832, 480, 81), 40, 4.0, 312.0, 785.7, id="a14b-480p-a100"),
    pytest.param(A14B, (1280, 720, 81), 40, 4.0, 312.0, 2735.7, id="a14b-720p-a100"),
    pytest.param("wan2.1-t2v-1.3b", (832, 480, 81), 50, 6.0, 165.0, 261.4, id="1.3b-4090"),
]


@pytest.mark.parametrize(("model_id", "size", "steps", "guidance", "tflops", "seconds"), _PUBLISHED)
def test_that_published_times_are_in_the_range(
    model_id: str, size: tuple[int, int, int], steps: int, guidance: float, tflops: float, seconds: float
) -> None:
    video = Workload(*size, steps, has_image=False, guidance_scale=guidance)
    cost = estimate(shape(model_id), video, ON_CARD, replace(RTX_4090, tflops=tflops))
    assert cost.seconds_low is not None
    assert cost.seconds_high is not None
    assert cost.seconds_low <= seconds <= cost.seconds_high


@pytest.mark.parametrize(
    ("model_id", "size", "petaflop"),
    [
        ("wan2.2-ti2v-5b", (1280, 704, 121), 0.517),
        (A14B, (832, 480, 81), 1.678),
        (A14B, (1280, 720, 81), 6.523),
        ("wan2.1-t2v-1.3b", (832, 480, 81), 0.283),
    ],
)
def test_that_operations_agree_with_torchs_counter(model_id: str, size: tuple[int, int, int], petaflop: float) -> None:
    video = Workload(*size, 1, has_image=False, guidance_scale=1.0)
    assert sum(forward_flops(shape(model_id), video)) / 1e15 == pytest.approx(petaflop, rel=0.01)


@pytest.mark.parametrize("plan", [ON_CARD, LoadPlan(device=Device.CPU)])
def test_that_no_time_is_made_up_where_the_speed_is_not_known(plan: LoadPlan) -> None:
    cost = estimate(shape(A14B), CLIP, plan, Machine(vram_total_bytes=24 * GIB))
    assert (cost.seconds_low, cost.seconds_high) == (None, None)
    assert all(stage.seconds_low is None and stage.seconds_high is None for stage in cost.stages)
    assert cost.prediction is not None
    assert cost.prediction.seconds == {}


def test_that_what_is_not_known_widens_the_range() -> None:
    plan = replace(ON_CARD, placement=Placement.BLOCKS)
    known = estimate(shape(A14B), CLIP, plan, RTX_4090)
    unknown = estimate(shape(A14B), CLIP, plan, replace(RTX_4090, pcie_bytes_per_s=None, disk_read_bytes_per_s=None))
    assert unknown.seconds_low is not None
    assert unknown.seconds_low <= (known.seconds_low or 0)
    assert (unknown.seconds_high or 0) > (known.seconds_high or 0)


def test_that_guidance_1_needs_half_the_forwards() -> None:
    guided = estimate(shape("wan2.1-t2v-14b"), CLIP, ON_CARD, RTX_4090)
    alone = estimate(shape("wan2.1-t2v-14b"), replace(CLIP, guidance_scale=1.0), ON_CARD, RTX_4090)
    created = [stage(cost, Stage.CREATE_FRAMES)["high"] for cost in (alone, guided)]
    assert created[0] == pytest.approx(created[1] / 2, rel=0.05)


def test_that_guidance_of_one_expert_only_is_a_range() -> None:
    both = estimate(shape(A14B), CLIP, ON_CARD, RTX_4090)
    one = estimate(shape(A14B), replace(CLIP, guidance_scale_2=1.0), ON_CARD, RTX_4090)
    assert (one.seconds_low or 0) < (both.seconds_low or 0)
    assert one.seconds_high == pytest.approx(both.seconds_high, rel=0.01)


def test_that_bfloat16_on_a_processor_may_be_far_slower() -> None:
    small = Workload(256, 256, 17, 4, has_image=False, guidance_scale=1.0)
    plain, short = (
        estimate(shape("wan2.1-t2v-1.3b"), small, LoadPlan(device=Device.CPU, precision=precision), PC_WITHOUT_CARD)
        for precision in (Precision.FLOAT32, Precision.BFLOAT16)
    )
    assert stage(short, Stage.CREATE_FRAMES)["high"] > 10 * stage(plain, Stage.CREATE_FRAMES)["high"]


# Memory --------------------------------------------------------------------------------------------------------------


def cost_of(model_id: str = A14B, workload: Workload = CLIP, variant: str = "bf16", **changes: object) -> Estimate:
    plan = replace(ON_CARD, **changes)  # type: ignore[arg-type]
    return estimate(shape(model_id, variant), workload, plan, RTX_4090)


def test_that_each_placement_puts_less_on_the_card() -> None:
    created = [
        stage(cost_of(placement=placement), Stage.CREATE_FRAMES)["vram"]
        for placement in (Placement.RESIDENT, Placement.COMPONENT, Placement.BLOCKS, Placement.LEAVES)
    ]
    assert created == sorted(created, reverse=True)
    assert len(set(created)) == 4


@pytest.mark.parametrize(
    ("placement", "gib"), [(Placement.COMPONENT, 30.1), (Placement.BLOCKS, 5.3)], ids=["component", "blocks"]
)
def test_that_the_live_bytes_of_14b_are_those_that_were_traced(placement: Placement, gib: float) -> None:
    prediction = cost_of(placement=placement, text_encoder=TextEncoderPolicy.CPU, vae=VaePolicy.BFLOAT16).prediction
    assert prediction is not None
    assert prediction.vram_bytes / GIB == pytest.approx(gib, rel=0.1)


def test_that_resident_weights_leave_normal_memory() -> None:
    assert stage(cost_of(placement=Placement.RESIDENT), Stage.CREATE_FRAMES)["ram"] < 3 * GB
    assert stage(cost_of(placement=Placement.COMPONENT), Stage.CREATE_FRAMES)["ram"] > 53 * GIB


def test_that_one_expert_takes_half_the_memory_and_more_reading() -> None:
    both, one = (cost_of(one_expert=one_expert, text_encoder=TextEncoderPolicy.DROP) for one_expert in (False, True))
    saved = stage(both, Stage.CREATE_FRAMES)["ram"] - stage(one, Stage.CREATE_FRAMES)["ram"]
    assert saved == pytest.approx(26.7 * GIB, rel=0.05)
    assert stage(one, Stage.CREATE_FRAMES)["high"] > stage(both, Stage.CREATE_FRAMES)["high"]
    assert stage(one, Stage.LOAD_MODEL)["high"] < stage(both, Stage.LOAD_MODEL)["high"]


def test_that_one_expert_means_nothing_where_there_is_only_one() -> None:
    costs = [cost_of("wan2.1-t2v-14b", one_expert=one_expert).ram_peak_bytes for one_expert in (False, True)]
    assert costs[0] == costs[1]


def test_that_files_take_the_place_of_memory() -> None:
    in_memory, in_files = (cost_of(placement=placement) for placement in (Placement.BLOCKS, Placement.DISK))
    assert in_files.ram_peak_bytes < in_memory.ram_peak_bytes - 50 * GB
    assert in_files.disk_bytes - in_memory.disk_bytes == pytest.approx(2 * 26.2 * GIB, rel=0.02)


def test_that_8_bits_halve_the_weights() -> None:
    plain, small = (
        cost_of(storage=storage, text_encoder=TextEncoderPolicy.CPU, vae=VaePolicy.TILED)
        for storage in (Storage.SAME, Storage.FP8)
    )
    saved = stage(plain, Stage.CREATE_FRAMES)["vram"] - stage(small, Stage.CREATE_FRAMES)["vram"]
    assert saved == pytest.approx(13 * GIB * 1.06, rel=0.05)


def test_that_quantised_weights_stay_small() -> None:
    plain, small = (stage(cost_of(variant=variant), Stage.CREATE_FRAMES) for variant in ("bf16", "Q4_K_M"))
    assert small["vram"] < 0.6 * plain["vram"]
    assert small["ram"] < 0.5 * plain["ram"]


def test_that_the_text_encoder_goes_where_the_plan_says() -> None:
    kept, dropped, on_cpu = (cost_of(text_encoder=policy) for policy in TextEncoderPolicy)
    assert stage(kept, Stage.READ_PROMPT)["vram"] == stage(dropped, Stage.READ_PROMPT)["vram"] > 10 * GIB
    assert stage(on_cpu, Stage.READ_PROMPT)["vram"] < 1 * GIB
    assert stage(kept, Stage.CREATE_FRAMES)["ram"] > stage(dropped, Stage.CREATE_FRAMES)["ram"] + 10 * GIB
    assert stage(on_cpu, Stage.READ_PROMPT)["ram"] > stage(on_cpu, Stage.CREATE_FRAMES)["ram"]


def test_that_each_way_to_decode_takes_less_video_memory() -> None:
    whole, half, tiled = (stage(cost_of(vae=vae), Stage.BUILD_PICTURES) for vae in VaePolicy)
    assert whole["vram"] > half["vram"] > tiled["vram"]
    assert tiled["ram"] > half["ram"]  # tiles wait there


def test_that_tiles_are_only_made_where_they_are_needed() -> None:
    small = replace(CLIP, width=256, height=256)
    half, tiled = (
        stage(cost_of(workload=small, vae=vae), Stage.BUILD_PICTURES)["ram"]
        for vae in (VaePolicy.BFLOAT16, VaePolicy.TILED)
    )
    assert half == tiled


def test_that_attention_that_writes_its_scores_cannot_be_paid() -> None:
    assert cost_of(attention=Attention.MATH).vram_peak_bytes > 300 * GIB


def test_that_a_start_image_gives_each_token_a_timestep_of_its_own() -> None:
    video = replace(CLIP, width=1280, height=704)
    alone, with_image = (
        stage(cost_of("wan2.2-ti2v-5b", replace(video, has_image=has_image)), Stage.CREATE_FRAMES)["vram"]
        for has_image in (False, True)
    )
    assert with_image > alone + GIB


def test_that_a_card_without_bfloat16_computes_in_float16() -> None:
    turing = replace(RTX_4090, compute_capability=(7, 5))
    prediction = estimate(shape(A14B), CLIP, LoadPlan(), turing).prediction
    assert prediction is not None
    assert "float16" in prediction.plan_kind.split("/")


def test_that_without_a_card_all_lies_in_normal_memory() -> None:
    cost = estimate(shape("wan2.1-t2v-1.3b"), CLIP, LoadPlan(), PC_WITHOUT_CARD)
    assert cost.vram_peak_bytes == 0
    assert cost.commit_peak_bytes == cost.ram_peak_bytes > 30 * GB  # float32: 5.7 + 22.7 GB, and the decoder
    assert cost.prediction is not None
    assert cost.prediction.device == "cpu"


# What was learned ----------------------------------------------------------------------------------------------------


def test_that_a_measured_run_moves_and_narrows_the_estimate() -> None:
    before = estimate(shape(A14B), CLIP, ON_CARD, RTX_4090)
    after = estimate(shape(A14B), CLIP, ON_CARD, RTX_4090, learned(shape(A14B), CLIP, ON_CARD, RTX_4090, [1.2]))
    assert after.basis is Basis.MEASURED
    assert before.prediction is not None
    middle = 1.2 * sum(before.prediction.seconds[stage.stage.value] for stage in before.stages)
    assert after.seconds_low is not None
    assert after.seconds_high is not None
    assert after.seconds_low < middle < after.seconds_high
    assert after.seconds_high / after.seconds_low < (before.seconds_high or 0) / (before.seconds_low or 1)
    assert after.vram_peak_bytes > before.vram_peak_bytes


def test_that_the_range_narrows_with_runs() -> None:
    widths = []
    for runs in (1, 3, 10, 30):
        calibration = learned(shape(A14B), CLIP, ON_CARD, RTX_4090, [1.1] * runs)
        cost = estimate(shape(A14B), CLIP, ON_CARD, RTX_4090, calibration)
        widths.append((cost.seconds_high or 0) / (cost.seconds_low or 1))
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == len(widths)


def test_that_another_size_uses_what_was_learned_but_was_not_measured() -> None:
    calibration = learned(shape(A14B), CLIP, ON_CARD, RTX_4090, [2.0])
    large = replace(CLIP, width=1280, height=720)
    before, after = (estimate(shape(A14B), large, ON_CARD, RTX_4090, known) for known in (None, calibration))
    assert after.basis is Basis.ESTIMATE
    assert (after.seconds_low or 0) > (before.seconds_low or 0)


@pytest.mark.parametrize(
    "plan",
    [replace(ON_CARD, gpu_uuid="GPU-2"), replace(ON_CARD, placement=Placement.BLOCKS), LoadPlan(device=Device.CPU)],
    ids=["another-card", "another-plan", "cpu"],
)
def test_that_what_was_learned_counts_only_for_the_same_way(plan: LoadPlan) -> None:
    calibration = learned(shape(A14B), CLIP, ON_CARD, RTX_4090, [3.0])
    assert estimate(shape(A14B), CLIP, plan, RTX_4090, calibration) == estimate(shape(A14B), CLIP, plan, RTX_4090)


def test_that_what_is_foretold_for_learning_is_never_corrected_itself() -> None:
    calibration = learned(shape(A14B), CLIP, ON_CARD, RTX_4090, [3.0])
    plain, corrected = (estimate(shape(A14B), CLIP, ON_CARD, RTX_4090, known) for known in (None, calibration))
    assert plain.prediction == corrected.prediction


def test_that_videos_of_about_the_same_size_are_of_one_class() -> None:
    model = shape(A14B)
    assert size_class(model, CLIP) == size_class(model, replace(CLIP, width=480, height=832))
    assert size_class(model, CLIP) != size_class(model, replace(CLIP, num_frames=33))
    assert size_class(model, CLIP) != size_class(model, replace(CLIP, has_image=True))


def test_that_an_estimate_survives_json() -> None:
    cost = estimate(shape(A14B), CLIP, ON_CARD, RTX_4090)
    assert from_plain(Estimate, json.loads(json.dumps(to_plain(cost)))) == cost
