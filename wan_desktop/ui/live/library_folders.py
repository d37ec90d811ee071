"""The folders of videos: read at the start, when they change in the settings, and when one that vanished is back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.thumbnails import Thumbnails

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.core.settings import Settings
    from wan_desktop.core.video_library import ScanProgress, ScanReport
    from wan_desktop.ui.live.library_lanes import LibraryLanes
    from wan_desktop.ui.session import Session

_THUMBNAILS_BYTES = 500_000_000
"""What all small pictures may take: at some 10 kB each, room for tens of thousands of videos."""
_LOOK_MS = 5000
"""So often it is looked whether a folder that vanished is there again."""


class LibraryFolders(QObject):
    """Reads them on the lane of long reads, so that questions never wait for that.

    Args:
        session: Its lanes, settings and paths.
        lanes: Where the library is.
        parent: Its parent.
    """

    progressed = Signal(object)
    """A ScanProgress."""
    scanned = Signal(object)
    """A ScanReport."""
    trouble = Signal(object)
    """A WanError."""

    def __init__(self, session: Session, lanes: LibraryLanes, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._lanes = lanes
        self._job = ""
        self._wants_scan = False
        self.report: ScanReport | None = None
        """What the newest scan found."""
        self._read = self.paths()
        session.job_changed.connect(self._on_job_changed)
        session.settings_changed.connect(self._on_settings_changed)
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.setInterval(_LOOK_MS)
        self._look_timer.timeout.connect(self._on_look)

    @property
    def scanning(self) -> bool:
        """They are being read."""
        return bool(self._job)

    def paths(self) -> list[Path]:
        """Where videos are looked for; the first is where new ones go."""
        return [self._session.settings.videos_folder or self._session.paths.videos, self._session.paths.rescued]

    def stop(self) -> None:
        """Look for nothing any more."""
        self._look_timer.stop()

    @Slot()
    def scan(self) -> None:
        """Read the folders, then empty the trash of what is old; once more if that runs already."""
        if self._job:
            self._wants_scan = True
            return
        self._begin(everything=False)

    @Slot()
    def rebuild(self) -> None:
        """Open every file again, for a list that is not right; not while the folders are being read."""
        if not self._job:
            self._begin(everything=True)

    def _begin(self, *, everything: bool) -> None:
        folders = self._read = self.paths()
        thumbnails = self._session.paths.thumbnails

        def work(context: JobContext) -> ScanReport:
            library = self._lanes.now()
            report = (library.rebuild if everything else library.scan)(folders, context)
            library.empty_trash()
            Thumbnails(thumbnails).prune(_THUMBNAILS_BYTES)
            return report

        self._job = self._session.submit("Read the videos", Lane.MODELS, work, self._on_scanned)

    def _on_scanned(self, snapshot: JobSnapshot) -> None:
        self._job = ""
        if snapshot.state == JobState.CANCELLED:
            return
        if snapshot.error is not None:
            self.trouble.emit(snapshot.error)
        else:
            self.report = snapshot.result
            self.scanned.emit(snapshot.result)
            if self.report is not None and self.report.vanished:
                self._look_timer.start()
        if self._wants_scan:
            self._wants_scan = False
            self.scan()

    @Slot()
    def _on_look(self) -> None:
        """A folder was not there at the last scan: see whether its drive is connected again."""
        vanished = self.report.vanished if self.report is not None else ()
        if vanished and not self._job:
            # On the lane of scans: a network drive that does not answer holds up whoever looks at it.
            look = functools.partial(_any_there, vanished)
            self._session.submit("Look for a folder", Lane.MODELS, look, self._on_looked)

    def _on_looked(self, snapshot: JobSnapshot) -> None:
        if snapshot.state == JobState.CANCELLED:
            return
        if snapshot.result:
            self.scan()
        else:
            self._look_timer.start()

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id == self._job and snapshot.progress is not None and not snapshot.state.final:
            progress: ScanProgress = snapshot.progress
            self.progressed.emit(progress)

    @Slot(object)
    def _on_settings_changed(self, _settings: Settings) -> None:
        if self.paths() != self._read:
            self.scan()


def _any_there(folders: Sequence[Path], _context: JobContext) -> bool:
    return any(folder.is_dir() for folder in folders)
