"""Looks, on any system, whether the packages for Windows fit together: `python -m installer.windows_tree`.

Fetches the wheels for Windows that the locks name, without running any of them: those of the window into
build/windows-tree, those of the engine without CUDA into build/windows-engine-tree. Then reads what their libraries ask
for, and how long their paths are. What is found missing here would be an error message on a user's PC. Needs uv and an
index of packages.
"""

import argparse
import re
import shutil
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dev
from installer import build, common
from wan_desktop.core.runtime.lock import RuntimeKind, lock_file

_WITHOUT = re.compile(r"(torch|diffusers|transformers|accelerate|gguf|safetensors|ftfy)\b")
_OF_WINDOWS = re.compile(
    r"(api-ms-win-|ext-ms-).*|(kernel32|user32|gdi32|advapi32|shell32|shlwapi|ole32|oleaut32|ws2_32|wsock32|crypt32|bcrypt"
    r"|bcryptprimitives|ncrypt|secur32|winmm|imm32|version|comdlg32|comctl32|dwmapi|uxtheme|userenv|netapi32|iphlpapi"
    r"|dnsapi|mpr|wtsapi32|rpcrt4|setupapi|cfgmgr32|powrprof|pdh|psapi|ntdll|d3d9|d3d11|d3d12|dxgi|dwrite|d2d1|opengl32"
    r"|authz|shcore|winspool\.drv|winhttp|propsys|msvcrt|ucrtbase|dbghelp|oleacc|uiautomationcore|usp10|windowscodecs"
    r"|dxva2|mf|mfplat|mfreadwrite|mfuuid|strmiids|avicap32|vfw32|gdiplus|hid|dcomp|mscms|icuuc|icuin|synchronization"
    r"|d3dcompiler_47|kernelbase|normaliz|wintrust|avrt|evr|ksuser|wldap32|combase|imagehlp)(\.dll)?",
    re.IGNORECASE,
)
_OF_PYTHON = re.compile(r"(python3\d*|vcruntime140(_1)?)\.dll", re.IGNORECASE)
_OF_VISUAL_C = re.compile(r"(msvcp140(_\w+)?|concrt140|vcomp140)\.dll", re.IGNORECASE)
_FOR_OTHERS = re.compile(r"setuptools/(cli|gui)(-\w+)?\.exe")
"""What setuptools copies as launchers, one for each processor; nothing here starts them."""
_LICENCE = re.compile(r"[^/]+\.dist-info/licenses/.*")
_LONGEST_OF_WINDOWS = 259
_DIRECTORIES = {"import": (1, 20, 12), "delayed": (13, 32, 4)}
"""Number of the table, bytes of an entry, where in it the address of the name is."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Packages that lie in one folder on the user's PC."""

    name: str
    folder: Path
    """Where they are looked at."""
    home: str
    """The longest path of their folder on a PC, with what ends it."""
    wheels: Callable[[], list[str]]
    """Which they are, as uv is told."""
    stays: Callable[[str], bool]
    """Whether a file of theirs gets there."""
    given: re.Pattern[str]
    """Libraries that are there before them."""
    searched: re.Pattern[str]
    """The folders in which Windows looks for libraries of any file; a file's own is another."""
    compiles: bool = False
    """Python's files are compiled there, which makes longer paths."""

    def fetch(self, uv: str) -> None:
        """Unpack the packages, anew.

        Args:
            uv: An interpreter that has uv.

        Raises:
            BuildError: One has no wheel for Windows, is not the one of the lock, or the index cannot be asked.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        options = ["--target", str(self.folder), "--python-platform", "x86_64-pc-windows-msvc"]
        options += ["--python-version", "3.11", "--only-binary", ":all:", "--quiet"]
        build.run(uv, "-m", "uv", "pip", "install", *options, *self.wheels())

    def files(self) -> list[Path]:
        """Those that get to the user's PC."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path for path in found if self.stays(path.relative_to(self.folder).as_posix()))

    def longest_path(self) -> int:
        """Of all of them on a PC but licence texts, in characters."""
        names = (path.relative_to(self.folder).as_posix() for path in self.files())
        lengths = (len(self._longest(name)) for name in names if not _LICENCE.fullmatch(name))
        return len(self.home) + max(lengths, default=0)

    def problems(self) -> list[str]:
        """What is wrong with the packages; empty if nothing is."""
        files = self.files()
        places: dict[str, set[str]] = {}
        for path in files:
            places.setdefault(path.name.lower(), set()).add(self._folder_of(path))
        problems = []
        for path in files:
            name = path.relative_to(self.folder).as_posix()
            if _FOR_OTHERS.fullmatch(name):
                continue
            # Nothing else is ever written beside a licence text, nor is one opened by name.
            limit = _LONGEST_OF_WINDOWS if _LICENCE.fullmatch(name) else build.LONGEST_PATH
            problems += build.problems_of_file(path, self._longest(name), self.home, limit)
            if path.suffix.lower() in (".exe", ".dll", ".pyd"):
                wanted = sorted(set(imports_of(path)))
                problems += [f"{name} needs {one}" for one in wanted if not self._finds(path, one, places)]
            elif path.suffix == ".so":
                problems.append(f"{name} is a library for Linux")
        return problems

    def _folder_of(self, path: Path) -> str:
        folder = path.parent.relative_to(self.folder).as_posix()
        return "" if folder == "." else folder

    def _finds(self, path: Path, library: str, places: dict[str, set[str]]) -> bool:
        if any(pattern.fullmatch(library) for pattern in (_OF_WINDOWS, _OF_PYTHON, self.given)):
            return True
        own = self._folder_of(path)
        return any(folder == own or self.searched.fullmatch(folder) for folder in places.get(library.lower(), ()))

    def _longest(self, name: str) -> str:
        if not self.compiles or not name.endswith(".py"):
            return name
        folder, _, file = name.rpartition("/")
        return f"{folder}/__pycache__/{file.removesuffix('.py')}.cpython-311.pyc".removeprefix("/")


def _wheels_of_window() -> list[str]:
    names = [name for name in dev.dependencies() if not _WITHOUT.match(name)]
    return ["--constraint", str(dev.LOCK), *names]


def _stays_of_window(name: str) -> bool:
    return not _is_tool(name) and common.keep_of_qt(name) and name.split("/")[0] not in common.NEVER


def _wheels_of_engine() -> list[str]:
    lock = lock_file(common.ROOT / "resources", RuntimeKind.WINDOWS_CPU)
    return ["--require-hashes", "--no-deps", "--requirements", str(lock)]


def _is_tool(name: str) -> bool:
    """It lies beside the packages, in a folder of its own."""
    return name.startswith(("bin/", "Scripts/"))


WINDOW = Tree(
    "window",
    common.BUILD / "windows-tree",
    f"{build.LONGEST_HOME}{common.CONTENTS}\\",
    _wheels_of_window,
    _stays_of_window,
    # PyInstaller puts it beside the program on the PC where it is frozen; PySide6 brings its own.
    _OF_VISUAL_C,
    re.compile(".*"),  # PyInstaller puts libraries where they are found
)
ENGINE = Tree(
    "engine",
    common.BUILD / "windows-engine-tree",
    r"C:\Users\twenty-characters-ab\AppData\Local\Wan Desktop\rt\12345678abc\Lib\site-packages" + "\\",
    _wheels_of_engine,
    lambda name: not _is_tool(name),
    re.compile(r"nvcuda\.dll|nvml\.dll", re.IGNORECASE),  # the driver's
    # The first, which holds those of the compiler, is added by the engine; the others by the packages themselves.
    re.compile(r"|torch/lib|[^/]+\.libs"),
    compiles=True,
)


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


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch and look; returns the exit code."""
    parser = argparse.ArgumentParser(prog="installer.windows_tree")
    parser.add_argument("--uv", default=sys.executable, metavar="PYTHON", help="an interpreter that has uv")
    parser.add_argument("--only-look", action="store_true", help="at what was fetched before")
    args = parser.parse_args(argv)
    problems: list[str] = []
    for tree in (WINDOW, ENGINE):
        try:
            if not args.only_look:
                tree.fetch(args.uv)
        except build.BuildError as error:
            print(error, file=sys.stderr)
            return 1
        found = tree.problems()
        problems += found
        files = tree.files()
        libraries = sum(path.suffix.lower() in (".exe", ".dll", ".pyd") for path in files)
        size_mb = sum(path.stat().st_size for path in files) / 1e6
        print("\n".join(found) or f"{tree.name}: every library finds what it needs.")
        longest = f"longest path {tree.longest_path()} characters of {build.LONGEST_PATH}"
        print(f"{tree.name}: {len(files)} files, {size_mb:.0f} MB, {libraries} libraries, {longest}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
