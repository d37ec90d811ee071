"""The built-in model's prompts: its tokenizer, its text encoder, and the captions it is trained on."""

import random
import struct

import torch
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

from tools.shapes_world import WORDS, Combination

TEXT_LENGTH = 512
"""Tokens that the pipelines pad a prompt to."""


def lower_case_map() -> bytes:
    """A character map in SentencePiece's format that turns A-Z into a-z, as the tokenizers of real models carry one.

    It is the size in bytes of a trie, the trie, and the replacements, each ended by a zero byte. The trie is a double
    array of darts-clone: from the node at position `p`, the character `c` leads to the unit at `p ^ offset ^ c`, which
    repeats `c` in its low byte, says in bit 8 whether a word ends there, and holds its own offset from bit 10; the
    unit that ends a word holds the place of its replacement
    (https://github.com/google/sentencepiece, `builder.cc` and `normalizer.cc`).
    """
    capitals = range(ord("A"), ord("Z") + 1)
    children, ends = 256, 512
    units = [0] * (2 * ends)
    units[0] = children << 10
    for number, character in enumerate(capitals):
        units[children + character] = ((children ^ ends) << 10) | (1 << 8) | character
        units[ends + character] = 2 * number
    trie = struct.pack(f"<{len(units)}I", *units)
    lower = b"".join(bytes([character + 32, 0]) for character in capitals)
    return struct.pack("<I", len(trie)) + trie + lower


def make_tokenizer() -> T5TokenizerFast:
    """A Unigram tokenizer with one token for each word, in any letter case.

    The character map is the one kind of normaliser that transformers 5 keeps when it rebuilds a T5 tokenizer.
    """
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -8.0), (",", -2.0), (".", -2.0)]
    return T5TokenizerFast(
        vocab=special + [(f"▁{word}", -2.0) for word in WORDS],
        extra_ids=0,
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=TEXT_LENGTH,
        _spm_precompiled_charsmap=lower_case_map(),
    )


def make_text_encoder(tokenizer: T5TokenizerFast) -> UMT5EncoderModel:
    """A fresh two-layer UMT5 encoder that tells the words of a second object from those of the first."""
    config = UMT5Config(
        vocab_size=len(tokenizer), d_model=128, d_kv=32, num_heads=4, d_ff=256, num_layers=2, dropout_rate=0.0
    )
    text_encoder = UMT5EncoderModel(config)
    mark_words_after(text_encoder, tokenizer.convert_tokens_to_ids("▁and"))
    return text_encoder


def mark_words_after(text_encoder: UMT5EncoderModel, token: int, *, gain: float = 4.0) -> None:
    """Let the first head of the first layer start with a mark on every word that stands after that token.

    From a random start the encoder saw a bag of words for thousands of steps (a linear probe of which object a colour
    belongs to stayed at chance), and each of two objects got colour, shape and motion from either. The head looks
    back only, at all words alike; its first value is 1 for the token and 0 for every other word, and goes out in a
    direction that no embedding uses.
    """
    layer = text_encoder.encoder.block[0].layer[0]
    attention = layer.SelfAttention
    with torch.no_grad():
        attention.q.weight[: attention.key_value_proj_dim] = 0.0
        attention.relative_attention_bias.weight[:, 0] = 0.0
        attention.relative_attention_bias.weight[17:, 0] = -6.0  # T5's buckets of what follows
        words = layer.layer_norm(text_encoder.get_input_embeddings().weight)
        only_token = torch.linalg.pinv(words)[:, token]
        unused = torch.linalg.svd(words).Vh[-1]
        attention.v.weight[0] = only_token
        attention.o.weight[:, 0] = unused * gain * words.norm(dim=1).mean()


def draw_captions(shown: list[Combination], rng: random.Random) -> list[str]:
    """A caption for each clip: mostly a full wording; some say less, hold a strange word, or say nothing at all.

    The empty ones and those of strange words alone are what the model takes an (unknown) negative prompt for.
    """
    captions = []
    for combination in shown:
        chance = rng.random()
        if chance < 0.06:
            captions.append("")
        elif chance < 0.08:
            captions.append(" ".join(["xyz"] * rng.randint(1, 8)))
        elif chance < 0.18:
            captions.append(combination.partial_wording(rng))
        else:
            words = combination.wording(rng).split(" ")
            if chance < 0.22:
                words.insert(rng.randrange(len(words) + 1), "xyz")
            captions.append(" ".join(words))
    return captions
