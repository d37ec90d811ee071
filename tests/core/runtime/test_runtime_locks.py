"""The locks that come with the program are whole, agree with what was tested, and say where nothing lies."""

import dataclasses
from pathlib import Path

import pytest

from tests.core.runtime.conftest import KIND, Parts, engine_version, quiet, runtimes_in, works
from tests.fakes.wheel_server import WheelServer
from tools import lock_runtime, make_pack
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.lock import Pin, RuntimeKind, RuntimeLock, lock_file, normalised, parse_lock, read_lock
from wan_desktop.core.runtime.pack_import import import_pack

PROGRAM_LOCK = (lock_runtime.ROOT / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(params=list(RuntimeKind))
def lock(request: pytest.FixtureRequest) -> RuntimeLock:
    return read_lock(resources_folder(), request.param)


def test_that_a_lock_has_all_that_the_engine_needs(lock: RuntimeLock) -> None:
    needed = {normalised(line.partition("==")[0].split(">")[0]) for line in lock_runtime.requirements(lock.kind)}
    found = {pin.name for pin in lock.pins}
    assert needed <= found
    assert {"torch", "diffusers", "transformers", "accelerate", "av"} <= needed
    assert not lock_runtime.WINDOW_ONLY & found
    assert ("msvc-runtime" in found) == lock.kind.is_windows


def test_that_a_lock_has_the_versions_that_were_tested(lock: RuntimeLock) -> None:
    lock_runtime.check_versions(lock, PROGRAM_LOCK)


def test_that_a_version_that_was_not_tested_is_refused() -> None:
    lock = RuntimeLock(KIND, (Pin("diffusers", "0.1", ("0" * 64,)),))
    with pytest.raises(lock_runtime.LockError, match="diffusers"):
        lock_runtime.check_versions(lock, PROGRAM_LOCK)
    lock_runtime.check_versions(RuntimeLock(KIND, (Pin("not-ours", "0.1", ("0" * 64,)),)), PROGRAM_LOCK)


def test_that_a_lock_holds_no_address(lock: RuntimeLock) -> None:
    text = lock_file(resources_folder(), lock.kind).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        (RuntimeKind.WINDOWS_CU130, "2.13.0+cu130"),
        (RuntimeKind.WINDOWS_CU126, "2.13.0+cu126"),
        (RuntimeKind.WINDOWS_CPU, "2.13.0"),
        (RuntimeKind.LINUX_CPU, "2.13.0+cpu"),
    ],
)
def test_that_each_lock_has_its_own_build_of_torch(kind: RuntimeKind, version: str) -> None:
    torch = next(pin for pin in read_lock(resources_folder(), kind).pins if pin.name == "torch")
    assert torch.version == version
    assert len(torch.sha256) == 1


def test_that_the_locks_differ_in_nothing_but_torch_and_the_system() -> None:
    locks = {kind: read_lock(resources_folder(), kind) for kind in RuntimeKind}
    others = {kind: {pin for pin in lock.pins if pin.name != "torch"} for kind, lock in locks.items()}
    assert others[RuntimeKind.WINDOWS_CU130] == others[RuntimeKind.WINDOWS_CU126] == others[RuntimeKind.WINDOWS_CPU]
    assert len({lock.short_digest for lock in locks.values()}) == len(RuntimeKind)


@pytest.mark.parametrize("kind", lock_runtime.GIVEN_TORCH)
def test_that_a_hash_of_a_file_that_was_never_fetched_is_marked(kind: RuntimeKind) -> None:
    text = lock_file(resources_folder(), kind).read_text(encoding="utf-8")
    assert "never fetched" in text
    assert lock_runtime.GIVEN_TORCH[kind].sha256 in text


def test_that_a_lock_is_written_as_it_is_read(lock: RuntimeLock) -> None:
    text = lock_runtime.written(lock)
    assert parse_lock(lock.kind, text) == lock
    assert text == lock_file(resources_folder(), lock.kind).read_text(encoding="utf-8")


def resources_with(lock: RuntimeLock, folder: Path) -> Path:
    path = lock_file(folder, lock.kind)
    path.parent.mkdir(parents=True)
    path.write_text(lock.requirements, encoding="utf-8")
    return folder


@pytest.mark.parametrize("offline", [True, False], ids=["from a folder", "fetched"])
def test_that_the_tool_makes_a_package_that_can_be_installed(
    tmp_path: Path, tools: BuildTools, parts: Parts, server: WheelServer, offline: bool
) -> None:
    server.add(*parts.everything)
    (tmp_path / "wheels").mkdir()
    if offline:
        for wheel in parts.everything:
            (tmp_path / "wheels" / wheel.filename).write_bytes(wheel.content)
    resources = resources_with(parts.new_lock, tmp_path / "resources")
    arguments = [KIND, "--wheels", str(tmp_path / "wheels"), "--output", str(tmp_path / "pack")]
    arguments += ["--resources", str(resources), "--packages", f"{server.url}/simple", "--torch", f"{server.url}/whl"]
    assert make_pack.main([*arguments, *(["--offline"] if offline else [])]) == 0
    (pack,) = (tmp_path / "pack").iterdir()
    runtimes = runtimes_in(tmp_path / "rt", tools, "http://127.0.0.1:9")
    import_pack(runtimes, pack, parts.new_lock, quiet())
    assert engine_version(runtimes.install(parts.new_lock, quiet(), works)) == "2.0"
    assert bool(server.asked) != offline


def test_that_the_tool_names_a_missing_wheel(tmp_path: Path, parts: Parts, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wheels").mkdir()
    changed = dataclasses.replace(parts.new[0], content=b"other")
    (tmp_path / "wheels" / changed.filename).write_bytes(changed.content)
    resources = resources_with(parts.new_lock, tmp_path / "resources")
    arguments = ["--wheels", str(tmp_path / "wheels"), "--output", str(tmp_path / "pack")]
    assert make_pack.main([KIND, *arguments, "--offline", "--resources", str(resources)]) == 1
    assert "engine" in capsys.readouterr().err
