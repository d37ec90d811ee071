"""The window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout

from wan_desktop.ui import text
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.page import SHOW_ENGINE, Page, PageId
from wan_desktop.ui.sidebar import WIDE_PX, Sidebar
from wan_desktop.ui.theme import look
from wan_desktop.ui.turns import next_turn
from wan_desktop.ui.widgets.controls import draw_icons
from wan_desktop.ui.window_geometry import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QCloseEvent, QPaintEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.engine_client import EngineState
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.render_queue import QueueSnapshot
    from wan_desktop.core.settings import Theme
    from wan_desktop.core.window_place import WindowPlace
    from wan_desktop.ui.banner import Banners
    from wan_desktop.ui.closing import Answer, CloseQuestion
    from wan_desktop.ui.queue.link import QueueLink
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.shell import Shell
    from wan_desktop.ui.telling import Telling
    from wan_desktop.ui.theme import ThemeManager
    from wan_desktop.ui.widgets.toast import ToastStack
    from wan_desktop.ui.windows_shell import Libraries
    from wan_desktop.ui.wizard.wizard import Wizard

MINIMUM = (1100, 640)
_OF_LARGE_TEXT = (1280, 672)
"""The smallest size at a text size of 150 %: what a screen of 1920 x 1080 leaves at a zoom of 150 %."""
_USUAL = (1440, 900)
_WIDE_FROM_PX = 1366
_PC_CARD_MS = 10_000
"""How often the card in the sidebar is looked at anew; its page looks more often."""


class MainWindow(QFrame):
    """Sidebar and pages.

    It is made without a session, shows itself, says so with `first_painted`, and only then is given what it works with.
    Create is there from the beginning; the other pages are made when they are asked for.

    Args:
        theme: Its colours.
        remember_form: What stands in the form is kept.
        place: Where it was; None for the usual place.
        libraries: Windows'; None elsewhere.
    """

    create: CreatePage  # type: ignore[assignment]  # QWidget has a method of that name, which nobody calls
    first_painted = Signal()
    closed = Signal()
    recipe_dropped = Signal(object)
    """The Path of a file that may bring the settings of a video: it was dropped, or named at the start."""

    def __init__(
        self,
        theme: ThemeManager,
        *,
        remember_form: bool = True,
        place: WindowPlace | None = None,
        libraries: Libraries | None = None,
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        self._theme = theme
        self._libraries = libraries
        self._session: Session | None = None
        self._painted = False
        self._closing = False
        self._percent: int | None = None
        # Made when there is a session.
        self.banners: Banners | None = None
        self.shell: Shell | None = None
        self.question: CloseQuestion | None = None
        self.queue: QueueLink | None = None
        self.toasts: ToastStack | None = None
        self.telling: Telling | None = None
        self.wizard: Wizard | None = None
        """While it is open."""
        self.pages: dict[PageId, QWidget] = {}
        """Those that were made."""
        self._build_ui(remember_form=remember_form)
        self._connect()
        self._maximized = put(self, place, _USUAL, _minimum())

    def attach(self, session: Session, load_model: Callable[[], Model]) -> None:
        """Begin to work with that session; `load_model` runs on a lane."""
        from wan_desktop.ui.banner import Banners  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.closing import CloseQuestion  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.help_links import HelpLinks  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.queue.link import QueueLink  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.shell import Shell  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.telling import Telling  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.update_question import UpdateQuestion  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.widgets.toast import ToastStack  # noqa: PLC0415 - after the first paint

        self._session = session
        session.engine_changed.connect(self._on_engine_changed)
        session.pc.changed.connect(self._on_pc_changed)
        session.pc.watch(self, _PC_CARD_MS)
        self.banners = Banners(session, self._right, self)
        self.banners.page_requested.connect(self.show_page)
        self.banners.target_requested.connect(self.show_page)
        self.question = CloseQuestion(self)
        self.question.answered.connect(self._on_close_answered)
        self.shell = Shell(self, session, self._libraries)
        self.shell.page_requested.connect(self._on_notification)
        self.shell.window_requested.connect(self.bring_up)
        self.shell.quit_requested.connect(self._on_quit_requested)
        self.recipe_dropped.connect(self._on_recipe_dropped)
        self.create.attach(session, load_model)
        self.queue = QueueLink(session, self.create, self.sidebar.nav[PageId.QUEUE], self._right, self)
        self.queue.notice_changed.connect(self.banners.stand_aside)
        self.queue.page_requested.connect(self.show_page)
        self.queue.when_done.window_wanted.connect(self.bring_up)
        session.renders.changed.connect(self._on_queue_changed)
        session.renders.pause.changed.connect(self._on_pause_changed)
        self.toasts = ToastStack(self, session.messages)
        self.stack.currentChanged.connect(self.toasts.place_soon)
        self.telling = Telling(self, session)
        self._update_question = UpdateQuestion(self, session.updates)
        HelpLinks(self).page_requested.connect(self.show_page)

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
            if target is not None:
                self.create.show_target(target)
            self.create.focus_prompt()

    @Slot()
    def open_wizard(self) -> None:
        """Set the program up, at the first start or again."""
        from wan_desktop.ui.wizard.wizard import Wizard  # noqa: PLC0415 - after the first paint

        if self._session is not None and self.wizard is None:
            self.wizard = Wizard(self._session, self)
            self.wizard.ended.connect(self._on_wizard_ended)
            self.wizard.open()

    @Slot()
    def close_now(self) -> None:
        """Close without a question: the user has answered it, or nothing is lost."""
        self._closing = True
        self.close()

    @property
    def session(self) -> Session | None:
        """What it works with; None in the first moments."""
        return self._session

    @property
    def page_id(self) -> PageId:
        """Which page is in front."""
        current = self.stack.currentWidget()
        return next(name for name, widget in self.pages.items() if widget is current)

    def show_first(self) -> None:
        """Show it as it was."""
        if self._maximized:
            self.showMaximized()
        else:
            self.show()

    @Slot()
    def bring_up(self) -> None:
        """Show it before all others, wherever it was."""
        from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

        self.show()
        self.setWindowState((self.windowState() & ~Qt.WindowState.WindowMinimized) | Qt.WindowState.WindowActive)
        self.raise_()
        self.activateWindow()
        if self.shell is not None:
            self.shell.come_back()

    @Slot(object)
    def take_call(self, file: Path | None) -> None:
        """The program was started again, perhaps with a file."""
        self.bring_up()
        if file is not None:
            self.recipe_dropped.emit(file)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Notice the first paint."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self._on_painted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the sidebar in narrow windows."""
        super().resizeEvent(event)
        self._fit_sidebar()

    def _fit_sidebar(self) -> None:
        extra = look().px(WIDE_PX) - WIDE_PX  # of larger text
        self.sidebar.set_compact(self.width() < _WIDE_FROM_PX + extra)

    def focusNextPrevChild(self, is_next: bool) -> bool:
        """Let Tab go as the window is read."""
        from wan_desktop.ui.widgets.tab_order import go_on  # noqa: PLC0415 - after the first paint

        return go_on(self, is_next=is_next) or super().focusNextPrevChild(is_next)

    def changeEvent(self, event: QEvent) -> None:
        """Notice that somebody looks."""
        super().changeEvent(event)
        shell: Shell | None = getattr(self, "shell", None)  # Qt calls it while the window is being made, too
        if shell is not None and self.isActiveWindow():
            shell.looked()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask while a video is being made; else end."""
        if self.create.rendering and not self._closing and self.question is not None:
            event.ignore()
            if not self.isVisible():
                self.bring_up()
            waiting = self.session.renders.snapshot.waiting if self.session is not None else ()
            self.question.ask(waiting=len(waiting))
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
        if self.shell is not None:
            self.shell.close()

    def _build_ui(self, *, remember_form: bool) -> None:
        self.setWindowTitle(text.window_title(None))
        self.setMinimumSize(*_minimum())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.sidebar = Sidebar(self)
        self.stack = QStackedWidget(self)
        self.create = CreatePage(self, remember=remember_form)
        self.pages[PageId.CREATE] = self.create
        self.stack.addWidget(self.create)
        layout.addWidget(self.sidebar)
        self._right = QVBoxLayout()
        self._right.setSpacing(0)
        self._right.addWidget(self.stack, 1)
        layout.addLayout(self._right, 1)

    def _connect(self) -> None:
        self.sidebar.page_requested.connect(self.show_page)
        self.sidebar.start_engine_requested.connect(self._on_start_engine)
        self._theme.theme_changed.connect(self._on_theme_changed)
        self.create.page_requested.connect(self.show_page)
        self.create.percent_changed.connect(self._on_percent_changed)
        self.create.render_ended.connect(self._on_render_ended)

    def _make_page(self, name: PageId) -> Page:
        from wan_desktop.ui.page_makers import make_page  # noqa: PLC0415 - after the first paint

        assert self._session is not None
        page = make_page(name, self._session, self._theme, self.stack)
        page.page_requested.connect(self.show_page)
        page.setup_requested.connect(self.open_wizard)
        self.pages[name] = page
        self.stack.addWidget(page)
        return page

    def _show_theme(self) -> None:
        from wan_desktop.ui.icons import icon_pixmap  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.windows_shell import set_dark_title_bar  # noqa: PLC0415 - after the first paint

        self.setWindowIcon(icon_pixmap("film", look().color("link"), 32))
        set_dark_title_bar(self._libraries, int(self.winId()), dark=self._theme.dark)

    @Slot()
    def _on_painted(self) -> None:
        self.first_painted.emit()
        draw_icons()
        next_turn(self, self._make_ready)

    @Slot()
    def _make_ready(self) -> None:
        """Do what could wait for the first paint."""
        from wan_desktop.ui.dropping import RecipeDrops  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.window_keys import WindowKeys  # noqa: PLC0415 - after the first paint

        self.sidebar.restyle()
        self._show_theme()
        WindowKeys(self)
        drops = RecipeDrops(self)
        drops.dropped.connect(self.recipe_dropped)
        drops.refused.connect(self._on_drop_refused)
        self._theme.tell_system()

    @Slot(object)
    def _on_close_answered(self, answer: Answer) -> None:
        from wan_desktop.ui.closing import Answer  # noqa: PLC0415 - after the first paint

        if answer is Answer.KEEP_RUNNING and self.shell is not None:
            self.shell.send_to_background()
        elif answer is Answer.STOP_AND_QUIT:
            self._closing = True
            self.close()

    @Slot(bool)
    def _on_wizard_ended(self, make_video: bool) -> None:
        self.wizard = None
        self.show_page(PageId.CREATE)
        if make_video:
            self.create.make_sample()

    @Slot()
    def _on_quit_requested(self) -> None:
        if self.close():
            QApplication.quit()  # a hidden window that closes is not the last one for Qt

    @Slot(object, object)
    def _on_notification(self, page: PageId, target: object) -> None:
        self.bring_up()
        self.show_page(page, target)

    @Slot(object)
    def _on_recipe_dropped(self, path: Path) -> None:
        self.show_page(PageId.LIBRARY, path)

    @Slot(str, str)
    def _on_drop_refused(self, why: str, words: str) -> None:
        if self._session is not None:
            self._session.messages.say("info", why, words)

    @Slot(object)
    def _on_theme_changed(self, _theme: Theme) -> None:
        self._show_theme()
        self.setMinimumSize(*_minimum())
        self._fit_sidebar()

    @Slot(object)
    def _on_percent_changed(self, percent: int | None) -> None:
        self._percent = percent
        self._on_pause_changed()
        if self.shell is not None:
            self.shell.show_render(rendering=self.create.rendering, percent=percent)

    @Slot()
    def _on_pause_changed(self) -> None:
        paused = self._session is not None and self._session.renders.pause.is_paused
        self.setWindowTitle(text.window_title(self._percent, paused=paused))
        work = text.work_words(paused=paused) if self.create.rendering else ""
        self.sidebar.pc.show_work(work)

    @Slot(object)
    def _on_render_ended(self, _outcome: object) -> None:
        self._on_pause_changed()
        if self.shell is not None:
            self.shell.show_render(rendering=self.create.rendering)

    @Slot(object)
    def _on_queue_changed(self, now: QueueSnapshot) -> None:
        if self.question is not None and not (self.create.rendering or now.running):
            self.question.take_back()

    @Slot(object)
    def _on_engine_changed(self, state: EngineState) -> None:
        self.sidebar.pc.show_state(state)

    @Slot(object)
    def _on_pc_changed(self, profile: HardwareProfile) -> None:
        if self._session is not None and self._session.pc.card is not None:
            self.sidebar.pc.show_pc(profile, self._session.pc.card)

    @Slot()
    def _on_start_engine(self) -> None:
        if self._session is None:
            return
        if self._session.runtime.can_render:
            self._session.start_engine()
        else:
            self.show_page(PageId.HELP, SHOW_ENGINE)


def _minimum() -> tuple[int, int]:
    """The window's smallest width and height for text of this size."""
    part = max(0.0, look().scale - 1) / 0.5
    width, height = (round(least + part * (more - least)) for least, more in zip(MINIMUM, _OF_LARGE_TEXT, strict=True))
    return width, height
