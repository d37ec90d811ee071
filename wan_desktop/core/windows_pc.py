"""Memory, drives and system of a PC with Windows: what the calls of `windows_calls` mean.

Nothing here goes through WMI, which is slow, may be broken, and whose AdapterRAM ends at 4 GiB.
"""

import logging
from pathlib import PureWindowsPath
from typing import Any, Protocol

import psutil

from wan_desktop.core.hardware import Drive, DriveKind, MemoryInfo, SystemInfo
from wan_desktop.core.pc import Pc

logger = logging.getLogger(__name__)

_REMOTE_DRIVE = 4
"""DRIVE_REMOTE (Win32, GetDriveTypeW)."""
# STORAGE_BUS_TYPE (Win32, winioctl.h): 1394, USB, SD and MMC can be pulled out; a virtual drive and a file say nothing
# of what is behind them. A drive on any other bus is told by whether seeking costs time.
_KIND_BY_BUS = {
    4: DriveKind.USB,
    7: DriveKind.USB,
    9: DriveKind.NETWORK,  # iSCSI
    12: DriveKind.USB,
    13: DriveKind.USB,
    14: DriveKind.UNKNOWN,
    15: DriveKind.UNKNOWN,
    17: DriveKind.NVME,
}
_MOBILE_ROLES = {2, 8}
"""PlatformRoleMobile and PlatformRoleSlate (Win32, POWER_PLATFORM_ROLE)."""
_NVIDIA_PCI_VENDOR = "VEN_10DE"
_FIRST_BUILD_OF_11 = 22000
_OLDEST_BUILD_OF_10 = 10240


class WindowsCalls(Protocol):
    """What is asked of Windows, as it answers; each may raise OSError."""

    def performance(self) -> tuple[int, int, int, int, int]:
        """Of GetPerformanceInfo: commit total, commit limit, physical total and available, in pages; a page's size."""
        ...

    def page_files(self) -> list[str] | None:
        r"""The registry's list of page files, such as `?:\pagefile.sys` or `C:\pagefile.sys 16384 16384`."""
        ...

    def is_remote_session(self) -> bool:
        """GetSystemMetrics(SM_REMOTESESSION)."""
        ...

    def platform_role(self) -> int:
        """PowerDeterminePlatformRoleEx."""
        ...

    def version(self) -> tuple[int, int, int]:
        """Major, minor, build."""
        ...

    def cpu(self) -> str:
        """The processor's name in the registry."""
        ...

    def display_device_ids(self) -> list[str]:
        r"""Of EnumDisplayDevicesW, such as `PCI\VEN_10DE&DEV_2504&...`; there also when its driver is missing."""
        ...

    def volume_root(self, path: str) -> str:
        """GetVolumePathNameW."""
        ...

    def drive_type(self, root: str) -> int:
        """GetDriveTypeW."""
        ...

    def file_system(self, root: str) -> str:
        """GetVolumeInformationW."""
        ...

    def bus_type(self, root: str) -> int | None:
        """BusType of the drive's STORAGE_DEVICE_DESCRIPTOR; None if it has none, as over several drives."""
        ...

    def has_seek_penalty(self, root: str) -> bool | None:
        """Of StorageDeviceSeekPenaltyProperty; None if the drive does not tell."""
        ...


class WindowsPc(Pc):
    """This PC.

    Args:
        calls: What is asked of Windows.
        ps: The module psutil, or one that answers like it.
    """

    def __init__(self, calls: WindowsCalls, ps: Any = psutil) -> None:
        super().__init__(ps)
        self._calls = calls

    def memory(self) -> MemoryInfo:
        """Memory, and what may be committed: memory and page files (Win32, PERFORMANCE_INFORMATION)."""
        try:
            used, limit, total, available, page_bytes = self._calls.performance()
        except OSError as error:
            logger.warning("GetPerformanceInfo failed: %s", error)
            memory, swap = self._ps.virtual_memory(), self._ps.swap_memory()
            used, limit = memory.total - memory.available + swap.used, memory.total + swap.total
            total, available, page_bytes = memory.total, memory.available, 1
        return MemoryInfo(
            total_bytes=total * page_bytes,
            available_bytes=available * page_bytes,
            commit_limit_bytes=limit * page_bytes,
            commit_used_bytes=used * page_bytes,
            page_file_bytes=max(0, limit - total) * page_bytes,
            page_file_is_automatic=_is_automatic(self._calls.page_files()),
        )

    def system(self) -> SystemInfo:
        """The rest of the PC."""
        _, on_battery = self._battery()
        physical, logical = self._cores()
        return SystemInfo(
            os="windows",
            os_version=_version_words(*self._calls.version()),
            cpu=self._calls.cpu(),
            physical_cores=physical,
            logical_cores=logical,
            # Not by the battery: the one of a desktop's emergency supply looks like a laptop's.
            is_laptop=self._calls.platform_role() in _MOBILE_ROLES,
            on_battery=on_battery,
            is_remote_session=self._calls.is_remote_session(),
        )

    def has_nvidia_card(self) -> bool | None:
        """Whether Windows shows a display device by NVIDIA, with or without a driver."""
        try:
            return any(_NVIDIA_PCI_VENDOR in device_id.upper() for device_id in self._calls.display_device_ids())
        except OSError:
            return None

    def local_drives(self) -> list[str]:
        """The roots of all drives that are no network drives."""
        roots = [part.mountpoint for part in self._ps.disk_partitions(all=False) if "cdrom" not in part.opts]
        return [root for root in roots if self._calls.drive_type(root) != _REMOTE_DRIVE]

    def drive(self, path: str) -> Drive:
        """The drive of a path, which need not be there yet.

        Raises:
            OSError: It cannot be asked.
        """
        root = self._calls.volume_root(path)
        usage = self._ps.disk_usage(root)
        return Drive(root, self._kind(root), self._calls.file_system(root), usage.total, usage.free)

    def _kind(self, root: str) -> DriveKind:
        if PureWindowsPath(root).drive.startswith("\\\\") or self._calls.drive_type(root) == _REMOTE_DRIVE:
            return DriveKind.NETWORK
        bus = self._calls.bus_type(root)
        if bus is None or bus in _KIND_BY_BUS:
            return DriveKind.UNKNOWN if bus is None else _KIND_BY_BUS[bus]
        penalty = self._calls.has_seek_penalty(root)
        return DriveKind.UNKNOWN if penalty is None else DriveKind.HDD if penalty else DriveKind.SSD


def _is_automatic(page_files: list[str] | None) -> bool | None:
    r"""Whether Windows chooses the size of a page file: `?:\pagefile.sys`, or sizes left out or of 0.

    The format of `PagingFiles` below `Session Manager\Memory Management`, as Windows' own dialog writes it.
    """
    if page_files is None:
        return None
    return any(line.startswith("?:") or line.split()[-1:] == ["0"] or len(line.split()) == 1 for line in page_files)


def _version_words(major: int, minor: int, build: int) -> str:
    name = "11" if build >= _FIRST_BUILD_OF_11 else "10" if build >= _OLDEST_BUILD_OF_10 else f"{major}.{minor}"
    return f"Windows {name}, build {build}"
