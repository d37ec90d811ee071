"""What is around the window: the taskbar's progress, the tray, notifications, and no sleep while something runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication

from wan_desktop.core.jobs import Lane
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.notifications import Event, QueueEvents, is_busy
from wan_desktop.core.taskbar_progress import ProgressKind, Running, taskbar_progress
from wan_desktop.core.words import tr
from wan_desktop.ui.live.render_outcome import RenderFailed
from wan_desktop.ui.notifier import Notifier
from wan_desktop.ui.windows_shell import KeepAwake, Taskbar, TaskbarState

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.core.model_activity import Activity
    from wan_desktop.core.render_queue import QueueSnapshot
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.windows_shell import Libraries

_LONG_LANES = (Lane.ENGINE, Lane.NETWORK, Lane.SETUP)
"""On which renders and downloads run, and the engine is installed."""
_STATES = {
    ProgressKind.NONE: TaskbarState.NONE,
    ProgressKind.UNKNOWN: TaskbarState.INDETERMINATE,
    ProgressKind.USUAL: TaskbarState.NORMAL,
    ProgressKind.PAUSED: TaskbarState.PAUSED,
    ProgressKind.ERROR: TaskbarState.ERROR,
}


class Shell(QObject):
    """Made after the first paint.

    Args:
        window: What it is around.
        session: What the window works with.
        libraries: Windows'; None elsewhere.
    """

    page_requested = Signal(object, object)
    """A PageId and its target or None, from a notification: show the window, and that."""
    window_requested = Signal()
    """Show the window."""
    quit_requested = Signal()

    def __init__(self, window: QWidget, session: Session, libraries: Libraries | None) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self.taskbar = Taskbar(libraries, int(window.winId()))
        self.keep_awake = KeepAwake(libraries)
        self.notifier = Notifier(window, session)
        self.notifier.page_requested.connect(self.page_requested)
        self.in_background = False
        """The window is hidden, and the program runs on."""
        self._tray_connected = False
        self._long_jobs: set[str] = set()
        self._events = QueueEvents()
        self._rendering = self._paused = self._failed = False
        self._percent: int | None = None
        self._downloads: dict[ModelKey, Activity] = {}
        session.job_changed.connect(self._on_job_changed)
        session.renders.job_ended.connect(self._on_video_ended)
        session.renders.changed.connect(self._on_queue_changed)
        session.renders.pause.changed.connect(self._on_pause_changed)
        session.models.changed.connect(self._on_model_changed)
        session.models.finished.connect(self._on_model_finished)
        session.models.failed.connect(self._on_model_failed)

    # What runs -------------------------------------------------------------------------------------------------------

    def show_render(self, *, rendering: bool, percent: int | None = None) -> None:
        """Say whether a video is being made, and how far it is in percent, where that is known."""
        self._rendering, self._percent = rendering, percent
        self._show_progress()

    def looked(self) -> None:
        """The window is in front."""
        self._failed = False
        self.notifier.looked()
        self._show_progress()

    # In the background -----------------------------------------------------------------------------------------------

    def send_to_background(self) -> None:
        """Hide the window behind the icon beside the clock; where there is no place for one, make it small."""
        tray = self.notifier.tray
        if tray is None:
            self._window.showMinimized()
            return
        if not self._tray_connected:
            self._tray_connected = True
            tray.opened.connect(self.window_requested)
            tray.quit_requested.connect(self.quit_requested)
        self.in_background = True
        # Else the last dialog that closes would end the program.
        QApplication.setQuitOnLastWindowClosed(False)
        tray.show()
        self._window.hide()

    def come_back(self) -> None:
        """The window is shown again."""
        if self.in_background:
            self.in_background = False
            QApplication.setQuitOnLastWindowClosed(True)
        self.taskbar.show_again()
        self.looked()

    def close(self) -> None:
        """Take back everything that Windows was told; safe to call again."""
        self.taskbar.close()
        self.keep_awake.close()
        if self.in_background:
            self.in_background = False
            QApplication.setQuitOnLastWindowClosed(True)

    def _show_progress(self) -> None:
        downloads = tuple((activity.done_bytes, activity.total_bytes) for activity in self._downloads.values())
        running = Running(
            rendering=self._rendering,
            render_percent=self._percent,
            render_paused=self._session.renders.pause.is_paused,
            paused=self._paused,
            failed=self._failed,
            downloads=downloads,
        )
        kind, percent = taskbar_progress(running)
        self.taskbar.show(_STATES[kind], percent)

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.lane in _LONG_LANES:
            (self._long_jobs.discard if snapshot.state.final else self._long_jobs.add)(snapshot.job_id)
            self._hold_awake()

    @Slot()
    def _on_pause_changed(self) -> None:
        self._hold_awake()
        self._show_progress()

    def _hold_awake(self) -> None:
        """While something works; a render that is paused does not."""
        renders = self._session.renders
        resting = {renders.lane_job} if renders.pause.is_paused else set()
        self.keep_awake.hold(awake=bool(self._long_jobs - resting))

    @Slot(str, object)
    def _on_video_ended(self, _job_id: str, outcome: object) -> None:
        if isinstance(outcome, RenderFailed):
            self._failed = not self._window.isActiveWindow()
            self.notifier.tell(Event.NEEDS_YOU, outcome.error.shown_title)
        elif outcome is not None:
            self._events.video_done()
        renders = self._session.renders  # has begun with the next one already, if there is one
        event = self._events.at_rest(busy=renders.running or is_busy(renders.snapshot))
        if event is not None:
            self.notifier.tell(event, tr("Click to see it."))
        self._show_progress()

    @Slot(object)
    def _on_queue_changed(self, now: QueueSnapshot) -> None:
        self._paused = now.paused and bool(now.waiting)
        self._show_progress()

    @Slot(object)
    def _on_model_changed(self, key: ModelKey | None) -> None:
        keys = (key,) if key is not None else tuple(offer.key for offer in self._session.models.offers())
        for one in keys:
            activity = self._session.models.activity(one)
            if activity is not None and activity.kind is ActivityKind.DOWNLOAD:
                self._downloads[one] = activity
            else:
                self._downloads.pop(one, None)
        self._show_progress()

    @Slot(object, object, object)
    def _on_model_finished(self, key: ModelKey | None, kind: ActivityKind, _result: object) -> None:
        if key is not None and kind is ActivityKind.DOWNLOAD:
            self.notifier.tell(Event.DOWNLOAD_DONE, tr("{model} can be used now.", model=self._name_of(key)), key)

    @Slot(object, object)
    def _on_model_failed(self, key: ModelKey | None, error: WanError) -> None:
        if key in self._downloads:
            words = tr("{model}: {problem}", model=self._name_of(key), problem=error.shown_title)
            self.notifier.tell(Event.DOWNLOAD_FAILED, words, key)

    def _name_of(self, key: ModelKey | None) -> str:
        offer = self._session.models.offer(key) if key is not None else None
        return offer.metadata.name if offer is not None else str(key)
