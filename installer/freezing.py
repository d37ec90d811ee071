"""What both specs do with what PyInstaller has found."""

from pathlib import Path
from typing import Any

from installer import common

CHECKED_AT_IMPORT = (
    *("torch", "diffusers", "transformers", "huggingface_hub", "accelerate", "tokenizers", "safetensors", "numpy"),
    *("gguf", "ftfy", "av", "tqdm", "regex", "packaging", "pyyaml", "requests", "filelock", "keyring"),
)
"""Packages whose version others look up at import; PyInstaller does not know that of diffusers."""
SOURCES_NEEDED = ("torch", "diffusers", "transformers", "accelerate", "wan_desktop")
"""Packages that read their own source files."""
_HUB_NOT_NEEDED = ("huggingface_hub.cli", "huggingface_hub.inference", "huggingface_hub.serialization._torch")


def is_needed_of_hub(module: str) -> bool:
    """Whether the program can come to a module of huggingface_hub, which imports its own by name."""
    return not module.startswith(_HUB_NOT_NEEDED)


_QT_AT_START = "pyi_rth_pyside6"
"""PyInstaller's own code that imports Qt in every process of the program, before ours runs. The engine is one of them,
and on Windows torch fails to load where Qt's libraries are (docs/decisions/0001). It tells Qt where its plugins lie,
which the wheels of PySide6 do by themselves; and by an environment variable, which other programs would inherit."""


def trim(analysis: Any) -> None:
    """Drop what is never used, and add the licences of what stays."""
    analysis.scripts = [entry for entry in analysis.scripts if entry[0] != _QT_AT_START]
    analysis.binaries = common.trimmed(analysis.binaries)
    modules = [name for name, _, _ in analysis.pure]
    # Hooks bring the metadata of packages whose modules are left out.
    absent = tuple(f"{name}-" for name in {*common.WITHOUT_ENGINE, *common.NEVER} - {*modules})
    analysis.datas = [entry for entry in analysis.datas if not entry[0].startswith(absent)]
    modules += [Path(name).name.split(".")[0] for name, _, _ in analysis.binaries]
    modules += [name.replace("\\", "/").split("/")[0] for name, _, _ in analysis.binaries]
    analysis.datas = [*common.trimmed(analysis.datas), *common.licence_files(modules)]


def programs(work: Path) -> list[dict[str, Any]]:
    """Options of the two programs: one without a console, and one for it.

    Args:
        work: Where the version resource is written.
    """
    work.mkdir(parents=True, exist_ok=True)
    resource = work / "version.txt"
    resource.write_text(common.version_resource(), encoding="utf-8")
    return [
        {
            "name": name,
            "console": name == common.CONSOLE,
            "exclude_binaries": True,
            "contents_directory": common.CONTENTS,
            "icon": str(common.HERE / "wan_desktop.ico"),
            "version": str(resource),
            "upx": False,
            "strip": False,
        }
        for name in (common.WINDOW, common.CONSOLE)
    ]
