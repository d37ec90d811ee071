"""Models in memory: used again, replaced, let go; and the engine's commands for that."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import TinyModel
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import IncompatibleError, JobCancelled, NotAWanModelError
from wan_desktop.core.load_plan import Device, LoadPlan
from wan_desktop.core.messages import Load, Preview, Progress, Stage, Unload
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.engine.loader import LoadedModel
from wan_desktop.engine.model_shelf import ModelShelf

PLAN = LoadPlan(device=Device.CPU)


@pytest.fixture
def shelf() -> Iterator[ModelShelf]:
    made = ModelShelf()
    yield made
    made.remove()


def get(shelf: ModelShelf, folder: Path, plan: LoadPlan = PLAN) -> LoadedModel:
    return shelf.get(inspect_model_folder(folder), plan, None, lambda *_: None, lambda: None)


def test_that_the_same_model_is_not_read_twice(shelf: ModelShelf, tiny_model: TinyModel) -> None:
    first = get(shelf, tiny_model("t2v"))
    assert get(shelf, tiny_model("t2v")) is first


def test_that_several_models_stay_while_there_is_room(shelf: ModelShelf, tiny_model: TinyModel) -> None:
    first = get(shelf, tiny_model("t2v"))
    get(shelf, tiny_model("ti2v"))
    assert shelf.folders == (tiny_model("t2v"), tiny_model("ti2v"))
    assert get(shelf, tiny_model("t2v")) is first
    assert shelf.folders[-1] == tiny_model("t2v")


def test_that_the_one_not_used_for_longest_goes(
    shelf: ModelShelf, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(shelf, tiny_model("t2v"))
    get(shelf, tiny_model("ti2v"))
    get(shelf, tiny_model("t2v"))
    full = psutil.virtual_memory()._replace(available=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: full)
    get(shelf, tiny_model("i2v_clip"))
    assert shelf.folders == (tiny_model("i2v_clip"),)


def test_that_another_plan_replaces_the_model(shelf: ModelShelf, tiny_model: TinyModel) -> None:
    first = get(shelf, tiny_model("t2v"))
    second = get(shelf, tiny_model("t2v"), LoadPlan("other", Device.CPU))
    assert second is not first
    assert len(shelf.folders) == 1


def test_that_nothing_of_a_model_that_went_is_alive(shelf: ModelShelf, tiny_model: TinyModel) -> None:
    alive = [weakref.ref(tensor) for tensor in get(shelf, tiny_model("t2v")).transformer.parameters()]
    shelf.remove(tiny_model("t2v"))
    gc.collect()
    assert not [tensor for tensor in alive if tensor() is not None]
    assert shelf.previewer is None


# The engine's commands ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    made = EngineClient(environment={"OMP_NUM_THREADS": "1"})
    yield made
    made.stop()


def load(client: EngineClient, job: str, folder: Path, plan: LoadPlan = PLAN, **asked: Any) -> Any:
    told: list[Progress] = []

    def on_event(event: Progress | Preview) -> None:
        assert isinstance(event, Progress)
        told.append(event)

    report = client.load(
        Load(job=job, model_folder=folder, plan=plan),
        on_event=asked.get("on_event", on_event),
        cancel_asked=asked.get("cancel_asked", threading.Event()),
    )
    return report, told


def test_that_the_engine_loads_and_forgets(client: EngineClient, tiny_model: TinyModel) -> None:
    report, told = load(client, "1", tiny_model("t2v"))
    assert report.loaded_folders == (tiny_model("t2v"),)
    assert {event.stage for event in told} == {Stage.LOAD_MODEL}
    assert told[-1].done == told[-1].total
    assert report.process_bytes > 0
    after = client.unload(Unload("2"))
    assert after is not None
    assert after.loaded_folders == ()


def test_that_a_load_can_be_cancelled(client: EngineClient, tiny_model: TinyModel) -> None:
    cancel = threading.Event()
    stop: Callable[[Progress | Preview], None] = lambda _: cancel.set()  # noqa: E731 - has a type
    with pytest.raises(JobCancelled):
        load(client, "3", tiny_model("i2v_clip"), on_event=stop, cancel_asked=cancel)
    report = client.unload(Unload("4", Path("nowhere")))
    assert report is not None
    assert tiny_model("i2v_clip") not in report.loaded_folders


def test_that_a_plan_that_this_pc_cannot_carry_out_is_told(client: EngineClient, tiny_model: TinyModel) -> None:
    with pytest.raises(IncompatibleError):
        load(client, "5", tiny_model("t2v"), LoadPlan(device=Device.CUDA))


def test_that_a_folder_that_is_no_model_is_told(client: EngineClient, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanPipeline"}')
    with pytest.raises(NotAWanModelError):
        load(client, "6", tmp_path)
