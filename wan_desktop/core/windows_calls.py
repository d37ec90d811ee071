"""The calls to Windows behind `windows_pc`, through ctypes and the registry.

Only Windows can run them: on other systems this module is not imported, and no test there executes it. What the
answers mean is in `windows_pc`, which is tested with answers of the same form.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SM_REMOTESESSION = 0x1000
_POWER_PLATFORM_ROLE_V2 = 2
_INVALID_HANDLE = ctypes.c_void_p(-1).value
_FILE_SHARE_ALL = 0x7  # read, write and delete
_GENERIC_READ = 0x80000000
_OPEN_EXISTING = 3
_FILE_FLAG_NO_BUFFERING = 0x20000000
_FILE_FLAG_SEQUENTIAL_SCAN = 0x08000000
_IOCTL_STORAGE_QUERY_PROPERTY = 0x002D1400
_STORAGE_DEVICE_PROPERTY, _STORAGE_DEVICE_SEEK_PENALTY_PROPERTY = 0, 7
_PATH_CHARACTERS = 32768
_NAME_CHARACTERS = 261
_MEMORY_KEY = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management"
_CPU_KEY = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"


class _Performance(ctypes.Structure):
    """PERFORMANCE_INFORMATION."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("commit_total", ctypes.c_size_t),
        ("commit_limit", ctypes.c_size_t),
        ("commit_peak", ctypes.c_size_t),
        ("physical_total", ctypes.c_size_t),
        ("physical_available", ctypes.c_size_t),
        ("system_cache", ctypes.c_size_t),
        ("kernel_total", ctypes.c_size_t),
        ("kernel_paged", ctypes.c_size_t),
        ("kernel_nonpaged", ctypes.c_size_t),
        ("page_size", ctypes.c_size_t),
        ("handles", ctypes.c_uint32),
        ("processes", ctypes.c_uint32),
        ("threads", ctypes.c_uint32),
    )


class _DisplayDevice(ctypes.Structure):
    """DISPLAY_DEVICEW."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("device_name", ctypes.c_wchar * 32),
        ("device_string", ctypes.c_wchar * 128),
        ("state_flags", ctypes.c_uint32),
        ("device_id", ctypes.c_wchar * 128),
        ("device_key", ctypes.c_wchar * 128),
    )


class _PropertyQuery(ctypes.Structure):
    """STORAGE_PROPERTY_QUERY."""

    _fields_ = (
        ("property_id", ctypes.c_uint32),
        ("query_type", ctypes.c_uint32),
        ("additional", ctypes.c_ubyte * 1),
    )


class _DeviceDescriptor(ctypes.Structure):
    """STORAGE_DEVICE_DESCRIPTOR up to its bus type."""

    _fields_ = (
        ("version", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("device_type", ctypes.c_ubyte),
        ("device_type_modifier", ctypes.c_ubyte),
        ("removable_media", ctypes.c_ubyte),
        ("command_queueing", ctypes.c_ubyte),
        ("vendor_id_offset", ctypes.c_uint32),
        ("product_id_offset", ctypes.c_uint32),
        ("product_revision_offset", ctypes.c_uint32),
        ("serial_number_offset", ctypes.c_uint32),
        ("bus_type", ctypes.c_uint32),
        ("raw_properties_length", ctypes.c_uint32),
        ("rest", ctypes.c_ubyte * 1024),
    )


class _SeekPenalty(ctypes.Structure):
    """DEVICE_SEEK_PENALTY_DESCRIPTOR."""

    _fields_ = (("version", ctypes.c_uint32), ("size", ctypes.c_uint32), ("incurs", ctypes.c_ubyte))


_COUNTER_PATH = r"\GPU Process Memory(*)\Dedicated Usage"
_PDH_FMT_LARGE, _PDH_MORE_DATA = 0x400, 0x800007D2
_PDH_VALID = (0, 1)
"""PDH_CSTATUS_VALID_DATA and PDH_CSTATUS_NEW_DATA (Win32, pdhmsg.h)."""
_TRIES = 5


class _CounterValue(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE with the member of its union that PDH_FMT_LARGE fills."""

    _fields_ = (("status", ctypes.c_uint32), ("large", ctypes.c_int64))


class _CounterItem(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE_ITEM_W."""

    _fields_ = (("name", ctypes.c_wchar_p), ("value", _CounterValue))


if sys.platform == "win32":
    import msvcrt
    import os
    import winreg

    class Windows:
        """This PC's Windows; see `windows_pc.WindowsCalls` for what each call returns."""

        def __init__(self) -> None:
            self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)
            self._kernel.CreateFileW.restype = ctypes.c_void_p

        def performance(self) -> tuple[int, int, int, int, int]:
            """GetPerformanceInfo."""
            found = _Performance(cb=ctypes.sizeof(_Performance))
            # Under this name in kernel32 since Windows 7 (Win32, PSAPI_VERSION 2).
            if not self._kernel.K32GetPerformanceInfo(ctypes.byref(found), found.cb):
                raise ctypes.WinError(ctypes.get_last_error())
            return (
                found.commit_total,
                found.commit_limit,
                found.physical_total,
                found.physical_available,
                found.page_size,
            )

        def page_files(self) -> list[str] | None:
            """The registry's PagingFiles."""
            found = _registry(_MEMORY_KEY, "PagingFiles")
            return [str(line) for line in found if line] if isinstance(found, list) else None

        def is_remote_session(self) -> bool:
            """GetSystemMetrics."""
            return bool(ctypes.windll.user32.GetSystemMetrics(_SM_REMOTESESSION))

        def platform_role(self) -> int:
            """PowerDeterminePlatformRoleEx."""
            return int(ctypes.windll.powrprof.PowerDeterminePlatformRoleEx(_POWER_PLATFORM_ROLE_V2))

        def version(self) -> tuple[int, int, int]:
            """The true version, whatever a compatibility setting says."""
            return sys.getwindowsversion().platform_version

        def cpu(self) -> str:
            """The registry's ProcessorNameString."""
            return str(_registry(_CPU_KEY, "ProcessorNameString") or "").strip()

        def display_device_ids(self) -> list[str]:
            """EnumDisplayDevicesW."""
            ids: list[str] = []
            found = _DisplayDevice(cb=ctypes.sizeof(_DisplayDevice))
            while ctypes.windll.user32.EnumDisplayDevicesW(None, len(ids), ctypes.byref(found), 0):
                ids.append(str(found.device_id))
            return ids

        def volume_root(self, path: str) -> str:
            """GetVolumePathNameW."""
            root = ctypes.create_unicode_buffer(_PATH_CHARACTERS)
            if not self._kernel.GetVolumePathNameW(path, root, _PATH_CHARACTERS):
                raise ctypes.WinError(ctypes.get_last_error())
            return root.value

        def drive_type(self, root: str) -> int:
            """GetDriveTypeW."""
            return int(self._kernel.GetDriveTypeW(root))

        def file_system(self, root: str) -> str:
            """GetVolumeInformationW."""
            name = ctypes.create_unicode_buffer(_NAME_CHARACTERS)
            if not self._kernel.GetVolumeInformationW(root, None, 0, None, None, None, name, _NAME_CHARACTERS):
                return ""
            return name.value

        def bus_type(self, root: str) -> int | None:
            """DeviceIoControl, StorageDeviceProperty."""
            found = _DeviceDescriptor()
            return found.bus_type if self._query(root, _STORAGE_DEVICE_PROPERTY, found) else None

        def has_seek_penalty(self, root: str) -> bool | None:
            """DeviceIoControl, StorageDeviceSeekPenaltyProperty."""
            found = _SeekPenalty()
            return bool(found.incurs) if self._query(root, _STORAGE_DEVICE_SEEK_PENALTY_PROPERTY, found) else None

        def open_uncached(self, path: str) -> int:
            """A file descriptor that reads past the cache, into whole pages only."""
            flags = _FILE_FLAG_NO_BUFFERING | _FILE_FLAG_SEQUENTIAL_SCAN
            handle = self._kernel.CreateFileW(path, _GENERIC_READ, _FILE_SHARE_ALL, None, _OPEN_EXISTING, flags, None)
            if handle in (None, _INVALID_HANDLE):
                raise ctypes.WinError(ctypes.get_last_error())
            return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY)

        def _query(self, root: str, property_id: int, found: Any) -> bool:
            """Ask a volume about its drive; needs no rights, because nothing of it is opened for reading."""
            query, written = _PropertyQuery(property_id=property_id), ctypes.c_uint32()
            with self._volume(root) as handle:
                return bool(
                    handle
                    and self._kernel.DeviceIoControl(
                        ctypes.c_void_p(handle),
                        _IOCTL_STORAGE_QUERY_PROPERTY,
                        ctypes.byref(query),
                        ctypes.sizeof(query),
                        ctypes.byref(found),
                        ctypes.sizeof(found),
                        ctypes.byref(written),
                        None,
                    )
                )

        @contextmanager
        def _volume(self, root: str) -> Iterator[int | None]:
            r"""A handle of the volume: `\\.\C:` for `C:\`, or the volume's own name for one mounted in a folder."""
            name = ctypes.create_unicode_buffer(_NAME_CHARACTERS)
            if not self._kernel.GetVolumeNameForVolumeMountPointW(root, name, _NAME_CHARACTERS):
                yield None
                return
            device = name.value.rstrip("\\")
            handle = self._kernel.CreateFileW(device, 0, _FILE_SHARE_ALL, None, _OPEN_EXISTING, 0, None)
            if handle in (None, _INVALID_HANDLE):
                yield None
                return
            try:
                yield handle
            finally:
                self._kernel.CloseHandle(ctypes.c_void_p(handle))

    def _registry(key: str, name: str) -> Any:
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
                return winreg.QueryValueEx(opened, name)[0]
        except OSError:
            return None

    def gpu_process_memory() -> list[tuple[str, int]]:
        r"""Each instance of `\GPU Process Memory(*)\Dedicated Usage` with its bytes. Not run on Windows so far.

        The English name is asked for, because counters have other names in other languages (Win32,
        PdhAddEnglishCounterW). There is one since Windows 10, version 1709.

        Raises:
            OSError: The counter is not there, or the counters are damaged.
        """
        pdh = _pdh()
        query, counter = ctypes.c_void_p(), ctypes.c_void_p()
        _check(pdh.PdhOpenQueryW(None, 0, ctypes.byref(query)))
        try:
            _check(pdh.PdhAddEnglishCounterW(query, _COUNTER_PATH, 0, ctypes.byref(counter)))
            _check(pdh.PdhCollectQueryData(query))
            return _counter_items(pdh, counter)
        finally:
            pdh.PdhCloseQuery(query)

    def _counter_items(pdh: Any, counter: ctypes.c_void_p) -> list[tuple[str, int]]:
        """The size is asked for first; it may have grown until the items are."""
        size, count = ctypes.c_uint32(0), ctypes.c_uint32(0)
        buffer: Any = None
        for _ in range(_TRIES):
            status = pdh.PdhGetFormattedCounterArrayW(
                counter, _PDH_FMT_LARGE, ctypes.byref(size), ctypes.byref(count), buffer
            )
            if status != _PDH_MORE_DATA:
                break
            buffer = ctypes.create_string_buffer(size.value)
        _check(status)
        if buffer is None:  # nothing uses a card
            return []
        items = ctypes.cast(buffer, ctypes.POINTER(_CounterItem))
        found = (items[index] for index in range(count.value))
        return [(item.name or "", item.value.large) for item in found if item.value.status in _PDH_VALID]

    def _pdh() -> Any:
        """pdh.dll with the types of its calls: handles have eight bytes, and states are no signed numbers."""
        pdh = ctypes.WinDLL("pdh")
        handle, number = ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint32)
        pdh.PdhOpenQueryW.argtypes = (ctypes.c_wchar_p, ctypes.c_size_t, ctypes.POINTER(handle))
        pdh.PdhAddEnglishCounterW.argtypes = (handle, ctypes.c_wchar_p, ctypes.c_size_t, ctypes.POINTER(handle))
        pdh.PdhCollectQueryData.argtypes = (handle,)
        pdh.PdhGetFormattedCounterArrayW.argtypes = (handle, ctypes.c_uint32, number, number, ctypes.c_void_p)
        pdh.PdhCloseQuery.argtypes = (handle,)
        for call in (
            pdh.PdhOpenQueryW,
            pdh.PdhAddEnglishCounterW,
            pdh.PdhCollectQueryData,
            pdh.PdhGetFormattedCounterArrayW,
            pdh.PdhCloseQuery,
        ):
            call.restype = ctypes.c_uint32
        return pdh

    def _check(status: int) -> None:
        if status:
            raise OSError(f"Windows' performance counters answer 0x{status:08X}")
