"""The profiles, by name."""

import sys
from pathlib import Path

from tests.fakes.hardware.nvml import Behaviour
from wan_desktop.core.hardware import HardwareProfile, read_profile

_FOLDER = Path(__file__).parent / "pcs_on_paper"
PROFILES = tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def path_of(name: str) -> Path:
    """The file of a profile, for `--hardware`."""
    return _FOLDER / f"{name}.json"


def load(name: str) -> HardwareProfile:
    """The profile of that name, such as `rtx-3060-12gb-32gb`."""
    return read_profile(path_of(name))


def nvml_child(profile: str | Path, behaviour: Behaviour = Behaviour.ANSWERS, *own: str) -> tuple[str, ...]:
    """The command that starts the product's child with a fake driver.

    Args:
        profile: The PC's name, or its file.
        behaviour: What the driver does.
        own: More arguments of the product's child.
    """
    file = profile if isinstance(profile, Path) else path_of(profile)
    return (sys.executable, "-m", "tests.fakes.hardware.child", str(file), behaviour.value, *own)
