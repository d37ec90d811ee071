"""The tool that makes variants: names and formats as people use them, the same bytes each time."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import load_file, save_file

from tests.conftest import TinyModel
from tests.fakes.tiny_models import FAMILIES
from tools.quantize_model import main, original_name, quantize_model, read_transformer, write_fp8
from wan_desktop.core.gguf_header import read_gguf_header
from wan_desktop.engine.quantized import load_transformer_file


@pytest.fixture(scope="module")
def transformer(resources: Path) -> Path:
    return resources / "models" / "shapes" / "transformer"


@pytest.fixture(scope="module")
def files(transformer: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return quantize_model(transformer, tmp_path_factory.mktemp("made"), "shapes")


@pytest.fixture(scope="module")
def linear_layers(transformer: Path) -> int:
    """Of the blocks: four in each attention, two behind them."""
    return 10 * int(json.loads((transformer / "config.json").read_text(encoding="utf-8"))["num_layers"])


@pytest.mark.parametrize(
    ("ours", "original"),
    [
        ("blocks.3.attn1.to_q.weight", "blocks.3.self_attn.q.weight"),
        ("blocks.3.attn1.norm_k.weight", "blocks.3.self_attn.norm_k.weight"),
        ("blocks.3.attn2.to_out.0.bias", "blocks.3.cross_attn.o.bias"),
        ("blocks.3.attn2.add_k_proj.weight", "blocks.3.cross_attn.k_img.weight"),
        ("blocks.3.attn2.norm_added_k.weight", "blocks.3.cross_attn.norm_k_img.weight"),
        ("blocks.3.norm2.weight", "blocks.3.norm3.weight"),
        ("blocks.3.ffn.net.0.proj.weight", "blocks.3.ffn.0.weight"),
        ("blocks.3.ffn.net.2.weight", "blocks.3.ffn.2.weight"),
        ("blocks.3.scale_shift_table", "blocks.3.modulation"),
        ("scale_shift_table", "head.modulation"),
        ("proj_out.weight", "head.head.weight"),
        ("patch_embedding.weight", "patch_embedding.weight"),
        ("condition_embedder.time_proj.bias", "time_projection.1.bias"),
        ("condition_embedder.time_embedder.linear_2.weight", "time_embedding.2.weight"),
        ("condition_embedder.text_embedder.linear_1.weight", "text_embedding.0.weight"),
        ("condition_embedder.image_embedder.norm2.weight", "img_emb.proj.4.weight"),
        ("condition_embedder.image_embedder.ff.net.2.weight", "img_emb.proj.3.weight"),
        ("condition_embedder.image_embedder.pos_embed", "img_emb.emb_pos"),
    ],
)
def test_that_names_are_those_of_wans_own_code(ours: str, original: str) -> None:
    assert original_name(ours) == original


@pytest.mark.parametrize("family", FAMILIES)
def test_that_all_tensors_come_back_under_their_names(tiny_model: TinyModel, tmp_path: Path, family: str) -> None:
    model = tiny_model(family)
    file = tmp_path / "original.safetensors"
    save_file(read_transformer(model / "transformer"), file)
    loaded = load_transformer_file(model, "transformer", file, dtype=torch.float32, report=lambda _: None)
    expected = WanTransformer3DModel.from_pretrained(model, subfolder="transformer").state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "flf2v_clip"])
def test_that_diffusers_reads_the_names_too(tiny_model: TinyModel, tmp_path: Path, family: str) -> None:
    # It does not know the position embedding of the models for first and last frame.
    model = tiny_model(family)
    file = tmp_path / "original.safetensors"
    save_file(read_transformer(model / "transformer"), file)
    options = {"config": str(model), "subfolder": "transformer", "local_files_only": True}
    loaded = WanTransformer3DModel.from_single_file(str(file), **options)
    expected = WanTransformer3DModel.from_pretrained(model, subfolder="transformer").state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())


def test_that_the_same_weights_give_the_same_bytes(transformer: Path, files: list[Path], tmp_path: Path) -> None:
    again = quantize_model(transformer, tmp_path, "shapes")
    assert [file.name for file in again] == [
        "shapes-Q8_0.gguf",
        "shapes-Q4_0.gguf",
        "shapes-fp8_e4m3fn_scaled.safetensors",
    ]
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in files]


def test_that_the_linear_layers_of_blocks_are_quantised_and_what_is_sensitive_is_not(
    files: list[Path], linear_layers: int
) -> None:
    for file, kind in zip(files, ("Q8_0", "Q4_0"), strict=False):
        header = read_gguf_header(file)
        assert header.architecture == "wan"
        kinds = {tensor.name: tensor.kind for tensor in header.tensors}
        assert {k for name, k in kinds.items() if name.startswith("blocks.") and name.endswith("ffn.0.weight")} == {
            kind
        }
        assert sum(k == kind for k in kinds.values()) == linear_layers
        for name in ("patch_embedding.weight", "head.modulation", "blocks.0.modulation", "blocks.0.self_attn.q.bias"):
            assert kinds[name] == "F32"
        for name in ("head.head.weight", "time_embedding.0.weight", "text_embedding.0.weight"):
            assert kinds[name] == "F16"


def test_that_every_8_bit_weight_uses_the_whole_range_and_has_its_scale(
    transformer: Path, files: list[Path], linear_layers: int
) -> None:
    tensors, original = load_file(files[2]), read_transformer(transformer)
    small = [name for name, tensor in tensors.items() if tensor.dtype == torch.float8_e4m3fn and name != "scaled_fp8"]
    assert len(small) == linear_layers
    for name in small:
        scale = tensors[name.replace(".weight", ".scale_weight")]
        assert scale.dtype == torch.float32
        assert float(scale) == pytest.approx(float(original[name].abs().max()) / 448)
        assert float(tensors[name].float().abs().max()) == 448
    rest = {tensor.dtype for name, tensor in tensors.items() if name not in small and "scale" not in name}
    assert rest == {torch.float16}


def test_that_a_weight_of_zeros_stays_zeros(tmp_path: Path) -> None:
    write_fp8({"blocks.0.ffn.0.weight": torch.zeros(2, 32)}, tmp_path / "zeros.safetensors")
    tensors = load_file(tmp_path / "zeros.safetensors")
    assert float(tensors["blocks.0.ffn.0.scale_weight"]) == 1
    assert not tensors["blocks.0.ffn.0.weight"].float().any()


def test_that_the_command_says_size_and_error(
    transformer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(transformer), "--out", str(tmp_path / "new"), "--name", "toy"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(list((tmp_path / "new").iterdir())) == 3
    errors = [float(line.split()[-2]) for line in lines]
    assert errors[0] < errors[2] < errors[1] < 10
    assert "toy-Q8_0.gguf" in lines[0]
