"""Which programs hold the graphics card's memory: a list that follows what is opened and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QListWidget, QVBoxLayout

from wan_desktop.core.card_programs import shown_name
from wan_desktop.core.pc_rows import Fix
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.this_pc.fixes import open_outside
from wan_desktop.ui.widgets.controls import Button, label
from wan_desktop.ui.widgets.tab_order import Dialog

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent
    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.card_programs import CardProgram
    from wan_desktop.core.hardware import Gpu
    from wan_desktop.ui.session import Session

_WIDTH_PX = 460
_MOST_ROWS = 10
"""More are scrolled to."""
_LOOK_MS = 2000
_PADDING_PX = 8
"""Of the list, by the sheet."""


class ProgramsDialog(Dialog):
    """Lists programs, the largest first, and looks again every two seconds.

    The program closes none of them: what is unsaved there would be lost.

    Args:
        session: Whose PC.
        parent: Above which it stands.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Programs on the graphics card"))
        self._session = session
        self._lines: list[str] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 16)
        layout.setSpacing(10)
        self.summary = label("", self, wrap=True)
        layout.addWidget(self.summary)
        self.programs = QListWidget(self)
        self.programs.setAccessibleName(tr("Programs on the graphics card"))
        self.programs.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.programs.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.programs.setTextElideMode(Qt.TextElideMode.ElideRight)
        layout.addWidget(self.programs)
        self.hint = label("", self, role="soft", wrap=True)
        layout.addWidget(self.hint)
        row = QHBoxLayout()
        row.addStretch(1)
        self.manager = Button(tr("Open Task Manager"), self)
        self.manager.clicked.connect(self._on_manager)
        self.leave = Button(tr("Close"), self, kind="primary")
        self.leave.clicked.connect(self.reject)
        row.addWidget(self.manager)
        row.addWidget(self.leave)
        layout.addLayout(row)
        session.pc.changed.connect(self._show)
        self.finished.connect(self._on_finished)
        self._show()
        session.pc.watch(self, _LOOK_MS)

    @Slot()
    def _show(self) -> None:
        pc = self._session.pc
        gpu = pc.card.gpu if pc.card is not None else None
        self.manager.setVisible(pc.profile is not None and pc.profile.system.os == "windows")
        self.summary.setText(_summary(gpu))
        programs = gpu.programs if gpu is not None else ()
        self._show_lines([_line(program) for program in programs])
        self.programs.setVisible(bool(programs))
        self.hint.setText(
            tr("Close games, browsers and video programs before large videos. This list follows what you close.")
            if programs
            else tr("The system does not tell which programs these are.")
        )
        self._fit_lines()

    def _show_lines(self, lines: list[str]) -> None:
        """Keep the chosen line where it is while the numbers change."""
        if lines == self._lines:
            return
        self._lines = lines
        row = self.programs.currentRow()
        self.programs.clear()
        self.programs.addItems(lines)
        if lines:
            self.programs.setCurrentRow(min(max(0, row), len(lines) - 1))

    def _fit_lines(self) -> None:
        """As high as what it says, so that nothing in it is empty."""
        rows = min(self.programs.count(), _MOST_ROWS)
        frame_px = 2 * self.programs.frameWidth() + _PADDING_PX
        self.programs.setFixedHeight(rows * self.programs.sizeHintForRow(0) + frame_px if rows else 0)
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.fit(_WIDTH_PX, 0)
        self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def showEvent(self, event: QShowEvent) -> None:
        """Its fonts are known now."""
        super().showEvent(event)
        self._fit_lines()

    @Slot()
    def _on_manager(self) -> None:
        open_outside(Fix.SHOW_PROGRAMS)

    @Slot(int)
    def _on_finished(self, _code: int) -> None:
        self._session.pc.unwatch(self)


def _summary(gpu: Gpu | None) -> str:
    if gpu is None:
        return tr("There is no graphics card that answers.")
    used, total = text.data_size(gpu.used_by_others_bytes), text.data_size(gpu.total_bytes)
    return tr("Other programs hold {used} of {total} on {card}.", used=used, total=total, card=gpu.name)


def _line(program: CardProgram) -> str:
    """`chrome · 1.2 GB · 4 processes`."""
    size = text.data_size(program.vram_bytes) if program.vram_bytes is not None else tr("size not told")
    parts = [shown_name(program), size]
    if len(program.processes) > 1:
        parts.append(tr("{count} processes", count=len(program.processes)))
    return text.DOT.join(parts)
