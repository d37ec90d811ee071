"""The one style sheet of a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wan_desktop.ui.theme import Look


def style_sheet(look: Look) -> str:
    """Everything the palette cannot say."""
    return "".join(
        part(look) for part in (_base, _labels, _surfaces, _buttons, _nav_and_chips, _fields, _sliders_and_bars)
    )


def _base(look: Look) -> str:
    t, px = look.tokens, look.px
    return f"""
* {{ font-size: {px(14)}px; color: {t.text}; }}
QFrame#window, QFrame#page, QFrame#stage, QStackedWidget {{ background: {t.bg}; }}
QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.border}; padding: {px(4)}px {px(6)}px;
  font-size: {px(12)}px; }}
QMenu {{ background: {t.card}; border: 1px solid {t.border}; padding: {px(4)}px; }}
QMenu::item {{ padding: {px(6)}px {px(20)}px {px(6)}px {px(12)}px; border-radius: 4px; }}
QMenu::item:selected {{ background: {t.sel}; }}
QMessageBox, QDialog {{ background: {t.card}; }}
QDialog#wizard {{ background: {t.bg}; }}
QScrollArea, QScrollArea > QWidget > QWidget#form {{ background: transparent; border: 0; }}
QScrollArea {{ qproperty-focusPolicy: NoFocus; qproperty-horizontalScrollBarPolicy: ScrollBarAlwaysOff; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {t.strong}; border-radius: 3px; min-height: 32px; margin: 2px; }}
QScrollArea#recentRow {{ qproperty-horizontalScrollBarPolicy: ScrollBarAsNeeded; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {t.strong}; border-radius: 3px; min-width: 32px; margin: 2px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent;
  height: 0; width: 0; }}
"""


def _labels(look: Look) -> str:
    t, px = look.tokens, look.px
    return f"""
QLabel {{ background: transparent; }}
QLabel[align="center"] {{ qproperty-alignment: AlignCenter; }}
QLabel[align="top"] {{ qproperty-alignment: "AlignTop | AlignLeft"; }}
QLabel[role="title"] {{ font-size: {px(24)}px; font-weight: 600; }}
QLabel[role="app"] {{ font-size: {px(17)}px; font-weight: 600; }}
QLabel[role="section"] {{ font-size: {px(17)}px; font-weight: 600; }}
QLabel[role="label"] {{ font-weight: 600; }}
QLabel[role="soft"] {{ color: {t.text2}; }}
QLabel[role="caption"] {{ font-size: {px(12)}px; color: {t.text3}; }}
QLabel[role="group"] {{ font-size: {px(12)}px; font-weight: 600; color: {t.text3}; }}
QLabel[role="value"] {{ font-size: {px(12)}px; color: {t.text2}; }}
QLabel[role="note"] {{ font-size: {px(12)}px; color: {t.info}; }}
QLabel[role="warn"] {{ font-size: {px(12)}px; color: {t.warn}; }}
QLabel[role="bad"] {{ font-size: {px(12)}px; color: {t.bad}; }}
QLabel[role="ok"] {{ font-size: {px(12)}px; color: {t.ok}; }}
QLabel[role="mono"] {{ font-family: "Cascadia Mono", "Consolas", "DejaVu Sans Mono", monospace;
  font-size: {px(12)}px; color: {t.text2}; }}
"""


def _surfaces(look: Look) -> str:
    t, px = look.tokens, look.px
    return f"""
QFrame#sidebar {{ background: {t.side}; border: 0; border-right: 1px solid {t.border}; }}
QFrame#formColumn {{ background: {t.bg}; border: 0; border-right: 1px solid {t.border}; }}
QFrame#footer {{ background: {t.card}; border: 0; border-top: 1px solid {t.border}; }}
QFrame[surface="card"] {{ background: {t.card}; border: 1px solid {t.border}; border-radius: 10px; }}
QFrame#helpCard {{ border: 2px solid {t.link}; }}
QFrame[surface="inset"] {{ background: {t.raised}; border: 0; border-radius: 8px; }}
QFrame[surface="card"][selected="true"] {{ background: {t.sel}; border: 2px solid {t.strong}; }}
QFrame[surface="card"][selected="true"]:focus {{ border: 2px solid {t.link}; }}
QFrame[surface="card"]:focus {{ border: 2px solid {t.link}; }}
{_states(look)}
QListView#videoGrid {{ background: transparent; border: 0; outline: 0; }}
QSplitter::handle {{ background: transparent; image: none; }}
QFrame#rule {{ background: {t.border}; border: 0; max-height: 1px; min-height: 1px; }}
QFrame#segmented {{ background: {t.field}; border: 1px solid {t.border}; border-radius: {px(6)}px; }}
"""


def _states(look: Look) -> str:
    """Notices and badges, in the colours of what they say."""
    t, px = look.tokens, look.px
    parts = []
    for kind in ("ok", "warn", "bad", "info", "idle"):
        color, background = getattr(t, kind), getattr(t, f"{kind}_bg")
        parts.append(f"""
QFrame[surface="{kind}"] {{ background: {background}; border: 1px solid {t.border}; border-radius: 8px; }}
QFrame[surface="{kind}"] QLabel {{ color: {color}; }}
QFrame#badge[kind="{kind}"] {{ background: {background}; border: 0; border-radius: {px(9)}px; }}
QFrame#badge[kind="{kind}"] QLabel {{ color: {color}; font-size: {px(12)}px; font-weight: 600; }}""")
    return "".join(parts)


def _buttons(look: Look) -> str:
    t, px = look.tokens, look.px
    return f"""
QPushButton {{ background: {t.raised}; border: 1px solid {t.border}; border-radius: 6px; min-height: {px(32)}px;
  padding: 0 {px(13)}px; font-weight: 600; }}
QPushButton:hover {{ background: {t.sel}; }}
QPushButton:focus {{ border: 2px solid {t.link}; padding: 0 {px(12)}px; min-height: {px(30)}px; }}
QPushButton:disabled {{ color: {t.text3}; background: {t.raised}; }}
QPushButton[kind="primary"] {{ background: {t.accent}; color: {t.on_accent}; border: 1px solid {t.accent};
  font-weight: 600; }}
QPushButton[kind="primary"]:hover {{ background: {t.accent_hover}; }}
QPushButton[kind="primary"]:focus {{ border: 2px solid {t.text}; }}
QPushButton[kind="primary"]:disabled {{ background: {t.raised}; color: {t.text3}; border: 1px solid {t.border}; }}
QPushButton[kind="primary"][big="true"] {{ min-height: {px(44)}px; font-size: {px(15)}px; }}
QPushButton[kind="primary"][big="true"]:focus {{ min-height: {px(42)}px; }}
QPushButton[kind="danger"] {{ color: {t.bad}; }}
QPushButton[kind="link"] {{ background: transparent; border: 1px solid transparent; color: {t.link};
  padding: 0 {px(5)}px;
  min-height: {px(26)}px; text-align: left; font-weight: 400; }}
QPushButton[kind="link"][compact="true"] {{ padding: 0; }}
QPushButton[kind="link"]:hover {{ background: {t.raised}; }}
QPushButton[kind="link"]:focus {{ border: 1px solid {t.link}; }}
QPushButton[kind="icon"] {{ padding: 0; min-width: {px(32)}px; max-width: {px(32)}px; }}
QPushButton[kind="icon"]:checked {{ background: {t.sel}; border: 1px solid {t.link}; }}
QPushButton[kind="icon"][big="true"] {{ min-height: {px(44)}px; min-width: {px(44)}px; max-width: {px(44)}px; }}
QPushButton[kind="icon"][big="true"]:focus {{ min-height: {px(42)}px; min-width: {px(42)}px; }}
QPushButton::menu-indicator {{ image: none; width: 0; }}
QRadioButton {{ min-height: {px(26)}px; spacing: {px(8)}px; font-weight: 600; }}
QRadioButton::indicator {{ width: {px(14)}px; height: {px(14)}px; border: 1px solid {t.strong};
  border-radius: {(px(14) + 2) // 2}px; background: {t.field}; }}
QRadioButton::indicator:checked {{ width: {px(6)}px; height: {px(6)}px; border: {px(5)}px solid {t.accent};
  border-radius: {(px(6) + 2 * px(5)) // 2}px; background: {t.on_accent}; }}
QRadioButton::indicator:disabled {{ border: 1px solid {t.border}; }}
QRadioButton:focus {{ color: {t.link}; }}
QRadioButton:disabled {{ color: {t.text3}; }}
QCheckBox {{ min-height: {px(26)}px; spacing: {px(8)}px; }}
QCheckBox::indicator {{ width: {px(16)}px; height: {px(16)}px; border: 1px solid {t.strong}; border-radius: 4px;
  background: {t.field}; }}
QCheckBox::indicator:checked {{ background: {t.accent}; border: 1px solid {t.accent}; }}
QCheckBox::indicator:focus {{ border: 2px solid {t.link}; width: {px(14)}px; height: {px(14)}px; }}
"""


def _nav_and_chips(look: Look) -> str:
    t, px = look.tokens, look.px
    return f"""
QPushButton[kind="nav"] {{ background: transparent; border: 1px solid transparent; text-align: left;
  min-height: {px(36)}px;
  qproperty-focusPolicy: TabFocus;
  padding: 0 {px(11)}px; }}
QPushButton[kind="nav"]:hover {{ background: {t.raised}; }}
QPushButton[kind="nav"]:checked {{ background: {t.sel}; }}
QPushButton[kind="nav"]:focus {{ border: 2px solid {t.link}; padding: 0 {px(10)}px; min-height: {px(34)}px; }}
QLabel#stepNumber {{ background: {t.raised}; color: {t.text2}; border-radius: {px(11)}px; font-size: {px(12)}px;
  font-weight: 600; }}
QLabel#stepNumber[current="true"] {{ background: {t.accent}; color: {t.on_accent}; }}
QLabel#pill {{ background: {t.accent}; color: {t.on_accent}; border-radius: {px(18) // 2}px; font-size: {px(12)}px;
  font-weight: 600; padding: 0 {px(6)}px; }}
QPushButton[kind="nav"][compact="true"] {{ padding: 0; text-align: center; }}
QPushButton[kind="chip"]:checked {{ background: {t.sel}; color: {t.text}; border: 1px solid {t.link}; }}
QPushButton[kind="segment"] {{ background: transparent; border: 1px solid transparent; border-radius: 5px;
  color: {t.text2};
  padding: 0 {px(8)}px; min-height: {px(26)}px; font-weight: 400; }}
QPushButton[kind="segment"]:hover {{ background: {t.raised}; }}
QPushButton[kind="segment"]:checked {{ background: {t.accent}; color: {t.on_accent}; font-weight: 600; }}
QPushButton[kind="segment"]:focus {{ border: 2px solid {t.link}; padding: 0 {px(7)}px; min-height: {px(24)}px; }}
QPushButton[kind="segment"]:checked:focus {{ border: 2px solid {t.text}; }}
QPushButton[kind="chip"] {{ background: {t.card}; border: 1px solid {t.border}; border-radius: {px(13)}px;
  color: {t.text2};
  min-height: {px(26)}px; padding: 0 {px(12)}px; font-size: {px(13)}px; font-weight: 400; }}
QPushButton[kind="chip"]:hover {{ background: {t.sel}; color: {t.text}; }}
QPushButton[kind="chip"]:focus {{ border: 2px solid {t.link}; padding: 0 {px(11)}px; min-height: {px(24)}px; }}
"""


def _fields(look: Look) -> str:
    t, px = look.tokens, look.px
    return f"""
QPlainTextEdit, QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox {{ background: {t.field}; border: 1px solid {t.strong};
  border-radius: 6px; selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox {{ min-height: {px(32)}px; padding: 0 {px(10)}px; }}
QPlainTextEdit {{ padding: {px(5)}px {px(6)}px; }}
QPlainTextEdit:focus {{ border: 2px solid {t.link}; padding: {px(4)}px {px(5)}px; }}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {{ border: 2px solid {t.link};
  min-height: {px(30)}px;
  padding: 0 {px(9)}px; }}
QSpinBox QLineEdit, QDoubleSpinBox QLineEdit {{ border: 0; background: transparent; padding: 0; min-height: 0; }}
QListView#promptList {{ background: {t.field}; border: 1px solid {t.strong}; border-radius: 6px; padding: {px(4)}px;
  outline: 0; }}
QListView#promptList:focus {{ border: 2px solid {t.link}; padding: {px(3)}px; }}
QListView#promptList::item {{ padding: {px(6)}px {px(8)}px; border-radius: 4px; color: {t.text}; }}
QListView#promptList::item:selected {{ background: {t.sel}; color: {t.text}; }}
QListView#logList, QListView#helpList {{ background: {t.field}; border: 1px solid {t.strong}; border-radius: 6px;
  padding: {px(4)}px; outline: 0; }}
QListView#logList:focus, QListView#helpList:focus {{ border: 2px solid {t.link}; padding: {px(3)}px; }}
QListView#helpList::item {{ min-height: {px(26)}px; padding: 0 {px(8)}px; border-radius: 4px; color: {t.text}; }}
QListView#helpList::item:disabled {{ color: {t.text3}; }}
QListView#helpList::item:selected {{ background: {t.sel}; color: {t.text}; }}
QPlainTextEdit#logDetails {{ font-family: "Cascadia Mono", "Consolas", "DejaVu Sans Mono", monospace;
  font-size: {px(12)}px; }}
QComboBox::drop-down {{ border: 0; width: {px(28)}px; }}
QComboBox::down-arrow {{ image: none; }}
QComboBox QAbstractItemView {{ background: {t.card}; border: 1px solid {t.border};
  selection-background-color: {t.sel};
  selection-color: {t.text}; outline: 0; padding: 4px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button {{ subcontrol-origin: border; subcontrol-position: top right;
  width: {px(26)}px; border: 0; }}
QSpinBox::down-button, QDoubleSpinBox::down-button {{ subcontrol-origin: border; subcontrol-position: bottom right;
  width: {px(26)}px;
  border: 0; }}
QSpinBox::up-arrow, QSpinBox::down-arrow, QDoubleSpinBox::up-arrow, QDoubleSpinBox::down-arrow {{ image: none;
  width: 0; height: 0; }}
"""


def _sliders_and_bars(look: Look) -> str:
    t, px = look.tokens, look.px
    # A slider's knob is its size without the border, hence 14 + 2 + 2 on a groove of 4 with a margin of -7.
    return f"""
QSlider {{ min-height: {px(26)}px; }}
QSlider::groove:horizontal {{ height: 4px; background: {t.fill_idle}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {t.accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{ width: 14px; height: 14px; margin: -7px 0; border-radius: 9px;
  background: {t.on_accent};
  border: 2px solid {t.accent}; }}
QSlider::handle:horizontal:focus {{ border: 2px solid {t.link}; background: {t.accent}; }}
QSlider::sub-page:horizontal:disabled {{ background: {t.fill_idle}; }}
"""
