"""The right half of the page: one model, what can be done with it, and its compatibility report."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from wan_desktop.core.errors import AccessDeniedError
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.model_list import Deed, ShownStatus, deeds
from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.models import words
from wan_desktop.ui.models.facts import FactsView
from wan_desktop.ui.models.report import ReportView
from wan_desktop.ui.models.token_form import TokenForm
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.controls import Button, label, rule
from wan_desktop.ui.widgets.flow import FlowLayout
from wan_desktop.ui.widgets.meter import MeterBar, Segment
from wan_desktop.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from wan_desktop.core.model_list import Standing
    from wan_desktop.core.model_offers import ModelOffer
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.live.models import LiveModels

_BUTTONS = {
    Deed.CREATE: (mark("Create with this model"), "sparkles"),
    Deed.DOWNLOAD: (mark("Download"), "download"),
    Deed.DOWNLOAD_AGAIN: (mark("Download again"), "download"),
    Deed.TRY_ANYWAY: (mark("Try anyway"), "download"),
    Deed.PAUSE: (mark("Pause"), "pause"),
    Deed.RESUME: (mark("Go on"), "play"),
    Deed.CANCEL: (mark("Delete what arrived"), "x"),
    Deed.STOP: (mark("Stop"), "x"),
    Deed.UPDATE: (mark("Update"), "refresh-cw"),
    Deed.REPAIR: (mark("Repair"), "wrench"),
    Deed.CHECK: (mark("Check files"), "shield-check"),
    Deed.ASK_HUB: (mark("Look for an update"), "globe"),
    Deed.REMOVE: (mark("Remove"), "trash-2"),
}
_PRIMARY = (Deed.CREATE, Deed.DOWNLOAD, Deed.DOWNLOAD_AGAIN, Deed.RESUME, Deed.REPAIR)
_MARGIN_PX = 18


class DetailsPane(QFrame):
    """Shows one model.

    Args:
        models: All models.
        parent: Its parent.
    """

    deed_requested = Signal(object, object)
    """A ModelKey and a Deed."""
    token_given = Signal(object, str)
    """A ModelKey and a token."""

    def __init__(self, models: LiveModels, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self._models = models
        self._standing: Standing | None = None
        self._facts_of: object = None
        self.error: Notice | None = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2, 2, 2, 2)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        inner = QWidget(self._scroll)
        inner.setObjectName("form")
        self._layout = QVBoxLayout(inner)
        self._layout.setContentsMargins(_MARGIN_PX, 14, _MARGIN_PX, 14)
        self._layout.setSpacing(10)
        self._scroll.setWidget(inner)
        outer.addWidget(self._scroll)
        self._build_head(inner)
        self._build_work(inner)
        self._layout.addWidget(rule(inner))
        self.report = ReportView(models, inner)
        self._layout.addWidget(self.report)
        self._layout.addWidget(rule(inner))
        self.facts = FactsView(inner)
        self._layout.addWidget(self.facts)
        self._layout.addStretch(1)

    @property
    def key(self) -> ModelKey | None:
        """Which model is shown."""
        return self._standing.offer.key if self._standing is not None else None

    def button(self, deed: Deed) -> Button:
        """What does that."""
        return self._buttons[deed]

    def show_standing(self, standing: Standing) -> None:
        """Show a model as it is now."""
        before, self._standing = self._standing, standing
        offer = standing.offer
        is_other = before is None or before.offer.key != offer.key
        self.name.setText(words.title(offer))
        self._show_status(standing)
        self.description.setText(_description(offer))
        self._show_buttons(standing)
        self._show_work(standing)
        self._show_error(standing)
        if is_other:
            self._scroll.verticalScrollBar().setValue(0)
        if is_other or before is None or _what_report_needs(before.offer) != _what_report_needs(offer):
            self.report.show_offer(offer)
        if self._facts_of != (offer.key, offer.state):
            self._facts_of = (offer.key, offer.state)
            self._models.facts(offer.key, functools.partial(self._on_facts, offer.key))

    def focus_first(self) -> None:
        """Put the focus on what is likely wanted."""
        for button in self._buttons.values():
            if button.isVisible() and button.isEnabled():
                button.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def show_storage(self) -> None:
        """Open the part about drives, and scroll to it."""
        self.facts.storage.set_open(True)
        self._scroll.ensureWidgetVisible(self.facts.storage)

    def _build_head(self, parent: QWidget) -> None:
        row = QHBoxLayout()
        row.setSpacing(10)
        self.name = label("", parent, role="section", wrap=True)
        self.status = Badge(parent=parent)
        row.addWidget(self.name, 1)
        row.addWidget(self.status, 0, Qt.AlignmentFlag.AlignTop)
        self._layout.addLayout(row)
        self.description = label("", parent, role="soft", wrap=True)
        self._layout.addWidget(self.description)
        box = QWidget(parent)
        self._button_row = FlowLayout(box)
        self._buttons: dict[Deed, Button] = {}
        for deed, (words_of, icon) in _BUTTONS.items():
            kind = "primary" if deed in _PRIMARY else ("danger" if deed is Deed.REMOVE else "secondary")
            button = Button(tr(words_of), box, kind=kind, icon_name=icon)
            button.clicked.connect(functools.partial(self._on_button, deed))
            button.hide()
            self._buttons[deed] = button
            self._button_row.addWidget(button)
        self._layout.addWidget(box)

    def _build_work(self, parent: QWidget) -> None:
        self.progress = QWidget(parent)
        column = QVBoxLayout(self.progress)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.bar = MeterBar(tr("Progress"), 6, self.progress)
        self.progress_words = label("", self.progress, role="value", wrap=True)
        column.addWidget(self.bar)
        column.addWidget(self.progress_words)
        self.progress.hide()
        self._layout.addWidget(self.progress)
        self._error_box = QVBoxLayout()
        self._layout.addLayout(self._error_box)
        self.token = TokenForm(parent)
        self.token.token_given.connect(self._on_token)
        self.token.hide()
        self._layout.addWidget(self.token)

    def _show_status(self, standing: Standing) -> None:
        _, kind, icon = words.STATUSES[standing.status]
        self.status.show_state(words.status_words(standing), kind, icon)
        self.status.setToolTip(standing.offer.state.reason)

    def _show_buttons(self, standing: Standing) -> None:
        can = deeds(standing)
        for deed, button in self._buttons.items():
            button.setVisible(deed in can)
        for deed in (Deed.DOWNLOAD, Deed.TRY_ANYWAY):
            name = tr(_BUTTONS[deed][0])
            size = standing.offer.download_bytes
            shown = tr("{what} ({size})", what=name, size=text.data_size(size)) if size else name
            self._buttons[deed].setText(shown)
            self._buttons[deed].setAccessibleName(shown)
        repair = self._buttons[Deed.REPAIR]
        report = standing.offer.state.report
        if report is not None and report.bad:
            bad, total = len(report.bad), len(report.findings)
            repair.setText(tr("Repair ({bad} of {all} files)", bad=bad, all=total))
            repair.setAccessibleName(repair.text())

    def _show_work(self, standing: Standing) -> None:
        activity = standing.activity
        shows = activity is not None and activity.kind not in (ActivityKind.REMOVE, ActivityKind.PUT_BACK)
        if activity is not None and shows:
            token = "fill_warn" if activity.stalled or activity.waiting else "accent"
            percent = tr("{percent} %", percent=int(100 * activity.part))
            self.bar.show_parts([Segment(activity.part, token)], 1.0, spoken=percent)
            parts = [words.progress_words(activity), activity.waiting]
            self.progress_words.setText("\n".join(part for part in parts if part))
        self.progress.setVisible(shows)

    def _show_error(self, standing: Standing) -> None:
        error = standing.error
        needs_token = standing.status is ShownStatus.NEEDS_TOKEN and isinstance(error, AccessDeniedError)
        self.token.setVisible(needs_token)
        if needs_token and error is not None:
            self.token.show_error(standing.offer, error)
        shown = None if needs_token else error
        if self.error is not None and self.error.property("shows") is not shown:
            self._error_box.removeWidget(self.error)
            self.error.hide()
            self.error.deleteLater()
            self.error = None
        if shown is not None and self.error is None:
            self.error = Notice("bad", shown.shown_title, f"{shown.message} {shown.hint}".strip(), (), self)
            self.error.setProperty("shows", shown)
            self._error_box.addWidget(self.error)
            self.error.show()

    def _on_facts(self, key: ModelKey, facts: object) -> None:
        if self._standing is not None and self._standing.offer.key == key:
            self.facts.show_facts(self._standing.offer, facts)  # type: ignore[arg-type]  # a ModelFacts

    def _on_button(self, deed: Deed, _checked: bool = False) -> None:
        if self.key is not None:
            self.deed_requested.emit(self.key, deed)

    @Slot(str)
    def _on_token(self, token: str) -> None:
        if self.key is not None:
            self.token_given.emit(self.key, token)


def _description(offer: ModelOffer) -> str:
    metadata, variant = offer.metadata, offer.variant
    parts = [tr(metadata.description)]
    if variant is not None:
        parts.append(tr(variant.description) if not variant.is_refused else f"{tr(variant.refused_because)}.")
    parts.append(tr("{fps} frames a second. Licence: {licence}.", fps=metadata.fps, licence=metadata.licence))
    return " ".join(part for part in parts if part)


def _what_report_needs(offer: ModelOffer) -> tuple[object, ...]:
    """Of an offer, what makes its report another one."""
    return offer.check, offer.state.status.usable
