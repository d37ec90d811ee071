"""What the user has chosen; survives rubbish in its file."""

import dataclasses
import json
import logging
import re
import string
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from wan_desktop.core.attention import Attention
from wan_desktop.core.errors import SettingsError
from wan_desktop.core.files import write_atomically
from wan_desktop.core.json_file import read_json, set_aside
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)
_VERSION = 1
_MAX_FILE_BYTES = 1_000_000
_BROKEN = ".broken"
_LANGUAGE = re.compile(r"[a-z]{2}(_[A-Z]{2})?")
NAME_PARTS = ("date", "time", "prompt")
"""What a pattern of names may hold in braces."""
DEFAULT_NAME_PATTERN = "{date} {time} {prompt}"
_MAX_PATTERN = 100
_NO_CHOICES = {"version", "wizard_done", "unknown"}
"""Fields that nobody sets by hand, and that a reset leaves alone."""
LEAST_DOWNLOAD_LIMIT_BYTES_PER_S = 1000
SMALLEST_TEXT, LARGEST_TEXT = 0.9, 1.5


class Theme(StrEnum):
    """Colours of the window."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


class VideoQuality(StrEnum):
    """How much of each picture an mp4 keeps."""

    STANDARD = "standard"
    HIGH = "high"


class MemoryMode(StrEnum):
    """How renders use memory."""

    AUTOMATIC = "automatic"
    FASTEST = "fastest"
    """Nothing that comes and goes."""
    SAVE = "save"
    """Weights come and go, frames are made in tiles."""
    SAVE_MOST = "save-most"


class StartPage(StrEnum):
    """What the window shows first; named as the pages are."""

    CREATE = "create"
    QUEUE = "queue"
    LIBRARY = "library"
    MODELS = "models"


class LogLevel(StrEnum):
    """How much is written into the log."""

    USUAL = "usual"
    DETAILED = "detailed"

    @property
    def number(self) -> int:
        """As `logging` counts."""
        return logging.DEBUG if self is LogLevel.DETAILED else logging.INFO


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults."""

    version: int = _VERSION
    language: str = ""
    """Such as "de"; empty: the system's. From the next start on."""
    start_page: StartPage = StartPage.CREATE
    theme: Theme = Theme.SYSTEM
    text_scale: float = 1.0
    """Factor on all text sizes, 0.9 to 1.5."""
    videos_folder: Path | None = None
    """Where videos go; None means the usual place."""
    live_preview: bool = True
    model_folders: tuple[Path, ...] = ()
    """Libraries of models, the first for new ones; empty means the usual place."""
    download_limit_bytes_per_s: int | None = None
    pause_while_rendering: bool = False
    """Downloads wait while a video is made."""
    endpoint: str = ""
    """Address of a mirror of the Hub, http or https; empty: `HF_ENDPOINT`, else the public Hub."""
    proxy: str = ""
    """Such as "http://proxy.example:8080"; empty: the system's."""
    package_index: str = ""
    """Address of a package index from which the engine's parts come, in its simple form; empty: that of PyPI."""
    torch_index: str = ""
    """The same for the builds of torch for graphics cards; empty: that of PyTorch."""
    memory_mode: MemoryMode = MemoryMode.AUTOMATIC
    may_use_smaller_variant: bool = False
    """When a model does not fit, its smaller weights may be used without asking, if they are here."""
    may_use_other_model: bool = False
    gpu_uuid: str = ""
    """The graphics card to render on; empty: the one with most free memory."""
    attention: Attention = Attention.NATIVE
    """Which kernel computes attention, where the speed test has found it right; NATIVE: torch chooses."""
    name_pattern: str = DEFAULT_NAME_PATTERN
    """Of new videos, without the ending; `NAME_PARTS` in braces."""
    write_recipes_into_files: bool = True
    """A video holds how it was made, its prompt among it."""
    save_png_frames: bool = False
    video_quality: VideoQuality = VideoQuality.HIGH
    notify_done: bool = True
    """The system is told when a video or the whole queue is done and nobody looks at the window."""
    notify_problems: bool = True
    notify_downloads: bool = True
    notify_with_sound: bool = False
    update_check: bool = False
    """The program may ask once a day whether there is a newer one."""
    log_level: LogLevel = LogLevel.USUAL
    wizard_done: bool = False
    """The first start was gone through, or closed."""
    unknown: dict[str, Any] = field(default_factory=dict)
    """Keys of a newer version, written back as they came."""

    def __post_init__(self) -> None:
        if not SMALLEST_TEXT <= self.text_scale <= LARGEST_TEXT:
            raise ValueError(f"text_scale {self.text_scale} is not between {SMALLEST_TEXT} and {LARGEST_TEXT}")
        limit = self.download_limit_bytes_per_s
        if limit is not None and limit < LEAST_DOWNLOAD_LIMIT_BYTES_PER_S:
            raise ValueError(f"download_limit_bytes_per_s {limit} is below {LEAST_DOWNLOAD_LIMIT_BYTES_PER_S}")
        if self.language and not _LANGUAGE.fullmatch(self.language):
            raise ValueError(f"language {self.language!r} is no code of a language")
        check_name_pattern(self.name_pattern)
        for name in ("endpoint", "proxy", "package_index", "torch_index"):
            if address := getattr(self, name):
                check_address(name, address)

    def with_changes(self, **changes: Any) -> Self:
        """A copy with other values."""
        return dataclasses.replace(self, **changes)

    def changed(self) -> frozenset[str]:
        """Names of the fields that do not have their default."""
        default = Settings()
        names = {field.name for field in dataclasses.fields(self)} - _NO_CHOICES
        return frozenset(name for name in names if getattr(self, name) != getattr(default, name))

    def reset(self, *names: str) -> Self:
        """A copy in which those fields have their defaults; all of them if none is named."""
        default = Settings()
        return self.with_changes(**{name: getattr(default, name) for name in names or sorted(self.changed())})


def check_name_pattern(pattern: str) -> None:
    """A pattern makes names that Windows takes, and that differ.

    Raises:
        ValueError: It does not; the text says why.
    """
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise ValueError(f"name_pattern {pattern!r}: {error}") from error
    names = [name for _, name, _, _ in parts if name is not None]
    if any(name not in NAME_PARTS or form or conversion for _, name, form, conversion in parts if name is not None):
        raise ValueError(f"name_pattern {pattern!r}: in braces may stand {', '.join(NAME_PARTS)}")
    if not names:
        raise ValueError(f"name_pattern {pattern!r} gives every video the same name")
    words = "".join(text for text, *_ in parts)
    if len(pattern) > _MAX_PATTERN or re.search(r'[<>:"/\\|?*\x00-\x1f]', words):
        raise ValueError(f"name_pattern {pattern!r} is too long, or holds what no name of a file may hold")


def check_address(name: str, address: str) -> None:
    """It is an address of a server, without a password: settings are an open file.

    Raises:
        ValueError: It is none; the text says why.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        is_server = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        is_server = False
    if not is_server or re.search(r"\s", address):
        raise ValueError(f"{name} {address!r} is no address such as https://example.org")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{name} holds a user name or password, which would lie in an open file")


def load_settings(path: Path, on_damage: Callable[[str], object] = lambda _: None) -> Settings:
    """Read the settings; never fails.

    A bad value is replaced by its default, a broken file by its backup, and that by the defaults.

    Args:
        path: The file.
        on_damage: Told the name under which a broken file is kept.
    """
    for candidate in (path, _backup(path)):
        try:
            data = read_json(candidate, limit_bytes=_MAX_FILE_BYTES)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            set_aside(candidate, error, ending=_BROKEN)
            on_damage(f"{candidate.name}{_BROKEN}")
            continue
        if isinstance(data, dict):
            return _from_dict(data)
        set_aside(candidate, ValueError("it is no object"), ending=_BROKEN)
        on_damage(f"{candidate.name}{_BROKEN}")
    return Settings()


def language_setting(path: Path) -> str:
    """The language that the settings name; empty where they name none.

    For the time before there is a log: nothing is said, and nothing is set aside.
    """
    for candidate in (path, _backup(path)):
        try:
            data = read_json(candidate, limit_bytes=_MAX_FILE_BYTES)
        except (OSError, ValueError):
            continue
        language = data.get("language") if isinstance(data, dict) else ""
        return language if isinstance(language, str) and _LANGUAGE.fullmatch(language) else ""
    return ""


def save_settings(settings: Settings, path: Path) -> None:
    """Write the settings; the ones before stay as a backup.

    Raises:
        SettingsError: The file cannot be written.
    """
    plain = to_plain(settings)
    plain = {**plain.pop("unknown"), **plain}
    try:
        if path.exists():
            write_atomically(_backup(path), path.read_bytes())
        write_atomically(path, json.dumps(plain, indent=2).encode())
    except OSError as error:
        raise SettingsError(
            tr("The settings could not be written to {path}: {reason}.", path=path, reason=error.strerror or error),
            hint=tr("Free some space, or allow the program to write in that folder."),
        ) from error


def _from_dict(data: dict[str, Any]) -> Settings:
    known = {f.name for f in dataclasses.fields(Settings)} - {"unknown"}
    settings = Settings(unknown={key: value for key, value in data.items() if key not in known})
    for name in sorted(known & data.keys()):
        try:
            value = getattr(from_plain(Settings, {name: data[name]}), name)
        except RecordError as error:
            logger.warning("Setting ignored: %s", error)
            continue
        settings = settings.with_changes(**{name: value})
    return settings.with_changes(version=_VERSION)


def _backup(path: Path) -> Path:
    return path.with_suffix(".bak")
