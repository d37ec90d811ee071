"""Whether this PC has changed so much that models are to be judged again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.core.hardware import HardwareProfile

_LEAST_S = 10.0
_STEP_BYTES = 1_000_000_000
"""Free memory changes all the time; a verdict only with the larger steps."""


class PcChange:
    """Remembers with which PC the models were judged last.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: HardwareProfile | None = None
        self._used_s = 0.0

    def use(self, hardware: HardwareProfile) -> None:
        """The models are judged with this one."""
        self._used, self._used_s = hardware, self._clock()

    def matters(self, hardware: HardwareProfile) -> bool:
        """It is time to judge them again with that one."""
        if self._used is None or _cards(self._used) != _cards(hardware):
            return True
        if self._clock() - self._used_s < _LEAST_S:
            return False
        pairs = zip(_free(self._used), _free(hardware), strict=True)
        return any(abs(now - before) >= _STEP_BYTES for before, now in pairs)


def _cards(hardware: HardwareProfile) -> list[tuple[str, str, int]]:
    return [(gpu.uuid, gpu.driver_version, gpu.total_bytes) for gpu in hardware.gpus]


def _free(hardware: HardwareProfile) -> list[int]:
    memory = hardware.memory
    return [*(gpu.free_bytes for gpu in hardware.gpus), memory.available_bytes // 2, memory.commit_free_bytes // 2]
