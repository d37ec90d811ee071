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
from benchmarks.store_download import work_folder
from benchmarks.window_child import SPAWNED_AT
from wan_desktop.core.paths import HOME_VARIABLE

_RUNS = 9
_PAUSE_RUNS = 3
_LONG_PAUSE_MS = 100.0


def _run(module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What a child printed last."""
    output = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"} | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    result: dict[str, Any] = json.loads(output.splitlines()[-1]) if output else {}
    return result


def _report_pauses(result: dict[str, Any]) -> None:
    phases: dict[str, list[float]] = result["phases"]
    report("Gaps between ticks of 10 ms", {name: gaps for name, gaps in phases.items() if gaps}, unit="ms")
    longest_idle = max(phases["idle"])
    for name, gaps in phases.items():
        if not gaps:
            continue
        long = [round(gap) for gap in gaps if gap > _LONG_PAUSE_MS]
        p99 = sorted(gaps)[int(0.99 * len(gaps))]
        print(f"  {name}: {len(gaps)} ticks, p99 {p99:.0f} ms, longest {max(gaps):.0f} ms, over 100 ms {long}")
    print(
        f"  goal: none over 100 ms, nor over {3 * longest_idle:.0f} ms, 3 x the longest of idle; code {result['code']}"
    )


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        memory: dict[str, list[float]] = {"bare": [], "ours": []}

        def start(what: str) -> float:
            started_at = {HOME_VARIABLE: str(home), SPAWNED_AT: repr(time.time())}
            result = _run("benchmarks.window_child", what, **started_at)
            memory[what].append(result["rss_mb"])
            return float(result["seconds"])

        seconds = interleaved(_RUNS, {"bare": lambda: start("bare"), "ours": lambda: start("ours")})
        report("Start to first painted window", seconds, anchor="bare", goal="ours <= 1.5 x")
        report("Memory at the first paint", memory, anchor="bare", goal="ours <= 1.5 x", unit="MB")
    with work_folder(None) as repository:
        _run("benchmarks.window_pauses", "prepare", str(repository))
        for _ in range(_PAUSE_RUNS):
            _report_pauses(_run("benchmarks.window_pauses", "run", str(repository)))


if __name__ == "__main__":
    main()
