"""Fields for numbers and choices: they keep to their ranges, and to themselves while the form is scrolled past them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionButton,
    QWidget,
)

from wan_desktop.ui.icons import icon_pixmap
from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent


_LEAST_COMBO_PX = 96


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

    def minimumSizeHint(self) -> QSize:
        """It can be narrower than its longest choice."""
        hint = super().minimumSizeHint()
        return QSize(min(hint.width(), look().px(_LEAST_COMBO_PX)), hint.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrow over the styled box."""
        super().paintEvent(event)
        _paint_arrow(self, "chevron-down", self.width() - look().px(17), self.height() / 2, look().px(16))


class CheckBox(QCheckBox):
    """A tick in the theme's colours."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setAccessibleName(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tick over the styled box."""
        super().paintEvent(event)
        if self.isChecked():
            option = QStyleOptionButton()
            self.initStyleOption(option)
            box = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)
            size = look().px(12)
            painter = QPainter(self)
            pixmap = icon_pixmap("check", look().color("on_accent"), size)
            painter.drawPixmap(box.center().x() - size // 2 + 1, box.center().y() - size // 2 + 1, pixmap)
            painter.end()


def _paint_spin_arrows(widget: QAbstractSpinBox) -> None:
    middle, size, x = widget.height() / 2, look().px(12), widget.width() - look().px(14)
    _paint_arrow(widget, "chevron-up", x, middle - look().px(7), size)
    _paint_arrow(widget, "chevron-down", x, middle + look().px(7), size)


def _prepare_spin_box(box: QAbstractSpinBox, name: str) -> None:
    box.setAccessibleName(name)
    box.setKeyboardTracking(False)
    box.lineEdit().setTextMargins(7, 0, 0, 0)
    guard_wheel(box)


class SpinBox(QSpinBox):
    """A whole number that cannot leave its range."""

    def __init__(self, name: str, limits: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(*limits)
        _prepare_spin_box(self, name)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrows over the styled box."""
        super().paintEvent(event)
        _paint_spin_arrows(self)


class DoubleSpinBox(QDoubleSpinBox):
    """A number with one decimal that cannot leave its range."""

    def __init__(self, name: str, limits: tuple[float, float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(1)
        self.setSingleStep(0.1)
        self.setRange(*limits)
        _prepare_spin_box(self, name)

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
