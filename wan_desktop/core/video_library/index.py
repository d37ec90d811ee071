"""The rows of the library: how facts go in, and how questions are answered. Plain functions on a connection.

Searching looks through the folded words of all videos: with 10,000 of them that takes some milliseconds, finds parts of
words while they are typed, and works for Chinese, which SQLite's full-text index cannot split into words.
"""

import datetime
import json
import os
import sqlite3
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.thumbnails import Thumbnails
from wan_desktop.core.video_library.entry import (
    Choices,
    Sort,
    TrashedVideo,
    Unreadable,
    VideoEntry,
    VideoFacts,
    VideoQuery,
    VideoState,
)
from wan_desktop.core.video_library.identity import is_content_id
from wan_desktop.core.video_library.marks import Mark
from wan_desktop.core.words import tr

_TITLE_CHARACTERS = 60
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
_FACTS = (
    "recipe_id, path, path_key, created, title, prompt, model_id, variant, mode, width, height, num_frames, fps, "
    "seconds, seed, size_bytes, mtime_ns, damage, no_recipe"
)
_FACT_NAMES = _FACTS.split(", ")
_UPDATE = f"UPDATE videos SET missing = 0, {', '.join(f'{name} = ?' for name in _FACT_NAMES)} WHERE id = ?"
_INSERT = (
    f"INSERT INTO videos ({_FACTS}, favourite, tags, own_title) VALUES ({', '.join('?' * (len(_FACT_NAMES) + 3))})"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the index knows of a file."""

    video_id: int
    """0 for a file that is no video."""
    path: Path
    size_bytes: int
    mtime_ns: int
    missing: bool = False


def key_of(path: Path) -> str:
    """What tells files apart on this system: on Windows capitals do not count."""
    return os.path.normcase(path)


def folded(text: str) -> str:
    """The text without capitals and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


# In ------------------------------------------------------------------------------------------------------------------


def put(connection: sqlite3.Connection, facts: VideoFacts, mark: Mark | None) -> tuple[int, bool]:
    """Write down what a file holds; the id of its video, and whether that is new.

    Another video that was at this place becomes a missing one: its file was moved or replaced. One that had a recipe
    and has none any more is damaged, and keeps it. One without a recipe goes on with whatever its file holds now,
    unless that is known as another video: it may have been half a file until now.

    Args:
        connection: In a transaction.
        facts: What was read.
        mark: What the user gave to it before the index was lost.
    """
    key = key_of(facts.path)
    row = connection.execute("SELECT id, recipe_id, own_title FROM videos WHERE path_key = ?", (key,)).fetchone()
    connection.execute("DELETE FROM others WHERE path_key = ?", (key,))
    if row is not None and not facts.recipe_json and not is_content_id(row[1]):
        _lose_recipe(connection, facts, row[0])
        return int(row[0]), False
    if facts.recipe_json:
        connection.execute("INSERT OR REPLACE INTO recipes VALUES (?, ?)", (facts.recipe_id, facts.recipe_json))
    if row is not None and (row[1] == facts.recipe_id or _grows_into(connection, row[1], facts)):
        video_id = int(row[0])
        connection.execute(_UPDATE, (*_fact_values(facts, row[2]), video_id))
        set_words(connection, video_id)
        return video_id, False
    if row is not None:
        release_place(connection, row[0])
        connection.execute("UPDATE videos SET missing = 1 WHERE id = ?", (row[0],))
    given = (mark.favourite, json.dumps(mark.tags), mark.title) if mark else (False, "[]", "")
    cursor = connection.execute(_INSERT, (*_fact_values(facts, given[2]), *given))
    video_id = int(cursor.lastrowid or 0)
    set_words(connection, video_id)
    return video_id, True


def _grows_into(connection: sqlite3.Connection, known_as: str, facts: VideoFacts) -> bool:
    if not is_content_id(known_as):
        return False
    known = "SELECT 1 FROM videos WHERE recipe_id = ? AND trash_folder IS NULL"
    return connection.execute(known, (facts.recipe_id,)).fetchone() is None


def _lose_recipe(connection: sqlite3.Connection, facts: VideoFacts, video_id: int) -> None:
    damage = facts.damage or facts.no_recipe or tr("The file holds no settings any more.")
    connection.execute(
        "UPDATE videos SET damage = ?, size_bytes = ?, mtime_ns = ?, missing = 0 WHERE id = ?",
        (damage, facts.size_bytes, facts.mtime_ns, video_id),
    )


def put_other(connection: sqlite3.Connection, path: Path, size_bytes: int, mtime_ns: int) -> None:
    """Remember a file without pictures, so that it need not be read again.

    A video that was there counts as damaged from now on.
    """
    key = key_of(path)
    found = connection.execute(
        "UPDATE videos SET damage = ?, size_bytes = ?, mtime_ns = ?, missing = 0 WHERE path_key = ?",
        (tr("The file holds no pictures any more."), size_bytes, mtime_ns, key),
    )
    if not found.rowcount:
        connection.execute(
            "INSERT OR REPLACE INTO others VALUES (?, ?, ?, ?, '')", (key, str(path), size_bytes, mtime_ns)
        )


def _fact_values(facts: VideoFacts, own_title: str) -> tuple[Any, ...]:
    path = str(facts.path)
    title = own_title or _first_words(facts.prompt) or facts.path.stem
    numbers = (facts.width, facts.height, facts.num_frames, facts.fps, facts.seconds, facts.seed)
    mode = facts.mode.value if facts.mode is not None else ""
    texts = (facts.created, title, facts.prompt, facts.model_id, facts.variant, mode)
    file = (facts.size_bytes, facts.mtime_ns, facts.damage, facts.no_recipe)
    return (facts.recipe_id, path, key_of(facts.path), *texts, *numbers, *file)


def _first_words(prompt: str) -> str:
    words = textwrap.shorten(prompt, _TITLE_CHARACTERS, placeholder="…")
    # One word that is longer, as in Chinese, where no spaces are, would be left out whole.
    return words if words.strip("…") else " ".join(prompt.split())[:_TITLE_CHARACTERS]


def set_words(connection: sqlite3.Connection, video_id: int) -> None:
    """Write down what the video can be found by."""
    row = connection.execute(
        "SELECT title, prompt, model_id, variant, tags, path FROM videos WHERE id = ?", (video_id,)
    ).fetchone()
    title, prompt, model_id, variant, tags, path = row
    text = folded("\n".join((title, prompt, model_id, variant, *json.loads(tags), Path(path).stem)))
    connection.execute("INSERT OR REPLACE INTO words VALUES (?, ?)", (video_id, text))


def release_place(connection: sqlite3.Connection, video_id: int) -> None:
    """Let another video have the path; what the row says of it stays."""
    # No path holds a null character.
    connection.execute("UPDATE videos SET path_key = ? WHERE id = ?", (f"\0{video_id}", video_id))


def move(connection: sqlite3.Connection, video_id: int, path: Path, *, mtime_ns: int) -> None:
    """The file of a video is at another place now."""
    forget_at(connection, path, but=video_id)
    connection.execute(
        "UPDATE videos SET path = ?, path_key = ?, mtime_ns = ?, missing = 0, trash_folder = NULL, deleted_s = NULL "
        "WHERE id = ?",
        (str(path), key_of(path), mtime_ns, video_id),
    )
    set_words(connection, video_id)


def forget(connection: sqlite3.Connection, video_id: int) -> None:
    """Take the video out of the index."""
    connection.execute("DELETE FROM words WHERE id = ?", (video_id,))
    connection.execute("DELETE FROM videos WHERE id = ?", (video_id,))


def forget_at(connection: sqlite3.Connection, path: Path, *, but: int) -> None:
    """Take out whatever else the index says of that place."""
    key = key_of(path)
    for (other,) in connection.execute("SELECT id FROM videos WHERE path_key = ? AND id <> ?", (key, but)).fetchall():
        forget(connection, other)
    connection.execute("DELETE FROM others WHERE path_key = ?", (key,))


def give(
    connection: sqlite3.Connection,
    video_id: int,
    *,
    favourite: bool | None = None,
    tags: Sequence[str] | None = None,
    title: str | None = None,
) -> None:
    """Set what is not None."""
    if favourite is not None:
        connection.execute("UPDATE videos SET favourite = ? WHERE id = ?", (favourite, video_id))
    if tags is not None:
        connection.execute("UPDATE videos SET tags = ? WHERE id = ?", (json.dumps(list(tags)), video_id))
    if title is not None:
        connection.execute("UPDATE videos SET title = ?, own_title = ? WHERE id = ?", (title, title, video_id))
    set_words(connection, video_id)


def merge(connection: sqlite3.Connection, missing_id: int, present_id: int) -> None:
    """A missing video was found again as a new one: the old row takes the file, with the marks of both."""
    columns = f"{_FACTS}, favourite, tags, own_title"
    found = connection.execute(f"SELECT {columns} FROM videos WHERE id = ?", (present_id,)).fetchone()
    facts, favourite, tags, own_title = found[:-3], found[-3], json.loads(found[-2]), found[-1]
    mine = connection.execute("SELECT favourite, tags, own_title FROM videos WHERE id = ?", (missing_id,)).fetchone()
    forget(connection, present_id)
    connection.execute(_UPDATE, (*facts, missing_id))
    title = mine[2] or own_title
    give(
        connection,
        missing_id,
        favourite=bool(mine[0] or favourite),
        tags=list(dict.fromkeys([*json.loads(mine[1]), *tags])),
        title=title or None,
    )


# Out -----------------------------------------------------------------------------------------------------------------


def mark_of(connection: sqlite3.Connection, video_id: int) -> Mark:
    """What the user has given to the video."""
    recipe_id, path, favourite, tags, title = connection.execute(
        "SELECT recipe_id, path, favourite, tags, own_title FROM videos WHERE id = ?", (video_id,)
    ).fetchone()
    return Mark(recipe_id, Path(path), bool(favourite), tuple(json.loads(tags)), title)


def known_files(connection: sqlite3.Connection) -> dict[str, Known]:
    """All files that were read, by their key; those in the trash are not among them."""
    found = {
        key: Known(0, Path(path), size_bytes, mtime_ns)
        for key, path, size_bytes, mtime_ns in connection.execute(
            "SELECT path_key, path, size_bytes, mtime_ns FROM others"
        )
    }
    for key, video_id, path, size_bytes, mtime_ns, missing in connection.execute(
        "SELECT path_key, id, path, size_bytes, mtime_ns, missing FROM videos WHERE trash_folder IS NULL"
    ):
        found[key] = Known(video_id, Path(path), size_bytes, mtime_ns, bool(missing))
    return found


def without_recipe(connection: sqlite3.Connection) -> tuple[int, list[Unreadable]]:
    """How many whole videos have no recipe, and which files or recipes could not be read."""
    here = "missing = 0 AND trash_folder IS NULL"
    (foreign,) = connection.execute(
        f"SELECT COUNT(*) FROM videos WHERE mode = '' AND damage = '' AND no_recipe = '' AND {here}"
    ).fetchone()
    bad = connection.execute(
        f"SELECT path, damage, no_recipe FROM videos WHERE (damage <> '' OR no_recipe <> '') AND {here} ORDER BY path"
    )
    return foreign, [Unreadable(Path(path), damage or no_recipe) for path, damage, no_recipe in bad]


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
