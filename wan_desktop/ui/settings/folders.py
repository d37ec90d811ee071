"""Where models and videos lie: chosen in the system's dialog, checked before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from wan_desktop.core.folder_check import check_models_folder, check_videos_folder
from wan_desktop.core.jobs import Lane
from wan_desktop.core.model_places import ModelPlace, PlaceState
from wan_desktop.core.words import tr
from wan_desktop.ui.settings.editors import Editor
from wan_desktop.ui.widgets.controls import Button

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.ui.session import Session


class FolderLine(QWidget):
    """A path with its buttons."""

    def __init__(self, name: str, path: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.path = path
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.field = QLineEdit(str(path), self)
        self.field.setReadOnly(True)
        self.field.setAccessibleName(name)
        self.field.setToolTip(str(path))
        self.field.setCursorPosition(0)
        row.addWidget(self.field, 1)
        self._row = row
        self.open = self.add_button("folder-open", tr("Open {folder}", folder=path))
        self.open.clicked.connect(self._on_open)

    def add_button(self, icon_name: str, name: str) -> Button:
        """One more button at its right end."""
        button = Button("", self, kind="icon", icon_name=icon_name, name=name)
        self._row.addWidget(button)
        return button

    @Slot()
    def _on_open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.path)))


class _Folders(Editor):
    """What both kinds of folders have: the dialog, and the check."""

    noted = Signal(str, str)
    """What is to be said of the chosen folder, and the role of that text."""

    def __init__(
        self, session: Session, check: Callable[[Path], ModelPlace], title: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._check, self._title = session, check, title
        self._dialog: QFileDialog | None = None
        self._lines_layout = QVBoxLayout()
        self._lines_layout.setSpacing(6)
        self._row.addLayout(self._lines_layout, 1)

    def choose(self, start: Path) -> None:
        """Let the user choose a folder."""
        if self._dialog is not None:
            return
        dialog = QFileDialog(self, self._title, str(start))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.fileSelected.connect(self._on_selected)
        dialog.finished.connect(self._on_dialog_over)
        self._dialog = dialog
        dialog.open()

    def take(self, folder: Path) -> None:
        """Check a folder on a lane, and use it if it can be used."""
        path = folder.expanduser().absolute()
        check = self._check
        self.noted.emit(tr("Checking {folder}", folder=path), "note")
        self._session.submit(tr("Check a folder"), Lane.FILES, lambda _: check(path), self._on_checked)

    def _on_checked(self, snapshot: JobSnapshot) -> None:
        place = snapshot.result
        if not isinstance(place, ModelPlace):
            self.noted.emit(snapshot.error.message if snapshot.error else "", "bad")
            return
        words = " ".join(place.reasons)
        if place.state is PlaceState.REFUSED:
            refused = tr("{folder} is not used. {why}", folder=place.folder, why=words)
            self.noted.emit(refused, "bad")
            return
        self.noted.emit(words, "warn")
        self._use(place.folder)

    def _use(self, folder: Path) -> None:
        raise NotImplementedError

    @Slot(str)
    def _on_selected(self, path: str) -> None:
        self.take(Path(path))

    @Slot(int)
    def _on_dialog_over(self, _code: int) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None


class VideosFolder(_Folders):
    """Where new videos go. The value is a path, or None for the usual place."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, check_videos_folder, tr("Where videos go"), parent)
        self.line = FolderLine(tr("Videos folder"), session.paths.videos, self)
        self.change = Button(tr("Change"), self)
        self.change.setAccessibleName(tr("Change the videos folder"))
        self.change.clicked.connect(self._on_change)
        self._lines_layout.addWidget(self.line)
        self._row.addWidget(self.change)

    def show_value(self, value: Path | None) -> None:
        """Show a folder."""
        self.line.path = value or self._session.paths.videos
        self.line.field.setText(str(self.line.path))
        self.line.field.setToolTip(str(self.line.path))
        self.line.field.setCursorPosition(0)

    def _use(self, folder: Path) -> None:
        self.edited.emit(None if folder == self._session.paths.videos else folder)

    @Slot()
    def _on_change(self) -> None:
        self.choose(self.line.path)


class ModelFolders(_Folders):
    """The libraries of models, the first for new ones. The value is a tuple; empty for the usual place alone."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, check_models_folder, tr("A folder with models, or for them"), parent)
        self.lines: list[FolderLine] = []
        self.add = Button(tr("Add folder"), self, icon_name="plus")
        self.add.clicked.connect(self._on_add)
        below = QHBoxLayout()
        below.addWidget(self.add)
        below.addStretch(1)
        self._list = QVBoxLayout()
        self._list.setSpacing(6)
        self._lines_layout.addLayout(self._list)
        self._lines_layout.addLayout(below)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those that are shown."""
        return tuple(line.path for line in self.lines)

    def show_value(self, value: tuple[Path, ...]) -> None:
        """Show these folders."""
        folders = value or (self._session.paths.models,)
        if folders == self.folders:
            return
        for line in self.lines:
            self._list.removeWidget(line)
            line.hide()
            line.deleteLater()
        self.lines = [self._line(index, folder, len(folders)) for index, folder in enumerate(folders)]

    def _line(self, index: int, folder: Path, count: int) -> FolderLine:
        name = tr("Folder for new models") if index == 0 else tr("Folder with models {number}", number=index + 1)
        line = FolderLine(name, folder, self)
        if index:
            up = line.add_button("arrow-up", tr("New models go to {folder}", folder=folder))
            up.clicked.connect(self._on_first)
        if count > 1:
            remove = line.add_button("x", tr("Forget {folder}; its files stay", folder=folder))
            remove.clicked.connect(self._on_forget)
        self._list.addWidget(line)
        return line

    def _use(self, folder: Path) -> None:
        if folder not in self.folders:
            self._give((*self.folders, folder))

    def _give(self, folders: tuple[Path, ...]) -> None:
        self.edited.emit(() if folders == (self._session.paths.models,) else folders)

    def _line_of(self, button: object) -> FolderLine | None:
        return next((line for line in self.lines if isinstance(button, Button) and line.isAncestorOf(button)), None)

    @Slot()
    def _on_add(self) -> None:
        self.choose(self.folders[0])

    @Slot()
    def _on_first(self) -> None:
        if line := self._line_of(self.sender()):
            self._give((line.path, *(path for path in self.folders if path != line.path)))

    @Slot()
    def _on_forget(self) -> None:
        if line := self._line_of(self.sender()):
            self._give(tuple(path for path in self.folders if path != line.path))
