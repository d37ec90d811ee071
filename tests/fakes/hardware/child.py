"""The product's child that asks the driver, with a fake one: `python -m tests.fakes.hardware.child FILE BEHAVIOUR`."""

import sys
from pathlib import Path

from tests.fakes.hardware.nvml import Behaviour, FakeNvml, FakeProcesses
from wan_desktop.core.card_programs import Processes
from wan_desktop.core.hardware import read_profile
from wan_desktop.core.nvml import main

if __name__ == "__main__":
    profile = read_profile(Path(sys.argv[1]))
    fake = FakeNvml(profile, Behaviour(sys.argv[2]))
    processes = Processes(FakeProcesses(profile))
    sys.exit(main(sys.argv[3:], nvml=fake, counters=fake.counters, processes=processes))
