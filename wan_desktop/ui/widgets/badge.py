"""A pill with an icon and a word: never colour alone."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import IconLabel, label, restyle

KINDS = ("ok", "warn", "bad", "info", "idle")


class Badge(QFrame):
    """Shows a state.

    Args:
        text: Its word.
        kind: One of `KINDS`.
        icon_name: A Lucide icon; none if empty.
        parent: Its parent.
    """

    def __init__(self, text: str = "", kind: str = "idle", icon_name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("badge")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 3, 9, 3)
        layout.setSpacing(5)
        self._icon = IconLabel(icon_name or "info", kind, 13, self)
        self._words = label(text, self)
        layout.addWidget(self._icon)
        layout.addWidget(self._words)
        self.show_state(text, kind, icon_name)

    @property
    def text(self) -> str:
        """Its word."""
        return self._words.text()

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.property("kind"))

    def show_state(self, text: str, kind: str, icon_name: str = "") -> None:
        """Show another word."""
        if kind not in KINDS:
            raise ValueError(f"no kind of badge: {kind}")
        self._words.setText(text)
        self.setAccessibleName(text)
        self._icon.setVisible(bool(icon_name))
        if icon_name:
            self._icon.show_icon(icon_name, kind)
        if self.property("kind") != kind:
            self.setProperty("kind", kind)
            for widget in (self, self._words):
                restyle(widget)
