"""What is selected: one video with all that is known of it, or several, and what can be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout

from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.catalog import Catalog
    from wan_desktop.core.recipe import Recipe
    from wan_desktop.core.video_library import VideoEntry
    from wan_desktop.ui.library.one_video import OneVideo
    from wan_desktop.ui.library.several import Several
    from wan_desktop.ui.live.library import FoundRecipe
    from wan_desktop.ui.widgets.error_card import ErrorText

_RIGHT_PX = 8
"""Between what is shown and the scroll bar."""


class Details(QScrollArea):
    """Shows what is selected; what shows one video, and what shows several, is made when it is needed first."""

    deed_requested = Signal(str)
    """A Deed, to be done with what is shown."""
    favourite_requested = Signal(bool)
    tags_requested = Signal(list)
    error_found = Signal(object)
    """A VideoUnreadableError: the video that is shown cannot be played."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.count = 0
        """How many videos are selected."""
        self._one: OneVideo | None = None
        self._many: Several | None = None
        self._tags: list[str] = []
        self.setWidgetResizable(True)
        self.setObjectName("libraryDetails")
        self._page = QFrame()
        self._page.setObjectName("page")
        self.setWidget(self._page)
        # No stack: it would be as high as its highest page, and be scrolled for the sake of one that is not seen.
        self._pages = QVBoxLayout(self._page)
        self._pages.setContentsMargins(0, 0, _RIGHT_PX, 0)
        self.nothing = label(tr("Choose a video to see it and how it was made."), self._page, role="soft", wrap=True)
        self.nothing.setProperty("align", "center")
        self._pages.addWidget(self.nothing)

    @property
    def one(self) -> OneVideo:
        """Shows one video."""
        if self._one is None:
            from wan_desktop.ui.library.one_video import OneVideo  # noqa: PLC0415 - when a video is chosen first

            self._one = one = OneVideo(self._page)
            one.deed_requested.connect(self.deed_requested)
            one.favourite_requested.connect(self.favourite_requested)
            one.tags_requested.connect(self.tags_requested)
            one.error_found.connect(self.error_found)
            one.offer_tags(self._tags)
            self._add(one)
        return self._one

    @property
    def many(self) -> Several:
        """Says that several are selected."""
        if self._many is None:
            from wan_desktop.ui.library.several import Several  # noqa: PLC0415 - when several are chosen first

            self._many = Several(self._page)
            self._many.deed_requested.connect(self.deed_requested)
            self._add(self._many)
        return self._many

    @property
    def entry(self) -> VideoEntry | None:
        """The video that is shown."""
        return self._one.entry if self._one is not None else None

    @property
    def recipe(self) -> Recipe | None:
        """How what is shown was made."""
        return self._one.recipe if self._one is not None else None

    @property
    def frames(self) -> Path | None:
        """The folder with the frames of the video that is shown, if it has one."""
        return self._one.frames if self._one is not None else None

    # Showing -------------------------------------------------------------------------------------------------------

    def show_nothing(self) -> None:
        """Nothing is selected."""
        self._begin(0)
        self._turn_to(self.nothing)

    def show_many(self, count: int) -> None:
        """Several videos are selected."""
        self._begin(count)
        self.many.show_count(count)
        self._turn_to(self.many)

    def show_entry(self, entry: VideoEntry, catalog: Catalog | None) -> None:
        """Show that video; it goes on playing if it is the same file still."""
        self.count = 1
        if not self.one.shows(entry):
            self.verticalScrollBar().setValue(0)
        self.one.show_entry(entry, catalog)
        self._turn_to(self.one)

    def show_recipe(self, found: FoundRecipe, catalog: Catalog | None) -> None:
        """Show the settings of a file that is no video of the library."""
        self._begin(1)
        self.one.show_recipe(found, catalog)
        self._turn_to(self.one)

    def show_error(self, error: ErrorText) -> None:
        """The video that is shown cannot be played: a card in place of the player."""
        self.one.show_error(error)

    def show_frames(self, folder: Path | None) -> None:
        """The folder with the frames of the video that is shown; None if it has none."""
        self.one.show_frames(folder)

    def offer_tags(self, tags: Sequence[str]) -> None:
        """Complete these while tags are typed."""
        self._tags = list(tags)
        if self._one is not None:
            self._one.offer_tags(tags)

    def release(self) -> None:
        """Let go of the video file, so that it can be moved."""
        if self._one is not None:
            self._one.release()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the player the shape of its picture."""
        super().resizeEvent(event)
        self._fit()

    # Inside --------------------------------------------------------------------------------------------------------

    def _add(self, page: QWidget) -> None:
        page.hide()
        self._pages.addWidget(page)
        self._fit()

    def _begin(self, count: int) -> None:
        self.count = count
        self.verticalScrollBar().setValue(0)
        if self._one is not None:
            self._one.clear()

    def _turn_to(self, page: QWidget) -> None:
        for widget in (self.nothing, self._one, self._many):
            if widget is not None:
                widget.setVisible(widget is page)

    def _fit(self) -> None:
        if self._one is not None:
            self._one.fit(self.viewport().width() - _RIGHT_PX)
