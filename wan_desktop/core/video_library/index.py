"""The rows of the library: how facts go in, and what is known of files. Plain functions on a connection."""

import json
import os
import sqlite3
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_desktop.core.video_library.entry import (
    Unreadable,
    VideoFacts,
)
from wan_desktop.core.video_library.identity import is_content_id
from wan_desktop.core.video_library.marks import Mark
from wan_desktop.core.words import tr

_TITLE_CHARACTERS = 60
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
