"""What must not be in a report that people pass on: who they are, where files lie, what they wrote, what opens doors.

Too much is removed rather than too little: what is left has to be read by a stranger.
"""

import contextlib
import getpass
import json
import platform
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings

GONE = "***"
_PATH = "\u2026"
_SHORTEST_NAME = 2
_SHORTEST_PART = 3
_RUN = 3
"""As many words of a prompt in a row are taken for a piece of it."""
_SECRETS = re.compile(
    r"hf_[A-Za-z0-9]{4,}"
    r"|(?i:\bbearer\s+\S+)"
    r"|(?i:\bbasic\s+[A-Za-z0-9+/=]{8,})"
    r"|(?<=://)[^/\s@]+@"
    r"|(?i:(?<=token[=:])\s*\S+|(?<=password[=:])\s*\S+|(?<=api_key[=:])\s*\S+|(?<=authorization:)\s*\S+)"
    r"|\b(?:GPU-|MIG-)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""One word; in scripts without spaces, one sign."""
_KEPT_ENDINGS = "py|pyd|so|dll|exe|json|safetensors|gguf|sqlite3|log|ttf|otf|svg"
"""Files whose name helps and tells nothing of their owner."""
_OTHER_ENDINGS = "mp4|png|jpe?g|webp|gif|bmp|webm|mov|avi|mkv|txt|pdf|zip|pt|pth|bin|ckpt"
_SEPARATOR = r"[\\/]+"
_NAME = r"[^\\/\n\r\t:*?\"<>|']*"
_PATHS = re.compile(
    rf"(?P<url>https?://[^\s\"'<>]*)"
    rf"|(?P<quote>['\"])(?=(?:[A-Za-z]:)?{_SEPARATOR})[^'\"\n]*(?P=quote)"
    rf"|(?<![\w.\u2026~])(?:file:)?(?:[A-Za-z]:)?{_SEPARATOR}(?:{_NAME}{_SEPARATOR})*"
    rf"(?:{_NAME}?\.(?:{_KEPT_ENDINGS}|{_OTHER_ENDINGS})\b|[^\\/\s:*?\"<>|']*)"
    rf"|(?P<below_home>(?<=~){_SEPARATOR}(?:{_NAME}{_SEPARATOR})*"
    rf"(?:{_NAME}?\.(?:{_KEPT_ENDINGS}|{_OTHER_ENDINGS})\b|[^\\/\s:*?\"<>|']*))"
)
_ROOT = re.compile(r"(?:[A-Za-z]:)?[\\/]+")
"""A drive, or a slash between two words."""
_PLAIN_NAME = re.compile(rf"([A-Za-z0-9_.-]+\.(?:{_KEPT_ENDINGS}))['\"]?$")
_VIDEO_NAME = re.compile(rf"\d{{4}}-\d\d-\d\d \d\d\.\d\d\.\d\d[^\n]*?\.(?:{_OTHER_ENDINGS})\b")
"""As videos are named unless the user has another pattern: date, time, first words of the prompt."""


@dataclass(frozen=True, slots=True)
class Private:
    """What is known to be private."""

    names: tuple[str, ...] = ()
    """Of the user, and of the PC."""
    folders: tuple[str, ...] = ()
    """Of the user."""
    prompts: tuple[str, ...] = ()

    @classmethod
    def of(cls, paths: AppPaths, settings: Settings, prompts: Iterable[str] = ()) -> "Private":
        """What this user, PC and installation have."""
        home = Path.home()
        names = [home.name, platform.node()]
        with contextlib.suppress(OSError, KeyError, ImportError):  # no such user in the system's list
            names.append(getpass.getuser())
        folders = [paths.data, paths.videos, home, paths.resources.parent, *settings.model_folders]
        folders += [settings.videos_folder] if settings.videos_folder else []
        return cls(tuple(names), tuple(str(folder) for folder in folders), tuple(prompts))


def without_private(text: str, private: Private) -> str:
    """The text with secrets, prompts, paths and names blanked; names of program files and of models' files stay."""
    text = _SECRETS.sub(GONE, text)
    text = _without_prompts(text, private.prompts)
    text = _without_folders(text, private.folders)
    text = _VIDEO_NAME.sub(GONE, text)
    text = _PATHS.sub(_shortened, text)
    return _without_names(text, private.names)


def _without_folders(text: str, folders: Iterable[str]) -> str:
    """Known folders, with their slashes in any form, capitals or not."""
    parts = []
    for folder in sorted(set(folders), key=len, reverse=True):
        pieces = [re.escape(piece) for piece in re.split(r"[\\/]+", folder) if piece]
        if pieces:
            parts.append(rf"(?:{_SEPARATOR})?" + _SEPARATOR.join(pieces) + r"(?![^\W_])")
    return re.sub("|".join(parts), "~", text, flags=re.IGNORECASE) if parts else text


def _shortened(found: re.Match[str]) -> str:
    whole = found[0]
    if found["url"]:
        address, asked, _ = whole.partition("?")
        return f"{address}?{GONE}" if asked else address
    if _ROOT.fullmatch(whole):
        return whole
    name = _PLAIN_NAME.search(whole)
    short = f"{_PATH}/{name[1]}" if name else _PATH
    if found["below_home"]:
        return f"/{short}"
    quote = found["quote"] or ""
    return f"{quote}{short}{quote}"


def _without_names(text: str, names: Iterable[str]) -> str:
    """Each name, and each of its parts that is long enough, where it stands as a word of its own."""
    wanted: set[str] = set()
    for name in names:
        wanted.add(name.strip())
        wanted |= {part for part in re.split(r"[\W_]+", name) if len(part) >= _SHORTEST_PART}
    parts = sorted((name for name in wanted if len(name) >= _SHORTEST_NAME), key=len, reverse=True)
    if not parts:
        return text
    anyone = "|".join(re.escape(part) for part in parts)
    return re.sub(rf"(?<![^\W_])(?:{anyone})(?![^\W_])", GONE, text, flags=re.IGNORECASE)


# Prompts -------------------------------------------------------------------------------------------------------------


def _without_prompts(text: str, prompts: Iterable[str]) -> str:
    """Every prompt, and every piece of one, whatever stands between its words."""
    pieces: set[tuple[str, ...]] = set()
    for prompt in prompts:
        words = [word.casefold() for word in _WORD.findall(prompt)]
        length = min(_RUN, len(words))
        pieces |= {tuple(words[start : start + length]) for start in range(len(words) - length + 1) if words}
    return _blanked(text, _marked(text, pieces)) if pieces else text


def _marked(text: str, pieces: set[tuple[str, ...]]) -> list[tuple[int, int]]:
    """From where to where pieces stand in the text, as characters."""
    found = list(_WORD.finditer(text))
    words = [word[0].casefold() for word in found]
    return [
        (found[at].start(), found[at + length - 1].end())
        for at in range(len(words))
        for length in range(1, _RUN + 1)
        if tuple(words[at : at + length]) in pieces and at + length <= len(words)
    ]


def _blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts, position = [], 0
    for start, end in sorted(spans):
        if start >= position:
            parts += [text[position:start], GONE]
        position = max(position, end)
    return "".join([*parts, text[position:]])


def known_prompts(paths: AppPaths) -> tuple[str, ...]:
    """All prompts that are kept anywhere in the program's folder; what cannot be read is passed over."""
    found = {*_from_history(paths.data / "prompts.json"), *_from_queue(paths.render_queue_file)}
    found |= set(_from_library(paths.video_library_file))
    return tuple(sorted(prompt for prompt in found if prompt.strip()))


def _from_history(file: Path) -> Iterator[str]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        yield from _texts(json.loads(file.read_text("utf-8")), ("text", "prompt"))


def _from_queue(file: Path) -> Iterator[str]:
    for (content,) in _rows(file, "SELECT content FROM entries"):
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            yield from _texts(json.loads(content), ("prompt", "negative_prompt"))


def _from_library(file: Path) -> Iterator[str]:
    for row in _rows(file, "SELECT prompt FROM videos"):
        yield str(row[0])


def _rows(file: Path, query: str) -> list[tuple[Any, ...]]:
    """What the database answers; nothing if another process has it, or it is not what we think."""
    if not file.is_file():
        return []
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as opened:
            return opened.execute(query).fetchall()
    except (sqlite3.Error, OSError):
        return []


def _texts(data: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """All texts below those keys, however deep."""
    match data:
        case dict():
            for key, value in data.items():
                if key in keys and isinstance(value, str):
                    yield value
                else:
                    yield from _texts(value, keys)
        case list():
            for value in data:
                yield from _texts(value, keys)
        case _:
            return
