"""What stands in the form: one frozen record, kept on disk so that a crash loses no prompt."""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - `records` looks the type up at run time
from typing import Any, Self

from wan_desktop.core.catalog import GenerationMode, Model, ModelMetadata, VideoSize
from wan_desktop.core.generation import SEED_RANGE, GenerationDraft, GenerationRequest, Sampler
from wan_desktop.core.json_file import JsonFile
from wan_desktop.core.render_wishes import RenderWishes

MAX_COUNT = 20
"""Of videos that are asked for at once; the queue takes no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormState:
    """All values of the form; None means "the model's own"."""

    mode: GenerationMode = GenerationMode.T2V
    prompt: str = ""
    negative_prompt: str | None = None
    image: Path | None = None
    width: int = 0
    height: int = 0
    custom_size: bool = False
    num_frames: int = 0
    fps: int = 0
    num_inference_steps: int = 0
    guidance_scale: float = 0.0
    guidance_scale_2: float | None = None
    flow_shift: float | None = None
    sampler: Sampler = Sampler.MODEL
    seed: int | None = None
    """None takes a new one each time."""
    count: int = 1
    """How many videos are made of it, each with the seed after the one before."""
    model_id: str = ""
    """What it is made with; empty in files of before there was a choice."""
    variant: str = ""

    wishes: RenderWishes = field(default_factory=RenderWishes)
    """How to make and save it, where not as in the settings."""

    def with_changes(self, **changes: Any) -> Self:
        """A copy with other values."""
        return dataclasses.replace(self, **changes)

    @property
    def wants_image(self) -> bool:
        """A start image belongs to it."""
        return self.mode != GenerationMode.T2V

    def draft(self) -> GenerationDraft:
        """What is asked for."""
        return GenerationDraft(
            prompt="" if self.mode == GenerationMode.I2V else self.prompt,
            negative_prompt=self.negative_prompt,
            image=self.image if self.wants_image else None,
            width=self.width,
            height=self.height,
            num_frames=self.num_frames,
            fps=self.fps,
            num_inference_steps=self.num_inference_steps,
            guidance_scale=self.guidance_scale,
            guidance_scale_2=self.guidance_scale_2,
            flow_shift=self.flow_shift,
            sampler=self.sampler,
            seed=self.seed,
            variant=self.variant,
        )


def default_state(model: Model) -> FormState:
    """What the model is best used with."""
    data = model.metadata
    return FormState(
        mode=model.modes[0],
        width=data.sizes[0].width,
        height=data.sizes[0].height,
        num_frames=data.num_frames,
        fps=data.fps,
        num_inference_steps=data.num_inference_steps,
        guidance_scale=data.guidance_scale,
        guidance_scale_2=data.guidance_scale_2 if model.folder.has_two_experts else None,
        flow_shift=data.flow_shift,
        model_id=data.model_id,
        variant=model.variant,
    )


def fitted(state: FormState, model: Model) -> FormState:
    """The state with everything the model cannot do replaced by its defaults; prompt and image stay."""
    default, data = default_state(model), model.metadata
    changes: dict[str, Any] = {"model_id": default.model_id, "variant": default.variant}
    if state.mode not in model.modes:
        changes["mode"] = default.mode
    if not state.custom_size and named_size(data, state.width, state.height) is None:
        changes |= {"width": default.width, "height": default.height}
    if state.num_frames not in data.num_frames_choices:
        changes["num_frames"] = default.num_frames
    for name in ("fps", "num_inference_steps", "guidance_scale"):
        if not getattr(state, name):
            changes[name] = getattr(default, name)
    if not model.folder.has_two_experts:
        changes["guidance_scale_2"] = None
    if state.image is not None and not state.image.is_file():
        changes["image"] = None
    if not 1 <= state.count <= MAX_COUNT:
        changes["count"] = 1
    return state.with_changes(**changes)


def versions(state: FormState, count: int) -> tuple[GenerationDraft, ...]:
    """So many drafts of it, each with the seed after the one before; a single one draws its seed when it is made."""
    draft = state.draft()
    if count <= 1:
        return (draft,)
    seeds = SEED_RANGE[1] + 1
    first = secrets.randbelow(seeds) if draft.seed is None else draft.seed
    return tuple(dataclasses.replace(draft, seed=(first + number) % seeds) for number in range(count))


def state_of(request: GenerationRequest, model: Model) -> FormState:
    """The form that leads to that request again."""
    return fitted(
        FormState(
            mode=request.mode,
            prompt=request.prompt,
            negative_prompt=None
            if request.negative_prompt == model.metadata.negative_prompt
            else request.negative_prompt,
            image=request.image,
            width=request.width,
            height=request.height,
            custom_size=named_size(model.metadata, request.width, request.height) is None,
            num_frames=request.num_frames,
            fps=request.fps,
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            guidance_scale_2=request.guidance_scale_2,
            flow_shift=request.flow_shift,
            sampler=request.sampler,
            seed=request.seed,
        ),
        model,
    )


def named_size(metadata: ModelMetadata, width: int, height: int) -> VideoSize | None:
    """The model's size of that width and height."""
    return next((size for size in metadata.sizes if (size.width, size.height) == (width, height)), None)


def load_form(path: Path) -> FormState | None:
    """The form of the last time; None where there is none or it cannot be read."""
    return JsonFile(path, FormState, file_format=None).read()


def save_form(state: FormState, path: Path) -> None:
    """Keep the form; a full disk costs the form, not the work at hand."""
    JsonFile(path, FormState, file_format=None).try_write(state)
