"""Lines above the list: what goes on with all models, what was removed and can be put back, what was added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.announcements import sentences
from wan_desktop.core.model_activity import Activity, ActivityKind
from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.models import words
from wan_desktop.ui.widgets.controls import Button, announce, label, surface
from wan_desktop.ui.widgets.meter import MeterBar, Segment
from wan_desktop.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_MS = 30_000
"""So long a removal can be undone by its line; after that `models put-back` does it."""
_DOING = {
    ActivityKind.CHECK: mark("Checking the files of all models"),
    ActivityKind.ADOPT: mark("Looking through the folder"),
    ActivityKind.ADD: mark("Asking for the repository"),
}


class NoticeBar(QWidget):
    """Shows at most one line of each kind."""

    action_requested = Signal(object)
    """The value of the button that was pressed on the line."""
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.work = surface("card", self)
        row = QHBoxLayout(self.work)
        row.setContentsMargins(12, 8, 9, 8)
        row.setSpacing(12)
        self._doing = label("", self.work, role="label")
        self.bar = MeterBar(tr("Progress"), 6, self.work)
        self._numbers = label("", self.work, role="value")
        self.stop = Button(tr("Stop"), self.work, icon_name="x")
        self.stop.clicked.connect(self.stop_requested)
        row.addWidget(self._doing)
        row.addWidget(self.bar, 1)
        row.addWidget(self._numbers)
        row.addWidget(self.stop)
        self.work.hide()
        layout.addWidget(self.work)
        self._box = layout
        self.notice: Notice | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SHOWN_MS)
        self._timer.timeout.connect(self.dismiss)
        self.hide()

    def show_activity(self, activity: Activity | None) -> None:
        """Show what goes on with all of them; None for nothing."""
        if activity is not None:
            self._doing.setText(tr(_DOING.get(activity.kind, mark("Working"))))
            self.bar.show_parts([Segment(activity.part)], 1.0, spoken=f"{int(100 * activity.part)} %")
            self._numbers.setText(words.progress_words(activity))
            self.stop.setEnabled(not activity.is_stopping)
        self.work.setVisible(activity is not None)
        self._fold()

    def say(
        self, kind: str, title: str, more: str = "", actions: Sequence[tuple[str, object]] = (), *, stays: bool = False
    ) -> None:
        """Show a line, which goes by itself unless it is to stay.

        Args:
            kind: `ok`, `warn`, `bad` or `info`.
            title: In a few words.
            more: One sentence.
            actions: Text and value of each button.
            stays: Until something else is said.
        """
        self.dismiss()
        self.notice = Notice(kind, title, more, [*actions, (tr("Dismiss"), None)], self)
        self.notice.action_requested.connect(self._on_action)
        self._box.addWidget(self.notice)
        self.notice.show()
        self._fold()
        announce(self, sentences(title, more), assertive=kind == "bad")
        if not stays:
            self._timer.start()

    @Slot()
    def dismiss(self) -> None:
        """Show no line."""
        self._timer.stop()
        if self.notice is not None:
            self._box.removeWidget(self.notice)
            self.notice.hide()
            self.notice.deleteLater()
            self.notice = None
        self._fold()

    def _fold(self) -> None:
        self.setVisible(self.notice is not None or not self.work.isHidden())

    @Slot(object)
    def _on_action(self, value: object) -> None:
        self.dismiss()
        if value is not None:
            self.action_requested.emit(value)


def removed_words(name: str, freed_bytes: int, shared_bytes: int) -> tuple[str, str]:
    """What is said after a removal."""
    more = tr("{size} are freed when the trash is emptied in 7 days.", size=text.data_size(freed_bytes))
    if shared_bytes:
        more += " " + tr("{size} are shared with other models and stay.", size=text.data_size(shared_bytes))
    return tr("{name} was removed", name=name), more
