"""The menu beside the main button: other ways to make the video, and presets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, SignalInstance, Slot
from PySide6.QtWidgets import QInputDialog, QLineEdit, QMenu, QWidget

from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.presets import MAX_NAME, PresetStore
from wan_desktop.core.words import tr
from wan_desktop.ui.shortcuts import Action, shown_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QAction

    from wan_desktop.core.generation import GenerationDraft
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.core.presets import Preset
    from wan_desktop.ui.session import Session

VERSIONS = 4


class LivePresets(QObject):
    """The presets, read and written on the files lane.

    Args:
        session: Whose lanes and folder.
        parent: Its parent.
    """

    changed = Signal()
    failed = Signal(object)
    """A WanError: a preset could not be kept."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._store = PresetStore(session.paths.data / "presets.json")
        self.presets: tuple[Preset, ...] = ()
        self._submit(tr("Read the presets"), self._store.presets)

    def save(self, name: str, model_id: str, variant: str, draft: GenerationDraft) -> None:
        """Keep settings under a name; see `PresetStore.save`."""
        self._submit(tr("Keep a preset"), lambda: self._store.save(name, model_id, variant, draft))

    def delete(self, name: str) -> None:
        """Forget a preset."""
        self._submit(tr("Delete a preset"), lambda: self._store.delete(name))

    def _submit(self, title: str, work: Callable[[], tuple[Preset, ...]]) -> None:
        self._session.submit(title, Lane.FILES, lambda _: work(), self._on_done)

    def _on_done(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self.failed.emit(snapshot.error)
        elif snapshot.state is JobState.DONE:
            self.presets = snapshot.result
            self.changed.emit()


class GenerateMenu(QMenu):
    """Says what is wanted; what it needs to know is given when it is opened."""

    queue_requested = Signal()
    versions_requested = Signal()
    test_requested = Signal()
    preset_named = Signal(str)
    preset_chosen = Signal(object)
    """A Preset."""
    preset_deleted = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._presets: tuple[Preset, ...] = ()
        self.queue = self._add(tr("Add to queue"), self.queue_requested)
        self.versions = self._add(tr("Generate {count} versions", count=VERSIONS), self.versions_requested)
        self.test = self._add(f"{tr('Test with 1 s draft')}\t{shown_keys(Action.TEST_DRAFT)}", self.test_requested)
        self.addSeparator()
        self.save = self.addAction(tr("Save as preset"))
        self.save.triggered.connect(self._on_save)
        self.use = self.addMenu(tr("Use preset"))
        self.delete = self.addMenu(tr("Delete preset"))
        self.use.triggered.connect(self._on_use)
        self.delete.triggered.connect(self._on_delete)

    def prepare(self, presets: tuple[Preset, ...], *, is_ready: bool, is_busy: bool, has_queue: bool) -> None:
        """Get ready to be opened.

        Args:
            presets: That can be used.
            is_ready: The form is filled in.
            is_busy: A video is being made.
            has_queue: There is a queue that takes more.
        """
        self._presets = presets
        self.queue.setVisible(has_queue)
        self.versions.setVisible(has_queue)
        for action in (self.queue, self.versions):
            action.setEnabled(is_ready)
        self.test.setEnabled(is_ready and (has_queue or not is_busy))
        for menu in (self.use, self.delete):
            menu.clear()
            menu.menuAction().setVisible(bool(presets))
            for number, preset in enumerate(presets):
                menu.addAction(preset.name.replace("&", "&&")).setData(number)

    def _add(self, words: str, signal: SignalInstance) -> QAction:
        action = self.addAction(words)
        action.triggered.connect(signal)
        return action

    @Slot()
    def _on_save(self) -> None:
        dialog = QInputDialog(self.parentWidget())
        dialog.setWindowTitle(tr("Save as preset"))
        dialog.setLabelText(tr("Name of the preset. It keeps all settings but the prompt and the start image."))
        edit = dialog.findChild(QLineEdit)
        if edit is not None:
            edit.setMaxLength(MAX_NAME)
            edit.setAccessibleName(tr("Name of the preset"))
        dialog.textValueSelected.connect(self._on_named)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _on_named(self, name: str) -> None:
        if name.strip():
            self.preset_named.emit(name)

    @Slot(object)
    def _on_use(self, action: QAction) -> None:
        self.preset_chosen.emit(self._presets[action.data()])

    @Slot(object)
    def _on_delete(self, action: QAction) -> None:
        self.preset_deleted.emit(self._presets[action.data()].name)
