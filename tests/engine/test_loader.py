"""Weights into memory: the same as diffusers', and nothing taken on trust."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline, WanImageToVideoPipeline, WanPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.conftest import TinyModel
from tests.fakes.tiny_models import FAMILIES
from wan_desktop.core.errors import IntegrityError, JobCancelled, NotAWanModelError
from wan_desktop.core.load_plan import Device, LoadPlan, Precision
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.engine.loader import LoadedModel, load_model

WEIGHTS = Path("transformer") / "diffusion_pytorch_model.safetensors"
COMPONENTS = ("transformer", "transformer_2", "vae", "text_encoder", "image_encoder")


def load(folder: Path, plan: LoadPlan | None = None) -> LoadedModel:
    return load_model(
        inspect_model_folder(folder), plan or LoadPlan(), progress=lambda *_: None, check_cancelled=lambda: None
    )


def parameters(holder: object, component: str) -> dict[str, Tensor]:
    module = getattr(holder, component, None)
    return {} if module is None else {**dict(module.named_parameters()), **dict(module.named_buffers())}


@pytest.mark.parametrize("family", FAMILIES)
def test_that_every_weight_and_buffer_equals_what_from_pretrained_loads(tiny_model: TinyModel, family: str) -> None:
    folder = tiny_model(family)
    kind: type[DiffusionPipeline] = WanImageToVideoPipeline if "clip" in family or "i2v_two" in family else WanPipeline
    pipeline, model = kind.from_pretrained(folder, dtype=torch.float32), load(folder)
    for component in COMPONENTS:
        expected, found = parameters(pipeline, component), parameters(model, component)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        assert not any(tensor.is_meta for tensor in found.values())


def test_that_weights_in_shards_load_the_same(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    whole = load(folder).transformer
    (folder / WEIGHTS).unlink()
    whole.save_pretrained(folder / "transformer", max_shard_size="20KB")
    sharded = load(folder).transformer
    assert len(list((folder / "transformer").glob("*.safetensors"))) > 1
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), sharded.parameters(), strict=True))


def test_that_half_precision_keeps_what_must_stay_in_float32(tiny_model: TinyModel) -> None:
    model = load(tiny_model("t2v"), LoadPlan("half", Device.CPU, Precision.BFLOAT16))
    dtypes = {name: p.dtype for name, p in model.transformer.named_parameters()}
    assert dtypes["blocks.0.attn1.to_q.weight"] == torch.bfloat16
    assert (
        dtypes["blocks.0.scale_shift_table"]
        == dtypes["condition_embedder.time_embedder.linear_1.weight"]
        == torch.float32
    )
    assert dtypes["blocks.0.norm2.weight"] == torch.float32
    assert next(model.vae.parameters()).dtype == torch.float32


def drop(tensors: dict[str, Tensor]) -> None:
    del tensors["blocks.0.attn1.to_q.weight"]


def add(tensors: dict[str, Tensor]) -> None:
    tensors["blocks.9.attn1.to_q.weight"] = torch.zeros(2)


def add_scale(tensors: dict[str, Tensor]) -> None:
    tensors["blocks.0.attn1.to_q.scale_weight"] = torch.ones(1)


def reshape(tensors: dict[str, Tensor]) -> None:
    tensors["proj_out.weight"] = tensors["proj_out.weight"].T.contiguous()


def not_a_number(tensors: dict[str, Tensor]) -> None:
    tensors["proj_out.weight"][0, 0] = torch.nan


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop, "A tensor is missing.*to_q"),
        (add, "blocks.9.*does not have"),
        (add_scale, "scale_weight.*does not have"),
        (reshape, "proj_out.weight.*shape"),
        (not_a_number, "not numbers"),
    ],
    ids=["missing", "left-over", "fp8-scale", "shape", "nan"],
)
def test_that_wrong_tensors_are_errors_that_diffusers_only_warns_about(
    own_model: TinyModel, change: Callable[[dict[str, Tensor]], None], words: str
) -> None:
    folder = own_model("t2v")
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(IntegrityError, match=words):
        load(folder)


def test_that_a_missing_tensor_of_the_text_encoder_is_an_error(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    file = folder / "text_encoder" / "model.safetensors"
    tensors = load_file(file)
    del tensors["encoder.block.0.layer.0.SelfAttention.q.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(IntegrityError, match="text_encoder: 1 missing keys"):
        load(folder)


def test_that_a_nan_in_the_text_encoder_is_an_error(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    file = folder / "text_encoder" / "model.safetensors"
    tensors = load_file(file)
    tensors["encoder.final_layer_norm.weight"][3] = torch.nan
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(IntegrityError, match=r"final_layer_norm\.weight.*not numbers"):
        load(folder)


def test_that_fp8_files_are_refused_and_not_loaded_wrongly(own_model: TinyModel) -> None:
    folder = own_model("t2v")
    tensors = load_file(folder / WEIGHTS)
    tensors["proj_out.weight"] = tensors["proj_out.weight"].to(torch.float8_e4m3fn)
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(NotAWanModelError, match="F8_E4M3"):
        load(folder)


def test_that_progress_ends_at_the_size_on_disk(tiny_model: TinyModel) -> None:
    folder, seen = inspect_model_folder(tiny_model("t2v_two_experts")), []
    load_model(
        folder, LoadPlan(), progress=lambda done, total: seen.append((done, total)), check_cancelled=lambda: None
    )
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert {total for _, total in seen} == {folder.weights_bytes}
    assert 0.9 * folder.weights_bytes < done[-1] <= folder.weights_bytes  # headers are not counted


def test_that_loading_stops_between_tensors(tiny_model: TinyModel) -> None:
    calls = 0

    def cancel_at_the_fifth() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        load_model(
            inspect_model_folder(tiny_model("t2v")),
            LoadPlan(),
            progress=lambda *_: None,
            check_cancelled=cancel_at_the_fifth,
        )
    assert calls == 5


def test_that_loading_leaves_torchs_default_dtype_alone(tiny_model: TinyModel) -> None:
    load(tiny_model("t2v"), LoadPlan("half", Device.CPU, Precision.BFLOAT16))
    assert torch.get_default_dtype() == torch.float32
