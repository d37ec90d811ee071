"""The page Settings: every change counts and is kept at once, and every change can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QMessageBox, QScrollArea, QVBoxLayout, QWidget

from wan_desktop.core.attention import Attention
from wan_desktop.core.jobs import Lane
from wan_desktop.core.messages import SpeedKind, SpeedStatus
from wan_desktop.core.pc_rows import kernel_name
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.page import Page
from wan_desktop.ui.settings.rows import CATEGORIES, Category, RowMaker
from wan_desktop.ui.shortcuts import Action, show_keys
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, announce, label, rule, surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QEvent

    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.core.settings import Settings
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.settings.editors import Editor
    from wan_desktop.ui.settings.row import SettingRow
    from wan_desktop.ui.theme import ThemeManager

_CATEGORIES_PX = 190
_SEARCH_PX = 280


class _Section(QWidget):
    """A category with its rows."""

    def __init__(self, category: Category, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[SettingRow] = []
        self._rules: list[QFrame] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(label(tr(CATEGORIES[category][1]), self, role="section"))
        self.card = surface("card", self)
        self._list = QVBoxLayout(self.card)
        self._list.setContentsMargins(0, 4, 0, 4)
        self._list.setSpacing(0)
        layout.addWidget(self.card)

    def add(self, row: SettingRow) -> None:
        """Add a row at the end."""
        line = rule(self.card)
        self._rules.append(line)
        self._list.addWidget(line)
        self._list.addWidget(row)
        self.rows.append(row)

    def filter(self, wanted: str, *, all_rows: bool) -> int:
        """Show the rows with these words, or all; says how many."""
        shown = [row for row in self.rows if all_rows or row.matches(wanted)]
        for row, line in zip(self.rows, self._rules, strict=True):
            row.setVisible(row in shown)
            line.setVisible(row in shown[1:])
        return len(shown)


class SettingsPage(Page):
    """All settings.

    Args:
        session: Whose settings.
        theme: Follows theme and text size at once.
        parent: Its parent.
    """

    def __init__(self, session: Session, theme: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(tr("Settings"), session, parent)
        self._theme = theme
        self._category = Category.GENERAL
        self._question: QMessageBox | None = None
        self.rows: dict[str, SettingRow] = {}
        """By the field that they change."""
        self.editors: dict[str, Editor] = {}
        self._build_ui()
        self._connect()
        self._offer_cards()
        self._offer_kernels()
        self._show(session.settings)
        self.show_category(Category.GENERAL)

    def show_category(self, category: Category) -> None:
        """Show its rows, and forget the search."""
        self._category = category
        self.search.clear()
        self._filter()

    def show_target(self, target: object) -> None:
        """Show a category, or a setting by its name in `Settings`."""
        if isinstance(target, str):
            for category, section in self.sections.items():
                fields = {field for row in section.rows for field in row.fields}
                if target == category or target in fields:
                    self.show_category(category)

    def focus_first(self) -> None:
        """Put the cursor into the search."""
        self.search.setFocus()

    def focus_search(self) -> None:
        """Put the cursor into the search."""
        self.search.setFocus()
        self.search.selectAll()

    def areas(self) -> Sequence[QWidget]:
        """Categories, rows."""
        return (self._list, self._scroll)

    def page_shown(self) -> None:
        """Look at what lies outside the settings."""
        self.maker.token.look()
        self._offer_kernels()
        if self.session.pc.profile is None:
            self.session.pc.look()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if hasattr(self, "_list"):
            self._fit()

    # Parts -----------------------------------------------------------------------------------------------------------

    def _build_ui(self) -> None:
        self.set_subtitle(tr("Changes count at once, and are kept."))
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search settings"))
        self.search.setAccessibleName(tr("Search settings"))
        show_keys(self.search, Action.FIND)
        self.search.setClearButtonEnabled(True)
        self.head.addWidget(self.search)
        body = QHBoxLayout()
        body.setSpacing(16)
        self._list = QWidget(self)
        names = QVBoxLayout(self._list)
        names.setContentsMargins(0, 0, 0, 0)
        names.setSpacing(2)
        self.buttons: dict[Category, Button] = {}
        for category, (icon_name, name) in CATEGORIES.items():
            button = Button(tr(name), self._list, kind="nav", icon_name=icon_name)
            button.setCheckable(True)
            button.clicked.connect(self._on_category)
            self.buttons[category] = button
            names.addWidget(button)
        names.addStretch(1)
        body.addWidget(self._list)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setAccessibleName(tr("Settings"))
        self._scroll.setWidget(self._build_sections())
        body.addWidget(self._scroll, 1)
        self.page_layout.addLayout(body, 1)
        self._fit()

    def _build_sections(self) -> QWidget:
        content = QWidget(self._scroll)
        content.setObjectName("form")
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(16)
        self.maker = RowMaker(self.session, content)
        self.sections: dict[Category, _Section] = {}
        for category in Category:
            section = self.sections[category] = _Section(category, content)
            for row, editor in self.maker.rows(category):
                section.add(row)
                row.reset_requested.connect(self._on_reset)
                if editor is not None:
                    (field,) = row.fields
                    self.rows[field], self.editors[field] = row, editor
                    editor.edited.connect(self._on_edited)
                    editor.refused.connect(self._on_refused)
            layout.addWidget(section)
        self.nothing = label("", content, role="soft", wrap=True)
        self.nothing.hide()
        layout.addWidget(self.nothing)
        layout.addStretch(1)
        return content

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.session.settings_changed.connect(self._show)
        self.session.pc.changed.connect(self._on_pc_changed)
        self.maker.forget.clicked.connect(self._on_forget)
        self.maker.reset_all.clicked.connect(self._on_reset_all)

    def _fit(self) -> None:
        self._list.setFixedWidth(look().px(_CATEGORIES_PX))
        self.search.setFixedWidth(look().px(_SEARCH_PX))

    def _offer_cards(self) -> None:
        profile = self.session.pc.profile
        cards = [(tr("Automatic: the one with the most free memory"), "")]
        if profile is not None:
            cards += [(f"{gpu.name}{text.DOT}{text.data_size(gpu.total_bytes)}", gpu.uuid) for gpu in profile.gpus]
        chosen = self.session.settings.gpu_uuid
        if chosen and chosen not in [uuid for _, uuid in cards]:
            cards.append((tr("A card that is not there"), chosen))
        self.maker.cards.offer(cards)
        self.maker.cards.show_value(chosen)

    def _offer_kernels(self) -> None:
        """Torch's own choice, and those that the speed test has found right on the card that renders."""
        chosen = self.session.settings.attention
        card = self.session.pc.card
        gpu = card.gpu if card is not None and card.computes else None
        speeds = self.session.renderer.planner.speeds.load()
        report = speeds.of(gpu.uuid, gpu.driver_version) if gpu is not None else speeds.of()
        right = [
            Attention(part.name)
            for part in (report.parts if report else ())
            if part.kind is SpeedKind.ATTENTION and part.status is SpeedStatus.MEASURED and part.name in set(Attention)
        ]
        kernels = [Attention.NATIVE, *(each for each in right if each not in (Attention.NATIVE, Attention.MATH))]
        if chosen not in kernels:
            kernels.append(chosen)
        names = [(tr("Automatic") if each is Attention.NATIVE else kernel_name(each), each) for each in kernels]
        self.maker.kernels.offer(names)
        self.maker.kernels.show_value(chosen)

    # Changes ---------------------------------------------------------------------------------------------------------

    def _change(self, **changes: object) -> None:
        self.session.change_settings(self.session.settings.with_changes(**changes))

    @Slot(object)
    def _show(self, settings: Settings) -> None:
        """Show the settings as they are, and let the window look as they say."""
        if self.session.safe_reason is None:  # else only what is changed now counts, and the program sees to that
            self._theme.set_theme(settings.theme)
            self._theme.set_scale(settings.text_scale)
        changed = settings.changed()
        for field, editor in self.editors.items():
            editor.show_value(getattr(settings, field))
            self.rows[field].show_changed(field in changed)
        self.maker.reset_all.setEnabled(bool(changed))

    @Slot()
    def _filter(self) -> None:
        wanted = self.search.text().strip()
        found = 0
        for category, section in self.sections.items():
            in_name = bool(wanted) and wanted.casefold() in tr(CATEGORIES[category][1]).casefold()
            count = section.filter(wanted, all_rows=not wanted or in_name)
            is_shown = bool(count) if wanted else category is self._category
            section.setVisible(is_shown)
            found += count if is_shown else 0
        for category, button in self.buttons.items():
            button.setChecked(not wanted and category is self._category)
        self.nothing.setVisible(not found)
        self.nothing.setText("" if found else tr("No setting matches '{words}'.", words=wanted))

    @Slot()
    def _on_category(self) -> None:
        pressed = self.sender()
        category = next(each for each, button in self.buttons.items() if button is pressed)
        self.show_category(category)
        self._scroll.verticalScrollBar().setValue(0)

    @Slot(object)
    def _on_edited(self, value: object) -> None:
        field = next(name for name, editor in self.editors.items() if editor is self.sender())
        self._change(**{field: value})

    @Slot(str)
    def _on_refused(self, why: str) -> None:
        field = next(name for name, editor in self.editors.items() if editor is self.sender())
        self.rows[field].say(why, "bad")

    @Slot(object)
    def _on_reset(self, row: SettingRow) -> None:
        row.say("")
        self.session.change_settings(self.session.settings.reset(*row.fields))
        row.control.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(object)
    def _on_pc_changed(self, _profile: HardwareProfile) -> None:
        if self.isVisible():
            self._offer_cards()

    @Slot()
    def _on_forget(self) -> None:
        self.maker.forget.setEnabled(False)
        planner = self.session.renderer.planner
        self.session.submit(tr("Forget learned limits"), Lane.FILES, lambda _: planner.forget(), self._on_forgotten)

    def _on_forgotten(self, snapshot: JobSnapshot) -> None:
        self.maker.forget.setEnabled(True)
        row = next(row for row in self.sections[Category.ADVANCED].rows if row.control is self.maker.forget)
        if snapshot.error is not None:
            row.say(snapshot.error.message, "bad")
        else:
            row.say(tr("Forgotten. The next videos start from the first estimates again."), "ok")
            announce(self, tr("Learned limits are forgotten"))

    @Slot()
    def _on_reset_all(self) -> None:
        if self._question is not None:
            return
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(text.APP)
        box.setText(tr("Reset all settings?"))
        count = len(self.session.settings.changed())
        box.setInformativeText(tr("{count} changed settings go back to their defaults.", count=count))
        self.confirm = box.addButton(tr("Reset"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        box.finished.connect(self._on_answered)
        self._question = box
        box.open()

    @Slot(int)
    def _on_answered(self, _code: int) -> None:
        box, self._question = self._question, None
        if box is not None and box.clickedButton() is self.confirm:
            self.session.change_settings(self.session.settings.reset())
            announce(self, tr("All settings are reset"))
