"""Freezes the program, looks whether it works, and writes down how large and how fast it is.

    python -m installer.freeze          window and command line
    python -m installer.freeze full     with the engine: minutes, and more than a gigabyte

The figures are in build/freeze/figures.json; see docs/packaging.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from installer import common

OUTPUT = common.BUILD / "freeze"
SPECS = {"window": ("wan_desktop.spec", common.WINDOW), "full": ("wan_desktop_full.spec", f"{common.WINDOW}Full")}
_STARTS, _LARGEST = 3, 12
_PAINTED = re.compile(r"painted after ([0-9.]+) s")
_LIMIT_S = 900


def freeze(spec: str) -> float:
    """Run PyInstaller; returns the seconds that it took.

    Raises:
        SystemExit: It failed.
    """
    began = time.monotonic()
    work = common.BUILD / "freeze-work"
    options = ["--noconfirm", "--log-level", "WARN", "--distpath", str(OUTPUT), "--workpath", str(work)]
    command = [sys.executable, "-m", "PyInstaller", *options, str(common.HERE / spec)]
    if subprocess.run(command, check=False, cwd=common.ROOT).returncode:
        raise SystemExit(f"PyInstaller could not freeze {spec}.")
    return time.monotonic() - began


def program_in(folder: Path, name: str = common.CONSOLE) -> Path:
    """A program in a frozen folder, as this system names it."""
    return folder / (f"{name}.exe" if sys.platform == "win32" else name)


def examine(folder: Path) -> dict[str, Any]:
    """Run the self-test of a frozen program and measure it.

    Raises:
        SystemExit: A part of it does not work.
    """
    environment = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
    done = subprocess.run(
        [str(program_in(folder)), "--self-test"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=_LIMIT_S,
    )
    print(done.stdout, done.stderr[-4000:], sep="", flush=True)
    if done.returncode:
        raise SystemExit(f"The self-test of {folder} failed.")
    files = _files(folder)
    painted = _PAINTED.search(done.stdout)
    return {
        "files": len(files),
        "megabytes": round(sum(path.stat().st_size for path in files) / 1e6),
        "largest": _largest(folder / common.CONTENTS),
        "start_s": round(min(_start_s(folder) for _ in range(_STARTS)), 2),
        "painted_s": float(painted[1]) if painted else None,
        "self_test": done.stdout.splitlines(),
    }


def _files(place: Path) -> list[Path]:
    """A file, or all of a folder; links, which stand for files that are counted already, are none."""
    found = [place] if place.is_file() else list(place.rglob("*"))
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _largest(folder: Path) -> dict[str, int]:
    """The largest parts, in megabytes."""
    sizes = {entry.name: sum(file.stat().st_size for file in _files(entry)) for entry in folder.iterdir()}
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:_LARGEST]
    return {name: round(size / 1e6) for name, size in largest}


def _start_s(folder: Path) -> float:
    """From the start to the end of a command that does nothing: loader, interpreter, our first imports."""
    began = time.monotonic()
    subprocess.run([str(program_in(folder)), "--version"], check=True, capture_output=True, timeout=_LIMIT_S)
    return time.monotonic() - began


def main(argv: Sequence[str] | None = None) -> int:
    """Freeze what was asked for."""
    parser = argparse.ArgumentParser(prog="installer.freeze")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(SPECS)}; the first if none is named")
    parser.add_argument("--only-examine", action="store_true", help="what was frozen before")
    args = parser.parse_args(argv)
    if unknown := set(args.kinds) - set(SPECS):
        parser.error(f"there is no kind {', '.join(sorted(unknown))}")
    figures_file = OUTPUT / "figures.json"
    figures = json.loads(figures_file.read_text(encoding="utf-8")) if figures_file.exists() else {}
    for kind in args.kinds or ["window"]:
        spec, name = SPECS[kind]
        freeze_s = None if args.only_examine else round(freeze(spec))
        figures[kind] = {"freeze_s": freeze_s, **examine(OUTPUT / name)}
        figures_file.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    print(f"The figures are in {figures_file}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
