"""What Windows' answers mean. The calls themselves (`windows_calls`) run on Windows only and are not tested here."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes.hardware import FakePs, FakeWindows, load
from wan_desktop.core.hardware import DriveKind
from wan_desktop.core.windows_pc import WindowsPc

PROFILE = load("rtx-3060-12gb-32gb")
NO_CARD = load("no-card-laptop-8gb")


class Calls(FakeWindows):
    """Windows with one drive of the test's choice."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(PROFILE)
        for name, answer in answers.items():
            setattr(self, name, _answering(answer))


def _answering(answer: Any) -> Any:
    def call(*_: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return call


def pc(**answers: Any) -> WindowsPc:
    return WindowsPc(Calls(**answers), FakePs(PROFILE))


def test_that_what_is_committed_beyond_memory_is_the_page_file() -> None:
    memory = pc(performance=(3_000_000, 10_000_000, 8_000_000, 2_000_000, 4096)).memory()
    assert memory.page_file_bytes == 2_000_000 * 4096
    assert memory.commit_free_bytes == 7_000_000 * 4096


def test_that_psutil_steps_in_where_windows_refuses() -> None:
    memory = pc(performance=PermissionError(13, "no")).memory()
    expected = PROFILE.memory
    assert (memory.total_bytes, memory.available_bytes) == (expected.total_bytes, expected.available_bytes)
    assert memory.page_file_bytes == expected.page_file_bytes


@pytest.mark.parametrize(
    ("lines", "automatic"),
    [
        (["?:\\pagefile.sys"], True),
        (["C:\\pagefile.sys 0 0"], True),
        (["D:\\pagefile.sys"], True),
        (["C:\\pagefile.sys 16384 32768"], False),
        (["C:\\pagefile.sys 1024 1024", "D:\\pagefile.sys 0 0"], True),
        ([], False),
        (None, None),
    ],
)
def test_that_the_page_file_is_automatic_where_a_size_is_left_open(lines: Any, automatic: bool | None) -> None:
    assert pc(page_files=lines).memory().page_file_is_automatic is automatic


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ((10, 0, 26100), "Windows 11, build 26100"),
        ((10, 0, 22000), "Windows 11, build 22000"),
        ((10, 0, 19045), "Windows 10, build 19045"),
        ((6, 3, 9600), "Windows 6.3, build 9600"),
    ],
)
def test_that_the_build_says_which_windows_it_is(version: tuple[int, int, int], words: str) -> None:
    assert pc(version=version).system().os_version == words


def test_that_an_emergency_supply_makes_no_laptop() -> None:
    class WithSupply(FakePs):
        def sensors_battery(self) -> Any:
            return SimpleNamespace(power_plugged=True)

    system = WindowsPc(Calls(platform_role=1), WithSupply(PROFILE)).system()
    assert (system.is_laptop, system.on_battery) == (False, False)


def test_that_a_card_without_driver_is_seen() -> None:
    assert pc().has_nvidia_card() is True
    assert WindowsPc(FakeWindows(NO_CARD), FakePs(NO_CARD)).has_nvidia_card() is False
    assert pc(display_device_ids=OSError("no")).has_nvidia_card() is None


@pytest.mark.parametrize(
    ("bus", "penalty", "kind"),
    [
        (17, None, DriveKind.NVME),
        (11, False, DriveKind.SSD),
        (11, True, DriveKind.HDD),
        (8, False, DriveKind.SSD),
        (11, None, DriveKind.UNKNOWN),
        (7, True, DriveKind.USB),
        (12, None, DriveKind.USB),
        (9, None, DriveKind.NETWORK),
        (14, False, DriveKind.UNKNOWN),
        (None, None, DriveKind.UNKNOWN),
    ],
)
def test_that_a_drive_is_told_by_bus_and_seeking(bus: int | None, penalty: bool | None, kind: DriveKind) -> None:
    drive = pc(bus_type=bus, has_seek_penalty=penalty).drive("C:\\models")
    assert (drive.path, drive.file_system, drive.kind) == ("C:\\", "NTFS", kind)


def test_that_shares_and_mapped_drives_are_the_network() -> None:
    share = "\\\\server\\models\\"

    class OnServer(FakePs):
        def disk_usage(self, path: str) -> Any:
            return SimpleNamespace(total=100, free=10)

    for calls in (Calls(volume_root=share, file_system="NTFS"), Calls(drive_type=4)):
        assert WindowsPc(calls, OnServer(PROFILE)).drive("C:\\models").kind is DriveKind.NETWORK


def test_that_network_drives_and_discs_are_not_listed() -> None:
    class Partitions(FakePs):
        def disk_partitions(self, *, all: bool) -> Any:  # noqa: A002 - psutil's name
            parts = [("C:\\", "rw,fixed"), ("E:\\", "ro,cdrom"), ("Z:\\", "rw,remote")]
            return [SimpleNamespace(mountpoint=root, opts=opts) for root, opts in parts]

    class Typed(FakeWindows):
        def drive_type(self, root: str) -> int:
            return 4 if root == "Z:\\" else 3

    assert WindowsPc(Typed(PROFILE), Partitions(PROFILE)).local_drives() == ["C:\\"]


def test_that_the_calls_have_the_names_that_are_used() -> None:
    source = (Path(__file__).parents[2] / "wan_desktop/core/windows_calls.py").read_text("utf-8")
    names = [name for name in vars(FakeWindows) if not name.startswith("_")]
    assert [name for name in names if f"def {name}(" not in source] == []
