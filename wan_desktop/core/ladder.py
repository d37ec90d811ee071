"""The fallback ladder: in which order ways to load a model are tried, and which of them fit.

A pure function of numbers. First those that fit, the fastest first; behind each only what needs less memory, since that
is what a failure asks for. Then the one that comes nearest to fitting. Then the same in other packagings of the model,
then other models, then the CPU.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from wan_desktop.core.calibration import Calibration
from wan_desktop.core.estimate import Estimate, Machine, Workload, estimate
from wan_desktop.core.load_plan import Device, LoadPlan, Placement, Precision, TextEncoderPolicy, VaePolicy
from wan_desktop.core.model_shape import ModelShape
from wan_desktop.core.settings import MemoryMode

_WELL = 0.85
"""Up to that part of what may be used, nothing is likely to go wrong; above it, it is tight."""
_NEARLY = 1.15
"""An estimate may be wrong by so much: what needs no more is worth a try when nothing fits."""


class Fit(StrEnum):
    """How a video fits a PC, on one way to load its model; the best first."""

    WELL = "well"
    """With room, and all weights where they are needed."""
    TIGHT = "tight"
    SLOW = "slow"
    """Only with weights that come and go, or frames made in tiles."""
    NOT_CHECKED = "not-checked"
    """There are no data."""
    TOO_BIG = "too-big"

    @property
    def fits(self) -> bool:
        """It can be made."""
        return self in (Fit.WELL, Fit.TIGHT, Fit.SLOW)


class Substitute(StrEnum):
    """What is used instead of what the user chose."""

    NONE = "none"
    VARIANT = "variant"
    """The same model with smaller weights: the picture differs."""
    MODEL = "model"
    """Another model."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a render may use of a machine; None where that is not known."""

    vram_bytes: int | None
    """None where there is no card to compute on."""
    ram_bytes: int | None
    commit_bytes: int | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model in one packaging."""

    model_id: str
    variant: str
    shape: ModelShape
    substitute: Substitute = Substitute.NONE
    is_here: bool = True
    """On this PC."""
    transformer_files: tuple[str, ...] = ()
    """As a plan wants them; empty while it is not here."""
    folder: str = ""
    """Where it lies; empty while it is not here."""
    name: str = ""
    """As people call the model; empty where only the id is known."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be done without asking."""

    mode: MemoryMode = MemoryMode.AUTOMATIC
    may_use_smaller_variant: bool = False
    may_use_other_model: bool = False
    precision: Precision = Precision.AUTO
    gpu_uuid: str = ""
    card_computes: bool = True
    """False: the card is too old, or its driver."""
    cpu_is_for_small: bool = True
    """The CPU is offered only to models below `SMALL_PARAMETERS`: for others it would take days."""
    worked: str = ""
    """Name of the plan with which this model made this size before: the first one, as long as it fits."""

    def may_use(self, substitute: Substitute) -> bool:
        """Whether the user has allowed that once and for all."""
        match substitute:
            case Substitute.VARIANT:
                return self.may_use_smaller_variant
            case Substitute.MODEL:
                return self.may_use_other_model
            case _:
                return True


class Costs:
    """Estimates on one machine, each made once. For one thread.

    Args:
        machine: What renders are made on.
        calibration: What earlier renders on it have shown.
    """

    def __init__(self, machine: Machine, calibration: Calibration | None = None) -> None:
        self._machine, self._calibration = machine, calibration
        self._known: dict[tuple[int, Workload, LoadPlan], Estimate] = {}
        self._shapes: dict[int, ModelShape] = {}
        """So that no other shape gets the number of one that is known."""

    def of(self, candidate: Candidate, workload: Workload, plan: LoadPlan) -> Estimate:
        """What a video takes."""
        shape = candidate.shape
        key = (id(shape), workload, plan)
        if key not in self._known:
            self._shapes[id(shape)] = shape
            self._known[key] = estimate(shape, workload, plan, self._machine, self._calibration)
        return self._known[key]


SMALL_PARAMETERS = 2_000_000_000
"""Of a transformer; the smallest Wan model has 1.4 billion."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to make the video."""

    model_id: str
    variant: str
    plan: LoadPlan
    estimate: Estimate
    fit: Fit
    substitute: Substitute
    is_here: bool
    needs_consent: bool
    """It is not what the user asked for, and he has not allowed it yet."""
    folder: str = ""
    """Where the model lies; empty while it is not here."""


def size_step_px(shape: ModelShape) -> int:
    """Width and height must be multiples of that: the VAE's scale times the patches of two latents, at least 16.

    diffusers rounds down in silence what is not.
    """
    return max(16, 2 * shape.vae.scale_spatial)


# Which plans there are -----------------------------------------------------------------------------------------------

_Choice = tuple[Placement, TextEncoderPolicy, VaePolicy]
_KEEP, _DROP, _ON_CPU = TextEncoderPolicy.KEEP, TextEncoderPolicy.DROP, TextEncoderPolicy.CPU
_FAST: tuple[_Choice, ...] = (
    (Placement.RESIDENT, _KEEP, VaePolicy.FLOAT32),
    (Placement.RESIDENT, _DROP, VaePolicy.FLOAT32),
    (Placement.RESIDENT, _DROP, VaePolicy.BFLOAT16),
    (Placement.RESIDENT, _ON_CPU, VaePolicy.BFLOAT16),
    (Placement.COMPONENT, _KEEP, VaePolicy.FLOAT32),
    (Placement.COMPONENT, _DROP, VaePolicy.BFLOAT16),
    (Placement.COMPONENT, _ON_CPU, VaePolicy.BFLOAT16),
)
_SAVING: tuple[_Choice, ...] = (
    (Placement.COMPONENT, _ON_CPU, VaePolicy.TILED),
    (Placement.BLOCKS, _KEEP, VaePolicy.BFLOAT16),
    (Placement.BLOCKS, _DROP, VaePolicy.TILED),
    (Placement.BLOCKS, _ON_CPU, VaePolicy.TILED),
)
_SAVING_MOST: tuple[_Choice, ...] = (
    (Placement.LEAVES, _ON_CPU, VaePolicy.TILED),
    (Placement.DISK, _ON_CPU, VaePolicy.TILED),
)
_CHOICES = {
    MemoryMode.AUTOMATIC: (*_FAST, *_SAVING, *_SAVING_MOST),
    MemoryMode.FASTEST: _FAST,
    MemoryMode.SAVE: (*_SAVING, *_SAVING_MOST),
    MemoryMode.SAVE_MOST: _SAVING_MOST,
}
"""From the fastest to the most saving; where no time can be told, this is the order."""


def card_plans(candidate: Candidate, policy: Policy) -> list[LoadPlan]:
    """All plans on the card that the policy leaves."""
    experts = (False, True) if candidate.shape.experts == 2 else (False,)
    return [
        LoadPlan(
            name=_name(placement, text, vae, one_expert=one_expert),
            device=Device.CUDA,
            precision=policy.precision,
            transformer_files=candidate.transformer_files,
            placement=placement,
            one_expert=one_expert,
            text_encoder=text,
            vae=vae,
            gpu_uuid=policy.gpu_uuid,
        )
        for (placement, text, vae), one_expert in product(_CHOICES[policy.mode], experts)
        # Blocks in files take no memory, so there is nothing to be gained from one expert.
        if not (one_expert and placement is Placement.DISK)
    ]


def cpu_plans(candidate: Candidate) -> list[LoadPlan]:
    """On the CPU: all in memory, or as little of it as can be."""
    experts = (False, True) if candidate.shape.experts == 2 else (False,)
    return [
        LoadPlan(
            name=f"cpu-{text}{'-one-expert' if one_expert else ''}",
            device=Device.CPU,
            transformer_files=candidate.transformer_files,
            placement=Placement.RESIDENT,
            one_expert=one_expert,
            text_encoder=text,
        )
        for text, one_expert in product((_KEEP, _ON_CPU), experts)
    ]


def _name(placement: Placement, text: TextEncoderPolicy, vae: VaePolicy, *, one_expert: bool) -> str:
    parts = [placement.value]
    parts += [f"text-{text}"] if text is not _KEEP else []
    parts += [f"vae-{vae}"] if vae is not VaePolicy.FLOAT32 else []
    parts += ["one-expert"] if one_expert else []
    return "-".join(parts)


# Which of them are tried, and when -----------------------------------------------------------------------------------


def ladder(
    candidates: Sequence[Candidate],
    workload: Workload,
    costs: Costs,
    limits: Limits,
    policy: Policy,
) -> tuple[Rung, ...]:
    """All rungs, in the order in which they are tried.

    Args:
        candidates: The model as the user chose it first, then its other packagings, then other models.
        workload: The video.
        costs: What it takes on the machine.
        limits: What may be used of that.
        policy: What may be done without asking.
    """
    on_card: list[Rung] = []
    on_cpu: list[Rung] = []
    for candidate in candidates:
        card, cpu = (
            _rungs(candidate, plans, _possible(workload, candidate), costs, limits, policy)
            for plans in _plans(candidate, limits, policy)
        )
        on_card += _order(card, limits, policy)
        on_cpu += _order(cpu, limits, policy)
    rungs = [*on_card, *on_cpu]
    known = [rung for rung in rungs if _has_worked(rung, policy)]
    return (*known, *(rung for rung in rungs if rung not in known))


def best_fit(
    candidate: Candidate,
    workload: Workload,
    costs: Costs,
    limits: Limits,
    policy: Policy,
) -> Fit:
    """How it fits on the way that fits best."""
    plans = [plan for where in _plans(candidate, limits, policy) for plan in where]
    fits = {rung.fit for rung in _rungs(candidate, plans, workload, costs, limits, policy)}
    return next((fit for fit in Fit if fit in fits), Fit.TOO_BIG)


def most_frugal(
    candidate: Candidate,
    workload: Workload,
    costs: Costs,
    limits: Limits,
    policy: Policy,
) -> Rung:
    """The way whose scarcest need is least above what there is, for who wants to try it anyway.

    Raises:
        ValueError: The policy leaves no way at all.
    """
    plans = [plan for where in _plans(candidate, limits, policy) for plan in where]
    rungs = _rungs(candidate, plans, workload, costs, limits, policy)
    return min(rungs, key=lambda rung: need(rung.plan, rung.estimate, limits) or 0.0)


def _plans(candidate: Candidate, limits: Limits, policy: Policy) -> tuple[list[LoadPlan], list[LoadPlan]]:
    """On the card, and on the CPU."""
    has_card = limits.vram_bytes is not None and policy.card_computes
    is_small = candidate.shape.transformer.parameters < SMALL_PARAMETERS
    return (
        card_plans(candidate, policy) if has_card else [],
        cpu_plans(candidate) if is_small or not policy.cpu_is_for_small else [],
    )


def _possible(workload: Workload, candidate: Candidate) -> Workload:
    """Another model may want other multiples; the nearest smaller size is taken."""
    if candidate.substitute is not Substitute.MODEL:
        return workload
    step = size_step_px(candidate.shape)
    width, height = (max(step, side // step * step) for side in (workload.width, workload.height))
    return replace(workload, width=width, height=height)


def _rungs(
    candidate: Candidate,
    plans: Iterable[LoadPlan],
    workload: Workload,
    costs: Costs,
    limits: Limits,
    policy: Policy,
) -> list[Rung]:
    rungs = []
    for plan in plans:
        cost = costs.of(candidate, workload, plan)
        rungs.append(
            Rung(
                model_id=candidate.model_id,
                variant=candidate.variant,
                plan=plan,
                estimate=cost,
                fit=fit_of(plan, cost, limits),
                substitute=candidate.substitute,
                is_here=candidate.is_here,
                needs_consent=not policy.may_use(candidate.substitute),
                folder=candidate.folder,
            )
        )
    return rungs


def need(plan: LoadPlan, cost: Estimate, limits: Limits) -> float | None:
    """The scarcest thing: which part of what may be used is needed; None where that is not known."""
    needs = [(cost.ram_peak_bytes, limits.ram_bytes), (cost.commit_peak_bytes, limits.commit_bytes)]
    if plan.device is not Device.CPU:
        needs.append((cost.vram_peak_bytes, limits.vram_bytes))
    known = [needed / max(1, limit) for needed, limit in needs if limit is not None]
    return max(known) if len(known) == len(needs) else None


def fit_of(plan: LoadPlan, cost: Estimate, limits: Limits) -> Fit:
    """How a plan fits."""
    part = need(plan, cost, limits)
    if part is None:
        return Fit.NOT_CHECKED
    if part > 1:
        return Fit.TOO_BIG
    saves = plan.vae is VaePolicy.TILED or plan.placement in (Placement.BLOCKS, Placement.LEAVES, Placement.DISK)
    if saves or plan.device is Device.CPU:
        return Fit.SLOW
    return Fit.WELL if part <= _WELL else Fit.TIGHT


def _has_worked(rung: Rung, policy: Policy) -> bool:
    return rung.substitute is Substitute.NONE and rung.plan.name == policy.worked


def _order(rungs: list[Rung], limits: Limits, policy: Policy) -> list[Rung]:
    fitting = [rung for rung in rungs if rung.fit.fits or rung.fit is Fit.NOT_CHECKED]
    # What was learned of its time must not make another plan outdo the one that is known to work: sorted first.
    fitting.sort(key=lambda rung: (not _has_worked(rung, policy), _seconds(rung)))
    chosen = _each_more_frugal(fitting)  # sorting keeps the order where no time is known
    if not chosen and rungs:
        nearest = min(rungs, key=lambda rung: need(rung.plan, rung.estimate, limits) or 0.0)
        if (need(nearest.plan, nearest.estimate, limits) or 0.0) <= _NEARLY:
            chosen = [nearest]
    return chosen


def _seconds(rung: Rung) -> float:
    return rung.estimate.seconds_high or 0.0


def _each_more_frugal(rungs: list[Rung]) -> list[Rung]:
    """Leave out what needs no less of anything than one that comes before it: it would fail the same way."""
    chosen: list[Rung] = []
    for rung in rungs:
        if all(_needs_less(rung.estimate, earlier.estimate) for earlier in chosen):
            chosen.append(rung)
    return chosen


def _needs_less(cost: Estimate, than: Estimate) -> bool:
    return cost.vram_peak_bytes < than.vram_peak_bytes or cost.ram_peak_bytes < than.ram_peak_bytes
