"""Names, places and lists that the specs, the setup and the tests share, each told once."""

import importlib.metadata
import re
from collections.abc import Iterable
from pathlib import Path

from wan_desktop import __version__
from wan_desktop.core.paths import APP_NAME
from wan_desktop.core.recipe import RECIPE_ENDING
from wan_desktop.frozen import MUTEX

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "installer"
BUILD = ROOT / "build"
VERSION = __version__
PUBLISHER = "Wan Desktop"
APPLICATION_ID = "WanDesktop.WanDesktop"
"""As in wan_desktop/ui/windows_shell.py, which cannot be imported where there is no Qt; a test compares them."""
PROGRAM_ID = "WanDesktop.Recipe"
"""Of the kind of file that a double click opens."""

WINDOW, CONSOLE = "WanDesktop", "wan-desktop"
"""The two programs of one folder: for the desktop, and for a console."""
CONTENTS = "app"
"""The folder beside them that holds everything else."""
SOURCES = "sources"
"""In it: the package as plain files, with its resources; see `wan_desktop.core.paths.sources_folder`."""
LICENCES = "licences"

# What the setup puts into its folder, all of it; it refuses to be built with anything else, so that the uninstaller
# knows what is ours without ever removing a whole folder that somebody chose.
PROGRAM_FILES = (f"{WINDOW}.exe", f"{CONSOLE}.exe")
PROGRAM_FOLDERS = (CONTENTS, "python", "bin")
OPTIONAL_FOLDERS = ("python", "bin")
"""The engine's interpreter and the tool that installs it; the full program needs neither."""

# What lies in the program's data folder, by what the uninstaller asks about.
ENGINE_DATA = ("rt",)
MODEL_DATA = ("models", "catalog", "models.sqlite3", "known-files.json")

WITHOUT_ENGINE = (
    *("torch", "torchvision", "torchaudio", "diffusers", "transformers", "accelerate", "peft", "gguf", "safetensors"),
    *("sympy", "networkx", "triton", "sentencepiece", "ftfy", "pydantic", "pydantic_core", "wan_desktop.engine"),
)
"""Modules that the window never needs."""
NEVER = (
    *("tkinter", "tensorboard", "IPython", "matplotlib", "pandas", "pytest", "_pytest", "hypothesis", "mypy", "nox"),
    *("PyInstaller", "setuptools", "pip", "uv", "jinja2", "pygments", "rich", "typer", "hf_xet", "curses", "test"),
)
"""Modules that are found because something could use them; hf_xet is switched off in wan_desktop.core.store."""
QT_KEPT = ("QtCore", "QtGui", "QtWidgets", "QtSvg", "QtNetwork", "QtDBus", "QtXcbQpa", "QtWaylandClient", "QtOpenGL")
"""Parts of Qt whose libraries stay; the last four are what its plugins for Linux' screens are linked to."""
QT_PLUGINS_KEPT = (
    *("platforms", "platformthemes", "platforminputcontexts", "xcbglintegrations", "imageformats", "iconengines"),
    *("styles", "tls", "networkinformation", "wayland-shell-integration", "wayland-decoration-client"),
    "wayland-graphics-integration-client",
)
QT_FILES_DROPPED = re.compile(
    r"(opengl32sw|d3dcompiler_\d+|Qt6?(VirtualKeyboard|Pdf|Qml|Quick|WebEngine)\w*)\.dll"
    r"|libq(pdf|tiff|icns|tga|wbmp|virtualkeyboard\w*|eglfs\w*|linuxfb|vnc|minimalegl|vkkhrdisplay)\.so"
    r"|q(pdf|tiff|icns|tga|wbmp|virtualkeyboard\w*)\.dll|(lib)?pyside6qml\b.*|vcamp140\.dll|\w+\.exe",
    re.IGNORECASE,
)
QT_TEXTS_KEPT = ("qtbase_de.qm",)
"""Of the languages that the program speaks."""
_QT_LIBRARY = re.compile(r"(?:lib)?Qt6?(\w+?)(?:\.abi3)?\.(?:so|dll|pyd)", re.IGNORECASE)
_LICENCE_FILE = re.compile(r"(licen[sc]e|copying|notice|copyright|authors)", re.IGNORECASE)
_CUDA_STUFF = re.compile(r"torch/(include|share/cmake|test|bin/.*test)/|torch/.*\.(lib|a)$")


def keep_of_qt(name: str) -> bool:
    """Whether a collected file stays: everything that is not Qt's, and of Qt what the window uses.

    Args:
        name: Its place in the program, with forward slashes.
    """
    if "PySide6/" not in name and not name.startswith("PySide6"):
        return True
    file = name.rpartition("/")[2]
    if QT_FILES_DROPPED.fullmatch(file) or "/qml/" in name:
        return False
    if "/translations/" in name and file not in QT_TEXTS_KEPT:
        return False
    if "/plugins/" in name:
        return name.split("/plugins/")[1].split("/")[0] in QT_PLUGINS_KEPT
    library = _QT_LIBRARY.match(file)
    return library is None or f"Qt{library[1]}" in QT_KEPT or library[1] in QT_KEPT


def keep_of_torch(name: str) -> bool:
    """Whether a collected file stays: all but headers and what links against torch; never a Python file.

    Inductor opens files of `torch/testing` and `torch/utils/benchmark` by name, so only what is no Python goes.
    """
    return name.endswith(".py") or not _CUDA_STUFF.search(name)


def trimmed(entries: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """What PyInstaller has collected, without what is never used."""
    return [
        entry
        for entry in entries
        if keep_of_qt(entry[0].replace("\\", "/")) and keep_of_torch(entry[0].replace("\\", "/"))
    ]


def source_files() -> list[tuple[str, str]]:
    """The package and its resources as PyInstaller's `datas`: file, folder in the program."""
    found = []
    for folder in ("wan_desktop", "resources"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                found.append((str(file), f"{SOURCES}/{file.parent.relative_to(ROOT).as_posix()}"))
    return found


def licence_files(modules: Iterable[str]) -> list[tuple[str, str, str]]:
    """Licences of every package that has one of these modules, and our own, as entries of PyInstaller's TOC.

    Args:
        modules: Names as the program imports them.
    """
    packages = importlib.metadata.packages_distributions()
    names = {package for module in modules for package in packages.get(module.partition(".")[0], ())}
    found = [(f"{LICENCES}/LICENSE", str(ROOT / "LICENSE"), "DATA")]
    for name in sorted(names - {"wan-desktop"}):
        distribution = importlib.metadata.distribution(name)
        files = [file for file in distribution.files or () if ".dist-info/" in str(file)]
        papers = [file for file in files if _LICENCE_FILE.search(file.name)]
        # Who ships no text names the licence in the metadata; texts that it asks for lie in installer/licences.
        papers = papers or [file for file in files if file.name == "METADATA"]
        found += [(f"{LICENCES}/{name}/{file.name}", str(distribution.locate_file(file)), "DATA") for file in papers]
        found += [
            (f"{LICENCES}/{name}/{file.name}", str(file), "DATA") for file in sorted((HERE / LICENCES / name).glob("*"))
        ]
    return found


def version_resource() -> str:
    """What Windows shows of the program's files under Properties, as PyInstaller reads it."""
    numbers = ", ".join([*VERSION.split("."), "0"])
    texts = {
        "CompanyName": PUBLISHER,
        "FileDescription": APP_NAME,
        "FileVersion": VERSION,
        "InternalName": WINDOW,
        "LegalCopyright": "Apache License 2.0",
        "OriginalFilename": f"{WINDOW}.exe",
        "ProductName": APP_NAME,
        "ProductVersion": VERSION,
    }
    rows = ", ".join(f"StringStruct({key!r}, {value!r})" for key, value in texts.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers=({numbers}), prodvers=({numbers}), mask=0x3f, flags=0x0, OS=0x40004,"
        " fileType=0x1, subtype=0x0, date=(0, 0)), kids=["
        f"StringFileInfo([StringTable('040904B0', [{rows}])]), VarFileInfo([VarStruct('Translation', [1033, 1200])])])"
        "\n"
    )


__all__ = ["APP_NAME", "MUTEX", "RECIPE_ENDING"]
