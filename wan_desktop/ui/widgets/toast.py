"""Short messages at the bottom right of the window, which go by themselves and are kept in Help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.announcements import sentences
from wan_desktop.core.words import tr
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label
from wan_desktop.ui.widgets.toast_place import best_place, obstacles

if TYPE_CHECKING:
    from PySide6.QtGui import QEnterEvent, QKeyEvent

    from wan_desktop.ui.live.messages import Message, MessageLog

STAY_MS = 6000
_LEAST_AFTER_PAUSE_MS = 2000
_MOST = 3
_WIDTH_PX, _MARGIN_PX, _GAP_PX = 360, 16, 8
_CHANGES = (QEvent.Type.Resize, QEvent.Type.StyleChange, QEvent.Type.LayoutRequest)
ICONS = {"ok": "circle-check", "warn": "triangle-alert", "bad": "octagon-x", "info": "info"}


class Toast(QFrame):
    """Shows one message; a key or the mouse on it keeps it.

    Args:
        message: What it says.
        can_act: Its action is offered.
        parent: The window.
    """

    action_requested = Signal()
    close_requested = Signal()
    touched = Signal()
    """The mouse came or left, or the focus did."""

    def __init__(self, message: Message, parent: QWidget, *, can_act: bool) -> None:
        super().__init__(parent)
        self.message = message
        self.setProperty("surface", message.kind)
        self.setAccessibleName(sentences(message.title, message.words))
        self._mouse_is_here = self._focus_is_here = False
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 6, 10)
        row.setSpacing(10)
        icon = IconLabel(ICONS[message.kind], message.kind, 18, self)
        icon.setProperty("align", "top")
        row.addWidget(icon)
        words = QVBoxLayout()
        words.setSpacing(2)
        for text, role in ((message.title, "label"), (message.words, "")):
            if text:
                line = label(text, self, role=role, wrap=True)
                line.setTextFormat(Qt.TextFormat.PlainText)  # names of files may look like HTML
                words.addWidget(line)
        self.action: Button | None = None
        if can_act and message.action is not None:
            self.action = Button(message.action[0], self, kind="link")
            self.action.clicked.connect(self.action_requested)
            words.addWidget(self.action, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(words, 1)
        self.close_button = Button("", self, kind="icon", icon_name="x", name=tr("Close this message"))
        self.close_button.clicked.connect(self.close_requested)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        for button in self.findChildren(Button):
            button.installEventFilter(self)

    @property
    def is_held(self) -> bool:
        """Somebody looks at it: the mouse or the focus is in it."""
        return self._mouse_is_here or self._focus_is_here

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Notice when a button has the focus, but for one that it got only because the window came to the front."""
        if isinstance(event, QFocusEvent):
            self._focus_is_here = event.gotFocus() and event.reason() != Qt.FocusReason.ActiveWindowFocusReason
            self.touched.emit()
        return False

    def enterEvent(self, event: QEnterEvent) -> None:
        """The mouse keeps it."""
        super().enterEvent(event)
        self._mouse_is_here = True
        self.touched.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse lets it go."""
        super().leaveEvent(event)
        self._mouse_is_here = False
        self.touched.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_requested.emit()
        else:
            super().keyPressEvent(event)


class ToastStack(QObject):
    """Puts new messages of a log over a window, the newest lowest, and takes them away after a while.

    They lie where they cover no control, at the bottom right if they can. Where there is no room for all, the oldest
    give way; they are kept in Help.

    Args:
        window: Over which they are shown.
        log: Whose messages.
        stay_ms: How long each stays, unless somebody looks at it.
    """

    def __init__(self, window: QWidget, log: MessageLog, *, stay_ms: int = STAY_MS) -> None:
        super().__init__(window)
        self._window = window
        self._log = log
        self._stay_ms = stay_ms
        self.toasts: list[Toast] = []
        """Those that are shown, the oldest first."""
        self._timers: dict[Toast, QTimer] = {}
        self._is_due = False
        """They are to be placed anew in the next turn."""
        window.installEventFilter(self)
        log.said.connect(self._on_said)
        log.acted.connect(self._on_acted)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size and look, and what it shows."""
        if watched is self._window and event.type() in _CHANGES:
            self.place_soon()
        return False

    @Slot()
    def place_soon(self) -> None:
        """Put them where they belong when the window has come to rest, unless somebody looks at one."""
        if self.toasts and not self._is_due:
            self._is_due = True
            QTimer.singleShot(0, self, self._on_due)

    def place(self) -> None:
        """Put all of them where they belong."""
        area = self._window.rect().adjusted(_MARGIN_PX, _MARGIN_PX, -_MARGIN_PX, -_MARGIN_PX)
        width = min(look().px(_WIDTH_PX), area.width())
        taken = obstacles(self._window, self.toasts)
        for number, toast in enumerate(reversed(tuple(self.toasts))):
            toast.setFixedWidth(width)
            size = QSize(width, max(toast.heightForWidth(width), toast.minimumSizeHint().height()))
            place, is_free = best_place(area, size, taken)
            if number and not (is_free and area.contains(place)) and not toast.is_held:
                self._take_away(toast)
                continue
            if toast.geometry() != place:
                toast.setGeometry(place)
            area = QRect(place.left(), area.top(), width, place.top() - _GAP_PX - area.top())

    @Slot()
    def _on_due(self) -> None:
        self._is_due = False
        if not any(toast.is_held for toast in self.toasts):
            self.place()

    @Slot(object)
    def _on_said(self, message: Message) -> None:
        toast = Toast(message, self._window, can_act=self._log.can_act(message))
        toast.action_requested.connect(self._on_action)
        toast.close_requested.connect(self._on_close)
        toast.touched.connect(self._on_touched)
        timer = QTimer(toast)
        timer.setSingleShot(True)
        timer.timeout.connect(self._on_over)
        self._timers[toast] = timer
        self.toasts.append(toast)
        for old in self.toasts[:-_MOST]:
            self._remove(old)
        self.place()  # before it is seen, or it would begin in the corner, perhaps under the mouse
        toast.show()
        toast.raise_()
        self.place()  # now that its fonts are known
        if any(other.is_held for other in self.toasts):
            timer.setInterval(self._stay_ms)
        else:
            timer.start(self._stay_ms)
        offered = toast.action.text() if toast.action is not None else ""
        announce(toast, f"{toast.accessibleName()} {offered}".strip(), assertive=message.kind == "bad")

    @Slot()
    def _on_touched(self) -> None:
        """While somebody looks at one, none goes: those above would move away from under the mouse."""
        held = any(toast.is_held for toast in self.toasts)
        for timer in self._timers.values():
            if held and timer.isActive():
                left_ms = timer.remainingTime()
                timer.stop()
                timer.setInterval(min(self._stay_ms, max(left_ms, _LEAST_AFTER_PAUSE_MS)))
            elif not held and not timer.isActive():
                timer.start()

    @Slot()
    def _on_over(self) -> None:
        over = [toast for toast, timer in self._timers.items() if timer is self.sender()]
        for toast in over:
            self._remove(toast)

    @Slot()
    def _on_close(self) -> None:
        toast = self.sender()
        if isinstance(toast, Toast):
            self._remove(toast)

    @Slot()
    def _on_action(self) -> None:
        toast = self.sender()
        if isinstance(toast, Toast):
            self._log.act(toast.message)

    @Slot(object)
    def _on_acted(self, message: Message) -> None:
        for toast in [each for each in self.toasts if each.message is message]:
            self._remove(toast)

    def _remove(self, toast: Toast) -> None:
        if toast in self.toasts:
            self._take_away(toast)
            self.place()
            self._on_touched()

    def _take_away(self, toast: Toast) -> None:
        self.toasts.remove(toast)
        self._timers.pop(toast).stop()
        toast.hide()
        toast.deleteLater()
