"""Questions to the rows of the library. Plain functions on a connection.

Searching looks through the folded words of all videos: with 10,000 of them that takes some milliseconds, finds parts of
words while they are typed, and works for Chinese, which SQLite's full-text index cannot split into words.
"""

import datetime
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.thumbnails import Thumbnails
from wan_desktop.core.video_library.entry import Choices, Sort, TrashedVideo, VideoEntry, VideoQuery, VideoState
from wan_desktop.core.video_library.index import folded, key_of

_MANY = 500
"""Values in one statement; SQLite may be built for no more than 999."""
_COLUMNS = (
    "v.id, v.recipe_id, v.path, v.created, v.title, v.prompt, v.model_id, v.variant, v.mode, v.width, v.height, "
    "v.num_frames, v.fps, v.seconds, v.seed, v.favourite, v.tags, v.size_bytes, v.mtime_ns, v.damage, v.missing, "
    "v.no_recipe, r.text"
)
_ORDERS = {
    Sort.NEWEST: "v.created DESC, v.id DESC",
    Sort.OLDEST: "v.created, v.id",
    Sort.LONGEST: "v.seconds DESC, v.created DESC, v.id DESC",
    Sort.NAME: "v.title COLLATE NOCASE, v.created DESC, v.id DESC",
}


def search(
    connection: sqlite3.Connection, query: VideoQuery, offset: int, limit: int, thumbnails: Thumbnails
) -> tuple[list[VideoEntry], int]:
    """One part of what matches, and how much does in all."""
    tables, values = _conditions(query)
    if query.text.split():  # all words of all videos are gone through once, which counts them too
        found = ids(connection, query)
        return list(by_ids(connection, found[offset : offset + limit], thumbnails)), len(found)
    (total,) = connection.execute(f"SELECT COUNT(*) FROM {tables}", values).fetchone()
    part = connection.execute(
        f"SELECT v.id FROM {tables} ORDER BY {_ORDERS[query.sort]} LIMIT ? OFFSET ?", [*values, limit, offset]
    )
    return list(by_ids(connection, [video_id for (video_id,) in part], thumbnails)), int(total)


def ids(connection: sqlite3.Connection, query: VideoQuery) -> list[int]:
    """All that match, in their order."""
    tables, values = _conditions(query)
    rows = connection.execute(f"SELECT v.id FROM {tables} ORDER BY {_ORDERS[query.sort]}", values)
    return [int(video_id) for (video_id,) in rows]


def by_ids(connection: sqlite3.Connection, wanted: Sequence[int], thumbnails: Thumbnails) -> Iterator[VideoEntry]:
    """The videos in that order; those that are unknown or in the trash are left out."""
    for start in range(0, len(wanted), _MANY):
        part = list(wanted[start : start + _MANY])
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM videos v LEFT JOIN recipes r USING (recipe_id) "
            f"WHERE v.trash_folder IS NULL AND v.id IN ({', '.join('?' * len(part))})",
            part,
        ).fetchall()
        found = {row[0]: row for row in rows}
        yield from (_entry(found[video_id], thumbnails) for video_id in part if video_id in found)


def id_at(connection: sqlite3.Connection, path: Path) -> int | None:
    """The video of that file."""
    row = connection.execute("SELECT id FROM videos WHERE path_key = ?", (key_of(path),)).fetchone()
    return None if row is None else int(row[0])


def choices(connection: sqlite3.Connection) -> Choices:
    """What there is to filter by."""
    here = "FROM videos WHERE trash_folder IS NULL"
    made = f"{here} AND mode <> ''"
    models = connection.execute(f"SELECT DISTINCT model_id {made} ORDER BY model_id COLLATE NOCASE").fetchall()
    modes = connection.execute(f"SELECT DISTINCT mode {made} ORDER BY mode").fetchall()
    sizes = connection.execute(
        f"SELECT DISTINCT width, height {here} AND width > 0 ORDER BY width * height, width"
    ).fetchall()
    tags: set[str] = set()
    for (found,) in connection.execute(f"SELECT DISTINCT tags {here} AND tags <> '[]'"):
        tags.update(json.loads(found))
    return Choices(
        tuple(model for (model,) in models),
        tuple(GenerationMode(mode) for (mode,) in modes),
        tuple((width, height) for width, height in sizes),
        tuple(sorted(tags, key=str.casefold)),
    )


def trashed(connection: sqlite3.Connection) -> list[TrashedVideo]:
    """What can be put back, the latest first."""
    rows = connection.execute(
        "SELECT id, title, path, trash_folder, size_bytes, deleted_s FROM videos WHERE trash_folder IS NOT NULL "
        "ORDER BY deleted_s DESC, id DESC"
    )
    return [
        TrashedVideo(
            video_id=video_id,
            title=title,
            path=Path(path),
            folder=Path(folder),
            size_bytes=size_bytes,
            deleted_s=deleted_s,
        )
        for video_id, title, path, folder, size_bytes, deleted_s in rows
    ]


def _conditions(query: VideoQuery) -> tuple[str, list[Any]]:
    """The table and what must be true, with its values."""
    simple: list[tuple[str, Any]] = [
        ("v.model_id = ?", query.model_id or None),
        ("v.mode = ?", query.mode.value if query.mode else None),
        ("v.width = ?", query.size[0] if query.size else None),
        ("v.height = ?", query.size[1] if query.size else None),
        ("EXISTS (SELECT 1 FROM json_each(v.tags) WHERE json_each.value = ?)", query.tag or None),
        ("v.created >= ?", _day_starts(query.first_day, 0)),
        ("v.created < ?", _day_starts(query.last_day, 1)),
    ]
    used = [(condition, value) for condition, value in simple if value is not None]
    conditions = ["v.trash_folder IS NULL"]
    conditions += ["v.favourite"] if query.favourites else []
    conditions += ["v.mode <> ''"] if query.with_recipe else []
    words = folded(query.text).split()
    if words:  # a list of its own: one pass through the words, not a look into them for every video
        found = " AND ".join(["instr(text, ?)"] * len(words))
        conditions.append(f"v.id IN (SELECT id FROM words WHERE {found})")
    return (
        f"videos v WHERE {' AND '.join([*conditions, *(condition for condition, _ in used)])}",
        [*words, *(value for _, value in used)],
    )


def _day_starts(day: datetime.date | None, days_later: int) -> str | None:
    """When that day begins here, as `created` is written."""
    if day is None:
        return None
    try:
        start = datetime.datetime.combine(day + datetime.timedelta(days=days_later), datetime.time())
        return start.astimezone(datetime.UTC).isoformat(timespec="microseconds")
    except (OverflowError, OSError, ValueError):  # a year that the system's clock does not know
        return "9999" if day.year > 2000 else ""


def _entry(row: tuple[Any, ...], thumbnails: Thumbnails) -> VideoEntry:
    (video_id, recipe_id, path_text, created, title, prompt, model_id, variant, mode, *rest) = row
    (width, height, num_frames, fps, seconds, seed, favourite, tags, size_bytes, mtime_ns, *state) = rest
    damage, missing, no_recipe, text = state
    path = Path(path_text)
    there = VideoState.DAMAGED if damage else VideoState.PRESENT
    return VideoEntry(
        video_id=video_id,
        recipe_id=recipe_id,
        path=path,
        created=created,
        title=title,
        prompt=prompt,
        model_id=model_id,
        variant=variant,
        mode=GenerationMode(mode) if mode else None,
        width=width,
        height=height,
        num_frames=num_frames,
        fps=fps,
        seconds=seconds,
        seed=seed if mode else None,
        favourite=bool(favourite),
        tags=tuple(json.loads(tags)),
        size_bytes=size_bytes,
        mtime_ns=mtime_ns,
        state=VideoState.MISSING if missing else there,
        damage=damage,
        thumbnail=thumbnails.made(path, mtime_ns),
        recipe_json=text or "",
        no_recipe=no_recipe,
    )
