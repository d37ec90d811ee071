"""Texts in the language in use, and that what is translated is what the code says."""

import ast
import errno
import gettext
import json
import string
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from tools.texts import collect, compiled, entry_texts, language_file, read_language, template
from wan_desktop.core import errors, words
from wan_desktop.core.catalog import read_catalog
from wan_desktop.core.errors import ImageUnreadableError, WanError
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.start_image import check_image
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.words import (
    DOMAIN,
    LANGUAGE_VARIABLE,
    decimal,
    language_in_use,
    languages,
    short_decimal,
    tr,
    trn,
    use_language,
    use_told_language,
)

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


def test_that_numbers_are_written_as_the_language_does() -> None:
    size = "{size:.1f} GB needed, {free_mb:,.0f} MB free, {count} files"  # not in the catalog
    use_language(FOLDER, "en")
    assert (decimal(1234.56, 1), short_decimal(3.04), short_decimal(3.45)) == ("1234.6", "3", "3.5")
    assert tr(size, size=7.94, free_mb=12_345.0, count=3) == "7.9 GB needed, 12,345 MB free, 3 files"
    use_language(FOLDER, "de")
    assert (decimal(1234.56, 1), short_decimal(3.04), short_decimal(3.45)) == ("1234,6", "3", "3,5")
    assert tr(size, size=7.94, free_mb=12_345.0, count=3) == "7,9 GB needed, 12.345 MB free, 3 files"
    assert tr("{name} 1.5", name="Wan 2.2") == "Wan 2.2 1.5"


def translated() -> list[str]:
    """All languages but English."""
    return languages(FOLDER)[1:]


def test_that_no_text_is_no_text() -> None:
    """Gettext keeps the catalog's head under the empty text."""
    use_language(FOLDER, "de")
    assert tr("") == ""


@pytest.mark.parametrize(("told", "spoken"), [("de", "de"), ("en", "en"), ("xx", "en"), ("", "en"), (None, "en")])
def test_that_another_process_speaks_as_it_is_told(
    told: str | None, spoken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "system_language", lambda: "de")
    monkeypatch.delenv(LANGUAGE_VARIABLE, raising=False)
    if told is not None:
        monkeypatch.setenv(LANGUAGE_VARIABLE, told)
    assert use_told_language(FOLDER) == spoken
    assert language_in_use() == spoken


def test_that_an_error_speaks_german(tmp_path: Path) -> None:
    use_language(FOLDER, "de")
    with pytest.raises(ImageUnreadableError) as raised:
        check_image(tmp_path / "gone.png")
    error = raised.value
    assert error.shown_title == "Dieses Bild lässt sich nicht lesen"
    assert error.message == f"Unter {tmp_path / 'gone.png'} gibt es kein Bild."
    assert error.hint == "Wählen Sie ein Bild als PNG, JPEG, WebP, TIFF oder BMP."
    assert error.title == "This picture cannot be read", "the log stays English"


def test_that_a_full_drive_speaks_german(tmp_path: Path) -> None:
    use_language(FOLDER, "de")
    error = disk_error(OSError(errno.ENOSPC, "No space"), tmp_path, "downloading")
    assert error.message.startswith(f"Der Download ist fehlgeschlagen: das Laufwerk von {tmp_path} ist voll (")
    assert error.message.endswith(" MB sind frei).")
    assert error.hint.startswith("Geben Sie Platz frei")


def all_errors() -> list[type[WanError]]:
    """Every class of errors that people see."""
    return [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, WanError)]


@pytest.mark.parametrize("language", translated())
def test_that_every_title_is_translated(language: str) -> None:
    use_language(FOLDER, language)
    assert [each.title for each in all_errors() if each("").shown_title == each.title] == []


@pytest.mark.parametrize("language", translated())
def test_that_what_models_say_is_translated(language: str) -> None:
    known = {message.id for message in read_language(FOLDER, language) if message.string and not message.fuzzy}
    said = {
        text
        for file in (resources_folder() / "catalog").glob("*.json")
        for text in entry_texts(json.loads(file.read_text(encoding="utf-8")))
    }
    assert len(said) > 20
    assert said - known == set()


def test_that_models_are_described_in_german() -> None:
    use_language(FOLDER, "de")
    model = read_catalog(resources_folder())["wan2.2-ti2v-5b"]
    assert tr(model.description).startswith("Erstellt Videos aus Text oder aus einem Bild")
    assert [tr(quality.name) for quality in model.qualities] == ["Entwurf", "Ausgewogen", "Beste"]
    assert tr(model.sizes[0].shape) == "Breit"
    assert model.name == "Wan 2.2 TI2V 5B"


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


def _said_by(compiled_texts: bytes) -> dict[object, str]:
    """Every text of a compiled file, without the version of the tool that made it."""
    texts: dict[object, str] = dict(vars(gettext.GNUTranslations(BytesIO(compiled_texts)))["_catalog"])
    texts[""] = "\n".join(line for line in texts[""].splitlines() if not line.startswith("Generated-By:"))
    return texts


@pytest.mark.parametrize("language", translated())
def test_that_what_is_compiled_is_what_was_translated(language: str) -> None:
    made = compiled(read_language(FOLDER, language))
    kept = language_file(FOLDER, language).with_suffix(".mo").read_bytes()
    assert _said_by(kept) == _said_by(made), "run python -m tools.texts"


@pytest.mark.parametrize("language", translated())
def test_that_translations_fill_in_the_same(language: str) -> None:
    for message in read_language(FOLDER, language):
        if message.id and message.string and not message.fuzzy:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            allowed = set().union(*(fields(each) for each in ids))
            for each in strings:
                assert fields(each) <= allowed, message.id
            if len(ids) == len(strings) == 1:
                assert fields(strings[0]) == allowed, message.id


@pytest.mark.parametrize("language", translated())
def test_that_nearly_everything_is_translated(language: str) -> None:
    catalog = read_language(FOLDER, language)
    missing = [message.id for message in catalog if message.id and (not message.string or message.fuzzy)]
    assert len(missing) <= 0.05 * len(catalog), missing[:20]


def test_that_nothing_is_translated_while_modules_are_imported() -> None:
    """The language is not known then; such texts are marked, and translated when they are shown."""
    wrong = []
    for file in sorted((ROOT / "wan_desktop").rglob("*.py")):
        for node in calls_at_import(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node.func, ast.Name) and node.func.id in ("tr", "trn"):
                wrong.append(f"{file.name}:{node.lineno}")
    assert not wrong


def calls_at_import(tree: ast.AST) -> Iterator[ast.Call]:
    """What is called outside of the bodies of functions."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Call):
            yield child
        if isinstance(child, ast.FunctionDef | ast.Lambda):
            yield from calls_at_import(child.args)  # defaults
        else:
            yield from calls_at_import(child)


def test_that_texts_are_written_out_where_they_are_asked_for() -> None:
    """What is put together first is never found in a catalog."""
    wrong = []
    for file in sorted((ROOT / "wan_desktop").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            is_asked = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_asked and node.func.id in _ASKING and isinstance(node.args[0], ast.JoinedStr | ast.BinOp):
                wrong.append(f"{file.name}:{node.lineno}")
    assert not wrong


def test_that_texts_are_given_what_they_fill_in() -> None:
    """A value that is missing, or has another name, would be seen only when the text is shown."""
    wrong = []
    for file in sorted((ROOT / "wan_desktop").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "trn"):
                texts = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
                given = {each.arg for each in node.keywords} | ({"count"} if node.func.id == "trn" else set())
                needed = set().union(*(fields(each) for each in texts if isinstance(each, str)))
                is_filled_in = node.func.id == "trn" or bool(node.keywords)
                if texts and None not in given and is_filled_in and needed - given:
                    wrong.append(f"{file.name}:{node.lineno} {needed - given}")
                if texts and not is_filled_in and needed:
                    wrong.append(f"{file.name}:{node.lineno} {needed}")
    assert not wrong
