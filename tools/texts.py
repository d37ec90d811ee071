"""Collects what people read from the code, brings the translations up to date, and compiles them.

    python -m tools.texts

writes `resources/translations/wan_desktop.pot` and, for each language there, `LANGUAGE/LC_MESSAGES/wan_desktop.po` and
`.mo`. Texts are the arguments of `tr`, `trn` and `mark`, and what the models' entries say in words. A translation whose
English text has changed is kept and marked as doubtful ("fuzzy"); such texts are shown in English until somebody has
looked at them.
"""

import json
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from wan_desktop.core.paths import resources_folder
from wan_desktop.core.words import DOMAIN

_SOURCES = Path(__file__).resolve().parents[1] / "wan_desktop"
_KEYWORDS = {"tr": None, "trn": (1, 2), "mark": None}
_WIDTH = 120
_OF_AN_ENTRY = ("description", "refused_because", "shape", "note")
"""Fields of models' entries that hold words; of the qualities the name too. Names of models stay as they are."""


def collect() -> Catalog:
    """All texts of the code, without the places where they are: those change with every edit."""
    catalog = Catalog(project="Wan Desktop", fuzzy=False)
    for _, _, text, _, _ in extract_from_dir(_SOURCES, [("**.py", "python")], keywords=_KEYWORDS):
        catalog.add(text)
    for file in sorted((resources_folder() / "catalog").glob("*.json")):
        for text in entry_texts(json.loads(file.read_text(encoding="utf-8"))):
            catalog.add(text)
    return catalog


def entry_texts(data: Any) -> Iterator[str]:
    """The words of a model's entry, or of a part of it."""
    if isinstance(data, list):
        for value in data:
            yield from entry_texts(value)
    elif isinstance(data, dict):
        yield from (quality["name"] for quality in data.get("qualities", ()))
        for name, value in data.items():
            if name in _OF_AN_ENTRY and value:
                yield value
            elif isinstance(value, dict | list):
                yield from entry_texts(value)


def template(catalog: Catalog) -> bytes:
    """The template's file, without dates."""
    out = BytesIO()
    write_po(out, catalog, width=_WIDTH, omit_header=True, sort_output=True)
    return out.getvalue()


def language_file(folder: Path, language: str) -> Path:
    """Where a language's texts are."""
    return folder / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_language(folder: Path, language: str) -> Catalog:
    """A language's texts."""
    with language_file(folder, language).open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compiled(catalog: Catalog) -> bytes:
    """What the program reads."""
    out = BytesIO()
    write_mo(out, catalog, use_fuzzy=False)
    return out.getvalue()


def update(folder: Path) -> list[str]:
    """Bring all files there up to date; returns a line for each language."""
    catalog = collect()
    (folder / f"{DOMAIN}.pot").write_bytes(template(catalog))
    lines = []
    for file in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        language = file.parts[-3]
        known = read_language(folder, language)
        known.update(catalog, no_fuzzy_matching=False)
        known.obsolete.clear()
        out = BytesIO()
        write_po(out, known, width=_WIDTH, sort_output=True, ignore_obsolete=True, no_location=True)
        file.write_bytes(out.getvalue())
        file.with_suffix(".mo").write_bytes(compiled(known))
        missing = [message for message in known if message.id and (not message.string or message.fuzzy)]
        lines.append(f"{language}: {len(known) - len(missing)} texts, {len(missing)} not translated")
    return lines


def main() -> None:
    """Do it, and say what came of it."""
    sys.stdout.write("\n".join(update(resources_folder() / "translations")) + "\n")


if __name__ == "__main__":
    main()
