"""What has the focus stays in sight when a scroll area becomes smaller, or its content larger.

As when something appears below the area, or a note above the field. Who has scrolled away from the focus stays there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, Slot
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from PySide6.QtWidgets import QScrollArea, QWidget


class KeepInSight(QObject):
    """Follows how far a scroll area can be scrolled, which is known when all in it has its place.

    Args:
        area: Whose content is to stay in sight.
    """

    def __init__(self, area: QScrollArea) -> None:
        super().__init__(area)
        self._area = area
        self._is_left = False
        """The focus was scrolled out of sight."""
        bar = area.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range_changed)
        bar.valueChanged.connect(self._on_moved)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus_changed)

    @Slot()
    def _on_range_changed(self) -> None:
        focused = self._focused()
        if focused is not None and not self._is_left:
            self._area.ensureWidgetVisible(focused)

    @Slot()
    def _on_moved(self) -> None:
        focused = self._focused()
        self._is_left = focused is not None and not self._sees(focused)

    @Slot("QWidget*", "QWidget*")
    def _on_focus_changed(self, _before: QWidget | None, _now: QWidget | None) -> None:
        self._is_left = False

    def _focused(self) -> QWidget | None:
        """What has the focus in the area."""
        inner, focused = self._area.widget(), self._area.window().focusWidget()
        return focused if inner is not None and focused is not None and inner.isAncestorOf(focused) else None

    def _sees(self, widget: QWidget) -> bool:
        viewport = self._area.viewport()
        return viewport.rect().intersects(QRect(widget.mapTo(viewport, widget.rect().topLeft()), widget.size()))
