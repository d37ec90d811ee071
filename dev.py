"""Does everything there is to do with this clone: `python3 dev.py SESSION [ARGS]`.

    python3 dev.py              what sessions there are
    python3 dev.py app          start the program
    python3 dev.py tests        run the tests; arguments go to pytest

Needs nothing but Python 3.11 or newer: it makes its own environments in `.env/`, from `requirements.lock`, and hands
over to nox, whose sessions are in noxfile.py. What is already there and whole is used again; what is half made or
damaged is made anew. On Debian and Ubuntu it also looks for the system's packages that Qt needs, and as root installs
those that are missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent
ENVIRONMENTS = ROOT / ".env"
LOCK = ROOT / "requirements.lock"
SESSIONS_WITH_QT = ("app", "tests", "bench", "pictures", "freeze", "installer")

# Found in a bare Debian 12 system: what PySide6 links to, then what its window plugin for X11 loads.
QT_PACKAGES = (
    *(
        "libglib2.0-0",
        "libgl1",
        "libegl1",
        "libx11-6",
        "libdbus-1-3",
        "libfontconfig1",
        "libfreetype6",
        "libxkbcommon0",
    ),
    *(
        "libbrotli1",
        "libx11-xcb1",
        "libxcb-cursor0",
        "libxcb-icccm4",
        "libxcb-image0",
        "libxcb-keysyms1",
        "libxcb-randr0",
    ),
    *("libxcb-render-util0", "libxcb-render0", "libxcb-shape0", "libxcb-shm0", "libxcb-sync1", "libxcb-util1"),
    *("libxcb-xfixes0", "libxcb-xkb1", "libxcb1", "libxkbcommon-x11-0", "libxcb-glx0"),
)

INSTALLER_PACKAGES = ("nsis", "wine64", "gcc-mingw-w64-x86-64", "osslsigncode")
"""With them the setup is built and tried where there is no Windows."""


class SetupError(Exception):
    """The surroundings are not as they must be; the text says what to do."""


def say(text: str) -> None:
    """Tell the person at the terminal; standard output belongs to what is run."""
    print(f"dev.py: {text}", file=sys.stderr, flush=True)


class Environment:
    """A virtual environment in `.env/`, made by pip in one or more steps.

    It is whole when its stamp, written last, names the same steps and the same lock, and no file has gone since.

    Args:
        name: Of its folder.
        steps: Arguments of `pip install`, one list a step.
    """

    def __init__(self, name: str, steps: Sequence[Sequence[str]]) -> None:
        self.folder = ENVIRONMENTS / name
        self._steps = [list(step) for step in steps]
        self._stamp = self.folder / "whole.json"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    def ensure(self) -> None:
        """Make it, mend it, or leave it as it is.

        Raises:
            SetupError: It cannot be made.
        """
        if self._whole_for() == self._key():
            return
        with _one_at_a_time() as lock:
            made_for = self._whole_for()
            if made_for == self._key():
                return
            began = time.monotonic()
            if made_for is None:
                self._make_empty(lock)
            else:
                say(f"updating {self._shown()}")
                self._stamp.unlink()
            for step in self._steps:
                self._pip_install(step, lock)
            stamp = {"key": self._key(), "python": self._version(), "files": self._count_files()}
            self._stamp.write_text(json.dumps(stamp), encoding="utf-8")
            say(f"{self._shown()} is ready after {time.monotonic() - began:.0f} s")

    def _whole_for(self) -> str | None:
        """The key it was made for, or None if it is absent, half made or damaged."""
        try:
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
            whole = stamp["python"] == self._version() and self._count_files() >= stamp["files"]
            return str(stamp["key"]) if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _key(self) -> str:
        lock = LOCK.read_bytes().replace(b"\r\n", b"\n")
        return hashlib.sha256(json.dumps(self._steps).encode() + lock).hexdigest()

    def _version(self) -> str:
        """What its interpreter says it is; empty when it does not run (its Python was removed or replaced)."""
        command = [str(self.python), "-I", "-S", "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            return ""

    def _count_files(self) -> int:
        """All files but compiled ones, which come and go."""
        count = 0
        for _, folders, files in os.walk(self.folder):
            if "__pycache__" in folders:
                folders.remove("__pycache__")
            count += len(files)
        return count

    def _make_empty(self, lock: IO[str]) -> None:
        if self.folder.exists():
            say(f"{self._shown()} is half made or damaged; making it anew")
            _remove(self.folder)
        _need_venv()
        say(f"making {self._shown()}")
        if _run([sys.executable, "-m", "venv", str(self.folder)], lock):
            raise SetupError(f"Python could not make a virtual environment in {self.folder} (the reason is above).")

    def _pip_install(self, arguments: Sequence[str], lock: IO[str]) -> None:
        # Compiling all of torch and diffusers takes longer than compiling the part that is imported.
        command = [
            str(self.python),
            "-m",
            "pip",
            "install",
            "--no-compile",
            "--no-input",
            "--disable-pip-version-check",
        ]
        if _run([*command, *arguments], lock):
            raise SetupError(
                f"pip could not install {' '.join(arguments)} (the reason is above). "
                "Mend that and run the same command again."
            )

    def _shown(self) -> str:
        return str(self.folder.relative_to(ROOT))


def locked(*packages: str) -> list[str]:
    """Arguments of `pip install` for these packages and all they need, each as the lock says."""
    return ["-c", LOCK.name, *packages]


def group(*names: str) -> list[str]:
    """The packages of dependency groups in pyproject.toml."""
    return [package for name in names for package in _project()["dependency-groups"][name]]


def dependencies() -> list[str]:
    """The packages that the program itself needs."""
    return list(_project()["project"]["dependencies"])


def tools() -> Environment:
    """The environment of nox and of the tools that read the sources."""
    return Environment("tools", [locked(*group("dev", "lint"))])


def _project() -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - an older Python, which lacks it, must get as far as being told so

    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[IO[str]]:
    """Wait until nobody else installs into this clone; the system lets go of the lock however its holder ends."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / ".lock").open("a") as file:
        if not _try_lock(file):
            say("another dev.py is installing into this clone; waiting for it")
            while not _try_lock(file):
                time.sleep(0.5)
        yield file


def _try_lock(file: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - only here

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _run(command: Sequence[str], lock: IO[str]) -> int:
    """Run a command that fills an environment; what it prints goes to standard error."""
    # It holds the lock too: if dev.py is killed, nothing is removed under the hands of a pip that lives on.
    kept = () if sys.platform == "win32" else (lock.fileno(),)
    return subprocess.run(command, check=False, cwd=ROOT, stdout=sys.stderr, pass_fds=kept).returncode


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise SetupError(
            f"{folder} cannot be removed ({error}). Close what uses it and run the same command again."
        ) from error


def _need_venv() -> None:
    """Debian's Python comes without the module that puts pip into a virtual environment.

    Raises:
        SetupError: It is not there and cannot be installed.
    """
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if _on_debian() and _is_root() and _apt_install([package]):
        importlib.invalidate_caches()
        return
    raise SetupError(f"This Python cannot make virtual environments. Run:  sudo apt-get install {package}")


def need_qt_packages() -> None:
    """Install the system's packages that Qt needs, or say which are missing and go on."""
    _need_packages(QT_PACKAGES, "Qt may not start")


def need_installer_packages() -> None:
    """Install the system's packages that the setup is tried with, or say which are missing and go on."""
    _need_packages(INSTALLER_PACKAGES, "The setup cannot be tried")


def _need_packages(packages: Sequence[str], without: str) -> None:
    if not _on_debian():
        return
    present = _installed_packages()
    missing = [package for package in packages if package not in present]
    if not missing:
        return
    if _is_root() and _apt_install(missing):
        return
    say(f"{without}: packages of the system are missing. Run:")
    say(f"  sudo apt-get install --no-install-recommends {' '.join(missing)}")


def _installed_packages() -> set[str]:
    """Names of the installed packages, and the names they stand in for (libglib2.0-0t64 is libglib2.0-0)."""
    wanted = "${db:Status-Status}|${Package}, ${Provides}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", wanted], capture_output=True, text=True, check=False).stdout
    rows = (row.partition("|") for row in listed.splitlines())
    return {
        name.split()[0]
        for status, _, names in rows
        if status == "installed"
        for name in names.split(",")
        if name.strip()
    }


def _apt_install(packages: Sequence[str]) -> bool:
    say(f"installing packages of the system: {' '.join(packages)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "update", "--quiet"]
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    for command in (update, install):  # what the lists of yesterday hold may do, so a failed update is not the end
        done = subprocess.run(command, check=False, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    return done.returncode == 0


def _on_debian() -> bool:
    return sys.platform == "linux" and bool(shutil.which("dpkg-query") and shutil.which("apt-get"))


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _hand_over(arguments: Sequence[str]) -> NoReturn:
    """Become nox; on Windows, which cannot replace a running program, wait for it."""
    nox = [str(tools().python), "-m", "nox", "--noxfile", str(ROOT / "noxfile.py")]
    nox += ["--session", arguments[0], "--", *arguments[1:]] if arguments else ["--list"]
    if sys.platform == "win32":
        running = subprocess.Popen(nox)
        while True:
            try:
                sys.exit(running.wait())
            except KeyboardInterrupt:  # it was pressed for nox too, which ends its session
                continue
    os.execv(nox[0], nox)


def main(arguments: Sequence[str]) -> int:
    """Set up what the session needs and become its run; returns only if that cannot be, with an exit code."""
    if sys.hexversion < 0x030B0000:
        say(f"this is Python {sys.version.split()[0]}, and 3.11 or newer is needed: start it with another one.")
        return 2
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__, flush=True)
        arguments = []
    try:
        if arguments and arguments[0] in SESSIONS_WITH_QT:
            need_qt_packages()
        tools().ensure()
    except SetupError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    _hand_over(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
