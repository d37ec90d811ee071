"""All keys of the program in one table: Help lists them, tool tips name them, and those of the window are made from it.

Keys that stand not among the window's deeds belong to a part of it that listens to them itself, while it has the focus.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtWidgets import QWidget

from wan_desktop.core.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtGui import QShortcut


class Action(StrEnum):
    """What a key does."""

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
    PASTE_IMAGE = "paste-image"
    UNDO_PROMPT = "undo-prompt"
    PLAY = "play"
    SECOND_BACK = "second-back"
    HOLD = "hold"
    SECOND_FORWARD = "second-forward"
    FRAME_BACK = "frame-back"
    FRAME_FORWARD = "frame-forward"
    TO_START = "to-start"
    FULL_SCREEN = "full-screen"
    FAVOURITE = "favourite"
    RENAME = "rename"
    DELETE = "delete"
    UNDO = "undo"
    MOVE_UP = "move-up"
    MOVE_DOWN = "move-down"


class Shortcut(NamedTuple):
    """Some keys and what they do."""

    keys: tuple[str, ...]
    """In Qt's portable form; the first is the one that is shown."""
    name: str
    """To be translated."""
    area: str
    """Where it works; to be translated."""
    action: Action


_CREATE, _WINDOW, _PLAYER = mark("Create"), mark("Everywhere"), mark("Player")
_LISTS, _LIBRARY = mark("Queue, Library, Models"), mark("Library")

SHORTCUTS = (
    Shortcut(("Ctrl+Enter", "Ctrl+Return"), mark("Generate, or add to the queue"), _CREATE, Action.GENERATE),
    Shortcut(("Ctrl+Shift+Enter", "Ctrl+Shift+Return"), mark("Make a draft of one second"), _CREATE, Action.TEST_DRAFT),
    Shortcut(("Ctrl+.",), mark("Stop the video that is being made"), _CREATE, Action.STOP),
    Shortcut(("Ctrl+P",), mark("Pause the video, or the queue while none is made; go on"), _CREATE, Action.PAUSE),
    Shortcut(("Ctrl+L",), mark("Go to the prompt"), _CREATE, Action.PROMPT),
    Shortcut(("Ctrl+H",), mark("Earlier prompts"), _CREATE, Action.HISTORY),
    Shortcut(("Ctrl+O",), mark("Choose a start image"), _CREATE, Action.CHOOSE_IMAGE),
    Shortcut(("Ctrl+V",), mark("Start image from the clipboard"), _CREATE, Action.PASTE_IMAGE),
    Shortcut(("Ctrl+R",), mark("New random seed"), _CREATE, Action.NEW_SEED),
    Shortcut(("Ctrl+Z",), mark("Undo the last change of the prompt"), _CREATE, Action.UNDO_PROMPT),
    Shortcut(("Ctrl+1",), mark("Create"), _WINDOW, Action.CREATE),
    Shortcut(("Ctrl+2",), mark("Queue"), _WINDOW, Action.QUEUE),
    Shortcut(("Ctrl+3",), mark("Library"), _WINDOW, Action.LIBRARY),
    Shortcut(("Ctrl+4",), mark("Models"), _WINDOW, Action.MODELS),
    Shortcut(("Ctrl+5",), mark("This PC"), _WINDOW, Action.THIS_PC),
    Shortcut(("Ctrl+,",), mark("Settings"), _WINDOW, Action.SETTINGS),
    Shortcut(("F1",), mark("What the field at hand is for; all help"), _WINDOW, Action.HELP),
    Shortcut(("Ctrl+F",), mark("Search on the page"), _WINDOW, Action.FIND),
    Shortcut(("F5",), mark("Look again"), _WINDOW, Action.REFRESH),
    Shortcut(("F6",), mark("Next part of the window"), _WINDOW, Action.NEXT_AREA),
    Shortcut(("Shift+F6",), mark("Previous part of the window"), _WINDOW, Action.PREVIOUS_AREA),
    Shortcut(("Ctrl+Shift+C",), mark("Copy a report"), _WINDOW, Action.COPY_REPORT),
    Shortcut(("Space",), mark("Play or pause"), _PLAYER, Action.PLAY),
    Shortcut(("K",), mark("Pause"), _PLAYER, Action.HOLD),
    Shortcut(("J",), mark("One second back"), _PLAYER, Action.SECOND_BACK),
    Shortcut(("L",), mark("One second forward"), _PLAYER, Action.SECOND_FORWARD),
    Shortcut((",",), mark("One picture back"), _PLAYER, Action.FRAME_BACK),
    Shortcut((".",), mark("One picture forward"), _PLAYER, Action.FRAME_FORWARD),
    Shortcut(("Home",), mark("To the beginning"), _PLAYER, Action.TO_START),
    Shortcut(("F11",), mark("Full screen"), _PLAYER, Action.FULL_SCREEN),
    Shortcut(("Ctrl+D",), mark("Favourite"), _LIBRARY, Action.FAVOURITE),
    Shortcut(("F2",), mark("Rename"), _LIBRARY, Action.RENAME),
    Shortcut(("Del",), mark("Delete what is chosen; it can be undone"), _LISTS, Action.DELETE),
    Shortcut(("Ctrl+Z",), mark("Undo the last deletion"), _LISTS, Action.UNDO),
    Shortcut(("Alt+Up",), mark("Move a video of the queue up"), _LISTS, Action.MOVE_UP),
    Shortcut(("Alt+Down",), mark("Move a video of the queue down"), _LISTS, Action.MOVE_DOWN),
)
_BY_ACTION = {shortcut.action: shortcut for shortcut in SHORTCUTS}


def shown_keys(action: Action) -> str:
    """The keys as they are written on this system, in the language in use."""
    from PySide6.QtGui import QKeySequence  # noqa: PLC0415 - long enumerations

    return QKeySequence(_BY_ACTION[action].keys[0]).toString(QKeySequence.SequenceFormat.NativeText)


def tip(words: str, action: Action) -> str:
    """A tool tip that names the keys: `Stop (Ctrl+.)`."""
    return f"{words} ({shown_keys(action)})"


def show_keys(button: QWidget, action: Action) -> None:
    """Name the keys in a button's tool tip, behind what it says there, or what it is called."""
    button.setToolTip(tip(button.toolTip() or button.accessibleName(), action))


def listen(widget: QWidget, action: Action, deed: Callable[[], object]) -> QShortcut:
    """Let a part of the window do something at the keys of that action while it has the focus."""
    from PySide6.QtCore import Qt  # noqa: PLC0415 - after the first paint
    from PySide6.QtGui import QKeySequence, QShortcut  # noqa: PLC0415 - after the first paint

    shortcut = QShortcut(widget)
    shortcut.setKeys([QKeySequence(keys) for keys in _BY_ACTION[action].keys])
    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    shortcut.activated.connect(deed)
    return shortcut


def add_shortcuts(window: QWidget, deeds: Mapping[Action, Callable[[], object]]) -> list[QShortcut]:
    """Make the window's shortcuts, each doing its deed."""
    from PySide6.QtGui import QKeySequence, QShortcut  # noqa: PLC0415 - after the first paint

    made = []
    for entry in SHORTCUTS:
        if entry.action in deeds:
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
