"""What has the focus stays in sight when a scroll area becomes smaller, as when something appears below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject

if TYPE_CHECKING:
    from PySide6.QtWidgets import QScrollArea


class KeepInSight(QObject):
    """Follows the size of a scroll area.

    Args:
        area: Whose content is to stay in sight.
    """

    def __init__(self, area: QScrollArea) -> None:
        super().__init__(area)
        self._area = area
        area.viewport().installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Scroll to the focus, if it is in the area."""
        if event.type() == QEvent.Type.Resize:
            inner, focused = self._area.widget(), self._area.window().focusWidget()
            if inner is not None and focused is not None and inner.isAncestorOf(focused):
                self._area.ensureWidgetVisible(focused)
        return False
