"""Texts in the language in use, and that what is translated is what the code says."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.texts import collect, compiled, language_file, read_language, template
from wan_desktop.core import words
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.words import DOMAIN, languages, tr, trn, use_language

ROOT = Path(__file__).resolve().parents[2]
FOLDER = resources_folder() / "translations"
_ASKING = ("tr", "trn", "mark")


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    yield
    use_language(FOLDER, "en")


def fields(text: str) -> set[str]:
    """What is filled in."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_that_english_is_what_the_code_says() -> None:
    assert use_language(FOLDER, "en") == "en"
    assert tr("{size} to download", size="7 GB") == "7 GB to download"
    assert trn("{count} file", "{count} files", 1) == "1 file"
    assert trn("{count} file", "{count} files", 3) == "3 files"


def test_that_german_is_spoken() -> None:
    assert use_language(FOLDER, "de") == "de"
    assert tr("Settings") == "Einstellungen"


@pytest.mark.parametrize("language", ["xx", "../..", ""])
def test_that_a_language_without_texts_is_english(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "system_language", lambda: "xx")
    assert use_language(FOLDER, language) == "en"
    assert tr("Settings") == "Settings"


def test_that_a_damaged_catalog_is_english(tmp_path: Path) -> None:
    file = tmp_path / "de" / "LC_MESSAGES" / f"{DOMAIN}.mo"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\xde\x12\x04\x95" + bytes(4))
    assert use_language(tmp_path, "de") == "en"


def test_that_the_template_has_all_texts_of_the_code() -> None:
    assert (FOLDER / f"{DOMAIN}.pot").read_bytes() == template(collect()), "run python -m tools.texts"


def translated() -> list[str]:
    """All languages but English."""
    return languages(FOLDER)[1:]


@pytest.mark.parametrize("language", translated())
def test_that_what_is_compiled_is_what_was_translated(language: str) -> None:
    made = compiled(read_language(FOLDER, language))
    assert language_file(FOLDER, language).with_suffix(".mo").read_bytes() == made, "run python -m tools.texts"


@pytest.mark.parametrize("language", translated())
def test_that_translations_fill_in_the_same(language: str) -> None:
    for message in read_language(FOLDER, language):
        if message.id and message.string and not message.fuzzy:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            allowed = set().union(*(fields(each) for each in ids))
            for each in strings:
                assert fields(each) <= allowed, message.id


@pytest.mark.parametrize("language", translated())
def test_that_nearly_everything_is_translated(language: str) -> None:
    catalog = read_language(FOLDER, language)
    missing = [message.id for message in catalog if message.id and (not message.string or message.fuzzy)]
    assert len(missing) <= 0.05 * len(catalog), missing[:20]


def test_that_texts_are_written_out_where_they_are_asked_for() -> None:
    """What is put together first is never found in a catalog."""
    wrong = []
    for file in sorted((ROOT / "wan_desktop").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            is_asked = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_asked and node.func.id in _ASKING and isinstance(node.args[0], ast.JoinedStr | ast.BinOp):
                wrong.append(f"{file.name}:{node.lineno}")
    assert not wrong
