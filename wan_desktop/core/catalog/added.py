"""Entries for models that the user brings: any repository at the Hub, any folder in diffusers' layout."""

import json
import re
import unicodedata
import zlib
from pathlib import Path
from typing import Any

from wan_desktop.core.catalog.metadata import Family, GenerationMode, ModelMetadata, Quality, VideoSize
from wan_desktop.core.catalog.variants import Component, Loading, Part, Variant, WeightPrecision, check_repo_id
from wan_desktop.core.errors import InputError, StoreError
from wan_desktop.core.files import write_atomically
from wan_desktop.core.model_folder import ModelFolder, inspect_model_folder
from wan_desktop.core.records import to_plain
from wan_desktop.core.words import mark, tr

ORIGINAL = "original"
"""Name of the only variant of a repository that nobody described."""
_NOT_IN_IDS = re.compile(r"[^a-z0-9._]+")
_MAX_NAME_IN_ID = 60


def metadata_for_repo(repo_id: str) -> ModelMetadata:
    """Plain defaults for a repository without a catalog entry; what it is shows when it is here.

    Raises:
        InputError: No repository can be named like that.
    """
    try:
        check_repo_id("repo_id", repo_id)
    except ValueError as error:
        raise InputError(
            tr("{repo_id!r} is no name of a repository at the Hub.", repo_id=repo_id[:200]),
            hint=tr("Names look like Wan-AI/Wan2.2-TI2V-5B-Diffusers: letters, digits, and . _ - inside."),
        ) from error
    part = Part(Component.ALL, repo_id, ("model_index.json", "*/*"), size_bytes=0, size_on_disk_bytes=0)
    description = mark("All files of the repository, as they are.")
    return _metadata(
        # The Hub does not tell capitals apart.
        model_id=_model_id(repo_id.rpartition("/")[2], unique=repo_id.lower()),
        name=repo_id,
        description=mark("A repository that you added."),
        repo_id=repo_id,
        source=f"https://huggingface.co/{repo_id}",
        variants=(Variant(ORIGINAL, description, WeightPrecision.UNKNOWN, Loading.DIFFUSERS, (part,)),),
        unconfirmed=tuple(f"{field}: not described" for field in ("licence", "modes", "sizes", "flow_shift", ORIGINAL)),
    )


def metadata_for_folder(path: Path) -> ModelMetadata:
    """Plain defaults for a model folder of the user's own.

    Raises:
        IntegrityError: It is no model folder, or damaged; see `inspect_model_folder`.
    """
    folder = path.expanduser().absolute()
    return describe_folder(inspect_model_folder(folder), _model_id(folder.name, unique=str(folder)))


def add_entry(metadata: ModelMetadata, user_folder: Path) -> None:
    """Keep an entry that the user added.

    Raises:
        StoreError: It cannot be written.
    """
    try:
        data = json.dumps(to_plain(metadata), indent=2).encode()
        write_atomically(user_folder / f"{metadata.model_id}.json", data)
    except OSError as error:
        raise StoreError(
            tr(
                "The entry of {name} cannot be written to {folder}: {reason}.",
                name=metadata.name,
                folder=user_folder,
                reason=error.strerror or error,
            ),
            hint=tr("Allow the program to write there, and see whether the drive is full."),
        ) from error


def describe_folder(folder: ModelFolder, model_id: str) -> ModelMetadata:
    """Plain defaults for a model folder, under the given id."""
    return _metadata(
        model_id=model_id,
        # Some systems allow folder names that cannot be shown.
        name="".join(letter if letter.isprintable() else "?" for letter in folder.path.name),
        description=mark("A model folder of your own."),
        folder=str(folder.path),
        modes=modes_of(folder),
        is_5b=folder.expand_timesteps,
    )


def modes_of(folder: ModelFolder) -> tuple[GenerationMode, ...]:
    """What the model in a folder can make videos from."""
    text = (GenerationMode.T2V,) if folder.takes_text_only else ()
    image = (GenerationMode.I2V, GenerationMode.TI2V) if folder.takes_image else ()
    return text + image


def _metadata(*, is_5b: bool = False, **fields: Any) -> ModelMetadata:
    """With the Wan pipelines' own defaults in diffusers 0.42."""
    landscape, portrait = ((1280, 704), (704, 1280)) if is_5b else ((832, 480), (480, 832))
    return ModelMetadata(
        licence="unknown",
        sizes=(
            VideoSize(mark("Wide"), *landscape),
            VideoSize(mark("Tall"), *portrait),
            VideoSize(mark("Square"), 480, 480),
        ),
        num_frames_choices=(25, 49, 73, 97, 121) if is_5b else (17, 33, 49, 65, 81),
        num_frames=121 if is_5b else 81,
        fps=24 if is_5b else 16,
        qualities=(
            Quality(mark("Draft"), 20),
            Quality(mark("Balanced"), 30),
            Quality(mark("Best"), 50 if is_5b else 40),
        ),
        num_inference_steps=30,
        guidance_scale=5.0,
        family=Family.OTHER,
        **fields,
    )


def _model_id(name: str, *, unique: str) -> str:
    """An id that shows the name and differs for all that differ."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    shown = _NOT_IN_IDS.sub("-", plain)[:_MAX_NAME_IN_ID].strip("-._") or "model"
    return f"{shown}-{zlib.crc32(unique.encode('utf-8', 'surrogatepass')):08x}"
