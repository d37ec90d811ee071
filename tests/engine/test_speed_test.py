"""The speed test: true numbers in the real engine's process, parts that fail, wrong kernels, and a cancel."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch

from tests.conftest import TinyModel
from wan_desktop.core.attention import Attention
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import IncompatibleError, JobCancelled
from wan_desktop.core.load_plan import Device, LoadPlan
from wan_desktop.core.messages import Load, MeasureSpeed, SpeedKind, SpeedProgress, SpeedReport, SpeedStatus
from wan_desktop.engine import speed_test
from wan_desktop.engine.speed_test import Bench, PartOffError, Task, bound, difference, rate

CPU = torch.device("cpu")
QUICK_S = 0.01


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    made = EngineClient(environment={"OMP_NUM_THREADS": "1"})
    yield made
    made.stop()


def run(client: EngineClient, **changes: object) -> tuple[SpeedReport, list[SpeedProgress]]:
    events: list[SpeedProgress] = []
    command = replace(MeasureSpeed(job="speed", device=Device.CPU, part_s=QUICK_S), **changes)  # type: ignore[arg-type]
    return client.measure_speed(command, on_event=events.append, cancel_asked=threading.Event()), events


def bench(check: Callable[[], None] = lambda: None, part_s: float = QUICK_S) -> Bench:
    return Bench(CPU, part_s, check)


# In the engine's process ---------------------------------------------------------------------------------------------


def test_that_the_processor_is_measured(client: EngineClient) -> None:
    report, events = run(client)
    assert (report.device, report.torch_version) == ("cpu", torch.__version__)
    found = {(part.kind, part.name): part for part in report.parts}
    plain = found[SpeedKind.PRODUCTS, "float32"]
    assert plain.status is found[SpeedKind.ATTENTION, "native"].status is SpeedStatus.MEASURED
    assert 1e8 < plain.per_s < 1e14  # whatever computes here does more than a pocket calculator, less than a card
    assert all(part.reason for part in report.parts if part.status is SpeedStatus.OFF)
    assert [(event.kind, event.name) for event in events] == list(found)
    assert [event.done for event in events] == list(range(len(events)))
    assert {event.total for event in events} == {len(report.parts)}


def test_that_what_only_a_card_has_is_off_with_a_reason(client: EngineClient) -> None:
    report, _ = run(client)
    off = {(part.kind, part.name): part.reason for part in report.parts if part.status is SpeedStatus.OFF}
    assert "no" in off[SpeedKind.COPY, "pinned"].lower()
    assert "graphics card" in off[SpeedKind.PRODUCTS, "float8"]
    assert report.per_s(SpeedKind.COPY, "pinned") is None


def test_that_every_attention_of_a_plan_is_looked_at(client: EngineClient) -> None:
    report, _ = run(client)
    assert {part.name for part in report.parts if part.kind is SpeedKind.ATTENTION} == {a.value for a in Attention}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_that_a_card_that_is_not_there_is_an_error(client: EngineClient) -> None:
    with pytest.raises(IncompatibleError):
        run(client, device=Device.CUDA, gpu_uuid="GPU-0")


def test_that_a_cancel_ends_it_and_the_engine_goes_on(client: EngineClient) -> None:
    asked = threading.Event()

    def on_event(event: SpeedProgress) -> None:
        if event.done == 1:
            asked.set()

    command = MeasureSpeed(job="stopped", device=Device.CPU, part_s=2.0)
    with pytest.raises(JobCancelled):
        client.measure_speed(command, on_event=on_event, cancel_asked=asked)
    process = client.process_id
    assert run(client)[0].parts
    assert client.process_id == process


def test_that_a_model_stays_in_memory_meanwhile(client: EngineClient, tiny_model: TinyModel) -> None:
    load = Load(job="load", model_folder=tiny_model("t2v"), plan=LoadPlan())
    before = client.load(load, on_event=lambda _: None, cancel_asked=threading.Event())
    run(client)
    after = client.load(replace(load, job="again"), on_event=lambda _: None, cancel_asked=threading.Event())
    assert before.loaded_folders == after.loaded_folders


# A part --------------------------------------------------------------------------------------------------------------


def counted(amounts: list[int], takes_bytes: Callable[[int], float] = float) -> Task:
    """Work that writes down in which sizes it was done."""

    def work(size: int) -> Callable[[], object]:
        return lambda: amounts.append(size)

    return Task((1, 10, 100), float, work, takes_bytes)


def test_that_quick_work_grows_to_its_largest_size_and_is_repeated() -> None:
    done: list[int] = []
    assert rate(counted(done), bench()) > 0
    assert done[:5] == [1, 1, 10, 10, 100]
    assert set(done[6:]) == {100}
    assert len(done) > 6


def test_that_slow_work_stays_small() -> None:
    done: list[int] = []

    def work(size: int) -> Callable[[], object]:
        def sleep() -> None:
            done.append(size)
            time.sleep(size * QUICK_S)

        return sleep

    assert rate(Task((1, 10, 100), float, work, float), bench()) > 0
    assert set(done) == {1}


def test_that_no_size_takes_more_memory_than_it_may() -> None:
    done: list[int] = []
    rate(counted(done, lambda size: 1e12 if size == 100 else 1.0), bench())
    assert set(done) == {1, 10}
    with pytest.raises(PartOffError, match="memory"):
        rate(counted(done, lambda _: 1e12), bench())


def test_that_memory_that_is_used_up_ends_the_growing() -> None:
    def work(size: int) -> Callable[[], object]:
        if size == 100:
            raise torch.OutOfMemoryError("no more")
        return lambda: None

    assert rate(Task((1, 10, 100), float, work, float), bench()) > 0
    with pytest.raises(torch.OutOfMemoryError):
        rate(Task((100,), float, work, float), bench())


def test_that_another_failure_while_growing_is_told() -> None:
    def work(size: int) -> Callable[[], object]:
        if size == 10:
            raise RuntimeError("CUDA error: misaligned address")
        return lambda: None

    with pytest.raises(RuntimeError, match="misaligned"):
        rate(Task((1, 10), float, work, float), bench())


def test_that_a_cancel_is_heard_between_two_runs() -> None:
    done: list[int] = []

    def check() -> None:
        if len(done) >= 7:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        rate(counted(done), bench(check, part_s=60.0))
    assert len(done) == 7


def test_that_a_part_that_fails_is_off_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Task:
        raise RuntimeError("cublas is not initialised\nstack of C++")

    monkeypatch.setattr(speed_test, "product_task", broken)
    report = speed_test.measure(MeasureSpeed(job="j", device=Device.CPU, part_s=QUICK_S), lambda _: None, lambda: None)
    found = {(part.kind, part.name): part for part in report.parts}
    part = found[SpeedKind.PRODUCTS, "float32"]
    assert (part.status, part.reason) == (SpeedStatus.OFF, "cublas is not initialised")
    assert found[SpeedKind.ATTENTION, "native"].status is SpeedStatus.MEASURED


# Attention -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kernel", [Attention.NATIVE, Attention.FLASH, Attention.MATH])
def test_that_right_kernels_are_within_the_bound(kernel: Attention, dtype: torch.dtype) -> None:
    assert difference(kernel, dtype, CPU, 384) <= bound(dtype)
    assert difference(kernel, dtype, CPU, 77) <= bound(dtype)


@pytest.mark.parametrize(
    "spoil",
    [torch.zeros_like, torch.randn_like, lambda x: 1.05 * x, lambda x: x.roll(1, 1), lambda x: x * float("nan")],
    ids=["zeros", "noise", "scaled", "shifted", "no-number"],
)
def test_that_a_kernel_that_computes_something_else_is_wrong(
    spoil: Callable[[torch.Tensor], torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = speed_test.dispatch_attention_fn

    def wrong(*args: torch.Tensor, **options: object) -> torch.Tensor:
        found: torch.Tensor = spoil(right(*args, **options))
        return found

    monkeypatch.setattr(speed_test, "dispatch_attention_fn", wrong)
    report = speed_test.measure(MeasureSpeed(job="j", device=Device.CPU, part_s=QUICK_S), lambda _: None, lambda: None)
    native = next(part for part in report.parts if part.name == "native")
    assert native.status is SpeedStatus.WRONG
    assert "differs" in native.reason
    assert report.per_s(SpeedKind.PRODUCTS, "float32")
