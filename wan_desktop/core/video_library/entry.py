"""What the library says of videos, and what it is asked."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.recipe import Recipe, recipe_from_json

MAX_TAGS = 50
MAX_TAG_CHARACTERS = 60


class VideoState(StrEnum):
    """How the file of a video is."""

    PRESENT = "present"
    MISSING = "missing"
    """Not where it was: moved, deleted, or its drive is not connected."""
    DAMAGED = "damaged"
    """There, but cut off or not readable; its recipe is known."""


class Sort(StrEnum):
    """Which videos come first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LONGEST = "longest"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoEntry:
    """One video of the library."""

    video_id: int
    """Stays the same until the index is lost."""
    recipe_id: str
    """The same for all copies of a video: `recipe.recipe_id`, or what `identity` makes of one without a recipe."""
    path: Path
    created: str
    """UTC, ISO 8601."""
    title: str
    """The prompt's first words, or the name that the user gave; without either, that of the file."""
    prompt: str
    """As model, variant: empty without a recipe."""
    model_id: str
    variant: str
    mode: GenerationMode | None
    """None without a recipe."""
    width: int
    """As height and frames: 0 where the file does not say it."""
    height: int
    num_frames: int
    fps: float
    seconds: float
    """How long it plays."""
    seed: int | None
    """None without a recipe."""
    favourite: bool
    tags: tuple[str, ...]
    size_bytes: int
    mtime_ns: int
    state: VideoState
    damage: str
    """What is wrong with the file; empty if nothing is."""
    thumbnail: Path | None
    """The small picture; None until it has been made."""
    recipe_json: str
    """Empty for a video that another program has made, or whose recipe is lost."""
    no_recipe: str = ""
    """Why the recipe that is there cannot be read; empty if it can, or if there is none."""

    @property
    def has_recipe(self) -> bool:
        """It is known how it was made."""
        return bool(self.recipe_json)

    @property
    def recipe(self) -> Recipe:
        """How it was made.

        Raises:
            VideoUnreadableError: There is none, or the index holds something else.
        """
        return recipe_from_json(self.recipe_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoQuery:
    """Which videos are wanted; what is left at its default does not count."""

    text: str = ""
    """Each word must be in the prompt, title, model, tags or file name; capitals and accents do not count."""
    favourites: bool = False
    with_recipe: bool = False
    """Only those of which it is known how they were made."""
    model_id: str = ""
    mode: GenerationMode | None = None
    size: tuple[int, int] | None = None
    """Width and height, pixels."""
    tag: str = ""
    first_day: datetime.date | None = None
    """Made on this day or later, as the clock of this PC counts days."""
    last_day: datetime.date | None = None
    sort: Sort = Sort.NEWEST


@dataclass(frozen=True, slots=True)
class VideoPage:
    """A part of what was found."""

    entries: tuple[VideoEntry, ...]
    offset: int
    total: int
    """How many there are in all parts."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the videos of the library can be filtered by."""

    models: tuple[str, ...]
    modes: tuple[GenerationMode, ...]
    sizes: tuple[tuple[int, int], ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How far a scan is."""

    done: int
    total: int
    """Files to read; 0 while folders are listed."""
    name: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder that could not be read."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """What a scan found."""

    new: int
    """Videos that were not known, with a recipe or without."""
    changed: int
    moved: int
    """Videos that were missing and lie elsewhere now."""
    unchanged: int
    """Files that were known, and were not read again."""
    missing: int
    """Videos of the whole library whose files are not there."""
    foreign: int
    """Videos without a recipe, such as of other programs."""
    unreadable: tuple[Unreadable, ...]
    """Files that are damaged, or hold a recipe that cannot be read."""
    folders: tuple[Unreadable, ...]
    """Folders that are not there or may not be listed; their videos are kept."""
    vanished: tuple[Path, ...] = ()
    """Folders that were asked for and are not there, although videos are known in them."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashedVideo:
    """A deleted video that can be put back."""

    video_id: int
    title: str
    path: Path
    """Where it was."""
    folder: Path
    """Where it and what belongs to it are now."""
    size_bytes: int
    deleted_s: float
    """Seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFigures:
    """What the library takes."""

    videos: int
    video_bytes: int
    missing: int
    trashed: int
    trash_bytes: int
    thumbnail_bytes: int
    free_bytes: int | None
    """On the drive of the videos folder; None if it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What was read from one file."""

    path: Path
    recipe_id: str
    recipe_json: str
    created: str
    prompt: str
    model_id: str
    variant: str
    mode: GenerationMode | None
    width: int
    height: int
    num_frames: int
    fps: float
    seed: int
    size_bytes: int
    mtime_ns: int
    damage: str = ""
    no_recipe: str = ""

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.num_frames / self.fps if self.fps > 0 else 0.0


def clean_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags without spaces around them, empty ones and repetitions, in their order."""
    found: dict[str, str] = {}
    for tag in tags:
        words = " ".join("".join(c if c.isprintable() else " " for c in tag).split())[:MAX_TAG_CHARACTERS].strip()
        if words:
            found.setdefault(words.casefold(), words)
    return tuple(found.values())[:MAX_TAGS]
