"""A pause between two steps: the same video to the bit, no time that counts, and cancel and the end work meanwhile."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import TinyModel
from tests.engine.test_placement import EXACT, FP8, PLAIN, load, sample
from tests.engine.test_sampler import nothing
from tests.fakes.requests import make_request
from tests.proofs import mostly_proofs
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import JobCancelled
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.load_plan import LoadPlan, Placement
from wan_desktop.core.messages import (
    Cancel,
    Cancelled,
    Event,
    Finished,
    Generate,
    OutputTarget,
    Pause,
    Paused,
    Progress,
    Quit,
    Ready,
    Resume,
    Resumed,
    Stage,
    decode_event,
    encode,
)
from wan_desktop.core.recipe import read_recipe
from wan_desktop.engine.memory_watch import FreeMemory, MemoryWatch
from wan_desktop.engine.pausing import PauseControl, Pauses
from wan_desktop.engine.render import Studio

ROOT = Path(__file__).resolve().parents[2]
REQUEST = make_request(num_inference_steps=6)
HOUR_S = 3600.0


def pixels(result: GenerationResult) -> np.ndarray:
    """All pictures as they were before they became a video, whose coding with several threads differs by itself."""
    assert result.frames_folder is not None
    return np.stack([np.asarray(Image.open(file)) for file in sorted(result.frames_folder.glob("*.png"))])


def command(model: Path, folder: Path, job: str = "job") -> Generate:
    """Make that video in the folder."""
    output = OutputTarget(
        path=folder / f"{job}.mp4", rescue_folder=folder, work_folder=folder / "work", png_frames=True
    )
    return Generate(job=job, request=REQUEST, model_folder=model, plan=LoadPlan(), output=output)


# Between the steps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["t2v", "t2v_two_experts"])
@pytest.mark.parametrize("name", ["resident", "fp8", *EXACT])
def test_that_leaving_the_card_between_all_steps_changes_no_bit(
    tiny_model: TinyModel, tmp_path: Path, family: str, name: str
) -> None:
    if family == "t2v" and name.startswith("one"):
        pytest.skip("it has one expert only")
    plan = {"resident": PLAIN, "fp8": replace(FP8, placement=Placement.COMPONENT), **EXACT}[name]
    model = load(tiny_model(family), plan, tmp_path)
    expected = sample(model)
    places: list[tuple[int, int]] = []

    def rest(done: int, total: int, leave_card: Callable[[], int]) -> None:
        places.append((done, total))
        assert leave_card() == 0, "on the CPU there is nothing to free"

    assert torch.equal(sample(model, between_steps=rest), expected)
    assert places == [(done, 4) for done in range(5)]
    model.close()


class Clock:
    """The system's clock, and time that passes when told."""

    def __init__(self) -> None:
        self.real = time.monotonic
        self.more_s = 0.0

    def __call__(self) -> float:
        return self.real() + self.more_s


def test_that_the_time_of_a_pause_counts_nowhere(
    tiny_model: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    events: list[Event] = []

    def wait_an_hour() -> None:
        clock.more_s += HOUR_S

    control = PauseControl(lambda: len([e for e in events if isinstance(e, Paused)]) < 2, wait_an_hour)
    result = Studio().make_video(command(tiny_model("t2v"), tmp_path), events.append, nothing, control)
    assert [event.step for event in events if isinstance(event, Paused | Resumed)] == [0, 0, 1, 1]
    assert clock.more_s == 2 * HOUR_S
    assert result.seconds < HOUR_S
    recipe = read_recipe(result.path)
    assert max(result.timings_s.values()) < HOUR_S
    assert max(recipe.timings_s.values()) < HOUR_S
    assert min(result.timings_s.values()) >= 0


def test_that_a_pause_is_no_slow_step() -> None:
    full = FreeMemory(8 << 30, 16 << 30, vram_bytes=10_000_000, vram_total_bytes=12 << 30)
    times = iter([0.0, 1.0, 2.0, 3.0 + HOUR_S, 4.0 + HOUR_S])
    watch = MemoryWatch(torch.device("cpu"), can_step_down=True, look=lambda _: full, clock=lambda: next(times))
    watch.step()
    watch.step()
    watch.rested(HOUR_S)
    watch.step()
    watch.step()


def test_that_a_cancel_during_the_pause_is_no_resume() -> None:
    events: list[Event] = []

    def wait() -> None:
        raise JobCancelled

    pauses = Pauses("job", PauseControl(lambda: True, wait), events.append)
    with pytest.raises(JobCancelled):
        pauses.between_steps(3, 6, lambda: 28_000_000_000)
    assert events == [Paused(job="job", step=3, total=6, freed_bytes=28_000_000_000)]
    assert pauses.freed_memory


def test_that_nothing_is_freed_where_nobody_asks_for_a_pause() -> None:
    def never() -> int:
        raise AssertionError

    assert Pauses("job", PauseControl(), lambda _: None).between_steps(1, 6, never) == 0


# The engine's process ------------------------------------------------------------------------------------------------


class Pipes:
    """A real engine that is spoken to line by line."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wan_desktop.engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        self.until(Ready)

    def send(self, *commands: object) -> None:
        """Say these."""
        assert self.process.stdin is not None
        for each in commands:
            self.process.stdin.write(encode(each))  # type: ignore[arg-type]
        self.process.stdin.flush()

    def until(self, kind: type) -> list[Event]:
        """All events up to the first one of that kind."""
        assert self.process.stdout is not None
        events: list[Event] = []
        while not events or not isinstance(events[-1], kind):
            line = self.process.stdout.readline()
            assert line, "the engine ended"
            events.append(decode_event(line))
        return events

    def close(self) -> None:
        """End it."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait(20)


@pytest.fixture
def engine() -> Iterator[Pipes]:
    pipes = Pipes()
    yield pipes
    pipes.close()


def test_that_a_paused_render_waits_until_it_may_go_on(engine: Pipes, tiny_model: TinyModel, tmp_path: Path) -> None:
    model = tiny_model("t2v")
    engine.send(command(model, tmp_path, "a"), Pause("a"))
    paused = engine.until(Paused)[-1]
    assert paused == Paused(job="a", step=0, total=6)
    engine.send(Pause("b"), Resume("b"), Resume("a"))
    after = engine.until(Resumed)
    assert [type(event) for event in after] == [Resumed], "nothing happened meanwhile"
    steps = [e.done for e in engine.until(Progress) if isinstance(e, Progress) and e.stage is Stage.CREATE_FRAMES]
    assert steps[:1] == [1]


def test_that_a_paused_render_can_be_stopped_and_the_next_one_runs(
    engine: Pipes, tiny_model: TinyModel, tmp_path: Path
) -> None:
    engine.send(command(tiny_model("t2v"), tmp_path, "a"), Pause("a"))
    engine.until(Paused)
    engine.send(Cancel("a"))
    assert [type(event) for event in engine.until(Cancelled)] == [Cancelled], "a cancel needs no resume"
    # A pause that was asked for before the job, as by an attempt of the same name that failed, is forgotten.
    engine.send(Pause("b"), command(tiny_model("t2v"), tmp_path, "b"))
    assert not any(isinstance(event, Paused) for event in engine.until(Finished))


@pytest.mark.parametrize("how", mostly_proofs(["quit", "pipe"], "pipe"))
def test_that_a_paused_engine_ends_when_the_window_goes(
    engine: Pipes, tiny_model: TinyModel, tmp_path: Path, how: str
) -> None:
    engine.send(command(tiny_model("t2v"), tmp_path, "a"), Pause("a"))
    engine.until(Paused)
    if how == "quit":
        engine.send(Quit())
    else:
        assert engine.process.stdin is not None
        engine.process.stdin.close()
    assert engine.process.wait(20) == 0


def test_that_the_video_is_the_same_to_the_bit_with_pauses(tiny_model: TinyModel, tmp_path: Path) -> None:
    client = EngineClient(environment={"OMP_NUM_THREADS": "1"})
    pause, paused_at = threading.Event(), []

    def on_event(event: object) -> None:
        if isinstance(event, Progress) and event.stage is Stage.CREATE_FRAMES:
            pause.set()
        if isinstance(event, Paused):
            paused_at.append(event.step)
            pause.clear()

    model, cancel = tiny_model("ti2v"), threading.Event()
    try:
        plain = client.generate(command(model, tmp_path, "plain"), on_event=lambda _: None, cancel_asked=cancel)
        with_pauses = client.generate(
            command(model, tmp_path, "paused"), on_event=on_event, cancel_asked=cancel, pause_asked=pause
        )
    finally:
        client.stop()
    assert len(paused_at) >= 1
    assert np.array_equal(pixels(plain), pixels(with_pauses))
