"""What `/proc` and `/sys` mean."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes.hardware import FakePs, load, make_linux_root
from tests.fakes.hardware.pcs import write
from wan_desktop.core.hardware import Drive, DriveKind
from wan_desktop.core.linux_pc import LinuxPc

PROFILE = load("rtx-3090-24gb-64gb-linux")
LAPTOP_CHASSIS, TOWER_CHASSIS = "10", "3"


class Ps(FakePs):
    """With partitions and a battery of the test's choice."""

    def __init__(self, partitions: list[tuple[str, str, str]] | None = None, battery: Any = None) -> None:
        super().__init__(PROFILE)
        self._partitions = partitions or []
        self._battery_of_test = battery

    def disk_partitions(self, *, all: bool) -> list[Any]:  # noqa: A002 - psutil's name
        names = ("device", "mountpoint", "fstype")
        return [SimpleNamespace(**dict(zip(names, part, strict=True))) for part in self._partitions]

    def disk_usage(self, path: str) -> Any:
        return SimpleNamespace(total=100, free=10)

    def sensors_battery(self) -> Any:
        if isinstance(self._battery_of_test, Exception):
            raise self._battery_of_test
        return self._battery_of_test


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_linux_root(PROFILE, tmp_path)


def test_that_memory_and_swap_are_the_limit_where_linux_promises_freely(root: Path) -> None:
    memory = LinuxPc(FakePs(PROFILE), root=root).memory()
    assert memory.commit_limit_bytes == memory.total_bytes + memory.page_file_bytes


def test_that_the_kernels_own_limit_counts_where_it_is_enforced(root: Path) -> None:
    write(root / "proc/sys/vm/overcommit_memory", "2\n")
    write(root / "proc/meminfo", "MemTotal: 100 kB\nCommitLimit:    5000000 kB\nCommitted_AS:   1000000 kB\n")
    memory = LinuxPc(FakePs(PROFILE), root=root).memory()
    assert (memory.commit_limit_bytes, memory.commit_used_bytes) == (5_120_000_000, 1_024_000_000)


def test_that_a_strict_kernel_that_tells_no_limit_is_taken_as_others(root: Path) -> None:
    write(root / "proc/sys/vm/overcommit_memory", "2\n")
    assert LinuxPc(FakePs(PROFILE), root=root).memory() == PROFILE.memory


@pytest.mark.parametrize(
    ("chassis", "has_battery", "is_laptop"),
    [(LAPTOP_CHASSIS, False, True), (TOWER_CHASSIS, True, False), ("", True, True), ("", False, False)],
)
def test_that_the_chassis_says_what_a_laptop_is(chassis: str, has_battery: bool, is_laptop: bool, root: Path) -> None:
    write(root / "sys/class/dmi/id/chassis_type", chassis)
    battery = SimpleNamespace(power_plugged=None) if has_battery else None
    system = LinuxPc(Ps(battery=battery), root=root).system()
    assert (system.is_laptop, system.on_battery) == (is_laptop, None)


@pytest.mark.parametrize("error", [OSError(19, "No such device"), ValueError("nan"), NotImplementedError()])
def test_that_a_battery_with_broken_firmware_is_no_battery(error: Exception, root: Path) -> None:
    assert LinuxPc(Ps(battery=error), root=root).system().on_battery is None


def test_that_an_empty_system_gives_empty_words(tmp_path: Path) -> None:
    pc = LinuxPc(FakePs(PROFILE), root=tmp_path, environment={})
    system = pc.system()
    assert (system.os_version, system.cpu, system.is_remote_session) == ("", "", False)
    assert pc.has_nvidia_card() is None


def test_that_only_a_display_device_by_nvidia_is_a_card(tmp_path: Path) -> None:
    root = make_linux_root(replace(PROFILE, problems=load("no-card-laptop-8gb").problems), tmp_path)
    sound = root / "sys/bus/pci/devices/0000:01:00.1"
    write(sound / "vendor", "0x10de\n")
    write(sound / "class", "0x040300\n")
    assert LinuxPc(root=root).has_nvidia_card() is False
    write(sound / "class", "0x030200\n")
    assert LinuxPc(root=root).has_nvidia_card() is True


# Drives --------------------------------------------------------------------------------------------------------------


def test_that_the_innermost_and_last_mount_holds_a_path(root: Path) -> None:
    parts = [("/dev/sda1", "/", "ext4"), ("/dev/sdb1", "/mnt", "xfs"), ("tmpfs", "/mnt", "tmpfs"), ("x", "/mn", "ext4")]
    pc = LinuxPc(Ps(parts), root=root)
    assert pc.drive("/mnt/models/not-there") == Drive("/mnt", DriveKind.UNKNOWN, "tmpfs", 100, 10)
    assert pc.drive("/mntx").path == "/"
    assert LinuxPc(Ps(), root=root).drive("/mnt").file_system == ""


def test_that_a_file_system_of_a_server_is_the_network(root: Path) -> None:
    parts = [("nas:/video", "/mnt/a", "nfs4"), ("//nas/video", "/mnt/b", "cifs"), ("me@nas:", "/mnt/c", "fuse.sshfs")]
    pc = LinuxPc(Ps(parts), root=root)
    assert [pc.drive(f"/mnt/{name}").kind for name in "abc"] == [DriveKind.NETWORK] * 3


def add_disk(root: Path, name: str, rotational: str, bus: str = "pci0000:00") -> Path:
    place = root / "sys/devices" / bus / "block" / name
    write(place / "queue/rotational", rotational)
    write(root / "dev" / name, "")
    (root / "sys/class/block").mkdir(parents=True, exist_ok=True)
    (root / "sys/class/block" / name).symlink_to(place)
    return place


@pytest.mark.parametrize(
    ("name", "rotational", "bus", "kind"),
    [
        ("nvme0n1", "0", "pci0000:00", DriveKind.NVME),
        ("sda", "0", "pci0000:00", DriveKind.SSD),
        ("sda", "1", "pci0000:00", DriveKind.HDD),
        ("sda", "1", "pci0000:00/usb2/2-1", DriveKind.USB),
        ("vda", "1", "virtio0", DriveKind.UNKNOWN),
        ("sda", "", "pci0000:00", DriveKind.UNKNOWN),
    ],
)
def test_that_a_drive_is_told_by_bus_and_motion(
    name: str, rotational: str, bus: str, kind: DriveKind, tmp_path: Path
) -> None:
    add_disk(tmp_path, name, rotational, bus)
    pc = LinuxPc(Ps([(f"/dev/{name}", "/mnt", "ext4")]), root=tmp_path)
    assert pc.drive("/mnt").kind is kind


def test_that_encryption_on_a_volume_on_a_drive_is_followed_down(tmp_path: Path) -> None:
    disk = add_disk(tmp_path, "sda", "1")
    write(disk / "sda2/partition", "2")
    (tmp_path / "sys/class/block/sda2").symlink_to(disk / "sda2")
    for name, below in (("dm-0", "sda2"), ("dm-1", "dm-0")):
        place = add_disk(tmp_path, name, "0", "virtual")
        (place / "slaves").mkdir()
        (place / "slaves" / below).symlink_to((tmp_path / "sys/class/block" / below).resolve())
    mapper = tmp_path / "dev/mapper/home"
    mapper.parent.mkdir(parents=True)
    mapper.symlink_to("../dm-1")
    pc = LinuxPc(Ps([("/dev/mapper/home", "/home", "ext4")]), root=tmp_path)
    assert pc.drive("/home").kind is DriveKind.HDD


def test_that_each_device_is_listed_once_and_boot_not_at_all(root: Path) -> None:
    parts = [("/dev/sda2", "/", "btrfs"), ("/dev/sda2", "/home", "btrfs"), ("/dev/sda1", "/boot/efi", "vfat")]
    parts += [("/dev/loop1", "/snap/core/1", "squashfs"), ("pool", "/tank", "zfs"), ("/dev/sdb1", "/data", "ext4")]
    assert LinuxPc(Ps(parts), root=root).local_drives() == ["/", "/data"]
