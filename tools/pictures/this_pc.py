"""The page This PC."""

from typing import Any

from tools.pictures.acts import Act, Scene, View
from wan_desktop.ui.page import SHOW_PROGRAMS, PageId


def _page(view: View) -> Any:
    page = view.open(PageId.THIS_PC)
    view.until(lambda: bool(page.rows.rows))
    view.rest(900)
    return page


def _measured(view: View) -> None:
    page = _page(view)
    page.speed.run.click()
    view.until(lambda: bool(page.speed.reports))
    view.rest(500)
    bar = page._scroll.verticalScrollBar()
    bar.setValue(bar.maximum())


def _programs(view: View) -> None:
    page = _page(view)
    page.show_target(SHOW_PROGRAMS)
    view.rest(300)


ACTS = (
    Act(
        "this PC",
        "rtx-4070-12gb-32gb",
        (Scene("pc_good", _page), Scene("pc_measured", _measured), Scene("pc_programs", _programs)),
    ),
    Act("this PC with two cards", "rtx-4090-and-3060-64gb", (Scene("pc_two_cards", _page),)),
    Act("this PC without a card", "no-card-laptop-8gb", (Scene("pc_no_card", _page),)),
    Act("this PC with an old driver", "rtx-2070-8gb-16gb-old-driver", (Scene("pc_old_driver", _page),)),
    Act("this PC without a driver", "driver-missing-16gb", (Scene("pc_no_driver", _page),)),
    Act("this PC, card busy", "rtx-4080-16gb-32gb-busy", (Scene("pc_busy", _page),)),
)
