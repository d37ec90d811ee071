"""The Library page: a grid of videos, what is known of each, and all that can be done with them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from wan_desktop.core.recipe import draft_of
from wan_desktop.core.video_library import VIDEO_ENDINGS, VideoEntry, VideoQuery, VideoState
from wan_desktop.core.words import tr, trn
from wan_desktop.ui.error_texts import error_text
from wan_desktop.ui.library import words
from wan_desktop.ui.library.compare import ComparePage
from wan_desktop.ui.library.deeds import MOST_COMPARED, Deed
from wan_desktop.ui.library.details import Details
from wan_desktop.ui.library.filters import FilterBar
from wan_desktop.ui.library.grid import VideoGrid
from wan_desktop.ui.library.messages import MessageArea
from wan_desktop.ui.library.trash_dialog import TrashDialog
from wan_desktop.ui.library.vanished import AGAIN, VanishedNotice
from wan_desktop.ui.page import CompareTarget, DraftTarget, Page, PageId, VideoTarget
from wan_desktop.ui.shortcuts import Action, listen, tip
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, label
from wan_desktop.ui.widgets.empty_state import EmptyPage
from wan_desktop.ui.widgets.error_card import ErrorCard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QPoint

    from wan_desktop.core.catalog import Catalog
    from wan_desktop.core.errors import VideoUnreadableError, WanError
    from wan_desktop.core.recipe import Recipe
    from wan_desktop.core.video_library import Choices, ScanProgress, StorageFigures, TrashedVideo, VideoPage
    from wan_desktop.ui.live.library import FoundRecipe
    from wan_desktop.ui.live.messages import Message
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.widgets.error_card import ErrorText

_WAIT_MS = 300
"""After that it is said that the list is being read."""
_RENEW_MS = 150
"""Changes that follow each other, as in a scan, are shown together."""
_NEWEST = 30
"""Among so many a video that was just made is looked for, and the one before it."""
_SPLIT = (580, 420)


class LibraryPage(Page):
    """Shows `session.library`.

    Args:
        session: What the window works with.
        parent: Its parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Library"), session, parent)
        self.library = session.library
        self._shown_id: int | None = None
        self._deleted: Message | None = None
        """Of what was deleted last."""
        self._error_card: ErrorCard | None = None
        self._is_stale = True
        self._deeds = self._all_deeds()
        self._renew_timer = self._timer(_RENEW_MS, self._on_renew)
        self._wait_timer = self._timer(_WAIT_MS, self._on_waited)
        self._build_ui()
        self._connect()
        self._add_shortcuts()
        self._wait_timer.start()
        self.library.begin()
        if self.library.report is not None:
            self.vanished.show_folders(self.library.report.vanished)

    # The page ------------------------------------------------------------------------------------------------------

    def show_target(self, target: object) -> None:
        """Show a video by its id or file, a comparison (a CompareTarget), or the settings that a path brings."""
        self.stack.setCurrentWidget(self.browse)
        if isinstance(target, int):
            self.filters.clear()
            self.grid.go_to(target)
        elif isinstance(target, VideoTarget):
            self.library.entry_of(target.path, self._on_entry_of, self.messages.say_error)
        elif isinstance(target, CompareTarget):
            done = functools.partial(self._on_newest, target.path)
            self.library.search(VideoQuery(with_recipe=True), 0, _NEWEST, done)
        elif isinstance(target, (str, Path)):
            self.library.recipe(Path(target), self._on_recipe, self.messages.say_error)

    def focus_first(self) -> None:
        """The grid, where there is something to choose."""
        if self.stack.currentWidget() is self.compare:
            self.compare.play.setFocus()
        elif self.left.currentWidget() is self.grid:
            self.grid.setFocus()
        elif self.left.currentWidget() is self.empty:
            self.empty.buttons[0].setFocus()
        else:
            self.filters.search.setFocus()

    def refresh(self) -> None:
        """Read the folders again."""
        if self.library.is_open:
            self.library.scan()
        else:
            self._on_retry()

    def focus_search(self) -> None:
        """Go to the search field."""
        self.stack.setCurrentWidget(self.browse)
        self.filters.search.setFocus()
        self.filters.search.selectAll()

    def areas(self) -> Sequence[QWidget]:
        """Filters, grid, details."""
        if self.stack.currentWidget() is self.compare:
            return (self.compare,)
        return (self.filters, self.left, self.details)

    def page_shown(self) -> None:
        """Show how things are now."""
        if self._is_stale:
            self._on_renew()

    def close_down(self) -> None:
        """Let go of all files."""
        self.details.release()
        self.grid.release()
        self.compare.close_clips()

    # Building ------------------------------------------------------------------------------------------------------

    def _build_ui(self) -> None:
        self.scan_button = Button(tr("Look for videos"), self, icon_name="refresh-cw")
        self.scan_button.setToolTip(tip(tr("Read the folders of your videos again"), Action.REFRESH))
        self.folder_button = Button(tr("Open folder"), self, icon_name="folder-open")
        self.more = Button("", self, kind="icon", icon_name="ellipsis", name=tr("More"))
        for button in (self.scan_button, self.folder_button, self.more):
            self.head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.messages = MessageArea(self)
        self.page_layout.addWidget(self.messages)
        self.vanished = VanishedNotice(self)
        self.page_layout.addWidget(self.vanished)
        self.stack = QStackedWidget(self)
        self.page_layout.addWidget(self.stack, 1)
        self.browse = self._build_browse()
        self.compare = ComparePage(self)
        self.stack.addWidget(self.browse)
        self.stack.addWidget(self.compare)

    def _build_browse(self) -> QWidget:
        page = QWidget(self)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.filters = FilterBar(page)
        layout.addWidget(self.filters)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, page)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(12)
        self.left = QStackedWidget(self.splitter)
        self.grid = VideoGrid(self.library, self.left)
        self.waiting = label("", self.left, role="soft")
        self.waiting.setProperty("align", "center")
        self.empty = EmptyPage(
            "images",
            tr("No videos yet"),
            tr("Everything you make is kept here with its settings."),
            [(tr("Go to Create"), PageId.CREATE)],
            self.left,
        )
        self.no_match = EmptyPage("search", "", "", [(tr("Clear search"), "clear")], self.left)
        for widget in (self.waiting, self.grid, self.empty, self.no_match):
            self.left.addWidget(widget)
        self.details = Details(self.splitter)
        self.splitter.addWidget(self.left)
        self.splitter.addWidget(self.details)
        self.left.setMinimumWidth(look().px(230))
        self.details.setMinimumWidth(look().px(300))
        for index, share in enumerate(_SPLIT):
            self.splitter.setStretchFactor(index, share)
        self.splitter.setSizes(list(_SPLIT))
        layout.addWidget(self.splitter, 1)
        return page

    def _connect(self) -> None:
        self.library.changed.connect(self._on_changed)
        self.library.failed_to_open.connect(self._on_failed_to_open)
        self.library.trouble.connect(self.messages.say_error)
        self.library.scan_progressed.connect(self._on_scan_progressed)
        self.library.scanned.connect(self._on_scanned)
        self.session.models.catalog_changed.connect(self._on_catalog_changed)
        self.filters.query_changed.connect(self._on_query)
        self.grid.picked.connect(self._on_picked)
        self.grid.card_pressed.connect(self._on_card_pressed)
        self.grid.activated.connect(self._on_activated)
        self.grid.customContextMenuRequested.connect(self._on_menu)
        self.grid.videos.answered.connect(self._on_answered)
        self.grid.videos.rows_fetched.connect(self._on_rows_fetched)
        self.grid.videos.failed.connect(self._on_search_failed)
        self.details.deed_requested.connect(self._on_deed)
        self.details.favourite_requested.connect(self._on_favourite)
        self.details.tags_requested.connect(self._on_tags)
        self.details.error_found.connect(self._on_unplayable)
        self.empty.action_requested.connect(self._on_empty_action)
        self.no_match.action_requested.connect(self._on_clear)
        self.vanished.action_requested.connect(self._on_vanished_action)
        self.compare.left.connect(self._on_compare_left)
        self.scan_button.clicked.connect(self.refresh)
        self.folder_button.clicked.connect(self._on_videos_folder)
        self.more.clicked.connect(self._on_more)

    def _add_shortcuts(self) -> None:
        wishes: dict[Action, Callable[[], object]] = {
            Action.FAVOURITE: self._on_favourite_key,
            Action.DELETE: functools.partial(self._on_deed, Deed.DELETE),
            Action.RENAME: functools.partial(self._on_deed, Deed.RENAME),
            Action.UNDO: self._on_undo,
        }
        for action, slot in wishes.items():
            listen(self, action, slot)

    def _timer(self, interval_ms: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval_ms)
        timer.timeout.connect(slot)
        return timer

    # Showing -------------------------------------------------------------------------------------------------------

    @property
    def _catalog(self) -> Catalog | None:
        return self.session.models.catalog

    @Slot()
    def _on_changed(self) -> None:
        if self.isVisible():
            if not self._renew_timer.isActive():
                self._renew_timer.start()
        else:
            self._is_stale = True

    @Slot()
    def _on_renew(self) -> None:
        self._is_stale = False
        self.grid.reload()
        self.library.choices(self._on_choices)
        self.library.storage(self._on_storage)
        if self._shown_id is not None:
            self.library.entry(self._shown_id, self._on_entry, self._on_entry_gone)

    @Slot()
    def _on_waited(self) -> None:
        if self.grid.videos.total is None and self._error_card is None:
            self.waiting.setText(tr("Reading the list of videos"))

    @Slot()
    def _on_answered(self) -> None:
        self._drop_error()
        total = self.grid.videos.total or 0
        had_focus = self.grid.hasFocus()
        if total:
            self.left.setCurrentWidget(self.grid)
        elif self.filters.is_filtering:
            self._show_no_match()
        else:
            self.left.setCurrentWidget(self.empty)
        is_empty = self.left.currentWidget() is self.empty
        for part in (self.filters, self.details):
            part.setVisible(not is_empty or (part is self.details and self.details.recipe is not None))
        if had_focus and not total:
            self.focus_first()

    def _show_no_match(self) -> None:
        wanted = self.filters.query().text
        title = tr("No video matches “{words}”.", words=wanted) if wanted else tr("No video matches these filters.")
        self.no_match.title.setTextFormat(Qt.TextFormat.PlainText)
        self.no_match.title.setText(title)
        self.no_match.buttons[0].setText(tr("Clear search") if wanted else tr("Clear filters"))
        self.left.setCurrentWidget(self.no_match)

    @Slot()
    def _on_rows_fetched(self) -> None:
        """A video that was asked for before it was fetched is shown now."""
        if self._shown_id is None and len(self.grid.picked_ids) == 1:
            self._on_picked(self.grid.picked_ids)

    def _on_choices(self, choices: Choices) -> None:
        self.filters.show_choices(choices, self._catalog)
        self.details.offer_tags(choices.tags)

    def _on_storage(self, figures: StorageFigures) -> None:
        if not self.library.scanning:
            self.set_subtitle(words.storage_line(figures, self.library.report))

    @Slot(object)
    def _on_scan_progressed(self, progress: ScanProgress) -> None:
        self.set_subtitle(words.scan_line(progress))

    @Slot(object)
    def _on_scanned(self, report: object) -> None:
        unreadable = getattr(report, "unreadable", ())
        self.subtitle.setToolTip("\n".join(f"{item.path.name}: {item.reason}" for item in unreadable[:12]))
        self.vanished.show_folders(getattr(report, "vanished", ()))
        self._on_changed()

    @Slot(object)
    def _on_vanished_action(self, action: object) -> None:
        if action == AGAIN:
            self.refresh()
        else:
            self.page_requested.emit(PageId.SETTINGS, "videos_folder")

    @Slot()
    def _on_catalog_changed(self) -> None:
        self._on_changed()

    @Slot(object)
    def _on_failed_to_open(self, error: WanError) -> None:
        self._show_error(error)

    @Slot(object)
    def _on_search_failed(self, error: WanError) -> None:
        if self.grid.videos.total is None:
            self._show_error(error)
        else:
            self.messages.say_error(error)

    def _show_error(self, error: WanError) -> None:
        self._drop_error()
        self._error_card = ErrorCard(self._error_text(error, tr("Try again")), self.left)
        self._error_card.retry_requested.connect(self._on_retry)
        self.left.addWidget(self._error_card)
        self.left.setCurrentWidget(self._error_card)

    def _error_text(self, error: WanError, retry: str) -> ErrorText:
        return error_text(error, self.session, retry=retry)

    def _drop_error(self) -> None:
        if self._error_card is not None:
            self.left.removeWidget(self._error_card)
            self._error_card.deleteLater()
            self._error_card = None

    @Slot()
    def _on_retry(self) -> None:
        self.library.open()
        self.grid.search(self.filters.query())

    @Slot(object)
    def _on_query(self, query: VideoQuery) -> None:
        self.grid.search(query)

    @Slot(list)
    def _on_picked(self, video_ids: list[int]) -> None:
        entries = self.grid.picked_entries
        if len(video_ids) > 1:
            self._shown_id = None
            self.details.show_many(len(video_ids))
        elif len(video_ids) == 1 and entries:
            self._shown_id = entries[0].video_id
            self._show_entry(entries[0])
        elif len(video_ids) == 1:
            self._shown_id = video_ids[0]
            self.library.entry(video_ids[0], self._on_entry, self._on_entry_gone)
        else:
            self._shown_id = None
            self.details.show_nothing()

    def _on_entry(self, entry: VideoEntry) -> None:
        if entry.video_id == self._shown_id:
            self._show_entry(entry)

    def _show_entry(self, entry: VideoEntry) -> None:
        self.details.show_entry(entry, self._catalog)
        self.library.frames(entry.video_id, functools.partial(self._on_frames, entry.video_id))

    def _on_frames(self, video_id: int, folder: Path | None) -> None:
        if video_id == self._shown_id:
            self.details.show_frames(folder)

    def _on_entry_of(self, entry: VideoEntry) -> None:
        self.show_target(entry.video_id)

    def _on_entry_gone(self, _error: WanError) -> None:
        """Deleted, or the index was lost and gave other ids."""
        if self._shown_id in self.grid.picked_ids:
            self.grid.pick([])

    def _on_recipe(self, found: FoundRecipe) -> None:
        if found.entry is not None:
            self.show_target(found.entry.video_id)
        else:
            self.grid.pick([])
            self.details.show_recipe(found, self._catalog)
            self.details.show()
            self.details.use.setFocus()

    @Slot(object)
    def _on_unplayable(self, error: VideoUnreadableError) -> None:
        self.details.show_error(self._error_text(error, tr("Try again")))

    # Doing ---------------------------------------------------------------------------------------------------------

    def _all_deeds(self) -> dict[Deed, Callable[[], None]]:
        return {
            Deed.USE: functools.partial(self._use, keep_seed=True),
            Deed.USE_NEW_SEED: functools.partial(self._use, keep_seed=False),
            Deed.OPEN: self._open,
            Deed.FOLDER: self._open_folder,
            Deed.FRAMES: self._open_frames,
            Deed.COPY_FILE: self._copy_files,
            Deed.COPY_PROMPT: self._copy_prompt,
            Deed.RENAME: self._rename,
            Deed.FAVOURITE: self._on_favourite_key,
            Deed.EXPORT: self._export,
            Deed.COMPARE: self._compare,
            Deed.DELETE: self._delete,
            Deed.FIND: self._find,
            Deed.REMOVE: self._remove,
        }

    @Slot(str)
    def _on_deed(self, deed: str) -> None:
        if self.stack.currentWidget() is self.browse:
            self._deeds[Deed(deed)]()

    @property
    def _entry(self) -> VideoEntry | None:
        return self.details.entry

    def _recipe(self) -> Recipe | None:
        return self.details.recipe

    def _use(self, *, keep_seed: bool) -> None:
        recipe = self._recipe()
        if recipe is not None:
            draft = draft_of(recipe, keep_seed=keep_seed)
            self.page_requested.emit(PageId.CREATE, DraftTarget(draft, recipe.request.model_id))

    def _open(self) -> None:
        if self._entry is not None:
            self._show_outside(self._entry.path)

    def _open_folder(self) -> None:
        if self._entry is not None:
            self._show_outside(self._entry.path.parent)

    def _open_frames(self) -> None:
        if self.details.frames is not None:
            self._show_outside(self.details.frames)

    @Slot()
    def _on_videos_folder(self) -> None:
        self._show_outside(self.library.folders()[0])

    def _show_outside(self, path: Path) -> None:
        if not path.exists():
            self.messages.say("warn", tr("There is nothing at {path} yet.", path=path))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self.messages.say("warn", tr("No program answered. It is at {path}.", path=path), stays=True)

    def _copy_files(self) -> None:
        entries = [entry for entry in self._entries() if entry.state != VideoState.MISSING]
        if not entries:
            return
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(entry.path)) for entry in entries])
        QGuiApplication.clipboard().setMimeData(data)
        title = trn("{count} file is copied.", "{count} files are copied.", len(entries))
        self.messages.say("ok", title, tr("Paste it in a folder or a message."))

    def _copy_prompt(self) -> None:
        recipe = self._recipe()
        if recipe is not None:
            QGuiApplication.clipboard().setText(recipe.request.prompt)
            self.messages.say("ok", tr("The prompt is copied."))

    def _entries(self) -> list[VideoEntry]:
        return self.grid.picked_entries or ([self._entry] if self._entry is not None else [])

    def _rename(self) -> None:
        entry = self._entry
        if entry is None or entry.state == VideoState.MISSING:
            return
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Rename"))
        dialog.setLabelText(tr("New name of the video and its file"))
        dialog.setTextValue(entry.path.stem)
        dialog.setOkButtonText(tr("Rename"))
        dialog.setCancelButtonText(tr("Cancel"))
        dialog.textValueSelected.connect(functools.partial(self._on_name, entry.video_id))
        dialog.open()

    def _on_name(self, video_id: int, name: str) -> None:
        self._release()
        self.library.rename(video_id, name, None, self._on_deed_failed)

    def _release(self) -> None:
        """Let go of all files: on Windows, one that is open cannot be moved."""
        self.details.release()
        self.grid.release()

    def _on_deed_failed(self, error: WanError) -> None:
        self.messages.say_error(error)
        self._on_renew()  # what is shown was let go of

    @Slot(bool)
    def _on_favourite(self, favourite: bool) -> None:
        if self._entry is not None:
            self.library.set_favourite([self._entry.video_id], favourite)

    @Slot()
    def _on_favourite_key(self) -> None:
        entries = self._entries()
        ids = self.grid.picked_ids or [entry.video_id for entry in entries]
        if ids and self.stack.currentWidget() is self.browse:
            self.library.set_favourite(ids, not all(entry.favourite for entry in entries))

    @Slot(list)
    def _on_tags(self, tags: list[str]) -> None:
        if self._entry is not None:
            self.library.set_tags([self._entry.video_id], tags)

    def _export(self) -> None:
        entries = self._entries()
        ids = self.grid.picked_ids or [entry.video_id for entry in entries]
        if ids:
            start = str(words.default_copy_folder(entries[0])) if entries else ""
            self._ask_folder(tr("Choose a folder for the copies"), start, functools.partial(self._on_folder, ids))

    def _ask_folder(self, title: str, start: str, chosen: Callable[[str], None]) -> None:
        dialog = QFileDialog(self, title, start)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(chosen)
        dialog.open()

    def _on_folder(self, ids: list[int], folder: str) -> None:
        self.library.export(ids, Path(folder), functools.partial(self._on_exported, folder))

    def _on_exported(self, folder: str, copies: list[Path]) -> None:
        title = trn("{count} copy is saved.", "{count} copies are saved.", len(copies))
        self.messages.say("ok", title, folder)

    def _on_newest(self, path: Path, page: VideoPage) -> None:
        """Compare that video with the one that was made before it."""
        there = [entry for entry in page.entries if entry.state != VideoState.MISSING]
        at = next((number for number, entry in enumerate(there) if entry.path == path), None)
        if at is None or len(there) <= at + 1:
            self.messages.say("info", tr("There is no earlier video to compare it with."))
        else:
            self._show_comparison(there[at : at + 2])

    def _show_comparison(self, entries: list[VideoEntry]) -> None:
        self._release()
        self.compare.compare(entries)
        self.stack.setCurrentWidget(self.compare)
        self.compare.play.setFocus()

    def _compare(self) -> None:
        entries = [entry for entry in self.grid.picked_entries if entry.state != VideoState.MISSING]
        if not 2 <= len(entries) <= MOST_COMPARED:
            self.messages.say("info", tr("Select 2 to {most} videos to compare.", most=MOST_COMPARED))
            return
        self._show_comparison(entries)

    @Slot()
    def _on_compare_left(self) -> None:
        self.compare.close_clips()
        self.stack.setCurrentWidget(self.browse)
        self.grid.setFocus()

    def _delete(self) -> None:
        entries = self._entries()
        missing = {entry.video_id for entry in entries if entry.state == VideoState.MISSING}
        ids = self.grid.picked_ids or [entry.video_id for entry in entries]
        there = [video_id for video_id in ids if video_id not in missing]
        if there:
            self._release()
            self.library.delete(there, self._on_deleted, self._on_deed_failed)
        elif missing:
            self.messages.say("info", tr("The file is not there."), tr("Find it, or remove its entry."))

    def _on_deleted(self, deleted: list[TrashedVideo]) -> None:
        ids = [video.video_id for video in deleted]
        self.grid.pick([video_id for video_id in self.grid.picked_ids if video_id not in ids])
        if len(deleted) == 1:
            title = tr("“{title}” is in the trash.", title=deleted[0].title)
        else:
            title = trn("{count} video is in the trash.", "{count} videos are in the trash.", len(deleted))
        undo = functools.partial(self.library.put_back, ids, self._on_put_back, self.session.messages.say_error)
        words, action = tr("It is kept there for 7 days."), tip(tr("Undo"), Action.UNDO)
        self._deleted = self.session.messages.say("info", title, words, (action, undo))

    @Slot()
    def _on_undo(self) -> None:
        if self._deleted is not None:
            self.session.messages.act(self._deleted)

    def _on_put_back(self, entries: list[VideoEntry]) -> None:
        self.grid.pick([entry.video_id for entry in entries])

    @Slot()
    def _on_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Recently deleted")).triggered.connect(self._on_trash_wanted)
        menu.addAction(tr("Read all files again")).triggered.connect(self.library.rebuild)
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    @Slot()
    def _on_trash_wanted(self) -> None:
        self.library.trash(self._on_trash)

    def _on_trash(self, videos: list[TrashedVideo]) -> None:
        dialog = TrashDialog(videos, self)
        dialog.put_back_wanted.connect(self._on_put_back_wanted)
        dialog.open()

    @Slot(list)
    def _on_put_back_wanted(self, video_ids: list[int]) -> None:
        self.library.put_back(video_ids, self._on_put_back)

    @Slot(str, object)
    def _on_card_pressed(self, action: str, entry: VideoEntry) -> None:
        self._shown_id = entry.video_id
        self._show_entry(entry)
        self._on_deed(action)

    def _find(self) -> None:
        entry = self._entry
        if entry is None:
            return
        dialog = QFileDialog(self, tr("Where is “{name}”?", name=entry.path.name), str(self.library.folders()[0]))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(tr("Videos ({endings})", endings=" ".join(f"*{ending}" for ending in VIDEO_ENDINGS)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(functools.partial(self._on_place, entry.video_id))
        dialog.open()

    def _on_place(self, video_id: int, place: str) -> None:
        self.library.find(video_id, Path(place), self._on_found)

    def _on_found(self, entry: VideoEntry) -> None:
        self.grid.pick([entry.video_id])
        self.messages.say("ok", tr("The video is found again."), str(entry.path))

    def _remove(self) -> None:
        if self._entry is not None:
            self.library.remove([self._entry.video_id], self._on_removed)

    def _on_removed(self, _none: None) -> None:
        self.grid.pick([])
        self.messages.say("ok", tr("The entry is removed."), tr("If the file comes back, it is listed again."))

    @Slot(object)
    def _on_empty_action(self, page: object) -> None:
        self.page_requested.emit(page, None)

    @Slot()
    def _on_clear(self) -> None:
        self.filters.clear()
        self.filters.search.setFocus()

    @Slot()
    def _on_activated(self) -> None:
        """Enter or a double click: play it."""
        if self._entry is not None and self._entry.state != VideoState.MISSING:
            self.details.player.set_playing(True)
            self.details.player.setFocus()

    @Slot(object)
    def _on_menu(self, point: QPoint) -> None:
        entries = self.grid.picked_entries
        if not entries:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for deed in _menu_deeds(entries):
            action = menu.addAction(tr(deed.words))
            action.triggered.connect(functools.partial(self._on_deed, deed.value))
        menu.popup(self.grid.viewport().mapToGlobal(point))


def _menu_deeds(entries: Sequence[VideoEntry]) -> tuple[Deed, ...]:
    if len(entries) > 1:
        return (Deed.COMPARE, Deed.FAVOURITE, Deed.EXPORT, Deed.COPY_FILE, Deed.DELETE)
    use = (Deed.USE, Deed.USE_NEW_SEED) if entries[0].has_recipe else ()
    if entries[0].state == VideoState.MISSING:
        return (*use, Deed.FIND, Deed.REMOVE)
    return (
        *(*use, Deed.OPEN, Deed.FOLDER, Deed.COPY_FILE, Deed.RENAME),
        *(Deed.FAVOURITE, Deed.EXPORT, Deed.DELETE),
    )
