"""Several videos that are selected, and what can be done with all of them."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wan_desktop.core.words import tr, trn
from wan_desktop.ui.library.deed_button import deed_button
from wan_desktop.ui.library.deeds import MOST_COMPARED, Deed
from wan_desktop.ui.widgets.controls import label
from wan_desktop.ui.widgets.flow import FlowLayout


class Several(QWidget):
    """Says how many they are."""

    deed_requested = Signal(str)
    """A Deed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(12)
        self.title = label("", self, role="section", wrap=True)
        layout.addWidget(self.title)
        box = QWidget(self)
        flow = FlowLayout(box)
        self.buttons = {
            Deed.COMPARE: deed_button(Deed.COMPARE, box, icon="columns-2", kind="primary"),
            Deed.FAVOURITE: deed_button(Deed.FAVOURITE, box, icon="star"),
            Deed.EXPORT: deed_button(Deed.EXPORT, box, icon="save"),
            Deed.COPY_FILE: deed_button(Deed.COPY_FILE, box, icon="copy"),
            Deed.DELETE: deed_button(Deed.DELETE, box, icon="trash-2", kind="danger"),
        }
        for button in self.buttons.values():
            button.clicked.connect(self._on_clicked)
            flow.addWidget(button)
        layout.addWidget(box)
        self.note = label("", self, role="caption", wrap=True)
        layout.addWidget(self.note)
        layout.addStretch(1)

    def show_count(self, count: int) -> None:
        """So many are selected."""
        self.title.setText(trn("{count} video is selected", "{count} videos are selected", count))
        can_compare = 2 <= count <= MOST_COMPARED
        self.buttons[Deed.COMPARE].setEnabled(can_compare)
        self.note.setText("" if can_compare else tr("2 to {most} videos can be compared", most=MOST_COMPARED))
        self.note.setVisible(not can_compare)

    @Slot()
    def _on_clicked(self) -> None:
        self.deed_requested.emit(str(self.sender().property("deed")))
