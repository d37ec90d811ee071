"""The left edge of the window: the program's name, its pages, the engine, the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.settings import Theme
from wan_desktop.ui import text
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, IconLabel, label, restyle, set_role

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QMenu

    from wan_desktop.core.engine_client import EngineState

_WIDE_PX = 212
_COMPACT_PX = 64
_COMPACT_MARGIN = 8
_THEME_ICONS = {Theme.SYSTEM: "sun-moon", Theme.DARK: "moon", Theme.LIGHT: "sun"}


class EngineCard(QFrame):
    """How the render engine is."""

    start_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self._compact = False
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(4)
        top = QHBoxLayout()
        top.setSpacing(8)
        self.icon = IconLabel("microchip", "text2", 18, self)
        self.name = label("Engine", self, role="label")
        self.state = label("", self, role="caption")
        self.icon.setProperty("align", "center")
        top.addWidget(self.icon)
        top.addWidget(self.name)
        top.addStretch(1)
        top.addWidget(self.state)
        self._layout.addLayout(top)
        self.more = label("", self, role="value", wrap=True)
        self._layout.addWidget(self.more)
        self.start = Button("Start again", self, icon_name="power")
        self.start.clicked.connect(self.start_requested)
        self._layout.addWidget(self.start)
        self._show("Starting", "value", "text2", "")

    def set_compact(self, compact: bool) -> None:
        """Show the icon only."""
        self._compact = compact
        margin = (_COMPACT_PX - 2 * _COMPACT_MARGIN - look().px(18)) // 2 - 1 if compact else 12
        self._layout.setContentsMargins(margin, 10, margin, 10)
        self.name.setVisible(not compact)
        self.state.setVisible(not compact)
        self.more.setVisible(not compact and bool(self.more.text()))
        self.start.setText("" if compact else "Start again")
        self.start.setProperty("kind", "icon" if compact else "secondary")
        restyle(self.start)
        self.start.refresh_icon()

    def show_state(self, state: EngineState) -> None:
        """Show that state."""
        from wan_desktop.core.engine_client import EngineReady, EngineStopped  # noqa: PLC0415 - after the first paint

        match state:
            case EngineReady(ready):
                more = f"{text.device_name(ready.device)}{text.DOT}{text.threads(ready.threads)}"
                self._show("Ready", "ok", "ok", more)
            case EngineStopped(reason):
                self._show("Stopped", "bad", "bad", f"It stopped: {reason}." if reason else "", can_start=True)
            case _:
                self._show("Starting", "value", "text2", "")

    def _show(self, state: str, role: str, token: str, more: str, *, can_start: bool = False) -> None:
        self.state.setText(state)
        set_role(self.state, role)
        self.icon.show_icon("microchip", token)
        self.more.setText(more)
        self.more.setVisible(bool(more) and not self._compact)
        self.start.setVisible(can_start)
        spoken = f"Engine: {state}. {more}".strip()
        self.setAccessibleName(spoken)
        self.setToolTip(spoken)


class Sidebar(QFrame):
    """Pages and states; nothing that does not work."""

    create_requested = Signal()
    start_engine_requested = Signal()
    theme_requested = Signal(object)
    """A Theme."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self._compact: bool | None = None
        self._menu: QMenu | None = None
        self._build_ui()
        self.show_theme(theme)
        self.set_compact(False)

    def set_compact(self, compact: bool) -> None:
        """Icons only, for narrow windows."""
        if compact == self._compact:
            return
        self._compact = compact
        self.setFixedWidth(
            _COMPACT_PX if compact else look().px(_WIDE_PX) if look().scale < 1.2 else round(_WIDE_PX * 1.2)
        )
        margin = _COMPACT_MARGIN if compact else 12
        self._layout.setContentsMargins(margin, 14, margin, 12)
        self._head.setContentsMargins((_COMPACT_PX - 2 * margin - look().px(22)) // 2 if compact else 6, 0, 0, 12)
        self._name.setVisible(not compact)
        for button, words in ((self.nav_create, "Create"), (self.theme, self._theme_words)):
            button.setText("" if compact else words)
            button.setProperty("compact", compact)
            restyle(button)
            button.refresh_icon()
        self.engine.set_compact(compact)

    def restyle(self) -> None:
        """Let the style sheet see what was folded while the window was being shown."""
        for button in (self.nav_create, self.theme, self.engine.start):
            restyle(button)

    def show_theme(self, theme: Theme) -> None:
        """Show which theme is chosen."""
        self._theme_words = f"Theme: {text.theme_name(theme)}" if theme != Theme.SYSTEM else "Theme: System"
        self.theme.setText("" if self._compact else self._theme_words)
        self.theme.setAccessibleName(self._theme_words)
        self.theme.setToolTip(self._theme_words)
        self.theme.set_icon(_THEME_ICONS[theme])
        self._chosen = theme
        if self._menu is not None:
            for action in self._menu.actions():
                action.setChecked(action.data() == theme)

    def _build_ui(self) -> None:
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(6)
        self._head = head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(IconLabel("film", "link", 22, self))
        self._name = label(text.APP, self, role="app")
        head.addWidget(self._name, 1)
        self._layout.addLayout(head)
        self.nav_create = Button("Create", self, kind="nav", icon_name="clapperboard", name="Create")
        self.nav_create.setCheckable(True)
        self.nav_create.setChecked(True)
        self.nav_create.clicked.connect(self._on_create)
        self._layout.addWidget(self.nav_create)
        self._layout.addStretch(1)
        self._build_theme()
        self.engine = EngineCard(self)
        self.engine.start_requested.connect(self.start_engine_requested)
        self._layout.addWidget(self.theme)
        self._layout.addWidget(self.engine)

    def _build_theme(self) -> None:
        self.theme = Button("Theme", self, kind="nav", icon_name="sun-moon", name="Theme")
        self.theme.clicked.connect(self._on_theme_clicked)

    def _build_menu(self) -> QMenu:
        """Made when it is asked for: menus and actions cost time at the start."""
        from PySide6.QtGui import QAction, QActionGroup  # noqa: PLC0415
        from PySide6.QtWidgets import QMenu  # noqa: PLC0415

        menu = QMenu(self.theme)
        group = QActionGroup(menu)
        for theme in Theme:
            action = QAction(text.theme_name(theme), menu)
            action.setCheckable(True)
            action.setData(theme)
            group.addAction(action)
            action.setChecked(theme == self._chosen)
            menu.addAction(action)
        group.triggered.connect(self._on_theme)
        return menu

    @Slot()
    def _on_create(self) -> None:
        self.nav_create.setChecked(True)
        self.create_requested.emit()

    @Slot()
    def _on_theme_clicked(self) -> None:
        if self._menu is None:
            self._menu = self._build_menu()
        self._menu.popup(
            self.theme.mapToGlobal(self.theme.rect().topLeft()) - QPoint(0, self._menu.sizeHint().height() + 4)
        )

    @Slot(object)
    def _on_theme(self, action: QAction) -> None:
        self.theme_requested.emit(Theme(action.data()))
