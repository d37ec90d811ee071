"""The real runtime for the processor on Linux: fetched, put together, and trusted only after it made a video."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.runtime.conftest import quiet, runtimes_in
from tests.fakes.wheel_server import WheelServer
from tests.fakes.wheels import BuiltWheel
from wan_desktop.core.errors import WanError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.paths import AppPaths, resources_folder
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.lock import RuntimeKind, RuntimeLock, lock_file, read_lock
from wan_desktop.core.runtime.pack import make_pack
from wan_desktop.core.runtime.pack_import import import_pack
from wan_desktop.core.runtime.render_test import render_test
from wan_desktop.core.runtime.room import room_to_build, room_to_install
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime, packages_of
from wan_desktop.core.runtime.runtime_records import RuntimeState
from wan_desktop.core.runtime.wheel_name import parse_wheel_name

SOURCES = Path(__file__).resolve().parents[3]
KIND = RuntimeKind.LINUX_CPU

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def lock() -> RuntimeLock:
    return read_lock(resources_folder(), KIND)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All wheels of the lock, as pip gets and checks them."""
    folder = tmp_path_factory.mktemp("wheels")
    listed = str(lock_file(resources_folder(), KIND))
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", listed, "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pip cannot get the wheels: {done.stderr[-500:]}")
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def real_server(wheels: list[Path]) -> Iterator[WheelServer]:
    with WheelServer() as started:
        for path in wheels:
            name = parse_wheel_name(path.name)
            assert name is not None
            started.add(BuiltWheel(name.name, name.version, path.name, path.read_bytes()))
        yield started


def test_that_the_real_runtime_renders_before_it_is_used_and_moves_on_a_package(
    tmp_path: Path, tools: BuildTools, lock: RuntimeLock, real_server: WheelServer, wheels: list[Path]
) -> None:
    paths = AppPaths(tmp_path / "data", tmp_path / "videos", resources_folder())
    rendered: list[str] = []

    def self_test(runtime: InstalledRuntime, context: JobContext) -> None:
        render_test(paths, SOURCES, runtime, context)
        rendered.append(runtime.name)

    runtimes = runtimes_in(tmp_path / "rt", tools, real_server.url)
    installed = runtimes.install(lock, quiet(), self_test)
    assert rendered == [installed.name]
    assert runtimes.look(lock).state is RuntimeState.READY
    assert runtimes.check(quiet()) == []
    found = {path.name.partition("-")[0] for path in packages_of(installed.folder).glob("*.dist-info")}
    assert len(found) == len(lock.pins)

    plan = runtimes.wheelhouse.plan_of(lock)
    assert plan is not None
    used = sum(path.lstat().st_blocks * 512 for path in installed.folder.rglob("*"))
    assert used < room_to_build(runtimes.wheelhouse, plan) < 1.5 * used
    assert used < room_to_install(runtimes.wheelhouse, plan) < 1.5 * used

    (packages_of(installed.folder) / "torch" / "__init__.py").write_text("raise ImportError('lost')\n")
    assert runtimes.check(quiet())[0].startswith("torch/__init__.py: ")
    with pytest.raises(WanError):
        self_test(installed, quiet())

    (tmp_path / "pack").mkdir()
    pack = make_pack(lock, plan, runtimes.wheelhouse.folder, tmp_path / "pack", part_bytes=100_000_000)
    assert len(pack) > 2
    other = runtimes_in(tmp_path / "other", tools, "http://127.0.0.1:9")
    import_pack(other, pack[1], lock, quiet())
    assert other.install(lock, quiet(), self_test).name == rendered[-1]
    assert len(rendered) == 2
