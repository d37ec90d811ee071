"""Models that were removed in the last days: they can be put back, or deleted before their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout

from wan_desktop.core.words import tr, trn
from wan_desktop.ui import text
from wan_desktop.ui.models import words
from wan_desktop.ui.models.dialogs import Question
from wan_desktop.ui.widgets.controls import Button, label
from wan_desktop.ui.widgets.tab_order import Dialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.model_trash import Trashed
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.live.models import LiveModels

_ITEM = Qt.ItemDataRole.UserRole
_SIZE_PX = (520, 360)


class ModelTrashDialog(Dialog):
    """Lists removed models, the latest first, and follows what is done with them.

    Args:
        models: What is worked with.
        parent: Above which it stands.
    """

    put_back_wanted = Signal(object)
    """A TrashItem."""

    def __init__(self, models: LiveModels, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Recently removed models"))
        self.fit(*_SIZE_PX)
        self._models = models
        self._shown: tuple[Trashed, ...] | None = None
        self.question: Question | None = None
        """The newest; it may be answered already."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 16)
        layout.setSpacing(10)
        self.note = label("", self, role="soft", wrap=True)
        layout.addWidget(self.note)
        self.items = QListWidget(self)
        self.items.setAccessibleName(tr("Recently removed models"))
        self.items.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.items.currentItemChanged.connect(self._on_current)
        layout.addWidget(self.items, 1)
        layout.addLayout(self._buttons())
        models.changed.connect(self._show)
        self._show()

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.delete = Button(tr("Delete now"), self, kind="danger", icon_name="trash-2")
        self.delete.clicked.connect(self._on_delete)
        self.put_back = Button(tr("Put back"), self, kind="primary", icon_name="undo-2")
        self.put_back.clicked.connect(self._on_put_back)
        self.leave = Button(tr("Close"), self)
        self.leave.clicked.connect(self.reject)
        row.addWidget(self.delete)
        row.addStretch(1)
        row.addWidget(self.put_back)
        row.addWidget(self.leave)
        return row

    @property
    def _chosen(self) -> Trashed | None:
        item = self.items.currentItem()
        found: Trashed | None = item.data(_ITEM) if item is not None else None
        return found

    @Slot()
    def _show(self) -> None:
        trashed = self._models.trashed()
        if trashed == self._shown:
            return
        self._shown = trashed
        row = self.items.currentRow()
        self.items.clear()
        for each in trashed:
            item = QListWidgetItem(trashed_line(self._models, each), self.items)
            item.setData(_ITEM, each)
            item.setToolTip(str(each.item.path))
        self.items.setCurrentRow(min(max(0, row), len(trashed) - 1))
        self.items.setVisible(bool(trashed))
        self.note.setText(
            tr("Removed models stay 7 days, then the program deletes them when it starts. Deleting frees their space.")
            if trashed
            else tr("Nothing was removed in the last 7 days.")
        )
        self._on_current()

    @Slot()
    def _on_current(self) -> None:
        for button in (self.put_back, self.delete):
            button.setEnabled(self._chosen is not None)

    @Slot()
    def _on_put_back(self) -> None:
        if self._chosen is not None:
            self.put_back_wanted.emit(self._chosen.item)

    @Slot()
    def _on_delete(self) -> None:
        chosen = self._chosen
        if chosen is None:
            return
        name, size = _name(self._models, chosen.item.key), text.data_size(chosen.size_bytes)
        title = tr("Delete {name} for good?", name=name)
        more = tr("{size} are freed. To use it again it has to be downloaded again.", size=size)
        self.question = Question(title, more, tr("Delete it"), self)
        self.question.agreed.connect(self._on_agreed)
        self.question.open()

    @Slot()
    def _on_agreed(self) -> None:
        if self._chosen is not None:
            self._models.delete_trashed(self._chosen.item)


def removed_button_words(trashed: Sequence[Trashed]) -> str:
    """`Recently removed (2, 23.0 GB)`."""
    size = text.data_size(sum(each.size_bytes for each in trashed))
    return tr("Recently removed ({count}, {size})", count=len(trashed), size=size)


def trashed_line(models: LiveModels, trashed: Trashed) -> str:
    """`Wan 2.2 TI2V 5B · Q8_0 · 11.6 GB · deleted in 5 days`."""
    left = trashed.days_left
    when = trn("deleted in {count} day", "deleted in {count} days", left) if left else tr("deleted at the next start")
    return text.DOT.join((_name(models, trashed.item.key), text.data_size(trashed.size_bytes), when))


def _name(models: LiveModels, key: ModelKey) -> str:
    offer = models.offer(key)
    return words.title(offer) if offer is not None else f"{key.model_id} ({key.variant})"
