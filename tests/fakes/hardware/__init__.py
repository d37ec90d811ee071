"""PCs on paper: profiles as JSON, and stand-ins for NVML, psutil, Windows, `/proc` and `/sys` that are made from them.

The stand-ins answer at the lowest seam, in the form in which the real one answers, so that all of the program's own
code runs. Each profile's `notes` say where its numbers are from.
"""

from tests.fakes.hardware.nvml import Behaviour, FakeNvml
from tests.fakes.hardware.pcs import FakePs, FakeWindows, make_linux_root, pc_of
from tests.fakes.hardware.profiles import PROFILES, load, nvml_child, path_of

__all__ = [
    "PROFILES",
    "Behaviour",
    "FakeNvml",
    "FakePs",
    "FakeWindows",
    "load",
    "make_linux_root",
    "nvml_child",
    "path_of",
    "pc_of",
]
