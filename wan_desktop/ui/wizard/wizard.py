"""The wizard: six steps, each of which can be skipped; it never undoes what the user has chosen before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.field_help import FieldHelps
from wan_desktop.ui.shortcuts import Action, listen
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, IconLabel, label, restyle, set_role
from wan_desktop.ui.widgets.tab_order import Dialog
from wan_desktop.ui.wizard.first_model import FirstModelStep
from wan_desktop.ui.wizard.ready import ReadyStep
from wan_desktop.ui.wizard.speed import SpeedStep
from wan_desktop.ui.wizard.storing import StoringStep
from wan_desktop.ui.wizard.welcome import WelcomeStep
from wan_desktop.ui.wizard.your_pc import YourPcStep

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent

    from wan_desktop.ui.session import Session
    from wan_desktop.ui.wizard.step import WizardStep

_SIZE = (1040, 720)
_STEPS_PX = 236


class _Number(QWidget):
    """A step in the list: a number or a tick, and its name."""

    def __init__(self, number: int, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 4)
        row.setSpacing(10)
        self._circle = QLabel(str(number), self)
        self._circle.setObjectName("stepNumber")
        self._circle.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._fit()
        self._tick = IconLabel("circle-check", "ok", 22, self)
        self._name = label(name, self)
        row.addWidget(self._circle)
        row.addWidget(self._tick)
        row.addWidget(self._name, 1)

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if hasattr(self, "_circle"):
            self._fit()

    def _fit(self) -> None:
        self._circle.setFixedSize(look().px(22), look().px(22))

    def show_state(self, *, done: bool, current: bool) -> None:
        self._circle.setVisible(not done)
        self._tick.setVisible(done)
        self._circle.setProperty("current", current)
        restyle(self._circle)
        set_role(self._name, "label" if current else "soft")


class Wizard(Dialog):
    """The first start, or again from the page This PC.

    Args:
        session: What it works with.
        parent: The window.
    """

    ended = Signal(bool)
    """Whether a test video is to be made; the wizard is gone."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("wizard")
        self.setWindowTitle(tr("Set up {name}", name=text.APP))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._is_over = False
        speed, first_model = SpeedStep(session, self), FirstModelStep(session, self)
        ready = ReadyStep(session, speed, first_model, self)
        self.steps: tuple[WizardStep, ...] = (
            WelcomeStep(session, self),
            YourPcStep(session, self),
            StoringStep(session, self),
            speed,
            first_model,
            ready,
        )
        self._build_ui()
        ready.change_requested.connect(self.show_step)
        for step in self.steps:
            step.changed.connect(self._update_buttons)
            step.next_requested.connect(self._on_skip)
        self.fit(*_SIZE)
        self.helps = FieldHelps(self, has_more=False)
        listen(self, Action.HELP, self._on_help)
        self.show_step(0)
        session.pc.look()

    @property
    def number(self) -> int:
        """Of the step that is shown, from 0."""
        return self.stack.currentIndex()

    @property
    def step(self) -> WizardStep:
        """The step that is shown."""
        return self.steps[self.number]

    @Slot(int)
    def show_step(self, number: int) -> None:
        """Go to that step."""
        if self.stack.currentIndex() != number:
            self.step.step_hidden()
        self.stack.setCurrentIndex(number)
        for index, line in enumerate(self._numbers):
            line.show_state(done=index < number, current=index == number)
        self.step.step_shown()
        self._update_buttons()
        self.next.setFocus()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if hasattr(self, "_side"):
            self._side.setFixedWidth(look().px(_STEPS_PX))

    def reject(self) -> None:
        """Escape and the window's cross: it can be run again, nothing is lost."""
        self._end(make_video=False)
        super().reject()

    def _build_ui(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._build_list())
        right = QVBoxLayout()
        right.setContentsMargins(32, 22, 32, 20)
        right.setSpacing(12)
        self.stack = QStackedWidget(self)
        for step in self.steps:
            self.stack.addWidget(step)
        right.addWidget(self.stack, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.skip = Button(tr("Skip"), self, kind="link")
        self.skip.clicked.connect(self._on_skip)
        self.back = Button(tr("Back"), self)
        self.back.clicked.connect(self._on_back)
        self.next = Button(tr("Next"), self, kind="primary")
        self.next.setDefault(True)
        self.next.clicked.connect(self._on_next)
        buttons.addStretch(1)
        for button in (self.skip, self.back, self.next):
            button.setAutoDefault(button is self.next)
            buttons.addWidget(button)
        right.addLayout(buttons)
        layout.addLayout(right, 1)

    def _build_list(self) -> QFrame:
        side = QFrame(self)
        side.setObjectName("sidebar")
        side.setFixedWidth(look().px(_STEPS_PX))
        self._side = side
        layout = QVBoxLayout(side)
        layout.setContentsMargins(20, 22, 16, 20)
        layout.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(IconLabel("film", "link", 22, side))
        head.addWidget(label(text.APP, side, role="app"), 1)
        layout.addLayout(head)
        layout.addSpacing(12)
        self._numbers = [_Number(number, tr(step.name), side) for number, step in enumerate(self.steps, 1)]
        for line in self._numbers:
            layout.addWidget(line)
        layout.addStretch(1)
        layout.addWidget(label(tr("You can run this again at any time from This PC."), side, role="caption", wrap=True))
        return side

    def _end(self, *, make_video: bool) -> None:
        if self._is_over:
            return
        self._is_over = True
        self.step.step_hidden()
        if not self._session.settings.wizard_done:
            self._session.change_settings(self._session.settings.with_changes(wizard_done=True))
        self.ended.emit(make_video)

    @Slot()
    def _update_buttons(self) -> None:
        step = self.step
        self.next.setText(step.next_words)
        self.next.setAccessibleName(step.next_words)
        self.back.setVisible(self.number > 0)
        self.skip.setVisible(step.can_be_skipped)

    @Slot()
    def _on_help(self) -> None:
        """Of the field that has the focus, or of the step; pressed again, it closes."""
        if self.helps.card is not None:
            self.helps.card.go_back()
        else:
            self.helps.show_for(self.focusWidget(), otherwise=self.step)

    @Slot()
    def _on_next(self) -> None:
        if self.step.finish():
            self._go_on()

    @Slot()
    def _on_skip(self) -> None:
        self._go_on()

    def _go_on(self) -> None:
        if self.number + 1 < len(self.steps):
            self.show_step(self.number + 1)
            return
        last = self.steps[-1]
        self._end(make_video=isinstance(last, ReadyStep) and last.test_video.isChecked())
        self.accept()

    @Slot()
    def _on_back(self) -> None:
        if self.number:
            self.show_step(self.number - 1)
