"""Our step loop against diffusers' own pipeline: the same components, the same settings, one process."""

import time
from pathlib import Path

import torch
from diffusers import WanPipeline

from benchmarks.measure import interleaved, report
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, GenerationMode, find_model
from wan_desktop.core.generation import GenerationRequest
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.paths import resources_folder
from wan_desktop.engine.decoder import decode_groups, to_pictures
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.memory import usable_threads
from wan_desktop.engine.preview import Previewer
from wan_desktop.engine.sampler import Watch, denoise, embed_prompts

_RUNS = 15
BUILTIN_REQUEST = GenerationRequest(
    model_id=BUILTIN_MODEL_ID,
    mode=GenerationMode.T2V,
    prompt="a red circle moving right on a black background",
    negative_prompt="",
    width=64,
    height=64,
    num_frames=17,
    fps=8,
    num_inference_steps=16,
    guidance_scale=3.0,
    seed=0,
)


def _ours(model: LoadedModel, previewer: Previewer | None, *, keep_prompts: bool) -> float:
    if not keep_prompts:
        model.prompts.clear()
    last = 0.0

    def preview(_: int, latents: torch.Tensor) -> None:
        nonlocal last
        if previewer is not None and time.monotonic() - last >= 0.5:  # as in the engine
            last = time.monotonic()
            previewer.jpeg_base64(latents)

    started = time.perf_counter()
    prompts = embed_prompts(model, BUILTIN_REQUEST, lambda: None)
    watch = Watch(check_cancelled=lambda: None, step=lambda *_: None, preview=preview)
    latents = denoise(model, BUILTIN_REQUEST, prompts, None, watch)
    for group in decode_groups(model, latents, lambda: None):
        to_pictures(group)
    return time.perf_counter() - started


def _pipelines(pipeline: WanPipeline) -> float:
    started = time.perf_counter()
    frames = pipeline(
        prompt=BUILTIN_REQUEST.prompt,
        negative_prompt=BUILTIN_REQUEST.negative_prompt,
        width=BUILTIN_REQUEST.width,
        height=BUILTIN_REQUEST.height,
        num_frames=BUILTIN_REQUEST.num_frames,
        num_inference_steps=BUILTIN_REQUEST.num_inference_steps,
        guidance_scale=BUILTIN_REQUEST.guidance_scale,
        generator=torch.Generator().manual_seed(BUILTIN_REQUEST.seed),
    ).frames[0]
    (frames * 255).round().astype("uint8")
    return time.perf_counter() - started


def main(model_name: str = BUILTIN_MODEL_ID) -> None:
    """Measure and print."""
    torch.set_num_threads(usable_threads())
    folder = find_model(model_name, resources_folder() if model_name == BUILTIN_MODEL_ID else Path()).folder
    model = load_model(folder, LoadPlan(), progress=lambda *_: None, check_cancelled=lambda: None)
    pipeline = WanPipeline(
        tokenizer=model.tokenizer,
        text_encoder=model.text_encoder,
        transformer=model.transformer,
        vae=model.vae,
        scheduler=model.make_scheduler(None),
        expand_timesteps=folder.expand_timesteps,
    )
    pipeline.set_progress_bar_config(disable=True)
    previewer = Previewer(model)
    results = interleaved(
        _RUNS,
        {
            "diffusers' pipeline": lambda: _pipelines(pipeline),
            "ours": lambda: _ours(model, None, keep_prompts=False),
            "ours, live preview": lambda: _ours(model, previewer, keep_prompts=False),
            "ours, prompt known": lambda: _ours(model, None, keep_prompts=True),
        },
    )
    report(
        "One built-in clip, 64x64x17, 16 steps, guided", results, anchor="diffusers' pipeline", goal="ours <= 1.02 x"
    )


if __name__ == "__main__":
    main()
