"""Training of the built-in model's VAE: a small `AutoencoderKLWan` in the shape of Wan2.2's (16x16x4, residual)."""

import functools
import math
import random
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders import autoencoder_kl_wan as wan
from torch import Tensor, nn
from torch.nn import functional as F

from tools.muon import Average, Muon, Schedule, restore, snapshot
from tools.shapes_world import (
    FRAME_COUNTS,
    SIZES,
    Combination,
    Scene,
    combinations,
    draw_pair,
    draw_scene,
    draw_wild_scene,
    render,
)

VAE_CONFIG: dict[str, Any] = {
    "base_dim": 96,
    "decoder_base_dim": 64,
    "z_dim": 48,
    "dim_mult": [1, 1, 1],
    # Equal dim_mult allow zero residual blocks: an encoder that is linear up to its middle block, hence the wide
    # base_dim.
    "num_res_blocks": 0,
    "temperal_downsample": [True, True],
    "is_residual": True,
    "in_channels": 48,
    "out_channels": 48,
    "patch_size": 4,
    "scale_factor_temporal": 4,
    "scale_factor_spatial": 16,
}
_LOGVAR = -6.0


def make_vae() -> AutoencoderKLWan:
    """A fresh VAE whose residual branches start at zero, so that colour passes through from the first step."""
    channels = VAE_CONFIG["z_dim"]
    vae = AutoencoderKLWan(latents_mean=[0.0] * channels, latents_std=[1.0] * channels, **VAE_CONFIG)
    for module in vae.modules():
        if isinstance(module, wan.WanResidualBlock):
            nn.init.zeros_(module.conv2.weight)
            nn.init.zeros_(module.conv2.bias)
        elif isinstance(module, wan.WanAttentionBlock):
            nn.init.zeros_(module.proj.weight)
            nn.init.zeros_(module.proj.bias)
    for conv in (vae.quant_conv, vae.post_quant_conv):
        nn.init.dirac_(conv.weight)
        nn.init.zeros_(conv.bias)
    with torch.no_grad():
        vae.encoder.conv_out.weight[channels:].zero_()
        vae.encoder.conv_out.bias[channels:].fill_(_LOGVAR)
    return vae


def whole_clip(vae: AutoencoderKLWan) -> None:
    """Make a VAE process a clip in one go instead of group by group: equal to `encode` and `decode`, faster to train.

    Without a feature cache the library's resampling skips its temporal convolution; this gives it one over the whole
    clip: the first frame stands alone, as in the chunked code.
    """

    def forward(self: wan.WanResample, x: Tensor, feat_cache: None = None, feat_idx: list[int] | None = None) -> Tensor:
        if self.mode == "upsample3d" and x.shape[2] > 1:
            rest = self.time_conv(x[:, :, 1:])
            batch, _, frames, height, width = rest.shape
            rest = (
                rest.view(batch, 2, -1, frames, height, width)
                .permute(0, 2, 3, 1, 4, 5)
                .reshape(batch, -1, 2 * frames, height, width)
            )
            x = torch.cat([x[:, :, :1], rest], dim=2)
        batch, _, frames = x.shape[:3]
        x = self.resample(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (batch, frames)).transpose(1, 2)
        if self.mode == "downsample3d" and frames > 1:
            x = torch.cat([x[:, :, :1], self.time_conv(x)], dim=2)
        return x

    for module in vae.modules():
        if isinstance(module, wan.WanResample):
            module.forward = types.MethodType(forward, module)


def encode_clip(vae: AutoencoderKLWan, clip: Tensor) -> Tensor:
    """Means of the latents of a whole clip; the VAE must be `whole_clip`."""
    return vae.quant_conv(vae.encoder(wan.patchify(clip, VAE_CONFIG["patch_size"]))).chunk(2, dim=1)[0]


def decode_clip(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """A whole clip from (unnormalised) latents, not clamped; the VAE must be `whole_clip`."""
    return wan.unpatchify(vae.decoder(vae.post_quant_conv(latents), first_chunk=True), VAE_CONFIG["patch_size"])


@functools.cache
def _trained_combinations() -> list[Combination]:
    return combinations(held_out=False)


@functools.cache
def _easy_combinations() -> list[Combination]:
    return [c for c in _trained_combinations() if c.things[0].shape in ("circle", "square", "triangle")]


def draw_batch(rng: random.Random, size: int, *, easy: bool = False) -> list[Scene]:
    """Scenes to train on: half with one object, a third with two, the rest wild; easy ones have one plain object."""
    scenes = []
    for _ in range(size):
        chance = rng.random()
        if chance >= 0.83:
            scenes.append(draw_wild_scene(rng))
        elif easy:
            scenes.append(draw_scene(rng.choice(_easy_combinations()), rng))
        elif chance < 0.5:
            scenes.append(draw_scene(rng.choice(_trained_combinations()), rng))
        else:
            scenes.append(draw_scene(draw_pair(rng, held_out=False), rng))
    return scenes


def clip_cost(width: int, height: int, num_frames: int) -> float:
    """Work that a clip is for the VAE; 1 for 9 frames of 64 x 64."""
    return width * height * num_frames / (64 * 64 * 9)


@dataclass(frozen=True, slots=True)
class VaePhase:
    """One part of the training."""

    name: str
    steps: int
    learning_rate: float
    batch: int
    """Clips of 9 frames of 64 x 64 in a batch; of bigger ones as many as are the same work, at least two."""
    easy: bool = False
    """Plain shapes, one size, one length."""
    decoder_only: bool = False


PHASES = (
    # Plain shapes first: started on the whole world, the VAE showed blobs for stars and crosses after as much work.
    VaePhase("easy", 900, 2e-3, batch=16, easy=True),
    VaePhase("vae", 1800, 1.5e-3, batch=8),
    # The encoder stays, and so do latents made with it.
    VaePhase("decoder", 400, 1.0e-3, batch=8, decoder_only=True),
)


def train_vae(
    vae: AutoencoderKLWan,
    phase: VaePhase,
    *,
    seed: int,
    state: dict[str, Any],
    checkpoint: Callable[[dict[str, Any]], None],
) -> AutoencoderKLWan:
    """Train in place; returns the moving average as a VAE of its own.

    `state` is what `checkpoint` was given last, or empty.
    """
    whole_clip(vae)
    if phase.decoder_only:
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    trained = [p for p in vae.parameters() if p.requires_grad]
    optimisers: list[torch.optim.Optimizer] = [
        Muon([p for p in trained if p.ndim > 2], lr=phase.learning_rate),
        torch.optim.AdamW([p for p in trained if p.ndim <= 2], lr=phase.learning_rate / 2, weight_decay=0.0),
    ]
    schedule, average, first = Schedule(optimisers, phase.steps, end=0.03), Average(vae, 0.995), 0
    if state:
        first = restore(state, vae, average, optimisers)
    errors: list[float] = []
    for step in range(first, phase.steps):
        schedule.set(step)
        loss, mse = _loss(vae, phase, random.Random(f"{phase.name} {seed} {step}"))
        loss.backward()
        errors.append(mse)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        average.update(step)
        if step % 25 == 24:
            decibels = 10 * math.log10(4 * len(errors) / sum(errors))
            print(f"{phase.name} step {step + 1}/{phase.steps}: {decibels:.2f} dB on noisy latents", flush=True)
            errors.clear()
        if step % 100 == 99 or step == phase.steps - 1:
            checkpoint(snapshot(step + 1, vae, average, optimisers))
    result = make_vae().to(vae.device)
    average.copy_to(result)
    return result.eval()


def _loss(vae: AutoencoderKLWan, phase: VaePhase, rng: random.Random) -> tuple[Tensor, float]:
    device, noise = vae.device, torch.Generator().manual_seed(rng.getrandbits(60))
    width, height, num_frames = 64, 64, 9
    if not phase.easy:
        # Small and short clips often, every size and length sometimes: nine frames alone leave a decoder that drifts
        # in colour after the ninth, one size alone a middle attention that knows no other.
        (width, height), num_frames = rng.choices(SIZES, (5, 2, 2, 2))[0], rng.choices(FRAME_COUNTS, (5, 3, 2))[0]
    batch = max(2, round(phase.batch / clip_cost(width, height, num_frames)))
    scenes = draw_batch(rng, batch, easy=phase.easy)
    clip = render(scenes, width=width, height=height, num_frames=num_frames).to(device)
    with torch.set_grad_enabled(not phase.decoder_only):
        latents = encode_clip(vae, clip)
    strength = 0.2 * torch.rand(batch, 1, 1, 1, 1, generator=noise)
    decoded = decode_clip(vae, latents + (strength * torch.randn(latents.shape, generator=noise)).to(device))
    mse = F.mse_loss(decoded, clip)
    loss = 0.3 * F.l1_loss(decoded, clip) + 4 * mse + 2e-4 * latents.square().mean()
    return loss, float(mse.detach())
