"""What tests of engine runtimes share: uv, small wheels, an index for them, and runtimes in a folder."""

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import dev
from tests.fakes.wheel_server import WheelServer
from tests.fakes.wheels import BuiltWheel, build_wheel
from wan_desktop.core.errors import EngineError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.lock import PYTHON_VERSION, RuntimeKind, RuntimeLock, parse_lock
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime
from wan_desktop.core.runtime.runtimes import Runtimes
from wan_desktop.core.runtime.wheel_index import WheelIndex, WheelSources
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.fetcher import TransferLimits

KIND = RuntimeKind.LINUX_CPU
QUICK = TransferLimits(connections=2, max_connections=2, stall_s=0.5, give_up_s=2.0)


def quiet() -> JobContext:
    return JobContext("test", lambda *_: None)


@pytest.fixture(scope="session")
def tools() -> BuildTools:
    """uv and this interpreter; uv as the project pins it, where it is not here already."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" != PYTHON_VERSION or sys.platform == "win32":
        pytest.skip(f"runtimes of these tests are made with Python {PYTHON_VERSION} on Linux")
    found = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.prefix, "bin")))
    if found is None:
        environment = dev.Environment("uv", [dev.group("lock")])
        try:
            environment.ensure()
        except dev.SetupError as error:
            pytest.skip(f"uv is not here and cannot be installed: {error}")
        found = str(environment.folder / "bin" / "uv")
    return BuildTools(Path(found), Path(sys.executable))


@pytest.fixture
def server() -> Iterator[WheelServer]:
    with WheelServer() as started:
        yield started


@dataclass
class Parts:
    """Small parts of two versions of an engine, and their locks."""

    old: list[BuiltWheel]
    new: list[BuiltWheel]
    everything: list[BuiltWheel] = field(init=False)

    def __post_init__(self) -> None:
        self.everything = [*self.old, *(wheel for wheel in self.new if wheel not in self.old)]

    @property
    def old_lock(self) -> RuntimeLock:
        return lock_of(self.old)

    @property
    def new_lock(self) -> RuntimeLock:
        return lock_of(self.new)


def lock_of(wheels: list[BuiltWheel]) -> RuntimeLock:
    return parse_lock(KIND, "\n".join(wheel.line for wheel in wheels))


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """One part stays as it is, one changes, and one, of some megabytes, comes from the index of its build."""
    folder = tmp_path_factory.mktemp("built")
    noise = random.Random(1).randbytes(5_000_000)

    def engine(version: str) -> BuiltWheel:
        return build_wheel(folder, "engine", version, {"engine/__init__.py": f"VERSION = {version!r}\n".encode()})

    helper = build_wheel(folder, "helper", "1.0", {"helper.py": b"def help():\n    return 'helped'\n"})
    large = build_wheel(
        folder,
        "large",
        "3.0+cpu",
        {"large/__init__.py": b"", "large/weights.bin": noise},
        tag="cp311-cp311-manylinux_2_28_x86_64",
    )
    return Parts([engine("1.0"), helper], [engine("2.0"), helper, large])


def runtimes_in(folder: Path, tools: BuildTools, url: str, disk: Disk | None = None) -> Runtimes:
    index = WheelIndex(WheelSources(f"{url}/simple", f"{url}/whl"), timeout_s=2.0, waits_s=(0.01,))
    return Runtimes(folder, tools, index, disk=disk, limits=QUICK)


@pytest.fixture
def runtimes(tmp_path: Path, tools: BuildTools, server: WheelServer, parts: Parts) -> Runtimes:
    server.add(*parts.everything)
    return runtimes_in(tmp_path / "rt", tools, server.url)


def engine_version(runtime: InstalledRuntime) -> str:
    """What the runtime's own interpreter finds installed."""
    command = [str(runtime.python), "-I", "-c", "import engine, helper; helper.help(); print(engine.VERSION)"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return found.stdout.strip()


def works(runtime: InstalledRuntime, context: JobContext) -> None:
    """A self-test: the interpreter starts and finds the parts."""
    context.check_cancelled()
    if not engine_version(runtime):
        raise EngineError("The engine says nothing.", hint="Look.")


def fails(runtime: InstalledRuntime, context: JobContext) -> None:
    """A self-test that is not passed, although everything is there."""
    works(runtime, context)
    raise EngineError("The card refuses.", hint="Install another driver.", details="CUDA error 999")
