"""What the library says of videos; plain functions."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QDate, QLocale

from wan_desktop.core import model_names
from wan_desktop.core.errors import WanError
from wan_desktop.core.video_library import Sort, VideoState
from wan_desktop.core.words import decimal, mark, tr, trn
from wan_desktop.ui import text

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.core.catalog import Catalog
    from wan_desktop.core.recipe import Recipe
    from wan_desktop.core.video_library import ScanProgress, ScanReport, StorageFigures, VideoEntry

SORTS = {
    Sort.NEWEST: mark("Newest first"),
    Sort.OLDEST: mark("Oldest first"),
    Sort.LONGEST: mark("Longest first"),
    Sort.NAME: mark("By name"),
}


class Period(StrEnum):
    """From when videos are wanted."""

    ANY = "any"
    TODAY = "today"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


PERIODS = {
    Period.ANY: mark("Any date"),
    Period.TODAY: mark("Today"),
    Period.WEEK: mark("Last 7 days"),
    Period.MONTH: mark("Last 30 days"),
    Period.YEAR: mark("Last 365 days"),
}
_DAYS = {Period.TODAY: 1, Period.WEEK: 7, Period.MONTH: 30, Period.YEAR: 365}


def first_day(period: Period, today: datetime.date) -> datetime.date | None:
    """The first day of a period that ends today; None for all times."""
    days = _DAYS.get(period)
    return None if days is None else today - datetime.timedelta(days=days - 1)


def local_time(created: str) -> datetime.datetime | None:
    """The moment by this PC's clock; None for a text that is none."""
    try:
        return datetime.datetime.fromisoformat(created).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def day(created: str) -> str:
    """The day it was made, as the system writes days; empty if it is not known."""
    moment = local_time(created)
    if moment is None:
        return ""
    return QLocale().toString(QDate(moment.year, moment.month, moment.day), QLocale.FormatType.ShortFormat)


def day_and_time(created: str) -> str:
    """Day and hour it was made; empty if it is not known."""
    moment = local_time(created)
    return "" if moment is None else tr("{day}, {time}", day=day(created), time=moment.strftime("%H:%M"))


def seconds(entry: VideoEntry) -> str:
    """How long it plays."""
    return tr("{seconds} s", seconds=decimal(entry.seconds, 1))


def pixels(width: int, height: int) -> str:
    """`832 x 480`."""
    return f"{width} {text.TIMES} {height}"


def caption(entry: VideoEntry) -> str:
    """The small line of a card."""
    size = pixels(entry.width, entry.height) if entry.width else ""
    return text.DOT.join(part for part in (size, day(entry.created)) if part)


def spoken(entry: VideoEntry) -> str:
    """A card for a screen reader."""
    parts = [
        entry.title,
        tr("{seconds} seconds", seconds=decimal(entry.seconds, 1)) if entry.seconds else "",
        tr("{width} by {height}", width=entry.width, height=entry.height) if entry.width else "",
        day(entry.created),
    ]
    if entry.favourite:
        parts.append(tr("Favourite"))
    if entry.state == VideoState.MISSING:
        parts.append(tr("The file is missing"))
    elif entry.state == VideoState.DAMAGED:
        parts.append(tr("The file is damaged"))
    elif not entry.has_recipe:
        parts.append(tr("No recipe"))
    return ". ".join(part for part in parts if part)


def model_name(catalog: Catalog | None, model_id: str) -> str:
    """What people call the model; its id where it is not known any more."""
    try:
        return catalog[model_id].name if catalog is not None else model_id
    except (KeyError, WanError):
        return model_id


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what is known of a video."""

    name: str
    value: str


def facts(recipe: Recipe | None, catalog: Catalog | None) -> list[Fact]:
    """How it was made, the most important first; what is not known is left out."""
    if recipe is None:
        return []
    request = recipe.request
    model = model_name(catalog, request.model_id)
    guidance = f"{request.guidance_scale:g}"
    if request.guidance_scale_2 is not None:
        guidance = tr("{high} and {low}", high=guidance, low=f"{request.guidance_scale_2:g}")
    made_s = sum(recipe.timings_s.values())
    pairs = [
        (tr("What to avoid"), request.negative_prompt),
        (tr("Start image"), request.image.name if request.image is not None else ""),
        (tr("Model"), model_names.model_name(model, request.variant)),
        (tr("Kind"), text.mode_name(request.mode)),
        (tr("Size"), pixels(request.width, request.height)),
        (tr("Length"), text.frames_and_seconds(request.num_frames, request.fps)),
        (tr("Steps"), str(request.num_inference_steps)),
        (tr("Guidance"), guidance),
        (tr("Sampler"), text.sampler_name(request.sampler)),
        (tr("Shift"), "" if request.flow_shift is None else f"{request.flow_shift:g}"),
        (tr("Seed"), str(request.seed)),
        (tr("Made on"), day_and_time(recipe.created)),
        (tr("Took"), text.duration(made_s) if made_s else ""),
        (tr("Video memory"), _peak(recipe)),
        (tr("Attempts"), _attempts(recipe)),
        (tr("Made with"), _versions(recipe)),
        (tr("Weights"), _revision(recipe)),
    ]
    return [Fact(name, value) for name, value in pairs if value]


def file_facts(entry: VideoEntry) -> list[Fact]:
    """What is known of its file; of one without a recipe, also what it shows."""
    found = [Fact(tr("File"), str(entry.path)), Fact(tr("File size"), text.data_size(entry.size_bytes))]
    if entry.has_recipe:
        return found
    pairs = [
        (tr("Size"), pixels(entry.width, entry.height) if entry.width else ""),
        (tr("Length"), _length(entry) if entry.seconds else ""),
        (tr("Made on"), day_and_time(entry.created)),
    ]
    return [*(Fact(name, value) for name, value in pairs if value), *found]


def _length(entry: VideoEntry) -> str:
    frames = trn("{count} frame", "{count} frames", entry.num_frames)
    return text.DOT.join((seconds(entry), frames, tr("{fps} fps", fps=f"{entry.fps:.4g}")))


def no_recipe(entry: VideoEntry) -> str:
    """What cannot be done with a video without a recipe, and why."""
    why = entry.no_recipe or tr("Neither the file nor one beside it says how it was made.")
    return tr("{why} So its prompt, seed and settings are not known, and cannot be used again.", why=why)


def _attempts(recipe: Recipe) -> str:
    if len(recipe.attempts) < 2:
        return ""
    return trn("{count} attempt", "{count} attempts, the last one worked", len(recipe.attempts))


def _peak(recipe: Recipe) -> str:
    """What the card's memory was used for most; nothing without a card, or for recipes that do not say it."""
    peak_bytes = recipe.attempts[-1].peak_memory_bytes if recipe.attempts else 0
    return tr("{size} at most", size=text.data_size(peak_bytes)) if peak_bytes else ""


def _revision(recipe: Recipe) -> str:
    """The version of the model, as short as commits are written."""
    kind, _, digest = recipe.revision.rpartition(":")
    return f"{kind}:{digest[:12]}" if kind else digest[:12]


def _versions(recipe: Recipe) -> str:
    names = {"wan_desktop": text.APP, "diffusers": "diffusers", "torch": "torch"}
    known = [f"{name} {recipe.versions[key]}" for key, name in names.items() if key in recipe.versions]
    return ", ".join(known)


def storage_line(figures: StorageFigures, report: ScanReport | None) -> str:
    """The line below the headline."""
    parts = [trn("{count} video", "{count} videos", figures.videos)]
    if figures.video_bytes:
        parts.append(text.data_size(figures.video_bytes))
    if figures.missing:
        parts.append(trn("{count} file is missing", "{count} files are missing", figures.missing))
    unreadable = len(report.unreadable) if report is not None else 0
    if unreadable:
        parts.append(trn("{count} file could not be read", "{count} files could not be read", unreadable))
    return text.DOT.join(parts)


def scan_line(progress: ScanProgress) -> str:
    """The same line while the folders are read."""
    if not progress.total:
        return tr("Looking into {name}", name=progress.name)
    return tr("Reading {done} of {total}: {name}", done=progress.done + 1, total=progress.total, name=progress.name)


def default_copy_folder(entry: VideoEntry) -> Path:
    """Where the question for a folder begins."""
    return entry.path.parent
