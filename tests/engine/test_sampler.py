"""Our step loop against diffusers' own pipelines, on tiny models of every family."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
)
from PIL import Image

from tests.fakes.requests import make_request
from wan_desktop.core.errors import BrokenPictureError, JobCancelled
from wan_desktop.core.generation import GenerationRequest, Sampler
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.engine.decoder import decode_groups, to_pictures
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.sampler import Watch, denoise, embed_prompts, prepare_condition

TinyModel = Callable[[str], Path]
SIZE = 64
IMAGE_FAMILIES = ("i2v_clip", "i2v_two_experts", "ti2v")


def nothing() -> None:
    """Nobody cancels."""


def watch(**changes: Any) -> Watch:
    """Nobody looks on, but for the changes."""
    return Watch(**{"check_cancelled": nothing, "step": lambda *_: None, "preview": lambda *_: None, **changes})


def request(**changes: Any) -> GenerationRequest:
    """A request of some steps, guided well."""
    return make_request(**{"num_inference_steps": 6, "guidance_scale": 5.0, "seed": 42, **changes})


def load(folder: Path) -> LoadedModel:
    """Load as the engine does."""
    return load_model(inspect_model_folder(folder), LoadPlan(), progress=lambda *_: None, check_cancelled=nothing)


def picture(seed: int = 0) -> Image.Image:
    """A picture of the video's size."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), np.uint8)
    return Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)


def our_latents(
    model: LoadedModel,
    wanted: GenerationRequest,
    image: Image.Image | None = None,
    last: Image.Image | None = None,
    **looks: Any,
) -> torch.Tensor:
    """Latents of our loop."""
    prompts = embed_prompts(model, wanted, nothing)
    condition = None if image is None else prepare_condition(model, wanted, image, last, nothing)
    return denoise(model, wanted, prompts, condition, watch(**looks))


def our_pictures(model: LoadedModel, latents: torch.Tensor) -> np.ndarray:
    """Frames of our decoder, uint8."""
    return np.concatenate([to_pictures(group) for group in decode_groups(model, latents, nothing)])


def call_pipeline(
    model: LoadedModel,
    wanted: GenerationRequest,
    images: dict[str, Image.Image],
    scheduler: Any = None,
    **more: Any,
) -> Any:
    """What diffusers' own pipeline makes of the same request.

    It gets the very same components: the CPU's matrix kernels round differently when the same weights lie at another
    alignment in memory (2e-6 measured between our loader's and `from_pretrained`'s copies), which would hide what is
    compared here.
    """
    components: dict[str, Any] = {
        "tokenizer": model.tokenizer,
        "text_encoder": model.text_encoder,
        "transformer": model.transformer,
        "transformer_2": model.transformer_2,
        "vae": model.vae,
        "scheduler": scheduler or model.make_scheduler(None),
        "boundary_ratio": model.folder.boundary_ratio,
        "expand_timesteps": model.folder.expand_timesteps,
    }
    if images:
        components |= {"image_encoder": model.image_encoder, "image_processor": model.image_processor}
    pipeline = (WanImageToVideoPipeline if images else WanPipeline)(**components)
    pipeline.set_progress_bar_config(disable=True)
    arguments = {
        "prompt": wanted.prompt,
        "negative_prompt": wanted.negative_prompt,
        "height": wanted.height,
        "width": wanted.width,
        "num_frames": wanted.num_frames,
        "num_inference_steps": wanted.num_inference_steps,
        "guidance_scale": wanted.guidance_scale,
        "guidance_scale_2": wanted.guidance_scale_2,
    }
    generator = torch.Generator().manual_seed(wanted.seed)
    return pipeline(**arguments, **images, generator=generator, **more).frames


def assert_equal_to_pipeline(folder: Path, wanted: GenerationRequest, images: dict[str, Image.Image]) -> None:
    """Latents and frames of both, compared bit for bit."""
    model = load(folder)
    latents = our_latents(model, wanted, images.get("image"), images.get("last_image"))
    expected = call_pipeline(model, wanted, images, output_type="latent")
    assert torch.equal(latents, expected)
    frames = np.concatenate([group[0].permute(1, 2, 3, 0).numpy() for group in decode_groups(model, latents, nothing)])
    expected_frames = call_pipeline(model, wanted, images)[0]
    assert frames.shape == (wanted.num_frames, SIZE, SIZE, 3)
    assert np.array_equal(frames, expected_frames)


@pytest.mark.parametrize("family", ["t2v", "t2v_two_experts"])
@pytest.mark.parametrize("guidance_scale", [5.0, 1.0], ids=["guided", "unguided"])
def test_that_text_to_video_equals_the_pipeline_bit_for_bit(
    tiny_model: TinyModel, family: str, guidance_scale: float
) -> None:
    assert_equal_to_pipeline(tiny_model(family), request(guidance_scale=guidance_scale), {})


def test_that_two_experts_with_two_guidances_equal_the_pipeline_bit_for_bit(tiny_model: TinyModel) -> None:
    assert_equal_to_pipeline(tiny_model("t2v_two_experts"), request(guidance_scale=4.0, guidance_scale_2=3.0), {})


@pytest.mark.parametrize("family", IMAGE_FAMILIES)
def test_that_image_to_video_equals_the_pipeline_bit_for_bit(tiny_model: TinyModel, family: str) -> None:
    assert_equal_to_pipeline(tiny_model(family), request(), {"image": picture()})


@pytest.mark.parametrize("family", ["i2v_two_experts", "flf2v_clip"])
def test_that_first_and_last_frame_to_video_equals_the_pipeline_bit_for_bit(tiny_model: TinyModel, family: str) -> None:
    assert_equal_to_pipeline(tiny_model(family), request(), {"image": picture(), "last_image": picture(1)})


def test_that_text_to_video_with_one_timestep_is_within_1e_5_of_one_per_token(tiny_model: TinyModel) -> None:
    model = load(tiny_model("ti2v"))
    expected = call_pipeline(model, request(), {}, output_type="latent")
    assert (our_latents(model, request()) - expected).abs().max() <= 1e-5
    # From the same latents the frames are the same, bit for bit.
    frames = np.concatenate([group[0].permute(1, 2, 3, 0).numpy() for group in decode_groups(model, expected, nothing)])
    assert np.array_equal(frames, call_pipeline(model, request(), {})[0])


@pytest.mark.parametrize("num_frames", [1, 5, 13])
def test_that_other_lengths_equal_the_pipeline(tiny_model: TinyModel, num_frames: int) -> None:
    assert_equal_to_pipeline(tiny_model("t2v"), request(num_frames=num_frames), {})


def test_that_text_to_video_uses_one_timestep_even_where_the_model_can_take_one_per_token(
    tiny_model: TinyModel,
) -> None:
    model, seen = load(tiny_model("ti2v")), []
    model.transformer.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[1].shape))
    our_latents(model, request(num_inference_steps=2))
    assert set(seen) == {torch.Size([1])}


def test_that_each_expert_follows_its_own_guidance(tiny_model: TinyModel) -> None:
    """The pipeline looks at the first guidance only: with 1 and 3 it would not guide at all."""
    model = load(tiny_model("t2v_two_experts"))
    guided = our_latents(model, request(guidance_scale=1.0, guidance_scale_2=3.0))
    unguided = our_latents(model, request(guidance_scale=1.0, guidance_scale_2=1.0))
    assert not torch.equal(guided, unguided)


def test_that_the_second_guidance_defaults_to_the_first(tiny_model: TinyModel) -> None:
    model = load(tiny_model("t2v_two_experts"))
    assert torch.equal(our_latents(model, request()), our_latents(model, request(guidance_scale_2=5.0)))


def test_that_both_experts_work_and_each_step_says_which(tiny_model: TinyModel) -> None:
    steps: list[tuple[int, ...]] = []
    our_latents(load(tiny_model("t2v_two_experts")), request(), step=lambda *step: steps.append(step))
    assert [done for done, *_ in steps] == [1, 2, 3, 4, 5, 6]
    assert {part for _, _, part, _ in steps} == {1, 2}
    assert {parts for *_, parts in steps} == {2}


def test_that_another_seed_gives_another_clip_and_the_same_seed_the_same(tiny_model: TinyModel) -> None:
    model = load(tiny_model("t2v"))
    first, again, other = (our_latents(model, request(seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_that_the_shift_of_the_request_reaches_the_scheduler(tiny_model: TinyModel) -> None:
    model = load(tiny_model("t2v"))
    shifted = our_latents(model, request(flow_shift=8.0))
    assert torch.equal(our_latents(model, request()), our_latents(model, request(flow_shift=3.0)))
    assert not torch.equal(shifted, our_latents(model, request(flow_shift=3.0)))


_numpy_copy = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""diffusers' DPM-Solver hands a tensor expression to `np.array`."""
_FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}


@_numpy_copy
@pytest.mark.parametrize("family", ["t2v", "t2v_two_experts", "ti2v"])
@pytest.mark.parametrize(
    ("sampler", "make"),
    [
        (Sampler.UNIPC, lambda shift: UniPCMultistepScheduler(flow_shift=shift, **_FLOW)),
        (Sampler.EULER, lambda shift: FlowMatchEulerDiscreteScheduler(shift=shift)),
        (Sampler.DPM_2M, lambda shift: DPMSolverMultistepScheduler(flow_shift=shift, **_FLOW)),
    ],
    ids=["unipc", "euler", "dpm++2m"],
)
@pytest.mark.parametrize("shift", [None, 8.0])
def test_that_every_sampler_equals_that_of_the_pipeline(
    tiny_model: TinyModel, family: str, sampler: Sampler, make: Callable[[float], Any], shift: float | None
) -> None:
    model = load(tiny_model(family))
    # With the expanded timesteps of `ti2v`, text alone differs from the pipeline on purpose; a picture does not.
    images = {"image": picture()} if family == "ti2v" else {}
    wanted = request(sampler=sampler, flow_shift=shift)
    expected = call_pipeline(model, wanted, images, make(shift or 3.0), output_type="latent")
    assert torch.equal(our_latents(model, wanted, images.get("image")), expected)
    own = our_latents(model, request(flow_shift=shift), images.get("image"))
    assert torch.equal(own, expected) == (sampler is Sampler.UNIPC)


@_numpy_copy
@pytest.mark.parametrize("sampler", list(Sampler))
def test_that_every_sampler_goes_on_where_it_was_interrupted(tiny_model: TinyModel, sampler: Sampler) -> None:
    model, wanted, kept = load(tiny_model("t2v_two_experts")), request(sampler=sampler), []
    whole = our_latents(model, wanted, keep=kept.append)
    prompts = embed_prompts(model, wanted, nothing)
    assert torch.equal(denoise(model, wanted, prompts, None, watch(), kept[2]), whole)


def test_that_prompts_are_padded_to_512_with_zeros(tiny_model: TinyModel) -> None:
    prompts = embed_prompts(load(tiny_model("i2v_clip")), request(), nothing)
    assert prompts.positive.shape == (1, 512, 32)
    assert prompts.positive[:, :7].abs().sum() > 0
    assert prompts.positive[:, 7:].abs().sum() == 0


def test_that_a_prompt_is_read_once_and_remembered(tiny_model: TinyModel) -> None:
    model, calls = load(tiny_model("t2v")), []
    model.text_encoder.register_forward_pre_hook(lambda *_: calls.append(1))
    first = embed_prompts(model, request(), nothing)
    second = embed_prompts(model, request(), nothing)
    assert len(calls) == 2  # prompt and negative prompt
    assert torch.equal(first.positive, second.positive)


def test_that_no_negative_prompt_is_read_without_guidance(tiny_model: TinyModel) -> None:
    assert embed_prompts(load(tiny_model("t2v")), request(guidance_scale=1.0), nothing).negative is None


class CancelAfter:
    """Cancels at the n-th check."""

    def __init__(self, checks: int) -> None:
        self.left = checks

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise JobCancelled


@pytest.mark.parametrize("checks", [0, 2, 4, 7], ids=["at-once", "between-blocks", "second-forward", "next-step"])
def test_that_cancel_stops_between_blocks_and_the_next_run_is_exact(tiny_model: TinyModel, checks: int) -> None:
    model = load(tiny_model("t2v"))
    expected = our_latents(model, request())
    with pytest.raises(JobCancelled):
        our_latents(model, request(), check_cancelled=CancelAfter(checks))
    assert not model.transformer.blocks[0]._forward_pre_hooks
    assert torch.equal(our_latents(model, request()), expected)


def test_that_cancel_within_the_decode_leaves_no_features_behind(tiny_model: TinyModel) -> None:
    model = load(tiny_model("t2v"))
    latents = our_latents(model, request())
    expected = our_pictures(model, latents)
    with pytest.raises(JobCancelled):
        list(decode_groups(model, latents, CancelAfter(2)))
    assert all(feature is None for feature in model.vae._feat_map)
    assert np.array_equal(our_pictures(model, latents), expected)


def test_that_numbers_that_overflow_are_an_error_after_the_first_step(tiny_model: TinyModel) -> None:
    model = load(tiny_model("t2v"))
    with torch.no_grad():
        model.transformer.proj_out.weight.fill_(torch.inf)
    with pytest.raises(BrokenPictureError, match="step 1 of 6"):
        our_latents(model, request())


def test_that_previews_come_closer_to_the_end(tiny_model: TinyModel) -> None:
    previews: list[torch.Tensor] = []
    latents = our_latents(load(tiny_model("t2v")), request(), preview=lambda _, expected: previews.append(expected))
    distances = [float((preview - latents).abs().mean()) for preview in previews]
    assert len(previews) == 6
    assert distances[-1] < distances[0]
