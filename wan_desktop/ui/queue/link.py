"""What the window shows of the queue on every page: how much waits, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFrame, QVBoxLayout

from wan_desktop.core.render_wishes import RenderWishes
from wan_desktop.core.words import mark, tr, trn
from wan_desktop.ui.page import PageId
from wan_desktop.ui.queue import texts
from wan_desktop.ui.queue.when_done import WhenAllDone
from wan_desktop.ui.widgets.controls import Button, announce
from wan_desktop.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.render_queue import QueueSnapshot
    from wan_desktop.ui.create.page import CreatePage
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.sidebar import NavButton


class Answer(StrEnum):
    """What a notice's button does."""

    CONTINUE = "continue"
    LOOK = "look"
    RESUME = "resume"
    AGAIN = "again"


_NAMES = {
    Answer.CONTINUE: mark("Continue"),
    Answer.LOOK: mark("Look first"),
    Answer.RESUME: mark("Resume"),
    Answer.AGAIN: mark("Try again"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice says."""

    kind: str
    title: str
    words: str = ""
    answers: tuple[Answer, ...] = ()


class QueueLink(QObject):
    """Made after the first paint, with the session.

    Args:
        session: Whose queue.
        create: Its page asks for videos.
        button: The queue's in the sidebar.
        layout: Its first place is the notice's.
        parent: The window.
    """

    page_requested = Signal(object)
    """A PageId."""
    notice_changed = Signal(bool)
    """Whether its notice is shown."""

    def __init__(
        self, session: Session, create: CreatePage, button: NavButton, layout: QVBoxLayout, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._renders = session.renders
        self._create, self._button, self._layout, self._window = create, button, layout, parent
        self._frame: QFrame | None = None
        self._error: Said | None = None
        """Stands until something can be done again, or it is put away."""
        self._put_off: set[Said] = set()
        """Put away by the user."""
        self._asked_while_paused = False
        self._paused: bool | None = None
        """Whether it was when it was looked at last; None before that."""
        self._waited = 0
        """How many waited when it was looked at last."""
        self.said: Said | None = None
        """What the notice says; None if nothing is said."""
        self.notice: Notice | None = None
        self.close_button: Button | None = None
        self.when_done = WhenAllDone(session, parent)
        self._renders.changed.connect(self._on_changed)
        self._renders.opened.connect(self._on_opened)
        self._renders.trouble.connect(self._on_trouble)
        create.queue_requested.connect(self._on_queue_requested)
        create.use_queue()

    @Slot()
    def toggle_pause(self) -> None:
        """Start nothing more, or start again."""
        paused = self._renders.snapshot.paused
        self._renders.do(lambda queue: queue.resume() if paused else queue.pause())

    @Slot(object)
    def _on_queue_requested(self, drafts: object) -> None:
        if self._create.model is None or not isinstance(drafts, tuple):
            return
        wishes = self._create.form.state.wishes if self._create.form is not None else RenderWishes()
        self._renders.add(self._create.model, drafts, wishes=wishes)
        words = trn("{count} video added to the queue", "{count} videos added to the queue", len(drafts))
        announce(self._window, words)

    @Slot(object)
    def _on_changed(self, now: QueueSnapshot) -> None:
        pill = str(len(now.waiting)) if now.waiting else " " if now.needs_you else ""
        self._button.show_pill(pill, spoken=texts.counts(now))
        more = len(now.waiting) > self._waited
        self._waited = len(now.waiting)
        if self._paused not in (None, now.paused):
            words = tr("The queue is paused.") if now.paused else tr("The queue goes on.")
            announce(self._window, words, topic="queue")
        self._paused = now.paused
        self._asked_while_paused = now.paused and (more or self._asked_while_paused)
        self._choose()

    @Slot()
    def _on_opened(self) -> None:
        self._error = None
        self._choose()

    @Slot(object)
    def _on_trouble(self, error: WanError) -> None:
        self._error = Said("bad", error.shown_title, f"{error.message} {error.hint}".strip(), (Answer.AGAIN,))
        self._put_off.discard(self._error)
        self._choose()

    def _what_to_say(self) -> Said | None:
        """What matters most."""
        now = self._renders.snapshot
        if self._error is not None:
            return self._error
        if now.needs_ok:
            count = len(now.waiting)
            return Said(
                "info",
                trn("{count} video was waiting.", "{count} videos were waiting.", count),
                tr("The program ended before all was made. Nothing starts by itself."),
                (Answer.CONTINUE, Answer.LOOK),
            )
        if now.damage is not None:
            return Said("warn", now.damage.shown_title, f"{now.damage.message} {now.damage.hint}".strip())
        if now.paused and now.waiting and self._asked_while_paused:
            return Said("info", tr("The queue is paused. The video waits in it."), "", (Answer.RESUME, Answer.LOOK))
        return None

    def _choose(self) -> None:
        said = self._what_to_say()
        if said in self._put_off:
            said = None
        if said == self.said:
            return
        self.said = said
        if self._frame is not None:
            self._frame.hide()
            self._frame.deleteLater()
            self._frame = self.notice = self.close_button = None
        if said is not None:
            self._show(said)
        self.notice_changed.emit(said is not None)

    def _show(self, said: Said) -> None:
        self._frame = QFrame(self._window)
        self._frame.setObjectName("page")  # its background
        around = QVBoxLayout(self._frame)
        around.setContentsMargins(24, 10, 24, 0)  # as the pages
        actions = [(tr(_NAMES[answer]), answer) for answer in said.answers]
        self.notice = Notice(said.kind, said.title, said.words, actions, self._frame)
        self.notice.action_requested.connect(self._on_action)
        self.close_button = Button("", self.notice, kind="icon", icon_name="x", name=tr("Put this message away"))
        self.close_button.clicked.connect(self._on_put_away)
        inner = self.notice.layout()
        assert inner is not None
        inner.addWidget(self.close_button)
        around.addWidget(self.notice)
        self._layout.insertWidget(0, self._frame)
        announce(self.notice, f"{said.title} {said.words}".strip(), assertive=said.kind == "bad")

    @Slot(object)
    def _on_action(self, answer: Answer) -> None:
        match answer:
            case Answer.CONTINUE:
                self._renders.do(lambda queue: queue.continue_())
            case Answer.RESUME:
                self._renders.do(lambda queue: queue.resume())
            case Answer.LOOK:
                self.page_requested.emit(PageId.QUEUE)
            case Answer.AGAIN:
                self._error = None
                self._choose()
                self._renders.try_again()

    @Slot()
    def _on_put_away(self) -> None:
        if self.said is not None:
            self._put_off.add(self.said)
            self._error = None
            self._choose()
