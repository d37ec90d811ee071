"""Starts Wan Desktop: `python main.py` opens the window, `python main.py --help` lists the commands."""

import multiprocessing
import sys

from wan_desktop.frozen import main

if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main())
