"""The window: start and memory against a bare PySide6 window; pauses of its event loop while the engine works."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import interleaved, report
from benchmarks.window_child import SPAWNED_AT
from wan_desktop.core.paths import HOME_VARIABLE

_RUNS = 9
_LONG_PAUSE_MS = 100.0


def _child(what: str, home: Path) -> dict[str, Any]:
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        HOME_VARIABLE: str(home),
        SPAWNED_AT: repr(time.time()),
    }
    command = [sys.executable, "-m", "benchmarks.window_child", what]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        memory: dict[str, list[float]] = {"bare": [], "ours": []}

        def start(what: str) -> float:
            result = _child(what, home)
            memory[what].append(result["rss_mb"])
            return float(result["seconds"])

        seconds = interleaved(_RUNS, {"bare": lambda: start("bare"), "ours": lambda: start("ours")})
        report("Start to first painted window", seconds, anchor="bare", goal="ours <= 1.5 x")
        report("Memory at the first paint", memory, anchor="bare", goal="ours <= 1.5 x", unit="MB")
        result = _child("pauses", home)
        phases: dict[str, list[float]] = result["phases"]
        report("Gaps between ticks of 10 ms; working: the engine imports, loads, renders", phases, unit="ms")
        for name, gaps in phases.items():
            long = [round(gap) for gap in gaps if gap > _LONG_PAUSE_MS]
            print(f"  {name}: p99 {sorted(gaps)[int(0.99 * len(gaps))]:.0f} ms, {len(long)} gaps over 100 ms {long}")
        print(f"  goal: no gap over 100 ms while working; exit code of the sample: {result['code']}")


if __name__ == "__main__":
    main()
