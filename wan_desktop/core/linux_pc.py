"""Memory, drives and system of a PC with Linux, through psutil, `/proc` and `/sys`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from wan_desktop.core.hardware import Drive, DriveKind, MemoryInfo, SystemInfo
from wan_desktop.core.pc import Pc

# SMBIOS specification 3.7, 7.4.1: portable, laptop, notebook, hand held, sub notebook, tablet, convertible, detachable.
_PORTABLE_CHASSIS = {"8", "9", "10", "11", "14", "30", "31", "32"}
_NVIDIA_PCI_VENDOR = "0x10de"
_DISPLAY_PCI_CLASS = "0x03"
_NETWORK_FILE_SYSTEMS = {
    "9p", "afs", "ceph", "cifs", "fuse.davfs", "fuse.rclone", "fuse.sshfs", "glusterfs", "ncpfs", "nfs", "nfs4", "smb3",
    "smbfs",
}  # fmt: skip
_KIBI = 1024
_STRICT_OVERCOMMIT = "2"
_DEPTH = 8
"""So many layers of mappings (encryption, volumes, RAID) are followed down to the drive."""


class LinuxPc(Pc):
    """This PC.

    Args:
        ps: The module psutil, or one that answers like it.
        root: Where `/proc`, `/sys` and `/etc` are.
        environment: Environment variables.
    """

    def __init__(
        self, ps: Any = psutil, *, root: Path = Path("/"), environment: Mapping[str, str] = os.environ
    ) -> None:
        super().__init__(ps)
        self._root = root
        self._environment = environment

    def memory(self) -> MemoryInfo:
        """Memory, and what may be committed.

        The kernel enforces its commit limit only with strict overcommit (proc(5), overcommit_memory); else memory and
        swap are the limit, and what is in use of both is what counts.
        """
        memory, swap = self._ps.virtual_memory(), self._ps.swap_memory()
        limit_bytes = memory.total + swap.total
        used_bytes = memory.total - memory.available + swap.used
        if self._text("proc/sys/vm/overcommit_memory") == _STRICT_OVERCOMMIT:
            counts = dict(line.split(":", 1) for line in self._text("proc/meminfo").splitlines() if ":" in line)
            if "CommitLimit" in counts and "Committed_AS" in counts:
                limit_bytes, used_bytes = (_kibibytes(counts[name]) for name in ("CommitLimit", "Committed_AS"))
        return MemoryInfo(memory.total, memory.available, limit_bytes, used_bytes, swap.total)

    def system(self) -> SystemInfo:
        """The rest of the PC."""
        has_battery, on_battery = self._battery()
        chassis = self._text("sys/class/dmi/id/chassis_type")
        physical, logical = self._cores()
        return SystemInfo(
            os="linux",
            os_version=self._os_version(),
            cpu=self._cpu(),
            physical_cores=physical,
            logical_cores=logical,
            is_laptop=chassis in _PORTABLE_CHASSIS if chassis else has_battery,
            on_battery=on_battery,
            is_remote_session=any(self._environment.get(name) for name in ("SSH_CONNECTION", "XRDP_SESSION")),
        )

    def has_nvidia_card(self) -> bool | None:
        """Whether a display device by NVIDIA is on the PCI bus; None if that cannot be seen."""
        devices = self._root / "sys/bus/pci/devices"
        if not devices.is_dir():
            return None
        return any(
            _read(device / "vendor") == _NVIDIA_PCI_VENDOR and _read(device / "class").startswith(_DISPLAY_PCI_CLASS)
            for device in devices.iterdir()
        )

    def local_drives(self) -> list[str]:
        """The roots of all drives that hold files of the user, without those on the network; each device once."""
        partitions = [part for part in self._ps.disk_partitions(all=False) if part.device.startswith("/dev/")]
        by_device: dict[str, str] = {}
        for part in partitions:
            if not part.mountpoint.startswith(("/boot", "/efi", "/snap", "/var/lib/snapd")):
                by_device.setdefault(part.device, part.mountpoint)
        return list(by_device.values())

    def drive(self, path: str) -> Drive:
        """The drive of a path, which need not be there yet.

        Raises:
            OSError: It cannot be asked.
        """
        # A real path; that nothing is there yet, or may be looked into, does not matter.
        real = Path(path).resolve()
        parts = [part for part in self._ps.disk_partitions(all=True) if real.is_relative_to(part.mountpoint)]
        # Of several with one place, the last was mounted over the others.
        part = max(reversed(parts), key=lambda part: len(part.mountpoint), default=None)
        if part is None:
            usage = self._ps.disk_usage("/")
            return Drive("/", DriveKind.UNKNOWN, "", usage.total, usage.free)
        usage = self._ps.disk_usage(part.mountpoint)
        kind = self._kind(part.device, part.fstype)
        return Drive(part.mountpoint, kind, part.fstype, usage.total, usage.free)

    def _kind(self, device: str, file_system: str) -> DriveKind:
        if file_system in _NETWORK_FILE_SYSTEMS:
            return DriveKind.NETWORK
        if not device.startswith("/dev/"):
            return DriveKind.UNKNOWN
        block = self._root / "sys/class/block" / self._kernel_name(device)
        for _ in range(_DEPTH):
            below = sorted((block / "slaves").iterdir()) if (block / "slaves").is_dir() else []
            if not below:
                break
            block = below[0].resolve()
        block = block.resolve()
        whole = block.parent if (block / "partition").exists() else block
        return _kind_of_disk(whole)

    def _kernel_name(self, device: str) -> str:
        """`dm-0` for `/dev/mapper/home`, `sda1` for `/dev/disk/by-uuid/...`."""
        place = self._root / device.lstrip("/")
        return place.resolve().name if place.is_symlink() else place.name

    def _os_version(self) -> str:
        lines = self._text("etc/os-release").splitlines()
        names = [line.partition("=")[2].strip("'\"") for line in lines if line.startswith("PRETTY_NAME=")]
        kernel = self._text("proc/sys/kernel/osrelease")
        return ", ".join([*names[:1], *([f"kernel {kernel}"] if kernel else [])])

    def _cpu(self) -> str:
        for line in self._text("proc/cpuinfo").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
        return ""

    def _text(self, path: str) -> str:
        return _read(self._root / path)


def _kind_of_disk(disk: Path) -> DriveKind:
    """By `/sys/block/DISK`: its name, the bus it hangs on, and whether it turns (kernel docs, sysfs-block)."""
    if disk.name.startswith("nvme"):
        return DriveKind.NVME
    if any(part.startswith("usb") for part in disk.parts):
        return DriveKind.USB
    # Of virtual machines: what is behind them is not known, and they often claim to turn.
    if disk.name.startswith(("vd", "xvd", "loop", "zram")):
        return DriveKind.UNKNOWN
    turns = _read(disk / "queue/rotational")
    return {"0": DriveKind.SSD, "1": DriveKind.HDD}.get(turns, DriveKind.UNKNOWN)


def _read(path: Path) -> str:
    """What a small file holds; nothing if it is not there or not for us."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _kibibytes(text: str) -> int:
    return int(text.split()[0]) * _KIBI
