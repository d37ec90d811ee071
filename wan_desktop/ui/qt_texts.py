"""What Qt itself says, in the language of the program: names of keys, menus of text fields, dialogs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLibraryInfo, QTranslator

from wan_desktop.core.words import ENGLISH

if TYPE_CHECKING:
    from PySide6.QtCore import QCoreApplication


def speak(application: QCoreApplication, language: str) -> QTranslator | None:
    """Let Qt speak that language from now on; None where it needs none, or has no texts in it.

    Args:
        application: Qt's.
        language: Two letters.
    """
    if language == ENGLISH:
        return None
    texts = QTranslator(application)
    if not texts.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        texts.deleteLater()
        return None
    application.installTranslator(texts)
    return texts
