"""Says whether the video fits this PC, how long it takes, and how much memory it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.form_check import Verdict
from wan_desktop.core.words import tr
from wan_desktop.ui.create import estimate_texts
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label
from wan_desktop.ui.widgets.meter import MeterBar, Segment

if TYPE_CHECKING:
    from wan_desktop.core.form_check import FormVerdict, MemoryNeed

_SHOWN_OFFERS = 2


class EstimateBox(QWidget):
    """Shows a FormVerdict; in a low window its first line only."""

    details_requested = Signal()
    offer_chosen = Signal(object)
    """A Recommendation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: FormVerdict | None = None
        self._compact = False
        self._offers: list[Button] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._build_head())
        self.bar = MeterBar(tr("Memory"), 10, self)
        layout.addWidget(self.bar)
        self._foot = QWidget(self)
        foot = QHBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        self.memory = label("", self._foot, role="value", wrap=True)
        foot.addWidget(self.memory, 1)
        self.details = Button(tr("Details"), self._foot, kind="link", name=tr("Details of the estimate"))
        self.details.clicked.connect(self.details_requested)
        foot.addWidget(self.details)
        layout.addWidget(self._foot)
        self.reason = label("", self, role="bad", wrap=True)
        layout.addWidget(self.reason)
        self._offer_rows = QVBoxLayout()
        self._offer_rows.setSpacing(6)
        layout.addLayout(self._offer_rows)
        self.hide()

    @property
    def offers(self) -> tuple[Button, ...]:
        """The buttons that would make it fit."""
        return tuple(self._offers)

    def set_compact(self, compact: bool) -> None:
        """Show one line only, where the window is low."""
        if compact != self._compact:
            self._compact = compact
            self._fold()

    def show_verdict(self, found: FormVerdict | None, now: tuple[int, int, int], fps: int) -> None:
        """Show what a check has found; None hides the box.

        Args:
            found: The verdict.
            now: Width, height and frames that stand in the form.
            fps: Pictures per second that stand there.
        """
        before, self.found = self.found, found
        self.setVisible(found is not None)
        if found is None:
            return
        icon_name, token = estimate_texts.ICONS[found.verdict]
        self.icon.show_icon(icon_name, token)
        self.headline.setText(estimate_texts.headline(found.verdict))
        self.time.setText(estimate_texts.time_words(found.seconds_low, found.seconds_high))
        if found.memory is not None:
            self._show_memory(found.memory, found.verdict)
        self.reason.setText(found.reason if found.verdict is Verdict.TOO_BIG else "")
        self._show_offers(found, now, fps)
        self._fold()
        self.setAccessibleName(estimate_texts.spoken(found))
        self.setToolTip(self.memory.text())
        if before is not None and before.verdict is not found.verdict:
            announce(self, estimate_texts.headline(found.verdict), topic="estimate")

    def _build_head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(8)
        self.icon = IconLabel("circle-help", "text3", 18, self)
        self.headline = label("", self, role="label")
        self.time = label("", self, role="label")
        head.addWidget(self.icon)
        head.addWidget(self.headline, 1)
        head.addWidget(self.time)
        return head

    def _show_memory(self, need: MemoryNeed, verdict: Verdict) -> None:
        words = estimate_texts.memory_words(need)
        self.memory.setText(words)
        token = estimate_texts.BAR_TOKENS.get(verdict, "accent")
        parts = [
            Segment(need.others_bytes, "fill_idle", tr("Other programs")),
            Segment(need.needed_bytes, token, tr("This video")),
        ]
        self.bar.show_parts(parts, need.total_bytes, limit=need.limit_bytes, spoken=words)

    def _show_offers(self, found: FormVerdict, now: tuple[int, int, int], fps: int) -> None:
        offers = found.offers[:_SHOWN_OFFERS] if found.verdict is Verdict.TOO_BIG else ()
        for button in self._offers:
            self._offer_rows.removeWidget(button)
            button.deleteLater()
        self._offers = []
        for offer in offers:
            words = estimate_texts.change_words(offer, now, fps)
            result = estimate_texts.result_words(offer)
            button = Button(tr("{change} ({result})", change=words, result=result) if result else words, self)
            button.setProperty("number", len(self._offers))
            button.clicked.connect(self._on_offer)
            self._offers.append(button)
            self._offer_rows.addWidget(button)

    def _fold(self) -> None:
        has_memory = self.found is not None and self.found.memory is not None
        self.bar.setVisible(has_memory and not self._compact)
        self._foot.setVisible(not self._compact)
        self.reason.setVisible(bool(self.reason.text()) and not self._compact)

    def _on_offer(self) -> None:
        number = self.sender().property("number")
        if self.found is not None and isinstance(number, int):
            self.offer_chosen.emit(self.found.offers[number])
