"""The same on a graphics card; not run where this was written, which has none."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from tests.conftest import TinyModel
from tests.engine.test_placement import EXACT, PLAIN, frames, load, sample
from tests.fakes.tiny_models import FAMILIES
from wan_desktop.core.load_plan import Device, LoadPlan, Placement
from wan_desktop.engine.memory import video_memory

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics card")]


def on_card(plan: LoadPlan) -> LoadPlan:
    """The plan for the card."""
    return replace(plan, device=Device.CUDA)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", [name for name in EXACT if name != "text-on-cpu"])
def test_that_a_lossless_plan_gives_the_same_on_a_card(tiny_model: TinyModel, family: str, name: str) -> None:
    plain, model = load(tiny_model(family), on_card(PLAIN)), load(tiny_model(family), on_card(EXACT[name]))
    expected = sample(plain)
    assert torch.equal(sample(model), expected)
    assert torch.equal(sample(model), expected)  # now with prefetch
    assert torch.equal(frames(model, expected), frames(plain, expected))
    model.close()
    plain.close()


@pytest.mark.parametrize("placement", [Placement.BLOCKS, Placement.LEAVES, Placement.DISK, Placement.COMPONENT])
def test_that_between_renders_no_weights_lie_on_the_card(tiny_model: TinyModel, placement: Placement) -> None:
    model = load(tiny_model("t2v_two_experts"), on_card(replace(PLAIN, placement=placement)))
    sample(model)
    modules = (model.transformer, model.transformer_2, model.text_encoder, model.vae)
    assert {p.device.type for part in modules for p in part.parameters()} == {"cpu"}
    model.close()


def test_that_a_closed_model_leaves_the_card_as_it_was(tiny_model: TinyModel) -> None:
    before = torch.cuda.memory_allocated()
    model = load(tiny_model("t2v"), on_card(PLAIN))
    assert torch.cuda.memory_allocated() > before
    model.close()
    assert torch.cuda.memory_allocated() == before
    found = video_memory(torch.device("cuda", 0))
    assert found is not None
    assert 0 < found.free_bytes <= found.total_bytes


@pytest.mark.parametrize("placement", list(Placement))
def test_that_a_pause_frees_the_card_and_changes_no_bit(tiny_model: TinyModel, placement: Placement) -> None:
    model = load(tiny_model("t2v_two_experts"), on_card(replace(PLAIN, placement=placement)))
    expected = sample(model)
    modules = (model.transformer, model.transformer_2, model.text_encoder, model.vae)

    def rest(_done: int, _total: int, leave_card: Callable[[], int]) -> None:
        leave_card()
        assert {p.device.type for part in modules for p in part.parameters()} == {"cpu"}

    assert torch.equal(sample(model, between_steps=rest), expected)
    assert torch.equal(frames(model, expected), frames(model, expected))
    model.close()
