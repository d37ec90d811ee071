"""A model of half a gigabyte with random weights and two experts: large enough that memory that is kept shows."""

from pathlib import Path

import torch
from diffusers import WanTransformer3DModel
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

from tests.fakes.tiny_models import make_tiny_model

_TEXT_DIM = 768
_EXPERT = {"num_layers": 5, "num_attention_heads": 12, "attention_head_dim": 64, "ffn_dim": 3072, "freq_dim": 32}


def make_mid_model(folder: Path) -> Path:
    """Save it in the folder; two experts of 200 MB and a text encoder of 100 MB. Returns the folder."""
    make_tiny_model("t2v_two_experts", folder)
    torch.manual_seed(1)
    for name in ("transformer", "transformer_2"):
        expert = WanTransformer3DModel(
            text_dim=_TEXT_DIM, in_channels=16, out_channels=16, rope_max_seq_len=64, **_EXPERT
        )
        expert.save_pretrained(folder / name)
    words = len(T5TokenizerFast.from_pretrained(folder / "tokenizer", local_files_only=True))
    config = UMT5Config(vocab_size=words, d_model=_TEXT_DIM, d_kv=64, num_heads=12, d_ff=2048, num_layers=4)
    UMT5EncoderModel(config).save_pretrained(folder / "text_encoder")
    return folder
