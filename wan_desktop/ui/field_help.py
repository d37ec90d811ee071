"""F1 on a field: a card beside it says what it is for and what to choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget
from shiboken6 import isValid

from wan_desktop.core.announcements import sentences
from wan_desktop.core.field_help import help_of
from wan_desktop.core.words import tr
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, announce, label

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from wan_desktop.core.field_help_entry import FieldHelp

_WIDTH_PX, _MARGIN_PX, _GAP_PX = 380, 12, 6


def help_for(widget: QWidget | None) -> FieldHelp | None:
    """The help text of a widget, or of the nearest one around it that has one."""
    while widget is not None:
        field_id = widget.property("help")
        if isinstance(field_id, str):
            return help_of(field_id)
        if widget.isWindow():
            return None
        widget = widget.parentWidget()
    return None


def _areas_around(widget: QWidget) -> list[QScrollArea]:
    """Those that it can be scrolled out of, the innermost first."""
    found, parent = [], widget.parentWidget()
    while parent is not None:
        found += [parent] if isinstance(parent, QScrollArea) else []
        parent = parent.parentWidget()
    return found


def _is_scrolled_away(widget: QWidget) -> bool:
    """Nothing of it is seen in one of the areas around it."""
    for area in _areas_around(widget):
        viewport = area.viewport()
        if not viewport.rect().intersects(QRect(widget.mapTo(viewport, QPoint(0, 0)), widget.size())):
            return True
    return False


class HelpCard(QFrame):
    """Shows one help text over a window; Escape, a click elsewhere and leaving it close it.

    Args:
        entry: What it says.
        field: What it is about, and where the focus goes afterwards.
        has_more: There is a page with all help.
    """

    more_requested = Signal()
    """All help is wanted."""

    def __init__(self, entry: FieldHelp, field: QWidget, *, has_more: bool) -> None:
        super().__init__(field.window())
        self.entry, self._field = entry, field
        self.setProperty("surface", "card")
        self.setObjectName("helpCard")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        title, does, choose = (tr(text) for text in (entry.title, entry.does, entry.choose))
        self.setAccessibleName(tr("Help: {field}", field=title))
        self.setAccessibleDescription(sentences(does, choose))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 10, 12)
        layout.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(label(title, self, role="section", wrap=True), 1)
        self.leave = Button("", self, kind="icon", icon_name="x", name=tr("Close this help"))
        self.leave.clicked.connect(self.go_back)
        head.addWidget(self.leave, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        layout.addWidget(label(does, self, wrap=True))
        layout.addWidget(label(tr("What to choose"), self, role="label"))
        layout.addWidget(label(choose, self, role="soft", wrap=True))
        self.more = Button(tr("All help"), self, kind="link", icon_name="life-buoy")
        self.more.clicked.connect(self.more_requested)
        self.more.setVisible(has_more)
        layout.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._is_closing = False

    def show_beside(self) -> None:
        """Show it below its field, or above where there is no room, and take the focus."""
        window = self._field.window()
        for area in _areas_around(self._field):
            area.ensureWidgetVisible(self._field)
        above: QWidget | None = self._field
        while above is not None:  # whatever moves the field
            above.installEventFilter(self)
            above = above.parentWidget() if above is not window else None
        self._place()
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus_changed)
        announce(self, sentences(self.accessibleName(), self.accessibleDescription()), assertive=True)

    def _place(self) -> None:
        window = self._field.window()
        room = window.rect().adjusted(_MARGIN_PX, _MARGIN_PX, -_MARGIN_PX, -_MARGIN_PX)
        width = min(look().px(_WIDTH_PX), room.width())
        self.setFixedWidth(width)
        self.ensurePolished()
        height = min(max(self.heightForWidth(width), self.minimumSizeHint().height()), room.height())
        field = QRect(self._field.mapTo(window, QPoint(0, 0)), self._field.size())
        top = field.bottom() + _GAP_PX
        if top + height > room.bottom():
            top = field.top() - _GAP_PX - height
        left = max(room.left(), min(field.left(), room.right() - width))
        self.setGeometry(left, max(room.top(), min(top, room.bottom() - height)), width, height)

    @Slot()
    def go_back(self) -> None:
        """Close it, and go on in the field."""
        if not self._is_closing:
            self._is_closing = True
            self._field.setFocus(Qt.FocusReason.PopupFocusReason)
            self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape goes back to the field."""
        if event.key() == Qt.Key.Key_Escape:
            self.go_back()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """It follows its field as long as that is seen; in a window of another size it would stand anywhere."""
        if event.type() == QEvent.Type.Resize and watched is self._field.window():
            self.go_back()
        elif event.type() in (QEvent.Type.Move, QEvent.Type.Resize) and not self._is_closing:
            if _is_scrolled_away(self._field):
                self.go_back()
            else:
                self._place()
        return False

    @Slot(QWidget, QWidget)
    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and new is not self and not self.isAncestorOf(new) and not self._is_closing:
            self._is_closing = True
            self.close()


class FieldHelps(QObject):
    """Shows the help of the field that has the focus.

    Args:
        window: Whose fields.
        has_more: There is a page with all help.
    """

    more_requested = Signal()
    """All help is wanted."""

    def __init__(self, window: QWidget, *, has_more: bool) -> None:
        super().__init__(window)
        self._window, self._has_more = window, has_more
        self._card: HelpCard | None = None

    @property
    def card(self) -> HelpCard | None:
        """The help that is shown."""
        return self._card

    def show_for(self, field: QWidget | None, *, otherwise: QWidget | None = None) -> bool:
        """Show the help of that field, or that of another widget if it has none; False if there is none at all."""
        entry = help_for(field) or help_for(otherwise)
        if field is None or entry is None:
            return False
        self._card = HelpCard(entry, field, has_more=self._has_more)
        self._card.more_requested.connect(self.more_requested)
        self._card.destroyed.connect(self._on_gone)
        self._card.show_beside()
        return True

    @Slot()
    def _on_gone(self) -> None:
        if self._card is not None and not isValid(self._card):
            self._card = None
