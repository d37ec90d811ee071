"""Builds the setup and what its tests need, on Linux as on Windows: `python -m installer.build COMMAND --help`.

    setup      the setup file from a folder that holds the program
    standin    a folder that stands in for the program, by mingw, for tests where the real one cannot be built
    tools      put into a frozen folder what the program makes its engine with: an interpreter, and uv
    check      whether a folder is one that the setup takes, and that Windows can hold
    sign       sign a file, if a certificate is given in the environment; called by makensis too

A certificate is given by WAN_DESKTOP_CERTIFICATE (a PKCS #12 file), its password by WAN_DESKTOP_CERTIFICATE_PASSWORD
(a file that holds it), and a timestamp server by WAN_DESKTOP_TIMESTAMP. Nothing of these is ever in the repository.
"""

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from installer import common
from wan_desktop.core.runtime.builder import BuildTools

SETUP_BYTES = 2_000_000_000
"""NSIS cannot make a larger file."""
LONGEST_PATH = 240
"""Windows takes 259 characters; temporary names beside a file need some of them."""
LONGEST_HOME = r"C:\Users\twenty-characters-ab\AppData\Local\Programs\WanDesktop" + "\\"
_COMPILER, _RESOURCES = "x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-windres"
_CERTIFICATE, _PASSWORD, _TIMESTAMP = (
    f"WAN_DESKTOP_{name}" for name in ("CERTIFICATE", "CERTIFICATE_PASSWORD", "TIMESTAMP")
)
_PE_X86_64 = 0x8664


class BuildError(Exception):
    """It cannot be built; the text says why."""


def run(*command: str | Path) -> None:
    """Run a tool.

    Raises:
        BuildError: It is not there, or fails.
    """
    try:
        words = [str(part) for part in command]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=common.ROOT)
    except OSError as error:
        raise BuildError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        raise BuildError(f"{command[0]} failed with {done.returncode}:\n{done.stdout}{done.stderr}")


# The payload ----------------------------------------------------------------------------------------------------------


def problems_of(payload: Path) -> list[str]:
    """Why a folder is not one that the setup takes; empty if it is."""
    if not payload.is_dir():
        return [f"there is no folder {payload}"]
    names = {path.name for path in payload.iterdir()}
    known = {*common.PROGRAM_FILES, *common.PROGRAM_FOLDERS}
    wanted = known - {*common.OPTIONAL_FOLDERS}
    problems = [f"{name} is missing" for name in sorted(wanted - names)]
    problems += [f"the uninstaller would not know {name}" for name in sorted(names - known)]
    for path in sorted(payload.rglob("*")):
        problems += problems_of_file(path, path.relative_to(payload).as_posix())
    size_bytes = sum(path.stat().st_size for path in payload.rglob("*") if path.is_file())
    if size_bytes > 2 * SETUP_BYTES:
        problems.append(f"{size_bytes:,} bytes cannot become a setup below {SETUP_BYTES:,}")
    return problems


def problems_of_file(path: Path, name: str, home: str = LONGEST_HOME, longest: int = LONGEST_PATH) -> list[str]:
    """Why Windows could not hold or load a file of that name in that folder, the program's; empty if it can."""
    problems = []
    if path.is_symlink():
        problems.append(f"{name} is a link")
    if len(home) + len(name) > longest:
        problems.append(f"{name} makes a path of {len(home) + len(name)} characters")
    if path.suffix.lower() in (".exe", ".dll", ".pyd") and path.is_file():
        machine = machine_of(path)
        if machine != _PE_X86_64:
            problems.append(f"{name} is no program for Windows on x86-64")
    return problems


def machine_of(path: Path) -> int | None:
    """For which processor a Windows file is; None if it is none."""
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:2] != b"MZ":
            return None
        file.seek(struct.unpack_from("<I", head, 60)[0])
        signature = file.read(6)
    return struct.unpack_from("<H", signature, 4)[0] if signature[:4] == b"PE\0\0" else None


# What engines are made with -------------------------------------------------------------------------------------------


def add_tools(payload: Path, uv: Path) -> None:
    """Copy the interpreter that runs this, and uv, to where the program looks for them.

    On Windows the interpreter is python.org's, whose folder can be moved, and whose files are signed.

    Args:
        payload: The folder that holds the program.
        uv: uv's program file.

    Raises:
        BuildError: The copy does not run by itself.
    """
    tools = BuildTools.bundled(payload)
    python = payload / "python"
    shutil.rmtree(python, ignore_errors=True)
    shutil.copytree(sys.base_prefix, python, ignore=_not_needed_of_python, symlinks=False)
    tools.uv.parent.mkdir(exist_ok=True)
    shutil.copy2(uv, tools.uv)
    code = "import ctypes, hashlib, lzma, sqlite3, ssl, sys, zlib; print(sys.prefix)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [str(tools.python), "-I", "-c", code],
            capture_output=True,
            text=True,
            check=False,
            cwd=elsewhere,
            env=environment,
        )
    if done.returncode or Path(done.stdout.strip()).resolve() != python.resolve():
        raise BuildError(f"The interpreter in {python} does not run by itself:\n{done.stdout}{done.stderr}")


def _not_needed_of_python(folder: str, names: list[str]) -> set[str]:
    """Of an interpreter's folder, what no engine uses: windows of its own, tests, documents, installed packages."""
    if Path(folder).name in ("site-packages", "dist-packages"):
        return set(names)
    never = {"__pycache__", "test", "idlelib", "tkinter", "turtledemo", "tcl", "Tools", "Doc", "Scripts", "share"}
    return never & set(names) | {name for name in names if name.endswith(".a")}


# The setup ------------------------------------------------------------------------------------------------------------


def names_file(version: str) -> str:
    """What setup.nsi includes: every name that is shared, and loops over the lists."""
    values = {
        "APP_NAME": common.APP_NAME,
        "PUBLISHER": common.PUBLISHER,
        "VERSION": version,
        "WINDOW": common.WINDOW,
        "CONSOLE": common.CONSOLE,
        "APPLICATION_ID": common.APPLICATION_ID,
        "PROGRAM_ID": common.PROGRAM_ID,
        "ENDING": common.RECIPE_ENDING,
        "MUTEX": common.MUTEX,
        "SETUP_MUTEX": f"{common.WINDOW}.Setup",
        "UNPACKING": "unpacking",
        "OWN_KEY": rf"Software\{common.WINDOW}",
        "UNINSTALL_KEY": rf"Software\Microsoft\Windows\CurrentVersion\Uninstall\{common.WINDOW}",
        "PATHS_KEY": r"Software\Microsoft\Windows\CurrentVersion\App Paths",
        "LICENSE": common.ROOT / "LICENSE",
        "ICON": common.HERE / "wan_desktop.ico",
    }
    lines = [f'!define {name} "{value}"' for name, value in values.items()]
    own = [*common.PROGRAM_FOLDERS, *common.PROGRAM_FILES]
    lines += ["!macro ForEachOwn call", *(f'  !insertmacro ${{call}} "{name}"' for name in own), "!macroend"]
    kinds = [(name, "engine") for name in common.ENGINE_DATA] + [(name, "models") for name in common.MODEL_DATA]
    lines += ["!macro ForEachKind call"]
    lines += [f'  !insertmacro ${{call}} "{name}" "{kind}"' for name, kind in kinds]
    return "\n".join([*lines, "!macroend", ""])


def build_setup(payload: Path, output: Path, *, version: str = common.VERSION, quick: bool = False) -> None:
    """Make the setup file.

    Args:
        payload: The folder that holds the program.
        output: The setup file.
        version: Of the program.
        quick: Compress fast rather than well, for tests.

    Raises:
        BuildError: The folder is none that the setup takes, or a tool fails.
    """
    problems = problems_of(payload)
    if problems:
        raise BuildError("\n".join([f"{payload} cannot be packed:", *problems[:20]]))
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder, "names.nsh")
        names.write_text(names_file(version), encoding="utf-8-sig")
        options = [f"-DPAYLOAD={payload.resolve()}", f"-DOUTFILE={output.resolve()}"]
        if quick:
            options.append("-DCOMPRESSOR=zlib")
        if os.environ.get(_CERTIFICATE):
            options.append(f"-DSIGN={sys.executable} -m installer.build sign")
        script = Path(folder, "setup.nsi")
        shutil.copyfile(common.HERE / "setup.nsi", script)
        for name in ("texts.nsh", "shortcut.nsh"):
            text = (common.HERE / name).read_text(encoding="utf-8")
            Path(folder, name).write_text(text, encoding="utf-8-sig")  # with the mark by which makensis knows UTF-8
        # NOCD: so that what it calls for signing finds this package.
        run(_makensis(), "-V2", "-WX", "-INPUTCHARSET", "UTF8", "-NOCD", f"-X!addincludedir {folder}", *options, script)
    if output.stat().st_size > SETUP_BYTES:
        raise BuildError(f"{output} has {output.stat().st_size:,} bytes, and would not run")


def _makensis() -> str:
    found = shutil.which("makensis") or shutil.which("makensis", path=r"C:\Program Files (x86)\NSIS")
    if found is None:
        raise BuildError("makensis is not here: install NSIS (on Debian: apt install nsis)")
    return found


def sign(path: Path) -> bool:
    """Sign a file; False where no certificate is given.

    Raises:
        BuildError: It cannot be signed.
    """
    certificate = os.environ.get(_CERTIFICATE)
    if not certificate:
        return False
    signed = path.with_name(f"{path.name}.signed")
    command = ["osslsigncode", "sign", "-pkcs12", certificate, "-h", "sha256", "-n", common.APP_NAME]
    if password := os.environ.get(_PASSWORD):
        command += ["-readpass", password]
    if server := os.environ.get(_TIMESTAMP):
        command += ["-ts", server]
    run(*command, "-in", path, "-out", signed)
    signed.replace(path)
    return True


# The stand-in ---------------------------------------------------------------------------------------------------------


def build_standin(folder: Path, *, version: str = common.VERSION) -> None:
    """Make a folder that the setup takes, with two small programs in place of the real ones.

    Raises:
        BuildError: mingw is not here, or fails.
    """
    source = common.HERE / "standin"
    folder.mkdir(parents=True)
    contents = folder / common.CONTENTS / common.SOURCES / "wan_desktop"
    contents.mkdir(parents=True)
    (contents / "__init__.py").write_text(f'__version__ = "{version}"\n', encoding="utf-8")
    with tempfile.TemporaryDirectory() as work:
        resource = Path(work, "standin.o")
        numbers = version.replace(".", ",") + ",0"
        run(
            *(_RESOURCES, "-I", source, f"-DVERSION_NUMBERS={numbers}", rf"-DVERSION_TEXT=\"{version}\""),
            *(rf"-DICON_FILE=\"{common.HERE / 'wan_desktop.ico'}\"", source / "standin.rc", resource),
        )
        texts = (f'-DVERSION="{version}"', f'-DMUTEX=L"{common.MUTEX}"', f'-DTITLE=L"{common.APP_NAME}"')
        for name, kind in ((common.WINDOW, ("-mwindows",)), (common.CONSOLE, ("-DCONSOLE",))):
            output = folder / f"{name}.exe"
            how = ("-municode", "-O2", "-Wall", "-Werror", "-s", *kind, *texts)
            run(_COMPILER, *how, "-o", output, source / "standin.c", resource)


# Commands -------------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="installer.build", description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    setup = commands.add_parser("setup", help="make the setup file")
    setup.add_argument("--payload", type=Path, default=common.BUILD / "freeze" / common.WINDOW)
    setup.add_argument("--out", type=Path, default=common.BUILD / f"{common.WINDOW}-{common.VERSION}-setup.exe")
    setup.add_argument("--version", default=common.VERSION)
    setup.add_argument("--quick", action="store_true", help="compress fast rather than well")
    standin = commands.add_parser("standin", help="make a folder that stands in for the program")
    standin.add_argument("--out", type=Path, default=common.BUILD / "standin")
    standin.add_argument("--version", default=common.VERSION)
    tools = commands.add_parser("tools", help="put in what the program makes its engine with")
    tools.add_argument("payload", type=Path)
    tools.add_argument("--uv", type=Path, required=True, help="uv's program file")
    check = commands.add_parser("check", help="look whether the setup takes a folder")
    check.add_argument("payload", type=Path)
    sign_ = commands.add_parser("sign", help="sign a file, if a certificate is given")
    sign_.add_argument("file", type=Path)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    args = _parser().parse_args(argv)
    try:
        match args.command:
            case "setup":
                build_setup(args.payload, args.out, version=args.version, quick=args.quick)
                print(args.out)
            case "standin":
                build_standin(args.out, version=args.version)
                print(args.out)
            case "tools":
                add_tools(args.payload, args.uv)
                print(args.payload)
            case "check":
                problems = problems_of(args.payload)
                print("\n".join(problems) or "The setup takes it.")
                return 1 if problems else 0
            case "sign":
                print("signed" if sign(args.file) else "not signed: no certificate is given")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
