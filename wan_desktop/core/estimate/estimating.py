"""The estimate: bytes and seconds of each stage, corrected by what was measured on this PC, and put together.

A pure function of numbers that takes a fraction of a millisecond. More pixels, frames or steps never take less: every
formula grows with them, and what is learned is one factor for all sizes.
"""

import math
from dataclasses import dataclass

from wan_desktop.core.calibration import Calibration, Entry, Prediction, Ratio
from wan_desktop.core.estimate import coefficients as c
from wan_desktop.core.estimate.memory import Need, Setup, disk_bytes, needs, set_up, weights_of
from wan_desktop.core.estimate.records import Basis, Estimate, Machine, StageEstimate, Workload
from wan_desktop.core.estimate.times import Seconds, computes_as_measured, seconds_by_stage, without_speed_test
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import Stage
from wan_desktop.core.model_shape import ModelShape

_CLASSES_PER_DOUBLING = 2
_MOST_MEMORY_CORRECTION = 3.0
"""A measured peak may change the formulas' by so much; beyond it, something else was measured."""


def estimate(
    shape: ModelShape, workload: Workload, plan: LoadPlan, machine: Machine, calibration: Calibration | None = None
) -> Estimate:
    """What a render takes.

    Args:
        shape: Of the model in its packaging.
        workload: The video.
        plan: How the model is loaded.
        machine: On what.
        calibration: What earlier renders on this machine have shown.
    """
    setup = set_up(plan, machine)
    weights = weights_of(shape, setup)
    found = needs(shape, workload, setup, machine, weights)
    told = seconds_by_stage(shape, workload, setup, machine, weights)
    was_tested = machine.card_speed is not None or machine.cpu_speed is not None
    bare = seconds_by_stage(shape, workload, setup, without_speed_test(machine), weights) if was_tested else told
    times = _Times(told, bare)
    stages = [stage for stage in Stage if workload.has_image or stage is not Stage.PREPARE_IMAGE]
    prediction = _prediction(shape, workload, setup, found, times.bare)
    entry = (calibration.entry(prediction) if calibration else None) or Entry()
    estimates = tuple(_stage(stage, found[stage], times, entry, setup) for stage in stages)
    ram = max(stage.ram_bytes for stage in estimates)
    basis = Basis.SPEED_MEASURED if computes_as_measured(setup, machine) else Basis.ESTIMATE
    runs = 0
    if prediction.size_class in entry.size_classes:
        basis, runs = Basis.MEASURED, max([1, *(ratio.runs for ratio in entry.seconds.values())])
    return Estimate(
        stages=estimates,
        vram_peak_bytes=max(stage.vram_bytes for stage in estimates),
        ram_peak_bytes=ram,
        commit_peak_bytes=ram + (c.CUDA_COMMIT_BYTES if setup.on_card else 0),
        disk_bytes=disk_bytes(shape, workload, setup, weights),
        seconds_low=_total([stage.seconds_low for stage in estimates]),
        seconds_high=_total([stage.seconds_high for stage in estimates]),
        basis=basis,
        prediction=prediction,
        runs=runs,
    )


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds of each stage; None where nobody knows how fast the machine is."""

    best_known: dict[Stage, Seconds] | None
    """With what the speed test has measured."""
    bare: dict[Stage, Seconds] | None
    """Without: what renders are compared with."""


def size_class(shape: ModelShape, workload: Workload) -> str:
    """Videos of one class have numbers of tokens within a factor of 1.4."""
    tokens = shape.tokens(workload.width, workload.height, workload.num_frames)
    kind = "i" if workload.has_image else "t"
    return f"{kind}{round(_CLASSES_PER_DOUBLING * math.log2(max(1, tokens)))}"


def _prediction(
    shape: ModelShape,
    workload: Workload,
    setup: Setup,
    found: dict[Stage, Need],
    seconds: dict[Stage, Seconds] | None,
) -> Prediction:
    plan = setup.plan
    kind = [plan.placement, setup.precision, plan.storage, plan.text_encoder, plan.vae, plan.attention]
    words = [str(word) for word in kind]
    words += ["quantised"] if shape.transformer.quantised else []
    words += ["one-expert"] if plan.one_expert else []
    return Prediction(
        device=(plan.gpu_uuid or "cuda") if setup.on_card else "cpu",
        family=shape.family,
        plan_kind="/".join(words),
        size_class=size_class(shape, workload),
        seconds={stage.value: math.sqrt(span.low * span.high) for stage, span in (seconds or {}).items()},
        vram_bytes=max(need.vram for need in found.values()),
        ram_bytes=max(need.ram for need in found.values()),
    )


def _stage(stage: Stage, need: Need, times: _Times, entry: Entry, setup: Setup) -> StageEstimate:
    vram = 0
    if setup.on_card:
        vram = round(need.vram * _memory_factor(entry.vram) * c.FRAGMENTATION) + c.CUDA_CONTEXT_BYTES
    low, high = None, None
    if times.best_known is not None and times.bare is not None:
        span = _calibrated(times.best_known[stage], times.bare[stage], entry.seconds.get(stage.value))
        low, high = span.low, span.high
    return StageEstimate(stage, vram, round(need.ram * _memory_factor(entry.ram)), low, high)


def _calibrated(best_known: Seconds, bare: Seconds, ratio: Ratio | None) -> Seconds:
    """Around what renders took, compared with the bare formula; without renders, what is known best."""
    if ratio is None or not ratio.runs:
        return best_known
    middle = math.sqrt(bare.low * bare.high) * ratio.factor
    return Seconds(middle / ratio.width, middle * ratio.width)


def _memory_factor(ratio: Ratio) -> float:
    """What was measured, and its spread on top: too little memory is worse than too much."""
    if not ratio.runs:
        return 1.0
    return min(_MOST_MEMORY_CORRECTION, max(1 / _MOST_MEMORY_CORRECTION, ratio.factor * math.exp(ratio.spread)))


def _total(parts: list[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
