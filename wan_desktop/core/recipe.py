"""How a video was made, as JSON inside the video."""

import json
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.errors import VideoUnreadableError
from wan_desktop.core.generation import Attempt, GenerationRequest
from wan_desktop.core.records import RecordError, from_plain, to_plain

RECIPE_KEY = "wan_desktop_recipe"
FORMAT = 1


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
        raise VideoUnreadableError("The settings inside this video cannot be read.", details=str(error)) from error
    if recipe.format > FORMAT:
        raise VideoUnreadableError("This video was made by a newer version of the program.", hint="Update the program.")
    return recipe


def read_recipe(path: Path) -> Recipe:
    """The recipe inside a video.

    Raises:
        VideoUnreadableError: The file is no video, or holds no recipe.
    """
    import av  # noqa: PLC0415 - 40 MB of libraries that only this function needs

    try:
        with av.open(str(path)) as container:
            text = container.metadata.get(RECIPE_KEY) or container.metadata.get("comment")
    except (OSError, ValueError) as error:
        raise VideoUnreadableError(f"{path.name} cannot be read as a video: {error}.") from error
    if not text:
        raise VideoUnreadableError(
            f"{path.name} holds no settings of this program.", hint="Only videos made here hold them."
        )
    return recipe_from_json(text)
