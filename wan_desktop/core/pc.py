"""What is asked of a PC apart from its graphics cards; `linux_pc` and `windows_pc` answer."""

import logging
from abc import ABC, abstractmethod
from typing import Any

import psutil

from wan_desktop.core.hardware import Drive, MemoryInfo, SystemInfo

logger = logging.getLogger(__name__)


class Pc(ABC):
    """A PC.

    Args:
        ps: The module psutil, or one that answers like it.
    """

    def __init__(self, ps: Any = psutil) -> None:
        self._ps = ps

    @abstractmethod
    def memory(self) -> MemoryInfo:
        """Memory, and what may be committed."""

    @abstractmethod
    def system(self) -> SystemInfo:
        """The rest of the PC."""

    @abstractmethod
    def has_nvidia_card(self) -> bool | None:
        """Whether a card by NVIDIA is plugged in, with or without a driver; None if that cannot be seen."""

    @abstractmethod
    def local_drives(self) -> list[str]:
        """The roots of all drives that hold files of the user, without those on the network.

        Raises:
            OSError: They cannot be asked.
        """

    @abstractmethod
    def drive(self, path: str) -> Drive:
        """The drive of an absolute path, which need not be there yet; may block, as a network drive does.

        Raises:
            OSError: It cannot be asked.
        """

    def _cores(self) -> tuple[int, int]:
        """Physical and logical ones."""
        logical = self._ps.cpu_count(logical=True) or 1
        return self._ps.cpu_count(logical=False) or logical, logical

    def _battery(self) -> tuple[bool, bool | None]:
        """Whether there is a battery, and whether the PC runs on it; None if it has none or does not tell."""
        try:
            battery = self._ps.sensors_battery()
        except (OSError, ValueError, NotImplementedError) as error:  # firmware that reports nonsense
            logger.info("The battery cannot be read: %s", error)
            return False, None
        if battery is None:
            return False, None
        return True, None if battery.power_plugged is None else not battery.power_plugged
