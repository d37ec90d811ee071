"""Training of the built-in model's VAE: a small `AutoencoderKLWan` in the shape of Wan2.2's (16x16x4, residual)."""

import math
import random
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders import autoencoder_kl_wan as wan
from torch import Tensor, nn
from torch.nn import functional as F

from tools.muon import Average, Muon, Schedule, restore, snapshot
from tools.shapes_world import Scene, combinations, draw_scene, draw_wild_scene, render

VAE_CONFIG: dict[str, Any] = {
    "base_dim": 96,
    "decoder_base_dim": 64,
    "z_dim": 32,
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
    vae = AutoencoderKLWan(latents_mean=[0.0] * 32, latents_std=[1.0] * 32, **VAE_CONFIG)
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
        vae.encoder.conv_out.weight[32:].zero_()
        vae.encoder.conv_out.bias[32:].fill_(_LOGVAR)
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


def draw_batch(rng: random.Random, size: int) -> list[Scene]:
    """Scenes to train on: four fifths from the trained combinations, the rest wild."""
    trained = combinations(held_out=False)
    return [draw_wild_scene(rng) if rng.random() < 0.2 else draw_scene(rng.choice(trained), rng) for _ in range(size)]


@dataclass(frozen=True, slots=True)
class VaePhase:
    """One part of the training."""

    name: str
    steps: int
    learning_rate: float
    batch_of_frames: Mapping[int, int]
    """Frames of a clip: clips in a batch; each step draws one."""
    decoder_only: bool


PHASES = (
    VaePhase("vae", 900, 2e-3, {9: 16}, decoder_only=False),
    # Nine frames alone leave a decoder that drifts in colour after the ninth. The encoder stays, and so do latents
    # made with it.
    VaePhase("decoder", 300, 1.5e-3, {9: 16, 17: 8, 25: 6}, decoder_only=True),
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
    for step in range(first, phase.steps):
        schedule.set(step)
        loss, mse = _loss(vae, phase, random.Random(f"{phase.name} {seed} {step}"))
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        average.update(step)
        if step % 25 == 24:
            decibels = 10 * math.log10(4 / mse)
            print(f"{phase.name} step {step + 1}/{phase.steps}: {decibels:.2f} dB on noisy latents", flush=True)
        if step % 100 == 99 or step == phase.steps - 1:
            checkpoint(snapshot(step + 1, vae, average, optimisers))
    result = make_vae()
    average.copy_to(result)
    return result.eval()


def _loss(vae: AutoencoderKLWan, phase: VaePhase, rng: random.Random) -> tuple[Tensor, float]:
    noise = torch.Generator().manual_seed(rng.getrandbits(60))
    num_frames = rng.choice(list(phase.batch_of_frames))
    batch = phase.batch_of_frames[num_frames]
    clip = render(draw_batch(rng, batch), width=64, height=64, num_frames=num_frames)
    with torch.set_grad_enabled(not phase.decoder_only):
        latents = encode_clip(vae, clip)
    strength = 0.2 * torch.rand(batch, 1, 1, 1, 1, generator=noise)
    decoded = decode_clip(vae, latents + strength * torch.randn(latents.shape, generator=noise))
    mse = F.mse_loss(decoded, clip)
    loss = 0.3 * F.l1_loss(decoded, clip) + 4 * mse + 2e-4 * latents.square().mean()
    return loss, float(mse.detach())
