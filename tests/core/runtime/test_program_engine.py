"""Which engine the installed program starts and wants, and where the settings let it be looked for."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.runtime.conftest import KIND, Parts, lock_of, quiet, works
from tests.fakes.hardware import load
from wan_desktop.core.engine_client import EngineAbsent, EngineClient
from wan_desktop.core.errors import EngineRuntimeError, RuntimeDamagedError, RuntimeListError
from wan_desktop.core.hardware import Gpu
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.runtime.choice import ChoiceReason
from wan_desktop.core.runtime.lock import RuntimeKind
from wan_desktop.core.runtime.program_engine import ProgramEngine, engine_client, installed_engine, sources_of
from wan_desktop.core.runtime.runtimes import Runtimes
from wan_desktop.core.runtime.wheel_index import WheelSources
from wan_desktop.core.settings import Settings


def gpu(driver: str = "999.1") -> Gpu:
    return replace(load("rtx-4070-12gb-32gb").gpus[0], driver_version=driver)


@pytest.fixture
def locks(tmp_path: Path, parts: Parts) -> Path:
    folder = tmp_path / "resources" / "runtimes"
    folder.mkdir(parents=True)
    for kind in RuntimeKind:
        wheels = parts.new if kind is RuntimeKind.WINDOWS_CU130 else parts.old
        (folder / f"{kind}.lock").write_text("\n".join(wheel.line for wheel in wheels), encoding="utf-8")
    return folder.parent


def engine_on(system: str, runtimes: Runtimes, locks: Path, tmp_path: Path) -> ProgramEngine:
    return ProgramEngine(runtimes, locks, tmp_path / "sources", works, system=system)


def test_that_an_engine_that_is_not_installed_is_a_state_and_no_crash(
    runtimes: Runtimes, locks: Path, tmp_path: Path
) -> None:
    engine = engine_on("linux", runtimes, locks, tmp_path)
    told: list[object] = []
    client = EngineClient(find_program=engine.program, on_change=lambda: told.append(client.state))
    with pytest.raises(EngineRuntimeError):
        client.start()
    assert isinstance(client.state, EngineAbsent)
    assert client.state.error.number == 6030
    assert told == [client.state]
    client.stop()


def test_that_what_is_installed_is_started_with_its_own_interpreter_and_sources(
    runtimes: Runtimes, locks: Path, tmp_path: Path, parts: Parts
) -> None:
    engine = engine_on("linux", runtimes, locks, tmp_path)
    engine.install(None, quiet())
    program = engine.program()
    current = runtimes.look(lock_of(parts.old)).current
    assert current is not None
    assert program.command == (str(current.python), "-m", "wan_desktop.engine")
    assert program.environment["PYTHONPATH"] == str(tmp_path / "sources")
    current.python.unlink()
    with pytest.raises(RuntimeDamagedError):
        engine.program()


@pytest.mark.parametrize(
    ("card", "kind"),
    [
        (gpu("610.10"), RuntimeKind.WINDOWS_CU130),
        (gpu("560.94"), RuntimeKind.WINDOWS_CU126),
        (gpu("400.1"), RuntimeKind.WINDOWS_CPU),
        (None, RuntimeKind.WINDOWS_CPU),
    ],
    ids=["newest", "older-driver", "oldest-driver", "no-card"],
)
def test_that_windows_gets_what_its_driver_can(
    runtimes: Runtimes, locks: Path, tmp_path: Path, card: Gpu | None, kind: RuntimeKind
) -> None:
    found = engine_on("windows", runtimes, locks, tmp_path).look(card)
    assert found.choice.kind is kind
    assert not found.is_usable
    assert not found.is_size_known
    assert found.room_bytes > found.download_bytes > 0
    assert found.free_bytes is not None


def test_that_a_card_that_is_not_seen_just_now_asks_for_no_other_engine(
    runtimes: Runtimes, locks: Path, tmp_path: Path
) -> None:
    engine = engine_on("linux", runtimes, locks, tmp_path)
    engine.install(None, quiet())
    mark = next(runtimes.folder.glob("*/runtime.json"))  # as if it had been installed for the card
    mark.write_text(mark.read_text().replace(str(KIND), "windows-cu130"), encoding="utf-8")
    windows = engine_on("windows", runtimes, locks, tmp_path)
    assert windows.look(None).choice.kind is RuntimeKind.WINDOWS_CU130
    assert windows.look(None).choice.reason is ChoiceReason.NO_CARD
    assert windows.look(gpu("560.94")).choice.kind is RuntimeKind.WINDOWS_CU126


def test_that_a_begun_installation_knows_its_size(
    runtimes: Runtimes, locks: Path, tmp_path: Path, parts: Parts
) -> None:
    engine = engine_on("linux", runtimes, locks, tmp_path)
    engine.install(None, quiet())
    found = engine.look(None)
    assert found.is_size_known
    assert found.here_bytes == found.download_bytes == sum(len(wheel.content) for wheel in parts.old)
    assert found.size_in_use_bytes > 0
    assert found.kind_in_use is KIND


def test_that_giving_up_removes_what_no_engine_was_made_from(
    runtimes: Runtimes, locks: Path, tmp_path: Path, parts: Parts
) -> None:
    engine = engine_on("linux", runtimes, locks, tmp_path)
    engine.install(None, quiet())
    kept = runtimes.wheelhouse.size_bytes()
    (runtimes.wheelhouse.folder / "parts").mkdir(exist_ok=True)
    (runtimes.wheelhouse.folder / "parts" / "torch.part").write_bytes(b"x" * 1000)
    engine.forget_fetched()
    assert runtimes.wheelhouse.size_bytes() == kept
    assert engine.look(None).here_bytes > 0


def test_that_a_lock_that_cannot_be_read_is_an_error_with_its_number(
    runtimes: Runtimes, locks: Path, tmp_path: Path
) -> None:
    (locks / "runtimes" / f"{KIND}.lock").write_text("torch>=2", encoding="utf-8")
    with pytest.raises(RuntimeListError):
        engine_on("linux", runtimes, locks, tmp_path).look(None)


def test_that_the_settings_name_the_indexes() -> None:
    assert sources_of(Settings()) == WheelSources()
    own = Settings(package_index="https://index.example/simple", torch_index="https://torch.example/whl")
    assert sources_of(own) == WheelSources("https://index.example/simple", "https://torch.example/whl")


def test_that_in_development_the_engine_is_this_programs_own(tmp_path: Path) -> None:
    paths = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path)})
    assert installed_engine(paths, Settings()) is None
    assert engine_client(paths, Settings()).process_id is None


def test_that_an_installed_program_without_an_engine_within_installs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setattr("sys.executable", str(tmp_path / "WanDesktop"))
    paths = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path / "home")})
    assert installed_engine(paths, Settings()) is None  # torch is found in this very program, and no tools lie there
    (tmp_path / "bin").mkdir()
    for name in ("uv", "uv.exe"):
        (tmp_path / "bin" / name).touch()
    engine = installed_engine(paths, Settings())
    assert engine is not None
    assert engine.folder == paths.data / "rt"
    found = engine.look(None)
    assert not found.is_usable
    assert found.version  # from the lock that comes with the program
    client = engine_client(paths, Settings())
    with pytest.raises(EngineRuntimeError):
        client.start()
