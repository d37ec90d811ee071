"""Is there a newer program: asked once a day if the user wants that, and only while nothing else goes on.

A check and a download run on the network's lane. What is downloaded is installed by its own setup file, after this
program has ended; the queue and all that is half downloaded stay as they are.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.jobs import JobSnapshot, JobState, Lane
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.setup_start import start_setup
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wan_desktop.core.jobs import JobContext
    from wan_desktop.core.update_source import Offer
    from wan_desktop.core.updates import Updates, UpdateState
    from wan_desktop.ui.session import Session

logger = logging.getLogger(__name__)
_FIRST_LOOK_MS = 60_000
_LOOK_MS = 900_000
"""So often it is seen whether a check is due; the day is counted on disk."""
_SHOW_MS = 200


class LiveUpdates(QObject):
    """What is known of a newer program, for the window's thread.

    Args:
        session: Whose lanes, settings, paths and work.
        first_look_ms: When it is looked first whether a check is due.
        start: Starts a setup file.
    """

    changed = Signal()
    failed = Signal(object)
    """A WanError, of what the user asked for."""
    question_wanted = Signal(str)
    """The setup is here, and something runs that would be stopped: in words."""
    close_requested = Signal()
    """The setup was started: the program is to end."""

    def __init__(
        self, session: Session, *, first_look_ms: int = _FIRST_LOOK_MS, start: Callable[[Path], None] = start_setup
    ) -> None:
        super().__init__(session)
        self._session = session
        self.start = start
        self._updates: Updates | None = None
        self._job_id = ""
        self._is_busy = False
        self._asked = False
        self.offer: Offer | None = None
        """What could be installed; None if nothing newer is known."""
        self.state: UpdateState | None = None
        """What the last check or download came to; None until then."""
        self.is_downloading = False
        self.percent = 0
        """Of a download."""
        self._show = QTimer(self)
        self._show.setSingleShot(True)
        self._show.setInterval(_SHOW_MS)
        self._show.timeout.connect(self.changed)
        self._look = QTimer(self)
        self._look.timeout.connect(self._on_look)
        session.job_changed.connect(self._on_job_changed)
        for happened in (session.renders.changed, session.renders.job_started, session.renders.job_ended):
            happened.connect(self._note_busy)
        session.models.changed.connect(self._note_busy)
        session.runtime.changed.connect(self._note_busy)
        if session.safe_reason is None and self.is_set_up:
            self._look.start(first_look_ms)

    # What is known ---------------------------------------------------------------------------------------------------

    @property
    def is_set_up(self) -> bool:
        """Keys that updates are signed with came with this copy of the program."""
        return (self._session.paths.resources / "updates" / "root.json").is_file()

    @property
    def is_checking(self) -> bool:
        """It is being asked."""
        return bool(self._job_id) and not self.is_downloading

    @property
    def is_ready(self) -> bool:
        """The setup of what is offered is here."""
        from wan_desktop.core.updates import UpdateReady  # noqa: PLC0415 - only where updates were asked for

        return self.offer is not None and isinstance(self.state, UpdateReady)

    def words(self) -> str:
        """How it stands, in a sentence."""
        if not self.is_set_up:
            return tr("This copy of the program is not set up for updates.")
        if self.is_downloading and self.offer is not None:
            return tr(
                "Version {version} is being downloaded: {percent} %", version=self.offer.version, percent=self.percent
            )
        if self._job_id:
            return tr("Looking for a newer version")
        return self._state_words() if self.state is not None else ""

    def _state_words(self) -> str:
        from wan_desktop.core import updates  # noqa: PLC0415 - imported already, by the lane

        match self.state:
            case updates.UpToDate(version):
                return tr("Version {version} is the newest.", version=version)
            case updates.UpdateAvailable(offer):
                return tr("Version {version} is there.", version=offer.version)
            case updates.UpdateReady(offer):
                return tr("Version {version} is here, and can be installed.", version=offer.version)
            case updates.UpdateFailed(error):
                return f"{error.message} {error.hint}"
            case updates.UpdatesNotSetUp(reason) | updates.UpdatePostponed(reason):
                return reason
            case _:
                return ""

    def what_runs(self) -> str:
        """What would be stopped if the program ended now, in words; empty if nothing would."""
        session = self._session
        if session.renders.running:
            return tr("A video is being made")
        if any(self._is_download(offer.key) for offer in session.models.offers()):
            return tr("A model is being downloaded")
        return tr("The render engine is being installed") if session.runtime.is_working else ""

    def _is_download(self, key: object) -> bool:
        activity = self._session.models.activity(key)  # type: ignore[arg-type]
        return activity is not None and activity.kind is ActivityKind.DOWNLOAD

    # What can be done ------------------------------------------------------------------------------------------------

    @Slot()
    def check(self) -> None:
        """Ask now, because the user wants to know."""
        self._submit("Look for updates", lambda updates, context: updates.check(context), asked=True)

    @Slot()
    def download_and_install(self) -> None:
        """Fetch the setup file, then install it; what is here already is not fetched again."""
        offer = self.offer
        if offer is None or self._job_id:
            return
        self.is_downloading, self.percent = True, 0
        self._submit("Download an update", lambda updates, context: updates.download(offer, context), asked=True)

    def install_now(self) -> None:
        """Start the setup file, and end; what runs is stopped, and goes on at the next start."""
        self._submit_start()

    @Slot()
    def _on_look(self) -> None:
        self._look.start(_LOOK_MS)
        if self._session.settings.update_check and not self._job_id and not self.what_runs():
            self._submit("Look for updates", _check_if_due, asked=False)

    def _submit(self, title: str, work: Callable[[Updates, JobContext], object], *, asked: bool) -> None:
        if self._job_id:
            return
        self._note_busy()
        self._asked = asked
        self._job_id = self._session.submit(
            title, Lane.NETWORK, lambda context: work(self._opened(), context), self._on_ended
        )
        self.changed.emit()

    def _opened(self) -> Updates:
        """On the network's lane: the imports take a moment.

        Raises:
            CatalogError: The keys of updates cannot be read.
        """
        if self._updates is None:
            from wan_desktop.core.update_source import bundled_source  # noqa: PLC0415 - on the lane
            from wan_desktop.core.updates import Updates  # noqa: PLC0415 - on the lane

            paths = self._session.paths
            self._updates = Updates(paths.updates, bundled_source(paths.resources), is_busy=lambda: self._is_busy)
        return self._updates

    def _submit_start(self) -> None:
        """See once more that the file is what was signed, and start it."""
        ready = self.state
        self._submit("Start the setup", functools.partial(_start_proven, ready, self.start), asked=True)

    # What comes back -------------------------------------------------------------------------------------------------

    def _on_ended(self, snapshot: JobSnapshot) -> None:
        from wan_desktop.core.updates import UpdateAvailable, UpdateFailed, UpdateReady  # noqa: PLC0415 - imported already

        self._job_id, was_download, self.is_downloading = "", self.is_downloading, False
        found = UpdateFailed(snapshot.error) if snapshot.error is not None else snapshot.result
        if snapshot.state is JobState.CANCELLED or found is None:
            self.changed.emit()
            return
        if found is _STARTED:
            self.close_requested.emit()
            return
        self.state = found
        if isinstance(found, (UpdateAvailable, UpdateReady)):
            self.offer = found.offer
        if isinstance(found, UpdateFailed) and self._asked:
            self.failed.emit(found.error)
        self.changed.emit()
        if was_download and isinstance(found, UpdateReady):
            self.install()

    def install(self) -> None:
        """Install what is here: at once where nothing runs, else after a question."""
        runs = self.what_runs()
        if runs:
            self.question_wanted.emit(runs)
        else:
            self.install_now()

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        progress = snapshot.progress
        if snapshot.job_id != self._job_id or not self.is_downloading or progress is None:
            return
        self.percent = 100 * progress.done_bytes // max(1, progress.total_bytes)
        if not self._show.isActive():
            self._show.start()

    @Slot()
    def _note_busy(self) -> None:
        before, self._is_busy = self._is_busy, bool(self.what_runs())  # read by the lane, again and again
        if before != self._is_busy and self.offer is not None:
            self.changed.emit()  # it is offered only while nothing else goes on


_STARTED = object()


def _check_if_due(updates: Updates, context: JobContext) -> UpdateState | None:
    return updates.check(context) if updates.is_due(wanted=True) else None


def _start_proven(ready: object, start: Callable[[Path], None], updates: Updates, _context: JobContext) -> object:
    from wan_desktop.core.updates import UpdateAvailable, UpdateReady  # noqa: PLC0415 - imported already

    if not isinstance(ready, UpdateReady):
        return None
    if not updates.proven(ready):
        return UpdateAvailable(ready.offer)  # it was removed or changed: it can be fetched again
    start(ready.path)
    return _STARTED
