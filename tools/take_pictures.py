"""Takes pictures of the window's states, without a screen: `python tools/take_pictures.py --out build/pictures`.

Each look is taken by a process of its own, because Qt reads its scale factor once, at the start.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wan_desktop.core.catalog import Model
    from wan_desktop.ui.program import Program

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
_LIMIT_S = 300
_POLL_MS = 40
_STATE_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Shot:
    """One look of the window."""

    name: str
    theme: str
    width: int
    height: int
    zoom: float = 1.0
    text_scale: float = 1.0


SHOTS = (
    Shot("dark", "dark", 1440, 900),
    Shot("light", "light", 1440, 900),
    Shot("small", "dark", 1280, 672),
    Shot("minimum", "light", 1100, 640),
    Shot("zoom150", "light", 1280, 672, zoom=1.5),
    Shot("text150", "dark", 1280, 672, text_scale=1.5),
)


def main() -> int:
    """Take all pictures, or those of one look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "pictures")
    parser.add_argument(
        "--look", choices=[shot.name for shot in SHOTS], action="append", help="only these; default: all"
    )
    parser.add_argument("--model", help="a model folder; default: the built-in model")
    parser.add_argument("--fake", action="store_true", help="play with the tests' fake engine instead of the real one")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    shots = [shot for shot in SHOTS if not arguments.look or shot.name in arguments.look]
    if arguments.here:
        return take(shots[0], arguments)
    for shot in shots:
        environment = os.environ | {
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": str(shot.zoom),
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, sys.argv[0], "--out", str(arguments.out), "--look", shot.name, "--here"]
        command += ["--fake"] if arguments.fake else []
        command += ["--model", arguments.model] if arguments.model else []
        code = subprocess.run(command, env=environment, check=False, timeout=_LIMIT_S).returncode
        if code:
            return code
    return 0


def take(shot: Shot, arguments: argparse.Namespace) -> int:
    """Open the window and take the pictures of one look."""
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - only in the process that takes pictures

    from wan_desktop.core.paths import AppPaths  # noqa: PLC0415
    from wan_desktop.core.settings import Settings, Theme, save_settings  # noqa: PLC0415
    from wan_desktop.ui.program import Program  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as home:
        paths = AppPaths.find({"WAN_DESKTOP_HOME": home})
        save_settings(Settings(theme=Theme(shot.theme), text_scale=shot.text_scale), paths.settings_file)
        application = QApplication([sys.argv[0], "-style", "Fusion"])
        paths.ensure()
        program = Program(
            application,
            paths,
            engine_command=_engine("ok") if arguments.fake else None,
            load_model=_model(arguments.model),
        )
        program.window.resize(shot.width, shot.height)
        player = Player(program, shot, arguments.out)
        program.show()
        player.start()
        code = application.exec()
        program.shutdown()
    return code


def _engine(scenario: str) -> list[str]:
    return [sys.executable, str(ROOT / "tests" / "fakes" / "fake_engine.py"), scenario]


def _model(folder: str | None) -> "Callable[[], Model] | None":
    if folder is None:
        return None

    def load() -> "Model":
        from wan_desktop.core.catalog import Model, read_catalog  # noqa: PLC0415
        from wan_desktop.core.model_folder import inspect_model_folder  # noqa: PLC0415

        return Model(read_catalog(ROOT / "resources")["shapes"], inspect_model_folder(Path(folder)))

    return load


class Player:
    """Leads the window from state to state and takes a picture of each."""

    def __init__(self, program: "Program", shot: Shot, out: Path) -> None:
        from PySide6.QtCore import QTimer  # noqa: PLC0415
        from PySide6.QtWidgets import QApplication  # noqa: PLC0415

        self._program = program
        self._exit = QApplication.exit
        self._window = program.window
        self._page: Any = program.window.create  # parts of it exist only in some states
        self._shot = shot
        self._out = out
        self._steps = self._play()
        self._polls = 0
        self._last = "the start"
        self._condition: Callable[[], bool] = lambda: True
        self._timer = QTimer()
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._on_timeout)

    def start(self) -> None:
        """Begin."""
        self._timer.start()

    def _on_timeout(self) -> None:
        if not self._condition():
            self._polls += 1
            if self._polls * _POLL_MS > _STATE_LIMIT_S * 1000:
                print(f"The window did not get on after {self._last}.", file=sys.stderr)
                self._timer.stop()
                self._exit(1)
            return
        self._polls = 0
        try:
            self._condition = next(self._steps)
        except StopIteration:
            self._timer.stop()
            self._program.window.close()

    def _grab(self, state: str) -> None:
        file = self._out / f"{state}_{self._shot.name}.png"
        self._window.grab().save(str(file))
        self._last = state
        print(file, flush=True)

    def _play(self) -> Iterator[Callable[[], bool]]:
        page = self._page
        ready = "Ready"
        yield lambda: page.form is not None and self._window.sidebar.pc.state.text() == ready
        self._grab("empty")
        image = self._picture()
        form = page.form
        form.write_prompt(page.stage.empty.samples[0])
        form.image.take(image)
        yield lambda: form.state.image is not None and form.tokens.text() != ""
        self._grab("form")
        form.advanced.set_open(True)
        form.avoid.set_open(True)
        panel = form.advanced.content
        panel.custom.setChecked(True)
        panel.width_px.setValue(100)
        panel.height_px.setValue(50)
        panel.width_px.editingFinished.emit()
        yield lambda: True
        page.form_scroll.verticalScrollBar().setValue(page.form_scroll.verticalScrollBar().maximum())
        yield lambda: True
        self._grab("advanced")
        panel.custom.setChecked(False)
        form.advanced.set_open(False)
        form.avoid.set_open(False)
        page.footer.generate.click()
        progress = page.stage.progress
        yield lambda: not progress.picture.image.isNull() and "step" in progress.step.text()
        yield lambda: progress.left.text() != "measuring"
        self._grab("rendering")
        yield lambda: page.stage.finished is not None and page.stage.finished.player.index > 2
        page.stage.finished.player.set_playing(False)
        yield lambda: True
        self._grab("finished")
        yield from self._play_errors()

    def _play_errors(self) -> Iterator[Callable[[], bool]]:
        from wan_desktop.core.errors import ImageUnreadableError, OutOfMemoryError  # noqa: PLC0415

        page = self._page
        error = OutOfMemoryError(
            "The video needs 10.6 GB of video memory; 7.9 GB are free.",
            hint="Make the video smaller or shorter, or close other programs that use the graphics card.",
            details="torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.40 GiB.",
        )
        page.desk.show_error(error, page.generate)
        page.stage.error.details.set_open(True)
        bad = self._out / "not-a-picture.heic"
        bad.write_bytes(b"not a picture")
        page.form.image.take(bad)
        page.form_scroll.verticalScrollBar().setValue(0)
        yield lambda: ImageUnreadableError.title is not None and bool(page.form.image.field.said())
        bad.unlink()
        self._grab("error")

    def _picture(self) -> Path:
        from PIL import Image, ImageDraw  # noqa: PLC0415

        file = self._out / "start.png"
        start = Image.new("RGB", (900, 500), (8, 8, 8))
        ImageDraw.Draw(start).ellipse((355, 155, 545, 345), fill=(230, 45, 40))  # as the built-in model knows it
        start.save(file)
        return file


if __name__ == "__main__":
    sys.exit(main())
