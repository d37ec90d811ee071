"""The product's child that asks the driver, with a fake one: `python -m tests.fakes.hardware.child FILE BEHAVIOUR`."""

import sys
from pathlib import Path

from tests.fakes.hardware.nvml import Behaviour, FakeNvml
from wan_desktop.core.hardware import read_profile
from wan_desktop.core.nvml import main

if __name__ == "__main__":
    fake = FakeNvml(read_profile(Path(sys.argv[1])), Behaviour(sys.argv[2]))
    sys.exit(main(sys.argv[3:], nvml=fake))
