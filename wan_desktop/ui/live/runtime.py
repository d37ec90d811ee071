"""The engine of the installed program as it is now, and all that can be done with it.

Installing, checking and repairing run on a lane of their own. A pause is a cancel: what was fetched is kept, and the
next installation goes on with it. In a copy of the program that has its engine within, there is nothing of all this.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.jobs import JobSnapshot, JobState, Lane
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.hardware import Gpu
    from wan_desktop.core.jobs import JobContext
    from wan_desktop.core.runtime.program_engine import ProgramEngine, Standing
    from wan_desktop.core.runtime.runtime_card import RuntimeCard, RuntimeDeed, RuntimeWork, WorkKind
    from wan_desktop.core.settings import Settings
    from wan_desktop.ui.session import Session

logger = logging.getLogger(__name__)
_SHOW_MS = 100
"""Progress is shown ten times a second at most."""


class LiveRuntime(QObject):
    """The engine, for the window's thread.

    Args:
        session: Whose lanes, settings and PC.
        engine: What can be installed; None where the engine is part of the program.
    """

    changed = Signal()
    """`standing`, `work` or `error` is another now."""
    failed = Signal(object)
    """The WanError that ended work."""
    installed = Signal()
    """Another engine is in use now."""

    def __init__(self, session: Session, engine: ProgramEngine | None) -> None:
        super().__init__(session)
        self._session = session
        self._engine = engine
        self._job_id = ""
        self._kind: WorkKind | None = None
        self._progress: Any = None
        self._stopping = self._discards = False
        self._looking = self._again = False
        self._seen = ("", "")
        """Card and driver, as they were when they were looked at last."""
        self.standing: Standing | None = None
        """As it was when it was last looked at; None until then."""
        self.error: WanError | None = None
        """What the last work, or the last look, came to; None if it went well."""
        self._show = QTimer(self)
        self._show.setSingleShot(True)
        self._show.setInterval(_SHOW_MS)
        self._show.timeout.connect(self.changed)
        if engine is None:
            return
        session.job_changed.connect(self._on_job_changed)
        session.pc.changed.connect(self._on_pc_changed)
        session.pc.failed.connect(self._on_pc_changed)
        session.settings_changed.connect(self._on_settings_changed)
        if session.safe_reason is None:
            session.submit(
                "Recover the engine's installation", Lane.SETUP, lambda _: engine.recover(), self._on_recovered
            )
        else:
            self.look()

    # What is known ---------------------------------------------------------------------------------------------------

    @property
    def engine(self) -> ProgramEngine | None:
        """What is installed, or could be."""
        return self._engine

    @property
    def is_managed(self) -> bool:
        """There is an engine that is installed by the program, or could be."""
        return self._engine is not None

    @property
    def can_render(self) -> bool:
        """There is an engine to render with, as far as is known."""
        return self._engine is None or (self.standing is not None and self.standing.is_usable)

    @property
    def is_working(self) -> bool:
        """Something is being done with it."""
        return self._kind is not None

    @property
    def work(self) -> RuntimeWork | None:
        """What is being done; None for nothing."""
        from wan_desktop.core.runtime.runtime_card import RuntimeWork  # noqa: PLC0415 - only in an installed program

        return RuntimeWork(self._kind, self._progress, self._stopping) if self._kind is not None else None

    def card(self) -> RuntimeCard:
        """All that is shown of it."""
        from wan_desktop.core.runtime.runtime_card import card_of  # noqa: PLC0415 - only in an installed program

        return card_of(self.standing, self.work, self.error)

    @property
    def need(self) -> str:
        """Why one is to be installed: `absent`, `damaged`, `outdated`; empty if none is, or it is being done."""
        if self._engine is None or self.is_working:
            return ""
        from wan_desktop.core.runtime.runtime_card import need_of  # noqa: PLC0415 - only in an installed program

        return need_of(self.standing)

    @property
    def size_words(self) -> str:
        """How much there is to download; empty until that was looked at."""
        if self.standing is None:
            return ""
        from wan_desktop.core.runtime.runtime_card import size_words  # noqa: PLC0415 - only in an installed program

        return size_words(self.standing)

    def reason_not_to_render(self) -> str:
        """Why no video can be made, in a sentence; empty if one can."""
        if self.can_render:
            return ""
        if self._kind is not None:
            from wan_desktop.core.runtime.runtime_card import progress_words  # noqa: PLC0415 - as above

            work = self.work
            return tr("Render engine: {words}", words=progress_words(work)) if work is not None else ""
        if self.need == "damaged":
            return tr("The render engine is damaged")
        if self.need:
            return tr("The render engine is not installed")
        return tr("The render engine is being looked at")

    # What can be done ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Look how it stands, on the files lane."""
        engine, gpu = self._engine, self._gpu()
        if engine is None:
            return
        if self._looking:
            self._again = True
            return
        self._looking, self._again = True, False
        pc = self._session.pc
        is_known = pc.profile is not None or pc.error is not None
        self._session.submit(
            "Look at the engine", Lane.FILES, lambda _: engine.look(gpu, is_pc_known=is_known), self._on_looked
        )

    def do(self, deed: RuntimeDeed, path: Path | None = None) -> None:
        """Do what a button says.

        Args:
            deed: What.
            path: The package, where it is to be installed from a file.
        """
        from wan_desktop.core.runtime.runtime_card import RuntimeDeed, WorkKind  # noqa: PLC0415 - as above

        engine, gpu = self._engine, self._gpu()
        if engine is None:
            return
        match deed:
            case RuntimeDeed.INSTALL | RuntimeDeed.RESUME:
                self._start(WorkKind.INSTALL, lambda context: engine.install(gpu, context))
            case RuntimeDeed.REPAIR:
                self._start(WorkKind.REPAIR, lambda context: engine.repair(gpu, context))
            case RuntimeDeed.CHECK:
                self._start(WorkKind.CHECK, engine.check)
            case RuntimeDeed.ROLL_BACK:
                self._start(WorkKind.ROLL_BACK, lambda _: engine.roll_back())
            case RuntimeDeed.FROM_FILE:
                if path is not None:
                    self._start(WorkKind.FROM_FILE, lambda context: engine.install_from(path, gpu, context))
            case RuntimeDeed.PAUSE:
                self._stop()
            case RuntimeDeed.DISCARD:
                self._discard()

    def install(self) -> None:
        """Install what is needed, or repair what is damaged; the one button of other parts of the window."""
        from wan_desktop.core.runtime.runtime_card import RuntimeDeed  # noqa: PLC0415 - as above

        self.do(RuntimeDeed.REPAIR if self.need == "damaged" else RuntimeDeed.INSTALL)

    def _start(self, kind: WorkKind, work: Callable[[JobContext], object]) -> None:
        if self._kind is not None:
            return
        self._kind, self._progress, self.error = kind, None, None
        self._stopping = self._discards = False
        self._job_id = self._session.submit(f"Engine: {kind}", Lane.SETUP, work, self._on_ended)
        self.changed.emit()

    def _stop(self) -> None:
        if self._job_id and not self._stopping:
            self._stopping = True
            self._session.queue.cancel(self._job_id)
            self.changed.emit()

    def _discard(self) -> None:
        """When what runs has stopped, remove what it has fetched."""
        if self._job_id:
            self._discards = True
            self._stop()
        else:
            self._forget()

    def _forget(self) -> None:
        engine = self._engine
        if engine is not None:
            self.error = None
            forget = "Forget the engine's parts"
            self._session.submit(forget, Lane.SETUP, lambda _: engine.forget_fetched(), self._on_forgotten)

    def _gpu(self) -> Gpu | None:
        card = self._session.pc.card
        return card.gpu if card is not None else None

    # What comes back -------------------------------------------------------------------------------------------------

    def _on_recovered(self, snapshot: JobSnapshot) -> None:
        if snapshot.error is not None:
            self.error = snapshot.error
        self.look()

    def _on_looked(self, snapshot: JobSnapshot) -> None:
        self._looking = False
        if snapshot.error is not None:
            self.error = snapshot.error
        elif snapshot.state is JobState.DONE:
            self.standing = snapshot.result
        self.changed.emit()
        if self._again:
            self.look()

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id == self._job_id and snapshot.state is JobState.RUNNING:
            self._progress = snapshot.progress
            if not self._show.isActive():
                self._show.start()

    def _on_ended(self, snapshot: JobSnapshot) -> None:
        from wan_desktop.core.runtime.runtime_card import WorkKind  # noqa: PLC0415 - only in an installed program

        self._job_id = ""
        self._show.stop()
        if self._discards and snapshot.state is JobState.CANCELLED:
            self._forget()  # until then it is being stopped, as far as is shown
            return
        kind = self._end_work()
        if snapshot.error is not None:
            self.error = snapshot.error
            self.failed.emit(snapshot.error)
        elif snapshot.state is JobState.DONE and kind is not WorkKind.CHECK:
            # On its lane, so that a video that is being made is not lost; the next one is made with the new engine.
            self._session.submit("Start the engine anew", Lane.ENGINE, lambda _: self._session.client.renew())
            self.installed.emit()
        self.look()  # which tells of the change: what was seen before the work is no longer so

    def _on_forgotten(self, snapshot: JobSnapshot) -> None:
        if not self._job_id:  # else another installation was begun meanwhile
            self._end_work()
        if snapshot.error is not None:
            self.error = snapshot.error
        self.look()

    def _end_work(self) -> WorkKind | None:
        """What was done until now."""
        kind, self._kind, self._progress = self._kind, None, None
        self._stopping = self._discards = False
        return kind

    @Slot(object)
    def _on_pc_changed(self, _profile: object) -> None:
        if self._gpu_counts() or self.standing is None or not self.standing.is_pc_known:
            self.look()

    def _gpu_counts(self) -> bool:
        """The card may ask for another engine than when it was looked at last."""
        known, gpu = self._seen, self._gpu()
        self._seen = (gpu.uuid, gpu.driver_version) if gpu is not None else ("", "")
        return known != self._seen

    @Slot(object)
    def _on_settings_changed(self, settings: Settings) -> None:
        if self._engine is not None:
            self._engine.use(settings)
            self.look()
