"""Latents into frames, a group of four at a time, so that memory does not grow with the length."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from torch import Tensor

from wan_desktop.core.errors import BrokenPictureError
from wan_desktop.core.load_plan import VaePolicy
from wan_desktop.core.words import tr
from wan_desktop.engine.loader import LoadedModel
from wan_desktop.engine.sampler import interruptible, latent_statistics

_CPU = torch.device("cpu")


def decode_groups(
    model: LoadedModel,
    latents: Tensor,
    check_cancelled: Callable[[], None],
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Iterator[Tensor]:
    """Decode as `AutoencoderKLWan.decode` does, bit for bit, but give each group of frames away at once.

    In tiles, the first group comes only when all tiles are decoded: each tile's frames need those before them, and what
    all tiles remember of those is too much to keep. They wait in normal memory, 1.8 times the whole video at most.

    Args:
        model: Its VAE decodes.
        latents: Normalised, `(1, z_dim, frames_latent, h, w)`.
        check_cancelled: Raises JobCancelled to stop; called before each group.
        progress: Told how many groups of how many are decoded, those of tiles counted each.

    Yields:
        `(1, 3, n, height, width)`, float32, in [0, 1]; n is 1 for the first group and 4 after it.

    Raises:
        BrokenPictureError: The picture holds values that are no numbers.
    """
    vae = model.vae
    dtype = next(vae.decoder.parameters()).dtype
    # Statistics are applied before the numbers are rounded to the decoder's format.
    mean, inverse_std = latent_statistics(model, latents.to(model.device, torch.float32))
    latents = (latents.to(model.device, torch.float32) / inverse_std + mean).to(dtype)
    tiles = _Tiles(vae, *latents.shape[-2:])
    decode = _decode_tiles if model.plan.vae == VaePolicy.TILED and tiles.are_needed else _decode_whole
    with torch.no_grad(), model.on_device(vae), interruptible([vae.decoder], check_cancelled):
        try:
            for group in decode(vae, latents, tiles, progress):
                if not torch.isfinite(group).all():
                    raise BrokenPictureError(
                        tr("The numbers overflowed while the pictures were built."), hint=tr("Try again.")
                    )
                yield (group.clamp(-1.0, 1.0) * 0.5 + 0.5).clamp(0, 1).float()
        finally:
            # Without this a cancelled decode would leave its features in memory, and in the next clip.
            vae.clear_cache()


def _decode_frames(vae: Any, hidden: Tensor) -> Iterator[Tensor]:
    """The decoder's groups, with what it remembers of those before."""
    vae.clear_cache()
    for index in range(hidden.shape[2]):
        vae._conv_idx = [0]
        yield vae.decoder(
            hidden[:, :, index : index + 1],
            feat_cache=vae._feat_map,
            feat_idx=vae._conv_idx,
            first_chunk=index == 0,
        )


def _unpatch(vae: Any, group: Tensor) -> Tensor:
    patch = vae.config.patch_size
    return group if patch is None else unpatchify(group, patch_size=patch)


def _decode_whole(vae: Any, latents: Tensor, _: "_Tiles", progress: Callable[[int, int], None]) -> Iterator[Tensor]:
    for index, group in enumerate(_decode_frames(vae, vae.post_quant_conv(latents))):
        progress(index + 1, latents.shape[2])
        yield _unpatch(vae, group)


class _Tiles:
    """How `AutoencoderKLWan.tiled_decode` cuts a picture: sides in latents, and in the decoder's pixels."""

    def __init__(self, vae: Any, height: int, width: int) -> None:
        scale, patch = vae.spatial_compression_ratio, vae.config.patch_size or 1
        self.sides = vae.tile_sample_min_height // scale, vae.tile_sample_min_width // scale
        self.are_needed = height > self.sides[0] or width > self.sides[1]
        steps = vae.tile_sample_stride_height // scale, vae.tile_sample_stride_width // scale
        self.tops, self.lefts = range(0, height, steps[0]), range(0, width, steps[1])
        self.strides = vae.tile_sample_stride_height // patch, vae.tile_sample_stride_width // patch
        self.blends = (
            vae.tile_sample_min_height // patch - self.strides[0],
            vae.tile_sample_min_width // patch - self.strides[1],
        )
        self.height, self.width = height * scale // patch, width * scale // patch


def _decode_tiles(vae: Any, latents: Tensor, tiles: _Tiles, progress: Callable[[int, int], None]) -> Iterator[Tensor]:
    total, done = len(tiles.tops) * len(tiles.lefts) * latents.shape[2], 0
    rows: list[list[list[Tensor]]] = []
    for top in tiles.tops:
        row: list[list[Tensor]] = []
        for left in tiles.lefts:
            # Each frame by itself, as diffusers does it here: a kernel may round otherwise when it sees all.
            part = latents[..., top : top + tiles.sides[0], left : left + tiles.sides[1]]
            hidden = torch.cat([vae.post_quant_conv(frame) for frame in part.split(1, dim=2)], dim=2)
            groups = []
            for group in _decode_frames(vae, hidden):
                groups.append(group.to(_CPU))
                done += 1
                progress(done, total)
            row.append(groups)
        rows.append(row)
    vae.clear_cache()
    for index in range(latents.shape[2]):
        yield _unpatch(vae, _blend(vae, [[tile[index] for tile in row] for row in rows], tiles))
        for row in rows:
            for tile in row:
                tile[index] = latents.new_empty(0)


def _blend(vae: Any, rows: list[list[Tensor]], tiles: _Tiles) -> Tensor:
    """The tiles of one group as one picture: edges fade into each other, as `tiled_decode` does it."""
    lines = []
    for i, row in enumerate(rows):
        for j, tile in enumerate(row):
            # In place, so that the next tile sees this one blended.
            if i > 0:
                vae.blend_v(rows[i - 1][j], tile, tiles.blends[0])
            if j > 0:
                vae.blend_h(row[j - 1], tile, tiles.blends[1])
        lines.append(torch.cat([tile[..., : tiles.strides[0], : tiles.strides[1]] for tile in row], dim=-1))
    return torch.cat(lines, dim=-2)[..., : tiles.height, : tiles.width]


def to_pictures(group: Tensor) -> np.ndarray:
    """A decoded group as `(n, height, width, 3)`, uint8, on the CPU."""
    pictures: np.ndarray = (group[0] * 255).round().to(torch.uint8).permute(1, 2, 3, 0).contiguous().cpu().numpy()
    return pictures
