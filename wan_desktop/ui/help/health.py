"""How program and PC are: a row for each thing that was looked at, and the self test."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.doctor import HealthFix, HealthItem, HealthState, worst
from wan_desktop.core.pc_rows import DRIVER_PAGE
from wan_desktop.core.words import mark, tr, trn
from wan_desktop.ui.help.part import HelpPart, plain_label, scrolled
from wan_desktop.ui.help.safe_mode import SafeModeCard
from wan_desktop.ui.help.self_test import SelfTestCard
from wan_desktop.ui.page import PageId
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label, rule, surface

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wan_desktop.ui.help.examination import Examination
    from wan_desktop.ui.runtime.panel import RuntimePanel
    from wan_desktop.ui.session import Session

STATES = {
    HealthState.GREEN: ("circle-check", "ok", mark("good")),
    HealthState.YELLOW: ("triangle-alert", "warn", mark("could be better")),
    HealthState.RED: ("circle-x", "bad", mark("a problem")),
    HealthState.NOT_CHECKED: ("circle-help", "text3", mark("not checked")),
}
_ORDER = (HealthState.RED, HealthState.YELLOW, HealthState.NOT_CHECKED, HealthState.GREEN)
"""What needs somebody stands on top."""
FIX_WORDS = {
    HealthFix.CHECK_AGAIN: mark("Check again"),
    HealthFix.OPEN_DRIVER_PAGE: mark("Open NVIDIA page"),
    HealthFix.SHOW_PC: mark("Open This PC"),
    HealthFix.SHOW_MODELS: mark("Open Models"),
    HealthFix.SHOW_SETTINGS: mark("Open Settings"),
    HealthFix.FREE_DISK: mark("Free up space"),
    HealthFix.START_ENGINE: mark("Start it"),
    HealthFix.SHOW_ENGINE: mark("Set up"),
    HealthFix.SHOW_HELP: mark("What to do"),
}
_PAGES = {
    HealthFix.SHOW_PC: PageId.THIS_PC,
    HealthFix.SHOW_MODELS: PageId.MODELS,
    HealthFix.SHOW_SETTINGS: PageId.SETTINGS,
}
_STORAGE = "ms-settings:storagesense"
"""Windows' page that frees space (Microsoft: "Launch the Windows Settings app")."""


class HealthRow(QWidget):
    """One item.

    Args:
        item: What it shows.
        parent: Its parent.
    """

    fix_requested = Signal(object)
    """The HealthItem whose button was pressed."""
    help_requested = Signal(int)

    def __init__(self, item: HealthItem, parent: QWidget) -> None:
        super().__init__(parent)
        self.item = item
        icon, token, word = STATES[item.state]
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.setSpacing(12)
        state = IconLabel(icon, token, 20, self)
        state.setAccessibleName(tr(word))
        state.setToolTip(tr(word))
        layout.addWidget(state)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(plain_label(item.name, self, "label"))
        words.addWidget(plain_label(item.sentence, self, "soft"))
        layout.addLayout(words, 1)
        self.link: Button | None = None
        if item.error_number and item.fix is not HealthFix.SHOW_HELP:
            self.link = Button(f"WAN-{item.error_number}", self, kind="link")
            self.link.setToolTip(tr("What does this mean?"))
            self.link.setAccessibleName(tr("What does {number} mean?", number=f"WAN-{item.error_number}"))
            self.link.clicked.connect(self._on_help)
            layout.addWidget(self.link)
        self.fix: Button | None = None
        if item.fix in FIX_WORDS:
            self.fix = Button(tr(FIX_WORDS[item.fix]), self)
            self.fix.setAccessibleName(f"{tr(FIX_WORDS[item.fix])}: {item.name}")
            self.fix.clicked.connect(self._on_fix)
            layout.addWidget(self.fix)
        self.setAccessibleName(
            tr("{name}: {state}. {sentence}", name=item.name, state=tr(word), sentence=item.sentence)
        )

    @Slot()
    def _on_fix(self) -> None:
        self.fix_requested.emit(self.item)

    @Slot()
    def _on_help(self) -> None:
        self.help_requested.emit(self.item.error_number)


class HealthPart(HelpPart):
    """All rows.

    Args:
        session: What the window works with.
        examination: Looks.
        parent: Its parent.
    """

    def __init__(self, session: Session, examination: Examination, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._examination = examination
        self.rows: list[HealthRow] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._area, inner, self._layout = scrolled(self, tr("Health"))
        layout.addWidget(self._area)
        self._layout.addLayout(self._top(inner))
        self._card = surface("card", inner)
        self._rows = QVBoxLayout(self._card)
        self._rows.setContentsMargins(0, 4, 0, 4)
        self._rows.setSpacing(0)
        self._parts: list[QWidget] = [self._waiting()]
        self._layout.addWidget(self._card)
        self.runtime: RuntimePanel | None = None
        if session.runtime.is_managed:
            self._layout.addWidget(self._engine_card(inner))
        self.self_test = SelfTestCard(session, examination, inner)
        self.self_test.help_requested.connect(self.help_requested)
        self._layout.addWidget(self.self_test)
        self.safe_mode = SafeModeCard(session, inner)
        self._layout.addWidget(self.safe_mode)
        self._layout.addStretch(1)
        examination.changed.connect(self._on_changed)
        examination.failed.connect(self._on_failed)
        if examination.items:
            self._on_changed(examination.items)

    def part_shown(self) -> None:
        """Look, unless it was looked before."""
        if not self._examination.items:
            self._examination.look()

    def look_again(self) -> None:
        """Look at everything again, the PC too."""
        self.again.setEnabled(False)
        self._examination.look(pc_too=True)

    def focus_first(self) -> None:
        """The button of the first problem, or the one that looks again."""
        first = next((row.fix for row in self.rows if row.fix is not None), self.again)
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_engine(self) -> None:
        """Bring the engine's installation into sight."""
        if self.runtime is not None:
            self._area.ensureWidgetVisible(self.runtime)
            self.runtime.focus_first()

    def _engine_card(self, parent: QWidget) -> QWidget:
        from wan_desktop.ui.runtime.panel import RuntimePanel  # noqa: PLC0415 - only in an installed program

        card = surface("card", parent)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(14, 10, 14, 12)
        self.runtime = RuntimePanel(self._session, card)
        layout.addWidget(self.runtime)
        return card

    def _top(self, parent: QWidget) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.badge = Badge(tr("Checking"), "idle", "hourglass", parent)
        row.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignVCenter)
        self.sum = label("", parent, role="soft")
        row.addWidget(self.sum, 1)
        self.again = Button(tr("Check again"), parent, icon_name="refresh-cw")
        self.again.clicked.connect(self.look_again)
        row.addWidget(self.again)
        return row

    def _waiting(self) -> QWidget:
        words = plain_label(tr("Looking at the program and this PC"), self._card, "soft")
        words.setContentsMargins(14, 10, 14, 10)
        self._rows.addWidget(words)
        return words

    @Slot(object)
    def _on_changed(self, items: Sequence[HealthItem]) -> None:
        self.again.setEnabled(True)
        before = self.sum.text()
        self._show_sum(items)
        in_order = sorted(items, key=lambda item: _ORDER.index(item.state))
        if [row.item for row in self.rows] != in_order:
            self._make_rows(in_order)
        if before and before != self.sum.text():
            announce(self, self.sum.text())

    def _show_sum(self, items: Sequence[HealthItem]) -> None:
        counts = {state: sum(item.state is state for item in items) for state in HealthState}
        match worst(items):
            case HealthState.RED:
                words = trn("{count} problem", "{count} problems", counts[HealthState.RED])
                self.badge.show_state(words, "bad", "circle-x")
            case HealthState.YELLOW:
                words = trn("{count} note", "{count} notes", counts[HealthState.YELLOW])
                self.badge.show_state(words, "warn", "triangle-alert")
            case _:
                self.badge.show_state(tr("All good"), "ok", "circle-check")
        self.sum.setText(
            tr(
                "{good} of {all} as they should be, {unknown} not checked",
                good=counts[HealthState.GREEN],
                all=len(items),
                unknown=counts[HealthState.NOT_CHECKED],
            )
        )

    def _make_rows(self, items: Sequence[HealthItem]) -> None:
        had_focus = any(row.isAncestorOf(self.focusWidget()) for row in self.rows if self.focusWidget() is not None)
        for part in self._parts:
            self._rows.removeWidget(part)
            part.hide()
            part.deleteLater()
        self._parts, self.rows = [], []
        for index, item in enumerate(items):
            if index:
                line: QFrame = rule(self._card)
                self._parts.append(line)
                self._rows.addWidget(line)
            row = HealthRow(item, self._card)
            row.fix_requested.connect(self._on_fix)
            row.help_requested.connect(self.help_requested)
            self.rows.append(row)
            self._parts.append(row)
            self._rows.addWidget(row)
        if had_focus:
            self.again.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(object)
    def _on_failed(self, error: object) -> None:
        self.again.setEnabled(True)
        self.badge.show_state(tr("Not checked"), "idle", "circle-help")
        self.sum.setText(str(error))

    @Slot(object)
    def _on_fix(self, item: HealthItem) -> None:
        open_address = QDesktopServices.openUrl
        storage = QUrl(_STORAGE) if sys.platform == "win32" else QUrl.fromLocalFile(str(self._session.paths.data))
        deeds: dict[HealthFix, Callable[[], object]] = {
            HealthFix.CHECK_AGAIN: self.look_again,
            HealthFix.OPEN_DRIVER_PAGE: partial(open_address, QUrl(DRIVER_PAGE)),
            HealthFix.FREE_DISK: partial(open_address, storage),
            HealthFix.START_ENGINE: self._start_engine,
            HealthFix.SHOW_ENGINE: self.show_engine,
            HealthFix.SHOW_HELP: partial(self.help_requested.emit, item.error_number),
        }
        if item.fix in _PAGES:
            self.page_requested.emit(_PAGES[item.fix], None)
        elif item.fix in deeds:
            deeds[item.fix]()

    def _start_engine(self) -> None:
        self._session.start_engine()
        self._examination.look_when_engine_answers()
