"""The Library page: a grid of videos, what is known of each, and all that can be done with them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QMenu, QStackedWidget, QWidget

from wan_desktop.core.video_library import VideoEntry, VideoQuery, VideoState
from wan_desktop.core.words import tr
from wan_desktop.ui.error_texts import error_text
from wan_desktop.ui.library import words
from wan_desktop.ui.library.browse import Browse
from wan_desktop.ui.library.chosen import Chosen
from wan_desktop.ui.library.deeds import Deed, menu_deeds
from wan_desktop.ui.library.messages import MessageArea
from wan_desktop.ui.library.removals import Removals
from wan_desktop.ui.library.vanished import AGAIN, VanishedNotice
from wan_desktop.ui.library.video_deeds import VideoDeeds
from wan_desktop.ui.page import CompareTarget, Page, PageId, VideoTarget
from wan_desktop.ui.shortcuts import Action, listen, tip
from wan_desktop.ui.widgets.controls import Button

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QPoint

    from wan_desktop.core.catalog import Catalog
    from wan_desktop.core.errors import VideoUnreadableError, WanError
    from wan_desktop.core.video_library import Choices, ScanProgress, StorageFigures, VideoPage
    from wan_desktop.ui.library.compare import ComparePage
    from wan_desktop.ui.live.library import FoundRecipe
    from wan_desktop.ui.session import Session

_RENEW_MS = 150
"""Changes that follow each other, as in a scan, are shown together."""
_NEWEST = 30
"""Among so many a video that was just made is looked for, and the one before it."""


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
        self._compare: ComparePage | None = None
        self._is_stale = True
        self._renew_timer = QTimer(self)
        self._renew_timer.setSingleShot(True)
        self._renew_timer.setInterval(_RENEW_MS)
        self._renew_timer.timeout.connect(self._on_renew)
        self._build_ui()
        chosen = Chosen(self.grid, self.details)
        self.deeds = VideoDeeds(self.library, chosen, self.details, self.messages, self)
        self.removals = Removals(session, chosen, self.grid, self.messages, self)
        self._deeds = self.deeds.all() | self.removals.all()
        self._connect()
        self._connect_deeds()
        self.library.begin()
        if self.library.report is not None:
            self.vanished.show_folders(self.library.report.vanished)

    @property
    def compare(self) -> ComparePage:
        """Shows videos in step; made when it is needed first."""
        if self._compare is None:
            from wan_desktop.ui.library.compare import ComparePage  # noqa: PLC0415 - when it is needed first

            self._compare = ComparePage(self)
            self._compare.left.connect(self._on_compare_left)
            self.stack.addWidget(self._compare)
        return self._compare

    @property
    def is_comparing(self) -> bool:
        """Videos are shown in step, in place of the grid."""
        return self._compare is not None and self.stack.currentWidget() is self._compare

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
        if self.is_comparing:
            self.compare.play.setFocus()
        else:
            self.browse.focus_first()

    def refresh(self) -> None:
        """Read the folders again."""
        if self.library.is_open:
            self.library.scan()
        else:
            self._on_retry()

    def focus_search(self) -> None:
        """Go to the search field."""
        self.stack.setCurrentWidget(self.browse)
        self.browse.focus_search()

    def areas(self) -> Sequence[QWidget]:
        """Filters, grid, details."""
        return (self.compare,) if self.is_comparing else self.browse.areas

    def page_shown(self) -> None:
        """Show how things are now."""
        if self._is_stale:
            self._on_renew()

    def close_down(self) -> None:
        """Let go of all files."""
        self.browse.release()
        if self._compare is not None:
            self._compare.close_clips()

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
        self.browse = Browse(self.library, self)
        self.filters, self.grid, self.details = self.browse.filters, self.browse.grid, self.browse.details
        self.stack.addWidget(self.browse)

    def _connect(self) -> None:
        self.library.changed.connect(self._on_changed)
        self.library.failed_to_open.connect(self._on_failed_to_open)
        self.library.trouble.connect(self.messages.say_error)
        self.library.scan_progressed.connect(self._on_scan_progressed)
        self.library.scanned.connect(self._on_scanned)
        self.session.models.catalog_changed.connect(self._on_changed)
        self.browse.page_wanted.connect(self._on_page_wanted)
        self.browse.retry_requested.connect(self._on_retry)
        self.grid.picked.connect(self._on_picked)
        self.grid.activated.connect(self._on_activated)
        self.grid.videos.rows_fetched.connect(self._on_rows_fetched)
        self.grid.videos.failed.connect(self._on_search_failed)
        self.details.error_found.connect(self._on_unplayable)
        self.vanished.action_requested.connect(self._on_vanished_action)
        self.scan_button.clicked.connect(self.refresh)

    def _connect_deeds(self) -> None:
        self.grid.card_pressed.connect(self._on_card_pressed)
        self.grid.customContextMenuRequested.connect(self._on_menu)
        self.details.deed_requested.connect(self._on_deed)
        self.details.favourite_requested.connect(self.deeds.set_favourite)
        self.details.tags_requested.connect(self.deeds.set_tags)
        self.deeds.page_requested.connect(self.page_requested)
        self.deeds.comparison_requested.connect(self._show_comparison)
        self.deeds.failed.connect(self._on_deed_failed)
        self.removals.failed.connect(self._on_deed_failed)
        self.folder_button.clicked.connect(self.deeds.open_videos_folder)
        self.more.clicked.connect(self._on_more)
        keys = {Action.FAVOURITE: Deed.FAVOURITE, Action.DELETE: Deed.DELETE, Action.RENAME: Deed.RENAME}
        for action, deed in keys.items():
            listen(self, action, functools.partial(self._on_deed, deed.value))
        listen(self, Action.UNDO, self.removals.undo)

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

    @Slot(object)
    def _on_failed_to_open(self, error: WanError) -> None:
        self.browse.show_error(error_text(error, self.session, retry=tr("Try again")))

    @Slot(object)
    def _on_search_failed(self, error: WanError) -> None:
        if self.grid.videos.total is None:
            self._on_failed_to_open(error)
        else:
            self.messages.say_error(error)

    @Slot()
    def _on_retry(self) -> None:
        self.library.open()
        self.browse.search_again()

    @Slot(list)
    def _on_picked(self, video_ids: list[int]) -> None:
        entries = self.grid.picked_entries
        if len(video_ids) > 1:
            self._shown_id = None
            self.details.show_many(len(video_ids))
        elif len(video_ids) == 1 and entries:
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
        self._shown_id = entry.video_id
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
            self.details.one.use.setFocus()

    @Slot(object)
    def _on_unplayable(self, error: VideoUnreadableError) -> None:
        self.details.show_error(error_text(error, self.session, retry=tr("Try again")))

    # Comparing -----------------------------------------------------------------------------------------------------

    def _on_newest(self, path: Path, page: VideoPage) -> None:
        """Compare that video with the one that was made before it."""
        there = [entry for entry in page.entries if entry.state != VideoState.MISSING]
        at = next((number for number, entry in enumerate(there) if entry.path == path), None)
        if at is None or len(there) <= at + 1:
            self.messages.say("info", tr("There is no earlier video to compare it with."))
        else:
            self._show_comparison(there[at : at + 2])

    @Slot(list)
    def _show_comparison(self, entries: list[VideoEntry]) -> None:
        self.browse.release()
        self.compare.compare(entries)
        self.stack.setCurrentWidget(self.compare)
        self.compare.play.setFocus()

    @Slot()
    def _on_compare_left(self) -> None:
        self.compare.close_clips()
        self.stack.setCurrentWidget(self.browse)
        self.grid.setFocus()

    # Doing ---------------------------------------------------------------------------------------------------------

    @Slot(str)
    def _on_deed(self, deed: str) -> None:
        if self.stack.currentWidget() is self.browse:
            self._deeds[Deed(deed)]()

    @Slot(object)
    def _on_deed_failed(self, error: WanError) -> None:
        self.messages.say_error(error)
        self._on_renew()  # what is shown was let go of

    @Slot(str, object)
    def _on_card_pressed(self, action: str, entry: VideoEntry) -> None:
        self._show_entry(entry)
        self._on_deed(action)

    @Slot()
    def _on_more(self) -> None:
        menu = self._menu([(tr("Recently deleted"), self.removals.show_trash)])
        menu.addAction(tr("Read all files again")).triggered.connect(self.library.rebuild)
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    @Slot(object)
    def _on_menu(self, point: QPoint) -> None:
        entries = self.grid.picked_entries
        if entries:
            deeds = menu_deeds(entries)
            menu = self._menu([(tr(deed.words), functools.partial(self._on_deed, deed.value)) for deed in deeds])
            menu.popup(self.grid.viewport().mapToGlobal(point))

    def _menu(self, actions: Sequence[tuple[str, Callable[[], None]]]) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name, deed in actions:
            menu.addAction(name).triggered.connect(deed)
        return menu

    @Slot(object)
    def _on_page_wanted(self, page: object) -> None:
        self.page_requested.emit(page, None)

    @Slot()
    def _on_activated(self) -> None:
        """Enter or a double click: play it."""
        entry = self.details.entry
        if entry is not None and entry.state != VideoState.MISSING:
            self.details.one.player.set_playing(True)
            self.details.one.player.setFocus()
