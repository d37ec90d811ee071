"""A row of choices of which one is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from wan_desktop.ui.widgets.controls import Button

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent


class Segmented(QFrame):
    """Choices side by side; arrow keys move, Tab leaves.

    Args:
        name: What is chosen, for screen readers.
        choices: Text and value of each.
        parent: Its parent.
    """

    chosen = Signal(object)
    """The value the user took; not sent for `set_value`."""

    def __init__(self, name: str, choices: Sequence[tuple[str, object]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("segmented")
        self.setAccessibleName(name)
        self._values = [value for _, value in choices]
        self._buttons: list[Button] = []
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        for text, _ in choices:
            button = Button(text, self, kind="segment", name="")
            button.setAccessibleName(f"{name}: {text}")
            button.setCheckable(True)
            button.clicked.connect(self._on_clicked)
            self._buttons.append(button)
            layout.addWidget(button, 1)
        self._update_focus(0)

    def value(self) -> object:
        """The taken value, or None."""
        return next((v for v, b in zip(self._values, self._buttons, strict=True) if b.isChecked()), None)

    def set_value(self, value: object) -> None:
        """Show a value as taken; one that is no choice leaves none taken."""
        taken = 0
        for index, (choice, button) in enumerate(zip(self._values, self._buttons, strict=True)):
            button.setChecked(choice == value)
            taken = index if choice == value else taken
        self._update_focus(taken)

    def set_tool_tips(self, tips: Sequence[str]) -> None:
        """Say more about each choice."""
        for button, tip in zip(self._buttons, tips, strict=True):
            button.setToolTip(tip)

    def buttons(self) -> tuple[Button, ...]:
        """The buttons in order."""
        return tuple(self._buttons)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys."""
        move = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}.get(
            Qt.Key(event.key()), 0
        )
        focused = next((i for i, b in enumerate(self._buttons) if b.hasFocus()), None)
        if not move or focused is None:
            super().keyPressEvent(event)
            return
        target = self._buttons[(focused + move) % len(self._buttons)]
        target.setFocus(Qt.FocusReason.TabFocusReason)
        target.click()

    def _on_clicked(self) -> None:
        index = self._buttons.index(self.sender())  # type: ignore[arg-type]  # only its own buttons are connected
        self.set_value(self._values[index])
        self.chosen.emit(self._values[index])

    def _update_focus(self, taken: int) -> None:
        for index, button in enumerate(self._buttons):
            policy = Qt.FocusPolicy.StrongFocus if index == taken else Qt.FocusPolicy.ClickFocus
            button.setFocusPolicy(policy)
