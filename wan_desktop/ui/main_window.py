"""The window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from wan_desktop.ui import text
from wan_desktop.ui.create.page import CreatePage
from wan_desktop.ui.sidebar import Sidebar
from wan_desktop.ui.theme import icon_pixmap, look

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QCloseEvent, QPaintEvent, QResizeEvent
    from PySide6.QtWidgets import QMessageBox, QPushButton

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.engine_client import EngineState
    from wan_desktop.core.settings import Theme
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.theme import ThemeManager

MINIMUM = (1100, 640)
_USUAL = (1440, 900)
_WIDE_FROM_PX = 1366


class MainWindow(QFrame):
    """Sidebar and page.

    It is made without a session, shows itself, says so with `first_painted`, and only then is given what it works with.
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
        self._build_ui(remember_form=remember_form)
        self._connect()

    def attach(self, session: Session, load_model: Callable[[], Model]) -> None:
        """Begin to work with that session; `load_model` runs on a lane."""
        self._session = session
        session.engine_changed.connect(self._on_engine_changed)
        self.page.attach(session, load_model)

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
        if self.page.rendering and not self._closing:
            event.ignore()
            self._ask_before_closing()
            return
        self._closing = True
        self.page.close_down()
        super().closeEvent(event)
        self.closed.emit()

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
        self.sidebar = Sidebar(self._theme.theme, self)
        self.page = CreatePage(self, remember=remember_form)
        layout.addWidget(self.sidebar)
        layout.addWidget(self.page, 1)

    def _connect(self) -> None:
        self.sidebar.create_requested.connect(self.page.focus_prompt)
        self.sidebar.start_engine_requested.connect(self._on_start_engine)
        self.sidebar.theme_requested.connect(self._on_theme_requested)
        self._theme.theme_changed.connect(self._on_theme_changed)
        self.page.percent_changed.connect(self._on_percent_changed)
        self.page.render_ended.connect(self._on_render_ended)

    def _add_shortcuts(self) -> None:
        from PySide6.QtGui import QKeySequence, QShortcut  # noqa: PLC0415 - after the first paint

        wishes = {
            "Ctrl+Return": self.page.footer.generate.click,
            "Ctrl+Enter": self.page.footer.generate.click,
            "Ctrl+L": self.page.focus_prompt,
            "F6": self._on_next_area,
        }
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
            self.page.stop()
            self.close()

    @Slot(object)
    def _on_theme_changed(self, theme: Theme) -> None:
        self.sidebar.show_theme(theme)
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
        self.sidebar.engine.show_state(state)

    @Slot()
    def _on_start_engine(self) -> None:
        if self._session is not None:
            self._session.start_engine()

    @Slot(object)
    def _on_theme_requested(self, theme: Theme) -> None:
        self._theme.set_theme(theme)
        if self._session is not None:
            self._session.change_settings(self._session.settings.with_changes(theme=theme))

    @Slot()
    def _on_next_area(self) -> None:
        """Move the focus on: sidebar, form, stage, sidebar."""
        from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

        areas = (self.sidebar, self.page.column, self.page.stage)
        focused = self.focusWidget()
        current = next((i for i, area in enumerate(areas) if focused is not None and area.isAncestorOf(focused)), -1)
        for offset in range(1, len(areas) + 1):
            area = areas[(current + offset) % len(areas)]
            target = next(
                (w for w in area.findChildren(QWidget) if w.isVisible() and w.isEnabled() and _takes_tab(w)), None
            )
            if target is not None:
                target.setFocus(Qt.FocusReason.TabFocusReason)
                return


def _takes_tab(widget: QWidget) -> bool:
    from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
