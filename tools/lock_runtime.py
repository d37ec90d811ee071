"""Makes the locks of the engine runtimes: `python -m tools.lock_runtime KIND [KIND ...]`.

uv resolves what the program depends on for the runtime's system, at the versions of `requirements.lock` where a package
stands there. Then each part is narrowed to the one wheel that is installed. No address gets into a lock.

The builds of torch for CUDA need not be at hand: on Windows they need the same parts as the build for the processor, so
that one is resolved and its line replaced by one from `GIVEN_TORCH`.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.lock import (
    PYTHON_VERSION,
    Pin,
    RuntimeKind,
    RuntimeLock,
    lock_file,
    normalised,
    parse_lock,
)
from wan_desktop.core.runtime.wheel_index import WheelIndex, WheelSources

ROOT = Path(__file__).resolve().parents[1]
WINDOW_ONLY = frozenset({"pyside6-essentials", "keyring", "tuf", "securesystemslib", "cryptography", "uv"})
"""What only the window's process imports."""
WINDOWS_ONLY = ("msvc-runtime",)
"""Libraries of Microsoft's compiler that torch, numpy and others link to and do not bring along."""
_PLATFORMS = {True: "x86_64-pc-windows-msvc", False: "x86_64-manylinux_2_28"}
_LOCAL = {RuntimeKind.WINDOWS_CU130: "cu130", RuntimeKind.WINDOWS_CU126: "cu126", RuntimeKind.LINUX_CPU: "cpu"}
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class GivenTorch:
    """A build of torch whose hash is known without the file."""

    version: str
    sha256: str
    note: str


GIVEN_TORCH = {
    RuntimeKind.WINDOWS_CU130: GivenTorch(
        "2.13.0+cu130",
        "45e97bd9bc0416f4f4190b5098c55119a389fa5a7c8bbf2639f08f1d04e0a0dc",
        "torch-2.13.0+cu130-cp311-cp311-win_amd64.whl: its sha256 was taken from public lock files, which agree in\n"
        "# two repositories. The file itself was never fetched by those who made this lock.",
    ),
    RuntimeKind.WINDOWS_CU126: GivenTorch(
        "2.13.0+cu126",
        "8095729db14e7fd5178a39676fdd679208eff4041407ea34e3d898336c90f5c5",
        "torch-2.13.0+cu126-cp311-cp311-win_amd64.whl, 2,594,548,547 bytes: its sha256 was taken from public lock\n"
        "# files, which agree in four repositories. The file itself was never fetched by those who made this lock.",
    ),
}
_HEADER = """\
# The engine runtime {kind}: every part in the one file that is installed, for Python {python}.
# Made by `python -m tools.lock_runtime {kind}`; the versions are those of requirements.lock.
# There is no address in here: where files are looked for is a setting.
"""


class LockError(Exception):
    """The lock cannot be made; the text says why."""


def main(argv: list[str]) -> int:
    """Make the locks; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.lock_runtime", description="Makes the locks of the engine runtimes.")
    parser.add_argument("kinds", nargs="+", type=RuntimeKind, choices=list(RuntimeKind), metavar="KIND")
    parser.add_argument("--find-links", type=Path, help="a folder with wheels that no index has, such as torch+cpu")
    parser.add_argument("--packages", required=True, help="the package index, in its simple form")
    parser.add_argument("--torch", default=WheelSources().torch, help="the index of torch's builds")
    parser.add_argument("--uv", default=shutil.which("uv") or "uv", help="the program uv")
    parser.add_argument("--resources", type=Path, default=ROOT / "resources", help="where to write")
    options = parser.parse_args(argv)
    sources = WheelSources(options.packages, options.torch)
    for kind in options.kinds:
        try:
            lock = make_lock(kind, sources, options.uv, options.find_links)
        except LockError as error:
            print(f"{kind}: {error}", file=sys.stderr)
            return 1
        path = lock_file(options.resources, kind)
        path.parent.mkdir(exist_ok=True)
        path.write_text(written(lock), encoding="utf-8", newline="\n")
        print(f"{path.name}: {len(lock.pins)} parts, {lock.short_digest}")
    return 0


def make_lock(kind: RuntimeKind, sources: WheelSources, uv: str, find_links: Path | None) -> RuntimeLock:
    """The lock of that kind.

    Raises:
        LockError: uv finds no solution, or a version differs from the program's own lock.
        WanError: An index does not answer.
    """
    resolved = parse_lock(kind, _compiled(requirements(kind), kind, sources, uv, find_links))
    given = GIVEN_TORCH.get(kind)
    if given is not None:
        torch = Pin("torch", given.version, (given.sha256,))
        pins = tuple(torch if pin.name == "torch" else pin for pin in resolved.pins)
        resolved = RuntimeLock(kind, pins)
    check_versions(resolved, (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    return _narrowed(resolved, sources)


def requirements(kind: RuntimeKind) -> list[str]:
    """What the program needs in the engine's process."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [line for line in project["dependencies"] if _name_of(line) not in WINDOW_ONLY]
    local = _LOCAL.get(kind, "")
    if local and kind not in GIVEN_TORCH:
        needed = [f"{line}+{local}" if _name_of(line) == "torch" else line for line in needed]
    return needed + (list(WINDOWS_ONLY) if kind.is_windows else [])


def check_versions(lock: RuntimeLock, program_lock: str) -> None:
    """What stands in the program's lock too has the same version there.

    Raises:
        LockError: A version differs; tested was the program's.
    """
    tested: dict[str, set[str]] = {}
    for line in program_lock.splitlines():
        name, equals, rest = line.partition("==")
        if equals and not line.startswith("#"):
            tested.setdefault(normalised(name), set()).add(rest.split(";")[0].strip())
    for pin in lock.pins:
        if pin.version.partition("+")[0] not in tested.get(pin.name, {pin.version.partition("+")[0]}):
            raise LockError(f"{pin.name} came out as {pin.version}, requirements.lock has {tested[pin.name]}")


def written(lock: RuntimeLock) -> str:
    """The lock as it is kept in the resources."""
    lines = [_HEADER.format(kind=lock.kind, python=PYTHON_VERSION)]
    if lock.kind in GIVEN_TORCH:
        lines.append(f"#\n# {GIVEN_TORCH[lock.kind].note}\n")
    for pin in lock.pins:
        hashes = "".join(f" \\\n    --hash=sha256:{sha256}" for sha256 in pin.sha256)
        lines.append(f"{pin.name}=={pin.version}{hashes}\n")
    return "".join(lines)


def _name_of(requirement: str) -> str:
    found = _NAME.match(requirement)
    return normalised(found[0]) if found else ""


def _compiled(needed: list[str], kind: RuntimeKind, sources: WheelSources, uv: str, find_links: Path | None) -> str:
    """What uv makes of the requirements.

    Raises:
        LockError: It does not start, or finds no solution.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted, made = Path(folder, "wanted.in"), Path(folder, "made.lock")
        wanted.write_text("\n".join(needed) + "\n", encoding="utf-8")
        options = ["--python-platform", _PLATFORMS[kind.is_windows], "--python-version", PYTHON_VERSION]
        options += [
            "--only-binary",
            ":all:",
            "--generate-hashes",
            "--no-annotate",
            "--no-header",
            "--no-config",
            "--quiet",
        ]
        options += ["--default-index", sources.packages, "--constraints", str(ROOT / "requirements.lock")]
        local = _LOCAL.get(kind, "")
        if find_links is not None:
            options += ["--find-links", str(find_links)]
        elif local and kind not in GIVEN_TORCH:
            options += ["--index", f"{sources.torch}/{local}", "--index-strategy", "unsafe-best-match"]
        command = [uv, "pip", "compile", str(wanted), *options, "--output-file", str(made)]
        try:
            code = subprocess.run(command, check=False).returncode
        except OSError as error:
            raise LockError(f"uv does not start: {error}") from error
        if code:
            raise LockError("uv found no solution")
        return made.read_text(encoding="utf-8")


def _narrowed(lock: RuntimeLock, sources: WheelSources) -> RuntimeLock:
    """Each part with the hash of the one wheel that will be installed; builds with one hash have it already."""
    several = RuntimeLock(lock.kind, tuple(pin for pin in lock.pins if len(pin.sha256) > 1))
    plan = WheelIndex(sources).find(several, JobContext("lock", lambda *_: None))
    chosen = {pin.name: wheel.sha256 for pin, wheel in zip(several.pins, plan.wheels, strict=True)}
    return RuntimeLock(
        lock.kind,
        tuple(Pin(pin.name, pin.version, (chosen[pin.name],)) if pin.name in chosen else pin for pin in lock.pins),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
