"""Which programs hold a graphics card's memory, by name: as NVML tells it, and where it does not, as Windows counts it.

On Windows' usual display driver (WDDM) NVML lists processes without their memory (NVML reference, `nvmlProcessInfo_t`).
There the performance counter `GPU Process Memory` has it, one instance for each process and adapter, such as
`pid_1234_luid_0x00000000_0x0000C48E_phys_0`. An adapter's LUID is not told by NVML: which one is which card is found by
how much of each is in use.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import psutil

from wan_desktop.core.words import decimal, mark, tr

OWN_NAME = "Wan Desktop"
_INSTANCE = re.compile(r"pid_(\d+)_luid_(0x[0-9a-f]+_0x[0-9a-f]+)_phys_(\d+)", re.IGNORECASE)
_LEAST_BYTES = 1_000_000
"""Less is what every window has."""
_NEARLY = 0.5
"""Windows counts what was promised, NVML what is there; of two adapters in one PC the amounts differ by far more."""
_DESKTOP = {
    *("applicationframehost", "csrss", "dwm", "explorer", "searchhost", "shellexperiencehost", "shellhost"),
    *("startmenuexperiencehost", "systemsettings", "textinputhost", "widgets"),
    *("gnome-shell", "kwin_wayland", "kwin_x11", "mutter", "plasmashell", "xfwm4", "xorg", "xwayland"),
}
"""The desktop itself, which nobody closes; in lower case, without `.exe`."""
_DESKTOP_NAME = mark("The desktop")


@dataclass(frozen=True, slots=True)
class CardProgram:
    """A program that holds memory of a card, with all of its processes."""

    name: str
    """As the system names it, without `.exe`; empty if it may not be asked."""
    vram_bytes: int | None
    """None: the system does not tell."""
    processes: tuple[int, ...] = ()
    is_own: bool = False
    """It is this program."""

    @property
    def is_desktop(self) -> bool:
        """It belongs to the desktop and is not worth closing."""
        return self.name.casefold() in _DESKTOP


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process holds of one adapter of Windows."""

    process_id: int
    luid: str
    size_bytes: int


def usages_of(counters: Iterable[tuple[str, int]]) -> list[Usage]:
    r"""The counter's instances, understood; what does not look like one is left out.

    Args:
        counters: Name and bytes of each instance of `GPU Process Memory(*)\Dedicated Usage`.
    """
    sums: dict[tuple[int, str], int] = {}
    for name, size_bytes in counters:
        found = _INSTANCE.fullmatch(name)
        if found is not None and size_bytes > 0:
            key = int(found[1]), found[2].lower()
            sums[key] = sums.get(key, 0) + size_bytes
    return [Usage(process_id, luid, size_bytes) for (process_id, luid), size_bytes in sums.items()]


def luid_of(usages: Collection[Usage], used_bytes: int, processes: Collection[int], taken: Collection[str]) -> str:
    """The adapter that is a card: of those on which one of its processes is, the one of which as much is in use.

    Where none of its processes is known, the amounts must be nearly the same.

    Args:
        usages: Of all adapters.
        used_bytes: Of the card, as NVML says.
        processes: Those on the card, as NVML says; empty if it does not.
        taken: Adapters that are other cards.

    Returns:
        Its LUID; empty if there is none.
    """
    sums: dict[str, int] = {}
    shared: set[str] = set()
    for usage in usages:
        if usage.luid not in taken:
            sums[usage.luid] = sums.get(usage.luid, 0) + usage.size_bytes
            if usage.process_id in processes:
                shared.add(usage.luid)
    able = shared or {luid for luid, used in sums.items() if abs(used - used_bytes) <= _NEARLY * used_bytes}
    return min(able, key=lambda luid: (abs(sums[luid] - used_bytes), luid), default="")


def programs_of(
    held: Mapping[int, int | None], own: Collection[int], name_of: Callable[[int], str]
) -> tuple[CardProgram, ...]:
    """Processes with one name are one program; the largest first, what is not told last.

    Args:
        held: Bytes by process; None where they are not told.
        own: Processes of this program.
        name_of: The name of a process; empty if it is not known.
    """
    groups: dict[tuple[str, bool, int], list[int]] = {}
    for process_id in sorted(held):
        size_bytes = held[process_id]
        if size_bytes is not None and size_bytes < _LEAST_BYTES:
            continue
        is_own = process_id in own
        name = OWN_NAME if is_own else name_of(process_id)
        groups.setdefault((name, is_own, 0 if name else process_id), []).append(process_id)
    programs = [
        CardProgram(name, _sum(held[process_id] for process_id in processes), tuple(processes), is_own)
        for (name, is_own, _), processes in groups.items()
    ]
    return tuple(sorted(programs, key=lambda program: (-(program.vram_bytes or -1), program.name.casefold())))


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = [size_bytes for size_bytes in sizes if size_bytes is not None]
    return sum(known) if known else None


class Processes:
    """The running processes.

    Args:
        ps: The module psutil, or one that answers like it.
    """

    def __init__(self, ps: Any = psutil) -> None:
        self._ps = ps

    def name(self, process_id: int) -> str:
        """What the system calls it, without `.exe`; empty if it is gone or may not be asked."""
        try:
            name = str(self._ps.Process(process_id).name())
        except (psutil.Error, OSError):
            return ""
        return PurePath(name).stem if name.casefold().endswith(".exe") else name

    def own(self, process_ids: Iterable[int], known: Collection[int]) -> set[int]:
        """Those of the processes that are this program's: known, or started by one that is.

        Windows starts Python of a virtual environment by a small program, whose child is the one that computes.
        """
        return {each for each in process_ids if each in known or self._parent(each) in known}

    def _parent(self, process_id: int) -> int | None:
        try:
            parent: int = self._ps.Process(process_id).ppid()
        except (psutil.Error, OSError):
            return None
        return parent


def others(programs: Iterable[CardProgram]) -> tuple[CardProgram, ...]:
    """Those that could be closed: neither this program nor the desktop."""
    return tuple(program for program in programs if not program.is_own and not program.is_desktop)


def shown_name(program: CardProgram) -> str:
    """`chrome`, `The desktop (dwm)`, `Wan Desktop`, `Process 1234`."""
    if program.is_desktop:
        return tr("{what} ({name})", what=tr(_DESKTOP_NAME), name=program.name)
    number = program.processes[0] if program.processes else 0
    return program.name or tr("Process {number}", number=number)


def named_sizes(programs: Iterable[CardProgram], most: int = 3) -> str:
    """`chrome 1.2 GB, game 0.9 GB`: the largest ones that could be closed; empty if none is known."""
    parts = []
    for program in others(programs)[:most]:
        size = f" {decimal(program.vram_bytes / 1e9, 1)} GB" if program.vram_bytes else ""
        parts.append(f"{shown_name(program)}{size}")
    return ", ".join(parts)
