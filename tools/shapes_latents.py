"""Latents of drawn clips, cached by size and length: what the built-in model's transformers are trained on."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor
from torch.nn import functional as F

from tools.shapes_vae import VAE_CONFIG, encode_clip, whole_clip
from tools.shapes_world import FRAME_COUNTS, SIZES, Combination, Thing, combinations, draw_pair, draw_scene, render

_LATENT = int(VAE_CONFIG["scale_factor_spatial"])
_CLIPS = {
    (64, 64): (3000, 3000, 1200),
    (96, 64): (1400, 1400, 700),
    (96, 96): (900, 900, 450),
    (128, 96): (700, 700, 350),
}
"""Clips of 9, 17 and 25 frames of each size."""
_PAIRS = 0.35
"""Share of clips that show two objects."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Clips of one size and length."""

    width: int
    height: int
    num_frames: int

    @property
    def tokens(self) -> int:
        """Tokens of the transformer in one clip, with patches of 1 x 2 x 2."""
        return (self.width // (2 * _LATENT)) * (self.height // (2 * _LATENT)) * ((self.num_frames - 1) // 4 + 1)

    @property
    def share(self) -> float:
        """How often it is trained on, relative to the others."""
        size = 2.0 if (self.width, self.height) == (64, 64) else 1.0
        return size * {9: 0.35, 17: 0.4, 25: 0.25}[self.num_frames]


BUCKETS = tuple(Bucket(*size, num_frames) for size in SIZES for num_frames in FRAME_COUNTS)


@dataclass(frozen=True, slots=True)
class Latents:
    """Clips of one bucket as the transformer sees them."""

    clips: Tensor
    """`(clips, channels, frames_latent, height_latent, width_latent)`, float16."""
    shown: list[Combination]
    """What each clip shows."""
    conditions: Tensor | None = None
    """Latents of the first frame followed by mid-gray frames, shaped like `clips`: what I2V models are given."""
    pictures: Tensor | None = None
    """`(clips, 3, 64, 64)`, uint8: the first frame as the image encoder sees it."""


def draw_shown(count: int, rng: random.Random) -> list[Combination]:
    """Trained combinations: pairs by chance, single objects from one shuffled list after the other."""
    singles = combinations(held_out=False)
    shown: list[Combination] = []
    while len(shown) < count:
        if not len(shown) % len(singles):
            rng.shuffle(singles)
        is_pair = rng.random() < _PAIRS
        shown.append(draw_pair(rng, held_out=False) if is_pair else singles[len(shown) % len(singles)])
    return shown


@torch.no_grad()
def make_latents(
    vae: AutoencoderKLWan, bucket: Bucket, *, seed: int, part: float = 1.0, picture: bool = False
) -> Latents:
    """Draw and encode the clips of a bucket, not normalised; with `picture` also what an I2V model is given."""
    whole_clip(vae)
    rng = random.Random(f"latents {seed} {bucket}")
    count = round(part * _CLIPS[bucket.width, bucket.height][FRAME_COUNTS.index(bucket.num_frames)])
    shown = draw_shown(count, rng)
    clips, conditions, pictures = [], [], []
    for group in _groups(shown, max(1, 16 * 9 * 64 * 64 // (bucket.width * bucket.height * bucket.num_frames))):
        scenes = [draw_scene(combination, rng) for combination in group]
        clip = render(scenes, width=bucket.width, height=bucket.height, num_frames=bucket.num_frames).to(vae.device)
        clips.append(encode_clip(vae, clip).half().cpu())
        if picture:
            first = torch.zeros_like(clip)
            first[:, :, 0] = clip[:, :, 0]
            conditions.append(encode_clip(vae, first).half().cpu())
            pictures.append(_small_picture(clip[:, :, 0]).cpu())
    return Latents(
        torch.cat(clips), shown, torch.cat(conditions) if picture else None, torch.cat(pictures) if picture else None
    )


def _groups(shown: list[Combination], size: int) -> Iterator[list[Combination]]:
    for start in range(0, len(shown), size):
        yield shown[start : start + size]


def _small_picture(frames: Tensor) -> Tensor:
    """What CLIPImageProcessor makes of them: the shorter side 64, the middle cut out."""
    height, width = frames.shape[-2:]
    scale = 64 / min(height, width)
    small = F.interpolate(frames, size=(round(height * scale), round(width * scale)), mode="bicubic", antialias=True)
    top, left = (small.shape[-2] - 64) // 2, (small.shape[-1] - 64) // 2
    return (small[..., top : top + 64, left : left + 64] * 127.5 + 127.5).round().clamp(0, 255).byte()


def latent_statistics(caches: dict[Bucket, Latents]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each latent channel; small deviations are floored at half their RMS."""
    flat = torch.cat([cache.clips.float().transpose(0, 1).flatten(1)[:, ::4] for cache in caches.values()], dim=1)
    mean, std = flat.mean(1), flat.std(1)
    return mean.tolist(), std.clamp_min(std.square().mean().sqrt() / 2).tolist()


def normalise(latents: Latents, mean: list[float], std: list[float]) -> Latents:
    """The same latents in the transformer's scale."""

    def scaled(values: Tensor | None) -> Tensor | None:
        if values is None:
            return None
        shape = (1, -1, 1, 1, 1)
        return ((values.float() - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)).half()

    clips = scaled(latents.clips)
    assert clips is not None
    return Latents(clips, latents.shown, scaled(latents.conditions), latents.pictures)


def to_state(latents: Latents) -> dict[str, Any]:
    """Plain tensors and strings, for a checkpoint."""
    things = [[[t.foreground, t.shape, t.motion] for t in c.things] + [[c.background]] for c in latents.shown]
    return {"clips": latents.clips, "shown": things, "conditions": latents.conditions, "pictures": latents.pictures}


def from_state(state: dict[str, Any]) -> Latents:
    """The reverse of `to_state`."""
    shown = [
        Combination(tuple(Thing(*parts) for parts in things), background) for *things, (background,) in state["shown"]
    ]
    return Latents(state["clips"], shown, state["conditions"], state["pictures"])
