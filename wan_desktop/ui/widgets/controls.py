"""Buttons, labels and fields that follow the theme by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QWidget,
)

from wan_desktop.ui.theme import icon, icon_pixmap, look

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_ICON_PX = 16


class Button(QPushButton):
    """A push button with an icon in the colour of its kind.

    Args:
        text: What it says; also its accessible name where none is given.
        parent: Its parent.
        kind: `secondary`, `primary`, `danger`, `link`, `icon`, `nav`, `segment` or `chip`.
        icon_name: A Lucide icon.
        name: Accessible name and tool tip of a button without text.
    """

    _COLORS = {"primary": "on_accent", "danger": "bad", "link": "link", "segment": "text2"}  # noqa: RUF012 - never changed

    def __init__(
        self, text: str, parent: QWidget | None = None, *, kind: str = "secondary", icon_name: str = "", name: str = ""
    ) -> None:
        super().__init__(text, parent)
        self._kind = kind
        self._icon_name = icon_name
        self.setProperty("kind", kind)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(name or text)
        if name:
            self.setToolTip(name)
        self.refresh_icon()

    def set_icon(self, icon_name: str) -> None:
        """Show another icon."""
        if icon_name != self._icon_name:
            self._icon_name = icon_name
            self.refresh_icon()

    def refresh_icon(self) -> None:
        """Draw the icon in the theme's colours."""
        if not self._icon_name:
            return
        size = look().px(_ICON_PX if self._kind != "nav" else 18)
        gap = 5 if self.text() else 0
        self.setIconSize(QSize(size + gap, size))
        self.setIcon(icon(self._icon_name, self._COLORS.get(self._kind, "text"), size, gap=gap))

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_icon_name"):
            self.refresh_icon()


class IconLabel(QLabel):
    """An icon that follows the theme."""

    def __init__(self, icon_name: str, token: str, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = (icon_name, token, size)
        self._draw()

    def show_icon(self, icon_name: str, token: str) -> None:
        """Show another icon."""
        self._icon = (icon_name, token, self._icon[2])
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_icon"):
            self._draw()

    def _draw(self) -> None:
        name, token, size = self._icon
        self.setPixmap(icon_pixmap(name, look().color(token), look().px(size)))


def label(text: str, parent: QWidget | None = None, *, role: str = "", wrap: bool = False) -> QLabel:
    """A label of that role in the style sheet."""
    made = QLabel(text, parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return made


def set_role(widget: QWidget, role: str) -> None:
    """Give a label another role, seen at once."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def surface(kind: str, parent: QWidget | None = None) -> QFrame:
    """A frame: `card`, `inset`, `warn` or `info`."""
    frame = QFrame(parent)
    frame.setProperty("surface", kind)
    return frame


def rule(parent: QWidget | None = None) -> QFrame:
    """A thin line."""
    frame = QFrame(parent)
    frame.setObjectName("rule")
    return frame


def announce(widget: QWidget, text: str, *, assertive: bool = False) -> None:
    """Let a screen reader say it."""
    event = QAccessibleAnnouncementEvent(widget, text)
    politeness = QAccessible.AnnouncementPoliteness
    event.setPoliteness(politeness.Assertive if assertive else politeness.Polite)
    QAccessible.updateAccessibility(event)


class _WheelGuard(QObject):
    """Keeps the wheel from changing a field that is only scrolled past."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the wheel away from a field without focus."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def guard_wheel(widget: QWidget) -> None:
    """Let the wheel change the field only while it has the focus."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelGuard(widget))


def _paint_arrow(widget: QWidget, name: str, center_x: float, center_y: float, size: int) -> None:
    painter = QPainter(widget)
    token = "text2" if widget.isEnabled() else "text3"
    pixmap = icon_pixmap(name, look().color(token), size)
    painter.drawPixmap(round(center_x - size / 2), round(center_y - size / 2), pixmap)
    painter.end()


class ComboBox(QComboBox):
    """A combo box with the theme's arrow."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        guard_wheel(self)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrow over the styled box."""
        super().paintEvent(event)
        _paint_arrow(self, "chevron-down", self.width() - look().px(17), self.height() / 2, look().px(16))


def _paint_spin_arrows(widget: QAbstractSpinBox) -> None:
    middle, size, x = widget.height() / 2, look().px(12), widget.width() - look().px(14)
    _paint_arrow(widget, "chevron-up", x, middle - look().px(7), size)
    _paint_arrow(widget, "chevron-down", x, middle + look().px(7), size)


class SpinBox(QSpinBox):
    """A whole number that cannot leave its range."""

    def __init__(self, name: str, limits: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setRange(*limits)
        self.setKeyboardTracking(False)
        guard_wheel(self)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrows over the styled box."""
        super().paintEvent(event)
        _paint_spin_arrows(self)


class DoubleSpinBox(QDoubleSpinBox):
    """A number with one decimal that cannot leave its range."""

    def __init__(self, name: str, limits: tuple[float, float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setDecimals(1)
        self.setSingleStep(0.1)
        self.setRange(*limits)
        self.setKeyboardTracking(False)
        guard_wheel(self)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrows over the styled box."""
        super().paintEvent(event)
        _paint_spin_arrows(self)


class Slider(QSlider):
    """A horizontal slider with a name."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setAccessibleName(name)
        self.setPageStep(1)
        self.setMinimumHeight(26)
        guard_wheel(self)
