"""The installed program, whose engine is or is not there: on paper, as on a PC with Windows."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QScrollArea

from tools.pictures.acts import Act, Scene, View
from wan_desktop.core.engine_client import EngineProgram
from wan_desktop.core.errors import EngineRuntimeError, RuntimeDamagedError, RuntimeTestError
from wan_desktop.core.hardware import Gpu
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.choice import choose_runtime
from wan_desktop.core.runtime.program_engine import ProgramEngine, Standing
from wan_desktop.core.runtime.runtime_card import RuntimeDeed
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime
from wan_desktop.core.runtime.runtime_records import RuntimeState
from wan_desktop.core.runtime.runtimes import RuntimeProgress, RuntimeSnapshot
from wan_desktop.core.settings import Settings
from wan_desktop.core.store.transfer import TransferProgress
from wan_desktop.core.update_source import Offer
from wan_desktop.core.updates import UpdateAvailable
from wan_desktop.ui.help.part import PartId
from wan_desktop.ui.page import SHOW_ENGINE, PageId
from wan_desktop.ui.settings.rows import Category

_PC = "rtx-4070-12gb-32gb"
_OLD, _NEW = (InstalledRuntime(Path(name), Path("python.exe"), name) for name in ("0a1b2c3dxyz", "4e5f6a7babc"))


class PlayedEngine(ProgramEngine):
    """An engine on paper.

    Args:
        snapshot: How it stands.
        pc: For the played engine's process.
        here_bytes: What an installation that was begun has brought.
    """

    def __init__(self, snapshot: RuntimeSnapshot, pc: str = _PC, here_bytes: int = 0) -> None:
        self._snapshot, self._pc, self._here_bytes = snapshot, pc, here_bytes
        self.fails = False

    def use(self, settings: Settings) -> None:
        """Nobody is asked."""

    def recover(self) -> None:
        """Nothing is half made."""

    def program(self) -> EngineProgram:
        """The played engine, where there is one.

        Raises:
            EngineRuntimeError: There is none.
        """
        if self._snapshot.state is RuntimeState.READY:
            return EngineProgram((sys.executable, "-m", "tools.pictures.engine", self._pc))
        if self._snapshot.error is not None:
            raise self._snapshot.error
        raise EngineRuntimeError("The render engine is not installed.", hint="Install it; this takes some minutes.")

    def look(self, gpu: Gpu | None, *, is_pc_known: bool = True) -> Standing:
        """How it stands."""
        has_one, choice = self._snapshot.current is not None, choose_runtime("windows", gpu)
        return Standing(
            snapshot=self._snapshot,
            choice=choice,
            version="2.13.0",
            version_in_use="2.12.1" if not self._snapshot.is_wanted else "2.13.0",
            size_in_use_bytes=5_600_000_000 if has_one else 0,
            kind_in_use=choice.kind if has_one else None,
            download_bytes=2_340_000_000,
            is_size_known=self._here_bytes > 0,
            is_pc_known=is_pc_known,
            here_bytes=self._here_bytes,
            room_bytes=7_500_000_000,
            free_bytes=212_000_000_000,
        )

    def install(self, gpu: Gpu | None, context: JobContext) -> None:
        """Be somewhere in the download until it is stopped, or fail.

        Raises:
            JobCancelled: It was stopped.
            RuntimeTestError: It is to fail.
        """
        del gpu
        if self.fails:
            raise RuntimeTestError(
                "The new render engine failed its test: the graphics driver does not answer.",
                hint="Install the newest NVIDIA driver, then try again; what was downloaded is kept.",
                details="CUDA error 999",
            )
        transfer = TransferProgress(1_310_000_000, 2_340_000_000, 38e6, 27.0 * 4, "torch.whl", 4)
        context.progress(RuntimeProgress(RuntimeState.FETCHING, transfer))
        while not context.cancel_asked.wait(0.05):
            pass
        context.check_cancelled()


def _absent() -> PlayedEngine:
    return PlayedEngine(RuntimeSnapshot(RuntimeState.ABSENT))


def _begun() -> PlayedEngine:
    return PlayedEngine(RuntimeSnapshot(RuntimeState.ABSENT), here_bytes=1_310_000_000)


def _ready() -> PlayedEngine:
    return PlayedEngine(RuntimeSnapshot(RuntimeState.READY, _NEW, _OLD))


def _outdated() -> PlayedEngine:
    return PlayedEngine(RuntimeSnapshot(RuntimeState.READY, _OLD, is_wanted=False))


def _damaged() -> PlayedEngine:
    error = RuntimeDamagedError(
        "The render engine is damaged: torch/lib/c10.dll: it is gone.", hint="Repair it; this takes some minutes."
    )
    return PlayedEngine(RuntimeSnapshot(RuntimeState.DAMAGED, _NEW, error=error))


# Scenes --------------------------------------------------------------------------------------------------------------


def _wizard_panel(view: View) -> Any:
    view.until(lambda: view.window.wizard is not None and view.window.wizard.isVisible())
    assert view.window.wizard is not None
    step: Any = view.window.wizard.steps[0]
    view.until(lambda: view.session.runtime.need or view.session.runtime.is_working)
    view.rest(300)
    area = step.findChild(QScrollArea)
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    return step.runtime


def _wizard_absent(view: View) -> None:
    _wizard_panel(view)


def _fetching(view: View) -> None:
    view.session.runtime.do(RuntimeDeed.INSTALL)
    runtime = view.session.runtime
    view.until(lambda: runtime.work is not None and runtime.work.progress is not None)
    view.rest(200)


def _wizard_fetching(view: View) -> None:
    _fetching(view)
    _wizard_panel(view)


def _wizard_failed(view: View) -> None:
    runtime = view.session.runtime
    runtime.do(RuntimeDeed.PAUSE)
    view.until(lambda: not runtime.is_working)
    engine = runtime.engine
    assert isinstance(engine, PlayedEngine)
    engine.fails = True
    runtime.do(RuntimeDeed.INSTALL)
    view.until(lambda: runtime.error is not None)
    _wizard_panel(view)


def _create(view: View) -> None:
    view.until(lambda: view.session.runtime.standing is not None and view.session.runtime.standing.is_pc_known)
    view.open(PageId.CREATE)
    view.rest(300)


def _create_fetching(view: View) -> None:
    _fetching(view)
    _create(view)


def _health(view: View) -> None:
    page = view.open(PageId.HELP, SHOW_ENGINE)
    part = page.parts[PartId.HEALTH]
    view.until(lambda: len(part.rows) > 5 and view.session.runtime.standing is not None)
    view.rest(300)
    part.show_engine()
    view.rest(100)


def _offer_update(view: View) -> None:
    view.open(PageId.CREATE)
    updates = view.session.updates
    offer = Offer("0.9.0", "WanDesktop-0.9.0-setup.exe", 41_000_000, "0" * 64, "https://example.org/news")
    updates.offer, updates.state = offer, UpdateAvailable(offer)
    updates.changed.emit()
    view.rest(200)


def _privacy(view: View) -> None:
    page = view.open(PageId.SETTINGS)
    page.show_category(Category.PRIVACY)
    view.rest(200)


def _act(name: str, engine: Callable[[], ProgramEngine], *scenes: Scene, wizard: bool = False) -> Act:
    return replace(Act(name, _PC, scenes, wizard=wizard), engine=engine)


ACTS = (
    _act(
        "wizard without an engine",
        _absent,
        Scene("engine_wizard_absent", _wizard_absent),
        Scene("engine_wizard_fetching", _wizard_fetching),
        Scene("engine_wizard_failed", _wizard_failed),
        wizard=True,
    ),
    _act(
        "window without an engine",
        _absent,
        Scene("engine_create_absent", _create),
        Scene("engine_help_absent", _health),
    ),
    _act(
        "window while an engine comes",
        _begun,
        Scene("engine_help_begun", _health),
        Scene("engine_create", _create_fetching),
    ),
    _act("window with an engine", _ready, Scene("engine_help_ready", _health)),
    _act(
        "window with an old engine",
        _outdated,
        Scene("engine_outdated", _create),
        Scene("engine_help_outdated", _health),
    ),
    _act(
        "window with a damaged engine",
        _damaged,
        Scene("engine_help_damaged", _health),
        Scene("engine_damaged", _create),
    ),
    Act("updates", _PC, (Scene("updates_not_set_up", _privacy), Scene("updates_banner", _offer_update))),
)
