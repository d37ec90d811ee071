"""Long lists in the window: 500 models and 5,000 videos; pages are opened, scrolled through and searched.

Each run is a process of its own with the whole program, offscreen, on a PC on paper. Told are how long each takes, and
the longest gap between ticks of 10 ms meanwhile: so long the window would stand still.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QLineEdit

from benchmarks.measure import report
from benchmarks.store_download import work_folder
from benchmarks.video_library import write_videos
from benchmarks.window_pauses import Phase, Watch
from wan_desktop.app import spare_pauses
from wan_desktop.core.catalog import add_entry, metadata_for_repo
from wan_desktop.core.paths import HOME_VARIABLE, AppPaths
from wan_desktop.core.settings import Settings, save_settings
from wan_desktop.ui.library.page import LibraryPage
from wan_desktop.ui.models.page import ModelsPage
from wan_desktop.ui.page import PageId
from wan_desktop.ui.program import Program

_GOAL_MS = 100.0
_SCROLL_STEPS = 150
"""From the top to the bottom; a tick each."""
_FEW = 30
"""Videos with 333 in their names, at most."""
_REST_S = 0.5
"""After each deed, so that what it leaves to be done later counts too."""


@dataclass(frozen=True, slots=True)
class _Size:
    """How much is measured."""

    models: int
    videos: int
    runs: int


_FULL = _Size(models=500, videos=5_000, runs=5)
_QUICK = _Size(models=40, videos=40, runs=1)


def _make_home(home: Path, size: _Size) -> None:
    """An installation with so many entries of models, none of which is here, and so many tiny videos."""
    paths = AppPaths.find({HOME_VARIABLE: str(home)})
    paths.ensure()
    save_settings(Settings(wizard_done=True), paths.settings_file)
    for number in range(size.models):
        add_entry(metadata_for_repo(f"bench/model-{number:03}-Diffusers"), paths.added_models)
    write_videos(paths.videos, size.videos)


class _Lists:
    """Leads the program through its lists; for one run.

    Args:
        application: Qt's.
        paths: The installation.
        size: How much there is.
    """

    def __init__(self, application: QApplication, paths: AppPaths, size: _Size) -> None:
        self._application, self._paths, self._size = application, paths, size
        self.program: Program | None = None

    def phases(self) -> Iterator[Phase]:
        """All of it; what is searched for is in every name, and then in one."""
        program = self.program = Program(self._application, self._paths)
        spare_pauses(program)
        program.show()
        yield "opening", lambda: program.session is not None
        session = program.session
        if session is None:
            raise RuntimeError("the window has no session")
        models, library = session.models, session.library
        yield "models are judged", lambda: models.is_settled and len(models.offers()) >= self._size.models
        yield "videos are read", lambda: library.report is not None and not library.scanning
        yield from self._models(program)
        yield from self._videos(program)

    def _models(self, program: Program) -> Iterator[Phase]:
        program.window.show_page(PageId.MODELS)
        page = program.window.pages[PageId.MODELS]
        if not isinstance(page, ModelsPage):
            raise TypeError("no page of models")
        yield "models: open", _then_rest(lambda: page.list.count >= self._size.models)
        yield "models: scroll", _then_rest(_scrolling(page.list_area))
        yield "models: one letter", _then_rest(_typing(page.search.field, "m", lambda: page.list.count > 0))
        yield "models: one is left", _then_rest(_typing(page.search.field, "odel-007", lambda: page.list.count == 1))
        yield (
            "models: search cleared",
            _then_rest(_clearing(page.search.field, lambda: page.list.count >= self._size.models)),
        )

    def _videos(self, program: Program) -> Iterator[Phase]:
        program.window.show_page(PageId.LIBRARY)
        page = program.window.pages[PageId.LIBRARY]
        if not isinstance(page, LibraryPage):
            raise TypeError("no page of videos")
        rows = page.grid.videos.rowCount
        yield "videos: open", _then_rest(lambda: rows() >= min(100, self._size.videos))
        yield "videos: scroll", _then_rest(_scrolling(page.grid))
        yield "videos: one letter", _then_rest(_typing(page.filters.search, "v", lambda: rows() > 1))
        yield "videos: few are left", _then_rest(_typing(page.filters.search, "ideo 333", lambda: rows() < _FEW))
        yield "videos: search cleared", _then_rest(_clearing(page.filters.search, lambda: rows() > _FEW))


def _then_rest(is_over: Callable[[], bool]) -> Callable[[], bool]:
    """Over a while after it is over."""
    over_s: list[float] = []

    def both() -> bool:
        if not over_s and is_over():
            over_s.append(time.perf_counter())
        return bool(over_s) and time.perf_counter() - over_s[0] >= _REST_S

    return both


def _scrolling(area: QAbstractScrollArea) -> Callable[[], bool]:
    """A step at each tick, down to the end, which may move away while more is fetched."""
    step = [0]

    def scroll() -> bool:
        bar = area.verticalScrollBar()
        step[0] += 1
        bar.setValue(round(bar.maximum() * min(1.0, step[0] / _SCROLL_STEPS)))
        return step[0] >= _SCROLL_STEPS and bar.value() >= bar.maximum()

    return scroll


def _typing(field: QLineEdit, letters: str, is_over: Callable[[], bool]) -> Callable[[], bool]:
    """Type them, one at each tick, then wait until the list follows."""
    left = list(letters)

    def step() -> bool:
        if left:
            QTest.keyClicks(field, left.pop(0))
            return False
        return is_over()

    return step


def _clearing(field: QLineEdit, is_over: Callable[[], bool]) -> Callable[[], bool]:
    begun: list[bool] = []

    def step() -> bool:
        if not begun:
            begun.append(True)
            QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
            QTest.keyClick(field, Qt.Key.Key_Backspace)
            return False
        return is_over()

    return step


def _run(home: Path, size: _Size) -> None:
    """In a process of its own: print the gaps of each phase as JSON."""
    application = QApplication([sys.argv[0], "-style", "Fusion"])
    lists = _Lists(application, AppPaths.find({HOME_VARIABLE: str(home)}), size)
    watch = Watch(application, lists.phases())
    code = watch.run()
    if lists.program is not None:
        lists.program.shutdown()
    print(json.dumps({"phases": watch.gaps_ms, "code": code}), flush=True)
    os._exit(0)


def _measure(home: Path, size: _Size) -> dict[str, list[float]]:
    command = [sys.executable, "-m", "benchmarks.long_lists", "--child", str(home)]
    output = subprocess.run(
        [*command, "--models", str(size.models), "--videos", str(size.videos)],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    result = json.loads(output.splitlines()[-1])
    if result["code"]:
        raise RuntimeError(f"it came only to {list(result['phases'])[-1:]}")
    phases: dict[str, list[float]] = result["phases"]
    return phases


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench long_lists", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs: the figures mean nothing")
    parser.add_argument("--runs", type=int, default=_FULL.runs)
    parser.add_argument("--models", type=int, default=_FULL.models)
    parser.add_argument("--videos", type=int, default=_FULL.videos)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    size = _QUICK if options.quick else _Size(options.models, options.videos, options.runs)
    if options.child is not None:
        _run(options.child, size)
        return
    seconds: dict[str, list[float]] = {}
    longest_ms: dict[str, list[float]] = {}
    with work_folder(None) as home:
        _make_home(home, size)
        for _ in range(size.runs):
            for name, gaps in _measure(home, size).items():
                # The rest after a deed is no part of it.
                rest_s = _REST_S if ":" in name else 0.0
                seconds.setdefault(name, []).append(max(0.0, sum(gaps) / 1000 - rest_s))
                longest_ms.setdefault(name, []).append(max(gaps))
    title = f"{size.models} models, {size.videos} videos"
    report(f"{title}: how long it takes", seconds)
    report(f"{title}: longest gap between ticks of 10 ms", longest_ms, goal=f"{_GOAL_MS:.0f} ms", unit="ms")
    slow = [name for name, values in longest_ms.items() if statistics.median(values) > _GOAL_MS]
    print(f"  over {_GOAL_MS:.0f} ms: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
