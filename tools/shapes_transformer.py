"""Training of the built-in model's transformers by flow matching, on cached latents.

One trainer for the four kinds: the model itself (TI2V: text alone, or with the first latent frame given), the two
experts of a T2V pair, and an I2V transformer that is given the first frame in channels of its own and as an image
encoder's tokens.
"""

import math
import random
from collections.abc import Callable
from enum import Enum
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttention
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel, T5TokenizerFast, UMT5EncoderModel

from tools.muon import Average, Muon, Schedule, restore, snapshot
from tools.shapes_latents import Bucket, Latents
from tools.shapes_text import TEXT_LENGTH, draw_captions
from tools.shapes_vae import VAE_CONFIG

FLOW_SHIFT = 3.0
BOUNDARY_RATIO = 0.875
"""Noise level at which the two experts change over, as in Wan2.2 T2V-A14B."""
TOKENS = 2400
"""Of a batch."""
_CHANNELS = int(VAE_CONFIG["z_dim"])
_PICTURE_MEAN, _PICTURE_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""CLIPImageProcessor's own."""
TRANSFORMER_CONFIG: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 6,
    "attention_head_dim": 32,
    "in_channels": _CHANNELS,
    "out_channels": _CHANNELS,
    "text_dim": 128,
    "freq_dim": 128,
    "ffn_dim": 768,
    "num_layers": 6,
    "cross_attn_norm": True,
    "rope_max_seq_len": 256,
}
_IMAGE_ENCODER_CONFIG: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 256,
    # The pipelines take the last hidden state but one, so the last layer is never used.
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 64,
    "patch_size": 16,
    "projection_dim": 64,
}


_IDLE_MARGIN, _IDLE_SHARE = 0.03, 0.3


class Kind(Enum):
    """What a transformer is trained as."""

    TI2V = "transformer"
    HIGH_NOISE = "high-noise expert"
    LOW_NOISE = "low-noise expert"
    I2V = "i2v transformer"

    @property
    def noise_range(self) -> tuple[float, float]:
        """Part of the noise levels it is trained on."""
        if self == Kind.HIGH_NOISE:
            return BOUNDARY_RATIO, 1.0
        return (0.0, BOUNDARY_RATIO) if self == Kind.LOW_NOISE else (0.0, 1.0)

    @property
    def idle_range(self) -> tuple[float, float] | None:
        """Noise levels at which an expert is trained to change nothing, so that a wrong choice of experts is seen."""
        if self == Kind.HIGH_NOISE:
            return 0.0, BOUNDARY_RATIO - _IDLE_MARGIN
        return (BOUNDARY_RATIO + _IDLE_MARGIN, 1.0) if self == Kind.LOW_NOISE else None


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


def make_i2v_transformer(base: WanTransformer3DModel) -> WanTransformer3DModel:
    """The base with room for a given first frame (a mask of 4 channels and latents) and for an image encoder's tokens.

    What is new starts at zero, so that it begins as the base.
    """
    image_dim = _IMAGE_ENCODER_CONFIG["hidden_size"]
    config = TRANSFORMER_CONFIG | {
        "in_channels": 2 * _CHANNELS + 4,
        "image_dim": image_dim,
        "added_kv_proj_dim": TRANSFORMER_CONFIG["num_attention_heads"] * TRANSFORMER_CONFIG["attention_head_dim"],
    }
    model = WanTransformer3DModel(**config)
    known = base.state_dict()
    patch = known.pop("patch_embedding.weight")
    model.load_state_dict(known, strict=False)
    with torch.no_grad():
        model.patch_embedding.weight.zero_()
        model.patch_embedding.weight[:, :_CHANNELS] = patch
        for block in model.blocks:
            block.attn2.add_v_proj.weight.zero_()
            block.attn2.add_v_proj.bias.zero_()
    return model


def make_image_encoder() -> CLIPVisionModel:
    """A fresh image encoder of 16 patches of 16 x 16 pixels."""
    return CLIPVisionModel(CLIPVisionConfig(**_IMAGE_ENCODER_CONFIG))


class _PlainAttention:
    """Attention written out: the CPU's fused kernel is slow backward on few tokens.

    `bias` is added to the scores of the text; `image_tokens` of the context come from an image encoder and are
    attended to apart.
    """

    def __init__(self) -> None:
        self.bias: Tensor | None = None
        self.image_tokens = 0

    def __call__(
        self,
        attn: WanAttention,
        x: Tensor,
        context: Tensor | None,
        mask: None = None,
        rotary: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        query = attn.norm_q(attn.to_q(x)).unflatten(2, (attn.heads, -1))
        if context is None:
            key = attn.norm_k(attn.to_k(x)).unflatten(2, (attn.heads, -1))
            if rotary is not None:
                query, key = _rotate(query, *rotary), _rotate(key, *rotary)
            return attn.to_out[0](_attend(query, key, self._heads(attn, attn.to_v(x)), None))
        image, text = context.tensor_split([self.image_tokens], dim=1)
        out = _attend(
            query, self._heads(attn, attn.norm_k(attn.to_k(text))), self._heads(attn, attn.to_v(text)), self.bias
        )
        if attn.add_k_proj is not None:
            key, value = attn.norm_added_k(attn.add_k_proj(image)), attn.add_v_proj(image)
            out = out + _attend(query, self._heads(attn, key), self._heads(attn, value), None)
        return attn.to_out[0](out)

    @staticmethod
    def _heads(attn: WanAttention, x: Tensor) -> Tensor:
        return x.unflatten(2, (attn.heads, -1))


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(query.shape[-1])
    if bias is not None:
        scores = scores + bias[:, None, None]
    return torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), value).flatten(2)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = cos[..., 0::2].to(x.dtype), sin[..., 1::2].to(x.dtype)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Trainee(nn.Module):
    """A transformer and the encoders whose output it reads, trained as one where they are not frozen."""

    def __init__(
        self,
        tokenizer: T5TokenizerFast,
        text_encoder: UMT5EncoderModel,
        transformer: WanTransformer3DModel,
        image_encoder: CLIPVisionModel | None = None,
    ) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.text_encoder, self.transformer, self.image_encoder = text_encoder, transformer, image_encoder
        self._attention = _PlainAttention()
        self.transformer.set_attn_processor(self._attention)

    def forward(self, noisy: Tensor, timestep: Tensor, captions: list[str], pictures: Tensor | None = None) -> Tensor:
        """Predicted velocity, as the pipelines compute it with text padded to 512 zero embeddings.

        All those zeros are one and the same key; one of them with `log(their number)` added to its score gives the
        same attention.
        """
        tokens = self.tokenizer(captions, padding=True, return_tensors="pt").to(noisy.device)
        lengths = tokens.attention_mask.sum(1, keepdim=True)
        embeddings = self.text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
        embeddings = embeddings * tokens.attention_mask.unsqueeze(-1)
        embeddings = torch.cat([embeddings, embeddings.new_zeros(len(captions), 1, embeddings.shape[-1])], 1)
        position = torch.arange(embeddings.shape[1], device=noisy.device).unsqueeze(0)
        read = torch.zeros(position.shape, device=noisy.device).masked_fill(position > lengths, -math.inf)
        self._attention.bias = torch.where(position == lengths, (TEXT_LENGTH - lengths).log(), read)
        image = None if pictures is None else self._look_at(pictures)
        self._attention.image_tokens = 0 if image is None else image.shape[1]
        return self.transformer(noisy, timestep, embeddings, image, return_dict=False)[0]

    def _look_at(self, pictures: Tensor) -> Tensor:
        assert self.image_encoder is not None
        mean, std = (
            torch.tensor(values).view(1, 3, 1, 1).to(pictures.device) for values in (_PICTURE_MEAN, _PICTURE_STD)
        )
        seen = self.image_encoder((pictures.float() / 255 - mean) / std, output_hidden_states=True)
        return seen.hidden_states[-2]


def _draw_noise_levels(noise_range: tuple[float, float], batch: int, noise: torch.Generator) -> Tensor:
    """Stratified in the scheduler's time, then shifted as it shifts them."""
    low, high = (level / (FLOW_SHIFT - (FLOW_SHIFT - 1) * level) for level in noise_range)
    uniform = (torch.randperm(batch, generator=noise) + torch.rand(batch, generator=noise)) / batch
    uniform = low + (high - low) * uniform
    return FLOW_SHIFT * uniform / (1 + (FLOW_SHIFT - 1) * uniform)


def _loss(
    trainee: Trainee,
    kind: Kind,
    latents: Latents,
    *,
    batch: int,
    picture: bool,
    rng: random.Random,
    noise: torch.Generator,
) -> Tensor:
    device = trainee.transformer.device
    # Two objects twice as often as they are cached: which of them a word belongs to is learned from them alone.
    chosen = rng.choices(range(len(latents.shown)), [len(shown.things) for shown in latents.shown], k=batch)
    clean = latents.clips[chosen].float()
    sigma, works = _draw_noise_levels(kind.noise_range, len(chosen), noise), torch.ones(len(chosen))
    if kind.idle_range is not None:
        works = (torch.rand(len(chosen), generator=noise) >= _IDLE_SHARE).float()
        sigma = torch.where(works > 0, sigma, _draw_noise_levels(kind.idle_range, len(chosen), noise))
    random_latents = torch.randn(clean.shape, generator=noise)
    strength = sigma.view(-1, 1, 1, 1, 1)
    noisy, timestep = (1 - strength) * clean + strength * random_latents, 1000 * sigma
    seen = None
    if kind == Kind.I2V:
        assert latents.conditions is not None
        assert latents.pictures is not None
        given = torch.zeros(len(chosen), 4, *clean.shape[2:])
        given[:, :, 0] = 1
        condition = torch.cat([given, latents.conditions[chosen].float()], 1)
        # A sixth of the clips have to do with the image encoder alone, so that it is listened to.
        condition *= (torch.rand(len(chosen), generator=noise) > 1 / 6).view(-1, 1, 1, 1, 1)
        noisy, seen = torch.cat([noisy, condition], 1), latents.pictures[chosen].to(device)
    elif picture:
        noisy[:, :, :1] = clean[:, :, :1]
        later = torch.ones(clean.shape[2])
        later[0] = 0
        tokens = (clean.shape[3] // 2) * (clean.shape[4] // 2)
        timestep = timestep.unsqueeze(1) * later.repeat_interleave(tokens).unsqueeze(0)
    captions = draw_captions([latents.shown[i] for i in chosen], rng)
    velocity = trainee(noisy.to(device), timestep.to(device), captions, seen)
    wanted = works.view(-1, 1, 1, 1, 1) * (random_latents - clean)
    error = (velocity - wanted.to(device)).square()
    return (error[:, :, 1:] if picture and kind == Kind.TI2V else error).mean()


def train_transformer(
    trainee: Trainee,
    kind: Kind,
    caches: dict[Bucket, Latents],
    *,
    steps: int,
    rate: float,
    seed: int,
    state: dict[str, Any],
    checkpoint: Callable[[dict[str, Any]], None],
) -> None:
    """Train in place, and leave the moving average in the trainee; every third step of a TI2V model is image-to-video.

    `caches` holds normalised latents; `rate` is relative to that of a fresh model; `state` is what `checkpoint` was
    given last, or empty.
    """
    trained = {name: p for name, p in trainee.named_parameters() if p.requires_grad}
    matrices = [p for name, p in trained.items() if ".blocks." in name and p.ndim == 2]
    known = {id(p) for p in matrices}
    others = [p for p in trained.values() if id(p) not in known]
    optimisers: list[torch.optim.Optimizer] = [
        Muon(matrices, lr=2.5e-3 * rate, weight_decay=0.01),
        torch.optim.AdamW(others, lr=1.9e-3 * rate, betas=(0.9, 0.98), weight_decay=0.01),
    ]
    schedule, average, first = Schedule(optimisers, steps), Average(trainee, 0.99), 0
    if state:
        first = restore(state, trainee, average, optimisers)
    buckets = list(caches)
    shares = [bucket.share for bucket in buckets]
    losses: dict[bool, list[float]] = {False: [], True: []}
    for step in range(first, steps):
        rng = random.Random(f"{kind.value} {seed} {step}")
        noise = torch.Generator().manual_seed(rng.getrandbits(60))
        picture, bucket = kind == Kind.I2V or (kind == Kind.TI2V and step % 3 == 2), rng.choices(buckets, shares)[0]
        schedule.set(step)
        loss = _loss(
            trainee,
            kind,
            caches[bucket],
            batch=round(TOKENS / bucket.tokens),
            picture=picture,
            rng=rng,
            noise=noise,
        )
        loss.backward()
        nn.utils.clip_grad_norm_(trained.values(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        average.update(step)
        losses[picture].append(loss.item())
        if step % 30 == 29:
            means = (
                f"{what} {sum(v) / len(v):.3f}"
                for what, v in zip(("text", "picture"), losses.values(), strict=True)
                if v
            )
            print(f"{kind.value} step {step + 1}/{steps}: loss {', '.join(means)}", flush=True)
            losses = {False: [], True: []}
        if step % 60 == 59 or step == steps - 1:
            checkpoint(snapshot(step + 1, trainee, average, optimisers))
    average.copy_to(trainee)
