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
_CLIPS = 48
_POSITIONS = 4
"""Latent positions a side of each fitted picture."""


class Previewer:
    """Draws previews for one loaded model."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._map: Tensor | None = None

    def jpeg_base64(self, latents: Tensor) -> str:
        """A JPEG of the middle of the clip, base64.

        Args:
            latents: Normalised, `(1, z_dim, frames_latent, h, w)`.
        """
        if self._map is None:
            self._map = _fit(self._model)
        frame = latents[0, :, latents.shape[2] // 2].float().cpu()
        channels, height, width = frame.shape
        rows = torch.cat([frame.permute(1, 2, 0).reshape(-1, channels), torch.ones(height * width, 1)], dim=1)
        colours = (rows @ self._map).view(height, width, 3, _PATCH, _PATCH).permute(0, 3, 1, 4, 2)
        pixels = ((colours.reshape(height * _PATCH, width * _PATCH, 3) * 0.5 + 0.5).clamp(0, 1) * 255).round()
        buffer = io.BytesIO()
        Image.fromarray(pixels.to(torch.uint8).numpy()).save(buffer, "JPEG", quality=85)
        return base64.b64encode(buffer.getvalue()).decode()


@torch.no_grad()
def _fit(model: LoadedModel) -> Tensor:
    """The map, `(z_dim + 1, 3 * 4 * 4)`, float32, on the CPU."""
    side = _POSITIONS * model.vae.config.scale_factor_spatial
    generator = torch.Generator("cpu").manual_seed(0)
    coarse = torch.rand(_CLIPS, 3, 3, 3, generator=generator) * 2 - 1
    pictures = F.interpolate(coarse, (side, side), mode="bicubic", align_corners=False).clamp(-1, 1)
    # Some plain ones, so that flat areas keep their colour.
    pictures[::4] = coarse[::4, :, :1, :1]
    with model.on_device(model.vae):
        encoded = [
            model.vae.encode(picture[None, :, None].to(model.device, model.vae.dtype)).latent_dist.mode()
            for picture in pictures
        ]
    mean, inverse_std = latent_statistics(model, encoded[0])
    latents = ((torch.cat(encoded) - mean) * inverse_std).float().cpu()[:, :, 0]
    rows = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
    small = F.interpolate(pictures, (_POSITIONS * _PATCH,) * 2, mode="area")
    patches = small.view(_CLIPS, 3, _POSITIONS, _PATCH, _POSITIONS, _PATCH).permute(0, 2, 4, 1, 3, 5)
    # A little ridge keeps the map small where the fitted pictures say nothing.
    gram = rows.T @ rows + 1e-3 * len(rows) * torch.eye(rows.shape[1])
    return torch.linalg.solve(gram, rows.T @ patches.reshape(len(rows), -1))
