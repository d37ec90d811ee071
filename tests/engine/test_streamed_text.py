"""The text encoder layer by layer from disk: the same embeddings, with one layer in memory at most."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.conftest import TinyModel
from tests.engine.test_sampler import request
from wan_desktop.core.errors import IntegrityError, JobCancelled
from wan_desktop.core.load_plan import Device, LoadPlan, TextEncoderPolicy
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.sampler import PromptEmbeddings, embed_prompts
from wan_desktop.engine.streamed_text import stream_text_encoder

KEPT = LoadPlan(device=Device.CPU)
STREAMED = replace(KEPT, text_encoder=TextEncoderPolicy.CPU)
FAMILIES = ("t2v", "t2v_two_experts", "i2v_clip", "ti2v")
WEIGHTS = "text_encoder/model.safetensors"


def load(folder: Path, plan: LoadPlan) -> LoadedModel:
    return load_model(inspect_model_folder(folder), plan, progress=lambda *_: None, check_cancelled=lambda: None)


def embed(folder: Path, plan: LoadPlan) -> PromptEmbeddings:
    return embed_prompts(load(folder, plan), request(prompt="a fox in the snow"), lambda: None)


@pytest.fixture
def own_model(tiny_model: TinyModel, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model("t2v"), folder)
    return folder


def edit(folder: Path, **changes: Tensor | None) -> None:
    """Replace or remove tensors of the text encoder."""
    tensors = load_file(folder / WEIGHTS)
    for name, tensor in changes.items():
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


@pytest.mark.parametrize("family", FAMILIES)
def test_that_the_embeddings_are_the_same_up_to_rounding(tiny_model: TinyModel, family: str) -> None:
    kept, streamed = embed(tiny_model(family), KEPT), embed(tiny_model(family), STREAMED)
    assert kept.positive.shape == streamed.positive.shape
    assert torch.allclose(kept.positive, streamed.positive, atol=1e-5, rtol=1e-4)
    assert kept.negative is not None
    assert streamed.negative is not None
    assert torch.allclose(kept.negative, streamed.negative, atol=1e-5, rtol=1e-4)


def test_that_one_layer_at_most_is_in_memory(tiny_model: TinyModel) -> None:
    encoder = stream_text_encoder(inspect_model_folder(tiny_model("t2v")), lambda _: None)
    alive: list[list[bool]] = []

    def look(*_: object) -> None:
        alive.append([all(parameter.numel() for parameter in layer.parameters()) for layer in encoder.encoder.block])

    for layer in encoder.encoder.block:
        layer.layer[0].register_forward_pre_hook(look)
    encoder(torch.tensor([[3, 4, 5]]), torch.ones(1, 3))
    count = len(encoder.encoder.block)
    assert alive == [[index == at for index in range(count)] for at in range(count)]
    assert not [name for name, parameter in encoder.encoder.block.named_parameters() if parameter.numel()]


def test_that_a_cancel_in_the_middle_leaves_no_layer_in_memory(tiny_model: TinyModel) -> None:
    def cancel(_: int) -> None:
        raise JobCancelled

    encoder = stream_text_encoder(inspect_model_folder(tiny_model("t2v")), lambda _: None)
    layer = encoder.encoder.block[1]
    layer.layer[1].register_forward_pre_hook(lambda *_: cancel(0))
    with pytest.raises(JobCancelled):
        encoder(torch.tensor([[3, 4]]), torch.ones(1, 2))
    assert not [name for name, parameter in encoder.encoder.block.named_parameters() if parameter.numel()]


def test_that_a_missing_tensor_is_told_before_anything_is_read(own_model: Path) -> None:
    name = next(name for name in load_file(own_model / WEIGHTS) if ".block.1." in name)
    edit(own_model, **{name: None})
    with pytest.raises(IntegrityError, match="missing"):
        stream_text_encoder(inspect_model_folder(own_model), lambda _: None)


@pytest.mark.parametrize("part", [".block.1.", "shared.weight", "final_layer_norm"])
def test_that_values_that_are_no_numbers_are_told(own_model: Path, part: str) -> None:
    tensors = load_file(own_model / WEIGHTS)
    names = [name for name in tensors if part in name or (part == "shared.weight" and "embed_tokens" in name)]
    edit(own_model, **{name: torch.full_like(tensors[name], torch.nan) for name in names})
    with pytest.raises(IntegrityError, match="not numbers"):
        embed(own_model, STREAMED)


def test_that_another_shape_is_told(own_model: Path) -> None:
    tensors = load_file(own_model / WEIGHTS)
    name = next(name for name in tensors if ".block.0." in name and tensors[name].dim() == 2)
    edit(own_model, **{name: tensors[name][:-1].contiguous()})
    with pytest.raises(IntegrityError, match="shape"):
        embed(own_model, STREAMED)
