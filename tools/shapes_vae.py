"""Training of the built-in model's VAE: a small `AutoencoderKLWan` in the shape of Wan2.2's (16x16x4, residual)."""

import random
import types
from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders import autoencoder_kl_wan as wan
from muon import Average, Muon, Schedule
from shapes_world import Scene, combinations, draw_scene, draw_wild_scene, render
from torch import Tensor, nn
from torch.nn import functional as F

VAE_CONFIG: dict[str, Any] = {
    "base_dim": 96,
    "decoder_base_dim": 64,
    "z_dim": 32,
    "dim_mult": [1, 1, 1],
    # Equal dim_mult allow zero residual blocks: an encoder that is linear up to its middle block, hence the wide base_dim.
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
    """Make a VAE process a clip in one go instead of frame group by frame group (equal to `encode`/`decode`, faster to train).

    Without a feature cache the library's resampling skips its temporal convolution; this gives it one over the whole clip: the first
    frame stands alone, as in the chunked code.
    """

    def forward(self: wan.WanResample, x: Tensor, feat_cache: None = None, feat_idx: list[int] | None = None) -> Tensor:
        if self.mode == "upsample3d" and x.shape[2] > 1:
            rest = self.time_conv(x[:, :, 1:])
            batch, _, frames, height, width = rest.shape
            rest = rest.view(batch, 2, -1, frames, height, width).permute(0, 2, 3, 1, 4, 5).reshape(batch, -1, 2 * frames, height, width)
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


def train_vae(vae: AutoencoderKLWan, *, steps: int, batch: int, seed: int, state: dict[str, Any], checkpoint: Callable[[dict[str, Any]], None]) -> AutoencoderKLWan:
    """Train in place; returns the moving average as a VAE of its own.

    `state` is what `checkpoint` was given last, or empty.
    """
    whole_clip(vae)
    matrices = [p for p in vae.parameters() if p.ndim > 2]
    others = [p for p in vae.parameters() if p.ndim <= 2]
    optimisers: list[torch.optim.Optimizer] = [Muon(matrices, lr=2e-3), torch.optim.AdamW(others, lr=1e-3, weight_decay=0.0)]
    schedule, average, first = Schedule(optimisers, steps, end=0.03), Average(vae, 0.995), 0
    if state:
        first = state["step"]
        vae.load_state_dict(state["model"])
        average.shadow = state["average"]
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
    for step in range(first, steps):
        rng, noise = random.Random(f"vae {seed} {step}"), torch.Generator().manual_seed(seed * 1_000_003 + step)
        clip = render(draw_batch(rng, batch), width=64, height=64, num_frames=9)
        latents = encode_clip(vae, clip)
        strength = 0.2 * torch.rand(batch, 1, 1, 1, 1, generator=noise)
        decoded = decode_clip(vae, latents + strength * torch.randn(latents.shape, generator=noise))
        mse = F.mse_loss(decoded, clip)
        loss = 0.3 * F.l1_loss(decoded, clip) + 4 * mse + 2e-4 * latents.square().mean()
        schedule.set(step)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        average.update(step)
        if step % 25 == 24:
            print(f"vae step {step + 1}/{steps}: {10 * torch.log10(4 / mse.detach()).item():.2f} dB on noisy latents", flush=True)
        if step % 100 == 99 or step == steps - 1:
            checkpoint({"step": step + 1, "model": vae.state_dict(), "average": average.shadow, "optimisers": [o.state_dict() for o in optimisers]})
    result = make_vae()
    average.copy_to(result)
    return result.eval()
