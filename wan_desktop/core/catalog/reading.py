"""All models that are known: those that came with the program, and those the user added."""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from wan_desktop.core.catalog.metadata import ModelMetadata, check_model_id
from wan_desktop.core.errors import CatalogError, ModelNotFoundError
from wan_desktop.core.records import from_plain
from wan_desktop.core.words import mark, tr

logger = logging.getLogger(__name__)

_MAX_FILE_BYTES = 1_000_000
_MAX_DIGITS = 20
_INSTALL_AGAIN = mark("Install this program again; the other models can be used meanwhile.")
_ADD_AGAIN = mark("Remove this file and add the model again; the other models can be used meanwhile.")


class Catalog(Mapping[str, ModelMetadata]):
    """The entries that could be read, by id; and what is wrong with the others.

    Args:
        entries: By id.
        problems: By the id that the entry should have had.
    """

    def __init__(self, entries: Mapping[str, ModelMetadata], problems: Mapping[str, CatalogError]) -> None:
        self._entries = dict(entries)
        self.problems: Mapping[str, CatalogError] = dict(problems)

    def __getitem__(self, model_id: str) -> ModelMetadata:
        return self._entries[model_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, model_id: str) -> ModelMetadata:
        """The entry of that id.

        Raises:
            CatalogError: Its file cannot be used.
            ModelNotFoundError: There is none.
        """
        found = self._entries.get(model_id)
        if found is not None:
            return found
        if model_id in self.problems:
            raise self.problems[model_id]
        raise ModelNotFoundError(
            tr("There is no model {model_id!r} in the catalog.", model_id=model_id[:200]),
            hint=tr("Known models: {names}.", names=", ".join(self)),
        )

    def fallbacks(self, model_id: str) -> tuple[ModelMetadata, ...]:
        """What to use instead of a model, the nearest first; without those that are not known.

        Raises:
            CatalogError, ModelNotFoundError: See `entry`.
        """
        return tuple(self._entries[name] for name in self.entry(model_id).fallback_model_ids if name in self._entries)


def read_catalog(resources: Path, user_folder: Path | None = None) -> Catalog:
    """Read all entries, one JSON file each, named after the model's id.

    A file that cannot be used costs its own entry only. A user's entry never takes the place of one that came with the
    program.

    Args:
        resources: The program's resources.
        user_folder: Where the entries that the user added lie; it need not exist.
    """
    entries: dict[str, ModelMetadata] = {}
    problems: dict[str, CatalogError] = {}
    for file in sorted((resources / "catalog").glob("*.json")):
        _read(file, entries, problems, hint=_INSTALL_AGAIN)
    for file in sorted(user_folder.glob("*.json")) if user_folder is not None else ():
        if file.stem in entries or file.stem in problems:
            _note(problems, file, tr("a model of this program has the same id"), hint=_ADD_AGAIN)
        else:
            _read(file, entries, problems, hint=_ADD_AGAIN)
    return Catalog(entries, problems)


def _read(file: Path, entries: dict[str, ModelMetadata], problems: dict[str, CatalogError], *, hint: str) -> None:
    try:
        entries[file.stem] = _entry(file)
    except (OSError, ValueError, RecursionError) as error:
        _note(problems, file, str(error), hint=hint)


def _note(problems: dict[str, CatalogError], file: Path, reason: str, *, hint: str) -> None:
    problem = CatalogError(
        tr("The catalog's file {file} cannot be used: {reason}.", file=file.name, reason=reason[:500].rstrip(".")),
        hint=tr(hint),
        details=str(file),
    )
    logger.warning("%s", problem.message)
    problems.setdefault(file.stem, problem)


def _entry(file: Path) -> ModelMetadata:
    with file.open("rb") as stream:
        data = stream.read(_MAX_FILE_BYTES + 1)
    if len(data) > _MAX_FILE_BYTES:
        raise ValueError(f"it has more than {_MAX_FILE_BYTES} bytes")
    metadata = from_plain(ModelMetadata, json.loads(data.decode("utf-8"), parse_int=_int))
    check_model_id("model_id", metadata.model_id)
    if metadata.model_id != file.stem:
        raise ValueError(f"model_id: {metadata.model_id!r} is not what the file is named after")
    return metadata


def _int(digits: str) -> float:
    """Whole numbers that no field can hold become floats, as in most languages; then no field takes them."""
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)
