"""Walks down the ladder: tries a rung, understands what its failure means, and goes on where that helps.

What has failed decides where to go: a file that another program holds is tried again, too little memory leads to a rung
that needs less, files that are damaged or stay blocked rule out all rungs that read them, and what the user did not ask
for waits for his word.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from wan_desktop.core.errors import (
    BrokenPictureError,
    EngineError,
    FileBlockedError,
    IncompatibleError,
    IntegrityError,
    JobCancelled,
    ModelBusyError,
    OutOfMemoryError,
    WanError,
    error_from_code,
)
from wan_desktop.core.generation import Attempt
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Rung, Substitute
from wan_desktop.core.load_plan import Device
from wan_desktop.core.model_names import variant_name
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

_RETRIES = 3
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.5, 8.0
_TRANSIENT = (FileBlockedError, ModelBusyError)
"""What may be over in a moment: a virus scanner, another window of this program."""

Result = TypeVar("Result")


class Outcome(StrEnum):
    """What came of an attempt."""

    DONE = "done"
    OUT_OF_MEMORY = "out-of-memory"
    INCOMPATIBLE = "incompatible"
    DAMAGED = "damaged"
    ENGINE_DIED = "engine-died"
    BROKEN_PICTURE = "broken-picture"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ModelLoadingResult:
    """What was tried, in its order, and what was used in the end."""

    attempts: tuple[Attempt, ...] = ()
    used: Rung | None = None
    waiting: tuple[Rung, ...] = ()
    """What might still work, if the user says so."""

    @property
    def cost(self) -> str:
        """What the fallback costs the user, in a sentence; empty where the first rung worked."""
        if self.used is None or len(self.attempts) < 2:
            return ""
        match self.used.substitute:
            case Substitute.MODEL:
                return tr("Made with {model} instead.", model=self.used.model_id)
            case Substitute.VARIANT:
                return tr("Made with the smaller weights {variant}.", variant=variant_name(self.used.variant))
            case _:
                on_cpu = self.used.plan.device is Device.CPU
                slow, saved = tr("Made on the processor, which is slow."), tr("Memory was saved, which takes longer.")
                return slow if on_cpu else saved


class LadderError(Exception):
    """Every rung failed, or the rest waits for the user; carries what was tried. Its cause is the last error."""

    def __init__(self, error: WanError, result: ModelLoadingResult) -> None:
        super().__init__(error.message)
        self.error = error
        self.result = result


def with_attempts(error: LadderError) -> WanError:
    """The last error for who shows it, with what was tried among its details."""
    last, attempts = error.error, error.result.attempts
    if len(attempts) < 2:
        return last
    tried = "\n".join(f"{attempt.plan}: {attempt.outcome}, {attempt.reason}" for attempt in attempts)
    details = f"Tried:\n{tried}\n\n{last.details}".strip()
    return error_from_code(last.code, last.message, hint=last.hint, details=details)


@dataclass(slots=True)
class _Ruled:
    """What failures have ruled out."""

    unreadable: set[tuple[str, str]] = field(default_factory=set)
    """Model and variant whose files are damaged, or stayed blocked: every way of loading them reads the same files."""
    failed_for_memory: list[Rung] = field(default_factory=list)

    def out(self, rung: Rung) -> bool:
        """It would fail the same way."""
        if (rung.model_id, rung.variant) in self.unreadable:
            return True
        return any(not _needs_less(rung, failed) for failed in self.failed_for_memory)


def _needs_less(rung: Rung, than: Rung) -> bool:
    if (rung.plan.device is Device.CPU) != (than.plan.device is Device.CPU):
        return True  # other memory
    less_ram = rung.estimate.ram_peak_bytes < than.estimate.ram_peak_bytes
    return less_ram or rung.estimate.vram_peak_bytes < than.estimate.vram_peak_bytes


class Descent(Generic[Result]):
    """One walk down a ladder.

    Args:
        rungs: In the order in which they are tried.
        attempt: Carries one out; raises a WanError when it fails.
        context: Asked for a cancel between attempts and in pauses.
        announce: Told each attempt that failed, before the next begins.
        wait: Sleeps so many seconds, or less when cancelled.
    """

    def __init__(
        self,
        rungs: Sequence[Rung],
        attempt: Callable[[Rung], Result],
        context: JobContext,
        *,
        announce: Callable[[Attempt], None] = lambda _: None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._rungs = rungs
        self._attempt = attempt
        self._context = context
        self._announce = announce
        self._wait = wait or context.cancel_asked.wait
        self._attempts: list[Attempt] = []
        self._ruled = _Ruled()
        self._engine_died = 0

    def run(self) -> tuple[Result, ModelLoadingResult]:
        """Try rungs until one works.

        Raises:
            JobCancelled: It was asked to stop.
            LadderError: None works, or the rest needs the user's word.
        """
        last: WanError | None = None
        waiting: list[Rung] = []
        for rung in self._rungs:
            if self._ruled.out(rung):
                continue
            if rung.needs_consent or not rung.is_here:
                waiting.append(rung)
                continue
            self._context.check_cancelled()
            try:
                result = self._try(rung)
            except WanError as error:
                last = error
                self._learn(rung, error)
            else:
                return result, ModelLoadingResult(tuple(self._attempts), rung)
        tried = ModelLoadingResult(tuple(self._attempts), None, tuple(waiting))
        ending = last or IncompatibleError(
            tr("There is no way to make this video on this PC as it stands."),
            hint=tr("Choose a smaller size or another model."),
        )
        raise LadderError(ending, tried) from ending

    def _try(self, rung: Rung) -> Result:
        start_s = time.monotonic()
        retries = 0
        while True:
            try:
                result = self._attempt(rung)
            except JobCancelled:
                raise
            except _TRANSIENT as error:
                if retries == _RETRIES:
                    self._note(rung, Outcome.BUSY, start_s, error, retries)
                    raise _stayed(error, retries + 1) from error
                retries += 1
                logger.info("%s: %s; trying again (%d)", rung.plan.name, error.code, retries)
                self._wait(_pause_s(retries))
                self._context.check_cancelled()
            except WanError as error:
                self._note(rung, _outcome(error), start_s, error, retries)
                raise
            else:
                self._note(rung, Outcome.DONE, start_s, None, retries)
                return result

    def _note(self, rung: Rung, outcome: Outcome, start_s: float, error: WanError | None, retries: int) -> None:
        attempt = Attempt(
            model_id=rung.model_id,
            variant=rung.variant,
            plan=rung.plan.name,
            outcome=outcome,
            seconds=round(time.monotonic() - start_s, 3),
            code=error.code if error else "",
            reason=error.message if error else "",
            retries=retries,
            vram_estimate_bytes=rung.estimate.vram_peak_bytes,
            ram_estimate_bytes=rung.estimate.ram_peak_bytes,
        )
        self._attempts.append(attempt)
        if error is not None:
            self._announce(attempt)

    def _learn(self, rung: Rung, error: WanError) -> None:
        """What the failure rules out; raise what no other rung can mend."""
        match error:
            case OutOfMemoryError():
                self._ruled.failed_for_memory.append(rung)
            case IntegrityError() | FileBlockedError() | ModelBusyError():
                self._ruled.unreadable.add((rung.model_id, rung.variant))
            case IncompatibleError() | BrokenPictureError():
                pass  # the next rung computes otherwise
            case EngineError():
                # Once may be chance, and most often it is memory; twice is no matter of the rung.
                self._engine_died += 1
                if self._engine_died > 1:
                    raise LadderError(error, ModelLoadingResult(tuple(self._attempts))) from error
                self._ruled.failed_for_memory.append(rung)
            case _:
                raise LadderError(error, ModelLoadingResult(tuple(self._attempts))) from error


def _stayed(error: FileBlockedError | ModelBusyError, tries: int) -> WanError:
    """The error of a file that did not become free: its message names the file, the hint says who may hold it."""
    if isinstance(error, ModelBusyError):
        return error
    hint = tr(
        "It was tried {tries} times. A virus scanner, a backup, a cloud program or another program that uses the model "
        "may hold the file: wait until it is done or close it, and look whether you may read the file.",
        tries=tries,
    )
    return FileBlockedError(error.message, hint=hint, details=error.details)


def _outcome(error: WanError) -> Outcome:
    kinds: tuple[tuple[type[WanError], Outcome], ...] = (
        (OutOfMemoryError, Outcome.OUT_OF_MEMORY),
        (IntegrityError, Outcome.DAMAGED),
        (IncompatibleError, Outcome.INCOMPATIBLE),
        (EngineError, Outcome.ENGINE_DIED),
        (BrokenPictureError, Outcome.BROKEN_PICTURE),
    )
    return next((outcome for kind, outcome in kinds if isinstance(error, kind)), Outcome.FAILED)


def _pause_s(retry: int) -> float:
    """Doubled each time, with jitter, so that two windows do not meet again and again."""
    longest: float = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2 ** (retry - 1))
    return longest * random.uniform(0.5, 1.0)
