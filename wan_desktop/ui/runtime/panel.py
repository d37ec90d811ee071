"""The render engine in a few lines: how it stands, how far work is, what can be done, and what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.runtime.runtime_card import DEED_HELP, DEED_WORDS, Mood, RuntimeDeed
from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.breaking import breakable
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label
from wan_desktop.ui.widgets.error_card import ErrorCard
from wan_desktop.ui.widgets.flow import FlowLayout
from wan_desktop.ui.widgets.meter import MeterBar, Segment

if TYPE_CHECKING:
    from PySide6.QtWidgets import QLabel

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.runtime.runtime_card import RuntimeCard
    from wan_desktop.ui.session import Session

_ICONS = {
    Mood.GOOD: ("circle-check", "ok"),
    Mood.NOTE: ("triangle-alert", "warn"),
    Mood.BAD: ("circle-x", "bad"),
    Mood.BUSY: ("hourglass", "info"),
    Mood.UNKNOWN: ("circle-help", "text3"),
}
_DEED_ICONS = {
    RuntimeDeed.INSTALL: "download",
    RuntimeDeed.RESUME: "play",
    RuntimeDeed.PAUSE: "pause",
    RuntimeDeed.DISCARD: "x",
    RuntimeDeed.REPAIR: "wrench",
    RuntimeDeed.CHECK: "shield-check",
    RuntimeDeed.ROLL_BACK: "undo-2",
    RuntimeDeed.FROM_FILE: "folder-open",
}
_MAIN = (RuntimeDeed.INSTALL, RuntimeDeed.RESUME)
_ASKS = (RuntimeDeed.FROM_FILE,)
"""Their words end with three dots, as something is asked first."""


class RuntimePanel(QWidget):
    """Shows `session.runtime`, and does what its buttons say.

    Args:
        session: Whose engine.
        parent: Its parent.
    """

    resized = Signal()
    """There is more or less to see than before."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._live = session.runtime
        self._shown: RuntimeCard | None = None
        self.buttons: dict[RuntimeDeed, Button] = {}
        """Those that are there now."""
        self.error_card: ErrorCard | None = None
        self.dialog: QFileDialog | None = None
        """In which a package is chosen, while it is open."""
        self._build_ui()
        self._live.changed.connect(self._on_changed)
        self._on_changed()

    def _build_ui(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(10)
        self.icon = IconLabel("hourglass", "text3", 18, self)
        head.addWidget(self.icon)
        head.addWidget(label(tr("Render engine"), self, role="label"), 1)
        self.state = Badge("", "idle", "", self)
        head.addWidget(self.state, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addLayout(head)
        self._sentences = QVBoxLayout()
        self._sentences.setSpacing(2)
        layout.addLayout(self._sentences)
        self.lines: list[QLabel] = []
        self.bar = MeterBar(tr("Installation of the engine"), 6, self)
        layout.addWidget(self.bar)
        self.progress = label("", self, role="value", wrap=True)
        layout.addWidget(self.progress)
        self._error = QVBoxLayout()
        layout.addLayout(self._error)
        self._row = FlowLayout(spacing=8)
        layout.addLayout(self._row)

    def focus_first(self) -> None:
        """Put the focus on what is to be done next."""
        first = next(iter(self.buttons.values()), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _on_changed(self) -> None:
        card, before = self._live.card(), self._shown
        if card == before:
            return
        self._shown = card
        self.icon.show_icon(*_ICONS[card.mood])
        self.state.show_state(card.state, card.mood.value, "")
        self._show_sentences(card.sentences)
        self._show_bar(card)
        if before is None or before.deeds != card.deeds:
            self._make_buttons(card.deeds)
        if before is None or before.error is not card.error:
            self._show_error(card.error)
        self.setAccessibleName(tr("Render engine: {state}. {words}", state=card.state, words=" ".join(card.sentences)))
        if before is not None and before.state != card.state:
            announce(self, tr("Render engine: {state}", state=card.state), topic="engine")
        self.resized.emit()

    def _show_sentences(self, sentences: tuple[str, ...]) -> None:
        while len(self.lines) < len(sentences):
            line = label("", self, role="soft", wrap=True)
            self.lines.append(line)
            self._sentences.addWidget(line)
        for number, line in enumerate(self.lines):
            words = sentences[number] if number < len(sentences) else ""
            line.setText(breakable(words))
            line.setAccessibleName(words)
            line.setVisible(bool(words))

    def _show_bar(self, card: RuntimeCard) -> None:
        bar = card.bar
        self.bar.setVisible(bar is not None and bar.total > 0)
        self.progress.setVisible(bar is not None and bool(bar.words))
        if bar is not None:
            self.bar.show_parts([Segment(bar.done)], max(1, bar.total), spoken=f"{bar.percent} %")
            self.progress.setText(bar.words)

    def _make_buttons(self, deeds: tuple[RuntimeDeed, ...]) -> None:
        had_focus = any(button.hasFocus() for button in self.buttons.values())
        for button in self.buttons.values():
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = {}
        for deed in deeds:
            words = tr(DEED_WORDS[deed]) + ("…" if deed in _ASKS else "")
            kind = "primary" if deed in _MAIN else "secondary"
            button = Button(words, self, kind=kind, icon_name=_DEED_ICONS[deed])
            button.setAccessibleName(tr("{deed}: render engine", deed=words))
            button.setToolTip(tr(DEED_HELP[deed]))
            button.setProperty("deed", deed.value)
            button.clicked.connect(self._on_clicked)
            self._row.addWidget(button)
            self.buttons[deed] = button
        if had_focus:
            self.focus_first()

    def _show_error(self, error: WanError | None) -> None:
        if self.error_card is not None:
            self._error.removeWidget(self.error_card)
            self.error_card.hide()
            self.error_card.deleteLater()
            self.error_card = None
        if error is not None:
            from wan_desktop.ui.error_texts import error_text  # noqa: PLC0415 - only where something went wrong

            text = error_text(error, self._session)
            self.error_card = ErrorCard(text, self)
            self.error_card.retry.hide()  # what is to be done stands below, where it always stands
            self._error.addWidget(self.error_card)
            announce(self, f"{text.title}. {text.hint}", assertive=True)

    @Slot()
    def _on_clicked(self) -> None:
        deed = RuntimeDeed(self.sender().property("deed"))
        if deed is RuntimeDeed.FROM_FILE:
            self._ask_for_file()
        else:
            self._live.do(deed)

    def _ask_for_file(self) -> None:
        if self.dialog is not None:
            return
        dialog = QFileDialog(self, tr("Choose an engine package"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(
            [tr("Engine packages ({pattern})", pattern="*.zip"), tr("All files ({pattern})", pattern="*")]
        )
        dialog.fileSelected.connect(self._on_file)
        dialog.finished.connect(self._on_dialog_closed)
        self.dialog = dialog
        dialog.open()

    @Slot(str)
    def _on_file(self, path: str) -> None:
        self._live.do(RuntimeDeed.FROM_FILE, Path(path))

    @Slot(int)
    def _on_dialog_closed(self, _code: int) -> None:
        self.dialog = None
