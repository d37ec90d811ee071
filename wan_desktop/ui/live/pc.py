"""This PC as it is now: looked at on a lane of its own, as often as those who show it want."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from wan_desktop.core.hardware_probe import probe
from wan_desktop.core.jobs import Lane
from wan_desktop.core.machine import Card, card_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.ui.session import Session


class LivePc(QObject):
    """Looks at the PC while somebody watches.

    Args:
        session: Whose lanes and settings.
        look: Finds the profile; the real PC if None.
    """

    changed = Signal(object)
    """A HardwareProfile."""
    failed = Signal(object)
    """A WanError: the PC could not be looked at."""

    def __init__(self, session: Session, look: Callable[[], HardwareProfile] | None = None) -> None:
        super().__init__(session)
        self._session = session
        self._look_at_pc = look or self._probe
        self._looking = False
        self._watchers: dict[int, int] = {}
        self.profile: HardwareProfile | None = None
        """The newest; None until the PC was looked at."""
        self.error: WanError | None = None
        """Why the last look failed; None if it did not."""
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)

    @property
    def card(self) -> Card | None:
        """The card that the settings or the free memory choose; None until the PC was looked at."""
        return card_of(self.profile, self._session.settings.gpu_uuid) if self.profile is not None else None

    def watch(self, watcher: object, every_ms: int) -> None:
        """Look again and again until `unwatch`; the shortest interval that anybody wants counts."""
        self._watchers[id(watcher)] = every_ms
        self._set_timer()
        self.look()

    def unwatch(self, watcher: object) -> None:
        """That one does not watch any more."""
        self._watchers.pop(id(watcher), None)
        self._set_timer()

    def look(self) -> None:
        """Look now, unless it is being looked already."""
        if not self._looking:
            self._looking = True
            self._session.submit("Look at this PC", Lane.PC, lambda _: self._look_at_pc(), self._on_looked)

    def _probe(self) -> HardwareProfile:
        settings, paths = self._session.settings, self._session.paths
        folders = settings.model_folders or (paths.models,)
        drives = [*folders, settings.videos_folder or paths.videos]
        pid = self._session.client.process_id
        return probe(drives=drives, own_processes=[] if pid is None else [pid])

    def _set_timer(self) -> None:
        if self._watchers:
            self._timer.start(min(self._watchers.values()))
        else:
            self._timer.stop()

    def _on_looked(self, snapshot: JobSnapshot) -> None:
        self._looking = False
        if snapshot.error is not None:
            self.error = snapshot.error
            self.failed.emit(snapshot.error)
        elif snapshot.result is not None:
            self.error = None
            self.profile = snapshot.result
            self.changed.emit(self.profile)
