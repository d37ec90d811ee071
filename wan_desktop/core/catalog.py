"""The models this program knows, and what a video needs of each: sizes, lengths, defaults.

Data lies in `resources/catalog/`, one JSON file a model. A folder in diffusers' layout can be used without an entry.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from wan_desktop.core.errors import ModelNotFoundError, RequestError
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.model_folder import ModelFolder, check_transformer_file, inspect_model_folder
from wan_desktop.core.records import from_plain

BUILTIN_MODEL_ID = "shapes"
TEXT_LENGTH = 512
"""Tokens of a prompt that are read, the end token included (`max_sequence_length` of the Wan pipelines)."""


class GenerationMode(StrEnum):
    """What a video is made from."""

    T2V = "t2v"
    """A prompt."""
    I2V = "i2v"
    """A start image; the prompt may be empty."""
    TI2V = "ti2v"
    """A start image and a prompt."""


@dataclass(frozen=True, slots=True)
class VideoSize:
    """A named size that the model was made for."""

    shape: str
    """Wide, Tall, Square or 4:3."""
    width: int
    height: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """A named number of steps."""

    name: str
    num_inference_steps: int


@dataclass(frozen=True, slots=True)
class Variant:
    """Other files for a model's transformers: smaller, and not quite the same."""

    name: str
    """Q8_0, fp8, ...; how it is asked for."""
    description: str
    transformer_files: tuple[str, ...]
    """Relative to the resources, with slashes; one for each transformer."""

    def __post_init__(self) -> None:
        if not self.name or not self.transformer_files:
            raise ValueError("a variant needs a name and files")
        for file in self.transformer_files:
            path = PurePosixPath(file)
            if path.is_absolute() or ".." in path.parts or "\\" in file or ":" in file:
                raise ValueError(f"{file!r} is not a path below the resources")


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """One model: what it is called and what it is best used with."""

    model_id: str
    name: str
    description: str
    licence: str
    sizes: tuple[VideoSize, ...]
    num_frames_choices: tuple[int, ...]
    num_frames: int
    fps: int
    qualities: tuple[Quality, ...]
    num_inference_steps: int
    guidance_scale: float
    guidance_scale_2: float | None = None
    flow_shift: float | None = None
    negative_prompt: str = ""
    sample_prompts: tuple[str, ...] = ()
    folder: str = ""
    """Relative to the resources, for a model that comes with the program."""
    variants: tuple[Variant, ...] = ()

    def __post_init__(self) -> None:
        if len({variant.name.casefold() for variant in self.variants}) < len(self.variants):
            raise ValueError("two variants have the same name")

    def variant(self, name: str) -> Variant:
        """The variant of that name, in upper or lower case.

        Raises:
            RequestError: There is none.
        """
        for variant in self.variants:
            if variant.name.casefold() == name.casefold():
                return variant
        known = ", ".join(variant.name for variant in self.variants)
        raise RequestError(
            f"{self.name} has no variant {name!r}.",
            hint=f"Known variants: {known}. Or leave the variant out." if known else "Leave the variant out.",
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A model that lies on this PC: its metadata and its folder."""

    metadata: ModelMetadata
    folder: ModelFolder

    @property
    def modes(self) -> tuple[GenerationMode, ...]:
        """What it can make videos from."""
        text = (GenerationMode.T2V,) if self.folder.takes_text_only else ()
        image = (GenerationMode.I2V, GenerationMode.TI2V) if self.folder.takes_image else ()
        return text + image


def read_catalog(resources: Path) -> dict[str, ModelMetadata]:
    """All entries by id.

    Raises:
        RecordError, ValueError, OSError: The program's own data is damaged.
    """
    entries = {}
    for file in sorted((resources / "catalog").glob("*.json")):
        metadata = from_plain(ModelMetadata, json.loads(file.read_text(encoding="utf-8")))
        entries[metadata.model_id] = metadata
    return entries


def find_model(name: str, resources: Path) -> Model:
    """The model of that id, or the one in the folder of that path.

    Raises:
        ModelNotFoundError: It is neither.
        IntegrityError: It is damaged; see `inspect_model_folder`.
    """
    catalog = read_catalog(resources)
    metadata = catalog.get(name)
    if metadata is not None:
        return Model(metadata, inspect_model_folder(resources / metadata.folder))
    path = Path(name).expanduser()
    if not path.is_dir():
        raise ModelNotFoundError(
            f"There is no model {name!r}: it is not in the catalog and not a folder.",
            hint=f"Known models: {', '.join(catalog)}. Or give the folder that holds model_index.json.",
        )
    folder = inspect_model_folder(path.absolute())
    return Model(_metadata_for(folder), folder)


def plan_for(model: Model, variant: str, resources: Path) -> LoadPlan:
    """How to load the model in that variant; an empty name means its own weights.

    Raises:
        RequestError: There is no such variant.
        ModelFilesMissingError: A file of it is absent.
        IntegrityError: A file of it is damaged; see `check_transformer_file`.
    """
    if not variant:
        return LoadPlan()
    files = [(resources / file).absolute() for file in model.metadata.variant(variant).transformer_files]
    for file in files:
        check_transformer_file(file)
    return LoadPlan(transformer_files=tuple(str(file) for file in files))


def _metadata_for(folder: ModelFolder) -> ModelMetadata:
    """Plain defaults for a folder without a catalog entry, from the Wan pipelines' own defaults in diffusers 0.42."""
    is_5b = folder.expand_timesteps
    landscape, portrait = ((1280, 704), (704, 1280)) if is_5b else ((832, 480), (480, 832))
    return ModelMetadata(
        model_id=str(folder.path),
        name=folder.path.name,
        description="A model folder of your own.",
        licence="unknown",
        sizes=(VideoSize("Wide", *landscape), VideoSize("Tall", *portrait), VideoSize("Square", 480, 480)),
        num_frames_choices=(25, 49, 73, 97, 121) if is_5b else (17, 33, 49, 65, 81),
        num_frames=121 if is_5b else 81,
        fps=24 if is_5b else 16,
        qualities=(Quality("Draft", 20), Quality("Balanced", 30), Quality("Best", 50 if is_5b else 40)),
        num_inference_steps=30,
        guidance_scale=5.0,
    )
