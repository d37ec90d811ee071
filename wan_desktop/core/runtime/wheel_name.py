"""What a wheel's file name says, and whether such a wheel fits a runtime (PEP 427, 425 and 600)."""

import re
from dataclasses import dataclass
from itertools import product

from wan_desktop.core.runtime.lock import PYTHON_VERSION, RuntimeKind, normalised

_NAME = re.compile(
    r"([A-Za-z0-9._]+)-([A-Za-z0-9._+!]+)(?:-(\d[A-Za-z0-9._]*))?-([a-z0-9_.]+)-([a-z0-9_.]+)-([a-z0-9_.]+)\.whl"
)
_MAX_CHARACTERS = 120
_MINOR = int(PYTHON_VERSION.partition(".")[2])
_MANYLINUX = re.compile(r"manylinux_2_(\d+)_x86_64")
_OLD_MANYLINUX = {"manylinux1_x86_64": 5, "manylinux2010_x86_64": 12, "manylinux2014_x86_64": 17, "linux_x86_64": 0}
_NEWEST_GLIBC = 28
"""Of the wheels that are taken on Linux: what torch itself needs."""


@dataclass(frozen=True, slots=True)
class WheelName:
    """A wheel's file name, taken apart."""

    filename: str
    name: str
    """As the indexes write it."""
    version: str
    tags: tuple[tuple[str, str, str], ...]
    """Python, ABI and platform: all that it serves."""

    def fitness(self, kind: RuntimeKind) -> int:
        """How well it fits a runtime of that kind; 0: not at all."""
        return max(
            _python_fitness(python, abi) * _platform_fitness(platform, kind) for python, abi, platform in self.tags
        )


def parse_wheel_name(filename: str) -> WheelName | None:
    """The name taken apart; None if it is no wheel's name."""
    found = _NAME.fullmatch(filename) if len(filename) <= _MAX_CHARACTERS else None
    if found is None:
        return None
    pythons, abis, platforms = (found[part].split(".") for part in (4, 5, 6))
    return WheelName(filename, normalised(found[1]), found[2], tuple(product(pythons, abis, platforms)))


def _python_fitness(python: str, abi: str) -> int:
    own = f"cp3{_MINOR}"
    if python == own and abi == own:
        return 4
    found = re.fullmatch(r"(cp|py)3(\d*)", python)
    if found is None or int(found[2] or 0) > _MINOR:
        return 0
    if abi == "abi3":
        return 3 if found[1] == "cp" and found[2] else 0
    if abi == "none":
        return 2 if found[1] == "py" or python == own else 0
    return 0


def _platform_fitness(platform: str, kind: RuntimeKind) -> int:
    if platform == "any":
        return 1
    if kind.is_windows:
        return 100 if platform == "win_amd64" else 0
    found = _MANYLINUX.fullmatch(platform)
    glibc = int(found[1]) if found else _OLD_MANYLINUX.get(platform, _NEWEST_GLIBC + 1)
    return 100 + glibc if glibc <= _NEWEST_GLIBC else 0
