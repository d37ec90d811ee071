"""Lets downloads wait while a video is made, if the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from wan_desktop.core.model_activity import ActivityKind

if TYPE_CHECKING:
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.session import Session

_RESUME_MS = 1500
"""So long after a render downloads go on, so that they do not begin between two videos of a queue."""


class DownloadPause(QObject):
    """Pauses downloads when a render begins, and lets go on those that it has paused.

    A download that the user begins, or lets go on, during a render stays as the user wants it.

    Args:
        session: Its models, its renders and its settings.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._paused: set[ModelKey] = set()
        """Those that are to go on afterwards."""
        self._was_running = False
        self._resume = QTimer(self)
        self._resume.setSingleShot(True)
        self._resume.setInterval(_RESUME_MS)
        self._resume.timeout.connect(self._on_resume)
        session.renders.changed.connect(self._look)
        session.renders.job_started.connect(self._look)
        session.renders.job_ended.connect(self._look)
        session.settings_changed.connect(self._look)

    @Slot()
    def _look(self) -> None:
        is_running = self._session.renders.running and self._session.settings.pause_while_rendering
        if is_running and not self._was_running:
            self._resume.stop()
            self._pause()
        elif self._was_running and not is_running:
            self._resume.start()
        self._was_running = is_running

    def _pause(self) -> None:
        models = self._session.models
        for offer in models.offers():
            activity = models.activity(offer.key)
            if activity is not None and activity.kind is ActivityKind.DOWNLOAD and not activity.is_stopping:
                models.pause(offer.key)
                self._paused.add(offer.key)

    @Slot()
    def _on_resume(self) -> None:
        if self._was_running:
            return
        models = self._session.models
        for key in sorted(self._paused, key=str):
            if models.activity(key) is not None:
                self._resume.start()  # it is still stopping, or the user has let it go on
                if not models.is_paused(key):
                    self._paused.discard(key)
                continue
            self._paused.discard(key)
            if models.is_paused(key):  # else the user has given it up
                models.download(key)
