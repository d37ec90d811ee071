"""What is known of a model: what it is called, what it makes, where it comes from, what it is best used with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath

from wan_desktop.core.catalog.variants import (
    Component,
    Variant,
    check_number,
    check_path,
    check_repo_id,
    check_text,
)
from wan_desktop.core.errors import RequestError
from wan_desktop.core.words import tr

_MODEL_ID = re.compile(r"(?!.*--)[a-z0-9]([a-z0-9._-]{0,78}[a-z0-9_-])?")
_REVISION = re.compile(r"[0-9a-f]{7,40}")
_MAX_SIDE_PX = 16_384
_SIDE_MULTIPLE_PX = 16
"""Of every Wan model; some need multiples of 32."""
_FRAME_STEP = 4
_MAX_FRAMES = 4093
"""Where the position tables of the Wan models end."""
_MAX_STEPS = 1000
_MAX_FPS = 240
_MAX_GUIDANCE = 100.0
_MAX_PROMPT_CHARACTERS = 4000
_MAX_PARAMETERS = 10**13


class GenerationMode(StrEnum):
    """What a video is made from."""

    T2V = "t2v"
    """A prompt."""
    I2V = "i2v"
    """A start image; the prompt may be empty."""
    TI2V = "ti2v"
    """A start image and a prompt."""


class Family(StrEnum):
    """Which models are of one kind."""

    SHAPES = "shapes"
    """The one that comes with the program."""
    WAN_2_1 = "wan2.1"
    WAN_2_2 = "wan2.2"
    OTHER = "other"
    """Brought by the user."""


@dataclass(frozen=True, slots=True)
class VideoSize:
    """A named size that the model was made for."""

    shape: str
    """Wide, Tall, Square or 4:3."""
    width: int
    height: int
    note: str = ""

    def __post_init__(self) -> None:
        check_text("shape", self.shape, max_characters=40)
        check_text("note", self.note, max_characters=100)
        for name in ("width", "height"):
            side = getattr(self, name)
            check_number(name, side, _SIDE_MULTIPLE_PX, _MAX_SIDE_PX)
            if side % _SIDE_MULTIPLE_PX:
                raise ValueError(f"{name}: {side} is no multiple of {_SIDE_MULTIPLE_PX}")


@dataclass(frozen=True, slots=True)
class Quality:
    """A named number of steps."""

    name: str
    num_inference_steps: int

    def __post_init__(self) -> None:
        check_text("name", self.name, max_characters=40)
        check_number("num_inference_steps", self.num_inference_steps, 1, _MAX_STEPS)


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """One model: what it is called and what it is best used with.

    Names and meaning of the defaults are those of diffusers: `guidance_scale` is for high noise, `guidance_scale_2` for
    low noise. Wan's own code writes the two the other way round.

    Raises:
        ValueError: A value cannot be right, or two contradict each other.
    """

    model_id: str
    """Of a folder that is used without an entry, its path; in a catalog see `check_model_id`."""
    name: str
    description: str
    licence: str
    sizes: tuple[VideoSize, ...]
    """The first is the default."""
    num_frames_choices: tuple[int, ...]
    num_frames: int
    fps: int
    qualities: tuple[Quality, ...]
    num_inference_steps: int
    guidance_scale: float
    guidance_scale_2: float | None = None
    flow_shift: float | None = None
    negative_prompt: str = ""
    """The default. That of the Wan models is the one of the examples in diffusers' documentation of `WanPipeline`: the
    authors' own (`sample_neg_prompt` in their shared_config.py), in English."""
    sample_prompts: tuple[str, ...] = ()
    family: Family = Family.OTHER
    modes: tuple[GenerationMode, ...] = ()
    """What it was made for; empty while nobody knows."""
    folder: str = ""
    """Where it lies: relative to the resources if it comes with the program, absolute if it is the user's own."""
    repo_id: str = ""
    """The official repository at the Hub."""
    known_revision: str = ""
    """The commit of it, or its first digits, at which what stands here was read."""
    source: str = ""
    """A page for people."""
    parameters: Mapping[str, int] = field(default_factory=dict)
    """How many weights each component has."""
    variants: tuple[Variant, ...] = ()
    """In the order in which they are tried: the most exact first, the smallest last."""
    fallback_model_ids: tuple[str, ...] = ()
    """What to use when no variant can be, the nearest first; all of them, not only the next."""
    unconfirmed: tuple[str, ...] = ()
    """What was computed, rounded or taken from hearsay, as `subject: what`, the subject being a field, a component or a
    variant; what the Hub says at first contact takes its place."""

    def __post_init__(self) -> None:
        self._check_texts()
        self._check_defaults()
        self._check_places()
        for component, count in self.parameters.items():
            if component not in set(Component):
                raise ValueError(f"parameters: {component[:80]!r} is no component")
            check_number(f"parameters.{component}", count, 1, _MAX_PARAMETERS)
        if len({variant.name.casefold() for variant in self.variants}) < len(self.variants):
            raise ValueError("variants: two have the same name")
        for model_id in self.fallback_model_ids:
            check_model_id("fallback_model_ids", model_id)
        if self.model_id in self.fallback_model_ids:
            raise ValueError("fallback_model_ids: it names the model itself")

    def _check_texts(self) -> None:
        for name in ("model_id", "name", "licence"):
            if not getattr(self, name):
                raise ValueError(f"{name}: it is empty")
        for name in ("name", "description", "licence", "source"):
            check_text(name, getattr(self, name))
        for text in self.unconfirmed:
            check_text("unconfirmed", text)
        check_text("negative_prompt", self.negative_prompt, max_characters=_MAX_PROMPT_CHARACTERS)
        for prompt in self.sample_prompts:
            check_text("sample_prompts", prompt)

    def _check_defaults(self) -> None:
        for name in ("sizes", "num_frames_choices", "qualities"):
            if not getattr(self, name):
                raise ValueError(f"{name}: it is empty")
        _check_frames("num_frames", self.num_frames)
        for frames in self.num_frames_choices:
            _check_frames("num_frames_choices", frames)
        check_number("fps", self.fps, 1, _MAX_FPS)
        check_number("num_inference_steps", self.num_inference_steps, 1, _MAX_STEPS)
        for name in ("guidance_scale", "guidance_scale_2", "flow_shift"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 1.0, _MAX_GUIDANCE)

    def _check_places(self) -> None:
        if self.folder and not PurePath(self.folder).is_absolute():
            check_path("folder", self.folder)
        if "\0" in self.folder:
            raise ValueError("folder: it holds a zero byte")
        if self.repo_id:
            check_repo_id("repo_id", self.repo_id)
        if self.known_revision and not _REVISION.fullmatch(self.known_revision):
            raise ValueError(f"known_revision: {self.known_revision[:80]!r} is no commit")
        if self.source and not self.source.startswith("https://"):
            raise ValueError("source: it is no https address")
        if not self.folder and not any(variant.parts for variant in self.variants):
            raise ValueError("folder: there is none, and no variant says what to download")

    def variant(self, name: str) -> Variant:
        """The variant of that name, in upper or lower case.

        Raises:
            RequestError: There is none, or it cannot be loaded.
        """
        for variant in self.variants:
            if variant.name.casefold() == name.casefold():
                if variant.is_refused:
                    raise RequestError(
                        tr(
                            "{name} cannot be used as {variant}: {reason}.",
                            name=self.name,
                            variant=variant.name,
                            reason=tr(variant.refused_because),
                        ),
                        hint=self._known(),
                    )
                return variant
        raise RequestError(tr("{name} has no variant {variant!r}.", name=self.name, variant=name), hint=self._known())

    def _known(self) -> str:
        known = ", ".join(variant.name for variant in self.variants if not variant.is_refused)
        if not known:
            return tr("Leave the variant out.")
        return tr("Known variants: {known}. Or leave the variant out.", known=known)


def _check_frames(field: str, frames: int) -> None:
    check_number(field, frames, 1, _MAX_FRAMES)
    if frames % _FRAME_STEP != 1:
        raise ValueError(f"{field}: {frames} is not of the form {_FRAME_STEP}k+1")


def check_model_id(field: str, model_id: str) -> None:
    """Raise ValueError unless the text can name a model in a catalog, and its folder on every system."""
    if not _MODEL_ID.fullmatch(model_id):
        raise ValueError(f"{field}: {model_id[:100]!r} cannot be the id of a model")
    check_path(field, model_id)
