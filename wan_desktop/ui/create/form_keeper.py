"""Brings the form of the last time back with the model it is for, and keeps the one at hand, on the files lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from wan_desktop.core.jobs import Lane
from wan_desktop.ui.create.form_state import default_state, fitted, load_form, save_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.ui.create.form_state import FormState
    from wan_desktop.ui.session import Session

_SAVE_MS = 400
"""After the last change."""

Found = tuple["Model", "FormState", "FormState | None"]
"""A model, the form for it, and the form of the last time, which may be for another model."""


class FormKeeper(QObject):
    """Keeps the form in its file.

    Args:
        session: Whose lanes and folder.
        parent: Its parent.
        remember: False: nothing is read and nothing written.
    """

    def __init__(self, session: Session, parent: QObject, *, remember: bool) -> None:
        super().__init__(parent)
        self._session = session
        self._remember = remember
        self._path = session.paths.data / "form.json"
        self._state: FormState | None = None
        """What is not on disk yet."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SAVE_MS)
        self._timer.timeout.connect(self._on_quiet)

    def find(self, load_model: Callable[[], Model], done: Callable[[JobSnapshot], None]) -> None:
        """Find the model and the form of the last time; the result of the job is `Found`."""
        path = self._path if self._remember else None

        def work(_: JobContext) -> Found:
            model = load_model()
            kept = load_form(path) if path is not None else None
            return model, fitted(kept, model) if kept is not None else default_state(model), kept

        self._session.submit("Find the model", Lane.FILES, work, done)

    def keep(self, state: FormState) -> None:
        """Write it down, in a moment."""
        if self._remember:
            self._state = state
            self._timer.start()

    def keep_now(self) -> None:
        """Write down at once what is not written yet; the program ends."""
        self._timer.stop()
        state, self._state = self._state, None
        if state is not None:
            save_form(state, self._path)

    @Slot()
    def _on_quiet(self) -> None:
        state, self._state = self._state, None
        if state is not None:
            path = self._path
            self._session.submit("Keep the form", Lane.FILES, lambda _: save_form(state, path))
