"""Everything of a PC but its driver, made from a profile."""

from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import Any

from wan_desktop.core.hardware import Drive, DriveKind, HardwareProfile, ProblemCode
from wan_desktop.core.linux_pc import LinuxPc
from wan_desktop.core.pc import Pc
from wan_desktop.core.windows_pc import WindowsPc

_PAGE_BYTES = 4096
_NETWORK_DRIVE, _FIXED_DRIVE = 4, 3


def pc_of(profile: HardwareProfile, folder: Path) -> Pc:
    """The PC of a profile.

    Args:
        profile: The PC on paper.
        folder: Takes the `/proc` and `/sys` of one with Linux.
    """
    if profile.system.os == "windows":
        return WindowsPc(FakeWindows(profile), FakePs(profile))
    environment = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"} if profile.system.is_remote_session else {}
    return LinuxPc(FakePs(profile), root=make_linux_root(profile, folder), environment=environment)


class FakePs:
    """Answers as the module psutil."""

    def __init__(self, profile: HardwareProfile) -> None:
        self._profile = profile

    def virtual_memory(self) -> Any:
        memory = self._profile.memory
        return SimpleNamespace(total=memory.total_bytes, available=memory.available_bytes)

    def swap_memory(self) -> Any:
        memory = self._profile.memory
        in_memory = memory.total_bytes - memory.available_bytes
        return SimpleNamespace(total=memory.page_file_bytes, used=memory.commit_used_bytes - in_memory)

    def cpu_count(self, *, logical: bool) -> int:
        system = self._profile.system
        return system.logical_cores if logical else system.physical_cores

    def sensors_battery(self) -> Any:
        on_battery = self._profile.system.on_battery
        return None if on_battery is None else SimpleNamespace(power_plugged=not on_battery)

    def disk_partitions(self, *, all: bool) -> list[Any]:  # noqa: A002 - psutil's name
        drives = [drive for drive in self._profile.drives if all or drive.kind != DriveKind.NETWORK]
        return [
            SimpleNamespace(
                device=_device(drive, self._profile), mountpoint=drive.path, fstype=drive.file_system, opts="rw"
            )
            for drive in drives
        ]

    def disk_usage(self, path: str) -> Any:
        drive = _drive_at(self._profile, path)
        return SimpleNamespace(total=drive.total_bytes, free=drive.free_bytes)


class FakeWindows:
    """Answers as `windows_calls.Windows`."""

    def __init__(self, profile: HardwareProfile) -> None:
        self._profile = profile

    def performance(self) -> tuple[int, int, int, int, int]:
        memory = self._profile.memory
        sizes = (memory.commit_used_bytes, memory.commit_limit_bytes, memory.total_bytes, memory.available_bytes)
        used, limit, total, available = (size // _PAGE_BYTES for size in sizes)
        return used, limit, total, available, _PAGE_BYTES

    def page_files(self) -> list[str] | None:
        memory = self._profile.memory
        mebi = memory.page_file_bytes >> 20
        choices = {None: None, True: ["?:\\pagefile.sys"], False: [f"C:\\pagefile.sys {mebi} {mebi}"]}
        return choices[memory.page_file_is_automatic]

    def is_remote_session(self) -> bool:
        return self._profile.system.is_remote_session

    def platform_role(self) -> int:
        return 2 if self._profile.system.is_laptop else 1

    def version(self) -> tuple[int, int, int]:
        return 10, 0, int(self._profile.system.os_version.split()[-1])

    def cpu(self) -> str:
        return self._profile.system.cpu

    def display_device_ids(self) -> list[str]:
        has_none = any(problem.code == ProblemCode.NO_CARD for problem in self._profile.problems)
        others = ["PCI\\VEN_8086&DEV_4680&SUBSYS_00000000&REV_0C"]
        return others if has_none else [*others, "PCI\\VEN_10DE&DEV_2504&SUBSYS_00000000&REV_A1"]

    def volume_root(self, path: str) -> str:
        return PureWindowsPath(path).anchor

    def drive_type(self, root: str) -> int:
        return _NETWORK_DRIVE if _drive_at(self._profile, root).kind == DriveKind.NETWORK else _FIXED_DRIVE

    def file_system(self, root: str) -> str:
        return _drive_at(self._profile, root).file_system

    def bus_type(self, root: str) -> int | None:
        kinds = {DriveKind.NVME: 17, DriveKind.SSD: 11, DriveKind.HDD: 11, DriveKind.USB: 7, DriveKind.UNKNOWN: 14}
        return kinds[_drive_at(self._profile, root).kind]

    def has_seek_penalty(self, root: str) -> bool | None:
        return {DriveKind.SSD: False, DriveKind.HDD: True}[_drive_at(self._profile, root).kind]


def make_linux_root(profile: HardwareProfile, folder: Path) -> Path:
    """Write the `/proc`, `/sys` and `/etc` that Linux would show on that PC."""
    system = profile.system
    pretty, _, kernel = system.os_version.partition(", kernel ")
    files = {
        "etc/os-release": f'NAME=x\nPRETTY_NAME="{pretty}"\n',
        "proc/sys/kernel/osrelease": kernel,
        "proc/sys/vm/overcommit_memory": "0",
        "proc/cpuinfo": f"processor\t: 0\nmodel name\t: {system.cpu}\n",
        "sys/class/dmi/id/chassis_type": "10" if system.is_laptop else "3",
        "sys/bus/pci/devices/0000:00:1f.3/vendor": "0x8086",
        "sys/bus/pci/devices/0000:00:1f.3/class": "0x040300",
    }
    if not any(problem.code == ProblemCode.NO_CARD for problem in profile.problems):
        files |= {
            "sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de",
            "sys/bus/pci/devices/0000:01:00.0/class": "0x030000",
        }
    for name, text in files.items():
        write(folder / name, text + "\n")
    for drive in profile.drives:
        _make_block_device(folder, drive, profile)
    return folder


def write(path: Path, text: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _make_block_device(root: Path, drive: Drive, profile: HardwareProfile) -> None:
    """A drive and its first partition, with the links by which the kernel shows them."""
    device = _device(drive, profile)
    if not device.startswith("/dev/"):
        return
    partition = device.removeprefix("/dev/")
    disk = partition.removesuffix("p1") if drive.kind == DriveKind.NVME else partition.removesuffix("1")
    bus = "pci0000:00/usb1/1-1" if drive.kind == DriveKind.USB else "pci0000:00/0000:00:17.0"
    place = root / "sys/devices" / bus / "block" / disk
    write(place / "queue/rotational", "1\n" if drive.kind == DriveKind.HDD else "0\n")
    write(place / partition / "partition", "1\n")
    shown = root / "sys/class/block"
    shown.mkdir(parents=True, exist_ok=True)
    (shown / disk).symlink_to(place)
    (shown / partition).symlink_to(place / partition)
    write(root / device.lstrip("/"), "")


def _device(drive: Drive, profile: HardwareProfile) -> str:
    if profile.system.os == "windows":
        return drive.path
    if drive.kind == DriveKind.NETWORK:
        return "server:/share"
    index = profile.drives.index(drive)
    if drive.kind == DriveKind.NVME:
        return f"/dev/nvme{index}n1p1"
    return f"/dev/{'vd' if drive.kind == DriveKind.UNKNOWN else 'sd'}{'abcdef'[index]}1"


def _drive_at(profile: HardwareProfile, path: str) -> Drive:
    return next(drive for drive in profile.drives if drive.path == path)
