"""What is written down: a model's files and history, and the folders in which models lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from wan_desktop.core.words import mark, tr, trn
from wan_desktop.ui import text
from wan_desktop.ui.widgets.controls import label
from wan_desktop.ui.widgets.form import Fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wan_desktop.core.model_jobs import ModelFacts
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.model_storage import DriveStorage
    from wan_desktop.core.store.history import HistoryEntry

_KINDS = {
    "download": mark("Download"),
    "quick-check": mark("Quick check"),
    "deep-check": mark("Check of all bytes"),
    "repair": mark("Repair"),
    "adopt": mark("Added from a folder"),
    "remove": mark("Removed"),
    "load": mark("Loaded"),
    "scrub": mark("Check in idle time"),
    "status": mark("Status"),
}
_OUTCOMES = {
    "done": mark("done"),
    "good": mark("good"),
    "bad": mark("damage found"),
    "failed": mark("failed"),
    "cancelled": mark("stopped"),
}
_VIEW_PX = 150


class FactsView(QWidget):
    """Three folds: what was checked, what happened, where models lie."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._files = self._history = self._storage = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.checked = label("", self, role="caption", wrap=True)
        layout.addWidget(self.checked)
        self.files = Fold(tr("Files and their sha256"), self._build_files, self)
        self.history = Fold(tr("History"), self._build_history, self)
        self.storage = Fold(tr("Storage"), self._build_storage, self)
        for fold in (self.files, self.history, self.storage):
            layout.addWidget(fold)

    def show_facts(self, offer: ModelOffer, facts: ModelFacts) -> None:
        """Show another model's."""
        self._files = "\n".join(
            f"{file.sha256}  {text.data_size(file.size_bytes):>9}  {file.path}" for file in facts.files
        )
        self._history = "\n".join(history_line(entry) for entry in facts.history) or tr("Nothing happened yet.")
        self.checked.setText(checked_words(offer, facts))
        self.files.setVisible(bool(facts.files))
        _put(self.files, self._files)
        _put(self.history, self._history)

    def show_storage(self, storage: Sequence[DriveStorage]) -> None:
        """Show where models lie, drive by drive."""
        self._storage = "\n".join(line for drive in storage for line in storage_lines(drive))
        _put(self.storage, self._storage)

    def _build_files(self, parent: QWidget) -> QWidget:
        return _view(self._files, tr("Files"), parent)

    def _build_history(self, parent: QWidget) -> QWidget:
        return _view(self._history, tr("History"), parent)

    def _build_storage(self, parent: QWidget) -> QWidget:
        return _view(self._storage, tr("Storage"), parent)


def history_line(entry: HistoryEntry) -> str:
    """`2026-11-24 18:20  Download, done: 14 files, 1234 bytes`."""
    kind = tr(_KINDS[entry.kind]) if entry.kind in _KINDS else entry.kind
    outcome = tr(_OUTCOMES[entry.outcome]) if entry.outcome in _OUTCOMES else entry.outcome
    line = f"{_time(entry.at)}  {kind}, {outcome}"
    return f"{line}: {entry.text}" if entry.text else line


def storage_lines(drive: DriveStorage) -> Iterator[str]:
    """`/data: 3 models, 46.0 GB used, 212.0 GB free`, and below it each of its folders."""
    if not drive.is_here:
        yield tr("{folder}: its drive is not connected", folder=drive.name)
        return
    free = text.data_size(drive.free_bytes) if drive.free_bytes is not None else tr("unknown space")
    models, used = trn("{count} model", "{count} models", drive.models), text.data_size(drive.used_bytes)
    yield tr("{folder}: {models}, {used} used, {free} free", folder=drive.name, models=models, used=used, free=free)
    for folder in drive.folders:
        count, size = trn("{count} model", "{count} models", folder.models), text.data_size(folder.used_bytes)
        yield "    " + tr("{folder}: {models}, {size}", folder=folder.root, models=count, size=size)


def checked_words(offer: ModelOffer, facts: ModelFacts) -> str:
    """When its files were read, where they came from, under which licence."""
    parts = []
    if facts.files:
        count = trn("{count} file", "{count} files", len(facts.files))
        when = _time(facts.checked_at) if facts.checked_at else tr("not yet")
        parts.append(tr("{files}, all bytes read: {when}.", files=count, when=when))
        revisions = sorted({file.origin.revision[:8] for file in facts.files if file.origin is not None})
        if revisions:
            parts.append(tr("Version {revisions}.", revisions=", ".join(revisions)))
    if offer.metadata.repo_id:
        parts.append(tr("From {repository}.", repository=offer.metadata.repo_id))
    parts.append(tr("Licence: {licence}.", licence=offer.metadata.licence))
    return " ".join(parts)


def _time(iso: str) -> str:
    """As people write it, in UTC as it is kept."""
    return f"{iso[:16].replace('T', ' ')} UTC"


def _view(content: str, name: str, parent: QWidget) -> QPlainTextEdit:
    view = QPlainTextEdit(content, parent)
    view.setReadOnly(True)
    view.setTabChangesFocus(True)
    view.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
    view.setAccessibleName(name)
    view.setFixedHeight(_VIEW_PX)
    return view


def _put(fold: Fold, content: str) -> None:
    if isinstance(fold.content, QPlainTextEdit) and fold.content.toPlainText() != content:
        fold.content.setPlainText(content)
