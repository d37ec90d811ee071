"""Makes a sample video through the window that nobody sees, for machines without a screen."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from wan_desktop.core.errors import WanError
from wan_desktop.core.words import tr
from wan_desktop.ui.create.rendering import RenderDone

if TYPE_CHECKING:
    from types import FrameType

    from PySide6.QtWidgets import QApplication

    from wan_desktop.ui.create.page import CreatePage

_SIGNALS_MS = 200


class SampleRun(QObject):
    """Writes the model's first sample prompt into the form, presses Generate, and ends the program with the outcome."""

    def __init__(self, application: QApplication, page: CreatePage, parent: QObject) -> None:
        super().__init__(parent)
        self._application = application
        self._page = page
        page.form_ready.connect(self._on_form_ready)
        page.render_ended.connect(self._on_render_ended)
        # Python runs signal handlers only between its own instructions; the timer gives it some while Qt waits.
        self._wake = QTimer(self)
        self._wake.start(_SIGNALS_MS)
        self._wake.timeout.connect(self._on_wake)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._application.exit(128 + number)

    @Slot()
    def _on_wake(self) -> None:
        return

    @Slot()
    def _on_form_ready(self) -> None:
        form = self._page.form
        if form is not None and self._page.stage.empty.samples:
            form.write_prompt(self._page.stage.empty.samples[0])
            self._page.footer.generate.click()
        else:
            self._fail(tr("The model has no sample prompt."))

    @Slot(object)
    def _on_render_ended(self, outcome: object) -> None:
        match outcome:
            case RenderDone():
                print(outcome.result.path, flush=True)  # noqa: T201 - what it was started for
                self._application.exit(0)
            case WanError():
                self._fail(f"{outcome.shown_title} (WAN-{outcome.number}). {outcome.message} {outcome.hint}".strip())
            case _:
                self._fail(tr("The video was stopped."))

    def _fail(self, words: str) -> None:
        print(words, file=sys.stderr, flush=True)  # noqa: T201 - there is nobody to see an error card
        self._application.exit(1)
