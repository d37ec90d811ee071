"""A render as the window sees it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wan_desktop.core.errors import WanError, error_from_code
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.generation import GenerationResult, Settled
    from wan_desktop.core.render_progress import RenderProgress
    from wan_desktop.core.render_queue import RenderJob, Trouble


@dataclass(frozen=True, slots=True)
class RenderView:
    """A render as the window sees it."""

    settled: Settled
    path: Path
    """Where the video was asked to go."""
    progress: RenderProgress | None = None
    """None until the engine has said something."""
    job: RenderJob | None = None
    """In the queue; None where it is none of it."""
    model: Model | None = None
    """What makes it."""


@dataclass(frozen=True, slots=True)
class RenderDone:
    """A finished render."""

    settled: Settled
    asked_path: Path
    result: GenerationResult


@dataclass(frozen=True, slots=True)
class RenderFailed:
    """A render that ended with an error."""

    error: WanError
    settled: Settled | None
    job_id: str = ""
    """Of the job, which needs the user now; empty where it never became one."""


def error_of(told: Trouble | None) -> WanError:
    """The error that was written down, as one that can be shown."""
    if told is None:
        return WanError(tr("The video could not be made."))
    return error_from_code(told.code, told.message, hint=told.hint, details=told.details)
