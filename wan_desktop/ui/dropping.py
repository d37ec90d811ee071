"""Files that bring the settings of a video with them: dropped on the window, or named at the start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QDropEvent

from wan_desktop.core.recipe import RECIPE_ENDINGS, may_be_recipe
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtWidgets import QWidget


def recipe_in(data: QMimeData) -> Path | None:
    """The first local file among what is dropped that may hold the settings of a video."""
    paths = (Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
    return next((path for path in paths if may_be_recipe(path)), None)


def why_not(data: QMimeData) -> tuple[str, str]:
    """Why nothing of what was dropped can be used, and what can."""
    urls = data.urls()
    name = urls[0].fileName() or urls[0].toString() if urls else ""
    if urls and not any(url.isLocalFile() for url in urls):
        return tr("{name} is not a file on this PC.", name=name), tr("Save it first, then drop the file.")
    endings = ", ".join(ending.lstrip(".") for ending in RECIPE_ENDINGS)
    words = tr("Files of these kinds bring the settings of a video, if it was made here: {endings}.", endings=endings)
    return tr("{name} brings no settings of a video.", name=name), words


class RecipeDrops(QObject):
    """Takes what is dropped on a window, wherever no part of it takes it for something else.

    Files that cannot be used are taken too, because only who takes a thing can say why it is of no use.

    Args:
        window: Takes drops from now on.
    """

    dropped = Signal(object)
    """The Path of a file that may hold the settings of a video."""
    refused = Signal(str, str)
    """A file was dropped that cannot be used: why, and what can."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at what comes and take what is ours."""
        if isinstance(event, QDropEvent):  # as those of a drag that enters and moves are, too
            data = event.mimeData()
            if data.hasUrls():
                event.acceptProposedAction()
                if event.type() == QEvent.Type.Drop:
                    self._take(data)
            return True
        return super().eventFilter(watched, event)

    def _take(self, data: QMimeData) -> None:
        path = recipe_in(data)
        if path is not None:
            self.dropped.emit(path)
        else:
            self.refused.emit(*why_not(data))
