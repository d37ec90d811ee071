"""One generation on diffusers' components, step by step: progress, preview, and cancel between transformer blocks.

For the same components, seed and settings the latents equal those of diffusers' `WanPipeline` and
`WanImageToVideoPipeline` 0.42 bit for bit, with three exceptions, each on purpose: text-to-video of a model with
`expand_timesteps` uses one timestep instead of one a token (2e-6 apart, and 3 GiB less at real size); each expert's
guidance is looked at, not only the first one's; guidance 1 skips the second forward.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self

import torch
from diffusers import WanTransformer3DModel
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from diffusers.utils.torch_utils import randn_tensor
from diffusers.video_processor import VideoProcessor
from PIL import Image
from torch import Tensor, nn

from wan_desktop.core.catalog import TEXT_LENGTH
from wan_desktop.core.errors import BrokenPictureError
from wan_desktop.core.generation import GenerationRequest
from wan_desktop.core.load_plan import TextEncoderPolicy
from wan_desktop.core.words import tr
from wan_desktop.engine.loader import LoadedModel
from wan_desktop.engine.sampling_state import SamplingState


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on while a video is made."""

    check_cancelled: Callable[[], None]
    """Raises JobCancelled to stop; called between blocks."""
    step: Callable[[int, int, int, int], None]
    """Told steps done, steps in all, part, parts."""
    preview: Callable[[int, Tensor], None]
    """Told step and the latents as they are expected to end, normalised."""
    keep: Callable[[SamplingState], None] = lambda _: None
    """Given the state after each step, to go on from there if the next one fails."""
    loading: Callable[[int, int], None] = lambda *_: None
    """Told bytes read and bytes in all when an expert is read from disk at its turn."""
    between_steps: Callable[[int, int, Callable[[], int]], None] = lambda *_: None
    """Told steps done, steps in all, and how the card's memory is freed, which returns the bytes; takes its time.
    Raises JobCancelled to stop."""


@dataclass(frozen=True, slots=True)
class PromptEmbeddings:
    """`(1, 512, text_dim)` each, on the compute device; no negative ones where no guidance needs them."""

    positive: Tensor
    negative: Tensor | None


@dataclass(frozen=True, slots=True)
class Condition:
    """What start and last image give to the transformer."""

    latents: Tensor
    """`(1, z_dim, 1, h, w)` where the first frame is kept, else `(1, 4 + z_dim, frames_latent, h, w)`, concatenated."""
    first_frame_mask: Tensor | None
    """`(1, 1, frames_latent, h, w)`, 0 in the first frame, 1 elsewhere; only where the first frame is kept."""
    image_embeddings: Tensor | None
    """`(1, tokens, image_dim)` of the CLIP image encoder, for models that have one."""


@contextmanager
def interruptible(modules: list[nn.Module], check_cancelled: Callable[[], None]) -> Iterator[None]:
    """Check before each forward of these modules while the block runs."""

    def check(*_: object) -> None:
        check_cancelled()

    hooks = [module.register_forward_pre_hook(check) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def embed_prompts(
    model: LoadedModel,
    request: GenerationRequest,
    check_cancelled: Callable[[], None],
    loading: Callable[[int, int], None] = lambda *_: None,
) -> PromptEmbeddings:
    """Read prompt and negative prompt, or take them from the last runs.

    Args:
        model: Its text encoder reads.
        request: The prompts.
        check_cancelled: Raises JobCancelled to stop.
        loading: Told bytes read and bytes in all when the text encoder is read from disk for it.
    """
    needs_negative = max(_guidance_of_experts(request)) > 1
    texts = [request.prompt, request.negative_prompt] if needs_negative else [request.prompt]
    known = {text: model.prompts[text] for text in texts if text in model.prompts}
    if len(known) < len(set(texts)):
        with model.text_reader(loading, check_cancelled) as (text_encoder, device):
            # Padding is masked, so it changes nothing but rounding, and on the CPU it would take most of the time.
            pads = model.plan.text_encoder is not TextEncoderPolicy.CPU
            with interruptible(list(text_encoder.encoder.block), check_cancelled):
                for text in [text for text in dict.fromkeys(texts) if text not in known]:
                    known[text] = _embed(model.tokenizer, text_encoder, text, device, pads=pads).to("cpu")
                    model.keep_prompt(text, known[text])
            # What the plan drops must not live on in this function.
            del text_encoder
    embeddings = [known[text].to(model.device, model.dtype) for text in texts]
    return PromptEmbeddings(embeddings[0], embeddings[1] if needs_negative else None)


def _embed(tokenizer: Any, text_encoder: Any, text: str, device: torch.device, *, pads: bool) -> Tensor:
    tokens = tokenizer(
        [prompt_clean(text)],
        padding="max_length" if pads else False,
        # 512 always: the attention of Wan2.1's image-to-video splits text from image at that place.
        max_length=TEXT_LENGTH,
        truncation=True,
        return_attention_mask=True,
        return_tensors="pt",
    )
    ids, mask = tokens.input_ids.to(device), tokens.attention_mask.to(device)
    embeddings: Tensor = text_encoder(ids, mask).last_hidden_state
    length = int(mask.sum())
    # The transformers attend to all 512 places; those of padding must be zeros.
    return torch.cat(
        [embeddings[:, :length], embeddings.new_zeros(1, TEXT_LENGTH - length, embeddings.shape[2])], dim=1
    )


def latent_shape(model: LoadedModel, request: GenerationRequest) -> tuple[int, int, int, int, int]:
    """`(1, z_dim, frames_latent, h, w)` of the request."""
    config = model.vae.config
    frames = (request.num_frames - 1) // config.scale_factor_temporal + 1
    scale = config.scale_factor_spatial
    return 1, config.z_dim, frames, request.height // scale, request.width // scale


def latent_statistics(model: LoadedModel, like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and inverse standard deviation of the latent channels, `(1, z_dim, 1, 1, 1)`."""
    shape = (1, model.vae.config.z_dim, 1, 1, 1)
    mean = torch.tensor(model.vae.config.latents_mean).view(shape).to(like.device, like.dtype)
    return mean, 1.0 / torch.tensor(model.vae.config.latents_std).view(shape).to(like.device, like.dtype)


@torch.no_grad()
def prepare_condition(
    model: LoadedModel,
    request: GenerationRequest,
    image: Image.Image,
    last_image: Image.Image | None,
    check_cancelled: Callable[[], None],
) -> Condition:
    """Encode start and last image.

    Args:
        model: One that takes images.
        request: Its size is what the images have.
        image: RGB, already cropped and resized.
        last_image: The same, or None.
        check_cancelled: Raises JobCancelled to stop.
    """
    device = model.device
    processor = VideoProcessor(vae_scale_factor=model.vae.config.scale_factor_spatial)

    def pixels(picture: Image.Image) -> Tensor:
        return (
            processor.preprocess(picture, height=request.height, width=request.width)
            .to(device, torch.float32)
            .unsqueeze(2)
        )

    video = pixels(image)
    keeps_first_frame = model.folder.expand_timesteps
    if not keeps_first_frame:
        blanks = request.num_frames - (1 if last_image is None else 2)
        parts = [video, video.new_zeros(1, 3, blanks, request.height, request.width)]
        video = torch.cat(parts if last_image is None else [*parts, pixels(last_image)], dim=2)
    with model.on_device(model.vae), interruptible([model.vae.encoder], check_cancelled):
        try:
            latents = model.vae.encode(video).latent_dist.mode()  # float32, as the encoder always is
        finally:
            model.vae.clear_cache()
    mean, inverse_std = latent_statistics(model, torch.empty((), device=device))
    latents = (latents.to(device, torch.float32) - mean) * inverse_std
    shape = latent_shape(model, request)
    if keeps_first_frame:
        mask = torch.ones(1, 1, *shape[2:], device=device)
        mask[:, :, 0] = 0
        return Condition(latents, mask, None)
    given = _given_frames_mask(model, request, last_image is not None).to(device)
    return Condition(torch.cat([given, latents], dim=1), None, _embed_images(model, image, last_image))


def _given_frames_mask(model: LoadedModel, request: GenerationRequest, has_last_image: bool) -> Tensor:
    """1 where a frame is given, `(1, 4, frames_latent, h, w)`; the first frame fills all four places of its group."""
    _, _, frames, height, width = latent_shape(model, request)
    step = model.vae.config.scale_factor_temporal
    given = torch.zeros(1, request.num_frames, height, width)
    given[:, 0] = 1
    if has_last_image:
        given[:, -1] = 1
    given = torch.cat([given[:, :1].repeat(1, step, 1, 1), given[:, 1:]], dim=1)
    return given.view(1, frames, step, height, width).transpose(1, 2)


def _embed_images(model: LoadedModel, image: Image.Image, last_image: Image.Image | None) -> Tensor | None:
    if model.image_encoder is None:
        return None
    images = [image] if last_image is None else [image, last_image]
    pixels = model.image_processor(images=images, return_tensors="pt").to(model.device)
    with model.on_device(model.image_encoder):
        hidden: Tensor = model.image_encoder(**pixels, output_hidden_states=True).hidden_states[-2]
    return hidden.to(model.dtype)


def _guidance_of_experts(request: GenerationRequest) -> tuple[float, float]:
    second = request.guidance_scale_2
    return request.guidance_scale, request.guidance_scale if second is None else second


@torch.no_grad()
def denoise(
    model: LoadedModel,
    request: GenerationRequest,
    prompts: PromptEmbeddings,
    condition: Condition | None,
    watch: Watch,
    start: SamplingState | None = None,
) -> Tensor:
    """Run all steps, or those that are left.

    Args:
        model: Predicts.
        request: What is made.
        prompts: Of `embed_prompts`.
        condition: Of `prepare_condition`.
        watch: Looks on.
        start: Where an earlier run of the same request came to; from the beginning if None.

    Returns:
        Normalised latents, `latent_shape`, float32, on the compute device.

    Raises:
        JobCancelled: As `watch.check_cancelled` says.
        BrokenPictureError: The numbers overflowed.
    """
    state = _beginning(model, request) if start is None else start.on(model.device)
    scheduler, latents, timesteps = state.scheduler, state.latents, state.scheduler.timesteps
    experts = _Experts(model, request, scheduler.config.num_train_timesteps, timesteps, watch)
    with experts:
        for index, timestep in list(enumerate(timesteps))[state.steps_done :]:
            watch.between_steps(index, len(timesteps), experts.leave_card)
            watch.check_cancelled()
            velocity = experts.velocity(latents, timestep, prompts, condition)
            sigma = float(scheduler.sigmas[index])
            expected = latents - sigma * velocity
            latents = scheduler.step(velocity, timestep, latents, return_dict=False)[0]
            if not torch.isfinite(latents).all():
                raise BrokenPictureError(
                    tr("The numbers overflowed in step {step} of {total}.", step=index + 1, total=len(timesteps)),
                    hint=tr("Try again with 32-bit numbers, or check the model's files."),
                )
            watch.keep(SamplingState.after(index + 1, latents, scheduler))
            watch.step(index + 1, len(timesteps), experts.part(timestep), experts.parts)
            watch.preview(index + 1, _keep_first_frame(expected, condition))
        # After the last one too: whoever asked for it during that step waits for it.
        watch.between_steps(len(timesteps), len(timesteps), experts.leave_card)
    return _keep_first_frame(latents, condition)


def _beginning(model: LoadedModel, request: GenerationRequest) -> SamplingState:
    scheduler = model.make_scheduler(request.flow_shift, request.sampler)
    scheduler.set_timesteps(request.num_inference_steps, device=model.device)
    scheduler.set_begin_index(0)
    # The generator lives on the CPU, so that a seed gives the same noise on every device.
    generator = torch.Generator("cpu").manual_seed(request.seed)
    latents = randn_tensor(latent_shape(model, request), generator=generator, device=model.device, dtype=torch.float32)
    return SamplingState(0, latents, scheduler)


class _Experts:
    """Which transformer works at a timestep; on a graphics card only that one lies in video memory.

    Holds none of them itself: with `one_expert` the last reference to one must go before the other is read.
    """

    def __init__(
        self,
        model: LoadedModel,
        request: GenerationRequest,
        num_train_timesteps: int,
        timesteps: Tensor,
        watch: Watch,
    ) -> None:
        self._model = model
        self._watch = watch
        self._guidance = _guidance_of_experts(request)
        ratio = model.folder.boundary_ratio
        self._boundary = None if ratio is None else ratio * num_train_timesteps
        self.parts = len({self.part(timestep) for timestep in timesteps})
        self._at_work = 0
        self._place = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._place.__exit__(*error)

    def part(self, timestep: Tensor) -> int:
        """1 for the high-noise expert or the only one, 2 for the low-noise one."""
        return 1 if self._boundary is None or timestep >= self._boundary else 2

    def leave_card(self) -> int:
        """Free what can be freed of the card's memory until the next `velocity`; returns the bytes."""
        self._place.close()
        self._at_work = 0
        return self._model.leave_card()

    def velocity(
        self, latents: Tensor, timestep: Tensor, prompts: PromptEmbeddings, condition: Condition | None
    ) -> Tensor:
        """What the expert of this timestep predicts, guided; it is brought to the compute device first."""
        part = self.part(timestep)
        if self._at_work != part:
            self._place.close()
            self._place.enter_context(self._model.expert(part, self._watch.loading, self._watch.check_cancelled))
            self._at_work = part
        # inspect_model_folder refuses a boundary without a second transformer.
        transformer = self._model.transformer if part == 1 else self._model.transformer_2
        with interruptible(list(transformer.blocks), self._watch.check_cancelled):
            return _predict(self._model, transformer, latents, timestep, self._guidance[part - 1], prompts, condition)


def _predict(
    model: LoadedModel,
    transformer: WanTransformer3DModel,
    latents: Tensor,
    timestep: Tensor,
    guidance: float,
    prompts: PromptEmbeddings,
    condition: Condition | None,
) -> Tensor:
    """The velocity at this timestep, guided."""
    hidden, time, images = latents, timestep.expand(1), None
    if condition is not None and condition.first_frame_mask is not None:
        mask = condition.first_frame_mask
        hidden = (1 - mask) * condition.latents + mask * latents
        # One timestep a token, 0 for those of the first frame; a token covers 2 x 2 latents.
        time = (mask[0][0][:, ::2, ::2] * timestep).flatten().unsqueeze(0)
    elif condition is not None:
        hidden, images = torch.cat([latents, condition.latents], dim=1), condition.image_embeddings
    hidden = hidden.to(model.dtype)

    def forward(name: str, embeddings: Tensor) -> Tensor:
        with transformer.cache_context(name):
            velocity: Tensor = transformer(hidden, time, embeddings, images, return_dict=False)[0]
        return velocity

    velocity = forward("cond", prompts.positive)
    if guidance <= 1 or prompts.negative is None:
        return velocity
    unguided = forward("uncond", prompts.negative)
    return unguided + guidance * (velocity - unguided)


def _keep_first_frame(latents: Tensor, condition: Condition | None) -> Tensor:
    if condition is None or condition.first_frame_mask is None:
        return latents
    mask = condition.first_frame_mask
    return (1 - mask) * condition.latents + mask * latents
