"""Settings of the form under a name, to be used again; kept in a small JSON file."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.errors import InputError, SettingsError
from wan_desktop.core.files import write_atomically
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.prompt_history import set_aside
from wan_desktop.core.records import RecordError, from_plain, to_plain

logger = logging.getLogger(__name__)

MAX_PRESETS = 100
MAX_NAME = 60
_FORMAT = 1
_MAX_FILE_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings under a name: everything but the prompt and the start image, which belong to one video."""

    name: str
    model_id: str
    variant: str
    draft: GenerationDraft


@dataclass(frozen=True, slots=True)
class _File:
    format: int
    presets: tuple[Preset, ...] = ()


class PresetStore:
    """Keeps presets, sorted by name. Rubbish in its file is set aside, never an error. For one thread.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[Preset, ...] | None = None

    def presets(self) -> tuple[Preset, ...]:
        """All of them."""
        if self._known is None:
            self._known = _read(self._path)
        return self._known

    def save(self, name: str, model_id: str, variant: str, draft: GenerationDraft) -> tuple[Preset, ...]:
        """Keep the settings under that name; one of the same name gives way.

        Raises:
            InputError: There is no name, or there are too many presets.
            SettingsError: It cannot be written.
        """
        name = " ".join(name.split())[:MAX_NAME]
        if not name:
            raise InputError("A preset needs a name.", hint="Write one, such as “Quick test”.")
        own = replace(draft, prompt="", image=None, last_image=None)
        others = [each for each in self.presets() if each.name.casefold() != name.casefold()]
        if len(others) >= MAX_PRESETS:
            raise InputError(f"There are {MAX_PRESETS} presets already.", hint="Delete one that is not used any more.")
        return self._keep([*others, Preset(name, model_id, variant, own)])

    def delete(self, name: str) -> tuple[Preset, ...]:
        """Forget a preset.

        Raises:
            SettingsError: It cannot be written.
        """
        return self._keep([each for each in self.presets() if each.name != name])

    def _keep(self, presets: Sequence[Preset]) -> tuple[Preset, ...]:
        kept = tuple(sorted(presets, key=lambda preset: preset.name.casefold()))
        try:
            write_atomically(self._path, json.dumps(to_plain(_File(_FORMAT, kept)), indent=2).encode())
        except OSError as error:
            raise SettingsError(
                f"The preset could not be written to {self._path}: {error.strerror or error}.",
                hint="Free some space, or allow the program to write in that folder.",
            ) from error
        self._known = kept
        return kept


def _read(path: Path) -> tuple[Preset, ...]:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError("it is too large")
        found = from_plain(_File, json.loads(path.read_text(encoding="utf-8")))
        if found.format != _FORMAT:
            raise ValueError("it is of another format")
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecordError, RecursionError) as error:
        set_aside(path, error)
        return ()
    return found.presets
