"""A Windows for tests: wine, with a user of its own, on no screen."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

_LOADERS = ("wine64", "/usr/lib/wine/wine64", "/usr/lib/wine64/wine64", "/opt/wine-stable/bin/wine64")
_SERVERS = ("wineserver", "/usr/lib/wine/wineserver64", "/usr/lib/wine/wineserver")
TOOLS = ("makensis", "x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-windres")
_LOOK_S, _LIMIT_S = 0.05, 110.0


def _found(names: tuple[str, ...]) -> str | None:
    return next((found for name in names if (found := shutil.which(name))), None)


def missing() -> list[str]:
    """What is needed for these tests and not here."""
    absent = [name for name in TOOLS if shutil.which(name) is None]
    return absent + [names[0] for names in (_LOADERS, _SERVERS) if _found(names) is None]


class Wine:
    """One Windows.

    Args:
        prefix: The folder that holds it; it does not exist.
    """

    def __init__(self, prefix: Path) -> None:
        self._loader, self._server = _found(_LOADERS) or "", _found(_SERVERS) or ""
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")},
            "WINEPREFIX": str(prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe=",
        }
        self.drive = prefix / "drive_c"
        self.run("wineboot", "-i")
        self.run("reg", "add", r"HKCU\Software\Wine\Drivers", "/v", "Graphics", "/d", "null", "/f")
        self.be_version("win10")
        self.settle()

    def be_version(self, name: str) -> None:
        """Which Windows it says it is."""
        self.run("reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", name, "/f")

    # Programs ---------------------------------------------------------------------------------------------------------

    def start(self, *command: str | Path, output: "IO[bytes] | int" = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        """Start a program."""
        words = [self._loader, *map(str, command)]
        return subprocess.Popen(words, env=self._environment, stdout=output, stderr=subprocess.DEVNULL)

    def run(self, *command: str | Path) -> tuple[int, str]:
        """Run a program to its end; its exit code, and what it printed."""
        # No pipe: a program that it has started would keep that open.
        with tempfile.TemporaryFile() as output, self.start(*command, output=output) as process:
            code = process.wait(_LIMIT_S)
            output.seek(0)
            return code, output.read().decode("utf-8", "replace")

    def settle(self) -> None:
        """Wait until no program runs any longer: an uninstaller goes on in a copy of itself."""
        subprocess.run([self._server, "-w"], env=self._environment, check=False, timeout=_LIMIT_S)

    def close(self) -> None:
        """End everything in it."""
        subprocess.run([self._server, "-k"], env=self._environment, check=False, timeout=60)

    # What is in it ----------------------------------------------------------------------------------------------------

    @property
    def user(self) -> Path:
        """The user's own folder."""
        return next(path for path in (self.drive / "users").iterdir() if path.name != "Public")

    @property
    def local(self) -> Path:
        """The folder that Windows calls LOCALAPPDATA."""
        return self.user / "AppData" / "Local"

    @property
    def temp(self) -> Path:
        """The folder that Windows calls TEMP; wine has it elsewhere."""
        return self.user / "Temp"

    @property
    def start_menu(self) -> Path:
        """The user's programs in it."""
        return self.user / "AppData" / "Roaming" / "Microsoft" / "Windows" / "Start Menu" / "Programs"

    def value(self, key: str, name: str = "") -> str | None:
        """A value of the registry; None where there is none."""
        code, output = self.run("reg", "query", key, *(("/v", name) if name else ("/ve",)))
        lines = [line for line in output.splitlines() if "REG_" in line]
        if code or not lines:
            return None
        return lines[0].split("REG_", 1)[1].partition("    ")[2].strip()

    def has_key(self, key: str) -> bool:
        """There is such a key in the registry."""
        return self.run("reg", "query", key)[0] == 0


def wait_for(path: Path, *, gone: bool = False, limit_s: float = 30.0) -> None:
    """Wait until a file is there, or not any more.

    Raises:
        TimeoutError: It did not come to that.
    """
    give_up = time.monotonic() + limit_s
    while path.exists() is gone:
        if time.monotonic() > give_up:
            raise TimeoutError(f"{path} is {'still' if gone else 'not'} there")
        time.sleep(_LOOK_S)
