"""Which class each page is; imported when a page is shown first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_desktop.ui.page import PageId

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from wan_desktop.ui.page import Page
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.theme import ThemeManager


def make_page(name: PageId, session: Session, theme: ThemeManager, parent: QWidget) -> Page:
    """Make that page."""
    match name:
        case PageId.QUEUE:
            from wan_desktop.ui.queue.page import QueuePage  # noqa: PLC0415 - when it is shown first

            return QueuePage(session, parent)
        case PageId.LIBRARY:
            from wan_desktop.ui.library.page import LibraryPage  # noqa: PLC0415 - when it is shown first

            return LibraryPage(session, parent)
        case PageId.MODELS:
            from wan_desktop.ui.models.page import ModelsPage  # noqa: PLC0415 - when it is shown first

            return ModelsPage(session, parent)
        case PageId.THIS_PC:
            from wan_desktop.ui.this_pc.page import ThisPcPage  # noqa: PLC0415 - when it is shown first

            return ThisPcPage(session, parent)
        case PageId.SETTINGS:
            from wan_desktop.ui.settings.page import SettingsPage  # noqa: PLC0415 - when it is shown first

            return SettingsPage(session, theme, parent)
        case PageId.HELP:
            from wan_desktop.ui.help.page import HelpPage  # noqa: PLC0415 - when it is shown first

            return HelpPage(session, parent)
        case _:
            raise ValueError(f"{name} is there from the beginning")
