"""What is shown when the program cannot start at all."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMessageBox

from wan_desktop.ui import text

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from wan_desktop.core.errors import WanError

EXIT_CODE = 1


def show_start_error(application: QApplication, error: WanError) -> int:
    """Say why, on the screen and on standard error, and wait until it is read; returns the exit code."""
    print(f"{error.shown_title} (WAN-{error.number}): {error.message}\n{error.hint}", file=sys.stderr)  # noqa: T201 - no log yet
    if application.platformName() == "offscreen":
        return EXIT_CODE
    box = QMessageBox(QMessageBox.Icon.Critical, text.APP, f"{error.shown_title} (WAN-{error.number})")
    box.setInformativeText(f"{error.message}\n\n{error.hint}")
    box.finished.connect(application.quit)
    box.open()
    application.exec()
    return EXIT_CODE
