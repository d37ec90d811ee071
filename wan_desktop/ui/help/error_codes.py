"""The help texts of all errors: a list to search in, and the text of the marked one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from wan_desktop.core.error_help import help_groups, help_of, search_help
from wan_desktop.core.words import tr
from wan_desktop.ui.help.part import HelpPart, plain_label, scrolled
from wan_desktop.ui.shortcuts import Action, show_keys
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import label, surface

if TYPE_CHECKING:
    from wan_desktop.core.error_help_entry import ErrorHelp

_NUMBER_ROLE = Qt.ItemDataRole.UserRole
_LIST_PX = 380


class HelpTextCard(QFrame):
    """One help text.

    Args:
        entry: Which.
        parent: Its parent.
    """

    def __init__(self, entry: ErrorHelp, parent: QWidget) -> None:
        super().__init__(parent)
        self.entry = entry
        self.setProperty("surface", "card")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 18)
        layout.setSpacing(6)
        top = QHBoxLayout()
        top.addWidget(plain_label(tr(entry.title), self, "section"), 1)
        top.addWidget(label(f"WAN-{entry.number}", self, role="caption"))
        layout.addLayout(top)
        self._add(layout, tr("Why it happens"), [tr(entry.cause)])
        steps = [tr(step) for step in entry.what_to_do]
        numbered = [f"{number}.  {step}" for number, step in enumerate(steps, 1)] if len(steps) > 1 else steps
        self._add(layout, tr("What you can do"), numbered)
        self._add(layout, tr("What the program tries by itself"), [tr(entry.tried)])
        self.setAccessibleName(f"WAN-{entry.number}: {tr(entry.title)}. {tr(entry.cause)} {' '.join(steps)}")

    def _add(self, layout: QVBoxLayout, title: str, texts: list[str]) -> None:
        layout.addSpacing(6)
        layout.addWidget(label(title, self, role="label"))
        for text in texts:
            layout.addWidget(plain_label(text, self, "soft"))


class ErrorsPart(HelpPart):
    """Search, list and text."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.card: HelpTextCard | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(8)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search: a number, or words"))
        self.search.setAccessibleName(tr("Search in the help texts"))
        show_keys(self.search, Action.FIND)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search)
        left.addWidget(self.search)
        self.list = QListWidget(self)
        self.list.setObjectName("helpList")
        self.list.setAccessibleName(tr("Errors"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentItemChanged.connect(self._on_current)
        left.addWidget(self.list, 1)
        self.none = plain_label(tr("No help text matches."), self, "soft")
        self.none.hide()
        left.addWidget(self.none)
        holder = QWidget(self)
        holder.setLayout(left)
        holder.setFixedWidth(look().px(_LIST_PX))
        left.setContentsMargins(0, 0, 0, 0)
        row.addWidget(holder)
        self._area, self._inner, self._texts = scrolled(self, tr("Help text"), takes_focus=True)
        self.hint = surface("inset", self._inner)
        words = QVBoxLayout(self.hint)
        words.setContentsMargins(16, 14, 16, 14)
        words.addWidget(
            plain_label(tr("Every problem has a number. Mark one to read what it means."), self.hint, "soft")
        )
        self._texts.addWidget(self.hint)
        self._texts.addStretch(1)
        row.addWidget(self._area, 1)
        self._fill(search_help(""))

    def show_number(self, number: int) -> None:
        """Open the help text of that number."""
        if help_of(number) is None:
            return
        self.search.clear()
        for index in range(self.list.count()):
            item = self.list.item(index)
            if item.data(_NUMBER_ROLE) == number:
                self.list.setCurrentItem(item)
                self.list.scrollToItem(item, QListWidget.ScrollHint.PositionAtCenter)

    def focus_search(self) -> bool:
        """The search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()
        return True

    def focus_first(self) -> None:
        """The list if a text is shown, else the search field."""
        (self.list if self.card is not None else self.search).setFocus(Qt.FocusReason.OtherFocusReason)

    def _fill(self, entries: tuple[ErrorHelp, ...]) -> None:
        shown = self.card.entry.number if self.card is not None else 0
        self.list.clear()
        font = look().font(14)
        font.setFeature(QFont.Tag("tnum"), 1)  # so that numbers stand below each other
        for group in help_groups(entries):
            head = QListWidgetItem(group.title, self.list)
            head.setFlags(Qt.ItemFlag.NoItemFlags)
            head.setFont(look().font(12))
            for entry in group.entries:
                item = QListWidgetItem(f"{entry.number}   {tr(entry.title)}", self.list)
                item.setFont(font)
                item.setData(_NUMBER_ROLE, entry.number)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"WAN-{entry.number}, {tr(entry.title)}")
                item.setToolTip(tr(entry.title))
                if entry.number == shown:
                    self.list.setCurrentItem(item)
        self.none.setVisible(not entries)
        if len(entries) == 1:
            self.list.setCurrentRow(1)

    @Slot(str)
    def _on_search(self, text: str) -> None:
        self._fill(search_help(text.strip()))

    @Slot(QListWidgetItem, QListWidgetItem)
    def _on_current(self, item: QListWidgetItem | None, _before: QListWidgetItem | None) -> None:
        entry = help_of(item.data(_NUMBER_ROLE)) if item is not None and item.data(_NUMBER_ROLE) else None
        if entry is None or (self.card is not None and self.card.entry is entry):
            return
        if self.card is not None:
            self._texts.removeWidget(self.card)
            self.card.hide()
            self.card.deleteLater()
        self.hint.hide()
        self.card = HelpTextCard(entry, self._inner)
        self._texts.insertWidget(0, self.card)
        self._area.verticalScrollBar().setValue(0)
