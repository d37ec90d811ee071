"""What diffusers and transformers load in silence and what then makes wrong videos; and memory that must go."""

import gc
import json
import os
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import T5TokenizerFast

from tests.conftest import TinyModel
from tests.engine.test_placement import EXACT, FP8, PLAIN, WANTED, frames, load, nothing, sample
from wan_desktop.core.errors import IncompatibleError, IntegrityError, JobCancelled, ModelFilesMissingError
from wan_desktop.core.load_plan import LoadPlan, Placement
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.engine.disk_weights import DiskWeights
from wan_desktop.engine.loader import load_model
from wan_desktop.engine.memory import forget_frames
from wan_desktop.engine.sampler import embed_prompts

WEIGHTS = "diffusion_pytorch_model.safetensors"
CPU = torch.device("cpu")
Change = Callable[[dict[str, Tensor]], None]


def change_weights(file: Path, change: Change) -> None:
    """Rewrite a weight file."""
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def change_json(file: Path, **changes: object) -> None:
    """Rewrite a config."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def lose_one(tensors: dict[str, Tensor]) -> None:
    """One tensor fewer."""
    del tensors[sorted(tensors)[-1]]


def one_more(tensors: dict[str, Tensor]) -> None:
    """A tensor that the model does not have."""
    tensors["something.weight"] = torch.zeros(2)


def not_a_number(tensors: dict[str, Tensor]) -> None:
    """A value that is not a number."""
    tensors[sorted(tensors)[-1]].view(-1)[0] = torch.nan


def endless(tensors: dict[str, Tensor]) -> None:
    """A value that is infinite."""
    tensors[sorted(tensors)[-1]].view(-1)[0] = -torch.inf


@pytest.mark.parametrize("component", ["transformer", "transformer_2", "vae", "text_encoder", "image_encoder"])
@pytest.mark.parametrize("change", [lose_one, one_more, not_a_number, endless])
def test_that_wrong_tensors_of_every_component_are_found(own_model: TinyModel, component: str, change: Change) -> None:
    folder = own_model("i2v_clip" if component == "image_encoder" else "t2v_two_experts")
    change_weights(next((folder / component).glob("*.safetensors")), change)
    with pytest.raises(IntegrityError):
        load(folder, PLAIN)


def test_that_clips_projection_may_lie_in_the_image_encoders_file(own_model: TinyModel) -> None:
    """By its size, the official file of Wan2.1 I2V holds it."""
    folder = own_model("i2v_clip")
    change_weights(
        folder / "image_encoder" / "model.safetensors",
        lambda tensors: tensors.update({"visual_projection.weight": torch.zeros(8, 16)}),
    )

    model = load(folder, PLAIN)

    assert model.image_encoder is not None


@pytest.mark.parametrize("plan", [PLAIN, *EXACT.values()], ids=["resident", *EXACT])
def test_that_a_second_expert_with_the_first_ones_weights_is_found(own_model: TinyModel, plan: LoadPlan) -> None:
    folder = own_model("t2v_two_experts")
    shutil.copy(folder / "transformer" / WEIGHTS, folder / "transformer_2" / WEIGHTS)
    with pytest.raises(IntegrityError, match="same weights"):
        load(folder, plan)


def test_that_one_file_given_for_both_experts_is_found(tiny_model: TinyModel) -> None:
    folder = tiny_model("t2v_two_experts")
    files = (str(folder / "transformer" / WEIGHTS),) * 2
    inspected = inspect_model_folder(folder, [Path(file) for file in files])
    with pytest.raises(IntegrityError, match="same weights"):
        load_model(
            inspected,
            replace(PLAIN, transformer_files=files),
            progress=lambda *_: None,
            check_cancelled=nothing,
        )


def test_that_both_experts_are_themselves_when_their_blocks_lie_on_disk(tiny_model: TinyModel, tmp_path: Path) -> None:
    """With diffusers' own offload to one folder the second has the first one's weights."""
    model = load(tiny_model("t2v_two_experts"), replace(PLAIN, placement=Placement.DISK), tmp_path)
    whole = load(tiny_model("t2v_two_experts"), PLAIN)
    for name in ("transformer", "transformer_2"):
        disk, expected = model.placer._disks[getattr(model, name)], getattr(whole, name)
        for key, parameter in getattr(model, name).blocks.named_parameters():
            assert parameter.numel() == 0
            assert torch.equal(disk.read(parameter), expected.blocks.get_parameter(key))
    model.close()


def test_that_blocks_left_over_on_disk_are_not_taken(tiny_model: TinyModel, tmp_path: Path) -> None:
    """Diffusers takes files of that name for its own, whatever is in them."""
    other = load(tiny_model("t2v"), PLAIN).transformer
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.enable_group_offload(
        CPU, CPU, offload_type="block_level", num_blocks_per_group=1, offload_to_disk_path=str(tmp_path)
    )
    left_over = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert left_over
    model = load(tiny_model("t2v"), replace(PLAIN, placement=Placement.DISK), tmp_path)
    assert torch.equal(sample(model), sample(load(tiny_model("t2v"), PLAIN)))
    model.close()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == left_over


@pytest.mark.parametrize("change", ["overwritten", "cut-off"])
def test_that_a_changed_file_with_blocks_is_found(tmp_path: Path, change: str) -> None:
    weights, parameter = DiskWeights(tmp_path, CPU), nn.Parameter(torch.ones(100, 7))
    weights.put(parameter)
    assert parameter.numel() == 0
    assert torch.equal(weights.read(parameter), torch.ones(100, 7))
    if change == "cut-off":
        os.ftruncate(weights.fileno(), 100)
    else:
        os.lseek(weights.fileno(), 0, os.SEEK_SET)
        os.write(weights.fileno(), b"stale")
    with pytest.raises(IntegrityError, match="file with the model's blocks"):
        weights.read(parameter)
    weights.close()


def test_that_a_tokenizer_without_its_file_is_found(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    (folder / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(ModelFilesMissingError, match="tokenizer"):
        load(folder, PLAIN)


@pytest.mark.parametrize("extra_ids", [0, 100], ids=["four-ids", "as-transformers-makes-it"])
def test_that_an_empty_tokenizer_is_found(own_model: TinyModel, extra_ids: int) -> None:
    folder = own_model("t2v")
    T5TokenizerFast(extra_ids=extra_ids).save_pretrained(folder / "tokenizer")
    with pytest.raises(IntegrityError, match="pieces of words"):
        load(folder, PLAIN)


def test_that_a_tokenizer_that_knows_only_its_special_tokens_is_found(own_model: TinyModel) -> None:
    """It has as many ids as the text encoder, and every word is the unknown one."""
    folder = own_model("t2v")
    T5TokenizerFast(extra_ids=10).save_pretrained(folder / "tokenizer")
    with pytest.raises(IntegrityError, match="does not know its own words"):
        load(folder, PLAIN)


def test_that_a_boundary_without_a_second_expert_is_found(own_model: TinyModel) -> None:
    folder = own_model("t2v_two_experts")
    change_json(folder / "model_index.json", transformer_2=[None, None])
    with pytest.raises(IntegrityError, match="boundary_ratio and transformer_2"):
        load(folder, PLAIN)


@pytest.mark.parametrize("name", ["latents_mean", "latents_std"])
def test_that_latent_statistics_of_a_wrong_length_are_found(own_model: TinyModel, name: str) -> None:
    folder = own_model("t2v")
    change_json(folder / "vae" / "config.json", **{name: [1.0] * 15})
    with pytest.raises(IntegrityError, match=f"{name} has 15 values"):
        load(folder, PLAIN)


def test_that_a_second_expert_that_is_damaged_is_found_at_its_turn_and_nothing_of_it_stays(
    own_model: TinyModel,
) -> None:
    folder = own_model("t2v_two_experts")
    change_weights(folder / "transformer_2" / WEIGHTS, not_a_number)
    model = load(folder, replace(PLAIN, one_expert=True, placement=Placement.DISK))
    before = numbers_alive()
    with pytest.raises(IntegrityError, match="not numbers") as caught:
        sample(model)
    assert numbers_alive() <= before
    assert model.transformer is model.transformer_2 is None
    assert caught.value.code == "model-damaged"


def test_that_gguf_is_not_stored_in_8_bits(tiny_model: TinyModel, resources: Path, tmp_path: Path) -> None:
    inspected = inspect_model_folder(tiny_model("t2v"))
    gguf = replace(inspected, weight_files={**inspected.weight_files, "transformer": (tmp_path / "model.GGUF",)})
    with pytest.raises(IncompatibleError, match="quantised already"):
        load_model(gguf, FP8, progress=lambda *_: None, check_cancelled=nothing)


def test_that_weights_too_large_for_8_bits_are_not_cut(own_model: TinyModel) -> None:
    folder = own_model("t2v")

    def enlarge(tensors: dict[str, Tensor]) -> None:
        tensors["blocks.0.attn1.to_q.weight"][0, 0] = 449.0

    change_weights(folder / "transformer" / WEIGHTS, enlarge)
    with pytest.raises(IncompatibleError, match="too large for 8 bits"):
        load(folder, FP8)
    load(folder, PLAIN)


def numbers_alive() -> int:
    """All numbers in parameters of modules that the process holds."""
    gc.collect()
    return sum(thing.numel() for thing in gc.get_objects() if type(thing) is nn.Parameter)


@pytest.mark.parametrize(
    "plan",
    [PLAIN, FP8, EXACT["blocks"], EXACT["leaves"], EXACT["disk"], EXACT["one-expert-disk"]],
    ids=["resident", "fp8", "blocks", "leaves", "disk", "one-expert-disk"],
)
def test_that_of_a_closed_model_no_tensor_is_alive(tiny_model: TinyModel, plan: LoadPlan) -> None:
    before = numbers_alive()
    model = load(tiny_model("i2v_two_experts"), plan)
    frames(model, sample(model))
    modules = (model.transformer, model.transformer_2, model.vae, model.text_encoder)
    parameters = [weakref.ref(p) for part in modules if part is not None for p in part.parameters()]
    shell = model.vae
    del modules
    model.close()
    # Even what somebody still holds has no numbers any more.
    assert sum(tensor.numel() for tensor in shell.parameters()) == 0
    assert all(feature is None for feature in shell._feat_map)
    del shell
    gc.collect()
    assert len(parameters) > 100
    assert not [reference for reference in parameters if reference() is not None]
    assert numbers_alive() == before


@pytest.mark.parametrize("placement", [Placement.RESIDENT, Placement.DISK])
def test_that_of_a_model_that_failed_to_load_no_tensor_is_alive(own_model: TinyModel, placement: Placement) -> None:
    folder = own_model("t2v")
    change_weights(folder / "vae" / WEIGHTS, not_a_number)  # loaded last
    before = numbers_alive()
    with pytest.raises(IntegrityError) as caught:
        load(folder, replace(PLAIN, placement=placement))
    assert numbers_alive() == before
    assert caught.value.__traceback__ is not None  # the error is still held


@pytest.mark.parametrize("placement", [Placement.RESIDENT, Placement.DISK])
@pytest.mark.parametrize("call", [5, 60, 150])
def test_that_of_a_cancelled_load_no_tensor_is_alive(tiny_model: TinyModel, placement: Placement, call: int) -> None:
    before, calls = numbers_alive(), 0

    def cancel_then() -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise JobCancelled

    with pytest.raises(JobCancelled) as caught:
        load_model(
            inspect_model_folder(tiny_model("t2v_two_experts")),
            replace(PLAIN, placement=placement),
            progress=lambda *_: None,
            check_cancelled=cancel_then,
        )
    assert calls == call
    assert numbers_alive() == before
    assert caught.value.__traceback__ is not None


@pytest.mark.parametrize("placement", [Placement.RESIDENT, Placement.BLOCKS, Placement.DISK])
def test_that_of_a_model_that_failed_in_a_render_no_tensor_is_alive(
    tiny_model: TinyModel, placement: Placement
) -> None:
    before, model, calls = numbers_alive(), load(tiny_model("t2v"), replace(PLAIN, placement=placement)), 0
    embed_prompts(model, WANTED, nothing)

    def out_of_memory() -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise torch.OutOfMemoryError("as a card says it")

    with pytest.raises(torch.OutOfMemoryError) as caught:
        sample(model, check_cancelled=out_of_memory)
    forget_frames(caught.value)
    model.close()
    assert numbers_alive() == before
