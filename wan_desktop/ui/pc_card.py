"""The card at the foot of the sidebar: which card renders, how it is, and how full its memory and the PC's are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, IconLabel, label, restyle, set_role
from wan_desktop.ui.widgets.meter import MeterBar, Segment

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent

    from wan_desktop.core.engine_client import EngineState
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.machine import Card

COMPACT_PX, COMPACT_MARGIN = 64, 8


class _Memory(QWidget):
    """A name, two numbers, and a bar below them."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        row = QHBoxLayout()
        row.addWidget(label(name, self, role="caption"), 1)
        self.value = label("", self, role="value")
        row.addWidget(self.value)
        layout.addLayout(row)
        self.bar = MeterBar(name, 6, self)
        layout.addWidget(self.bar)

    def show_parts(self, own_bytes: int, others_bytes: int, total_bytes: int) -> None:
        used = text.data_amounts(own_bytes + others_bytes, total_bytes)
        self.value.setText(text.data_part(own_bytes + others_bytes, total_bytes))
        parts = [Segment(others_bytes, "fill_idle"), Segment(own_bytes, "accent")]
        self.bar.show_parts(parts, total_bytes, spoken=used)


class PcCard(QFrame):
    """Shows the PC and its engine; a click asks for the page This PC."""

    opened = Signal()
    start_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self._compact = False
        self._start_words = tr("Start again")
        self._work = ""
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(6)
        top = QHBoxLayout()
        top.setSpacing(8)
        self.icon = IconLabel("microchip", "text2", 18, self)
        self.icon.setProperty("align", "center")
        self.name = label(tr("Engine"), self, role="label")
        self.state = label("", self, role="caption")
        top.addWidget(self.icon)
        top.addWidget(self.name, 1)
        top.addWidget(self.state)
        self._layout.addLayout(top)
        self.more = label("", self, role="value", wrap=True)
        self._layout.addWidget(self.more)
        self.video_memory = _Memory(tr("Video memory"), self)
        self.memory = _Memory(tr("Memory"), self)
        for part in (self.video_memory, self.memory):
            part.hide()
            self._layout.addWidget(part)
        self.start = Button(self._start_words, self, icon_name="power")
        self.start.clicked.connect(self.start_requested)
        self._layout.addWidget(self.start)
        self._show(tr("Starting"), "value", "text2", "")

    def set_compact(self, compact: bool) -> None:
        """Show the icon only."""
        self._compact = compact
        self.name.setVisible(not compact)
        self.state.setVisible(not compact)
        self._fold()
        self.start.setText("" if compact else self._start_words)
        self.start.setProperty("kind", "link" if compact else "secondary")  # the narrowest that has only an icon
        self.start.setProperty("compact", compact)
        restyle(self.start)
        self.start.refresh_icon()

    def show_state(self, state: EngineState) -> None:
        """Show how the engine is."""
        from wan_desktop.core.engine_client import EngineAbsent, EngineReady, EngineStopped  # noqa: PLC0415 - after the first paint

        match state:
            case EngineReady(ready):
                more = text.device_name(ready.device)
                if ready.device.lower() == "cpu":
                    more += f"{text.DOT}{text.threads(ready.threads)}"
                self._show(tr("Ready"), "ok", "ok", more)
            case EngineAbsent(error):
                self._show(tr("Not ready"), "bad", "bad", error.message, can_start=True)
                self._name_start(tr("Set up"))
            case EngineStopped(""):  # it was never started
                more = tr("The engine starts with the first video.")
                self._show(tr("Off"), "value", "text2", more, can_start=True)
                self._name_start(tr("Start it"))
            case EngineStopped(reason):
                more = tr("It stopped: {reason}.", reason=reason)
                self._show(tr("Stopped"), "bad", "bad", more, can_start=True)
                self._name_start(tr("Start again"))
            case _:
                self._show(tr("Starting"), "value", "text2", "")

    def show_work(self, words: str) -> None:
        """Say what a ready engine does at the moment, such as `Rendering`; empty: nothing."""
        if words != self._work:
            self._work = words
            self._show(*self._shown, can_start=self._can_start)

    def show_pc(self, profile: HardwareProfile, card: Card) -> None:
        """Show card and memory as they are now."""
        gpu = card.gpu
        self.name.setText(_short_name(gpu.name) if gpu is not None else tr("No card"))
        self.name.setToolTip(gpu.name if gpu is not None else card.text)
        if gpu is not None:
            own = max(0, gpu.total_bytes - gpu.free_bytes - gpu.used_by_others_bytes)
            self.video_memory.show_parts(own, gpu.used_by_others_bytes, gpu.total_bytes)
        self.video_memory.setProperty("known", gpu is not None)
        memory = profile.memory
        self.memory.show_parts(0, memory.total_bytes - memory.available_bytes, memory.total_bytes)
        self.memory.setProperty("known", True)
        self._fold()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open the page."""
        super().mousePressEvent(event)
        self.opened.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the page with Enter or Space."""
        from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def _fit_margins(self) -> None:
        """Centre the icon in a folded sidebar; its button, while there is one, needs more room."""
        margin = 12
        if self._compact:
            inner = look().px(26) + 2 if self._can_start else look().px(18)
            margin = (COMPACT_PX - 1 - 2 * COMPACT_MARGIN - inner) // 2 - 1  # 1: the edges
        self._layout.setContentsMargins(margin, 10, margin, 10)

    def _name_start(self, words: str) -> None:
        self._start_words = words
        self.start.setAccessibleName(words)
        self.start.setText("" if self._compact else words)

    def _fold(self) -> None:
        """Show what there is room for."""
        self._fit_margins()
        self.more.setVisible(not self._compact and bool(self.more.text()))
        for part in (self.video_memory, self.memory):
            part.setVisible(not self._compact and bool(part.property("known")))

    def _show(self, state: str, role: str, token: str, more: str, *, can_start: bool = False) -> None:
        self._shown, self._can_start = (state, role, token, more), can_start
        if self._work and role == "ok":
            state, role, token = self._work, "note", "info"
        self.state.setText(state)
        set_role(self.state, role)
        self.icon.show_icon("microchip", token)
        self.more.setText(more)
        self._fold()
        self.start.setVisible(can_start)
        spoken = tr("Engine: {state}. {more}", state=state, more=more).strip()
        self.setAccessibleName(spoken)
        self.setToolTip(spoken)


def _short_name(name: str) -> str:
    """`RTX 4070` of `NVIDIA GeForce RTX 4070`."""
    for word in ("NVIDIA", "GeForce", "Quadro"):
        name = name.replace(word, "")
    return " ".join(name.split())
