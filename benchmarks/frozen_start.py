"""The start of the frozen program against that of the same program from source: until its window is painted.

Needs the frozen program (`python3 dev.py freeze`). Both run the same lines, the frozen one through its `-c`, so that
its loader, its way of finding modules and its packed libraries count, and nothing else differs.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import interleaved, report
from benchmarks.window_child import SPAWNED_AT
from installer import common, freeze
from wan_desktop.core.paths import HOME_VARIABLE

_RUNS = 9
_LINES = f"""
import os, time
from wan_desktop.app import run_window
from wan_desktop.core.paths import AppPaths
paths = AppPaths.find()
def tell():
    seconds = time.time() - float(os.environ["{SPAWNED_AT}"])
    from wan_desktop.core.safe_mode import MARK_NAME
    (paths.data / MARK_NAME).unlink()
    print('{{"seconds": %r}}' % seconds, flush=True)
    os._exit(0)
run_window(paths, on_first_paint=tell)
"""


def main() -> None:
    """Measure and print."""
    program = freeze.program_in(freeze.OUTPUT / freeze.SPECS["window"][1], common.CONSOLE)
    if not program.exists():
        raise SystemExit(f"{program} was not made: python3 dev.py freeze")
    with tempfile.TemporaryDirectory() as home:

        def start(executable: Path | str) -> float:
            settings = {HOME_VARIABLE: home, SPAWNED_AT: repr(time.time()), "QT_QPA_PLATFORM": "offscreen"}
            command = [str(executable), "-c", _LINES]
            done = subprocess.run(command, env=os.environ | settings, stdout=subprocess.PIPE, text=True, check=True)
            return float(json.loads(done.stdout.splitlines()[-1])["seconds"])

        seconds = interleaved(_RUNS, {"source": lambda: start(sys.executable), "frozen": lambda: start(program)})
    report("Start to first painted window", seconds, anchor="source", goal="frozen <= 2 x")


if __name__ == "__main__":
    main()
