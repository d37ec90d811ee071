"""Training of the built-in model's text encoder and transformer by flow matching, on cached latents."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttention
from torch import Tensor, nn
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

from tools.muon import Average, Muon, Schedule, restore, snapshot
from tools.shapes_vae import encode_clip, whole_clip
from tools.shapes_world import WORDS, Combination, draw_scene, render

TEXT_LENGTH = 512
FLOW_SHIFT = 3.0
FRAME_COUNTS = {9: 192, 17: 128}  # frames of a clip: clips in a batch
TRANSFORMER_CONFIG: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 6,
    "attention_head_dim": 32,
    "in_channels": 32,
    "out_channels": 32,
    "text_dim": 128,
    "freq_dim": 128,
    "ffn_dim": 768,
    "num_layers": 6,
    "cross_attn_norm": True,
    "rope_max_seq_len": 256,
}


def _capitalised_words() -> dict[str, str]:
    return {spelling: word for word in WORDS for spelling in (word.capitalize(), word.upper()) if spelling != word}


def make_tokenizer() -> T5TokenizerFast:
    """A Unigram tokenizer with a token for each word and for its capitalised spellings.

    A normaliser that lower-cases would be lost when transformers 5 rebuilds the tokenizer on reload.
    """
    words = [*WORDS, *_capitalised_words()]
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -8.0), (",", -2.0), (".", -2.0)] + [
        (f"▁{word}", -2.0) for word in words
    ]
    return T5TokenizerFast(
        vocab=vocab, extra_ids=0, eos_token="</s>", unk_token="<unk>", pad_token="<pad>", model_max_length=TEXT_LENGTH
    )


def make_text_encoder(tokenizer: T5TokenizerFast) -> UMT5EncoderModel:
    """A fresh two-layer UMT5 encoder."""
    config = UMT5Config(
        vocab_size=len(tokenizer), d_model=128, d_kv=32, num_heads=4, d_ff=256, num_layers=2, dropout_rate=0.0
    )
    return UMT5EncoderModel(config)


def share_capitals(text_encoder: UMT5EncoderModel, tokenizer: T5TokenizerFast) -> None:
    """Give every capitalised spelling the embedding of its lower-case word."""
    weight = text_encoder.get_input_embeddings().weight
    with torch.no_grad():
        for spelling, word in _capitalised_words().items():
            source, target = tokenizer.convert_tokens_to_ids([f"▁{word}", f"▁{spelling}"])
            weight[target] = weight[source]


def make_transformer() -> WanTransformer3DModel:
    """A fresh transformer: open gates, neutral modulation, and padding tokens that attract little attention."""
    model = WanTransformer3DModel(**TRANSFORMER_CONFIG)
    with torch.no_grad():
        nn.init.zeros_(model.proj_out.weight)
        nn.init.zeros_(model.proj_out.bias)
        nn.init.orthogonal_(model.patch_embedding.weight.view(model.patch_embedding.weight.shape[0], -1))
        nn.init.zeros_(model.patch_embedding.bias)
        model.scale_shift_table.zero_()
        model.condition_embedder.time_proj.weight.mul_(0.3)
        model.condition_embedder.time_proj.bias.zero_()
        for linear in (
            model.condition_embedder.text_embedder.linear_1,
            model.condition_embedder.text_embedder.linear_2,
        ):
            linear.bias.zero_()
        model.condition_embedder.text_embedder.linear_2.weight.mul_(8)
        for block in model.blocks:
            block.scale_shift_table.zero_()
            block.scale_shift_table[:, [2, 5]] = 0.5
            block.attn2.to_q.bias.fill_(0.4)
            block.attn2.to_k.bias.fill_(-0.4)
    return model


class _PlainAttention:
    """Attention written out: the CPU's fused kernel is slow backward on few tokens.

    `bias` is added to the scores of cross-attention.
    """

    def __init__(self) -> None:
        self.bias: Tensor | None = None

    def __call__(
        self,
        attn: WanAttention,
        x: Tensor,
        context: Tensor | None,
        mask: None = None,
        rotary: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        source = x if context is None else context
        query, key = (
            attn.norm_q(attn.to_q(x)).unflatten(2, (attn.heads, -1)),
            attn.norm_k(attn.to_k(source)).unflatten(2, (attn.heads, -1)),
        )
        value = attn.to_v(source).unflatten(2, (attn.heads, -1))
        if rotary is not None:
            query, key = _rotate(query, *rotary), _rotate(key, *rotary)
        scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(query.shape[-1])
        if context is not None and self.bias is not None:
            scores = scores + self.bias[:, None, None]
        return attn.to_out[0](torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), value).flatten(2))


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = cos[..., 0::2].to(x.dtype), sin[..., 1::2].to(x.dtype)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


@dataclass(frozen=True, slots=True)
class Latents:
    """Cached latents of one clip length, normalised, and the combination each shows."""

    values: Tensor
    """`(clips, 32, frames_latent, 4, 4)`, float32."""
    shown: list[Combination]


@torch.no_grad()
def encode_scenes(vae: AutoencoderKLWan, shown: list[Combination], *, num_frames: int, seed: int) -> Tensor:
    """Latents of one drawn clip for each of these combinations, `(clips, 32, frames_latent, 4, 4)`, not normalised."""
    whole_clip(vae)
    rng = random.Random(f"latents {seed} {num_frames}")
    scenes = [draw_scene(combination, rng) for combination in shown]
    parts = [
        encode_clip(vae, render(scenes[i : i + 16], width=64, height=64, num_frames=num_frames))
        for i in range(0, len(scenes), 16)
    ]
    return torch.cat(parts)


def latent_statistics(latents: Latents) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each latent channel; small deviations are floored at half their RMS."""
    mean, std = latents.values.mean(dim=(0, 2, 3, 4)), latents.values.std(dim=(0, 2, 3, 4))
    return mean.tolist(), std.clamp_min(std.square().mean().sqrt() / 2).tolist()


def _captions(shown: list[Combination], rng: random.Random) -> list[str]:
    captions = []
    for combination in shown:
        words, chance = combination.wording(rng).split(" "), rng.random()
        if chance < 0.06:
            words = []
        elif chance < 0.08:
            words = ["xyz"] * rng.randint(1, 8)
        elif chance < 0.12:
            words.insert(rng.randrange(len(words) + 1), "xyz")
        captions.append(" ".join(words))
    return captions


class Trainee(nn.Module):
    """Text encoder and transformer, trained as one."""

    def __init__(self, tokenizer: T5TokenizerFast) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.text_encoder, self.transformer = make_text_encoder(tokenizer), make_transformer()
        self._attention = _PlainAttention()
        self.transformer.set_attn_processor(self._attention)

    def forward(self, noisy: Tensor, timestep: Tensor, captions: list[str]) -> Tensor:
        """Predicted velocity, as the pipelines compute it with text padded to 512 zero embeddings.

        All those zeros are one and the same key; one of them with `log(their number)` added to its score gives the
        same attention.
        """
        tokens = self.tokenizer(captions, padding=True, return_tensors="pt")
        lengths = tokens.attention_mask.sum(1)
        embeddings = self.text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
        embeddings = torch.cat(
            [
                embeddings * tokens.attention_mask.unsqueeze(-1),
                embeddings.new_zeros(len(captions), 1, embeddings.shape[-1]),
            ],
            1,
        )
        position = torch.arange(embeddings.shape[1]).unsqueeze(0)
        bias = (
            torch.full(position.shape, 0.0)
            .expand(len(captions), -1)
            .masked_fill(position > lengths.unsqueeze(1), -math.inf)
        )
        self._attention.bias = torch.where(
            position == lengths.unsqueeze(1), (TEXT_LENGTH - lengths).log().unsqueeze(1), bias
        )
        return self.transformer(noisy, timestep, embeddings, return_dict=False)[0]


def _loss(
    trainee: Trainee, latents: Latents, *, batch: int, picture: bool, rng: random.Random, noise: torch.Generator
) -> Tensor:
    chosen = rng.sample(range(len(latents.shown)), batch)
    clean = latents.values[chosen]
    uniform = (torch.randperm(batch, generator=noise) + torch.rand(batch, generator=noise)) / batch
    sigma = FLOW_SHIFT * uniform / (1 + (FLOW_SHIFT - 1) * uniform)
    random_latents = torch.randn(clean.shape, generator=noise)
    strength = sigma.view(-1, 1, 1, 1, 1)
    noisy, timestep = (1 - strength) * clean + strength * random_latents, 1000 * sigma
    if picture:
        noisy[:, :, :1] = clean[:, :, :1]
        tokens = (clean.shape[3] // 2) * (clean.shape[4] // 2)
        later = torch.ones(clean.shape[2])
        later[0] = 0
        timestep = timestep.unsqueeze(1) * later.repeat_interleave(tokens).unsqueeze(0)
    velocity = trainee(noisy, timestep, _captions([latents.shown[i] for i in chosen], rng))
    error = (velocity - (random_latents - clean)).square()
    return (error[:, :, 1:] if picture else error).mean()


def train_transformer(
    trainee: Trainee,
    caches: dict[int, Latents],
    *,
    steps: int,
    seed: int,
    state: dict[str, Any],
    checkpoint: Callable[[dict[str, Any]], None],
) -> None:
    """Train in place, and leave the moving average in the trainee; every third step is image-to-video.

    `caches` holds normalised latents by frame count; `state` is what `checkpoint` was given last, or empty.
    """
    matrices = [p for name, p in trainee.transformer.blocks.named_parameters() if p.ndim == 2]
    known = {id(p) for p in matrices}
    others = [p for p in trainee.parameters() if id(p) not in known]
    optimisers: list[torch.optim.Optimizer] = [
        Muon(matrices, lr=2.5e-3, weight_decay=0.01),
        torch.optim.AdamW(others, lr=1.9e-3, betas=(0.9, 0.98), weight_decay=0.01),
    ]
    schedule, average, first = Schedule(optimisers, steps), Average(trainee, 0.99), 0
    if state:
        first = restore(state, trainee, average, optimisers)
    sums = {False: 0.0, True: 0.0}
    for step in range(first, steps):
        rng, noise = random.Random(f"transformer {seed} {step}"), torch.Generator().manual_seed(seed * 1_000_003 + step)
        picture, num_frames = step % 3 == 2, rng.choice(list(caches))
        schedule.set(step)
        loss = _loss(trainee, caches[num_frames], batch=FRAME_COUNTS[num_frames], picture=picture, rng=rng, noise=noise)
        loss.backward()
        nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        average.update(step)
        sums[picture] += loss.item()
        if step % 30 == 29:
            print(
                f"transformer step {step + 1}/{steps}: loss text {sums[False] / 20:.3f}, picture {sums[True] / 10:.3f}",
                flush=True,
            )
            sums = {False: 0.0, True: 0.0}
        if step % 60 == 59 or step == steps - 1:
            checkpoint(snapshot(step + 1, trainee, average, optimisers))
    average.copy_to(trainee)
    share_capitals(trainee.text_encoder, trainee.tokenizer)
