"""One render of `benchmarks.estimate_cuda`, in a process of its own: `python -m benchmarks.cuda_child JOB_FILE`."""

import json
import logging
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from wan_desktop.core.errors import OutOfMemoryError
from wan_desktop.core.messages import Generate, Progress, Stage
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.engine import memory
from wan_desktop.engine.render import Studio


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is told."""

    command: Generate
    limit_bytes: int | None
    """Of video memory, for torch and CUDA together; None on a CPU."""
    steps: int
    """Whose time is told; no fewer than the command runs."""
    free_before_bytes: int
    """Free video memory before the child began."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a child found."""

    outcome: str
    """`done`, `out of video memory`, `out of memory`, `too slow`, or what went wrong."""
    allocated_bytes: int = 0
    """Peak of tensors on the card."""
    reserved_bytes: int = 0
    """Peak of what torch held for them."""
    context_bytes: int = 0
    """Of the card, what CUDA and its libraries took besides."""
    rss_bytes: int = 0
    seconds: float = 0.0
    """For as many steps as the job says."""

    @property
    def card_bytes(self) -> int:
        """What of the card was needed."""
        return self.reserved_bytes + self.context_bytes

    @property
    def is_done(self) -> bool:
        """There is a video."""
        return self.outcome == "done"

    @property
    def ran_out(self) -> bool:
        """Of memory, of any kind."""
        return self.outcome.startswith("out of")


class StepTimes:
    """When each step was done, by that clock in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at_s: list[float] = []

    def see(self, event: Any) -> None:
        """What the engine says."""
        if isinstance(event, Progress) and event.stage is Stage.CREATE_FRAMES and event.done == len(self._at_s):
            self._at_s.append(self._clock())

    def seconds_more(self, steps: int) -> float:
        """So many more steps would take: each as the fastest, in which no expert came and nothing was warmed up."""
        spans = [after - before for before, after in zip(self._at_s, self._at_s[1:], strict=False)]
        return steps * min(spans) if spans else 0.0


def child(file: Path) -> None:
    """Carry out one job and print what was found as JSON."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.set_num_threads(memory.usable_threads())
    job = from_plain(Job, json.loads(file.read_text(encoding="utf-8")))
    device = memory.choose_device(job.command.plan)
    if job.limit_bytes is not None:
        _play_smaller_card(job, device)
    times, outcome, seconds = StepTimes(), "done", 0.0
    with memory.ProcessPeak() as peak:
        try:
            result = Studio().make_video(job.command, emit=times.see, check_cancelled=lambda: None)
            seconds = result.seconds + times.seconds_more(job.steps - job.command.request.num_inference_steps)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome
            outcome = _outcome(error)
        rss_bytes = peak.bytes
    allocated, reserved, context = _card_peaks(job, device)
    found = Measured(outcome, allocated, reserved, context, rss_bytes, round(seconds, 3))
    print(json.dumps(to_plain(found)))


def _outcome(error: BaseException) -> str:
    if isinstance(error, torch.OutOfMemoryError):
        return "out of video memory"
    # CUDA says that of pinned memory too, as a plain RuntimeError.
    if isinstance(memory.classify(error), OutOfMemoryError) or "out of memory" in str(error).lower():
        return "out of memory"
    return f"{type(error).__name__}: {str(error)[:200]}"


def _play_smaller_card(job: Job, device: torch.device) -> None:
    """Let torch have what is left of the limit beside CUDA's own."""
    torch.zeros(1, device=device)
    _, total_bytes = torch.cuda.mem_get_info(device)
    left_bytes = max(0, (job.limit_bytes or 0) - _context_bytes(job, device))
    torch.cuda.set_per_process_memory_fraction(min(1.0, left_bytes / total_bytes), device)


def _context_bytes(job: Job, device: torch.device) -> int:
    """What this process has of the card beside torch's tensors, if no other process took or freed some meanwhile."""
    free_bytes, _ = torch.cuda.mem_get_info(device)
    return max(0, job.free_before_bytes - free_bytes - torch.cuda.memory_reserved(device))


def _card_peaks(job: Job, device: torch.device) -> tuple[int, int, int]:
    if device.type != "cuda":
        return 0, 0, 0
    allocated, reserved = torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)
    return allocated, reserved, _context_bytes(job, device)


if __name__ == "__main__":
    child(Path(sys.argv[1]))
