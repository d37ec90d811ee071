"""GGUF weights under every placement: they stay quantised, and the latents are the same to the bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from diffusers.quantizers.gguf.utils import GGUFParameter

from tests.engine.test_placement import PLAIN, WANTED, nothing, sample
from tests.fakes.gguf_files import write_gguf
from tests.fakes.tiny_models import make_tiny_model
from tools.quantize_model import read_transformer
from wan_desktop.core.load_plan import LoadPlan, Placement, TextEncoderPolicy
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.engine.loader import LoadedModel, load_model

PLANS = {
    **{placement.value: replace(PLAIN, placement=placement) for placement in Placement},
    "one-expert": replace(PLAIN, one_expert=True, text_encoder=TextEncoderPolicy.DROP),
    "one-expert-disk": replace(PLAIN, one_expert=True, placement=Placement.DISK),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two experts whose rows are whole blocks, each also as a Q8_0 file beside its folder."""
    model = make_tiny_model("t2v_two_experts", tmp_path_factory.mktemp("gguf") / "model")
    for name in ("transformer", "transformer_2"):
        config = WanTransformer3DModel.load_config(model / name, local_files_only=True)
        WanTransformer3DModel.from_config({**config, "attention_head_dim": 32}).save_pretrained(model / name)
        tensors = read_transformer(model / name)
        write_gguf(
            model.parent / f"{name}.gguf",
            {
                key: (tensor.numpy(), "Q8_0" if "blocks." in key and tensor.ndim == 2 else "F32")
                for key, tensor in tensors.items()
            },
        )
    return model


def load(folder: Path, plan: LoadPlan) -> LoadedModel:
    """Both experts from their GGUF files."""
    files = tuple(str(folder.parent / f"{name}.gguf") for name in ("transformer", "transformer_2"))
    return load_model(
        inspect_model_folder(folder, [Path(file) for file in files]),
        replace(plan, transformer_files=files),
        progress=lambda *_: None,
        check_cancelled=nothing,
    )


@pytest.mark.parametrize("name", PLANS)
def test_that_gguf_weights_give_the_same_latents_wherever_they_lie(folder: Path, name: str) -> None:
    model, plain = load(folder, PLANS[name]), load(folder, PLAIN)
    assert isinstance(plain.transformer.blocks[0].attn1.to_q.weight, GGUFParameter)
    assert torch.equal(sample(model), sample(plain))
    assert torch.equal(sample(model), sample(plain))
    if name == Placement.DISK:
        weight = model.transformer.blocks[0].attn1.to_q.weight
        assert isinstance(weight, GGUFParameter)
        assert weight.numel() == 0
    model.close()
    plain.close()


def test_that_each_expert_has_its_own_file(folder: Path) -> None:
    model = load(folder, replace(PLAIN, one_expert=True))
    steps: list[bool] = []
    sample(model, step=lambda *_: steps.append(model.transformer is not None))
    assert set(steps) == {True, False}
    assert len(steps) == WANTED.num_inference_steps
