"""What the PC does when all videos are made: a countdown that can be stopped, then sleep or the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.power import carry_out
from wan_desktop.core.render_queue import WhenDone
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.widgets.controls import announce

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

    from wan_desktop.core.render_queue import QueueSnapshot, RenderQueue
    from wan_desktop.ui.session import Session

COUNTDOWN_S = 60


class WhenAllDone(QObject):
    """Watches the queue come to its end, and then does what the user chose for that, once.

    Args:
        session: Whose queue.
        window: Above which the countdown stands.
        act: Does it; this PC's own way if None.
    """

    window_wanted = Signal()
    """The countdown begins, and the window is hidden."""

    def __init__(self, session: Session, window: QWidget, act: Callable[[WhenDone], object] | None = None) -> None:
        super().__init__(window)
        self._renders = session.renders
        self._window = window
        self.act = act or carry_out
        self._made_one = False
        """A video was made, or failed, since nothing waited: an empty queue alone is no end."""
        self._action = WhenDone.NOTHING
        self.seconds_left = 0
        self.box: QMessageBox | None = None
        """The countdown; None while there is none."""
        self.now: QPushButton | None = None
        self.cancel: QPushButton | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self.tick)
        self._renders.changed.connect(self._on_changed)
        self._renders.job_ended.connect(self._on_job_ended)

    @Slot()
    def tick(self) -> None:
        """A second has passed."""
        self.seconds_left -= 1
        if self.seconds_left <= 0:
            self._do_it()
        else:
            self._show_seconds()

    @Slot(str, object)
    def _on_job_ended(self, _job_id: str, outcome: object) -> None:
        self._made_one = self._made_one or outcome is not None
        self._look(self._renders.snapshot)

    @Slot(object)
    def _on_changed(self, now: QueueSnapshot) -> None:
        self._look(now)

    def _look(self, now: QueueSnapshot) -> None:
        is_busy = bool(now.running or now.waiting) or self._renders.running
        if is_busy or now.when_done is WhenDone.NOTHING:
            self._take_back()
        elif self._made_one and self.box is None:
            self._made_one = False
            self._begin(now.when_done)

    def _begin(self, action: WhenDone) -> None:
        from PySide6.QtWidgets import QMessageBox  # noqa: PLC0415 - rarely needed

        self._action, self.seconds_left = action, COUNTDOWN_S
        if not self._window.isVisible():
            self.window_wanted.emit()
        box = self.box = QMessageBox(self._window)
        box.setWindowTitle(text.APP)
        box.setText(tr("All videos are done."))
        words = tr("Sleep now") if action is WhenDone.SLEEP else tr("Shut down now")
        self.now = box.addButton(words, QMessageBox.ButtonRole.AcceptRole)
        self.cancel = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(self.cancel)
        box.setEscapeButton(self.cancel)
        box.finished.connect(self._on_finished)
        self._show_seconds()
        box.open()
        announce(box, f"{box.text()} {box.informativeText()}", assertive=True)
        self._timer.start()

    def _show_seconds(self) -> None:
        if self.box is not None:
            words = (
                tr("This PC goes to sleep in {seconds} s.", seconds=self.seconds_left)
                if self._action is WhenDone.SLEEP
                else tr("This PC shuts down in {seconds} s.", seconds=self.seconds_left)
            )
            self.box.setInformativeText(words)

    def _take_back(self) -> None:
        """There is something to make again, or the user thought better of it."""
        self._timer.stop()
        box, self.box = self.box, None
        if box is not None:
            box.hide()
            box.deleteLater()

    def _do_it(self) -> None:
        action = self._action
        self._end()
        self.act(action)

    def _end(self) -> None:
        """It is done or not wanted: the next night decides anew."""
        self._take_back()
        self._renders.do(_reset)

    @Slot(int)
    def _on_finished(self, _code: int) -> None:
        if self.box is None:
            return
        if self.box.clickedButton() is self.now:
            self._do_it()
        else:
            self._end()


def _reset(queue: RenderQueue) -> None:
    queue.set_when_done(WhenDone.NOTHING)
