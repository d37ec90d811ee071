"""What the user has chosen; survives rubbish in its file."""

import dataclasses
import json
import logging
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from wan_desktop.core.errors import SettingsError
from wan_desktop.core.files import write_atomically
from wan_desktop.core.records import RecordError, from_plain, to_plain

logger = logging.getLogger(__name__)
_VERSION = 1


class Theme(StrEnum):
    """Colours of the window."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


class MemoryMode(StrEnum):
    """How renders use memory."""

    AUTOMATIC = "automatic"
    FASTEST = "fastest"
    """Nothing that comes and goes."""
    SAVE = "save"
    """Weights come and go, frames are made in tiles."""
    SAVE_MOST = "save-most"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults."""

    version: int = _VERSION
    theme: Theme = Theme.SYSTEM
    text_scale: float = 1.0
    """Factor on all text sizes, 0.9 to 1.5."""
    videos_folder: Path | None = None
    """Where videos go; None means the usual place."""
    live_preview: bool = True
    model_folders: tuple[Path, ...] = ()
    """Libraries of models, the first for new ones; empty means the usual place."""
    download_limit_bytes_per_s: int | None = None
    memory_mode: MemoryMode = MemoryMode.AUTOMATIC
    may_use_smaller_variant: bool = False
    """When a model does not fit, its smaller weights may be used without asking, if they are here."""
    may_use_other_model: bool = False
    gpu_uuid: str = ""
    """The graphics card to render on; empty: the one with most free memory."""
    unknown: dict[str, Any] = field(default_factory=dict)
    """Keys of a newer version, written back as they came."""

    def __post_init__(self) -> None:
        if not 0.9 <= self.text_scale <= 1.5:
            raise ValueError(f"text_scale {self.text_scale} is not between 0.9 and 1.5")
        if self.download_limit_bytes_per_s is not None and self.download_limit_bytes_per_s < 1000:
            raise ValueError(f"download_limit_bytes_per_s {self.download_limit_bytes_per_s} is below 1000")

    def with_changes(self, **changes: Any) -> Self:
        """A copy with other values."""
        return dataclasses.replace(self, **changes)


def load_settings(path: Path) -> Settings:
    """Read the settings; never fails.

    A bad value is replaced by its default, a broken file by its backup, and that by the defaults.
    """
    for candidate in (path, _backup(path)):
        try:
            data = json.loads(candidate.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            logger.warning("Settings in %s cannot be read: %s", candidate.name, error)
            _keep_broken(candidate)
            continue
        if isinstance(data, dict):
            return _from_dict(data)
        logger.warning("Settings in %s are not an object", candidate.name)
        _keep_broken(candidate)
    return Settings()


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
            f"The settings could not be written to {path}: {error.strerror or error}.",
            hint="Free some space, or allow the program to write in that folder.",
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


def _keep_broken(path: Path) -> None:
    try:
        path.replace(path.with_suffix(path.suffix + ".broken"))
    except OSError as error:
        logger.warning("The broken settings file could not be kept: %s", error)
