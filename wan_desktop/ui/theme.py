"""Colours, sizes and fonts of the window, dark and light, switched while it runs.

The look in use is asked for with `look()`, because painting code has no other way to know it; it is changed in one
place, by :class:`ThemeManager`.

This module, and all others that are imported before the first paint, leave the `Qt` namespace alone: touching it
makes PySide build a hundred enumerations, 20 ms of a start of 200. What only `Qt` can say is said in the style sheet
(`qproperty-...`), or later. For the same reason they make tuples with names instead of data classes, whose methods
Python writes and compiles at each start (2 ms for the tokens alone), and draw no icon (see icons.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette

from wan_desktop.core.paths import resources_folder
from wan_desktop.core.settings import Theme

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

FONT_FAMILIES = ("Inter", "Segoe UI Variable", "Segoe UI", "sans-serif")
_FONT_FILES = ("Inter-Regular.otf", "Inter-SemiBold.otf")
_DARK_BELOW = 128


class Tokens(NamedTuple):
    """The colours of one theme: text on its background has a contrast of at least 4.5, edges and fills 3."""

    bg: str
    side: str
    card: str
    raised: str
    field: str
    border: str
    strong: str
    text: str
    text2: str
    text3: str
    track: str
    accent: str
    accent_hover: str
    link: str
    sel: str
    ok: str
    ok_bg: str
    warn: str
    warn_bg: str
    bad: str
    bad_bg: str
    info: str
    info_bg: str
    idle: str
    idle_bg: str
    fill_ok: str
    fill_warn: str
    fill_bad: str
    fill_idle: str
    fill_2: str
    fill_3: str
    on_accent: str = "#ffffff"


DARK = Tokens(
    bg="#15171c",
    side="#0f1115",
    card="#1d2026",
    raised="#272b33",
    field="#121419",
    border="#30353f",
    strong="#747d8d",
    text="#eceef2",
    text2="#b3bac5",
    text3="#949ca9",
    track="#23272f",
    accent="#2f6beb",
    accent_hover="#2a61d8",
    link="#8fb4ff",
    sel="#22304f",
    ok="#5bd19a",
    ok_bg="#16302a",
    warn="#f2c14e",
    warn_bg="#352c17",
    bad="#ff8f8a",
    bad_bg="#3a1f21",
    info="#8fb4ff",
    info_bg="#1c2942",
    idle="#a7aeba",
    idle_bg="#2a2e36",
    fill_ok="#2fa873",
    fill_warn="#d49a1e",
    fill_bad="#e0625d",
    fill_idle="#7a8392",
    fill_2="#7aa4ff",
    fill_3="#a58bff",
)
LIGHT = Tokens(
    bg="#f4f5f8",
    side="#eaecf1",
    card="#ffffff",
    raised="#f0f2f6",
    field="#ffffff",
    border="#d9dde4",
    strong="#7c8592",
    text="#191c21",
    text2="#454d59",
    text3="#5f6875",
    track="#e9edf3",
    accent="#2458d6",
    accent_hover="#1d4bbd",
    link="#1f50c4",
    sel="#e2eafc",
    ok="#0d6b43",
    ok_bg="#dff4e9",
    warn="#7a4f00",
    warn_bg="#fdf0d2",
    bad="#ab1f18",
    bad_bg="#fde5e3",
    info="#1f50c4",
    info_bg="#e4ecfd",
    idle="#4b5360",
    idle_bg="#e8eaef",
    fill_ok="#1a8557",
    fill_warn="#b27a00",
    fill_bad="#c93a33",
    fill_idle="#7c8694",
    fill_2="#5081e5",
    fill_3="#8466de",
)


class Look(NamedTuple):
    """What is in use: the colours, and the factor on all text and control sizes."""

    tokens: Tokens = DARK
    scale: float = 1.0

    def px(self, size: float) -> int:
        """A size of the design, in logical pixels of this look."""
        return round(size * self.scale)

    def color(self, token: str) -> QColor:
        """The colour of that token."""
        return QColor(getattr(self.tokens, token))

    def font(self, size: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
        """A font of that design size."""
        font = QFont(list(FONT_FAMILIES))
        font.setPixelSize(self.px(size))
        font.setWeight(weight)
        return font


_current: list[Look] = [Look()]


def look() -> Look:
    """The look in use."""
    return _current[0]


def contrast(first: str, second: str) -> float:
    """Contrast of two colours as WCAG 2 defines it: 1 for equal ones, 21 for black on white."""
    high, low = sorted((_luminance(QColor(first)), _luminance(QColor(second))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: QColor) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF())


def load_fonts(folder: Path) -> None:
    """Make the bundled font known; without it the system's own is used."""
    for name in _FONT_FILES:
        QFontDatabase.addApplicationFont(str(folder / name))


def palette_of(tokens: Tokens) -> QPalette:
    """The palette for what the style sheet does not reach: menus, tool tips, native parts."""
    role = QPalette.ColorRole
    colors = {
        role.Window: tokens.bg,
        role.WindowText: tokens.text,
        role.Base: tokens.field,
        role.AlternateBase: tokens.card,
        role.Text: tokens.text,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.bad,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.PlaceholderText: tokens.text3,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Link: tokens.link,
        role.Accent: tokens.accent,
    }
    palette = QPalette()
    for name, value in colors.items():
        palette.setColor(name, QColor(value))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(tokens.text3))
    return palette


class ThemeManager(QObject):
    """Puts a theme on the application and follows the system where asked to.

    Args:
        application: Gets palette, font and style sheet; its style is Fusion (`-style Fusion`), on every system.
        theme: What to start with.
        scale: Factor on all text sizes.
    """

    theme_changed = Signal(object)

    def __init__(self, application: QApplication, theme: Theme, scale: float) -> None:
        super().__init__(application)
        self._application = application
        self._theme = theme
        self._scale = scale
        # Read before our own palette covers it. Asking the style would build a dozen enumerations at the start.
        self._system_dark = application.palette().window().color().lightness() < _DARK_BELOW
        load_fonts(resources_folder() / "fonts")
        application.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        self._apply()

    @property
    def theme(self) -> Theme:
        """What was chosen; SYSTEM stays SYSTEM."""
        return self._theme

    @property
    def dark(self) -> bool:
        """The window is dark now."""
        return look().tokens is DARK

    def set_theme(self, theme: Theme) -> None:
        """Switch the whole window at once."""
        if theme == self._theme:
            return
        self._theme = theme
        self.tell_system()
        self._apply()
        self.theme_changed.emit(theme)

    def set_scale(self, scale: float) -> None:
        """Make all texts larger or smaller at once."""
        if scale == self._scale:
            return
        self._scale = scale
        self._apply()
        self.theme_changed.emit(self._theme)

    def _apply(self) -> None:
        from wan_desktop.ui.style import style_sheet  # noqa: PLC0415 - style imports this module

        tokens = DARK if self._wants_dark() else LIGHT
        _current[0] = Look(tokens, self._scale)
        self._application.setPalette(palette_of(tokens))
        self._application.setFont(look().font(14))
        self._application.setStyleSheet(style_sheet(look()))

    def _wants_dark(self) -> bool:
        if self._theme != Theme.SYSTEM:
            return self._theme == Theme.DARK
        return self._system_dark

    @Slot()
    def tell_system(self) -> None:
        """Let title bar and native dialogs have the same theme; after the first paint, because it needs `Qt`."""
        from PySide6.QtCore import Qt  # noqa: PLC0415 - see the module's docstring

        hints = self._application.styleHints()
        match self._theme:
            case Theme.DARK:
                hints.setColorScheme(Qt.ColorScheme.Dark)
            case Theme.LIGHT:
                hints.setColorScheme(Qt.ColorScheme.Light)
            case Theme.SYSTEM:
                hints.unsetColorScheme()

    @Slot()
    def _on_system_changed(self) -> None:
        # Fusion's own palette follows the system; the one in use is ours.
        self._system_dark = self._application.style().standardPalette().window().color().lightness() < _DARK_BELOW
        if self._theme == Theme.SYSTEM and self._wants_dark() != self.dark:
            self._apply()
            self.theme_changed.emit(self._theme)


def token_names() -> tuple[str, ...]:
    """Names of all tokens."""
    return Tokens._fields
