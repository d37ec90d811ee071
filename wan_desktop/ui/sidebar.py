"""The left edge of the window: the program's name, its pages, the PC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.page import PageId
from wan_desktop.ui.pc_card import COMPACT_MARGIN, COMPACT_PX, PcCard
from wan_desktop.ui.shortcuts import Action, show_keys
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, IconLabel, label, restyle, rule

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QResizeEvent

WIDE_PX = 212
_PAGES = {
    PageId.CREATE: ("clapperboard", mark("Create")),
    PageId.QUEUE: ("list-video", mark("Queue")),
    PageId.LIBRARY: ("images", mark("Library")),
    PageId.MODELS: ("boxes", mark("Models")),
    PageId.THIS_PC: ("gauge", mark("This PC")),
    PageId.SETTINGS: ("settings", mark("Settings")),
    PageId.HELP: ("life-buoy", mark("Help & diagnostics")),
}
_RULE_BEFORE = PageId.SETTINGS


class NavButton(Button):
    """A page's button, with a pill for what waits there."""

    def __init__(self, page: PageId, parent: QWidget) -> None:
        icon_name, name = _PAGES[page]
        self.page, self._name = page, tr(name)
        # A lone ampersand would underline the letter after it.
        super().__init__(self._words, parent, kind="nav", icon_name=icon_name, name=self._name)
        self.setCheckable(True)
        self._pill = label("", self)
        self._pill.setObjectName("pill")
        self._pill.setProperty("align", "center")
        self._pill.hide()

    @property
    def pill(self) -> str:
        """What the pill says; empty without one."""
        return self._pill.text()

    def show_pill(self, words: str, *, spoken: str = "") -> None:
        """Show a count, or a dot for a blank; none if empty."""
        self._pill.setText(words)
        self._pill.setVisible(bool(words))
        self.setAccessibleName(f"{self._name}, {spoken}" if spoken else self._name)
        self._place_pill()

    def set_compact(self, compact: bool) -> None:
        """The icon only."""
        self.setText("" if compact else self._words)
        self.setProperty("compact", compact)
        restyle(self)
        self.refresh_icon()
        self._place_pill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the pill at the right end."""
        super().resizeEvent(event)
        self._place_pill()

    @property
    def _words(self) -> str:
        return self._name.replace("&", "&&")

    def _place_pill(self) -> None:
        height = look().px(18)
        width = max(height, self._pill.sizeHint().width()) if self._pill.text().strip() else look().px(8)
        height = height if self._pill.text().strip() else width
        margin = look().px(4 if self.property("compact") else 8)
        top = margin if self.property("compact") else (self.height() - height) // 2
        self._pill.setGeometry(self.width() - width - margin, top, width, height)


class Sidebar(QFrame):
    """Pages and states."""

    page_requested = Signal(object)
    """A PageId."""
    start_engine_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self._compact: bool | None = None
        self._scale = look().scale
        self._build_ui()
        self.set_compact(False)
        self.show_page(PageId.CREATE)

    def set_compact(self, compact: bool) -> None:
        """Icons only, for narrow windows."""
        if compact == self._compact:
            return
        self._compact, self._scale = compact, look().scale
        self.setFixedWidth(COMPACT_PX if compact else look().px(WIDE_PX))
        margin = COMPACT_MARGIN if compact else 12
        self._layout.setContentsMargins(margin, 14, margin, 12)
        self._head.setContentsMargins((COMPACT_PX - 2 * margin - look().px(22)) // 2 if compact else 6, 0, 0, 12)
        self._name.setVisible(not compact)
        for button in self.nav.values():
            button.set_compact(compact)
        self.pc.set_compact(compact)

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        compact = getattr(self, "_compact", None)
        if compact is not None and look().scale != self._scale:
            self._compact = None
            self.set_compact(compact)

    def restyle(self) -> None:
        """Let the style sheet see what was folded while the window was being shown, and name the keys of the pages."""
        for page, nav in self.nav.items():
            show_keys(nav, Action(page.value))
        for button in (*self.nav.values(), self.pc.start):
            restyle(button)

    def show_page(self, page: PageId) -> None:
        """Mark the page that is shown."""
        for name, button in self.nav.items():
            button.setChecked(name is page)

    def _build_ui(self) -> None:
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(6)
        self._head = head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(IconLabel("film", "link", 22, self))
        self._name = label(text.APP, self, role="app")
        head.addWidget(self._name, 1)
        self._layout.addLayout(head)
        self.nav: dict[PageId, NavButton] = {}
        for page in PageId:
            if page is _RULE_BEFORE:
                self._layout.addWidget(rule(self))
            button = self.nav[page] = NavButton(page, self)
            button.clicked.connect(self._on_nav)
            self._layout.addWidget(button)
        self._layout.addStretch(1)
        self.pc = PcCard(self)
        self.pc.start_requested.connect(self.start_engine_requested)
        self.pc.opened.connect(self._on_pc_opened)
        self._layout.addWidget(self.pc)

    @Slot()
    def _on_nav(self) -> None:
        button = self.sender()
        if isinstance(button, NavButton):
            button.setChecked(True)
            self.page_requested.emit(button.page)

    @Slot()
    def _on_pc_opened(self) -> None:
        self.page_requested.emit(PageId.THIS_PC)
