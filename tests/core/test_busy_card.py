"""A card that other programs hold: told with numbers, waited for, and not confused with one that is too small."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import TinyModel
from tests.fakes.hardware import load as load_profile
from tests.fakes.large_model import make_large_model
from tests.fakes.requests import make_request
from tests.ui.conftest import ROOT, fake_engine
from wan_desktop.core.busy_card import is_free
from wan_desktop.core.card_programs import CardProgram
from wan_desktop.core.catalog import Model
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import CardBusyError, JobCancelled, OutOfMemoryError
from wan_desktop.core.fallback import LadderError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.load_plan import Device
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.rendering import Renderer
from wan_desktop.core.settings import Settings

REQUEST = make_request(width=832, height=480, num_frames=49, num_inference_steps=4)
DRAFT = GenerationDraft(prompt="a red ball", width=832, height=480, num_frames=49, num_inference_steps=4)
FREE = load_profile("rtx-4090-24gb-64gb")
GPU = FREE.gpus[0]


def held(total_bytes: int = GPU.total_bytes, free_bytes: int = 300_000_000) -> HardwareProfile:
    """The PC with its card's memory in others' hands."""
    programs = (CardProgram("game", total_bytes - free_bytes - 10**9, (1,)), CardProgram("dwm", 10**9, (2,)))
    used_bytes = total_bytes - free_bytes
    gpu = replace(
        GPU, total_bytes=total_bytes, free_bytes=free_bytes, used_by_others_bytes=used_bytes, programs=programs
    )
    return replace(FREE, gpus=(gpu,))


BUSY = held()


@pytest.fixture
def paths(tmp_path: Path, resources: Path) -> AppPaths:
    return AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)


@pytest.fixture(scope="module")
def large(tiny_model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_large_model(tiny_model("ti2v"), tmp_path_factory.mktemp("large") / "model")


def plan(paths: AppPaths, model: Model, pc: HardwareProfile) -> set[Device]:
    return {rung.plan.device for rung in RenderPlanner(paths, Settings(), pc).rungs(model, REQUEST)}


def test_that_a_card_in_others_hands_is_told_with_numbers_and_names(paths: AppPaths, large: Model) -> None:
    with pytest.raises(CardBusyError, match=r"use 25\.5 of 25\.8 GB of video memory; this video needs") as caught:
        plan(paths, large, BUSY)
    assert caught.value.number == 1005
    assert caught.value.needed_bytes > BUSY.gpus[0].free_bytes
    assert "game 24.5 GB" in caught.value.hint
    assert "dwm" not in caught.value.hint


def test_that_a_free_card_is_used(paths: AppPaths, large: Model) -> None:
    assert Device.CUDA in plan(paths, large, FREE)


def test_that_what_fits_beside_others_is_made_and_not_waited_for(paths: AppPaths, large: Model) -> None:
    assert Device.CUDA in plan(paths, large, held(free_bytes=8_000_000_000))


def test_that_a_card_that_is_too_small_anyway_is_not_called_busy(paths: AppPaths, large: Model) -> None:
    assert plan(paths, large, held(total_bytes=1_500_000_000, free_bytes=100_000_000))


def test_that_a_small_model_goes_to_the_processor_instead(
    paths: AppPaths, large: Model, tiny_model: TinyModel, tmp_path: Path
) -> None:
    from wan_desktop.core.catalog.added import describe_folder  # noqa: PLC0415 - only here
    from wan_desktop.core.model_folder import inspect_model_folder  # noqa: PLC0415 - only here

    folder = inspect_model_folder(tiny_model("ti2v"))
    assert plan(paths, Model(describe_folder(folder, "tiny"), folder), held(free_bytes=0)) == {Device.CPU}


def test_that_it_is_free_when_what_was_said_to_be_needed_is_there(paths: AppPaths, large: Model) -> None:
    with pytest.raises(CardBusyError) as caught:
        plan(paths, large, BUSY)
    needed_bytes = caught.value.needed_bytes
    assert not is_free(BUSY, "", needed_bytes)
    assert is_free(FREE, GPU.uuid, needed_bytes)
    assert not is_free(load_profile("no-card-laptop-8gb"), "", needed_bytes)
    just = held(free_bytes=needed_bytes)
    assert is_free(just, "", needed_bytes)
    assert Device.CUDA in plan(paths, large, just)
    assert not is_free(held(free_bytes=needed_bytes - 1), "", needed_bytes)


def test_that_what_our_own_engine_holds_is_no_other_program(paths: AppPaths, large: Model) -> None:
    own = replace(BUSY.gpus[0], used_by_others_bytes=500_000_000)
    assert is_free(replace(BUSY, gpus=(own,)), "", 10_000_000_000)


# Waiting -------------------------------------------------------------------------------------------------------------


class Looks:
    """What the PC looks like, one look after the other; the last one stays."""

    def __init__(self, *profiles: HardwareProfile) -> None:
        self._profiles = list(profiles)
        self.count = 0

    def __call__(self) -> HardwareProfile:
        self.count += 1
        return self._profiles.pop(0) if len(self._profiles) > 1 else self._profiles[0]


@contextmanager
def rendering(paths: AppPaths, looks: Looks, scenario: str = "ok") -> Iterator[Renderer]:
    """A renderer with a played engine that sees the card."""
    command = [*fake_engine(scenario), GPU.uuid.removeprefix("GPU-")]
    client = EngineClient(command, environment={"PYTHONPATH": str(ROOT)})
    client.start()
    made = Renderer(client, paths, RenderPlanner(paths, Settings(), look=looks), free_bytes=lambda _: None)
    made.busy_look_s = 0.01
    try:
        yield made
    finally:
        client.stop()


def render(made: Renderer, model: Model, out: Path, report: Callable[[str, object], None] = lambda *_: None) -> Path:
    context = JobContext("job", report)
    return made.render(made.settle(DRAFT, model), model, out, context).path


def test_that_it_waits_a_little_and_begins_when_the_card_gets_free(
    paths: AppPaths, large: Model, tmp_path: Path
) -> None:
    looks, said = Looks(BUSY, BUSY, BUSY, FREE), []

    def report(_: str, progress: object) -> None:
        if isinstance(progress, RenderProgress) and progress.notice:
            said.append(progress.notice)

    with rendering(paths, looks) as made:
        assert render(made, large, tmp_path / "out.mp4", report).is_file()
    assert looks.count == 4
    assert all("Other programs use" in words for words in said)
    assert len(said) == 3


def test_that_it_is_said_when_the_card_stays_busy(paths: AppPaths, large: Model, tmp_path: Path) -> None:
    looks = Looks(BUSY)
    with rendering(paths, looks) as made:
        made.busy_wait_s = 0.05
        with pytest.raises(CardBusyError):
            render(made, large, tmp_path / "out.mp4")
    assert looks.count >= 2  # once more at least when our own memory was freed
    assert not (tmp_path / "out.mp4").exists()


def test_that_waiting_can_be_stopped(paths: AppPaths, large: Model, tmp_path: Path) -> None:
    context = JobContext("job", lambda *_: None)
    with rendering(paths, Looks(BUSY)) as made:
        made.busy_look_s = 30.0
        threading.Timer(0.2, context.cancel_asked.set).start()
        with pytest.raises(JobCancelled):
            made.render(made.settle(DRAFT, large), large, tmp_path / "out.mp4", context)


def test_that_memory_that_others_took_meanwhile_is_called_so(paths: AppPaths, large: Model, tmp_path: Path) -> None:
    with rendering(paths, Looks(FREE, BUSY), "oom") as made:
        with pytest.raises(CardBusyError) as caught:
            render(made, large, tmp_path / "out.mp4")
        assert isinstance(caught.value.__cause__, LadderError)
    with rendering(paths, Looks(FREE), "oom") as made, pytest.raises(OutOfMemoryError):
        render(made, large, tmp_path / "out.mp4")
