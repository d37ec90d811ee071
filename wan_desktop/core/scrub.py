"""Looks after models in idle time: tidies up once a day, and reads a little of them.

So a failing drive is noticed before the day it matters.
"""

import datetime
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from wan_desktop.core.errors import JobCancelled, WanError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_checks import VerifyProgress
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.status import ModelStatus
from wan_desktop.core.store.verify import IntegrityReport

logger = logging.getLogger(__name__)

_LOOK_S = 30.0


@dataclass(frozen=True, slots=True)
class ScrubLimits:
    """How much is read in the background."""

    bytes_per_day: int = 100_000_000_000
    every_days: int = 30
    """Each file is read at least so often, if there is idle time for it."""


class Scrub:
    """The background check; runs on a thread of its own.

    Args:
        manager: The models.
        is_idle: Asked often: nothing is rendered, downloaded or typed.
        found: Told what was found bad.
        limits: How much.
    """

    def __init__(
        self,
        manager: ModelManager,
        is_idle: Callable[[], bool],
        found: Callable[[ModelKey, IntegrityReport], None] = lambda *_: None,
        limits: ScrubLimits | None = None,
    ) -> None:
        self._manager = manager
        self._is_idle = is_idle
        self._found = found
        self._limits = limits or ScrubLimits()
        self._day = ""
        self._read_bytes = 0

    def run(self, stop: threading.Event) -> None:
        """Check models whenever it is idle, until told to stop."""
        while not stop.is_set():
            if not self.check_one(stop):
                stop.wait(_LOOK_S)

    def check_one(self, stop: threading.Event) -> bool:
        """Read what is due of one model, if it is idle; whether anything was read."""
        if not self._is_idle():
            return False
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        if today != self._day:
            self._day, self._read_bytes = today, 0
            self._manager.tidy()
        if self._read_bytes >= self._limits.bytes_per_day:
            return False
        since = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=self._limits.every_days)).isoformat(
            timespec="seconds"
        )
        key = self._due(since)
        if key is None:
            return False
        self._check(key, since, stop)
        return True

    def _due(self, since: str) -> ModelKey | None:
        """A model with a file that was not read since."""
        for key in self._manager.installed():
            status = self._manager.state(key).status
            if status == ModelStatus.UNKNOWN or (
                status == ModelStatus.AVAILABLE and self._manager.checks.unread(key, since)
            ):
                return key
        return None

    def _check(self, key: ModelKey, since: str, stop: threading.Event) -> None:
        read_before = self._read_bytes

        def report(_: str, progress: VerifyProgress) -> None:
            self._read_bytes = read_before + progress.done_bytes
            if stop.is_set() or not self._is_idle() or self._read_bytes >= self._limits.bytes_per_day:
                raise JobCancelled

        try:
            result = self._manager.checks.verify(key, JobContext("scrub", report), deep=True, since=since)
        except JobCancelled:
            return  # the files that were read are stamped; it goes on with the others
        except WanError as error:
            logger.warning("The background check of %s stopped: %s", key, error.message)
            return
        if result.bad:
            self._found(key, result)
