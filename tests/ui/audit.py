"""What can be wrong with a window that is shown: each function returns a sentence for each fault, and none is well.

Looked at are the window itself and the dialogs, menus and cards above it, with all that is in them, also what is
scrolled out of sight.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QScrollBar,
    QStackedWidget,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QWidget,
)

SMALLEST_PX = 24
_MOST_TABS = 300
_LAYERS = 4
_INTERACTIVE = (
    QAbstractButton,
    QLineEdit,
    QComboBox,
    QAbstractSpinBox,
    QAbstractSlider,
    QPlainTextEdit,
    QAbstractItemView,
)
_WHOLE = (QAbstractSpinBox, QComboBox, QLineEdit, QScrollBar, QMenu, QPlainTextEdit, QAbstractItemView)
"""What is in these is Qt's own."""
_FLOATING = ("Toast", "HelpCard")
"""What lies above something else on purpose."""


# What there is -----------------------------------------------------------------------------------------------------


def tops(window: QWidget) -> list[QWidget]:
    """The window and all that is open above it, without tool tips."""
    for _ in range(_LAYERS):
        QApplication.sendPostedEvents()  # what is to be laid out anew, layer by layer
    others = (
        widget
        for widget in QApplication.topLevelWidgets()
        if widget is not window and widget.isVisible() and widget.width() > 1 and widget.height() > 1
    )
    no_tips = [widget for widget in others if widget.windowType() not in (Qt.WindowType.ToolTip, Qt.WindowType.Desktop)]
    return [window, *no_tips]


def seen(top: QWidget) -> Iterator[QWidget]:
    """What is in a window and not hidden, without the insides of Qt's own controls."""
    for child in top.children():
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow():
            yield child
            if not isinstance(child, _WHOLE):
                yield from seen(child)


def is_interactive(widget: QWidget) -> bool:
    """Somebody can do something with it."""
    if isinstance(widget, (QScrollArea, QScrollBar)):
        return False
    return isinstance(widget, _INTERACTIVE) or bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)


def takes_tab(widget: QWidget, reached: Sequence[QWidget] = ()) -> bool:
    """Tab ought to reach it, and has not. Of buttons that exclude each other one is enough: arrow keys do the rest."""
    if not is_interactive(widget) or not widget.isEnabled() or not widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        return False
    if isinstance(widget, QAbstractButton):
        group = widget.group()
        others = group.buttons() if group is not None and group.exclusive() else ()
        if isinstance(widget, QRadioButton) and group is None:
            others = widget.parentWidget().findChildren(QRadioButton)
        if any(other in reached for other in others):
            return False
    return widget not in reached and widget.focusProxy() not in reached


def words_of(widget: QWidget) -> str:
    """What it says, as it is shown."""
    if isinstance(widget, QComboBox):
        return widget.currentText()
    if isinstance(widget, QLineEdit):
        return widget.text() or widget.placeholderText()
    if isinstance(widget, (QLabel, QAbstractButton)):
        return widget.text()
    return ""


def name_of(widget: QWidget) -> str:
    """What a screen reader says of it."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name) if interface is not None else ""


def describe(widget: QWidget) -> str:
    """What it is, and where."""
    words = (widget.accessibleName() or words_of(widget))[:60]
    path = []
    at: QWidget | None = widget
    while at is not None and len(path) < 4:
        path.append(type(at).__name__ + (f"#{at.objectName()}" if at.objectName() else ""))
        at = at.parentWidget()
    return f"'{words}' ({' in '.join(path)})"


# Names and sizes ---------------------------------------------------------------------------------------------------


def without_name(window: QWidget) -> list[str]:
    """Controls that a screen reader cannot name."""
    return [
        f"no name: {describe(widget)}"
        for top in tops(window)
        for widget in seen(top)
        if is_interactive(widget) and not name_of(widget).strip()
    ]


def too_small(window: QWidget) -> list[str]:
    """Controls that are hard to hit."""
    return [
        f"{widget.width()} x {widget.height()}: {describe(widget)}"
        for top in tops(window)
        for widget in seen(top)
        if is_interactive(widget) and min(widget.width(), widget.height()) < SMALLEST_PX
    ]


# Words -------------------------------------------------------------------------------------------------------------


def faults(window: QWidget) -> list[str]:
    """Controls that cannot be named or hit."""
    return [*without_name(window), *too_small(window)]


def cut_words(window: QWidget) -> list[str]:
    """Words that do not fit into their place, unless the tool tip says all of them."""
    faults = []
    for top in tops(window):
        for widget in seen(top):
            fault = _cut(widget)
            if fault and not _tip_has_all(widget):
                faults.append(f"{fault}: {describe(widget)}")
    return faults


def _cut(widget: QWidget) -> str:
    if isinstance(widget, QLabel):
        return _cut_label(widget) or _cut_short(widget)
    if isinstance(widget, (QPushButton, QCheckBox, QRadioButton)):
        return _cut_button(widget) or _cut_short(widget)
    if isinstance(widget, QComboBox):
        return _too_wide(widget.fontMetrics(), widget.currentText(), _combo_room(widget))
    if isinstance(widget, QLineEdit):
        words = widget.placeholderText() if not widget.text() else ""
        return _too_wide(widget.fontMetrics(), words, widget.contentsRect().width() - _LINE_EDIT_MARGINS)
    if isinstance(widget, QAbstractSpinBox):
        edit = widget.lineEdit()
        return _too_wide(widget.fontMetrics(), edit.text(), edit.width() - edit.textMargins().left())
    return ""


_LINE_EDIT_MARGINS = 4


def _cut_short(widget: QLabel | QAbstractButton) -> str:
    """It ends with dots that its name has not: those of "Install from a file…" belong to it."""
    words = widget.text()
    return "elided" if words.endswith("…") and not widget.accessibleName().startswith(words) else ""


def _tip_has_all(widget: QWidget) -> bool:
    """The tool tip, its own or that of what it stands in, begins as its words do, and says more."""
    words = re.sub(r"[…\s]+$", "", words_of(widget)).replace("&&", "&")
    at: QWidget | None = widget
    for _ in range(3):
        if at is None:
            break
        if words and words in at.toolTip() and (len(words) < len(at.toolTip()) or not words_of(widget).endswith("…")):
            return True
        at = at.parentWidget()
    return False


def _too_wide(metrics: QFontMetrics, words: str, room: int) -> str:
    widest = max((metrics.horizontalAdvance(line) for line in words.split("\n")), default=0)
    return f"cut, {widest} px in {room}" if widest > room else ""


def _cut_label(label: QLabel) -> str:
    if not label.text().strip() or not label.pixmap().isNull():
        return ""
    room = label.contentsRect().adjusted(label.margin(), label.margin(), -label.margin(), -label.margin())
    metrics = label.fontMetrics()
    is_plain = label.textFormat() != Qt.TextFormat.RichText and not re.search(r"<[a-z]+[ >/]", label.text())
    if not label.wordWrap():
        if not is_plain:
            return f"cut, rich text in {room.width()} px" if label.sizeHint().width() > label.width() else ""
        return _too_wide(metrics, label.text(), room.width()) or _too_high(metrics.height(), room.height())
    needed = label.heightForWidth(label.width())
    if needed > label.height() + 1:
        return f"cut, {needed} px high in {label.height()}"
    if not is_plain:
        return ""
    flags = Qt.TextFlag.TextWordWrap.value
    widest = metrics.boundingRect(QRect(0, 0, room.width(), 10_000), flags, label.text()).width()
    return f"a word is cut, {widest} px in {room.width()}" if widest > room.width() + 1 else ""


def _too_high(needed: int, room: int) -> str:
    return f"cut, {needed} px high in {room}" if needed > room + 1 else ""


def _cut_button(button: QAbstractButton) -> str:
    option = QStyleOptionButton()
    button.initStyleOption(option)
    part = {
        QCheckBox: QStyle.SubElement.SE_CheckBoxContents,
        QRadioButton: QStyle.SubElement.SE_RadioButtonContents,
    }.get(next(kind for kind in (QCheckBox, QRadioButton, QPushButton) if isinstance(button, kind)))
    area = button.style().subElementRect(part or QStyle.SubElement.SE_PushButtonContents, option, button)
    icon = button.iconSize().width() if not button.icon().isNull() else 0
    words = re.sub(r"&(.)", r"\1", button.text())
    if not words:
        return ""
    metrics = button.fontMetrics()
    return _too_wide(metrics, words, area.width() - icon) or _too_high(metrics.height() - 2, area.height())


def _combo_room(box: QComboBox) -> int:
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    field = QStyle.SubControl.SC_ComboBoxEditField
    return box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, box).width()


# Places ------------------------------------------------------------------------------------------------------------


def misplaced(window: QWidget) -> list[str]:
    """What reaches out of what it stands in, has less room than it needs, or lies on something else."""
    faults = []
    for top in tops(window):
        for widget in (top, *seen(top)):
            faults += _outside(widget)
            faults += _squeezed(widget)
            if not isinstance(widget, _WHOLE):
                faults += _overlaps(widget)
    return faults


def _scrolls(parent: QWidget) -> tuple[bool, bool]:
    """Whether what is in it may be wider, and higher, than it is."""
    area = parent.parentWidget()
    if not isinstance(area, QAbstractScrollArea) or area.viewport() is not parent:
        return False, False
    off = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    return area.horizontalScrollBarPolicy() != off, area.verticalScrollBarPolicy() != off


def _outside(widget: QWidget) -> list[str]:
    parent = widget.parentWidget()
    if widget.isWindow() or parent is None or widget.size().isEmpty():
        return []
    wide, high = _scrolls(parent)
    place, room = widget.geometry(), parent.rect()
    if not wide and (place.left() < room.left() or place.right() > room.right()):
        return [f"outside, {place.left()} to {place.right()} of {room.width()} px: {describe(widget)}"]
    if not high and (place.top() < room.top() or place.bottom() > room.bottom()):
        return [f"outside, {place.top()} to {place.bottom()} of {room.height()} px down: {describe(widget)}"]
    return []


def _squeezed(widget: QWidget) -> list[str]:
    layout = widget.layout()
    if layout is None or not layout.isEnabled() or isinstance(widget, (*_WHOLE, QStackedWidget)):
        return []
    least = layout.totalMinimumSize()
    # A stack asks for the height of its highest page, also while another one is shown.
    bends = layout.hasHeightForWidth() and widget.findChild(QStackedWidget) is None
    if least.width() > widget.width():
        return [f"{widget.width()} px wide, needs {least.width()}: {describe(widget)}"]
    height = max(least.height(), layout.totalMinimumHeightForWidth(widget.width()) if bends else 0)
    if height > widget.height():
        return [f"{widget.height()} px high, needs {height}: {describe(widget)}"]
    return []


def _overlaps(parent: QWidget) -> list[str]:
    children = [
        child
        for child in parent.children()
        if isinstance(child, QWidget)
        and child.isVisible()
        and not child.isWindow()
        and not child.size().isEmpty()
        and type(child).__name__ not in _FLOATING
    ]
    return [
        f"on each other, {_text_of(one.geometry() & other.geometry())}: {describe(one)} and {describe(other)}"
        for one, other in combinations(children, 2)
        if one.geometry().intersects(other.geometry())
    ]


def _text_of(area: QRect) -> str:
    return f"{area.width()} x {area.height()} px"


def too_large(window: QWidget, width: int, height: int) -> list[str]:
    """Windows that do not fit into so many pixels."""
    faults = []
    for top in tops(window):
        least = top.layout().totalMinimumSize() if top.layout() is not None else top.minimumSizeHint()
        least = least.expandedTo(top.size())
        if least.width() > width or least.height() > height:
            faults.append(f"{least.width()} x {least.height()} in {width} x {height}: {describe(top)}")
    return faults


# The keyboard ------------------------------------------------------------------------------------------------------


def walk(top: QWidget) -> list[QWidget]:
    """What Tab reaches, in turn, from the beginning until it comes back."""
    top.activateWindow()
    assert QTest.qWaitForWindowActive(top)
    if (focused := top.focusWidget()) is not None:
        focused.clearFocus()
    reached: list[QWidget] = []
    for _ in range(_MOST_TABS):
        QTest.keyClick(QApplication.focusWidget() or top, Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        if focused is None or focused in reached:
            break
        reached.append(focused)
    return reached


def keyboard_faults(window: QWidget) -> list[str]:
    """What Tab does not reach, reaches though it is hidden, or reaches before something that stands before it.

    Of two controls, those parts of their window are compared in which they stand, down from the part that has both.
    Only the dialog is looked at, if one is open.
    """
    if any(isinstance(widget, QMenu) for widget in tops(window)):
        return []  # which has the keyboard
    top = QApplication.activeModalWidget() or window
    reached = walk(top)
    faults = [f"Tab does not reach {describe(widget)}" for widget in seen(top) if takes_tab(widget, reached)]
    faults += [f"Tab reaches the hidden {describe(widget)}" for widget in reached if not widget.isVisible()]
    for first, second in pairwise(reached):
        one, other = _parts(first, second)
        if _stands_before(other, one):
            faults.append(f"Tab reaches {describe(first)} before {describe(second)}")
    return faults


def _line(widget: QWidget) -> list[QWidget]:
    line = [widget]
    while not line[-1].isWindow():
        line.append(line[-1].parentWidget())
    return line[::-1]


def _parts(first: QWidget, second: QWidget) -> tuple[QRect, QRect]:
    one, other = _line(first), _line(second)
    common = max(n for n in range(min(len(one), len(other))) if one[n] is other[n])
    above = one[common]
    return tuple(  # type: ignore[return-value] # there are two
        QRect(part.mapTo(above, QPoint()), part.size())
        for part in (line[min(common + 1, len(line) - 1)] for line in (one, other))
    )


def _stands_before(one: QRect, other: QRect) -> bool:
    shares_rows = one.top() <= other.bottom() and other.top() <= one.bottom()
    shares_columns = one.left() <= other.right() and other.left() <= one.right()
    return (shares_rows and one.right() < other.left()) or (shares_columns and one.bottom() < other.top())


def all_faults(window: QWidget, width: int, height: int) -> list[str]:
    """Everything that is wrong in a window of that size."""
    looks: Iterable[list[str]] = (
        without_name(window),
        too_small(window),
        cut_words(window),
        misplaced(window),
        too_large(window, width, height),
    )
    return [fault for faults in looks for fault in faults]
