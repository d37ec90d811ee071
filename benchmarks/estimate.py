"""The estimate's formulas against the real classes at real sizes, and how long one estimate takes.

`python -m benchmarks.estimate` prints all tables. Real sizes are traced on torch's meta device, which has shapes but no
numbers; attention counts as its output. Real processes are measured by `benchmarks.process_memory` and, on a card,
`benchmarks.estimate_cuda`.
"""

import argparse
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.measure import report
from wan_desktop.core.catalog import ModelMetadata, read_catalog
from wan_desktop.core.estimate import Machine, Workload, coefficients, estimate
from wan_desktop.core.estimate.memory import (
    decode_bytes,
    encode_bytes,
    set_up,
    transformer_bytes,
)
from wan_desktop.core.load_plan import Device, LoadPlan, Placement, Precision, VaePolicy
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.model_shape import TRANSFORMER_CONFIGS, ModelShape, shape_of_entry, shape_of_folder
from wan_desktop.core.paths import resources_folder

VAE_22_CONFIG: Mapping[str, Any] = {
    "base_dim": 160,
    "decoder_base_dim": 256,
    "z_dim": 48,
    "is_residual": True,
    "in_channels": 12,
    "out_channels": 12,
    "patch_size": 2,
    "scale_factor_spatial": 16,
    "latents_mean": [0.0] * 48,
    "latents_std": [1.0] * 48,
}
"""What differs from diffusers' defaults in vae/config.json of Wan-AI/Wan2.2-TI2V-5B-Diffusers; the statistics do not
matter here."""
_WORDS = tuple(f"word{number}" for number in range(2000))
_MACHINE = Machine(24 << 30, 23 << 30, (8, 9), 165.0, 64 << 30, 60 << 30, 25e9, 3e9, 0.8)
_META_FRAMES = 81


# Live bytes on the meta device ---------------------------------------------------------------------------------------


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all storages that are made while it is on, and are not gone."""

    def __init__(self, *known: Tensor) -> None:
        """Starts at zero.

        Args:
            known: Tensors that are not counted.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types there
        self._alive = {tensor.untyped_storage()._cdata for tensor in known}
        self._bytes = 0
        self.peak: int = 0

    def __torch_dispatch__(
        self, func: Any, _: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation and look at what it returned."""
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._see(tensor.untyped_storage())
        self.peak = max(self.peak, self._bytes)
        return result

    def _see(self, storage: Any) -> None:
        key = storage._cdata
        if key not in self._alive:
            self._alive.add(key)
            self._bytes += storage.nbytes()
            weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size_bytes: int) -> None:
        self._alive.discard(key)
        self._bytes -= size_bytes


class FlashAttention(TorchFunctionMode):
    """Attention as a kernel does it that never writes its scores: the output, and a number for each query and head."""

    def __torch_function__(
        self, func: Any, _: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """The output's place for attention; anything else as it is."""
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        given = dict(zip(("query", "key", "value"), args, strict=False)) | (kwargs or {})
        sums = torch.empty(given["query"].shape[:-1], dtype=torch.float32, device="meta")
        output = torch.empty_like(given["query"])
        del sums
        return output


def meta_transformer(config: Mapping[str, Any], dtype: torch.dtype) -> Any:
    """A transformer without numbers, in the formats in which the engine has it."""
    with torch.device("meta"):
        model: Any = WanTransformer3DModel(**config)
    for name, parameter in model.named_parameters():
        kept = not set(name.split(".")).isdisjoint(model._keep_in_fp32_modules)
        parameter.data = parameter.data.to(torch.float32 if kept else dtype)
    return model.eval()


def forward_peak(shape: ModelShape, config: Mapping[str, Any], workload: Workload, dtype: torch.dtype) -> int:
    """Live bytes of one forward, weights excluded.

    Two blocks give the same peak as forty, since each lets go of what it used.
    """
    model = meta_transformer({**config, "num_layers": 2}, dtype)
    frames = shape.latent_frames(workload.num_frames)
    scale = shape.vae.scale_spatial
    size = (frames, workload.height // scale, workload.width // scale)
    tokens = shape.tokens(workload.width, workload.height, workload.num_frames)
    per_token = shape.expand_timesteps and workload.has_image
    with torch.no_grad(), torch.device("meta"):
        latents = torch.empty(1, shape.transformer.in_channels, *size, dtype=dtype)
        timestep = torch.empty((1, tokens) if per_token else (1,))
        text = torch.empty(1, coefficients.TEXT_TOKENS, shape.transformer.text_dim, dtype=dtype)
        images = torch.empty(1, 257, shape.transformer.image_dim, dtype=dtype) if shape.transformer.image_dim else None
        live = LiveBytes(*model.parameters())
        with FlashAttention(), live:
            model(latents, timestep, text, images, return_dict=False)
    return live.peak


def meta_vae(residual: bool) -> Any:
    """A VAE without numbers: Wan2.2's, or Wan2.1's."""
    with torch.device("meta"):
        vae: Any = AutoencoderKLWan(**(VAE_22_CONFIG if residual else {}))
    return vae.eval()


def decode_peak(shape: ModelShape, workload: Workload, dtype: torch.dtype) -> int:
    """Live bytes while latents become frames, weights excluded.

    Four steps of latents stand for all: the decoder remembers no more of them.
    """
    vae, scale = meta_vae(shape.vae.is_residual), shape.vae.scale_spatial
    vae.decoder.to(dtype)
    vae.post_quant_conv.to(dtype)
    frames = min(4, shape.latent_frames(workload.num_frames))
    with torch.no_grad():
        latents = torch.empty(
            1, shape.vae.z_dim, frames, workload.height // scale, workload.width // scale, dtype=dtype, device="meta"
        )
        live = LiveBytes(*vae.parameters())
        with FlashAttention(), live:
            hidden = vae.post_quant_conv(latents)
            vae.clear_cache()
            for index in range(frames):
                vae._conv_idx = [0]
                vae.decoder(
                    hidden[:, :, index : index + 1],
                    feat_cache=vae._feat_map,
                    feat_idx=vae._conv_idx,
                    first_chunk=index == 0,
                )
    return live.peak


def encode_peak(shape: ModelShape, workload: Workload) -> int:
    """Live bytes while a start image is encoded, with the pictures, weights excluded."""
    vae = meta_vae(shape.vae.is_residual)
    frames = 1 if shape.expand_timesteps else workload.num_frames
    size = (workload.height, workload.width)
    live = LiveBytes(*vae.parameters())
    with torch.no_grad(), torch.device("meta"), FlashAttention(), live:
        blank = torch.empty(1, 3, frames, *size)
        video = torch.cat([blank], dim=2) if frames > 1 else blank
        vae.encode(video).latent_dist.mode()
    return live.peak


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the table."""

    what: str
    traced_bytes: int
    formula_bytes: int

    @property
    def error(self) -> float:
        """Of the formula, as a part of what was traced."""
        return self.formula_bytes / self.traced_bytes - 1


def catalog_shape(metadata: ModelMetadata) -> ModelShape:
    """As the official repository has it.

    Raises:
        ValueError: Nobody knows how it is made.
    """
    shape = shape_of_entry(metadata, metadata.variants[0])
    if shape is None:
        raise ValueError(metadata.model_id)
    return shape


def meta_workloads(shape: ModelShape) -> Iterable[Workload]:
    """About 480p and 720p, in sizes that the model can make, with a start image if it needs or takes one."""
    step = 2 * shape.vae.scale_spatial
    takes_image = shape.transformer.in_channels > shape.vae.z_dim
    for width, height in ((832, 480), (1280, 720)):
        for has_image in (False, True) if shape.expand_timesteps else (takes_image,):
            yield Workload(width, height // step * step, _META_FRAMES, 40, has_image, 5.0)


def compare(model_id: str, dtypes: Iterable[Precision] = (Precision.BFLOAT16, Precision.FLOAT32)) -> list[Comparison]:
    """All formulas of one model against the meta device."""
    shape = catalog_shape(read_catalog(resources_folder())[model_id])
    config = TRANSFORMER_CONFIGS[model_id]
    rows = []
    for workload in meta_workloads(shape):
        size = f"{model_id} {workload.width}x{workload.height}{' image' if workload.has_image else ''}"
        for precision in dtypes:
            vae = VaePolicy.BFLOAT16 if precision is Precision.BFLOAT16 else VaePolicy.FLOAT32
            setup = set_up(LoadPlan(device=Device.CUDA, precision=precision, vae=vae), _MACHINE)
            dtype = getattr(torch, precision.value)
            traced = forward_peak(shape, config, workload, dtype)
            rows.append(Comparison(f"{size} forward {precision}", traced, transformer_bytes(shape, workload, setup)))
            traced = decode_peak(shape, workload, dtype)
            rows.append(Comparison(f"{size} decode {precision}", traced, decode_bytes(shape, workload, setup)))
        if workload.has_image:
            rows.append(Comparison(f"{size} encode", encode_peak(shape, workload), encode_bytes(shape, workload)))
    return rows


# All of it -----------------------------------------------------------------------------------------------------------


def measure_meta() -> None:
    """Print the formulas beside the meta device, for all models and sizes."""
    print("\nLive bytes without weights: traced on the meta device, and by formula")
    errors = []
    for model_id in TRANSFORMER_CONFIGS:
        for row in compare(model_id):
            errors.append(abs(row.error))
            traced, formula = row.traced_bytes / coefficients.GIB, row.formula_bytes / coefficients.GIB
            print(f"  {row.what:52} {traced:7.2f} GiB {formula:7.2f} GiB  {row.error:+.1%}")
    print(f"  largest error {max(errors):.1%} of {len(errors)}   (goal: 10 %)")


def measure_speed() -> None:
    """Print how long one estimate takes, and reading the shape of a folder."""
    metadata = read_catalog(resources_folder())["wan2.2-i2v-a14b"]
    shape, plan = catalog_shape(metadata), LoadPlan(device=Device.CUDA, placement=Placement.BLOCKS)
    workload = Workload(1280, 720, 81, 40, has_image=True, guidance_scale=3.5)

    def one() -> float:
        started = time.perf_counter()
        for _ in range(100):
            estimate(shape, workload, plan, _MACHINE)
        return (time.perf_counter() - started) * 10

    report("One estimate", {"estimate": [one() for _ in range(9)]}, unit="ms", goal="<= 1 ms")
    folder = inspect_model_folder(resources_folder() / "models" / "shapes")
    times = []
    for _ in range(9):
        started = time.perf_counter()
        shape_of_folder(folder)
        times.append((time.perf_counter() - started) * 1000)
    report("Shape of a folder", {"built-in model": times}, unit="ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("meta", "speed"))
    options = parser.parse_args()
    parts: Mapping[str, Callable[[], None]] = {"speed": measure_speed, "meta": measure_meta}
    for name, part in parts.items():
        if options.only in (None, name):
            part()


if __name__ == "__main__":
    main()
