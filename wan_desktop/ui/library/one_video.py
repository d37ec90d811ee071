"""One video with all that is known of it, and what can be done with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from PySide6.QtCore import QStringListModel, Qt, Signal, Slot
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from wan_desktop.core.errors import VideoUnreadableError, WanError
from wan_desktop.core.video_library import VideoState
from wan_desktop.core.words import tr
from wan_desktop.ui.library import words
from wan_desktop.ui.library.deed_button import deed_button
from wan_desktop.ui.library.deeds import Deed
from wan_desktop.ui.library.facts_grid import FactsGrid
from wan_desktop.ui.shortcuts import Action, show_keys, tip
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.breaking import BreakingLabel, breakable
from wan_desktop.ui.widgets.controls import Button, rule
from wan_desktop.ui.widgets.error_card import ErrorCard
from wan_desktop.ui.widgets.flow import FlowLayout
from wan_desktop.ui.widgets.form import FormField
from wan_desktop.ui.widgets.notice import Notice
from wan_desktop.ui.widgets.video_view import VideoView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wan_desktop.core.catalog import Catalog
    from wan_desktop.core.recipe import Recipe
    from wan_desktop.core.video_library import VideoEntry
    from wan_desktop.ui.live.library import FoundRecipe
    from wan_desktop.ui.widgets.error_card import ErrorText

_PLAYER_ROW_PX = 44
"""Height of the player's buttons and the gap above them."""
_HIGHEST_PICTURE_PX = 420


class OneVideo(QWidget):
    """Shows one video, or the settings of a file that is none of the library."""

    deed_requested = Signal(str)
    """A Deed, to be done with what is shown."""
    favourite_requested = Signal(bool)
    tags_requested = Signal(list)
    error_found = Signal(object)
    """A VideoUnreadableError: the video that is shown cannot be played."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.entry: VideoEntry | None = None
        self.recipe: Recipe | None = None
        self.frames: Path | None = None
        """The folder with the frames of the video that is shown, if it has one."""
        self._said: Notice | ErrorCard | None = None
        self.card: ErrorCard | None = None
        """Why the video cannot be played; None if it can."""
        self._width_px = 1
        self._build_ui()

    # Showing -------------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Show nothing."""
        self._begin(None, None)

    def show_entry(self, entry: VideoEntry, catalog: Catalog | None) -> None:
        """Show that video; it goes on playing if it is the same file still."""
        recipe: Recipe | None = None
        with contextlib.suppress(WanError):  # without it, its buttons are not there
            recipe = entry.recipe
        goes_on = self.player.path == entry.path and entry.state != VideoState.MISSING
        self._begin(entry, recipe, keeps_player=goes_on)
        self._show_words(entry.title, entry.prompt, recipe)
        self.facts.show_facts([*words.facts(recipe, catalog), *words.file_facts(entry)])
        self.favourite.setChecked(entry.favourite)
        if not self.tags.hasFocus():
            self.tags.setText(", ".join(entry.tags))
        self._show_state(entry)
        if entry.state != VideoState.MISSING and not goes_on:
            self.player.open(entry.path)

    def show_recipe(self, found: FoundRecipe, catalog: Catalog | None) -> None:
        """Show the settings of a file that is no video of the library."""
        self._begin(None, found.recipe)
        self._show_words(found.path.name, found.recipe.request.prompt, found.recipe)
        self.facts.show_facts([*words.facts(found.recipe, catalog), words.Fact(tr("File"), str(found.path))])
        self._say("info", tr("Settings from a file"), tr("Use them to make such a video."))
        for part in (self.player, self.favourite, self.tags_field, self.file_buttons):
            part.hide()

    def show_error(self, error: ErrorText) -> None:
        """The video that is shown cannot be played: a card in place of the player."""
        self.player.hide()
        self.card = ErrorCard(error, self)
        self.card.retry_requested.connect(self._on_play_again)
        self._put(self.card)

    def show_frames(self, folder: Path | None) -> None:
        """The folder with the frames of the video that is shown; None if it has none."""
        self.frames = folder
        self.buttons[Deed.FRAMES].setVisible(folder is not None)

    def offer_tags(self, tags: Sequence[str]) -> None:
        """Complete these while tags are typed."""
        self._known_tags.setStringList(list(tags))

    def release(self) -> None:
        """Let go of the video file, so that it can be moved."""
        self.player.close_clip()

    def shows(self, entry: VideoEntry | None) -> bool:
        """That video is shown, perhaps as it was before a change."""
        return entry is not None and self.entry is not None and entry.video_id == self.entry.video_id

    def fit(self, width_px: int) -> None:
        """Give the player the shape of its picture, in that width."""
        self._width_px = max(1, width_px)
        shape = (self.entry.width, self.entry.height) if self.entry is not None and self.entry.width else (16, 9)
        height = min(round(self._width_px * shape[1] / shape[0]), look().px(_HIGHEST_PICTURE_PX))
        self.player.setFixedHeight(max(look().px(120), height) + look().px(_PLAYER_ROW_PX))

    # Building ------------------------------------------------------------------------------------------------------

    def _build_ui(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.player = VideoView(self)
        self.player.failed.connect(self._on_failed)
        layout.addWidget(self.player)
        self._notice_place = QVBoxLayout()
        layout.addLayout(self._notice_place)
        layout.addLayout(self._build_title())
        self.prompt = BreakingLabel(self)
        layout.addWidget(self.prompt)
        self.use_buttons = self._build_use()
        layout.addWidget(self.use_buttons)
        self.file_buttons = self._build_file_buttons()
        layout.addWidget(self.file_buttons)
        self.tags = QLineEdit(self)
        self.tags.setAccessibleName(tr("Tags"))
        self.tags.setPlaceholderText(tr("Words of your own, with commas between"))
        self.tags.editingFinished.connect(self._on_tags)
        self._known_tags = QStringListModel(self)
        completer = QCompleter(self._known_tags, self.tags)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.tags.setCompleter(completer)
        self.tags_field = FormField(tr("Tags"), self.tags, self)
        layout.addWidget(self.tags_field)
        layout.addWidget(rule(self))
        self.facts = FactsGrid(self)
        layout.addWidget(self.facts)
        layout.addStretch(1)

    def _build_title(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.title = BreakingLabel(self, role="section")
        self.favourite = Button("", self, kind="icon", icon_name="star", name=tr("Favourite"))
        show_keys(self.favourite, Action.FAVOURITE)
        self.favourite.setCheckable(True)
        self.favourite.clicked.connect(self.favourite_requested)
        row.addWidget(self.title, 1)
        row.addWidget(self.favourite, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _build_use(self) -> QWidget:
        box = QWidget(self)
        flow = FlowLayout(box)
        self.use = self._button(Deed.USE, box, kind="primary", icon="history", tip=tr("With the same seed"))
        self.use_new_seed = self._button(
            Deed.USE_NEW_SEED, box, icon="dices", tip=tr("The same settings, for another video of its kind")
        )
        self.copy_prompt = self._button(Deed.COPY_PROMPT, box, icon="copy", kind="link")
        for button in (self.use, self.use_new_seed, self.copy_prompt):
            flow.addWidget(button)
        return box

    def _build_file_buttons(self) -> QWidget:
        box = QWidget(self)
        flow = FlowLayout(box)
        self.buttons = {
            Deed.FIND: self._button(Deed.FIND, box, icon="search", kind="primary"),
            Deed.REMOVE: self._button(Deed.REMOVE, box, icon="x"),
            Deed.OPEN: self._button(Deed.OPEN, box, icon="external-link"),
            Deed.FOLDER: self._button(Deed.FOLDER, box, icon="folder-open"),
            Deed.FRAMES: self._button(
                Deed.FRAMES, box, icon="images", tip=tr("Open the folder with its frames as PNG pictures")
            ),
            Deed.COPY_FILE: self._button(Deed.COPY_FILE, box, icon="copy"),
            Deed.RENAME: self._button(Deed.RENAME, box, icon="pencil", tip=tip(tr("Rename"), Action.RENAME)),
            Deed.EXPORT: self._button(Deed.EXPORT, box, icon="save"),
            Deed.DELETE: self._button(
                Deed.DELETE, box, icon="trash-2", kind="danger", tip=tip(tr("Put it into the trash"), Action.DELETE)
            ),
        }
        for button in self.buttons.values():
            flow.addWidget(button)
        return box

    def _button(self, deed: Deed, parent: QWidget, *, icon: str, kind: str = "secondary", tip: str = "") -> Button:
        button = deed_button(deed, parent, icon=icon, kind=kind, tip=tip)
        button.clicked.connect(self._on_deed)
        return button

    # Inside --------------------------------------------------------------------------------------------------------

    def _begin(self, entry: VideoEntry | None, recipe: Recipe | None, *, keeps_player: bool = False) -> None:
        is_other = not self.shows(entry)
        if is_other and self.tags.hasFocus():
            self._on_tags()  # what was typed belongs to the video before
        self.entry, self.recipe = entry, recipe
        if not keeps_player:
            self.player.close_clip()
        if is_other:
            self.frames = None
            self.tags.clear()
        if is_other or not keeps_player:
            self._say("", "")

    def _show_words(self, title: str, prompt: str, recipe: Recipe | None) -> None:
        self.title.say(title)
        self.prompt.say(prompt)
        self.prompt.setVisible(bool(prompt) and prompt != title)
        self.use_buttons.setVisible(recipe is not None)
        self.copy_prompt.setVisible(bool(prompt))

    def _show_state(self, entry: VideoEntry) -> None:
        missing = entry.state == VideoState.MISSING
        for part in (self.favourite, self.tags_field, self.file_buttons):
            part.show()
        self.player.setVisible(not missing)
        for deed, button in self.buttons.items():
            button.setVisible(missing == (deed in (Deed.FIND, Deed.REMOVE)))
        self.buttons[Deed.FOLDER].setVisible(True)
        self.show_frames(self.frames)
        if missing:
            self._say(
                "warn",
                tr("The file is not where it was"),
                tr("It was moved, deleted, or its drive is not connected. Its settings are kept here.")
                if entry.has_recipe
                else tr("It was moved, deleted, or its drive is not connected."),
            )
        elif entry.state == VideoState.DAMAGED:
            more = entry.damage if entry.has_recipe else f"{entry.damage} {words.no_recipe(entry)}"
            self._say("warn", tr("This video is damaged"), more)
        elif not entry.has_recipe:
            self._say("info", tr("No recipe"), words.no_recipe(entry))
        self.fit(self._width_px)

    def _say(self, kind: str, title: str, more: str = "") -> None:
        """Show a notice below the player; none for an empty kind."""
        if not kind:
            self._put(None)
            return
        notice = Notice(kind, title, more, parent=self)
        notice.words.setTextFormat(Qt.TextFormat.PlainText)
        notice.words.setText(breakable(more))
        self._put(notice)

    def _put(self, shown: Notice | ErrorCard | None) -> None:
        if self._said is not None:
            self._notice_place.removeWidget(self._said)
            self._said.hide()
            self._said.deleteLater()
        self._said = shown
        if shown is not None:
            self._notice_place.addWidget(shown)
        if not isinstance(shown, ErrorCard):
            self.card = None

    def said(self) -> str:
        """The title of the notice or error that is shown; empty for none."""
        match self._said:
            case Notice():
                return self._said.title.text()
            case ErrorCard():
                return self._said.text.title
            case _:
                return ""

    @Slot()
    def _on_tags(self) -> None:
        if self.entry is None:
            return
        tags = [tag.strip() for tag in self.tags.text().split(",") if tag.strip()]
        if tuple(tags) != self.entry.tags:
            self.tags_requested.emit(tags)

    @Slot()
    def _on_deed(self) -> None:
        self.deed_requested.emit(str(self.sender().property("deed")))

    @Slot(str)
    def _on_failed(self, reason: str) -> None:
        can_repeat = tr("Make it again with “Use these settings”, or delete it.")
        hint = can_repeat if self.recipe is not None else tr("Open it with another program, or delete it.")
        self.error_found.emit(VideoUnreadableError(tr("{reason}.", reason=reason), hint=hint))

    @Slot()
    def _on_play_again(self) -> None:
        if self.entry is not None:
            self._put(None)
            self.player.show()
            self.player.open(self.entry.path)
