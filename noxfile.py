"""What can be done with this clone; `python3 dev.py SESSION [ARGS]` runs one.

Sessions run in two environments that dev.py makes once and keeps: `.env/tools` (nox itself, and what reads the sources)
and `.env/runtime` (the program and its tests, shared, so that torch is installed once).
"""

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

import dev  # noqa: E402 - lies beside this file, and nox does not put that folder on the path

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "none"
nox.options.error_on_external_run = False
# Nobody misses it: no session lets nox make an environment.
logging.getLogger("nox").addFilter(lambda record: record.msg != "uv binary not found.")

# PyPI's torch for Linux is the CUDA build; its torch for Windows computes on the CPU only. The CUDA 13.0 build for
# Windows lies only here, and a version with "+cu130" makes sure that nothing else is taken for it.
WINDOWS_CUDA = "cu130"
WINDOWS_CUDA_INDEX = f"https://download.pytorch.org/whl/{WINDOWS_CUDA}"
_CUDA_PACKAGE = re.compile(r"(nvidia-(?!ml-py)|cuda-|triton)")
_LOCK_HEADER = """\
# Every package of the program and of its development, for Linux and Windows. Made by `python3 dev.py lock`.
#
# Without what torch brings along for CUDA: that depends on the build of torch, which pins it itself.
# Without hashes: torch's differ between its builds, and pip checks either all hashes or none.
"""


def _has_nvidia_driver() -> bool:
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", "nvcuda.dll").exists()
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def _torch_version() -> str:
    pin = next(dependency for dependency in dev.dependencies() if dependency.startswith("torch=="))
    return pin.removeprefix("torch==")


def _runtime() -> dev.Environment:
    """The environment of the program and its tests.

    Without an NVIDIA driver torch is whatever pip finds for the pinned version: on Windows that is the CPU build; on
    Linux PyPI has only the CUDA build, which runs on the CPU as well, and a CPU build that pip finds elsewhere goes
    before it.
    """
    torch = _torch_version()
    cuda: list[list[str]] = []
    if _has_nvidia_driver() and sys.platform == "win32":
        cuda = [["--no-deps", f"torch=={torch}+{WINDOWS_CUDA}", "--index-url", WINDOWS_CUDA_INDEX]]
    elif _has_nvidia_driver():
        cuda = [dev.locked(f"torch==={torch}")]  # this very name: no "+cpu" build
    return dev.Environment("runtime", [*cuda, dev.locked(*dev.dependencies(), *dev.group("test", "build"))])


def _python(session: nox.Session) -> str:
    """The runtime environment's interpreter, ready to run."""
    runtime = _runtime()
    try:
        runtime.ensure()
    except dev.SetupError as error:
        session.error(str(error))
    return str(runtime.python)


def _hand_over(session: nox.Session, *command: str) -> None:
    """Run a program for the person at the terminal: in their folder, and with its exit code as that of dev.py."""
    code = subprocess.run([*command, *session.posargs], check=False, cwd=session.invoked_from).returncode
    if code:
        raise SystemExit(code)


# The tests share a machine: one thread each makes their times and their sums repeatable. The Hub's address is one where
# nobody listens; tests that need a Hub start their own.
_MAX_WORKERS = 4  # each loads torch and starts engines: about 2 GB
_TEST_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen", "HF_ENDPOINT": "http://127.0.0.1:9"}


@nox.session
def app(session: nox.Session) -> None:
    """Start the program; arguments are those of main.py."""
    _hand_over(session, _python(session), str(ROOT / "main.py"))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest. All of them run in several processes, a named part in one."""
    is_part = any(not argument.startswith("--") for argument in session.posargs)
    workers = [] if is_part else ["-n", str(min(os.cpu_count() or 1, _MAX_WORKERS))]
    session.run(_python(session), "-m", "pytest", *workers, *session.posargs, env=_TEST_ENVIRONMENT)


@nox.session
def proofs(session: nox.Session) -> None:
    """Run the long proofs: every fault of the store, kills, power failures, flipped bits, thousands of verdicts."""
    paths = session.posargs or ["tests"]
    session.run(_python(session), "-m", "pytest", "-m", "slow", "--timeout", "1800", *paths, env=_TEST_ENVIRONMENT)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, rules and the import picture; changes nothing."""
    session.run(sys.executable, "-m", "ruff", "format", "--check", "--output-format", "concise", ".")
    session.run(sys.executable, "-m", "ruff", "check", "--output-format", "concise", ".")
    session.run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()")


@nox.session(name="format")
def format_(session: nox.Session) -> None:
    """Format the sources and mend what can be mended by itself."""
    session.run(sys.executable, "-m", "ruff", "check", "--fix-only", ".")
    session.run(sys.executable, "-m", "ruff", "format", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly."""
    session.run(sys.executable, "-m", "mypy", "dev.py", "noxfile.py")
    folders = [
        name for name in ("main.py", "wan_desktop", "tools", "benchmarks", "installer") if _has_python(ROOT / name)
    ]
    session.run(sys.executable, "-m", "mypy", "--python-executable", _python(session), *folders, *session.posargs)


def _has_python(path: Path) -> bool:
    return path.is_file() or any(path.rglob("*.py"))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure: `bench NAME [ARGS]` runs benchmarks/NAME.py; without a name, says what there is."""
    files = sorted((ROOT / "benchmarks").glob("*.py"))
    names = [file.stem for file in files if "__main__" in file.read_text(encoding="utf-8")]
    if not session.posargs:
        session.log("There is: %s", ", ".join(names) or "nothing")
        return
    name, *arguments = session.posargs
    if name not in names:
        session.error(f"There is no benchmark {name!r}, but: {', '.join(names)}")
    session.run(_python(session), "-m", f"benchmarks.{name}", *arguments)


@nox.session
def pictures(session: nox.Session) -> None:
    """Take pictures of the window into build/pictures; arguments are those of tools/take_pictures.py."""
    session.run(_python(session), str(ROOT / "tools" / "take_pictures.py"), *session.posargs)


@nox.session
def installer(session: nox.Session) -> None:
    """Try the setup in wine, look through the packages for Windows; as root on Debian, get wine and NSIS."""
    dev.need_installer_packages()
    arguments = ["-m", "slow or not slow", "--timeout", "300", *(session.posargs or ["tests/installer"])]
    session.run(_python(session), "-m", "pytest", *arguments, env=_TEST_ENVIRONMENT)
    if not session.posargs:
        uv = dev.Environment("uv", [dev.group("lock")])
        uv.ensure()
        session.run(_python(session), "-m", "installer.windows_tree", "--uv", str(uv.python))


@nox.session
def freeze(session: nox.Session) -> None:
    """Freeze the program, run its self-test, write its figures into build/freeze; `freeze window full`: both kinds."""
    session.run(_python(session), "-m", "installer.freeze", *session.posargs)
    tests = ["tests/installer/test_bundle.py", "tests/installer/test_frozen_engine.py"]
    session.run(_python(session), "-m", "pytest", "-m", "slow", *tests, env=_TEST_ENVIRONMENT)


@nox.session
def train(session: nox.Session) -> None:
    """Train the built-in model from nothing: some hours on two cores."""
    session.run(_python(session), "-m", "tools.train_builtin_model", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Make requirements.lock anew from pyproject.toml; arguments go to `uv pip compile` (`--upgrade`, ...)."""
    uv = dev.Environment("uv", [dev.group("lock")])
    uv.ensure()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "requirements.lock")
        if dev.LOCK.exists():
            shutil.copyfile(dev.LOCK, made)  # so that what still fits stays as it is
        groups = [argument for name in ("dev", "test", "lint", "build") for argument in ("--group", name)]
        options = ["--universal", "--python-version", "3.11", "--no-annotate", "--no-header", "--no-emit-index-url"]
        command = [
            "-m",
            "uv",
            "pip",
            "compile",
            "pyproject.toml",
            *groups,
            *options,
            "--quiet",
            "--output-file",
            str(made),
        ]
        session.run(str(uv.python), *command, *session.posargs)
        pins = [line for line in made.read_text(encoding="utf-8").splitlines() if not _CUDA_PACKAGE.match(line)]
    if f"torch=={_torch_version()}" not in pins:
        session.error("torch came out other than pinned in pyproject.toml.")
    dev.LOCK.write_text(_LOCK_HEADER + "\n".join(pins) + "\n", encoding="utf-8", newline="\n")
