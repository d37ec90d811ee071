"""What is around the pages: banners, toasts."""

from collections.abc import Callable

from PySide6.QtWidgets import QScrollArea

from tools.pictures.acts import Act, Scene, View
from wan_desktop.core.errors import QueueSpaceError
from wan_desktop.core.safe_mode import MOST_BAD_ENDS
from wan_desktop.core.settings import Theme
from wan_desktop.ui.help.part import PartId
from wan_desktop.ui.page import PageId


def _banner(view: View) -> None:
    view.until(lambda: view.window.banners is not None and view.window.banners.notice is not None)
    view.rest(300)


def _offline(view: View) -> None:
    assert view.window.banners is not None
    view.window.banners.set_offline(True)
    view.open(PageId.LIBRARY)
    view.rest(300)


def _queue_notice(view: View) -> None:
    view.session.renders.trouble.emit(QueueSpaceError("The queue cannot be saved.", hint="Free some space."))
    view.until(lambda: view.window.queue is not None and view.window.queue.notice is not None)
    view.rest(150)


def _toasts(kinds: tuple[str, ...]) -> Callable[[View], None]:
    def lead(view: View) -> None:
        view.open(PageId.SETTINGS)
        for kind in kinds:
            words = {"ok": "Video saved", "warn": "The download waits for the internet", "bad": "The disk is full"}
            view.session.messages.say(kind, words[kind], "fox in the snow.mp4", ("Open folder", view.window.update))
        view.rest(300)

    return lead


def _safe_mode(view: View) -> None:
    # The program leaves the look out that the settings name; it is chosen here, as somebody would who looks for help.
    view.program.theme.set_theme(Theme(view.look.theme))
    view.program.theme.set_scale(view.look.text_scale)
    _banner(view)


def _safe_mode_help(view: View) -> None:
    part = view.open(PageId.HELP).parts[PartId.HEALTH]
    view.until(lambda: len(part.rows) > 5)
    view.rest(150)
    area = part.findChild(QScrollArea)
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    view.rest(150)


ACTS = (
    Act("window without a card", "no-card-laptop-8gb", (Scene("banner_no_card", _banner),), builtin=True),
    Act("window with an old driver", "rtx-2070-8gb-16gb-old-driver", (Scene("banner_old_driver", _banner),)),
    Act("window without a driver", "driver-missing-16gb", (Scene("banner_no_driver", _banner),), builtin=True),
    Act(
        "window",
        "rtx-4070-12gb-32gb",
        (
            Scene("banner_offline", _offline),
            Scene("banner_queue", _queue_notice),
            Scene("toasts", _toasts(("ok", "warn", "bad"))),
        ),
    ),
    Act(
        "window in safe mode",
        "rtx-4070-12gb-32gb",
        (
            Scene("safe_mode", _safe_mode),
            Scene("safe_mode_help", _safe_mode_help),
            Scene("safe_mode_queue", _queue_notice),
        ),
        bad_starts=MOST_BAD_ENDS,
    ),
)
