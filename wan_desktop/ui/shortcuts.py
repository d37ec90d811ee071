"""All keys of the program in one table, as Help lists them; those of the window are made from it.

Keys without an action belong to a part of the window that listens to them itself, while it has the focus.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from wan_desktop.core.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtGui import QShortcut


class Action(StrEnum):
    """What a key of the window does."""

    GENERATE = "generate"
    TEST_DRAFT = "test-draft"
    STOP = "stop"
    PAUSE = "pause"
    PROMPT = "prompt"
    HISTORY = "history"
    CHOOSE_IMAGE = "choose-image"
    NEW_SEED = "new-seed"
    CREATE = "create"
    QUEUE = "queue"
    LIBRARY = "library"
    MODELS = "models"
    THIS_PC = "this-pc"
    SETTINGS = "settings"
    HELP = "help"
    FIND = "find"
    REFRESH = "refresh"
    NEXT_AREA = "next-area"
    PREVIOUS_AREA = "previous-area"
    COPY_REPORT = "copy-report"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Some keys and what they do."""

    keys: tuple[str, ...]
    """In Qt's portable form; the first is the one that is shown."""
    name: str
    """To be translated."""
    area: str
    """Where it works; to be translated."""
    action: Action | None = None
    """None: a part of the window listens to it itself."""


_CREATE, _WINDOW, _PLAYER = mark("Create"), mark("Everywhere"), mark("Player")
_QUEUE, _LIBRARY = mark("Queue"), mark("Library")

SHORTCUTS = (
    Shortcut(("Ctrl+Enter", "Ctrl+Return"), mark("Generate, or add to the queue"), _CREATE, Action.GENERATE),
    Shortcut(("Ctrl+Shift+Enter", "Ctrl+Shift+Return"), mark("Make a draft of one second"), _CREATE, Action.TEST_DRAFT),
    Shortcut(("Ctrl+.",), mark("Stop the video that is being made"), _CREATE, Action.STOP),
    Shortcut(("Ctrl+P",), mark("Pause the video, or the queue while none is made; go on"), _CREATE, Action.PAUSE),
    Shortcut(("Ctrl+L",), mark("Go to the prompt"), _CREATE, Action.PROMPT),
    Shortcut(("Ctrl+H",), mark("Earlier prompts"), _CREATE, Action.HISTORY),
    Shortcut(("Ctrl+O",), mark("Choose a start image"), _CREATE, Action.CHOOSE_IMAGE),
    Shortcut(("Ctrl+V",), mark("Start image from the clipboard"), _CREATE),
    Shortcut(("Ctrl+R",), mark("New random seed"), _CREATE, Action.NEW_SEED),
    Shortcut(("Ctrl+1",), mark("Create"), _WINDOW, Action.CREATE),
    Shortcut(("Ctrl+2",), mark("Queue"), _WINDOW, Action.QUEUE),
    Shortcut(("Ctrl+3",), mark("Library"), _WINDOW, Action.LIBRARY),
    Shortcut(("Ctrl+4",), mark("Models"), _WINDOW, Action.MODELS),
    Shortcut(("Ctrl+5",), mark("This PC"), _WINDOW, Action.THIS_PC),
    Shortcut(("Ctrl+,",), mark("Settings"), _WINDOW, Action.SETTINGS),
    Shortcut(("F1",), mark("Help"), _WINDOW, Action.HELP),
    Shortcut(("Ctrl+F",), mark("Search on the page"), _WINDOW, Action.FIND),
    Shortcut(("F5",), mark("Look again"), _WINDOW, Action.REFRESH),
    Shortcut(("F6",), mark("Next part of the window"), _WINDOW, Action.NEXT_AREA),
    Shortcut(("Shift+F6",), mark("Previous part of the window"), _WINDOW, Action.PREVIOUS_AREA),
    Shortcut(("Ctrl+Shift+C",), mark("Copy a report"), _WINDOW, Action.COPY_REPORT),
    Shortcut(("Space",), mark("Play or pause"), _PLAYER),
    Shortcut(("J", "K", "L"), mark("Back, pause, forward"), _PLAYER),
    Shortcut((",", "."), mark("One frame back or forward"), _PLAYER),
    Shortcut(("F11",), mark("Full screen"), _PLAYER),
    Shortcut(("Ctrl+D",), mark("Favourite"), _LIBRARY),
    Shortcut(("Del",), mark("Delete; it can be undone"), _LIBRARY),
    Shortcut(("Alt+Up", "Alt+Down"), mark("Move a video up or down"), _QUEUE),
)


def shown_keys(shortcut: Shortcut) -> str:
    """The keys as they are written for people: one for an action of the window, else all of them."""
    return shortcut.keys[0] if shortcut.action is not None else " ".join(shortcut.keys)


def add_shortcuts(window: QWidget, deeds: Mapping[Action, Callable[[], object]]) -> list[QShortcut]:
    """Make the window's shortcuts, each doing its deed."""
    from PySide6.QtGui import QKeySequence, QShortcut  # noqa: PLC0415 - after the first paint

    made = []
    for entry in SHORTCUTS:
        if entry.action is not None and entry.action in deeds:
            shortcut = QShortcut(window)
            shortcut.setKeys([QKeySequence(keys) for keys in entry.keys])
            shortcut.activated.connect(deeds[entry.action])
            made.append(shortcut)
    return made


def move_focus(window: QWidget, areas: Sequence[QWidget], step: int) -> None:
    """Put the focus into the next area that takes it.

    Args:
        window: Holds the areas.
        areas: In their order; after the last comes the first.
        step: 1 for the next, -1 for the one before.
    """
    from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

    focused = window.focusWidget()
    nowhere = 0 if step < 0 else -1
    at = next((i for i, area in enumerate(areas) if focused is not None and area.isAncestorOf(focused)), nowhere)
    for offset in range(1, len(areas) + 1):
        area = areas[(at + step * offset) % len(areas)]
        target = next((w for w in area.findChildren(QWidget) if _takes_focus(w)), None)
        if target is not None:
            target.setFocus(Qt.FocusReason.TabFocusReason)
            return


def _takes_focus(widget: QWidget) -> bool:
    from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint

    return widget.isVisible() and widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
