"""Looks at memory between the steps of a render, and leaves a plan before the PC stands still.

Where normal memory runs out, Windows and Linux move pages to the disk long before anything fails: a step takes minutes,
and every other program hangs. Where a card's memory runs out, Windows lends normal memory, with the same effect. A plan
that needs less, taken up from the last good step, is faster by far.
"""

import logging
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import torch

from wan_desktop.core.errors import OutOfMemoryError
from wan_desktop.core.words import tr
from wan_desktop.engine import memory

logger = logging.getLogger(__name__)

_LEAST_RAM_BYTES, _LEAST_RAM_PART = 300_000_000, 0.015
"""The smaller of both: below it systems begin to drop the code of running programs, and to read it again and again."""
_LEAST_VRAM_PART = 0.01
_SLOW_FACTOR, _STEPS_KNOWN = 3.0, 2
"""A step is slow against the median of the ones before it, of which there must be so many."""


@dataclass(frozen=True, slots=True)
class FreeMemory:
    """What is left."""

    ram_bytes: int
    ram_total_bytes: int
    vram_bytes: int | None = None
    """None where nothing computes on a card."""
    vram_total_bytes: int = 1


def free_memory(device: torch.device) -> FreeMemory:
    """As it is now."""
    ram, card = psutil.virtual_memory(), memory.video_memory(device)
    if card is None:
        return FreeMemory(ram.available, ram.total)
    return FreeMemory(ram.available, ram.total, card.free_bytes, card.total_bytes)


class MemoryWatch:
    """Of one render.

    Args:
        device: Where it computes.
        can_step_down: A plan that needs less can be tried; without one nothing is ended here.
        look: Tells what is free.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        device: torch.device,
        *,
        can_step_down: bool,
        look: Callable[[torch.device], FreeMemory] = free_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device, self._can_step_down = device, can_step_down
        self._look, self._clock = look, clock
        self._last_s = clock()
        self._steps_s: list[float] = []

    def step(self) -> None:
        """A step is done.

        Raises:
            OutOfMemoryError: Memory is almost gone, and a plan that needs less can be tried.
        """
        now_s = self._clock()
        taken_s, self._last_s = now_s - self._last_s, now_s
        is_slow = len(self._steps_s) >= _STEPS_KNOWN and taken_s > _SLOW_FACTOR * statistics.median(self._steps_s)
        self._steps_s.append(taken_s)
        if not self._can_step_down:
            return
        if self._ram_is_gone():
            memory.free_cached_memory(self._device)
            memory.return_freed_memory()
            if self._ram_is_gone():
                raise OutOfMemoryError(
                    tr("Almost nothing was left of the PC's memory."),
                    hint=tr("Close other programs, or make a smaller video."),
                )
        free = self._look(self._device)
        if is_slow and free.vram_bytes is not None and free.vram_bytes < _LEAST_VRAM_PART * free.vram_total_bytes:
            raise OutOfMemoryError(
                tr("The graphics card's memory is full, and a step took several times as long as before."),
                hint=tr("Close other programs that use the card, or make a smaller video."),
            )

    def rested(self, seconds: float) -> None:
        """The render was paused for so long: no step took that time."""
        self._last_s += seconds

    def _ram_is_gone(self) -> bool:
        free = self._look(self._device)
        least = min(_LEAST_RAM_BYTES, _LEAST_RAM_PART * free.ram_total_bytes)
        if free.ram_bytes >= least:
            return False
        logger.warning("Only %d bytes of memory are free", free.ram_bytes)
        return True
