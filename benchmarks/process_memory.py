"""A real process's memory on the CPU, under each placement, against the estimate.

`python -m benchmarks.process_memory` makes random models of 1 to 3 GB, one after the other, renders with each under
every plan that can be run on a CPU, each run in a process of its own, and prints a table. It takes half an hour and
4 GB of disk.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from PIL import Image
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

from benchmarks.estimate import VAE_22_CONFIG
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.estimate import Machine, Workload, estimate
from wan_desktop.core.generation import GenerationRequest
from wan_desktop.core.load_plan import Device, LoadPlan, Placement, Storage, TextEncoderPolicy, VaePolicy
from wan_desktop.core.messages import Generate, OutputTarget
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.model_shape import ModelShape, shape_of_folder
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.engine.render import Studio

_GOAL = 0.10
_WORDS = tuple(f"word{number}" for number in range(2000))
_TEXT = {"d_model": 1024, "d_kv": 64, "num_heads": 16, "d_ff": 2816, "num_layers": 10}
_SMALL_VAE_22 = {**VAE_22_CONFIG, "base_dim": 32, "decoder_base_dim": 64}


@dataclass(frozen=True, slots=True)
class MidModel:
    """A random model, and the video that is made with it."""

    name: str
    transformer: Mapping[str, Any]
    vae: Mapping[str, Any]
    workload: Workload
    two_experts: bool = False

    def save(self, folder: Path) -> None:
        """Write it in float32, in the layout of the official repositories."""
        torch.manual_seed(1)
        vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)] + [(f"▁{word}", -2.0) for word in _WORDS]
        tokenizer = T5TokenizerFast(vocab=vocab, extra_ids=0, model_max_length=512)
        experts = [
            WanTransformer3DModel(text_dim=_TEXT["d_model"], attention_head_dim=64, **self.transformer)
            for _ in range(1 + self.two_experts)
        ]
        WanPipeline(
            transformer=experts[0],
            transformer_2=experts[1] if self.two_experts else None,
            boundary_ratio=0.875 if self.two_experts else None,
            vae=AutoencoderKLWan(**self.vae),
            text_encoder=UMT5EncoderModel(UMT5Config(vocab_size=len(tokenizer), **_TEXT)),
            tokenizer=tokenizer,
            scheduler=UniPCMultistepScheduler(
                prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
            ),
            expand_timesteps=bool(self.vae.get("is_residual", False)),
        ).save_pretrained(folder)


MID_MODELS = (
    MidModel(
        "one expert, 1.9 GB",
        {"num_layers": 12, "num_attention_heads": 24, "ffn_dim": 6144},
        {"base_dim": 48},
        Workload(192, 128, 9, 2, has_image=False, guidance_scale=1.0),
    ),
    MidModel(
        "two experts, 2 x 1.0 GB",
        {"num_layers": 6, "num_attention_heads": 24, "ffn_dim": 6144},
        {"base_dim": 48},
        Workload(192, 128, 9, 2, has_image=False, guidance_scale=1.0),
        two_experts=True,
    ),
    MidModel(
        "VAE of Wan2.1 whole, 0.9 GB",
        {"num_layers": 8, "num_attention_heads": 20, "ffn_dim": 4096},
        {},
        Workload(480, 320, 5, 1, has_image=False, guidance_scale=1.0),
    ),
    MidModel(
        "residual VAE, start image, 1.2 GB",
        {
            "num_layers": 8,
            "num_attention_heads": 24,
            "ffn_dim": 5120,
            "in_channels": 48,
            "out_channels": 48,
        },
        _SMALL_VAE_22,
        Workload(512, 384, 5, 1, has_image=True, guidance_scale=1.0),
    ),
    MidModel(
        "long video, 1.2 GB",
        {"num_layers": 8, "num_attention_heads": 24, "ffn_dim": 5120},
        {"base_dim": 24},
        Workload(256, 256, 65, 1, has_image=False, guidance_scale=1.0),
    ),
)


def plans(model: MidModel) -> Iterator[LoadPlan]:
    """Each placement, and each other choice, that takes other memory on a CPU; then all savings at once."""
    plain = LoadPlan(device=Device.CPU, placement=Placement.RESIDENT)
    for placement in Placement:
        yield replace(plain, name=placement.value, placement=placement)
    yield replace(plain, name="fp8 storage", storage=Storage.FP8)
    yield replace(plain, name="text dropped", text_encoder=TextEncoderPolicy.DROP)
    yield replace(plain, name="text streamed", text_encoder=TextEncoderPolicy.CPU)
    yield replace(plain, name="decoder tiled", vae=VaePolicy.TILED)
    saving = replace(plain, text_encoder=TextEncoderPolicy.CPU, vae=VaePolicy.TILED)
    if model.two_experts:
        yield replace(plain, name="one expert", one_expert=True)
        yield replace(plain, name="one expert on disk", one_expert=True, placement=Placement.DISK)
        saving = replace(saving, one_expert=True)
    yield replace(saving, name="all savings", placement=Placement.DISK)


# In a process of its own ---------------------------------------------------------------------------------------------


class StagePeaks:
    """Looks at this process's memory every few milliseconds, and keeps the most of each stage."""

    def __init__(self) -> None:
        self._process, self._stop = psutil.Process(), threading.Event()
        self._stage = "start"
        self.peaks: dict[str, int] = {}
        self._look()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def see(self, message: Any) -> None:
        """What the engine says; a stage begins with its first message."""
        stage = getattr(message, "stage", None)
        if stage is not None:
            self._stage = stage.value

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        self.peaks[self._stage] = max(self.peaks.get(self._stage, 0), self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._stop.wait(0.004):
            self._look()


def _request(workload: Workload, folder: Path) -> GenerationRequest:
    image = folder / "start.png"
    if workload.has_image:
        size = (workload.width, workload.height)
        Image.effect_mandelbrot(size, (-2.0, -1.5, 1.0, 1.5), 60).convert("RGB").save(image)
    return GenerationRequest(
        model_id="benchmark",
        mode=GenerationMode.TI2V if workload.has_image else GenerationMode.T2V,
        prompt="word1 word2 word3",
        negative_prompt="",
        width=workload.width,
        height=workload.height,
        num_frames=workload.num_frames,
        fps=8,
        num_inference_steps=workload.num_inference_steps,
        guidance_scale=workload.guidance_scale,
        seed=0,
        image=image if workload.has_image else None,
    )


def child(model: MidModel, plan: LoadPlan, folder: Path) -> None:
    """Render in this process and print peaks and times as JSON."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    peaks = StagePeaks()
    target = OutputTarget(path=folder / "clip.mp4", rescue_folder=folder / "rescued", work_folder=folder / "work")
    command = Generate(
        job="1",
        request=_request(model.workload, folder),
        model_folder=folder / "model",
        plan=plan,
        output=target,
        live_preview=False,
    )
    result = Studio().make_video(command, emit=peaks.see, check_cancelled=lambda: None)
    peaks.stop()
    print(json.dumps({"peaks": peaks.peaks, "timings_s": dict(result.timings_s)}))


# The table -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A run."""

    foretold_bytes: int
    peak_bytes: int

    @property
    def error(self) -> float:
        """Of the estimate, as a part of what was measured."""
        return self.foretold_bytes / self.peak_bytes - 1


def run(index: int, plan: LoadPlan, shape: ModelShape, machine: Machine, folder: Path, *, stages: bool) -> Row:
    """Render once and print a line."""
    model = MID_MODELS[index]
    foretold = estimate(shape, model.workload, plan, machine)
    arguments = ["--child", str(index), "--plan", json.dumps(to_plain(plan)), "--folder", str(folder)]
    command = [sys.executable, "-m", "benchmarks.process_memory", *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout
    found = json.loads(output.splitlines()[-1])
    row = Row(foretold.ram_peak_bytes, max(found["peaks"].values()))
    print(
        f"  {plan.name:20} measured {row.peak_bytes / 1e9:.2f} GB   estimate {row.foretold_bytes / 1e9:.2f} GB   "
        f"{row.error:+.1%}",
        flush=True,
    )
    for stage in foretold.stages if stages else ():
        peak, seconds = found["peaks"].get(stage.stage.value, 0), found["timings_s"].get(stage.stage.value, 0.0)
        print(
            f"    {stage.stage:16} {peak / 1e9:5.2f} GB   estimate {stage.ram_bytes / 1e9:5.2f} GB   "
            f"{seconds:6.2f} s   estimate {stage.seconds_low:.2f} to {stage.seconds_high:.2f} s"
        )
    return row


def measure(chosen: Callable[[int], bool], *, stages: bool) -> None:
    """Render each model under each plan, and print what it took beside what was foretold."""
    cores = psutil.cpu_count(logical=False) or 1
    machine = Machine(ram_total_bytes=psutil.virtual_memory().total, cpu_tflops=cores * 16 * 3e9 / 1e12)
    rows = []
    print(f"Peak memory of a process on the CPU ({cores} cores)")
    for index, model in enumerate(MID_MODELS):
        if not chosen(index):
            continue
        print(model.name, flush=True)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            model.save(folder / "model")
            shape = shape_of_folder(inspect_model_folder(folder / "model"))
            rows += [run(index, plan, shape, machine, folder, stages=stages) for plan in plans(model)]
    errors = sorted(row.error for row in rows)
    within = sum(abs(error) <= _GOAL for error in errors)
    print(f"{len(errors)} runs, errors {errors[0]:+.1%} to {errors[-1]:+.1%}, {within} within {_GOAL:.0%} (goal: all)")


def main() -> None:
    """Measure and print, or render as a child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", type=int, default=-1, help=argparse.SUPPRESS)
    parser.add_argument("--plan", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    parser.add_argument("--only", type=int, help="one model, by its number from 0")
    parser.add_argument("--stages", action="store_true", help="print each stage too, with its time")
    options = parser.parse_args()
    if options.child >= 0:
        child(MID_MODELS[options.child], from_plain(LoadPlan, json.loads(options.plan)), options.folder)
        return
    measure(lambda index: options.only in (None, index), stages=options.stages)


if __name__ == "__main__":
    main()
