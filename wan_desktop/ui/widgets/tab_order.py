"""Tab goes through a window as it is read: down its layouts and along their rows.

Qt's own order is the one in which the widgets were made, which is another wherever something was made later: a notice
above the page, a row in a list, a part that was folded away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Slot
from PySide6.QtWidgets import QDialog, QGridLayout, QLayout, QScrollArea, QSplitter, QWidget

from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtCore import QEvent


_EDGE_PX = 16


class Dialog(QDialog):
    """A dialog in which Tab goes as it is read, and which grows with its text."""

    _design: tuple[int, int] | None = None
    _scale = 0.0
    """Of the text that it has been fitted to; 0 before it was."""

    def fit(self, width: int, height: int) -> None:
        """Take that size of the design, in pixels, or what its words need, as far as the window below has room."""
        self._design = width, height
        least, layout = self.minimumSizeHint(), self.layout()
        size = QSize(look().px(width), look().px(height)).expandedTo(least)
        if layout is not None and layout.hasHeightForWidth():
            size.setHeight(max(size.height(), layout.totalHeightForWidth(size.width())))
        parent = self.parentWidget()
        if parent is not None and parent.window().isVisible():
            room = parent.window().size()
            size = size.boundedTo(QSize(room.width() - 2 * _EDGE_PX, room.height() - 2 * _EDGE_PX))
        self.resize(size.expandedTo(least))

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size, when all that is in it has followed."""
        super().changeEvent(event)
        if self._scale not in (0.0, look().scale):
            QTimer.singleShot(0, self._fit_again)
        self._scale = look().scale

    @Slot()
    def _fit_again(self) -> None:
        if self._design is not None:
            self.fit(*self._design)
        elif (layout := self.layout()) is not None:
            width = max(self.width(), layout.totalMinimumSize().width())
            self.resize(width, layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else self.height())

    def focusNextPrevChild(self, is_next: bool) -> bool:
        """Go on, or back."""
        return go_on(self, is_next=is_next) or super().focusNextPrevChild(is_next)


def go_on(window: QWidget, *, is_next: bool) -> bool:
    """Put the focus on what is read next in a window, or on what is read before; False if there is nothing."""
    read = list(dict.fromkeys(_read(window)))
    at = next((read.index(widget) for widget in _upwards(window.focusWidget()) if widget in read), None)
    if at is None:
        round_trip = read if is_next else read[::-1]
    elif is_next:
        round_trip = [*read[at + 1 :], *read[:at]]
    else:
        round_trip = [*read[:at][::-1], *read[at + 1 :][::-1]]
    for widget in round_trip:
        if widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            reason = Qt.FocusReason
            widget.setFocus(reason.TabFocusReason if is_next else reason.BacktabFocusReason)
            _bring_into_sight(widget)
            return True
    return False


def _bring_into_sight(widget: QWidget) -> None:
    """Qt scrolls only where Tab stays within the same area."""
    for around in _upwards(widget.parentWidget()):
        if isinstance(around, QScrollArea):
            around.ensureWidgetVisible(widget)


def _upwards(widget: QWidget | None) -> Iterator[QWidget]:
    """It, and what it stands in."""
    while widget is not None:
        yield widget
        widget = widget.parentWidget()


def _read(widget: QWidget) -> Iterator[QWidget]:
    """What can take the focus in it and in what it holds, as far as it is shown."""
    hands_on = widget.focusProxy() is not None  # as the line in a number field, which is no stop of its own
    if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not hands_on and not widget.isWindow():
        yield widget
    for child in _parts(widget):
        if child.isVisible() and not child.isWindow():
            yield from _read(child)


def _parts(widget: QWidget) -> list[QWidget]:
    if isinstance(widget, QScrollArea):
        inner = widget.widget()
        return [inner] if inner is not None else []
    if isinstance(widget, QSplitter):
        return [part for part in map(widget.widget, range(widget.count())) if part is not None]
    layout = widget.layout()
    laid_out = list(_items(layout)) if layout is not None else []
    known = set(laid_out)
    free = [child for child in widget.children() if isinstance(child, QWidget) and child not in known]
    return laid_out + sorted(free, key=lambda child: (child.y(), child.x()))


def _items(layout: QLayout) -> Iterator[QWidget]:
    for index in _order(layout):
        item = layout.itemAt(index)
        if item is None:
            continue
        inner = item.layout()
        if inner is not None:
            yield from _items(inner)
        elif (widget := item.widget()) is not None:
            yield widget


def _order(layout: QLayout) -> list[int]:
    """A grid is read in rows, whatever was put into it first."""
    if not isinstance(layout, QGridLayout):
        return list(range(layout.count()))
    places: dict[int, tuple[int, int, int, int]] = {}
    for index in range(layout.count()):
        places[index] = layout.getItemPosition(index)  # type: ignore[assignment] # said to be any object
    return sorted(places, key=lambda index: places[index][:2])
