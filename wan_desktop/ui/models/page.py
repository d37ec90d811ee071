"""The Models page: brings list, details and what can be done together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.model_list import Deed, Standing, list_parts
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.words import tr, trn
from wan_desktop.ui import text
from wan_desktop.ui.models import words
from wan_desktop.ui.models.deeds import ModelDeeds
from wan_desktop.ui.models.details import DetailsPane
from wan_desktop.ui.models.empty import EmptyList
from wan_desktop.ui.models.first import FirstModel
from wan_desktop.ui.models.list import ModelList
from wan_desktop.ui.models.notices import NoticeBar
from wan_desktop.ui.models.search import SearchBar
from wan_desktop.ui.models.trash_dialog import removed_button_words
from wan_desktop.ui.page import SPEED_TEST, Page, PageId
from wan_desktop.ui.shortcuts import Action, listen
from wan_desktop.ui.turns import next_turn
from wan_desktop.ui.widgets.controls import Button, announce

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_desktop.core.model_offers import Group, ModelOffer
    from wan_desktop.ui.session import Session

_PC_MS = 5000


class ModelsPage(Page):
    """Find, download, check, repair and remove models.

    Args:
        session: What the window works with.
        parent: Its parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Models"), session, parent)
        self._models = session.models
        self._unfolded: set[Group] = set()
        self._quarters: dict[ModelKey, int] = {}
        self._wanted: ModelKey | None = None
        self._has_chosen = False
        """Somebody chose a model; until then the first is shown, which becomes another when the PC is known."""
        self.subtitle.setWordWrap(True)
        self._build_head()
        self.notices = NoticeBar(self)
        self.page_layout.addWidget(self.notices)
        self.first = FirstModel(self)
        self.page_layout.addWidget(self.first)
        self.search = SearchBar(self)
        self.page_layout.addWidget(self.search)
        body = QHBoxLayout()
        body.setSpacing(18)
        self._build_list(body)
        self.details = DetailsPane(self._models, self)
        self.details.hide()
        body.addWidget(self.details, 12)
        self.page_layout.addLayout(body, 1)
        self._connect()
        self._show_head()
        next_turn(self, self._show_list)  # a pause less: page and list are some 50 ms each

    # The page ----------------------------------------------------------------------------------------------------

    def show_target(self, target: object) -> None:
        """Show that model (a ModelKey), or search for those words."""
        if isinstance(target, ModelKey):
            self.search.clear()
            self._wanted = target
            self._show_list()
            self._show_details()
        elif isinstance(target, str):
            self.search.set_text(target)

    def focus_first(self) -> None:
        """Into the search field."""
        self.search.field.setFocus(Qt.FocusReason.TabFocusReason)

    def refresh(self) -> None:
        """Look at everything again."""
        self._models.look_again()

    def focus_search(self) -> None:
        """Into the search field."""
        self.search.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.field.selectAll()

    def areas(self) -> Sequence[QWidget]:
        """Search, list, details."""
        return (self.search, self.list_area, self.details)

    def page_shown(self) -> None:
        """Watch the PC, whose free memory decides what fits."""
        self.session.pc.watch(self, _PC_MS)

    def page_hidden(self) -> None:
        """Stop watching."""
        self.session.pc.unwatch(self)

    @property
    def selected(self) -> ModelKey | None:
        """The model whose details are shown."""
        return self.list.selected

    def _build_head(self) -> None:
        self.add_folder = Button(tr("Add from folder"), self, icon_name="folder-open")
        self.check_all = Button(tr("Check all files"), self, icon_name="shield-check")
        self.add_repository = Button(tr("Add repository"), self, icon_name="plus")
        for button in (self.add_folder, self.check_all, self.add_repository):
            self.head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def _build_list(self, body: QHBoxLayout) -> None:
        column = QVBoxLayout()
        self.list_area = QScrollArea(self)
        self.list_area.setWidgetResizable(True)
        self.list = ModelList(self._standing, self.list_area)
        self.list_area.setWidget(self.list)
        self.empty = EmptyList(self)
        self.empty.hide()
        column.addWidget(self.list_area, 1)
        column.addWidget(self.empty, 1)
        self.removed = Button("", self, kind="link", icon_name="trash-2")
        self.removed.hide()
        column.addWidget(self.removed, 0, Qt.AlignmentFlag.AlignLeft)
        body.addLayout(column, 11)

    def _connect(self) -> None:
        self.deeds = ModelDeeds(self._models, self.notices, self.session.messages, self)
        self.deeds.page_requested.connect(self.page_requested)
        self.deeds.shown.connect(self._on_shown)
        self.deeds.storage_requested.connect(self.details.show_storage)
        self.add_folder.clicked.connect(self.deeds.choose_folder)
        self.check_all.clicked.connect(self.deeds.check_all)
        self.add_repository.clicked.connect(self.deeds.choose_repository)
        self.removed.clicked.connect(self.deeds.show_trash)
        self.search.changed.connect(self._show_list)
        self.list.chosen.connect(self._on_chosen)
        self.list.entered.connect(self._on_entered)
        self.list.deed_requested.connect(self.deeds.do)
        self.list.unfold_requested.connect(self._on_unfold)
        self.details.deed_requested.connect(self.deeds.do)
        self.details.token_given.connect(self._on_token)
        self.details.report.change_requested.connect(self.deeds.change)
        self.details.report.test_requested.connect(self._on_test)
        self.empty.show_all_requested.connect(self.search.clear)
        self.first.download_requested.connect(self.deeds.do)
        self.first.folder_requested.connect(self.deeds.choose_folder)
        self._models.changed.connect(self._on_changed)
        self._models.catalog_changed.connect(self._show_all)
        listen(self.list_area, Action.DELETE, self._on_delete)
        listen(self, Action.UNDO, self.deeds.undo)

    # Showing -----------------------------------------------------------------------------------------------------

    def _standing(self, offer: ModelOffer) -> Standing:
        now = self._models.offer(offer.key) or offer
        key = offer.key
        return Standing(now, self._models.activity(key), self._models.error(key), self._models.remote(key))

    @Slot()
    def _show_all(self) -> None:
        self._show_head()
        self._show_list()

    def _show_head(self) -> None:
        storage = self._models.storage()
        ready = sum(1 for offer in self._models.ready() if not offer.is_built_in)
        parts = [trn("{count} ready on this PC", "{count} ready on this PC", ready)]
        if storage:
            used_bytes = sum(each.used_bytes for each in storage)
            parts.append(tr("{size} used", size=text.data_size(used_bytes)))
        for drive in storage:
            if drive.free_bytes is not None:
                free = text.data_size(drive.free_bytes)
                parts.append(tr("{size} free on {drive}", size=free, drive=drive.name))
        self.set_subtitle(text.dotted(parts) if self._models.offers() else tr("Looking at the models"))
        self.subtitle.setToolTip("\n".join(str(folder.root) for drive in storage for folder in drive.folders))
        self.details.facts.show_storage(storage)
        self._show_removed()
        self.first.show_for(self._models.offers(), self._card_name())
        self.notices.show_activity(self._models.activity(None))
        is_free = self._models.activity(None) is None and self._models.manager is not None
        for button in (self.add_folder, self.add_repository):
            button.setEnabled(is_free)
        has_own = any(offer.is_on_pc and not offer.is_built_in for offer in self._models.offers())
        self.check_all.setEnabled(is_free and has_own)

    def _show_removed(self) -> None:
        trashed = self._models.trashed()
        self.removed.setVisible(bool(trashed))
        self.removed.setText(removed_button_words(trashed))

    @Slot()
    def _show_list(self) -> None:
        offers = self._models.offers()
        busy = [offer.key for offer in offers if self._models.activity(offer.key) is not None]
        chosen = self.list.selected if self._has_chosen else None
        pinned = [key for key in (self._wanted, chosen) if key is not None]
        parts = list_parts(
            offers, self.search.filter, self.search.text, busy=busy, pinned=pinned, unfolded=self._unfolded
        )
        self.list.show_parts(parts, self._card_name())
        shown = [offer for part in parts for offer in part.shown]
        self.empty.show_for(offers, self.search.filter, self.search.text, bool(shown))
        self.list_area.setVisible(bool(shown))
        self._choose([offer.key for offer in shown])

    def _choose(self, keys: list[ModelKey]) -> None:
        """Keep the chosen model, or choose the first."""
        wanted = self.list.selected if self._has_chosen else None
        if self._wanted in keys:
            wanted, self._has_chosen = self._wanted, True
        key = wanted if wanted in keys else next(iter(keys), None)
        if self._wanted in keys:
            self._wanted = None
        self.list.select(key)
        next_turn(self, self._show_details)  # a pause less: list and details are some 40 ms each

    def _show_details(self) -> None:
        offer = self._models.offer(self.list.selected) if self.list.selected is not None else None
        self.details.setVisible(offer is not None)
        if offer is not None:
            self.details.show_standing(self._standing(offer))

    def _card_name(self) -> str:
        card = self.session.pc.card
        if card is None or card.gpu is None or not card.computes:
            return ""
        name = card.gpu.name
        for word in ("NVIDIA", "GeForce", "Quadro"):
            name = name.replace(word, "")
        return " ".join(name.split())

    @Slot(object)
    def _on_changed(self, key: ModelKey | None) -> None:
        if key is None:
            self._show_head()
            self.list.update_standings()
            self._show_details()
            return
        self._show_head()
        if self.list.card(key) is None and self._models.activity(key) is not None:
            self._show_list()
        self.list.update_standings(key)
        self._announce_progress(key)
        if key == self.list.selected:
            self._show_details()

    def _announce_progress(self, key: ModelKey) -> None:
        """Say 25, 50 and 75 % of a download, once each."""
        activity = self._models.activity(key)
        if activity is None or activity.kind is not ActivityKind.DOWNLOAD:
            self._quarters.pop(key, None)
            return
        quarter = int(4 * activity.part)
        before = self._quarters.setdefault(key, quarter)
        if quarter > before:
            self._quarters[key] = quarter
            offer = self._models.offer(key)
            if offer is not None and self.isVisible():
                spoken = tr("{name}: {percent} %", name=words.title(offer), percent=25 * quarter)
                announce(self, spoken, topic=f"download of {key}")

    # What is clicked ---------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_chosen(self, _key: ModelKey) -> None:
        self._has_chosen = True
        self._show_details()

    @Slot(object)
    def _on_entered(self, _key: ModelKey) -> None:
        self.details.focus_first()

    @Slot(object)
    def _on_unfold(self, group: Group) -> None:
        self._unfolded.add(group)
        self._show_list()

    @Slot(object)
    def _on_shown(self, key: ModelKey) -> None:
        self._wanted = key
        self.search.clear()

    @Slot(object, str)
    def _on_token(self, key: ModelKey, token: str) -> None:
        self._models.use_token(token, key)

    @Slot()
    def _on_test(self) -> None:
        self.page_requested.emit(PageId.THIS_PC, SPEED_TEST)

    @Slot()
    def _on_delete(self) -> None:
        card = self.list.card(self.list.selected) if self.list.selected is not None else None
        button = self.details.button(Deed.REMOVE)
        if card is not None and card.hasFocus() and button.isVisible():
            button.click()
