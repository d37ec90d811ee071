"""The window: start and memory against a bare PySide6 window; pauses of its event loop while the engine works."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.measure import interleaved, report
from wan_desktop.core.paths import HOME_VARIABLE

_RUNS = 9
_SPAWNED_AT = "WAN_DESKTOP_BENCHMARK_SPAWNED_AT"
_TICK_MS = 10
_LONG_PAUSE_MS = 100.0


def _rss_mb() -> float:
    return psutil.Process().memory_info().rss / 1e6


def _tell_start() -> None:
    """Say when the first paint came, and what memory it took, and end."""
    seconds = time.time() - float(os.environ[_SPAWNED_AT])
    print(json.dumps({"seconds": seconds, "rss_mb": _rss_mb()}), flush=True)
    os._exit(0)


def bare() -> None:
    """An empty window of PySide6, painted once."""
    from PySide6.QtGui import QPaintEvent  # noqa: PLC0415 - the import is what is measured
    from PySide6.QtWidgets import QApplication, QWidget  # noqa: PLC0415

    class Window(QWidget):
        def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
            super().paintEvent(event)
            _tell_start()

    application = QApplication([])
    window = Window()
    window.resize(1440, 900)
    window.show()
    application.exec()


def ours() -> None:
    """Our window, painted once: what `main.py` does, told when the first paint has come."""
    from wan_desktop.app import run_window  # noqa: PLC0415 - the import is what is measured
    from wan_desktop.core.paths import AppPaths  # noqa: PLC0415

    run_window(AppPaths.find(), on_first_paint=_tell_start)


def pauses() -> None:
    """Run the whole program once, and print the pauses of its event loop: idle first, then while the engine works."""
    from PySide6.QtCore import Qt, QTimer  # noqa: PLC0415 - a child process of its own
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415

    from wan_desktop.core.paths import AppPaths  # noqa: PLC0415
    from wan_desktop.ui.program import Program  # noqa: PLC0415

    application = QApplication([sys.argv[0], "-style", "Fusion"])
    ticks: list[float] = []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start(_TICK_MS)
    QTimer.singleShot(3000, application.quit)
    application.exec()
    idle, ticks[:] = _gaps_ms(ticks), []
    paths = AppPaths.find()
    paths.ensure()
    program = Program(application, paths, sample=True)
    program.show()
    code = application.exec()
    timer.stop()
    busy = _gaps_ms(ticks)
    program.shutdown()
    print(json.dumps({"idle": idle, "busy": busy, "code": code}), flush=True)
    os._exit(0)


def _gaps_ms(ticks: list[float]) -> list[float]:
    return [1000 * (after - before) for before, after in itertools.pairwise(ticks)]


def _child(what: str, home: Path) -> dict[str, object]:
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        HOME_VARIABLE: str(home),
        _SPAWNED_AT: repr(time.time()),
    }
    command = [sys.executable, "-m", "benchmarks.window", what]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    result: dict[str, object] = json.loads(output.splitlines()[-1])
    return result


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        memory: dict[str, list[float]] = {"bare": [], "ours": []}

        def start(what: str) -> float:
            result = _child(what, home)
            memory[what].append(float(str(result["rss_mb"])))
            return float(str(result["seconds"]))

        seconds = interleaved(_RUNS, {"bare": lambda: start("bare"), "ours": lambda: start("ours")})
        report("Start to first painted window", seconds, anchor="bare", goal="ours <= 1.5 x")
        report("Memory at the first paint", memory, anchor="bare", goal="ours <= 1.5 x", unit="MB")
        result = _child("pauses", home)
        idle, busy = ([float(gap) for gap in result[key]] for key in ("idle", "busy"))  # type: ignore[attr-defined]
        report(
            "Tick gaps of 10 ms while the engine imports, loads and renders", {"idle": idle, "busy": busy}, unit="ms"
        )
        long = [round(gap) for gap in busy if gap > _LONG_PAUSE_MS]
        print(f"  gaps over 100 ms: {len(long)} {long} (goal: none); the sample's exit code: {result['code']}")


if __name__ == "__main__":
    {"bare": bare, "ours": ours, "pauses": pauses}.get(sys.argv[1] if len(sys.argv) > 1 else "", main)()
