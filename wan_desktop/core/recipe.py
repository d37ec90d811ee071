"""How a video was made, as JSON inside the video; read from there, or from what lies beside it."""

import hashlib
import io
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_desktop.core.errors import RecipeUnreadableError, VideoUnreadableError, WanError
from wan_desktop.core.generation import Attempt, GenerationDraft, GenerationRequest
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.words import mark, tr

RECIPE_KEY = "wan_desktop_recipe"
FORMAT = 1
_MAX_BOXES = 1000
MAX_JSON_BYTES = 4_000_000
_FRAMES_SUFFIX = " frames"
_ONLY_OURS = mark("Only what was made with this program holds them.")
_KINDS = mark("Choose an mp4, PNG or JSON file that this program has made.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything needed to make the video again."""

    format: int = FORMAT
    created: str
    """UTC, ISO 8601."""
    request: GenerationRequest
    revision: str
    """What the weights were: a commit of the Hub, or `sha256:` of names and headers of the weight files."""
    versions: dict[str, str]
    attempts: tuple[Attempt, ...]
    timings_s: dict[str, float]

    def to_json(self) -> str:
        """The recipe as one line."""
        return json.dumps(to_plain(self), ensure_ascii=True)


def recipe_from_json(text: str) -> Recipe:
    """The recipe of that JSON.

    Raises:
        VideoUnreadableError: It is none, or of a newer program.
    """
    try:
        data = json.loads(text)
        recipe = from_plain(Recipe, data)
    except (ValueError, RecursionError, RecordError) as error:
        raise VideoUnreadableError(tr("The settings inside this video cannot be read."), details=str(error)) from error
    if recipe.format > FORMAT:
        raise VideoUnreadableError(
            tr("This video was made by a newer version of the program."), hint=tr("Update the program.")
        )
    return recipe


def recipe_id(text: str) -> str:
    """What a recipe, and with it its video, is known by: a digest of what it says, in whichever order.

    The text, not the record: fields that a later program adds must not change it.

    Raises:
        ValueError: It is no JSON.
    """
    return hashlib.sha256(json.dumps(json.loads(text), sort_keys=True).encode()).hexdigest()[:32]


def draft_of(recipe: Recipe, *, keep_seed: bool) -> GenerationDraft:
    """What to ask for to make such a video again; without the seed, another of its kind.

    The model is named by `recipe.request.model_id`.
    """
    request = recipe.request
    return GenerationDraft(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        image=request.image,
        last_image=request.last_image,
        width=request.width,
        height=request.height,
        num_frames=request.num_frames,
        fps=request.fps,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        guidance_scale_2=request.guidance_scale_2,
        flow_shift=request.flow_shift,
        sampler=request.sampler,
        seed=request.seed if keep_seed else None,
        variant=request.variant,
    )


def text_in_tags(tags: dict[str, str]) -> str | None:
    """The recipe's text among the tags of a video; None if this program has not written it."""
    own = tags.get(RECIPE_KEY)
    if own:
        return own
    comment = tags.get("comment") or ""
    return comment if _looks_like_recipe(comment) else None


def text_beside(video: Path) -> str | None:
    """The text of a recipe that lies beside the video as `<name>.json`; None if there is none.

    Raises:
        OSError: It cannot be read.
    """
    sidecar = video.with_suffix(".json")
    try:
        if not sidecar.is_file() or sidecar.stat().st_size > MAX_JSON_BYTES:
            return None
        text = sidecar.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if _looks_like_recipe(text) else None


def cut_off(file: io.BufferedReader, size_bytes: int) -> str:
    """Says where an mp4 ends too early; empty if it does not, or is no mp4.

    An mp4 is a row of boxes, each with its length in front (ISO/IEC 14496-12, 4.2); the index comes first in ours, so
    that a file that lost its end opens as if nothing were wrong.
    """
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset == size_bytes:
            return ""
        file.seek(offset)
        head = file.read(16)
        if len(head) < 8:
            break
        if offset == 0 and head[4:8] != b"ftyp":
            return ""
        (length,) = struct.unpack(">I", head[:4])
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack(">Q", head[8:])
        if length == 0 and offset:  # to the end of the file
            return ""
        if length < 8:
            return ""
        offset += length
        if offset > size_bytes:
            break
    return tr("It is cut off: it ends after {size_bytes:,} bytes, and more should follow.", size_bytes=size_bytes)


def read_recipe(path: Path) -> Recipe:
    """The recipe inside a video.

    Raises:
        VideoUnreadableError: The file is no video, or holds no recipe.
    """
    import av  # noqa: PLC0415 - 40 MB of libraries that only this function needs

    damage = ""
    try:
        with path.open("rb") as file:
            damage = cut_off(file, os.fstat(file.fileno()).st_size)
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            text = text_in_tags(container.metadata)
    except (OSError, ValueError, av.FFmpegError) as error:  # only some kinds of the last are OSErrors or ValueErrors
        raise VideoUnreadableError(
            tr("{name} cannot be read as a video: {error}.", name=path.name, error=error),
            details=damage,
            hint=tr("It may be damaged."),
        ) from error
    if not text and damage:  # a file that lost its end may open, without what was behind
        raise VideoUnreadableError(
            tr("{name} cannot be read as a video. {damage}", name=path.name, damage=damage),
            hint=tr("It may be damaged."),
        )
    if not text:
        raise VideoUnreadableError(
            tr("{name} holds no settings of this program.", name=path.name), hint=tr("Only videos made here hold them.")
        )
    return recipe_from_json(text)


def recipe_of(path: Path) -> Recipe:
    """The recipe that a file of ours brings: a video, its sidecar, its poster, or one of its PNG frames.

    A video without a recipe inside takes it from `<name>.json` beside it. A PNG holds it in a text of its own, or else
    belongs to the video whose poster or frame it is.

    Raises:
        RecipeUnreadableError: The file is of another kind, is not there, or no settings can be found.
        VideoUnreadableError: It is a video that cannot be read, is not ours, or comes from a newer program.
    """
    readers = {".mp4": _of_video, ".png": _of_picture, ".json": _of_json, RECIPE_ENDING: _of_json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise RecipeUnreadableError(tr("{name} is of another kind.", name=path.name), hint=tr(_KINDS))
    try:
        if not path.is_file():
            raise RecipeUnreadableError(
                tr("There is no file at {path}.", path=path), hint=tr("See whether its drive is connected.")
            )
        return reader(path)
    except OSError as error:
        raise RecipeUnreadableError(
            tr("{name} cannot be read: {reason}.", name=path.name, reason=error.strerror or error),
            hint=tr("Allow the program to read it."),
        ) from error


def _of_video(path: Path) -> Recipe:
    try:
        return read_recipe(path)
    except VideoUnreadableError:
        text = text_beside(path)
        if text is None:
            raise
        return recipe_from_json(text)


def _of_picture(path: Path) -> Recipe:
    text = _text_in_picture(path)
    if text is not None:
        return _from_text(path, text)
    folder, stem = path.parent, path.stem
    if folder.name.endswith(_FRAMES_SUFFIX) and stem.isdecimal():
        folder, stem = folder.parent, folder.name.removesuffix(_FRAMES_SUFFIX)
    video = folder / f"{stem}.mp4"
    if not video.is_file():
        raise RecipeUnreadableError(
            tr("{name} holds no settings, and there is no video that it belongs to.", name=path.name),
            hint=tr(_ONLY_OURS),
        )
    return _of_video(video)


def _text_in_picture(path: Path) -> str | None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - large; only needed here

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            text = picture.info.get(RECIPE_KEY)
    except UnidentifiedImageError as error:
        raise RecipeUnreadableError(
            tr("{name} is no PNG picture, or is damaged.", name=path.name), hint=tr(_ONLY_OURS)
        ) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RecipeUnreadableError(
            tr("{name} is damaged: {error}.", name=path.name, error=error), hint=tr(_ONLY_OURS)
        ) from error
    return text if isinstance(text, str) else None


def _of_json(path: Path) -> Recipe:
    size_bytes = path.stat().st_size
    if size_bytes > MAX_JSON_BYTES:
        raise RecipeUnreadableError(
            tr(
                "{name} has {size_bytes:,} bytes; settings have at most {most:,}.",
                name=path.name,
                size_bytes=size_bytes,
                most=MAX_JSON_BYTES,
            ),
            hint=tr(_ONLY_OURS),
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeUnreadableError(tr("{name} is no text.", name=path.name), hint=tr(_ONLY_OURS)) from error
    return _from_text(path, text)


def _from_text(path: Path, text: str) -> Recipe:
    try:
        return recipe_from_json(text)
    except WanError as error:
        newer = bool(error.hint)
        message = (
            tr("{name} was written by a newer version of the program.", name=path.name)
            if newer
            else tr("{name} holds no settings of this program, or they are damaged.", name=path.name)
        )
        raise RecipeUnreadableError(message, hint=error.hint or _ONLY_OURS, details=error.details) from error


def _looks_like_recipe(text: str) -> bool:
    """Whether it is JSON of ours at all; that all of it is right shows when it is read."""
    if not text.lstrip().startswith("{"):
        return False
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and {"format", "request", "created"} <= data.keys()


RECIPE_ENDING = ".wanrecipe"
"""Of a recipe's JSON by itself; the installed program opens such files with a double click."""
RECIPE_ENDINGS = (".mp4", ".png", ".json", RECIPE_ENDING)
"""Of what may hold a recipe; whether one does shows when it is read."""


def may_be_recipe(path: Path) -> bool:
    """By its name, it may hold the settings of a video."""
    return path.suffix.lower() in RECIPE_ENDINGS
