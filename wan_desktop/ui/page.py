"""What every page of the window is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtGui import QHideEvent, QShowEvent

    from wan_desktop.core.generation import GenerationDraft
    from wan_desktop.ui.session import Session

MARGIN_PX = 24
WAIT_FOR_CARD = "wait-for-card"
"""What a button of an error card may ask for instead of a page."""
SHOW_PROGRAMS, SPEED_TEST = "programs", "speed-test"
"""What the page This PC can be asked to show."""


class PageId(StrEnum):
    """The pages, in the order of the sidebar."""

    CREATE = "create"
    QUEUE = "queue"
    LIBRARY = "library"
    MODELS = "models"
    THIS_PC = "this-pc"
    SETTINGS = "settings"
    HELP = "help"


class DraftTarget(NamedTuple):
    """What Create is to show: a video that is to be made, and the model that is to make it."""

    draft: GenerationDraft
    model_id: str


COPY_REPORT = "copy-report"
"""Target of the page Help: a report is to be shown and copied."""
SHOW_ENGINE = "engine"
"""Target of the page Help: where the render engine is installed and repaired."""


class PageTarget(NamedTuple):
    """A page, and what it is to show: what a button of an error card leads to."""

    page: PageId
    target: object = None


class CompareTarget(NamedTuple):
    """What the Library is to show: that video beside the one that was made before it."""

    path: Path


class VideoTarget(NamedTuple):
    """What the Library is to show: the video of that file, selected, wherever it is in the list."""

    path: Path


class Page(QFrame):
    """A page that is made when it is shown first, and has a session from its beginning.

    Args:
        title: Its headline.
        session: What the window works with.
        parent: Its parent.
    """

    page_requested = Signal(object, object)
    """A PageId, and what that page is to show (a ModelKey, a search text, ...) or None."""
    setup_requested = Signal()
    """The wizard is to be shown again."""

    def __init__(self, title: str, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.session = session
        self.page_layout = QVBoxLayout(self)
        self.page_layout.setContentsMargins(MARGIN_PX, 14, MARGIN_PX, 16)
        self.page_layout.setSpacing(12)
        self.head = QHBoxLayout()
        """The headline's row; buttons are added to its right end."""
        self.head.setSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.title = label(title, self, role="title", wrap=True)
        self.subtitle = label("", self, role="soft")
        self.subtitle.hide()
        words.addWidget(self.title)
        words.addWidget(self.subtitle)
        self.head.addLayout(words, 1)
        self.page_layout.addLayout(self.head)

    def set_subtitle(self, text: str) -> None:
        """The line below the headline; none if empty."""
        self.subtitle.setText(text)
        self.subtitle.setVisible(bool(text))

    def show_target(self, target: object) -> None:
        """Show what another page asked for; a page that can be asked overrides it."""

    def focus_first(self) -> None:
        """Put the focus where work begins; by default nowhere."""

    def refresh(self) -> None:
        """Look again (F5); nothing by default."""

    def focus_search(self) -> None:
        """Go to the page's search field (Ctrl+F); nothing by default."""

    def areas(self) -> Sequence[QWidget]:
        """Between which F6 moves the focus."""
        return (self,)

    def page_shown(self) -> None:
        """It has come to the front: begin to watch what changes."""

    def page_hidden(self) -> None:
        """It has left the front: stop watching."""

    def close_down(self) -> None:
        """The program ends: keep what is unsaved, let go of files."""

    def showEvent(self, event: QShowEvent) -> None:
        """Tell the page that it is seen."""
        super().showEvent(event)
        self.page_shown()

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell the page that it is not."""
        super().hideEvent(event)
        self.page_hidden()
