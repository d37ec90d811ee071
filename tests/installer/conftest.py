"""A Windows, setups of two versions, and a clean state before each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer import build, common
from tests.installer.wine import Wine, missing

OLD, NEW = "0.1.0", "0.2.0"
KEYS = (
    rf"HKCU\Software\{common.WINDOW}",
    rf"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\{common.WINDOW}",
    rf"HKCU\Software\Microsoft\Windows\CurrentVersion\App Paths\{common.WINDOW}.exe",
    rf"HKCU\Software\Microsoft\Windows\CurrentVersion\App Paths\{common.CONSOLE}.exe",
    rf"HKCU\Software\Classes\AppUserModelId\{common.APPLICATION_ID}",
    rf"HKCU\Software\Classes\{common.PROGRAM_ID}",
    rf"HKCU\Software\Classes\{common.RECIPE_ENDING}",
)
"""All that the setup makes."""


@pytest.fixture(scope="session")
def payloads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the stand-in of two versions: a file that changed, one that went, one that came."""
    absent = missing()
    if absent:
        pytest.skip(f"not here: {', '.join(absent)} (on Debian: python3 dev.py installer installs them)")
    folder = tmp_path_factory.mktemp("payloads")
    for version in (OLD, NEW):
        build.build_standin(folder / version, version=version)
        contents = folder / version / common.CONTENTS
        (contents / "changed.txt").write_text(version, encoding="utf-8")
        (contents / f"only-in-{version}.txt").write_text(version, encoding="utf-8")
        deep = contents / "PySide6" / "plugins" / "platforms"
        deep.mkdir(parents=True)
        (deep / "ein Name mit Leerzeichen und Umläuten.bin").write_bytes(bytes(range(256)) * 40)
    return {version: folder / version for version in (OLD, NEW)}


@pytest.fixture(scope="session")
def setups(payloads: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Setup files of both."""
    folder = tmp_path_factory.mktemp("setups")
    for version, payload in payloads.items():
        build.build_setup(payload, folder / f"{version}.exe", version=version, quick=True)
    return {version: folder / f"{version}.exe" for version in payloads}


@pytest.fixture(scope="session")
def windows(payloads: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    """One Windows for all tests: making it takes a quarter of a minute."""
    made = Wine(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.close()


@pytest.fixture
def wine(windows: Wine) -> Iterator[Wine]:
    """The same, without anything of ours in it."""
    yield windows
    windows.close()
    for key in KEYS:
        windows.run("reg", "delete", key, "/f")
    windows.settle()
    for folder in (windows.local / "Programs", windows.local / common.APP_NAME, windows.drive / "Tools"):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(windows.user / "Videos" / common.APP_NAME, ignore_errors=True)
    for file in (windows.start_menu / f"{common.APP_NAME}.lnk", windows.temp / "standin.txt"):
        file.unlink(missing_ok=True)
