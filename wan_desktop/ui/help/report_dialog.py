"""Shows a report before it is copied or saved, so that nobody passes on what he has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.help.part import plain_label
from wan_desktop.ui.widgets.controls import Button, announce
from wan_desktop.ui.widgets.tab_order import Dialog

if TYPE_CHECKING:
    from wan_desktop.ui.help.examination import Report


class ReportDialog(Dialog):
    """The text as it is passed on.

    Args:
        made: The report.
        parent: Its parent.
    """

    copied = Signal()
    save_requested = Signal(object)
    """The Report."""

    def __init__(self, made: Report, parent: QWidget) -> None:
        super().__init__(parent)
        self.made = made
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Report"))
        self.setAccessibleName(tr("Report"))
        self.fit(760, 560)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(10)
        words = tr(
            "This is all that is passed on. Your name, folders, prompts and tokens are replaced by {mark}. Look it "
            "through before you send it to somebody.",
            mark="***",
        )
        layout.addWidget(plain_label(words, self, "soft"))
        self.text = QPlainTextEdit(made.text, self)
        self.text.setObjectName("logDetails")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(tr("Text of the report"))
        layout.addWidget(self.text, 1)
        layout.addLayout(self._buttons())
        self.copy.setFocus()

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.save = Button(tr("Save report zip"), self, icon_name="save")
        self.save.setToolTip(tr("With the whole log, as a file"))
        self.save.clicked.connect(self._on_save)
        row.addWidget(self.save)
        row.addStretch(1)
        close = Button(tr("Close"), self)
        close.clicked.connect(self.reject)
        row.addWidget(close)
        self.copy = Button(tr("Copy"), self, kind="primary", icon_name="copy")
        self.copy.setDefault(True)
        self.copy.clicked.connect(self._on_copy)
        row.addWidget(self.copy)
        return row

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.made.text)
        self.copy.setText(tr("Copied"))
        announce(self, tr("The report is copied."))
        self.copied.emit()

    @Slot()
    def _on_save(self) -> None:
        self.save_requested.emit(self.made)
