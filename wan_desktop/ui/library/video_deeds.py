"""What is done with videos and their settings, but for taking them away: see `removals`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QInputDialog

from wan_desktop.core.recipe import draft_of
from wan_desktop.core.video_library import VideoState
from wan_desktop.core.words import tr, trn
from wan_desktop.ui.library import words
from wan_desktop.ui.library.deeds import MOST_COMPARED, Deed
from wan_desktop.ui.page import DraftTarget, PageId

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.errors import WanError
    from wan_desktop.ui.library.chosen import Chosen
    from wan_desktop.ui.library.details import Details
    from wan_desktop.ui.library.messages import MessageArea
    from wan_desktop.ui.live.library import LiveLibrary


class VideoDeeds(QObject):
    """Does them.

    Args:
        library: Is asked to.
        chosen: With which videos.
        details: Knows where the frames of a video are.
        messages: Say what came of it.
        window: Over which questions are asked.
    """

    page_requested = Signal(object, object)
    """A PageId, and what that page is to show."""
    comparison_requested = Signal(list)
    """Some VideoEntry."""
    failed = Signal(object)
    """A WanError, after the files were let go of."""

    def __init__(
        self, library: LiveLibrary, chosen: Chosen, details: Details, messages: MessageArea, window: QWidget
    ) -> None:
        super().__init__(window)
        self._library = library
        self._chosen = chosen
        self._details = details
        self._messages = messages
        self._window = window

    def all(self) -> dict[Deed, Callable[[], None]]:
        """What does which deed."""
        return {
            Deed.USE: functools.partial(self._use, keep_seed=True),
            Deed.USE_NEW_SEED: functools.partial(self._use, keep_seed=False),
            Deed.OPEN: self._open,
            Deed.FOLDER: self._open_folder,
            Deed.FRAMES: self._open_frames,
            Deed.COPY_FILE: self._copy_files,
            Deed.COPY_PROMPT: self._copy_prompt,
            Deed.RENAME: self._rename,
            Deed.FAVOURITE: self._turn_favourite,
            Deed.EXPORT: self._export,
            Deed.COMPARE: self._compare,
        }

    @Slot()
    def open_videos_folder(self) -> None:
        """Show where new videos go."""
        self._show_outside(self._library.folders()[0])

    @Slot(bool)
    def set_favourite(self, favourite: bool) -> None:
        """Mark the video in the details as a favourite, or not."""
        if self._chosen.entry is not None:
            self._library.set_favourite([self._chosen.entry.video_id], favourite)

    @Slot(list)
    def set_tags(self, tags: list[str]) -> None:
        """Give the video in the details these tags."""
        if self._chosen.entry is not None:
            self._library.set_tags([self._chosen.entry.video_id], tags)

    def _use(self, *, keep_seed: bool) -> None:
        recipe = self._chosen.recipe
        if recipe is not None:
            draft = draft_of(recipe, keep_seed=keep_seed)
            self.page_requested.emit(PageId.CREATE, DraftTarget(draft, recipe.request.model_id))

    def _compare(self) -> None:
        entries = [entry for entry in self._chosen.entries if entry.state != VideoState.MISSING]
        if 2 <= len(entries) <= MOST_COMPARED:
            self.comparison_requested.emit(entries)
        else:
            self._messages.say("info", tr("Select 2 to {most} videos to compare.", most=MOST_COMPARED))

    def _turn_favourite(self) -> None:
        entries, ids = self._chosen.entries, self._chosen.ids
        if ids:
            self._library.set_favourite(ids, not all(entry.favourite for entry in entries))

    # Outside -------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._chosen.entry is not None:
            self._show_outside(self._chosen.entry.path)

    def _open_folder(self) -> None:
        if self._chosen.entry is not None:
            self._show_outside(self._chosen.entry.path.parent)

    def _open_frames(self) -> None:
        if self._details.frames is not None:
            self._show_outside(self._details.frames)

    def _show_outside(self, path: Path) -> None:
        if not path.exists():
            self._messages.say("warn", tr("There is nothing at {path} yet.", path=path))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._messages.say("warn", tr("No program answered. It is at {path}.", path=path), stays=True)

    # Copies --------------------------------------------------------------------------------------------------------

    def _copy_files(self) -> None:
        entries = [entry for entry in self._chosen.entries if entry.state != VideoState.MISSING]
        if not entries:
            return
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(entry.path)) for entry in entries])
        QGuiApplication.clipboard().setMimeData(data)
        title = trn("{count} file is copied.", "{count} files are copied.", len(entries))
        self._messages.say("ok", title, tr("Paste it in a folder or a message."))

    def _copy_prompt(self) -> None:
        recipe = self._chosen.recipe
        if recipe is not None:
            QGuiApplication.clipboard().setText(recipe.request.prompt)
            self._messages.say("ok", tr("The prompt is copied."))

    def _export(self) -> None:
        entries, ids = self._chosen.entries, self._chosen.ids
        if not ids:
            return
        start = str(words.default_copy_folder(entries[0])) if entries else ""
        dialog = QFileDialog(self._window, tr("Choose a folder for the copies"), start)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(functools.partial(self._on_folder, ids))
        dialog.open()

    def _on_folder(self, ids: list[int], folder: str) -> None:
        self._library.export(ids, Path(folder), functools.partial(self._on_exported, folder))

    def _on_exported(self, folder: str, copies: list[Path]) -> None:
        title = trn("{count} copy is saved.", "{count} copies are saved.", len(copies))
        self._messages.say("ok", title, folder)

    # Names ---------------------------------------------------------------------------------------------------------

    def _rename(self) -> None:
        entry = self._chosen.entry
        if entry is None or entry.state == VideoState.MISSING:
            return
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Rename"))
        dialog.setLabelText(tr("New name of the video and its file"))
        dialog.setTextValue(entry.path.stem)
        dialog.setOkButtonText(tr("Rename"))
        dialog.setCancelButtonText(tr("Cancel"))
        dialog.textValueSelected.connect(functools.partial(self._on_name, entry.video_id))
        dialog.open()

    def _on_name(self, video_id: int, name: str) -> None:
        self._chosen.release()
        self._library.rename(video_id, name, None, self._on_failed)

    def _on_failed(self, error: WanError) -> None:
        self.failed.emit(error)
