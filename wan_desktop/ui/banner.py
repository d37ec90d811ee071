"""The one line above the pages, chosen by `core.banner`; put away, it stays away until the program is started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QVBoxLayout

from wan_desktop.core.banner import ACTION_NAMES, BannerAction, BannerFacts, BannerKind, UpdateOffer, choose_banner
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.safe_mode import NextStart
from wan_desktop.core.words import tr
from wan_desktop.ui.page import SHOW_ENGINE, PageId
from wan_desktop.ui.widgets.controls import Button, announce
from wan_desktop.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from wan_desktop.core.banner import Banner
    from wan_desktop.ui.session import Session

NVIDIA_PAGE = "https://www.nvidia.com/drivers"
_PAGES = {BannerAction.WHAT_NOW: PageId.THIS_PC, BannerAction.FREE_SPACE: PageId.MODELS}


class Banners(QObject):
    """Shows at most one notice at the top of a layout.

    Args:
        session: Whose PC is looked at.
        layout: Its first place is the banner's.
        parent: The layout's widget.
    """

    page_requested = Signal(object)
    """A PageId."""
    target_requested = Signal(object, object)
    """A PageId, and what it is to show."""

    def __init__(self, session: Session, layout: QVBoxLayout, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._layout = layout
        self._widget = parent
        self._dismissed: set[BannerKind] = set()
        self._offline = False
        self._stands_aside = False
        self._frame: QFrame | None = None
        self.banner: Banner | None = None
        """What is shown; None if nothing is."""
        self.notice: Notice | None = None
        self.close_button: Button | None = None
        session.pc.changed.connect(self._on_changed)
        session.settings_changed.connect(self._on_changed)
        session.runtime.changed.connect(self._choose)
        session.updates.changed.connect(self._choose)
        self._choose()

    @Slot(bool)
    def set_offline(self, offline: bool) -> None:
        """Say whether there is an internet connection."""
        if offline != self._offline:
            self._offline = offline
            self._choose()

    @Slot(bool)
    def stand_aside(self, aside: bool) -> None:
        """Show nothing as long as another notice stands there: at most one line is above a page.

        Only safe mode is said beside it, as it is the reason why the window is not as usual.
        """
        self._stands_aside = aside
        self._show_or_hide()

    @Slot()
    def _choose(self) -> None:
        session = self._session
        facts = BannerFacts(
            session.pc.profile,
            session.settings.gpu_uuid,
            self._offline,
            self._next_file_bytes(),
            session.safe_reason,
            session.runtime.need,
            session.runtime.size_words,
            self._update(),
        )
        banner = choose_banner(facts, self._dismissed)
        if banner == self.banner:
            return
        self.banner = banner
        if self._frame is not None:
            self._frame.hide()
            self._frame.deleteLater()
            self._frame = self.notice = self.close_button = None
        if banner is not None:
            self._show(banner)

    def _update(self) -> UpdateOffer | None:
        updates = self._session.updates
        if updates.offer is None or updates.what_runs():
            return None
        return UpdateOffer(updates.offer.version, bool(updates.offer.page), is_coming=updates.is_downloading)

    def _next_file_bytes(self) -> int:
        """What is still to come of the largest download that waits or runs."""
        activities = [self._session.models.activity(offer.key) for offer in self._session.models.offers()]
        downloads = [each for each in activities if each is not None and each.kind is ActivityKind.DOWNLOAD]
        return max((each.total_bytes - each.done_bytes for each in downloads), default=0)

    def _show(self, banner: Banner) -> None:
        self._frame = QFrame(self._widget)
        self._frame.setObjectName("page")  # its background
        around = QVBoxLayout(self._frame)
        around.setContentsMargins(24, 10, 24, 0)  # as the pages
        actions = [(tr(ACTION_NAMES[action]), action) for action in banner.actions]
        self.notice = Notice(banner.surface, banner.title, banner.words, actions, self._frame)
        self.notice.action_requested.connect(self._on_action)
        self.close_button = Button("", self.notice, kind="icon", icon_name="x", name=tr("Put this message away"))
        self.close_button.clicked.connect(self._on_dismissed)
        inner = self.notice.layout()
        assert inner is not None
        inner.addWidget(self.close_button)
        around.addWidget(self.notice)
        self._layout.insertWidget(0, self._frame)
        self._show_or_hide()
        announce(self.notice, f"{banner.title}. {banner.words}".strip(), assertive=banner.surface == "bad")

    def _show_or_hide(self) -> None:
        if self._frame is not None and self.banner is not None:
            self._frame.setVisible(not self._stands_aside or self.banner.kind is BannerKind.SAFE_MODE)

    @Slot(object)
    def _on_changed(self, _changed: object) -> None:
        self._choose()

    @Slot(object)
    def _on_action(self, action: BannerAction) -> None:
        match action:
            case BannerAction.OPEN_NVIDIA:
                QDesktopServices.openUrl(QUrl(NVIDIA_PAGE))
            case BannerAction.CHECK_AGAIN:
                self._session.pc.look()
            case BannerAction.RESTART_NORMALLY:
                self._session.restart_requested.emit(NextStart.NORMAL)
            case BannerAction.INSTALL_ENGINE:
                self._session.runtime.install()
                self.target_requested.emit(PageId.HELP, SHOW_ENGINE)
            case BannerAction.SHOW_ENGINE:
                self.target_requested.emit(PageId.HELP, SHOW_ENGINE)
            case BannerAction.WHAT_IS_NEW:
                self._show_news()
            case BannerAction.UPDATE:
                self._session.updates.download_and_install()
            case BannerAction.LATER:
                self._on_dismissed()
            case _:
                self.page_requested.emit(_PAGES[action])

    def _show_news(self) -> None:
        offer = self._session.updates.offer
        if offer is not None:
            QDesktopServices.openUrl(QUrl(offer.page))

    @Slot()
    def _on_dismissed(self) -> None:
        if self.banner is not None:
            self._dismissed.add(self.banner.kind)
            self._choose()
