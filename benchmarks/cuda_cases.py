"""Random renders for `benchmarks.estimate_cuda`: the same seed gives the same on every machine."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from benchmarks.random_models import Packaging, RandomModel, real_models, shape_of_model, tiny_models
from wan_desktop.core.estimate import Machine, Workload, estimate
from wan_desktop.core.ladder import Candidate, Policy, card_plans
from wan_desktop.core.load_plan import Device, LoadPlan, Placement, Precision, Storage, TextEncoderPolicy, VaePolicy
from wan_desktop.core.model_shape import ModelShape

CARD_BYTES = tuple(size << 30 for size in (6, 8, 12, 16, 24))
"""Cards that are played."""
STEPS, PLANNED_STEPS = 2, 30
"""Of a case, and of a choice."""
_FIT_SHARE = 5
"""Every fifth case is one that does not fit on paper: it should run out of memory."""
_MOST_DRAWS = 200
_SIZES = ((512, 320), (832, 480), (480, 832), (640, 640), (1024, 576), (1280, 720))
_FRAMES = (1, 17, 33, 49, 81, 121)
_TINY_SIZES, _TINY_FRAMES = ((64, 64), (96, 64)), (1, 5, 9)
_CHOICE_SIZES, _CHOICE_FRAMES = ((512, 320), (832, 480)), (17, 33, 49)


@dataclass(frozen=True, slots=True)
class Case:
    """One render: with which model, how, and on what card."""

    model: RandomModel
    packaging: Packaging
    workload: Workload
    plan: LoadPlan
    card_bytes: int

    @property
    def name(self) -> str:
        """In a table."""
        work = self.workload
        size = f"{work.width}x{work.height}x{work.num_frames}{' image' if work.has_image else ''}"
        return f"{self.model.model_id} {self.packaging} {size} {self.card_bytes >> 30} GB"


class Draw:
    """Random cases; the same seed gives the same cases on every machine."""

    def __init__(self, seed: int, *, tiny: bool) -> None:
        self._random = random.Random(seed)
        self._tiny = tiny
        self._models = tiny_models() if tiny else real_models()
        self._pairs: list[tuple[Placement, int]] = []
        self._shapes: dict[str, ModelShape] = {}

    def cases(self, number: int) -> Iterator[Case]:
        """So many; four of five fit their card on paper."""
        for index in range(number):
            wants_fit = index % _FIT_SHARE != _FIT_SHARE - 1
            pair = self._pair()
            case = self._case(*pair)
            for _ in range(_MOST_DRAWS):
                if self.fits_card(case, case.plan) == wants_fit:
                    break
                case = self._case(*pair)
            yield case

    def choices(self, number: int) -> Iterator[Case]:
        """So many that leave the planner a choice; their plan is a placeholder."""
        for _ in range(number):
            case = self._choice()
            for _ in range(_MOST_DRAWS):
                plans = card_plans(candidate_of(case, self._shape(case), ()), Policy())
                if sum(self.fits_card(case, plan) for plan in plans) > 1:
                    break
                case = self._choice()
            yield case

    def fits_card(self, case: Case, plan: LoadPlan) -> bool:
        """On paper, whatever machine this is."""
        machine = Machine(case.card_bytes, case.card_bytes, (8, 0))
        cost = estimate(self._shape(case), case.workload, plan, machine)
        return cost.vram_peak_bytes <= safe_bytes(case.card_bytes)

    def _shape(self, case: Case) -> ModelShape:
        key = f"{case.model.model_id} {case.packaging}"
        if key not in self._shapes:
            self._shapes[key] = shape_of_model(case.model, case.packaging)
        return self._shapes[key]

    def _pair(self) -> tuple[Placement, int]:
        """Each placement on each card in turn, in random order: else what fits would mostly be on the largest card."""
        if not self._pairs:
            self._pairs = list(product(Placement, CARD_BYTES))
            self._random.shuffle(self._pairs)
        return self._pairs.pop()

    def _case(self, placement: Placement, card_bytes: int) -> Case:
        pick = self._random.choice
        model, packaging = pick(self._models), pick(list(Packaging))
        can_be_fp8 = not packaging.is_gguf
        plan = LoadPlan(
            name="",
            device=Device.CUDA,
            precision=pick((Precision.BFLOAT16, Precision.BFLOAT16, Precision.FLOAT16)),
            placement=placement,
            one_expert=pick((False, True)) and len(model.experts) == 2,
            storage=pick((Storage.SAME, Storage.FP8)) if can_be_fp8 else Storage.SAME,
            text_encoder=pick(list(TextEncoderPolicy)),
            vae=pick(list(VaePolicy)),
        )
        sizes, frames = (_TINY_SIZES, _TINY_FRAMES) if self._tiny else (_SIZES, _FRAMES)
        workload = self._workload(model, pick(sizes), pick(frames), STEPS)
        return Case(model, packaging, workload, replace(plan, name=_plan_name(plan)), card_bytes)

    def _choice(self) -> Case:
        pick = self._random.choice
        model, packaging = pick(self._models), pick((Packaging.BFLOAT16, Packaging.Q4_0))
        sizes, frames = (_TINY_SIZES, _TINY_FRAMES) if self._tiny else (_CHOICE_SIZES, _CHOICE_FRAMES)
        workload = self._workload(model, pick(sizes), pick(frames), PLANNED_STEPS)
        return Case(model, packaging, workload, LoadPlan(), pick(CARD_BYTES))

    def _workload(self, model: RandomModel, size: tuple[int, int], frames: int, steps: int) -> Workload:
        step = 2 * int(model.vae.get("scale_factor_spatial", 8))
        has_image = model.takes_image and (not model.takes_text or self._random.random() < 1 / 2)
        guidance = self._random.choice((1.0, 5.0))
        return Workload(size[0] // step * step, size[1] // step * step, frames, steps, has_image, guidance)


def _plan_name(plan: LoadPlan) -> str:
    parts = [plan.placement.value, plan.precision.value]
    parts += ["fp8"] if plan.storage is Storage.FP8 else []
    parts += ["one-expert"] if plan.one_expert else []
    return "-".join([*parts, f"text-{plan.text_encoder}", f"vae-{plan.vae}"])


def safe_bytes(card_bytes: int) -> int:
    """What `limits_of` leaves of a card that nobody else uses."""
    return card_bytes - max(800_000_000, round(0.06 * card_bytes))


def candidate_of(case: Case, shape: ModelShape, files: Sequence[str]) -> Candidate:
    """What the ladder is asked about."""
    return Candidate(case.model.model_id, case.packaging.value, shape, transformer_files=tuple(files))
