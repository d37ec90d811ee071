"""The windows that benchmarks/window.py measures: `python -m benchmarks.window_child WHAT`, a process each.

Imports next to nothing itself, so that what the two windows import is what is measured.
"""

import os
import sys
import time

SPAWNED_AT = "WAN_DESKTOP_BENCHMARK_SPAWNED_AT"


def _rss_mb() -> float:
    import psutil  # noqa: PLC0415 - after what is measured; its own megabyte is in both

    return float(psutil.Process().memory_info().rss) / 1e6


def _tell_start() -> None:
    """Say when the first paint came, and what memory it took, and end."""
    seconds = time.time() - float(os.environ[SPAWNED_AT])
    print(f'{{"seconds": {seconds}, "rss_mb": {_rss_mb()}}}', flush=True)
    os._exit(0)


def bare() -> None:
    """An empty window of PySide6, painted once."""
    from PySide6.QtCore import QTimer  # noqa: PLC0415 - the import is what is measured
    from PySide6.QtGui import QPaintEvent  # noqa: PLC0415
    from PySide6.QtWidgets import QApplication, QWidget  # noqa: PLC0415

    class Window(QWidget):
        def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
            super().paintEvent(event)
            QTimer.singleShot(0, _tell_start)

    application = QApplication([])
    window = Window()
    window.resize(1440, 900)
    window.show()
    application.exec()


def ours() -> None:
    """Our window, painted once: what `main.py` does, told when the first paint has come."""
    from wan_desktop.app import run_window  # noqa: PLC0415 - the import is what is measured
    from wan_desktop.core.paths import AppPaths  # noqa: PLC0415

    paths = AppPaths.find()

    def tell() -> None:
        from wan_desktop.core.safe_mode import MARK_NAME  # noqa: PLC0415

        (paths.data / MARK_NAME).unlink()  # else this would be a start that ended badly, and the fourth in safe mode
        _tell_start()

    run_window(paths, on_first_paint=tell)


if __name__ == "__main__":
    {"bare": bare, "ours": ours}[sys.argv[1]]()
