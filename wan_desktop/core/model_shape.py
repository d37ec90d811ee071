"""How large a model's parts are: all that an estimate needs to know of it, from configs and headers alone.

Parameters of transformers and text encoders are counted from their configs, which gives the same numbers as building
them does; those of VAE and image encoder are added up from the headers of their files. Models that are not on this PC
are known by the configs of their official repositories, which stand here.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from wan_desktop.core.catalog import Component, Loading, ModelMetadata, Variant
from wan_desktop.core.errors import IntegrityError
from wan_desktop.core.gguf_header import GGUF_SUFFIX, GgufTensor, read_gguf_header
from wan_desktop.core.model_folder import ModelFolder, read_safetensors_header
from wan_desktop.core.words import mark, tr

_PATCH = 4  # latents to a token: 1 x 2 x 2 in all Wan models
_UP_BLOCK = re.compile(r"decoder\.up_blocks\.(\d+)\.")
_RELATIVE_BUCKETS = 32  # of UMT5's positions
_PLAIN_KINDS = ("F32", "F16", "BF16")
_FLOAT32_NAMES = ("time_embedder", "time_embedding")
"""Of linear layers that diffusers keeps in float32, in its own words and in those of Wan's files."""
_DOWNLOAD_AGAIN = mark("Get the model again, or choose another folder.")


@dataclass(frozen=True, slots=True)
class TransformerShape:
    """One transformer; with two experts both are made alike."""

    num_layers: int
    dim: int
    ffn_dim: int
    heads: int
    in_channels: int
    out_channels: int
    text_dim: int
    image_dim: int
    """0 for one that takes no embeddings of images."""
    parameters: int
    fp32_parameters: int
    """Those that stay float32 whatever the rest is: `_keep_in_fp32_modules` of diffusers' class."""
    block_parameters: int
    """Of one block."""
    block_fp32_parameters: int
    stored_bytes: int
    """As the file has it; of a quantised one what stays in memory."""
    quantised: bool = False
    """It stays in the blocks of a GGUF file, and each layer turns its weights back when it uses them."""

    @property
    def largest_layer(self) -> int:
        """Weights of the largest linear layer."""
        return self.dim * max(self.ffn_dim, 6 * self.dim)

    @property
    def largest_block_layer(self) -> int:
        """Weights of the largest linear layer of a block."""
        return self.dim * max(self.ffn_dim, self.dim)


@dataclass(frozen=True, slots=True)
class TextEncoderShape:
    """UMT5."""

    layers: int
    d_model: int
    d_ff: int
    heads: int
    vocab: int
    parameters: int


@dataclass(frozen=True, slots=True)
class VaeShape:
    """AutoencoderKLWan."""

    scale_spatial: int
    scale_temporal: int
    z_dim: int
    base_dim: int
    """Channels of the encoder's first layer."""
    decoder_base_dim: int
    """Channels of the decoder's last layer."""
    patch: int
    """It works on patches of that many pixels a side; 1 for single pixels."""
    parameters: int
    decoder_parameters: int
    """Those that may be in 16 bits: the decoder and the layer before it."""
    is_residual: bool
    """As that of Wan2.2's 5B model."""
    decode_flops: float
    """For each pixel of a frame: a group of frames from one step of latents."""
    decode_first_flops: float
    """The same for the first frame, which is alone."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A model in one packaging."""

    transformer: TransformerShape
    experts: int
    """1 or 2."""
    text_encoder: TextEncoderShape
    vae: VaeShape
    image_encoder_parameters: int
    """0 for a model without."""
    expand_timesteps: bool
    """With a start image, each token has a timestep of its own."""
    boundary_ratio: float | None
    weights_bytes: Mapping[str, int]
    """On disk, by component."""

    @property
    def family(self) -> str:
        """What models of one make have in common, as a word; for what was measured."""
        inner = self.transformer
        return f"{inner.num_layers}x{inner.dim}x{self.experts}-z{self.vae.z_dim}"

    def tokens(self, width: int, height: int, num_frames: int) -> int:
        """Of a video, as the transformer sees it."""
        side = 2 * self.vae.scale_spatial
        return self.latent_frames(num_frames) * (-(-width // side)) * (-(-height // side))

    def latent_frames(self, num_frames: int) -> int:
        """The first frame, and one for each group of frames."""
        return -(-(num_frames - 1) // self.vae.scale_temporal) + 1


# From a folder -------------------------------------------------------------------------------------------------------


def shape_of_folder(folder: ModelFolder, transformer_files: Sequence[Path] = ()) -> ModelShape:
    """The shape of a model on this PC.

    Args:
        folder: As `inspect_model_folder` returned it.
        transformer_files: Taken instead of the folder's own, one for each transformer.

    Raises:
        IntegrityError: A config or a header cannot be what it claims.
        NotAWanModelError: A file holds numbers that are not read.
    """
    files = dict(folder.weight_files)
    for name, file in zip(("transformer", "transformer_2"), transformer_files, strict=False):
        files[name] = (Path(file),)
    try:
        shape = _shape(folder, files)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError, OSError) as error:
        raise IntegrityError(
            tr("A config in {path} lacks a value or has a wrong one: {error!r}.", path=folder.path, error=error),
            hint=tr(_DOWNLOAD_AGAIN),
        ) from error
    return shape


def _shape(folder: ModelFolder, files: Mapping[str, tuple[Path, ...]]) -> ModelShape:
    transformer = transformer_of_config(_config(folder, "transformer"))
    experts = [name for name in ("transformer", "transformer_2") if name in files]
    stored = [_stored(files[name], transformer) for name in experts]
    image = sum(_elements(files["image_encoder"]).values()) if "image_encoder" in files else 0
    return ModelShape(
        transformer=replace(
            transformer,
            stored_bytes=max(size for size, _ in stored),
            quantised=any(quantised for _, quantised in stored),
        ),
        experts=len(experts),
        text_encoder=text_encoder_of_config(_config(folder, "text_encoder")),
        vae=vae_of_config(_config(folder, "vae"), _elements(files["vae"])),
        image_encoder_parameters=image,
        expand_timesteps=folder.expand_timesteps,
        boundary_ratio=folder.boundary_ratio,
        weights_bytes={name: sum(file.stat().st_size for file in paths) for name, paths in files.items()},
    )


def _config(folder: ModelFolder, name: str) -> Mapping[str, Any]:
    config = json.loads((folder.path / name / "config.json").read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise TypeError(f"{name}/config.json")
    return config


def _elements(files: Sequence[Path]) -> dict[str, int]:
    """How many numbers each tensor has."""
    headers = [read_safetensors_header(file) for file in files]
    return {name: prod(entry["shape"]) for header in headers for name, entry in header.items()}


def _stored(files: Sequence[Path], transformer: TransformerShape) -> tuple[int, bool]:
    """Bytes as `TransformerShape.stored_bytes` has them, and whether they are quantised."""
    if files[0].suffix.lower() != GGUF_SUFFIX:
        return sum(file.stat().st_size for file in files), False
    kept = [tensor for tensor in read_gguf_header(files[0]).tensors if _stays_quantised(tensor)]
    plain = max(0, transformer.parameters - sum(prod(tensor.shape) for tensor in kept))
    # What is not quantised becomes 16 bits, or 32 where diffusers wants that.
    plain_bytes = 2 * plain + 2 * min(plain, transformer.fp32_parameters)
    return sum(tensor.size_bytes for tensor in kept) + plain_bytes, bool(kept)


def _stays_quantised(tensor: GgufTensor) -> bool:
    """Weights of linear layers, unless they must be float32; see `engine.quantized`."""
    return (
        tensor.kind not in _PLAIN_KINDS
        and len(tensor.shape) == 2
        and not any(name in tensor.name for name in _FLOAT32_NAMES)
    )


# From configs --------------------------------------------------------------------------------------------------------


def transformer_of_config(config: Mapping[str, Any]) -> TransformerShape:
    """Count a transformer, as `WanTransformer3DModel` of diffusers 0.42 is built; stored as in 16 bits.

    Args:
        config: Its config.json; what is absent has diffusers' default.
    """
    heads, head_dim = int(config.get("num_attention_heads", 40)), int(config.get("attention_head_dim", 128))
    dim, ffn_dim = heads * head_dim, int(config.get("ffn_dim", 13824))
    layers, freq_dim = int(config.get("num_layers", 40)), int(config.get("freq_dim", 256))
    in_channels, text_dim = int(config.get("in_channels", 16)), int(config.get("text_dim", 4096))
    out_channels = int(config.get("out_channels", 16) or in_channels)
    image_dim, added_dim = int(config.get("image_dim") or 0), int(config.get("added_kv_proj_dim") or 0)
    positions = int(config.get("pos_embed_seq_len") or 0)

    linear = _linear
    # Two attentions with four layers and two norms each; the feed-forward net; the table of shifts and scales.
    block = 2 * (4 * linear(dim, dim) + 2 * dim) + linear(dim, ffn_dim) + linear(ffn_dim, dim) + 6 * dim
    block += 2 * linear(added_dim, dim) + dim if added_dim else 0
    norm2 = 2 * dim if config.get("cross_attn_norm", True) else 0
    time = linear(freq_dim, dim) + linear(dim, dim)
    image, image_norms = 0, 0
    if image_dim:
        image = linear(image_dim, image_dim) + linear(image_dim, dim) + positions * image_dim
        image_norms = 2 * image_dim + 2 * dim
    rest = linear(_PATCH * in_channels, dim) + linear(dim, 6 * dim) + linear(text_dim, dim) + linear(dim, dim)
    rest += linear(dim, _PATCH * out_channels) + 2 * dim + time + image + image_norms
    parameters = layers * (block + norm2) + rest
    return TransformerShape(
        num_layers=layers,
        dim=dim,
        ffn_dim=ffn_dim,
        heads=heads,
        in_channels=in_channels,
        out_channels=out_channels,
        text_dim=text_dim,
        image_dim=image_dim,
        parameters=parameters,
        fp32_parameters=layers * (6 * dim + norm2) + 2 * dim + time + image_norms,
        block_parameters=block + norm2,
        block_fp32_parameters=6 * dim + norm2,
        stored_bytes=2 * parameters,
    )


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def text_encoder_of_config(config: Mapping[str, Any]) -> TextEncoderShape:
    """Count a text encoder, as `UMT5EncoderModel` of transformers 5 is built: each layer has positions of its own."""
    layers, d_model, d_ff = int(config["num_layers"]), int(config["d_model"]), int(config["d_ff"])
    heads, vocab = int(config["num_heads"]), int(config["vocab_size"])
    inner = heads * int(config["d_kv"])
    layer = 4 * d_model * inner + 3 * d_model * d_ff + 2 * d_model + _RELATIVE_BUCKETS * heads
    return TextEncoderShape(layers, d_model, d_ff, heads, vocab, layers * layer + vocab * d_model + d_model)


def vae_of_config(config: Mapping[str, Any], elements: Mapping[str, int]) -> VaeShape:
    """The shape of a VAE.

    Args:
        config: Its config.json; what is absent has diffusers' default.
        elements: How many numbers each of its tensors has, by name.
    """
    base_dim = int(config.get("base_dim", 96))
    patch = int(config.get("patch_size") or 1)
    doublings = [bool(flag) for flag in reversed(config.get("temperal_downsample") or (False, True, True))]
    decoder = sum(count for name, count in elements.items() if name.startswith(("decoder.", "post_quant_conv.")))
    return VaeShape(
        scale_spatial=int(config.get("scale_factor_spatial", 8)),
        scale_temporal=int(config.get("scale_factor_temporal", 4)),
        z_dim=int(config["z_dim"]),
        base_dim=base_dim,
        decoder_base_dim=int(config.get("decoder_base_dim") or base_dim),
        patch=patch,
        parameters=sum(elements.values()),
        decoder_parameters=decoder,
        is_residual=bool(config.get("is_residual", False)),
        decode_flops=_decode_flops(elements, doublings, patch, alone=False),
        decode_first_flops=_decode_flops(elements, doublings, patch, alone=True),
    )


def _decode_flops(elements: Mapping[str, int], doublings: Sequence[bool], patch: int, *, alone: bool) -> float:
    """Operations for each pixel of a frame: two for each weight and place where it is used.

    Agrees with torch's FlopCounterMode within 0.5 % for the VAEs of Wan2.1 (33.9 million) and Wan2.2 (73.6).

    Args:
        elements: How many numbers each tensor has, by name.
        doublings: After which blocks of the decoder there are twice as many frames.
        patch: See `VaeShape.patch`.
        alone: For the first frame, which is not made more.
    """
    last, flops = len(doublings), 0.0
    for name, count in elements.items():
        if not name.startswith("decoder.") or not name.endswith(".weight"):
            continue
        block = _UP_BLOCK.match(name)
        level = last if name.startswith("decoder.conv_out.") else 0
        if block:
            # Its convolution comes after pixels were doubled; the one in time before that, and not for the first frame.
            level = min(last, int(block[1]) + (".resample." in name))
            if ".time_conv." in name:
                level, count = int(block[1]), 0 if alone else count
        frames = 1 if alone else 2 ** sum(doublings[:level])
        flops += 2.0 * count * frames / 4 ** (last - level) / patch**2
    return flops


# Models that are not here --------------------------------------------------------------------------------------------

_14B: Mapping[str, Any] = {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40}
_IMAGE: Mapping[str, Any] = {
    **_14B,
    "in_channels": 36,
    "out_channels": 16,
    "image_dim": 1280,
    "added_kv_proj_dim": 5120,
}
TRANSFORMER_CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "wan2.1-t2v-1.3b": {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30},
    "wan2.1-t2v-14b": _14B,
    "wan2.1-i2v-14b-480p": _IMAGE,
    "wan2.1-i2v-14b-720p": _IMAGE,
    "wan2.2-t2v-a14b": _14B,
    "wan2.2-i2v-a14b": {**_14B, "in_channels": 36, "out_channels": 16},
    "wan2.2-ti2v-5b": {
        "num_attention_heads": 24,
        "ffn_dim": 14336,
        "num_layers": 30,
        "in_channels": 48,
        "out_channels": 48,
    },
}
"""What differs from diffusers' defaults in transformer/config.json of the repositories Wan-AI/Wan2.*-Diffusers, by the
ids of the catalog."""
TEXT_ENCODER_CONFIG: Mapping[str, int] = {
    "num_layers": 24,
    "d_model": 4096,
    "d_ff": 10240,
    "d_kv": 64,
    "num_heads": 64,
    "vocab_size": 256_384,
}
"""UMT5-XXL, in all of them."""
VAE_21 = VaeShape(8, 4, 16, 96, 96, 1, 126_892_531, 73_295_603, False, 33_779_520.0, 10_748_160.0)
VAE_22 = VaeShape(16, 4, 48, 160, 256, 2, 704_688_668, 555_051_580, True, 73_576_576.0, 22_776_448.0)
"""Built from vae/config.json of Wan2.1-T2V-1.3B-Diffusers and Wan2.2-TI2V-5B-Diffusers, and counted."""
_IMAGE_ENCODER_PARAMETERS = 632_076_800
"""CLIP ViT-H/14 (image_encoder of the Wan2.1-I2V repositories)."""
_BOUNDARIES = {"wan2.2-t2v-a14b": 0.875, "wan2.2-i2v-a14b": 0.9}
_WITH_WAN_22_VAE = ("wan2.2-ti2v-5b",)


def shape_of_entry(metadata: ModelMetadata, variant: Variant) -> ModelShape | None:
    """The shape of a model that need not be here; None where nobody knows how it is made.

    Args:
        metadata: Its entry in the catalog.
        variant: Which packaging of it.
    """
    config = TRANSFORMER_CONFIGS.get(metadata.model_id)
    if config is None or variant.is_refused:
        return None
    weights_bytes: dict[str, int] = {}
    for part in variant.parts:
        if part.component not in (Component.CONFIG, Component.ALL):
            name = part.component.value
            weights_bytes[name] = weights_bytes.get(name, 0) + part.size_on_disk_bytes
    transformer, boundary = transformer_of_config(config), _BOUNDARIES.get(metadata.model_id)
    size = max(weights_bytes.get("transformer", 0), weights_bytes.get("transformer_2", 0))
    if size:
        transformer = replace(transformer, stored_bytes=size)
    return ModelShape(
        transformer=replace(transformer, quantised=variant.loads is Loading.GGUF),
        experts=1 if boundary is None else 2,
        text_encoder=text_encoder_of_config(TEXT_ENCODER_CONFIG),
        vae=VAE_22 if metadata.model_id in _WITH_WAN_22_VAE else VAE_21,
        image_encoder_parameters=_IMAGE_ENCODER_PARAMETERS if transformer.image_dim else 0,
        expand_timesteps=metadata.model_id in _WITH_WAN_22_VAE,
        boundary_ratio=boundary,
        weights_bytes=weights_bytes,
    )
