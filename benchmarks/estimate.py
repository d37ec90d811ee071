"""The estimate against what is: memory of the real classes at real sizes, a real process's memory and time, its speed.

`python -m benchmarks.estimate` prints all tables. Real sizes are traced on torch's meta device, which has shapes but no
numbers; attention counts as its output. The rest renders random models of half a gigabyte on the CPU, each in a process
of its own.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

from benchmarks.measure import report
from wan_desktop.core.catalog import GenerationMode, ModelMetadata, read_catalog
from wan_desktop.core.estimate import Machine, Workload, coefficients, estimate
from wan_desktop.core.estimate.memory import (
    decode_bytes,
    encode_bytes,
    set_up,
    transformer_bytes,
)
from wan_desktop.core.generation import GenerationRequest
from wan_desktop.core.load_plan import Device, LoadPlan, Placement, Precision, VaePolicy
from wan_desktop.core.messages import Generate, OutputTarget
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.model_shape import TRANSFORMER_CONFIGS, ModelShape, shape_of_entry, shape_of_folder
from wan_desktop.core.paths import resources_folder
from wan_desktop.engine.render import Studio

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


# A real process on the CPU -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MidModel:
    """A random model of half a gigabyte, and the video that is made with it."""

    name: str
    make: Callable[[Path], None]
    workload: Workload


def _save(folder: Path, transformer: Mapping[str, Any], vae: Mapping[str, Any], text: Mapping[str, int]) -> None:
    torch.manual_seed(1)
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)] + [(f"▁{word}", -2.0) for word in _WORDS]
    tokenizer = T5TokenizerFast(vocab=vocab, extra_ids=0, model_max_length=512)
    encoder = UMT5EncoderModel(UMT5Config(vocab_size=len(tokenizer), **text))
    WanPipeline(
        transformer=WanTransformer3DModel(text_dim=text["d_model"], attention_head_dim=64, **transformer),
        vae=AutoencoderKLWan(**vae),
        text_encoder=encoder,
        tokenizer=tokenizer,
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
        ),
        expand_timesteps=bool(vae.get("is_residual", False)),
    ).save_pretrained(folder)


_TEXT = {"d_model": 768, "d_kv": 64, "num_heads": 12, "d_ff": 2048, "num_layers": 6}
_SMALL_VAE_22 = {**VAE_22_CONFIG, "base_dim": 32, "decoder_base_dim": 48}
MID_MODELS = (
    MidModel(
        "transformer of 0.8 GB",
        lambda folder: _save(
            folder, {"num_layers": 16, "num_attention_heads": 14, "ffn_dim": 4096}, {"base_dim": 24}, _TEXT
        ),
        Workload(192, 128, 17, 2, has_image=False, guidance_scale=5.0),
    ),
    MidModel(
        "VAE of Wan2.1, whole",
        lambda folder: _save(folder, {"num_layers": 4, "num_attention_heads": 8, "ffn_dim": 2048}, {}, _TEXT),
        Workload(384, 256, 9, 2, has_image=False, guidance_scale=5.0),
    ),
    MidModel(
        "residual VAE",
        lambda folder: _save(
            folder,
            {"num_layers": 8, "num_attention_heads": 12, "ffn_dim": 3072, "in_channels": 48, "out_channels": 48},
            _SMALL_VAE_22,
            _TEXT,
        ),
        Workload(512, 320, 9, 2, has_image=False, guidance_scale=5.0),
    ),
    MidModel(
        "long video",
        lambda folder: _save(
            folder, {"num_layers": 8, "num_attention_heads": 12, "ffn_dim": 4096}, {"base_dim": 16}, _TEXT
        ),
        Workload(256, 256, 49, 2, has_image=False, guidance_scale=5.0),
    ),
)


class _PeakRss:
    """Looks at this process's memory every few milliseconds."""

    def __init__(self) -> None:
        self._process, self._stop = psutil.Process(), threading.Event()
        self.peak = self.base = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(0.004):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def _request(workload: Workload) -> GenerationRequest:
    return GenerationRequest(
        model_id="benchmark",
        mode=GenerationMode.T2V,
        prompt="word1 word2 word3",
        negative_prompt="",
        width=workload.width,
        height=workload.height,
        num_frames=workload.num_frames,
        fps=8,
        num_inference_steps=workload.num_inference_steps,
        guidance_scale=workload.guidance_scale,
        seed=0,
    )


def _plan() -> LoadPlan:
    return LoadPlan(device=Device.CPU, placement=Placement.RESIDENT)


def child(index: int, folder: Path) -> None:
    """Render in this process and print peak memory and times as JSON."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    model, peak = MID_MODELS[index], _PeakRss()
    target = OutputTarget(path=folder / "clip.mp4", rescue_folder=folder / "rescued", work_folder=folder / "work")
    command = Generate(
        job="1",
        request=_request(model.workload),
        model_folder=folder / "model",
        plan=_plan(),
        output=target,
        live_preview=False,
    )
    result = Studio().make_video(command, emit=lambda _: None, check_cancelled=lambda: None)
    peak.stop()
    print(json.dumps({"base": peak.base, "peak": peak.peak, "timings_s": dict(result.timings_s)}))


def measure_cpu() -> None:
    """Render each model and print what it took beside what was foretold."""
    cores = psutil.cpu_count(logical=False) or 1
    machine = Machine(ram_total_bytes=psutil.virtual_memory().total, cpu_tflops=cores * 16 * 3e9 / 1e12)
    print(f"\nPeak memory of a process on the CPU, and seconds ({cores} cores)")
    for index, model in enumerate(MID_MODELS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            model.make(folder / "model")
            shape = shape_of_folder(inspect_model_folder(folder / "model"))
            foretold = estimate(shape, model.workload, _plan(), machine)
            command = [sys.executable, "-m", "benchmarks.estimate", "--child", str(index), "--folder", name]
            output = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout
            found = json.loads(output.splitlines()[-1])
            print(
                f"  {model.name:24} measured {found['peak'] / 1e9:.2f} GB (engine alone {found['base'] / 1e9:.2f})   "
                f"estimate {foretold.ram_peak_bytes / 1e9:.2f} GB   {foretold.ram_peak_bytes / found['peak'] - 1:+.1%}"
            )
            for stage in foretold.stages:
                taken = found["timings_s"].get(stage.stage.value)
                print(
                    f"    {stage.stage:16} {taken} s   estimate {stage.seconds_low:.2f} to {stage.seconds_high:.2f} s"
                )


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
    """Measure and print, or render as a child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", type=int, default=-1)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--only", choices=("meta", "cpu", "speed"))
    options = parser.parse_args()
    if options.child >= 0:
        child(options.child, options.folder)
        return
    parts: Mapping[str, Callable[[], None]] = {"speed": measure_speed, "meta": measure_meta, "cpu": measure_cpu}
    for name, part in parts.items():
        if options.only in (None, name):
            part()


if __name__ == "__main__":
    main()
