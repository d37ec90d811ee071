"""Looks, on any system, whether the window's packages for Windows fit together: `python -m installer.windows_tree`.

Fetches the wheels for Windows that requirements.lock names into build/windows-tree, without running any of them, and
reads what their libraries ask for. What is found missing here would be an error message on a user's PC. Needs uv and an
index of packages.
"""

import argparse
import re
import shutil
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import dev
from installer import build, common

TREE = common.BUILD / "windows-tree"
_WITHOUT = re.compile(r"(torch|diffusers|transformers|accelerate|gguf|safetensors|ftfy)\b")
_OF_WINDOWS = re.compile(
    r"(api-ms-win-|ext-ms-).*|(kernel32|user32|gdi32|advapi32|shell32|shlwapi|ole32|oleaut32|ws2_32|wsock32|crypt32|bcrypt"
    r"|bcryptprimitives|ncrypt|secur32|winmm|imm32|version|comdlg32|comctl32|dwmapi|uxtheme|userenv|netapi32|iphlpapi"
    r"|dnsapi|mpr|wtsapi32|rpcrt4|setupapi|cfgmgr32|powrprof|pdh|psapi|ntdll|d3d9|d3d11|d3d12|dxgi|dwrite|d2d1|opengl32"
    r"|authz|shcore|winspool\.drv|winhttp|propsys|msvcrt|ucrtbase|dbghelp|oleacc|uiautomationcore|usp10|windowscodecs"
    r"|dxva2|mf|mfplat|mfreadwrite|mfuuid|strmiids|avicap32|vfw32|gdiplus|hid|dcomp|mscms|icuuc|icuin|synchronization"
    r"|d3dcompiler_47|kernelbase|normaliz|wintrust|avrt|evr|ksuser|wldap32)(\.dll)?",
    re.IGNORECASE,
)
_OF_PYTHON = re.compile(r"(python3\d*|vcruntime140(_1)?)\.dll", re.IGNORECASE)
_OF_VISUAL_C = re.compile(r"(msvcp140(_\w+)?|concrt140|vcomp140)\.dll", re.IGNORECASE)
"""PyInstaller puts it beside the program on the PC where it is frozen; PySide6 brings its own."""
_DIRECTORIES = {"import": (1, 20, 12), "delayed": (13, 32, 4)}
"""Number of the table, bytes of an entry, where in it the address of the name is."""


def fetch(uv: str, folder: Path = TREE) -> None:
    """Unpack the window's packages for Windows.

    Args:
        uv: An interpreter that has uv.
        folder: Where to; made anew.

    Raises:
        BuildError: One has no wheel for Windows, or the index cannot be asked.
    """
    shutil.rmtree(folder, ignore_errors=True)
    names = [name for name in dev.dependencies() if not _WITHOUT.match(name)]
    options = ["--target", str(folder), "--python-platform", "x86_64-pc-windows-msvc", "--python-version", "3.11"]
    options += ["--only-binary", ":all:", "--quiet", "--constraint", str(dev.LOCK)]
    build.run(uv, "-m", "uv", "pip", "install", *options, *names)


def imports_of(path: Path) -> list[str]:
    """Names of the libraries that a Windows file needs, at once or later; empty if it is no such file."""
    data = path.read_bytes()
    if build.machine_of(path) is None:
        return []
    header = struct.unpack_from("<I", data, 60)[0]
    sections, optional = struct.unpack_from("<H", data, header + 6)[0], struct.unpack_from("<H", data, header + 20)[0]
    start = header + 24
    is_64_bit = struct.unpack_from("<H", data, start)[0] == 0x20B
    tables = start + (112 if is_64_bit else 96)
    places = [struct.unpack_from("<IIII", data, start + optional + 40 * number + 8) for number in range(sections)]
    found = []
    for number, size, name in _DIRECTORIES.values():
        address = struct.unpack_from("<I", data, tables + 8 * number)[0]
        found += list(_names(data, places, address, size, name)) if address else []
    return found


def _names(
    data: bytes, places: Sequence[tuple[int, ...]], address: int, entry_bytes: int, name_at: int
) -> Iterator[str]:
    offset = _offset(places, address)
    while name := struct.unpack_from("<I", data, offset + name_at)[0]:
        begin = _offset(places, name)
        yield data[begin : data.index(b"\0", begin)].decode("ascii")
        offset += entry_bytes


def _offset(places: Sequence[tuple[int, ...]], address: int) -> int:
    """Where in the file an address of the loaded library is."""
    for size, begin, raw_size, raw in places:
        if begin <= address < begin + max(size, raw_size):
            return address - begin + raw
    raise build.BuildError(f"address {address:#x} lies in no section")


def problems_of(tree: Path) -> list[str]:
    """What is wrong with the packages; empty if nothing is."""
    files = [path for path in tree.rglob("*") if path.is_file() and _stays(path.relative_to(tree).as_posix())]
    libraries = {path.name.lower() for path in files}
    problems = []
    for path in sorted(files):
        name = path.relative_to(tree).as_posix()
        problems += build.problems_of_file(path, f"{common.CONTENTS}/{name}")
        if path.suffix.lower() in (".exe", ".dll", ".pyd"):
            missing = [library for library in imports_of(path) if not _is_there(library, libraries)]
            problems += [f"{name} needs {library}" for library in sorted(set(missing))]
        elif path.suffix == ".so":
            problems.append(f"{name} is a library for Linux")
    return problems


def _stays(name: str) -> bool:
    """It is no tool that lies beside the packages, and not among what the frozen program leaves out."""
    return (
        not name.startswith(("bin/", "Scripts/")) and common.keep_of_qt(name) and name.split("/")[0] not in common.NEVER
    )


def _is_there(library: str, libraries: set[str]) -> bool:
    known = (_OF_WINDOWS, _OF_PYTHON, _OF_VISUAL_C)
    return library.lower() in libraries or any(pattern.fullmatch(library) for pattern in known)


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch and look; returns the exit code."""
    parser = argparse.ArgumentParser(prog="installer.windows_tree")
    parser.add_argument("--uv", default=sys.executable, metavar="PYTHON", help="an interpreter that has uv")
    parser.add_argument("--only-look", action="store_true", help="at what was fetched before")
    args = parser.parse_args(argv)
    try:
        if not args.only_look:
            fetch(args.uv)
    except build.BuildError as error:
        print(error, file=sys.stderr)
        return 1
    problems = problems_of(TREE)
    files = [path for path in TREE.rglob("*") if path.is_file()]
    longest = max((len(path.relative_to(TREE).as_posix()) for path in files), default=0)
    libraries = sum(path.suffix.lower() in (".exe", ".dll", ".pyd") for path in files)
    print("\n".join(problems) or "Every library finds what it needs.")
    print(f"{len(files)} files, {libraries} libraries, longest path {longest} characters")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
