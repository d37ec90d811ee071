"""What was deleted in the last days, and can be put back."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout

from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.library import words
from wan_desktop.ui.widgets.controls import Button, label
from wan_desktop.ui.widgets.tab_order import Dialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.video_library import TrashedVideo

_ID = Qt.ItemDataRole.UserRole
_SIZE_PX = (460, 340)


class TrashDialog(Dialog):
    """Lists deleted videos.

    Args:
        videos: The latest first.
        parent: Above which it stands.
    """

    put_back_wanted = Signal(list)
    """Ids of videos."""

    def __init__(self, videos: Sequence[TrashedVideo], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Recently deleted"))
        self.fit(*_SIZE_PX)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        note = tr("Videos stay here for 7 days.") if videos else tr("Nothing was deleted in the last 7 days.")
        layout.addWidget(label(note, self, role="soft", wrap=True))
        self.videos = QListWidget(self)
        self.videos.setAccessibleName(tr("Deleted videos"))
        self.videos.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        for video in videos:
            item = QListWidgetItem(_line(video), self.videos)
            item.setData(_ID, video.video_id)
            item.setToolTip(str(video.path))
        self.videos.itemSelectionChanged.connect(self._on_selected)
        self.videos.setVisible(bool(videos))
        layout.addWidget(self.videos, 1)
        if not videos:
            layout.addStretch(1)
        row = QHBoxLayout()
        row.addStretch(1)
        self.put_back = Button(tr("Put back"), self, kind="primary", icon_name="undo-2")
        self.put_back.setEnabled(False)
        self.put_back.setVisible(bool(videos))
        self.put_back.clicked.connect(self._on_put_back)
        self.leave = Button(tr("Close"), self)
        self.leave.clicked.connect(self.reject)
        row.addWidget(self.put_back)
        row.addWidget(self.leave)
        layout.addLayout(row)

    @Slot()
    def _on_selected(self) -> None:
        self.put_back.setEnabled(bool(self.videos.selectedItems()))

    @Slot()
    def _on_put_back(self) -> None:
        self.put_back_wanted.emit([item.data(_ID) for item in self.videos.selectedItems()])
        self.accept()


def _line(video: TrashedVideo) -> str:
    moment = datetime.datetime.fromtimestamp(video.deleted_s, datetime.UTC).isoformat()
    deleted = tr("deleted {day}", day=words.day_and_time(moment))
    return text.DOT.join((" ".join(video.title.split()), text.data_size(video.size_bytes), deleted))
