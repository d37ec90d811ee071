"""Files that bring the settings of a video with them: dropped on the window, or named at the start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from wan_desktop.core.recipe import may_be_recipe

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent, QMimeData
    from PySide6.QtWidgets import QWidget


def recipe_in(data: QMimeData) -> Path | None:
    """The first local file among what is dropped that may hold the settings of a video."""
    paths = (Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
    return next((path for path in paths if may_be_recipe(path)), None)


class RecipeDrops(QObject):
    """Takes what is dropped on a window, wherever no part of it takes it for something else.

    Args:
        window: Takes drops from now on.
    """

    dropped = Signal(object)
    """The Path of a file that may hold the settings of a video."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at what comes and take what is ours."""
        if isinstance(event, QDragEnterEvent | QDropEvent):
            path = recipe_in(event.mimeData())
            if path is not None:
                event.acceptProposedAction()
                if not isinstance(event, QDragEnterEvent):
                    self.dropped.emit(path)
            return True
        return super().eventFilter(watched, event)
