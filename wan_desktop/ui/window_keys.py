"""What the keys of the window do."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from wan_desktop.core.words import tr
from wan_desktop.ui.field_help import FieldHelps
from wan_desktop.ui.page import COPY_REPORT, Page, PageId
from wan_desktop.ui.shortcuts import Action, add_shortcuts, move_focus
from wan_desktop.ui.widgets.controls import announce
from wan_desktop.ui.widgets.keep_in_sight import KeepInSight

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.ui.main_window import MainWindow


class WindowKeys(QObject):
    """Listens to all keys of `shortcuts.SHORTCUTS` that have an action.

    Args:
        window: Whose keys they are.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        KeepInSight(window.create.form_scroll)  # the estimate comes and goes below it
        self.helps = FieldHelps(window, has_more=True)
        self.helps.more_requested.connect(self._on_help)
        self.shortcuts = add_shortcuts(window, self._deeds())

    def _deeds(self) -> dict[Action, Callable[[], object]]:
        window, create = self._window, self._window.create
        deeds: dict[Action, Callable[[], object]] = {
            Action(page.value): functools.partial(window.show_page, page) for page in PageId
        }
        on_create: dict[Action, Callable[[], object]] = {
            Action.PROMPT: create.focus_prompt,
            Action.HISTORY: create.open_history,
            Action.CHOOSE_IMAGE: create.choose_image,
            Action.NEW_SEED: create.new_seed,
        }
        deeds |= {action: functools.partial(self._do_on_create, deed) for action, deed in on_create.items()}
        return deeds | {
            Action.HELP: self._on_help,
            Action.GENERATE: functools.partial(self._on_generate, create.footer.generate.click),
            Action.TEST_DRAFT: functools.partial(self._on_generate, create.test_draft),
            Action.STOP: create.ask_to_stop,
            Action.PAUSE: self._on_pause,
            Action.COPY_REPORT: self._on_copy_report,
            Action.REFRESH: self._on_refresh,
            Action.FIND: self._on_find,
            Action.NEXT_AREA: functools.partial(self._move_focus, 1),
            Action.PREVIOUS_AREA: functools.partial(self._move_focus, -1),
        }

    def _on_generate(self, deed: Callable[[], object]) -> None:
        """Make it; where nothing can be made, say why, and go where that can be changed."""
        create = self._window.create
        if create.footer.generate.isEnabled():
            deed()
        else:
            self._window.show_page(PageId.CREATE)
            announce(create, create.footer.generate.accessibleName(), assertive=True)

    def _do_on_create(self, deed: Callable[[], object]) -> None:
        self._window.show_page(PageId.CREATE)
        deed()

    def _move_focus(self, step: int) -> None:
        """Move the focus on: sidebar, the page's areas, sidebar."""
        window = self._window
        page = window.stack.currentWidget()
        own = page.areas() if isinstance(page, Page) else (window.create.column, window.create.stage)
        toasts = window.toasts.toasts if window.toasts is not None else ()
        move_focus(window, (window.sidebar, *own, *toasts), step)

    @Slot()
    def _on_help(self) -> None:
        """What the field at hand is for; where it has no help, or that is shown already, the page Help."""
        shown = self.helps.card
        if shown is not None:
            shown.go_back()
            self._window.show_page(PageId.HELP)
        elif not self.helps.show_for(self._window.focusWidget()):
            self._window.show_page(PageId.HELP)

    @Slot()
    def _on_pause(self) -> None:
        """Of the video that is being made; where none is, of the queue."""
        session = self._window.session
        if session is not None and session.renders.running:
            if session.renders.pause.can_toggle:
                session.renders.pause.toggle()
            else:
                announce(self._window, tr("This video cannot be paused just now."))
        elif self._window.queue is not None:
            self._window.queue.toggle_pause()

    @Slot()
    def _on_copy_report(self) -> None:
        self._window.show_page(PageId.HELP, COPY_REPORT)

    @Slot()
    def _on_refresh(self) -> None:
        page = self._window.stack.currentWidget()
        if isinstance(page, Page):
            page.refresh()
        elif self._window.session is not None:
            self._window.session.pc.look()

    @Slot()
    def _on_find(self) -> None:
        page = self._window.stack.currentWidget()
        if isinstance(page, Page):
            page.focus_search()
