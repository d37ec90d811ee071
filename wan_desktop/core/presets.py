"""Settings of the form under a name, to be used again; kept in a small JSON file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.errors import InputError, SettingsError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.json_file import JsonFile
from wan_desktop.core.words import tr

MAX_PRESETS = 100
MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings under a name: everything but the prompt and the start image, which belong to one video."""

    name: str
    model_id: str
    variant: str
    draft: GenerationDraft


@dataclass(frozen=True, slots=True)
class _Kept:
    presets: tuple[Preset, ...] = ()


class PresetStore:
    """Keeps presets, sorted by name. Rubbish in its file is set aside, never an error. For one thread.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = JsonFile(path, _Kept)
        self._known: tuple[Preset, ...] | None = None

    def presets(self) -> tuple[Preset, ...]:
        """All of them."""
        if self._known is None:
            kept = self._file.read()
            self._known = kept.presets if kept is not None else ()
        return self._known

    def save(self, name: str, model_id: str, variant: str, draft: GenerationDraft) -> tuple[Preset, ...]:
        """Keep the settings under that name; one of the same name gives way.

        Raises:
            InputError: There is no name, or there are too many presets.
            SettingsError: It cannot be written.
        """
        name = " ".join(name.split())[:MAX_NAME]
        if not name:
            raise InputError(tr("A preset needs a name."), hint=tr("Write one, such as “Quick test”."))
        own = replace(draft, prompt="", image=None, last_image=None)
        others = [each for each in self.presets() if each.name.casefold() != name.casefold()]
        if len(others) >= MAX_PRESETS:
            raise InputError(
                tr("There are {most} presets already.", most=MAX_PRESETS),
                hint=tr("Delete one that is not used any more."),
            )
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
            self._file.write(_Kept(kept), indent=2)
        except OSError as error:
            raise SettingsError(
                tr(
                    "The preset could not be written to {path}: {reason}.",
                    path=self._path,
                    reason=error.strerror or error,
                ),
                hint=tr("Free some space, or allow the program to write in that folder."),
            ) from error
        self._known = kept
        return kept
