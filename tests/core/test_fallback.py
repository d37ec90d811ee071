"""Down the ladder: what each failure leads to, what is tried, and what is told."""

from dataclasses import replace

import pytest

from wan_desktop.core.errors import (
    BrokenPictureError,
    DiskFullError,
    EngineError,
    FileBlockedError,
    IncompatibleError,
    IntegrityError,
    JobCancelled,
    OutOfMemoryError,
    WanError,
)
from wan_desktop.core.estimate import Basis, Estimate
from wan_desktop.core.fallback import Descent, LadderError, ModelLoadingResult, Outcome
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Fit, Rung, Substitute
from wan_desktop.core.load_plan import Device, LoadPlan

GB = 10**9


def rung(
    name: str, vram: int = 8, ram: int = 16, *, model: str = "a14b", variant: str = "bf16", **changes: object
) -> Rung:
    device = Device.CPU if name.startswith("cpu") else Device.CUDA
    cost = Estimate((), 0 if device is Device.CPU else vram * GB, ram * GB, ram * GB, 0, 60.0, 90.0, Basis.ESTIMATE)
    made = Rung(
        model, variant, LoadPlan(name, device), cost, Fit.WELL, Substitute.NONE, is_here=True, needs_consent=False
    )
    return replace(made, **changes)  # type: ignore[arg-type]


RESIDENT, COMPONENT, BLOCKS = rung("resident", 20), rung("component", 12), rung("blocks", 5)
SMALLER = rung("resident", 10, 10, variant="Q4_K_M", substitute=Substitute.VARIANT)
OTHER = rung("resident", 4, 8, model="1.3b", substitute=Substitute.MODEL)
CPU = rung("cpu-keep", ram=10, model="1.3b", substitute=Substitute.MODEL)


class Engine:
    """Fails as told, rung by rung."""

    def __init__(self, *failures: WanError | list[WanError] | None) -> None:
        self._failures = list(failures)
        self._left: list[WanError] = []
        self.tried: list[str] = []

    def __call__(self, tried: Rung) -> str:
        rung = f"{tried.model_id} {tried.variant} {tried.plan.name}"
        if not self.tried or self.tried[-1] != rung:  # else it is tried again
            self.tried.append(rung)
            due = self._failures.pop(0) if self._failures else None
            self._left = list(due) if isinstance(due, list) else [due] if due else []
        if self._left:
            raise self._left.pop(0)
        return tried.plan.name


def context() -> JobContext:
    return JobContext("test", lambda *_: None)


def descend(rungs: list[Rung], engine: Engine) -> tuple[str, ModelLoadingResult]:
    return Descent(rungs, engine, context(), wait=lambda _: None).run()


def outcomes(result: ModelLoadingResult) -> list[tuple[str, str]]:
    return [(attempt.plan, attempt.outcome) for attempt in result.attempts]


def out_of_memory() -> OutOfMemoryError:
    return OutOfMemoryError("The graphics card ran out of video memory.", hint="Make it smaller.")


def test_that_the_first_rung_is_used_when_it_works() -> None:
    made, result = descend([RESIDENT, COMPONENT], Engine())
    assert (made, result.used, result.cost) == ("resident", RESIDENT, "")
    assert outcomes(result) == [("resident", Outcome.DONE)]


def test_that_too_little_memory_leads_down_in_order() -> None:
    made, result = descend([RESIDENT, COMPONENT, BLOCKS], Engine(out_of_memory(), out_of_memory()))
    assert made == "blocks"
    assert outcomes(result) == [
        ("resident", Outcome.OUT_OF_MEMORY),
        ("component", Outcome.OUT_OF_MEMORY),
        ("blocks", Outcome.DONE),
    ]
    assert "takes longer" in result.cost


def test_that_a_rung_that_needs_as_much_is_not_tried() -> None:
    thirsty = rung("other", 20, 16)
    engine = Engine(out_of_memory())
    descend([RESIDENT, thirsty, BLOCKS], engine)
    assert engine.tried == ["a14b bf16 resident", "a14b bf16 blocks"]


def test_that_damage_rules_out_all_that_read_the_files() -> None:
    engine = Engine(IntegrityError("A shard is missing.", hint="Repair it."))
    made, result = descend([RESIDENT, COMPONENT, SMALLER], engine)
    assert engine.tried == ["a14b bf16 resident", "a14b Q4_K_M resident"]
    assert (made, result.cost) == ("resident", "Made with the smaller weights Q4_K_M.")


def test_that_an_error_that_heals_is_tried_again_on_its_rung() -> None:
    blocked = FileBlockedError("Another program holds a file.", hint="Close it.")
    engine = Engine([blocked, blocked])
    made, result = descend([RESIDENT, COMPONENT], engine)
    assert (made, engine.tried) == ("resident", ["a14b bf16 resident"])
    assert result.attempts[0].retries == 2


def test_that_an_error_that_stays_ends_its_rung_after_three_tries() -> None:
    blocked = FileBlockedError("Another program blocks /models/transformer.safetensors.", hint="Close it.")
    engine = Engine([blocked] * 4)
    made, result = descend([RESIDENT, COMPONENT, BLOCKS, SMALLER], engine)
    assert engine.tried == ["a14b bf16 resident", "a14b Q4_K_M resident"]
    assert made == "resident"
    assert outcomes(result) == [("resident", Outcome.BUSY), ("resident", Outcome.DONE)]
    assert result.attempts[0].retries == 3


def test_that_a_file_that_stays_blocked_is_named_with_who_may_hold_it() -> None:
    blocked = FileBlockedError("Another program blocks /models/transformer.safetensors.", hint="Close it.", details="x")
    engine = Engine(*[[blocked] * 4] * 3)
    with pytest.raises(LadderError) as caught:
        descend([RESIDENT, COMPONENT, BLOCKS], engine)
    error = caught.value.error
    assert isinstance(error, FileBlockedError)
    assert engine.tried == ["a14b bf16 resident"]
    assert "/models/transformer.safetensors" in error.message
    assert "tried 4 times" in error.hint
    assert "virus scanner" in error.hint
    assert error.details == "x"
    assert [attempt.retries for attempt in caught.value.result.attempts] == [3]


def test_that_pauses_grow_and_jitter() -> None:
    pauses: list[float] = []
    blocked = FileBlockedError("Another program holds a file.", hint="Close it.")
    Descent([RESIDENT], Engine([blocked] * 3), context(), wait=pauses.append).run()
    assert [0.25 <= pauses[0] <= 0.5, 0.5 <= pauses[1] <= 1.0, 1.0 <= pauses[2] <= 2.0] == [True] * 3


@pytest.mark.parametrize(
    "error",
    [
        IncompatibleError("This card lacks that kernel.", hint="-"),
        BrokenPictureError("The numbers overflowed.", hint="-"),
    ],
)
def test_that_the_next_rung_may_compute_otherwise(error: WanError) -> None:
    assert descend([RESIDENT, COMPONENT], Engine(error))[0] == "component"


def test_that_an_engine_that_dies_once_is_given_less_to_do() -> None:
    made, result = descend([RESIDENT, COMPONENT], Engine(EngineError("It stopped.", hint="-")))
    assert made == "component"
    assert outcomes(result)[0] == ("resident", Outcome.ENGINE_DIED)


def test_that_an_engine_that_dies_twice_ends_it() -> None:
    died = EngineError("It stopped.", hint="-")
    engine = Engine(died, died)
    with pytest.raises(LadderError) as caught:
        descend([RESIDENT, COMPONENT, BLOCKS], engine)
    assert caught.value.error is died
    assert len(engine.tried) == 2


def test_that_what_no_rung_can_mend_ends_it_at_once() -> None:
    full = DiskFullError("The disk is full.", hint="Free some space.")
    engine = Engine(full)
    with pytest.raises(LadderError) as caught:
        descend([RESIDENT, COMPONENT], engine)
    assert (caught.value.error, len(engine.tried)) == (full, 1)
    assert outcomes(caught.value.result) == [("resident", Outcome.FAILED)]


def test_that_what_the_user_did_not_ask_for_waits_for_his_word() -> None:
    asking = replace(SMALLER, needs_consent=True)
    away = replace(OTHER, is_here=False)
    engine = Engine(out_of_memory())
    with pytest.raises(LadderError) as caught:
        descend([RESIDENT, asking, away], engine)
    assert isinstance(caught.value.error, OutOfMemoryError)
    assert caught.value.result.waiting == (asking, away)
    assert engine.tried == ["a14b bf16 resident"]


def test_that_the_processor_is_the_last_to_be_tried() -> None:
    made, result = descend([OTHER, CPU], Engine(out_of_memory()))
    assert (made, result.used) == ("cpu-keep", CPU)


def test_that_an_empty_ladder_is_an_answer_too() -> None:
    with pytest.raises(LadderError) as caught:
        descend([], Engine())
    assert caught.value.error.hint


def test_that_a_cancel_ends_it_between_rungs_and_in_pauses() -> None:
    job = context()
    engine = Engine(out_of_memory())
    with pytest.raises(JobCancelled):
        Descent([RESIDENT, BLOCKS], engine, job, announce=lambda _: job.cancel_asked.set()).run()
    assert len(engine.tried) == 1
    blocked = FileBlockedError("Another program holds a file.", hint="Close it.")
    with pytest.raises(JobCancelled):
        Descent([RESIDENT], Engine([blocked] * 9), job, wait=lambda _: job.cancel_asked.set()).run()


def test_that_each_failure_is_announced_before_the_next_attempt() -> None:
    told: list[str] = []
    engine = Engine(out_of_memory())
    Descent([RESIDENT, BLOCKS], engine, context(), announce=lambda attempt: told.append(attempt.plan)).run()
    assert told == ["resident"]
