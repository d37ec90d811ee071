"""A runtime of small real wheels takes the old one's place only when it works, and can be gone back from."""

import dataclasses
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.core.runtime.conftest import Parts, engine_version, fails, lock_of, quiet, runtimes_in, works
from tests.fakes.wheel_server import WheelServer
from tests.fakes.wheels import build_wheel
from wan_desktop.core.errors import (
    ContentMismatchError,
    EngineError,
    EngineRuntimeError,
    JobCancelled,
    OfflineError,
    RuntimeBuildError,
    RuntimeBusyError,
    RuntimeDamagedError,
    RuntimeTestError,
    WheelMissingError,
)
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime, packages_of
from wan_desktop.core.runtime.runtime_records import RuntimeState
from wan_desktop.core.runtime.runtimes import RuntimeProgress, Runtimes


def names(runtimes: Runtimes) -> list[str]:
    """What lies in the folder besides the runtimes' own records and files."""
    known = {"current.json", "activity.json", "install.lock", "wheels"}
    return sorted(path.name for path in runtimes.folder.iterdir() if path.name not in known)


@pytest.fixture
def old(runtimes: Runtimes, parts: Parts) -> InstalledRuntime:
    """The old lock's runtime, in use."""
    return runtimes.install(parts.old_lock, quiet(), works)


def when(state: RuntimeState, act: Callable[[], None]) -> JobContext:
    """A context that acts when that state is reported."""

    def report(_: str, progress: RuntimeProgress) -> None:
        if progress.state is state:
            act()

    return JobContext("test", report)


# The first one -------------------------------------------------------------------------------------------------------


def test_that_the_first_installation_gives_a_runtime_that_works(runtimes: Runtimes, parts: Parts) -> None:
    assert runtimes.look(parts.new_lock).state is RuntimeState.ABSENT
    seen: list[RuntimeProgress] = []
    installed = runtimes.install(parts.new_lock, JobContext("test", lambda _, one: seen.append(one)), works)
    states = [progress.state for progress in seen]
    assert list(dict.fromkeys(states)) == [RuntimeState.FETCHING, RuntimeState.BUILDING, RuntimeState.TESTING]
    last = [one.transfer for one in seen if one.transfer][-1]
    assert last.done_bytes == last.total_bytes == sum(len(wheel.content) for wheel in parts.new)
    snapshot = runtimes.look(parts.new_lock)
    assert (snapshot.state, snapshot.current, snapshot.previous) == (RuntimeState.READY, installed, None)
    assert snapshot.is_wanted
    assert runtimes.current(parts.new_lock) == installed
    assert engine_version(installed) == "2.0"
    assert installed.name.startswith(parts.new_lock.short_digest)
    assert names(runtimes) == [installed.name]
    assert runtimes.check(quiet()) == []


def test_that_a_runtime_has_nothing_but_its_parts(runtimes: Runtimes, parts: Parts) -> None:
    installed = runtimes.install(parts.new_lock, quiet(), works)
    found = {path.name for path in packages_of(installed.folder).iterdir() if path.suffix == ".dist-info"}
    assert found == {"engine-2.0.dist-info", "helper-1.0.dist-info", "large-3.0+cpu.dist-info"}
    assert list(packages_of(installed.folder).rglob("*.pyc"))
    assert not (installed.folder / ".uv").exists()


def test_that_an_engine_is_started_with_its_own_sources_and_packages(old: InstalledRuntime, tmp_path: Path) -> None:
    assert old.engine_command() == (str(old.python), "-m", "wan_desktop.engine")
    environment = old.engine_environment(tmp_path)
    assert environment["PYTHONPATH"] == str(tmp_path)
    assert environment["PYTHONSAFEPATH"] == "1"


def test_that_without_a_runtime_one_is_told_to_install_it(runtimes: Runtimes, parts: Parts) -> None:
    with pytest.raises(EngineRuntimeError) as caught:
        runtimes.current(parts.new_lock)
    assert caught.value.number == 6030
    with pytest.raises(EngineRuntimeError):
        runtimes.check(quiet())


# Again, and another one ----------------------------------------------------------------------------------------------


def test_that_an_unchanged_lock_downloads_nothing(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer
) -> None:
    server.asked.clear()
    again = runtimes.install(parts.old_lock, quiet(), fails)
    assert again == old
    assert not server.asked


def test_that_another_lock_fetches_only_what_changed(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer
) -> None:
    server.sent_bytes.clear()
    new = runtimes.install(parts.new_lock, quiet(), works)
    assert server.sent_bytes == {parts.new[0].filename: len(parts.new[0].content), **large_bytes(parts)}
    snapshot = runtimes.look(parts.new_lock)
    assert (snapshot.current, snapshot.previous) == (new, old)
    assert (engine_version(new), engine_version(old)) == ("2.0", "1.0")


def large_bytes(parts: Parts) -> dict[str, int]:
    return {parts.new[2].filename: len(parts.new[2].content)}


def test_that_a_runtime_of_another_lock_stays_usable(runtimes: Runtimes, parts: Parts, old: InstalledRuntime) -> None:
    snapshot = runtimes.look(parts.new_lock)
    assert (snapshot.state, snapshot.current) == (RuntimeState.READY, old)
    assert not snapshot.is_wanted


def test_that_only_the_one_before_is_kept(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer, tmp_path: Path
) -> None:
    second = runtimes.install(parts.new_lock, quiet(), works)
    latest = build_wheel(tmp_path, "engine", "3.0", {"engine/__init__.py": b"VERSION = '3.0'\n"})
    server.add(latest)
    third = runtimes.install(lock_of([latest, parts.old[1]]), quiet(), works)
    assert names(runtimes) == sorted([second.name, third.name])
    assert not old.folder.exists()
    kept = {path.name for path in runtimes.wheelhouse.folder.glob("*.whl")}
    assert kept == {latest.filename, *(wheel.filename for wheel in parts.new)}


def test_that_wheels_can_be_dropped_and_the_runtime_stays(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer
) -> None:
    assert runtimes.wheelhouse.size_bytes() > 0
    runtimes.drop_wheels()
    assert runtimes.wheelhouse.size_bytes() == 0
    assert runtimes.current(parts.old_lock) == old
    server.sent_bytes.clear()
    runtimes.repair(parts.old_lock, quiet(), works)
    assert server.all_sent_bytes == sum(len(wheel.content) for wheel in parts.old)


# What fails leaves the old one ---------------------------------------------------------------------------------------


def test_that_a_failed_self_test_keeps_the_old_runtime(runtimes: Runtimes, parts: Parts, old: InstalledRuntime) -> None:
    with pytest.raises(RuntimeTestError) as caught:
        runtimes.install(parts.new_lock, quiet(), fails)
    assert isinstance(caught.value.__cause__, EngineError)
    assert "The card refuses." in caught.value.message
    assert caught.value.details == "CUDA error 999"
    assert names(runtimes) == [old.name]
    snapshot = runtimes.look(parts.new_lock)
    assert (snapshot.state, snapshot.current) == (RuntimeState.READY, old)
    assert snapshot.error is not None
    assert (snapshot.error.code, snapshot.error.message) == ("runtime-test-failed", caught.value.message)
    assert engine_version(old) == "1.0"


def test_that_a_first_one_that_fails_its_test_is_not_used(
    runtimes: Runtimes, parts: Parts, server: WheelServer
) -> None:
    with pytest.raises(RuntimeTestError):
        runtimes.install(parts.new_lock, quiet(), fails)
    assert runtimes.look(parts.new_lock).state is RuntimeState.FAILED
    with pytest.raises(RuntimeTestError):
        runtimes.current(parts.new_lock)
    assert runtimes.look(parts.old_lock).state is RuntimeState.ABSENT  # that of another lock did not fail
    server.asked.clear()
    installed = runtimes.install(parts.new_lock, quiet(), works)
    assert not server.asked
    assert runtimes.look(parts.new_lock) == dataclasses.replace(runtimes.look(parts.new_lock), error=None)
    assert runtimes.current(parts.new_lock) == installed


def test_that_a_bug_in_the_self_test_leaves_nothing_half_made(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime
) -> None:
    def broken(_runtime: InstalledRuntime, _context: JobContext) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        runtimes.install(parts.new_lock, quiet(), broken)
    assert names(runtimes) == [old.name]
    assert runtimes.current(parts.new_lock) == old


@pytest.mark.parametrize("state", [RuntimeState.FETCHING, RuntimeState.BUILDING, RuntimeState.TESTING])
def test_that_cancelling_at_any_stage_keeps_the_old_runtime_and_what_arrived(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer, state: RuntimeState
) -> None:
    context = when(state, lambda: context.cancel_asked.set())
    with pytest.raises(JobCancelled):
        runtimes.install(parts.new_lock, context, works)
    snapshot = runtimes.look(parts.new_lock)
    assert (snapshot.state, snapshot.current, snapshot.error) == (RuntimeState.READY, old, None)
    assert names(runtimes) == [old.name]
    assert not (runtimes.folder / "activity.json").exists()
    sent = server.all_sent_bytes
    assert engine_version(runtimes.install(parts.new_lock, quiet(), works)) == "2.0"
    if state is not RuntimeState.FETCHING:
        assert server.all_sent_bytes == sent


def test_that_a_part_that_cannot_be_installed_fails_the_installation(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer, tmp_path: Path
) -> None:
    broken = build_wheel(tmp_path, "engine", "4.0", {"engine/__init__.py": b""})
    cut = dataclasses.replace(broken, content=broken.content[: len(broken.content) // 2])
    server.add(cut)
    with pytest.raises(RuntimeBuildError) as caught:
        runtimes.install(lock_of([cut, parts.old[1]]), quiet(), works)
    assert "engine" in caught.value.details
    assert names(runtimes) == [old.name]
    assert engine_version(runtimes.current(parts.old_lock)) == "1.0"


@pytest.mark.parametrize("missing", ["uv", "python"])
def test_that_a_missing_tool_is_named_before_anything_is_fetched(
    tmp_path: Path, tools: BuildTools, server: WheelServer, parts: Parts, missing: str
) -> None:
    server.add(*parts.everything)
    absent = dataclasses.replace(tools, **{missing: tmp_path / "absent"})
    with pytest.raises(RuntimeBuildError) as caught:
        runtimes_in(tmp_path / "rt", absent, server.url).install(parts.old_lock, quiet(), works)
    assert "absent" in caught.value.message
    assert not server.asked


def test_that_a_tool_that_is_no_program_is_an_error(
    tmp_path: Path, tools: BuildTools, server: WheelServer, parts: Parts
) -> None:
    server.add(*parts.everything)
    (tmp_path / "uv").write_bytes(b"not a program")
    broken = dataclasses.replace(tools, uv=tmp_path / "uv")
    runtimes = runtimes_in(tmp_path / "rt", broken, server.url)
    with pytest.raises(RuntimeBuildError):
        runtimes.install(parts.old_lock, quiet(), works)
    assert runtimes.look(parts.old_lock).state is RuntimeState.FAILED


# The net -------------------------------------------------------------------------------------------------------------


def test_that_without_a_net_the_old_runtime_works_on(
    tmp_path: Path, tools: BuildTools, parts: Parts, runtimes: Runtimes, old: InstalledRuntime
) -> None:
    offline = runtimes_in(runtimes.folder, tools, "http://127.0.0.1:9")
    with pytest.raises(OfflineError):
        offline.install(parts.new_lock, quiet(), works)
    snapshot = offline.look(parts.new_lock)
    assert (snapshot.state, snapshot.current) == (RuntimeState.READY, old)
    assert snapshot.error is not None
    assert snapshot.error.code == OfflineError.code


def test_that_wrong_bytes_are_never_installed(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer
) -> None:
    server.wrong_bytes.add(parts.new[0].filename)
    with pytest.raises(ContentMismatchError):
        runtimes.install(parts.new_lock, quiet(), works)
    assert runtimes.current(parts.new_lock) == old
    server.wrong_bytes.clear()
    assert engine_version(runtimes.install(parts.new_lock, quiet(), works)) == "2.0"


def test_that_a_file_that_is_gone_from_the_server_is_named(
    runtimes: Runtimes, parts: Parts, server: WheelServer
) -> None:
    server.gone.add(parts.new[0].filename)
    with pytest.raises(WheelMissingError) as caught:
        runtimes.install(parts.new_lock, quiet(), works)
    assert parts.new[0].filename in caught.value.message
    assert "licence" not in caught.value.hint


# Damage and repair ---------------------------------------------------------------------------------------------------


def flip(path: Path, offset: int = -100) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def test_that_a_damaged_wheel_is_set_aside_and_fetched_again(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer
) -> None:
    damaged = parts.old[1]
    flip(runtimes.wheelhouse.folder / damaged.filename)
    server.sent_bytes.clear()
    aside: list[str] = []

    def look(runtime: InstalledRuntime, context: JobContext) -> None:
        works(runtime, context)
        aside.extend(path.name for path in (runtimes.wheelhouse.folder / "damaged").iterdir())

    new = runtimes.install(parts.new_lock, quiet(), look)
    assert aside == [damaged.filename]
    assert server.sent_bytes[damaged.filename] == len(damaged.content)
    assert engine_version(new) == "2.0"
    assert not (runtimes.wheelhouse.folder / "damaged").exists()


@pytest.mark.parametrize("field", ["sha256", "filename", "digest"])
def test_that_a_remembered_list_of_files_is_compared_with_the_lock(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer, field: str
) -> None:
    (file,) = runtimes.wheelhouse.folder.glob("*.json")
    text = file.read_text()
    wheel = parts.old[0]
    values = {"sha256": wheel.sha256, "filename": wheel.filename, "digest": parts.old_lock.digest}
    file.write_text(text.replace(values[field], {"filename": "other-1.0-py3-none-any.whl"}.get(field, "0" * 64)))
    assert file.read_text() != text
    server.asked.clear()
    assert engine_version(runtimes.repair(parts.old_lock, quiet(), works)) == "1.0"
    assert server.asked["/simple/engine/"] == 1
    assert file.read_text() == text


def remove_package(runtime: InstalledRuntime) -> None:
    shutil.rmtree(packages_of(runtime.folder) / "helper-1.0.dist-info")


def remove_python(runtime: InstalledRuntime) -> None:
    runtime.python.unlink()


def lose_base_python(runtime: InstalledRuntime) -> None:
    (runtime.folder / "pyvenv.cfg").write_text("home = /nowhere/at/all\n")


@pytest.mark.parametrize("damage", [remove_package, remove_python, lose_base_python])
def test_that_a_glance_sees_what_is_gone_and_a_repair_fetches_nothing(
    runtimes: Runtimes,
    parts: Parts,
    old: InstalledRuntime,
    server: WheelServer,
    damage: Callable[[InstalledRuntime], None],
) -> None:
    damage(old)
    snapshot = runtimes.look(parts.old_lock)
    assert snapshot.state is RuntimeState.DAMAGED
    with pytest.raises(RuntimeDamagedError):
        runtimes.current(parts.old_lock)
    server.asked.clear()
    repaired = runtimes.repair(parts.old_lock, quiet(), works)
    assert not server.asked
    assert runtimes.look(parts.old_lock).state is RuntimeState.READY
    assert names(runtimes) == [repaired.name]
    assert runtimes.look(parts.old_lock).previous is None


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_that_a_check_finds_every_changed_file_and_remembers_it(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, damage: str
) -> None:
    file = packages_of(old.folder) / "engine" / "__init__.py"
    acts: dict[str, Callable[[], object]] = {
        "changed": lambda: flip(file, 0),
        "cut": lambda: file.write_bytes(b""),
        "gone": file.unlink,
    }
    acts[damage]()
    assert runtimes.look(parts.old_lock).state is RuntimeState.READY
    problems = runtimes.check(quiet())
    assert len(problems) == 1
    assert problems[0].startswith("engine/__init__.py: ")
    assert runtimes.look(parts.old_lock).state is RuntimeState.DAMAGED
    runtimes.install(parts.old_lock, quiet(), works)
    assert runtimes.look(parts.old_lock).state is RuntimeState.READY
    assert runtimes.check(quiet()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1, "current": "../../etc"}', None])
def test_that_a_lost_selection_is_found_again(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer, content: bytes | None
) -> None:
    file = runtimes.folder / "current.json"
    file.unlink() if content is None else file.write_bytes(content)
    assert runtimes.look(parts.old_lock).current == old
    server.asked.clear()
    runtimes.recover()
    assert json.loads(file.read_bytes())["current"] == old.name
    assert runtimes.install(parts.old_lock, quiet(), fails) == old
    assert not server.asked


# Going back ----------------------------------------------------------------------------------------------------------


def test_that_one_can_go_back_and_the_refused_one_is_known(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime, server: WheelServer
) -> None:
    new = runtimes.install(parts.new_lock, quiet(), works)
    assert runtimes.roll_back() == old
    snapshot = runtimes.look(parts.new_lock)
    assert (snapshot.current, snapshot.previous) == (old, new)
    assert snapshot.was_refused
    assert not snapshot.is_wanted
    assert not runtimes.look(parts.old_lock).was_refused
    server.asked.clear()
    assert runtimes.install(parts.new_lock, quiet(), fails) == new  # asked for by hand: it is there already
    assert not server.asked
    after = runtimes.look(parts.new_lock)
    assert (after.current, after.previous, after.was_refused) == (new, old, False)


def test_that_one_cannot_go_back_to_nothing_or_to_what_is_damaged(
    runtimes: Runtimes, parts: Parts, old: InstalledRuntime
) -> None:
    with pytest.raises(EngineRuntimeError):
        runtimes.roll_back()
    new = runtimes.install(parts.new_lock, quiet(), works)
    remove_package(old)
    with pytest.raises(RuntimeDamagedError):
        runtimes.roll_back()
    assert runtimes.current(parts.new_lock) == new


# Two at once ---------------------------------------------------------------------------------------------------------


def test_that_a_second_one_is_told_that_the_first_is_at_work(
    tmp_path: Path, tools: BuildTools, runtimes: Runtimes, parts: Parts, server: WheelServer
) -> None:
    in_test, may_end = threading.Event(), threading.Event()

    def wait(runtime: InstalledRuntime, context: JobContext) -> None:
        in_test.set()
        assert may_end.wait(60)
        works(runtime, context)

    first = threading.Thread(target=runtimes.install, args=(parts.old_lock, quiet(), wait))
    first.start()
    assert in_test.wait(60)
    second = runtimes_in(runtimes.folder, tools, server.url)
    deeds: list[Callable[[], object]] = [
        lambda: second.install(parts.old_lock, quiet(), works),
        lambda: second.repair(parts.old_lock, quiet(), works),
        second.roll_back,
        second.drop_wheels,
    ]
    for deed in deeds:
        with pytest.raises(RuntimeBusyError):
            deed()
    second.recover()  # leaves it alone
    assert second.look(parts.old_lock).state is RuntimeState.TESTING
    may_end.set()
    first.join(60)
    assert second.look(parts.old_lock).state is RuntimeState.READY
    assert engine_version(second.current(parts.old_lock)) == "1.0"
