"""Transformers from single files: as near to the original as their bits allow, and nothing taken on trust."""

import io
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanTransformer3DModel
from diffusers.quantizers.gguf.utils import GGUFLinear, GGUFParameter, dequantize_gguf_tensor
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.conftest import TinyModel
from tests.fakes.gguf_files import entry, file_bytes, write_gguf
from tests.fakes.requests import make_request
from tools.quantize_model import original_name, quantize_model, read_transformer
from wan_desktop.core.errors import (
    IntegrityError,
    JobCancelled,
    ModelFilesMissingError,
    NotAWanModelError,
    UnsafeFormatError,
)
from wan_desktop.core.gguf_header import GGUF_TYPES, GgufTensor
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import Generate, OutputTarget
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.recipe import Recipe, read_recipe
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.quantized import load_transformer_file, read_gguf_tensor
from wan_desktop.engine.render import Studio, weights_revision

Tensors = dict[str, Tensor]
BLOCK_KINDS = [kind for kind in GGUF_TYPES.values() if kind.block > 1]
QUERY = "blocks.0.self_attn.q"


def load(model: Path, file: Path, dtype: torch.dtype = torch.float32) -> Any:
    """The transformer of that model folder from that file."""
    return load_transformer_file(model, "transformer", file, dtype=dtype, report=lambda _: None)


def output(transformer: Any, seed: int = 0, timestep: float = 500.0) -> Tensor:
    """What it makes of random latents and a random prompt."""
    generator = torch.Generator().manual_seed(seed)
    config = transformer.config
    latents = torch.randn(1, config.in_channels, 3, 8, 8, generator=generator)
    prompt = torch.randn(1, 12, config.text_dim, generator=generator)
    with torch.no_grad():
        return transformer(latents, torch.tensor([timestep]), prompt, return_dict=False)[0]


def relative_error(transformer: Any, original: Any) -> float:
    """Root mean square of the difference of their outputs at three timesteps, relative; the worst."""
    pairs = [(output(transformer, n, t), output(original, n, t)) for n, t in enumerate((999.0, 500.0, 50.0))]
    return max(float((found - expected).norm() / expected.norm()) for found, expected in pairs)


def load_folder(model: Path, plan: LoadPlan | None = None) -> LoadedModel:
    """The whole model, as the engine loads it."""
    plan = plan or LoadPlan()
    folder = inspect_model_folder(model, [Path(file) for file in plan.transformer_files])
    return load_model(folder, plan, progress=lambda *_: None, check_cancelled=lambda: None)


@pytest.fixture(scope="module")
def shapes(resources: Path) -> Path:
    return resources / "models" / "shapes"


@pytest.fixture(scope="module")
def variants(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The built-in model's variants, made with the tool."""
    files = quantize_model(shapes / "transformer", tmp_path_factory.mktemp("variants"), "shapes")
    return dict(zip(("Q8_0", "Q4_0", "fp8"), files, strict=True))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest model folder with rows of whole blocks; only its transformer is there."""
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("small")
    config = {
        "num_layers": 1,
        "num_attention_heads": 2,
        "attention_head_dim": 32,
        "ffn_dim": 96,
        "text_dim": 32,
        "freq_dim": 32,
        "rope_max_seq_len": 64,
        "in_channels": 4,
        "out_channels": 4,
    }
    WanTransformer3DModel(**config).save_pretrained(folder / "transformer")
    return folder


@pytest.fixture
def tensors(small: Path) -> Tensors:
    """The small transformer's tensors by Wan's own names; a test may change them."""
    return {name: tensor.clone() for name, tensor in read_transformer(small / "transformer").items()}


def save(tensors: Tensors, file: Path) -> Path:
    save_file(tensors, file)
    return file


def save_gguf(tensors: Tensors, file: Path, **kinds: str) -> Path:
    """As GGUF: float32 where no other kind is given for the part of a name."""
    return write_gguf(
        file,
        {
            name: (tensor.numpy(), next((kind for part, kind in kinds.items() if part in name), "F32"))
            for name, tensor in tensors.items()
        },
    )


def scaled_fp8(tensors: Tensors, suffix: str = "scale_weight") -> Tensors:
    """The query weight in 8 bits with a scale of 1/64, marked as in ComfyUI's files."""
    weight = (tensors[f"{QUERY}.weight"] * 64).to(torch.float8_e4m3fn)
    extra = {
        f"{QUERY}.weight": weight,
        f"{QUERY}.{suffix}": torch.tensor(1 / 64),
        "scaled_fp8": torch.full((2,), torch.nan).to(torch.float8_e4m3fn),  # torch.empty in many of their files
    }
    return {**tensors, **extra}


# How near ---------------------------------------------------------------------------------------------------------


def test_that_outputs_are_as_near_as_the_bits_allow(shapes: Path, variants: dict[str, Path]) -> None:
    original = load_folder(shapes).transformer
    errors = {name: relative_error(load(shapes, file), original) for name, file in variants.items()}
    # On noise, which is further from anything trained than a clip is. Measured with two trainings of the model:
    # 0.005 and 0.013, 0.023 and 0.067, 0.065 and 0.194; it grows with training, the files' own error does not.
    assert 1e-4 < errors["Q8_0"] < 0.03
    assert errors["Q8_0"] < errors["fp8"] < 0.13
    assert errors["fp8"] < errors["Q4_0"] < 0.4


def test_that_without_its_scales_the_8_bit_file_would_be_far_off(
    shapes: Path, variants: dict[str, Path], tmp_path: Path
) -> None:
    unscaled = {name: tensor for name, tensor in load_file(variants["fp8"]).items() if "scale" not in name}
    file = save(unscaled, tmp_path / "unscaled.safetensors")
    assert relative_error(load(shapes, file), load_folder(shapes).transformer) > 0.5


def test_that_gguf_weights_are_those_that_the_gguf_package_reads(shapes: Path, variants: dict[str, Path]) -> None:
    for kind in ("Q8_0", "Q4_0"):
        model = load(shapes, variants[kind])
        parameters = dict(model.named_parameters())
        truth = {t.name: dequantize(t.data, t.tensor_type) for t in GGUFReader(variants[kind]).tensors}
        quantised = [name for name, parameter in parameters.items() if isinstance(parameter, GGUFParameter)]
        assert len(quantised) == 10 * len(model.blocks)
        for name, parameter in parameters.items():
            found = dequantize_gguf_tensor(parameter).float().numpy()
            # Blocks are turned back in float16.
            assert np.allclose(found, truth[original_name(name)], rtol=1e-3, atol=1e-6), name


def test_that_gguf_stays_small_in_memory(shapes: Path, variants: dict[str, Path]) -> None:
    model = load(shapes, variants["Q4_0"])
    assert sum(isinstance(module, GGUFLinear) for module in model.modules()) == 10 * len(model.blocks)
    in_blocks = sum(p.nbytes for name, p in model.named_parameters() if name.startswith("blocks."))
    original = sum(p.nbytes for name, p in load_folder(shapes).transformer.named_parameters() if "blocks" in name)
    assert in_blocks < 0.16 * original  # 4.5 bits of 32


@pytest.mark.parametrize("suffix", ["scale_weight", "weight_scale"])
def test_that_8_bit_weights_are_multiplied_with_their_scale(
    small: Path, tensors: Tensors, tmp_path: Path, suffix: str
) -> None:
    scaled = scaled_fp8(tensors, suffix)
    model = load(small, save(scaled, tmp_path / "model.safetensors"))
    assert torch.equal(model.blocks[0].attn1.to_q.weight, scaled[f"{QUERY}.weight"].float() / 64)
    assert torch.equal(model.blocks[0].attn1.to_k.weight, tensors["blocks.0.self_attn.k.weight"])


@pytest.mark.parametrize("shape", [(64,), (64, 1)], ids=str)
def test_that_each_row_can_have_its_own_scale(
    small: Path, tensors: Tensors, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    scale = torch.arange(1.0, 65.0)
    scaled = {**scaled_fp8(tensors), f"{QUERY}.scale_weight": scale.view(shape)}
    model = load(small, save(scaled, tmp_path / "model.safetensors"))
    expected = scaled[f"{QUERY}.weight"].float() * scale[:, None]
    assert torch.equal(model.blocks[0].attn1.to_q.weight, expected)


def test_that_what_comfyui_multiplies_with_is_passed_over(small: Path, tensors: Tensors, tmp_path: Path) -> None:
    extra = {
        f"{QUERY}.scale_input": torch.tensor(7.0),
        f"{QUERY}.input_scale": torch.tensor(torch.nan),
        f"{QUERY}.comfy_quant": torch.tensor(list(b'{"format": "float8_e4m3fn"}'), dtype=torch.uint8),
    }
    scaled = scaled_fp8(tensors)
    plain = load(small, save(scaled, tmp_path / "plain.safetensors"))
    model = load(small, save({**scaled, **extra}, tmp_path / "model.safetensors"))
    assert torch.equal(output(model), output(plain))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.float16, torch.bfloat16], ids=str)
def test_that_plain_files_of_any_precision_are_read(
    small: Path, tensors: Tensors, tmp_path: Path, dtype: torch.dtype
) -> None:
    short = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    model = load(small, save(short, tmp_path / "model.safetensors"))
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert all(torch.equal(p, short[original_name(n)].float()) for n, p in model.named_parameters())


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model."])
@pytest.mark.parametrize("names", ["original", "diffusers"])
@pytest.mark.parametrize("suffix", [".gguf", ".safetensors"])
def test_that_whatever_the_tensors_are_called_the_model_is_the_same(
    small: Path, tensors: Tensors, tmp_path: Path, prefix: str, names: str, suffix: str
) -> None:
    original = WanTransformer3DModel.from_pretrained(small, subfolder="transformer")
    by_name = tensors if names == "original" else dict(original.state_dict())
    renamed = {f"{prefix}{name}": tensor for name, tensor in by_name.items()}
    write = save if suffix == ".safetensors" else save_gguf
    model = load(small, write(renamed, tmp_path / f"model{suffix}"))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), original.parameters(), strict=True))
    assert torch.equal(output(model), output(original))


def test_that_a_bf16_gguf_gives_plain_weights_everywhere(small: Path, tensors: Tensors, tmp_path: Path) -> None:
    model = load(small, save_gguf(tensors, tmp_path / "model.gguf", **{"": "BF16"}))
    found = dict(model.named_parameters())
    assert not any(isinstance(p, GGUFParameter) for p in found.values())
    for name, parameter in found.items():
        assert torch.equal(parameter, tensors[original_name(name)].bfloat16().float()), name


def test_that_quantised_tensors_that_must_stay_exact_are_turned_back(
    small: Path, tensors: Tensors, tmp_path: Path
) -> None:
    kinds = {"time_embedding.0.weight": "Q8_0", "modulation": "Q8_0", "norm_q": "Q8_0", "head.head.weight": "Q8_0"}
    model = load(small, save_gguf(tensors, tmp_path / "model.gguf", **kinds))
    assert isinstance(model.proj_out, GGUFLinear)
    time_embedding = model.condition_embedder.time_embedder.linear_1
    assert not isinstance(time_embedding, GGUFLinear)
    for found, name in (
        (time_embedding.weight, "time_embedding.0.weight"),
        (model.blocks[0].scale_shift_table, "blocks.0.modulation"),
        (model.blocks[0].attn1.norm_q.weight, "blocks.0.self_attn.norm_q.weight"),
    ):
        assert found.dtype == torch.float32
        assert torch.allclose(found, tensors[name], atol=0.02 * float(tensors[name].abs().max()))
    assert torch.isfinite(output(model)).all()


def test_that_dimensions_of_1_that_llama_cpp_dropped_come_back(small: Path, tensors: Tensors, tmp_path: Path) -> None:
    shortened = {name: tensor[0] if "modulation" in name else tensor for name, tensor in tensors.items()}
    model = load(small, save_gguf(shortened, tmp_path / "model.gguf"))
    assert torch.equal(model.blocks[0].scale_shift_table, tensors["blocks.0.modulation"])


@pytest.mark.parametrize("suffix", [".gguf", ".safetensors"])
def test_that_half_precision_keeps_what_must_stay_in_float32(
    small: Path, tensors: Tensors, tmp_path: Path, suffix: str
) -> None:
    write = save if suffix == ".safetensors" else save_gguf
    model = load(small, write(tensors, tmp_path / f"model{suffix}"), torch.bfloat16)
    dtypes = {name: p.dtype for name, p in model.named_parameters()}
    assert dtypes["blocks.0.attn1.to_q.weight"] == dtypes["patch_embedding.bias"] == torch.bfloat16
    assert dtypes["blocks.0.scale_shift_table"] == dtypes["scale_shift_table"] == torch.float32
    assert dtypes["condition_embedder.time_embedder.linear_1.weight"] == torch.float32
    assert dtypes["blocks.0.norm2.weight"] == torch.float32


def test_that_nothing_can_be_trained_and_no_tensor_is_empty(shapes: Path, variants: dict[str, Path]) -> None:
    for file in variants.values():
        model = load(shapes, file)
        assert not model.training
        assert not any(p.requires_grad or p.is_meta for p in [*model.parameters(), *model.buffers()])


# What is refused --------------------------------------------------------------------------------------------------


def drop(tensors: Tensors) -> None:
    del tensors[f"{QUERY}.weight"]


def add(tensors: Tensors) -> None:
    tensors["blocks.9.self_attn.q.weight"] = torch.zeros(64, 64)


def add_face_adapter(tensors: Tensors) -> None:
    tensors["face_adapter.fuser_blocks.0.linear1_kv.weight"] = torch.zeros(64, 64)


def say_twice(tensors: Tensors) -> None:
    tensors["blocks.0.attn1.to_q.weight"] = tensors[f"{QUERY}.weight"].clone()


def turn(tensors: Tensors) -> None:
    tensors["blocks.0.ffn.0.weight"] = tensors["blocks.0.ffn.0.weight"].T.contiguous()


def not_a_number(tensors: Tensors) -> None:
    tensors["head.head.weight"][0, 0] = torch.nan


def infinite(tensors: Tensors) -> None:
    tensors["head.modulation"][0, 0, 0] = torch.inf


@pytest.mark.parametrize("suffix", [".gguf", ".safetensors"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop, r"A tensor is missing.*attn1\.to_q"),
        (add, r"blocks\.9.*does not have"),
        (add_face_adapter, "face_adapter.*does not have"),
        (say_twice, "holds it twice"),
        (turn, r"ffn.net.0.proj.*shape \(64, 96\); the config says \(96, 64\)"),
        (not_a_number, "not numbers"),
        (infinite, "not numbers"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_that_wrong_tensors_are_errors(
    small: Path, tensors: Tensors, tmp_path: Path, change: Callable[[Tensors], None], words: str, suffix: str
) -> None:
    change(tensors)
    write = save if suffix == ".safetensors" else save_gguf
    with pytest.raises(IntegrityError, match=words) as caught:
        load(small, write(tensors, tmp_path / f"model{suffix}"))
    assert caught.value.hint


def lose_a_scale(tensors: Tensors) -> None:
    del tensors[f"{QUERY}.scale_weight"]


def lose_another_scale(tensors: Tensors) -> None:
    del tensors["scaled_fp8"]
    tensors["blocks.0.self_attn.k.weight"] = tensors["blocks.0.self_attn.k.weight"].to(torch.float8_e4m3fn)


def two_scales(tensors: Tensors) -> None:
    tensors[f"{QUERY}.weight_scale"] = torch.tensor(1.0)


def scale_of_nothing(tensors: Tensors) -> None:
    tensors["blocks.7.scale_weight"] = torch.tensor(1.0)


def scale_of_another_shape(tensors: Tensors) -> None:
    tensors[f"{QUERY}.scale_weight"] = torch.ones(3)


def scale_that_is_no_number(tensors: Tensors) -> None:
    tensors[f"{QUERY}.scale_weight"] = torch.tensor(torch.nan)


def scale_of_zero(tensors: Tensors) -> None:
    tensors[f"{QUERY}.scale_weight"] = torch.tensor(0.0)


def scale_below_zero(tensors: Tensors) -> None:
    tensors[f"{QUERY}.scale_weight"] = torch.tensor(-0.5)


def scale_that_overflows(tensors: Tensors) -> None:
    tensors[f"{QUERY}.scale_weight"] = torch.tensor(3e38)


def weight_that_is_no_number(tensors: Tensors) -> None:
    tensors[f"{QUERY}.weight"] = torch.full((64, 64), torch.nan).to(torch.float8_e4m3fn)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lose_a_scale, r"self_attn\.q\.weight.*has no scale"),
        (lose_another_scale, r"self_attn\.k\.weight.*has no scale"),
        (two_scales, "two scales"),
        (scale_of_nothing, "has a scale, but is not there"),
        (scale_of_another_shape, r"shape \(3,\)"),
        (scale_that_is_no_number, "not numbers"),
        (scale_of_zero, "zero or negative"),
        (scale_below_zero, "zero or negative"),
        (scale_that_overflows, "makes weights that are not numbers"),
        (weight_that_is_no_number, "not numbers"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_that_wrong_scales_are_errors(
    small: Path, tensors: Tensors, tmp_path: Path, change: Callable[[Tensors], None], words: str
) -> None:
    scaled = scaled_fp8(tensors)
    change(scaled)
    with pytest.raises(IntegrityError, match=words):
        load(small, save(scaled, tmp_path / "model.safetensors"))


def test_that_other_8_bit_numbers_are_refused(small: Path, tensors: Tensors, tmp_path: Path) -> None:
    tensors[f"{QUERY}.weight"] = torch.zeros(64, 64, dtype=torch.int8)
    with pytest.raises(NotAWanModelError, match="I8"):
        load(small, save(tensors, tmp_path / "model.safetensors"))


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "fp8"])
def test_that_a_file_of_another_model_is_refused(small: Path, variants: dict[str, Path], kind: str) -> None:
    with pytest.raises(IntegrityError, match=r"the config says|does not have"):
        load(small, variants[kind])


@pytest.mark.parametrize("suffix", [".gguf", ".safetensors"])
def test_that_a_file_without_any_fitting_tensor_is_no_wan_model(small: Path, tmp_path: Path, suffix: str) -> None:
    write = save if suffix == ".safetensors" else save_gguf
    with pytest.raises(NotAWanModelError, match="none of the tensors"):
        load(small, write({"double_blocks.0.img_mod.lin.weight": torch.zeros(4, 32)}, tmp_path / f"flux{suffix}"))


def cut(content: bytes) -> bytes:
    return content[:-40]


def replace_all(content: bytes) -> bytes:
    return np.random.default_rng(0).bytes(len(content))


def empty(content: bytes) -> bytes:
    return content[:0]


@pytest.mark.parametrize("damage", [cut, replace_all, empty], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("kind", ["Q8_0", "fp8"])
def test_that_a_damaged_file_is_refused_before_anything_is_loaded(
    shapes: Path, variants: dict[str, Path], tmp_path: Path, kind: str, damage: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / f"damaged{variants[kind].suffix}"
    file.write_bytes(damage(variants[kind].read_bytes()))
    for look in (lambda: inspect_model_folder(shapes, [file]), lambda: load(shapes, file)):
        with pytest.raises(IntegrityError, match="damaged"):
            look()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("absent.gguf", ModelFilesMissingError),
        ("folder.gguf", IntegrityError),
        ("folder.safetensors", IntegrityError),
        ("model.pt", UnsafeFormatError),
        ("model.zip", NotAWanModelError),
    ],
)
def test_that_what_is_no_such_file_is_refused(
    shapes: Path, tmp_path: Path, name: str, kind: type[IntegrityError]
) -> None:
    (tmp_path / "folder.gguf").mkdir()
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "model.pt").write_bytes(b"x")
    (tmp_path / "model.zip").write_bytes(b"x")
    with pytest.raises(kind, match=name) as caught:
        inspect_model_folder(shapes, [tmp_path / name])
    assert type(caught.value) is kind
    assert caught.value.hint


@pytest.mark.parametrize("kind", BLOCK_KINDS, ids=lambda kind: kind.name)
def test_that_blocks_are_refused_exactly_when_diffusers_would_make_no_numbers_of_them(kind: Any) -> None:
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        blocks = torch.from_numpy(random.integers(0, 256, (1, kind.block_bytes), np.uint8))
        weight = dequantize_gguf_tensor(GGUFParameter(blocks, quant_type=GGMLQuantizationType[kind.name]))
        finite = bool(torch.isfinite(weight).all())
        tensor = GgufTensor("a", (1, kind.block), kind.name, 0, kind.block_bytes)
        try:
            read_gguf_tensor(io.BytesIO(blocks.numpy().tobytes()), tensor, Path("a.gguf"), quantised=True)
            assert finite
        except IntegrityError:
            assert not finite
            refused += 1
    assert 0 < refused < 300


# In the engine ----------------------------------------------------------------------------------------------------


def test_that_loading_stops_between_tensors(small: Path, tensors: Tensors, tmp_path: Path) -> None:
    for file in (save(tensors, tmp_path / "model.safetensors"), save_gguf(tensors, tmp_path / "model.gguf")):
        sizes: list[int] = []

        def cancel_at_the_fifth(size_bytes: int, sizes: list[int] = sizes) -> None:
            sizes.append(size_bytes)
            if len(sizes) == 5:
                raise JobCancelled

        with pytest.raises(JobCancelled):
            load_transformer_file(small, "transformer", file, dtype=torch.float32, report=cancel_at_the_fifth)
        assert len(sizes) == 5


@pytest.mark.parametrize("kind", ["Q4_0", "fp8"])
def test_that_progress_counts_the_files_that_are_read(shapes: Path, variants: dict[str, Path], kind: str) -> None:
    seen: list[tuple[int, int]] = []
    folder = inspect_model_folder(shapes, [variants[kind]])
    plan = LoadPlan(transformer_files=(str(variants[kind]),))
    load_model(folder, plan, progress=lambda *now: seen.append(now), check_cancelled=lambda: None)
    own = shapes / "transformer" / "diffusion_pytorch_model.safetensors"
    expected = inspect_model_folder(shapes).weights_bytes - own.stat().st_size + variants[kind].stat().st_size
    assert {total for _, total in seen} == {expected}
    assert 0.98 * expected < seen[-1][0] <= expected


def test_that_each_expert_comes_from_its_own_file(tiny_model: TinyModel, tmp_path: Path) -> None:
    model = tiny_model("t2v_two_experts")
    names = ("transformer", "transformer_2")
    files = [quantize_model(model / name, tmp_path, name)[0] for name in names]
    own = load_folder(model)
    loaded = load_folder(model, LoadPlan(transformer_files=tuple(str(file) for file in files)))
    assert relative_error(loaded.transformer, own.transformer) < 0.01
    assert relative_error(loaded.transformer_2, own.transformer_2) < 0.01
    assert relative_error(loaded.transformer, own.transformer_2) > 0.1


@pytest.mark.parametrize(("family", "count"), [("t2v", 2), ("t2v_two_experts", 1), ("t2v_two_experts", 3)])
def test_that_the_number_of_files_must_be_that_of_the_experts(
    tiny_model: TinyModel, variants: dict[str, Path], family: str, count: int
) -> None:
    with pytest.raises(IntegrityError, match=f"{count} files"):
        inspect_model_folder(tiny_model(family), [variants["Q8_0"]] * count)


def test_that_the_folders_own_transformer_need_not_be_there(own_model: TinyModel, tmp_path: Path) -> None:
    model = own_model("t2v")
    files = quantize_model(model / "transformer", tmp_path, "tiny")
    (model / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    loaded = load_folder(model, LoadPlan(transformer_files=(str(files[0]),)))
    assert torch.isfinite(output(loaded.transformer)).all()


class Films:
    """One studio and what it made."""

    def __init__(self, studio: Studio, folder: Path) -> None:
        self.studio, self.folder = studio, folder

    def make(self, model: Path, *files: Path) -> tuple[Recipe, object]:
        """The recipe of a video, and the model that made it."""
        command = Generate(
            job="job",
            request=make_request(
                prompt="a red circle moving right on a black background",
                num_frames=9,
                num_inference_steps=2,
                variant="with files" if files else "",
            ),
            model_folder=model,
            plan=LoadPlan(transformer_files=tuple(str(file) for file in files)),
            output=OutputTarget(
                path=self.folder / "video.mp4", rescue_folder=self.folder / "r", work_folder=self.folder / "w"
            ),
        )
        result = self.studio.make_video(command, lambda _: None, lambda: None)
        folder = inspect_model_folder(model, files)
        loaded = self.studio.model_for(folder, command.plan, command.output.work_folder, lambda *_: None, lambda: None)
        return read_recipe(result.path), loaded


@pytest.fixture
def films(tmp_path: Path) -> Films:
    return Films(Studio(), tmp_path)


def test_that_the_recipe_says_which_weights_were_used(films: Films, shapes: Path, variants: dict[str, Path]) -> None:
    plain, _ = films.make(shapes)
    revisions = {plain.revision}
    for count, file in enumerate(variants.values(), start=2):
        recipe, _ = films.make(shapes, file)
        assert recipe.request.variant == "with files"
        assert recipe.revision.startswith("sha256:")
        revisions.add(recipe.revision)
        assert len(revisions) == count


def test_that_a_large_file_is_not_read_whole_for_its_revision(shapes: Path, tmp_path: Path) -> None:
    file = tmp_path / "large.gguf"
    file.write_bytes(file_bytes([entry("a", (50_000_000,))], data_bytes=0))
    os.truncate(file, file.stat().st_size + 200_000_000)
    folder = inspect_model_folder(shapes, [file])
    tracemalloc.start()
    weights_revision(folder)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 20_000_000


def test_that_a_model_stays_loaded_for_the_same_files_only(
    films: Films, shapes: Path, variants: dict[str, Path]
) -> None:
    _, first = films.make(shapes, variants["Q8_0"])
    _, again = films.make(shapes, variants["Q8_0"])
    _, other = films.make(shapes, variants["Q4_0"])
    _, plain = films.make(shapes)
    assert first is again
    assert len({id(first), id(other), id(plain)}) == 3
