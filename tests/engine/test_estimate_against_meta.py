"""The estimate's formulas against the real classes at real sizes, on torch's meta device, which takes no memory."""

from typing import Any

import pytest
import torch
from transformers import UMT5Config, UMT5EncoderModel

from benchmarks.estimate import VAE_22_CONFIG, Comparison, catalog_shape, compare, meta_transformer, meta_vae
from wan_desktop.core.catalog import read_catalog
from wan_desktop.core.load_plan import Precision
from wan_desktop.core.model_shape import (
    TEXT_ENCODER_CONFIG,
    TRANSFORMER_CONFIGS,
    VAE_21,
    VAE_22,
    VaeShape,
    text_encoder_of_config,
    transformer_of_config,
    vae_of_config,
)
from wan_desktop.core.paths import resources_folder

_GOAL = 0.10
_ALIKE = ("wan2.1-t2v-1.3b", "wan2.2-i2v-a14b", "wan2.1-i2v-14b-720p", "wan2.2-ti2v-5b")
"""One of each make; the benchmark has all."""


def count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("model_id", TRANSFORMER_CONFIGS)
def test_that_transformers_are_counted_exactly(model_id: str) -> None:
    config = TRANSFORMER_CONFIGS[model_id]
    model, shape = meta_transformer(config, torch.bfloat16), transformer_of_config(config)
    float32 = sum(parameter.numel() for parameter in model.parameters() if parameter.dtype == torch.float32)
    of_block = [parameter for parameter in model.blocks[0].parameters() if parameter.dtype == torch.float32]
    assert shape.parameters == count(model)
    assert shape.fp32_parameters == float32
    assert shape.block_parameters == count(model.blocks[0])
    assert shape.block_fp32_parameters == sum(parameter.numel() for parameter in of_block)


@pytest.mark.parametrize(
    "config",
    [
        {"pos_embed_seq_len": 514, "image_dim": 1280, "added_kv_proj_dim": 5120, "in_channels": 36},
        {"cross_attn_norm": False, "out_channels": None, "in_channels": 20, "text_dim": 512, "freq_dim": 64},
    ],
    ids=["first-and-last-frame", "unusual"],
)
def test_that_other_transformers_are_counted_exactly(config: dict[str, Any]) -> None:
    small = {"num_layers": 2, **config}
    model, shape = meta_transformer(small, torch.bfloat16), transformer_of_config(small)
    float32 = sum(parameter.numel() for parameter in model.parameters() if parameter.dtype == torch.float32)
    assert (shape.parameters, shape.fp32_parameters) == (count(model), float32)


@pytest.mark.parametrize(("residual", "expected"), [(False, VAE_21), (True, VAE_22)], ids=["2.1", "2.2"])
def test_that_vaes_are_counted_exactly(residual: bool, expected: VaeShape) -> None:
    vae = meta_vae(residual)
    elements = {name: parameter.numel() for name, parameter in vae.named_parameters()}
    config = {"z_dim": 16, **(VAE_22_CONFIG if residual else {})}
    assert vae_of_config(config, elements) == expected
    assert expected.parameters == count(vae)
    assert expected.decoder_parameters == count(vae.decoder) + count(vae.post_quant_conv)


def test_that_the_text_encoder_is_counted_exactly() -> None:
    with torch.device("meta"):
        model = UMT5EncoderModel(UMT5Config(**TEXT_ENCODER_CONFIG))
    assert text_encoder_of_config(TEXT_ENCODER_CONFIG).parameters == count(model)


@pytest.mark.parametrize("model_id", _ALIKE)
def test_that_live_bytes_are_those_of_the_formulas(model_id: str) -> None:
    far: list[Comparison] = [row for row in compare(model_id, [Precision.BFLOAT16]) if abs(row.error) > _GOAL]
    assert far == []


def test_that_every_known_model_has_a_shape() -> None:
    catalog = read_catalog(resources_folder())
    assert {catalog_shape(catalog[model_id]).transformer.dim for model_id in TRANSFORMER_CONFIGS} == {1536, 3072, 5120}
