"""Buttons and labels that follow the theme by themselves.

Imported before the first paint, so without `Qt` (see theme.py), and icons can be put off until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QWidget

from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent

_ICON_PX = 16

_put_off: dict[int, Button | IconLabel] | None = None
"""Whose icon is not drawn yet, by identity; None: icons are drawn at once."""


def put_icons_off() -> None:
    """Let buttons and labels wait with their icons until `draw_icons`."""
    global _put_off
    _put_off = {}


def draw_icons() -> None:
    """Draw what was put off, and all others at once from now on; safe to call again."""
    global _put_off
    waiting, _put_off = _put_off or {}, None
    if waiting:
        import shiboken6  # noqa: PLC0415 - after the first paint

        for widget in waiting.values():
            if shiboken6.isValid(widget):
                widget.refresh_icon()


def _is_put_off(widget: Button | IconLabel) -> bool:
    if _put_off is not None:
        _put_off[id(widget)] = widget
    return _put_off is not None


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
        self._drawn: object = None
        self.setAccessibleName(name or text)
        if name:
            self.setToolTip(name)
        self.refresh_icon()

    def set_icon(self, icon_name: str) -> None:
        """Show another icon."""
        if icon_name != self._icon_name:
            self._icon_name = icon_name
            self.refresh_icon()

    def set_kind(self, kind: str) -> None:
        """Be a button of another kind."""
        self._kind = kind
        self.setProperty("kind", kind)
        self.refresh_icon()
        restyle(self)

    def refresh_icon(self) -> None:
        """Draw the icon in the theme's colours."""
        self._drawn = (look(), self.isEnabled())
        if not self._icon_name or _is_put_off(self):
            return
        from wan_desktop.ui.icons import icon  # noqa: PLC0415 - after the first paint

        size = look().px(_ICON_PX if self._kind != "nav" else 18)
        gap = 5 if self.text() else 0
        token = self._COLORS.get(self._kind, "text") if self.isEnabled() else "text3"
        self.setIconSize(QSize(size + gap, size))
        self.setIcon(icon(self._icon_name, token, size, gap=gap))

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme, and being enabled and disabled."""
        super().changeEvent(event)
        if getattr(self, "_drawn", None) not in (None, (look(), self.isEnabled())):
            self.refresh_icon()


class IconLabel(QLabel):
    """An icon that follows the theme."""

    def __init__(self, icon_name: str, token: str, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = (icon_name, token, size)
        self._drawn: object = None
        self.refresh_icon()

    def show_icon(self, icon_name: str, token: str) -> None:
        """Show another icon."""
        self._icon = (icon_name, token, self._icon[2])
        self.refresh_icon()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme."""
        super().changeEvent(event)
        if getattr(self, "_drawn", None) not in (None, look()):
            self.refresh_icon()

    def refresh_icon(self) -> None:
        """Draw the icon in the theme's colours."""
        self._drawn = look()
        if _is_put_off(self):
            return
        from wan_desktop.ui.icons import icon_pixmap  # noqa: PLC0415 - after the first paint

        name, token, size = self._icon
        self.setPixmap(icon_pixmap(name, look().color(token), look().px(size)))


def label(text: str, parent: QWidget | None = None, *, role: str = "", wrap: bool = False) -> QLabel:
    """A label of that role in the style sheet."""
    made = QLabel(text, parent)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    return made


def group_heading(text: str, parent: QWidget | None = None) -> QLabel:
    """The small capitals above a group of cards or rows; screen readers are told the words as they are written."""
    made = label(text.upper(), parent, role="group")
    made.setAccessibleName(text)
    return made


def set_help(widget: QWidget, field_id: str) -> None:
    """Let F1 show that help text for the widget and all in it; see `core.field_help`."""
    widget.setProperty("help", field_id)


def set_role(widget: QWidget, role: str) -> None:
    """Give a label another role, seen at once."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        restyle(widget)


def restyle(widget: QWidget) -> None:
    """Let the style sheet see changed properties; before the window is shown it has not looked yet."""
    if widget.window().isVisible():
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


def announce(widget: QWidget, text: str, *, assertive: bool = False, topic: str = "") -> None:
    """Let a screen reader say it: at once if it is assertive, else when it is its turn; see `announcements`.

    Args:
        widget: In the window that says it.
        text: What is said.
        assertive: An error, or what everybody waits for.
        topic: What is said later about it takes the place of what has not been said yet.
    """
    from wan_desktop.core.announcements import Announcement  # noqa: PLC0415 - after the first paint
    from wan_desktop.ui.announcer import Announcer  # noqa: PLC0415 - long enumerations

    Announcer.of_application().announce(widget, Announcement(text, assertive, topic))
