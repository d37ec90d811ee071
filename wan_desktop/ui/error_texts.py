"""Errors of core as the error card shows them."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from wan_desktop import __version__
from wan_desktop.core.doctor.private import Private, known_prompts, without_private
from wan_desktop.core.engine_client import EngineReady
from wan_desktop.core.errors import CardBusyError, DiskFullError
from wan_desktop.core.fallback import LadderError, Outcome
from wan_desktop.core.log import redact
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.create.estimate_texts import tried_words
from wan_desktop.ui.page import SHOW_PROGRAMS, WAIT_FOR_CARD, PageId, PageTarget
from wan_desktop.ui.widgets.error_card import ErrorOffer, ErrorText

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.core.engine_client import EngineState
    from wan_desktop.core.errors import WanError
    from wan_desktop.ui.session import Session

_LOG_LINES = 60


def error_text(error: WanError, session: Session, *, retry: str = "") -> ErrorText:
    """What the card says of that error, with a report that holds nothing private.

    Args:
        error: What went wrong.
        session: Knows the engine, the log, and what is private.
        retry: On the button; "Try again" if empty.
    """
    private = Private.of(session.paths, session.settings, known_prompts(session.paths))
    return ErrorText(
        title=error.shown_title,
        number=text.error_number(error.number),
        message=error.message,
        hint=error.hint,
        details=redact(error.details),
        report=without_private(_report(error, session.engine_state, session.paths.log_file), private),
        retry=retry or tr("Try again"),
        tried=_tried(error),
        offers=_ways_out(error),
    )


def _ways_out(error: WanError) -> tuple[ErrorOffer, ...]:
    """Where the user can do something about it, as buttons with a PageTarget."""
    if isinstance(error, CardBusyError):
        return (
            ErrorOffer(tr("Wait and start when free"), "", WAIT_FOR_CARD, "hourglass"),
            ErrorOffer(tr("Show programs"), "", PageTarget(PageId.THIS_PC, SHOW_PROGRAMS), "gauge"),
        )
    if not isinstance(error, DiskFullError):
        return ()
    return (
        ErrorOffer(tr("Other folder"), "", PageTarget(PageId.SETTINGS, "videos_folder"), "folder-open"),
        ErrorOffer(tr("Free up space"), "", PageTarget(PageId.MODELS), "hard-drive"),
    )


def _tried(error: WanError) -> tuple[str, ...]:
    """What was tried before it was given up; one failure of another kind than memory is no list."""
    cause = error.__cause__
    attempts = cause.result.attempts if isinstance(cause, LadderError) else ()
    is_list = len(attempts) > 1 or any(attempt.outcome == Outcome.OUT_OF_MEMORY for attempt in attempts)
    return tried_words(attempts) if is_list else ()


def _report(error: WanError, engine: EngineState, log_file: Path) -> str:
    lines = [
        f"{text.APP} {__version__}",
        f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}",
        _engine_line(engine),
        f"{text.error_number(error.number)} {error.code}: {error.title}",
        error.message,
        error.hint,
        error.details,
        "",
        "Last lines of the log:",
        *_tail(log_file),
    ]
    return redact("\n".join(lines))


def _engine_line(engine: EngineState) -> str:
    if not isinstance(engine, EngineReady):
        return "Engine: not running"
    ready = engine.ready
    versions = f"torch {ready.torch_version}, diffusers {ready.diffusers_version}"
    return f"Engine: {versions}, {ready.device}, {text.threads(ready.threads)}"


def _tail(log_file: Path) -> list[str]:
    try:
        return log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return ["(no log)"]
