"""What the window works with while it is open: the job queue with its threads, the engine, the settings.

It is made after the first paint, so that importing and starting all this does not delay the window.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from shiboken6 import isValid

from wan_desktop.core.engine_client import ENGINE_COMMAND, EngineAbsent, EngineClient, EngineStopped
from wan_desktop.core.jobs import JobQueue, JobSnapshot, JobState, Lane
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.rendering import Renderer
from wan_desktop.core.settings import save_settings
from wan_desktop.ui.bridge import EngineBridge, JobBridge
from wan_desktop.ui.live.download_pause import DownloadPause
from wan_desktop.ui.live.library import LiveLibrary
from wan_desktop.ui.live.messages import MessageLog
from wan_desktop.ui.live.models import LiveModels
from wan_desktop.ui.live.pc import LivePc
from wan_desktop.ui.live.render_queue import LiveQueue
from wan_desktop.ui.live.runtime import LiveRuntime
from wan_desktop.ui.live.updates import LiveUpdates
from wan_desktop.ui.workers import LaneThread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wan_desktop.core.engine_client import EngineState
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.jobs import Work
    from wan_desktop.core.paths import AppPaths
    from wan_desktop.core.runtime.program_engine import ProgramEngine
    from wan_desktop.core.safe_mode import SafeReason
    from wan_desktop.core.settings import Settings
    from wan_desktop.core.subjects import Subjects

logger = logging.getLogger(__name__)
_PATIENCE_S = 1.5
"""How long a running render may take to stop by itself when the program ends."""


class Session(QObject):
    """Queue, lanes, engine and settings of one window.

    Args:
        paths: Where everything lies.
        settings: As they were read.
        parent: Lives at least as long.
        engine_command: How the engine is started.
        look_at_pc: Finds out what the PC is; this one if None.
        queue_file: A queue of its own, which is empty at the start; the usual one if None.
        safe_reason: Why nothing begins by itself; None: what is to go on goes on.
        program_engine: The engine that the program installs, in place of `engine_command`; None: it has one within.
        waits: Models and videos are read when `begin` is called; else at once.
    """

    engine_changed = Signal(object)
    job_changed = Signal(object)
    settings_changed = Signal(object)
    """The Settings, as they are now."""
    restart_requested = Signal(object)
    """A NextStart: the program is to end and to start again."""

    def __init__(
        self,
        paths: AppPaths,
        settings: Settings,
        parent: QObject,
        *,
        engine_command: Sequence[str] = ENGINE_COMMAND,
        look_at_pc: Callable[[], HardwareProfile] | None = None,
        queue_file: Path | None = None,
        safe_reason: SafeReason | None = None,
        program_engine: ProgramEngine | None = None,
        waits: bool = False,
    ) -> None:
        super().__init__(parent)
        self.paths = paths
        self.settings = settings
        self.safe_reason = safe_reason
        self.waits = waits
        """Models and videos are read when `begin` is called."""
        self._done: dict[str, Callable[[JobSnapshot], None]] = {}
        self._is_shut_down = False
        self._jobs = JobBridge(self)
        self._engine = EngineBridge(self)
        self.queue = JobQueue(self._jobs.tell)
        self._jobs.attach(self.queue)
        find_program = program_engine.program if program_engine is not None else None
        self.client = EngineClient(engine_command, find_program=find_program, on_change=self._engine.tell)
        self._engine.attach(self.client)
        self.renderer = Renderer(self.client, paths, RenderPlanner(paths, settings))
        self._lanes = [LaneThread(self.queue, lane, self) for lane in Lane]
        self._jobs.job_changed.connect(self._on_job_changed)
        self._engine.engine_changed.connect(self.engine_changed)
        self.messages = MessageLog(self)
        self.pc = LivePc(self, look_at_pc)
        self.runtime = LiveRuntime(self, program_engine)
        self.models = LiveModels(self)
        self.renderer.find_subjects = self._find_subjects
        self.renderer.hold_model = self._hold_model
        self.library = LiveLibrary(self)
        self.renders = LiveQueue(self, queue_file or paths.render_queue_file, forget=queue_file is not None)
        self.download_pause = DownloadPause(self)
        self.updates = LiveUpdates(self)
        self.renders.job_ended.connect(self.library.on_queue_job_ended)
        for thread in self._lanes:
            thread.start()

    def submit(self, title: str, lane: Lane, work: Work, done: Callable[[JobSnapshot], None] | None = None) -> str:
        """Queue work; `done` is called on the window's thread with the final snapshot, unless its owner is gone."""
        job_id = self.queue.submit(title, lane, work)
        if done is not None:
            self._done[job_id] = done
        return job_id

    def begin(self) -> None:
        """Read models and videos; safe to call again."""
        self.models.begin()
        if self.safe_reason is None:
            self.library.begin()

    def _find_subjects(self) -> Subjects | None:
        """On the engine's lane; None where nothing may take a model's place."""
        settings, catalog, manager = self.settings, self.models.catalog, self.models.manager
        may_use = settings.may_use_smaller_variant or settings.may_use_other_model
        if not may_use or catalog is None or manager is None:
            return None
        from wan_desktop.core.subjects import Subjects  # noqa: PLC0415 - after the first paint

        return Subjects(catalog, manager, self.paths.resources)

    def _hold_model(self, folder: Path) -> AbstractContextManager[None]:
        """On the engine's lane."""
        manager = self.models.manager
        return manager.using(folder) if manager is not None else nullcontext()

    def start_engine(self) -> None:
        """Start the engine process unless it runs; on its lane, because starting a process can take long."""
        self.submit("Start the engine", Lane.ENGINE, lambda _: self.client.start(), self._on_engine_started)

    def change_settings(self, settings: Settings) -> None:
        """Keep other settings from now on, and on disk."""
        self.settings = settings
        self.renderer.planner.use(settings)
        self.settings_changed.emit(settings)
        path = self.paths.settings_file

        def save(_: object) -> None:
            save_settings(settings, path)

        self.submit("Save the settings", Lane.FILES, save, self._on_settings_saved)

    def shutdown(self) -> None:
        """End all work, the lanes and the engine; nothing is left running afterwards."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        self._jobs.close()
        self._engine.close()
        self.renders.close_down()  # before what runs is cancelled: else it would be stopped for good
        self.queue.shutdown()
        for thread in self._lanes:
            thread.join(_PATIENCE_S)
        self.client.stop()  # a render that did not stop in time ends with its process, and so does its lane
        for thread in self._lanes:
            thread.wait()
        self.models.close()
        self.library.close()
        self.renders.close()

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self.messages.last_error = snapshot.error
        if snapshot.state.final:
            done = self._done.pop(snapshot.job_id, None)
            if done is not None and _can_be_told(done):
                done(snapshot)
        self.job_changed.emit(snapshot)

    def _on_settings_saved(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            logger.warning("%s", snapshot.error)
            self.messages.say_error(snapshot.error)

    def _on_engine_started(self, snapshot: JobSnapshot) -> None:
        is_absent = isinstance(self.engine_state, EngineAbsent)  # which has been told
        if snapshot.state == JobState.FAILED and snapshot.error is not None and not is_absent:
            self.engine_changed.emit(EngineStopped(snapshot.error.message))

    @property
    def engine_state(self) -> EngineState:
        """How the engine is now."""
        return self.client.state


def _can_be_told(done: Callable[[JobSnapshot], None]) -> bool:
    """Not where it belongs to a widget that is gone by now, such as a step of a wizard that was closed."""
    owner = getattr(done, "__self__", None)
    return not isinstance(owner, QObject) or isValid(owner)
