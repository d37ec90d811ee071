"""The ladder in the real engine: memory runs out at any stage of any rung, and a clip comes out or a clear answer.

The tiny models run on the CPU, where every placement works as on a card; what fails is one allocation, with the error
that torch raises.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import TinyModel
from tests.engine.fire import NAMES, PLANS, REQUEST, engine, outcomes, pictures, plan, render, rungs
from tests.fakes.failing_engine import Shortage
from tests.proofs import mostly_proofs
from wan_desktop.core.errors import OutOfMemoryError
from wan_desktop.core.fallback import LadderError, Outcome
from wan_desktop.core.load_plan import Placement, TextEncoderPolicy
from wan_desktop.core.recipe import read_recipe

STAGES = ("load_model", "read_prompt", "create_frames", "build_pictures")
TWO_EXPERTS = replace(REQUEST, num_inference_steps=4, guidance_scale_2=3.0)
ONE_EXPERT = replace(plan("one expert", Placement.RESIDENT, TextEncoderPolicy.DROP), one_expert=True)


@pytest.fixture(scope="module")
def good(tiny_model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What the first rung makes when nothing fails."""
    with engine() as client:
        return pictures(render(client, tiny_model("t2v"), tmp_path_factory.mktemp("good")))


@pytest.mark.parametrize("kind", ["oom", "ram"])
@pytest.mark.parametrize("stage", mostly_proofs(STAGES, "load_model", "create_frames"))
def test_that_memory_that_runs_out_leads_down_and_the_clip_is_the_same(
    tiny_model: TinyModel, tmp_path: Path, good: np.ndarray, stage: str, kind: str
) -> None:
    with engine(Shortage(stage, plans=("resident",), kind=kind)) as client:
        made = render(client, tiny_model("t2v"), tmp_path)
    assert [(attempt.plan, attempt.outcome) for attempt in made.loading.attempts] == [
        ("resident", Outcome.OUT_OF_MEMORY),
        ("component", Outcome.DONE),
    ]
    assert np.array_equal(pictures(made), good)
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
    assert np.array_equal(pictures(made), good)


def test_that_memory_seen_gone_between_steps_leads_down_before_anything_fails(
    tiny_model: TinyModel, tmp_path: Path, good: np.ndarray
) -> None:
    with engine(Shortage("between_steps", 2)) as client:
        made = render(client, tiny_model("t2v"), tmp_path)
    assert [(attempt.plan, attempt.outcome) for attempt in made.loading.attempts] == [
        ("resident", Outcome.OUT_OF_MEMORY),
        ("component", Outcome.DONE),
    ]
    assert made.steps == [1, 2, 3], "a step was made twice"
    assert np.array_equal(pictures(made), good)


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
    assert np.array_equal(pictures(made), good)


@pytest.mark.parametrize("stage", mostly_proofs(STAGES, "create_frames"))
def test_that_memory_may_run_out_on_several_rungs_in_a_row(
    tiny_model: TinyModel, tmp_path: Path, good: np.ndarray, stage: str
) -> None:
    with engine(Shortage(stage, plans=tuple(NAMES[:-1]))) as client:
        made = render(client, tiny_model("t2v"), tmp_path)
    assert outcomes(made.loading) == [*((name, Outcome.OUT_OF_MEMORY) for name in NAMES[:-1]), ("disk", Outcome.DONE)]
    told = [(attempt.plan, attempt.outcome) for attempt in made.result.attempts]
    assert told == outcomes(made.loading)
    assert read_recipe(made.result.path).attempts == made.result.attempts
    assert made.steps == [1, 2, 3], "a step was made twice"
    assert np.array_equal(pictures(made), good)


@pytest.mark.parametrize("stage", mostly_proofs(STAGES, "create_frames"))
def test_that_when_all_rungs_fail_the_answer_is_clear(tiny_model: TinyModel, tmp_path: Path, stage: str) -> None:
    with engine(Shortage(stage)) as client, pytest.raises(LadderError) as caught:
        render(client, tiny_model("t2v"), tmp_path)
    assert isinstance(caught.value.error, OutOfMemoryError)
    assert caught.value.error.hint
    assert outcomes(caught.value.result) == [(name, Outcome.OUT_OF_MEMORY) for name in NAMES]
    assert not list(tmp_path.rglob("*.mp4"))


# The second expert ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good_of_two(tiny_model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What two experts make when nothing fails."""
    with engine() as client:
        made = render(client, tiny_model("t2v_two_experts"), tmp_path_factory.mktemp("good"), TWO_EXPERTS)
    return pictures(made)


@pytest.mark.parametrize(
    "shortage",
    [
        Shortage("read_expert_2", plans=("resident",)),
        Shortage("place_expert_2", plans=("resident",)),
        Shortage("create_frames", 4, plans=("resident",)),
    ],
    ids=["while it is read", "while it is placed", "while it computes"],
)
def test_that_an_expert_that_does_not_fit_leads_down(
    tiny_model: TinyModel, tmp_path: Path, good_of_two: np.ndarray, shortage: Shortage
) -> None:
    with engine(shortage) as client:
        made = render(client, tiny_model("t2v_two_experts"), tmp_path, TWO_EXPERTS)
    assert outcomes(made.loading) == [("resident", Outcome.OUT_OF_MEMORY), ("component", Outcome.DONE)]
    assert made.steps == [1, 2, 3, 4]
    assert np.array_equal(pictures(made), good_of_two)


def test_that_an_expert_that_is_read_at_its_turn_and_does_not_fit_leads_down(
    tiny_model: TinyModel, tmp_path: Path, good_of_two: np.ndarray
) -> None:
    ladder = rungs(tiny_model("t2v_two_experts"), (PLANS[0], ONE_EXPERT, PLANS[3]))
    with engine(Shortage("read_expert_2", plans=("resident", "one expert"))) as client:
        made = render(client, ladder, tmp_path, TWO_EXPERTS)
    assert outcomes(made.loading) == [
        ("resident", Outcome.OUT_OF_MEMORY),
        ("one expert", Outcome.OUT_OF_MEMORY),
        ("disk", Outcome.DONE),
    ]
    assert made.steps == [1, 2, 3, 4], "the steps of the first expert were lost"
    assert np.array_equal(pictures(made), good_of_two)


@pytest.mark.parametrize("stage", ["read_expert_2", "place_expert_2"])
def test_that_an_expert_that_fits_nowhere_gives_a_clear_answer(
    tiny_model: TinyModel, tmp_path: Path, stage: str
) -> None:
    with engine(Shortage(stage)) as client, pytest.raises(LadderError) as caught:
        render(client, tiny_model("t2v_two_experts"), tmp_path, TWO_EXPERTS)
    assert isinstance(caught.value.error, OutOfMemoryError)
    assert outcomes(caught.value.result) == [(name, Outcome.OUT_OF_MEMORY) for name in NAMES]
