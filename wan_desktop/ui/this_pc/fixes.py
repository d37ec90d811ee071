"""Opens what belongs to a row's button outside the program: a web page, or a dialog of Windows."""

from __future__ import annotations

import logging

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices

from wan_desktop.core.pc_rows import DRIVER_PAGE, Fix

logger = logging.getLogger(__name__)

# Microsoft's documentation: "Launch the Windows Settings app" has the ms-settings addresses; the performance options,
# whose page Advanced holds Virtual memory, are a program of their own.
_ADDRESSES = {
    Fix.OPEN_DRIVER_PAGE: DRIVER_PAGE,
    Fix.FREE_DISK: "ms-settings:storagesense",
    Fix.POWER: "ms-settings:powersleep",
}
_PROGRAMS = {Fix.SHOW_PROGRAMS: "taskmgr.exe", Fix.OPEN_PAGE_FILE: "SystemPropertiesPerformance.exe"}


def open_outside(fix: Fix) -> bool:
    """Open it; False if this is nothing to be opened, or cannot be."""
    if fix in _ADDRESSES:
        return QDesktopServices.openUrl(QUrl(_ADDRESSES[fix]))
    if fix in _PROGRAMS:
        started, _ = QProcess.startDetached(_PROGRAMS[fix], [])
        if not started:
            logger.warning("%s could not be started", _PROGRAMS[fix])
        return started
    return False
