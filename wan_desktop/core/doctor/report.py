"""A report for somebody who helps: as text to be copied, or as a zip file with the whole log.

Both hold nothing private (`private`); the text is what a person reads before passing it on, the zip has the same text.
"""

import io
import json
import platform
import sys
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from wan_desktop import __version__
from wan_desktop.core.doctor.health import Facts, HealthItem
from wan_desktop.core.doctor.private import Private, without_private
from wan_desktop.core.engine_client import EngineReady
from wan_desktop.core.errors import ReportNotSavedError, WanError
from wan_desktop.core.files import write_atomically
from wan_desktop.core.log_lines import last_texts, older_files
from wan_desktop.core.pc_rows import pc_rows, rows_in_words
from wan_desktop.core.records import to_plain
from wan_desktop.core.words import tr

LOG_LINES = 100
_PACKAGES = ("PySide6-Essentials", "torch", "diffusers", "transformers", "huggingface_hub", "safetensors", "av")
_MOST_LOG_BYTES = 1_100_000
_OPENED = "wan-desktop-report.txt"


def report(
    facts: Facts, items: Sequence[HealthItem], private: Private, *, error: WanError | None = None, note: str = ""
) -> str:
    """Versions, this PC, health, the last error and the log's last lines; in English but for what the program said.

    Args:
        facts: What the examination began with.
        items: What it found.
        private: What must not be in it.
        error: The last error, if there was one.
        note: More lines, such as what the self test found.
    """
    parts = [_versions(facts), _pc(facts), "Health\n" + health_in_words(items)]
    parts.append(note)
    parts.append(_error(error))
    log = last_texts(facts.paths.log_file, LOG_LINES)
    parts.append("\n".join([f"Last {len(log)} lines of the log", *log]) if log else tr("There is no log."))
    return without_private("\n\n".join(part for part in parts if part), private) + "\n"


def health_in_words(items: Sequence[HealthItem]) -> str:
    """The items as plain lines."""
    return "\n".join(f"[{item.state.value}] {item.name}: {item.sentence}" for item in items)


def save_report_zip(path: Path, text: str, facts: Facts, items: Sequence[HealthItem], private: Private) -> None:
    """Write report, health, the PC's profile, settings and all logs into a zip file, all of it blanked.

    Args:
        path: The file; one that is there is replaced in one step.
        text: What `report` made.
        facts: What the examination began with.
        items: What it found.
        private: What must not be in it.

    Raises:
        ReportNotSavedError: It cannot be written.
    """
    parts = {_OPENED: text, "health.json": _json(items, private), "settings.json": _json(facts.settings, private)}
    if facts.hardware is not None:
        parts["hardware.json"] = _json(facts.hardware.without_programs(), private)
    for file in (facts.paths.log_file, *older_files(facts.paths.log_file)):
        log = _log_text(file)
        if log:
            parts[f"logs/{file.name}"] = without_private(log, private)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    try:
        write_atomically(path, packed.getvalue())
    except OSError as error:
        raise ReportNotSavedError(
            tr("The report could not be written to {path}: {reason}.", path=path, reason=error.strerror or error),
            hint=tr("Choose another folder, or free some space."),
        ) from error


def _json(value: object, private: Private) -> str:
    return json.dumps(_blanked(to_plain(value), private), indent=2, ensure_ascii=False)


def _blanked(plain: Any, private: Private) -> Any:
    """Plain data with every text in it blanked by itself, so that it stays data."""
    match plain:
        case dict():
            return {key: _blanked(value, private) for key, value in plain.items()}
        case list():
            return [_blanked(value, private) for value in plain]
        case str():
            return without_private(plain, private)
        case _:
            return plain


def _log_text(file: Path) -> str:
    try:
        return file.read_bytes()[-_MOST_LOG_BYTES:].decode("utf-8", errors="replace")
    except OSError:
        return ""


def _versions(facts: Facts) -> str:
    lines = [
        f"Wan Desktop {__version__}{', frozen' if getattr(sys, 'frozen', False) else ''}",
        f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}",
        ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
    ]
    if isinstance(facts.engine, EngineReady):
        ready = facts.engine.ready
        lines.append(f"Engine: torch {ready.torch_version}, diffusers {ready.diffusers_version}, {ready.device}")
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"


def _pc(facts: Facts) -> str:
    if facts.hardware is None:
        return "This PC: not looked at"
    cards = facts.engine.ready.cards if isinstance(facts.engine, EngineReady) else None
    return "This PC\n" + rows_in_words(pc_rows(facts.hardware, facts.settings, cards))


def _error(error: WanError | None) -> str:
    if error is None:
        return "No error since the start."
    head = f"Last error: WAN-{error.number} {error.code}: {error.title}"
    return "\n".join(part for part in (head, error.message, error.hint, error.details) if part)
