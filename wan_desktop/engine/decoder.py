"""Latents into frames, a group of four at a time, so that memory does not grow with the length."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from torch import Tensor

from wan_desktop.core.errors import BrokenPictureError
from wan_desktop.engine.loader import LoadedModel
from wan_desktop.engine.sampler import interruptible, latent_statistics


def decode_groups(model: LoadedModel, latents: Tensor, check_cancelled: Callable[[], None]) -> Iterator[Tensor]:
    """Decode as `AutoencoderKLWan.decode` does, bit for bit, but give each group of frames away at once.

    Args:
        model: Its VAE decodes.
        latents: Normalised, `(1, z_dim, frames_latent, h, w)`.
        check_cancelled: Raises JobCancelled to stop; called before each group.

    Yields:
        `(1, 3, n, height, width)`, float32, in [0, 1]; n is 1 for the first group and 4 after it.

    Raises:
        BrokenPictureError: The picture holds values that are no numbers.
    """
    vae = model.vae
    latents = latents.to(model.device, vae.dtype)
    mean, inverse_std = latent_statistics(model, latents)
    with torch.no_grad(), model.on_device(vae), interruptible([vae.decoder], check_cancelled):
        vae.clear_cache()
        try:
            hidden = vae.post_quant_conv(latents / inverse_std + mean)
            for index in range(hidden.shape[2]):
                vae._conv_idx = [0]
                group = vae.decoder(
                    hidden[:, :, index : index + 1],
                    feat_cache=vae._feat_map,
                    feat_idx=vae._conv_idx,
                    first_chunk=index == 0,
                )
                if vae.config.patch_size is not None:
                    group = unpatchify(group, patch_size=vae.config.patch_size)
                if not torch.isfinite(group).all():
                    raise BrokenPictureError("The numbers overflowed while the pictures were built.", hint="Try again.")
                yield (group.clamp(-1.0, 1.0) * 0.5 + 0.5).clamp(0, 1).float()
        finally:
            # Without this a cancelled decode would leave its features in memory, and in the next clip.
            vae.clear_cache()


def to_pictures(group: Tensor) -> np.ndarray:
    """A decoded group as `(n, height, width, 3)`, uint8, on the CPU."""
    pictures: np.ndarray = (group[0] * 255).round().to(torch.uint8).permute(1, 2, 3, 0).contiguous().cpu().numpy()
    return pictures
