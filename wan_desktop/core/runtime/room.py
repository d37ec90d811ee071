"""Whether a drive has room for a runtime: estimated before anything is fetched, counted before it is put together."""

import zipfile
from pathlib import Path

from wan_desktop.core.errors import RuntimeSpaceError
from wan_desktop.core.runtime.wheel_index import Wheel, WheelPlan
from wan_desktop.core.runtime.wheelhouse import Wheelhouse
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.words import decimal, tr

_INSTALLED_TIMES = 4.7
"""What is installed, compiled files included, by its wheels: 4.6 for all of the CPU's runtime on Linux (measured)."""
_LARGE_WHEEL_BYTES, _LARGE_INSTALLED_TIMES = 1 << 30, 2.1
"""The wheels for CUDA hold libraries that pack worse, and hardly anything to compile."""
_COMPILED_TIMES = 1.5
"""Python's compiled files by their sources: 1.3 to 1.4 (measured)."""
_CLUSTER_BYTES = 4096
"""Each file takes whole clusters of the drive; half of one is lost on average."""
_SPARE_BYTES = 64 << 20


def room_to_install(wheelhouse: Wheelhouse, plan: WheelPlan) -> int:
    """How many bytes are needed until a runtime is made, by what is known before its files are here."""
    installed = sum(_installed_bytes(wheel) for wheel in plan.wheels)
    return wheelhouse.missing_bytes(plan) + installed + _SPARE_BYTES


def _installed_bytes(wheel: Wheel) -> int:
    times = _LARGE_INSTALLED_TIMES if wheel.size_bytes >= _LARGE_WHEEL_BYTES else _INSTALLED_TIMES
    return int(wheel.size_bytes * times)


def room_to_build(wheelhouse: Wheelhouse, plan: WheelPlan) -> int:
    """The same, counted in the files themselves, which are all here.

    Raises:
        OSError: One cannot be read.
    """
    return sum(_unpacked_bytes(wheelhouse.path(wheel), wheel) for wheel in plan.wheels) + _SPARE_BYTES


def _unpacked_bytes(path: Path, wheel: Wheel) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            items = archive.infolist()
    except zipfile.BadZipFile:
        return _installed_bytes(wheel)  # the installer will say what is wrong with it
    sources = [item for item in items if item.filename.endswith(".py")]
    files = sum(item.file_size for item in items) + int(_COMPILED_TIMES * sum(item.file_size for item in sources))
    return files + (len(items) + len(sources)) * _CLUSTER_BYTES // 2


def check_room(disk: Disk, folder: Path, needed_bytes: int) -> None:
    """Return if so much is free.

    Args:
        disk: Which drive.
        folder: In which it is needed; it is there.
        needed_bytes: How much.

    Raises:
        RuntimeSpaceError: It is not; the message says how much is missing.
        OSError: The drive does not tell.
    """
    free = disk.free_bytes(folder)
    if free < needed_bytes:
        raise RuntimeSpaceError(
            tr(
                "The render engine needs {needed} GB for now, {free} GB are free on the drive of {folder}.",
                needed=decimal(needed_bytes / 1e9, 1),
                free=decimal(free / 1e9, 1),
                folder=folder,
            ),
            hint=tr(
                "Free {missing} GB or more there, then go on.", missing=decimal((needed_bytes - free) / 1e9 + 0.05, 1)
            ),
        )
