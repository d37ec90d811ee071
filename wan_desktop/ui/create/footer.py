"""The foot of the form: the estimate, the main button with its menu, and why it cannot be pressed when it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.shortcuts import Action, shown_keys, tip
from wan_desktop.ui.widgets.controls import Button, label, set_help

if TYPE_CHECKING:
    from wan_desktop.core.form_check import FormVerdict
    from wan_desktop.ui.create.estimate_box import EstimateBox
    from wan_desktop.ui.create.generate_menu import GenerateMenu


class Footer(QFrame):
    """Generate, and what is to be known before."""

    generate_requested = Signal()
    queue_requested = Signal()
    """The main button was pressed while it says "Add to queue"."""
    box_made = Signal(object)
    """The EstimateBox, when it is shown first."""
    remedy_requested = Signal()
    """The button beside the reason was pressed."""
    menu_requested = Signal()
    """The button beside the main one was pressed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("footer")
        set_help(self, "create.generate")
        self._reason = ""
        self._adds = self._too_big = False
        self._compact = False
        self.box: EstimateBox | None = None
        self.menu: GenerateMenu | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(20, 12, 20, 10)
        self._layout.setSpacing(8)
        self.generate = Button(tr("Generate video"), self, kind="primary", icon_name="sparkles")
        self.generate.setProperty("big", True)
        self.more = Button("", self, kind="icon", icon_name="chevron-down", name=tr("More ways to make it"))
        self.more.setProperty("big", True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.generate, 1)
        row.addWidget(self.more)
        self._layout.addLayout(row)
        self.line = label("", self, role="caption")
        self.line.setProperty("align", "center")
        self._layout.addWidget(self.line)
        self.generate.clicked.connect(self._on_generate)
        self.more.clicked.connect(self.menu_requested)
        self.remedy: Button | None = None
        """What would help, beside the reason; None until it is needed first."""
        self.show_reason(tr("Getting ready"))

    def show_remedy(self, words: str) -> None:
        """Offer what would help, below the reason; nothing if empty."""
        if self.remedy is None:
            if not words:
                return
            self.remedy = Button(words, self, icon_name="download")
            self.remedy.clicked.connect(self.remedy_requested)
            self._layout.addWidget(self.remedy)
        self.remedy.setText(words)
        self.remedy.setAccessibleName(words)
        self.remedy.setVisible(bool(words))

    def show_reason(self, reason: str, *, adds: bool = False) -> None:
        """Say why there is nothing to press; an empty reason lets it be pressed.

        Args:
            reason: A sentence.
            adds: A video is being made: what is pressed for now goes to the queue.
        """
        self._reason, self._adds = reason, adds
        self.generate.setEnabled(not reason)
        self.line.setText(reason or shown_keys(Action.GENERATE))
        self._show_name()

    def show_verdict(self, found: FormVerdict | None, now: tuple[int, int, int], fps: int) -> None:
        """Show the estimate; see `EstimateBox.show_verdict`."""
        if self.box is None:
            if found is None:
                return
            from wan_desktop.ui.create.estimate_box import EstimateBox  # noqa: PLC0415 - after the first paint

            self.box = EstimateBox(self)
            self.box.set_compact(self._compact)
            self._layout.insertWidget(0, self.box)
            self.box_made.emit(self.box)
        self.box.show_verdict(found, now, fps)
        self._too_big = found is not None and not found.fits
        self._show_name()

    def set_compact(self, compact: bool) -> None:
        """Take less room, in a low window."""
        self._compact = compact
        if self.box is not None:
            self.box.set_compact(compact)

    def _show_name(self) -> None:
        words, icon_name = tr("Generate video"), "sparkles"
        if self._adds:
            words, icon_name = tr("Add to queue"), "plus"
        elif self._too_big:
            words, icon_name = tr("Try anyway"), "triangle-alert"
        self.generate.setText(words)
        self.generate.setToolTip(self._reason or tip(words, Action.GENERATE))
        self.generate.set_icon(icon_name)
        unavailable = tr("{button}, unavailable: {reason}", button=words, reason=self._reason)
        self.generate.setAccessibleName(unavailable if self._reason else words)
        found = self.box.found if self.box is not None else None
        self.generate.setAccessibleDescription(self.box.accessibleName() if self.box is not None and found else "")

    @Slot()
    def _on_generate(self) -> None:
        if self._adds:
            self.queue_requested.emit()
        else:
            self.generate_requested.emit()
