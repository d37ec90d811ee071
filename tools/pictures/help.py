"""The page Help & diagnostics."""

from typing import Any

from tools.pictures.acts import Act, Scene, View
from wan_desktop.core.errors import DiskFullError, OfflineError
from wan_desktop.ui.help.part import PartId
from wan_desktop.ui.page import PageId


def _part(view: View, part: PartId) -> Any:
    page = view.open(PageId.HELP)
    page.show_part(part)
    view.rest(250)
    return page.parts[part]


def _health(view: View) -> None:
    part = _part(view, PartId.HEALTH)
    view.until(lambda: len(part.rows) > 5)
    view.rest(300)


def _self_test(view: View) -> None:
    part = _part(view, PartId.HEALTH)
    part.self_test.start.click()
    view.until(lambda: not part.self_test.running)
    view.rest(150)


def _log(view: View) -> None:
    lines = [
        "2026-11-24 09:00:00,000 INFO wan_desktop.core.jobs Job 0123456789abcdef0123456789abcdef was submitted",
        "2026-11-24 09:00:01,000 WARNING wan_desktop.core.jobs Job 0123456789abcdef0123456789abcdef: out-of-memory",
        "2026-11-24 09:00:02,000 ERROR wan_desktop.core.jobs Job fedcba9876543210fedcba9876543210 hit a bug",
        "Traceback (most recent call last):",
        "ValueError: a picture of 0 pixels",
    ]
    with view.paths.log_file.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    part = _part(view, PartId.LOG)
    view.until(lambda: part.model.rowCount() > 0)
    view.rest(500)


def _messages_empty(view: View) -> None:
    _part(view, PartId.MESSAGES)


def _messages(view: View) -> None:
    log = view.session.messages
    log.say("ok", "Wan 2.2 TI2V 5B is ready", "Every file was checked.")
    log.say_error(OfflineError("The download waits for the internet.", hint="It goes on by itself."))
    log.say_error(DiskFullError("The video could not be saved: the disk is full.", hint="Free 2 GB on drive C."))
    _part(view, PartId.MESSAGES)


def _errors(view: View) -> None:
    view.open(PageId.HELP).show_help(3001)
    view.rest(150)


def _shortcuts(view: View) -> None:
    _part(view, PartId.SHORTCUTS)


def _about(view: View) -> None:
    _part(view, PartId.ABOUT)


def _report(view: View) -> None:
    page = view.open(PageId.HELP)
    page.copy_report()
    view.until(lambda: page.dialog is not None and page.dialog.isVisible())
    view.rest(150)


ACTS = (
    Act(
        "help",
        "rtx-4070-12gb-32gb",
        (
            Scene("help_health", _health),
            Scene("help_self_test", _self_test),
            Scene("help_log", _log),
            Scene("help_messages_empty", _messages_empty),
            Scene("help_messages", _messages),
            Scene("help_errors", _errors),
            Scene("help_shortcuts", _shortcuts),
            Scene("help_about", _about),
            Scene("help_report", _report),
        ),
    ),
    Act("help without a driver", "driver-missing-16gb", (Scene("help_health_no_driver", _health),)),
)
