"""The foot of the form: the main button, and why it cannot be pressed when it cannot."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import Button, label

_KEYS = "Ctrl+Enter"


class Footer(QFrame):
    """Generate."""

    generate_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("footer")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 14, 20, 10)
        layout.setSpacing(6)
        self.generate = Button("Generate video", self, kind="primary", icon_name="sparkles")
        self.generate.setProperty("big", True)
        self.line = label("", self, role="caption")
        self.line.setProperty("align", "center")
        layout.addWidget(self.generate)
        layout.addWidget(self.line)
        self.generate.clicked.connect(self.generate_requested)
        self.show_reason("Getting ready")

    def show_reason(self, reason: str) -> None:
        """Say why there is nothing to press; an empty reason lets it be pressed."""
        self.generate.setEnabled(not reason)
        self.line.setText(reason or _KEYS)
        self.generate.setAccessibleName(f"Generate video, unavailable: {reason}" if reason else "Generate video")
