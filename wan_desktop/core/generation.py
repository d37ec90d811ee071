"""What is to be made: drafts that may be wrong, requests that cannot be.

A draft comes from a form or a command line. `settle` turns it into a request that the model can carry out, and says
each change it made; what it cannot mend is an error with a cause and a next step.
"""

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.catalog import TEXT_LENGTH, GenerationMode, Model
from wan_desktop.core.errors import PromptEmptyError, RequestError
from wan_desktop.core.prompt import clean_prompt
from wan_desktop.core.start_image import check_image
from wan_desktop.core.words import tr

STEPS_RANGE = (1, 100)
GUIDANCE_RANGE = (1.0, 15.0)
SHIFT_RANGE = (1.0, 20.0)
FPS_RANGE = (1, 60)
SEED_RANGE = (0, 2**32 - 1)
_MAX_SIDE_PX = 4096


class Sampler(StrEnum):
    """How the steps are taken from noise to picture."""

    MODEL = "model"
    """The scheduler that the model's folder names, with all its settings."""
    UNIPC = "unipc"
    EULER = "euler"
    DPM_2M = "dpm++2m"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationDraft:
    """What somebody asked for; None means "you choose"."""

    prompt: str = ""
    negative_prompt: str | None = None
    image: Path | None = None
    last_image: Path | None = None
    width: int | None = None
    height: int | None = None
    num_frames: int | None = None
    fps: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    guidance_scale_2: float | None = None
    flow_shift: float | None = None
    sampler: Sampler = Sampler.MODEL
    seed: int | None = None
    variant: str = ""
    """Of the model; empty means its own weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What the engine will make; fits its model."""

    model_id: str
    mode: GenerationMode
    prompt: str
    negative_prompt: str
    width: int
    height: int
    num_frames: int
    fps: int
    num_inference_steps: int
    guidance_scale: float
    seed: int
    guidance_scale_2: float | None = None
    flow_shift: float | None = None
    sampler: Sampler = Sampler.MODEL
    image: Path | None = None
    last_image: Path | None = None
    variant: str = ""
    """Which of the model's variants makes it; empty for its own weights."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change that was made to fit the model."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of making a video or loading a model: how it was loaded and what came of it."""

    plan: str
    """Name of the load plan."""
    outcome: str
    """`fallback.Outcome`; "done" for the last of a finished video."""
    seconds: float
    model_id: str = ""
    variant: str = ""
    code: str = ""
    """Of the error that ended it."""
    reason: str = ""
    retries: int = 0
    vram_estimate_bytes: int = 0
    ram_estimate_bytes: int = 0
    peak_memory_bytes: int = 0
    """Of video memory, measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """A finished video."""

    path: Path
    seconds: float
    timings_s: dict[str, float]
    attempts: tuple[Attempt, ...]
    frames_folder: Path | None = None
    frames_problem: str = ""
    """Why there are no single frames although they were asked for, in a sentence."""
    poster: Path | None = None
    peak_memory_bytes: int = 0
    """Peak video memory on a graphics card; 0 on a CPU."""
    ram_peak_bytes: int = 0
    """Most normal memory that the engine's process took meanwhile; 0 if nobody looked."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A request and what had to be changed for it."""

    request: GenerationRequest
    adjustments: tuple[Adjustment, ...]


def settle(draft: GenerationDraft, model: Model, *, count_tokens: Callable[[str], int]) -> Settled:
    """Turn a draft into a request for the model.

    Args:
        draft: What was asked for.
        model: The model that is to make it.
        count_tokens: Counts as the model's tokenizer does (`PromptTokenizer.count`).

    Raises:
        PromptEmptyError: There is nothing to make.
        ImageUnreadableError, ImageSizeError: A picture cannot be used.
        RequestError: The model cannot do it, has no such variant, or a value is no number.
    """
    settling = _Settling(draft, model)
    mode = settling.mode()
    width, height = settling.size()
    request = GenerationRequest(
        model_id=model.metadata.model_id,
        mode=mode,
        prompt=settling.prompt("prompt", draft.prompt, count_tokens),
        negative_prompt=settling.prompt("negative_prompt", settling.negative_prompt(), count_tokens),
        image=settling.image("image", draft.image, width, height),
        last_image=settling.image("last_image", draft.last_image, width, height),
        width=width,
        height=height,
        num_frames=settling.num_frames(),
        fps=settling.whole("fps", draft.fps, model.metadata.fps, FPS_RANGE),
        num_inference_steps=settling.whole(
            "num_inference_steps", draft.num_inference_steps, model.metadata.num_inference_steps, STEPS_RANGE
        ),
        guidance_scale=settling.real(
            "guidance_scale", draft.guidance_scale, model.metadata.guidance_scale, GUIDANCE_RANGE
        ),
        guidance_scale_2=settling.guidance_scale_2(),
        flow_shift=settling.optional_real("flow_shift", draft.flow_shift, model.metadata.flow_shift, SHIFT_RANGE),
        sampler=draft.sampler,
        seed=settling.whole("seed", draft.seed, secrets.randbelow(SEED_RANGE[1] + 1), SEED_RANGE),
        variant=model.metadata.variant(draft.variant).name if draft.variant else model.variant,
    )
    if not request.prompt and mode != GenerationMode.I2V:
        raise PromptEmptyError(
            tr("There is no prompt to make a video from."), hint=tr("Write what should happen in the video.")
        )
    return Settled(request, tuple(settling.adjustments))


def snap_size(width: int, height: int, model: Model) -> tuple[int, int]:
    """The nearest width and height that the model can make; halves round down, as diffusers would."""
    multiple = model.folder.size_multiple
    largest = min(_MAX_SIDE_PX, model.folder.max_side_px) // multiple * multiple

    def snap(side: int) -> int:
        below = side // multiple * multiple
        nearest = below + multiple if side - below > multiple / 2 else below
        return min(largest, max(multiple, nearest))

    return snap(width), snap(height)


def snap_num_frames(num_frames: int, model: Model) -> int:
    """The nearest frame count of the form 4k+1 that the model can make; halves round down."""
    step = model.folder.frame_step
    below = max(0, (num_frames - 1) // step)
    nearest = below + 1 if num_frames - (below * step + 1) > step / 2 else below
    return min(model.folder.max_frames, nearest * step + 1)


class _Settling:
    """Collects the adjustments while one request is settled."""

    def __init__(self, draft: GenerationDraft, model: Model) -> None:
        self._draft = draft
        self._model = model
        self.adjustments: list[Adjustment] = []

    def _note(self, field: str, message: str) -> None:
        self.adjustments.append(Adjustment(field, message))

    def mode(self) -> GenerationMode:
        name, folder = self._model.metadata.name, self._model.folder
        if self._draft.image is None:
            if self._draft.last_image is not None:
                raise RequestError(tr("There is a last image but no start image."), hint=tr("Give a start image too."))
            if not folder.takes_text_only:
                raise RequestError(
                    tr("{name} makes videos from a start image.", name=name),
                    hint=tr("Give a start image, or choose another model."),
                )
            return GenerationMode.T2V
        if not folder.takes_image:
            raise RequestError(
                tr("{name} makes videos from text only.", name=name),
                hint=tr("Remove the start image, or choose a model that takes one."),
            )
        if self._draft.last_image is not None and not folder.takes_last_image:
            raise RequestError(
                tr("{name} cannot end on a given image.", name=name),
                hint=tr("Remove the last image, or choose another model."),
            )
        return GenerationMode.TI2V if clean_prompt(self._draft.prompt) else GenerationMode.I2V

    def negative_prompt(self) -> str:
        given = self._draft.negative_prompt
        return self._model.metadata.negative_prompt if given is None else given

    def prompt(self, field: str, text: str, count_tokens: Callable[[str], int]) -> str:
        cleaned = clean_prompt(text)
        count = count_tokens(cleaned)
        if count > TEXT_LENGTH:
            message = tr(
                "The text has {tokens} tokens; the model reads the first {most}. What comes after has no effect.",
                tokens=count,
                most=TEXT_LENGTH,
            )
            self._note(field, message)
        return cleaned

    def image(self, field: str, path: Path | None, width: int, height: int) -> Path | None:
        if path is None:
            return None
        picture = check_image(path)
        if picture.width < width or picture.height < height:
            self._note(
                field,
                tr(
                    "The picture is {picture_width} x {picture_height}; it is enlarged for a {width} x {height} video.",
                    picture_width=picture.width,
                    picture_height=picture.height,
                    width=width,
                    height=height,
                ),
            )
        return path.absolute()

    def size(self) -> tuple[int, int]:
        default = self._model.metadata.sizes[0]
        width = self._number("width", self._draft.width, default.width)
        height = self._number("height", self._draft.height, default.height)
        snapped = snap_size(int(width), int(height), self._model)
        if snapped != (width, height):
            multiple = self._model.folder.size_multiple
            self._note(
                "size",
                tr(
                    "{before} -> {after}: this model needs multiples of {multiple}.",
                    before=f"{width} x {height}",
                    after=f"{snapped[0]} x {snapped[1]}",
                    multiple=multiple,
                ),
            )
        return snapped

    def num_frames(self) -> int:
        wanted = self._number("num_frames", self._draft.num_frames, self._model.metadata.num_frames)
        snapped = snap_num_frames(int(wanted), self._model)
        if snapped != wanted:
            step = self._model.folder.frame_step
            self._note(
                "num_frames",
                tr(
                    "{wanted} -> {kept} frames: this model makes {step}k+1 frames.",
                    wanted=wanted,
                    kept=snapped,
                    step=step,
                ),
            )
        return snapped

    def guidance_scale_2(self) -> float | None:
        if not self._model.folder.has_two_experts:
            if self._draft.guidance_scale_2 is not None:
                self._note("guidance_scale_2", tr("The second guidance is not used: this model has one transformer."))
            return None
        return self.optional_real(
            "guidance_scale_2", self._draft.guidance_scale_2, self._model.metadata.guidance_scale_2, GUIDANCE_RANGE
        )

    def whole(self, field: str, value: int | None, default: int, limits: tuple[int, int]) -> int:
        return int(self.real(field, value, default, limits))

    def optional_real(
        self, field: str, value: float | None, default: float | None, limits: tuple[float, float]
    ) -> float | None:
        return None if value is None and default is None else self.real(field, value, default or limits[0], limits)

    def real(self, field: str, value: float | None, default: float, limits: tuple[float, float]) -> float:
        wanted = self._number(field, value, default)
        kept = min(limits[1], max(limits[0], wanted))
        if kept != wanted:
            self._note(
                field,
                tr(
                    "{field} {wanted} -> {kept}: it may be {lowest} to {highest}.",
                    field=field,
                    wanted=wanted,
                    kept=kept,
                    lowest=limits[0],
                    highest=limits[1],
                ),
            )
        return kept

    def _number(self, field: str, value: float | None, default: float) -> float:
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise RequestError(
                tr("{field} is {value!r}, which is not a number.", field=field, value=value),
                hint=tr("Give a number for {field}, or leave it out.", field=field),
            )
        return value
