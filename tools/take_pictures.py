"""Takes pictures of every screen and state of the window, without a screen: `python tools/take_pictures.py`.

Each look is taken by a process of its own, because Qt reads its scale factor and its screen once, at the start. The
scenes stand in the modules of `tools/pictures`, one for each part of the window. They run the program itself, on PCs on
paper, with a Hub on this machine and a played engine in the place of the real ones.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.pictures.looks import LOOKS, Look  # noqa: E402 - the root must be on the path

_LIMIT_S = 900
_AT_ONCE = 2
"""Looks that are taken at the same time; each needs about one core."""


def main() -> int:
    """Take all pictures, or some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "pictures")
    parser.add_argument(
        "--look", choices=[look.name for look in LOOKS], action="append", help="only these; default: all"
    )
    parser.add_argument("--only", action="append", default=[], metavar="SCENE", help="only these; default: all")
    parser.add_argument("--list", action="store_true", help="say which scenes there are")
    parser.add_argument("--props", type=Path, help="a folder with the files that the scenes need; made if it is empty")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    looks = [look for look in LOOKS if not arguments.look or look.name in arguments.look]
    if arguments.list:
        return _list()
    if unknown := _unknown(arguments.only):
        parser.error(f"there is no scene {', '.join(unknown)}; --list says which there are")
    if arguments.here:
        return _take(looks[0], arguments)
    arguments.out = arguments.out.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        props = (arguments.props or Path(folder)).resolve()
        if not (props / "videos").is_dir():
            _make_props(props)
        return _take_all(looks, arguments, props, Path(folder))


def _list() -> int:
    from tools.pictures.program import ACTS  # noqa: PLC0415 - imports Qt

    for act in ACTS:
        print(act.name, *(scene.name for scene in act.scenes), sep="\n  ")
    return 0


def _unknown(names: list[str]) -> list[str]:
    if not names:
        return []
    from tools.pictures.program import ACTS  # noqa: PLC0415 - imports Qt

    return sorted(set(names) - {scene.name for act in ACTS for scene in act.scenes})


def _make_props(folder: Path) -> None:
    """In a process of its own, which imports torch and ends."""
    code = "import sys, pathlib, tools.pictures.props as p; p.make_props(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], env=_environment(), check=True, cwd=ROOT)


def _take_all(looks: list[Look], arguments: argparse.Namespace, props: Path, folder: Path) -> int:
    waiting, running, code = list(looks), list[subprocess.Popen[bytes]](), 0
    began = time.monotonic()
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            running.append(_start(waiting.pop(0), arguments, props, folder))
        first = running.pop(0)
        try:
            code |= first.wait(_LIMIT_S)
        except subprocess.TimeoutExpired:
            first.kill()
            code = 1
    print(f"{time.monotonic() - began:.0f} s")
    return code


def _start(look: Look, arguments: argparse.Namespace, props: Path, folder: Path) -> "subprocess.Popen[bytes]":
    screen = folder / f"{look.name}.json"
    width, height = look.screen
    place = {"name": "paper", "x": 0, "y": 0, "width": width, "height": height, "dpr": 1}
    screen.write_text(json.dumps({"screens": [place | {"logicalDpi": 96, "logicalBaseDpi": 96}]}), encoding="utf-8")
    environment = _environment() | {
        "QT_QPA_PLATFORM": f"offscreen:configfile={screen}",
        "QT_SCALE_FACTOR": str(look.zoom),
    }
    command = [sys.executable, str(Path(__file__).resolve()), "--here", "--out", str(arguments.out)]
    command += ["--look", look.name, "--props", str(props)]
    for scene in arguments.only:
        command += ["--only", scene]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


def _environment() -> dict[str, str]:
    # Nobody's own keyring is asked for tokens.
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "tests.fakes.keyrings.MemoryKeyring",
        "OMP_NUM_THREADS": "1",
    }


def _take(look: Look, arguments: argparse.Namespace) -> int:
    """In a process of its own: take the pictures of one look, and make its sheets."""
    from tools.pictures.player import Player, make_application  # noqa: PLC0415 - imports Qt, whose scale is set by now
    from tools.pictures.program import ACTS  # noqa: PLC0415 - as above
    from tools.pictures.props import Props  # noqa: PLC0415 - as above
    from tools.pictures.sheets import make_sheets  # noqa: PLC0415 - as above

    player = Player(make_application(), look, Props(arguments.props), arguments.out, arguments.only)
    player.play(ACTS)
    if not arguments.only:
        make_sheets(player.taken, arguments.out, look.name)
    for name in player.stuck:
        print(f"{look.name}: stuck in {name}", file=sys.stderr)
    return 1 if player.stuck or not player.taken else 0


if __name__ == "__main__":
    sys.exit(main())
