"""The window."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QWidget

from wan_desktop.ui import text
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.page import Page, PageId
from wan_desktop.ui.sidebar import Sidebar
from wan_desktop.ui.theme import icon_pixmap, look

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QCloseEvent, QPaintEvent, QResizeEvent
    from PySide6.QtWidgets import QMessageBox, QPushButton

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.engine_client import EngineState
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.settings import Theme
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.theme import ThemeManager

MINIMUM = (1100, 640)
_USUAL = (1440, 900)
_WIDE_FROM_PX = 1366
_PC_CARD_MS = 10_000
"""How often the card in the sidebar is looked at anew; its page looks more often."""


class MainWindow(QFrame):
    """Sidebar and pages.

    It is made without a session, shows itself, says so with `first_painted`, and only then is given what it works with.
    Create is there from the beginning; the other pages are made when they are asked for.
    """

    first_painted = Signal()
    closed = Signal()

    def __init__(self, theme: ThemeManager, *, remember_form: bool = True) -> None:
        super().__init__()
        self.setObjectName("window")
        self._theme = theme
        self._session: Session | None = None
        self._painted = False
        self._closing = False
        self._question: QMessageBox | None = None
        self._stop_and_quit: QPushButton | None = None
        self.pages: dict[PageId, QWidget] = {}
        """Those that were made."""
        self._build_ui(remember_form=remember_form)
        self._connect()

    def attach(self, session: Session, load_model: Callable[[], Model]) -> None:
        """Begin to work with that session; `load_model` runs on a lane."""
        self._session = session
        session.engine_changed.connect(self._on_engine_changed)
        session.pc.changed.connect(self._on_pc_changed)
        session.pc.watch(self, _PC_CARD_MS)
        self.create.attach(session, load_model)

    def show_page(self, page: PageId, target: object = None) -> None:
        """Bring a page to the front, and let it show what was asked for."""
        if self._session is None and page is not PageId.CREATE:
            return  # in the first moments, before there is anything to show
        widget = self.pages.get(page) or self._make_page(page)
        self.stack.setCurrentWidget(widget)
        self.sidebar.show_page(page)
        if isinstance(widget, Page):
            if target is not None:
                widget.show_target(target)
            widget.focus_first()
        else:
            self.create.focus_prompt()

    @property
    def page_id(self) -> PageId:
        """Which page is in front."""
        current = self.stack.currentWidget()
        return next(name for name, widget in self.pages.items() if widget is current)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Notice the first paint."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self._on_painted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the sidebar in narrow windows."""
        super().resizeEvent(event)
        self.sidebar.set_compact(self.width() < _WIDE_FROM_PX)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask while a video is being made; else end."""
        if self.create.rendering and not self._closing:
            event.ignore()
            self._ask_before_closing()
            return
        self._closing = True
        self.close_down()
        super().closeEvent(event)
        self.closed.emit()

    def close_down(self) -> None:
        """Let every page keep what is unsaved; safe to call again."""
        self.create.close_down()
        for page in self.pages.values():
            if isinstance(page, Page):
                page.close_down()

    def _build_ui(self, *, remember_form: bool) -> None:
        self.setWindowTitle(text.window_title(None))
        self.setMinimumSize(*MINIMUM)
        available = self.screen().availableGeometry() if self.screen() is not None else None
        width, height = _USUAL
        if available is not None:
            width, height = min(width, available.width()), min(height, available.height())
        self.resize(max(width, MINIMUM[0]), max(height, MINIMUM[1]))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.sidebar = Sidebar(self)
        self.stack = QStackedWidget(self)
        self.create = CreatePage(self, remember=remember_form)
        self.pages[PageId.CREATE] = self.create
        self.stack.addWidget(self.create)
        layout.addWidget(self.sidebar)
        layout.addWidget(self.stack, 1)

    def _connect(self) -> None:
        self.sidebar.page_requested.connect(self.show_page)
        self.sidebar.start_engine_requested.connect(self._on_start_engine)
        self._theme.theme_changed.connect(self._on_theme_changed)
        self.create.percent_changed.connect(self._on_percent_changed)
        self.create.render_ended.connect(self._on_render_ended)

    def _make_page(self, name: PageId) -> Page:
        from wan_desktop.ui.page_makers import make_page  # noqa: PLC0415 - after the first paint

        assert self._session is not None
        page = make_page(name, self._session, self._theme, self.stack)
        page.page_requested.connect(self.show_page)
        self.pages[name] = page
        self.stack.addWidget(page)
        return page

    def _add_shortcuts(self) -> None:
        from PySide6.QtGui import QKeySequence, QShortcut  # noqa: PLC0415 - after the first paint

        wishes = {
            "Ctrl+Return": self.create.footer.generate.click,
            "Ctrl+Enter": self.create.footer.generate.click,
            "Ctrl+L": self._on_prompt,
            "F5": self._on_refresh,
            "Ctrl+F": self._on_find,
            "F6": self._on_next_area,
            "Shift+F6": self._on_previous_area,
        }
        numbered = [page for page in PageId if page not in (PageId.SETTINGS, PageId.HELP)]
        keys_of_pages = {f"Ctrl+{number}": page for number, page in enumerate(numbered, 1)}
        keys_of_pages |= {"Ctrl+,": PageId.SETTINGS, "F1": PageId.HELP}
        wishes |= {keys: functools.partial(self.show_page, page) for keys, page in keys_of_pages.items()}
        for keys, slot in wishes.items():
            QShortcut(QKeySequence(keys), self).activated.connect(slot)

    def _show_icon(self) -> None:
        self.setWindowIcon(icon_pixmap("film", look().color("link"), 32))

    def _ask_before_closing(self) -> None:
        if self._question is not None:
            return
        from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint
        from PySide6.QtWidgets import QMessageBox  # noqa: PLC0415 - rarely needed

        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(text.APP)
        box.setText("A video is being made.")
        box.setInformativeText("If you quit now, it is stopped and what has been made of it is lost.")
        self._stop_and_quit = box.addButton("Stop and quit", QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton("Keep going", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        box.finished.connect(self._on_answered)
        self._question = box
        box.open()

    @Slot(int)
    def _on_answered(self, _code: int) -> None:
        box, self._question = self._question, None
        if box is not None and box.clickedButton() is self._stop_and_quit:
            self._closing = True
            self.create.stop()
            self.close()

    @Slot(object)
    def _on_theme_changed(self, _theme: Theme) -> None:
        self._show_icon()

    @Slot()
    def _on_painted(self) -> None:
        self.first_painted.emit()
        self.sidebar.restyle()
        self._show_icon()
        self._add_shortcuts()
        self._theme.tell_system()

    @Slot(object)
    def _on_percent_changed(self, percent: int | None) -> None:
        self.setWindowTitle(text.window_title(percent))

    @Slot(object)
    def _on_render_ended(self, _outcome: object) -> None:
        if self._question is not None:
            self._question.reject()  # there is nothing left to ask about

    @Slot(object)
    def _on_engine_changed(self, state: EngineState) -> None:
        self.sidebar.pc.show_state(state)

    @Slot(object)
    def _on_pc_changed(self, profile: HardwareProfile) -> None:
        if self._session is not None and self._session.pc.card is not None:
            self.sidebar.pc.show_pc(profile, self._session.pc.card)

    @Slot()
    def _on_start_engine(self) -> None:
        if self._session is not None:
            self._session.start_engine()

    @Slot()
    def _on_prompt(self) -> None:
        self.show_page(PageId.CREATE)

    @Slot()
    def _on_refresh(self) -> None:
        page = self.stack.currentWidget()
        if isinstance(page, Page):
            page.refresh()

    @Slot()
    def _on_find(self) -> None:
        page = self.stack.currentWidget()
        if isinstance(page, Page):
            page.find()

    @Slot()
    def _on_next_area(self) -> None:
        """Move the focus on: sidebar, the page's areas, sidebar."""
        self._move_focus(1)

    @Slot()
    def _on_previous_area(self) -> None:
        self._move_focus(-1)

    def _move_focus(self, step: int) -> None:
        from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

        page = self.stack.currentWidget()
        own = page.areas() if isinstance(page, Page) else (self.create.column, self.create.stage)
        areas = (self.sidebar, *own)
        focused = self.focusWidget()
        current = next((i for i, area in enumerate(areas) if focused is not None and area.isAncestorOf(focused)), -1)
        for offset in range(1, len(areas) + 1):
            area = areas[(current + step * offset) % len(areas)]
            target = next(
                (w for w in area.findChildren(QWidget) if w.isVisible() and w.isEnabled() and _takes_tab(w)), None
            )
            if target is not None:
                target.setFocus(Qt.FocusReason.TabFocusReason)
                return


def _takes_tab(widget: QWidget) -> bool:
    from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
