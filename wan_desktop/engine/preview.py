"""A small picture of latents that are not finished, by a linear map.

The map from one latent position to a patch of colours is fitted by least squares to the model's own VAE, once a model:
it encodes a few hundred patches of smooth random colour. So it exists for every VAE, and nobody's published factors
are needed.
"""

import base64
import io

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from wan_desktop.engine.loader import LoadedModel
from wan_desktop.engine.sampler import latent_statistics

_PATCH = 4
"""Colours a side of each latent position."""
_CLIPS = 36
_POSITIONS = 4
"""Latent positions a side of each fitted picture."""
_RIDGE = 1e-3


class Previewer:
    """Draws previews for one loaded model."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._maps: dict[bool, Tensor] = {}

    def jpeg_base64(self, latents: Tensor) -> str:
        """A JPEG of the middle of the clip, base64.

        Args:
            latents: Normalised, `(1, z_dim, frames_latent, h, w)`.
        """
        index = latents.shape[2] // 2
        if (index == 0) not in self._maps:
            self._maps[index == 0] = _fit(self._model, first_frame=index == 0)
        frame = latents[0, :, index].float().cpu()
        channels, height, width = frame.shape
        rows = torch.cat([frame.permute(1, 2, 0).reshape(-1, channels), torch.ones(height * width, 1)], dim=1)
        colours = (rows @ self._maps[index == 0]).view(height, width, 3, _PATCH, _PATCH).permute(0, 3, 1, 4, 2)
        pixels = ((colours.reshape(height * _PATCH, width * _PATCH, 3) * 0.5 + 0.5).clamp(0, 1) * 255).round()
        buffer = io.BytesIO()
        Image.fromarray(pixels.to(torch.uint8).numpy()).save(buffer, "JPEG", quality=85)
        return base64.b64encode(buffer.getvalue()).decode()


@torch.no_grad()
def _fit(model: LoadedModel, *, first_frame: bool) -> Tensor:
    """The map, `(z_dim + 1, 3 * 4 * 4)`, float32, on the CPU.

    The latents of a first frame stand for one frame and all later ones for four, so each kind has a map of its own.
    """
    side = _POSITIONS * model.vae.config.scale_factor_spatial
    pictures = _random_pictures(side)
    num_frames = 1 if first_frame else 1 + model.vae.config.scale_factor_temporal
    clips = pictures.unsqueeze(2).expand(-1, -1, num_frames, -1, -1).to(model.device, model.vae.dtype)
    with model.on_device(model.vae):
        try:
            encoded = model.vae.encode(clips).latent_dist.mode()
        finally:
            model.vae.clear_cache()
    mean, inverse_std = latent_statistics(model, encoded)
    latents = ((encoded - mean) * inverse_std).float().cpu()[:, :, -1]
    rows = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
    small = F.interpolate(pictures, (_POSITIONS * _PATCH,) * 2, mode="area")
    patches = small.view(_CLIPS, 3, _POSITIONS, _PATCH, _POSITIONS, _PATCH).permute(0, 2, 4, 1, 3, 5)
    # A little ridge keeps the map small where the fitted pictures say nothing.
    gram = rows.T @ rows + _RIDGE * len(rows) * torch.eye(rows.shape[1])
    return torch.linalg.solve(gram, rows.T @ patches.reshape(len(rows), -1))


def _random_pictures(side: int) -> Tensor:
    """`(clips, 3, side, side)` in [-1, 1]: soft clouds of colour, and discs on plain ground, most of them dark."""
    generator = torch.Generator("cpu").manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    clouds = F.interpolate(draw(_CLIPS, 3, 3, 3) * 2 - 1, (side, side), mode="bicubic", align_corners=False).clamp(
        -1, 1
    )
    place = torch.linspace(-1, 1, side)
    radius, x, y = draw(_CLIPS, 1, 1, 1) * 0.8, draw(_CLIPS, 1, 1, 1) * 2 - 1, draw(_CLIPS, 1, 1, 1) * 2 - 1
    inside = (place.view(1, 1, 1, -1) - x).square() + (place.view(1, 1, -1, 1) - y).square() < radius.square()
    discs = torch.where(inside, draw(_CLIPS, 3, 1, 1), draw(_CLIPS, 3, 1, 1).square()) * 2 - 1
    return torch.where((torch.arange(_CLIPS) % 4 == 0).view(-1, 1, 1, 1), clouds, discs)
