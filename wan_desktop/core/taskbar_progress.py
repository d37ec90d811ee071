"""Which progress the taskbar shows of all that runs."""

from dataclasses import dataclass
from enum import StrEnum


class ProgressKind(StrEnum):
    """How it looks."""

    NONE = "none"
    UNKNOWN = "unknown"
    """Something runs, nobody knows how far it is."""
    USUAL = "usual"
    PAUSED = "paused"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Running:
    """What runs."""

    rendering: bool = False
    render_percent: int | None = None
    """None: not known yet."""
    render_paused: bool = False
    """The video that is being made waits until it is let go on."""
    paused: bool = False
    """Videos wait, and none is begun."""
    failed: bool = False
    """Something failed, and nobody has looked since."""
    downloads: tuple[tuple[int, int], ...] = ()
    """Of each download that runs, how many bytes are here, and of how many; 0 where that is not known."""


def taskbar_progress(running: Running) -> tuple[ProgressKind, int | None]:
    """How it looks, and percent where that means something: a failure first, then the render, then downloads."""
    if running.failed:
        return ProgressKind.ERROR, 100
    if running.rendering:
        percent = running.render_percent
        if running.render_paused:
            return ProgressKind.PAUSED, 100 if percent is None else percent
        return (ProgressKind.UNKNOWN, None) if percent is None else (ProgressKind.USUAL, percent)
    if running.downloads:
        total = sum(total for _, total in running.downloads)
        if not total or any(not total for _, total in running.downloads):
            return ProgressKind.UNKNOWN, None
        return ProgressKind.USUAL, min(100, 100 * sum(done for done, _ in running.downloads) // total)
    return (ProgressKind.PAUSED, 100) if running.paused else (ProgressKind.NONE, None)
