"""What is wrong with files and folders of the program, as texts; nothing here changes a file."""

import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import sqlite3
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

from wan_desktop.core.catalog import BUILTIN_MODEL_ID, read_catalog
from wan_desktop.core.errors import WanError
from wan_desktop.core.records import RecordError, from_plain
from wan_desktop.core.settings import Settings
from wan_desktop.core.words import tr, trn

PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "safetensors",
    "tokenizers",
    "gguf",
    "av",
    "PIL",
    "numpy",
)
"""What the engine imports, by the names of their modules."""
_FONTS = ("Inter-Regular.otf", "Inter-SemiBold.otf")
_FOLDERS = ("catalog", "icons", "models")
_MAX_SETTINGS_BYTES = 10_000_000
_BUSY_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class FileTrouble:
    """What is the matter."""

    sentence: str
    damaged: bool = True
    """False: it only could be better."""


def missing_packages() -> list[str]:
    """Which of `PACKAGES` are not there; none of them is imported."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def program_trouble(resources: Path) -> FileTrouble | None:
    """Folders, fonts and catalog of the program, or what of them is missing."""
    absent = [name for name in _FOLDERS if not _has_files(resources / name)]
    absent += [f"fonts/{name}" for name in _FONTS if not (resources / "fonts" / name).is_file()]
    if absent:
        return FileTrouble(tr("Missing: {names}.", names=", ".join(absent)))
    try:
        catalog = read_catalog(resources)
    except WanError as error:
        return FileTrouble(error.message)
    if catalog.problems:
        return FileTrouble(tr("Entries that cannot be read: {names}.", names=", ".join(sorted(catalog.problems))))
    if BUILTIN_MODEL_ID not in catalog:
        return FileTrouble(tr("The catalog has no entry of the built-in model."))
    return None


def model_trouble(resources: Path) -> FileTrouble | None:
    """The built-in model's files against their SHA-256, as `sha256sum --check` compares them."""
    listed = resources / "models" / f"{BUILTIN_MODEL_ID}.sha256"
    try:
        lines = listed.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return FileTrouble(tr("The list of its files is missing."))
    missing, changed = [], []
    for line in lines:
        digest, _, name = line.partition("  ")
        try:
            found = hashlib.sha256((listed.parent / name).read_bytes()).hexdigest()
        except OSError:
            missing.append(name)
            continue
        if found != digest:
            changed.append(name)
    if missing:
        return FileTrouble(tr("Missing: {names}.", names=", ".join(missing)))
    return FileTrouble(tr("Changed: {names}.", names=", ".join(changed))) if changed else None


def folder_trouble(folder: Path) -> FileTrouble | None:
    """Whether files can be made in the folder; one that is not there yet is judged by where it would be made."""
    try:
        with tempfile.TemporaryFile(dir=existing_part(folder)) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return FileTrouble(_reason(error))
    return None


def existing_part(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    for each in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            if each.exists():
                return each
    return Path(folder.anchor or ".")


def settings_trouble(file: Path) -> FileTrouble | None:
    """Whether the settings can be read, and all values of them be used."""
    try:
        if file.stat().st_size > _MAX_SETTINGS_BYTES:
            return FileTrouble(tr("The file is far too large to be settings."))
        data = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return _set_aside(file)
    except OSError as error:
        return FileTrouble(_reason(error))
    except (ValueError, RecursionError):
        return FileTrouble(tr("The file does not hold settings."))
    if not isinstance(data, dict):
        return FileTrouble(tr("The file does not hold settings."))
    bad = [field.name for field in fields(Settings) if field.name in data and not _is_good(field.name, data)]
    if bad:
        words = trn(
            "{count} value cannot be used: {names}.",
            "{count} values cannot be used: {names}.",
            len(bad),
            names=", ".join(bad),
        )
        return FileTrouble(words, damaged=False)
    return None


def _is_good(name: str, data: dict[str, object]) -> bool:
    try:
        from_plain(Settings, {name: data[name]})
    except RecordError:
        return False
    return True


def _set_aside(file: Path) -> FileTrouble | None:
    """There are no settings: because none were saved yet, or because they were damaged."""
    broken = file.with_suffix(file.suffix + ".broken")
    if not broken.exists():
        return None
    words = tr("They were damaged; the damaged file is kept as {name}. Look them through.", name=broken.name)
    return FileTrouble(words, damaged=False)


def database_trouble(file: Path) -> FileTrouble | None:
    """Whether SQLite can read all of the file; one that a running program has to itself is believed to be whole."""
    if not file.exists():
        return None
    try:
        address = f"{file.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_WAIT_S)) as opened:
            (said,) = opened.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return None
        return FileTrouble(tr("{name} cannot be read: {reason}.", name=file.name, reason=str(error)))
    return None if said == "ok" else FileTrouble(tr("{name} is damaged: {reason}.", name=file.name, reason=str(said)))


def _has_files(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return tr("The drive is full.")
    return tr("The system says: {reason}.", reason=error.strerror or str(error) or os.strerror(errno.EIO))
