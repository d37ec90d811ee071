"""Runs the whole program once and prints the pauses of its event loop.

A process of its own, started by benchmarks/window.py. The window opens, the engine starts, a sample is rendered with
it, a model is downloaded from the tests' fake Hub (in a process of its own, on this machine), and every byte of it is
read again: all by what the buttons call.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from benchmarks.store_download import serving
from wan_desktop.app import spare_pauses
from wan_desktop.core.catalog import add_entry, metadata_for_repo
from wan_desktop.core.engine_client import EngineReady
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings, save_settings
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.status import ModelStatus
from wan_desktop.ui.program import Program

_TICK_MS = 10
_IDLE_S = 3.0
_MODEL_BYTES = 1_500_000_000
_LIMIT_S = 240

Phase = tuple[str, Callable[[], bool]]
"""What the ticks until then belong to, and when it is over."""


class Watch:
    """Counts ticks, and leads the program from phase to phase."""

    def __init__(self, application: QApplication, phases: Iterator[Phase]) -> None:
        self._application = application
        self._phases = phases
        self._name, self._is_over = next(phases)
        self._ticks: list[float] = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        self.gaps_ms: dict[str, list[float]] = {}

    def run(self) -> int:
        """Through all phases; 0, or 1 if they took too long."""
        QTimer.singleShot(1000 * _LIMIT_S, lambda: self._application.exit(1))
        self._timer.start(_TICK_MS)
        return self._application.exec()

    def _on_tick(self) -> None:
        self._ticks.append(time.perf_counter())
        if not self._is_over():
            return
        self.gaps_ms[self._name] = [1000 * (after - before) for before, after in itertools.pairwise(self._ticks)]
        # What begins the next phase runs in this tick, so a pause that it makes is the next phase's first gap.
        del self._ticks[:-1]
        try:
            self._name, self._is_over = next(self._phases)
        except StopIteration:
            self._application.exit(0)


def _phases(application: QApplication, paths: AppPaths, key: ModelKey, made: list[Program]) -> Iterator[Phase]:
    end_s = time.perf_counter() + _IDLE_S
    yield "idle", lambda: time.perf_counter() > end_s
    program = Program(application, paths)
    made.append(program)
    page = program.window.create
    spare_pauses(program)
    painted: list[bool] = []
    program.window.first_painted.connect(lambda: painted.append(True))
    program.show()
    yield "until the first paint", lambda: bool(painted)  # there is no window to stand still; see window_child.py
    yield "opening", lambda: page.form is not None
    session = program.session
    if session is None or page.form is None:
        raise RuntimeError("the window has no session")
    yield "engine starts and imports", lambda: isinstance(session.engine_state, EngineReady)
    done: list[object] = []
    page.render_ended.connect(done.append)
    page.form.write_prompt(page.stage.empty.samples[0])
    page.footer.generate.click()
    yield "loads and renders", lambda: bool(done)
    models = session.models
    yield "looks at the models", lambda: models.is_settled and models.state(key) is not None
    models.download(key)
    yield "downloads 1.5 GB", lambda: (state := models.state(key)) is not None and state.status is ModelStatus.AVAILABLE
    ended: list[ActivityKind] = []
    models.finished.connect(lambda _key, kind, _result: ended.append(kind))
    models.verify(key)
    yield "reads all bytes again", lambda: ActivityKind.CHECK in ended


def make_repository(folder: Path) -> None:
    """A tiny model whose transformer has a large tensor more, so that a download takes seconds."""
    import torch  # noqa: PLC0415 - not in the process of the window
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    from tests.fakes.tiny_models import make_tiny_model  # noqa: PLC0415 - imports torch

    make_tiny_model("ti2v", folder)
    (file,) = (folder / "transformer").glob("*.safetensors")
    tensors = load_file(file)
    tensors = {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}
    tensors["benchmark.padding"] = torch.randint(0, 256, (_MODEL_BYTES,), dtype=torch.uint8)
    save_file(tensors, file)


def main() -> None:
    """`prepare FOLDER` makes the repository; `run FOLDER [BYTES_PER_S]` prints the gaps of each phase as JSON.

    BYTES_PER_S is the most that a connection to the server gives: without it, as much as this PC can.
    """
    command, repository = sys.argv[1], Path(sys.argv[2])
    bytes_per_s = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    if command == "prepare":
        make_repository(repository)
        return
    application = QApplication([sys.argv[0], "-style", "Fusion"])
    with TemporaryDirectory() as home, serving(repository, bytes_per_s=bytes_per_s) as server:
        os.environ["HF_ENDPOINT"] = server.url
        paths = AppPaths.find({"WAN_DESKTOP_HOME": home})
        paths.ensure()
        save_settings(Settings(wizard_done=True), paths.settings_file)
        metadata = metadata_for_repo(server.repo_id)
        add_entry(metadata, paths.added_models)
        made: list[Program] = []
        watch = Watch(application, _phases(application, paths, ModelKey(metadata.model_id, "original"), made))
        code = watch.run()
        for program in made:
            program.shutdown()
        print(json.dumps({"phases": watch.gaps_ms, "code": code}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
