"""What people read, in their language: gettext's catalogs, for window, core and command line alike.

English is written in the code and needs no catalog. `tr` and `trn` are what the extractor looks for, so their texts are
written out at the call; what stands in them in braces is filled in after the translation.
"""

import gettext
import locale
import logging
import os
import string
import struct
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)
DOMAIN = "wan_desktop"
ENGLISH = "en"
LANGUAGE_VARIABLE = "WAN_DESKTOP_LANGUAGE"
"""Tells the program's other processes which language to speak: the engine, and the child that asks the driver."""
_DECIMAL_SIGNS = {"de": ","}
"""Of languages that do not write 1.5; with a comma for the decimals, a dot parts the thousands."""
_in_use: list[gettext.NullTranslations] = [gettext.NullTranslations()]
_language = [ENGLISH]


def tr(text: str, **values: Any) -> str:
    """The text in the language in use, `{name}` filled with `values`."""
    translated = _in_use[0].gettext(text) if text else ""  # gettext has the catalog's head under the empty text
    return _filled(translated, values) if values else translated


def trn(singular: str, plural: str, count: int, **values: Any) -> str:
    """As `tr`, in the form that goes with the count; `{count}` is filled in too."""
    return _filled(_in_use[0].ngettext(singular, plural, count), {"count": count, **values})


def decimal(value: float, digits: int) -> str:
    """A number with so many decimals as it is written in the language in use: `1.5`, `1,5`."""
    return _localized(f"{value:.{digits}f}")


def short_decimal(value: float) -> str:
    """The same with one decimal, or none where it would be a zero: `3`, `3.4`."""
    rounded = round(value, 1)
    return decimal(rounded, 0 if rounded == int(rounded) else 1)


def _localized(number: str) -> str:
    sign = _DECIMAL_SIGNS.get(_language[0])
    return number if sign is None else number.translate({ord("."): sign, ord(","): "."})


class _Formatter(string.Formatter):
    """Writes numbers with decimals as the language in use does."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        done = super().format_field(value, format_spec)
        return _localized(done) if isinstance(value, float) else done


_formatter = _Formatter()


def _filled(text: str, values: dict[str, Any]) -> str:
    if _language[0] in _DECIMAL_SIGNS:
        return _formatter.vformat(text, (), values)
    return text.format(**values)  # ten times as fast


def mark(text: str) -> str:
    """The text as it is, to be translated with `tr` when it is shown; for texts in tables that are made once."""
    return text


def use_language(folder: Path, language: str) -> str:
    """Show texts in that language from now on; returns the one that is used.

    Args:
        folder: Holds `LANGUAGE/LC_MESSAGES/wan_desktop.mo`.
        language: Such as "de"; empty for the system's. English where there is no catalog.
    """
    wanted = language or system_language()
    _language[0] = ENGLISH
    if wanted != ENGLISH:
        try:
            _in_use[0] = gettext.translation(DOMAIN, folder, [wanted])
        except (OSError, ValueError, struct.error) as error:  # not there, or damaged
            logger.info("No texts in %s: %s", wanted, error)
        else:
            _language[0] = wanted
            return wanted
    _in_use[0] = gettext.NullTranslations()
    return ENGLISH


def language_in_use() -> str:
    """The language that texts are shown in."""
    return _language[0]


def use_told_language(folder: Path) -> str:
    """Speak as the process does that started this one; English where it says nothing.

    Args:
        folder: As `use_language` takes it.
    """
    return use_language(folder, os.environ.get(LANGUAGE_VARIABLE) or ENGLISH)


def languages(folder: Path) -> list[str]:
    """English, and those that there is a catalog of."""
    return [ENGLISH, *sorted(file.parts[-3] for file in folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))]


def system_language() -> str:
    """Two letters, as the user's system is set; English where it does not say."""
    try:
        name = locale.getlocale()[0] or ""
    except ValueError:
        name = ""
    # Windows says "German_Germany", others "de_DE".
    return locale.normalize(name).split("_")[0].lower()[:2] or ENGLISH
