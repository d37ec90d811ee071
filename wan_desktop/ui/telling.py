"""Says as toasts what happened while another page was in front; what a page shows itself is not said twice."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.notifications import TITLES, Event, QueueEvents, is_busy
from wan_desktop.core.words import tr
from wan_desktop.ui.live.render_outcome import RenderDone, RenderFailed
from wan_desktop.ui.page import SHOW_ENGINE, PageId, VideoTarget

if TYPE_CHECKING:
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.main_window import MainWindow
    from wan_desktop.ui.session import Session

_SHOW_VIDEOS = (PageId.CREATE,)
_SHOW_FAILURES = (PageId.CREATE, PageId.QUEUE)
_SHOW_MODELS = (PageId.MODELS,)
_SHOW_ENGINE = (PageId.HELP,)


class Telling(QObject):
    """Made with the session.

    Args:
        window: Its page in front needs no toast for what it shows.
        session: What happens in it.
    """

    def __init__(self, window: MainWindow, session: Session) -> None:
        super().__init__(window)
        self._window, self._session = window, session
        self._events = QueueEvents()
        self._downloads: set[ModelKey] = set()
        session.renders.job_ended.connect(self._on_video_ended)
        session.models.changed.connect(self._on_model_changed)
        session.models.finished.connect(self._on_model_finished)
        session.models.failed.connect(self._on_model_failed)
        session.runtime.failed.connect(self._on_engine_failed)
        session.runtime.installed.connect(self._on_engine_installed)
        session.updates.failed.connect(self._on_update_failed)

    def say_settings_damaged(self, kept_as: tuple[str, ...]) -> None:
        """The settings could not be read, and stand as they were saved before, or as they are at first.

        Args:
            kept_as: Names of the damaged files.
        """
        words = tr("The earlier or usual settings are used; the damaged file is kept as {name}.", name=kept_as[0])
        # Its button only closes it: everything goes on.
        self._session.messages.say("warn", tr("Settings were damaged"), words, (tr("OK, continue"), lambda: None))

    def _sees(self, pages: tuple[PageId, ...]) -> bool:
        window = self._window
        return window.page_id in pages and window.isVisible() and not window.isMinimized()

    def _show(self, page: PageId, target: object = None) -> tuple[str, partial[None]]:
        return tr("Show"), partial(self._window.show_page, page, target)

    @Slot(str, object)
    def _on_video_ended(self, job_id: str, outcome: object) -> None:
        messages = self._session.messages
        if isinstance(outcome, RenderFailed) and not self._sees(_SHOW_FAILURES):
            show = self._show(PageId.QUEUE, job_id)
            messages.say("bad", tr(TITLES[Event.NEEDS_YOU]), outcome.error.shown_title, show)
        if not isinstance(outcome, RenderDone):
            self._say_at_rest()
            return
        self._events.video_done()
        if not self._say_at_rest() and not self._sees(_SHOW_VIDEOS):
            path = outcome.result.path
            show = tr("Show in Library"), partial(self._window.show_page, PageId.LIBRARY, VideoTarget(path))
            messages.say("ok", tr(TITLES[Event.VIDEO_READY]), path.name, show)

    def _say_at_rest(self) -> bool:
        """All videos of several were made: that is said instead of the last one."""
        renders = self._session.renders
        event = self._events.at_rest(busy=renders.running or is_busy(renders.snapshot))
        if event is not Event.QUEUE_DONE or self._sees((PageId.QUEUE,)):
            return False
        self._session.messages.say("ok", tr(TITLES[event]), "", self._show(PageId.LIBRARY))
        return True

    @Slot(object)
    def _on_model_changed(self, key: ModelKey | None) -> None:
        models = self._session.models
        for one in (key,) if key is not None else tuple(offer.key for offer in models.offers()):
            activity = models.activity(one)
            if activity is not None and activity.kind is ActivityKind.DOWNLOAD:
                self._downloads.add(one)

    @Slot(object, object, object)
    def _on_model_finished(self, key: ModelKey | None, kind: ActivityKind, _result: object) -> None:
        if key is None or kind is not ActivityKind.DOWNLOAD:
            return
        self._downloads.discard(key)
        if not self._sees(_SHOW_MODELS):
            words = tr("{model} can be used now.", model=self._name_of(key))
            self._session.messages.say("ok", tr(TITLES[Event.DOWNLOAD_DONE]), words, self._show(PageId.MODELS, key))

    @Slot(object, object)
    def _on_model_failed(self, key: ModelKey | None, error: WanError) -> None:
        if key is None or self._sees(_SHOW_MODELS):
            return
        words = tr("{model}: {problem}", model=self._name_of(key), problem=error.shown_title)
        is_download = key in self._downloads
        self._downloads.discard(key)
        title = tr(TITLES[Event.DOWNLOAD_FAILED]) if is_download else tr("A model needs you")
        self._session.messages.say("bad", title, words, self._show(PageId.MODELS, key))

    @Slot(object)
    def _on_engine_failed(self, error: WanError) -> None:
        if not self._sees(_SHOW_ENGINE) and self._window.wizard is None:
            show = self._show(PageId.HELP, SHOW_ENGINE)
            self._session.messages.say("bad", error.shown_title, error.message, show)

    @Slot()
    def _on_engine_installed(self) -> None:
        if not self._sees(_SHOW_ENGINE) and self._window.wizard is None:
            self._session.messages.say("ok", tr("The render engine is ready"), "", self._show(PageId.CREATE))

    @Slot(object)
    def _on_update_failed(self, error: WanError) -> None:
        self._session.messages.say_error(error)

    def _name_of(self, key: ModelKey) -> str:
        offer = self._session.models.offer(key)
        return offer.metadata.name if offer is not None else str(key)
