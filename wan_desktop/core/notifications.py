"""What the system is told while nobody looks at the window, each kind once until somebody looks again."""

from dataclasses import dataclass, field
from enum import StrEnum

from wan_desktop.core.render_queue import QueueSnapshot, RenderState
from wan_desktop.core.settings import Settings
from wan_desktop.core.words import mark


class Event(StrEnum):
    """What may have happened."""

    VIDEO_READY = "video-ready"
    QUEUE_DONE = "queue-done"
    NEEDS_YOU = "needs-you"
    DOWNLOAD_DONE = "download-done"
    DOWNLOAD_FAILED = "download-failed"


TITLES = {
    Event.VIDEO_READY: mark("Your video is ready"),
    Event.QUEUE_DONE: mark("All videos are done"),
    Event.NEEDS_YOU: mark("A video needs you"),
    Event.DOWNLOAD_DONE: mark("The download is done"),
    Event.DOWNLOAD_FAILED: mark("A download needs you"),
}


def is_wanted(event: Event, settings: Settings) -> bool:
    """The settings allow it."""
    match event:
        case Event.VIDEO_READY | Event.QUEUE_DONE:
            return settings.notify_done
        case Event.NEEDS_YOU:
            return settings.notify_problems
        case _:
            return settings.notify_downloads


def is_busy(now: QueueSnapshot) -> bool:
    """A video is being made, or the next one is about to be."""
    goes_on = not now.paused and not now.needs_ok
    return bool(now.running) or (goes_on and any(job.state is RenderState.WAITING for job in now.waiting))


@dataclass(slots=True)
class ToldEvents:
    """What has been told since somebody looked."""

    _told: set[Event] = field(default_factory=set)

    def take(self, event: Event) -> bool:
        """True if it is to be told now; thirty videos in a night make one sound."""
        if event in self._told:
            return False
        self._told.add(event)
        return True

    def looked(self) -> None:
        """Somebody looks at the window."""
        self._told.clear()


@dataclass(slots=True)
class QueueEvents:
    """Makes one event of all the videos that are made one after the other."""

    _done: int = 0

    def video_done(self) -> None:
        """A video was made."""
        self._done += 1

    def at_rest(self, *, busy: bool) -> Event | None:
        """What is to be told when the queue has changed: nothing while it is busy, or if nothing was made."""
        if busy or not self._done:
            return None
        done, self._done = self._done, 0
        return Event.VIDEO_READY if done == 1 else Event.QUEUE_DONE
