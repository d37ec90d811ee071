"""Tiny models of the real classes with random weights, one for each family of Wan pipelines; a second to make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    T5TokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

WORDS = ("a", "red", "fox", "in", "the", "snow", "blue", "whale", "bad", "ugly")
FAMILIES = ("t2v", "t2v_two_experts", "i2v_clip", "i2v_two_experts", "ti2v", "flf2v_clip")


def make_tiny_model(family: str, folder: Path) -> Path:
    """Save a model of that family in the folder, seeded by its name; returns the folder."""
    torch.manual_seed(sum(family.encode()))
    _MAKERS[family]().save_pretrained(folder)
    return folder


def _tokenizer() -> T5TokenizerFast:
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)] + [(f"▁{word}", -2.0) for word in WORDS]
    return T5TokenizerFast(vocab=vocab, extra_ids=0, model_max_length=512)


def _transformer(**changes: Any) -> WanTransformer3DModel:
    config: dict[str, Any] = {
        "num_layers": 2,
        "num_attention_heads": 2,
        "attention_head_dim": 24,
        "ffn_dim": 64,
        "text_dim": 32,
        "freq_dim": 32,
        "rope_max_seq_len": 64,
        "in_channels": 16,
        "out_channels": 16,
    }
    return WanTransformer3DModel(**{**config, **changes})


def _vae_21() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )


def _vae_22() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3,
        decoder_base_dim=3,
        z_dim=48,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        latents_mean=[0.1] * 48,
        latents_std=[1.5] * 48,
        scale_factor_spatial=16,
    )


def _shared(vae: AutoencoderKLWan) -> dict[str, Any]:
    tokenizer = _tokenizer()
    config = UMT5Config(vocab_size=len(tokenizer), d_model=32, d_kv=8, num_heads=4, d_ff=64, num_layers=2)
    return {
        "tokenizer": tokenizer,
        "text_encoder": UMT5EncoderModel(config).eval(),
        "vae": vae.eval(),
        "scheduler": UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
        ),
    }


def _clip() -> dict[str, Any]:
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=32, patch_size=16
    )
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return {"image_encoder": CLIPVisionModel(config).eval(), "image_processor": processor}


_CLIP_TRANSFORMER: dict[str, Any] = {"in_channels": 36, "image_dim": 16, "added_kv_proj_dim": 48}
_MAKERS: dict[str, Callable[[], Any]] = {
    "t2v": lambda: WanPipeline(transformer=_transformer(), **_shared(_vae_21())),
    "t2v_two_experts": lambda: WanPipeline(
        transformer=_transformer(), transformer_2=_transformer(), boundary_ratio=0.875, **_shared(_vae_21())
    ),
    "i2v_clip": lambda: WanImageToVideoPipeline(
        transformer=_transformer(**_CLIP_TRANSFORMER), **_shared(_vae_21()), **_clip()
    ),
    "i2v_two_experts": lambda: WanImageToVideoPipeline(
        transformer=_transformer(in_channels=36),
        transformer_2=_transformer(in_channels=36),
        boundary_ratio=0.9,
        **_shared(_vae_21()),
    ),
    "ti2v": lambda: WanPipeline(
        transformer=_transformer(in_channels=48, out_channels=48), expand_timesteps=True, **_shared(_vae_22())
    ),
    # A 32 px picture in 16 px patches gives 5 tokens; two pictures 10 positions.
    "flf2v_clip": lambda: WanImageToVideoPipeline(
        transformer=_transformer(**_CLIP_TRANSFORMER, pos_embed_seq_len=10), **_shared(_vae_21()), **_clip()
    ),
}
