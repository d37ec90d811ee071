"""Lets downloads wait while a video is made, if the settings say so, and while their drive is almost full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from wan_desktop.core.drive_space import is_short
from wan_desktop.core.model_activity import ActivityKind

if TYPE_CHECKING:
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.session import Session

_RESUME_MS = 1500
"""So long afterwards downloads go on, so that they do not begin between two videos of a queue."""


class DownloadPause(QObject):
    """Pauses downloads when a render begins or their drive gets full, and lets go on those that it has paused.

    A download that the user begins, or lets go on, meanwhile stays as the user wants it: it is refused by itself where
    it has no room.

    Args:
        session: Its models, its renders, its settings, and its PC, whose drives are looked at every few seconds.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._paused: set[ModelKey] = set()
        """Those that are to go on afterwards."""
        self._waited = False
        self._resume = QTimer(self)
        self._resume.setSingleShot(True)
        self._resume.setInterval(_RESUME_MS)
        self._resume.timeout.connect(self._on_resume)
        session.renders.changed.connect(self._look)
        session.renders.job_started.connect(self._look)
        session.renders.job_ended.connect(self._look)
        session.settings_changed.connect(self._look)
        session.pc.changed.connect(self._look)

    @Slot()
    def _look(self) -> None:
        for_render = self._session.renders.running and self._session.settings.pause_while_rendering
        waits = for_render or self._is_drive_full()
        if waits and not self._waited:
            self._resume.stop()
            self._pause()
        elif self._waited and not waits:
            self._resume.start()
        self._waited = waits

    def _is_drive_full(self) -> bool:
        """Of the first model folder, where downloads go."""
        session, profile = self._session, self._session.pc.profile
        folder = next(iter(session.settings.model_folders), session.paths.models)
        return profile is not None and is_short(profile.drives, folder)

    def _pause(self) -> None:
        models = self._session.models
        for offer in models.offers():
            activity = models.activity(offer.key)
            if activity is not None and activity.kind is ActivityKind.DOWNLOAD and not activity.is_stopping:
                models.pause(offer.key, is_for_now=True)  # if the program ends meanwhile, it goes on at its next start
                self._paused.add(offer.key)

    @Slot()
    def _on_resume(self) -> None:
        if self._waited:
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
