"""What people read, in their language: gettext's catalogs, for window, core and command line alike.

English is written in the code and needs no catalog. `tr` and `trn` are what the extractor looks for, so their texts are
written out at the call; what stands in them in braces is filled in after the translation.
"""

import gettext
import locale
import logging
import os
import struct
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)
DOMAIN = "wan_desktop"
ENGLISH = "en"
LANGUAGE_VARIABLE = "WAN_DESKTOP_LANGUAGE"
"""Tells the program's other processes which language to speak: the engine, and the child that asks the driver."""
_in_use: list[gettext.NullTranslations] = [gettext.NullTranslations()]
_language = [ENGLISH]


def tr(text: str, **values: Any) -> str:
    """The text in the language in use, `{name}` filled with `values`."""
    translated = _in_use[0].gettext(text) if text else ""  # gettext has the catalog's head under the empty text
    return translated.format(**values) if values else translated


def trn(singular: str, plural: str, count: int, **values: Any) -> str:
    """As `tr`, in the form that goes with the count; `{count}` is filled in too."""
    return _in_use[0].ngettext(singular, plural, count).format(count=count, **values)


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
