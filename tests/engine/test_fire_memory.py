"""What is left in the engine's process of an attempt that failed: no tensor, and no memory."""

import logging
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from tests.conftest import TinyModel
from tests.engine.fire import NAMES, PLANS, REQUEST, engine, outcomes, plan, render, rungs
from tests.fakes.engine_probe import Look, read_looks
from tests.fakes.failing_engine import Shortage
from tests.fakes.mid_model import make_mid_model
from tests.proofs import mostly_proofs
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.fallback import LadderError, Outcome
from wan_desktop.core.load_plan import Placement, TextEncoderPolicy
from wan_desktop.core.messages import Unload

logger = logging.getLogger(__name__)
STAGES = ("load_model", "read_prompt", "create_frames", "build_pictures", "read_expert_2", "place_expert_2")
TWO_EXPERTS = replace(REQUEST, num_inference_steps=4, guidance_scale=1.0)
ONE_EXPERT = replace(plan("one expert", Placement.RESIDENT, TextEncoderPolicy.DROP), one_expert=True)
_SAME = 0.05
"""Of the process's memory may be more or less than before."""
_LOOK_S = 0.01
_WEIGHTS_BYTES = 400_000_000


# Tensors --------------------------------------------------------------------------------------------------------------


def check_none_left(looks: list[Look], attempts: int, *, unfinished: bool = False) -> None:
    """Of no attempt that failed a tensor is alive when it has ended, nor later.

    Args:
        looks: What the probe saw.
        attempts: How many failed, the first ones.
        unfinished: Latents may wait for the next attempt, which goes on from them.
    """
    for number in range(attempts):
        fault = next(look for look in looks if look.when == "fault" and look.attempt == number)
        assert fault.weights[number], "nothing was there that could be left"
        ended = next(index for index, look in enumerate(looks) if look.when == "end" and look.attempt == number)
        for look in looks[ended:]:
            assert look.weights[number] == 0, look
            assert unfinished or look.others[number] == 0, look
        if not unfinished:
            # Libraries have a few of their own, from the start.
            assert looks[ended].tensor_bytes == looks[0].tensor_bytes, "a tensor that the probe did not see"


@pytest.mark.parametrize("stage", mostly_proofs([s for s in STAGES if s != "place_expert_2"], "create_frames"))
def test_that_no_tensor_is_left_of_attempts_that_failed(tiny_model: TinyModel, tmp_path: Path, stage: str) -> None:
    report = tmp_path / "report"
    with engine(Shortage(stage), report=report) as client, pytest.raises(LadderError):
        render(client, tiny_model("t2v_two_experts"), tmp_path, TWO_EXPERTS)
    check_none_left(read_looks(report), len(NAMES))


@pytest.mark.parametrize(("stage", "call"), [("create_frames", 3), ("place_expert_2", 1)])
def test_that_of_steps_that_were_made_only_the_latents_wait_for_the_next_attempt(
    tiny_model: TinyModel, tmp_path: Path, stage: str, call: int
) -> None:
    report = tmp_path / "report"
    with engine(Shortage(stage, call, plans=("resident",)), report=report) as client:
        made = render(client, tiny_model("t2v_two_experts"), tmp_path, TWO_EXPERTS)
    assert made.steps == [1, 2, 3, 4]
    looks = read_looks(report)
    check_none_left(looks, 1, unfinished=True)
    ended = next(look for look in looks if look.when == "end" and look.attempt == 0)
    latents_bytes = 16 * 3 * 8 * 8 * 4
    left_bytes = ended.tensor_bytes - looks[0].tensor_bytes
    assert 0 < left_bytes <= 8 * latents_bytes, "more than the latents, and what the scheduler remembers"
    assert looks[-1].others[0] == 0, "the clip is made, and latents of the attempt that failed are still there"


def test_that_no_tensor_is_left_when_an_expert_read_at_its_turn_does_not_fit(
    tiny_model: TinyModel, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    ladder = rungs(tiny_model("t2v_two_experts"), (ONE_EXPERT, PLANS[3]))
    with engine(Shortage("read_expert_2", plans=("one expert",)), report=report) as client:
        made = render(client, ladder, tmp_path, TWO_EXPERTS)
    assert made.steps == [1, 2, 3, 4]
    check_none_left(read_looks(report), 1, unfinished=True)


# Memory of the process ------------------------------------------------------------------------------------------------


@dataclass
class Rss:
    """Of the engine's process, looked at from outside."""

    before_bytes: int
    peak_bytes: int = 0
    after_bytes: int = 0

    @property
    def change(self) -> float:
        """As a part of what it was."""
        return self.after_bytes / self.before_bytes - 1


@contextmanager
def rss_of(client: EngineClient) -> Iterator[Rss]:
    """Before, while, and after the block runs."""
    process = psutil.Process(client.process_id)
    rss, over = Rss(process.memory_info().rss), threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_S):
            rss.peak_bytes = max(rss.peak_bytes, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield rss
    finally:
        rss.after_bytes = process.memory_info().rss
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def mid_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Half a gigabyte."""
    folder = make_mid_model(tmp_path_factory.mktemp("mid") / "model")
    assert sum(file.stat().st_size for file in folder.rglob("*.safetensors")) > _WEIGHTS_BYTES
    yield folder
    shutil.rmtree(folder)


def warm_up(client: EngineClient, folder: Path, work: Path) -> None:
    """One clip of a tiny model, forgotten again: what libraries import and set up at the first use stays for good."""
    render(client, rungs(folder, (plan("warm", Placement.COMPONENT),)), work / "warm", TWO_EXPERTS)
    client.unload(Unload("unload", None))


def failed(client: EngineClient, mid: Path, work: Path, one: str) -> Rss:
    """One rung that fails."""
    (rung,) = (each for each in rungs(mid) if each.plan.name == one)
    with rss_of(client) as rss, pytest.raises(LadderError) as caught:
        render(client, [rung], work, TWO_EXPERTS)
    assert outcomes(caught.value.result) == [(one, Outcome.OUT_OF_MEMORY)]
    shutil.rmtree(work / "work", ignore_errors=True)  # kept latents, from which the next would go on
    logger.info("%s: %d bytes before, %d at most, %d after", one, rss.before_bytes, rss.peak_bytes, rss.after_bytes)
    return rss


@pytest.mark.parametrize("stage", ["load_model", "create_frames"])
def test_that_the_memory_of_an_attempt_that_failed_comes_back(
    tiny_model: TinyModel, mid_model: Path, tmp_path: Path, stage: str
) -> None:
    with engine(Shortage(stage, plans=("resident",))) as client:
        warm_up(client, tiny_model("t2v_two_experts"), tmp_path)
        rss = failed(client, mid_model, tmp_path, "resident")
    assert rss.peak_bytes - rss.before_bytes > _WEIGHTS_BYTES, "it was never there"
    assert abs(rss.change) <= _SAME


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("stage", STAGES)
def test_that_the_memory_of_every_attempt_that_failed_comes_back(
    tiny_model: TinyModel, mid_model: Path, tmp_path: Path, stage: str
) -> None:
    """At each stage, on each rung, one after the other."""
    with engine(Shortage(stage, plans=tuple(NAMES))) as client:
        warm_up(client, tiny_model("t2v_two_experts"), tmp_path)
        walk = [failed(client, mid_model, tmp_path, name) for name in NAMES]
    assert all(abs(rss.change) <= _SAME for rss in walk)
    assert abs(walk[-1].after_bytes / walk[0].before_bytes - 1) <= _SAME, "a little more with each"


@pytest.mark.skipif(sys.platform != "linux", reason="the system limits a process only there")
def test_that_memory_that_the_system_itself_refuses_leads_down_and_comes_back(
    tiny_model: TinyModel, mid_model: Path, tmp_path: Path
) -> None:
    """No error is made here: the process may not grow, and torch's own allocation fails amidst the weights."""
    with engine(Shortage("load_model", plans=("resident",), kind="limit", room_bytes=350_000_000)) as client:
        warm_up(client, tiny_model("t2v_two_experts"), tmp_path)
        rss = failed(client, mid_model, tmp_path, "resident")
        made = render(client, rungs(mid_model, PLANS[::3]), tmp_path, TWO_EXPERTS)
    assert rss.peak_bytes - rss.before_bytes > _WEIGHTS_BYTES // 4, "it was never there"
    assert abs(rss.change) <= _SAME
    assert outcomes(made.loading) == [("resident", Outcome.OUT_OF_MEMORY), ("disk", Outcome.DONE)]
    assert made.result.path.exists()
