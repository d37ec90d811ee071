"""What went wrong, why, and what to do: a card in the page, never a box in the way."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import Button, IconLabel, label, rule
from wan_desktop.ui.widgets.form import Fold


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """What the card says."""

    title: str
    number: str
    message: str
    hint: str = ""
    details: str = ""
    report: str = ""
    """What Copy report copies; without secrets."""
    retry: str = "Try again"
    """The main button; empty for none."""


class ErrorCard(QFrame):
    """Shows one error."""

    retry_requested = Signal()

    def __init__(self, text: ErrorText, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = text
        self.setProperty("surface", "card")
        self.setAccessibleName(f"{text.title}. {text.message} {text.hint}".strip())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 12)
        layout.setSpacing(10)
        layout.addLayout(self._headline())
        layout.addWidget(self._selectable(text.message))
        if text.hint:
            layout.addWidget(label("What you can do now", self, role="label"))
            layout.addWidget(self._selectable(text.hint))
        layout.addLayout(self._actions())
        line = rule(self)
        line.setVisible(bool(text.details))
        layout.addWidget(line)
        self.details = Fold("Show technical details", self._build_details, self)
        self.details.setVisible(bool(text.details))
        layout.addWidget(self.details)

    def _headline(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(IconLabel("octagon-x", "bad", 20, self))
        row.addWidget(label(self.text.title, self, role="section", wrap=True), 1)
        row.addWidget(label(self.text.number, self, role="caption"))
        return row

    def _selectable(self, text: str) -> QWidget:
        made = label(text, self, role="soft", wrap=True)
        made.setAccessibleName(text)
        return made

    def _actions(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.retry = Button(self.text.retry, self, kind="primary", icon_name="rotate-ccw")
        self.retry.clicked.connect(self.retry_requested)
        self.retry.setVisible(bool(self.text.retry))
        row.addWidget(self.retry)
        row.addStretch(1)
        self.copy = Button("Copy report", self, kind="link", icon_name="copy")
        self.copy.clicked.connect(self._on_copy)
        row.addWidget(self.copy)
        return row

    def _build_details(self, parent: QWidget) -> QWidget:
        view = QPlainTextEdit(self.text.details, parent)
        view.setReadOnly(True)
        view.setAccessibleName("Technical details")
        view.setTabChangesFocus(True)
        view.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        view.setFixedHeight(150)
        return view

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.report)
        self.copy.setText("Copied")
