"""The prompts that were used: search, use again, pin, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListView, QVBoxLayout, QWidget

from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.prompt_history import PromptHistory, UsedPrompt, matching
from wan_desktop.core.words import tr
from wan_desktop.ui.icons import icon
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, label
from wan_desktop.ui.widgets.tab_order import Dialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.ui.session import Session

PROMPT_ROLE = Qt.ItemDataRole.UserRole
"""The UsedPrompt of a row."""
_MOST_SHOWN = 220
_Index = QModelIndex | QPersistentModelIndex


class LiveHistory(QObject):
    """The used prompts, read and written on the files lane.

    Args:
        session: Whose lanes and folder.
        parent: Its parent.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._history = PromptHistory(session.paths.data / "prompts.json")
        self.prompts: tuple[UsedPrompt, ...] = ()
        self._submit(tr("Read the used prompts"), self._history.prompts)

    def add(self, text: str) -> None:
        """Note that a prompt was used."""
        self._submit(tr("Keep a used prompt"), lambda: self._history.add(text))

    def pin(self, text: str, *, pinned: bool) -> None:
        """Keep a prompt at the top, or not any more."""
        self._submit(tr("Pin a prompt"), lambda: self._history.pin(text, pinned=pinned))

    def delete(self, text: str) -> None:
        """Forget a prompt."""
        self._submit(tr("Delete a used prompt"), lambda: self._history.delete(text))

    def _submit(self, title: str, work: Callable[[], tuple[UsedPrompt, ...]]) -> None:
        self._session.submit(title, Lane.FILES, lambda _: work(), self._on_done)

    def _on_done(self, snapshot: JobSnapshot) -> None:
        if snapshot.state is JobState.DONE:
            self.prompts = snapshot.result
            self.changed.emit()


class PromptListModel(QAbstractListModel):
    """Rows of UsedPrompt."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[UsedPrompt, ...] = ()

    def show_prompts(self, prompts: tuple[UsedPrompt, ...]) -> None:
        """Show these."""
        if prompts != self._rows:
            self.beginResetModel()
            self._rows = prompts
            self.endResetModel()

    def row_of(self, text: str) -> int:
        """Where that prompt stands; -1 if it does not."""
        return next((number for number, each in enumerate(self._rows) if each.text == text), -1)

    def rowCount(self, parent: _Index | None = None) -> int:
        """How many there are."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A row's text, icon or UsedPrompt."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        prompt = self._rows[index.row()]
        words = " ".join(prompt.text.split())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return words if len(words) <= _MOST_SHOWN else f"{words[:_MOST_SHOWN]}…"
            case Qt.ItemDataRole.ToolTipRole:
                return prompt.text
            case Qt.ItemDataRole.DecorationRole:
                return icon("pin", "link", look().px(16)) if prompt.pinned else None
            case Qt.ItemDataRole.AccessibleTextRole:
                return tr("Pinned: {prompt}", prompt=words) if prompt.pinned else words
            case _:
                return prompt if role == PROMPT_ROLE else None


class HistoryDialog(Dialog):
    """Shows a LiveHistory."""

    prompt_chosen = Signal(str)

    def __init__(self, history: LiveHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self.setWindowTitle(tr("Prompts you used"))
        self.setAccessibleName(tr("Prompts you used"))
        self.fit(560, 460)
        self._build_ui()
        self.search.textChanged.connect(self._show)
        self.list.doubleClicked.connect(self._on_use)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        history.changed.connect(self._show)
        self._show()
        self.search.setFocus()

    def _build_ui(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(10)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search in your prompts"))
        self.search.setAccessibleName(tr("Search in your prompts"))
        self.search.setClearButtonEnabled(True)
        layout.addWidget(self.search)
        self.model = PromptListModel(self)
        self.list = QListView(self)
        self.list.setObjectName("promptList")
        self.list.setModel(self.model)
        self.list.setWordWrap(True)
        self.list.setSpacing(2)
        self.list.setAccessibleName(tr("Prompts you used"))
        layout.addWidget(self.list, 1)
        self.empty = label("", self, role="soft", wrap=True)
        layout.addWidget(self.empty)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.pin = Button(tr("Pin"), self, icon_name="pin")
        self.delete = Button(tr("Delete"), self, kind="danger", icon_name="trash-2")
        self.close_button = Button(tr("Close"), self)
        self.use = Button(tr("Use this prompt"), self, kind="primary")
        slots = (self._on_pin, self._on_delete, self.reject, self._on_use)
        for button, slot in zip((self.pin, self.delete, self.close_button, self.use), slots, strict=True):
            button.clicked.connect(slot)
            row.addWidget(button)
        row.insertStretch(2, 1)
        self.use.setDefault(True)
        layout.addLayout(row)

    @property
    def current(self) -> UsedPrompt | None:
        """The one that is marked."""
        found = self.list.currentIndex().data(PROMPT_ROLE)
        return found if isinstance(found, UsedPrompt) else None

    @Slot()
    def _show(self) -> None:
        marked = self.current
        search = self.search.text()
        self.model.show_prompts(matching(self._history.prompts, search))
        row = self.model.row_of(marked.text) if marked is not None else -1
        if self.model.rowCount():
            index = self.model.index(max(0, row))
            self.list.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        has_any = bool(self._history.prompts)
        nothing = tr("No prompt matches '{search}'.", search=search) if has_any else tr("Prompts you use appear here.")
        self.empty.setText("" if self.model.rowCount() else nothing)
        self.empty.setVisible(not self.model.rowCount())
        self._update_buttons()

    def _update_buttons(self) -> None:
        prompt = self.current
        for button in (self.pin, self.delete, self.use):
            button.setEnabled(prompt is not None)
        self.pin.setText(tr("Unpin") if prompt is not None and prompt.pinned else tr("Pin"))
        self.pin.setAccessibleName(self.pin.text())

    @Slot()
    def _on_current(self) -> None:
        self._update_buttons()

    @Slot()
    def _on_pin(self) -> None:
        prompt = self.current
        if prompt is not None:
            self._history.pin(prompt.text, pinned=not prompt.pinned)

    @Slot()
    def _on_delete(self) -> None:
        prompt = self.current
        if prompt is not None:
            self._history.delete(prompt.text)

    @Slot()
    def _on_use(self) -> None:
        prompt = self.current
        if prompt is not None:
            self.prompt_chosen.emit(prompt.text)
            self.accept()
