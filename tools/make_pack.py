"""Makes the engine package for PCs without internet: `python -m tools.make_pack KIND --wheels FOLDER --output FOLDER`.

Wheels that are not in the folder are fetched first, unless `--offline` is given.
"""

import argparse
import sys
from pathlib import Path

from wan_desktop.core.errors import WanError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.lock import RuntimeKind, RuntimeLock, read_lock
from wan_desktop.core.runtime.pack import LARGEST_PART_BYTES, make_pack
from wan_desktop.core.runtime.wheel_index import Wheel, WheelIndex, WheelPlan, WheelSources
from wan_desktop.core.runtime.wheel_name import parse_wheel_name
from wan_desktop.core.runtime.wheelhouse import Wheelhouse, file_sha256
from wan_desktop.core.store.disk import Disk

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str]) -> int:
    """Make the package; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.make_pack", description="Makes the engine package.")
    parser.add_argument("kind", type=RuntimeKind, choices=list(RuntimeKind), metavar="KIND")
    parser.add_argument("--wheels", type=Path, required=True, help="where the wheels lie, or are fetched to")
    parser.add_argument("--output", type=Path, required=True, help="where the parts are written")
    parser.add_argument("--offline", action="store_true", help="fetch nothing")
    parser.add_argument("--part-bytes", type=int, default=LARGEST_PART_BYTES, help="the most of wheels in one part")
    parser.add_argument("--packages", default="", help="the package index, in its simple form")
    parser.add_argument("--torch", default=WheelSources().torch, help="the index of torch's builds")
    parser.add_argument("--resources", type=Path, default=ROOT / "resources", help="where the locks lie")
    options = parser.parse_args(argv)
    try:
        lock = read_lock(options.resources, options.kind)
        sources = WheelSources(options.packages, options.torch)
        plan = wheels_here(lock, options.wheels) if options.offline else _fetched(lock, options.wheels, sources)
        options.output.mkdir(parents=True, exist_ok=True)
        make_pack(lock, plan, options.wheels, options.output, part_bytes=options.part_bytes, report=print)
    except (WanError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def wheels_here(lock: RuntimeLock, folder: Path) -> WheelPlan:
    """The lock's wheels as they lie in a folder, each read and compared.

    Raises:
        FileNotFoundError: One is not there.
    """
    disk = Disk()
    found: dict[str, Wheel] = {}
    for path in sorted(folder.glob("*.whl")):
        sha256 = file_sha256(disk, path)
        pin, name = lock.pin_of(sha256), parse_wheel_name(path.name)
        if pin is not None and name is not None and name.name == pin.name:
            found.setdefault(pin.name, Wheel(path.name, "", path.stat().st_size, sha256))
    missing = [pin.name for pin in lock.pins if pin.name not in found]
    if missing:
        raise FileNotFoundError(f"not in {folder}: {', '.join(missing)}")
    return WheelPlan(lock.digest, tuple(found[pin.name] for pin in lock.pins))


def _fetched(lock: RuntimeLock, folder: Path, sources: WheelSources) -> WheelPlan:
    context = JobContext("pack", lambda *_: None)
    plan = WheelIndex(sources).find(lock, context)
    Wheelhouse(Disk(), folder).fetch(plan, context)
    return plan


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
